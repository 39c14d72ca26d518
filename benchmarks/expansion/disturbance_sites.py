"""Simulated sites with designed disturbances: sizes, contrasts and materials drawn, everything known.

    python -m benchmarks.expansion.disturbance_sites CACHE 970 979

makes the cubes of seeds 970 to 979 once and keeps them in the folder CACHE.
"""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr
from odc.geo.xr import xr_coords

from aoi.records import Site
from benchmarks.expansion.arguments import described
from imagery.simulate import SensorParams, SimulationParams, simulate_site
from imagery.simulate.cube import build_cube
from imagery.simulate.frame import CELL_M
from imagery.simulate.mine import NEVER, Disturbed, blob_growth
from imagery.simulate.spectra import Material
from imagery.simulate.truth import Truth
from imagery.simulate.world import GREEN, World

BANDS = ("blue", "green", "red", "nir", "swir16")
PARAMS = SimulationParams(
    size_px=192,
    since=dt.date(2018, 1, 1),
    until=dt.date(2022, 1, 1),
    sensor=SensorParams(bands=BANDS),
)
EVENTS = 10
SIZES_HA = (0.1, 3.0)
COVERS = (1.0, 1.0, 0.6, 0.3)
"""Share of the ground within a patch that is bared: thinned patches have less contrast."""
MATERIALS = (Material.SOIL, Material.SOIL, Material.SPOIL, Material.BRIGHT_ROOF)
APART_M = 60.0
QUANTUM = 1e-4
"""Reflectance step of the products, and so of the cubes kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedSite:
    """A cube and what is true of it."""

    cube: xr.Dataset
    site: Site
    truth: Truth
    covers: dict[str, float]
    """Share of bared ground by event id of the designed patches."""


def designed_world(seed: int) -> tuple[World, dict[str, float]]:
    """The default mine with its clearings replaced by designed ones."""
    world = simulate_site(PARAMS, seed=seed).world
    rng = np.random.default_rng([seed, 7])
    kept = [event for event in world.mine.disturbed if event.kind != "clearing"]
    taken = np.any([event.born < NEVER for event in kept], axis=0)
    for scar in world.land.burn_scars:
        taken |= scar.cells
    covers: dict[str, float] = {}
    for number in range(EVENTS):
        event, cover = _designed(world, number, taken, rng)
        if event is not None:
            kept.append(event)
            covers[event.event_id] = cover
            taken |= event.born < NEVER
    mine = replace(world.mine, disturbed=tuple(kept))
    return replace(world, mine=mine), covers


def _designed(
    world: World, number: int, taken: np.ndarray, rng: np.random.Generator
) -> tuple[Disturbed | None, float]:
    low, high = np.log(SIZES_HA)
    area = float(np.exp(low + (high - low) * (number + rng.uniform()) / EVENTS))
    cover = COVERS[int(rng.integers(len(COVERS)))]
    material = MATERIALS[int(rng.integers(len(MATERIALS)))]
    days = (PARAMS.until - PARAMS.since).days
    start = PARAMS.since.toordinal() + round(float(rng.uniform(0.3, 0.88)) * days)
    last = start + int(rng.integers(3, 45))
    regrown = start + 450 if number % 5 == 4 else NEVER
    place = _free_place(world, taken, area, rng)
    if place is None:
        return None, cover
    born = blob_growth(world.frame, place, (0.0, area), (start, last), rng)
    extent = np.where(taken, NEVER, born).astype(np.int32)
    born = np.where(rng.random(born.shape) < cover, extent, NEVER).astype(np.int32)
    name = f"patch-{number}"
    made = Disturbed(
        event_id=name, kind="clearing", material=material, born=born, regrown=regrown, extent=extent
    )
    return made, cover


def _free_place(
    world: World, taken: np.ndarray, area_ha: float, rng: np.random.Generator
) -> tuple[float, float] | None:
    """The middle of green ground with room for a patch, away from all others."""
    room = round((np.sqrt(area_ha * 1e4 / np.pi) * 1.4 + APART_M) / CELL_M)
    x, y = world.frame.cell_centres()
    edge = world.frame.margin_cells + room
    for _ in range(300):
        row, column = rng.integers(edge, taken.shape[0] - edge), rng.integers(edge, taken.shape[1] - edge)
        window = np.s_[row - room : row + room + 1, column - room : column + room + 1]
        if not taken[window].any() and GREEN[world.land.labels[row, column]]:
            return float(x[column]), float(y[row])
    return None


def judged_site(folder: Path, seed: int) -> JudgedSite:
    """The site of a seed; its cube from `folder`, where it is made on first use."""
    made = simulate_site(PARAMS, seed=seed)
    world, covers = designed_world(seed)
    truth = Truth(world=world, passes=made.truth.passes)
    path = folder / f"designed-{seed}.npz"
    if not path.exists():
        _keep(path, build_cube(world, truth.passes)[0])
    return JudgedSite(cube=_kept(path, world), site=made.site, truth=truth, covers=covers)


def _keep(path: Path, cube: xr.Dataset) -> None:
    """Usable looks as products would hold them."""
    cube = cube.isel(time=np.flatnonzero(cube["status"].to_numpy() == "used"))
    planes = {band: np.round(cube[band].to_numpy() / QUANTUM).astype(np.int16) for band in BANDS}
    masks = {name: np.packbits(cube[name].to_numpy()) for name in ("valid", "snow", "water")}
    days = cube["time"].to_numpy()
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, time=days, scene_id=cube["scene_id"].to_numpy().astype(str), **planes, **masks)


def _kept(path: Path, world: World) -> xr.Dataset:
    held = np.load(path)
    shape, dims = held["red"].shape, ("time", "y", "x")
    data = {band: (dims, held[band].astype(np.float32) * np.float32(QUANTUM)) for band in BANDS}
    count = int(np.prod(shape))
    masks = {
        name: (dims, np.unpackbits(held[name], count=count).reshape(shape).astype(bool))
        for name in ("valid", "snow", "water")
    }
    coords = xr_coords(world.frame.geobox) | {"time": held["time"], "scene_id": ("time", held["scene_id"])}
    return xr.Dataset(data | masks, coords=coords)


def main() -> None:
    parser = described(__doc__)
    parser.add_argument("cache", type=Path, help="folder of cubes")
    parser.add_argument("first", type=int, help="first seed")
    parser.add_argument("last", type=int, help="last seed")
    chosen = parser.parse_args()
    for seed in range(chosen.first, chosen.last + 1):
        made = judged_site(chosen.cache, seed)
        print(seed, made.cube.sizes["time"], len(made.covers), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
