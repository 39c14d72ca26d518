"""What Process answers, checked against what was asked for."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import rasterio.crs
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from evidence.errors import SourceError
from imagery.records import Raster
from imagery.sources.hub_grid import Grid
from imagery.sources.retry import RetryableError

BYTE_BANDS = frozenset({"scl", "clp", "data_mask"})


def untar(content: bytes) -> dict[str, bytes]:
    """The files of an answer by name.

    Raises:
        RetryableError: where it is no tar archive.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            members = [member for member in archive.getmembers() if member.isfile()]
            return {
                member.name: stream.read() for member in members if (stream := archive.extractfile(member))
            }
    except (tarfile.TarError, EOFError) as error:
        raise RetryableError(
            f"Process answered something other than an archive of images: {content[:60]!r}"
        ) from error


def decode(content: bytes, grid: Grid, count: int, dtype: str) -> NDArray[Any]:
    """(band, y, x) of an image that is what was asked for.

    Raises:
        RetryableError: where the image is broken.
        SourceError: where size, place, projection or type differ.
    """
    try:
        with MemoryFile(content) as memory, memory.open() as dataset:
            pixels: NDArray[Any] = dataset.read()
            crs, transform = dataset.crs, dataset.transform
    except (RasterioError, ValueError) as error:
        raise RetryableError(f"Process answered a broken image of {len(content)} bytes: {error}") from error
    expected = (count, grid.height, grid.width)
    if pixels.shape != expected:
        raise SourceError(f"Process answered (bands, rows, columns) {pixels.shape}, asked for {expected}")
    if crs != rasterio.crs.CRS.from_epsg(grid.epsg) or not transform.almost_equals(grid.transform, 1e-3):
        place = tuple(round(value, 2) for value in tuple(transform)[:6])
        raise SourceError(
            f"Process answered an image in {crs.to_string() if crs else None} at {place}, asked for "
            f"EPSG:{grid.epsg} at {tuple(grid.transform)[:6]}"
        )
    if pixels.dtype.name != dtype:
        raise SourceError(f"Process answered {pixels.dtype.name}, asked for {dtype}")
    return pixels


def raster_of(band: str, pixels: NDArray[Any], grid: Grid) -> Raster:
    """One band of an answer."""
    return Raster(
        band=band,
        pixels=pixels.astype("uint8") if band in BYTE_BANDS else pixels,
        transform=grid.transform,
        crs_wkt=rasterio.crs.CRS.from_epsg(grid.epsg).to_wkt(),
        nodata=0.0,
    )
