"""Accuracy on simulated camp mines: areas, coverage, found piles, false coal. Simulated, not real.

python -m benchmarks.stockpiles.simulated_table --seeds 603 608 --keep FOLDER  # measure, some seeds at a time
python -m benchmarks.stockpiles.simulated_table --quiet 720 725 --keep FOLDER  # sites without coal
python -m benchmarks.stockpiles.simulated_table --write --keep FOLDER  # the tables of the docs
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.manual import write_between
from detection.stockpiles import StockpileParams, StockpileResult, measure_stockpiles
from imagery.simulate import SimulatedSite, simulate_site, unchanged_site
from imagery.simulate.params import CoalParams, SensorParams, SimulationParams

Bools = NDArray[np.bool_]
CLEAR = 0.9
"""Share of a zone that a judged look has seen."""
BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
RESIDUALS_PX = (0.06, 0.15, 0.3)
"""Registration error per axis that the cube keeps, by seed."""
SHORT: dict[str, Any] = {
    "size_px": 120,
    "since": dt.date(2018, 4, 1),
    "until": dt.date(2019, 11, 1),
    "months": (4, 5, 6, 7, 8, 9, 10),
}
QUIET = SHORT | {"size_px": 252, "until": dt.date(2019, 6, 1), "sensor": SensorParams(bands=BANDS)}
BARELY_HA = 0.25
"""Area from which a pile must be noticed."""


def layout(seed: int) -> SimulationParams:
    """A small site whose piles, dust, haloes and registration differ from seed to seed."""
    coal = CoalParams(
        n_piles=(2, 3, 4, 6)[seed % 4],
        dustiness=(0.1, 0.3, 0.6)[seed % 3],
        halo_fraction=(0.05, 0.15, 0.25)[(seed // 2) % 3],
    )
    sensor = SensorParams(bands=BANDS, residual_shift_px=RESIDUALS_PX[(seed // 3) % 3])
    return SimulationParams(**SHORT, coal=coal, sensor=sensor)


def judged(seed: int) -> list[dict[str, Any]]:
    """Every judged look of one site, with and without SWIR, and the looks until each new pile was noticed."""
    simulated = simulate_site(layout(seed), seed=seed)
    cube, only_zones = simulated.cube(), StockpileParams(find_piles=False)
    rows: list[dict[str, Any]] = []
    for name, used in (("all bands", cube), ("without SWIR", cube.drop_vars(["swir16", "swir22"]))):
        result = measure_stockpiles(used, simulated.site, params=only_zones)
        common = {"seed": seed, "bands": name, "registration_px": RESIDUALS_PX[(seed // 3) % 3]}
        rows += [common | row for row in looks(simulated, result)]
    return rows


def looks(simulated: SimulatedSite, result: StockpileResult) -> Iterator[dict[str, Any]]:
    """Error and coverage of every look that saw the zone, alone and smoothed."""
    smooth = {(point.subject_id, point.datetime): point.value for point in result.series}
    for area in result.areas:
        single, level = area.area_ha, smooth[area.zone_id, area.datetime]
        if area.valid_fraction < CLEAR or single.value is None or level.value is None:
            continue
        truth = zone_truth(simulated, area.zone_id, area.datetime.date())
        yield {
            "month": area.datetime.month,
            "truth": truth,
            "error": single.value - truth,
            "covered": bool(single.low <= truth <= single.high),  # type: ignore[operator] # there is a value
            "smooth_error": level.value - truth,
            "smooth_covered": bool(level.low <= truth <= level.high),  # type: ignore[operator] # as above
        }


def zone_truth(simulated: SimulatedSite, zone_id: str, day: dt.date) -> float:
    """Hectares of coal in a zone."""
    return float(sum(p.area_ha(day) for p in simulated.truth.piles if p.zone_id == zone_id))


def quiet(seed: int) -> dict[str, Any]:
    """95th percentiles over the dates of a site without coal: found anywhere per 25 km², and in the yard."""
    simulated = simulate_site(unchanged_site(**QUIET), seed=seed)
    cube = simulated.cube()
    found = measure_stockpiles(cube, replace(simulated.site, zones=()))
    yard = measure_stockpiles(cube, simulated.site, params=StockpileParams(find_piles=False))
    total = dict.fromkeys(cube["time"].values.astype("datetime64[us]").tolist(), 0.0)
    for pile in found.piles:
        total[pile.datetime.replace(tzinfo=None)] += pile.area_ha.value or 0.0
    scale = 25.0 / (cube.sizes["x"] * cube.sizes["y"] / 1e4)
    values = [area.area_ha.value for area in yard.areas if area.area_ha.value is not None]
    return {
        "seed": seed,
        "dates": len(total),
        "found": float(np.quantile(list(total.values()), 0.95)) * scale,
        "yard": float(np.quantile(values, 0.95)) if values else float("nan"),
    }


def row(name: str, part: list[dict[str, Any]], prefix: str = "") -> str:
    """One row of the table."""
    error = np.array([look[f"{prefix}error"] for look in part])
    hit = np.mean([look[f"{prefix}covered"] for look in part])
    truth = np.mean([look["truth"] for look in part])
    return (
        f"| {name} | {len(error)} | {np.sqrt(np.mean(error**2)):.3f} | {error.mean():+.3f} "
        f"| {100 * hit:.1f} | {truth:.2f} |"
    )


def table(rows: list[dict[str, Any]]) -> list[str]:
    """By bands, size, season and registration error, then by seed."""
    lines = [
        "| looks | number | RMSE ha | bias ha | intervals that cover, % | mean truth ha |",
        "|---|---|---|---|---|---|",
    ]
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for look in rows:
        groups[look["bands"]].append(look)
    for name, part in groups.items():
        lines += [row(f"{name}, single dates", part), row(f"{name}, smoothed", part, "smooth_")]
    part = groups["all bands"]
    subsets = {
        "under 0.25 ha of coal": [r for r in part if r["truth"] < BARELY_HA],
        "0.25 to 1 ha": [r for r in part if BARELY_HA <= r["truth"] < 1.0],
        "1 ha and more": [r for r in part if r["truth"] >= 1.0],
        "April and May": [r for r in part if r["month"] < 6],
        "June to August": [r for r in part if 6 <= r["month"] < 9],
        "September and October": [r for r in part if r["month"] >= 9],
    }
    subsets |= {
        f"registration error {px} px": [r for r in part if r["registration_px"] == px] for px in RESIDUALS_PX
    }
    seeds = sorted({r["seed"] for r in part})
    subsets |= {f"seed {seed}": [r for r in part if r["seed"] == seed] for seed in seeds}
    return lines + [row(name, chosen) for name, chosen in subsets.items() if chosen]


def quiet_table(sites: list[dict[str, Any]]) -> list[str]:
    """False coal by site."""
    lines = [
        "| site without coal | dates | found, ha per 25 km² (95th percentile) | in the yard, ha (95th) |",
        "|---|---|---|---|",
    ]
    return lines + [
        f"| seed {s['seed']} | {s['dates']} | {s['found']:.3f} | {s['yard']:.3f} |" for s in sites
    ]


def main() -> None:
    """Measure a few seeds, or write what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, nargs=2, default=(0, 0), metavar=("FIRST", "AFTER"))
    parser.add_argument("--quiet", type=int, nargs=2, default=(0, 0), metavar=("FIRST", "AFTER"))
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    for seed in range(*options.seeds):
        found = judged(seed)
        (options.keep / f"judged-{seed}.json").write_text(json.dumps(found), encoding="utf-8")
        print(row(str(seed), [look for look in found if look["bands"] == "all bands"]), flush=True)
    for seed in range(*options.quiet):
        told = quiet(seed)
        (options.keep / f"quiet-{seed}.json").write_text(json.dumps(told), encoding="utf-8")
        print(told, flush=True)
    if options.write:
        read = [json.loads(path.read_text("utf-8")) for path in sorted(options.keep.glob("judged-*.json"))]
        write_between("stockpiles.md", "simulated table", table([look for part in read for look in part]))
        quiet_sites = [json.loads(p.read_text("utf-8")) for p in sorted(options.keep.glob("quiet-*.json"))]
        write_between("stockpiles.md", "false coal table", quiet_table(quiet_sites))


if __name__ == "__main__":
    main()
