"""What measuring a site of a camp's area takes: processor seconds and peak memory, ground and coal.

    python -m benchmarks.runs.large_area [--km2 10.6 106] [--years 2] [--write]

The pixels of a simulated mine are laid side by side until they fill the area, as scenes that the cube's own
store keeps; every measurement runs in a process of its own and reads them from there as a run does where a
cube is too large to be held. There is a mine to every 2.6 km², more than at any real site, so that piles and
events weigh more; only the first has a zone. Memory is what lies on no disk (`RssAnon` of Linux, fifty times
a second): pages of mapped files are given back when others need them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from shapely.geometry import box

from aoi.pixels import to_degrees
from aoi.records import Site
from benchmarks.manual import ROOT, write_table
from campwatch.run.allocation import on_disk
from detection.coal.measure import measure_stockpiles
from detection.ground.measure import measure_ground
from evidence.arrays import in_memory
from imagery.cube.loading import IN_MEMORY_SHARE
from imagery.cube.scene import MASKS, SceneImage
from imagery.cube.store import CubeStore, lazy_variable
from imagery.simulate import SensorParams, SimulatedSite, SimulationParams, simulate_site

SEED = 9001
BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
MINE_PX = 160
PX_PER_KM2 = 1e4
EDGE_M = 15.0
"""By which the aoi lies within the grid."""
MEMORY_GB = 2.0
"""`[limits] memory_gb` as it is by default."""
OFTEN_S = 0.02


def ground(cube: xr.Dataset, site: Site, folder: Path) -> None:
    held = cube.nbytes <= IN_MEMORY_SHARE * MEMORY_GB * 1e9
    measure_ground(cube, site, room=in_memory if held else on_disk(folder))


def coal(cube: xr.Dataset, site: Site, _folder: Path) -> None:
    measure_stockpiles(cube, site, years={})


MEASURED: Mapping[str, Callable[[xr.Dataset, Site, Path], None]] = MappingProxyType(
    {"ground": ground, "coal": coal}
)


class Peak:
    """Most memory that lies on no disk, bytes, while it is watched."""

    def __init__(self) -> None:
        self.bytes, self._over = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(OFTEN_S):
            told = Path("/proc/self/status").read_text(encoding="ascii")
            (line,) = (one for one in told.splitlines() if one.startswith("RssAnon"))
            self.bytes = max(self.bytes, int(line.split()[1]) * 1024)


def mine(years: int) -> SimulatedSite:
    until = dt.date(2018 + years, 1, 1)
    sensor = SensorParams(bands=BANDS)
    params = SimulationParams(size_px=MINE_PX, since=dt.date(2018, 1, 1), until=until, sensor=sensor)
    return simulate_site(params, seed=SEED)


def stored(folder: Path, made: SimulatedSite, side: int) -> None:
    """Used looks of the mine, side by side."""
    cube = made.cube()
    cube = cube.isel(time=np.flatnonzero(cube["status"].to_numpy() == "used"))
    store = CubeStore.open(folder, "large-area", BANDS, (side, side))
    times = -(-side // MINE_PX)
    for k, scene in enumerate(cube["scene_id"].to_numpy()):
        planes = {
            name: np.tile(cube[name][k].to_numpy(), (times, times))[:side, :side] for name in (*BANDS, *MASKS)
        }
        record = {"time": str(cube["time"].to_numpy()[k]), "scene_id": str(scene)}
        image = SceneImage(
            reflectance={name: planes[name] for name in BANDS},
            masks={name: planes[name] for name in MASKS},
            record=record,
        )
        store.add(f"{k:04d}", image)


def opened(folder: Path, made: SimulatedSite, side: int) -> tuple[xr.Dataset, Site]:
    """The cube, whose pixels are read as they are used, and the site."""
    frame = made.truth.world.frame.geobox
    grid = GeoBox((side, side), frame.affine, frame.crs)
    store = CubeStore.open(folder, "large-area", BANDS, (side, side))
    names = sorted(store.records)
    coords: dict[Any, Any] = {**xr_coords(grid, dims=("y", "x"))}
    coords["time"] = "time", np.array([store.records[name]["time"] for name in names], "datetime64[ns]")
    coords["scene_id"] = "time", np.array([store.records[name]["scene_id"] for name in names])
    coords["content"] = "time", np.array(names)
    cube = xr.Dataset({name: lazy_variable(store, name, names) for name in (*BANDS, *MASKS)}, coords=coords)
    edge = grid.boundingbox
    inner = box(edge.left + EDGE_M, edge.bottom + EDGE_M, edge.right - EDGE_M, edge.top - EDGE_M)
    return cube, replace(made.site, aoi=to_degrees(inner, grid))


def measure(what: str, folder: Path, years: int, side: int) -> dict[str, Any]:
    """One measurement: processor seconds and memory, compiled kernels loaded before."""
    made = mine(years)
    with tempfile.TemporaryDirectory() as small:
        stored(Path(small), made, MINE_PX)
        MEASURED[what](*opened(Path(small), made, MINE_PX), folder)
    with Peak() as peak:
        begun = time.process_time()
        cube, site = opened(folder, made, side)
        MEASURED[what](cube, site, folder)
        seconds = time.process_time() - begun
    return {"seconds": seconds, "peak": peak.bytes, "looks": cube.sizes["time"]}


def lines(told: Mapping[tuple[float, str], Mapping[str, Any]]) -> list[str]:
    heads = ("area, km²", "looks used", "of", "CPU seconds", "a megapixel and look", "peak memory, GB")
    out = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for (km2, what), one in told.items():
        seen = km2 * PX_PER_KM2 * one["looks"] / 1e6
        cells = (f"{km2:g}", one["looks"], what, f"{one['seconds']:.0f}", f"{one['seconds'] / seen:.2f}",
                 f"{one['peak'] / 1e9:.2f}")  # fmt: skip
        out.append("| " + " | ".join(map(str, cells)) + " |")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--km2", type=float, nargs="*", default=[10.6, 106.0])
    parser.add_argument("--years", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        what, folder = asked.child
        side = round((asked.km2[0] * PX_PER_KM2) ** 0.5)
        print(json.dumps(measure(what, Path(folder), asked.years, side)))
        return
    told = {}
    for km2 in asked.km2:
        with tempfile.TemporaryDirectory(prefix="campwatch-area-") as folder:
            stored(Path(folder), mine(asked.years), round((km2 * PX_PER_KM2) ** 0.5))
            for what in MEASURED:
                command = [sys.executable, "-m", "benchmarks.runs.large_area", "--km2", str(km2)]
                command += ["--years", str(asked.years), "--child", what, folder]
                done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
                told[km2, what] = json.loads(done.stdout)
                print(lines({(km2, what): told[km2, what]})[-1], flush=True)
    if asked.write:
        write_table(
            "running.md", "large area", lines(told), method=["measure_ground", "measure_stockpiles"],
            seeds=f"simulated, seed {SEED}",
        )  # fmt: skip


if __name__ == "__main__":
    main()
