# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Stockpiles before and after August 2017, with comparison sites
#
# **Simulated series**, not imagery: areas with a season, a wandering of each place, and noise of the size that
# stockpile figures have. One place gains 1.5 ha on 2017-08-15, the day of the ban in the declared question.
# In a workspace the series come from the ledger, and the question from `questions/ID.toml`, declared first.
#
# Blocked exports make piles grow as well as production does: the effect names no cause.

# %%
import datetime as dt

import matplotlib.pyplot as plt
import numpy as np

from detection.comparison import Observation, compare
from evidence.quantity import Quantity

EVENT = dt.date(2017, 8, 15)
PLACEBOS = (dt.date(2016, 6, 1), dt.date(2016, 8, 15), dt.date(2016, 10, 1))
rng = np.random.default_rng(2017)


def place(level, jump=0.0):
    """Looks every 10 days until December 2017, then every 5: cadence doubled just after the ban."""
    looks, date, drift = [], dt.date(2015, 8, 1), rng.normal(0, 0.15)
    while date < dt.date(2018, 8, 15):
        season = 0.4 * np.sin(2 * np.pi * date.timetuple().tm_yday / 365.25)
        area = level + season + (jump + drift) * (date >= EVENT) + rng.normal(0, 0.25)
        looks.append(Observation(date=date, area_ha=Quantity.measured(float(area), sd_random=0.25)))
        date += dt.timedelta(days=10 if date < dt.date(2017, 12, 1) else 5)
    return looks


camp = place(2.5, jump=1.5)
others = {f"civilian mine {i + 1} (simulated)": place(1.5 + i) for i in range(5)}

# %%
fig, ax = plt.subplots(figsize=(7, 3.2))
for name, looks in others.items():
    ax.plot([o.date for o in looks], [o.area_ha.value for o in looks], color="0.75", lw=0.8)
ax.plot([o.date for o in camp], [o.area_ha.value for o in camp], ".", color="C3", ms=4)
ax.axvline(EVENT, color="k", lw=0.8)
ax.set(ylabel="plan area of probable coal, ha", title="Simulated: the subject (red) and comparison places")
fig.autofmt_xdate()
plt.show()

# %% [markdown]
# ## Difference in differences
#
# Looks before and after are paired one for one within 20 days of the season, so the doubled cadence adds
# nothing to the later side.

# %%
result = compare(camp, others, event=EVENT, placebos=PLACEBOS)
effect = result.effect.effect_ha
print(f"pairs of looks: {result.effect.subject.pairs}")
print(f"effect {effect.value:+.2f} ha [{effect.low:+.2f} to {effect.high:+.2f}]; simulated: +1.50")

fig, ax = plt.subplots(figsize=(6, 2.6))
for row, one in enumerate((result.effect, *result.placebos)):
    q = one.effect_ha
    if q.value is not None:
        ax.errorbar(q.value, row, xerr=[[q.value - q.low], [q.high - q.value]], fmt="o", color="C3" if row == 0 else "C0")
ax.axvline(0, color="k", lw=0.8)
ax.set_yticks(range(4), ["2017-08-15", *(f"placebo {date}" for date in PLACEBOS)])
ax.set(xlabel="hectares", title="Effect and placebo dates (simulated)")
plt.tight_layout()
plt.show()
print(f"placebo dates that raise an alarm: {result.false_alarms} of {len(PLACEBOS)}")
