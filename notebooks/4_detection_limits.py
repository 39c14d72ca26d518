# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Detection limits, with the simulator
#
# **Simulated data**: the mine of `campwatch demo`, second season. How far do stockpile figures follow the truth,
# do their intervals hold, and from which size on is a pile told from none? One mine is a demonstration; tables over
# many seeds come from `benchmarks/stockpiles`.
#
# ## Data

# %%
import re
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np

from campwatch import simulated_mine
from detection import SiteCheck, StockpileParams, measure_stockpiles

plt.rcParams.update({"figure.dpi": 110, "axes.spines.top": False, "axes.spines.right": False})
mine = simulated_mine()
cube = mine.cube()
cube = cube.isel(time=np.flatnonzero(cube["time"].dt.year.to_numpy() == 2019))
print(f"{cube.sizes['time']} looks, {str(cube['time'].values[0])[:10]} to {str(cube['time'].values[-1])[:10]}")

# %% [markdown]
# ## Method
#
# Each pixel of a stockyard is unmixed into coal and the ground that is usual there in that season; piles are what
# stays dark and dry over many looks, and the area of a date is the sum of fractions over their supports. A look that
# saw too little of the zone has a reason instead of a figure.

# %%
found = measure_stockpiles(cube, mine.site, params=StockpileParams(find_piles=False))
areas = [area for area in found.areas if area.zone_id == "stockyard"]
assessed = [area for area in areas if area.area_ha.value is not None]
floor = np.array([area.below_floor for area in assessed])
truth = np.array([mine.truth.pile_area_ha(area.datetime.date()) for area in assessed])
value, low, high = (np.array([getattr(area.area_ha, name) for area in assessed]) for name in ("value", "low", "high"))
print(f"{len(areas)} looks, {len(assessed)} with a figure, {floor.sum()} of them below the floor")
reasons = Counter(re.sub(r"\d+", "…", area.area_ha.reason) for area in areas if area.area_ha.value is None)
for reason, n in reasons.most_common():
    print(f"  {n} without a figure: {reason}")

# %%
fig, ax = plt.subplots(figsize=(7, 3), layout="constrained")
dates = np.array([area.datetime.replace(tzinfo=None) for area in assessed])
ax.errorbar(dates, value, [value - low, high - value], fmt="o", ms=4, color="#0072B2", elinewidth=0.8, label="measured, 95 % interval")
ax.plot(dates[floor], value[floor], "o", mfc="white", mec="#0072B2", label="below the floor")
ax.plot(dates, truth, "k_", ms=9, mew=1.6, label="simulated truth")
missed = np.array([a.datetime.replace(tzinfo=None) for a in areas if a.area_ha.value is None])
ax.plot(missed, np.zeros(missed.size), "|", color="0.5", ms=9, label="look without a figure")
ax.set(ylabel="plan area of probable coal, ha", ylim=(-0.03, None), title="Simulated")
ax.legend(frameon=False, ncols=2, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.12))
plt.show()

# %% [markdown]
# ## How well

# %%
inside = (low <= truth) & (truth <= high)
error = value - truth
print(f"bias {error.mean():+.2f} ha, RMSE {np.sqrt((error**2).mean()):.2f} ha")
print(f"{inside.sum()} of {inside.size} intervals hold the truth (one seed; the looks share their background)")
fig, ax = plt.subplots(figsize=(4, 4), layout="constrained")
for mask, colour, label in ((inside, "#0072B2", "interval holds the truth"), (~inside, "#D55E00", "it does not")):
    if mask.any():
        ax.errorbar(truth[mask], value[mask], [(value - low)[mask], (high - value)[mask]], fmt="o", ms=4, color=colour, elinewidth=0.8, label=label)
top = 1.1 * max(truth.max(), high.max())
ax.plot([0, top], [0, top], "k-", lw=0.8)
ax.axhspan(0, found.params.floor_ha, color="0.9", zorder=0, label=f"floor, {found.params.floor_ha:g} ha")
ax.set(xlabel="simulated truth, ha", ylabel="measured, ha", xlim=(0, top), ylim=(0, top), title="Measured against true (simulated)")
ax.legend(frameon=False, fontsize=8, loc="upper left")
plt.show()

# %% [markdown]
# ## The smallest pile
#
# A pile is told from none where the lower end of its interval is above zero. With the width of these intervals,
# that is from this size on:

# %%
half = (high - low) / 2
print(f"half width of the intervals: {np.quantile(half, 0.1):.2f} to {np.quantile(half, 0.9):.2f} ha (10th to 90th percentile)")
print(SiteCheck().text)
print(f"half of the looks tell a yard with {np.median(half):.2f} ha of coal from an empty one, nine in ten one with {np.quantile(half, 0.9):.2f} ha")

# %% [markdown]
# What cannot be told from none is marked `below_floor`, and what was not seen has a reason instead of a figure.
# The simulator knows no coal dust on roads beyond its own, no snow on piles that thaws from one side, and no
# tarpaulins: the intervals are as good as the simulator, **not validated at this site**, until a site has
# references of its own (`campwatch review references SITE`).
