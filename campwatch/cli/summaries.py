"""What a run, a verification or a status says to people and to programs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rich.console import Console

from campwatch.cli.logs import FIELDS
from campwatch.cli.session import said_table, say, shown_progress
from campwatch.reviews.validation import all_checks, validation_lines
from campwatch.run.lacking import lines_of
from campwatch.run.pipeline import RunOptions, RunSummary, SiteSummary, run_workspace
from campwatch.run.status import newest_stockpiles
from campwatch.workspace import Workspace, readable_sites
from detection.coal.records import COAL_SEARCH, STOCKPILE_AREAS
from detection.ground.records import FOOTPRINTS, TWO_FIGURES
from evidence.ledger import Ledger, holds_ledger
from evidence.rows import StoredRow

_log = logging.getLogger(__name__)


class Reporter(Protocol):
    """Takes a result for programs."""

    @property
    def logs_only(self) -> bool:
        """Whether stderr is for log lines alone."""

    @property
    def keeps_log(self) -> bool:
        """Whether log lines go to a file too."""

    def report(self, document: Any) -> None:
        """Print one JSON document where that was asked for."""


def run_and_report(
    workspace: Workspace, options: RunOptions, *, session: Reporter, console: Console
) -> RunSummary:
    """Run and tell the summary: to people as tables, else to the log; quiet tells what went wrong."""
    with shown_progress(console) as progress:
        summary = run_workspace(workspace, options, progress=progress)
    log_only = session.logs_only or console.quiet
    if log_only or session.keeps_log:
        log_summary(summary, done=session.keeps_log or not console.quiet)
    if not log_only:
        print_summary(workspace, summary, console)
    session.report(summary_document(summary))
    return summary


def log_summary(summary: RunSummary, *, done: bool) -> None:
    """A line for each site that is not done, as an error; for the others and the run too where `done`."""
    document = summary_document(summary)
    for site, told in zip(summary.sites, document["sites"], strict=True):
        level = logging.ERROR if site.error or site.gaps or site.unsearched else logging.INFO
        if done or level > logging.INFO:
            fields = {"run_id": summary.run_id, **told}
            _log.log(level, "%s: %s", site.site_id, _status(site), extra={FIELDS: fields})
    for channel, why in summary.undelivered.items():
        _log.error("alerts not delivered by %s: %s", channel, why)
    if done:
        fields = {name: told for name, told in document.items() if name != "sites"}
        _log.info("run %s ended", summary.run_id, extra={FIELDS: fields})


def print_summary(workspace: Workspace, summary: RunSummary, console: Console) -> None:
    """The summary as a table, with the latest figures, interval first."""
    if console.quiet:
        return
    said_table(
        f"Run {summary.run_id}",
        ("site", "looks", "used", "fetched", "gaps", "new rows", "status"),
        [
            (
                site.site_id,
                *(str(n) for n in (site.looks, site.used, site.fetched, site.gaps)),
                str(site.new_rows + site.retired_rows),
                _status(site),
            )
            for site in summary.sites
        ],
        left=frozenset({"site", "status"}),
        console=console,
    )
    _print_figures(workspace, console)
    for site in summary.sites:
        if site.map_path is not None:
            say(f"map of {site.site_id}: {site.map_path}")
    if summary.nothing_new:
        say("nothing new")
    for channel, why in summary.undelivered.items():
        say(f"alerts not delivered by {channel}: {why}")
    if summary.behind:
        say(summary.behind)
    if summary.head:
        say(f"custody head {summary.head}")


def _status(site: SiteSummary) -> str:
    if site.error or site.skipped:
        return f"failed: {site.error}" if site.error else f"skipped: {site.skipped}"
    if site.unsearched:
        return f"incomplete: not searched: {site.unsearched}"
    return f"incomplete: {site.gaps} could not be fetched" if site.gaps else "done"


def _print_figures(workspace: Workspace, console: Console) -> None:
    if not holds_ledger(workspace.ledger_path):
        return
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        ground = [(stored.row.site_id, stored.row.data) for stored in ledger.current(FOOTPRINTS.name)]
        areas = ledger.current(STOCKPILE_AREAS.name)
        piles = [*zone_lines(areas), *search_lines(ledger.current(COAL_SEARCH.name))]
        sites = readable_sites(workspace)
        checks = all_checks(ledger, sites)
    if ground:
        said_table(
            "Ground on 1 August, 95 % interval in hectares",
            ("site", "epoch", "disturbed", "of it open", "disturbed inside", "disturbed outside"),
            [(site_id, _epoch_and_version(data), *_figures(data)) for site_id, data in ground],
            console=console,
        )
        for site_id, data in ground:
            if data["area_ha"]["value"] is None:
                say(f"{site_id}, {_epoch(data)}: {interval_text(data['area_ha'])}")
        say(TWO_FIGURES)
    for line in (*piles, *lines_of(sites)):
        say(line)
    for site_id, told in checks.items():
        for line in validation_lines(told):
            say(f"{site_id}: {line}")


def _epoch(data: Mapping[str, Any]) -> str:
    start, end = data["epoch_start"], data["epoch_end"]
    whole = start[4:] == "-01-01" and end == f"{int(start[:4]) + 1}-01-01"
    return str(start[:4]) if whole else f"{start} to {end}"


def _epoch_and_version(data: Mapping[str, Any]) -> str:
    """With the boundary version that inside and outside refer to; a year may stand with two."""
    if not data.get("boundary_id"):
        return _epoch(data)
    every = " (for every year)" if data.get("boundary_role") == "fixed" else ""
    return f"{_epoch(data)}\n{data['boundary_id']}{every}"


def _figures(data: Mapping[str, Any]) -> list[str]:
    """Disturbed, open, disturbed inside and outside; why there is none stands below the table."""
    return [
        "not assessable" if data[name]["value"] is None else interval_text(data[name]).replace(" (", "\n(")
        for name in ("area_ha", "open_ha", "inside_ha", "outside_ha")
        if name in data
    ]


def zone_lines(areas: Sequence[StoredRow]) -> list[str]:
    """The newest figure of every stockyard zone, or why there is none, with what its verdict means."""
    by_site: dict[str, list[dict[str, Any]]] = {}
    for stored in areas:
        by_site.setdefault(stored.row.site_id, []).append(dict(stored.row.data))
    return [
        f"probable coal in {site_id}/{zone_id} on {data['datetime'][:10]}: {interval_text(data['area_ha'])}"
        + (" ha" if data["area_ha"]["value"] is not None else "")
        + (" (below the floor: cannot be told from none)" if data["below_floor"] else "")
        + (f". {data['sentence_en']}" if data.get("sentence_en") else "")
        for site_id, rows in sorted(by_site.items())
        for zone_id, data in newest_stockpiles(rows).items()
    ]


def search_lines(searches: Sequence[StoredRow]) -> list[str]:
    """What the newest year's search outside the zones of each site found, and what it may have missed."""
    newest = {
        stored.row.site_id: stored.row.data
        for stored in sorted(searches, key=lambda stored: int(stored.row.data["year"]))
    }
    lines = [f"{site_id}: {search_text(data)}" for site_id, data in sorted(newest.items())]
    return lines if all(data["calibrated"] for data in newest.values()) else [*lines, UNCALIBRATED]


