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

# %%
import matplotlib.pyplot as plt
import numpy as np
from odc.geo.geobox import GeoBox
from scipy.ndimage import binary_dilation, gaussian_filter
from shapely import box

from detection.accuracy import ReaderError, estimate_accuracy, tally
from detection.coal.coverage import to_degrees
from detection.reader_labels import resolve_labels
from detection.sampling import STABLE, allocate, change_strata, draw_sample

rng = np.random.default_rng(14)
grid = GeoBox.from_bbox((600000, 4380000, 605000, 4385000), crs="EPSG:32652", resolution=10)
field = gaussian_filter(rng.standard_normal((500, 500)), 9)
truth = field > np.quantile(field, 0.97)
mapped = binary_dilation(truth & (gaussian_filter(rng.standard_normal((500, 500)), 20) < 0.02))

# %% [markdown]
# ## Strata: change, a buffer of 60 m, the rest

# %%
import rasterio.features
from shapely import unary_union
from shapely.geometry import shape

outline = unary_union(
    [shape(s) for s, v in rasterio.features.shapes(mapped.astype("uint8"), transform=grid.affine) if v]
)
aoi = to_degrees(box(600000, 4380000, 605000, 4385000), grid)
strata = change_strata(grid, aoi, [(2020, to_degrees(outline, grid))])
fig, ax = plt.subplots(figsize=(4.5, 4.5))
ax.imshow(strata.codes, cmap="viridis_r")
ax.set(title="Simulated: change, buffer, stable", xticks=[], yticks=[])

units = draw_sample(strata, allocate(strata.strata, n=500, per_rare=100), rng=rng)
ax.plot([u.column for u in units], [u.row for u in units], "r.", ms=2)
plt.show()

# %% [markdown]
# ## Two blind readers, and a third where they differ

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

# %%
new = report.of("disturbed_2020")
true_ha = truth.sum() * 0.01
plain = estimate_accuracy(strata.strata, counts, classes).of("disturbed_2020").area_ha
print("error matrix (stratum, reference):")
for stratum, row in zip(strata.strata, counts, strict=True):
    print(f"  {stratum.name:<16}{stratum.area_ha:8.1f} ha  {row}")
print(f"truth {true_ha:.1f} ha; pixels of the map {new.mapped_ha:.1f} ha")
print(f"sample {new.area_ha.value:.1f} ha [{new.area_ha.low:.1f} to {new.area_ha.high:.1f}]")
print(f"user's {new.users.value:.2f}, producer's {new.producers.value:.2f}, overall {report.overall.value:.3f}")

fig, ax = plt.subplots(figsize=(6, 2.2))
for row, q in enumerate((plain, new.area_ha)):
    ax.errorbar(q.value, row, xerr=[[q.value - q.low], [q.high - q.value]], fmt="o")
ax.plot(new.mapped_ha, 2, "s", color="C3")
ax.axvline(true_ha, color="k")
ax.set_yticks(range(3), ["sample", "sample, corrected\nfor readers", "pixels counted"])
ax.set(xlabel="hectares", title="Simulated: the line is the truth")
plt.tight_layout()
plt.show()
