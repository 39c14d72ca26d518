"""The command `search`, and what `run --dry-run` prints: what exists, what we have, what it would cost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from string import ascii_uppercase
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campwatch.cli.session import (
    EXIT_INCOMPLETE,
    SINCE,
    UNTIL,
    Session,
    in_order,
    said_table,
    say,
    shown_progress,
    stderr,
)

if TYPE_CHECKING:
    from campwatch.run.search import SearchResult
    from imagery.archive.coverage import MonthCoverage


_COUNTS = ("expected", "catalogued", "fetched", "usable", "cloudy", "failed", "unexplained")
"""Columns of the table of passes by month; fields of `MonthCoverage`."""


def search(
    context: typer.Context,
    *,
    site: Annotated[list[str] | None, typer.Option(help="Only this site; may be repeated.")] = None,
    since: Annotated[dt.date | None, SINCE] = None,
    until: Annotated[dt.date | None, UNTIL] = None,
) -> None:
    """What exists, what we have, what is missing, what it would cost; fetches nothing."""
    look(context.obj, site, since, until)


def look(session: Session, site: list[str] | None, since: dt.date | None, until: dt.date | None) -> None:
    """Search, print and report; exit code 3 where a source could not be asked."""
    from campwatch.run.search import search_workspace  # noqa: PLC0415 - start-up stays quick
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    in_order(since, until)
    with shown_progress(stderr) as progress:
        found = search_workspace(
            open_workspace(session.folder),
            tuple(site or ()),
            since=since,
            until=until,
            progress=progress,
        )
    for result in found:
        _print(result)
    session.report([_document(result) for result in found])
    if any(result.listing.troubles for result in found):
        raise typer.Exit(EXIT_INCOMPLETE)


def print_months(site_id: str, months: Sequence[MonthCoverage]) -> None:
    """The tables of passes by month, one for each sensor."""
    for sensor in dict.fromkeys(month.sensor for month in months):
        rows = [month for month in months if month.sensor == sensor]
        names = sorted({name for row in rows for name in (*row.catalogued_by, *row.fetched_by)})
        letters = dict(zip(names, ascii_uppercase, strict=False))
        said_table(
            f"{site_id}, {sensor}: passes by month",
            ("month", *_COUNTS, *letters.values()),
            [_month_row(row, letters) for row in rows],
            left=frozenset({"month"}),
        )
        for name, letter in letters.items():
            say(f"{letter} (catalogued/fetched/usable): {name}")


def _month_row(row: MonthCoverage, letters: Iterable[str]) -> list[str]:
    counts = [str(getattr(row, name)) for name in _COUNTS]
    return [row.month, *counts, *(_by_provider(row, name) for name in letters)]


def _by_provider(month: MonthCoverage, name: str) -> str:
    """A provider's catalogued, fetched and usable passes."""
    counts = (month.catalogued_by, month.fetched_by, month.usable_by)
    return "/".join(str(by.get(name, 0)) for by in counts)


def _print(result: SearchResult) -> None:
    print_months(result.site_id, result.months)
    cost = result.cost
    say(
        f"{result.site_id}: {cost.products} products to fetch, {cost.download_bytes / 1e6:.0f} MB to read, "
        f"{cost.disk_bytes / 1e6:.0f} MB on disk, about {cost.hours:.1f} hours at 20 Mbit/s, "
        f"{cost.processing_units:.1f} processing units ({result.units_left:.0f} left this month)"
    )
    if result.unexplained:
        newest = result.unexplained[-1]
        say(
            f"{result.site_id}: {len(result.unexplained)} passes were due and are listed by nobody, "
            f"the last of {newest.datetime:%Y-%m-%d}: {newest.detail}"
        )
    for gap in result.listing.troubles:
        say(f"{result.site_id}: {gap.detail}")
    for notice in result.listing.notices:
        say(f"{result.site_id}: {notice}")


def _document(result: SearchResult) -> dict[str, Any]:
    return {
        "site_id": result.site_id,
        "months": [month_document(month) for month in result.months],
        "unexplained": [
            {"datetime": gap.datetime.isoformat(), "platform": gap.platform, "detail": gap.detail}
            for gap in result.unexplained
        ],
        "cost": asdict(result.cost),
        "processing_units_left": result.units_left,
        "troubles": [gap.detail for gap in result.listing.troubles],
        "notices": list(result.listing.notices),
    }


def month_document(month: MonthCoverage) -> dict[str, Any]:
    """One month for programs."""
    catalogued, fetched, usable = (
        dict(by) for by in (month.catalogued_by, month.fetched_by, month.usable_by)
    )
    return asdict(replace(month, catalogued_by=catalogued, fetched_by=fetched, usable_by=usable))
