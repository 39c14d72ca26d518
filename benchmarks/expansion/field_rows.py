"""Rows of the table of disturbances that tell patches on fields from those on other ground."""

from __future__ import annotations

import datetime as dt

from benchmarks.expansion.arguments import Outcomes, number, percent
from benchmarks.expansion.disturbance_sites import PARAMS


def seasons(events: Outcomes) -> dict[str, str]:
    """Patches on fields, which wait for a second season, and those on other ground."""
    fields = [e for e in events if e["on_fields"]]
    days = dt.timedelta(days=400)
    lasting = [
        e for e in fields if not e["regrown"] and dt.date.fromisoformat(e["day"]) + days < PARAMS.until
    ]
    other = [e for e in events if not e["on_fields"]]
    found, told = (percent([e[name] for e in fields]) for name in ("found", "told"))
    return {
        "on other ground than fields: persistent": percent([e["found"] for e in other]),
        "on fields: persistent; persistent or provisional": f"{found}; {told}",
        "on fields, bare for the last 400 days or more: wholly; to 60 %; to 30 %": "; ".join(
            percent([e["found"] for e in lasting if e["cover"] == cover]) for cover in (1.0, 0.6, 0.3)
        ),
        "delay to persistent on fields; on other ground": f"{persistence(fields)}; {persistence(other)}",
    }


def persistence(events: Outcomes) -> str:
    """Median days until the patches that were found were persistent."""
    return number([e["persistent_delay"] for e in events if e["found"]])
