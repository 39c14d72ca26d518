"""What is worth waking somebody: pure rules over current rows."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from campwatch.settings import AlertSettings
from detection.kinds import RECOVERY
from detection.records import Disturbance, SeriesPoint
from evidence.quantity import Quantity


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
        return f"{self.rule}/{self.site_id}/{self.subject}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteState:
    """What the rules look at."""

    site_id: str
    disturbances: Sequence[Disturbance] = ()
    series: Sequence[SeriesPoint] = ()
    looks: Sequence[Mapping[str, Any]] = ()
    """Data of the observation rows."""
    failure: str | None = None
    """Why the sources could not be asked in this run; None where they could."""


def conditions(state: SiteState, settings: AlertSettings, today: dt.date) -> list[Condition]:
    """Everything that the rules find at one site, each condition once."""
    found = [
        *_disturbances(state, settings),
        *_stockpiles(state, settings),
        *_looks(state, settings, today),
        *_failures(state, settings),
    ]
    return list({condition.key: condition for condition in found}.values())


def _disturbances(state: SiteState, settings: AlertSettings) -> Iterator[Condition]:
    for item in state.disturbances:
        if item.machine_status != "persistent" or item.area_ha.low is None or item.kind == RECOVERY:
            continue
        told = f"{item.kind}, first seen {item.first_seen}, {_words(item.area_ha)} ha, {item.relation}"
        if item.area_ha.low >= settings.min_disturbance_ha:
            yield _condition("persistent-disturbance", state, item.disturbance_id, told)
        outside = item.outside_ha.low
        if settings.outside_boundary and outside is not None and outside >= settings.min_outside_ha:
            text = f"{told}; outside {_words(item.outside_ha)} ha"
            yield _condition("outside-boundary", state, item.disturbance_id, text)


def _stockpiles(state: SiteState, settings: AlertSettings) -> Iterator[Condition]:
    if not settings.stockpile_change:
        return
    by_subject: dict[str, list[SeriesPoint]] = {}
    for point in state.series:
        if point.quantity == "area_ha" and point.value.value is not None:
            by_subject.setdefault(f"{point.subject_kind}:{point.subject_id}", []).append(point)
    for subject, points in sorted(by_subject.items()):
        change = _change(sorted(points, key=lambda point: point.datetime), settings)
        if change is not None:
            yield _condition("stockpile-change", state, subject, change)


def _change(points: Sequence[SeriesPoint], settings: AlertSettings) -> str | None:
    """The change from the value before the comparison gap to the newest one, where it is sure."""
    last = points[-1]
    wanted = last.datetime - dt.timedelta(days=settings.stockpile_days)
    earlier = [point for point in points if point.datetime <= wanted]
    if not earlier or last.value.value is None or earlier[-1].value.value is None:
        return None
    before = earlier[-1]
    if before.value.value is None:
        return None
    delta = last.value.value - before.value.value
    error = math.hypot(last.value.sd, before.value.sd)
    if abs(delta) < settings.min_stockpile_ha or abs(delta) <= settings.stockpile_sigmas * error:
        return None
    return (
        f"smoothed area from {_words(before.value)} ha ({before.datetime:%Y-%m-%d}) "
        f"to {_words(last.value)} ha ({last.datetime:%Y-%m-%d})"
    )


def _looks(state: SiteState, settings: AlertSettings, today: dt.date) -> Iterator[Condition]:
    used = [dt.datetime.fromisoformat(look["datetime"]) for look in state.looks if look["status"] == "used"]
    if not used:
        return
    days = (today - max(used).date()).days
    if days > settings.no_look_days:
        yield _condition(
            "no-usable-look", state, "", f"no usable look for {days} days, since {max(used):%Y-%m-%d}"
        )


def _failures(state: SiteState, settings: AlertSettings) -> Iterator[Condition]:
    if settings.source_failing and state.failure:
        yield _condition("source-failing", state, "", state.failure)


def _condition(rule: str, state: SiteState, subject: str, detail: str) -> Condition:
    return Condition(rule=rule, site_id=state.site_id, subject=subject, detail=detail)


def _words(quantity: Quantity) -> str:
    if quantity.low is None or quantity.high is None:
        return "not assessable"
    return f"{quantity.low:.2f} to {quantity.high:.2f}"
