"""What a run takes on a site of a camp's area: processor seconds by stage, and peak memory.

    python -m benchmarks.runs.large_area [--km2 10.6 106] [--years 2] [--write]

The products of a simulated mine are laid side by side until they fill the area, and `campwatch run` backfills
it from its catalogue, in a process of its own, with the settings as they are by default. There is a mine to
every 3 km², more than at any real site, so that piles and events weigh more; only the first has a zone.
Memory is what lies on no disk (`RssAnon` of Linux, ten times a second): pages of mapped files are given back
when others need them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from affine import Affine
from pyproj import Transformer
from shapely.geometry import Polygon, box, mapping

from benchmarks.manual import ROOT, write_table
from benchmarks.runs.new_scene import SEED, Bench

MINE_PX = 160
EDGE_M = 250.0
"""Between the aoi and the edge of what the products show."""
OFTEN_S = 0.1
WARM_KM2 = 2.0
"""Area of a run that compiles what is not compiled yet."""
TOLD = ("fetch", "cube", "ground", "coal", "map")
"""Stages that have a column; the others go with the whole."""
OF_FILE = ("file:", "proj:shape", "proj:transform", "proj:bbox", "proj:geometry", "proj:centroid")
"""What an item says of files that are no longer as they were."""


@dataclass(frozen=True)
class Extent:
    """What the products of a catalogue show."""

    left: float
    top: float
    side: float
    """m"""
    crs: str

    def degrees(self, inwards_m: float) -> Polygon:
        """Its outline, or one that lies so far within."""
        to = Transformer.from_crs(self.crs, "EPSG:4326", always_xy=True)
        within = box(self.left, self.top - self.side, self.left + self.side, self.top).buffer(-inwards_m)
        return shapely.transform(within, to.transform, interleaved=False)


def laid_out(source: Path, target: Path, side_m: float) -> Extent:
    """A catalogue whose products show `side_m` and more, made of another's side by side."""
    extent = None
    for path in sorted(source.rglob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        into = target / path.relative_to(source)
        into.parent.mkdir(parents=True, exist_ok=True)
        if document.get("type") == "Feature":
            for asset in document["assets"].values():
                drop(asset)
                extent = enlarged(path.parent / asset["href"], into.parent / asset["href"], side_m) or extent
            if extent is None:
                raise ValueError(f"{path} has no raster")
            shown = extent.degrees(0.0)
            document |= {"geometry": mapping(shown), "bbox": list(shown.bounds)}
            drop(document["properties"])
        into.write_text(json.dumps(document), encoding="utf-8")
    if extent is None:
        raise ValueError(f"{source} has no item")
    return extent


def drop(told: dict[str, Any]) -> None:
    """Take out what is said of files that are no longer as they were."""
    for name in [name for name in told if name.startswith(OF_FILE)]:
        del told[name]


def enlarged(path: Path, into: Path, side_m: float) -> Extent | None:
    """A raster side by side until it shows `side_m` and its edges; None where it is none."""
    if path.suffix != ".tif":
        return None
    with rasterio.open(path) as raster:
        pixels, step, at, crs = raster.read(1), raster.transform.a, raster.transform, raster.crs
        nodata = raster.nodata
    side = -(-round(side_m + 2 * EDGE_M) // round(step))
    times = -(-side // min(pixels.shape))
    whole = np.tile(pixels, (times, times))[:side, :side]
    into.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "width": side, "height": side, "count": 1, "dtype": whole.dtype.name}
    profile |= {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate", "zlevel": 1}
    profile |= {"crs": crs, "nodata": nodata, "transform": Affine(step, 0, at.c, 0, -step, at.f)}
    with rasterio.open(into, "w", **profile) as raster:
        raster.write(whole, 1)
    return Extent(left=at.c, top=at.f, side=side * step, crs=crs.to_string())


def workspace(base: Path, small: Bench, km2: float) -> Path:
    """A workspace that watches the area."""
    extent = laid_out(small.base / "source", base / "source", 1e3 * km2**0.5)
    folder = base / "w"
    (folder / "sites").mkdir(parents=True)
    site = json.loads((small.base / "site.geojson").read_text(encoding="utf-8"))
    inwards = (extent.side - 1e3 * km2**0.5) / 2
    for feature in site["features"]:
        if feature["properties"].get("role") == "aoi":
            feature["geometry"] = mapping(extent.degrees(inwards))
    (folder / "sites" / "site.geojson").write_text(json.dumps(site), encoding="utf-8")
    url = json.dumps((base / "source" / "catalog.json").as_posix())
    (folder / "campwatch.toml").write_text(f'[[source]]\nkind = "stac"\nurl = {url}\n', encoding="utf-8")
    return folder


def run(folder: Path) -> tuple[Mapping[str, Any], float]:
    """What a run says of itself as JSON, and its most memory that lies on no disk, bytes."""
    command = [sys.executable, "-m", "campwatch", "-C", str(folder), "run", "--json"]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    most = 0
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with subprocess.Popen(command, stdout=out, stderr=err, cwd=ROOT, env=os.environ | threads) as process:
            while process.poll() is None:
                most = max(most, anonymous(process.pid))
                time.sleep(OFTEN_S)
        if process.returncode:
            err.seek(0)
            raise SystemExit(err.read().decode()[-2000:])
        out.seek(0)
        return json.loads(out.read()), most


def backfill(small: Bench, km2: float) -> tuple[Mapping[str, Any], float]:
    """What `run` says of so large an area."""
    with tempfile.TemporaryDirectory(prefix="campwatch-area-") as base:
        return run(workspace(Path(base), small, km2))


def anonymous(process: int) -> int:
    """Bytes of a process's memory that lie on no disk; nought once it has ended."""
    try:
        told = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in told if line.startswith("RssAnon")), 0)


def lines(told: Mapping[float, tuple[Mapping[str, Any], float]]) -> list[str]:
    """The table, a line for each area."""
    stages = [f"{name}, s" for name in TOLD]
    heads = ["area, km²", "looks", "of them used", *stages, "all, s", "peak memory, GB"]
    out = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for km2, (summary, peak) in told.items():
        site, seconds = summary["sites"][0], summary["seconds"]
        cells = [f"{km2:g}", str(site["looks"]), str(site["used"])]
        cells += [f"{seconds[name]:.0f}" for name in TOLD]
        cells += [f"{sum(seconds.values()):.0f}", f"{peak / 1e9:.2f}"]
        out.append("| " + " | ".join(cells) + " |")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--km2", type=float, nargs="*", default=[10.6, 106.0])
    parser.add_argument("--years", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    told = {}
    with tempfile.TemporaryDirectory(prefix="campwatch-mine-") as mine:
        small = Bench(base=Path(mine), years=asked.years, size_px=MINE_PX)
        small.prepare()
        backfill(small, WARM_KM2)
        for km2 in asked.km2:
            told[km2] = backfill(small, km2)
            print(lines({km2: told[km2]})[-1], flush=True)
    if asked.write:
        write_table(
            "running.md", "large area", lines(told), method=["run_workspace"],
            seeds=f"simulated, seed {SEED}",
        )  # fmt: skip


if __name__ == "__main__":
    main()
