"""Passes that should exist, are catalogued, fetched and usable: per site and month, by provider.

A third of the scenes were missing from one public catalogue in 2026, most of them from 2016-2019, which is
where before/after comparisons stand or fall. So what is missing is counted, not passed over.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from imagery.archive.gaps import Gap, GapKind
from imagery.archive.items import sensor_of
from imagery.archive.listing import Listing
from imagery.archive.store import Archive
from imagery.records import ArchivedProduct, Product
from imagery.scenes import group_passes, platform_of, same_platform

CLOUD_CLASSES = (8, 9)
"""Scene classes: cloud of medium and high probability. Cirrus (10) is looked through. Documented: Sen2Cor."""
USABLE_CLOUD_SHARE = 0.9
"""Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthCoverage:
    """One row of the table that `search` and `status` print; all counts are passes."""

    site_id: str
    sensor: str
    month: str
    """As in 2016-11."""
    expected: int
    catalogued: int
    fetched: int
    usable: int
    cloudy: int
    """Left out for cloud."""
    failed: int
    unexplained: int
    """Expected, and listed by nobody."""
    catalogued_by: Mapping[str, int]
    """Source to passes it lists."""
    fetched_by: Mapping[str, int]
    """Source to passes whose pixels came from it."""
    usable_by: Mapping[str, int]
    """Source to passes that are usable and whose pixels came from it."""


def coverage_table(
    archive: Archive,
    listing: Listing,
    *,
    sensor: str = "sentinel-2",
    usable: Callable[[ArchivedProduct], bool] | None = None,
) -> list[MonthCoverage]:
    """Expected, catalogued, fetched and usable passes of every month of a listing.

    Args:
        archive: what was fetched.
        listing: what the sources list, or listed when they were last asked (`listing_store`).
        sensor: which.
        usable: what counts as usable; by default less than 90 % cloud in the scene classes.
    """
    usable = usable or under_little_cloud
    listed = [(p, name) for p, name in listing.listed if sensor_of(p.platform) == sensor]
    held = [
        p
        for p in archive.products(listing.site_id, sensor=sensor)
        if listing.since <= p.datetime < listing.until
    ]
    gaps = [gap for gap in archive.gaps(listing.site_id) if gap.sensor == sensor]
    seen: list[Product | ArchivedProduct] = [*(product for product, _ in listed), *held]
    expected = expected_of(listing, seen)
    known = [gap for gap in gaps if gap.platform and gap.kind is not GapKind.UNEXPLAINED]
    missing = unexplained_gaps(expected, [*seen, *known])
    good = [product for product in held if usable(product)]
    months = sorted({_month(item) for item in [*seen, *expected, *known]})
    return [
        MonthCoverage(
            site_id=listing.site_id,
            sensor=sensor,
            month=month,
            expected=sum(_month(likely) == month for likely in expected),
            catalogued=_passes(product for product, _ in listed if _month(product) == month),
            fetched=_passes(p for p in held if _month(p) == month),
            usable=_passes(p for p in good if _month(p) == month),
            cloudy=_passes_of_gaps(gaps, month, GapKind.CLOUD),
            failed=_passes_of_gaps(gaps, month, GapKind.ERROR) + _passes_of_gaps(gaps, month, GapKind.QUOTA),
            unexplained=sum(_month(gap) == month for gap in missing),
            catalogued_by=_by((p, name) for p, name in listed if _month(p) == month),
            fetched_by=_by((p, p.source) for p in held if _month(p) == month),
            usable_by=_by((p, p.source) for p in good if _month(p) == month),
        )
        for month in months
    ]


def coverage_tables(archive: Archive, listing: Listing) -> list[MonthCoverage]:
    """`coverage_table` of every sensor that comes again and is listed or archived."""
    listed = {sensor_of(product.platform) for product, _ in listing.listed}
    sensors = [name for name in CYCLE if name in listed or archive.products(listing.site_id, sensor=name)]
    return [row for name in sensors for row in coverage_table(archive, listing, sensor=name)]


