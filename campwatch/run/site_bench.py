"""All that needs pixels or drawing. Its libraries take seconds to load: imported where there is work."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import cache as kept
from functools import partial
from pathlib import Path

import xarray as xr

from aoi.grid import site_grid
from aoi.records import Site
from campwatch.alerts.book import read_alerts
from campwatch.alerts.watch import write_channels
from campwatch.identity import drawing_code, measuring_code, pixel_code
from campwatch.pages.first_page import write_first_page
from campwatch.pages.paths import kept_first_pages
from campwatch.reviews.validation import all_checks
from campwatch.run.allocation import on_disk
from campwatch.run.measure import measure_ahead, measured_rows
from campwatch.run.memory import Memory
from campwatch.run.progress import Progress, Step, log_step
from campwatch.run.rebuild import rebuild_tables, write_site_page
from campwatch.run.site_job import SiteWork, site_work
from campwatch.run.stopwatch import Stopwatch
from campwatch.workspace import Workspace
from evidence.arrays import Room, in_memory
from evidence.errors import FileInUseError, WorkspaceError
from evidence.ledger import Ledger
from evidence.results import write_custody
from evidence.rows import Row
from imagery.cube.landsat import SENSOR, landsat_grid
from imagery.cube.loading import IN_MEMORY_SHARE, load_cube, put_on_grid


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
        folder = workspace.state_folder / "memory" / work.site.id
        self._memory = Memory(folder / "measured", code=measuring_code())
        self._pictures = Memory(folder / "pictures", code=drawing_code())

    @property
    def cube(self) -> xr.Dataset:
        """The site's scenes on its grid; read as they are used where much is remembered, else at once."""
        if self._cube is None:
            with self._watch.stage("cube"):
                self._cube = load_site_cube(
                    self._workspace,
                    self._work,
                    cache=cube_cache(self._workspace, self._work.site),
                    progress=self._progress,
                    lazy=len(self._memory) > 0,
                )
        return self._cube

    def rows(self) -> list[Row]:
        """Every row that the site's cube yields."""
        self._tell("measuring")
        rows = measured_rows(
            self.cube,
            self._work.site,
            self._work.inputs,
            watch=self._watch,
            memory=self._memory,
            others=self._others(),
            room=self._room(self.cube),
        )
        self._memory.forget()
        return rows

    def put_on_grid(self, which: slice) -> None:
        """Put some of the scenes on the grid ahead, as `imagery.cube.loading.put_on_grid`."""
        put_on_grid(
            self._work.products,
            site_grid(self._work.site),
            cache_dir=cube_cache(self._workspace, self._work.site),
            which=which,
            aoi=self._work.site.aoi,
            dem=self._work.dem,
        )

    def measure_ahead(self, part: int, parts: int) -> None:
        """Compute a part of what `rows` will find remembered, as `campwatch.run.measure.measure_ahead`."""
        cube = load_site_cube(
            self._workspace, self._work, cache=cube_cache(self._workspace, self._work.site), lazy=True
        )
        measure_ahead(
            cube,
            self._work.site,
            self._work.inputs,
            memory=self._memory,
            part=part,
            parts=parts,
            others=self._others(),
            room=self._room(cube),
        )

    def _room(self, cube: xr.Dataset) -> Room:
        """Where arrays of as many looks are put: of a cube that is not held, on the disk as it is."""
        held = cube.nbytes <= IN_MEMORY_SHARE * self._workspace.settings.limits.memory_gb * 1e9
        return in_memory if held else on_disk(cube_cache(self._workspace, self._work.site))

    def _others(self) -> dict[str, Callable[[], xr.Dataset]]:
        cache = cube_cache(self._workspace, self._work.site)
        return other_cubes(self._workspace, self._work, cache=cache)

    def draw(self, ledger: Ledger, *, restricted: bool | None = None) -> Path:
        """Write the site's map from the ledger as it stands; returns where it is."""
        cube = self.cube
        self._tell("drawing the map")
        with self._watch.stage("map"):
            page = write_site_page(
                self._workspace,
                self._work.site,
                cube,
                ledger,
                restricted=restricted,
                drawn=self._pictures,
            )
            self._pictures.forget()
            return page

    def _tell(self, doing: str) -> None:
        self._progress(Step(site_id=self._work.site.id, doing=doing))


