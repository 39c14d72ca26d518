"""Accuracy on simulated camp mines: areas, coverage, found piles, false coal. Simulated, not real.

python -m benchmarks.stockpiles.simulated_table [--seeds 4] [--first 600] [--quiet-seeds 0]
"""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.stockpiles import StockpileParams, measure_stockpiles
from evidence.quantity import Quantity
from imagery.simulate import SimulatedSite, simulate_site, unchanged_site
from imagery.simulate.params import CoalParams, SensorParams, SimulationParams

Floats = NDArray[np.float64]
DOCS = Path(__file__).parents[2] / "docs" / "stockpiles.md"
MARKS = ("<!-- simulated table -->", "<!-- end of simulated table -->")
CLEAR = 0.9
"""Share of a zone that a judged look has seen."""
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


def judged(seed: int) -> tuple[Floats, Floats]:
    """(error, covered, truth) of every date on which the stockyards of one site were seen; and smoothed."""
    simulated = simulate_site(layout(seed), seed=seed)
    result = measure_stockpiles(simulated.cube(), simulated.site, params=StockpileParams(find_piles=False))
    rows = [(a.zone_id, a.datetime, a.area_ha) for a in result.areas if a.valid_fraction >= CLEAR]
    looked = {(zone, when) for zone, when, quantity in rows if quantity.value is not None}
    smooth = [(p.subject_id, p.datetime, p.value) for p in result.series]
    return compared(simulated, rows), compared(simulated, [row for row in smooth if row[:2] in looked])


def compared(simulated: SimulatedSite, rows: list[tuple[str, dt.datetime, Quantity]]) -> Floats:
    """(error, covered, truth) of rows that have a value."""
    out = []
    for zone, when, quantity in rows:
        if quantity.value is None or quantity.low is None or quantity.high is None:
            continue
        truth = sum(p.area_ha(when.date()) for p in simulated.truth.piles if p.zone_id == zone)
        out.append((quantity.value - truth, float(quantity.low <= truth <= quantity.high), truth))
    return np.array(out, dtype=np.float64).reshape(-1, 3)


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


def false_in_yard(seed: int) -> float:
    """95th percentile of the area measured in the stockyard of a site without coal, hectares."""
    simulated = simulate_site(unchanged_site(**SHORT), seed=seed)
    result = measure_stockpiles(simulated.cube(), simulated.site, params=StockpileParams(find_piles=False))
    values = [a.area_ha.value for a in result.areas if a.area_ha.value is not None]
    return float(np.quantile(values, 0.95))


def row(name: str, found: Floats) -> str:
    """One row of the table."""
    error, hit, truth = found.T
    return (
        f"| {name} | {len(error)} | {np.sqrt(np.mean(error**2)):.3f} | {error.mean():+.3f} "
        f"| {100 * hit.mean():.0f} | {truth.mean():.2f} |"
    )


def write(rows: list[str]) -> None:
    """Into the table's file and between the marks in the docs."""
    text = "\n".join(rows) + "\n"
    OUT.write_text(text, encoding="utf-8")
    before, rest = DOCS.read_text(encoding="utf-8").split(MARKS[0])
    DOCS.write_text(before + MARKS[0] + "\n" + text + MARKS[1] + rest.split(MARKS[1])[1], encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--first", type=int, default=600)
    parser.add_argument("--quiet-seeds", type=int, default=0)
    options = parser.parse_args()
    for seed in range(options.first, options.first + options.quiet_seeds):
        print(f"False coal, seed {seed}: {false_coal(seed):.3f} ha per 25 km² (95th percentile)", flush=True)
        print(
            f"False coal in the yard, seed {seed}: {false_in_yard(seed):.3f} ha (95th percentile)", flush=True
        )
    rows = [
        "| simulated seed | looks | RMSE ha | bias ha | intervals that cover, % | mean truth ha |",
        "|---|---|---|---|---|---|",
    ]
    single: list[Floats] = []
    smooth: list[Floats] = []
    for seed in range(options.first, options.first + options.seeds):
        one, smoothed = judged(seed)
        single.append(one)
        smooth.append(smoothed)
        rows.append(row(str(seed), one))
        print(rows[-1], flush=True)
        totals = [
            row(f"all {len(single)} seeds", np.concatenate(single)),
            row("all, smoothed", np.concatenate(smooth)),
        ]
        write([*rows, *totals])


if __name__ == "__main__":
    main()
