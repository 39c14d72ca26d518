"""What a new scene costs beside the full backfill of a ten-year site, and what nothing new costs, by stage.

A simulated site is watched over ten years: backfilled but for its newest usable scene, run with nothing new,
then with that scene. Each is a process of its own (`campwatch run`), its libraries loaded anew; the figures
are processor seconds, so that a busy machine changes them little. Beside them stands what reading and
decompressing every archived file once with rasterio takes, in the same minutes on the same machine.

    python -m benchmarks.runs.new_scene                          all of it (about ten minutes)
    python -m benchmarks.runs.new_scene --years 2                a young site, its seasons not yet full
    python -m benchmarks.runs.new_scene --folder F --write       go on in F; the table into docs/running.md
    python -m benchmarks.runs.new_scene --folder F --check       also: rows equal to those of one batch run
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rasterio

from benchmarks.manual import ROOT, write_table
from campwatch.identity import source_digest
from campwatch.run.stopwatch import STAGES
from evidence.ledger import Ledger
from imagery.simulate import (
    CLEAN_HABITS,
    CoalParams,
    SensorParams,
    SimulationParams,
    simulate_site,
)

END = dt.date(2025, 7, 1)
SEED = 9001
BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
AIM = 0.03


@dataclass(frozen=True)
class Cost:
    """One run."""

    seconds: dict[str, float]
    """Processor seconds by stage."""
    whole: float
    """Of the whole process, loading included."""
    document: dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """The simulated site, its catalogue and its workspace below one folder."""

    base: Path
    years: int
    size_px: int

    @property
    def workspace(self) -> Path:
        return self.base / "w"

    @property
    def catalog(self) -> Path:
        return self.base / "source" / "catalog.json"

    def prepare(self) -> None:
        """Catalogue and workspace, where they are missing."""
        if not self.catalog.exists():
            params = SimulationParams(
                size_px=self.size_px,
                since=END.replace(year=END.year - self.years),
                until=END,
                coal=CoalParams(n_piles=2),
                sensor=SensorParams(bands=BANDS),
            )
            site = simulate_site(params, seed=SEED)
            site.write_catalog(self.base / "source", habits=CLEAN_HABITS)
            site.write_site_file(self.base / "site.geojson")
        self.fresh(self.workspace)

    def fresh(self, folder: Path) -> None:
        (folder / "sites").mkdir(parents=True, exist_ok=True)
        shutil.copy(self.base / "site.geojson", folder / "sites" / "site.geojson")
        settings = f'[[source]]\nkind = "stac"\nurl = {json.dumps(self.catalog.as_posix())}\n'
        (folder / "campwatch.toml").write_text(settings, encoding="utf-8")

    def newest_usable(self) -> dt.date:
        """The day of the newest scene with little cloud: an overcast one would cost less."""
        lines = (self.base / "source" / "truth" / "scenes.csv").read_text("utf-8").splitlines()
        names = lines[0].split(",")
        scenes = [dict(zip(names, line.split(","), strict=True)) for line in lines[1:]]
        clear = [scene["datetime"][:10] for scene in scenes if float(scene["true_cloud_fraction"]) < 0.2]
        return dt.date.fromisoformat(max(clear))


def run(folder: Path, until: dt.date) -> Cost:
    """One `campwatch run` up to before `until`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "campwatch", "--json", "-C", str(folder), "run", "--until", str(until)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.pop(
        "PYTHONDONTWRITEBYTECODE", None
    )  # as installed: modules are compiled once, not by each run
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    whole = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    document: dict[str, Any] = json.loads(done.stdout)
    return Cost(document["seconds"], whole, document)


def reading(archive: Path) -> float:
    """Processor seconds that reading and decompressing every archived file once takes."""
    paths = sorted(archive.rglob("*.tif"))
    with rasterio.open(paths[0]) as raster:  # what is loaded once is loaded
        raster.read(1)
    clock = time.process_time()
    for path in paths:
        with rasterio.open(path) as raster:
            raster.read(1)
    return time.process_time() - clock


