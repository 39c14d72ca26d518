"""What single changes give: processor milliseconds of a step as it was and as it was tried.

    python -m benchmarks.runs.attempts [--write]

Images are made up (smooth noise with a hole), a site of 3 km; the least of five times. Imports are processes
of their own.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from PIL import Image
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.warp import reproject
from scipy.ndimage import gaussian_filter

from benchmarks.manual import write_table
from imagery.archive.items import BLOCK, encode_cog
from imagery.records import Raster
from imagery.registration.correlation import correlate, spectra
from imagery.resampling import wkt_of
from maps.images import WEB_MERCATOR, encode_colours, mercator_grid, to_mercator

SEED, SIDE, TIMES = 24, 300, 5
REACH = 6


def least(step: Callable[[], Any]) -> tuple[float, Any]:
    """Least processor milliseconds of a step, and what it gives; the first time is not counted."""
    made, taken = step(), []
    for _ in range(TIMES):
        began = time.process_time()
        step()
        taken.append(time.process_time() - began)
    return 1e3 * min(taken), made


def ground(bands: int) -> np.ndarray:
    """Reflectance (band, y, x) with a hole."""
    noise = np.random.default_rng(SEED).normal(0.0, 1.0, (bands, SIDE, SIDE))
    pixels = (0.2 + 0.05 * gaussian_filter(noise, (0, 1.5, 1.5))).astype(np.float32)
    pixels[:, 100:130, 50:90] = np.nan
    return pixels


def on_the_map() -> str:
    grid = GeoBox((SIDE, SIDE), Affine(10, 0, 4e5, 0, -10, 4.38e6), "EPSG:32652")
    lattice, pixels = mercator_grid(grid), ground(3)

    def by_gdal() -> np.ndarray:
        out = np.full((3, *lattice.shape), np.nan, np.float32)
        reproject(
            pixels,
            out,
            src_transform=grid.transform,
            src_crs=wkt_of(grid),
            src_nodata=np.nan,
            dst_transform=lattice.transform,
            dst_crs=WEB_MERCATOR,
            dst_nodata=np.nan,
            resampling=Resampling.cubic,
        )
        return out

    old, first = least(by_gdal)
    new, second = least(lambda: to_mercator(pixels, grid, lattice))
    away = np.abs(first - second)
    said = f"differs by {np.nanmedian(away):.0e} at the median, {np.nanmax(away):.0e} at most; kept"
    return f"| three bands onto the map's lattice, places computed once | {old:.1f} | {new:.1f} | {said} |"


def lossless() -> list[str]:
    away = np.nan_to_num(ground(3), nan=0.2) - 0.2
    colours = np.clip(120 + 2500 * away, 0, 255).astype(np.uint8).transpose(1, 2, 0)
    colours = np.dstack([colours, np.full(colours.shape[:2], 255, np.uint8)])

    def encoded(quality: int, method: int) -> bytes:
        out = io.BytesIO()
        plain = Image.fromarray(np.ascontiguousarray(colours[..., :3]))
        plain.save(out, "WEBP", lossless=True, quality=quality, method=method)
        return out.getvalue()

    old, before = least(lambda: encoded(40, 2))
    kept, after = least(lambda: encode_colours(colours, quality=None))
    fast, fastest = least(lambda: encoded(0, 0))
    lines = []
    for name, ms, made, verdict in (
        ("effort 20, method 1", kept, after, "kept"),
        ("method 0", fast, fastest, "not kept: pages hold so much less"),
    ):
        said = f"{len(made) / len(before) - 1:+.0%} bytes; {verdict}"
        lines.append(f"| lossless picture, effort 40 and method 2; {name} | {old:.1f} | {ms:.1f} | {said} |")
    return lines


def archived() -> str:
    grid = GeoBox((100, 100), Affine(10, 0, 4e5, 0, -10, 4.38e6), "EPSG:32652")
    dn = np.nan_to_num(1e4 * ground(1)[0, :100, :100]).astype(np.uint16)
    raster = Raster(band="red", pixels=dn, transform=grid.transform, crs_wkt=wkt_of(grid), nodata=0)
    profile = {
        "driver": "GTiff",
        "height": 100,
        "width": 100,
        "count": 1,
        "dtype": dn.dtype,
        "crs": raster.crs_wkt,
        "transform": raster.transform,
        "nodata": 0,
        "tiled": True,
        "blockxsize": BLOCK,
        "blockysize": BLOCK,
        "compress": "DEFLATE",
        "predictor": 2,
    }

    def plain() -> bytes:
        with MemoryFile() as memory:
            with memory.open(**profile) as dataset:
                dataset.write(dn, 1)
            with memory.open() as dataset:
                dataset.read(1)
            return bytes(memory.getbuffer())

    old, _ = least(lambda: encode_cog(raster))
    new, made = least(plain)
    with MemoryFile(made) as memory, memory.open() as dataset:
        layout = dataset.tags(ns="IMAGE_STRUCTURE").get("LAYOUT", "none")
    said = f"not kept: GDAL says the layout is {layout}, not COG"
    return f"| a file of 100 by 100 for the archive, plain GeoTIFF driver | {old:.1f} | {new:.1f} | {said} |"


def registered() -> str:
    reference, image = ground(3)[:, :128, 130:258], ground(4)[1:, :128, 130:258]
    seen = np.ones(reference.shape[1:], bool)
    held = spectra(reference, seen, REACH)

    def against(known: Any) -> Any:
        return correlate(known or spectra(reference, seen, REACH), spectra(image, seen, REACH), REACH, 64)[0]

    old, first = least(lambda: against(None))
    new, second = least(lambda: against(held))
    said = f"{'equal to the bit' if np.array_equal(first, second) else 'DIFFERS'}; kept"
    return f"| correlation of a block, spectra of the reference held | {old:.1f} | {new:.1f} | {said} |"


def imported(statement: str, before: str = "pass") -> float:
    """Least processor milliseconds of a statement in a fresh process, of three."""
    code = f"import time\n{before}\nt = time.process_time()\n{statement}\nprint(time.process_time() - t)"
    taken = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
        for _ in range(3)
    ]
    return 1e3 * min(taken)


LONG_RECORD = """
import datetime as dt
from imagery.simulate import SimulationParams, simulate_site
from detection.coal.measure import measure_stockpiles
from campwatch.run.allocation import keep_freed_memory

