"""The simulated site's grids: its 10 m grid, and the world of 5 m cells with a margin around it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Proj, Transformer
from shapely import Polygon, box, transform
from shapely.geometry.base import BaseGeometry

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

        def reproject(points: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.column_stack(self.to_degrees.transform(points[:, 0], points[:, 1]))

        return transform(geometry, reproject)

    def cell_centres(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Map coordinates (x of columns, y of rows) of the fine cells."""
        rows, columns = self.world_shape
        t = self.world_transform
        x = np.asarray(t.c + t.a * (np.arange(columns) + 0.5), np.float64)
        return x, np.asarray(t.f + t.e * (np.arange(rows) + 0.5), np.float64)
