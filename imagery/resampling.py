"""Separable cubic resampling between parallel lattices, in numba: some thirty times GDAL's general warp."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numba
import numpy as np
import odc.geo.crs
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer
from rasterio.warp import Resampling, reproject

from evidence.arrays import Floats32, Image, Ints, Mask
from evidence.errors import GridMismatchError
from imagery.registration.correlation import cubic_weights

TAPS = 4
"""Of the cubic kernel."""


@numba.njit(cache=True)
def axis_taps(length: int, source_length: int, start: float, step: float) -> tuple[Ints, Floats32]:
    """First tap and weights for each output pixel along one axis.

    Args:
        length: output pixels.
        source_length: source pixels.
        start: source coordinate (pixel centres are whole numbers) of the first output pixel's centre.
        step: source pixels per output pixel.

    Returns:
        first tap (-1 where the output pixel lies outside) and four weights; taps beyond the edge are folded
        into the edge pixel.
    """
    first, weights = np.empty(length, np.int64), np.zeros((length, 4), np.float32)
    for i in range(length):
        position = start + i * step
        if position < -0.5 - 1e-9 or position > source_length - 0.5 + 1e-9 or source_length < TAPS:
            first[i] = -1
            continue
        base = int(np.floor(position))
        taps = cubic_weights(position - base)
        origin = min(max(base - 1, 0), source_length - 4)
        for k in range(4):
            place = min(max(base - 1 + k, 0), source_length - 1) - origin
            weights[i, place] += taps[k]
        first[i] = origin
    return first, weights


@numba.njit(cache=True)
def regular_stretch(cols: Ints) -> tuple[int, int, int]:
    """The stretch ``[start, stop)`` around the middle whose first taps advance by one every `period` pixels.

    Source and grid of 10 m have a period of one, a source of 20 m has two; 0 where there is no such stretch.
    """
    width = cols.shape[0]
    middle = width // 2
    for period in (1, 2):
        start, stop = middle, middle
        while stop + period < width and cols[stop] >= 0 and cols[stop + period] == cols[stop] + 1:
            stop += 1
        while start > 0 and cols[start - 1] >= 0 and cols[start - 1 + period] == cols[start - 1] + 1:
            start -= 1
        count = (stop - start) // period
        if count > TAPS:
            return start, start + count * period, period
    return 0, 0, 0


@numba.njit(cache=True, fastmath=True)
def separable(
    source: NDArray[Any],
    rows: Ints,
    row_weights: Floats32,
    cols: Ints,
    col_weights: Floats32,
    scale: float,
    offset: float,
) -> Floats32:
    """`source` (y, x) resampled, times `scale`, plus `offset`; NaN outside."""
    height, width = rows.shape[0], cols.shape[0]
    out = np.empty((height, width), np.float32)
    line = np.empty(source.shape[1], np.float32)
    start, stop, period = regular_stretch(cols)
    count = (stop - start) // max(period, 1)
    weights = np.empty((max(period, 1), TAPS, count), np.float32)
    for phase in range(period):
        for tap in range(TAPS):
            weights[phase, tap] = col_weights[start + phase : stop : period, tap]
    factor = np.float32(scale)
    for y in range(height):
        r = rows[y]
        if r < 0:
            out[y, :] = np.nan
            continue
        a, b, c, d = row_weights[y, 0], row_weights[y, 1], row_weights[y, 2], row_weights[y, 3]
        for x in range(source.shape[1]):
            value = a * source[r, x] + b * source[r + 1, x] + c * source[r + 2, x] + d * source[r + 3, x]
            line[x] = np.float32(value) * factor
        _one_by_one(line, cols[:start], col_weights[:start], offset, out[y, :start])
        _one_by_one(line, cols[stop:], col_weights[stop:], offset, out[y, stop:])
        for phase in range(period):
            first = cols[start + phase]
            _in_step(line[first:], weights[phase], offset, out[y, start + phase : stop : period])
    return out


@numba.njit(cache=True, fastmath=True)
def _in_step(line: Floats32, weights: Floats32, offset: float, out: Floats32) -> None:
    """Pixels of a row whose first taps follow each other; `weights` is (tap, pixel)."""
    count, level = weights.shape[1], np.float32(offset)
    one, two, three, four = line[:count], line[1 : 1 + count], line[2 : 2 + count], line[3 : 3 + count]
    for x in range(count):
        near = weights[0, x] * one[x] + weights[1, x] * two[x]
        out[x] = near + weights[2, x] * three[x] + weights[3, x] * four[x] + level


@numba.njit(cache=True, fastmath=True)
def _one_by_one(
    line: Floats32,
    cols: Ints,
    weights: Floats32,
    offset: float,
    out: Floats32,
) -> None:
    """Pixels of a row wherever their first taps lie."""
    for x in range(cols.shape[0]):
        k = cols[x]
        if k < 0:
            out[x] = np.nan
        else:
            total = weights[x, 0] * line[k] + weights[x, 1] * line[k + 1]
            out[x] = total + weights[x, 2] * line[k + 2] + weights[x, 3] * line[k + 3] + offset


@numba.njit(cache=True)
def nearest(source: NDArray[np.uint8], rows: Ints, cols: Ints) -> NDArray[np.uint8]:
    """`source` (y, x) at `rows` and `cols`, 0 where those lie outside."""
    out = np.zeros((rows.shape[0], cols.shape[0]), np.uint8)
    for y in range(rows.shape[0]):
        if 0 <= rows[y] < source.shape[0]:
            line = source[rows[y]]
            for x in range(cols.shape[0]):
                if 0 <= cols[x] < source.shape[1]:
                    out[y, x] = line[cols[x]]
    return out


HALF = 0.5


def wkt_of(grid: GeoBox) -> str:
    """The grid's coordinate system as WKT.

    Raises:
        GridMismatchError: where it has none.
    """
    if grid.crs is None:
        raise GridMismatchError("the site's grid has no coordinate system")
    return _wkt(str(grid.crs))


@lru_cache(maxsize=16)
def _wkt(spelling: str) -> str:
    return str(odc.geo.crs.CRS(spelling).to_wkt())


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


def same_crs(crs_wkt: str, grid: GeoBox) -> bool:
    """Whether two spellings mean one coordinate system."""
    return _same_system(crs_wkt, wkt_of(grid))


@lru_cache(maxsize=256)
def _same_system(one: str, other: str) -> bool:
    return one == other or bool(CRS.from_wkt(one).equals(CRS.from_wkt(other), ignore_axis_order=True))


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
    pixels = np.ascontiguousarray(pixels)  # one kernel to compile for windows and whole images
    if not missing.any():
        plain: Image = separable(pixels, rows, row_weights, cols, col_weights, float(scale), float(offset))
        return plain
    weight = separable((~missing).astype(np.float32), rows, row_weights, cols, col_weights, 1.0, 0.0)
    values = separable(
        np.where(missing, pixels.dtype.type(0), pixels), rows, row_weights, cols, col_weights, 1.0, 0.0
    )
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
    """Classes on a grid by the nearest pixel, 0 outside.

    Args:
        classes: (y, x) whole numbers.
        transform: of the source.
        crs_wkt: of the source.
        grid: to resample to.
        shift_m: how far the source lies from where it should, east and north, metres.
    """
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