UNCALIBRATED = (
    "Coal of any rank was looked for: a marked pile narrows what may be missed (campwatch calibrate)."
)
"""By how much: *Without zones* in docs/stockpiles.md."""


def search_text(data: Mapping[str, Any]) -> str:
    """A row of `coal_search` for people."""
    told = {name: interval_text(data[name]) for name in ("found_ha", "missed_ha")}
    units = {name: " ha" if data[name]["value"] is not None else "" for name in told}
    return (
        f"probable coal outside the zones by {data['datetime'][:10]}: found {told['found_ha']}"
        f"{units['found_ha']}; may have been missed {told['missed_ha']}{units['missed_ha']}. {data['notes']}"
    ).rstrip()


def interval_text(quantity: dict[str, Any]) -> str:
    """A quantity for people: the interval first, then the best estimate; or why there is none."""
    if quantity["value"] is None and quantity["high"] is not None:
        return f"{quantity['low']:.2f} to {quantity['high']:.2f} ha, no best estimate: {quantity['reason']}"
    if quantity["value"] is None:
        return f"not assessable: {quantity['reason']}"
    return f"{quantity['low']:.2f} to {quantity['high']:.2f} (best {quantity['value']:.2f})"


def summary_document(summary: RunSummary) -> dict[str, Any]:
    """The summary for programs."""
    return {
        "run_id": summary.run_id,
        "nothing_new": summary.nothing_new,
        "complete": summary.complete,
        "custody_head": summary.head,
        "behind": summary.behind,
        "undelivered": dict(summary.undelivered),
        "seconds": {stage: round(seconds, 3) for stage, seconds in summary.seconds.items()},
        "sites": [
            {
                "site_id": site.site_id,
                "looks": site.looks,
                "used": site.used,
                "fetched": site.fetched,
                "gaps": site.gaps,
                "new_rows": site.new_rows,
                "retired_rows": site.retired_rows,
                "map": str(site.map_path) if site.map_path else None,
                "error": site.error,
                "unsearched": site.unsearched,
                "skipped": site.skipped,
            }
            for site in summary.sites
        ],
    }
