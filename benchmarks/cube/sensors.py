"""Sentinel-2 beside Landsat on pairs within three days: what is left, as they come and adjusted. Simulated.

    python -m benchmarks.cube.sensors OUT 301 302 303 304     # measures sites, one JSON each
    python -m benchmarks.cube.sensors OUT --write             # the table of all that is kept

The simulator sees one ground through both instruments: Landsat's bands differ from Sentinel-2A's by the line
of HLS v2, and by 1 % more for each material by itself; 2B differs from 2A by 1.1 % in gain. The published
adjustment therefore ought to help, and the residual ought not to vanish.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import numpy as np

from benchmarks.manual import judge_seeds
from imagery.cube.landsat import coarsened
from imagery.radiometry.sensors import PairParams, sensor_residuals
from imagery.simulate import farmed_site, simulate_site

BANDS = ("blue", "green", "red", "nir08", "swir16", "swir22")
SINCE, UNTIL = dt.date(2021, 10, 1), dt.date(2023, 1, 1)


def measured(seed: int) -> dict[str, Any]:
    """Residuals of one site, with the choice of the method and without any adjustment."""
    site = simulate_site(farmed_site(size_px=96, since=SINCE, until=UNTIL), seed=seed)
    fine, landsat = site.cube(), site.landsat_cube()
    sentinel = coarsened(fine[[*BANDS, "valid", "snow"]], landsat.odc.geobox)
    chosen = sensor_residuals(sentinel, landsat, BANDS)
    plain = sensor_residuals(sentinel, landsat, BANDS, params=PairParams(least_pairs=10**6))
    return {
        "seed": seed,
        "chosen": [dataclasses.asdict(one) for one in chosen],
        "plain": [dataclasses.asdict(one) for one in plain],
    }


def table(found: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| band | pairs | median, plain | sd of pairs | median, chosen | sd of pairs | sites adjusted |",
        "|---|---|---|---|---|---|---|",
    ]
    for k, band in enumerate(BANDS):
        plain, chosen = ([site[key][k] for site in found] for key in ("plain", "chosen"))
        means = [
            float(np.mean([one[what] for one in rows]))
            for rows, what in ((plain, "median"), (plain, "spread"), (chosen, "median"), (chosen, "spread"))
        ]
        told = " | ".join(f"{value:+.4f}" if i % 2 == 0 else f"{value:.4f}" for i, value in enumerate(means))
        count, adjusted = sum(one["pairs"] for one in plain), sum(one["corrected"] for one in chosen)
        lines.append(f"| {band} | {count} | {told} | {adjusted} of {len(found)} |")
    return lines


def main() -> None:
    """Measure the seeds that are not in the folder yet; print the table of all, or write it."""
    judge_seeds(
        __doc__,
        measured,
        table,
        page="imagery-cube.md",
        name="sensors",
        method=["sensor_residuals", "simulate_site"],
    )


if __name__ == "__main__":
    main()
