"""Kernel means through time: what a pixel's other dates say about it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def smooth_time(
    fraction: Floats,
    variance: Floats,
    days: Floats,
    *,
    tau_days: float,
    leave_one_out: bool = False,
    side: int = 0,
) -> tuple[Floats, Floats]:
    """Weighted mean over neighbouring dates, and its standard error.

    Args:
        fraction: (time, …), NaN where not seen.
        variance: broadcastable to `fraction`.
        days: (time,).
        tau_days: e-folding distance of the two-sided exponential kernel.
        leave_one_out: whether a date is kept out of its own mean.
        side: 1 takes later dates alone, -1 earlier ones, 0 both.

    Returns:
        mean and standard error, both like `fraction`; zero and infinite where nothing was seen.
    """
    kernel = np.exp(-np.abs(days[:, None] - days[None, :]) / tau_days)
    if leave_one_out:
        np.fill_diagonal(kernel, 0.0)
    if side:
        kernel *= side * (days[None, :] - days[:, None]) > 0.0
    seen = np.isfinite(fraction)
    weight = np.where(seen, 1.0 / variance, 0.0).reshape(len(days), -1)
    value = np.clip(np.nan_to_num(fraction), -0.5, 1.3).reshape(len(days), -1)
    total = kernel @ weight
    with np.errstate(divide="ignore"):
        error = 1.0 / np.sqrt(total)
    mean = (kernel @ (weight * value)) / np.maximum(total, 1e-9)
    return mean.reshape(fraction.shape), error.reshape(fraction.shape)
