"""The main job: search → fetch → measure → append → rebuild what is derived. Only what is new."""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from aoi.records import Site
from aoi.site_file import read_site
from campwatch.alerts.watch import channels, deliver_open, watch_sites
from campwatch.identity import Clock, new_run_id, system_clock, timestamp
from campwatch.layers import NO_LONGER_KEPT, measured_layers
from campwatch.pages.paths import kept_pages, shown_state
from campwatch.run.allocation import keep_freed_memory
from campwatch.run.derived import DerivedFiles, derived_files, rebuild_behind
from campwatch.run.health import heartbeat
from campwatch.run.journal import Journal, journalled
from campwatch.run.progress import Progress, Step, log_step
from campwatch.run.records import RunOptions, RunSummary, SiteSummary
from campwatch.run.search import search_sites
from campwatch.run.site_job import (
    DiskUse,
    SiteWork,
    fetch_site,
    is_measured,
    nothing_held,
    site_work,
    unsearched,
)
from campwatch.run.sources import build_sources
from campwatch.run.stopwatch import Stopwatch
from campwatch.run.workers import Asked, Workers, open_workers
from campwatch.settings import FILE_NAME, exposed_secrets
from campwatch.workspace import Workspace
from evidence.custody import heads_digest
from evidence.errors import AoiError, FileInUseError, WatchError, WorkspaceError
from evidence.ledger import AppendResult, Ledger, holds_ledger
from evidence.rows import Row
from imagery.archive.coverage import midnight
from imagery.archive.listing import Listing
from imagery.archive.store import Archive
from imagery.cube.observations import OBSERVATIONS
from imagery.records import SceneSource
from imagery.sources.retry import TimeLeft

if TYPE_CHECKING:
    from campwatch.run.site_bench import SiteBench

__all__ = ["RunOptions", "RunSummary", "SiteSummary", "run_workspace"]

_log = logging.getLogger(__name__)


Done = TypeVar("Done")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What every step of one run needs."""

    workspace: Workspace
    options: RunOptions
    run_id: str
    progress: Progress
    clock: Clock
    started: dt.datetime
    derived: DerivedFiles
    archive: Archive
    disk: DiskUse
    watch: Stopwatch = field(default_factory=Stopwatch)

    def interval(self) -> tuple[dt.date, dt.date]:
        """First day that is looked at, and the day after the last."""
        since = self.options.since or self.workspace.settings.monitor.since
        return since, self.options.until or (self.clock().date() + dt.timedelta(days=1))

    def out_of_time(self) -> bool:
        """Whether the time limit of the settings has passed."""
        minutes = self.workspace.settings.limits.minutes
        return minutes is not None and self.clock() - self.started > dt.timedelta(minutes=minutes)


def run_workspace(
    workspace: Workspace,
    options: RunOptions,
    *,
    progress: Progress = log_step,
    clock: Clock = system_clock,
) -> RunSummary:
    """Bring every site of the workspace up to date.

    A site that fails is named in the summary and does not stop the others.

    Raises:
        WatchError: where nothing can be done at all (no settings, no sites, workspace held or read-only,
            every site failed).
    """
    journal, run_id = Journal(workspace.logs_folder), new_run_id(clock)
    asked = options.sites or workspace.site_ids()
    with (
        heartbeat(workspace.settings.health) as pulse,
        journalled(journal, run_id, asked, clock) as pulse.ending,
        workspace.lock(wait=options.wait),
    ):
        return pulse.ending.take(_run(workspace, options, run_id, progress, clock))


def _run(
    workspace: Workspace, options: RunOptions, run_id: str, progress: Progress, clock: Clock
) -> RunSummary:
    """The run itself; the workspace is held."""
    paths = workspace.chosen_paths(options.sites)
    for line in exposed_secrets(workspace.folder / FILE_NAME):
        _log.warning("%s", line)
    run = _Run(
        workspace=workspace,
        options=options,
        run_id=run_id,
        progress=progress,
        clock=clock,
        started=clock(),
        derived=derived_files(workspace),
        archive=Archive(workspace.archive_folder),
        disk=DiskUse(workspace),
    )
    sources = build_sources(workspace, time_left=TimeLeft.of_minutes(workspace.settings.limits.minutes))
    listings = _search_all(run, paths, sources)
    prepared = [
        _guarded(path.stem, partial(_prepare, run, path, sources, listings.get(path))) for path in paths
    ]
    summaries = tuple(_measure_all(run, prepared))
    if not holds_ledger(workspace.ledger_path):
        raise WatchError("; ".join(f"{site.site_id}: {site.error or site.skipped}" for site in summaries))
    head, behind, undelivered = _finish(run, summaries)
    return RunSummary(
        run_id=run_id,
        sites=summaries,
        head=head,
        seconds=run.watch.seconds,
        behind=behind,
        undelivered=undelivered,
    )


def _guarded(site_id: str, step: Callable[[], Done]) -> Done | SiteSummary:
    """The step's result, or a summary that says why there is none; one site never stops the others."""
    try:
        return step()
    except WatchError as err:
        return SiteSummary(site_id=site_id, error=str(err))
    except OSError as err:
        return SiteSummary(site_id=site_id, error=_disk_words(err))
    except Exception as err:  # noqa: BLE001 - a bug met at one site is shown and must not cost the others
        _log.error("site %s failed unexpectedly", site_id, exc_info=err)
        return SiteSummary(site_id=site_id, error=f"unexpected {type(err).__name__}: {err}")


