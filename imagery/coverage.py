"""Passes that should exist, are catalogued, fetched and usable: per site and month, by provider.

A third of the scenes were missing from one public catalogue in 2026, most of them from 2016-2019, which is
where before/after comparisons stand or fall. So what is missing is counted, not passed over.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import rasterio

from imagery.archive import Archive
from imagery.archive_items import sensor_of
from imagery.fetch_rules import cloud_share
from imagery.gaps import Gap, GapKind
from imagery.listing import Listing
from imagery.records import ArchivedProduct, Product
from imagery.scenes import group_passes

CYCLE = MappingProxyType({"sentinel-2": 10, "sentinel-1": 12, "landsat": 16})
"""Days after which a platform repeats an orbit."""

SERVICE = MappingProxyType(
    {
        "sentinel-2a": (dt.date(2015, 7, 6), dt.date(2025, 1, 21)),
        "sentinel-2b": (dt.date(2017, 7, 6), None),
        "sentinel-2c": (dt.date(2025, 1, 21), None),
        "sentinel-1a": (dt.date(2014, 10, 3), dt.date(2026, 6, 29)),
        "sentinel-1b": (dt.date(2016, 9, 26), dt.date(2021, 12, 23)),
        "sentinel-1c": (dt.date(2025, 3, 26), None),
    }
)
"""First and last day of a platform in its nominal slot, after ESA's mission pages (Sentinel-2A flies on, 36
degrees off)."""

LEAST_SIGHTINGS = 3
"""Of an orbit in one rhythm before passes are expected of it."""
USABLE_CLOUD_SHARE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedPass:
    """A pass that orbit and rhythm make likely."""

    platform: str
    relative_orbit: int | None
    datetime: dt.datetime
    """Day of the rhythm, at the orbit's usual time, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthCoverage:
    """One row of the table that `search` and `status` print; all counts are passes."""

    site_id: str
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


def expected_passes(seen: Iterable[Any], since: dt.datetime, until: dt.datetime) -> list[ExpectedPass]:
    """Passes that the rhythm of the passes seen makes likely in ``[since, until)``.

    A rhythm is a platform, an orbit and a day of the cycle that was seen three times at least; it goes on
    over the platform's time of service.

    Args:
        seen: products, listed or archived, from every source.
        since: UTC.
        until: UTC.
    """
    rhythms: dict[tuple[str, int | None, int], list[dt.datetime]] = defaultdict(list)
    for group in group_passes(seen):
        first = group[0]
        cycle = CYCLE.get(sensor_of(first.platform))
        if cycle:
            orbit = next((item.relative_orbit for item in group if item.relative_orbit is not None), None)
            rhythms[first.platform, orbit, first.datetime.toordinal() % cycle].append(first.datetime)
    found = [
        likely
        for (platform, orbit, _), times in rhythms.items()
        if len(times) >= LEAST_SIGHTINGS
        for likely in _continued(platform, orbit, times, since, until)
    ]
    return sorted(found, key=lambda likely: (likely.datetime, likely.platform))


def _continued(
    platform: str, orbit: int | None, times: Sequence[dt.datetime], since: dt.datetime, until: dt.datetime
) -> list[ExpectedPass]:
    cycle = dt.timedelta(days=CYCLE[sensor_of(platform)])
    start, end = SERVICE.get(platform, (min(times).date(), max(times).date()))
    first = max(since, midnight(start))
    last = min(until, midnight(end or dt.date.max))
    usual = sorted(times)[len(times) // 2]
    moment = usual - ((usual - first) // cycle) * cycle
    found = []
    while moment < last:
        found.append(ExpectedPass(platform=platform, relative_orbit=orbit, datetime=moment))
        moment += cycle
    return found


def midnight(day: dt.date) -> dt.datetime:
    """The day's first moment, UTC."""
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)


def unexplained_gaps(expected: Iterable[ExpectedPass], seen: Iterable[Any]) -> list[Gap]:
    """Expected passes that nobody lists and nobody has."""
    days = {(item.platform, item.datetime.date() + dt.timedelta(days=d)) for item in seen for d in (-1, 0, 1)}
    return [
        Gap(
            kind=GapKind.UNEXPLAINED,
            sensor=sensor_of(likely.platform),
            datetime=likely.datetime,
            platform=likely.platform,
            detail=f"{likely.platform} on orbit {_spelled(likely.relative_orbit)} was due; nobody lists it",
        )
        for likely in expected
        if (likely.platform, likely.datetime.date()) not in days
    ]


def _spelled(orbit: int | None) -> str:
    return f"R{orbit:03d}" if orbit is not None else "unknown"


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
        listing: what the sources list; an empty one (`status`, offline) counts what is archived alone.
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
    expected = expected_passes(seen, listing.since, listing.until)
    missing = unexplained_gaps(expected, [*seen, *(gap for gap in gaps if gap.platform)])
    months = sorted({_month(item) for item in [*seen, *expected, *gaps]})
    return [
        MonthCoverage(
            site_id=listing.site_id,
            month=month,
            expected=sum(_month(likely) == month for likely in expected),
            catalogued=_passes(product for product, _ in listed if _month(product) == month),
            fetched=_passes(p for p in held if _month(p) == month),
            usable=_passes(p for p in held if _month(p) == month and usable(p)),
            cloudy=_passes_of_gaps(gaps, month, GapKind.CLOUD),
            failed=_passes_of_gaps(gaps, month, GapKind.ERROR) + _passes_of_gaps(gaps, month, GapKind.QUOTA),
            unexplained=sum(_month(gap) == month for gap in missing),
            catalogued_by=_by((p, name) for p, name in listed if _month(p) == month),
            fetched_by=_by((p, p.source) for p in held if _month(p) == month),
        )
        for month in months
    ]


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
