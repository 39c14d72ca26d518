"""Medians, scales and weights that a few wild values do not move."""

from __future__ import annotations

import numba
import numpy as np

from evidence.arrays import Floats, Floats32

_TOGETHER = 512
"""Pixels that are sorted at once: their values stay near the processor. Assumed; no result hangs on it."""


@numba.njit(cache=True)
def _median_of(stack: Floats32) -> Floats32:
    """Along the first axis of (n, pixel); NaN where nothing is finite.

    Neighbours are put in order (insertion sort), many pixels at once; what is not finite goes to the end.
    """
    n, pixels = stack.shape
    out = np.empty(pixels, np.float32)
    held = np.empty((n, _TOGETHER), np.float32)
    finite = np.empty(_TOGETHER, np.int64)
    end = np.float32(np.inf)
    for start in range(0, pixels, _TOGETHER):
        size = min(_TOGETHER, pixels - start)
        finite[:size] = 0
        for k in range(n):
            values, own = stack[k, start : start + size], held[k]
            for x in range(size):
                known = np.isfinite(values[x])
                own[x] = values[x] if known else end
                finite[x] += known
            for place in range(k, 0, -1):
                before, after = held[place - 1], held[place]
                for x in range(size):
                    one, two = before[x], after[x]
                    before[x], after[x] = (two, one) if one > two else (one, two)
        for x in range(size):
            count = finite[x]
            low, high = held[max(count - 1, 0) // 2, x], held[count // 2, x]
            out[start + x] = np.float32(0.5) * (low + high) if count else np.nan
    return out


def nan_median(stack: Floats32) -> Floats32:
    """Median of what is finite along the first axis of (time, y, x), a short one; NaN where nothing is."""
    flat = np.ascontiguousarray(stack, np.float32).reshape(len(stack), -1)
    median: Floats32 = _median_of(flat).reshape(stack.shape[1:])
    return median


CAUCHY = 2.385
"""Standard deviations at which Cauchy weights keep 95 % efficiency on a normal law (Holland, Welsch 1977)."""
MAD_TO_SD = 1.4826
"""Standard deviation over median absolute deviation of a normal law."""


def spread(residuals: Floats) -> float:
    """Standard deviation around nothing, from the median of the sizes; NaN where there are none."""
    return float(MAD_TO_SD * np.median(np.abs(residuals))) if residuals.size else float("nan")


def cauchy_weights(residuals: Floats, *, least: float = 1e-4) -> Floats:
    """Weights of reweighted least squares; the scale is that of the residuals, and `least` more."""
    weights: Floats = 1.0 / (1.0 + (residuals / (CAUCHY * (spread(residuals) + least))) ** 2)
    return weights
