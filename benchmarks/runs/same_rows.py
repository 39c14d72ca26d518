"""Do two ledgers say the same? Their current rows compared, whatever run appended them.

    python -m benchmarks.runs.same_rows A B [--but alerts]

A and B are workspaces or ledgers. A row is equal where key, method, parameters, inputs, figures and geometry
are; it is *only computed otherwise* where figures and geometry are equal and the rest is not. Alerts tell
when they were raised, and are left out unless `--but` names other layers. Exits with 1 where figures differ.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from evidence.ledger import Ledger
from evidence.rows import Row

SHOWN = 5
"""Rows that differ and are named with their fields."""


def rows(path: Path, left_out: frozenset[str]) -> dict[tuple[str, str, str, str], Row]:
    """The current rows of a workspace or ledger by key."""
    with Ledger(path / "ledger.sqlite" if path.is_dir() else path, read_only=True) as ledger:
        return {stored.row.key: stored.row for stored in ledger.current() if stored.row.layer not in left_out}


def differing(one: Row, other: Row) -> list[str]:
    """Names of the figures in which two rows of one key differ."""
    names = sorted({*one.data, *other.data})
    return [name for name in names if one.data.get(name) != other.data.get(name)] + [
        "geometry" for _ in range(one.geometry != other.geometry)
    ]


def compared(a: Path, b: Path, left_out: frozenset[str]) -> tuple[list[str], int]:
    """Markdown by layer, and the number of rows whose figures differ or that one side lacks."""
    first, second = rows(a, left_out), rows(b, left_out)
    told: dict[str, Counter[str]] = {}
    named: list[str] = []
    for key in sorted({*first, *second}):
        one, other = first.get(key), second.get(key)
        counts = told.setdefault(key[0], Counter())
        if one is None or other is None:
            kind = "only in the second" if one is None else "only in the first"
        elif fields := differing(one, other):
            kind = "differ"
            named.append(f"{' '.join(key)}: {', '.join(fields)}")
        else:
            kind = "equal" if one.row_id == other.row_id else "only computed otherwise"
        counts[kind] += 1
    kinds = ("equal", "only computed otherwise", "differ", "only in the first", "only in the second")
    table = [f"| layer | {' | '.join(kinds)} |", "|---|" + "---|" * len(kinds)]
    table += [
        f"| {layer} | " + " | ".join(str(counts[kind]) for kind in kinds) + " |"
        for layer, counts in told.items()
    ]
    wrong = sum(counts[kind] for counts in told.values() for kind in kinds[2:])
    return [*table, *named[:SHOWN]], wrong


def main() -> int:
    """Print the comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--but", nargs="*", default=["alerts"], help="layers that are left out")
    asked = parser.parse_args()
    table, wrong = compared(asked.first, asked.second, frozenset(asked.but))
    print("\n".join(table))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
