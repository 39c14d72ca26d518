"""Disturbed ground per year on simulated sites beside the truth; prints the table for docs/expansion.md.

    python benchmarks/expansion/footprint_table.py 950 969 | tee table
    python benchmarks/expansion/write_tables.py footprint < table

Arguments: first and last seed. Coefficients and calibration were fitted on seeds 910 to 919.
"""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator

import numpy as np

from detection.footprint import measure_footprints
from imagery.simulate import SensorParams, SimulationParams, simulate_site

PARAMS = SimulationParams(
    size_px=132,
    since=dt.date(2018, 1, 1),
    until=dt.date(2021, 1, 1),
    months=(6, 7, 8, 9),
    sensor=SensorParams(bands=("blue", "green", "red", "nir", "swir16", "swir22")),
)
VARIANTS = {"10 m bands and SWIR": [], "blue, green, red, nir only": ["swir16", "swir22"]}
Outcome = tuple[str, str, float | None, float, bool]


def outcomes(seed: int) -> Iterator[Outcome]:
    """(variant, years since the first, relative error or None, truth, covered) of one site."""
    made = simulate_site(PARAMS, seed=seed)
    for variant, without in VARIANTS.items():
        for found in measure_footprints(made.cube().drop_vars(without), made.site):
            year, area = found.epoch_start.year, found.area_ha
            truth = made.truth.footprint_area_ha(dt.date(year, 8, 1))
            if area.value is None or area.low is None or area.high is None:
                yield variant, str(year - 2018), None, truth, False
                continue
            yield variant, str(year - 2018), area.value / truth - 1, truth, area.low <= truth <= area.high


def main() -> None:
    first, last = int(sys.argv[1]), int(sys.argv[2])
    found = []
    for seed in range(first, last + 1):
        found += outcomes(seed)
        print(seed, file=sys.stderr, flush=True)
    print("| bands | year | assessed | mean error | sd | within 5 % | within 10 % | 95 % interval covers |")
    print("|---|---|---|---|---|---|---|---|")
    for variant in VARIANTS:
        for year in ("0", "1", "2", "all"):
            rows = [row for row in found if row[0] == variant and year in {row[1], "all"}]
            errors = np.array([row[2] for row in rows if row[2] is not None])
            covered = np.array([row[4] for row in rows if row[2] is not None])
            size = np.abs(errors)
            print(
                f"| {variant} | {year if year == 'all' else int(year) + 1} | {len(errors)} of {len(rows)} "
                f"| {errors.mean():+.1%} | {errors.std(ddof=1):.1%} | {(size <= 0.05).mean():.0%} "
                f"| {(size <= 0.1).mean():.0%} | {covered.mean():.0%} |"
            )


if __name__ == "__main__":
    main()
