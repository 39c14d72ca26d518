"""How the benchmarks of this room are run from the command line, and where their outcomes are kept."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

Outcomes = list[dict[str, Any]]


def described(doc: str | None) -> argparse.ArgumentParser:
    """A parser whose help is the module's own description, line by line."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def keep(out: Path, seed: int, outcome: Mapping[str, Any]) -> None:
    """Keep what came of a seed."""
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{seed}.json").write_text(json.dumps(outcome, indent=1), "utf-8")


def read(out: Path) -> Outcomes:
    """What came of every seed that was measured."""
    return [json.loads(path.read_text("utf-8")) for path in sorted(out.glob("*.json"))]


def percent(part: list[bool]) -> str:
    return f"{100 * sum(part) / len(part):.0f}% of {len(part)}" if part else "–"


def number(values: list[float]) -> str:
    return f"{np.median(values):.0f} d" if values else "–"
