"""The public door of the simulator, and the site record: aoi, traced boundaries, zones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import xarray as xr
from shapely import Polygon, box
from shapely.affinity import translate

from aoi.records import Boundary, Sensitivity, Site, TracedImage, Zone, ZoneKind
from aoi.site_file import write_site
from evidence.arrays import Bools
from imagery.simulate.catalog import write_catalog, write_scene_table
from imagery.simulate.cube import build_cube
from imagery.simulate.frame import Frame
from imagery.simulate.landsat import landsat_cube, landsat_passes
from imagery.simulate.layout import OUTSIDE_REACH, RAILS_AT, TOWN_AT
from imagery.simulate.mine import Mine, PerimeterVersion
from imagery.simulate.params import SimulationParams
from imagery.simulate.passes import optical_passes
from imagery.simulate.products import CatalogHabits
from imagery.simulate.radar import radar_cube, radar_passes
from imagery.simulate.terrain import Stream, stream
from imagery.simulate.truth import SkyTruth, Truth
from imagery.simulate.world import World, build_world

INSET_M = 1.0
"""The ordering box stays this far within the site's grid: snapped outwards it gives the grid again."""
METRES_PER_DEGREE = 111_000.0
ROUNDS = 8
"""Of the search for the box; each leaves a few per cent of the error."""
TRACE_ERROR_M = 3.0
"""Sd per axis of the shift of the image that a perimeter was traced on; common to the whole trace."""
NOTE = "Simulated: no such place exists. Made by imagery.simulate, for judging methods."


def site_record(world: World) -> Site:
    """Build the `Site` of a world."""
    frame = world.frame
    return Site(
        id=f"simulated-mine-{world.seed}",
        name=f"Simulated mine {world.seed}",
        aoi=ordering_box(frame),
        name_ko=None,
        kind="simulated",
        status="simulated",
        source="campwatch simulator",
        note=NOTE,
        sensitivity=Sensitivity.PUBLIC,
        boundaries=_boundaries(world),
        zones=_zones(world),
    )


def ordering_box(frame: Frame) -> Polygon:
    """The largest box of longitudes and latitudes within the site's grid, a square of its UTM zone."""
    west, south, east, north = frame.bounds_m
    lon, lat = frame.to_degrees.transform((west + east) / 2, (south + north) / 2)
    half = (north - south) / 2
    shrink, found = 1.0, Polygon()
    for _ in range(ROUNDS):
        half_lat = shrink * half / METRES_PER_DEGREE
        half_lon = half_lat / np.cos(np.radians(lat))
        found = Polygon(box(lon - half_lon, lat - half_lat, lon + half_lon, lat + half_lat).exterior)
        left, low, right, high = _utm_bounds(frame, found)
        shrink -= (max(west - left, south - low, right - east, high - north) + INSET_M) / half
    return found


def _utm_bounds(frame: Frame, degrees: Polygon) -> tuple[float, float, float, float]:
    left, low, right, high = degrees.bounds
    bounds = frame.to_utm.transform_bounds(left, low, right, high, densify_pts=64)
    return float(bounds[0]), float(bounds[1]), float(bounds[2]), float(bounds[3])


def _boundaries(world: World) -> tuple[Boundary, ...]:
    """Each true perimeter as an analyst would trace it: shifted with its image."""
    versions = world.mine.perimeters
    rng = stream(world.seed, Stream.SITE, 1)
    ends = [version.valid_from.isoformat() for version in versions[1:]]
    return tuple(
        _traced(world, version, end, rng) for version, end in zip(versions, [*ends, None], strict=True)
    )


def _traced(world: World, version: PerimeterVersion, end: str | None, rng: np.random.Generator) -> Boundary:
    east, north = TRACE_ERROR_M * rng.standard_normal(2)
    day = version.valid_from.isoformat()
    return Boundary(
        boundary_id=version.boundary_id,
        geometry=world.frame.degrees(translate(version.outline, float(east), float(north))),
        valid_from=day,
        valid_to=end,
        source="campwatch simulator",
        image=TracedImage(provider="simulated", id=f"simulated-{day}", date=day, resolution_m=0.5),
        accuracy_m=float(np.hypot(TRACE_ERROR_M, TRACE_ERROR_M)),
        accuracy_kind="rmse",
        basis="observed",
        digitised_by="simulator",
        note=NOTE,
        sensitivity=Sensitivity.PUBLIC,
    )


def _zones(world: World) -> tuple[Zone, ...]:
    """Stockyard, pit, spoil and two controls: ground that never changes and a forest nobody enters."""
    mine: Mine = world.mine
    found = [("stockyard", ZoneKind.STOCKYARD, mine.stockyard, "Simulated stockyard")]
    west, south, east, north = world.frame.bounds_m
    if world.land.asphalt_yard_m is not None:
        x, y = (west + east) / 2, (south + north) / 2
        left, low, right, high = world.land.asphalt_yard_m
        yard = box(x + left - 20, y + low - 20, x + right + 20, y + high + 20)
        found.append(("control-yard", ZoneKind.CONTROL, yard, "Simulated paved yard without coal"))
    land, half = world.params.land, (east - west) / 2
    middle = ((west + east) / 2, (south + north) / 2)
    if land.town_ha:
        side = np.sqrt(land.town_ha * 1e4) / 2 + 10
        town = box(-side, -side, side, side)
        found.append(
            (
                "control-town",
                ZoneKind.CONTROL,
                _moved(town, middle, TOWN_AT, half),
                "Simulated town without coal",
            )
        )
    if land.rail_yard:
        rails = _moved(box(-170, -30, 170, 30), middle, RAILS_AT, half)
        found.append(("control-rails", ZoneKind.CONTROL, rails, "Simulated sidings without piles"))
    for number, pond in enumerate(world.land.ponds, start=1):
        around = _around(world.frame, pond.reach < OUTSIDE_REACH)
        found.append((f"control-pond-{number}", ZoneKind.CONTROL, around, "Simulated pond"))
    forest = box(west + 60, north - 260, west + 260, north - 60)
    found.append(("control-forest", ZoneKind.CONTROL, forest, "Simulated hillside without coal"))
    return tuple(
        Zone(id=name, kind=kind, geometry=_polygon(world, area), name=title, sensitivity=Sensitivity.PUBLIC)
        for name, kind, area, title in found
    )


def _moved(area: Polygon, middle: tuple[float, float], at: tuple[float, float], half: float) -> Polygon:
    moved: Polygon = translate(area, middle[0] + at[0] * half, middle[1] + at[1] * half)
    return moved


def _around(frame: Frame, cells: Bools) -> Polygon:
    """A box 20 m around cells."""
    rows, columns = np.nonzero(cells)
    x, y = frame.cell_centres()
    around: Polygon = box(
        x[columns.min()] - 20, y[rows.max()] - 20, x[columns.max()] + 20, y[rows.min()] + 20
    )
    return around


def _polygon(world: World, area: Polygon) -> Polygon:
    degrees = world.frame.degrees(area)
    assert isinstance(degrees, Polygon)  # noqa: S101 - a rectangle stays a polygon
    return degrees


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
