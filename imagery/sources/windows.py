"""Windows of rasters on their own lattice: the one place where pixels are read from files and URLs."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping

import numpy as np
import rasterio
from affine import Affine
from rasterio.errors import RasterioError
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from evidence.errors import SourceError
from imagery.records import Asset, Raster
from imagery.sources.addresses import public_url
from imagery.sources.retry import RETRIED_STATUS, RetryableError

_STATUS = re.compile(r"HTTP (?:response code|error code)\s*:?\s*(\d{3})")

SNAP_M = 60.0
"""Crops start and end on multiples of this from the product's origin, so that 10, 20 and 60 m bands nest."""

MARGIN_M = 60.0
"""Read beyond the ordering box, so that shifts and resampling at its edge find neighbours."""

GDAL_OPTIONS: Mapping[str, str | int] = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif,.tiff,.jp2",
    "GDAL_HTTP_MULTIRANGE": "YES",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
}
"""For files and URLs alike. Without the first two, GDAL asks for side-car files and listings before every
open: 8-16 times the wall time."""


HTTP_OPTIONS: Mapping[str, str | int] = {
    **GDAL_OPTIONS,
    "GDAL_HTTP_MAX_RETRY": 0,
    "GDAL_HTTP_CONNECTTIMEOUT": 10,
    "GDAL_HTTP_LOW_SPEED_TIME": 15,
    "GDAL_HTTP_LOW_SPEED_LIMIT": 10_000,
    "GDAL_HTTP_TIMEOUT": 300,
    "GDAL_HTTP_USERAGENT": "GDAL",
}
"""For URLs: retries are `imagery.sources.retry`'s; a stall ends by its speed, not by its length."""


_failures: Counter[str] = Counter()
"""URLs that failed in this process, and how often. GDAL answers every later open of such a URL from memory,
though the server has long healed; under a query that it has not seen yet it asks again. (Its own cure,
CPL_VSIL_CURL_NON_CACHED, costs another HEAD for every file.)"""


def read_window(
    asset: Asset,
    bounds: tuple[float, float, float, float],
    *,
    options: Mapping[str, str | int] = GDAL_OPTIONS,
    whole: bool = False,
) -> Raster:
    """Source pixels of one band over `bounds` (degrees), on whole pixels of the raster's own lattice.

    Args:
        asset: what to read.
        bounds: (west, south, east, north), degrees.
        options: GDAL's configuration while reading.
        whole: read the whole raster and crop afterwards, so that the server cannot see the window.

    Raises:
        SourceError: where the raster cannot be read or does not touch the bounds.
    """
    try:
        with rasterio.Env(**options), rasterio.open(_unremembered(asset.href)) as dataset:
            return _read(dataset, asset, bounds, whole=whole)
    except (RasterioError, OSError) as error:
        _failures[public_url(asset.href)] += 1
        raise read_error(asset, error) from error


def _unremembered(href: str) -> str:
    """`href` as GDAL has not seen it fail yet."""
    failed = _failures[public_url(href)] if "://" in href else 0
    return f"{href}{'&' if '?' in href else '?'}again={failed}" if failed else href


def read_error(asset: Asset, error: BaseException) -> SourceError:
    """What GDAL's complaint means: a status it hides in words, and whether another attempt is worth it."""
    text = " ".join(_words(error))
    found = _STATUS.search(text)
    status = int(found[1]) if found else None
    message = f"{asset.band}: {_cause(error)}"
    remote = "://" in asset.href
    kind = RetryableError if remote and (status is None or status in RETRIED_STATUS) else SourceError
    return kind(message, status=status, url=public_url(asset.href))


def _words(error: BaseException | None) -> list[str]:
    words = []
    while error is not None:
        words.append(str(error))
        error = error.__cause__ or error.__context__
    return words


def _cause(error: BaseException) -> str:
    """The first line of the deepest cause: GDAL hides the reason one level down."""
    while error.__cause__ is not None:
        error = error.__cause__
    return public_url(str(error).splitlines()[0] if str(error) else type(error).__name__)


