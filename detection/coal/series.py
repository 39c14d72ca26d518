"""Areas smoothed in time: a local level with gaps, robust against single bad looks.

State ``x_t = x_{t-1} + w``, ``w ~ N(0, q Δt)``; look ``y_t = x_t + v``, ``v ~ N(0, r_t)`` with the
random part of each look's own error. ``q`` is chosen by likelihood; looks that surprise are widened; the
whole series is smoothed at once (Durbin & Koopman 2012, ch. 2 and 4). Shared errors do not average out and
are added afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detection.coal.records import STOCKPILE_AREA, SeriesPoint, StockpileArea
from evidence.quantity import DEFAULT_LEVEL, Quantity

Floats = NDArray[np.float64]

SURPRISE_SD = 3.0
"""A look further than this from what its neighbours expect is widened until it is this far, σ. Assumed."""
REWEIGHTINGS = 3
"""Times that surprising looks are widened and the level smoothed anew. Assumed."""
LEAST_SD_HA = 1e-4
"""Random error that a look has at least, ha. Assumed: rounding."""
SHORTEST_STEP_DAYS = 0.01
"""Time between two looks at least, days. Assumed: two passes of one orbit."""
RIDGE_HA2 = 1e-12
"""Added to the covariance, so that its root exists, ha². Assumed: rounding."""
DRAWS = 500
"""Series drawn from the posterior. Assumed: quantiles of 95 % to a tenth of a standard deviation."""
LONGEST_GAP_DAYS = 60.0
"""Longest stretch over which neighbouring looks speak for the days between them, days. Assumed."""
DAY_S = 86_400.0
"""Length of a day, s. By definition."""
STEP_PRIOR = tuple(10.0**k for k in np.arange(-9.0, -2.0, 0.5))
"""Variances of the level's steps per day that are tried, ha² per day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A smoothed series."""

    mean: Floats
    """(look,)."""
    covariance: Floats
    """(look, look) of the smoothed states' random errors."""
    step_variance: float
    """q, per day."""


def local_level(days: Floats, value: Floats, sd: Floats) -> Level:
    """Smooth one series of looks.

    Args:
        days: (look,) increasing.
        value: (look,).
        sd: (look,) random error of each look.

    Returns:
        means and their full covariance, so that draws and differences are possible.
    """
    variance = np.maximum(sd, LEAST_SD_HA) ** 2
    step = _likeliest_step(days, value, variance)
    for _ in range(REWEIGHTINGS):
        mean, covariance = _posterior(days, value, variance, step)
        surprise = np.abs(value - mean) / np.sqrt(variance)
        variance = np.where(surprise > SURPRISE_SD, variance * (surprise / SURPRISE_SD) ** 2, variance)
        step = _likeliest_step(days, value, variance)
    mean, covariance = _posterior(days, value, variance, step)
    return Level(mean=mean, covariance=covariance, step_variance=step)


def _likeliest_step(days: Floats, value: Floats, variance: Floats) -> float:
    """Q of the highest likelihood among those tried."""
    scores = [_log_likelihood(days, value, variance, q) for q in STEP_PRIOR]
    return float(STEP_PRIOR[int(np.argmax(scores))])


def _log_likelihood(days: Floats, value: Floats, variance: Floats, step: float) -> float:
    """Of the innovations of a forward filter with a diffuse start."""
    level, spread, total = float(value[0]), float(variance[0]), 0.0
    for t in range(1, len(days)):
        spread += step * float(days[t] - days[t - 1])
        width = spread + float(variance[t])
        away = float(value[t]) - level
        total -= 0.5 * (np.log(width) + away**2 / width)
        gain = spread / width
        level, spread = level + gain * away, spread * (1.0 - gain)
    return total


def _posterior(days: Floats, value: Floats, variance: Floats, step: float) -> tuple[Floats, Floats]:
    """Smoothed means and covariance from the precision of the random walk, which is tridiagonal."""
    precision = np.diag(1.0 / variance)
    link = 1.0 / (step * np.maximum(np.diff(days), SHORTEST_STEP_DAYS))
    at = np.arange(len(link))
    precision[at, at] += link
    precision[at + 1, at + 1] += link
    precision[at, at + 1] -= link
    precision[at + 1, at] -= link
    covariance: Floats = np.asarray(np.linalg.inv(precision), dtype=np.float64)
    return covariance @ (value / variance), covariance


def smoothed_series(areas: Sequence[StockpileArea], *, level: float = DEFAULT_LEVEL) -> list[SeriesPoint]:
    """Smoothed area of every zone on every date; null where nobody looked."""
    out: list[SeriesPoint] = []
    for zone_id in dict.fromkeys(area.zone_id for area in areas):
        own = sorted((area for area in areas if area.zone_id == zone_id), key=lambda a: a.datetime)
        out.extend(_one_series(zone_id, own, level))
    return out


def looks_of(areas: Sequence[StockpileArea]) -> tuple[list[StockpileArea], Floats, Floats, Floats]:
    """Dates that were measured, with days since 1970, values and random errors in hectares."""
    seen = [area for area in areas if area.area_ha.value is not None]
    days = np.array([area.datetime.timestamp() / DAY_S for area in seen])
    value = np.array([area.area_ha.value for area in seen], dtype=np.float64)
    sd = np.array([area.area_ha.sd_random for area in seen])
    return seen, days, value, sd


