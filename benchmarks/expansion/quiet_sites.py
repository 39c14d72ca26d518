"""Persistent patches on simulated sites where nothing changes but by season, weather and farming (simulated).

    python -m benchmarks.expansion.quiet_sites measure OUT alike 780 783     # all fields on the same days
    python -m benchmarks.expansion.quiet_sites measure OUT own 784 787       # calendars of their own
    python -m benchmarks.expansion.quiet_sites measure OUT hillside 788 791  # farmed slopes, floods, ponds
    python -m benchmarks.expansion.quiet_sites table OUT --write

Patches are asked for at the end of every month, from the looks until then and with the expectation that was
known then, as runs would; one that was persistent at the end of any of them counts. The simulator lets a
forest fire of some 2 ha burn on every site, quiet or not: patches on scars are counted apart, with what they
are called. Where parcels have calendars of their own, dates differ by a standard deviation of 7 days for good
and 8 more every year, one parcel in twenty is a month early or late in a year, one in fifty lies fallow, and
half are ploughed after the harvest. Hillsides: `farmed_site` (measured materials, terraces, parcels given up
for three years, slopes burnt in April, a river whose gravel floods and dries, ponds that fall dry) with
relief of 600 m and twice the snow. Seeds up to 844 were looked at or judged before.
April's fires on slopes are no false alarms where they are called burnt, which alerts nobody, and stand in a
column of their own.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from benchmarks.expansion.arguments import Outcomes, keep, read
from benchmarks.expansion.disturbance_sites import JudgedSite
from benchmarks.expansion.disturbance_table import FLOOR_HA, changed, pixels, site_mean
from benchmarks.manual import write_table
from benchmarks.runs.false_alerts import GROUND_BANDS
from detection.ground.history import fit_history
from detection.ground.learning import looks_to_learn
from detection.ground.measure import ground_rows
from detection.ground.params import GroundParams, Kind
from detection.ground.records import Disturbance
from detection.ground.series import read_series
from evidence.files import write_text
from imagery.simulate import (
    FieldParams,
    SensorParams,
    SimulatedSite,
    SimulationParams,
    farmed_site,
    simulate_site,
    unchanged_site,
)
from imagery.simulate.params import FARMED

SIZE_PX = 240
SINCE, FIRST, UNTIL = dt.date(2017, 1, 1), dt.date(2019, 1, 1), dt.date(2025, 1, 1)
"""First day of looks, first day on which patches are asked for, day after the last look."""
LASTING = 3
"""Ends of months at which a patch was persistent, above which it was more than a passing one."""
NAMES = {
    "alike": "all fields on the same days",
    "own": "parcels with calendars of their own",
    "hillside": "farmed slopes of 600 m, floods, ponds, twice the snow",
}
BY = "python -m benchmarks.expansion.quiet_sites"
COUNTED = Path(__file__).parents[2] / "detection" / "ground" / "quiet.json"
"""What rates of a site are told with."""


def params_of(kind: str) -> SimulationParams:
    span = {"since": SINCE, "until": UNTIL, "size_px": SIZE_PX, "sensor": SensorParams(bands=GROUND_BANDS)}
    shipped = unchanged_site(**span)
    if kind == "hillside":
        land = replace(farmed_site().land, relief_m=600.0)
        return replace(shipped, land=land, weather=replace(shipped.weather, snow=2.0))
    return replace(shipped, land=replace(shipped.land, fields=FARMED if kind == "own" else FieldParams()))


def month_ends(days: NDArray[np.int64]) -> Iterator[int]:
    """How many looks there were at the end of every month from `FIRST` on, months without a look left out."""
    before = 0
    for month in np.arange(np.datetime64(FIRST, "M") + 1, np.datetime64(UNTIL, "M") + 1):
        n = int(np.searchsorted(days, month.astype("datetime64[D]").astype(np.int64)))
        if n > before:
            yield n
        before = n


def seen_by(made: SimulatedSite) -> dict[str, list[Disturbance]]:
    """Rows of every disturbance that was persistent at the end of any month, by its name."""
    cube, params = made.cube(), GroundParams()
    series = read_series(cube, params.looks)
    found: dict[str, list[Disturbance]] = {}
    earlier: tuple[Disturbance, ...] = ()
    by_year = groupby(month_ends(series.day), lambda n: looks_to_learn(series.day[:n], params.expectation))
    for _, ends in by_year:
        upto = list(ends)
        history = fit_history(series.first(upto[-1]), params)
        for n in upto:
            looks = cube.sel(time=cube["scene_id"].isin(series.scene_ids[:n]))
            earlier = ground_rows(history.first(n), looks, made.site, earlier=earlier).disturbances
            for one in earlier:
                if one.machine_status == "persistent" and one.kind != Kind.RIVER:
                    found.setdefault(one.disturbance_id, []).append(one)
    return found


def outcome(made: SimulatedSite) -> dict[str, Any]:
    site = JudgedSite(cube=made.cube(), site=made.site, truth=made.truth, covers={})
    real, scars = changed(site), [site_mean(site, scar.cells) for scar in made.world.land.burn_scars]
    false: list[dict[str, Any]] = []
    burnt: list[dict[str, Any]] = []
    for rows in seen_by(made).values():
        mask = pixels(site, rows[-1].geometry)
        told = {
            "ha": rows[-1].area_ha.value,
            "first_seen": rows[-1].first_seen.isoformat(),
            "kinds": [row.kind for row in rows],
        }
        (burnt if (mask & real).sum() >= 0.1 * mask.sum() else false).append(told)
    return {
        "false": false,
        "burnt": burnt,
        "scars": [float(scar.sum()) / 100 for scar in scars if scar.sum() / 100 >= FLOOR_HA],
        "fields": float(site_mean(site, np.isin(made.world.land.labels, [3, 4])).mean()),
        "km2_years": made.params.size_px**2 / 1e4 * (UNTIL - FIRST).days / 365.25,
    }


def measure(out: Path, fields: str, seeds: range) -> None:
    for seed in seeds:
        if not (out / fields / f"{seed}.json").exists():
            keep(out / fields, seed, outcome(simulate_site(params_of(fields), seed=seed)))
        print(fields, seed, file=sys.stderr, flush=True)


def units(sites: Outcomes) -> float:
    """Area and time, in units of 100 km² and decade."""
    return float(sum(site["km2_years"] for site in sites) / 1000)


def false_events(sites: Outcomes) -> Outcomes:
    """Patches where nothing burnt or was opened, without those always called burnt: they alert nobody."""
    return [one for site in sites for one in site["false"] if set(one["kinds"]) != {Kind.BURNT}]


def row(name: str, sites: Outcomes) -> str:
    decades, false = units(sites), false_events(sites)
    black = sum(len(site["false"]) for site in sites) - len(false)
    fires = [one for site in sites for one in site["burnt"]]
    always = sum(set(one["kinds"]) == {Kind.BURNT} for one in fires)
    cells = [
        name,
        str(len(sites)),
        f"{np.mean([site['fields'] for site in sites]):.0%}",
        f"{decades:.3f}",
        f"{len(false)}; {sum(len(one['kinds']) > LASTING for one in false)}",
        f"{len(false) / decades:.1f} (at most {chi2.ppf(0.95, 2 * len(false) + 2) / 2 / decades:.0f})",
        str(black),
        f"{sum(len(site['scars']) for site in sites)}; {len(fires)}; {always}",
    ]
    return f"| {' | '.join(cells)} |"


def table(out: Path, *, write: bool) -> None:
    head = [
        "simulated sites where nothing changes", "sites", "fields", "100 km² decades",
        "false patches at the end of any month; of more than three", "in each (95 % limit)",
        "others, always called burnt", "forest fires; patches on them; always called burnt",
    ]  # fmt: skip
    kept = {fields: sites for fields in NAMES if (sites := read(out / fields))}
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [row(NAMES[fields], sites) for fields, sites in kept.items()]
    everything = [site for sites in kept.values() for site in sites]
    lines.append(row("all", everything))
    print("\n".join(lines))
    if write:
        told = {f: ", ".join(sorted(path.stem for path in (out / f).glob("*.json"))) for f in kept}
        seeds = "; ".join(f"seeds {numbers} ({fields})" for fields, numbers in told.items())
        counted = {"false_events": len(false_events(everything)), "units": round(units(everything), 4)}
        write_text(COUNTED, json.dumps(counted | {"seeds": seeds, "by": BY}, indent=1) + "\n")
        write_table(
            "expansion.md", "quiet", lines, method=["measure_ground", "simulate_site"], seeds=seeds,
            by=BY,
        )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("measure", "table"))
    parser.add_argument("out", type=Path, help="folder of outcomes")
    parser.add_argument("fields", nargs="?", choices=tuple(NAMES), help="what to measure")
    parser.add_argument("seeds", nargs="*", type=int, help="first and last seed")
    parser.add_argument("--write", action="store_true", help="write the table into docs/expansion.md")
    asked = parser.parse_args()
    if asked.what == "table":
        table(asked.out, write=asked.write)
    else:
        measure(asked.out, asked.fields, range(asked.seeds[0], asked.seeds[1] + 1))


if __name__ == "__main__":
    main()
