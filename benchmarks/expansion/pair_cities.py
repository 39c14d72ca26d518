"""Pair mode's knobs chosen on two cities and judged on the third, for each city in turn.

    python benchmarks/expansion/pair_cities.py ../shared/data/oscd | tee table
    python benchmarks/expansion/write_tables.py pair-cities < table

Chosen is the setting with the largest mean logarithm of AP over that of the best reference. The grid holds
bands, width of the surroundings, tolerated shift and smoothing after the comparison. The last rows tell how
all settings do: what matters is whether the worst of them still is better than the references.
"""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

import numpy as np
from pair_mode import REFERENCES, auroc, average_precision, read_city

from detection.pair import VISIBLE, PairParams, score_pair

BANDS = {"visible": VISIBLE, "visible and infrared": (*VISIBLE, "nir", "swir16")}
GRID = [
    PairParams(bands=bands, level_px=level, shift_px=shift, smooth_after_px=smooth)
    for bands, level, shift, smooth in product(BANDS.values(), (20.0, 60.0, 120.0), (0, 1), (1.5, 2.0, 3.0))
]


def describe(params: PairParams) -> str:
    bands = next(name for name, bands in BANDS.items() if bands == params.bands)
    return f"{bands}; {params.level_px:g}; {params.shift_px}; {params.smooth_after_px:g}"


def city_results(folder: Path) -> tuple[np.ndarray, tuple[float, float]]:
    """(setting, 2) AP and AUROC of every setting; those of the best reference in each."""
    before, after, label = read_city(folder)
    one, two = (np.stack(list(side.values())) for side in (before, after))
    theirs = [run(one, two) for run in REFERENCES.values()]
    ours = (score_pair(before, after, params=params).score for params in GRID)
    return (
        np.array([(average_precision(score, label), auroc(score, label)) for score in ours]),
        (max(average_precision(s, label) for s in theirs), max(auroc(s, label) for s in theirs)),
    )


def main() -> None:
    root = Path(sys.argv[1])
    cities = sorted(p.name for p in root.iterdir() if p.is_dir())
    results = {city: city_results(root / city) for city in cities}
    ratio = {city: np.log(ours[:, 0] / best[0]) for city, (ours, best) in results.items()}
    print("| judged on | chosen on the others: bands; surroundings, shift, smoothing in px ", end="")
    print("| AP | AUROC | best reference | ratio of AP |\n|---|---|---|---|---|---|")
    for city in cities:
        chosen = int(np.argmax(np.mean([ratio[other] for other in cities if other != city], axis=0)))
        (precision, area), best = results[city][0][chosen], results[city][1]
        print(f"| {city} | {describe(GRID[chosen])} | {precision:.3f} | {area:.3f} ", end="")
        print(f"| {best[0]:.3f}, {best[1]:.3f} | {precision / best[0]:.2f} |")
    print(f"\n| city | ratio of AP, {len(GRID)} settings: least, median, largest ", end="")
    print("| above all references |")
    print("|---|---|---|")
    for city in cities:
        low, middle, high = np.exp(np.quantile(ratio[city], [0, 0.5, 1]))
        print(f"| {city} | {low:.2f}, {middle:.2f}, {high:.2f} | {np.mean(ratio[city] > 0):.0%} |")


if __name__ == "__main__":
    main()
