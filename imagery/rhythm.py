"""Passes that orbit and tile make likely: satellites come again on the same second of their cycle."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from imagery.archive_items import sensor_of
from imagery.gaps import Gap, GapKind
from imagery.scenes import group_passes, platform_of, same_platform

CYCLE = MappingProxyType({"sentinel-2": 10, "sentinel-1": 12, "landsat": 16})
"""Days after which a platform repeats an orbit."""

Slot = tuple[dt.date, dt.date | None]

SERVICE: MappingProxyType[str, tuple[Slot, ...]] = MappingProxyType(
    {
        "sentinel-2a": ((dt.date(2015, 7, 6), dt.date(2025, 1, 21)),),
        "sentinel-2b": ((dt.date(2017, 7, 6), None),),
        "sentinel-2c": ((dt.date(2025, 1, 21), None),),
        "sentinel-1a": ((dt.date(2014, 10, 3), dt.date(2026, 6, 29)),),
        "sentinel-1b": ((dt.date(2016, 9, 26), dt.date(2021, 12, 23)),),
        "sentinel-1c": ((dt.date(2025, 3, 26), dt.date(2026, 6, 8)), (dt.date(2026, 6, 24), None)),
        "sentinel-1d": ((dt.date(2026, 4, 17), None),),
    }
)
"""First and last day of a platform in each nominal slot, after ESA's mission pages. Sentinel-2A flies on, 36
degrees off and not everywhere, which makes nothing likely; Sentinel-1C was moved in June 2026."""

LEAST_SIGHTINGS = 3
"""In one rhythm before passes are expected of it."""
SAME_PHASE = dt.timedelta(hours=1)
"""Stamps of one orbit differ by the quarter of an hour between a datatake's start and a tile's own time."""
PUBLICATION = dt.timedelta(days=5)
"""A pass is not due in a catalogue before so much time has gone by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedPass:
    """A pass that orbit and rhythm make likely."""

    platform: str
    relative_orbit: int | None
    datetime: dt.datetime
    """At the orbit's usual second, UTC."""
    tiles: tuple[str, ...] = ()
    """That showed the site on most passes of this orbit."""


def expected_passes(seen: Iterable[Any], since: dt.datetime, until: dt.datetime) -> list[ExpectedPass]:
    """Passes that the rhythm of the passes seen makes likely in ``[since, until)``.

    A rhythm is a platform and a phase of its cycle that was seen three times at least while the platform kept
    one slot; it goes on as long as the slot is kept.

    Args:
        seen: products, listed or archived, from every source.
        since: UTC.
        until: UTC.
    """
    found = []
    for (platform, slot), passes in _by_slot(seen).items():
        cycle = dt.timedelta(days=CYCLE[sensor_of(platform)])
        start, end = _ends(slot, passes)
        for rhythm in _rhythms(passes, cycle):
            if len(rhythm) >= LEAST_SIGHTINGS:
                found += _continued(platform, rhythm, cycle, max(since, start), min(until, end))
    return sorted(found, key=lambda likely: (likely.datetime, likely.platform))


def unexplained_gaps(expected: Iterable[ExpectedPass], seen: Iterable[Any]) -> list[Gap]:
    """Expected passes that nobody lists and nobody has."""
    times: dict[str, list[dt.datetime]] = {}
    for item in seen:
        times.setdefault(item.platform, []).append(item.datetime)
    return [_gap(likely) for likely in expected if not _is_seen(likely, times)]


def _is_seen(likely: ExpectedPass, times: Mapping[str, Sequence[dt.datetime]]) -> bool:
    return any(
        abs(likely.datetime - time) <= SAME_PHASE
        for platform, moments in times.items()
        if same_platform(platform, likely.platform)
        for time in moments
    )


def midnight(day: dt.date) -> dt.datetime:
    """The day's first moment, UTC."""
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)


def _by_slot(seen: Iterable[Any]) -> dict[tuple[str, Slot | None], list[tuple[Any, ...]]]:
    """Passes by platform and the slot that it kept then; a pass outside every slot makes nothing likely."""
    found: dict[tuple[str, Slot | None], list[tuple[Any, ...]]] = {}
    for group in group_passes(seen):
        platform, day = platform_of(group), group[0].datetime.date()
        if sensor_of(platform) not in CYCLE:
            continue
        slots: tuple[Slot | None, ...] = SERVICE.get(platform, (None,))
        for slot in slots:
            if slot is None or (slot[0] <= day and (slot[1] is None or day < slot[1])):
                found.setdefault((platform, slot), []).append(group)
    return found


def _ends(slot: Slot | None, passes: Sequence[tuple[Any, ...]]) -> tuple[dt.datetime, dt.datetime]:
    if slot is None:  # nothing is known of the platform but that it was there
        return passes[0][0].datetime, passes[-1][0].datetime + SAME_PHASE
    forever = dt.datetime.max.replace(tzinfo=dt.UTC)
    return midnight(slot[0]), midnight(slot[1]) if slot[1] else forever


def _rhythms(passes: Sequence[tuple[Any, ...]], cycle: dt.timedelta) -> list[list[tuple[Any, ...]]]:
    """Passes that share their phase of the cycle, which is a circle."""
    ordered = sorted(passes, key=lambda group: _phase(group, cycle))
    rhythms: list[list[tuple[Any, ...]]] = []
    for group in ordered:
        if rhythms and _phase(group, cycle) - _phase(rhythms[-1][-1], cycle) <= SAME_PHASE:
            rhythms[-1].append(group)
        else:
            rhythms.append([group])
    if len(rhythms) > 1:
        around = _phase(rhythms[0][0], cycle) + cycle - _phase(rhythms[-1][-1], cycle)
        if around <= SAME_PHASE:
            rhythms[0] = rhythms.pop() + rhythms[0]
    return rhythms


def _phase(group: tuple[Any, ...], cycle: dt.timedelta) -> dt.timedelta:
    elapsed: dt.timedelta = group[0].datetime - dt.datetime(2015, 1, 1, tzinfo=dt.UTC)
    return elapsed % cycle


def _continued(
    platform: str,
    rhythm: Sequence[tuple[Any, ...]],
    cycle: dt.timedelta,
    first: dt.datetime,
    last: dt.datetime,
) -> list[ExpectedPass]:
    usual = rhythm[len(rhythm) // 2][0].datetime
    moment = usual - ((usual - first) // cycle) * cycle
    orbits = Counter(
        item.relative_orbit for group in rhythm for item in group if item.relative_orbit is not None
    )
    tiles = Counter(tile for group in rhythm for tile in {item.tile for item in group if item.tile})
    orbit = orbits.most_common(1)[0][0] if orbits else None
    usually = tuple(sorted(tile for tile, count in tiles.items() if count * 2 > len(rhythm)))
    found = []
    while moment < last:
        found.append(ExpectedPass(platform=platform, relative_orbit=orbit, datetime=moment, tiles=usually))
        moment += cycle
    return found


def _gap(likely: ExpectedPass) -> Gap:
    orbit = f"R{likely.relative_orbit:03d}" if likely.relative_orbit is not None else "unknown"
    tiles = f" over {', '.join(likely.tiles)}" if likely.tiles else ""
    return Gap(
        kind=GapKind.UNEXPLAINED,
        sensor=sensor_of(likely.platform),
        datetime=likely.datetime.replace(microsecond=0),
        platform=likely.platform,
        detail=f"{likely.platform} on orbit {orbit}{tiles} was due; nobody lists it",
        values=MappingProxyType({"relative_orbit": likely.relative_orbit, "tiles": list(likely.tiles)}),
    )
