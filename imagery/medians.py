"""Medians over a few images, blind to what is missing."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True)
def _median_of(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """Along the first axis of (n, pixel); NaN where nothing is finite."""
    n, pixels = stack.shape
    out = np.empty(pixels, np.float32)
    held = np.empty(n, np.float32)
    for x in range(pixels):
        count = 0
        for k in range(n):
            value = stack[k, x]
            if np.isfinite(value):
                place = count
                while place > 0 and held[place - 1] > value:
                    held[place] = held[place - 1]
                    place -= 1
                held[place] = value
                count += 1
        low, high = held[max(count - 1, 0) // 2], held[max(count, 1) // 2]
        out[x] = np.float32(0.5) * (low + high) if count else np.nan
    return out


def nan_median(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """Median of what is finite along the first axis of (time, y, x), a short one; NaN where nothing is."""
    flat = np.ascontiguousarray(stack, np.float32).reshape(len(stack), -1)
    median: NDArray[np.float32] = _median_of(flat).reshape(stack.shape[1:])
    return median
