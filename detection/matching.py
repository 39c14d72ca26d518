"""One date as it would look under another's light and season: what a regression over the scene foresees.

Most ground does not change between two dates, but its colours do: haze, sun, another sensor, the season,
sediment in a river. What they do alike all over the scene is learnt from the scene itself, by regression on
the bands and their squares, reweighted so that changed ground does not teach it (relative radiometric
normalisation, Schott et al. 1988; Cauchy weights, Holland and Welsch 1977). It is learnt from smoothed
pixels: noise and misregistration in what predicts would make every slope too flat (regression dilution).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from imagery.robust import MAD_TO_SD

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

PIXELS = 60_000
"""As many pixels teach the regression, evenly taken from the scene."""
SMOOTH_PX = 3.0
"""Gaussian width over which pixels are smoothed before the regression learns from them."""
ROUNDS = 4
"""Of reweighting."""
TUNING = 2.0
"""Departure, in robust standard deviations, at which a pixel's weight is one half."""
REACH = 4.0
"""Standard deviations beyond which a square grows no further: bright roofs must not bend the curve."""
RIDGE = 1e-3
"""Keeps bands that are multiples of each other from making the equations singular."""


def matched(one: Floats, two: Floats, seen: Bools, *, degree: int = 2) -> Floats:
    """What the bands of `two` would be if the ground of `one` lay under its light.

    Args:
        one: reflectance (band, y, x).
        two: reflectance (band, y, x) of the other date.
        seen: (y, x) pixels that both dates saw; at least one.
        degree: 2 for bands and squares, 1 for bands, 0 for each band's own gain and offset.

    Returns:
        (band, y, x), 0 where not seen.
    """
    pixels, target = one[:, seen], two[:, seen]
    centre, spread = _moments(pixels)
    foreseen = np.zeros_like(two)
    if degree == 0:
        middle, width = _moments(target)
        foreseen[:, seen] = (pixels - centre) / spread * width + middle
        return foreseen
    step = max(1, pixels.shape[1] // PIXELS)
    covered = np.maximum(gaussian_filter(seen.astype(np.float64), SMOOTH_PX), 1e-6)
    learnt, told = (_smoothed(stack, seen, covered)[:, seen][:, ::step] for stack in (one, two))
    weights = _robust_fit(_terms((learnt - centre) / spread, degree), told.T)
    foreseen[:, seen] = (_terms((pixels - centre) / spread, degree) @ weights).T
    return foreseen


def _moments(pixels: Floats) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each band: (band, 1)."""
    spread = np.maximum(pixels.std(axis=1), 1e-9)
    return np.asarray(pixels.mean(axis=1)[:, None]), np.asarray(spread[:, None])


def _smoothed(stack: Floats, seen: Bools, covered: Floats) -> Floats:
    """Means of the surroundings, of what was seen, which is `covered` of them."""
    return np.stack([gaussian_filter(np.where(seen, band, 0.0), SMOOTH_PX) for band in stack]) / covered


def _terms(standard: Floats, degree: int) -> Floats:
    """(pixel, term) of (band, pixel): one, the bands, and their squares."""
    bands = standard.T
    powers = [np.asarray(np.clip(bands, -REACH, REACH) ** power) for power in range(2, degree + 1)]
    return np.hstack([np.ones((len(bands), 1)), bands, *powers])


def _robust_fit(terms: Floats, target: Floats) -> Floats:
    """(term, band) weights."""
    trust: Floats = np.ones(len(terms))
    ridge = RIDGE * np.eye(terms.shape[1])
    for _ in range(ROUNDS):
        weighted = terms * trust[:, None]
        fitted = np.asarray(np.linalg.solve(weighted.T @ terms + ridge, weighted.T @ target))
        residual = target - terms @ fitted
        spread = np.maximum(MAD_TO_SD * np.median(np.abs(residual), axis=0), 1e-9)
        trust = np.asarray(1.0 / (1.0 + ((residual / spread) ** 2).mean(axis=1) / TUNING**2))
    return fitted