def _one_series(zone_id: str, areas: Sequence[StockpileArea], level: float) -> list[SeriesPoint]:
    seen, days, value, sd = looks_of(areas)
    smooth = local_level(days, value, sd) if seen else None
    at = {area.datetime: index for index, area in enumerate(seen)}
    out = []
    for area in areas:
        index = at.get(area.datetime)
        if smooth is None or index is None:
            quantity = Quantity.not_assessable(area.area_ha.reason or "nobody looked", level=level)
        else:
            own = float(np.sqrt(smooth.covariance[index, index]))
            quantity = Quantity.measured(
                float(smooth.mean[index]),
                sd_random=own,
                shared=dict(area.area_ha.shared),
                level=level,
            )
            if not area.claimed and quantity.low is not None:
                quantity = replace(quantity, low=min(0.0, quantity.low))
        out.append(
            SeriesPoint(
                quantity=STOCKPILE_AREA,
                subject_kind="zone",
                subject_id=zone_id,
                datetime=area.datetime,
                value=nought_or_more(quantity),
                n_looks=len(seen) if index is not None else 0,
            )
        )
    return out


def nought_or_more(q: Quantity) -> Quantity:
    """The part of an interval of hectares that can be; what has no figure stays as it is."""
    if q.low is None or q.high is None:
        return q
    value = None if q.value is None else max(q.value, 0.0)
    return replace(q, value=value, low=max(q.low, 0.0), high=max(q.high, 0.0))


def draws(smooth: Level, *, count: int, seed: int) -> Floats:
    """(draw, look) series that the looks allow."""
    rng = np.random.default_rng(seed)
    root = np.linalg.cholesky(smooth.covariance + RIDGE_HA2 * np.eye(len(smooth.mean)))
    return np.asarray(smooth.mean + rng.normal(size=(count, len(smooth.mean))) @ root.T)


def _spread_of(values: Floats, level: float) -> Quantity:
    low, high = np.quantile(values, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    middle = float(np.median(values))
    return Quantity.interval(middle, min(float(low), middle), max(float(high), middle), level=level)


def downward_swings(series: Floats, least: float) -> float:
    """Sum of the falls of one series, counting only swings of at least `least`."""
    total, top, bottom, falling = 0.0, float(series[0]), float(series[0]), False
    for level in series.tolist():
        if falling:
            bottom = min(bottom, level)
            if level - bottom >= least:
                total, top, falling = total + top - bottom, level, False
        else:
            top = max(top, level)
            if top - level >= least:
                bottom, falling = level, True
    return total + (top - bottom if falling else 0.0)


def turnover(smooth: Level, *, level: float = DEFAULT_LEVEL, count: int = DRAWS, seed: int = 0) -> Quantity:
    """Area that went away between looks, from posterior draws, in hectares.

    A sum of the noisy drops themselves would count noise as turnover; in every draw only swings count that
    exceed the range of as many independent errors of the smoothed level, about ``2 σ √(2 ln n)``. What came
    and went between two looks stays unseen: this is a lower bound of what happened.
    """
    reach = 2.0 * np.sqrt(2.0 * np.log(max(len(smooth.mean), 2)))
    least = float(reach * np.median(np.sqrt(np.diagonal(smooth.covariance))))
    drops = [downward_swings(series, least) for series in draws(smooth, count=count, seed=seed)]
    return _spread_of(np.array(drops), level)


def pile_days(
    days: Floats,
    smooth: Level,
    *,
    floor_ha: float,
    level: float = DEFAULT_LEVEL,
    longest_gap_days: float = LONGEST_GAP_DAYS,
) -> Quantity:
    """Days with more than `floor_ha` of coal, from posterior draws; longer gaps count for nobody looked.

    Args:
        days: (look,).
        smooth: of the same looks.
        floor_ha: what counts as a pile.
        level: of the interval.
        longest_gap_days: longest stretch over which neighbouring looks speak for the days between them.
    """
    there = draws(smooth, count=DRAWS, seed=0) > floor_ha
    gap = np.diff(days)
    gap = np.where(gap <= longest_gap_days, gap, 0.0)
    return _spread_of((0.5 * (there[:, 1:] + there[:, :-1].astype(np.float64)) * gap).sum(axis=1), level)


def share_of_looks_with_coal(
    value: Floats, sd: Floats, *, floor_ha: float, level: float = DEFAULT_LEVEL
) -> Quantity:
    """Share of looks whose area exceeds the floor, with the interval of Wilson (1927)."""
    count = len(value)
    if count == 0:
        return Quantity.not_assessable("nobody looked", level=level)
    from evidence.quantity import coverage_factor  # noqa: PLC0415 - used here alone

    z = coverage_factor(level)
    with_coal = float((value - z * sd > 0.0)[value > floor_ha].sum())
    share = with_coal / count
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return Quantity.interval(
        share, min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half)), level=level
    )
