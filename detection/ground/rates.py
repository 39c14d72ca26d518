"""Newly disturbed ground a year before and after a date, outside a boundary version."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aoi.records import Boundary
from detection.ground.params import YEAR_DAYS, Kind
from detection.ground.records import Disturbance, DisturbanceGrowth, GroundRate
from evidence.quantity import Quantity, combine, difference

COUNTED = frozenset({"persistent", "closed"})
"""Statuses of events that later looks bear out and that are not part of another."""
SPLIT = dt.date(2016, 12, 31)
"""The date of the claim: boundaries are said to have expanded after 2016 (NKHR 2021)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundRates:
    """Rates on either side of a date. Hectares a year."""

    boundary_id: str | None
    """The version outside of which ground counts; None: all ground."""
    split: dt.date
    before: Quantity
    after: Quantity
    change: Quantity
    """After minus before."""
    events: tuple[int, int]
    """First seen before and after."""
    unsure: int
    """Events whose interval of first seen holds the date."""


def disturbance_rates(
    events: Iterable[Disturbance],
    *,
    split: dt.date,
    since: dt.date,
    until: dt.date,
    boundary: Boundary | None = None,
    growth: Sequence[DisturbanceGrowth] = (),
) -> GroundRates:
    """Rates of ground newly disturbed before and after a date, from rows of events.

    Rivers' bars are left out. What growth rows say of an event is spread evenly over the time that they are
    of; an event without any counts whole on the day that it was first seen.

    Args:
        events: rows of the site's disturbances.
        split: the date.
        since: first day that was looked at; the anchor of the expectation should lie before it.
        until: day after the last.
        boundary: the version outside of which ground counts; None: all ground.
        growth: rows of what events gained in each year.

    Raises:
        ValueError: `split` does not lie between the other two.
    """
    if not since < split < until:
        message = f"{split} does not lie between {since} and {until}"
        raise ValueError(message)
    rows = [e for e in events if e.machine_status in COUNTED and e.kind != Kind.RIVER]
    rows = [e for e in rows if since <= e.first_seen < until and _outside(e, boundary) > 0]
    sides: tuple[list[tuple[float, Quantity]], list[tuple[float, Quantity]]] = ([], [])
    spans = ((since, split), (split, until))
    for event in rows:
        share = _outside(event, boundary)
        gained = [
            g for g in growth if g.disturbance_id == event.disturbance_id and g.added_ha.value is not None
        ]
        pieces = [(g.epoch_start, g.epoch_end, g.added_ha) for g in gained]
        for first, last, hectares in pieces or [(event.first_seen, event.first_seen, event.area_ha)]:
            for terms, span in zip(sides, spans, strict=True):
                part = share * _within(first, last, span)
                if part > 0 and hectares.value is not None:
                    terms.append((part, hectares))
    before, after = (
        combine([(part * YEAR_DAYS / (b - a).days, q) for part, q in terms])
        if terms
        else Quantity.measured(0.0, sd_random=0.0)
        for terms, (a, b) in zip(sides, spans, strict=True)
    )
    return GroundRates(
        boundary_id=None if boundary is None else boundary.boundary_id, split=split, before=before,
        after=after, change=difference(after, before),
        events=(sum(e.first_seen < split for e in rows), sum(e.first_seen >= split for e in rows)),
        unsure=sum(e.first_seen_low <= split <= e.first_seen_high for e in rows),
    )  # fmt: skip


def rate_row(
    events: Iterable[Disturbance],
    growth: Sequence[DisturbanceGrowth],
    *,
    first_look: dt.date,
    last_look: dt.date,
    anchor_days: float,
    boundary: Boundary | None,
    sensor: str,
    resolution_m: float,
) -> GroundRate:
    """Rates on either side of `SPLIT` as a row.

    Args:
        events: rows of the site's disturbances.
        growth: rows of what events gained in each year.
        first_look: of the record.
        last_look: of the record.
        anchor_days: what the expectation takes of the record's beginning: nothing can be new in them.
        boundary: the version outside of which ground counts; None: all ground.
        sensor: the instrument.
        resolution_m: side of its pixels, metres.
    """
    since, until = first_look + dt.timedelta(days=round(anchor_days)), last_look + dt.timedelta(days=1)
    years = min((SPLIT - since).days, (until - SPLIT).days) / YEAR_DAYS
    found = None
    if years >= 1:
        found = disturbance_rates(
            events, split=SPLIT, since=since, until=until, boundary=boundary, growth=growth
        )
    why = Quantity.not_assessable(
        f"looks that count are from {since} to {last_look}: a year on either side of {SPLIT} is needed"
    )
    return GroundRate(
        sensor=sensor,
        resolution_m=resolution_m,
        boundary_id=None if boundary is None else boundary.boundary_id,
        since=since,
        split=SPLIT,
        until=until,
        before_ha_a_year=found.before if found else why,
        after_ha_a_year=found.after if found else why,
        change_ha_a_year=found.change if found else why,
        events_before=found.events[0] if found else 0,
        events_after=found.events[1] if found else 0,
        events_unsure=found.unsure if found else 0,
    )


def _outside(event: Disturbance, boundary: Boundary | None) -> float:
    """Share of an event's ground outside a boundary."""
    if boundary is None:
        return 1.0
    return float(1.0 - event.geometry.intersection(boundary.geometry).area / event.geometry.area)


def _within(first: dt.date, last: dt.date, span: tuple[dt.date, dt.date]) -> float:
    """Share of the time from `first` to `last` that lies within a span; of one day, whether it does."""
    if first >= last:
        return float(span[0] <= first < span[1])
    return max((min(last, span[1]) - max(first, span[0])).days, 0) / (last - first).days
