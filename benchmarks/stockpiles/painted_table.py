"""Accuracy on painted dates, judged on seeds that nothing was fitted on; writes the table of the docs.

python -m benchmarks.stockpiles.painted_table --first 230 --seeds 6 --keep FOLDER [--write]
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aoi.pixels import coverage
from benchmarks.manual import kept_in, write_table
from benchmarks.stockpiles.baselines import local_matched_filter, three_endmembers
from benchmarks.stockpiles.painting import Painted, clear_dates, paint, random_piles, romania
from detection.coal.measure import METHOD, StockpileParams, measure_stockpiles

Floats = NDArray[np.float64]
Look = dict[str, Any]
SIZES_HA = ((0.12, 0.2, 0.5, 1.3), (0.15, 0.23, 0.8, 2.0))
"""Largest extents of the piles of a layout, by turns."""
BANDS = ("blue", "green", "red", "nir", "swir16")
SWIR = ("swir16", "nir08")
CLEAR = 0.9
"""Share of a zone that a judged look has seen."""
METHOD_ROW, NO_SWIR_ROW = "this method", "this method without SWIR"
HEAD = (
    "| method or subset | looks | RMSE ha | bias ha | median error ha | 95 % of errors below "
    "| intervals that cover, % |\n|---|---|---|---|---|---|---|"
)


MADE_WITH = ["measure_stockpiles"]


def judged(seed: int, *, without_swir: bool) -> list[Look]:
    """Every judged look of one layout by the baselines and the method."""
    painted = paint(random_piles(seed, sizes=SIZES_HA[seed % 2]), seed=seed, shift_sd_px=0.2)
    out = [*looks_of_baselines(painted), *looks_of_method(painted, METHOD_ROW)]
    if without_swir:
        bands = replace(painted, cube=painted.cube.drop_vars(SWIR))
        out += looks_of_method(bands, NO_SWIR_ROW)
    return out


def looks_of_baselines(painted: Painted) -> Iterator[Look]:
    """Errors of both baselines on the clear dates that saw a zone."""
    cube = painted.cube
    pixels = np.stack([cube[band].values.astype(float) for band in BANDS], axis=-1)
    seen = cube["valid"].values & ~cube["snow"].values
    shares = {z.id: coverage(z.geometry, cube.odc.geobox) for z in painted.site.zones}
    every = np.sum(list(shares.values()), axis=0) > 0
    for zone_id, share in shares.items():
        use = clear_dates(romania()) & ((seen * share).sum(axis=(1, 2)) / share.sum() > CLEAR)
        told = {
            "three endmembers": three_endmembers(pixels, seen, share),
            "local matched filter": local_matched_filter(pixels, seen, share, every),
        }
        for name, pixels_of_coal in told.items():
            for error in (pixels_of_coal * 0.01 - painted.truth_ha[zone_id])[use]:
                yield {"row": name, "error": float(error)}


def looks_of_method(painted: Painted, name: str) -> Iterator[Look]:
    """Errors of the method on the same looks, alone and smoothed, with what they are grouped by."""
    result = measure_stockpiles(painted.cube, painted.site, params=StockpileParams(find_piles=False))
    clear, months = clear_dates(romania()), painted.cube.time.dt.month.values
    for zone_id, truth in painted.truth_ha.items():
        areas = [a for a in result.areas if a.zone_id == zone_id]
        smooth = [p.value for p in result.series if p.subject_id == zone_id]
        for t in np.flatnonzero(clear).tolist():
            group = {"month": int(months[t]), "largest": float(truth.max()), "truth": float(truth[t])}
            for row_name, quantity in ((name, areas[t].area_ha), (f"{name}, smoothed", smooth[t])):
                value, low, high = quantity.value, quantity.low, quantity.high
                if value is None or low is None or high is None or areas[t].valid_fraction < CLEAR:
                    continue
                hit = bool(low <= truth[t] <= high)
                yield group | {"row": row_name, "error": float(value - truth[t]), "covered": hit}


def row(name: str, looks: list[Look]) -> str:
    """One row of the table."""
    error = np.array([look["error"] for look in looks])
    hits = [look["covered"] for look in looks if "covered" in look]
    covered = f"{100 * np.mean(hits):.1f}" if hits else "–"
    return (
        f"| {name} | {len(error)} | {np.sqrt(np.mean(error**2)):.3f} | {error.mean():+.3f} "
        f"| {np.median(np.abs(error)):.3f} | {np.quantile(np.abs(error), 0.95):.3f} | {covered} |"
    )


def table(looks: list[Look]) -> list[str]:
    """By method, then the method's own looks by size and season."""
    groups: dict[str, list[Look]] = defaultdict(list)
    for look in looks:
        groups[look["row"]].append(look)
    own = groups[METHOD_ROW]
    subsets = {
        "largest extent below 0.25 ha": [r for r in own if r["largest"] < 0.25],
        "0.25 to 1 ha": [r for r in own if 0.25 <= r["largest"] < 1],
        "1 ha and more": [r for r in own if r["largest"] >= 1],
        "no coal on the day": [r for r in own if r["truth"] == 0],
        "March to May": [r for r in own if 3 <= r["month"] <= 5],
        "June to August": [r for r in own if 6 <= r["month"] <= 8],
        "September to November": [r for r in own if 9 <= r["month"] <= 11],
    }
    lines = [*HEAD.split("\n"), *(row(name, part) for name, part in groups.items())]
    return lines + [row(f"{METHOD_ROW}: {name}", part) for name, part in subsets.items() if part]


def main() -> None:
    """Measure the seeds that are not kept, then the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--first", type=int, default=230)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    options.keep = kept_in(options.keep, MADE_WITH)
    looks: list[Look] = []
    for number in range(options.seeds):
        path = options.keep / f"painted-{options.first + number}.json"
        if not path.exists():
            made = judged(options.first + number, without_swir=number < options.seeds // 2)
            path.write_text(json.dumps(made), encoding="utf-8")
            print(path.name, flush=True)
        looks += json.loads(path.read_text("utf-8"))
    last = options.first + options.seeds - 1
    told = f"Painted layouts, seeds {options.first} to {last}; clear dates, zones seen to at least 90 %."
    lines = [f"{told} Method {METHOD}.", "", *table(looks)]
    print("\n".join(lines))
    if options.write:
        write_table(
            "stockpiles.md",
            "painted table",
            lines,
            method=MADE_WITH,
            seeds=f"seeds {options.first} to {last}, painted on real imagery",
        )


if __name__ == "__main__":
    main()
