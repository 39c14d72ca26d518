"""Reflectance as small integers, in the source's own step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SCALE = 1e-4
"""Reflectance per stored number."""
FILL = -32768


def packed(values: NDArray[np.float32]) -> NDArray[np.int16]:
    """Reflectance as int16, `FILL` where missing."""
    scaled = np.rint(np.clip(values, -1.0, 3.2) * np.float32(1.0 / SCALE))
    packed: NDArray[np.int16] = np.where(np.isnan(scaled), FILL, scaled).astype(np.int16)
    return packed


def unpacked(stored: NDArray[np.int16]) -> NDArray[np.float32]:
    """Stored numbers as reflectance, NaN where missing."""
    values = np.asarray(stored, np.float32) * np.float32(SCALE)
    return np.where(stored == FILL, np.float32(np.nan), values)
