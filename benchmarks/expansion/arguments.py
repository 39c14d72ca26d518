"""How the benchmarks of this room are run from the command line, and where their outcomes are kept."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

Outcomes = list[dict[str, Any]]


def described(doc: str | None) -> argparse.ArgumentParser:
    """A parser whose help is the module's own description, line by line."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def measure_or_print(
    doc: str | None, *, measure: Callable[[Path, Path, int], None], table: Callable[[Path], None]
) -> None:
    """Run a benchmark in two steps: `measure CACHE OUT FIRST LAST`, then `table OUT`.

    Args:
        doc: what the benchmark does.
        measure: keeps what comes of a seed; takes the folder of cubes, the folder of outcomes and the seed.
        table: prints what is in a folder of outcomes.
    """
    chosen = _parser(doc).parse_args()
    if chosen.step == "table":
        table(chosen.out)
        return
    for seed in range(chosen.first, chosen.last + 1):
        measure(chosen.cache, chosen.out, seed)
        print(seed, file=sys.stderr, flush=True)


def _parser(doc: str | None) -> argparse.ArgumentParser:
    parser = described(doc)
    steps = parser.add_subparsers(dest="step", required=True)
    measure = steps.add_parser("measure", help="one file of outcomes per seed")
    measure.add_argument("cache", type=Path, help="folder of cubes, made where they are missing")
    measure.add_argument("out", type=Path, help="folder of outcomes")
    measure.add_argument("first", type=int, help="first seed")
    measure.add_argument("last", type=int, help="last seed")
    steps.add_parser("table", help="print the table").add_argument("out", type=Path, help="outcomes")
    return parser


def keep(out: Path, seed: int, outcome: Mapping[str, Any]) -> None:
    """Keep what came of a seed."""
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{seed}.json").write_text(json.dumps(outcome, indent=1), "utf-8")


def read(out: Path) -> Outcomes:
    """What came of every seed that was measured."""
    return [json.loads(path.read_text("utf-8")) for path in sorted(out.glob("*.json"))]


def print_values(rows: Mapping[str, str]) -> None:
    """A table of two columns."""
    print("\n| what | value |\n|---|---|")
    for name, value in rows.items():
        print(f"| {name} | {value} |")


def percent(part: list[bool]) -> str:
    return f"{100 * sum(part) / len(part):.0f}% of {len(part)}" if part else "–"


def number(values: list[float]) -> str:
    return f"{np.median(values):.0f} d" if values else "–"
