"""How much happened in a window: share of looks with coal, pile-days, turnover.

None of them is a sum of noisy differences: all go by posterior draws of the smoothed level, or by looks whose
interval leaves out zero.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detection.coal.records import StockpileArea
from detection.coal.series import local_level, pile_days, share_of_looks_with_coal, turnover
from evidence.quantity import DEFAULT_LEVEL, Quantity, combine

FLOOR_HA = 0.1
"""Smallest area that counts as coal, as in `detection.coal.measure.StockpileParams.floor_ha`."""
FEWEST_LOOKS = 5
"""Under this many looks a window is not assessable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What one window shows."""

    window: tuple[dt.date, dt.date]
    """Half-open."""
    looks: int
    share_with_coal: Quantity
    """Of the looks, 0..1."""
    pile_days: Quantity
    """Days with more than the floor, gaps beyond 60 days left out."""
    watched_days: float
    """Days of the window that looks speak for: what pile-days are out of."""
    turnover_ha: Quantity
    """Area that went away between looks: a lower bound."""


def activity(
    areas: Sequence[StockpileArea],
    zones: Sequence[str],
    window: tuple[dt.date, dt.date],
    *,
    level: float = DEFAULT_LEVEL,
    longest_gap_days: float = 60.0,
) -> Activity:
    """Looks of some zones together within a window (half-open)."""
    looks = [look for look in together(areas, zones, level) if window[0] <= look[0].date() < window[1]]
    if len(looks) < FEWEST_LOOKS:
        nothing = Quantity.not_assessable(f"{len(looks)} looks: under {FEWEST_LOOKS}", level=level)
        return Activity(
            window=window,
            looks=len(looks),
            share_with_coal=nothing,
            pile_days=nothing,
            watched_days=0.0,
            turnover_ha=nothing,
        )
    days = np.array([when.timestamp() / 86400.0 for when, _ in looks])
    value = np.array([q.value for _, q in looks], dtype=np.float64)
    sd = np.array([q.sd_random for _, q in looks])
    smooth = local_level(days, value, sd)
    gaps = np.diff(days)
    return Activity(
        window=window,
        looks=len(looks),
        share_with_coal=share_of_looks_with_coal(value, sd, floor_ha=FLOOR_HA, level=level),
        pile_days=pile_days(days, smooth, floor_ha=FLOOR_HA, level=level, longest_gap_days=longest_gap_days),
        watched_days=float(gaps[gaps <= longest_gap_days].sum()),
        turnover_ha=turnover(smooth, level=level),
    )


def together(
    areas: Sequence[StockpileArea], zones: Sequence[str], level: float
) -> list[tuple[dt.datetime, Quantity]]:
    """The zones together at every time at which all of them were measured, in order."""
    by_time: dict[dt.datetime, dict[str, Quantity]] = {}
    for area in areas:
        if area.zone_id in zones and area.area_ha.value is not None:
            by_time.setdefault(area.datetime, {})[area.zone_id] = area.area_ha
    return [
        (when, combine(((1.0, quantity) for quantity in parts.values()), level=level))
        for when, parts in sorted(by_time.items())
        if len(parts) == len(set(zones)) > 0
    ]
