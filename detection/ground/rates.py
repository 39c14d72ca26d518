"""Newly disturbed ground a year before and after a date, outside a boundary version."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from scipy.special import gammaincinv

from aoi.records import Boundary
from detection.ground.accounts import COURSE_SD
from detection.ground.events import TINY
from detection.ground.params import YEAR_DAYS, Kind
from detection.ground.records import Disturbance, GroundRate
from evidence.quantity import Quantity, combine, difference

InForce = Literal["in_force"]
IN_FORCE: InForce = "in_force"
"""In place of a version: the one in force on the day that each event was first seen."""
COUNTED = frozenset({"persistent", "closed"})
"""Statuses of events that later looks bear out and that are not part of another."""
SPLIT = dt.date(2016, 12, 31)
"""The date of the claim: boundaries are said to have expanded after 2016 (NKHR 2021)."""
NARROW_SD_PER_M = 0.007
"""Error of hectares and rates, as a share of them, for each metre of the pixels' side: patches about as
narrow as they are missed, or told too wide. Fitted on simulated sites, seeds 61 to 66, at 30 m; that it goes
with the side is assumed."""
TAIL = 0.025
"""Probability on either side of a 95 % interval. Defined."""
UNIT_KM2_YEARS = 1000.0
"""Square kilometres times years of a unit of 100 km² and decade. Defined."""
UNCOUNTED = "false events were not counted for this instrument: on simulated sites at 10 m only"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietCount:
    """Events that were told where nothing was opened."""

    events: int
    units: float
    """Ground and time that was looked at, in units of 100 km² and decade."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """When the ground of an event came."""

    hectares: float
    """Of the event, all of it."""
    before: float
    """Hectares that came in the time before the date and lie outside the version."""
    after: float
    """The same after it."""


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
    boundary: Boundary | InForce | None = None,
    courses: Mapping[str, Course] = MappingProxyType({}),
    floor_ha: float = 0.0,
    side_m: float = 0.0,
) -> GroundRates:
    """Rates of ground newly disturbed before and after a date, from rows of events.

    Rivers' bars are left out. An event counts on either side with what its course says; one without a course
    counts whole on the day that it was first seen.

    Args:
        events: rows of the site's disturbances.
        split: the date.
        since: first day that was looked at; the anchor of the expectation should lie before it.
        until: day after the last.
        boundary: the version outside of which ground counts; `IN_FORCE`: the one in force when each event was
            first seen, as its row has it; None: all ground.
        courses: by the events' ids, when their ground came.
        floor_ha: smallest patch that is told: one such may have been missed on each side, so that nothing
            found is not nought without an error. That it is one is assumed.
        side_m: of the pixels, metres.

    Raises:
        ValueError: `split` does not lie between the other two.
    """
    if not since < split < until:
        message = f"{split} does not lie between {since} and {until}"
        raise ValueError(message)
    rows = [e for e in events if e.machine_status in COUNTED and e.kind != Kind.RIVER]
    rows = [e for e in rows if since <= e.first_seen < until and _outside(e, boundary) > 0]
    per_year = YEAR_DAYS / (split - since).days, YEAR_DAYS / (until - split).days
    missed = Quantity.measured(0.0, sd_random=floor_ha)
    before, after = [(per_year[0], missed)], [(per_year[1], missed)]
    for event in rows:
        course = courses.get(event.disturbance_id)
        first, last = _shares(event, course, split, boundary)
        before.append((per_year[0] * first, event.area_ha))
        after.append((per_year[1] * last, event.area_ha))
        if course is not None:
            unsure_ha = COURSE_SD * (first + last) * (event.area_ha.value or 0.0)
            moved = Quantity.measured(
                0.0, sd_random=0.0, shared={f"course:{event.disturbance_id}": unsure_ha}
            )
            before.append((per_year[0], moved))
            after.append((-per_year[1], moved))
    rates = [with_narrow(combine(terms), side_m) for terms in (before, after)]
    return GroundRates(
        boundary_id=boundary.boundary_id if isinstance(boundary, Boundary) else None, split=split,
        before=not_negative(rates[0]), after=not_negative(rates[1]), change=difference(rates[1], rates[0]),
        events=(sum(e.first_seen < split for e in rows), sum(e.first_seen >= split for e in rows)),
        unsure=sum(e.first_seen_low <= split <= e.first_seen_high for e in rows),
    )  # fmt: skip


def rate_row(  # noqa: PLR0913 - what a row says
    events: Iterable[Disturbance],
    courses: Mapping[str, Course],
    *,
    since: dt.date,
    last_look: dt.date,
    boundary: Boundary | InForce | None,
    sensor: str,
    resolution_m: float,
    floor_ha: float,
    km2: float,
    quiet: QuietCount | None,
) -> GroundRate:
    """Rates on either side of `SPLIT` as a row.

    Args:
        events: rows of the site's disturbances.
        courses: by the events' ids, when their ground came.
        since: first day that counts, when the expectation is anchored: nothing can be new before.
        last_look: of the record.
        boundary: the version outside of which ground counts; `IN_FORCE`: the one in force when each event was
            first seen; None: all ground.
        sensor: the instrument.
        resolution_m: side of its pixels, metres.
        floor_ha: smallest patch that is told.
        km2: of the site.
        quiet: events that were counted where nothing is opened; None: not counted for this instrument.
    """
    until = last_look + dt.timedelta(days=1)
    years = min((SPLIT - since).days, (until - SPLIT).days) / YEAR_DAYS
    found = None
    if years >= 1:
        found = disturbance_rates(
            events,
            split=SPLIT,
            since=since,
            until=until,
            boundary=boundary,
            courses=courses,
            floor_ha=floor_ha,
            side_m=resolution_m,
        )
    why = Quantity.not_assessable(
        f"looks that count are from {since} to {last_look}: a year on either side of {SPLIT} is needed"
    )
    false = Quantity.not_assessable(UNCOUNTED)
    if quiet is not None:
        false = expected_false(quiet, km2, max((until - since).days, 0) / YEAR_DAYS)
    return GroundRate(
        sensor=sensor,
        resolution_m=resolution_m,
        boundary_id=boundary.boundary_id if isinstance(boundary, Boundary) else None,
        boundary_role=IN_FORCE if boundary == IN_FORCE else "fixed",
        since=since,
        split=SPLIT,
        until=until,
        before_ha_a_year=found.before if found else why,
        after_ha_a_year=found.after if found else why,
        change_ha_a_year=found.change if found else why,
        events_before=found.events[0] if found else 0,
        events_after=found.events[1] if found else 0,
        events_unsure=found.unsure if found else 0,
        events_false=false,
    )


def _outside(event: Disturbance, boundary: Boundary | InForce | None) -> float:
    """Share of an event's ground outside a boundary."""
    if boundary is None:
        return 1.0
    if isinstance(boundary, Boundary):
        return float(1.0 - event.geometry.intersection(boundary.geometry).area / event.geometry.area)
    outside, whole = event.outside_ha.value, event.area_ha.value
    return 0.0 if outside is None or not whole else min(max(outside / whole, 0.0), 1.0)


