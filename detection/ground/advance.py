"""How far disturbed ground lies beyond a boundary version, and in which direction."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely
from odc.geo.geobox import GeoBox
from pyproj import Geod

from aoi.pixels import pixel_size_m, to_degrees, to_grid, world
from aoi.records import Boundary
from evidence.arrays import Bools, Floats
from evidence.quantity import Quantity

Window = tuple[slice, slice]

CE90_TO_SD = 1.0 / 2.1460
"""Standard deviation per axis from the radius that holds 90 % of a circular normal distribution."""
MOSTLY = 0.98
"""Share of a patch on one side from which it counts as wholly there. Assumed."""
LEAST_SHARE = 0.15
"""Pixels of which less changed do not mark the edge: noise alone reaches that far. Assumed."""
SECTORS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
"""Bearing sectors of 45 degrees, N from 337.5 to 22.5."""
CIRCLE_DEG = 360.0
"""A full circle. Defined."""


def relation(patch: Bools, inside: Floats | None) -> str:
    """Inside | crossing | outside | no_boundary."""
    if inside is None:
        return "no_boundary"
    share = float(inside[patch].mean())
    if share >= MOSTLY:
        return "inside"
    return "outside" if share <= 1.0 - MOSTLY else "crossing"


def advance(
    share: Floats,
    window: Window,
    boundary: Boundary | None,
    grid: GeoBox,
    *,
    params: tuple[float, float, float],
) -> tuple[Quantity, float | None]:
    """Greatest distance of a patch beyond the boundary, and the bearing in which it lies from there.

    The edge is placed within its pixel by the share of it that changed.

    Args:
        share: (row, column) of the window, how much of each pixel changed.
        window: where on the grid.
        boundary: the version in force, or None.
        grid: the lattice.
        params: sd of the outermost point in metres, registration residual below which nothing is claimed,
            level of the interval.
    """
    sd_m, floor_m, level = params
    if boundary is None:
        return Quantity.not_assessable("no_boundary"), None
    reach, bearing = _reaches(share, window, boundary, grid)
    if reach.size == 0 or reach.max() < floor_m:
        return Quantity.not_assessable(f"not beyond the registration residual of {floor_m:g} m"), None
    far = int(np.argmax(reach))
    return _quantity(float(reach[far]), boundary, sd_m, level), float(bearing[far])


def sector_advances(
    share: Floats,
    window: Window,
    boundary: Boundary | None,
    grid: GeoBox,
    *,
    params: tuple[float, float, float],
) -> Mapping[str, Any] | None:
    """Greatest distance beyond the boundary by bearing sector: sector -> [metres, low, high].

    Sectors without an advance beyond the registration residual are absent; None without a boundary.
    """
    sd_m, floor_m, level = params
    if boundary is None:
        return None
    reach, bearing = _reaches(share, window, boundary, grid)
    number = np.round(bearing / CIRCLE_DEG * len(SECTORS)).astype(int) % len(SECTORS)
    found: dict[str, list[float]] = {}
    for k, sector in enumerate(SECTORS):
        here = reach[number == k]
        if here.size and here.max() >= floor_m:
            q = _quantity(float(here.max()), boundary, sd_m, level)
            found[sector] = [round(float(v), 1) for v in (q.value, q.low, q.high) if v is not None]
    return found


def _quantity(reach: float, boundary: Boundary, sd_m: float, level: float) -> Quantity:
    shared = {f"boundary:{boundary.boundary_id}": _accuracy(boundary)}
    return Quantity.measured(reach, sd_random=sd_m, shared=shared, level=level)


def _reaches(share: Floats, window: Window, boundary: Boundary, grid: GeoBox) -> tuple[Floats, Floats]:
    """Distance beyond the boundary (metres) and bearing (degrees) of each changed pixel outside it."""
    rows, columns = np.nonzero(share >= LEAST_SHARE)
    part = share[rows, columns]
    x, y = world(grid, columns + window[1].start + 0.5, rows + window[0].start + 0.5)
    points: Any = shapely.points(np.column_stack([x, y]))
    outline = to_grid(boundary.geometry, grid)
    shapely.prepare(outline)
    distance = shapely.distance(points, outline)
    beyond = distance > 0
    if not beyond.any():
        return np.zeros(0), np.zeros(0)
    reach = distance[beyond] + (part[beyond] - 0.5) * pixel_size_m(grid)
    shortest = shapely.shortest_line(outline, points[beyond])
    lines = shapely.get_coordinates([to_degrees(line, grid) for line in shortest])
    near, far = lines[0::2], lines[1::2]
    bearing, _, _ = Geod(ellps="WGS84").inv(near[:, 0], near[:, 1], far[:, 0], far[:, 1])
    return reach, np.mod(bearing, CIRCLE_DEG)


def _accuracy(boundary: Boundary) -> float:
    if boundary.accuracy_m is None:
        return 0.0
    return boundary.accuracy_m * (CE90_TO_SD if boundary.accuracy_kind == "ce90" else math.sqrt(0.5))