def _disk_words(error: OSError) -> str:
    """What the system said of a file that could not be read or written."""
    return f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A site whose pixels are in the archive."""

    path: Path
    summary: SiteSummary
    work: SiteWork


def _search_all(run: _Run, paths: Sequence[Path], sources: Sequence[SceneSource]) -> dict[Path, Listing]:
    """What the sources list over each site, several sites at once; a site that cannot be read is left out."""
    sites: dict[Path, Site] = {}
    for path in paths:
        with suppress(AoiError, OSError):
            site = read_site(path)
            if site.accepted:
                sites[path] = site
    if len(sites) < 2 or run.out_of_time():  # noqa: PLR2004 - nothing to do at once
        return {}
    since, until = (midnight(day) for day in run.interval())
    run.progress(Step(site_id=", ".join(site.id for site in sites.values()), doing="searching"))
    with run.watch.stage("search"):
        found = search_sites(
            list(sites.values()),
            run.archive,
            sources,
            since=since,
            until=until,
            include_cloudy=run.options.include_cloudy,
        )
    return {path: found[site.id] for path, site in sites.items() if site.id in found}


def _prepare(
    run: _Run, path: Path, sources: Sequence[SceneSource], listing: Listing | None
) -> _Prepared | SiteSummary:
    site = read_site(path)
    if not site.accepted:
        text = f"its ordering box is derived and not accepted (campwatch sites accept {site.id})"
        return SiteSummary(site_id=site.id, skipped=text)
    if run.out_of_time():
        return SiteSummary(site_id=site.id, error="left for the next run: the time limit has passed")
    run.disk.require()
    since, until = run.interval()
    report, listed = fetch_site(
        run.workspace,
        site,
        sources,
        since=since,
        until=until,
        progress=run.progress,
        watch=run.watch,
        include_cloudy=run.options.include_cloudy,
        out_of_time=run.out_of_time,
        archive=run.archive,
        listing=listing,
    )
    run.disk.add(report.fetched)
    with run.watch.stage("inputs"):
        work = site_work(run.workspace, path, archive=run.archive)
    if work is None:
        raise nothing_held(site, report)
    summary = SiteSummary(
        site_id=site.id,
        fetched=len(report.fetched),
        gaps=len(report.failed) + report.postponed,
        unsearched=unsearched(listed),
    )
    return _Prepared(path=path, summary=summary, work=work)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Late:
    """Pages of a site that are behind."""

    asked: tuple[bool | None, ...]
    """As `SiteBench.draw` takes it, each."""
    shown: str
    """What they are to show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawing:
    """A site that is measured and whose pages others draw."""

    summary: SiteSummary
    work: SiteWork
    late: _Late
    others: Workers
    asked: Asked


def _measure_all(run: _Run, prepared: Sequence[SiteSummary | _Prepared]) -> list[SiteSummary]:
    """Every site's rows and pages; where others draw, pages are waited for when all rows are there."""
    with open_workers(run.options.workers, run.options.dask, run.options.share) as others:
        asked = _ask(run, prepared, others)
        measured = [
            _guarded(item.work.site.id, partial(_measure, run, item, others, asked))
            if isinstance(item, _Prepared)
            else item
            for item in prepared
        ]
        return [
            _guarded(item.work.site.id, partial(_awaited, run, item)) if isinstance(item, _Drawing) else item
            for item in measured
        ]


def _ask(
    run: _Run, prepared: Sequence[SiteSummary | _Prepared], others: Workers | None
) -> dict[str, Asked | None]:
    """Ask workers for the rows of the sites that are not measured yet; one that is divided waits its turn."""
    if others is None:
        return {}
    from aoi.grid import site_grid  # noqa: PLC0415 - only where there is work

    sites = [item for item in prepared if isinstance(item, _Prepared)]
    with Ledger(run.workspace.ledger_path, create=True) as ledger:
        new = [item.work for item in sites if not is_measured(ledger, item.work)]
    return {
        work.site.id: others.ask_rows(run.workspace, work)
        for work in new
        if not others.divides(math.prod(site_grid(work.site).shape), len(new))
    }


def _rows_of(
    run: _Run, work: SiteWork, others: Workers, asked: Mapping[str, Asked | None]
) -> list[Row] | None:
    """The rows that a worker measured; None where the run has to measure them itself."""
    if work.site.id in asked:
        return others.rows(asked[work.site.id])
    run.progress(Step(site_id=work.site.id, doing="measuring in parts"))
    others.compute_ahead(run.workspace, work)
    return others.rows(others.ask_rows(run.workspace, work))


