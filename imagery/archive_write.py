"""Pixels and items to files, each complete or not there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.io import MemoryFile

from evidence.files import sync_file
from imagery.records import FetchedProduct, Raster

BLOCK = 128
"""Pixels along a side of a block: a camp's crop is a few hundred pixels wide."""


def encode_cog(raster: Raster) -> bytes:
    """Source numbers as they are, as the bytes of a cloud-optimised GeoTIFF; read back before they are given.

    Raises:
        OSError: where the bytes hold something other than the numbers.
    """
    pixels = raster.pixels
    height, width = pixels.shape
    floating = np.issubdtype(pixels.dtype, np.floating)
    profile = {
        "driver": "COG",
        "height": height,
        "width": width,
        "count": 1,
        "dtype": pixels.dtype,
        "crs": raster.crs_wkt,
        "transform": raster.transform,
        "nodata": raster.nodata,
        "blocksize": BLOCK,
        "compress": "DEFLATE",
        "predictor": "FLOATING_POINT" if floating else "STANDARD",
        "overviews": "NONE",
    }
    with MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(pixels, 1)
        with memory.open() as dataset:
            written = dataset.read(1)
        data = bytes(memory.getbuffer())
    if written.dtype != pixels.dtype or not np.array_equal(written, pixels, equal_nan=bool(floating)):
        raise OSError(f"{raster.band}: the encoded image does not hold what was encoded")
    return data


def encode_all(fetched: FetchedProduct) -> dict[str, bytes]:
    """Every band's file; work for the threads that fetch, so that the one that writes need not wait."""
    return {band: encode_cog(raster) for band, raster in fetched.rasters.items()}


def write_durably(path: Path, data: bytes) -> None:
    """Write and flush. No rename: nothing counts before the item beside it, which is renamed into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    sync_file(path)


def item_text(item: Mapping[str, Any]) -> str:
    """An item or collection as JSON text."""
    return json.dumps(item, indent=1, ensure_ascii=False, allow_nan=False)