years = {"since": dt.date(2017, 1, 1), "until": dt.date(2022, 1, 1)}
made = simulate_site(SimulationParams(size_px=60, **years), seed=24)
cube = made.cube()
KEEP and keep_freed_memory()
measure_stockpiles(cube.isel(time=slice(0, 20)), made.site)
"""


def freed_memory() -> str:
    """Coal over five simulated years, arrays given back to the system or kept for the next ones."""
    old, new = (
        imported("measure_stockpiles(cube, made.site)", LONG_RECORD.replace("KEEP", keep))
        for keep in ("False", "True")
    )
    return f"| coal of a small site over five years, freed memory kept | {old:.0f} | {new:.0f} | kept |"


def imports() -> list[str]:
    ms = imported("import pystac_client", "import requests, shapely, numpy, pyproj")
    stats = imported("import scipy.stats", "import scipy.special, scipy.ndimage, scipy.fft, numpy")
    api = "loading the client of STAC APIs, for catalogues on a disk too"
    tails = "loading `scipy.stats` for tails that `scipy.special` has"
    why = "not done: it comes through the methods of ground and coal"
    return [f"| {api} | {ms:.0f} | 0 | kept |", f"| {tails} | {stats:.0f} | 0 | {why} |"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table into docs/running.md")
    asked = parser.parse_args()
    lines = ["| step | as it was, ms | as tried, ms | |", "|---|---|---|---|"]
    lines += [on_the_map(), *lossless(), archived(), registered(), freed_memory(), *imports()]
    print("\n".join(lines))
    if asked.write:
        method = ["to_mercator", "encode_colours", "encode_cog", "correlate", "keep_freed_memory"]
        write_table("running.md", "attempts", lines, method=method, seeds=f"made-up images, seed {SEED}")


if __name__ == "__main__":
    main()