def _read(
    dataset: rasterio.DatasetReader, asset: Asset, bounds: tuple[float, float, float, float], *, whole: bool
) -> Raster:
    if dataset.crs is None or dataset.count != 1:
        raise SourceError(
            f"{asset.band}: expected one georeferenced band, found {dataset.count} with CRS {dataset.crs}",
            url=public_url(asset.href),
        )
    _check_against_item(dataset, asset)
    window = crop_window(dataset.transform, (dataset.height, dataset.width), _to_crs(bounds, dataset))
    if window is None:
        raise SourceError(
            f"{asset.band}: the product covers {_rounded(dataset.bounds)} in {dataset.crs.to_string()}, "
            f"not the box {_rounded(bounds)} in degrees",
            url=public_url(asset.href),
        )
    if whole:
        rows, columns = window.toslices()
        pixels = dataset.read(1)[rows, columns].copy()
    else:
        pixels = dataset.read(1, window=window)
    return Raster(
        band=asset.band,
        pixels=pixels,
        transform=dataset.transform @ Affine.translation(window.col_off, window.row_off),
        crs_wkt=dataset.crs.to_wkt(),
        nodata=dataset.nodata if dataset.nodata is not None else asset.nodata,
    )


def _check_against_item(dataset: rasterio.DatasetReader, asset: Asset) -> None:
    """A file other than the one the item describes is refused."""
    if asset.crs is not None and dataset.crs != rasterio.crs.CRS.from_string(asset.crs):
        raise SourceError(
            f"{asset.band}: the raster is in {dataset.crs.to_string()}, the item says {asset.crs}",
            url=public_url(asset.href),
        )
    if asset.shape is not None and dataset.shape != asset.shape:
        raise SourceError(
            f"{asset.band}: the raster has {dataset.shape} rows and columns, the item says {asset.shape}",
            url=public_url(asset.href),
        )


def _to_crs(
    bounds: tuple[float, float, float, float], dataset: rasterio.DatasetReader
) -> tuple[float, float, float, float]:
    west, south, east, north = transform_bounds("EPSG:4326", dataset.crs, *bounds, densify_pts=21)
    margin = MARGIN_M if dataset.crs.is_projected else 0.0
    return west - margin, south - margin, east + margin, north + margin


def crop_window(
    transform: Affine, shape: tuple[int, int], bounds: tuple[float, float, float, float]
) -> Window | None:
    """The window that covers `bounds` (in the raster's CRS), grown to multiples of `SNAP_M`, or None.

    Args:
        transform: of the raster; north up.
        shape: (rows, columns) of the raster.
        bounds: (west, south, east, north) in the raster's CRS.
    """
    step_x, step_y = _snap_pixels(transform.a), _snap_pixels(-transform.e)
    left, right = sorted(((bounds[0] - transform.c) / transform.a, (bounds[2] - transform.c) / transform.a))
    top, bottom = sorted(((bounds[3] - transform.f) / transform.e, (bounds[1] - transform.f) / transform.e))
    first_column, last_column = _grow(left, right, step_x, shape[1])
    first_row, last_row = _grow(top, bottom, step_y, shape[0])
    if last_column <= first_column or last_row <= first_row:
        return None
    return Window(first_column, first_row, last_column - first_column, last_row - first_row)


def _snap_pixels(pixel: float) -> int:
    """Pixels in one `SNAP_M`, or 1 where the pixel does not divide it (degrees, odd sizes)."""
    count = SNAP_M / abs(pixel)
    return round(count) if abs(pixel) > 1.0 and math.isclose(count, round(count)) and count >= 1 else 1


def _grow(low: float, high: float, step: int, size: int) -> tuple[int, int]:
    """Outward to whole steps, inside the raster; a whisker of rounding does not cost a step."""
    first = math.floor((low + 1e-6) / step) * step
    last = math.ceil((high - 1e-6) / step) * step
    return max(0, first), min(size, last)


def _rounded(bounds: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in bounds)


def is_empty(raster: Raster) -> bool:
    """Whether no pixel carries a value."""
    pixels = raster.pixels
    if np.issubdtype(pixels.dtype, np.floating) and np.isnan(pixels).all():
        return True
    return raster.nodata is not None and bool((pixels == raster.nodata).all())
