# ---
# jupyter:
#   jupytext:
#     text_representation: {extension: .py, format_name: percent}
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

# %% [markdown]
# # Validation of a site
#
# **Simulated data.** A map of change with known errors, a stratified random sample, two readers who err in 3 %
# of the points and a third who decides. What do the map's pixels say, what does the sample say, what is true?
# In a workspace `campwatch review sample SITE` does the same with people and finer images.
#
# ## Data
#
# 25 km² at 10 m. The truth is 3 % of the ground, in patches; the map misses some of them, draws the others a
# pixel too wide, and has patches where there is nothing.

# %%
import matplotlib.pyplot as plt
import numpy as np
from odc.geo.geobox import GeoBox
from scipy.ndimage import binary_dilation, gaussian_filter
from shapely import box

from aoi import to_degrees
from detection import SiteCheck
from detection.sampling import (
    STABLE,
    ReaderError,
    allocate,
    change_strata,
    draw_sample,
    estimate_accuracy,
    resolve_labels,
    tally,
)
from evidence import ReferenceKind

plt.rcParams.update({"figure.dpi": 110, "axes.spines.top": False, "axes.spines.right": False})
rng = np.random.default_rng(14)
grid = GeoBox.from_bbox((600000, 4380000, 605000, 4385000), crs="EPSG:32652", resolution=10)
field = gaussian_filter(rng.standard_normal((500, 500)), 9)
truth = field > np.quantile(field, 0.97)
missed = gaussian_filter(rng.standard_normal((500, 500)), 20) > 0.02
false = gaussian_filter(rng.standard_normal((500, 500)), 9)
mapped = binary_dilation(truth & ~missed) | (false > np.quantile(false, 0.985))

# %% [markdown]
# ## Strata: change, a buffer of 60 m, the rest
#
# Counting the map's pixels repeats the map's errors. A random sample does not, whatever the map is like; the map
# only makes it more precise. Omissions lie near mapped change more often than elsewhere, so the buffer is a
# stratum of its own: one omission found in the huge rest would stand for hundreds of hectares (Olofsson et al.
# 2020).

# %%
import rasterio.features
from shapely import unary_union
from shapely.geometry import shape

outline = unary_union(
    [shape(s) for s, v in rasterio.features.shapes(mapped.astype("uint8"), transform=grid.affine) if v]
)
aoi = to_degrees(box(600000, 4380000, 605000, 4385000), grid)
strata = change_strata(grid, aoi, [(2020, to_degrees(outline, grid))])
units = draw_sample(strata, allocate(strata.strata, n=800, per_rare=150), rng=rng)
fig, ax = plt.subplots(figsize=(5.2, 4.6), layout="constrained")
colours = ("#D55E00", "#F4C99B", "#EFF3F6")
ax.imshow(np.array([tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in colours], dtype=np.uint8)[strata.codes])
ax.plot([u.column for u in units], [u.row for u in units], ".", color="#0072B2", ms=3)
names = [f"{s.name}: {s.area_ha:.0f} ha, {sum(u.stratum == s.name for u in units)} points" for s in strata.strata]
handles = [plt.Rectangle((0, 0), 1, 1, fc=colour, ec="0.6") for colour in colours]
ax.legend(handles, names, loc="upper left", bbox_to_anchor=(0, -0.02), frameon=False)
ax.set(title="Simulated map: strata and sample", xticks=[], yticks=[])
plt.show()

# %% [markdown]
# ## Two blind readers, and a third where they differ
#
# Each reader has codes and an order of their own. How often the two differ tells how often a resolved label is
# wrong, and the shares are corrected for it (Rogan and Gladen 1978): two wrong labels among hundreds of stable
# points are as many hectares as the whole class.

# %%
classes = ("disturbed_2020", STABLE)


def read(error):
    """Labels of one reader."""
    labels = {}
    for i, unit in enumerate(units):
        right = bool(truth[unit.row, unit.column]) ^ bool(rng.random() < error)
        labels[str(i)] = classes[0] if right else STABLE
    return labels


one, two, three = read(0.03), read(0.03), read(0.03)
resolved, waiting = resolve_labels(one, two, three)
differ = sum(one[key] != two[key] for key in one)
print(f"{len(units)} points, the readers differ on {differ}, {len(waiting)} wait")
labels = [(units[int(key)].stratum, label) for key, label in resolved.items()]
counts = tally(strata.strata, labels, classes)
report = estimate_accuracy(
    strata.strata, counts, classes, reader_error=ReaderError.from_disagreement(differ, len(units))
)

# %% [markdown]
# ## Error matrix, accuracy, area
#
# Estimators of Stehman (2014), with the intervals of the strata put together by MOVER (Zou and Donner 2008).

# %%
new = report.of("disturbed_2020")
true_ha = truth.sum() * 0.01
plain = estimate_accuracy(strata.strata, counts, classes).of("disturbed_2020").area_ha
print("error matrix (stratum, reference):")
for stratum, row in zip(strata.strata, counts, strict=True):
    print(f"  {stratum.name:<16}{stratum.area_ha:8.1f} ha  {row}")
print(f"truth {true_ha:.1f} ha; pixels of the map {new.mapped_ha:.1f} ha")
print(f"sample {new.area_ha.value:.1f} ha [{new.area_ha.low:.1f} to {new.area_ha.high:.1f}]")
holds = new.area_ha.low <= true_ha <= new.area_ha.high
print("the interval holds the truth" if holds else "the interval misses the truth, as one in twenty does")
print(f"user's {new.users.value:.2f}, producer's {new.producers.value:.2f}, overall {report.overall.value:.3f}")

print("before the sample:", SiteCheck().text)
print("with it:", SiteCheck(kind=ReferenceKind.LABELS, references=len(resolved)).text)

fig, ax = plt.subplots(figsize=(6.4, 2.3), layout="constrained")
for row, q in enumerate((plain, new.area_ha)):
    ax.errorbar(q.value, row, xerr=[[q.value - q.low], [q.high - q.value]], fmt="o", color="#0072B2", capsize=3)
ax.plot(new.mapped_ha, 2, "s", color="#D55E00")
ax.axvline(true_ha, color="k", lw=1)
ax.set_yticks(range(3), ["sample, labels\ntaken as right", "sample, corrected\nfor readers", "pixels counted"])
ax.set_ylim(2.5, -0.5)
ax.set(xlabel="disturbed ground, hectares", title="Simulated; the line is the truth, bars are 95 % intervals")
plt.show()

# %% [markdown]
# ## What this cannot say
#
# What both readers mistake in the same way stays unseen, and so does what no image of any date shows. One sample is
# one draw: how often such intervals hold over many is tabulated by `benchmarks.validation.simulated_reviewers`.
