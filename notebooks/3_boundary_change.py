# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Boundary change, version by version
#
# **Simulated perimeters**, with the dates and traces of a simulated mine from 2016 on. Two traces of one unmoved
# fence differ too: hands differ, and so do the shifts of the images that they traced on. What counts is what
# these errors do not explain.
#
# ## Data
#
# Each version says from when it holds, on which image it was traced and how far the trace may err.

# %%
import datetime as dt

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import FormatStrFormatter

from detection import SiteCheck, measure_boundary_changes
from imagery import SimulationParams, simulate_site

plt.rcParams.update({"figure.dpi": 110, "axes.spines.top": False, "axes.spines.right": False})
COLOURS = ("#0072B2", "#E69F00", "#D55E00", "#009E73")
mine = simulate_site(SimulationParams(size_px=160, since=dt.date(2016, 1, 1), until=dt.date(2022, 1, 1)), seed=5)
for b in mine.site.boundaries:
    print(f"{b.boundary_id}: from {b.valid_from}, {b.extent.value}, accuracy {b.accuracy_m:.1f} m ({b.accuracy_kind or 'kind not stated'})")

# %%
fig, ax = plt.subplots(figsize=(5.4, 5), layout="constrained")
for i, b in enumerate(mine.site.boundaries):
    for k, part in enumerate(getattr(b.geometry, "geoms", [b.geometry])):
        ax.plot(*part.exterior.xy, color=COLOURS[i % 4], lw=2.4 - 0.6 * i, label=None if k else f"{b.boundary_id}, from {b.valid_from}")
latitude = mine.site.aoi.centroid.y
ax.set(xlabel="longitude, ° E", ylabel="latitude, ° N", title="Simulated boundary versions", aspect=1 / np.cos(np.radians(latitude)))
for axis in (ax.xaxis, ax.yaxis):
    axis.set_major_formatter(FormatStrFormatter("%.3f"))
ax.locator_params(nbins=4)
ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, -0.12))
plt.show()

# %% [markdown]
# ## Method
#
# The two lines are compared along their normals. A shift that is common to the whole trace is estimated and taken
# out (it is the image's, not the fence's); what is left is a change where it exceeds what both traces' errors
# explain. Areas are hectares on the ellipsoid, their intervals come from the same errors.

# %%
changes = measure_boundary_changes(mine.site)
fig, axes = plt.subplots(1, 2, figsize=(7, 2.6), layout="constrained", sharey=True)
for row, change in enumerate(changes):
    print(f"{change.from_boundary_id} to {change.to_boundary_id}, cause {change.cause}:")
    for ax, name, q, drawn in (
        (axes[0], "gained", change.gained_ha, change.overlay_gained_ha),
        (axes[1], "lost", change.lost_ha, change.overlay_lost_ha),
    ):
        if q.value is None:
            print(f"  {name} not assessable: {q.reason}")
            continue
        print(f"  {name} {q.low:.2f} to {q.high:.2f} ha (best {q.value:.2f}); plain overlay {drawn:.2f} ha")
        ax.errorbar(q.value, row, xerr=[[q.value - q.low], [q.high - q.value]], fmt="o", color="#0072B2", capsize=3, label=None if row else "beyond error, 95 %")
        ax.plot(drawn, row, "k|", ms=14, label=None if row else "plain overlay")
print(SiteCheck().text)
axes[0].set_yticks(range(len(changes)), [f"{c.from_boundary_id}\nto {c.to_boundary_id}" for c in changes])
axes[0].set_ylim(len(changes) - 0.5, -0.5)
for ax, name in zip(axes, ("gained", "lost"), strict=True):
    ax.set(xlabel=f"hectares {name}", title=f"{name} (simulated)")
axes[0].legend(frameon=False, fontsize=8)
plt.show()

# %% [markdown]
# A plain overlay calls every sliver between two traces a change, gained here and lost there.
#
# ## What this cannot say
#
# The cause stays `undetermined` until a reviewer who names an image says that ground moved, and not the eye of the
# person who traced, nor the image under the trace. Whether the line is the true limit of control cannot be seen.
