"""Separable cubic resampling between parallel lattices, in numba: some thirty times GDAL's general warp."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from imagery.registration_kernels import cubic_weights

TAPS = 4
"""Of the cubic kernel."""


@numba.njit(cache=True)
def axis_taps(
    length: int, source_length: int, start: float, step: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """First tap and weights for each output pixel along one axis.

    Args:
        length: output pixels.
        source_length: source pixels.
        start: source coordinate (pixel centres are whole numbers) of the first output pixel's centre.
        step: source pixels per output pixel.

    Returns:
        first tap (-1 where the output pixel lies outside) and four weights; taps beyond the edge are folded
        into the edge pixel.
    """
    first, weights = np.empty(length, np.int64), np.zeros((length, 4), np.float32)
    for i in range(length):
        position = start + i * step
        if position < -0.5 - 1e-9 or position > source_length - 0.5 + 1e-9 or source_length < TAPS:
            first[i] = -1
            continue
        base = int(np.floor(position))
        taps = cubic_weights(position - base)
        origin = min(max(base - 1, 0), source_length - 4)
        for k in range(4):
            place = min(max(base - 1 + k, 0), source_length - 1) - origin
            weights[i, place] += taps[k]
        first[i] = origin
    return first, weights


@numba.njit(cache=True, fastmath=True)
def separable(
    source: NDArray[Any],
    rows: NDArray[np.int64],
    row_weights: NDArray[np.float32],
    cols: NDArray[np.int64],
    col_weights: NDArray[np.float32],
    scale: float,
    offset: float,
) -> NDArray[np.float32]:
    """`source` (y, x) resampled, times `scale`, plus `offset`; NaN outside."""
    height, width = rows.shape[0], cols.shape[0]
    out = np.empty((height, width), np.float32)
    line = np.empty(source.shape[1], np.float32)
    for y in range(height):
        r = rows[y]
        if r < 0:
            out[y, :] = np.nan
            continue
        a, b, c, d = row_weights[y, 0], row_weights[y, 1], row_weights[y, 2], row_weights[y, 3]
        for x in range(source.shape[1]):
            line[x] = a * source[r, x] + b * source[r + 1, x] + c * source[r + 2, x] + d * source[r + 3, x]
        for x in range(width):
            k = cols[x]
            if k < 0:
                out[y, x] = np.nan
            else:
                value = (
                    col_weights[x, 0] * line[k]
                    + col_weights[x, 1] * line[k + 1]
                    + col_weights[x, 2] * line[k + 2]
                    + col_weights[x, 3] * line[k + 3]
                )
                out[y, x] = value * scale + offset
    return out
