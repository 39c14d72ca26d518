"""What is worth waking somebody: pure rules over current rows."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from campwatch.settings import AlertSettings
from detection.coal.records import SERIES, STOCKPILE_AREA, SeriesPoint
from detection.ground.params import Kind
from detection.ground.records import DISTURBANCES, Disturbance, DisturbanceGrowth, DisturbanceRevision
from evidence.quantity import Quantity, combine

PERSISTENT, OUTSIDE, STOCKPILE = "persistent-disturbance", "outside-boundary", "stockpile-change"
OPENED, OPENED_OUTSIDE, GROWTH, REVISION = (
    "opened-lately",
    "opened-outside-lately",
    "disturbance-growth",
    "disturbance-revision",
)
NO_LOOK, FAILING = "no-usable-look", "source-failing"
ALERTED_LAYERS = {
    PERSISTENT: DISTURBANCES.name,
    OUTSIDE: DISTURBANCES.name,
    STOCKPILE: SERIES.name,
}
"""The layer whose figures an alert repeats, by rule."""
SILENT = (Kind.BURNT, Kind.GROWN_OVER, Kind.RIVER)
"""Kinds that raise no alert."""
HELD = 0.5
"""A condition whose alert is open holds on until it falls below this share of its limits: what hovers about a
limit is one alert, not one for every crossing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that holds now and that a rule calls worth an alert."""

    rule: str
    site_id: str
    subject: str
    """What it is about, within the site: a disturbance, a series, or empty for the site itself."""
    detail: str
    """In words, with the figures; stays in the workspace."""

    @property
    def key(self) -> str:
        """Identifies the condition through time."""
        return _key(self.rule, self.site_id, self.subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteState:
    """What the rules look at."""

    site_id: str
    disturbances: Sequence[Disturbance] = ()
    growth: Sequence[DisturbanceGrowth] = ()
    revisions: Sequence[DisturbanceRevision] = ()
    series: Sequence[SeriesPoint] = ()
    looks: Sequence[Mapping[str, Any]] = ()
    """Data of the observation rows."""
    failure: str | None = None
    """Why a source could not be searched in this run, or the site not be measured; None where all is well."""
    open_keys: frozenset[str] = frozenset()
    """Conditions whose alert is open."""

    def ease(self, rule: str, subject: str) -> float:
        """Factor on the limits of a rule for one subject."""
        return HELD if _key(rule, self.site_id, subject) in self.open_keys else 1.0


def _key(rule: str, site_id: str, subject: str) -> str:
    return f"{rule}/{site_id}/{subject}"


def conditions(state: SiteState, settings: AlertSettings, today: dt.date) -> list[Condition]:
    """Everything that the rules find at one site, each condition once."""
    found = [
        *_disturbances(state, settings),
        *_opened(state, settings, today),
        *_growth(state, settings),
        *_revisions(state),
        *_stockpiles(state, settings),
        *_looks(state, settings, today),
        *_failures(state, settings),
    ]
    return list({condition.key: condition for condition in found}.values())


def _disturbances(state: SiteState, settings: AlertSettings) -> Iterator[Condition]:
    for item in state.disturbances:
        if item.machine_status != "persistent" or item.kind in SILENT:
            continue
        told = f"{item.kind}, first seen {item.first_seen}, {_words(item.area_ha)} ha, {item.relation}"
        subject = _subject(state, PERSISTENT, item)
        if _reaches(item.area_ha, settings.min_disturbance_ha * state.ease(PERSISTENT, subject)):
            yield _condition(PERSISTENT, state, subject, told)
        subject = _subject(state, OUTSIDE, item)
        least = settings.min_outside_ha * state.ease(OUTSIDE, subject)
        if settings.outside_boundary and _reaches(item.outside_ha, least):
            text = f"{told}; outside {_words(item.outside_ha)} ha"
            yield _condition(OUTSIDE, state, subject, text)


def _opened(state: SiteState, settings: AlertSettings, today: dt.date) -> Iterator[Condition]:
    """What opened lately, summed: many small clearings are worth an alert that none of them is."""
    since = today - dt.timedelta(days=settings.opened_days)
    fresh = [
        item
        for item in state.disturbances
        if item.machine_status == "persistent" and item.kind not in SILENT and item.first_seen >= since
    ]
    for rule, parts in (
        (OPENED, [item.area_ha for item in fresh]),
        (OPENED_OUTSIDE, [item.outside_ha for item in fresh if item.outside_ha.value is not None]),
    ):
        total = combine((1.0, part) for part in parts) if len(parts) > 1 else None
        if total is not None and _reaches(total, settings.min_opened_ha * state.ease(rule, "")):
            text = f"{len(parts)} disturbances first seen since {since}, {_words(total)} ha in all"
            yield _condition(rule, state, "", text)


def _growth(state: SiteState, settings: AlertSettings) -> Iterator[Condition]:
    """Growth of an event beyond the year in which it was first seen."""
    open_ones = {d.disturbance_id: d for d in state.disturbances if d.machine_status == "persistent"}
    newest = max((one.epoch_end for one in state.growth), default=None)
    for one in state.growth:
        event = open_ones.get(one.disturbance_id)
        if event is None or one.epoch_end != newest or event.first_seen >= one.epoch_start:
            continue
        if _reaches(one.added_ha, settings.min_opened_ha * state.ease(GROWTH, one.disturbance_id)):
            text = f"grew by {_words(one.added_ha)} ha from {one.epoch_start} to {one.epoch_end}"
            yield _condition(GROWTH, state, one.disturbance_id, text)


def _revisions(state: SiteState) -> Iterator[Condition]:
    """What later looks say otherwise of a disturbance whose alert is open, and of one that opened again."""
    for one in state.revisions:
        alerted = any(
            _key(rule, state.site_id, one.disturbance_id) in state.open_keys
            for rule in (PERSISTENT, OUTSIDE, GROWTH, REVISION)
        )
        if one.revision == "reopened" or (alerted and one.revision == "withdrawn"):
            yield _condition(REVISION, state, one.disturbance_id, f"{one.revision}: {one.detail}")


def _subject(state: SiteState, rule: str, item: Disturbance) -> str:
    """The name under which its alert is open: its own, or that of a patch that it came from; else its own."""
    names = (item.disturbance_id, *item.parents)
    known = (name for name in names if _key(rule, state.site_id, name) in state.open_keys)
    return next(known, item.disturbance_id)


def _reaches(area: Quantity, least_ha: float) -> bool:
    """Whether the lower end of the interval does."""
    return area.low is not None and area.low >= least_ha


def _stockpiles(state: SiteState, settings: AlertSettings) -> Iterator[Condition]:
    if not settings.stockpile_change:
        return
    by_subject: dict[str, list[SeriesPoint]] = {}
    for point in state.series:
        if point.quantity == STOCKPILE_AREA and point.value.value is not None:
            by_subject.setdefault(f"{point.subject_kind}:{point.subject_id}", []).append(point)
    for subject, points in sorted(by_subject.items()):
        ordered = sorted(points, key=lambda point: point.datetime)
        change = _change(ordered, settings, ease=state.ease(STOCKPILE, subject))
        if change is not None:
            yield _condition(STOCKPILE, state, subject, change)


def _change(points: Sequence[SeriesPoint], settings: AlertSettings, *, ease: float) -> str | None:
    """The change from the value before the comparison gap to the newest one, where it is sure."""
    last = points[-1]
    wanted = last.datetime - dt.timedelta(days=settings.stockpile_days)
    before = next((point for point in reversed(points) if point.datetime <= wanted), None)
    if before is None or last.value.value is None or before.value.value is None:
        return None
    delta = abs(last.value.value - before.value.value)
    sure = ease * settings.stockpile_sigmas * math.hypot(last.value.sd, before.value.sd)
    if delta < ease * settings.min_stockpile_ha or delta <= sure:
        return None
    return (
        f"smoothed area from {_words(before.value)} ha ({before.datetime:%Y-%m-%d}) "
        f"to {_words(last.value)} ha ({last.datetime:%Y-%m-%d})"
    )


def _looks(state: SiteState, settings: AlertSettings, today: dt.date) -> Iterator[Condition]:
    used = [dt.datetime.fromisoformat(look["datetime"]) for look in state.looks if look["status"] == "used"]
    seen = used or [dt.datetime.fromisoformat(look["datetime"]) for look in state.looks]
    if not seen:
        return
    since = max(used) if used else min(seen)
    days = (today - since.date()).days
    if days > settings.no_look_days:
        text = f"no usable look for {days} days, since {since:%Y-%m-%d}" + (
            "" if used else ", the first look"
        )
        yield _condition(NO_LOOK, state, "", text)


def _failures(state: SiteState, settings: AlertSettings) -> Iterator[Condition]:
    if settings.source_failing and state.failure:
        yield _condition(FAILING, state, "", state.failure)


def _condition(rule: str, state: SiteState, subject: str, detail: str) -> Condition:
    return Condition(rule=rule, site_id=state.site_id, subject=subject, detail=detail)


def _words(quantity: Quantity) -> str:
    if quantity.low is None or quantity.high is None:
        return "not assessable"
    return f"{quantity.low:.2f} to {quantity.high:.2f}"
