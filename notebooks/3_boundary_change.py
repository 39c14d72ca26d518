# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Boundary change, version by version
#
# **Simulated perimeters**, with the dates and traces of a simulated mine. Two traces of one unmoved fence
# differ too: what counts is what their errors do not explain.

# %%
import datetime as dt

import matplotlib.pyplot as plt

from detection.boundary_change import measure_boundary_changes
from imagery.simulate import SimulationParams, simulate_site

mine = simulate_site(SimulationParams(size_px=160, since=dt.date(2016, 1, 1), until=dt.date(2022, 1, 1)), seed=5)
for b in mine.site.boundaries:
    print(b.boundary_id, "from", b.valid_from, "accuracy", b.accuracy_m, "m")

# %%
fig, ax = plt.subplots(figsize=(5, 5), layout="constrained")
for i, b in enumerate(mine.site.boundaries):
    parts = getattr(b.geometry, "geoms", [b.geometry])
    for part in parts:
        ax.plot(*part.exterior.xy, color=f"C{i}", label=f"{b.boundary_id}, {b.valid_from}")
ax.legend(loc="upper left", bbox_to_anchor=(0, -0.15))
ax.set(xlabel="longitude", ylabel="latitude", title="Simulated boundary versions", aspect=1.3)
ax.ticklabel_format(useOffset=False)
ax.locator_params(axis="x", nbins=4)
plt.show()

# %%
changes = measure_boundary_changes(mine.site)
fig, ax = plt.subplots(figsize=(6, 2.5))
for row, change in enumerate(changes):
    q = change.gained_ha
    if q.value is None:
        print(change.from_boundary_id, "to", change.to_boundary_id, "not assessable:", q.reason)
        continue
    print(
        f"{change.from_boundary_id} to {change.to_boundary_id}: gained {q.value:.2f} ha "
        f"[{q.low:.2f} to {q.high:.2f}], as drawn {change.overlay_gained_ha:.2f} ha, cause {change.cause}"
    )
    ax.errorbar(q.value, row, xerr=[[q.value - q.low], [q.high - q.value]], fmt="o", color="C0")
    ax.plot(change.overlay_gained_ha, row, "k|", ms=12)
ax.set_yticks(range(len(changes)), [f"{c.from_boundary_id}\nto {c.to_boundary_id}" for c in changes])
ax.set(xlabel="hectares gained", title="o beyond error, | plain overlay (simulated)")
plt.tight_layout()
plt.show()

# %% [markdown]
# The cause stays `undetermined` until a reviewer who names an image says that ground moved, and not the eye
# of the person who traced, nor the image under the trace.
