"""What a site costs by stage, beside reading its files: a backfill, a new scene, and a run with nothing new.

A simulated site is watched: backfilled up to a clear scene whose season has all its reference, run with
nothing new, then with that scene; and where the record has one, with a clear scene whose season has not. Each
is a process of its own (`campwatch run`), its libraries loaded anew; the figures are processor seconds, so
that a busy machine changes them little. Beside them stands what reading and decompressing every archived file
once with rasterio takes, in the same minutes on the same machine.

    python -m benchmarks.runs.new_scene                          all of it (about ten minutes)
    python -m benchmarks.runs.new_scene --years 2 --size 300     a young site, a season of it not full
    python -m benchmarks.runs.new_scene --folder F --write BLOCK go on in F; the table into docs/running.md
    python -m benchmarks.runs.new_scene --folder F --check       also: rows equal to those of one batch run
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import resource
import shutil
import statistics
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
from imagery.cube.reference import ReferenceParams
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
RATIO_AIMS = {"cube": 4, "all": 20}
"""Times reading, on a small site."""
NOTHING_AIM_S = 2.0
"""Processor seconds of a run with nothing new, on ten years."""
CLEAR = 0.05
"""Share of cloud in the truth up to which a scene is taken for clear, 1. Assumed."""
WARM_DAYS = 60
"""Length of the record that compiles what is not compiled yet."""
REST = "start and end of the process"
LEAST_S = 0.05
"""Processor seconds under which no share is told."""
NOTHING, FULL, THIN = "nothing new", "new scene", "new scene, season not full"


@dataclass(frozen=True)
class Cost:
    """One run."""

    seconds: dict[str, float]
    """Processor seconds by stage."""
    whole: float
    """Of the whole process, loading included."""
    document: dict[str, Any]

    def of(self, stage: str) -> float:
        """Processor seconds of a stage, or of what is none."""
        return self.whole - sum(self.seconds.values()) if stage == REST else self.seconds.get(stage, 0.0)


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

    def clear_days(self) -> list[dt.date]:
        """The days of scenes with hardly a cloud, in order."""
        lines = (self.base / "source" / "truth" / "scenes.csv").read_text("utf-8").splitlines()
        names = lines[0].split(",")
        scenes = [dict(zip(names, line.split(","), strict=True)) for line in lines[1:]]
        clear = {scene["datetime"][:10] for scene in scenes if float(scene["true_cloud_fraction"]) <= CLEAR}
        return sorted(map(dt.date.fromisoformat, clear))

    def newest_clear(self, *, full: bool) -> dt.date | None:
        """The newest clear day whose season has all its reference before it, or has not."""
        days = self.clear_days()
        before = [sum(_season(other) == _season(day) for other in days[:k]) for k, day in enumerate(days)]
        most = ReferenceParams().most_members
        return max((d for d, n in zip(days, before, strict=True) if (n >= most) == full), default=None)

    def steps(self) -> dict[str, dt.date]:
        """By name of a run the day up to before which it goes; what has no name only leads up to another."""
        full, thin = self.newest_clear(full=True), self.newest_clear(full=False)
        if full is None:
            raise SystemExit("no season of this record has all its reference: take more years")
        day = dt.timedelta(days=1)
        steps = {"backfill": full, NOTHING: full, FULL: full + day}
        return steps if thin is None or thin <= full else steps | {"": thin, THIN: thin + day}


def _season(day: dt.date) -> int:
    return day.month % 12 // 3


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


def warm(bench: Bench) -> None:
    """A run over some months beside: kernels are compiled once by an installation, not by each site."""
    folder = bench.base / "warm"
    bench.fresh(folder)
    run(folder, END.replace(year=END.year - bench.years) + dt.timedelta(days=WARM_DAYS))
    shutil.rmtree(folder)


def reading(archive: Path) -> float:
    """Processor seconds that reading and decompressing every archived file takes, median of three times."""
    paths = sorted(archive.rglob("*.tif"))
    taken = []
    for _ in range(3):
        clock = time.process_time()
        for path in paths:
            with rasterio.open(path) as raster:
                raster.read(1)
        taken.append(time.process_time() - clock)
    return statistics.median(taken)


def measure(bench: Bench) -> tuple[dict[str, Cost], float]:
    """Costs of the runs by name, and seconds of reading; what the folder has is taken."""
    kept = bench.base / "costs.json"
    known: dict[str, Any] = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    code = source_digest("evidence", "aoi", "imagery", "detection", "maps", "campwatch")
    if known.get("code") != code:
        known = {"code": code}
        shutil.rmtree(bench.workspace, ignore_errors=True)
        bench.prepare()
    steps = bench.steps()
    if "backfill" not in known:
        warm(bench)
    for name, until in steps.items():
        if name not in known:
            cost = run(bench.workspace, until)
            known[name] = {"seconds": cost.seconds, "whole": cost.whole, "document": cost.document}
            if name == "backfill":
                known["reading"] = reading(bench.workspace / "archive")
            kept.write_text(json.dumps(known, indent=1), encoding="utf-8")
    return {name: Cost(**known[name]) for name in steps}, known["reading"]


def table(costs: dict[str, Cost], floor: float) -> list[str]:
    """Processor seconds by stage, and how many times reading, or which share of its backfill, that is."""
    backfill, nothing = costs["backfill"], costs[NOTHING]
    scenes = {name: cost for name, cost in costs.items() if name in {FULL, THIN}}
    head = ["stage", "backfill, s", "backfill / reading"]
    head += [title for name in scenes for title in (f"{name}, s", "share of the backfill")]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for stage in (*STAGES, REST):
        full = backfill.of(stage)
        aim = f" (aim {RATIO_AIMS[stage]})" if stage in RATIO_AIMS else ""
        cells = [stage, f"{full:.2f}", f"{full / floor:.1f}{aim}"]
        for cost in scenes.values():
            cells += [f"{cost.of(stage):.2f}", f"{cost.of(stage) / full:.1%}" if full >= LEAST_S else ""]
        lines.append(f"| {' | '.join(cells)} |")
    cells = [
        "**all**",
        f"**{backfill.whole:.1f}**",
        f"**{backfill.whole / floor:.0f}** (aim {RATIO_AIMS['all']})",
    ]
    for cost in scenes.values():
        cells += [f"**{cost.whole:.1f}**", f"**{cost.whole / backfill.whole:.1%}** (aim {AIM:.0%})"]
    lines.append(f"| {' | '.join(cells)} |")
    looks = backfill.document["sites"][0]
    told = (
        f"Simulated, {looks['looks']} looks, {looks['used']} of them used; processor seconds; reading and "
        f"decompressing their files with rasterio takes {floor:.2f} s. Nothing new: {nothing.whole:.2f} s "
        f"(aim on ten years {NOTHING_AIM_S:g}), no pixel read."
    )
    return [*lines, "", told]


def rows(folder: Path) -> set[str]:
    with Ledger(folder / "ledger.sqlite", read_only=True) as ledger:
        return {stored.row_id for stored in ledger.current() if stored.row.layer != "alerts"}


def check(bench: Bench) -> bool:
    """Whether one batch run over all scenes gives the rows that the runs gave."""
    batch = bench.base / "batch"
    shutil.rmtree(batch, ignore_errors=True)
    bench.fresh(batch)
    run(batch, max(bench.steps().values()))
    return rows(batch) == rows(bench.workspace)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--size", type=int, default=120, help="side of the site in 10 m pixels")
    parser.add_argument("--folder", type=Path, help="keep catalogue, workspace and figures here")
    parser.add_argument("--check", action="store_true", help="compare with a batch run")
    parser.add_argument("--write", metavar="BLOCK", help="write the table into this place of docs/running.md")
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
        by = f"python -m benchmarks.runs.new_scene --years {options.years} --size {options.size}"
        write_table("running.md", options.write, lines, method=["run_workspace"], seeds=f"seed {SEED}", by=by)
    if options.folder is None:
        shutil.rmtree(base)
    return 0


if __name__ == "__main__":
    sys.exit(main())
