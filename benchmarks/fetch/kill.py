"""Kill a fetch at random moments, again and again; the next run must complete and the archive verify.

python benchmarks/fetch/kill.py --kills 100
"""

# ruff: noqa: PLC0415, S311, E501 - imports after the path is set; chance, not secrecy; a script in a string
from __future__ import annotations

import argparse
import datetime as dt
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

DATES = 6
CHILD = """
import datetime as dt, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from imagery.archive import Archive
from imagery.fetch import fetch_new
from imagery.sources.static import StaticCatalog
from tests.servers import tiny
print("ready", flush=True)
ends = {"since": dt.datetime(2015, 1, 1, tzinfo=dt.UTC), "until": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)}
report = fetch_new(tiny.site(), Archive(Path(sys.argv[3])), [StaticCatalog(Path(sys.argv[2]))], workers=2, **ends)
print("done", len(report.fetched), flush=True)
"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    kills: int
    """Runs that were killed before they were done."""
    completed: int
    """Runs that were done first."""
    products: int
    findings: int
    leftovers: int


def torture(folder: Path, *, kills: int, seed: int) -> Outcome:
    """Kill `kills` runs, then let one complete; every so often the archive starts anew."""
    from imagery.archive import Archive
    from tests.servers import tiny

    rng = random.Random(seed)
    catalog = tiny.write_catalog(folder / "source", dates=tiny.days(DATES))
    killed = completed = 0
    part = 0
    while killed < kills:
        archive = folder / f"archive {part}"
        if _run(catalog, archive, after_s=rng.uniform(0, 0.6)):
            completed += 1
            part += 1
        else:
            killed += 1
            part += (
                len(Archive(archive).products("tiny")) == DATES
            )  # a full one has nothing left to interrupt
    archive = folder / f"archive {part}"
    assert _run(catalog, archive, after_s=None)
    findings = leftovers = 0
    for path in sorted(folder.glob("archive *")):
        products = Archive(path).products("tiny", superseded=True)
        assert len(products) == DATES, (path, len(products))
        findings += len(Archive(path).verify(deep=True))
        leftovers += sum(1 for _ in path.rglob(".tmp-*"))
    return Outcome(kills=killed, completed=completed, products=DATES, findings=findings, leftovers=leftovers)


def _run(catalog: Path, archive: Path, *, after_s: float | None) -> bool:
    """One fetch in a process of its own; True if it was done before it was killed."""
    command = [sys.executable, "-c", CHILD, str(ROOT), str(catalog), str(archive)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == "ready"
        if after_s is not None:
            time.sleep(after_s)
            child.kill()
        said = child.stdout.read()
    return "done" in said


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started = dt.datetime.now(dt.UTC)
    with tempfile.TemporaryDirectory() as folder:
        print(torture(Path(folder), kills=options.kills, seed=options.seed))
    print(f"{(dt.datetime.now(dt.UTC) - started).total_seconds():.0f} s")


if __name__ == "__main__":
    main()
