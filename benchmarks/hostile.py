"""Attackers on loopback: what each kind tried, what was stored of it and what was refused.

    python -m benchmarks.hostile [KIND]… [--reasons]

The same attacks are tests (tests/hostile); exit code 1 where anything went wrong.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from tests.hostile.attackers import KINDS, Outcome, World, summary

COLUMNS = ("tried", "stored", "refused", "ignored", "wrong", "s", "MB")


def main() -> int:
    """Run the kinds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--reasons", action="store_true", help="also print why each was refused")
    told = parser.parse_args()
    outcomes = []
    for name in told.kinds or KINDS:
        with tempfile.TemporaryDirectory() as folder, World(Path(folder)) as world:
            outcomes.append(KINDS[name](world))
        print(_row(outcomes[-1]), flush=True)
        for wrong in outcomes[-1].wrong:
            print(f"    WRONG: {wrong}")
        if told.reasons:
            print(json.dumps(outcomes[-1].reasons, indent=1, ensure_ascii=False))
    total = summary(outcomes)
    print(", ".join(f"{total[name]} {name}" for name in COLUMNS[:5]))
    return 1 if total["wrong"] else 0


def _row(outcome: Outcome) -> str:
    values = (outcome.tried, outcome.stored, outcome.refused, outcome.ignored, len(outcome.wrong))
    figures = (*values, round(outcome.seconds, 1), round(outcome.memory_mb))
    pairs = zip(COLUMNS, figures, strict=True)
    return f"{outcome.kind:28}" + "  ".join(f"{name} {value:>5}" for name, value in pairs)


if __name__ == "__main__":
    raise SystemExit(main())
