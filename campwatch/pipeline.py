"""The main job: search → fetch → measure → append → rebuild what is derived. Only what is new."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import xarray as xr

from aoi.grid import site_grid
from aoi.records import Site
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
from campwatch.outputs import rebuild_outputs, write_site_page
from campwatch.sources import build_sources
from campwatch.workspace import Workspace
from evidence.errors import WatchError
from evidence.hashing import sha256_json
from evidence.ledger import Ledger
from imagery.archive import Archive
from imagery.cube import CubeParams, load_cube
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
    warnings: tuple[str, ...] = field(default=())

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
    sites = workspace.sites(options.sites)
    if not sites:
        raise WatchError(f"no sites in {workspace.sites_folder} (campwatch sites add FILE adds one)")
    with workspace.lock(wait=options.wait):
        run_id = new_run_id(clock)
        sources = build_sources(workspace)
        summaries = tuple(
            _run_site(workspace, site, sources, options, run_id=run_id, progress=progress, clock=clock)
            for site in sites
        )
        return _finish(workspace, run_id, summaries)


def _finish(workspace: Workspace, run_id: str, summaries: Sequence[SiteSummary]) -> RunSummary:
    head = None
    if workspace.ledger_path.exists():
        with Ledger(workspace.ledger_path) as ledger:
            head = sha256_json(ledger.heads())
            if any(site.new_rows or site.retired_rows for site in summaries) or not workspace.results_path.exists():
                rebuild_outputs(workspace, ledger)
    return RunSummary(run_id=run_id, sites=tuple(summaries), head=head)


def _run_site(
    workspace: Workspace,
    site: Site,
    sources: Sequence[SceneSource],
    options: RunOptions,
    *,
    run_id: str,
    progress: Progress,
    clock: Clock,
) -> SiteSummary:
    try:
        report = _fetch(workspace, site, sources, options, progress=progress, clock=clock)
        return _measure_site(workspace, site, report, run_id=run_id, progress=progress, clock=clock)
    except WatchError as err:
        _log.warning("site %s: %s", site.id, err)
        return SiteSummary(site_id=site.id, error=str(err))


def _fetch(
    workspace: Workspace,
    site: Site,
    sources: Sequence[SceneSource],
    options: RunOptions,
    *,
    progress: Progress,
    clock: Clock,
) -> FetchReport:
    since = options.since or workspace.settings.monitor.since
    until = options.until or (clock().date() + dt.timedelta(days=1))
    progress(f"{site.id}: searching {since} to {until}")
    return fetch_new(
        site,
        Archive(workspace.archive_folder),
        sources,
        since=_midnight(since),
        until=_midnight(until),
        progress=lambda step: progress(_fetch_text(site, step)),
    )


def _fetch_text(site: Site, step: FetchProgress) -> str:
    return f"{site.id}: fetched {step.done} of {step.total} products, {step.bytes / 1e6:.1f} MB"


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)


def _measure_site(
    workspace: Workspace, site: Site, report: FetchReport, *, run_id: str, progress: Progress, clock: Clock
) -> SiteSummary:
    products = Archive(workspace.archive_folder).products(site.id)
    if not products:
        raise WatchError(f"no product of any source covers {site.id}; is its aoi where the imagery is?")
    inputs = _inputs(workspace, site, products)
    inputs_hash = inputs_digest(inputs.site, inputs.scenes)
    code = code_identity()
    with Ledger(workspace.ledger_path, create=True) as ledger:
        looks = {stored.row.subject: stored.row for stored in ledger.current("observations", site_id=site.id)}
        if _measured_before(ledger, site.id, inputs_hash, code):
            return _summary(site, report, [str(row.data["status"]) for row in looks.values()])
        cube = _load(workspace, site, products, progress)
        progress(f"{site.id}: measuring")
        rows = measured_rows(cube, site, inputs)
        result = ledger.append(
            rows,
            chain=site.id,
            run_id=run_id,
            time=timestamp(clock),
            actor="campwatch",
            action="measure",
            details={
                "inputs": {"site": inputs.site, "scenes": dict(inputs.scenes), "sha256": inputs_hash},
                "code": code,
            },
            complete=MEASURED_LAYERS,
        )
        map_path = write_site_page(workspace, site, cube, ledger, run_id=run_id)
    statuses = [str(status) for status in cube["status"].to_numpy()]
    return _summary(
        site, report, statuses, new_rows=result.new, retired_rows=result.retired, map_path=map_path
    )


def _inputs(workspace: Workspace, site: Site, products: Sequence[ArchivedProduct]) -> Inputs:
    path = workspace.site_path(site.id)
    scenes = {
        scene.id: sha256_json(sorted(product_digest(product) for product in scene.products))
        for scene in group_archived(products)
    }
    return Inputs(site=site_digest(path), scenes=scenes)


def _measured_before(ledger: Ledger, site_id: str, inputs_hash: str, code: dict[str, object]) -> bool:
    measured = [entry for entry in ledger.custody(site_id) if entry.action == "measure"]
    if not measured:
        return False
    last = measured[-1].data
    return bool(last["inputs"]["sha256"] == inputs_hash and last["code"] == code)


def _load(
    workspace: Workspace, site: Site, products: Sequence[ArchivedProduct], progress: Progress
) -> xr.Dataset:
    progress(f"{site.id}: loading {len(products)} products")
    return load_cube(products, site_grid(site), params=CubeParams(), cache_dir=workspace.cache_folder / site.id)


def _summary(site: Site, report: FetchReport, statuses: Sequence[str], **more: object) -> SiteSummary:
    return SiteSummary(
        site_id=site.id,
        looks=len(statuses),
        used=sum(status == "used" for status in statuses),
        fetched=len(report.fetched),
        gaps=len(report.failed),
        **more,  # type: ignore[arg-type]
    )
