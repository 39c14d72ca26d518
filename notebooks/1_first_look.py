# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # First look at a site
#
# **Simulated data.** The site is the mine of `campwatch demo`, which does not exist: its ground, its sky and its
# imagery are computed, so that what is measured can be held against what is so. In a workspace of your own the
# cells read the same: name its folder in `CAMPWATCH_WORKSPACE`, and its site below.
#
# ## Data
#
# Two seasons (May to October) of looks in six bands, 1.2 by 1.2 km at 10 m, with clouds, shadows, haze and the
# shifts that real looks have.

# %%
import datetime as dt
import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import campwatch
from detection import SiteCheck

plt.rcParams.update({"figure.dpi": 110, "axes.spines.top": False, "axes.spines.right": False})
own = os.environ.get("CAMPWATCH_WORKSPACE")
watch = campwatch.open_workspace(own) if own else campwatch.simulated_workspace(Path(tempfile.mkdtemp()) / "watch")
mine = campwatch.simulated_mine()  # what is true of it; of your own site nobody knows
SITE = mine.site.id
cube = watch.cube(SITE)
dates = cube["time"].to_numpy()
seen = cube["valid"].mean(("y", "x")).to_numpy()
print(f"{dates.size} looks, {str(dates[0])[:10]} to {str(dates[-1])[:10]}, bands {', '.join(band for band in ('blue', 'green', 'red', 'nir', 'swir16', 'swir22') if band in cube)}")

# %% [markdown]
# ## What was seen
#
# Every look has a row, seen or not: a figure without its coverage is no figure, and a look that saw nothing is
# not a look that found nothing.

# %%
fig, ax = plt.subplots(figsize=(7, 2.6), layout="constrained")
ax.vlines(dates, 0, seen, color="#0072B2", lw=1.6)
ax.plot(dates[seen < 0.1], np.zeros((seen < 0.1).sum()), "o", mfc="white", mec="#D55E00", label="saw under a tenth of the site")
ax.set(ylabel="share of the site seen clearly", ylim=(-0.03, 1.05), title="Simulated: every look of two seasons")
if (seen < 0.1).any():
    ax.legend(loc="upper center", frameon=False, bbox_to_anchor=(0.5, -0.14))
plt.show()
print(f"{(seen >= 0.8).sum()} of {seen.size} looks saw four fifths of the site or more")

# %% [markdown]
# ## The ground
#
# The clearest look of each August, in one stretch: white is a reflectance of 0.25 in both, so that brightness
# can be compared.

# %%
years = np.unique(cube["time"].dt.year.to_numpy())
month = cube["time"].dt.month.to_numpy()
fig, axes = plt.subplots(1, 2, figsize=(7, 3.7), layout="constrained")
for ax, year in zip(axes, years, strict=True):
    steps = np.flatnonzero((cube["time"].dt.year.to_numpy() == year) & (month == 8))
    look = cube.isel(time=int(steps[np.argmax(seen[steps])]))
    colours = np.stack([look[band].to_numpy() for band in ("red", "green", "blue")], axis=-1)
    ax.imshow(np.clip(np.nan_to_num(colours, nan=0.25) / 0.25, 0, 1) ** 0.7)
    ax.plot([5, 25], [114, 114], color="white", lw=3, solid_capstyle="butt")
    ax.text(15, 111, "200 m", color="white", ha="center", va="bottom", fontsize=8)
    ax.set(title=f"simulated, {str(look['time'].values)[:10]}", xticks=[], yticks=[])
plt.show()

# %% [markdown]
# ## Disturbed ground by year
#
# Ground that stays without green vegetation for a whole season, within the first boundary, or newly since the
# first season. The interval is meant to hold the truth in 95 of 100 cases; it is from simulation, and at a site
# without references of its own it is **not validated at this site**.

# %%
footprints = watch.table("footprints").query("site_id == @SITE")
fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
for f in footprints.itertuples():
    year = int(str(f.account_date)[:4])
    if pd.isna(f.area_ha):
        print(year, "not assessable:", f.reason)
        continue
    truth = mine.truth.footprint_area_ha(dt.date(year, 8, 1)) - mine.truth.footprint_area_ha(mine.params.since)
    ax.errorbar(year, f.area_ha, [[f.area_ha - f.area_ha_low], [f.area_ha_high - f.area_ha]], fmt="o", color="#0072B2", capsize=3, label="measured, 95 % interval")
    ax.plot(year + 0.08, truth, "x", color="black", ms=7, label="simulated truth, 1 August")
    print(f"{year}: {f.area_ha_low:.1f} to {f.area_ha_high:.1f} ha (best {f.area_ha:.1f}); simulated truth {truth:.1f} ha")
ax.set_xticks(years, [str(year) for year in years])
print(SiteCheck().text)
handles, labels = ax.get_legend_handles_labels()
once = dict(zip(labels, handles, strict=True))
ax.legend(once.values(), once.keys(), frameon=False, loc="upper left")
ax.set(xlim=(years[0] - 0.5, years[-1] + 0.5), ylim=(0, None), ylabel="disturbed ground, ha", title="Simulated")
plt.show()

# %% [markdown]
# ## What this cannot say
#
# Who laid the ground bare, why, or on which day; what lies under trees or roofs; anything smaller than about a
# tenth of a hectare. Fields that lie fallow for a year look alike and are told apart by the following season only.
