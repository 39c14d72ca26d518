"""The table of factors on derived errors: fitted on simulated sites of fitting seeds, judged on others.

python -m benchmarks.stockpiles.intervals --keep FOLDER [--write]

First the factor on random errors, from differences of looks of one zone, in which what looks share cancels;
then the least factor on shared errors with which the intervals of single looks hold. Both are quantiles over
whole sites (`detection.coal.intervals.pooled_quantile`). `--write` writes the module of factors.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.manual import ROOT
from benchmarks.stockpiles.layouts import ONLY_ZONES
from benchmarks.stockpiles.rank_table import measured, pairs
from benchmarks.stockpiles.yards import CONDITIONS, FITTED, HEIGHTS_KNOWN, measured_digest, years_path
from detection.coal.intervals import IntervalParams, Stratum, pooled_quantile, stratum_of
from detection.coal.verdicts import Verdict
from evidence.quantity import Quantity, coverage_factor

Floats = NDArray[np.float64]
TARGET = ROOT / "detection" / "coal" / "intervals.py"
TABLE = re.compile(r'VERSION = ".*?"\n(""".*?"""\n)FACTORS: (.*?) = \(\n.*?\n\)\n', re.DOTALL)
"""Where the module keeps the table."""
LEVEL = 0.95
BARE = replace(ONLY_ZONES, interval=IntervalParams(version="none", factors=()))
FLAT, FLAT_SEEDS = ("flat .05", ".045-.055"), (540, 562)
"""Conditions with flat coal, and the seeds that have them by turns."""
LIGNITE_SEEDS = range(510, 600)
"""Seeds whose yards hold lignite as well: coal of little contrast."""
MORE = (
    ("judged", 558), ("any of three ranks", 559), ("wet", 559), ("winter", 560), ("undusted", 561),
    ("wet", 561), ("flat .05", 514), ("flat .05", 516), ("flat .05", 522), (".045-.055", 525),
    (".045-.055", 531),
)  # fmt: skip
"""Layouts of the same seeds under other conditions."""
LEFT_OUT = ("half-coal yard", HEIGHTS_KNOWN)
"""Conditions whose zones have no figure, and one that repeats another."""
COAL = (Stratum.FLAT, Stratum.COAL)
COAL_LIKE = {Verdict.COAL_CHANGING, Verdict.COAL_UNCHANGED}
FEWEST_SITES = 19
"""With fewer no quantile at this level is finite: n/(n + 1) must reach it. Derived."""


def sites() -> list[tuple[str, int]]:
    """(condition, seed) in turn, then more with flat coal, a stratum of its own, and lignite."""
    conditions = [name for name in CONDITIONS if name not in LEFT_OUT]
    turns = [
        (FLAT[seed % 2] if seed in range(*FLAT_SEEDS) else conditions[number % len(conditions)], seed)
        for number, seed in enumerate(FITTED)
    ]
    lignite = [("lignite", seed) for seed in LIGNITE_SEEDS if ("lignite", seed) not in turns]
    return [*turns, *MORE, *lignite]


def stratum(row: Mapping[str, Any]) -> Stratum:
    """The stratum of a row of the rank table."""
    value, low, high = row["dark"]
    area = Quantity.interval(value, low, high, shared=row["shared"])
    family = row["family"] if row["verdict"] in COAL_LIKE else None
    return stratum_of(area, family=family, has_swir=row["swir"])


def least(holds: Callable[[float], bool]) -> float:
    """Least factor up to 20 with which something holds, by bisection."""
    low, high = 0.0, 20.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def factors(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, float, float]]:
    """(stratum, factor on random errors, factor on shared errors), of looks that have a figure.

    Strata of few sites take pooled factors.
    """
    told = [row for row in rows if row["dark"][0] is not None and row["area"][0] is not None]
    kinds = {kind: [row for row in told if stratum(row) is kind] for kind in Stratum}
    pooled = _of_stratum([row for kind in COAL for row in kinds[kind]])
    out = []
    for kind, own in kinds.items():
        if kind is Stratum.NOTHING:
            like = [row for row in own if row["verdict"] in COAL_LIKE]
            ends = np.array([row["dark"][2] for row in like])
            short = np.array([row["truth"] for row in like]) / ends if like else ends
            end = pooled_quantile(short, [row["seed"] for row in like], LEVEL) if like else np.inf
            out.append((str(kind), end if np.isfinite(end) else 1.0, 1.0))
            continue
        enough = len({row["seed"] for row in own}) >= FEWEST_SITES
        random, shared = _of_stratum(own) if enough else pooled
        out.append((str(kind), random, shared))
    return out


def _of_stratum(own: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Factors on random and on shared errors."""
    z, sites = coverage_factor(LEVEL), [row["seed"] for row in own]
    apart = pairs(own)
    scores = np.array([abs(one["error"]) / one["half"] for one in apart])
    random = pooled_quantile(scores, [one["seed"] for one in apart], LEVEL)
    error = np.abs([row["dark"][0] - row["truth"] for row in own])
    own_sd = random * np.array([row["sd_random"] for row in own])
    shared_sd = np.array([np.linalg.norm(list(row["shared"].values())) for row in own])

    def holds(factor: float) -> bool:
        return pooled_quantile(error / (z * np.hypot(own_sd, factor * shared_sd)), sites, LEVEL) <= 1.0

    return random, least(holds)


def module(source: str, table: Sequence[tuple[str, float, float]], seeds: Sequence[int]) -> str:
    """Source of `detection.coal.intervals` with another table.

    Raises:
        ValueError: where it has no table.
    """
    lines = "\n".join(f'    ("{name}", {random:.3f}, {shared:.3f}),' for name, random, shared in table)
    version = f"{measured_digest()}; {len(seeds)} seeds from {seeds[0]} to {seeds[-1]}"
    new, count = TABLE.subn(
        lambda found: f'VERSION = "{version}"\n{found[1]}FACTORS: {found[2]} = (\n{lines}\n)\n', source
    )
    if count != 1:
        message = "detection.coal.intervals has no single table of factors"
        raise ValueError(message)
    return new


def main() -> None:
    """Fit, print, and write the module."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--kept", action="store_true", help="only sites that the folder has")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    rows = [
        row
        for condition, seed in sites()
        if not options.kept or years_path(f"{condition}-{seed}", options.keep).exists()
        for row in measured([condition], [seed], options.keep, BARE)
    ]
    table = factors(rows)
    for kind, random, shared in table:
        count = len({row["seed"] for row in rows if row["dark"][0] is not None and stratum(row) == kind})
        print(f"{kind:12} {random:.3f} {shared:.3f}   {count} sites")
    if options.write:
        TARGET.write_text(
            module(TARGET.read_text("utf-8"), table, sorted({row["seed"] for row in rows})), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
