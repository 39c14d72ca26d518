# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # First look at a site
#
# **Simulated data.** The mine, its imagery and its truth are computed, so that what is measured can be held
# against what is so. With a workspace of your own, `load_cube` gives the same kind of cube.

# %%
import datetime as dt

import matplotlib.pyplot as plt
import numpy as np

from detection.footprint import measure_footprints
from imagery.simulate import SimulationParams, simulate_site

params = SimulationParams(
    size_px=96, since=dt.date(2019, 1, 1), until=dt.date(2021, 1, 1), months=(6, 7, 8)
)
mine = simulate_site(params, seed=3)
cube = mine.cube()

# %% [markdown]
# ## What was seen
#
# Every look has a status. A figure without its coverage is no figure.

# %%
seen = cube["valid"].mean(("y", "x")).to_numpy()
fig, ax = plt.subplots(figsize=(7, 2.2))
ax.stem(cube["time"].to_numpy(), seen, basefmt=" ")
ax.set(ylabel="share seen clearly", ylim=(0, 1.05), title="Simulated: every look of two summers")
fig.autofmt_xdate()
plt.show()

# %% [markdown]
# ## The ground
#
# The clearest look of each year. White is a reflectance of 0.25.

# %%
years = cube["time"].dt.year.to_numpy()
fig, axes = plt.subplots(1, 2, figsize=(7, 3.6))
for ax, year in zip(axes, (2019, 2020), strict=True):
    steps = np.flatnonzero(years == year)
    look = cube.isel(time=int(steps[np.argmax(seen[steps])]))
    colours = np.stack([look[band].to_numpy() for band in ("red", "green", "blue")], axis=-1)
    ax.imshow(np.clip(np.nan_to_num(colours) / 0.25, 0, 1))
    ax.set(title=f"simulated, {str(look['time'].values)[:10]}", xticks=[], yticks=[])
plt.show()

# %% [markdown]
# ## Disturbed ground by year, with intervals, beside the truth

# %%
footprints = measure_footprints(cube, mine.site)
fig, ax = plt.subplots(figsize=(5, 3))
for f in footprints:
    truth = mine.truth.footprint_area_ha(dt.date(f.epoch_start.year, 8, 1))
    q = f.area_ha
    if q.value is None:
        print(f.epoch_start.year, "not assessable:", q.reason)
        continue
    ax.errorbar(f.epoch_start.year, q.value, [[q.value - q.low], [q.high - q.value]], fmt="o", color="C0")
    ax.plot(f.epoch_start.year, truth, "kx")
    print(f"{f.epoch_start.year}: {q.value:.1f} ha [{q.low:.1f} to {q.high:.1f}]; simulated mine {truth:.1f} ha")
ax.set_xticks([2019, 2020], ["2019", "2020"])
ax.set(xlim=(2018.5, 2020.5), ylabel="hectares", title="o measured, x bare ground of the mine (simulated)")
plt.show()

# %% [markdown]
# The measurement counts all ground without green vegetation: roads, villages and the river's banks too, which
# the truth of the mine leaves out. The difference of two years is where the mine shows.
