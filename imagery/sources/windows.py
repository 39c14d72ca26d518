"""Windows of rasters on their own lattice: which pixels a box means, and these pixels from a file on disk."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from evidence.errors import SourceError
from imagery.records import Asset, Raster
from imagery.sources.addresses import public_url

Bounds = tuple[float, float, float, float]

SNAP_M = 60.0
"""Crops start and end on multiples of this from the product's origin, so that 10, 20 and 60 m bands nest."""

MARGIN_M = 60.0
"""Read beyond the ordering box, so that shifts and resampling at its edge find neighbours."""

GDAL_OPTIONS: Mapping[str, str | int] = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_MULTIRANGE": "YES",
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif,.tiff,.jp2",
}
"""No listing of folders and no side-car files: what a band is stands in its file and its item. The others
matter to whoever reads URLs through GDAL, which this project leaves to `imagery.sources.cog`."""


class UnreadableError(SourceError):
    """GDAL cannot read the file."""


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


def read_window(asset: Asset, bounds: Bounds, *, path: Path | None = None) -> Raster:
    """Source pixels of one band over `bounds` (degrees), on whole pixels of the raster's own lattice.

    Args:
        asset: what to read.
        bounds: (west, south, east, north), degrees.
        path: where the asset's file lies, if not where its href says.

    Raises:
        UnreadableError: where the raster cannot be read.
        SourceError: where it does not touch the bounds, or is not what the item describes.
    """
    try:
        with rasterio.Env(**GDAL_OPTIONS), rasterio.open(path or asset.href) as dataset:
            lattice = Lattice.of(dataset)
            window = window_over(lattice, asset, bounds)
            return cut_raster(lattice, asset, window, dataset.read(1, window=window))
    except (RasterioError, OSError) as error:
        raise UnreadableError(f"{asset.band}: {cause(error)}", url=public_url(asset.href)) from error


def cause(error: BaseException) -> str:
    """The first line of the deepest cause: GDAL hides the reason one level down."""
    while error.__cause__ is not None:
        error = error.__cause__
    return public_url(str(error).splitlines()[0] if str(error) else type(error).__name__)


def window_over(lattice: Lattice, asset: Asset, bounds: Bounds) -> Window:
    """The pixels that cover `bounds` (degrees) and a margin.

    Raises:
        SourceError: where the raster is not what the item describes, or lies elsewhere.
    """
    if lattice.crs is None or lattice.bands != 1:
        raise SourceError(
            f"{asset.band}: expected one georeferenced band, found {lattice.bands} with CRS {lattice.crs}",
            url=public_url(asset.href),
        )
    _check_against_item(lattice, asset)
    window = crop_window(lattice.transform, lattice.shape, _to_crs(bounds, lattice.crs))
    if window is None:
        raise SourceError(
            f"{asset.band}: the product covers {_rounded(lattice.bounds)} in {lattice.crs.to_string()}, "
            f"not the box {_rounded(bounds)} in degrees",
            url=public_url(asset.href),
        )
    return window


def cut_raster(lattice: Lattice, asset: Asset, window: Window, pixels: NDArray[np.generic]) -> Raster:
    """The pixels of a window, with their place."""
    return Raster(
        band=asset.band,
        pixels=pixels,
        transform=lattice.transform @ Affine.translation(window.col_off, window.row_off),
        crs_wkt=_wkt(lattice.crs),
        nodata=lattice.nodata if lattice.nodata is not None else asset.nodata,
    )


@lru_cache(maxsize=64)
def _wkt(crs: rasterio.crs.CRS) -> str:
    return str(crs.to_wkt())


def _check_against_item(lattice: Lattice, asset: Asset) -> None:
    """A file other than the one the item describes is refused."""
    if asset.crs is not None and lattice.crs != rasterio.crs.CRS.from_string(asset.crs):
        raise SourceError(
            f"{asset.band}: the raster is in {lattice.crs.to_string()}, the item says {asset.crs}",
            url=public_url(asset.href),
        )
    if asset.shape is not None and lattice.shape != asset.shape:
        raise SourceError(
            f"{asset.band}: the raster has {lattice.shape} rows and columns, the item says {asset.shape}",
            url=public_url(asset.href),
        )


def _to_crs(bounds: Bounds, crs: rasterio.crs.CRS) -> Bounds:
    west, south, east, north = transform_bounds("EPSG:4326", crs, *bounds, densify_pts=21)
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
