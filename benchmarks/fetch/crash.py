"""Crash a fetch at every file operation; the next run must complete, the archive verify, nothing be doubled.

python benchmarks/fetch/crash.py --write    # also renews the table in docs/archive.md

At each write, flush, rename, removal and folder of the fetch the machine goes off, in three ways: cleanly,
with the write at that point half done, and with half of everything lost that was written and not flushed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.fetch.marks import write_between  # noqa: E402
from tests.servers import torture  # noqa: E402

WAYS: dict[str, dict[str, bool]] = {
    "nothing more happens": {},
    "the write is half done": {"torn": True},
    "what was not flushed is lost": {"lost": True},
}


def run(folder: Path, *, every: int = 1) -> dict[str, tuple[int, list[str]]]:
    """Points and complaints of each way."""
    torture.prepare(folder)
    torture.begin(folder, folder / "begun" / "archive")
    shutil.copytree(folder / "begun", folder / "whole")
    total = torture.operations(folder, folder / "whole" / "archive")
    return {name: _way(folder, range(0, total, every), how) for name, how in WAYS.items()}


def _way(folder: Path, points: range, how: dict[str, bool]) -> tuple[int, list[str]]:
    found = []
    for allowed in points:
        place = folder / "one"
        shutil.copytree(folder / "begun", place)
        found += [f"{allowed}: {said}" for said in torture.crash(folder, place / "archive", allowed, **how)]
        shutil.rmtree(place)
    return len(points), found


def table(outcome: dict[str, tuple[int, list[str]]]) -> str:
    lines = ["| the machine goes off, and | points | whole after the next run |", "|---|---|---|"]
    lines += [
        f"| {name} | {points} | {points - len({said.split(':')[0] for said in found})} |"
        for name, (points, found) in outcome.items()
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="only every so many points")
    parser.add_argument("--write", action="store_true", help="renew the table in docs/archive.md")
    options = parser.parse_args()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(Path(folder), every=options.every)
    print(table(outcome), f"{time.perf_counter() - started:.0f} s", sep="\n")
    complaints = [said for _, found in outcome.values() for said in found]
    print(*complaints, sep="\n")
    if options.write:
        write_between(ROOT / "docs" / "archive.md", "crashes", table(outcome))
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
