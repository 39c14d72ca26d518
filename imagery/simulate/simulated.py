"""The public door of the simulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import xarray as xr

from aoi.records import Site
from aoi.site_file import write_site
from imagery.simulate.catalog import write_catalog, write_scene_table
from imagery.simulate.cube import build_cube
from imagery.simulate.landsat import landsat_cube, landsat_passes
from imagery.simulate.params import SimulationParams
from imagery.simulate.passes import optical_passes
from imagery.simulate.products import CatalogHabits
from imagery.simulate.radar import radar_cube, radar_passes
from imagery.simulate.site import site_record
from imagery.simulate.truth import SkyTruth, Truth
from imagery.simulate.world import World, build_world


@dataclass(slots=True)
class SimulatedSite:
    """A camp mine that does not exist, with everything that is true of it."""

    params: SimulationParams
    seed: int
    world: World = field(repr=False)
    site: Site
    truth: Truth
    _cube: xr.Dataset | None = field(default=None, repr=False)
    _sky: SkyTruth | None = field(default=None, repr=False)

    def cube(self, *, progress: Callable[[int, int], None] | None = None) -> xr.Dataset:
        """The optical cube as `load_cube` gives it; made once and kept."""
        if self._cube is None:
            self._cube, self._sky = build_cube(self.world, self.truth.passes, progress=progress)
        return self._cube

    def sky_truth(self) -> SkyTruth:
        """True cloud, shadow and snow masks along the cube's time."""
        self.cube()
        if self._sky is None:  # pragma: no cover - the cube was just made
            raise RuntimeError("the cube was made without its sky")
        return self._sky

    def radar_cube(self) -> xr.Dataset:
        """Sentinel-1 over the site: linear gamma0 `vv vh`, `valid`, per track and pass."""
        return radar_cube(self.world, radar_passes(self.params))

    def landsat_cube(self) -> xr.Dataset:
        """Landsat 8 and 9 over the site at 30 m, on their own lattice; `nir` is `nir08`."""
        return landsat_cube(self.world, landsat_passes(self.params, self.seed))

    def write_catalog(
        self,
        folder: Path,
        *,
        habits: CatalogHabits | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Path:
        """Write products as providers have them, the site file and the truth; returns `catalog.json`.

        Args:
            folder: where to; new or empty.
            habits: how messy the catalogue is; None for the usual mess.
            progress: called with (passes done, passes).
        """
        chosen = habits if habits is not None else CatalogHabits()
        path = write_catalog(self.world, self.truth.passes, folder, habits=chosen, progress=progress)
        self.write_site_file(folder / f"{self.site.id}.geojson")
        days = sorted({one.day for one in self.truth.passes})
        write_scene_table(folder / "truth" / "piles.csv", self.truth.pile_table(days))
        write_scene_table(folder / "truth" / "ground.csv", self.truth.ground_table(days))
        write_scene_table(folder / "truth" / "accounts.csv", self.truth.yearly_accounts())
        return path

    def write_site_file(self, path: Path) -> Path:
        """Write the site as a site file (GeoJSON); returns the path."""
        write_site(path, self.site)
        return path


def simulate_site(params: SimulationParams | None = None, *, seed: int) -> SimulatedSite:
    """Make a simulated camp mine. The same parameters and seed give the same site and the same pixels.

    Args:
        params: what, where, when and how seen; None for the default mine.
        seed: any non-negative integer.
    """
    chosen = params if params is not None else SimulationParams()
    world = build_world(chosen, seed)
    truth = Truth(world=world, passes=optical_passes(chosen, seed))
    return SimulatedSite(params=chosen, seed=seed, world=world, site=site_record(world), truth=truth)
