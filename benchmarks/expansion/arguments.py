"""How the benchmarks of this room read seeds and folders from the command line."""

from __future__ import annotations

import argparse
from pathlib import Path


def described(doc: str | None) -> argparse.ArgumentParser:
    """A parser whose help is the module's own description, line by line."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def measured_or_printed(doc: str | None) -> argparse.Namespace:
    """Arguments of benchmarks in two steps: `measure CACHE OUT FIRST LAST`, then `table OUT`."""
    parser = described(doc)
    steps = parser.add_subparsers(dest="step", required=True)
    measure = steps.add_parser("measure", help="one file of outcomes per seed")
    measure.add_argument("cache", type=Path, help="folder of cubes, made where they are missing")
    measure.add_argument("out", type=Path, help="folder of outcomes")
    measure.add_argument("first", type=int, help="first seed")
    measure.add_argument("last", type=int, help="last seed")
    steps.add_parser("table", help="print the table").add_argument("out", type=Path, help="outcomes")
    return parser.parse_args()
