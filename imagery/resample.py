"""From a product's own lattice to the site's grid, with the scene's shift, once."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer
from rasterio.warp import Resampling, reproject

from evidence.errors import GridMismatchError
from imagery.resample_kernels import axis_taps, nearest, separable

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

HALF = 0.5


def wkt_of(grid: GeoBox) -> str:
    """The grid's coordinate system as WKT."""
    if grid.crs is None:
        raise GridMismatchError("the site's grid has no coordinate system")
    return str(grid.crs.to_wkt())


def shape_of(grid: GeoBox) -> tuple[int, int]:
    """(rows, columns) as plain numbers."""
    height, width = grid.shape
    return int(height), int(width)


def centre_lon_lat(grid: GeoBox) -> tuple[float, float]:
    """Longitude and latitude of the middle of the grid in degrees."""
    left, bottom, right, top = grid.boundingbox.bbox
    x, y = (left + right) / 2, (bottom + top) / 2
    lon, lat = Transformer.from_crs(wkt_of(grid), "EPSG:4326", always_xy=True).transform(x, y)
    return float(lon), float(lat)


def is_parallel(transform: Affine, crs_wkt: str, grid: GeoBox) -> bool:
    """Whether source and grid share axes, so that resampling is separable."""
    north_up = transform.b == 0.0 and transform.d == 0.0 and transform.a > 0.0 and transform.e < 0.0
    own = grid.transform
    return north_up and own.b == 0.0 and own.d == 0.0 and own.e < 0.0 and same_crs(crs_wkt, grid)


@lru_cache(maxsize=256)
def same_crs(crs_wkt: str, grid: GeoBox) -> bool:
    """Whether two spellings mean one coordinate system."""
    own = wkt_of(grid)
    return crs_wkt == own or bool(CRS.from_wkt(crs_wkt).equals(CRS.from_wkt(own), ignore_axis_order=True))


def to_grid(
    pixels: NDArray[Any],
    missing: Mask,
    transform: Affine,
    crs_wkt: str,
    grid: GeoBox,
    *,
    shift_m: tuple[float, float] = (0.0, 0.0),
    scale: float = 1.0,
    offset: float = 0.0,
) -> Image:
    """``pixels * scale + offset`` on `grid` by cubic convolution, NaN where missing.

    Args:
        pixels: source numbers (y, x).
        missing: (y, x).
        transform: of the source lattice.
        crs_wkt: of the source lattice.
        grid: where to.
        shift_m: how far the image lies east and north of where it should; it is moved back by as much.
        scale: reflectance per number.
        offset: reflectance to add.
    """
    moved = _moved_back(transform, shift_m)
    if not is_parallel(transform, crs_wkt, grid):
        values = pixels.astype(np.float32) * np.float32(scale) + np.float32(offset)
        values[missing] = np.nan
        return _warped(values, moved, crs_wkt, grid, Resampling.cubic)
    rows, row_weights, cols, col_weights = _taps(pixels.shape, moved, grid)
    if not missing.any():
        plain: Image = separable(pixels, rows, row_weights, cols, col_weights, float(scale), float(offset))
        return plain
    weight = separable((~missing).astype(np.float32), rows, row_weights, cols, col_weights, 1.0, 0.0)
    values = separable(pixels * ~missing, rows, row_weights, cols, col_weights, 1.0, 0.0)
    seen = weight > HALF
    values = values / np.where(seen, weight, np.nan) * np.float32(scale) + np.float32(offset)
    result: Image = values.astype(np.float32)
    return result


def classes_to_grid(
    classes: NDArray[Any],
    transform: Affine,
    crs_wkt: str,
    grid: GeoBox,
    *,
    shift_m: tuple[float, float] = (0.0, 0.0),
) -> NDArray[np.uint8]:
    """Classes (y, x) on `grid` by the nearest pixel, 0 outside."""
    moved = _moved_back(transform, shift_m)
    if not is_parallel(transform, crs_wkt, grid):
        warped = _warped(classes.astype(np.float32), moved, crs_wkt, grid, Resampling.nearest)
        return np.nan_to_num(warped).astype(np.uint8)
    (row0, row_step), (col0, col_step) = _axes(moved, grid)
    rows = np.rint(row0 + row_step * np.arange(grid.shape[0])).astype(int)
    cols = np.rint(col0 + col_step * np.arange(grid.shape[1])).astype(int)
    return np.asarray(nearest(classes.astype(np.uint8, copy=False), rows, cols))


def _moved_back(transform: Affine, shift_m: tuple[float, float]) -> Affine:
    a, b, c, d, e, f = transform[:6]
    return Affine(a, b, c - shift_m[0], d, e, f - shift_m[1])


def _axes(transform: Affine, grid: GeoBox) -> tuple[tuple[float, float], tuple[float, float]]:
    """Source coordinate of the first output centre and step, for rows and for columns."""
    own = grid.transform
    col_step, row_step = own.a / transform.a, own.e / transform.e
    col0 = (own.c + own.a / 2 - transform.c) / transform.a - HALF
    row0 = (own.f + own.e / 2 - transform.f) / transform.e - HALF
    return (row0, row_step), (col0, col_step)


def _taps(shape: tuple[int, ...], transform: Affine, grid: GeoBox) -> tuple[Any, Any, Any, Any]:
    (row0, row_step), (col0, col_step) = _axes(transform, grid)
    rows, row_weights = axis_taps(grid.shape[0], shape[0], row0, row_step)
    cols, col_weights = axis_taps(grid.shape[1], shape[1], col0, col_step)
    return rows, row_weights, cols, col_weights


def _warped(values: Image, transform: Affine, crs_wkt: str, grid: GeoBox, resampling: Resampling) -> Image:
    target = np.full(grid.shape, np.nan, np.float32)
    reproject(
        values,
        target,
        src_transform=transform,
        src_crs=crs_wkt,
        src_nodata=np.nan,
        dst_transform=grid.transform,
        dst_crs=wkt_of(grid),
        dst_nodata=np.nan,
        resampling=resampling,
    )
    return target
