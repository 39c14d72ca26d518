"""False alarms of pair mode on pairs of dates between which nothing notable changed.

    python -m benchmarks.expansion.pair_false_alarms ../shared/data/bolzano-stac [--write]

Clear dates of June 2022 over Bolzano, clouds and shadows by their scene classes left out. Fields are cut and
people build in a month too, so that not every alarm is false.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
import rasterio
from scipy.ndimage import binary_dilation

from benchmarks.manual import write_table
from detection.pairs.score import PairParams, score_pair

BANDS = {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir"}
DATES = ("20220610", "20220612", "20220615", "20220620", "20220625", "20220627", "20220630")
CLOUDY = (3, 8, 9, 10)
"""Scene classes: cloud shadow, cloud, cirrus."""
RATES = (0.05, 0.01, 0.005)


def read_date(folder: Path) -> dict[str, np.ndarray]:
    bands = {}
    for name, band in BANDS.items():
        with rasterio.open(folder / f"{name}.tif") as source:
            bands[band] = source.read(1).astype(np.float64) / 1e4
    with rasterio.open(folder / "SCL.tif") as source:
        classes = source.read(1, out_shape=bands["blue"].shape)
    cloudy = binary_dilation(np.isin(classes, CLOUDY), iterations=8)
    return {band: np.where(cloudy | (values <= 0), np.nan, values) for band, values in bands.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bolzano", type=Path, help="folder of the static catalogue")
    parser.add_argument("--write", action="store_true", help="write the table into docs/expansion.md")
    chosen = parser.parse_args()
    dates = {day: read_date(next(chosen.bolzano.rglob(f"S2*_{day}_*"))) for day in DATES}
    lines = ["| pair | seen | " + " | ".join(f"flagged at a stated {rate:.1%}" for rate in RATES) + " |"]
    lines.append("|---|---|" + "---|" * len(RATES))
    for one, two in [*pairwise(DATES), (DATES[0], DATES[-1])]:
        shares = []
        for rate in RATES:
            result = score_pair(dates[one], dates[two], params=PairParams(false_alarm_rate=rate))
            seen = np.isfinite(result.score)
            shares.append(f"{result.changed[seen].mean():.2%}")
        days = f"{one[4:6]}-{one[6:]} to {two[4:6]}-{two[6:]}"
        lines.append(f"| {days} | {seen.mean():.0%} | {' | '.join(shares)} |")
    print("\n".join(lines))
    if chosen.write:
        write_table("expansion.md", "pair-alarms", lines, method=["score_pair"], seeds="real image pairs")


if __name__ == "__main__":
    main()
