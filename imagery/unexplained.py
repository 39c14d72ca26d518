"""Passes that nobody lists although they were due: written down once, closed when they turn up after all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from imagery.archive import Archive
from imagery.archive_items import sensor_of
from imagery.gaps import Gap, GapKind
from imagery.listing import Listing
from imagery.rhythm import CYCLE, PUBLICATION, SAME_PHASE, ExpectedPass, expected_passes, unexplained_gaps
from imagery.scenes import same_platform


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
