"""Rasters on the web map's own projection: resampled once, edges exactly where Leaflet puts them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.warp import reproject, transform_bounds

from evidence.errors import GridMismatchError

WEB_MERCATOR = "EPSG:3857"
RESAMPLING = {"cubic": Resampling.cubic, "nearest": Resampling.nearest}


def _wkt(geobox: GeoBox) -> str:
    if geobox.crs is None:
        raise GridMismatchError("a grid without a coordinate system cannot be put on a map")
    return str(geobox.crs.to_wkt())


@dataclass(frozen=True, slots=True, kw_only=True)
class MercatorGrid:
    """A north-up lattice in Web Mercator; its edges are exact degrees for `L.imageOverlay`."""

    transform: Affine
    shape: tuple[int, int]
    """(rows, columns)."""
    ground_m: float
    """Ground size of one pixel at the middle of the grid."""

    def bounds(
        self, *, rows: tuple[int, int] | None = None, columns: tuple[int, int] | None = None
    ) -> tuple[float, float, float, float]:
        """(west, south, east, north) in degrees of the outer pixel edges, of all of it or a window."""
        top, bottom = rows or (0, self.shape[0])
        left, right = columns or (0, self.shape[1])
        west_m, north_m = self.transform @ (left, top)
        east_m, south_m = self.transform @ (right, bottom)
        back = Transformer.from_crs(WEB_MERCATOR, "EPSG:4326", always_xy=True)
        west, south = back.transform(west_m, south_m)
        east, north = back.transform(east_m, north_m)
        return west, south, east, north


def mercator_grid(geobox: GeoBox) -> MercatorGrid:
    """The lattice that covers `geobox` with pixels of the same ground size."""
    source = geobox.boundingbox
    crs = CRS.from_user_input(_wkt(geobox))
    west, south, east, north = transform_bounds(crs, WEB_MERCATOR, *source.bbox, densify_pts=101)
    middle = (source.left + source.right) / 2, (source.bottom + source.top) / 2
    _, latitude = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(*middle)
    ground_m = abs(geobox.resolution.x)
    size = ground_m / math.cos(math.radians(latitude))
    columns = math.ceil((east - west) / size)
    rows = math.ceil((north - south) / size)
    return MercatorGrid(
        transform=Affine(size, 0.0, west, 0.0, -size, north), shape=(rows, columns), ground_m=ground_m
    )


def to_mercator(
    pixels: NDArray[np.float32], geobox: GeoBox, grid: MercatorGrid, *, method: str = "cubic"
) -> NDArray[np.float32]:
    """Resample ``(y, x)`` or ``(band, y, x)``; NaN stays missing."""
    out = np.full((*pixels.shape[:-2], *grid.shape), np.nan, dtype=np.float32)
    reproject(
        np.ascontiguousarray(pixels, dtype=np.float32),
        out,
        src_transform=geobox.transform,
        src_crs=CRS.from_user_input(_wkt(geobox)),
        src_nodata=np.nan,
        dst_transform=grid.transform,
        dst_crs=WEB_MERCATOR,
        dst_nodata=np.nan,
        resampling=RESAMPLING[method],
    )
    return out


def classes_to_mercator(
    classes: NDArray[np.uint8], geobox: GeoBox, grid: MercatorGrid, *, outside: int
) -> NDArray[np.uint8]:
    """Resample class codes ``(y, x)`` by nearest neighbour; `outside` where the source has no pixel."""
    warped = to_mercator(classes.astype(np.float32), geobox, grid, method="nearest")
    return np.where(np.isnan(warped), outside, warped).astype(np.uint8)