def _shares(
    event: Disturbance, course: Course | None, split: dt.date, boundary: Boundary | InForce | None
) -> tuple[float, float]:
    """Shares of an event's ground that came before and after the date, outside the version."""
    if course is not None:
        whole = max(course.hectares, TINY)
        return course.before / whole, course.after / whole
    outside = _outside(event, boundary)
    return (outside, 0.0) if event.first_seen < split else (0.0, outside)


def expected_false(count: QuietCount, km2: float, years: float) -> Quantity:
    """Events to be expected on so much ground in so many years: a Poisson count's interval (Garwood 1936)."""
    low = gammaincinv(count.events, TAIL) if count.events else 0.0
    high = gammaincinv(count.events + 1, 1.0 - TAIL)
    here = km2 * years / UNIT_KM2_YEARS / count.units
    found = Quantity.measured(count.events * here, sd_random=0.0)
    return replace(found, low=float(low * here), high=float(high * here))


def with_narrow(found: Quantity, side_m: float) -> Quantity:
    """Hectares, or a rate of them, with the error of what is narrower than a pixel."""
    narrow = NARROW_SD_PER_M * side_m * abs(found.value or 0.0)
    return combine([(1.0, found), (1.0, Quantity.measured(0.0, sd_random=narrow))])


def not_negative(q: Quantity) -> Quantity:
    """The same with no hectares below nought."""
    if q.value is None or q.low is None or q.high is None:
        return q
    return replace(q, value=max(q.value, 0.0), low=max(q.low, 0.0), high=max(q.high, 0.0))
