"""One date as it would look under another's light and season: what a regression over the scene foresees.

Most ground does not change between two dates, but its colours do: haze, sun, another sensor, the season,
sediment in a river. What they do alike all over the scene is learnt from the scene itself, by regression on
the bands and their squares, reweighted so that changed ground does not teach it (relative radiometric
normalisation, Schott et al. 1988; Cauchy weights, Holland and Welsch 1977).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

PIXELS = 60_000
"""As many pixels teach the regression, evenly taken from the scene."""
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
    standard, target = _standard(one[:, seen]), two[:, seen]
    foreseen = np.zeros_like(two)
    if degree == 0:
        centre, spread = target.mean(axis=1)[:, None], target.std(axis=1)[:, None]
        foreseen[:, seen] = standard * spread + centre
        return foreseen
    terms = _terms(standard.T, degree)
    step = max(1, len(terms) // PIXELS)
    foreseen[:, seen] = (terms @ _robust_fit(terms[::step], target.T[::step])).T
    return foreseen


def _standard(pixels: Floats) -> Floats:
    """(band, pixel) with mean 0 and standard deviation 1."""
    centre, spread = pixels.mean(axis=1)[:, None], np.maximum(pixels.std(axis=1), 1e-9)[:, None]
    return np.asarray((pixels - centre) / spread, np.float64)


def _terms(standard: Floats, degree: int) -> Floats:
    """(pixel, term): one, the bands, and their squares."""
    powers = [np.asarray(np.clip(standard, -REACH, REACH) ** power) for power in range(2, degree + 1)]
    return np.hstack([np.ones((len(standard), 1)), standard, *powers])


def _robust_fit(terms: Floats, target: Floats) -> Floats:
    """(term, band) weights."""
    trust: Floats = np.ones(len(terms))
    ridge = RIDGE * np.eye(terms.shape[1])
    for _ in range(ROUNDS):
        weighted = terms * trust[:, None]
        fitted = np.asarray(np.linalg.solve(weighted.T @ terms + ridge, weighted.T @ target))
        residual = target - terms @ fitted
        spread = np.maximum(1.4826 * np.median(np.abs(residual), axis=0), 1e-9)
        trust = np.asarray(1.0 / (1.0 + ((residual / spread) ** 2).mean(axis=1) / TUNING**2))
    return fitted
