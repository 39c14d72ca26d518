"""Medians and kernel means over the looks of a pixel and over its neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def nan_median(values: Floats, axis: int = 0) -> Floats:
    """Medians along one axis; the numbers of `numpy.nanmedian`, by one sort and without a warning."""
    ordered = np.sort(values, axis=axis)
    count = np.isfinite(values).sum(axis=axis, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=axis)
    high = np.take_along_axis(ordered, np.minimum(count // 2, values.shape[axis] - 1), axis=axis)
    return np.asarray(np.where(count > 0, 0.5 * (low + high), np.nan).squeeze(axis))


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
    value = np.clip(np.nan_to_num(fraction), *FRACTION_RANGE).reshape(len(days), -1)
    total = kernel @ weight
    with np.errstate(divide="ignore"):
        error = 1.0 / np.sqrt(total)
    mean = (kernel @ (weight * value)) / np.maximum(total, TINY)
    return mean.reshape(fraction.shape), error.reshape(fraction.shape)


Positions = NDArray[np.intp]
TINY = 1e-9
"""Keeps a quotient finite where nothing was seen. Assumed: rounding."""
YEAR_DAYS = 365.2422
"""Tropical year, days. By definition."""
BRIEF_TAU_DAYS = 15.0
"""Days over which the nearest looks speak together. Assumed."""
FRACTION_RANGE = (-0.5, 1.3)
"""Fractions beyond this count as this: one bad look must not decide. Assumed."""

EIGHT = np.ones((3, 3), dtype=bool)

"""A pixel and its eight neighbours."""

PLANES_AT_ONCE = 256
"""Planes that are summed together: bounds memory. A choice of layout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """Rows and columns of a block of ground."""

    rows: int
    columns: int

    def sums(self, values: Floats, of: Positions, at: Positions, sigma_px: float) -> Floats:
        """Gaussian-weighted sums of what lies around, the pixel itself included.

        Args:
            values: (plane, n) at the positions `of`, each of which occurs once.
            of: (n,) flat positions of the values.
            at: (m,) flat positions where sums are wanted.
            sigma_px: standard deviation of the Gaussian, pixels; its weight is 1 at distance 0.

        Returns:
            (plane, m).
        """
        down, across = _gaussian(self.rows, sigma_px), _gaussian(self.columns, sigma_px)
        out = np.empty((len(values), len(at)))
        for start in range(0, len(values), PLANES_AT_ONCE):
            part = values[start : start + PLANES_AT_ONCE]
            planes = np.zeros((len(part), self.rows * self.columns))
            planes[:, of] = part
            planes = down @ planes.reshape(-1, self.rows, self.columns) @ across
            out[start : start + len(part)] = planes.reshape(len(part), -1)[:, at]
        return out

    def others(self, values: Floats, of: Positions, at: Positions, sigma_px: float) -> Floats:
        """`sums` without what a pixel says of itself: (plane, m)."""
        own = np.zeros((len(values), self.rows * self.columns))
        own[:, of] = values
        return self.sums(values, of, at, sigma_px) - own[:, at]


def _gaussian(length: int, sigma_px: float) -> Floats:
    """(length, length) weights by distance along one axis."""
    at = np.arange(length)
    return np.asarray(np.exp(-((at[:, None] - at[None, :]) ** 2) / (2.0 * sigma_px**2)))
