"""Windows of rasters on their own lattice: which pixels a box means, and these pixels from a file on disk."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj.exceptions import ProjError
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from evidence.errors import SourceError
from evidence.limits import Limits
from imagery.records import Asset, Raster
from imagery.sources.addresses import public_url, shown

Bounds = tuple[float, float, float, float]

SNAP_M = 60.0
"""Crops start and end on multiples of this from the product's origin, so that 10, 20 and 60 m bands nest.
Derived: the least common multiple of the pixels."""

MARGIN_M = 60.0
"""Read beyond the ordering box, so that shifts and resampling at its edge find neighbours. Assumed: shifts
reach 12 m, resampling three pixels."""


class UnreadableError(SourceError):
    """Bytes of no format that is read, or that GDAL cannot read."""


class NoDataError(SourceError):
    """The product shows nothing of the site: nothing failed, and nothing is to be had."""


GDAL_FAILURES = (RasterioError, ProjError, OSError, ValueError, TypeError, OverflowError, MemoryError)
"""Everything that GDAL and its wrapper raise over bytes that are not what they seem."""

GDAL_OPTIONS: Mapping[str, str | int | bool] = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
    "USE_RRD": "NO",
    "CPL_VSIL_CURL_ALLOWED_FILENAME": "none",
    "GDAL_HTTP_MAX_RETRY": 0,
    "CPL_CURL_ENABLE_VSIMEM": "NO",
}
"""No listing of folders and no side-car files: what a band is stands in its file and its item. GDAL is given
bytes and never an address; should a file name one all the same, no address is allowed."""

DRIVERS: Mapping[bytes, str] = {
    b"II*\x00": "GTiff",
    b"MM\x00*": "GTiff",
    b"II+\x00": "GTiff",
    b"MM\x00+": "GTiff",
    b"\x00\x00\x00\x0cjP  \r\n\x87\n": "JP2OpenJPEG",
    b"\xff\x4f\xff\x51": "JP2OpenJPEG",
}
"""What a raster from outside may be, by its first bytes. GDAL guesses some two hundred formats by itself,
among them texts that name other files and addresses (VRT, WMS, …)."""
NUMBERS = frozenset({"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"})
"""Types of source pixels; complex numbers are no measurement of ours."""


def driver_of(head: bytes) -> str:
    """The one driver that may open bytes that begin so.

    Raises:
        UnreadableError: where they are of no format that is read.
    """
    found = next((driver for start, driver in DRIVERS.items() if head.startswith(start)), None)
    if found is None:
        raise UnreadableError(f"neither GeoTIFF nor JPEG 2000: begins with {head[:16]!r}")
    return found


@contextmanager
def open_bytes(data: bytes) -> Iterator[rasterio.DatasetReader]:
    """Bytes from outside as a dataset, by the driver that their beginning allows."""
    driver = driver_of(data[:16])
    with rasterio.Env(**GDAL_OPTIONS), MemoryFile(data) as memory, memory.open(driver=driver) as dataset:
        yield dataset


@contextmanager
def open_file(path: Path) -> Iterator[rasterio.DatasetReader]:
    """A file from outside as a dataset; it lies on a disk, under none of GDAL's virtual names.

    Raises:
        UnreadableError: where it is not there, or of no format that is read.
    """
    try:
        real = path.resolve(strict=True)
        with real.open("rb") as stream:
            driver = driver_of(stream.read(16))
    except (OSError, ValueError, RuntimeError) as error:
        raise UnreadableError(f"{shown(path)}: {getattr(error, 'strerror', None) or shown(error)}") from error
    if str(real).startswith(("/vsi", "\\vsi")):
        raise UnreadableError(f"{shown(path)}: a virtual name")
    with rasterio.Env(**GDAL_OPTIONS), rasterio.open(real, driver=driver) as dataset:
        yield dataset


def check_size(dataset: rasterio.DatasetReader, window: Window, limits: Limits) -> None:
    """Refuse a read that would allocate more than is granted, before it is begun.

    Raises:
        SourceError: with the sizes.
    """
    kind = dataset.dtypes[0]
    if kind not in NUMBERS:
        raise SourceError(f"pixels of the type {kind}")
    item = np.dtype(kind).itemsize
    rows, columns = dataset.block_shapes[0]
    if dataset.driver != "GTiff":  # OpenJPEG may decode all of it, four bytes a pixel
        (rows, columns), item, limit = dataset.shape, 4, 8 * limits.block_bytes
    else:
        limit = limits.block_bytes
    if rows * columns * item > limit:
        raise SourceError(f"blocks of {rows} by {columns} pixels, {rows * columns * item / 1e6:.0f} MB each")
    check_window(window, item, limits)


def check_window(window: Window, item: int, limits: Limits) -> None:
    """Refuse a window of more bytes than is granted.

    Raises:
        SourceError: with the sizes.
    """
    size = int(window.height) * int(window.width) * item
    if size > limits.window_bytes:
        raise SourceError(
            f"a window of {window.height} by {window.width} pixels takes {size / 1e6:.0f} MB, more than "
            f"{limits.window_bytes / 1e6:.0f} MB ([limits] memory_gb)"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """A raster without its pixels."""

    crs: rasterio.crs.CRS
    transform: Affine
    shape: tuple[int, int]
    """(rows, columns)."""
    nodata: float | None
    bands: int

    @classmethod
    def of(cls, dataset: rasterio.DatasetReader) -> Lattice:
        """That of an open dataset."""
        return cls(
            crs=dataset.crs,
            transform=dataset.transform,
            shape=dataset.shape,
            nodata=dataset.nodata,
            bands=dataset.count,
        )

    @property
    def bounds(self) -> Bounds:
        """(left, bottom, right, top) in the raster's CRS."""
        right, bottom = self.transform @ (self.shape[1], self.shape[0])
        return self.transform.c, bottom, right, self.transform.f


