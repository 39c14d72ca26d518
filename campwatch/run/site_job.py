"""One site's part of a run: what is fetched, and whether it has been measured already."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aoi.records import Site
from aoi.site_file import read_site
from campwatch.identity import (
    code_identity,
    inputs_digest,
    product_digest,
    same_code,
    scene_digest,
    site_digest,
)
from campwatch.run.inputs import Inputs
from campwatch.run.progress import Progress, Step
from campwatch.run.search import listing_path
from campwatch.run.stopwatch import Stopwatch
from campwatch.workspace import Workspace
from detection.ground.records import DISTURBANCES, Disturbance
from evidence.errors import SourceError, WorkspaceError
from evidence.ledger import Ledger, holds_ledger
from evidence.record_reading import read_record
from evidence.rows import plain, record_data
from imagery.archive.coverage import midnight
from imagery.archive.fetch import FetchProgress, FetchReport, fetch_new
from imagery.archive.listing import Listing, list_products, write_listing
from imagery.archive.store import Archive, archived_heights, height_files
from imagery.cube.landsat import SENSOR
from imagery.cube.observations import gap_observations
from imagery.cube.scenes import group_archived
from imagery.records import ArchivedProduct, SceneSource

GIGABYTE = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteWork:
    """A site with what its measurement would work with."""

    site: Site
    path: Path
    products: tuple[ArchivedProduct, ...]
    inputs: Inputs
    landsat: tuple[ArchivedProduct, ...] = ()
    """Of Landsat, which is measured on a lattice of its own."""
    dem: tuple[Path, ...] = ()
    """Files of heights, where a source was asked for terrain."""
    preferred: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Archived product to what it was preferred to, each with the reason."""

    @property
    def recipe(self) -> dict[str, Any]:
        """Everything that the measurement follows from, as custody keeps it."""
        digest = inputs_digest(self.inputs.site, self.inputs.scenes)
        told = {"site": self.inputs.site, "scenes": dict(self.inputs.scenes), "sha256": digest}
        document = json.loads(self.path.read_text("utf-8-sig"))
        missed = {look.scene_id: record_data(look) for look in self.inputs.gaps}
        return {
            "inputs": told,
            "code": code_identity(),
            "site_file": document,
            "missed": missed,
            "preferred": {name: list(told) for name, told in self.preferred.items()},
            "knobs": plain(dict(self.inputs.overrides)),
        }


def fetch_site(  # noqa: PLR0913 - a site, its interval, and what the run gives along
    workspace: Workspace,
    site: Site,
    sources: Sequence[SceneSource],
    *,
    since: dt.date,
    until: dt.date,
    progress: Progress,
    watch: Stopwatch,
    include_cloudy: bool = False,
    out_of_time: Callable[[], bool] = lambda: False,
    archive: Archive | None = None,
    listing: Listing | None = None,
) -> tuple[FetchReport, Listing]:
    """Search and fetch what is new; returns what became of it, and what was listed.

    Args:
        workspace: whose.
        site: whose ordering box is fetched.
        sources: ranked.
        since: first day.
        until: day after the last.
        progress: told of each step.
        watch: books the time.
        include_cloudy: also what was left out for cloud before.
        out_of_time: whether nothing new is to be begun.
        archive: that of the run, which walks each site's folder once.
        listing: where the search has been made already.

    Raises:
        SourceError: where no source has anything over a site that is new; nothing is written then.
        WorkspaceError: where the archive has reached its limit, or cannot be written.
    """
    archive = archive or Archive(workspace.archive_folder)
    start, end = midnight(since), midnight(until)
    if listing is None:
        progress(Step(site_id=site.id, doing=f"searching {since} to {until}"))
        with watch.stage("search"):
            listing = list_products(
                site, archive, sources, since=start, until=end, include_cloudy=include_cloudy
            )
    trouble = listing.troubles or listing.malformed
    if not listing.listed and not trouble and site.id not in archive.sites():
        raise SourceError(" ".join(listing.notices) or f"no source has a product over {site.id}")
    try:
        with watch.stage("fetch"):
            write_listing(listing_path(workspace, site.id), listing)
            report = fetch_new(
                site,
                archive,
                sources,
                since=start,
                until=end,
                progress=lambda step: progress(_fetch_step(site, step)),
                include_cloudy=include_cloudy,
                listing=listing,
                out_of_time=out_of_time,
            )
            return report, listing
    except OSError as err:
        raise WorkspaceError(f"the archive cannot be written: {err.strerror or err}") from err