def measure(bench: Bench) -> tuple[dict[str, Cost], float]:
    """Backfill, nothing new, one new scene, and seconds of reading; what the folder has is taken."""
    kept = bench.base / "costs.json"
    known: dict[str, Any] = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    code = source_digest("evidence", "aoi", "imagery", "detection", "maps", "campwatch")
    if known.get("code") != code:
        known = {"code": code}
        shutil.rmtree(bench.workspace, ignore_errors=True)
        bench.prepare()
    day = bench.newest_usable()
    steps = {"backfill": day, "nothing new": day, "new scene": day + dt.timedelta(days=1)}
    for name, until in steps.items():
        if name not in known:
            cost = run(bench.workspace, until)
            known[name] = {"seconds": cost.seconds, "whole": cost.whole, "document": cost.document}
            kept.write_text(json.dumps(known, indent=1), encoding="utf-8")
    if "reading" not in known:
        known["reading"] = reading(bench.workspace / "archive")
        kept.write_text(json.dumps(known, indent=1), encoding="utf-8")
    return {name: Cost(**known[name]) for name in steps}, known["reading"]


def table(costs: dict[str, Cost], floor: float) -> list[str]:
    """Processor seconds by stage, the shares, and how many times reading a stage takes."""
    backfill, scene, nothing = costs["backfill"], costs["new scene"], costs["nothing new"]
    loading = {name: cost.whole - sum(cost.seconds.values()) for name, cost in costs.items()}
    head = "| stage | backfill, s | backfill / reading | one new scene, s | share of its backfill |"
    lines = [head, "|---|---|---|---|---|"]
    for stage in STAGES:
        full, one = backfill.seconds.get(stage, 0.0), scene.seconds.get(stage, 0.0)
        share = f"{one / full:.1%}" if full >= 0.05 else ""
        lines.append(f"| {stage} | {full:.2f} | {full / floor:.1f} | {one:.2f} | {share} |")
    lines.append(
        f"| start and end of the process | {loading['backfill']:.2f} | {loading['backfill'] / floor:.1f} "
        f"| {loading['new scene']:.2f} | |"
    )
    share = scene.whole / backfill.whole
    lines.append(
        f"| **all** | **{backfill.whole:.1f}** | **{backfill.whole / floor:.0f}** | **{scene.whole:.1f}** "
        f"| **{share:.1%}** (aim {AIM:.0%}) |"
    )
    rest = (scene.whole - scene.seconds["coal"]) / (backfill.whole - backfill.seconds["coal"])
    looks = backfill.document["sites"][0]
    told = (
        f"Simulated, {looks['looks']} looks, {looks['used']} of them used; processor seconds; reading and "
        f"decompressing their files with rasterio takes {floor:.2f} s. Without the "
        f"stage *coal* the share is {rest:.1%}. Nothing new: {nothing.whole:.2f} s, no pixel read."
    )
    return [*lines, "", told]


def rows(folder: Path) -> set[str]:
    with Ledger(folder / "ledger.sqlite", read_only=True) as ledger:
        return {stored.row_id for stored in ledger.current() if stored.row.layer != "alerts"}


def check(bench: Bench) -> bool:
    """Whether one batch run over all scenes gives the rows that the two runs gave."""
    batch = bench.base / "batch"
    shutil.rmtree(batch, ignore_errors=True)
    bench.fresh(batch)
    run(batch, bench.newest_usable() + dt.timedelta(days=1))
    return rows(batch) == rows(bench.workspace)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--size", type=int, default=120, help="side of the site in 10 m pixels")
    parser.add_argument("--folder", type=Path, help="keep catalogue, workspace and figures here")
    parser.add_argument("--check", action="store_true", help="compare with a batch run")
    parser.add_argument("--write", action="store_true", help="write the table into docs/running.md")
    options = parser.parse_args()
    base = options.folder or Path(tempfile.mkdtemp(prefix="campwatch-new-scene-"))
    bench = Bench(base.resolve(), options.years, options.size)
    bench.prepare()
    lines = table(*measure(bench))
    if options.check:
        same = check(bench)
        lines[-1] += (
            " The rows equal those of one batch run." if same else " THE ROWS DIFFER FROM A BATCH RUN."
        )
    print("\n".join(lines))
    if options.write:
        write_table("running.md", "new-scene", lines, method=["run_workspace"], seeds=f"seed {SEED}")
    if options.folder is None:
        shutil.rmtree(base)
    return 0


if __name__ == "__main__":
    sys.exit(main())
