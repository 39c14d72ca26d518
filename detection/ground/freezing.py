"""What was said of an event when it became persistent stays; what later looks say stands beside it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from detection.ground.days import to_date
from detection.ground.events import overlap, unused_name
from detection.ground.params import METHOD, EventParams, GroundParams
from detection.ground.records import Disturbance, DisturbanceRevision

UNBORNE = "later looks do not bear it out"
GONE = ("withdrawn", "merged")
"""Statuses of what is told no more."""


def freeze(
    current: Sequence[Disturbance], earlier: Sequence[Disturbance], *, day: int, params: GroundParams
) -> tuple[list[Disturbance], list[DisturbanceRevision]]:
    """Current rows under what earlier runs froze, and what they now say otherwise.

    An event is frozen when it has been persistent for `wait_days`. Events of another method epoch hand on
    their id to the event that lies where they lay, so that verdicts and alerts follow; what was told then and
    is not found by this method stays as withdrawn, with that as the cause.

    Args:
        current: rows that the scenes alone give.
        earlier: rows as the run before left them.
        day: of the newest look.
        params: numbers.

    Returns:
        One row for each of `current`, in their order, then the frozen events that are no longer found.
    """
    p = params.events
    rows, revisions = [], []
    known = [one for one in earlier if one.frozen_on is not None or one.method_epoch != METHOD]
    names = {one.disturbance_id for one in known}
    held = _held(current, known, p)
    taken = {old.disturbance_id for old in held.values()}
    for number, found in enumerate(current):
        old, one = held.get(number), found
        if old is None:
            one = replace(found, disturbance_id=unused_name(found.disturbance_id, names))
            names.add(one.disturbance_id)
        settled = (
            one.persistent_since is not None and (to_date(day) - one.persistent_since).days >= p.wait_days
        )
        if old is None:
            rows.append(replace(one, frozen_on=to_date(day)) if settled else one)
            continue
        if old.method_epoch != METHOD:
            rows.append(
                replace(one, disturbance_id=old.disturbance_id, frozen_on=to_date(day) if settled else None)
            )
            continue
        rows.append(
            replace(
                one, disturbance_id=old.disturbance_id, frozen_on=old.frozen_on, first_seen=old.first_seen,
                first_seen_low=old.first_seen_low, first_seen_high=old.first_seen_high,
                persistent_since=old.persistent_since, founding_cells=old.founding_cells,
                machine_status=one.machine_status if one.machine_status != "provisional" else "persistent",
            )
        )  # fmt: skip
        if one.first_seen != old.first_seen:
            within = old.first_seen_low <= one.first_seen <= old.first_seen_high
            told = "within" if within else "outside"
            revisions.append(
                revision(
                    old,
                    "smoothed",
                    one.first_seen,
                    f"smoothed to {one.first_seen}, {told} the frozen interval",
                )
            )
        if one.closed_on is not None and old.frozen_on is not None and one.closed_on > old.frozen_on:
            revisions.append(revision(old, "closed", None, "as expected again"))
    for old in known:
        if old.disturbance_id in taken or old.machine_status == "provisional":
            continue
        what, why = _fate(old, rows[: len(current)], p)
        rows.append(replace(old, machine_status=what, cause=why))
        revisions.append(revision(old, what, None, why))
    return rows, revisions


def revision(old: Disturbance, what: str, to: dt.date | None, detail: str) -> DisturbanceRevision:
    """What later looks say of a frozen event, as a row beside it."""
    return DisturbanceRevision(
        disturbance_id=old.disturbance_id,
        revision=what,
        first_seen=old.first_seen,
        revised_to=to,
        detail=detail,
    )


def _held(
    current: Sequence[Disturbance], known: Sequence[Disturbance], p: EventParams
) -> dict[int, Disturbance]:
    """By position in `current` the earlier row of the same event; who agrees on the date goes first.

    What was open when it was last looked at and is now dated otherwise is one event, whose date is revised.
    """
    held: dict[int, Disturbance] = {}
    left = [one for one in known if not _gone(one)]
    for dated in (True, False):
        for number, found in enumerate(current):
            if number in held:
                continue
            likely = (k for k in left if dated or k.machine_status == "persistent")
            old = next((k for k in likely if _same(k, found, p, dated=dated)), None)
            if old is not None:
                held[number] = old
                left = [k for k in left if k is not old]
    return held


def _fate(old: Disturbance, found: Sequence[Disturbance], p: EventParams) -> tuple[str, str]:
    """What became of an event that is not found again, and why."""
    if _gone(old):
        return old.machine_status, old.cause or UNBORNE
    whole = next((row for row in found if _part_of(old, row, p.likely)), None)
    if whole is not None:
        return "merged", f"part of {whole.disturbance_id}"
    return "withdrawn", UNBORNE if old.method_epoch == METHOD else f"{METHOD} does not find it"


def _gone(old: Disturbance) -> bool:
    """Whether a method before this one, or this one of what a method before had told, has taken it back."""
    return old.method_epoch != METHOD and old.machine_status in GONE


def _same(old: Disturbance, new: Disturbance, p: EventParams, *, dated: bool) -> bool:
    """Whether two rows are of one event: by founding cells (and date), across epochs by ground."""
    if old.method_epoch == new.method_epoch:
        one, two = (np.array(sorted(x.founding_cells)) for x in (old, new))
        apart = abs((old.first_seen - new.first_seen).days)
        return overlap(one, two) >= p.same_event and (not dated or apart <= p.same_days)
    smaller = min(old.geometry.area, new.geometry.area)
    return bool(old.geometry.intersection(new.geometry).area >= p.same_event * smaller)


def _part_of(old: Disturbance, row: Disturbance, least: float) -> bool:
    """Whether most of an event's ground lies in that of another, which has taken it in."""
    return bool(row.geometry.intersection(old.geometry).area > least * old.geometry.area)
