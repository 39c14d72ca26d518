"""Pairs of looks to be compared by eye: of one season, clear, and on either side of what they are to show.

A pair that does not straddle its finding shows nothing of it, and a pair of two seasons shows the season:
over Camp 14 neighbouring months differ in 3.5 to 38 % of pixels, one snow-free season a year apart in 1.4 to
5.9 %.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from aoi.records import Boundary, Site
from detection.boundary.records import BoundaryChange
from detection.coal.records import Stockpile, StockpileArea
from detection.ground.records import Disturbance, Footprint
from evidence.errors import MeasurementError
from evidence.quantity import DAY_S, YEAR_DAYS

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairParams:
    """What two looks must be to be compared."""

    season_days: float = 20.0
    """Days of the year that two looks of one season may differ by (assumed; OPERA DIST-ALERT takes 15, and at
    one look in ten days with half of them clouded fewer would leave most findings without a pair)."""
    clear: float = 0.9
    """Share of the finding's surroundings to be seen, of the most that any look saw of them (assumed)."""
    snow: float = 0.05
    """Share of the site under snow at most (assumed)."""
    back_days: float = 400.0
    """How far before the event the first look may lie: a year and a season; each season has its turn.
    Assumed."""
    site_clear: tuple[float, ...] = (0.95, 0.8, 0.5)
    """Of a whole site: share to be seen; the next is tried where no pair has it (assumed)."""
    midsummer: int = 172
    """21 June as a day of the year: the shortest shadows of the northern hemisphere. Assumed."""
    summer_weight: float = 0.2
    """Days of difference in season that one day away from midsummer counts for (assumed)."""
    hidden_weight: float = 1000.0
    """Days of difference in season that a wholly hidden site counts for: a percent is worth ten (assumed)."""
    nearly_as_long_days: float = 550.0
    """A pair may span this much less than the longest if its seasons agree better (assumed)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookChoice:
    """One look that can be shown."""

    scene_id: str
    datetime: dt.datetime
    local_date: str
    valid_fraction: float
    """Share seen of what is to be shown: of the site, or of a finding's surroundings."""
    snow_fraction: float
    """Of the site."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSpan:
    """When something happened: what shows it not yet lies before `low`, what shows it lies after `high`."""

    low: dt.date
    high: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class LookPair:
    """Two looks, or the reason why there are none."""

    looks: tuple[LookChoice, LookChoice] | None = None
    """Before and after."""
    refused: str = ""
    """Why there are none."""
    code: str = ""
    """The same for a page to say in its language: no_date | none_before | none_after | no_season."""


Finding = Disturbance | Stockpile | StockpileArea | Footprint | BoundaryChange


def event_span(finding: Finding, site: Site) -> EventSpan | None:
    """When the event of a finding happened; None where it has no date.

    A pile came, and the coal of a zone was measured, on a look that shows it: that look is the one after. A
    boundary change lies between the images that its two versions were traced on.
    """
    match finding:
        case Disturbance():
            return EventSpan(low=finding.first_seen_low, high=finding.first_seen_high)
        case Stockpile():
            return EventSpan(low=finding.first_seen, high=finding.first_seen - _DAY)
        case StockpileArea():
            return EventSpan(low=finding.datetime.date(), high=finding.datetime.date() - _DAY)
        case Footprint():
            return EventSpan(low=finding.epoch_start, high=finding.epoch_end - _DAY)
        case BoundaryChange():
            versions = {boundary.boundary_id: boundary for boundary in site.boundaries}
            days = [
                _traced_on(versions.get(name)) for name in (finding.from_boundary_id, finding.to_boundary_id)
            ]
            low, high = days
            return None if low is None or high is None else EventSpan(low=low, high=high)


def _traced_on(boundary: Boundary | None) -> dt.date | None:
    """Day of the image that a version was traced on, else the first day that it is valid from."""
    if boundary is None:
        return None
    if boundary.image is not None and boundary.image.date is not None:
        told = str(boundary.image.date)
    else:
        told = boundary.valid_from
    padded = (told + "-01-01")[:10] if len(told) == len("2016") else (told + "-01")[:10]
    try:
        return dt.date.fromisoformat(padded)
    except ValueError:
        return None


def straddling_pair(
    looks: Sequence[LookChoice], span: EventSpan | None, *, params: PairParams | None = None
) -> LookPair:
    """The last clear look before an event, and the first clear look of its season after it.

    Where the season of the last look before did not come round clearly within a year of the event, the look
    before that is tried, and so on for a year and a season; where none did, the first that ever came round.

    Args:
        looks: with the share seen of the finding's surroundings.
        span: when the event happened.
        params: what the looks must be.
    """
    params = params or PairParams()
    if span is None:
        return LookPair(code="no_date", refused="it has no date that looks could stand on either side of")
    best = max((look.valid_fraction for look in looks), default=0.0)
    clear = sorted(
        (
            look
            for look in looks
            if look.valid_fraction > 0.0
            and look.valid_fraction >= params.clear * best
            and look.snow_fraction <= params.snow
        ),
        key=lambda look: look.datetime,
    )
    before = [look for look in clear if look.datetime.date() < span.low]
    after = [look for look in clear if look.datetime.date() > span.high]
    if not before:
        return LookPair(code="none_before", refused=f"no clear look before {span.low}")
    if not after:
        return LookPair(code="none_after", refused=f"no clear look after {span.high} yet")
    pairs = [
        (first, last)
        for first in reversed(before)
        if (span.low - first.datetime.date()).days <= params.back_days
        and (last := next((k for k in after if season_gap(first, k) <= params.season_days), None))
    ]
    for limit in (YEAR_DAYS + params.season_days, math.inf):
        for first, last in pairs:
            if (last.datetime.date() - span.high).days <= limit:
                return LookPair(looks=(first, last))
    return LookPair(
        code="no_season",
        refused=(
            f"no clear look after {span.high} is of one season (within {params.season_days:g} days) "
            f"with one in the {params.back_days:g} days before {span.low}"
        ),
    )


def whole_site_pair(
    looks: Sequence[LookChoice],
    *,
    before: str | None = None,
    after: str | None = None,
    params: PairParams | None = None,
) -> tuple[LookChoice, LookChoice]:
    """Two looks of one season: the named ones, else the clear ones farthest apart and most alike in season.

    Args:
        looks: usable ones, with the share of the site that they saw.
        before: date of the first, `YYYY-MM-DD`.
        after: date of the second.
        params: what the looks must be.

    Raises:
        MeasurementError: where there are no two such looks.
    """
    params = params or PairParams()
    firsts, lasts = ([_on(looks, day)] if day else None for day in (before, after))
    named = bool(before and after)
    candidates = (
        [
            (first, last)
            for first in firsts or clear
            for last in lasts or clear
            if first.datetime < last.datetime and (named or season_gap(first, last) <= params.season_days)
        ]
        for clear in _by_share(looks, params)
    )
    pairs = next((found for found in candidates if found), None)
    if pairs is None:
        raise MeasurementError(
            "no two clear looks of one season to compare; name two with --before and --after"
        )
    longest = max(last.datetime - first.datetime for first, last in pairs)
    shortest = longest - dt.timedelta(days=params.nearly_as_long_days)
    apart = [pair for pair in pairs if pair[1].datetime - pair[0].datetime >= shortest]
    return min(apart, key=lambda pair: _unlikeness(pair, params))


def _by_share(looks: Sequence[LookChoice], params: PairParams) -> Iterator[list[LookChoice]]:
    """The snow-free looks that saw nearly all of the site, then those that saw less."""
    bare = [look for look in looks if look.snow_fraction <= params.snow]
    for share in params.site_clear:
        yield [look for look in bare if look.valid_fraction >= share]


def _unlikeness(pair: tuple[LookChoice, LookChoice], params: PairParams) -> float:
    """Days: difference in season, way from midsummer, and what clouds hide, weighed together."""
    hidden = sum(1.0 - look.valid_fraction for look in pair)
    days = abs(pair[1].datetime.timetuple().tm_yday - params.midsummer)
    summer = min(days, YEAR_DAYS - days)
    return season_gap(*pair) + params.summer_weight * summer + params.hidden_weight * hidden


def season_gap(one: LookChoice, other: LookChoice) -> float:
    """Days between the days of the year of two looks."""
    days = abs((one.datetime - other.datetime).total_seconds()) / DAY_S % YEAR_DAYS
    return min(days, YEAR_DAYS - days)


def with_share(look: LookChoice, share: float) -> LookChoice:
    """The look with the share seen of something smaller than the site."""
    return replace(look, valid_fraction=share)


def _on(looks: Sequence[LookChoice], day: str) -> LookChoice:
    found = next((look for look in looks if day in (look.local_date, f"{look.datetime:%Y-%m-%d}")), None)
    if found is None:
        raise MeasurementError(f"no usable look on {day}")
    return found
