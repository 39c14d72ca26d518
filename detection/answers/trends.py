"""Trends of a series of looks: seasonal Mann–Kendall and Theil–Sen, which take years for independent.

They describe the looks; whether a trend goes beyond ordinary years is `detection.answers.judgement`'s.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from evidence.arrays import Floats
from evidence.quantity import DEFAULT_LEVEL, Quantity, coverage_factor


def seasons(days: Sequence[dt.date], values: Floats) -> list[tuple[Floats, Floats]]:
    """(years, values) by calendar month: one median per month and year, so that looks count alike."""
    groups: dict[int, dict[int, list[float]]] = {}
    for day, value in zip(days, values, strict=True):
        groups.setdefault(day.month, {}).setdefault(day.year, []).append(float(value))
    return [
        (
            np.array(sorted(years), dtype=np.float64),
            np.array([float(np.median(years[year])) for year in sorted(years)]),
        )
        for years in groups.values()
        if len(years) > 1
    ]


def _kendall(values: Floats) -> tuple[float, float]:
    """S and its variance, with ties (Hirsch et al. 1982)."""
    count = len(values)
    signs = np.sign(values[None, :] - values[:, None])
    _, ties = np.unique(values, return_counts=True)
    variance = count * (count - 1) * (2 * count + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())
    return float(np.triu(signs, 1).sum()), variance / 18.0


def seasonal_mann_kendall(days: Sequence[dt.date], values: Floats) -> float:
    """Two-sided p-value of no trend; one where there are no two years of any month."""
    parts = [_kendall(part) for _, part in seasons(days, values)]
    score, variance = sum(s for s, _ in parts), sum(v for _, v in parts)
    if variance <= 0.0:
        return 1.0
    z = max(abs(score) - 1.0, 0.0) / float(np.sqrt(variance))
    return 2.0 * (1.0 - NormalDist().cdf(z))


def seasonal_slope(days: Sequence[dt.date], values: Floats, *, level: float = DEFAULT_LEVEL) -> Quantity:
    """Median of the slopes within months, with the rank interval of Sen (1968): hectares a year.

    Args:
        days: of the looks.
        values: (look,) hectares.
        level: of the interval.

    Returns:
        Not assessable where no month was seen in two years.
    """
    slopes: list[float] = []
    variance = 0.0
    for years, part in seasons(days, values):
        first, second = np.triu_indices(len(years), 1)
        slopes += ((part[second] - part[first]) / (years[second] - years[first])).tolist()
        variance += _kendall(part)[1]
    if not slopes:
        return Quantity.not_assessable("no month was seen in two years", level=level)
    ordered = np.sort(slopes)
    half = coverage_factor(level) * float(np.sqrt(variance)) / 2.0
    middle = (len(ordered) - 1) / 2.0
    low = ordered[max(0, int(np.floor(middle - half)))]
    high = ordered[min(len(ordered) - 1, int(np.ceil(middle + half)))]
    return Quantity.interval(float(np.median(ordered)), float(low), float(high), level=level)
