"""Boundary versions in time: half-open, in order, one complete perimeter in force at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from aoi.edtf import first_day
from aoi.records import Boundary, Extent, Site
from evidence.errors import AoiError


def starts(boundary: Boundary) -> dt.date:
    """First day in force: the first day that `valid_from` may mean."""
    return first_day(boundary.valid_from, where=f"boundary {boundary.boundary_id}")


def ends(boundary: Boundary) -> dt.date | None:
    """First day no longer in force; None while in force."""
    return (
        None
        if boundary.valid_to is None
        else first_day(boundary.valid_to, where=f"boundary {boundary.boundary_id}")
    )


def ordered_versions(boundaries: Sequence[Boundary], notices: list[str]) -> tuple[Boundary, ...]:
    """The versions in order of time; an open end is closed by the next complete version.

    Raises:
        AoiError: where two complete versions claim the same days.
    """
    ordered = sorted(boundaries, key=lambda b: (starts(b), b.boundary_id))
    complete = [b for b in ordered if b.extent is Extent.COMPLETE]
    closed = {b.boundary_id: b for b in ordered}
    for earlier, later in pairwise(complete):
        closed[earlier.boundary_id] = _closed(earlier, later, notices)
    return tuple(closed[b.boundary_id] for b in ordered)


def _closed(earlier: Boundary, later: Boundary, notices: list[str]) -> Boundary:
    if starts(earlier) == starts(later):
        raise AoiError(
            f"boundaries {earlier.boundary_id!r} and {later.boundary_id!r} both begin on {starts(later)}"
        )
    end = ends(earlier)
    if end is None:
        notices.append(
            f"boundary {earlier.boundary_id!r} ends where {later.boundary_id!r} begins ({later.valid_from})"
        )
        return replace(earlier, valid_to=later.valid_from)
    if end > starts(later):
        raise AoiError(
            f"boundary {earlier.boundary_id!r} ends on {end}, after {later.boundary_id!r} begins "
            f"on {starts(later)}"
        )
    return earlier


def version_in_force(site: Site, day: dt.date) -> Boundary | None:
    """The complete perimeter in force on `day`; None means no boundary, never the box."""
    for boundary in site.boundaries:
        end = ends(boundary)
        if boundary.extent is Extent.COMPLETE and starts(boundary) <= day and (end is None or day < end):
            return boundary
    return None
