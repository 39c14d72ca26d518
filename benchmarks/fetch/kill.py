"""Kill a fetch at random moments, again and again; the next run must complete and the archive verify.

python -m benchmarks.fetch.kill --kills 100 --write    # also renews the line in docs/archive.md

The fetch has something of everything: new dates, a reprocessed one, one under cloud, one that fails, one that
nobody lists, and a budget of units. Each kill is SIGKILL to a process of its own, at a moment drawn evenly
from the time that the fetch takes.
"""

# ruff: noqa: S311 - chance, not secrecy
from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.manual import write_table
from tests.servers import torture

CHAIN = 4
"""So many kills in a row meet the same archive before it is completed and checked."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    kills: int
    """Fetches that were killed before they were done."""
    completed: int
    """Fetches that were done before they could be killed."""
    archives: int
    """Completed by one more run each, then checked."""
    complaints: tuple[str, ...]
    seconds: float


def run(folder: Path, *, kills: int, seed: int) -> Outcome:
    """Kill until so many fetches were killed; complete and check each archive."""
    started = time.perf_counter()
    torture.prepare(folder)
    torture.begin(folder, folder / "begun" / "archive")
    lasts = _length(folder)
    rng = random.Random(seed)
    killed = completed = archives = 0
    found: list[str] = []
    while killed < kills:
        archive = folder / f"archive {archives}" / "archive"
        shutil.copytree(folder / "begun", archive.parent)
        archives += 1
        for _ in range(min(CHAIN, kills - killed)):
            if _killed(folder, archive, after_s=rng.uniform(0, lasts)):
                killed += 1
            else:
                completed += 1
                break
        found += torture.complaints(folder, archive)
        shutil.rmtree(archive.parent)
    return Outcome(
        kills=killed,
        completed=completed,
        archives=archives,
        complaints=tuple(found),
        seconds=time.perf_counter() - started,
    )


def _length(folder: Path) -> float:
    archive = folder / "whole" / "archive"
    shutil.copytree(folder / "begun", archive.parent)
    started = time.perf_counter()
    assert not _killed(folder, archive, after_s=None)
    return time.perf_counter() - started


def _killed(folder: Path, archive: Path, *, after_s: float | None) -> bool:
    """One fetch in a process of its own; False if it was done before its time came."""
    process = multiprocessing.get_context("fork").Process(target=_fetch, args=(folder, archive))
    process.start()
    process.join(after_s)
    if process.is_alive():
        process.kill()
        process.join()
    return process.exitcode != 0


def _fetch(folder: Path, archive: Path) -> None:
    torture.fetch(folder, archive, workers=2)
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="renew the line in docs/archive.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(Path(folder), kills=options.kills, seed=options.seed)
    whole = outcome.archives - len(outcome.complaints)
    text = (
        f"{outcome.kills} kills (seed {options.seed}) over {outcome.archives} archives, "
        f"{outcome.completed} fetches done before their kill came: {whole} archives whole after one "
        f"more run, {len(outcome.complaints)} complaints."
    )
    print(text, f"{outcome.seconds:.0f} s", *outcome.complaints, sep="\n")
    if options.write:
        write_table("archive.md", "kills", text, method=["fetch_new"], seeds=f"seed {options.seed}")
    sys.exit(1 if outcome.complaints else 0)


if __name__ == "__main__":
    main()
