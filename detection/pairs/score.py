"""Pair mode: a change score from two dates only, where there is no history to compare with.

A single pair carries no claim, but it can say where to look first. What the score tolerates, because it is
not change on the ground: haze, gain and whatever else changes colours alike all over the scene (each date is
compared with what the scene's regression foresees from the other, and the other way round), vegetation of
another season (only visible bands enter: near and short-wave infrared follow the leaves), misregistration
(the difference is the smallest within a shift of one pixel, searched from either date), haze or light that
varies over the scene (each date loses the mean of wide surroundings), open water on both dates (sediment and
sun glint), and single pixels (smoothing before and after the comparison). Linear reflectance finds bright
changes, its logarithm dark ones; the score is the mean over both and both directions, each in units of its
scene's median.

What colours do alike all over the scene (sun, sensor, season, sediment in a river) is learnt from the scene
itself by regression on the bands and their squares, reweighted so that changed ground does not teach it
(relative radiometric normalisation, Schott et al. 1988; Cauchy weights, Holland and Welsch 1977). Smoothed
pixels teach it: noise and misregistration in what predicts would make every slope too flat (regression
dilution).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, uniform_filter

from evidence.arrays import Bools, Floats, Floats32
from evidence.errors import MeasurementError
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


PIXEL_M = 10.0
"""Side of the pixels that the parameters are for, m. Documented: Sentinel-2's finest bands."""
VISIBLE = ("blue", "green", "red")
BOX_VARIANCE = 12.0
"""Square of a box's side over its variance, 1. Derived."""
BOXES = 3
"""As many box means stand for a wide Gaussian (Wells 1986)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairParams:
    """The change score of two dates; widths are for pixels of 10 m.

    *Chosen*: on two of the three OSCD cities and judged on the third, in turn
    (`python -m benchmarks.expansion.pair_choice`).
    """

    degree: int | None = None
    """Of the regression that foresees one date from the other (`detection.pairs.score.foreseen`); where
    None, 1, or 2 where no infrared tells open water, whose colour bends away from the land's. Chosen."""
    shift_px: int = 1
    """Misregistration that is tolerated, per axis, pixels. Chosen."""
    level_px: float = 60.0
    """Width of the surroundings whose mean each date loses, pixels; infinite: none. Chosen."""
    smooth_before_px: float = 0.7
    """Gaussian width before the comparison, pixels. Chosen."""
    smooth_after_px: float = 2.0
    """The same after it. Chosen."""
    wet_px: float = 1.0
    """Gaussian width of the edge of open water, pixels. Assumed: the instrument's blur."""
    smallest_reflectance: float = 0.005
    """Reflectances are raised to this before the logarithm. Assumed: the noise of dark water."""
    body: float = 0.80
    """Quantile of the scene at which the Pareto tail of unchanged pixels begins (assumed), and"""
    tail: float = 0.95
    """the quantile that gives its slope. Assumed: less than a fifth of a scene changes between two dates."""
    false_alarm_rate: float = 0.01
    """Share of unchanged pixels that may lie above the threshold, 1. A choice of the user."""
    regression: RegressionParams = field(default_factory=RegressionParams)

    def at(self, pixel_m: float) -> PairParams:
        """The same widths on the ground for pixels of another size; these are for 10 m."""
        share = PIXEL_M / pixel_m
        return replace(
            self,
            level_px=self.level_px * share,
            smooth_before_px=self.smooth_before_px * share,
            smooth_after_px=self.smooth_after_px * share,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PairScore:
    """How much each pixel looks changed."""

    score: Floats32
    """(y, x); 1 is the scene's median, NaN where either date was not seen."""
    threshold: float
    """Score above which at most `false_alarm_rate` of unchanged pixels lie."""
    false_alarm_rate: float
    bands: tuple[str, ...]
    """What the score was made from."""

    @property
    def changed(self) -> Bools:
        """(y, x) pixels above the threshold."""
        return np.nan_to_num(self.score, nan=-np.inf) > self.threshold


def score_pair(
    before: Mapping[str, NDArray[np.floating]],
    after: Mapping[str, NDArray[np.floating]],
    *,
    params: PairParams | None = None,
) -> PairScore:
    """Score change between two dates or composites.

    Args:
        before: reflectance (y, x) by band on one grid, NaN where not seen; at least one visible band.
        after: the same for the later date.
        params: of the score.

    Raises:
        MeasurementError: where the dates share no visible band, no grid or no pixel.
    """
    params = params or PairParams()
    bands = _common_bands(before, after)
    one, two = (np.stack([np.asarray(side[b], np.float64) for b in bands]) for side in (before, after))
    if one.shape != two.shape:
        raise MeasurementError(f"the two dates lie on different grids: {one.shape[1:]} and {two.shape[1:]}")
    seen = np.asarray(np.isfinite(one).all(axis=0) & np.isfinite(two).all(axis=0), np.bool_)
    if not seen.any():
        raise MeasurementError("no pixel was seen on both dates")
    degree = params.degree if params.degree is not None else _degree(before, after)
    dry = 1.0 - gaussian_filter((_water(before) & _water(after)).astype(np.float64), params.wet_px)
    covered = _coverage(seen, params.level_px)
    parts = [
        _distance(*_comparable(scale(expected), scale(found), seen, covered, params), params)
        for expected, found in _foreseen(one, two, seen, degree, params.regression)
        for scale in (_linear, partial(_log, least=params.smallest_reflectance))
    ]
    wet_free = [part * dry / max(float(np.median((part * dry)[seen])), TINY) for part in parts]
    score = np.where(seen, np.mean(wet_free, axis=0), np.nan).astype(np.float32)
    threshold = null_threshold(score[seen], params)
    return PairScore(
        score=score, threshold=threshold, false_alarm_rate=params.false_alarm_rate, bands=tuple(bands)
    )


def null_threshold(scores: NDArray[np.floating], params: PairParams) -> float:
    """Score that `params.false_alarm_rate` of unchanged pixels exceed.

    Shift, parallax and moving vehicles give unchanged ground a heavy tail, which a normal distribution does
    not follow. So the tail is a Pareto law through two high quantiles of the scene. Changed ground
    can only raise those: the threshold errs towards fewer alarms.

    Raises:
        MeasurementError: where the rate is outside the tail that the law is laid through.
    """
    rate, most = params.false_alarm_rate, 1.0 - params.body
    if not 0.0 < rate < most:
        raise MeasurementError(f"false alarm rate {rate} is not between 0 and {most:g}")
    quantiles = np.quantile(scores.astype(np.float64), [params.body, params.tail])
    body, tail = np.log(np.maximum(quantiles, TINY))
    decay = (tail - body) / math.log(most / (1.0 - params.tail))
    return float(math.exp(tail + decay * math.log((1.0 - params.tail) / rate)))


def _common_bands(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    bands = [band for band in VISIBLE if band in before and band in after]
    if not bands:
        raise MeasurementError(f"pair mode needs one of {', '.join(VISIBLE)} on both dates")
    return bands


def _linear(stack: Floats) -> Floats:
    return stack


def _log(stack: Floats, least: float) -> Floats:
    return np.log(np.maximum(stack, least))


def _foreseen(
    one: Floats, two: Floats, seen: Bools, degree: int, params: RegressionParams
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Each date as the other foresees it, and as it was found."""
    later = foreseen(one, two, seen, degree=degree, params=params)
    earlier = foreseen(two, one, seen, degree=degree, params=params)
    return (later, two), (earlier, one)


def _comparable(
    expected: Floats, found: Floats, seen: Bools, covered: Floats, params: PairParams
) -> tuple[Floats, Floats]:
    """Both in standard deviations of what was found, less their surroundings, of which `covered` was seen."""
    pixels = found[:, seen]
    centre = pixels.mean(axis=1)[:, None, None]
    spread = np.maximum(pixels.std(axis=1), TINY)[:, None, None]
    one, two = (
        _levelled(np.where(seen, (stack - centre) / spread, 0.0), seen, covered, params)
        for stack in (expected, found)
    )
    return one, two


def _coverage(seen: Bools, width: float) -> Floats:
    """Share of the surroundings of each pixel that both dates saw: (y, x)."""
    share = np.ones(seen.shape) if math.isinf(width) else _surroundings(seen.astype(np.float64), width)
    return np.asarray(np.maximum(share, TINY))


def _levelled(stack: Floats, seen: Bools, covered: Floats, params: PairParams) -> Floats:
    """What each band departs from the mean of its surroundings."""
    if math.isinf(params.level_px):
        return stack
    around = np.stack([_surroundings(band, params.level_px) for band in stack]) / covered
    return np.where(seen, stack - around, 0.0)


def _surroundings(plane: Floats, width: float) -> Floats:
    """Mean of wide surroundings: three boxes, which together are close to a Gaussian (Wells 1986): (y, x)."""
    side = 2 * round((math.sqrt(BOX_VARIANCE * width**2 / BOXES + 1.0) - 1.0) / 2.0) + 1
    for _ in range(BOXES):
        plane = uniform_filter(plane, side)
    return plane


def _distance(one: Floats, two: Floats, params: PairParams) -> Floats:
    """Spectral distance at the best shift, from the worse of both directions, smoothed."""
    one, two = (_smooth(stack, params.smooth_before_px) for stack in (one, two))
    forth, back = (_nearest(a, b, params.shift_px) for a, b in ((one, two), (two, one)))
    return np.asarray(gaussian_filter(np.sqrt(np.maximum(forth, back)), params.smooth_after_px))


def _smooth(stack: Floats, width: float) -> Floats:
    return np.stack([gaussian_filter(band, width) for band in stack])


@njit(cache=True)
def _nearest(one: Floats, two: Floats, reach: int) -> Floats:
    """Least squared distance of each pixel of `one` to those of `two` within `reach` per axis: (y, x)."""
    bands, rows, columns = one.shape
    least = np.full((rows, columns), np.inf)
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            for i in range(rows):
                y = min(max(i + down, 0), rows - 1)
                for j in range(columns):
                    x = min(max(j + right, 0), columns - 1)
                    total = 0.0
                    for k in range(bands):
                        total += (one[k, i, j] - two[k, y, x]) ** 2
                    least[i, j] = min(least[i, j], total)
    return least


def _degree(before: Mapping[str, object], after: Mapping[str, object]) -> int:
    return 1 if _infrared(before) and _infrared(after) else 2


def _infrared(side: Mapping[str, object]) -> tuple[str, ...]:
    """The bands that tell open water by green."""
    return tuple(band for band in ("nir", "swir16") if band in side and "green" in side)


def _water(side: Mapping[str, NDArray[np.floating]]) -> Bools:
    """Open water: green above the infrared (McFeeters 1996, Xu 2006)."""
    shape = next(iter(side.values())).shape
    darker = [side["green"] > side[band] for band in _infrared(side)]
    return np.asarray(np.all(darker, axis=0) if darker else np.zeros(shape), np.bool_)
