"""Peak memory and time per stage of a large cube, beside the time of merely reading the same bytes.

``python -m benchmarks.cube.memory [--cases wide long] [--dates 20] [--keep FOLDER --minutes 8] [--write]``.
Each case runs in a child process whose peak resident memory is read at its end; times are processor seconds
of one core. The pixels are synthetic: textured ground with a shift of its own, written as the archive writes
products (deflate, 512 pixel blocks). With `--keep` and `--minutes` a run stops in time and the same command
goes on.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.manual import ROOT, write_table

CASES = {"wide": (2350, 100), "long": (500, 700)}
LIMIT_GB = 2.0
PER_SCENE = ("read", "register", "resample", "mask", "radiometry")
STAGES = ("reference", "read", "register", "resample", "mask", "radiometry", "store")


def measure(case: str, size: int, dates: int, folder: Path, minutes: float) -> dict[str, Any]:
    """Write the products, then measure in two children: the plain reading, and the cube."""
    result: dict[str, Any] = {"case": case}
    for step in ("write", "plain", "cube"):
        note = folder / f"{step}-{dates}.json"
        if not note.exists():
            command = [sys.executable, "-m", "benchmarks.cube.memory_child", step]
            command += ["--size", str(size), "--dates", str(dates), "--minutes", str(minutes), str(folder)]
            done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
            told = json.loads(done.stdout) if done.stdout.strip() else {}
            if "left" in told:
                return result | told
            note.write_text(json.dumps(told), encoding="utf-8")
        told = json.loads(note.read_text(encoding="utf-8"))
        result |= {"plain_s": told["seconds"]} if step == "plain" else told
    return result


def line(result: dict[str, Any], size: int, dates: int, full: tuple[int, int]) -> str:
    whole = "full" if (size, dates) == full else f"of {full[0]} x {full[0]} x {full[1]}"
    stages = [f"{result['stages'].get(name, 0.0):.1f}" for name in STAGES]
    ratio = result["seconds"] / result["plain_s"]
    scene = sum(result["stages"].get(name, 0.0) for name in PER_SCENE) / result["plain_s"]
    cells = [
        f"{size} x {size} x {dates} x 10 ({whole})",
        f"{result['cube_gb']:.2f}",
        f"{result['peak_gb']:.2f}",
        f"{result['one_more_s']:.1f}",
        *stages,
        f"{result['seconds']:.1f}",
        f"{result['plain_s']:.1f}",
        f"{scene:.1f}",
        f"{ratio:.1f}",
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of the side")
    parser.add_argument("--dates", type=int, help="instead of the case's own number")
    parser.add_argument("--cases", nargs="*", default=list(CASES))
    parser.add_argument("--keep", type=Path, help="folder for products, caches and results")
    parser.add_argument("--minutes", type=float, default=1e6, help="of one run of the cube")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    heads = ["size", "cube, GB", "peak memory, GB", "one scene more, s", *(f"{s}, s" for s in STAGES)]
    heads += ["all, s", "reading with rasterio, s", "load, mask, register / reading", "all / reading"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    within = True
    for case in args.cases:
        size, dates = round(CASES[case][0] * args.scale), args.dates or CASES[case][1]
        started = time.perf_counter()
        folder = Path(tempfile.mkdtemp(prefix="cube-memory-")) if args.keep is None else args.keep / case
        folder.mkdir(parents=True, exist_ok=True)
        try:
            result = measure(case, size, dates, folder, args.minutes)
        finally:
            if args.keep is None:
                shutil.rmtree(folder, ignore_errors=True)
        if "left" in result:
            print(f"{case}: {result['left']}; run it again")
            return
        lines.append(line(result, size, dates, CASES[case]))
        print(lines[-1], f"({time.perf_counter() - started:.0f} s)", flush=True)
        within &= result["peak_gb"] <= LIMIT_GB
    if args.write:
        write_table("imagery-cube.md", "memory table", lines, method=["load_cube"], seeds="made-up pixels")
    if not within:
        sys.exit(f"over the limit of {LIMIT_GB} GB")


if __name__ == "__main__":
    main()
