"""One step of the memory benchmark in a process of its own: write, plain or cube."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy import ndimage

from imagery.bands import NATIVE_RESOLUTION_M, OPTICAL_BANDS
from imagery.cube.loading import load_cube
from imagery.cube.scene import Stages
from imagery.records import ArchivedProduct

CRS = "EPSG:32652"
LEFT, TOP = 300000.0, 4380000.0
MARGIN_PX = 12
LEVELS = dict(zip(OPTICAL_BANDS, (400, 600, 700, 1100, 1800, 2100, 2400, 2500, 1800, 1200), strict=True))
VARIANTS = 2
"""Different images per band; further dates are copies under another name, with other hashes."""


def times(dates: int) -> list[dt.datetime]:
    first = dt.datetime(2018, 1, 3, 2, 36, tzinfo=dt.UTC)
    return [first + dt.timedelta(days=5 * k) for k in range(dates)]


def write(folder: Path, size: int) -> None:
    """A few scenes; every date is one of them."""
    rng = np.random.default_rng(7)
    side = 2 * (size // 2) + 2 * MARGIN_PX
    ground = ndimage.gaussian_filter(rng.standard_normal((side, side)).astype(np.float32), 1.2) * 1.5
    ground += ndimage.zoom(rng.standard_normal((side // 16 + 2, side // 16 + 2)), 16, order=1)[:side, :side]
    for k in range(VARIANTS):
        moved = ndimage.shift(ground, rng.normal(0, 0.5, 2), order=1, mode="nearest")
        for band in (*OPTICAL_BANDS, "scl"):
            step = NATIVE_RESOLUTION_M[band]
            plane = moved if step == 10 else moved[::2, ::2]
            if band == "scl":
                dn = np.full(plane.shape, 4, np.uint8)
                dn[: 40 + 5 * k, :60] = 9
            else:
                noise = rng.normal(0, 15, plane.shape)
                dn = np.clip(LEVELS[band] * (1 + 0.15 * plane) + noise + 1000, 1, 20000).astype(np.uint16)
            left, top = LEFT - 10 * MARGIN_PX, TOP + 10 * MARGIN_PX
            profile = {"driver": "GTiff", "tiled": True, "blockxsize": 512, "blockysize": 512}
            profile |= {
                "compress": "deflate",
                "zlevel": 1,
                "predictor": 2,
                "crs": CRS,
                "nodata": 0,
                "count": 1,
            }
            profile |= {"height": dn.shape[0], "width": dn.shape[1], "dtype": dn.dtype.name}
            profile |= {"transform": Affine(step, 0, left, 0, -step, top)}
            with rasterio.open(folder / f"{k}-{band}.tif", "w", **profile) as target:
                target.write(dn, 1)


def products(folder: Path, dates: int) -> list[ArchivedProduct]:
    bands = (*OPTICAL_BANDS, "scl")
    return [
        ArchivedProduct(
            id=f"scene-{k}",
            item_path=folder / "item.json",
            platform="sentinel-2a",
            datetime=time_,
            tile="52SBJ",
            bands={band: folder / f"{k % VARIANTS}-{band}.tif" for band in bands},
            properties={},
            datatake=None,
            relative_orbit=46,
            baseline="05.10",
            source="synthetic",
            sha256=dict.fromkeys(bands, f"{k:064d}"),
            scale=dict.fromkeys(bands, 1e-4),
            offset=dict.fromkeys(bands, -0.1),
        )
        for k, time_ in enumerate(times(dates))
    ]


def plain(folder: Path, dates: int) -> dict[str, float]:
    """Read and decompress the same bytes."""
    started = time.process_time()
    for product in products(folder, dates):
        for path in product.bands.values():
            with rasterio.open(path) as source:
                source.read(1)
    return {"seconds": time.process_time() - started}


class OutOfTimeError(Exception):
    """The run's share of minutes is over; the cache holds what was done."""


def cube(folder: Path, size: int, dates: int, minutes: float) -> dict[str, object]:
    """Load the cube, on from where an earlier run stopped; times add up over the runs."""
    grid = GeoBox((2 * (size // 2),) * 2, Affine(10, 0, LEFT, 0, -10, TOP), CRS)
    known = products(folder, dates + 1)
    warm = GeoBox((240, 240), grid.transform, CRS)
    load_cube(known[:4], warm)  # compiles the kernels
    cache, notes = folder / "cache", folder / f"run-{time.time_ns()}.json"
    stages, started, wall = Stages(), time.process_time(), time.monotonic()

    def noted(done: int, wanted: int) -> None:
        seconds = time.process_time() - started
        told = {"seconds": seconds, "stages": stages.seconds, "peak_gb": peak_bytes() / 1e9}
        notes.write_text(json.dumps(told), encoding="utf-8")
        if time.monotonic() - wall > 60 * minutes:
            raise OutOfTimeError(f"{wanted - done} scenes are left")

    try:
        loaded = load_cube(known[:-1], grid, cache_dir=cache, stages=stages, progress=noted)
    except OutOfTimeError as stop:
        return {"left": str(stop)}
    used = int((loaded["status"] == "used").sum())
    gigabytes = sum(v.size * v.dtype.itemsize for v in loaded.data_vars.values()) / 1e9
    del loaded
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("run-*.json"))]
    again = time.process_time()
    load_cube(known, grid, cache_dir=cache)
    names = {name for run in runs for name in run["stages"]}
    return {
        "seconds": sum(run["seconds"] for run in runs),
        "stages": {name: sum(run["stages"].get(name, 0.0) for run in runs) for name in names},
        "used": used,
        "cube_gb": gigabytes,
        "one_more_s": time.process_time() - again,
        "peak_gb": max([peak_bytes() / 1e9, *(run["peak_gb"] for run in runs)]),
    }


def peak_bytes() -> int:
    """Peak resident memory of this process."""
    info = psutil.Process().memory_info()
    if hasattr(info, "peak_wset"):
        return int(info.peak_wset)
    import resource  # noqa: PLC0415 - not on Windows

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=["write", "plain", "cube"])
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--dates", type=int, required=True)
    parser.add_argument("--minutes", type=float, default=1e6)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    if args.step == "write":
        write(args.folder, args.size)
    elif args.step == "plain":
        print(json.dumps(plain(args.folder, args.dates)))
    else:
        print(json.dumps(cube(args.folder, args.size, args.dates, args.minutes)))


if __name__ == "__main__":
    main()
