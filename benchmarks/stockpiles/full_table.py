"""Zones that are full of coal from edge to edge, by size: area and coverage. Simulated, not real.

python -m benchmarks.stockpiles.full_table --seeds 814 817 --keep FOLDER [--write]
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import binary_dilation

from aoi.records import ZoneKind
from benchmarks.manual import write_between
from benchmarks.stockpiles.simulated_table import BANDS, CLEAR, PAGE, kept
from detection.coal.area_records import area_quantity
from detection.coal.coverage import coverage
from detection.coal.site_blocks import bands_of
from detection.coal.spectra import prior_spectrum
from detection.coal.stockpile_records import StockpileParams, Subject
from detection.coal.subjects import measure_subjects
from detection.stockpiles import METHOD
from imagery.simulate import simulate_site
from imagery.simulate.params import CoalParams, MineParams, PilePlan, SensorParams, SimulationParams

Row = dict[str, Any]
SIZES_HA = (2.0, 4.0, 6.0, 9.0)
SINCE, UNTIL, CAME = dt.date(2018, 5, 1), dt.date(2019, 11, 1), dt.date(2019, 6, 20)
KINDS = {"always there": SINCE, "came in the second summer": CAME}


def judged(seed: int) -> list[Row]:
    """Every clear look at zones drawn one pixel around one pile, by size and history."""
    return [row for size in SIZES_HA for kind in KINDS for row in looks(seed, size, kind)]


def looks(seed: int, size: float, kind: str) -> list[Row]:
    """One zone's."""
    params = SimulationParams(
        size_px=132,
        since=SINCE,
        until=UNTIL,
        months=(5, 6, 7, 8, 9, 10),
        coal=CoalParams(plans=(PilePlan(areas=((KINDS[kind], size),)),)),
        mine=MineParams(active=False),
        sensor=SensorParams(bands=BANDS),
    )
    simulated, knobs, coal = simulate_site(params, seed=seed), StockpileParams(), prior_spectrum()
    cube, pile = simulated.cube(), simulated.truth.piles[0]
    outline = simulated.truth.pile_outline(pile.pile_id, UNTIL)
    if outline is None:
        return []
    share = binary_dilation(coverage(outline, cube.odc.geobox) > 0.5).astype(np.float64)
    zone = Subject(id=str(ZoneKind.STOCKYARD), share=share, found=False)
    out = []
    for one in measure_subjects(cube, [zone], coal=coal, bands=bands_of(cube), params=knobs):
        for t in np.flatnonzero(one.series.seen_share >= CLEAR).tolist():
            area = area_quantity(one, t, hectares=0.01, site_id=simulated.site.id, coal=coal, params=knobs)
            if area.value is None or area.low is None or area.high is None:
                continue
            truth = pile.area_ha(cube["time"].values[t].astype("datetime64[D]").item())
            held = bool(area.low <= truth <= area.high)
            row = {"seed": seed, "size": size, "kind": kind, "truth": truth}
            out.append(row | {"error": area.value - truth, "held": held})
    return out


def table(rows: list[Row]) -> list[str]:
    """By size and history."""
    heads = ("zone full of coal, ha", "its coal", "looks", "RMSE ha", "bias ha", "largest error ha")
    lines = [f"| {' | '.join(heads)} | intervals that cover, % |", "|---" * (len(heads) + 1) + "|"]
    for size in SIZES_HA:
        for kind in KINDS:
            part = [row for row in rows if row["size"] == size and row["kind"] == kind]
            error = np.array([row["error"] for row in part])
            held = 100.0 * np.mean([row["held"] for row in part])
            lines.append(
                f"| {size} | {kind} | {len(part)} | {np.sqrt(np.mean(error**2)):.2f} | {error.mean():+.2f} "
                f"| {np.abs(error).max():.2f} | {held:.0f} |"
            )
    return lines


def main() -> None:
    """Measure the seeds that are not kept, then the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs=2, required=True, metavar=("FIRST", "AFTER"))
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    for seed in range(*options.seeds):
        path = options.keep / f"full-{seed}.json"
        if not path.exists():
            path.write_text(json.dumps(judged(seed)), encoding="utf-8")
            print(path.name, flush=True)
    rows = [row for part in kept(options.keep, "full") for row in part]
    seeds = sorted({row["seed"] for row in rows})
    lines = [f"Simulated, seeds {seeds[0]} to {seeds[-1]}. Method {METHOD}.", "", *table(rows)]
    print("\n".join(lines))
    if options.write:
        write_between(PAGE, "full table", lines)


if __name__ == "__main__":
    main()
