"""Pixels that departed become patches: which belong together, what they are called, how much each holds.

A patch is called after its founding pixels, those that departed within `FOUNDING_DAYS` of the first: every
cell of the world has a fixed pseudo-random rank, and the name is that of the lowest-ranked founding cell
(min-wise hashing, Broder 1997). Growth leaves the founding pixels alone, and where a late scene moves a few
of them the name stays with a probability of the share that both sets have in common.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_edt, find_objects, label
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely.geometry.base import BaseGeometry

from detection.coal.coverage import to_degrees, world
from detection.coal.nearby import EIGHT

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Window = tuple[slice, slice]

FOUNDING_DAYS = 45
"""About three clear looks: what a clearing takes to be seen whole."""
LEAST = -0.3
"""Smallest share that noise gives a pixel beside a patch."""
LIGHTEST = 5.0
"""Ground is not made brighter or darker than by this factor."""
EDGE_GAIN = 0.92
"""Shares of edge pixels are so much smaller than they look: their patch was outlined where noise is high, and
its inside is blurred itself. Fitted on the simulated seeds 970 to 989 and 1000 to 1019."""
NEIGHBOURS = (
    (np.s_[:, :-1], np.s_[:, 1:]),
    (np.s_[:-1, :], np.s_[1:, :]),
    (np.s_[:-1, :-1], np.s_[1:, 1:]),
    (np.s_[:-1, 1:], np.s_[1:, :-1]),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """Pixels that belong together, within a window of the grid."""

    window: Window
    """Rows and columns; one pixel wider than the patch where the grid allows it."""
    mask: Bools
    """(row, column) within the window."""

    def full(self, shape: tuple[int, ...]) -> Bools:
        """The patch on the whole grid: (y, x)."""
        out = np.zeros(shape, np.bool_)
        out[self.window] = self.mask
        return out


def linked_patches(mask: Bools, days: Ints, weights: Floats, *, link_days: int, min_ha: float) -> list[Patch]:
    """Patches of at least `min_ha`: neighbouring pixels whose days lie within `link_days` of each other.

    Args:
        mask: (y, x).
        days: (y, x), when each pixel departed.
        weights: (y, x), hectares of each pixel.
        link_days: pixels further apart in time are two events, not one that grew.
        min_ha: smallest patch that is returned.
    """
    labels = _linked(mask, days, link_days)
    sizes = np.bincount(labels.ravel(), weights=weights.ravel(), minlength=1)
    found = find_objects(labels)
    return [
        _patch(labels, number, (place[0], place[1]))
        for number, place in enumerate(found, start=1)
        if place is not None and sizes[number] >= min_ha
    ]


def _patch(labels: Ints, number: int, place: Window) -> Patch:
    window = _wider(place, labels.shape)
    return Patch(window=window, mask=labels[window] == number)


def _wider(place: Window, shape: tuple[int, ...], by: int = 1) -> Window:
    rows, columns = (
        slice(max(one.start - by, 0), min(one.stop + by, size))
        for one, size in zip(place, shape, strict=True)
    )
    return rows, columns


def _linked(mask: Bools, days: Ints, link_days: int) -> Ints:
    """Labels of patches, from 1; pixels that touch by an edge or a corner are neighbours."""
    index = np.arange(mask.size).reshape(mask.shape)
    pairs = []
    for one, two in NEIGHBOURS:
        both = mask[one] & mask[two] & (np.abs(days[one] - days[two]) <= link_days)
        pairs.append(np.stack([index[one][both], index[two][both]]))
    edges = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(edges.shape[1], np.int8), (edges[0], edges[1])), shape=(mask.size, mask.size))
    _, group = connected_components(graph, directed=False)
    labels = np.zeros(mask.size, np.int64)
    labels[mask.ravel()] = 1 + np.unique(group[mask.ravel()], return_inverse=True)[1]
    return labels.reshape(mask.shape)


def remaining_parts(patch: Patch, returned: Bools, weights: Floats, *, min_ha: float) -> list[Patch]:
    """The patch, or its parts where ground that has grown over again lies between them.

    Args:
        patch: the whole.
        returned: (y, x) of the grid.
        weights: (y, x), hectares.
        min_ha: parts smaller than this do not count; what has grown over goes with the nearest part.
    """
    labels, n = label(patch.mask & ~returned[patch.window], structure=EIGHT)
    sizes = np.bincount(labels.ravel(), weights=weights[patch.window].ravel(), minlength=n + 1)
    large = [k for k in range(1, n + 1) if sizes[k] >= min_ha]
    if len(large) < 2:  # noqa: PLR2004 - one part is the whole
        return [patch]
    chosen = np.where(np.isin(labels, large), labels, 0)
    _, (rows, columns) = distance_transform_edt(chosen == 0, return_indices=True)
    nearest = chosen[rows, columns]
    return [Patch(window=patch.window, mask=patch.mask & (nearest == k)) for k in large]


def inner_pixels(mask: Bools) -> Bools:
    """Pixels of a patch that have none of another kind beside them; all of them where there are none such."""
    inner = np.asarray(binary_erosion(mask), np.bool_)
    return inner if inner.any() else mask


def founding(mask: Bools, days: Ints) -> Bools:
    """Pixels of a patch that departed with the first: (y, x); its inner ones where there are some."""
    first = int(days[mask].min())
    return inner_pixels(mask & (days <= first + FOUNDING_DAYS))


def patch_name(cells: Floats, *, prefix: str) -> str:
    """The name of a patch from the corners of its founding cells.

    Args:
        cells: (cell, 2), x and y of the grid's reference system.
        prefix: what else makes a cell unique: site and reference system.
    """
    texts = [f"{prefix}|{x:.0f}|{y:.0f}" for x, y in cells]
    return "d-" + min(hashlib.sha256(text.encode()).hexdigest() for text in texts)[:12]


def shares(patch: Patch, departure: Floats, taken: Bools, lighter: Floats) -> Floats:
    """How much of each pixel changed: (row, column) of the window, up to one.

    Pixels within the patch changed wholly; those at its edge, and those that touch it, by the ratio of their
    departure to that of the inside. Those that touch it may have less than nothing, so that noise adds up to
    nothing in the sum.

    Args:
        patch: the pixels that departed.
        departure: (y, x), mean departure in units of the index, NaN where not known.
        taken: (y, x), pixels of any patch.
        lighter: (row, column) of the window, how many times as bright the ground is after the change; NaN
            where not known.
    """
    here = departure[patch.window]
    core = np.asarray(binary_erosion(patch.mask, structure=EIGHT), np.bool_)
    full = _full_departure(here, patch.mask, core)
    ring = (
        np.asarray(binary_dilation(patch.mask, structure=EIGHT), np.bool_)
        & ~patch.mask
        & ~taken[patch.window]
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = EDGE_GAIN * _unmixed(np.clip(here / full, LEAST, 1.0), lighter)
    out = np.where(core, 1.0, 0.0)
    edge = patch.mask & ~core
    out[edge] = np.where(np.isfinite(ratio[edge]), np.maximum(ratio[edge], 0.0), 1.0)
    out[ring] = np.where(np.isfinite(ratio[ring]), ratio[ring], 0.0)
    return out


def _unmixed(ratio: Floats, lighter: Floats) -> Floats:
    """Shares of area from shares of departure.

    A normalised difference of mixed ground is the mean of those of its parts weighted by how bright they are:
    a third of metal roof makes half of its departure, a half of spoil two fifths.
    """
    k = np.clip(np.where(np.isfinite(lighter), lighter, 1.0), 1.0 / LIGHTEST, LIGHTEST)
    return np.where(ratio > 0, ratio / (k - ratio * (k - 1.0)), ratio)


def _full_departure(here: Floats, mask: Bools, core: Bools) -> float:
    """Departure of ground that changed wholly: the median inside, or the larger ones of a patch without."""
    inside = here[core & np.isfinite(here)]
    if inside.size >= 3:  # noqa: PLR2004 - a median needs three
        return float(np.median(inside))
    values = here[mask & np.isfinite(here)]
    return float(np.quantile(values, 0.8)) if values.size else np.nan


def founding_corners(patch: Patch, days: Ints, grid: GeoBox) -> Floats:
    """Corners of the founding cells in the reference system of the grid: (cell, 2).

    Args:
        patch: the pixels.
        days: (y, x) of the grid, when each departed.
        grid: the lattice.
    """
    rows, columns = np.nonzero(founding(patch.mask, days[patch.window]))
    x, y = world(grid, columns + patch.window[1].start, rows + patch.window[0].start)
    return np.column_stack([x, y])


def patch_polygon(patch: Patch, grid: GeoBox) -> BaseGeometry:
    """The outline along pixels, EPSG:4326."""
    rows, columns = np.nonzero(patch.mask)
    rows, columns = rows + patch.window[0].start, columns + patch.window[1].start
    x0, y0 = world(grid, columns, rows)
    x1, y1 = world(grid, columns + 1, rows + 1)
    cells = shapely.box(np.minimum(x0, x1), np.minimum(y0, y1), np.maximum(x0, x1), np.maximum(y0, y1))
    return to_degrees(shapely.union_all(cells), grid)
