"""Accuracy on painted dates, judged on seeds that nothing was fitted on; writes the table of the docs.

python -m benchmarks.stockpiles.painted_table [--seeds 6] [--first 200]
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.manual import write_between
from benchmarks.stockpiles.baselines import local_matched_filter, three_endmembers
from benchmarks.stockpiles.painting import Painted, clear_dates, paint, random_piles, romania
from detection.coal.coverage import coverage
from detection.stockpiles import StockpileParams, measure_stockpiles

Floats = NDArray[np.float64]
SIZES_HA = ((0.12, 0.2, 0.5, 1.3), (0.15, 0.23, 0.8, 2.0))
"""Largest extents of the piles of a layout, by turns."""
BANDS = ("blue", "green", "red", "nir", "swir16")


def errors_of_baselines(painted: Painted, into: dict[str, list[Floats]]) -> None:
    cube = painted.cube
    pixels = np.stack([cube[band].values.astype(float) for band in BANDS], axis=-1)
    seen = cube["valid"].values & ~cube["snow"].values
    shares = {z.id: coverage(z.geometry, cube.odc.geobox) for z in painted.site.zones}
    every = np.sum(list(shares.values()), axis=0) > 0
    clear = clear_dates(romania())
    for zone_id, share in shares.items():
        use = clear & ((seen * share).sum(axis=(1, 2)) / share.sum() > 0.9)
        truth = painted.truth_ha[zone_id]
        into["three endmembers"].append((three_endmembers(pixels, seen, share) * 0.01 - truth)[use])
        into["local matched filter"].append(
            (local_matched_filter(pixels, seen, share, every) * 0.01 - truth)[use]
        )


def errors_of_method(
    painted: Painted,
    label: str,
    into: dict[str, list[Floats]],
    inside: dict[str, list[Floats]],
    detail: list[tuple[float, ...]],
) -> None:
    result = measure_stockpiles(painted.cube, painted.site, params=StockpileParams(find_piles=False))
    clear = clear_dates(romania())
    months = painted.cube.time.dt.month.values
    for zone_id, truth in painted.truth_ha.items():
        rows = [a for a in result.areas if a.zone_id == zone_id]
        smooth = [p.value for p in result.series if p.subject_id == zone_id]
        for name, quantities in ((label, [a.area_ha for a in rows]), (f"{label}, smoothed", smooth)):
            error, hit = [], []
            for t in np.flatnonzero(clear):
                q = quantities[t]
                if q.value is None or rows[t].valid_fraction < 0.9:
                    continue
                error.append(q.value - truth[t])
                hit.append(float(q.low <= truth[t] <= q.high))
                if name == label:
                    detail.append((error[-1], hit[-1], float(truth.max()), float(months[t]), float(truth[t])))
            into[name].append(np.array(error))
            inside[name].append(np.array(hit))


def row(name: str, error: Floats, hit: Floats | None) -> str:
    covered = "–" if hit is None else f"{100 * hit.mean():.1f}"
    return (
        f"| {name} | {len(error)} | {np.sqrt(np.mean(error**2)):.3f} | {error.mean():+.3f} "
        f"| {np.median(np.abs(error)):.3f} | {np.quantile(np.abs(error), 0.95):.3f} | {covered} |"
    )


HEAD = (
    "| method or subset | looks | RMSE ha | bias ha | median error ha | 95 % of errors below "
    "| intervals that cover, % |\n|---|---|---|---|---|---|---|"
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--first", type=int, default=200)
    options = parser.parse_args()
    errors: dict[str, list[Floats]] = defaultdict(list)
    inside: dict[str, list[Floats]] = defaultdict(list)
    detail: list[tuple[float, ...]] = []
    nothing: list[tuple[float, ...]] = []
    for seed in range(options.first, options.first + options.seeds):
        painted = paint(random_piles(seed, sizes=SIZES_HA[seed % 2]), seed=seed, shift_sd_px=0.2)
        errors_of_baselines(painted, errors)
        errors_of_method(painted, "this method", errors, inside, detail)
        bands = replace(painted, cube=painted.cube.drop_vars(["swir16", "nir08"]))
        if seed < options.first + 3:
            errors_of_method(bands, "this method without SWIR", errors, inside, nothing)
        print(seed, flush=True)
        write(errors, inside, np.array(detail), options)


def write(
    errors: dict[str, list[Floats]],
    inside: dict[str, list[Floats]],
    detail: Floats,
    options: argparse.Namespace,
) -> None:
    lines = [
        f"Painted layouts, seeds {options.first} and on, {options.seeds} in all; clear dates only.",
        "",
        *HEAD.split("\n"),
    ]
    for name, parts in errors.items():
        hit = np.concatenate(inside[name]) if name in inside else None
        lines.append(row(name, np.concatenate(parts), hit))
    size, month, now = detail[:, 2], detail[:, 3], detail[:, 4]
    subsets = {
        "largest extent below 0.25 ha": size < 0.25,
        "0.25 to 1 ha": (size >= 0.25) & (size < 1),
        "1 ha and more": size >= 1,
        "no coal on the day": now == 0,
        "March to May": (month >= 3) & (month <= 5),
        "June to August": (month >= 6) & (month <= 8),
        "September to November": (month >= 9) & (month <= 11),
    }
    lines += [
        row(f"this method: {name}", detail[use, 0], detail[use, 1])
        for name, use in subsets.items()
        if use.any()
    ]
    write_between("stockpiles.md", "painted table", lines)


if __name__ == "__main__":
    main()
