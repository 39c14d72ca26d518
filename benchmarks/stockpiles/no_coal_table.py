"""No coal anywhere: real dark materials painted into coal-free yards, that stay or that come and go.

Reflectance from measured spectra (USGS splib07, earthlib 1.1.0: Santa Barbara asphalt, roads and char; water
of Korba). The yards are simulated and hold no coal. What may be claimed (`area_ha`) must have a lower end of
nought, or no figure.

python -m benchmarks.stockpiles.no_coal_table --seeds 870 872 --keep FOLDER [--write]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from benchmarks.manual import write_table
from benchmarks.stockpiles.rank_table import seeds_of
from benchmarks.stockpiles.simulated_table import CLEAR, ONLY_ZONES, QUIET
from detection.coal.measure import measure_stockpiles
from detection.coal.subjects import stockyards
from imagery.simulate import SimulatedSite, simulate_site, unchanged_site

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
MATERIALS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "asphalt (median of 18)": (0.047, 0.051, 0.057, 0.075, 0.121, 0.106),
        "roads": (0.085, 0.095, 0.102, 0.107, 0.140, 0.138),
        "roofing felt": (0.038, 0.039, 0.042, 0.051, 0.121, 0.124),
        "tar paper, weathered": (0.043, 0.049, 0.058, 0.077, 0.192, 0.168),
        "tar roof": (0.025, 0.025, 0.025, 0.025, 0.025, 0.025),
        "char": (0.045, 0.054, 0.067, 0.076, 0.185, 0.207),
        "burnt ground": (0.029, 0.034, 0.042, 0.056, 0.153, 0.208),
        "magnetite": (0.060, 0.060, 0.060, 0.060, 0.060, 0.060),
        "water": (0.026, 0.028, 0.024, 0.024, 0.022, 0.018),
    }
)
"""Reflectance at `BANDS`; magnetite lies at .03 to .09, its middle is taken."""
COMING_AND_GOING = ("water", "char", "burnt ground", "asphalt (median of 18)", "roofing felt")
HALF_PX = 4
"""The square has nine pixels a side: 0.8 ha."""


def square(share: Floats) -> Bools:
    """(y, x) a square in the middle of a yard."""
    rows, columns = np.nonzero(share > CLEAR)
    row, column = int(np.median(rows)), int(np.median(columns))
    out = np.zeros(share.shape, dtype=bool)
    out[row - HALF_PX : row + HALF_PX + 1, column - HALF_PX : column + HALF_PX + 1] = True
    return out & (share > CLEAR)


def painted(cube: xr.Dataset, where: Bools, material: str, *, steady: bool, seed: int) -> xr.Dataset:
    """The cube with a material on some pixels, on all dates or on every other quarter."""
    out, rng, times = cube.copy(deep=True), np.random.default_rng(seed), cube.sizes["time"]
    days = (cube["time"].values - cube["time"].values[0]) / np.timedelta64(1, "D")
    there = np.ones(times, dtype=bool) if steady else (days // 75).astype(int) % 2 == 0
    level = np.exp(rng.normal(0, 0.05, times))[there, None]
    for band, value in zip(BANDS, MATERIALS[material], strict=True):
        pixels = out[band].values
        texture = np.exp(rng.normal(0, 0.06, (1, int(where.sum()))))
        noise = rng.normal(0, 0.004, (int(there.sum()), int(where.sum())))
        at = np.ix_(np.flatnonzero(there), *map(np.unique, np.nonzero(where)))
        pixels[at] = (value * level * texture + noise).reshape(pixels[at].shape).astype(np.float32)
    return out


def judged(simulated: SimulatedSite, cube: xr.Dataset, material: str, *, steady: bool, seed: int) -> Any:
    """What is said of the yard on every clear look."""
    share = stockyards(cube, simulated.site)[0].share
    changed = painted(cube, square(share), material, steady=steady, seed=seed)
    result = measure_stockpiles(changed, simulated.site, params=ONLY_ZONES)
    return [
        {
            "seed": seed,
            "material": material,
            "steady": steady,
            "verdict": area.verdict,
            "fit": area.family_fit,
            "low": area.area_ha.low if area.area_ha.value is not None else None,
            "high": area.area_ha.high,
            "dark": None if area.dark_ha is None else area.dark_ha.value,
        }
        for area in result.areas
        if area.valid_fraction >= CLEAR
    ]


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """One row per material and habit."""
    lines = [
        "| material | habit | clear looks | lower end 0 or no figure, % | reads as dark, ha | verdicts |",
        "|---|---|---|---|---|---|",
    ]
    for steady in (True, False):
        for material in MATERIALS if steady else COMING_AND_GOING:
            part = [r for r in rows if r["material"] == material and r["steady"] == steady]
            if part:
                good = 100 * np.mean([row["low"] is None or row["low"] <= 0.0 for row in part])
                dark = np.nanmean([np.nan if r["dark"] is None else r["dark"] for r in part])
                verdicts = ", ".join(sorted({row["verdict"] for row in part}))
                habit = "stays" if steady else "comes and goes"
                lines.append(f"| {material} | {habit} | {len(part)} | {good:.0f} | {dark:.2f} | {verdicts} |")
    return lines


def main() -> None:
    """Measure the seeds that are not kept, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="*", default=())
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        simulated = simulate_site(unchanged_site(**QUIET | {"size_px": 150}), seed=seed)
        cube = simulated.cube()
        for steady in (True, False):
            for material in MATERIALS if steady else COMING_AND_GOING:
                path = options.keep / f"dark-{seed}-{steady}-{material.split(' ')[0]}.json"
                if not path.exists():
                    rows = judged(simulated, cube, material, steady=steady, seed=seed)
                    path.write_text(json.dumps(rows), encoding="utf-8")
    rows = [
        row
        for path in sorted(options.keep.glob("dark-*.json"))
        for row in json.loads(path.read_text("utf-8"))
    ]
    lines = table(rows)
    print("\n".join(lines))
    if options.write:
        write_table(
            "stockpiles.md", "no coal table", lines, method=["measure_stockpiles"], seeds=seeds_of(rows)
        )


if __name__ == "__main__":
    main()
