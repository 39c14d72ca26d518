"""Peak memory and time per stage of a large cube, beside the time of merely reading the same bytes.

``python benchmarks/cube/memory.py [--scale 0.5] [--dates 20] [--write]``. Each case runs in a child process
whose peak resident memory is read at its end; times are processor seconds of one core. The pixels are
synthetic: textured ground with a shift of its own, written as the archive writes products (deflate, 512
pixel blocks).
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

from simulated_archive import ROOT, write_table

CASES = {"wide": (2350, 100), "long": (500, 700)}
LIMIT_GB = 2.0
STAGES = ("reference", "read", "register", "resample", "mask", "store")


def measure(case: str, size: int, dates: int) -> dict[str, float]:
    """Write the products, then measure in two children: the plain reading, and the cube."""
    folder = Path(tempfile.mkdtemp(prefix="cube-memory-"))
    try:
        sizes = ["--size", str(size), "--dates", str(dates), str(folder)]
        for step in ("write", "plain", "cube"):
            command = [sys.executable, str(ROOT / "benchmarks/cube/memory_child.py"), step, *sizes]
            done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
            if step == "plain":
                plain = json.loads(done.stdout)
        result = json.loads(done.stdout)
        result["plain_s"] = plain["seconds"]
        result["case"] = case
        return result
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def line(result: dict[str, float], size: int, dates: int, full: tuple[int, int]) -> str:
    whole = "full" if (size, dates) == full else f"of {full[0]} x {full[0]} x {full[1]}"
    stages = [f"{result['stages'].get(name, 0.0):.1f}" for name in STAGES]
    ratio = result["seconds"] / result["plain_s"]
    cells = [
        f"{size} x {size} x {dates} x 10 ({whole})",
        f"{result['cube_gb']:.2f}",
        f"{result['peak_gb']:.2f}",
        f"{result['one_more_s']:.1f}",
        *stages,
        f"{result['seconds']:.1f}",
        f"{result['plain_s']:.1f}",
        f"{ratio:.1f}",
    ]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of the side")
    parser.add_argument("--dates", type=int, help="instead of the case's own number")
    parser.add_argument("--cases", nargs="*", default=list(CASES))
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    heads = ["size", "cube, GB", "peak memory, GB", "one scene more, s", *(f"{s}, s" for s in STAGES)]
    heads += ["all, s", "reading with rasterio, s", "ratio"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    within = True
    for case in args.cases:
        size, dates = round(CASES[case][0] * args.scale), args.dates or CASES[case][1]
        started = time.perf_counter()
        result = measure(case, size, dates)
        lines.append(line(result, size, dates, CASES[case]))
        print(lines[-1], f"({time.perf_counter() - started:.0f} s)", flush=True)
        within &= result["peak_gb"] <= LIMIT_GB
    if args.write:
        write_table("memory table", lines)
    if not within:
        sys.exit(f"over the limit of {LIMIT_GB} GB")


if __name__ == "__main__":
    main()
