"""Disturbed ground per year on simulated sites beside the truth; prints the table for docs/expansion.md.

    python -m benchmarks.expansion.footprint_table 970 989 [outcomes.jsonl] | tee table
    python -m benchmarks.manual expansion.md footprint < table

Arguments: first and last seed, and a file that keeps outcomes: seeds in it are not measured again. Everything
that was fitted was fitted on seeds 910 to 919 and 950 to 969.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.expansion.arguments import described
from detection.footprint import measure_footprints
from imagery.simulate import SensorParams, SimulationParams, simulate_site

PARAMS = SimulationParams(
    size_px=132,
    since=dt.date(2018, 1, 1),
    until=dt.date(2021, 1, 1),
    months=(6, 7, 8, 9),
    sensor=SensorParams(bands=("blue", "green", "red", "nir")),
)
VARIANTS: dict[str, list[str]] = {"green, red, near infrared": [], "red, near infrared": ["green"]}
Outcome = tuple[int, str, int, float | None, float | None, float | None, float]
"""Seed, variant, year, hectares with low and high end (None where not assessable), truth."""


def outcomes(seed: int) -> Iterator[Outcome]:
    made = simulate_site(PARAMS, seed=seed)
    cube = made.cube()
    for variant, without in VARIANTS.items():
        for found in measure_footprints(cube.drop_vars(without), made.site):
            year, area = found.epoch_start.year, found.area_ha
            truth = made.truth.footprint_area_ha(dt.date(year, 8, 1))
            yield seed, variant, year, area.value, area.low, area.high, truth


def kept(path: Path | None) -> list[Outcome]:
    if path is None or not path.exists():
        return []
    return [tuple(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def gathered(seeds: range, path: Path | None) -> list[Outcome]:
    found = [one for one in kept(path) if one[0] in seeds]
    for seed in sorted(set(seeds) - {one[0] for one in found}):
        new = list(outcomes(seed))
        found += new
        if path is not None:
            with path.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(one) + "\n" for one in new)
        print(seed, file=sys.stderr, flush=True)
    return found


def row(name: str, year: str, rows: list[Outcome]) -> str:
    seen = np.array([one[3:] for one in rows if one[3] is not None], np.float64)
    value, low, high, truth = seen.T
    errors, covered = value / truth - 1, (low <= truth) & (truth <= high)
    size, half = np.abs(errors), np.median((high - low) / 2 / truth)
    return (
        f"| {name} | {year} | {len(errors)} of {len(rows)} | {errors.mean():+.1%} | {errors.std(ddof=1):.1%} "
        f"| {(size <= 0.05).mean():.0%} | {(size <= 0.1).mean():.0%} | ± {half:.1%} | {covered.mean():.0%} |"
    )


def main() -> None:
    parser = described(__doc__)
    parser.add_argument("first", type=int, help="first seed")
    parser.add_argument("last", type=int, help="last seed")
    parser.add_argument(
        "outcomes", type=Path, nargs="?", help="keeps outcomes: seeds in it are not run again"
    )
    chosen = parser.parse_args()
    found = gathered(range(chosen.first, chosen.last + 1), chosen.outcomes)
    print("| bands | year | assessed | mean error | sd | within 5 % | within 10 % | 95 % interval | covers |")
    print("|---|---|---|---|---|---|---|---|---|")
    for variant in VARIANTS:
        mine = [one for one in found if one[1] == variant]
        for year in sorted({one[2] for one in mine}):
            print(row(variant, str(year - PARAMS.since.year + 1), [one for one in mine if one[2] == year]))
        print(row(variant, "all", mine))


if __name__ == "__main__":
    main()
