"""Scale and weights that a few wild values do not move."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

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
