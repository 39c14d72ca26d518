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


@numba.njit(cache=True)
def regular_stretch(cols: NDArray[np.int64]) -> tuple[int, int, int]:
    """The stretch ``[start, stop)`` around the middle whose first taps advance by one every `period` pixels.

    Source and grid of 10 m have a period of one, a source of 20 m has two; 0 where there is no such stretch.
    """
    width = cols.shape[0]
    middle = width // 2
    for period in (1, 2):
        start, stop = middle, middle
        while stop + period < width and cols[stop] >= 0 and cols[stop + period] == cols[stop] + 1:
            stop += 1
        while start > 0 and cols[start - 1] >= 0 and cols[start - 1 + period] == cols[start - 1] + 1:
            start -= 1
        count = (stop - start) // period
        if count > TAPS:
            return start, start + count * period, period
    return 0, 0, 0


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
    start, stop, period = regular_stretch(cols)
    count = (stop - start) // max(period, 1)
    weights = np.empty((max(period, 1), TAPS, count), np.float32)
    for phase in range(period):
        for tap in range(TAPS):
            weights[phase, tap] = col_weights[start + phase : stop : period, tap]
    factor = np.float32(scale)
    for y in range(height):
        r = rows[y]
        if r < 0:
            out[y, :] = np.nan
            continue
        a, b, c, d = row_weights[y, 0], row_weights[y, 1], row_weights[y, 2], row_weights[y, 3]
        for x in range(source.shape[1]):
            value = a * source[r, x] + b * source[r + 1, x] + c * source[r + 2, x] + d * source[r + 3, x]
            line[x] = np.float32(value) * factor
        _one_by_one(line, cols[:start], col_weights[:start], offset, out[y, :start])
        _one_by_one(line, cols[stop:], col_weights[stop:], offset, out[y, stop:])
        for phase in range(period):
            first = cols[start + phase]
            _in_step(line[first:], weights[phase], offset, out[y, start + phase : stop : period])
    return out


@numba.njit(cache=True, fastmath=True)
def _in_step(
    line: NDArray[np.float32], weights: NDArray[np.float32], offset: float, out: NDArray[np.float32]
) -> None:
    """Pixels of a row whose first taps follow each other; `weights` is (tap, pixel)."""
    count, level = weights.shape[1], np.float32(offset)
    one, two, three, four = line[:count], line[1 : 1 + count], line[2 : 2 + count], line[3 : 3 + count]
    for x in range(count):
        near = weights[0, x] * one[x] + weights[1, x] * two[x]
        out[x] = near + weights[2, x] * three[x] + weights[3, x] * four[x] + level


@numba.njit(cache=True, fastmath=True)
def _one_by_one(
    line: NDArray[np.float32],
    cols: NDArray[np.int64],
    weights: NDArray[np.float32],
    offset: float,
    out: NDArray[np.float32],
) -> None:
    """Pixels of a row wherever their first taps lie."""
    for x in range(cols.shape[0]):
        k = cols[x]
        if k < 0:
            out[x] = np.nan
        else:
            total = weights[x, 0] * line[k] + weights[x, 1] * line[k + 1]
            out[x] = total + weights[x, 2] * line[k + 2] + weights[x, 3] * line[k + 3] + offset


@numba.njit(cache=True)
def nearest(source: NDArray[np.uint8], rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[np.uint8]:
    """`source` (y, x) at `rows` and `cols`, 0 where those lie outside."""
    out = np.zeros((rows.shape[0], cols.shape[0]), np.uint8)
    for y in range(rows.shape[0]):
        if 0 <= rows[y] < source.shape[0]:
            line = source[rows[y]]
            for x in range(cols.shape[0]):
                if 0 <= cols[x] < source.shape[1]:
                    out[y, x] = line[cols[x]]
    return out
