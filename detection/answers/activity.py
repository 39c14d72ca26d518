"""Coal in one window: whether it was seen, on how many of the looks, pile-days, turnover.

None of the amounts is a sum of noisy differences: all go by posterior draws of the smoothed level, or by
looks whose interval leaves out zero.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom, norm

from detection.answers.judgement import DEFAULT_PARAMS, JudgementParams, Look, Verdict
from detection.answers.process import SMALLEST
from detection.coal.records import StockpileArea
from detection.coal.series import LONGEST_GAP_DAYS, local_level, pile_days, share_of_looks_with_coal, turnover
from evidence.quantity import DAY_S, DEFAULT_LEVEL, Quantity, combine

FLOOR_HA = 0.1
"""Smallest area that counts as coal, as in `detection.coal.measure.StockpileParams.floor_ha`."""
FEWEST_LOOKS = 5
"""Looks under which a window is not assessable, and nothing is compared with it. Assumed."""
QUADRATURE = 40
"""Nodes over an error that looks share. Measured: to three digits of the probability."""


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
    longest_gap_days: float = LONGEST_GAP_DAYS,
) -> Activity:
    """Activity of some zones together within a window.

    Args:
        areas: of the site, all dates.
        zones: ids; a look counts where all of them were measured.
        window: first day and the day after the last.
        level: of the intervals.
        longest_gap_days: longest stretch over which neighbouring looks speak for the days between them.
    """
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
    days = np.array([when.timestamp() / DAY_S for when, _ in looks])
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
    """Coal of several zones together at every time at which all of them were measured, in order of time.

    Args:
        areas: of the site.
        zones: ids.
        level: of the intervals.
    """
    by_time: dict[dt.datetime, dict[str, Quantity]] = {}
    for area in areas:
        if area.zone_id in zones and area.area_ha.value is not None:
            by_time.setdefault(area.datetime, {})[area.zone_id] = area.area_ha
    return [
        (when, combine(((1.0, quantity) for quantity in parts.values()), level=level))
        for when, parts in sorted(by_time.items())
        if len(parts) == len(set(zones)) > 0
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """Coal on some of the looks of a window."""

    verdict: Verdict
    seen: int
    """Looks whose value exceeds the floor and whose interval leaves out nought."""
    assessable: int
    """Looks with a figure."""
    not_assessable: int
    first_seen: dt.date | None = None
    last_seen: dt.date | None = None
    reason: str | None = None


def judge_presence(
    looks: Sequence[Look], *, floor: float, params: JudgementParams = DEFAULT_PARAMS
) -> Presence:
    """Whether something is there: looks that show it, against as many as chance would.

    Args:
        looks: of the window, those without a figure too.
        floor: smallest area that counts, hectares.
        params: when something may be said.
    """
    known = [(day, q) for day, q in looks if q.value is not None]
    hits = [day for day, q in known if (q.value or 0.0) > floor and (q.low or 0.0) > 0.0]
    missing = len(looks) - len(known)
    if len(known) < params.looks_per_year:
        verdict: Verdict = Verdict.CANNOT_BE_TOLD
        reason = f"{len(known)} assessable looks, {params.looks_per_year} required"
    elif _by_chance(len(hits), [q for _, q in known], params.false_look) < 1.0 - DEFAULT_LEVEL:
        verdict, reason = Verdict.SEEN, None
    elif any((q.low or 0.0) <= 0.0 and (q.value or 0.0) > floor for _, q in known):
        verdict = Verdict.CANNOT_BE_TOLD
        reason = "areas above the floor whose interval reaches nought: what it is cannot be told"
    elif hits:
        verdict = Verdict.CANNOT_BE_TOLD
        reason = f"{len(hits)} of {len(known)} looks, as many as chance shows"
    else:
        verdict, reason = Verdict.NOT_SEEN, None
    return Presence(
        verdict=verdict,
        seen=len(hits),
        assessable=len(known),
        not_assessable=missing,
        first_seen=min(hits, default=None),
        last_seen=max(hits, default=None),
        reason=reason,
    )


def _by_chance(hits: int, looks: Sequence[Quantity], false_look: float) -> float:
    """Probability of so many looks above nought where there is nothing.

    An error that the looks share lifts all of them at once: given its size the looks are independent, and the
    binomial tail is integrated over it (Gauss-Hermite).
    """
    random = np.array([max(q.sd_random, 0.0) for q in looks])
    shared = np.array([math.hypot(*(sd for _, sd in q.shared)) for q in looks])
    total = np.hypot(random, shared)
    share = np.divide(shared, total, out=np.zeros_like(total), where=total > 0.0)
    nodes, weights = np.polynomial.hermite_e.hermegauss(QUADRATURE)
    own = np.sqrt(np.maximum(1.0 - share**2, SMALLEST))
    chance = norm.sf((norm.isf(false_look) - nodes[:, None] * share) / own).mean(axis=1)
    return float(binom.sf(hits - 1, len(looks), chance) @ weights / weights.sum())
