"""Spectral indices and their mean that points towards bare ground: larger means less green, more soil."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def normalised_difference(one: Floats, two: Floats) -> Floats:
    """``(one − two) / (one + two)``; NaN where the sum is not positive."""
    total = one + two
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, (one - two) / total, np.nan).astype(np.float32)


def ndvi(bands: Mapping[str, Floats]) -> Floats:
    """Greenness (Rouse et al. 1974)."""
    return normalised_difference(bands["nir"], bands["red"])


def bare_soil_index(bands: Mapping[str, Floats]) -> Floats:
    """BSI (Rikimaru et al. 2002): ``((swir16 + red) − (nir + blue)) / (their sum)``."""
    return normalised_difference(bands["swir16"] + bands["red"], bands["nir"] + bands["blue"])


def bareness(bands: Mapping[str, Floats]) -> tuple[Floats, tuple[str, ...]]:
    """What is monitored, and the bands that it was made from.

    The mean of −NDVI and BSI where short-wave infrared is there, −NDVI where it is not: both rise when
    vegetation goes, their noise is largely independent, and 20 m pixels never decide alone.
    """
    green = ndvi(bands)
    if "swir16" not in bands:
        return -green, ("red", "nir")
    soil = bare_soil_index(bands)
    both = (soil - green) / np.float32(2.0)
    return np.where(np.isfinite(soil), both, np.nan).astype(np.float32), ("blue", "red", "nir", "swir16")
