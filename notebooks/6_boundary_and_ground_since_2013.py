# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Boundary and ground, 2013 to today
#
# **Simulated camp**, its ground and its sky computed, so that every figure stands beside what is so. The claim that is
# tried is one about *after 2016*. Sentinel-2 begins to look often in 2017, so that its first years say nothing about
# before; Landsat 8 has looked since 2013. One instrument through the date keeps the change of instruments out of the
# answer. Its pixels have 30 m.
#
# ## Data
#
# Every look of Landsat 8 and 9 at the site, and the perimeter as it was traced at three times.

# %%
import datetime as dt

import matplotlib.pyplot as plt
import numpy as np

from detection import SiteCheck, measure_boundary_changes, measure_ground
from imagery import SimulationParams, simulate_site

plt.rcParams.update({"figure.dpi": 110, "axes.spines.top": False, "axes.spines.right": False})
BLUE, ORANGE, RED, GREY = "#0072B2", "#E69F00", "#D55E00", "#777777"
SINCE, UNTIL, SPLIT = dt.date(2013, 4, 1), dt.date(2025, 1, 1), dt.date(2016, 12, 31)
camp = simulate_site(SimulationParams(size_px=120, since=SINCE, until=UNTIL), seed=61)
cube = camp.landsat_cube()
years = cube["time"].dt.year.to_numpy()
looks = {year: int((years == year).sum()) for year in range(SINCE.year, UNTIL.year)}
for version in camp.site.boundaries:
    print(f"{version.boundary_id}: from {version.valid_from}, accuracy {version.accuracy_m:.1f} m")
fig, ax = plt.subplots(figsize=(7, 2.2), layout="constrained")
ax.bar(list(looks), list(looks.values()), color=BLUE)
ax.axvline(2016.5, color=GREY, lw=1, ls="--")
ax.set(ylabel="looks with clear ground", title="Simulated: what Landsat saw, year by year")
plt.show()

# %% [markdown]
# ## Ground
#
# The history of every pixel, read at 30 m by the engine that reads 10 m. What ground is expected to look like is
# learnt from the first year, so that 2013 has no account: nothing can be new in it. Every year is compared with
# one fixed boundary version; a new tracing moves nothing.

# %%
rows = measure_ground(cube, camp.site, sensor="landsat")
rate, *_ = rows.rates
fixed = rate.boundary_id
accounts = sorted((a for a in rows.footprints if a.boundary_id in (fixed, None)), key=lambda a: a.account_date)
accounts = list({a.account_date: a for a in accounts}.values())
told = [a for a in accounts if a.area_ha.value is not None]
for a in accounts:
    if a.area_ha.value is None:
        print(f"{a.account_date.year}: not assessable: {a.area_ha.reason}")
first = told[0].account_date
scars = camp.truth.world.land.burn_scars


def true_ha(day, side):
    """What the mine took since the first account."""
    return camp.truth.accounts(first, day, boundary_id=fixed)[side]["disturbed_opened"]


days = [a.account_date for a in told]
fig, axes = plt.subplots(1, 2, figsize=(7.4, 3), layout="constrained", sharey=True)
for ax, side, colour in ((axes[0], "inside", BLUE), (axes[1], "outside", RED)):
    found = [getattr(a, f"{side}_ha") for a in told]
    best = np.array([q.value for q in found])
    spread = np.array([[q.value - q.low for q in found], [q.high - q.value for q in found]])
    ax.errorbar(days, best, spread, fmt="o", color=colour, capsize=2, ms=4, label="Landsat, 95 %")
    ax.plot(days, [true_ha(day, side) for day in days], color="black", lw=1.2, label="true, of the mine")
    ax.axvline(SPLIT, color=GREY, lw=1, ls="--")
    ax.set(title=f"{side} of {fixed} (simulated)")
    ax.tick_params(axis="x", rotation=30)
axes[0].set(ylabel="disturbed since 2014, hectares", ylim=(0, None))
axes[0].legend(frameon=False, fontsize=8, loc="upper left")
plt.show()

# %% [markdown]
# ## Before and after 2016
#
# Hectares newly disturbed a year, outside the fixed version, on either side of the date.

# %%
for side, q in (("before", rate.before_ha_a_year), ("after", rate.after_ha_a_year), ("change", rate.change_ha_a_year)):
    print(f"{side}: " + (f"not assessable: {q.reason}" if q.value is None else f"{q.low:.2f} to {q.high:.2f} ha a year (best {q.value:.2f})"))
last = UNTIL - dt.timedelta(days=1)
spans = ((rate.since, SPLIT), (SPLIT, last))
truth = [camp.truth.accounts(a, b, boundary_id=fixed)["outside"]["disturbed_opened"] * 365.25 / (b - a).days for a, b in spans]
print(f"true of the mine: {truth[0]:.2f} and {truth[1]:.2f} ha a year; fires are {len(scars)} more events")
print(f"{rate.events_unsure} events of {rate.events_before + rate.events_after} may lie on either side")
print(SiteCheck().text)

# %% [markdown]
# ## Perimeters
#
# The traced lines are another matter, and another claim: what lies between two tracings, beyond what their errors
# explain.

# %%
fig, ax = plt.subplots(figsize=(7, 2), layout="constrained")
for row, change in enumerate(measure_boundary_changes(camp.site)):
    q = change.gained_ha
    ax.errorbar(q.value, row, xerr=[[q.value - q.low], [q.high - q.value]], fmt="o", color=ORANGE, capsize=3)
    ax.text(q.high, row, f"  {change.from_boundary_id} to {change.to_boundary_id}", va="center", fontsize=8)
    print(f"{change.from_boundary_id} to {change.to_boundary_id}: gained {q.low:.1f} to {q.high:.1f} ha, cause {change.cause}")
ax.set(xlabel="hectares gained beyond error, 95 % (simulated)", yticks=[], ylim=(-0.7, row + 0.7))
ax.margins(x=0.4)
plt.show()

# %% [markdown]
# ## What this cannot say
#
# A patch of less than a pixel or two, a track, a roof: they are below what 30 m tells. Coal piles below some hectare
# are; none is measured here. What was opened in the first year belongs to the state at start. The rates are of
# these looks: whether the later one goes beyond what such a place does in ordinary years is a declared question, and
# civilian mines beside it are the comparison. Disturbed ground is never a boundary.
