"""What neighbours say: Gaussian sums over scattered pixels of a lattice.

A Gaussian of two coordinates is the product of one of rows and one of columns, so that the sum over all pairs
of pixels is two products of small matrices: exact, and cheap for many planes at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]
EIGHT = np.ones((3, 3), dtype=bool)
"""A pixel and its eight neighbours."""
PLANES_AT_ONCE = 256
"""Planes that are summed together: bounds memory."""


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
