"""A workspace that is written under one numpy and continued under another: rows superseded.

The second environment is this one with another numpy before it on the path (`pip install --target`). A run
under each measures the same site; the ledger tells how many rows the second said otherwise.

    python -m benchmarks.runs.other_numpy --numpy 2.2.6 [--years 3] [--size 90] [--folder F] [--write]
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.manual import ROOT, write_table
from benchmarks.runs.new_scene import SEED, Bench
from evidence.ledger import Ledger


def run(folder: Path, until: dt.date, *before: Path) -> dict[str, object]:
    """One `campwatch run` with folders put before the installed packages; what it printed."""
    path = os.pathsep.join(map(str, [*before, ROOT]))
    command = [sys.executable, "-m", "campwatch", "--json", "-C", str(folder), "run", "--until", str(until)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}, check=False
    )
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout))


def other_numpy(version: str, folder: Path) -> Path:
    """A folder that holds this version of numpy alone."""
    target = folder / f"numpy-{version}"
    if not target.is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target)]
        subprocess.run([*command, f"numpy=={version}"], check=True)
    return target


def entries(folder: Path) -> list[tuple[str, int, int]]:
    """Of each measurement: version of numpy, rows appended, rows found as they were."""
    with Ledger(folder / "ledger.sqlite", read_only=True) as ledger:
        return [
            (entry.data["code"]["packages"]["numpy"], entry.data["rows"]["count"], entry.data["unchanged"])
            for entry in ledger.custody()
            if entry.action == "measure"
        ]


def main() -> None:
    """Measure under this numpy, then under the other, and count."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--numpy", required=True, help="another version than the installed one")
    parser.add_argument("--years", type=int, default=3)
    parser.add_argument("--size", type=int, default=90)
    parser.add_argument("--folder", type=Path, help="go on here")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        bench = Bench(folder, options.years, options.size)
        bench.prepare()
        until = max(bench.clear_days()) + dt.timedelta(days=1)
        run(bench.workspace, until)
        run(bench.workspace, until, other_numpy(options.numpy, folder))
        lines = ["| numpy | rows appended | rows found as they were |", "|---|---|---|"]
        made = entries(bench.workspace)
        lines += [f"| {version} | {appended} | {same} |" for version, appended, same in made]
        print("\n".join(lines))
        if options.write:
            what = f"simulated site of {options.size} pixels over {options.years} years, seed {SEED}"
            write_table("running.md", "other-numpy", lines, method=["measured_rows"], seeds=what)
        if len(made) < 2 or made[-1][1]:
            sys.exit("rows were superseded, or the second numpy was not measured with")


if __name__ == "__main__":
    main()
