"""One date as it would look under another's light and season: what a regression over the scene foresees.

Most ground does not change between two dates, but its colours do: haze, sun, another sensor, the season,
sediment in a river. What they do alike all over the scene is learnt from the scene itself, by regression on
the bands and their squares, reweighted so that changed ground does not teach it (relative radiometric
normalisation, Schott et al. 1988; Cauchy weights, Holland and Welsch 1977). It is learnt from smoothed
pixels: noise and misregistration in what predicts would make every slope too flat (regression dilution).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from evidence.arrays import Bools, Floats
from imagery.robust import MAD_TO_SD

TINY = 1e-9
"""Standard deviation or share that a divisor is held above, 1. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionParams:
    """What one date foresees of the other."""

    pixels: int = 60_000
    """As many teach the regression, evenly taken from the scene. Assumed: more say the same."""
    smooth_px: float = 3.0
    """Gaussian width over which pixels are smoothed before the regression learns from them, pixels.
    Assumed."""
    rounds: int = 4
    """Of reweighting (Holland and Welsch 1977). Assumed."""
    tuning: float = 2.0
    """Departure, in robust standard deviations, at which a pixel's weight is one half; 2.385 keeps 95 %
    efficiency in Holland and Welsch 1977, a smaller one bends less to change. Assumed."""
    reach: float = 4.0
    """Standard deviations beyond which a square grows no further: bright roofs must not bend the curve.
    Assumed."""
    ridge: float = 1e-3
    """Added to the normal equations, so that bands that are multiples of each other do not make them
    singular. Assumed."""


def foreseen(
    one: Floats, two: Floats, seen: Bools, *, degree: int = 2, params: RegressionParams | None = None
) -> Floats:
    """What the bands of `two` would be if the ground of `one` lay under its light.

    Args:
        one: reflectance (band, y, x).
        two: reflectance (band, y, x) of the other date.
        seen: (y, x) pixels that both dates saw; at least one.
        degree: 2 for bands and squares, 1 for bands, 0 for each band's own gain and offset.
        params: of the regression.

    Returns:
        (band, y, x), 0 where not seen.
    """
    params = params or RegressionParams()
    pixels, target = one[:, seen], two[:, seen]
    centre, spread = _moments(pixels)
    found = np.zeros_like(two)
    if degree == 0:
        middle, width = _moments(target)
        found[:, seen] = (pixels - centre) / spread * width + middle
        return found
    step = max(1, pixels.shape[1] // params.pixels)
    covered = np.maximum(gaussian_filter(seen.astype(np.float64), params.smooth_px), TINY)
    learnt, told = (
        _smoothed(stack, seen, covered, params.smooth_px)[:, seen][:, ::step] for stack in (one, two)
    )
    weights = _robust_fit(_terms((learnt - centre) / spread, degree, params.reach), told.T, params)
    found[:, seen] = (_terms((pixels - centre) / spread, degree, params.reach) @ weights).T
    return found


def _moments(pixels: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each band: (band, 1)."""
    spread = np.maximum(pixels.std(axis=1), TINY)
    return np.asarray(pixels.mean(axis=1)[:, None]), np.asarray(spread[:, None])


def _smoothed(stack: Floats, seen: Bools, covered: Floats, width_px: float) -> Floats:
    """Means of the surroundings, of what was seen, which is `covered` of them."""
    return np.stack([gaussian_filter(np.where(seen, band, 0.0), width_px) for band in stack]) / covered


def _terms(standard: Floats, degree: int, reach: float) -> Floats:
    """(pixel, term) of (band, pixel): one, the bands, and their squares."""
    bands = standard.T
    powers = [np.asarray(np.clip(bands, -reach, reach) ** power) for power in range(2, degree + 1)]
    return np.hstack([np.ones((len(bands), 1)), bands, *powers])


def _robust_fit(terms: Floats, target: Floats, params: RegressionParams) -> Floats:
    """(term, band) weights."""
    trust: Floats = np.ones(len(terms))
    ridge = params.ridge * np.eye(terms.shape[1])
    for _ in range(params.rounds):
        weighted = terms * trust[:, None]
        fitted = np.asarray(np.linalg.solve(weighted.T @ terms + ridge, weighted.T @ target))
        residual = target - terms @ fitted
        spread = np.maximum(MAD_TO_SD * np.median(np.abs(residual), axis=0), TINY)
        trust = np.asarray(1.0 / (1.0 + ((residual / spread) ** 2).mean(axis=1) / params.tuning**2))
    return fitted
