"""How far disturbed ground lies beyond a boundary version, and in which direction."""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Geod

from aoi.records import Boundary
from detection.coal.coverage import pixel_size_m, to_degrees, to_grid, world
from evidence.quantity import Quantity

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

CE90_TO_SD = 1.0 / 2.1460
"""Standard deviation per axis from the radius that holds 90 % of a circular normal distribution."""
MOSTLY = 0.98
"""Share of a patch on one side from which it counts as wholly there."""


def relation(patch: Bools, inside: Floats | None) -> str:
    """Inside | crossing | outside | no_boundary."""
    if inside is None:
        return "no_boundary"
    share = float(inside[patch].mean())
    if share >= MOSTLY:
        return "inside"
    return "outside" if share <= 1.0 - MOSTLY else "crossing"


def advance(
    patch: Bools, boundary: Boundary | None, grid: GeoBox, *, edge_m: float, floor_m: float = 5.0
) -> tuple[Quantity, float | None]:
    """Greatest distance of the patch beyond the boundary, and the bearing in which it lies from there.

    Args:
        patch: (y, x).
        boundary: the version in force, or None.
        grid: the lattice of `patch`.
        edge_m: how well the edge of the patch is known, sd.
        floor_m: registration residual: nothing below it is claimed.
    """
    if boundary is None:
        return Quantity.not_assessable("no_boundary"), None
    outline = to_grid(boundary.geometry, grid)
    rows, columns = np.nonzero(patch)
    points = shapely.points([world(grid, c + 0.5, r + 0.5) for r, c in zip(rows, columns, strict=True)])
    distances = shapely.distance(points, outline)
    far = int(np.argmax(distances))
    reach = float(distances[far]) + pixel_size_m(grid) / 2 if distances[far] > 0 else 0.0
    if reach < floor_m:
        return Quantity.not_assessable(f"not beyond the registration residual of {floor_m:g} m"), None
    shared = {f"boundary:{boundary.boundary_id}": _accuracy(boundary)}
    quantity = Quantity.measured(
        reach, sd_random=math.hypot(edge_m, 0.29 * pixel_size_m(grid)), shared=shared
    )
    near = shapely.get_coordinates(to_degrees(shapely.shortest_line(outline, points[far]), grid))
    bearing, _, _ = Geod(ellps="WGS84").inv(*near[0], *near[1])
    return quantity, float(bearing % 360.0)


def _accuracy(boundary: Boundary) -> float:
    if boundary.accuracy_m is None:
        return 0.0
    return boundary.accuracy_m * (CE90_TO_SD if boundary.accuracy_kind == "ce90" else math.sqrt(0.5))
