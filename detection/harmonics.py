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

Floats = NDArray[np.float64]

DAYS_PER_YEAR = 365.25
BIWEIGHT = 4.685
"""Tuning constant of Tukey's biweight: 95 % efficiency at the normal distribution."""
MAD_TO_SD = 1.4826
"""Standard deviation of a normal distribution in units of its median absolute deviation."""


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


@njit(cache=True)
def _median_abs(residual: Floats, n: int, buffer: Floats) -> float:
    """Median of absolute values (upper one of an even number) by selection (Hoare 1961) in `buffer`."""
    for t in range(n):
        buffer[t] = abs(residual[t])
    k, low, high = n // 2, 0, n - 1
    while low < high:
        pivot = buffer[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while buffer[i] < pivot:
                i += 1
            while buffer[j] > pivot:
                j -= 1
            if i <= j:
                buffer[i], buffer[j] = buffer[j], buffer[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            break
    return float(buffer[k])


@njit(cache=True)
def _weigh(y: Floats, x: Floats, rows: NDArray[np.int64], w: Floats, a: Floats, beta: Floats) -> bool:
    """One weighted least squares step into `beta`, with `a` as room for the normal equations."""
    p = x.shape[1]
    a[:, :] = 0.0
    beta[:] = 0.0
    for t in range(rows.size):
        row = rows[t]
        for i in range(p):
            wx = w[t] * x[row, i]
            beta[i] += wx * y[t]
            for j in range(i + 1):
                a[i, j] += wx * x[row, j]
    return _solve(a, beta)


@njit(cache=True)
def _robust(y: Floats, x: Floats, rows: NDArray[np.int64], steps: int, floor: float, beta: Floats) -> float:
    """Biweight regression; returns the scale of the residuals, NaN where it cannot be fitted."""
    n, p = rows.size, x.shape[1]
    r, w, buffer, a = y.copy(), np.ones(n), np.empty(n), np.empty((p, p))
    centre = np.median(y)
    for t in range(n):
        r[t] = y[t] - centre
    scale = max(1.4826 * _median_abs(r, n, buffer), floor)
    for step in range(steps):
        limit = 4.685 * scale * (2.0 if step == 0 else 1.0)
        for t in range(n):
            u = r[t] / limit
            w[t] = (1.0 - u * u) ** 2 if abs(u) < 1.0 else 0.0
        if not _weigh(y, x, rows, w, a, beta):
            return np.nan
        for t in range(n):
            fit = 0.0
            for i in range(p):
                fit += x[rows[t], i] * beta[i]
            r[t] = y[t] - fit
        before = scale
        scale = max(1.4826 * _median_abs(r, n, buffer) * math.sqrt(n / max(n - p, 1)), floor)
        if step > 0 and abs(scale - before) < 0.02 * scale:
            break
    return scale


@njit(cache=True, parallel=True)
def _fit_block(
    values: NDArray[np.float32], x: Floats, min_looks: int, steps: int, floor: float
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    n_pixels, n_time = values.shape
    p = x.shape[1]
    beta = np.full((p, n_pixels), np.nan)
    scale = np.full(n_pixels, np.nan)
    count = np.zeros(n_pixels, np.int64)
    for i in prange(n_pixels):
        y = np.empty(n_time)
        rows = np.empty(n_time, np.int64)
        n = 0
        for t in range(n_time):
            v = values[i, t]
            if np.isfinite(v):
                y[n] = v
                rows[n] = t
                n += 1
        count[i] = n
        if n >= min_looks and n > p:
            b = np.zeros(p)
            s = _robust(y[:n], x, rows[:n], steps, floor, b)
            if np.isfinite(s):
                scale[i] = s
                for k in range(p):
                    beta[k, i] = b[k]
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
    block = np.ascontiguousarray(values.T, np.float32)
    beta, scale, count = _fit_block(block, regressors, min_looks, steps, floor)
    return beta, scale, count
