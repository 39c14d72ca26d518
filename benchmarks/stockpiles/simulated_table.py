"""Accuracy on simulated camp mines: areas, coverage, found piles, false coal. Simulated, not real.

python -m benchmarks.stockpiles.simulated_table [--seeds 2] [--first 500] [--quiet-seeds 1]
"""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np

from aoi.records import ZoneKind
from detection.stockpiles import StockpileParams, measure_stockpiles
from imagery.simulate import simulate_site, unchanged_site
from imagery.simulate.params import CoalParams, SensorParams, SimulationParams

OUT = Path(__file__).with_name("simulated_table.md")
SHORT: dict[str, Any] = {
    "size_px": 120,
    "since": dt.date(2018, 4, 1),
    "until": dt.date(2019, 11, 1),
    "months": (4, 5, 6, 7, 8, 9, 10),
    "sensor": SensorParams(bands=("blue", "green", "red", "nir", "swir16", "swir22")),
}


def layout(seed: int) -> SimulationParams:
    """A small site whose piles, dust and haloes differ from seed to seed; coal from the first date on."""
    coal = CoalParams(
        n_piles=(2, 3, 4, 6)[seed % 4],
        dustiness=(0.1, 0.3, 0.6)[seed % 3],
        halo_fraction=(0.05, 0.15, 0.25)[(seed // 2) % 3],
    )
    return SimulationParams(**SHORT, coal=coal)


def judged(seed: int) -> list[tuple[float, float, float]]:
    """(error, covered, truth) of every date on which the stockyards of one site were seen."""
    simulated = simulate_site(layout(seed), seed=seed)
    result = measure_stockpiles(simulated.cube(), simulated.site, params=StockpileParams(find_piles=False))
    yards = {zone.id for zone in simulated.site.zones_of(ZoneKind.STOCKYARD)}
    out = []
    for area in result.areas:
        if area.area_ha.value is None or area.valid_fraction < 0.9 or area.zone_id not in yards:
            continue
        day = area.datetime.date()
        truth = sum(p.area_ha(day) for p in simulated.truth.piles if p.zone_id == area.zone_id)
        quantity = area.area_ha
        out.append((quantity.value - truth, float(quantity.low <= truth <= quantity.high), truth))
    return out


def false_coal(seed: int) -> float:
    """95th percentile over the dates of the area found on a site without coal, per 25 km², hectares."""
    simulated = simulate_site(unchanged_site(**SHORT), seed=seed)
    cube = simulated.cube()
    site = simulated.site
    result = measure_stockpiles(cube, type(site)(id=site.id, name=site.name, aoi=site.aoi))
    total = dict.fromkeys((p.datetime for p in result.piles), 0.0)
    for pile in result.piles:
        total[pile.datetime] += pile.area_ha.value or 0.0
    values = sorted([*total.values(), *[0.0] * (cube.sizes["time"] - len(total))])
    square_km = cube.sizes["x"] * cube.sizes["y"] / 1e4
    return float(np.quantile(values, 0.95) * 25.0 / square_km)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first", type=int, default=500)
    parser.add_argument("--quiet-seeds", type=int, default=1)
    options = parser.parse_args()
    rows = [
        "| seed | looks | RMSE ha | bias ha | intervals that cover, % | mean truth ha |",
        "|---|---|---|---|---|---|",
    ]
    for seed in range(options.first, options.first + options.seeds):
        error, hit, truth = np.array(judged(seed)).T
        rows.append(
            f"| {seed} | {len(error)} | {np.sqrt(np.mean(error**2)):.3f} | {error.mean():+.3f} "
            f"| {100 * hit.mean():.0f} | {truth.mean():.2f} |"
        )
        print(rows[-1], flush=True)
        OUT.write_text("\n".join(rows) + "\n", encoding="utf-8")
    for seed in range(options.first, options.first + options.quiet_seeds):
        rows.append(
            f"\nFalse coal, seed {seed}: {false_coal(seed):.3f} ha per 25 km² (95th percentile of dates)."
        )
        print(rows[-1], flush=True)
        OUT.write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
