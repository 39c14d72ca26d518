"""Radar as a second opinion: has backscatter changed between an earlier and a later stack of one orbit?

Each relative orbit is compared with itself alone, since its view makes the backscatter. In decibels (speckle
is additive there) each look loses the level of its surroundings (weather that wets a whole hillside), looks
are filtered with their spatial neighbours, and Welch's t statistic of later against earlier looks is taken
with a variance that leans on the one usual in the scene. Looks of one season are not independent (snow,
crops, soil moisture), so that the statistic spreads wider than theory says, in some scenes more than in
others: it is given in units of the spread that the scene itself shows (an empirical null, Efron 2004).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from evidence.errors import MeasurementError

Floats = NDArray[np.float64]


TAIL, TAIL_NORMAL = 0.95, 1.96
"""The statistic's scale: this quantile of its magnitude in the scene, in units of the normal's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RadarParams:
    """Knobs of the radar test."""

    smooth_px: float = 1.0
    """Width of the spatial filter."""
    level_px: float = 8.0
    """Width of the surroundings whose common change of a look is taken out."""
    min_looks: int = 4
    """Looks on either side below which nothing is claimed."""
    prior_looks: float = 6.0
    """Weight, in looks, of the scene's usual variance in each pixel's own."""
    threshold: float = 3.3
    """Magnitude of the statistic that counts as change: 99.5 % of both bursts stay below it on the odd looks
    of `benchmarks/expansion/radar_stacks.py`; judged on the even ones."""


def radar_statistic(
    earlier: Mapping[str, NDArray[np.floating]],
    later: Mapping[str, NDArray[np.floating]],
    *,
    params: RadarParams | None = None,
) -> Floats:
    """Moderated t statistic of the change of one orbit, the strongest of its polarisations.

    Args:
        earlier: linear gamma0 (time, y, x) by polarisation, NaN where not seen.
        later: the same after the date in question.
        params: knobs.

    Returns:
        (y, x): positive where backscatter rose, in units of the scene's spread; NaN where too few looks.
    """
    params = params or RadarParams()
    shared = [pol for pol in ("vv", "vh") if pol in earlier and pol in later]
    if not shared:
        raise MeasurementError("the two radar stacks share no polarisation")
    each = np.stack([_moderated_t(earlier[pol], later[pol], params) for pol in shared])
    weakest = np.isfinite(each).all(axis=0)
    total = np.where(weakest, np.nan_to_num(each).sum(axis=0) / np.sqrt(len(shared)), np.nan)
    return np.asarray(total / _spread(total))


def _spread(statistic: Floats) -> float:
    """How much wider than a standard normal the scene's statistic is; never less than one."""
    seen = np.abs(statistic[np.isfinite(statistic)])
    return max(1.0, float(np.quantile(seen, TAIL)) / TAIL_NORMAL) if seen.size else 1.0


def radar_change(
    earlier: Mapping[str, NDArray[np.floating]],
    later: Mapping[str, NDArray[np.floating]],
    *,
    params: RadarParams | None = None,
) -> NDArray[np.bool_]:
    """(y, x) pixels whose backscatter changed."""
    params = params or RadarParams()
    statistic = radar_statistic(earlier, later, params=params)
    return np.abs(np.nan_to_num(statistic)) > params.threshold


def _decibels(stack: NDArray[np.floating], params: RadarParams) -> Floats:
    """Smoothed decibels of each look relative to its surroundings."""
    seen = np.isfinite(stack) & (stack > 0)
    logs = 10.0 * np.log10(np.where(seen, stack, 1.0))
    base = np.where(seen.any(axis=0), np.nanmedian(np.where(seen, logs, np.nan), axis=0), 0.0)
    looks = []
    for values, mask in zip(logs, seen, strict=True):
        departure = np.where(mask, values - base, 0.0)
        weight = mask.astype(np.float64)
        fine, wide = (_local_mean(departure, weight, width) for width in (params.smooth_px, params.level_px))
        looks.append(np.where(mask, fine - wide + base, np.nan))
    return np.stack(looks)


def _local_mean(values: Floats, weight: Floats, width: float) -> Floats:
    covered = np.maximum(gaussian_filter(weight, width), 1e-6)
    return np.asarray(gaussian_filter(values * weight, width) / covered)


def _moderated_t(one: NDArray[np.floating], two: NDArray[np.floating], params: RadarParams) -> Floats:
    """Welch's t (1947) with variances shrunk towards the scene's median (after Smyth 2004)."""
    n_one, n_two = (np.isfinite(stack).sum(axis=0) for stack in (one, two))
    both = _decibels(np.concatenate([one, two]), params)
    first, second = both[: len(one)], both[len(one) :]
    enough = (n_one >= params.min_looks) & (n_two >= params.min_looks)
    change = np.where(enough, np.nanmean(second, axis=0) - np.nanmean(first, axis=0), np.nan)
    error = np.sqrt(sum(_variance(s, n, params) / n for s, n in ((first, n_one), (second, n_two))))
    return np.asarray(change / error)


def _variance(stack: Floats, count: NDArray[np.int64], params: RadarParams) -> Floats:
    own = np.nanvar(stack, axis=0, ddof=1)
    usual = float(np.nanmedian(own))
    weight = np.maximum(count - 1, 1)
    return np.asarray((weight * own + params.prior_looks * usual) / (weight + params.prior_looks))
