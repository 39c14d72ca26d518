"""How the stockpile figures of a site stand against references from finer images, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from campwatch.reviews.validation import Reference
from detection.references import ReferenceSummary, SiteCheck, compare_references

HEAD = ("group", "n", "bias ha", "RMSE ha", "inside the interval")


def reference_table(found: Sequence[Reference]) -> list[str]:
    """The summary by season and size, then what could not serve and why."""
    summaries = _summaries(found)
    lines = [_line(HEAD)] if summaries else ["no reference stands beside a figure yet (campwatch review add)"]
    lines += [_line(_cells(summary)) for summary in summaries]
    for reference in found:
        if reference.unused:
            where = reference.zone_id or "no zone"
            lines.append(f"not used: {where}, {reference.date}, {reference.images[0]}: {reference.unused}")
    return lines


def reference_document(found: Sequence[Reference], check: SiteCheck) -> dict[str, Any]:
    """The same for programs, with each reference beside its figure."""
    return {
        "validation": check.text,
        "validated": check.enough,
        "summaries": [asdict(summary) for summary in _summaries(found)],
        "references": [_told(reference) for reference in found],
    }


def _summaries(found: Sequence[Reference]) -> list[ReferenceSummary]:
    return compare_references([pair for reference in found if (pair := reference.pair) is not None])


def _told(reference: Reference) -> dict[str, Any]:
    told: dict[str, Any] = {
        "zone_id": reference.zone_id,
        "date": reference.date.isoformat(),
        "reference_ha": reference.reference_ha,
        "images": list(reference.images),
        "unused": reference.unused or None,
    }
    if reference.measured is not None:
        data = reference.measured.row.data
        told |= {
            "row_id": reference.measured.row_id,
            "datetime": data["datetime"],
            "area_ha": data["area_ha"],
        }
    return told


def _cells(summary: ReferenceSummary) -> tuple[str, ...]:
    share = f"{summary.covered:.0%}"
    return (summary.group, str(summary.n), f"{summary.bias_ha:+.3f}", f"{summary.rmse_ha:.3f}", share)


def _line(cells: Sequence[str]) -> str:
    widths = (16, 5, 9, 9, 20)
    first, *rest = (text for text in cells)
    return f"{first:<{widths[0]}}" + "".join(f"{t:>{w}}" for t, w in zip(rest, widths[1:], strict=True))
