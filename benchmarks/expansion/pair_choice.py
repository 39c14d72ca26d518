"""Pair mode with one knob turned at a time, and chosen on two cities for the third.

    python -m benchmarks.expansion.pair_choice ../shared/data/oscd [--write]

Each figure is average precision over that of the best of the three references on the same city. A variant is
chosen for its geometric mean over two cities and judged on the one that it was not chosen on.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.expansion.pair_mode import REFERENCES, average_precision, read_city
from benchmarks.manual import write_table
from detection.pairs.score import PairParams, score_pair

VARIANTS: dict[str, PairParams] = {
    "as shipped": PairParams(),
    "regression of degree 2": PairParams(degree=2),
    "each band's gain and offset only": PairParams(degree=0),
    "no shift tolerated": PairParams(shift_px=0),
    "smoothed by 0.5 px before": PairParams(smooth_before_px=0.5),
    "smoothed by 1 px before": PairParams(smooth_before_px=1.0),
    "smoothed by 1.5 px after": PairParams(smooth_after_px=1.5),
    "smoothed by 2.5 px after": PairParams(smooth_after_px=2.5),
    "surroundings of 30 px": PairParams(level_px=30.0),
    "surroundings not taken out": PairParams(level_px=math.inf),
}
Ratios = Mapping[str, Mapping[str, float]]
"""By variant and city."""


def ratios(root: Path, cities: list[str]) -> Ratios:
    """Average precision of every variant over the best reference's."""
    found: dict[str, dict[str, float]] = {name: {} for name in VARIANTS}
    for city in cities:
        before, after, label = read_city(root / city)
        one, two = (np.stack(list(side.values())) for side in (before, after))
        best = max(average_precision(run(one, two), label) for run in REFERENCES.values())
        for name, params in VARIANTS.items():
            score = score_pair(before, after, params=params).score
            found[name][city] = average_precision(score, label) / best
    return found


def chosen_without(found: Ratios, city: str) -> str:
    """The variant that is best on all cities but this one."""
    return max(found, key=lambda name: sum(math.log(r) for c, r in found[name].items() if c != city))


def table(found: Ratios, cities: list[str]) -> list[str]:
    lines = [f"| variant | {' | '.join(cities)} | geometric mean |", "|---" * (len(cities) + 2) + "|"]
    for name, by_city in found.items():
        cells = " | ".join(f"{by_city[city]:.2f}" for city in cities)
        mean = math.exp(sum(math.log(ratio) for ratio in by_city.values()) / len(cities))
        lines.append(f"| {name} | {cells} | {mean:.2f} |")
    lines += ["", "| judged on | chosen on the others | ratio there |", "|---|---|---|"]
    for city in cities:
        name = chosen_without(found, city)
        lines.append(f"| {city} | {name} | {found[name][city]:.2f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("oscd", type=Path, help="folder with one folder per city")
    parser.add_argument("--write", action="store_true", help="write the table into docs/expansion.md")
    chosen = parser.parse_args()
    cities = sorted(p.name for p in chosen.oscd.iterdir() if p.is_dir())
    lines = table(ratios(chosen.oscd, cities), cities)
    print("\n".join(lines))
    if chosen.write:
        write_table("expansion.md", "pair-choice", lines, method=["score_pair"], seeds="real image pairs")


if __name__ == "__main__":
    main()