class DiskUse:
    """What the archive takes of the disk: walked once, and counted on from there."""

    def __init__(self, workspace: Workspace) -> None:
        """Walk the archive."""
        self._limit = workspace.settings.limits.disk_gb
        self._held = _bytes_below(workspace.archive_folder)

    def add(self, products: Iterable[ArchivedProduct]) -> None:
        """Count what has been fetched."""
        self._held += sum(path.stat().st_size for product in products for path in product.bands.values())

    def require(self) -> None:
        """Refuse to fetch past the limit of the settings.

        Raises:
            WorkspaceError: where the archive has reached it.
        """
        if self._held > self._limit * GIGABYTE:
            held = self._held / GIGABYTE
            raise WorkspaceError(
                f"the archive holds {held:.1f} GB, the limit is {self._limit:g} GB ([limits] disk_gb)"
            )


def _bytes_below(folder: Path) -> int:
    """Of every file; without a path object for each of what may be many thousands."""
    return sum(
        os.stat(os.path.join(where, name)).st_size  # noqa: PTH116, PTH118 - as said
        for where, _, names in os.walk(folder)
        for name in names
    )


def _fetch_step(site: Site, step: FetchProgress) -> Step:
    size, rate = step.bytes / 1e6, step.bytes_per_s / 1e6
    doing = f"fetching, {size:.1f} MB at {rate:.2f} MB/s"
    return Step(site_id=site.id, doing=doing, done=step.done, total=step.total)


def site_work(workspace: Workspace, path: Path, *, archive: Archive | None = None) -> SiteWork | None:
    """What a measurement of the site in `path` would work with; None where the archive holds nothing."""
    site = read_site(path)
    archive = archive or Archive(workspace.archive_folder)
    products = tuple(archive.products(site.id))
    if not products:
        return None
    landsat = tuple(archive.products(site.id, sensor=SENSOR))
    scenes = {scene.id: scene_digest(scene.products) for scene in group_archived((*products, *landsat))}
    missed = gap_observations(archive.gaps(site.id), known=scenes)
    overrides = workspace.settings.measure.model_dump(exclude_defaults=True)
    heights = archived_heights(archive, site.id)
    if heights:
        overrides["terrain"] = {"dem": [product_digest(tile) for tile in heights]}
    inputs = Inputs(
        site=site_digest(path),
        scenes=scenes,
        gaps=tuple(missed),
        overrides=overrides,
        earlier=earlier_disturbances(workspace.ledger_path, site.id),
    )
    return SiteWork(
        site=site,
        path=path,
        products=products,
        inputs=inputs,
        landsat=landsat,
        dem=height_files(heights),
        preferred=archive.preferred(site.id),
    )


def earlier_disturbances(
    ledger: Path, site_id: str, *, as_of_run: str | None = None
) -> tuple[Disturbance, ...]:
    """Disturbances as an earlier run left them: the newest, or as of a run."""
    if not holds_ledger(ledger):
        return ()
    with Ledger(ledger, read_only=True) as opened:
        stored = opened.current(DISTURBANCES.name, site_id=site_id, as_of_run=as_of_run)
    return tuple(read_record(Disturbance, one.row) for one in stored)


def unsearched(listing: Listing) -> str | None:
    """Which sources could not be searched, and why; None where all could."""
    told = dict.fromkeys(f"{gap.source}: {gap.detail}" for gap in listing.troubles)
    return "; ".join(told) or None


def nothing_held(site: Site, report: FetchReport) -> SourceError:
    """Why a site cannot be measured although its sources were asked."""
    if report.empty and not report.failed:
        return SourceError(f"no scene has data over the site: {report.empty[0].detail}")
    if report.failed:
        return SourceError(f"nothing could be fetched: {report.failed[0].detail}")
    if report.postponed:
        return SourceError("left for the next run: the time limit has passed")
    return SourceError(" ".join(report.notices) or f"no source has a product over {site.id}")


def is_measured(ledger: Ledger, work: SiteWork) -> bool:
    """Whether the ledger's newest measurement of the site followed from the same inputs and code."""
    last = ledger.last_entry(work.site.id, "measure")
    if last is None or not same_code(last.data.get("code", {}), code_identity()):
        return False
    recipe = work.recipe
    return all(last.data.get(name) == recipe[name] for name in recipe if name not in {"code", "preferred"})
