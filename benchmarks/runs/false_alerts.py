"""Alerts on simulated sites where nothing changes: every one is false. Simulated, not real.

    python -m benchmarks.runs.false_alerts --seeds 730 736 [--write]

Each site is measured anew at the end of every quarter from the looks until then, as a run would find it; an
alert counts when its condition begins to hold. `no-usable-look` is true of the site and not counted.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections import Counter
from collections.abc import Iterator

import numpy as np
import xarray as xr

from aoi.records import Site
from benchmarks.manual import write_between
from campwatch.alerts.rules import SiteState, conditions
from campwatch.settings import AlertSettings
from detection.disturbance_state import DisturbanceState
from detection.disturbances import measure_disturbances
from detection.stockpiles import measure_stockpiles
from imagery.simulate import SensorParams, simulate_site, unchanged_site

SIZE_PX = 200
SINCE, FIRST, UNTIL = dt.date(2017, 1, 1), dt.date(2018, 7, 1), dt.date(2021, 1, 1)
QUARTER = dt.timedelta(days=91)
BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
TRUE_OF_THE_SITE = "no-usable-look"


def quarters() -> Iterator[dt.date]:
    """The days on which a run looks."""
    day = FIRST
    while day < UNTIL:
        yield day
        day += QUARTER


def raised(seed: int) -> list[str]:
    """Rules of the alerts that one site raised, in order."""
    params = unchanged_site(size_px=SIZE_PX, since=SINCE, until=UNTIL, sensor=SensorParams(bands=BANDS))
    simulated = simulate_site(params, seed=seed)
    cube, site = simulated.cube(), simulated.site
    checkpoints: dict[str, DisturbanceState] = {}
    holding: set[str] = set()
    rules: list[str] = []
    for day in quarters():
        found = holding_on(day, cube, site, checkpoints)
        rules += [rule for key, rule in sorted(found.items()) if key not in holding]
        holding = set(found)
    return rules


def holding_on(
    day: dt.date, cube: xr.Dataset, site: Site, checkpoints: dict[str, DisturbanceState]
) -> dict[str, str]:
    """Rules by key of the conditions that hold on a day."""
    until = cube.isel(time=np.flatnonzero(cube["time"].to_numpy() < np.datetime64(day)))
    state = SiteState(
        site_id=site.id,
        disturbances=measure_disturbances(until, site, checkpoints=checkpoints),
        series=measure_stockpiles(until, site).series,
    )
    held = conditions(state, AlertSettings(), day)
    return {one.key: one.rule for one in held if one.rule != TRUE_OF_THE_SITE}


def main() -> None:
    """Measure, print, and write the table where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", nargs=2, type=int, default=(730, 736))
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    sites, told = range(*asked.seeds), Counter[str]()
    for seed in sites:
        rules = raised(seed)
        print(seed, rules, flush=True)
        told.update(rules)
    years = len(sites) * (UNTIL - FIRST).days / 365.25
    area = f"{SIZE_PX**2 / 1e4:.0f} km²"
    lines = [
        f"Simulated, seeds {sites[0]} to {sites[-1]}, {area} each: {years:.0f} unchanged site-years watched.",
        "",
        "| rule | false alerts | per site and year |",
        "|---|---|---|",
        *(f"| {rule} | {count} | {count / years:.2f} |" for rule, count in sorted(told.items())),
        f"| all | {told.total()} | {told.total() / years:.2f} |",
    ]
    print("\n".join(lines))
    if asked.write:
        write_between("running.md", "false-alerts", lines)


if __name__ == "__main__":
    main()
