"""Robust harmonic regression of per-pixel series: the season, and how much looks scatter about it.

Model: ``y(t) = a + Σ_k b_k cos(2πkt/T) + c_k sin(2πkt/T) [+ d t]`` with T = 365.25 days, fitted by
iteratively reweighted least squares with Tukey's biweight (Holland and Welsch 1977) from a median start, so
that a few unmasked clouds neither move the season nor widen the scale.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from imagery.robust import MAD_TO_SD

Floats = NDArray[np.float64]

DAYS_PER_YEAR = 365.25
BIWEIGHT = 4.685
"""Tuning constant of Tukey's biweight: 95 % efficiency at the normal distribution."""
REORDER = {"reassoc", "contract", "arcp", "nsz"}
"""Sums may be taken in any order, to run in vector registers; NaN and infinity keep their meaning."""
CHUNK = 256
"""Pixels that share their working arrays."""
FEW = 8
"""Values in a bracket that are sorted rather than counted once more."""


def design(days: NDArray[np.float64], *, order: int = 1, trend: bool = False) -> Floats:
    """Regressors at `days` since 1970-01-01: (time, coefficient)."""
    phase = 2.0 * math.pi * np.asarray(days, np.float64) / DAYS_PER_YEAR
    columns = [np.ones_like(phase)]
    for k in range(1, order + 1):
        columns += [np.cos(k * phase), np.sin(k * phase)]
    if trend:
        columns.append((np.asarray(days, np.float64) - 17532.0) / DAYS_PER_YEAR)  # years since 2018-01-01
    return np.stack(columns, axis=1)


@njit(cache=True)
def _solve(a: Floats, b: Floats) -> bool:
    """Cholesky solution of ``a x = b`` in place of `b`; False where `a` is singular."""
    p = b.size
    for i in range(p):
        for j in range(i + 1):
            s = a[i, j]
            for k in range(j):
                s -= a[i, k] * a[j, k]
            if i == j:
                if s <= 1e-9:  # noqa: PLR2004 - scale of the regressors is one
                    return False
                a[i, i] = math.sqrt(s)
            else:
                a[i, j] = s / a[j, j]
    for i in range(p):
        s = b[i]
        for k in range(i):
            s -= a[i, k] * b[k]
        b[i] = s / a[i, i]
    for i in range(p - 1, -1, -1):
        s = b[i]
        for k in range(i + 1, p):
            s -= a[k, i] * b[k]
        b[i] = s / a[i, i]
    return True


@njit(cache=True, fastmath=REORDER)
def _median_abs(residual: Floats, n: int, guess: float, buffer: Floats) -> float:
    """Median of absolute values (upper one of an even number), searched from a first guess.

    The bracket around it shrinks by counting, which runs in vector registers, where selection by swapping
    mispredicts every other branch; the few values left in the bracket are sorted.
    """
    low, high = -1.0, 0.0
    for t in range(n):
        buffer[t] = abs(residual[t])
        high = max(high, buffer[t])
    rank = n // 2 + 1
    below, upto = 0, n
    if not 0.0 < guess < high:
        guess = high * 0.5
    while upto - below > FEW and guess > low and guess < high:
        count = 0
        for t in range(n):
            count += 1 if buffer[t] <= guess else 0
        if count >= rank:
            high, upto = guess, count
        else:
            low, below = guess, count
        share = (rank - 0.5 - below) / (upto - below)
        guess = max(low, 0.0) + (high - max(low, 0.0)) * min(max(share, 0.1), 0.9)
    return _ranked(buffer, n, low, high, rank - below)


@njit(cache=True)
def _ranked(buffer: Floats, n: int, low: float, high: float, rank: int) -> float:
    """The `rank`-th smallest of the values above `low` and up to `high`; sorts them into the front."""
    kept = 0
    for t in range(n):  # without a branch: which values stay cannot be foreseen
        value = buffer[t]
        buffer[kept] = value
        kept += 1 if (value > low) & (value <= high) else 0
    for i in range(1, kept):
        value, k = buffer[i], i
        while k > 0 and buffer[k - 1] > value:
            buffer[k] = buffer[k - 1]
            k -= 1
        buffer[k] = value
    return float(buffer[rank - 1])


@njit(cache=True, fastmath=REORDER)
def _centred(y: Floats, n: int, r: Floats, buffer: Floats) -> None:
    """What is left of `y` without its median, into `r`."""
    least = y[0]
    for t in range(n):
        least = min(least, y[t])
    for t in range(n):
        r[t] = y[t] - least
    centre = _median_abs(r, n, 0.0, buffer)
    if n % 2 == 0:
        count, under = 0, 0.0
        for t in range(n):
            if r[t] < centre:
                count += 1
                under = max(under, r[t])
        if count == n // 2:
            centre = (centre + under) / 2.0
    for t in range(n):
        r[t] -= centre


