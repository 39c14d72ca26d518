"""Crash a fetch at every file operation; the next run must complete, the archive verify, nothing be doubled.

python -m benchmarks.fetch.crash --write    # also renews the table in docs/archive.md
python -m benchmarks.fetch.crash --resume points.jsonl    # goes on where an earlier call was broken off

At each write, flush, rename, removal and folder of the fetch the machine goes off, in three ways: cleanly,
with the write at that point half done, and with half of everything lost that was written and not flushed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.manual import write_table
from tests.servers import torture

WAYS: dict[str, dict[str, bool]] = {
    "nothing more happens": {},
    "the write is half done": {"torn": True},
    "what was not flushed is lost": {"lost": True},
}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    tried: int
    operations: int
    complaints: tuple[str, ...]


def run(folder: Path, *, every: int = 1, done: Path | None = None) -> dict[str, Outcome]:
    """What became of each way.

    Args:
        folder: to work in.
        every: only every so many points.
        done: points that were tried, one a line; those that are tried now are added.
    """
    torture.prepare(folder)
    torture.begin(folder, folder / "begun" / "archive")
    shutil.copytree(folder / "begun", folder / "whole")
    total = torture.operations(folder, folder / "whole" / "archive")
    points = range(0, total, every)
    known = _read(done)
    outcome = {}
    for name, how in WAYS.items():
        found: list[str] = []
        for point in points:
            if (name, point) not in known:
                known[name, point] = _crash(folder, point, how)
                _note(done, name, point, known[name, point])
            found += [f"{point}: {said}" for said in known[name, point]]
        outcome[name] = Outcome(tried=len(points), operations=total, complaints=tuple(found))
    return outcome


def _crash(folder: Path, point: int, how: dict[str, bool]) -> list[str]:
    place = folder / "one"
    shutil.copytree(folder / "begun", place)
    found = torture.crash(folder, place / "archive", point, **how)
    shutil.rmtree(place)
    return found


def _read(done: Path | None) -> dict[tuple[str, int], list[str]]:
    if done is None or not done.exists():
        return {}
    lines = [json.loads(line) for line in done.read_text(encoding="utf-8").splitlines()]
    return {(line["way"], line["point"]): line["found"] for line in lines}


def _note(done: Path | None, name: str, point: int, found: list[str]) -> None:
    if done is not None:
        with done.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"way": name, "point": point, "found": found}) + "\n")


def table(outcome: dict[str, Outcome]) -> str:
    lines = [
        "| the machine goes off, and | file operations | tried | whole after the next run |",
        "|---|---|---|---|",
    ]
    for name, way in outcome.items():
        spoiled = {said.split(":")[0] for said in way.complaints}
        lines.append(f"| {name} | {way.operations} | {way.tried} | {way.tried - len(spoiled)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="only every so many points")
    parser.add_argument("--resume", type=Path, metavar="FILE", help="points that are tried already")
    parser.add_argument("--write", action="store_true", help="renew the table in docs/archive.md")
    options = parser.parse_args()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(Path(folder), every=options.every, done=options.resume)
    print(table(outcome), f"{time.perf_counter() - started:.0f} s", sep="\n")
    complaints = [said for way in outcome.values() for said in way.complaints]
    print(*complaints, sep="\n")
    if options.write:
        write_table(
            "archive.md", "crashes", table(outcome), method=["fetch_new"], seeds="every file operation"
        )
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
