"""Knobs of pair mode chosen on two cities of OSCD and judged on the third.

    python benchmarks/expansion/pair_choice.py ../shared/data/oscd | tee table
    python benchmarks/expansion/write_tables.py pair-choice < table

Per city and setting: AP as it is and under haze, geometric mean; each knob is varied alone about what is
shipped. A setting is chosen by its geometric mean over the other two cities.
"""

from __future__ import annotations

import math
import sys
from itertools import product
from pathlib import Path

from pair_mode import average_precision, read_city
from pair_perturbed import Case, hazy

from detection.pair import PairParams, score_pair

LEVEL, BEFORE, AFTER = (math.inf, 60.0, 30.0), (0.5, 0.7, 1.0), (1.5, 2.0, 3.0)
GRID = [
    setting
    for setting in product(LEVEL, BEFORE, AFTER)
    if sum(a == b for a, b in zip(setting, (60.0, 0.7, 2.0), strict=True)) >= 2
]
Setting = tuple[float, float, float]


def merit(cases: list[Case], setting: Setting) -> float:
    """Mean logarithm of AP."""
    level, before, after = setting
    params = PairParams(level_px=level, smooth_before_px=before, smooth_after_px=after)
    found = [average_precision(score_pair(a, b, params=params).score, label) for a, b, label in cases]
    return sum(math.log(ap) for ap in found) / len(found)


def main() -> None:
    root = Path(sys.argv[1])
    merits: dict[str, dict[Setting, float]] = {}
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        city = read_city(folder)
        cases = [city, hazy(*city)]
        merits[folder.name] = {setting: merit(cases, setting) for setting in GRID}
        print(folder.name, file=sys.stderr, flush=True)
    defaults = PairParams()
    usual = (defaults.level_px, defaults.smooth_before_px, defaults.smooth_after_px)
    print("| judged on | chosen on the others: level, before, after (px) | AP | shipped | best of the grid |")
    print("|---|---|---|---|---|")
    for city, mine in merits.items():
        others = [found for name, found in merits.items() if name != city]
        chosen = max(GRID, key=lambda setting: sum(found[setting] for found in others))
        numbers = " | ".join(f"{math.exp(v):.3f}" for v in (mine[chosen], mine[usual], max(mine.values())))
        print(f"| {city} | {', '.join(f'{v:g}' for v in chosen)} | {numbers} |")


if __name__ == "__main__":
    main()
