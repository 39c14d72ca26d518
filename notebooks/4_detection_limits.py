# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Detection limits, with the simulator
#
# **Simulated data.** How far do stockpile figures follow the truth, and do their intervals hold? One small mine
# is a demonstration; tables over many seeds come from `benchmarks/`.

# %%
import datetime as dt

import matplotlib.pyplot as plt
import numpy as np

from detection.stockpiles import measure_stockpiles
from imagery.simulate import SimulationParams, simulate_site

params = SimulationParams(
    size_px=96, since=dt.date(2019, 1, 1), until=dt.date(2021, 1, 1), months=(7, 8)
)
mine = simulate_site(params, seed=3)
found = measure_stockpiles(mine.cube(), mine.site)
areas = [area for area in found.areas if area.zone_id == "stockyard"]
assessed = [area for area in areas if area.area_ha.value is not None]
print(f"{len(areas)} looks, {len(assessed)} with a figure")

# %%
truth = np.array([mine.truth.pile_area_ha(area.datetime.date()) for area in assessed])
value = np.array([area.area_ha.value for area in assessed])
low = np.array([area.area_ha.low for area in assessed])
high = np.array([area.area_ha.high for area in assessed])

fig, ax = plt.subplots(figsize=(7, 3))
dates = [area.datetime for area in assessed]
ax.errorbar(dates, value, [value - low, high - value], fmt="o", ms=4, label="measured, 95 %")
ax.plot(dates, truth, "kx", label="simulated truth, all piles")
ax.set(ylabel="hectares", ylim=(0, None), title="Simulated: plan area of probable coal")
ax.legend()
fig.autofmt_xdate()
plt.show()

# %%
fig, ax = plt.subplots(figsize=(4, 4))
ax.errorbar(truth, value, [value - low, high - value], fmt="o")
top = 1.1 * max(truth.max(), high.max())
ax.plot([0, top], [0, top], "k-", lw=0.8)
ax.set(xlabel="simulated truth, ha", ylabel="measured, ha", xlim=(0, top), ylim=(0, top))
ax.set_title("Simulated: measured against true")
plt.show()

# %%
if assessed:
    inside = np.mean((low <= truth) & (truth <= high))
    print(f"bias {np.mean(value - truth):+.2f} ha, RMSE {np.sqrt(np.mean((value - truth) ** 2)):.2f} ha")
    print(f"{inside:.0%} of {len(truth)} intervals hold the truth (one seed; the looks share their background)")

# %% [markdown]
# What cannot be told from none is marked `below_floor`, and what was not seen has a reason instead of a figure.
