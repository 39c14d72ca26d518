"""The simulated site's grids, and the exact share of their cells that a polygon covers.

The site has a 10 m grid, and a world of 5 m cells with a margin around it. Coverage is signed-area
accumulation, as font rasterisers do it: each edge adds, to every row it crosses, the area between itself and
the right-hand side; a running sum along the row turns that into coverage. It is exact for any polygon to the
last bits of float64, so that summed coverage times cell area is the polygon's area.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Proj, Transformer
from shapely import MultiPolygon, Polygon, box, transform
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from evidence.arrays import Floats

CELL_M = 5.0
"""Side of a fine cell: half a 10 m pixel, a quarter of a 20 m pixel."""
PIXEL_M = 10.0
LATTICE_M = 60.0
"""Sentinel-2 tiles begin on multiples of 60 m, so that 10, 20 and 60 m pixels nest."""
MARGIN_M = 180.0
"""Simulated ground beyond the site on every side: room for shifts and point-spread."""


def utm_zone(lon: float) -> int:
    """UTM zone of a longitude (no exceptions for Norway and Svalbard)."""
    return int((lon + 180) // 6) % 60 + 1


def whole_lattice(size_px: int) -> int:
    """The next side in 10 m pixels that is a multiple of 60 m."""
    step = round(LATTICE_M / PIXEL_M)
    return -(-size_px // step) * step


def from_cell(transform: Affine, column: int, row: int) -> Affine:
    """The same north-up grid, counted from another cell."""
    return Affine(
        transform.a, 0, transform.c + transform.a * column, 0, transform.e, transform.f + transform.e * row
    )


def outer_bounds(transform: Affine, shape: tuple[int, int]) -> tuple[float, float, float, float]:
    """(west, south, east, north) of a north-up grid."""
    last = from_cell(transform, shape[1], shape[0])
    return float(transform.c), float(last.f), float(last.c), float(transform.f)


@dataclass(frozen=True)
class Frame:
    """Where a simulated site lies and on which grids."""

    lon: float
    lat: float
    size_px: int

    @cached_property
    def epsg(self) -> int:
        """Of the pinned UTM zone."""
        return (32600 if self.lat >= 0 else 32700) + utm_zone(self.lon)

    @cached_property
    def to_utm(self) -> Transformer:
        """Degrees to metres."""
        return Transformer.from_crs(4326, self.epsg, always_xy=True)

    @cached_property
    def to_degrees(self) -> Transformer:
        """Metres to degrees."""
        return Transformer.from_crs(self.epsg, 4326, always_xy=True)

    @cached_property
    def bounds_m(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) of the site in its UTM zone, on the Sentinel-2 lattice."""
        x, y = self.to_utm.transform(self.lon, self.lat)
        half = self.size_px * PIXEL_M / 2
        west = round((x - half) / LATTICE_M) * LATTICE_M
        north = round((y + half) / LATTICE_M) * LATTICE_M
        return west, north - 2 * half, west + 2 * half, north

    @cached_property
    def geobox(self) -> GeoBox:
        """The site's 10 m grid."""
        west, _, _, north = self.bounds_m
        transform = Affine(PIXEL_M, 0, west, 0, -PIXEL_M, north)
        return GeoBox((self.size_px, self.size_px), transform, f"EPSG:{self.epsg}")

    @cached_property
    def world_transform(self) -> Affine:
        """Of the fine cells, margin included."""
        west, _, _, north = self.bounds_m
        return Affine(CELL_M, 0, west - MARGIN_M, 0, -CELL_M, north + MARGIN_M)

    @cached_property
    def world_shape(self) -> tuple[int, int]:
        """Fine cells (y, x), margin included."""
        side = round((self.size_px * PIXEL_M + 2 * MARGIN_M) / CELL_M)
        return side, side

    @property
    def margin_cells(self) -> int:
        """Fine cells between the world's edge and the site."""
        return round(MARGIN_M / CELL_M)

    @cached_property
    def areal_scale(self) -> float:
        """Area on the grid for one unit of area on the ellipsoid; within 0.1 % of 1 at the default place."""
        return float(Proj(self.epsg).get_factors(self.lon, self.lat).areal_scale)

    @cached_property
    def extent(self) -> Polygon:
        """The site's square, metres."""
        return box(*self.bounds_m)

    def ellipsoid_ha(self, geometry: BaseGeometry) -> float:
        """Hectares on the ellipsoid of a geometry in metres of the grid."""
        return float(geometry.area) / self.areal_scale / 1e4

    def degrees(self, geometry: BaseGeometry) -> BaseGeometry:
        """A geometry in metres as lon lat."""

        def reproject(points: Floats) -> Floats:
            return np.column_stack(self.to_degrees.transform(points[:, 0], points[:, 1]))

        return transform(geometry, reproject)

    def cell_centres(self) -> tuple[Floats, Floats]:
        """Map coordinates (x of columns, y of rows) of the fine cells."""
        rows, columns = self.world_shape
        t = self.world_transform
        x = np.asarray(t.c + t.a * (np.arange(columns) + 0.5), np.float64)
        return x, np.asarray(t.f + t.e * (np.arange(rows) + 0.5), np.float64)


@numba.njit(cache=True)
def _accumulate_edge(acc: Floats, x0: float, y0: float, x1: float, y1: float) -> None:
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
def _accumulate_row(line: Floats, left: float, right: float, height: float) -> None:
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
def _accumulate_ring(acc: Floats, xs: Floats, ys: Floats) -> None:
    for i in range(len(xs) - 1):
        _accumulate_edge(acc, xs[i], ys[i], xs[i + 1], ys[i + 1])


def _rings(polygon: Polygon) -> list[Floats]:
    oriented = orient(polygon)
    return [np.asarray(ring.coords)[:, :2] for ring in (oriented.exterior, *oriented.interiors)]


def polygon_coverage(geometry: Polygon | MultiPolygon, transform: Affine, shape: tuple[int, int]) -> Floats:
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