def cloud_share(classes: NDArray[np.generic]) -> tuple[float, int]:
    """Share of cloud among the pixels that were seen, and how many these are."""
    seen = classes != 0
    count = int(seen.sum())
    return (float(np.isin(classes, CLOUD_CLASSES)[seen].mean()) if count else 0.0), count


def under_little_cloud(product: ArchivedProduct) -> bool:
    """Whether the scene classes show less than 90 % cloud; a product without classes counts as usable."""
    if "scl" not in product.bands:
        return True
    with rasterio.open(product.bands["scl"]) as dataset:
        share, seen = cloud_share(dataset.read(1))
    return seen > 0 and share < USABLE_CLOUD_SHARE


def _month(item: Any) -> str:
    return f"{item.datetime:%Y-%m}"


def _passes(items: Iterable[Any]) -> int:
    return len(group_passes(items))


def _passes_of_gaps(gaps: Iterable[Gap], month: str, kind: GapKind) -> int:
    chosen = [gap.as_product() for gap in gaps if gap.kind is kind and gap.platform and _month(gap) == month]
    return _passes(chosen)


def _by(pairs: Iterable[tuple[Any, str]]) -> Mapping[str, int]:
    grouped: dict[str, list[Any]] = defaultdict(list)
    for item, name in pairs:
        grouped[name].append(item)
    return MappingProxyType(Counter({name: _passes(items) for name, items in grouped.items()}))


def due_until(listing: Listing) -> dt.datetime:
    """Passes before then should be in a catalogue by now."""
    return min(listing.until, listing.asked - PUBLICATION) if listing.asked else listing.until


def expected_of(listing: Listing, seen: Sequence[Any]) -> list[ExpectedPass]:
    """Passes that should exist in the interval of a listing.

    Catalogues on disk are extracts that somebody made: where none but these were asked, nothing is expected
    before their first product or after their last.
    """
    since, until = listing.since, due_until(listing)
    if not listing.exhaustive:
        times = [item.datetime for item in seen if since <= item.datetime < listing.until]
        if not times:
            return []
        since, until = min(times) - SAME_PHASE, max(times) + SAME_PHASE
    return expected_passes(seen, since, until)


def missing_passes(archive: Archive, listing: Listing) -> list[Gap]:
    """Passes of every sensor that was asked for that should exist, and that nobody lists and nobody has."""
    seen = _seen(archive, listing)
    known = [gap for gap in archive.gaps(listing.site_id) if gap.platform and not _is_unexplained(gap)]
    asked_for = {sensor_of(product.platform) for product, _ in listing.listed}
    expected = [likely for likely in expected_of(listing, seen) if sensor_of(likely.platform) in asked_for]
    return unexplained_gaps(expected, [*seen, *known])


def note_unexplained(archive: Archive, listing: Listing) -> list[Gap]:
    """Write down what is missing, if every catalogue answered; close what has turned up.

    Returns:
        What is newly written down.
    """
    before = [gap for gap in archive.gaps(listing.site_id) if _is_unexplained(gap)]
    now = listing.asked or dt.datetime.now(dt.UTC)
    seen = _seen(archive, listing)
    for gap in before:
        if any(_same_pass(gap, item) for item in seen):
            archive.record_gap(listing.site_id, replace(gap, closed=now))
    if not listing.exhaustive:
        return []
    fresh = [
        gap for gap in missing_passes(archive, listing) if not any(_same_pass(gap, old) for old in before)
    ]
    stamped = [replace(gap, recorded=now) for gap in fresh]
    for gap in stamped:
        archive.record_gap(listing.site_id, gap)
    return stamped


def _seen(archive: Archive, listing: Listing) -> list[Any]:
    held = [product for sensor in CYCLE for product in archive.products(listing.site_id, sensor=sensor)]
    return [*(product for product, _ in listing.listed), *held]


def _is_unexplained(gap: Gap) -> bool:
    return gap.kind is GapKind.UNEXPLAINED


def _same_pass(gap: Gap, item: Any) -> bool:
    near = abs(gap.datetime - item.datetime) <= SAME_PHASE
    return near and gap.platform is not None and same_platform(gap.platform, item.platform)


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
"""In one rhythm before passes are expected of it. Assumed."""
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