def _bench(run: _Run, work: SiteWork) -> SiteBench:
    keep_freed_memory()
    with run.watch.stage("libraries"):
        from campwatch.run.site_bench import SiteBench  # noqa: PLC0415 - as above: only where there is work
    return SiteBench(run.workspace, work, progress=run.progress, watch=run.watch)


def _measure(
    run: _Run, item: _Prepared, others: Workers | None, asked: Mapping[str, Asked | None]
) -> SiteSummary | _Drawing:
    """Append what is new of one site and draw its map where it is behind."""
    work = item.work
    bench: SiteBench | None = None
    with Ledger(run.workspace.ledger_path, create=True) as ledger:
        appended = None
        with run.watch.stage("ledger"):
            measured = is_measured(ledger, work)
        if not measured:
            if run.out_of_time():
                return replace(item.summary, error="left for the next run: the time limit has passed")
            rows = None if others is None else _rows_of(run, work, others, asked)
            if rows is None:
                bench = _bench(run, work)
                rows = bench.rows()
            with run.watch.stage("ledger"):
                appended = _append(run, ledger, work, rows)
        with run.watch.stage("alerts"):  # before the map, which lists them
            alerts = run.workspace.settings.alerts
            trouble = {work.site.id: item.summary.unsearched}
            watch_sites(ledger, trouble, alerts, run_id=run.run_id, clock=run.clock)
        summary, late = _summary(item.summary, ledger, appended), _late_pages(run, ledger, work)
        if not late.asked:
            return summary
        if others is not None and others.here and bench is None:
            told = others.ask_pages(run.workspace, work, late.asked)
            return _Drawing(summary=summary, work=work, late=late, others=others, asked=told)
        return _drawn(run, ledger, work, summary, late, bench)


def _awaited(run: _Run, drawing: _Drawing) -> SiteSummary:
    """A site whose pages others were asked for."""
    pages = drawing.others.pages(drawing.asked)
    if pages is None:
        with Ledger(run.workspace.ledger_path, read_only=True) as ledger:
            return _drawn(run, ledger, drawing.work, drawing.summary, drawing.late, None)
    return _stamped(run, drawing.summary, drawing.late, pages)


def _late_pages(run: _Run, ledger: Ledger, work: SiteWork) -> _Late:
    with run.watch.stage("ledger"):
        shown = shown_state(ledger, work.site)
        kept = kept_pages(run.workspace, work.site)
    late = tuple(asked for asked, page in kept if not run.derived.is_current(page, shown))
    return _Late(asked=late, shown=shown)


def _drawn(
    run: _Run, ledger: Ledger, work: SiteWork, summary: SiteSummary, late: _Late, bench: SiteBench | None
) -> SiteSummary:
    """The pages that are behind, drawn here."""
    bench = bench or _bench(run, work)
    return _stamped(run, summary, late, [bench.draw(ledger, restricted=asked) for asked in late.asked])


def _stamped(run: _Run, summary: SiteSummary, late: _Late, pages: Sequence[Path]) -> SiteSummary:
    for page in pages:
        run.derived.stamp(page, late.shown)
    return replace(summary, map_path=pages[0])


def _append(run: _Run, ledger: Ledger, work: SiteWork, rows: list[Row]) -> AppendResult:
    return ledger.append(
        rows,
        chain=work.site.id,
        run_id=run.run_id,
        time=timestamp(run.clock),
        actor="campwatch",
        action="measure",
        details=work.recipe,
        complete=(*measured_layers(), *NO_LONGER_KEPT),
    )


def _summary(summary: SiteSummary, ledger: Ledger, appended: AppendResult | None) -> SiteSummary:
    looks = ledger.current(OBSERVATIONS.name, site_id=summary.site_id)
    return replace(
        summary,
        looks=len(looks),
        used=sum(look.row.data["status"] == "used" for look in looks),
        new_rows=appended.new if appended else 0,
        retired_rows=appended.retired if appended else 0,
    )


def _finish(run: _Run, summaries: Sequence[SiteSummary]) -> tuple[str, str | None, Mapping[str, str]]:
    """Alerts of sites that were not done (the others had theirs), then the tables where they are behind.

    Returns:
        the digest over all custody heads, what stayed behind because another program holds it open, and by
        channel why alerts were not delivered.
    """
    workspace, settings = run.workspace, run.workspace.settings.alerts
    with Ledger(workspace.ledger_path) as ledger:
        failures = {site.site_id: site.error for site in summaries if site.error and not site.skipped}
        with run.watch.stage("alerts"):
            watch_sites(ledger, failures, settings, run_id=run.run_id, clock=run.clock)
            undelivered = {}
            for channel in channels(settings):
                told = deliver_open(ledger, channel, run_id=run.run_id, clock=run.clock)
                if told.trouble:
                    undelivered[channel.name] = told.trouble
        try:
            with run.watch.stage("tables"):
                rebuild_behind(run.workspace, ledger)
            return heads_digest(ledger.heads()), None, undelivered
        except FileInUseError as err:
            return heads_digest(ledger.heads()), f"{err}; it is as of the run before", undelivered
        except OSError as err:
            raise WorkspaceError(f"{workspace.folder} cannot be written: {_disk_words(err)}") from err