def cube_cache(workspace: Workspace, site: Site) -> Path:
    """Where this code keeps the site's scenes on the grid; what other code left there is removed."""
    folder = workspace.cache_folder / site.id
    own = folder / f"by-{pixel_code()[:16]}"
    for other in folder.iterdir() if folder.is_dir() else ():
        if other != own:
            shutil.rmtree(other) if other.is_dir() else other.unlink()
    return own


def kept_cube(workspace: Workspace, work: SiteWork) -> xr.Dataset:
    """The site's cube in memory, from the scenes that are kept on the grid as far as they go."""
    return SiteBench(workspace, work).cube.load()


def _work(workspace: Workspace, site_id: str) -> SiteWork:
    (path,) = workspace.chosen_paths((site_id,))
    work = site_work(workspace, path)
    if work is None:
        raise WorkspaceError(f"the archive holds nothing of {site_id}: run it first")
    return work


def site_cube(workspace: Workspace, site_id: str) -> xr.Dataset:
    """The cube of a site of the workspace, in memory.

    Raises:
        WorkspaceError: where the archive holds nothing of it.
    """
    return kept_cube(workspace, _work(workspace, site_id))


def draw_site(workspace: Workspace, site_id: str) -> Path:
    """The page of a site of the workspace, drawn anew.

    Raises:
        WorkspaceError: where the archive holds nothing of it.
    """
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        return SiteBench(workspace, _work(workspace, site_id)).draw(ledger)


def load_site_cube(
    workspace: Workspace, work: SiteWork, *, cache: Path, progress: Progress = log_step, lazy: bool = False
) -> xr.Dataset:
    """The site's cube on its grid; scenes that were put on the grid before are taken from `cache`.

    Args:
        workspace: whose limits hold.
        work: the site and its products.
        cache: folder of scenes on the grid.
        progress: told of each scene.
        lazy: leave the pixels in the cache until they are used.
    """
    return load_cube(
        work.products,
        site_grid(work.site),
        cache_dir=cache,
        aoi=work.site.aoi,
        memory_gb=workspace.settings.limits.memory_gb,
        dem=work.dem,
        progress=lambda done, total: progress(
            Step(site_id=work.site.id, doing="reading scenes", done=done, total=total)
        ),
        lazy=lazy,
    )


def other_cubes(workspace: Workspace, work: SiteWork, *, cache: Path) -> dict[str, Callable[[], xr.Dataset]]:
    """How to load the cubes of instruments beside Sentinel-2, each on its own lattice.

    Args:
        workspace: whose limits hold.
        work: the site and its products.
        cache: folder of scenes on the grid; each instrument has one below it.
    """
    if not work.landsat:
        return {}

    def landsat() -> xr.Dataset:
        return load_cube(
            work.landsat,
            landsat_grid(site_grid(work.site)),
            cache_dir=cache / SENSOR,
            aoi=work.site.aoi,
            memory_gb=workspace.settings.limits.memory_gb,
        )

    return {SENSOR: kept(landsat)}


def rebuild_derived(workspace: Workspace, ledger: Ledger, sites: Sequence[Site]) -> None:
    """Write `results.gpkg`, `custody.jsonl`, the alert files and the first page anew.

    Raises:
        FileInUseError: where another program holds one of them open; the others are written.
    """
    checks = all_checks(ledger, sites)
    alerts = workspace.settings.alerts
    held = []
    firsts = kept_first_pages(workspace, sites)
    writers: list[Callable[[], object]] = [
        lambda: rebuild_tables(workspace, ledger, sites, checks=checks),
        lambda: write_custody(ledger, workspace.custody_path),
        lambda: write_channels(read_alerts(ledger), alerts, workspace.folder, checks=checks),
        *(
            partial(write_first_page, workspace, ledger, sites, checks=checks, restricted=asked)
            for asked, _ in firsts
        ),
    ]
    for write in writers:
        try:
            write()
        except FileInUseError as error:
            held.append(error)
    if held:
        raise held[0]
