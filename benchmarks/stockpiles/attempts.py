"""What variants of the measurement give on fitting seeds: simulated yards, never those that judge.

    python -m benchmarks.stockpiles.attempts --seeds 511 516 527 531 --keep FOLDER   measure what is missing
    python -m benchmarks.stockpiles.attempts --seeds 511 516 527 531 --keep FOLDER --write

Every variant is measured with all bands; single dates and smoothed, in hectares.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import xarray as xr

from benchmarks.manual import kept_in, write_table
from benchmarks.stockpiles.simulated_table import MADE_WITH, ONLY_ZONES, layout, looks, row
from detection.coal.measure import StockpileParams, measure_stockpiles
from imagery.simulate import SimulatedSite, simulate_site

FITTING = range(510, 600)
"""Seeds that may be fitted on."""


def with_area(**overrides: Any) -> StockpileParams:
    """The measurement with other parameters of the sum."""
    return replace(ONLY_ZONES, area=replace(ONLY_ZONES.area, **overrides))


def with_fraction(**overrides: Any) -> StockpileParams:
    """The measurement with other parameters of the fraction."""
    return replace(ONLY_ZONES, fraction=replace(ONLY_ZONES.fraction, **overrides))


VARIANTS: Mapping[str, StockpileParams] = MappingProxyType(
    {
        "as it is": ONLY_ZONES,
        "support above 0.45": with_area(core_fraction=0.45),
        "support above 0.3": with_area(core_fraction=0.3),
        "support grown by two pixels": with_area(spread_px=2),
        "dust at edges as beside": with_area(dust_growth=0.0),
        "other dates speak for 60 days": with_area(tau_days=60.0),
        "four factors": with_fraction(rank=4),
        "nine factors": with_fraction(rank=9),
        "two turns": with_fraction(rounds=2),
        "the prior's spectrum": with_fraction(own_spectrum=False),
    }
)


@lru_cache(maxsize=1)
def site_of(seed: int) -> tuple[SimulatedSite, xr.Dataset]:
    """One site and its cube: its variants are measured in turn."""
    simulated = simulate_site(layout(seed), seed=seed)
    return simulated, simulated.cube()


def measured(seed: int, params: StockpileParams) -> list[dict[str, Any]]:
    """The judged looks of one site."""
    simulated, cube = site_of(seed)
    return list(looks(simulated, measure_stockpiles(cube, simulated.site, params=params)))


def table(found: Mapping[str, list[dict[str, Any]]]) -> list[str]:
    """Two rows for every variant."""
    lines = [
        "| variant | number | RMSE ha | bias ha | intervals that cover, % | mean truth ha |",
        "|---|---|---|---|---|---|",
    ]
    for name, rows in found.items():
        lines += [row(name, rows), row(f"{name}, smoothed", rows, "smooth_")]
    return lines


def main() -> None:
    """Measure, then print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if not set(options.seeds) <= set(FITTING):
        parser.error(f"variants are compared on seeds {FITTING.start} to {FITTING.stop - 1} only")
    options.keep = kept_in(options.keep, MADE_WITH)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in VARIANTS}
    for seed in options.seeds:
        for number, (name, params) in enumerate(VARIANTS.items()):
            path = options.keep / f"variant-{number}-{seed}.json"
            if not path.exists():
                path.write_text(json.dumps(measured(seed, params)), encoding="utf-8")
            found[name] += json.loads(path.read_text("utf-8"))
    lines = table(found)
    print("\n".join(lines))
    if options.write:
        told = f"Fitting seeds {', '.join(map(str, options.seeds))}."
        write_table(
            "stockpiles.md",
            "attempts",
            [*lines, "", told],
            method=MADE_WITH,
            seeds=f"fitting seeds {options.seeds}",
        )


if __name__ == "__main__":
    main()
