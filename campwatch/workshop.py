"""All that needs pixels or drawing. Its libraries take seconds to load: imported where there is work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from aoi.grid import site_grid
from aoi.records import Site
from campwatch.alerts.book import read_alerts
from campwatch.alerts.watch import write_channels
from campwatch.first_page import write_first_page
from campwatch.measure import measured_rows
from campwatch.outputs import rebuild_tables, write_site_page
from campwatch.progress import Progress, Step, log_step
from campwatch.reviews.validation import all_checks
from campwatch.site_job import SiteWork, site_work
from campwatch.stopwatch import Stopwatch
from campwatch.workspace import Workspace, open_workspace
from evidence.ledger import Ledger
from evidence.rows import Row
from imagery.cube import load_cube


class SiteBench:
    """One site's cube, loaded when it is first asked for, and what is made of it."""

    def __init__(
        self,
        workspace: Workspace,
        work: SiteWork,
        *,
        progress: Progress = log_step,
        watch: Stopwatch | None = None,
    ) -> None:
        """Nothing is read yet."""
        self._workspace, self._work = workspace, work
        self._progress, self._watch = progress, watch or Stopwatch()
        self._cube: xr.Dataset | None = None

    @property
    def cube(self) -> xr.Dataset:
        """The site's scenes on its grid."""
        if self._cube is None:
            with self._watch.stage("cube"):
                cache = self._workspace.cache_folder / self._work.site.id
                self._cube = load_site_cube(self._workspace, self._work, cache=cache, progress=self._progress)
        return self._cube

    def rows(self) -> list[Row]:
        """Every row that the site's cube yields."""
        self._tell("measuring")
        return measured_rows(self.cube, self._work.site, self._work.inputs, watch=self._watch)

    def draw(self, ledger: Ledger, *, restricted: bool | None = None) -> Path:
        """Write the site's map from the ledger as it stands; returns where it is."""
        cube = self.cube
        self._tell("drawing the map")
        with self._watch.stage("map"):
            return write_site_page(self._workspace, self._work.site, cube, ledger, restricted=restricted)

    def _tell(self, doing: str) -> None:
        self._progress(Step(site_id=self._work.site.id, doing=doing))


def load_site_cube(
    workspace: Workspace, work: SiteWork, *, cache: Path, progress: Progress = log_step
) -> xr.Dataset:
    """The site's cube on its grid; scenes that were put on the grid before are taken from `cache`."""
    return load_cube(
        work.products,
        site_grid(work.site),
        cache_dir=cache,
        aoi=work.site.aoi,
        memory_gb=workspace.settings.limits.memory_gb,
        progress=lambda done, total: progress(
            Step(site_id=work.site.id, doing="reading scenes", done=done, total=total)
        ),
    )


def measure_in_worker(folder: str, path: str) -> list[Row]:
    """Measure one site in a process of its own; returns rows and writes none."""
    workspace = open_workspace(Path(folder))
    work = site_work(workspace, Path(path))
    return [] if work is None else SiteBench(workspace, work).rows()


def rebuild_derived(workspace: Workspace, ledger: Ledger, sites: Sequence[Site]) -> None:
    """Write `results.gpkg`, `custody.jsonl`, the alert files and the first page anew."""
    rebuild_tables(workspace, ledger)
    checks = all_checks(ledger, sites)
    write_channels(read_alerts(ledger), workspace.settings.alerts, workspace.folder, checks=checks)
    write_first_page(workspace, ledger, sites)
