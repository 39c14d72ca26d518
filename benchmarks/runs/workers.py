"""Whether processes and Dask workers that are killed at random give the rows of one process, and how fast.

Copies of one simulated site are measured from one archive: by the run alone, by `--workers N` and by
`--dask local:N`; again with a measuring process killed at a random moment, several times in a run. Every run
must complete and give the rows of the run alone. Wall time is that of the machine as it was; how many
processes waited for its processors on average (load) is told.

    python -m benchmarks.runs.workers                    all of it
    python -m benchmarks.runs.workers --sites 2 --kills 1 --without-dask       the short version
    python -m benchmarks.runs.workers --sites 1 --size 320      one large site, divided
    python -m benchmarks.runs.workers --write            the table into docs/running.md

POSIX only. Exits with 1 where a run did not complete or rows differ.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.manual import ROOT, write_table
from benchmarks.runs.new_scene import Bench
from campwatch.workspace import open_workspace
from evidence.ledger import Ledger
from tests.campwatch.conftest import site_document, write_workspace
from tests.servers import tiny

SEED = 24
MADE_WITH = ["run_workspace", "measure_in_worker"]
MEASURING = ("multiprocessing.spawn", "distributed")
"""In the command line of a process that measures for a run."""


@dataclass(frozen=True)
class Trial:
    """One run."""

    name: str
    options: tuple[str, ...]
    kills: int = 0


@dataclass(frozen=True)
class Outcome:
    """What became of it."""

    wall_s: float
    cpu_s: float
    killed: int
    code: int
    rows: frozenset[str]


def rows(folder: Path) -> frozenset[str]:
    with Ledger(folder / "ledger.sqlite", read_only=True) as ledger:
        return frozenset(stored.row_id for stored in ledger.current() if stored.row.layer != "alerts")


def measuring(run: psutil.Process) -> list[psutil.Process]:
    """Processes below the run that measure for it."""
    found = []
    for child in run.children(recursive=True):
        try:
            line = " ".join(child.cmdline())
        except psutil.Error:
            continue
        if any(word in line for word in MEASURING) and "resource_tracker" not in line:
            found.append(child)
    return found


def attempt(base: Path, folder: Path, trial: Trial, chance: random.Random) -> Outcome:
    """Measure every site anew; kill so many of those that measure, each at a random moment."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder)
    before, clock = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, "-m", "campwatch", "-q", "-C", str(folder), "run", *trial.options]
    path = os.pathsep.join([str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    environment = os.environ | {"PYTHONPATH": path}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as installed: modules are compiled once
    run = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    killed = 0
    seen = psutil.Process(run.pid)
    while run.poll() is None and killed < trial.kills:
        time.sleep(chance.uniform(1.0, 8.0))
        victims = measuring(seen) if run.poll() is None else []
        if victims:
            chance.choice(victims).kill()
            killed += 1
    code = run.wait(timeout=1200)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - clock
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Outcome(wall, cpu, killed, code, rows(folder))


def trials(kills: int, repeats: int, processes: Sequence[int], *, dask: bool) -> list[Trial]:
    ways = [("--workers", f"{count}") for count in processes]
    ways += [("--dask", f"local:{count}") for count in processes] if dask else []
    made = [Trial("one process", ())]
    for way in ways:
        made.append(Trial(" ".join(way), way))
        made += [Trial(f"{' '.join(way)}, killed at random", way, kills) for _ in range(repeats)]
    return made


def table(found: Sequence[tuple[Trial, Outcome]], truth: frozenset[str]) -> list[str]:
    first = found[0][1]
    lines = [
        "| measured by | runs | killed | complete | rows equal | wall, s | times as fast | processor, s |"
    ]
    lines.append("|---|---|---|---|---|---|---|---|")
    for name in dict.fromkeys(trial.name for trial, _ in found):
        mine = [outcome for trial, outcome in found if trial.name == name]
        complete = sum(outcome.code == 0 for outcome in mine)
        equal = sum(outcome.rows == truth for outcome in mine)
        wall, cpu = (sum(v) / len(mine) for v in ([o.wall_s for o in mine], [o.cpu_s for o in mine]))
        killed = sum(outcome.killed for outcome in mine)
        lines.append(
            f"| {name} | {len(mine)} | {killed} | {complete} | {equal} | {wall:.0f} "
            f"| {first.wall_s / wall:.2f} | {cpu:.0f} |"
        )
    return lines


def copies(base: Path, options: argparse.Namespace) -> Path:
    """A workspace with copies of a small made-up site."""
    catalog = tiny.write_catalog(base / "source", dates=tiny.days(options.dates, step=10))
    documents = [site_document(f"site-{k}", size_m=10.0 * options.size) for k in range(options.sites)]
    return write_workspace(base / "fetched", catalog, *documents)


def large_site(base: Path, size_px: int) -> Path:
    """A workspace with one simulated mine, two years of every pass."""
    bench = Bench(base, years=2, size_px=size_px)
    bench.prepare()
    return bench.workspace


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sites", type=int, default=4)
    parser.add_argument("--dates", type=int, default=8)
    parser.add_argument("--size", type=int, default=240, help="side of a site in 10 m pixels")
    parser.add_argument("--kills", type=int, default=2, help="in a run")
    parser.add_argument("--processes", type=int, nargs="+", default=(2, 4))
    parser.add_argument("--repeats", type=int, default=2, help="runs with kills, a way")
    parser.add_argument("--without-dask", action="store_true")
    parser.add_argument("--write", action="store_true", help="write the table into docs/running.md")
    options = parser.parse_args()
    dask = not options.without_dask and importlib.util.find_spec("distributed") is not None
    chance = random.Random(SEED)  # noqa: S311 - repeatable, not secret
    with tempfile.TemporaryDirectory(prefix="campwatch-workers-") as temporary:
        base = Path(temporary)
        fetched = large_site(base, options.size) if options.sites == 1 else copies(base, options)
        subprocess.run(
            [sys.executable, "-m", "campwatch", "-q", "-C", str(fetched), "run"], check=True, cwd=ROOT
        )
        for part in ("ledger.sqlite", "cache", "state", "maps"):
            path = fetched / part
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        found = []
        for trial in trials(options.kills, options.repeats, options.processes, dask=dask):
            outcome = attempt(fetched, base / "measured", trial, chance)
            found.append((trial, outcome))
            print(
                json.dumps({"trial": trial.name, "killed": outcome.killed, "code": outcome.code}), flush=True
            )
        products = sum(1 for _ in open_workspace(fetched).archive_folder.rglob("source.json"))
    truth = found[0][1].rows
    lines = table(found, truth)
    what = "simulated site" if options.sites == 1 else "simulated sites"
    told = (
        f"{options.sites} {what} of {options.size} × {options.size} pixels, {products} products, "
        f"{len(truth)} rows; {os.cpu_count()} processors, "
        f"load {os.getloadavg()[2]:.0f} in the last quarter of an hour. Libraries "
        "are loaded and maps drawn in every run."
    )
    print("\n".join([*lines, "", told]))
    if options.write:
        by = (
            f"python -m benchmarks.runs.workers --sites {options.sites} --dates {options.dates} --size "
            f"{options.size} --kills {options.kills} --repeats {options.repeats} --processes "
            f"{' '.join(map(str, options.processes))}"
        )
        by += " --without-dask" if options.without_dask else ""
        block = "large site" if options.sites == 1 else "workers"
        seeds = f"kills at moments drawn with seed {SEED}"
        write_table("running.md", block, [*lines, "", told], method=MADE_WITH, seeds=seeds, by=by)
    return 0 if all(outcome.code == 0 and outcome.rows == truth for _, outcome in found) else 1


if __name__ == "__main__":
    sys.exit(main())
