"""Anchors: what of a ledger somebody else has vouched for, and since when."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from evidence.custody import WORKSPACE_CHAIN, CustodyEntry

ANCHORED = "anchor"
"""Action of the custody entry that holds an anchor."""
OWN_CLOCK = "by our own clock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A custody head that is vouched for outside."""

    kind: str
    """`rfc3161` or `notary`."""
    head: str
    """Digest over the heads of all chains at that moment."""
    time: str
    """Of a time stamp: what the service says, ISO 8601; of a notarised page: when it was told to us."""
    words: str
    """Who vouches."""


def anchor_of(entry: CustodyEntry) -> Anchor:
    """The anchor that a custody entry holds."""
    stamped = entry.data["kind"] == "rfc3161"
    return Anchor(
        kind=entry.data["kind"],
        head=json.loads(entry.data["statement"])["head"],
        time=entry.data["stamped"] if stamped else entry.time,
        words=entry.data["service"] if stamped else entry.data["words"],
    )


def clock_words(entries: Iterable[CustodyEntry]) -> str:
    """Whose clock the times of custody are by, in one line; `entries` oldest first."""
    last: Anchor | None = None
    after = False
    for entry in entries:
        if entry.action == ANCHORED and entry.chain == WORKSPACE_CHAIN:
            last, after = anchor_of(entry), False
        else:
            after = True
    if last is None:
        return f"times are {OWN_CLOCK}: no custody head was time-stamped or notarised outside"
    how = "time-stamped (RFC 3161)" if last.kind == "rfc3161" else "notarised"
    told = f"custody head {last.head[:16]} {how} {last.time} by {last.words}"
    return f"{told}; what was written after it {OWN_CLOCK}" if after else told
