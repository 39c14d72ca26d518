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
#
# ## The question, declared first
#
# A question is a file, `questions/ID.toml`. Its SHA-256 goes into the custody chain of the subject before
# anything is computed, together with the comparison places: civilian mines that the event did not concern in the
# same way, and a place without coal. A question whose wording changes afterwards is refused.

# %%
import datetime as dt
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from campwatch.questions import answer, comparison_lines, declare_comparison, read_question
from evidence import Ledger, Quantity, Row

plt.rcParams.update({"figure.dpi": 110, "axes.spines.top": False, "axes.spines.right": False})
QUESTION = """\
question = "Did the piles of the camp's yard grow after China's ban on coal of August 2017?"
subject = { site = "camp", zone = "yard" }
comparisons = [
  { site = "mine-1", zone = "yard" }, { site = "mine-2", zone = "yard" }, { site = "mine-3", zone = "yard" },
  { site = "mine-4", zone = "yard" }, { site = "mine-5", zone = "yard" },
]
coal_free = [{ site = "textile-works", zone = "yard" }]
event = 2017-08-15
placebos = [2016-06-01, 2016-08-15, 2016-10-01]
why_comparable = "civilian mines of one region, railway and climate (simulated)"
"""
folder = Path(tempfile.mkdtemp())
path = folder / "ban-2017.toml"
path.write_text(QUESTION, encoding="utf-8")
print(QUESTION)

# %% [markdown]
# ## Series
#
# Sentinel-2B doubled the number of looks at the end of 2017, four months into the "after". A comparison that
# counted looks would see more of everything from then on.

# %%
EVENT = dt.date(2017, 8, 15)
rng = np.random.default_rng(2017)


def rows(site, level, jump=0.0, wandering=0.15, season=0.4):
    """Ledger rows of one place: a look every 10 days until December 2017, then every 5."""
    date, drift = dt.date(2015, 8, 1), rng.normal(0, wandering)
    while date < dt.date(2018, 8, 15):
        wave = season * np.sin(2 * np.pi * date.timetuple().tm_yday / 365.25)
        area = level + wave + (jump + drift) * (date >= EVENT) + rng.normal(0, 0.25)
        time = f"{date}T02:36:00Z"
        data = {"zone_id": "yard", "datetime": time, "area_ha": Quantity.measured(float(area), sd_random=0.25).to_dict()}
        yield Row(layer="stockpile_areas", site_id=site, subject="yard", time=time, method="simulated/1",
                  params_hash="", inputs_hash=time, data=data)
        date += dt.timedelta(days=10 if date < dt.date(2017, 12, 1) else 5)


places = {"camp": list(rows("camp", 2.5, jump=1.5))}
places |= {f"mine-{i}": list(rows(f"mine-{i}", 0.5 + i)) for i in range(1, 6)}
places["textile-works"] = list(rows("textile-works", 0.0, wandering=0.0, season=0.0))


def series(site):
    """Dates and areas of a place."""
    told = [(dt.date.fromisoformat(r.time[:10]), r.data["area_ha"]["value"]) for r in places[site]]
    return zip(*told, strict=True)


fig, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
for i in range(1, 6):
    ax.plot(*series(f"mine-{i}"), color="0.72", lw=0.8, label="comparison mines" if i == 1 else None)
ax.plot(*series("textile-works"), color="#009E73", lw=0.8, label="coal-free place")
ax.plot(*series("camp"), ".", color="#D55E00", ms=4, label="subject")
ax.axvline(EVENT, color="k", lw=0.8)
ax.text(EVENT, ax.get_ylim()[1], " 2017-08-15", va="top", fontsize=8)
ax.set(ylabel="plan area of probable coal, ha", title="Simulated series")
ax.legend(frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.12))
plt.show()

# %% [markdown]
# ## Difference in differences
#
# Looks before and after are paired one for one within 20 days of the season, nearest first, each used once, so
# the doubled cadence adds nothing to the later side. The change of a place is the mean of its paired differences;
# the effect is the subject's change less the mean change of the comparison places. Its interval is the prediction
# interval of one more place among them (Student's t), because these few places are all that says how far changes
# differ where nothing happened. Fewer than five pairs or three places are *not assessable*.

# %%
with Ledger(folder / "ledger.sqlite", create=True) as ledger:
    for site, held in places.items():
        ledger.append(held, chain=site, run_id="simulated", time="2026-01-01T00:00:00Z", actor="notebook", action="measure")
    entry = declare_comparison(ledger, path, actor="notebook", clock=lambda: dt.datetime.now(dt.UTC))
    print("declared:", entry.data["sha256"][:16], "with", ", ".join(entry.data["comparisons"]), "\n")
    result = answer(ledger, path)
for line in comparison_lines(result, question=read_question(path)):
    print(line)

# %% [markdown]
# ## Does the method find effects where there are none?
#
# Three tests: dates when nothing happened (their windows end before the event); each comparison mine in the
# subject's stead, against the other mines; and the coal-free place, whose own change must be none.

# %%
lines = [("2017-08-15", result.effect.effect_ha, "#D55E00")]
lines += [(f"placebo {p.event}", p.effect_ha, "#0072B2") for p in result.placebos]
lines += [(f"{p.subject.place.split('/')[0]} instead", p.effect_ha, "0.45") for p in result.instead]
lines += [(f"{c.place.split('/')[0]} (no coal)", c.quantity(), "#009E73") for c in result.coal_free]
fig, ax = plt.subplots(figsize=(6.2, 3.4), layout="constrained")
for row, (_, q, colour) in enumerate(lines):
    if q.value is None:
        ax.text(0.05, row, "not assessable", va="center", fontsize=8, color="0.4")
        continue
    ax.errorbar(q.value, row, xerr=[[q.value - q.low], [q.high - q.value]], fmt="o", color=colour, capsize=3)
ax.axvline(0, color="k", lw=0.8)
ax.axvline(1.5, color="#D55E00", lw=0.8, ls=":")
ax.text(1.53, len(lines) - 1, "simulated: 1.5 ha", color="#D55E00", fontsize=8, va="center")
ax.set_yticks(range(len(lines)), [name for name, *_ in lines])
ax.invert_yaxis()
ax.set(xlabel="change, hectares", title="Effect, placebo dates, placebo places (simulated)")
plt.show()

# %% [markdown]
# ## What this cannot say
#
# Causes. Blocked exports make piles grow as well as production does, and a comparison mine that sells at home
# may answer to the same ban in its own way. Area is not tonnage: a pile that is heaped higher grows unseen.
