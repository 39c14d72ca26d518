"""False alarms of pair mode on pairs of dates between which nothing notable changed.

    python -m benchmarks.expansion.pair_false_alarms ../shared/data/bolzano-stac | tee table
    python -m benchmarks.manual write expansion.md pair-alarms --method score_pair \
        --seeds "real image pairs" --by "python -m benchmarks.expansion.pair_false_alarms" < table

Clear dates of June 2022 over Bolzano, clouds and shadows by their scene classes left out. Fields are cut and
people build in a month too, so that not every alarm is false.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import rasterio
from scipy.ndimage import binary_dilation

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
    root = Path(sys.argv[1])
    dates = {day: read_date(next(root.rglob(f"S2*_{day}_*"))) for day in DATES}
    print("| pair | seen | " + " | ".join(f"flagged at a stated {rate:.1%}" for rate in RATES) + " |")
    print("|---|---|" + "---|" * len(RATES))
    for one, two in [*pairwise(DATES), (DATES[0], DATES[-1])]:
        shares = []
        for rate in RATES:
            result = score_pair(dates[one], dates[two], params=PairParams(false_alarm_rate=rate))
            seen = np.isfinite(result.score)
            shares.append(f"{result.changed[seen].mean():.2%}")
        print(f"| {one[4:6]}-{one[6:]} to {two[4:6]}-{two[6:]} | {seen.mean():.0%} | {' | '.join(shares)} |")


if __name__ == "__main__":
    main()
