"""What a disturbed patch looks like after the change: a kind, from its own later spectra and its shape."""

from __future__ import annotations

import datetime as dt

import numpy as np
import shapely
import xarray as xr
from numpy.typing import NDArray

from detection.coal.coverage import pixel_size_m

Bools = NDArray[np.bool_]

LINEAR = "linear clearing, to be checked in ≤ 1 m imagery"
WIDEST_LINE_M = 40.0
LENGTH_TO_WIDTH = 5.0
COAL = {"visible": 0.08, "nir": 0.12, "ndvi": 0.2}
"""Upper limits of the starter rule for probable coal."""
BARE_NDVI = 0.35
"""Median NDVI below which no closed vegetation is left."""


def patch_kind(cube: xr.Dataset, patch: Bools, *, since: dt.date) -> str:
    """Water | coal | soil_spoil | vegetation_loss, or a linear clearing by its shape."""
    if is_linear(patch, pixel_size_m(cube.odc.geobox)):
        return LINEAR
    seen = _spectrum(cube, patch, since)
    if seen is None:
        return "vegetation_loss"
    total = seen["nir"] + seen["red"]
    ndvi = (seen["nir"] - seen["red"]) / total if total > 0 else 0.0
    if seen["green"] > seen["nir"] and seen["green"] > seen.get("swir16", 0.0):
        return "water"
    visible = float(np.mean([seen[band] for band in ("blue", "green", "red")]))
    if visible < COAL["visible"] and seen["nir"] < COAL["nir"] and ndvi < COAL["ndvi"]:
        return "coal"
    return "soil_spoil" if ndvi < BARE_NDVI else "vegetation_loss"


def is_linear(patch: Bools, side_m: float) -> bool:
    """Long and narrow: mean width under `WIDEST_LINE_M`, length at least `LENGTH_TO_WIDTH` of it."""
    rows, columns = np.nonzero(patch)
    box = shapely.minimum_rotated_rectangle(shapely.multipoints(np.column_stack([columns, rows])))
    ring = shapely.get_coordinates(box)
    if len(ring) < 4:  # noqa: PLR2004 - a point or a line: one pixel wide
        return len(rows) >= LENGTH_TO_WIDTH
    length = (max(np.hypot(*(ring[1] - ring[0])), np.hypot(*(ring[2] - ring[1]))) + 1.0) * side_m
    width = len(rows) * side_m**2 / length
    return bool(width < WIDEST_LINE_M and length >= LENGTH_TO_WIDTH * width)


def _spectrum(cube: xr.Dataset, patch: Bools, since: dt.date) -> dict[str, float] | None:
    """Median reflectance of the patch after the change."""
    later = cube["time"].to_numpy() >= np.datetime64(since)
    valid = cube["valid"].to_numpy()[later][:, patch] & ~cube["snow"].to_numpy()[later][:, patch]
    if not valid.any():
        return None
    bands = [band for band in ("blue", "green", "red", "nir", "swir16") if band in cube]
    if "green" not in bands or "blue" not in bands:
        return None
    values = {band: cube[band].to_numpy()[later][:, patch][valid] for band in bands}
    return {band: float(np.nanmedian(v)) for band, v in values.items()}
