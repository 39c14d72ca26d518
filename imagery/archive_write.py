"""Pixels and items to files, each complete or not there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

from evidence.files import atomic_path
from imagery.records import Raster

BLOCK = 128
"""Pixels along a side of a block: a camp's crop is a few hundred pixels wide."""


def write_cog(path: Path, raster: Raster) -> None:
    """Write source numbers as they are, as a cloud-optimised GeoTIFF."""
    pixels = raster.pixels
    height, width = pixels.shape
    floating = np.issubdtype(pixels.dtype, np.floating)
    with atomic_path(path) as temporary:
        with rasterio.open(
            temporary,
            "w",
            driver="COG",
            height=height,
            width=width,
            count=1,
            dtype=pixels.dtype,
            crs=raster.crs_wkt,
            transform=raster.transform,
            nodata=raster.nodata,
            blocksize=BLOCK,
            compress="DEFLATE",
            predictor="FLOATING_POINT" if floating else "STANDARD",
            overviews="NONE",
        ) as dataset:
            dataset.write(pixels, 1)
        _confirm(temporary, pixels)


def _confirm(path: Path, pixels: np.ndarray[Any, Any]) -> None:
    """What is on disk is what was given, to the last number."""
    with rasterio.open(path) as dataset:
        written = dataset.read(1)
    if written.dtype != pixels.dtype or not np.array_equal(
        written, pixels, equal_nan=pixels.dtype.kind == "f"
    ):
        raise OSError(f"{path} does not hold what was written")


def item_text(item: Mapping[str, Any]) -> str:
    """An item or collection as JSON text."""
    return json.dumps(item, indent=1, ensure_ascii=False, allow_nan=False)
