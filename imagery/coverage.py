"""Passes that should exist, are catalogued, fetched and usable: per site and month, by provider.

A third of the scenes were missing from one public catalogue in 2026, most of them from 2016-2019, which is
where before/after comparisons stand or fall. So what is missing is counted, not passed over.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
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
from imagery.rhythm import CYCLE, unexplained_gaps
from imagery.rhythm import midnight as midnight  # noqa: PLC0414 - days of a listing begin there
from imagery.scenes import group_passes
from imagery.unexplained import expected_of

USABLE_CLOUD_SHARE = 0.9


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
