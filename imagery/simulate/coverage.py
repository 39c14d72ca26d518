"""Exact share of every grid cell that a polygon covers.

Signed-area accumulation, as font rasterisers do it: each edge adds, to every row it crosses, the area
between itself and the right-hand side; a running sum along the row turns that into coverage. Exact for any
polygon to the last bits of float64, so that summed coverage times cell area is the polygon's area.
"""

from __future__ import annotations

import numba
import numpy as np
from affine import Affine
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon, box
from shapely.geometry.polygon import orient

from imagery.simulate.frame import outer_bounds

Doubles = NDArray[np.float64]


@numba.njit(cache=True)
def _accumulate_edge(acc: Doubles, x0: float, y0: float, x1: float, y1: float) -> None:
    """Add one edge (cell units) to `acc` (rows, columns + 1); edges must lie inside the grid."""
    if y0 == y1:
        return
    sign = 1.0
    if y0 > y1:
        x0, y0, x1, y1, sign = x1, y1, x0, y0, -1.0
    slope = (x1 - x0) / (y1 - y0)
    x = x0
    for row in range(int(np.floor(y0)), int(np.ceil(y1))):
        dy = min(row + 1.0, y1) - max(float(row), y0)
        x_next = x + slope * dy
        _accumulate_row(acc[row], min(x, x_next), max(x, x_next), sign * dy)
        x = x_next


@numba.njit(cache=True)
def _accumulate_row(line: Doubles, left: float, right: float, height: float) -> None:
    """Spread one piece of an edge, from `left` to `right` within one row, over that row's differences."""
    first = int(np.floor(left))
    last = int(np.floor(right))
    if first == last:
        covered = 1.0 - (0.5 * (left + right) - first)
        line[first] += height * covered
        line[first + 1] += height * (1.0 - covered)
        return
    width = right - left
    before = 0.0
    for column in range(first, last + 1):
        enter = max(left, float(column))
        leave = min(right, column + 1.0)
        passed = height * (leave - enter) / width
        covered = passed * (column + 1.0 - 0.5 * (enter + leave))
        done = height * (enter - left) / width
        total = done + covered
        line[column] += total - before
        before = total
    line[last + 1] += height - before


@numba.njit(cache=True)
def _accumulate_ring(acc: Doubles, xs: Doubles, ys: Doubles) -> None:
    for i in range(len(xs) - 1):
        _accumulate_edge(acc, xs[i], ys[i], xs[i + 1], ys[i + 1])


def _rings(polygon: Polygon) -> list[Doubles]:
    oriented = orient(polygon)
    return [np.asarray(ring.coords)[:, :2] for ring in (oriented.exterior, *oriented.interiors)]


def polygon_coverage(geometry: Polygon | MultiPolygon, transform: Affine, shape: tuple[int, int]) -> Doubles:
    """Share of each cell that `geometry` covers: (y, x), 0..1. What lies outside the grid is cut off.

    Args:
        geometry: in the coordinates of `transform`.
        transform: north-up cell-to-map transform.
        shape: rows, columns.
    """
    rows, columns = shape
    acc = np.zeros((rows, columns + 2))
    inverse = ~transform
    frame = box(*outer_bounds(transform, shape))
    inside = geometry if frame.contains(geometry) else geometry.intersection(frame)
    for part in getattr(inside, "geoms", [inside]):
        if not isinstance(part, Polygon):
            continue
        for ring in _rings(part):
            xs = inverse.a * ring[:, 0] + inverse.c
            ys = inverse.e * ring[:, 1] + inverse.f
            _accumulate_ring(acc, np.clip(xs, 0, columns), np.clip(ys, 0, rows))
    return np.clip(np.abs(np.cumsum(acc, axis=1)[:, :columns]), 0.0, 1.0)
