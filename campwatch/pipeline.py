"""The main job: search → fetch → measure → append → rebuild what is derived. Only what is new."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from aoi.grid import site_grid
from aoi.records import Site
from aoi.site_file import read_site
from campwatch.identity import (
    Clock,
    code_identity,
    inputs_digest,
    new_run_id,
    product_digest,
    site_digest,
    system_clock,
    timestamp,
)
from campwatch.measure import MEASURED_LAYERS, Inputs, measured_rows
from campwatch.outputs import map_profile, rebuild_tables, site_page_path, write_site_page
from campwatch.sources import build_sources
from campwatch.workspace import Workspace
from evidence.errors import WatchError
from evidence.hashing import sha256_json
from evidence.ledger import Ledger
from imagery.archive import Archive
from imagery.cube import load_cube
from imagery.cube_scenes import group_archived
from imagery.fetch import FetchProgress, FetchReport, fetch_new
from imagery.records import ArchivedProduct, SceneSource

_log = logging.getLogger(__name__)

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a run is asked to do."""

    sites: tuple[str, ...] = ()
    """Only these; empty means all."""
    since: dt.date | None = None
    until: dt.date | None = None
    wait: bool = False
    """Wait for another run instead of leaving."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSummary:
    """What became of one site."""

    site_id: str
    looks: int = 0
    used: int = 0
    fetched: int = 0
    gaps: int = 0
    new_rows: int = 0
    retired_rows: int = 0
    map_path: Path | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What became of a run."""

    run_id: str
    sites: tuple[SiteSummary, ...]
    head: str | None
    """Digest of all custody heads, to be kept elsewhere."""

    @property
    def nothing_new(self) -> bool:
        """Whether the workspace is as it was."""
        return not any(site.fetched or site.new_rows or site.retired_rows for site in self.sites)

    @property
    def complete(self) -> bool:
        """Whether everything that was asked for could be done."""
        return not any(site.error or site.gaps for site in self.sites)


def run_workspace(
    workspace: Workspace,
    options: RunOptions,
    *,
    progress: Progress = _log.info,
    clock: Clock = system_clock,
) -> RunSummary:
    """Bring every site of the workspace up to date.

    A site that fails is named in the summary and does not stop the others.

    Raises:
        WatchError: where nothing can be done at all (no settings, no sites, workspace held or read-only).
    """
    paths = workspace.chosen_paths(options.sites)
    with workspace.lock(wait=options.wait):
        job = _Job(
            workspace=workspace,
            sources=tuple(build_sources(workspace)),
            options=options,
            run_id=new_run_id(clock),
            progress=progress,
            clock=clock,
        )
        summaries = tuple(_run_site(job, path) for path in paths)
        if all(site.error for site in summaries):
            raise WatchError("; ".join(f"{site.site_id}: {site.error}" for site in summaries))
        return _finish(job, summaries)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What every step of one run needs."""

    workspace: Workspace
    sources: tuple[SceneSource, ...]
    options: RunOptions
    run_id: str
    progress: Progress
    clock: Clock


def _finish(job: _Job, summaries: tuple[SiteSummary, ...]) -> RunSummary:
    workspace = job.workspace
    changed = any(site.new_rows or site.retired_rows for site in summaries)
    with Ledger(workspace.ledger_path) as ledger:
        if changed or not (workspace.results_path.exists() and workspace.custody_path.exists()):
            rebuild_tables(workspace, ledger)
        head = sha256_json(ledger.heads())
    return RunSummary(run_id=job.run_id, sites=summaries, head=head)


def _run_site(job: _Job, path: Path) -> SiteSummary:
    site_id = path.stem
    try:
        site = read_site(path)
        site_id = site.id
        report = _fetch(job, site)
        return _measure_site(job, site, path, report)
    except WatchError as err:
        _log.debug("site %s: %s", site_id, err)
        return SiteSummary(site_id=site_id, error=str(err))


def _fetch(job: _Job, site: Site) -> FetchReport:
    since = job.options.since or job.workspace.settings.monitor.since
    until = job.options.until or (job.clock().date() + dt.timedelta(days=1))
    job.progress(f"{site.id}: searching {since} to {until}")
    return fetch_new(
        site,
        Archive(job.workspace.archive_folder),
        job.sources,
        since=_midnight(since),
        until=_midnight(until),
        progress=lambda step: job.progress(_fetch_text(site, step)),
    )


def _fetch_text(site: Site, step: FetchProgress) -> str:
    return f"{site.id}: fetched {step.done} of {step.total} products, {step.bytes / 1e6:.1f} MB"


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)


def _measure_site(job: _Job, site: Site, path: Path, report: FetchReport) -> SiteSummary:
    products = Archive(job.workspace.archive_folder).products(site.id)
    if not products:
        raise WatchError(_nothing_held(site, report))
    inputs = _inputs(path, products)
    with Ledger(job.workspace.ledger_path, create=True) as ledger:
        page = site_page_path(job.workspace, site, map_profile(job.workspace, site))
        measured = _measured_before(ledger, site.id, _recipe(inputs))
        if measured and page.exists():
            return _summary(site, report, ledger)
        cube = _load(job, site, products)
        if measured:
            return _summary(site, report, ledger, map_path=write_site_page(job.workspace, site, cube, ledger))
        job.progress(f"{site.id}: measuring")
        result = ledger.append(
            measured_rows(cube, site, inputs),
            chain=site.id,
            run_id=job.run_id,
            time=timestamp(job.clock),
            actor="campwatch",
            action="measure",
            details=_recipe(inputs),
            complete=MEASURED_LAYERS,
        )
        job.progress(f"{site.id}: drawing the map")
        map_path = write_site_page(job.workspace, site, cube, ledger)
        return _summary(
            site, report, ledger, new_rows=result.new, retired_rows=result.retired, map_path=map_path
        )


def _nothing_held(site: Site, report: FetchReport) -> str:
    if report.failed:
        return f"nothing could be fetched: {report.failed[0].detail}"
    return " ".join(report.notices) or f"no source has a product over {site.id}"


def _inputs(path: Path, products: Sequence[ArchivedProduct]) -> Inputs:
    scenes = {
        scene.id: sha256_json(sorted(product_digest(product) for product in scene.products))
        for scene in group_archived(products)
    }
    return Inputs(site=site_digest(path), scenes=scenes)


def _recipe(inputs: Inputs) -> dict[str, Any]:
    """Everything that a measurement follows from, as custody keeps it."""
    digest = inputs_digest(inputs.site, inputs.scenes)
    told = {"site": inputs.site, "scenes": dict(inputs.scenes), "sha256": digest}
    return {"inputs": told, "code": code_identity()}


def _measured_before(ledger: Ledger, site_id: str, recipe: dict[str, Any]) -> bool:
    measured = [entry for entry in ledger.custody(site_id) if entry.action == "measure"]
    return bool(measured) and all(measured[-1].data[name] == recipe[name] for name in recipe)


def _load(job: _Job, site: Site, products: Sequence[ArchivedProduct]) -> xr.Dataset:
    job.progress(f"{site.id}: loading {len(products)} products")
    return load_cube(products, site_grid(site), cache_dir=job.workspace.cache_folder / site.id)


def _summary(site: Site, report: FetchReport, ledger: Ledger, **more: Any) -> SiteSummary:
    looks = ledger.current("observations", site_id=site.id)
    return SiteSummary(
        site_id=site.id,
        looks=len(looks),
        used=sum(look.row.data["status"] == "used" for look in looks),
        fetched=len(report.fetched),
        gaps=len(report.failed),
        **more,
    )
