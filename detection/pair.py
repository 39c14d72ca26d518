"""Pair mode: a change score from two dates only, where there is no history to compare with.

A single pair carries no claim, but it can say where to look first. What the score tolerates, because it is
not change on the ground: haze and gain (each band is standardised by its own scene), vegetation of another
season (only visible bands enter: near and short-wave infrared follow the leaves), misregistration (the
difference is the smallest within a shift of one pixel, searched from either date), haze or light that varies
over the scene (each date loses the mean of wide surroundings), open water on both dates (sediment and sun
glint; told by the infrared, or by its smoothness where there is none), and single pixels (smoothing before
and after the comparison). Linear reflectance finds bright changes, its logarithm dark ones; the score is the
mean of the two, each in units of its scene's median.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter

from evidence.errors import MeasurementError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

VISIBLE = ("blue", "green", "red")
SMALLEST_REFLECTANCE = 0.005
"""Reflectances are raised to this before the logarithm: the noise of dark water."""
INFRARED = ("nir", "swir16")
SMOOTH_PX, SMOOTH, SHORE_PX = 2.0, 0.25, 5
"""Open water without infrared: pixels whose surroundings of that width vary less than that share of the
scene's median on both dates, and so many pixels around."""
ALARMS_AT_MOST = 0.2
"""Largest false-alarm rate for which a threshold is meaningful."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairParams:
    """Knobs of pair mode."""

    bands: tuple[str, ...] = VISIBLE
    """Bands that are compared, as far as both dates have them."""
    shift_px: int = 1
    """Misregistration that is tolerated, per axis."""
    level_px: float = 60.0
    """Width of the surroundings whose mean each date loses; infinite: none."""
    smooth_before_px: float = 0.7
    smooth_after_px: float = 2.0
    """Gaussian widths before and after the comparison."""
    false_alarm_rate: float = 0.01
    """Share of unchanged pixels that may lie above the threshold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairScore:
    """How much each pixel looks changed."""

    score: NDArray[np.float32]
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
        params: knobs.

    Raises:
        MeasurementError: where the dates share no visible band, no grid or no pixel.
    """
    params = params or PairParams()
    bands = _common_bands(before, after, params)
    one, two = (np.stack([np.asarray(side[b], np.float64) for b in bands]) for side in (before, after))
    if one.shape != two.shape:
        raise MeasurementError(f"the two dates lie on different grids: {one.shape[1:]} and {two.shape[1:]}")
    seen = np.asarray(np.isfinite(one).all(axis=0) & np.isfinite(two).all(axis=0), np.bool_)
    if not seen.any():
        raise MeasurementError("no pixel was seen on both dates")
    dry = 1.0 - gaussian_filter(_open_water(before, after).astype(np.float64), 1.0)
    parts = [
        _distance(_comparable(f(one), seen, params), _comparable(f(two), seen, params), params)
        for f in (_linear, _log)
    ]
    wet_free = [part * dry / max(float(np.median((part * dry)[seen])), 1e-12) for part in parts]
    score = np.where(seen, np.mean(wet_free, axis=0), np.nan).astype(np.float32)
    threshold = null_threshold(score[seen], params.false_alarm_rate)
    return PairScore(
        score=score, threshold=threshold, false_alarm_rate=params.false_alarm_rate, bands=tuple(bands)
    )


def null_threshold(scores: NDArray[np.floating], false_alarm_rate: float) -> float:
    """Score that `false_alarm_rate` of unchanged pixels exceed.

    Shift, parallax and moving vehicles give unchanged ground a heavy tail, which a normal distribution does
    not follow. So the tail is a Pareto law through the 80th and 95th percentile of the scene. Changed ground
    can only raise those: the threshold errs towards fewer alarms.
    """
    if not 0.0 < false_alarm_rate < ALARMS_AT_MOST:
        raise MeasurementError(f"false alarm rate {false_alarm_rate} is not between 0 and {ALARMS_AT_MOST}")
    body, tail = np.log(np.maximum(np.quantile(scores.astype(np.float64), [0.80, 0.95]), 1e-6))
    decay = (tail - body) / math.log(0.20 / 0.05)
    return float(math.exp(tail + decay * math.log(0.05 / false_alarm_rate)))


def _common_bands(before: Mapping[str, object], after: Mapping[str, object], params: PairParams) -> list[str]:
    bands = [band for band in params.bands if band in before and band in after]
    if not bands:
        raise MeasurementError(f"pair mode needs one of {', '.join(params.bands)} on both dates")
    return bands


def _linear(stack: Floats) -> Floats:
    return stack


def _log(stack: Floats) -> Floats:
    return np.log(np.maximum(stack, SMALLEST_REFLECTANCE))


def _standard(stack: Floats, seen: Bools) -> Floats:
    """Each band with mean 0 and standard deviation 1 over what was seen; 0 elsewhere."""
    pixels = stack[:, seen]
    centre, spread = pixels.mean(axis=1), np.maximum(pixels.std(axis=1), 1e-9)
    return np.where(seen, (stack - centre[:, None, None]) / spread[:, None, None], 0.0)


def _comparable(stack: Floats, seen: Bools, params: PairParams) -> Floats:
    return _levelled(_standard(stack, seen), seen, params)


def _levelled(stack: Floats, seen: Bools, params: PairParams) -> Floats:
    """What each band departs from the mean of its surroundings."""
    if math.isinf(params.level_px):
        return stack
    covered = np.maximum(gaussian_filter(seen.astype(np.float64), params.level_px), 1e-6)
    around = np.stack([gaussian_filter(band, params.level_px) for band in stack]) / covered
    return np.where(seen, stack - around, 0.0)


def _distance(one: Floats, two: Floats, params: PairParams) -> Floats:
    """Spectral distance at the best shift, from the worse of both directions, smoothed."""
    one, two = (_smooth(stack, params.smooth_before_px) for stack in (one, two))
    forth, back = (_nearest(a, b, params.shift_px) for a, b in ((one, two), (two, one)))
    return gaussian_filter(np.sqrt(np.maximum(forth, back)), params.smooth_after_px)


def _smooth(stack: Floats, width: float) -> Floats:
    return np.stack([gaussian_filter(band, width) for band in stack])


@njit(cache=True)
def _nearest(one: Floats, two: Floats, reach: int) -> Floats:
    """Least squared distance of each pixel of `one` to those of `two` within `reach`: (y, x)."""
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


def _open_water(
    before: Mapping[str, NDArray[np.floating]], after: Mapping[str, NDArray[np.floating]]
) -> Bools:
    """Open water on both dates."""
    sides = (before, after)
    if all("green" in side and any(band in side for band in INFRARED) for side in sides):
        return np.asarray(_below_infrared(before) & _below_infrared(after), np.bool_)
    smooth = np.asarray(_smooth_ground(before) & _smooth_ground(after), np.bool_)
    return np.asarray(binary_dilation(smooth, iterations=SHORE_PX), np.bool_) if smooth.any() else smooth


def _below_infrared(side: Mapping[str, NDArray[np.floating]]) -> Bools:
    """Green above the infrared (McFeeters 1996, Xu 2006)."""
    return np.asarray(np.all([side["green"] > side[band] for band in INFRARED if band in side], axis=0))


def _smooth_ground(side: Mapping[str, NDArray[np.floating]]) -> Bools:
    """Ground much smoother than the scene: without infrared, open water is told by that."""
    bands = [np.nan_to_num(np.asarray(side[band], np.float64)) for band in VISIBLE if band in side]
    light = np.log(np.maximum(np.mean(bands, axis=0), SMALLEST_REFLECTANCE))
    squares = gaussian_filter(light * light, SMOOTH_PX) - gaussian_filter(light, SMOOTH_PX) ** 2
    rough = np.sqrt(np.maximum(squares, 0.0))
    return np.asarray(rough < SMOOTH * np.median(rough), np.bool_)