def read_window(
    asset: Asset, bounds: Bounds, *, path: Path | None = None, limits: Limits | None = None
) -> Raster:
    """Source pixels of one band over `bounds` (degrees), on whole pixels of the raster's own lattice.

    Args:
        asset: what to read.
        bounds: (west, south, east, north), degrees.
        path: where the asset's file lies, if not where its href says.
        limits: of what is allocated.

    Raises:
        UnreadableError: where the raster cannot be read.
        NoDataError: where it does not touch the bounds.
        SourceError: where it is not what the item describes, or too large.
    """
    label = public_url(asset.href)
    try:
        with open_file(path or Path(asset.href)) as dataset:
            lattice = Lattice.of(dataset)
            window = window_over(lattice, asset, bounds)
            check_size(dataset, window, limits or Limits())
            return cut_raster(lattice, asset, window, dataset.read(1, window=window))
    except UnreadableError as error:
        raise UnreadableError(f"{asset.band}: {error}", url=label) from error
    except GDAL_FAILURES as error:
        raise UnreadableError(f"{asset.band}: {cause(error)}", url=label) from error


def cause(error: BaseException) -> str:
    """The first line of the deepest cause: GDAL hides the reason one level down."""
    while error.__cause__ is not None:
        error = error.__cause__
    return shown(str(error).splitlines()[0] if str(error).strip() else type(error).__name__)


def window_over(lattice: Lattice, asset: Asset, bounds: Bounds) -> Window:
    """The pixels that cover `bounds` (degrees) and a margin.

    Raises:
        SourceError: where the raster is not what the item describes.
        NoDataError: where it lies elsewhere.
    """
    if lattice.crs is None or lattice.bands != 1:
        raise SourceError(
            f"{asset.band}: expected one georeferenced band, found {lattice.bands} with CRS {lattice.crs}",
            url=public_url(asset.href),
        )
    if not all(math.isfinite(value) for value in lattice.transform) or 0.0 in {
        lattice.transform.a,
        lattice.transform.e,
    }:
        raise SourceError(f"{asset.band}: a georeference that is none", url=public_url(asset.href))
    _check_against_item(lattice, asset)
    window = crop_window(lattice.transform, lattice.shape, _to_crs(bounds, lattice.crs))
    if window is None:
        raise NoDataError(
            f"{asset.band}: the product covers {_rounded(lattice.bounds)} in {lattice.crs.to_string()}, "
            f"not the box {_rounded(bounds)} in degrees",
            url=public_url(asset.href),
        )
    return window


def cut_raster(lattice: Lattice, asset: Asset, window: Window, pixels: NDArray[np.generic]) -> Raster:
    """The pixels of a window, with their place."""
    nodata = lattice.nodata if lattice.nodata is not None else asset.nodata
    return Raster(
        band=asset.band,
        pixels=pixels,
        transform=lattice.transform @ Affine.translation(window.col_off, window.row_off),
        crs_wkt=_wkt(lattice.crs),
        nodata=nodata if nodata is None or _can_hold(pixels.dtype, nodata) else None,
    )


def _can_hold(kind: np.dtype[np.generic], number: float) -> bool:
    """Whether pixels of a type can be `number` at all."""
    if not math.isfinite(number):
        return np.issubdtype(kind, np.floating) and math.isnan(number)
    span = np.finfo(kind.str) if kind.kind == "f" else np.iinfo(kind.str)
    whole = kind.kind == "f" or number == int(number)
    return whole and float(span.min) <= number <= float(span.max)


@lru_cache(maxsize=64)
def _wkt(crs: rasterio.crs.CRS) -> str:
    return str(crs.to_wkt())


def _check_against_item(lattice: Lattice, asset: Asset) -> None:
    """A file other than the one the item describes is refused."""
    if asset.crs is not None and not _is_crs(lattice.crs, asset.crs):
        raise SourceError(
            f"{asset.band}: the raster is in {lattice.crs.to_string()}, the item says {asset.crs}",
            url=public_url(asset.href),
        )
    if asset.shape is not None and lattice.shape != asset.shape:
        raise SourceError(
            f"{asset.band}: the raster has {lattice.shape} rows and columns, the item says {asset.shape}",
            url=public_url(asset.href),
        )


def _is_crs(crs: rasterio.crs.CRS, code: str) -> bool:
    try:
        return bool(crs == rasterio.crs.CRS.from_string(code))
    except (RasterioError, ValueError):  # a code that nobody knows
        return False


def _to_crs(bounds: Bounds, crs: rasterio.crs.CRS) -> Bounds:
    west, south, east, north = transform_bounds("EPSG:4326", crs, *bounds, densify_pts=21)
    if not all(math.isfinite(value) for value in (west, south, east, north)):
        raise NoDataError(f"the box {_rounded(bounds)} has no place in {crs.to_string()[:80]}")
    margin = MARGIN_M if crs.is_projected else 0.0
    return west - margin, south - margin, east + margin, north + margin


def crop_window(transform: Affine, shape: tuple[int, int], bounds: Bounds) -> Window | None:
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