@njit(cache=True, fastmath=REORDER)
def _weigh(y: Floats, x: Floats, n: int, w: Floats, a: Floats, beta: Floats) -> bool:
    """One weighted least squares step into `beta`, with `a` as room for the normal equations."""
    p = x.shape[0]
    for i in range(p):
        total = 0.0
        for t in range(n):
            total += w[t] * x[i, t] * y[t]
        beta[i] = total
        for j in range(i + 1):
            total = 0.0
            for t in range(n):
                total += w[t] * x[i, t] * x[j, t]
            a[i, j] = total
    return _solve(a, beta)


@njit(cache=True, fastmath=REORDER)
def _residuals(y: Floats, x: Floats, n: int, beta: Floats, r: Floats) -> None:
    for t in range(n):
        r[t] = y[t] - beta[0] * x[0, t]
    for i in range(1, x.shape[0]):
        for t in range(n):
            r[t] -= beta[i] * x[i, t]


@njit(cache=True, fastmath=REORDER)
def _robust(y: Floats, x: Floats, n: int, steps: int, floor: float, beta: Floats, room: Floats) -> float:
    """Biweight regression on (coefficient, time) `x`; returns the scale, NaN where it cannot be fitted."""
    p = x.shape[0]
    r, w, buffer, a = room[0], room[1], room[2], np.empty((p, p))
    _centred(y, n, r, buffer)
    scale = max(MAD_TO_SD * _median_abs(r, n, 0.0, buffer), floor)
    for step in range(steps):
        inverse = 1.0 / (BIWEIGHT * scale * (2.0 if step == 0 else 1.0))
        for t in range(n):
            u = r[t] * inverse
            rest = max(1.0 - u * u, 0.0)
            w[t] = rest * rest
        if not _weigh(y, x, n, w, a, beta):
            return np.nan
        _residuals(y, x, n, beta, r)
        before = scale
        scale = max(
            MAD_TO_SD * _median_abs(r, n, scale / MAD_TO_SD, buffer) * math.sqrt(n / max(n - p, 1)), floor
        )
        if step > 0 and abs(scale - before) < 0.02 * scale:
            break
    return scale


@njit(cache=True)
def _gather(series: NDArray[np.float32], regressors: Floats, y: Floats, x: Floats) -> int:
    """What was seen, and its regressors (coefficient, time), side by side; how many looks."""
    n = 0
    for t in range(series.size):  # without a branch: what is not seen is overwritten by the next look
        y[n] = series[t]
        for k in range(x.shape[0]):
            x[k, n] = regressors[t, k]
        n += 1 if np.isfinite(series[t]) else 0
    return n


@njit(cache=True)
def _turned(values: NDArray[np.float32], first: int, block: NDArray[np.float32]) -> None:
    """Series of a few neighbouring pixels, one after the other, into (pixel, time) `block`."""
    for t in range(values.shape[0]):
        for i in range(block.shape[0]):
            block[i, t] = values[t, first + i]


@njit(cache=True, parallel=True)
def _fit_block(
    values: NDArray[np.float32], regressors: Floats, min_looks: int, steps: int, floor: float
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    n_time, n_pixels = values.shape
    p = regressors.shape[1]
    beta = np.full((p, n_pixels), np.nan)
    scale = np.full(n_pixels, np.nan)
    count = np.zeros(n_pixels, np.int64)
    for chunk in prange((n_pixels + CHUNK - 1) // CHUNK):
        y, x, room, b = np.empty(n_time), np.empty((p, n_time)), np.empty((3, n_time)), np.empty(p)
        first = chunk * CHUNK
        block = np.empty((min(CHUNK, n_pixels - first), n_time), np.float32)
        _turned(values, first, block)
        for i in range(block.shape[0]):
            n = _gather(block[i], regressors, y, x)
            count[first + i] = n
            if n >= min_looks and n > p:
                s = _robust(y, x, n, steps, floor, b, room)
                if np.isfinite(s):
                    scale[first + i] = s
                    for k in range(p):
                        beta[k, first + i] = b[k]
    return beta, scale, count


def fit_harmonics(
    values: NDArray[np.float32],
    regressors: Floats,
    *,
    min_looks: int = 12,
    steps: int = 5,
    floor: float = 1e-3,
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Fit every pixel of a stack.

    Args:
        values: (time, pixel), NaN where not seen.
        regressors: (time, coefficient), from `design`.
        min_looks: fewer looks than this give NaN.
        steps: reweighting steps.
        floor: smallest scale believed (quantisation of the data).

    Returns:
        Coefficients (coefficient, pixel), scale (pixel,), number of looks (pixel,).
    """
    stack = np.ascontiguousarray(values, np.float32)
    beta, scale, count = _fit_block(stack, regressors, min_looks, steps, floor)
    return beta, scale, count
