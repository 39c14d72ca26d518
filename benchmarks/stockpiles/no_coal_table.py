"""No coal anywhere: what is claimed of dark ground that is something else, in zones and outside of them.

Simulated sites without coal. Reflectance of roads, roofs, tar, char, soils and burnt ground is drawn from
measured spectra (earthlib 1.1.0, USGS splib07), one for every site; black shale is assumed. In zones
`area_ha` must have a lower end of nought, or no figure; outside of them hectares per 25 km² are counted.

python -m benchmarks.stockpiles.no_coal_table --seeds 1200 1205 --keep FOLDER [--write]
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr

from aoi.records import Site, ZoneKind
from benchmarks.manual import write_table
from benchmarks.stockpiles.rank_table import clustered, seeds_of
from benchmarks.stockpiles.simulated_table import BANDS, CLEAR, MADE_WITH, PER_25_KM2, SHORT
from benchmarks.stockpiles.yards import kept_result
from detection.coal.measure import StockpileParams
from imagery.simulate import simulate_site, unchanged_site
from imagery.simulate.params import (
    CoalParams,
    LandParams,
    MineParams,
    PatchPlan,
    PondPlan,
    SensorParams,
    SimulationParams,
    farmed_site,
)

AREA_HA = 0.8
QUARTER_DAYS = 75
MIDDLE = (0.0, 0.0)
"""Of the yard, metres."""
WIDE: Mapping[str, Any] = MappingProxyType(SHORT | {"size_px": 180, "sensor": SensorParams(bands=BANDS)})
STEADY = (
    "asphalt", "road", "parking", "roofing_felt", "tar_paper", "tar_roof", "shingle", "char", "burnt_ground",
    "magnetite", "black_shale", "wet soil",
)  # fmt: skip
COMING_AND_GOING = ("asphalt", "roofing_felt", "char", "burnt_ground", "wet soil")
STAYS, MOVES = "stays", "comes and goes"
SURROUNDINGS = ("town", "rail yard", "farmed valley")


def patch(material: str, habit: str) -> PatchPlan:
    """A patch in the yard: for good, or in every other quarter."""
    since, until = SHORT["since"], SHORT["until"]
    quarters = range(0, (until - since).days, 2 * QUARTER_DAYS)
    spells = [(since + dt.timedelta(day), since + dt.timedelta(day + QUARTER_DAYS)) for day in quarters]
    return PatchPlan(
        material="soil" if material == "wet soil" else material,
        wetness=1.0 if material == "wet soil" else 0.0,
        area_ha=AREA_HA,
        at_m=MIDDLE,
        periods=tuple(spells) if habit == MOVES else (),
    )


def cases() -> dict[tuple[str, str], tuple[SimulationParams, str]]:
    """(what, habit) -> the site, and the zone that is measured as a stockyard."""

    def quiet(**land: Any) -> SimulationParams:
        return unchanged_site(**SHORT, sensor=SensorParams(bands=BANDS), land=LandParams(**land))

    out = {
        (material, habit): (quiet(patches=(patch(material, habit),)), "stockyard")
        for habit, materials in ((STAYS, STEADY), (MOVES, COMING_AND_GOING))
        for material in materials
    }
    out["pond", STAYS] = quiet(ponds=(PondPlan(area_ha=AREA_HA, at_m=MIDDLE, lowest=0.9),)), "stockyard"
    out["pond", MOVES] = quiet(ponds=(PondPlan(area_ha=AREA_HA, at_m=MIDDLE, lowest=-0.2),)), "stockyard"
    out["town", STAYS] = quiet(town_ha=6.0, measured=True), "control-town"
    out["rail yard", STAYS] = quiet(rail_yard=True, measured=True), "control-rails"
    return out


def zoned(site: Site, zone_id: str) -> Site:
    """The site with one zone, measured as a stockyard."""
    zones = tuple(replace(z, kind=ZoneKind.STOCKYARD) for z in site.zones if z.id == zone_id)
    return replace(site, zones=zones)


def judged(what: str, habit: str, seed: int, folder: Path) -> list[dict[str, Any]]:
    """What is said of the zone on every clear look."""

    def made() -> tuple[xr.Dataset, Site]:
        params, zone = cases()[what, habit]
        simulated = simulate_site(params, seed=seed)
        return simulated.cube(), zoned(simulated.site, zone)

    result = kept_result(f"dark-{what}-{habit}-{seed}", folder, made)
    return [
        {
            "seed": seed,
            "what": what,
            "habit": habit,
            "verdict": area.verdict,
            "low": area.area_ha.low,
            "high": area.area_ha.high,
            "value": area.area_ha.value,
            "dark": None if area.dark_ha is None else area.dark_ha.value,
        }
        for area in result.areas
        if area.valid_fraction >= CLEAR
    ]


def surroundings(what: str) -> SimulationParams:
    """A wider site without coal and without a zone."""
    if what == "farmed valley":
        nothing = {"coal": CoalParams(present=False), "mine": MineParams(active=False)}
        return farmed_site(**WIDE, **nothing)
    land = {"town": {"town_ha": 12.0}, "rail yard": {"rail_yard": True}}[what]
    return unchanged_site(**WIDE, land=LandParams(measured=True, **land))


def searched(what: str, seed: int, folder: Path) -> dict[str, Any]:
    """What is found outside zones on a site without coal, hectares per 25 km², at the last looks."""

    def made() -> tuple[xr.Dataset, Site]:
        simulated = simulate_site(surroundings(what), seed=seed)
        return simulated.cube(), replace(simulated.site, zones=())

    result = kept_result(f"around-{what}-{seed}", folder, made, StockpileParams())
    newest = {pile.pile_id: pile for pile in sorted(result.piles, key=lambda pile: pile.datetime)}
    scale = PER_25_KM2 / WIDE["size_px"] ** 2
    claimed = sum(max(0.0, pile.area_ha.low or 0.0) for pile in newest.values() if pile.area_ha.value)
    return {
        "seed": seed,
        "what": what,
        "found": scale * sum(pile.area_ha.value or 0.0 for pile in newest.values()),
        "claimed": scale * claimed,
        "missed": scale * float((result.missed_ha.high or 0.0) if result.missed_ha else np.nan),
    }


def zone_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """One row per material and habit, then all that stays and all that moves."""
    lines = [
        (
            "| in the zone | habit | sites | clear looks | lower end 0 or no figure, % | reads as dark, ha "
            "| verdicts, % of looks |"
        ),
        "|---|---|---|---|---|---|---|",
    ]
    for what, habit in cases():
        part = [row for row in rows if row["what"] == what and row["habit"] == habit]
        if part:
            lines.append(_row(what, habit, part))
    for habit, named in ((STAYS, "all of these"), (MOVES, "all of these")):
        part = [row for row in rows if row["habit"] == habit]
        if part:
            lines.append(_row(named, habit, part))
    return lines


def _row(what: str, habit: str, part: Sequence[Mapping[str, Any]]) -> str:
    good = [float(row["low"] is None or row["low"] <= 0.0) for row in part]
    share, low, high = clustered(good, [row["seed"] for row in part])
    dark = [row["dark"] for row in part if row["dark"] is not None]
    verdicts: dict[str, int] = {}
    for row in part:
        verdicts[row["verdict"]] = verdicts.get(row["verdict"], 0) + 1
    told = ", ".join(
        f"{k} {100 * n / len(part):.0f}" for k, n in sorted(verdicts.items(), key=lambda v: -v[1])
    )
    return (
        f"| {what.replace('_', ' ')} | {habit} | {len({r['seed'] for r in part})} | {len(part)} "
        f"| {100 * share:.0f} ({100 * low:.0f}–{100 * high:.0f}) "
        f"| {np.mean(dark) if dark else float('nan'):.2f} | {told} |"
    )


def search_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """One row per kind of surroundings."""
    lines = [
        (
            "| around, no zone | sites | found, ha per 25 km² | worst site | lower ends, ha per 25 km² "
            "| may have been missed, up to, ha per 25 km² |"
        ),
        "|---|---|---|---|---|---|",
    ]
    for what in SURROUNDINGS:
        part = [row for row in rows if row["what"] == what]
        if part:
            mean = {key: np.mean([row[key] for row in part]) for key in ("found", "claimed", "missed")}
            worst = max(row["found"] for row in part)
            lines.append(
                f"| {what} | {len(part)} | {mean['found']:.2f} | {worst:.2f} | {mean['claimed']:.2f} "
                f"| {mean['missed']:.1f} |"
            )
    return lines


def main() -> None:
    """Measure the seeds that are not kept, and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs=2, metavar=("FIRST", "LAST"), required=True)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    seeds = range(options.seeds[0], options.seeds[1] + 1)
    rows = [
        row for seed in seeds for what, habit in cases() for row in judged(what, habit, seed, options.keep)
    ]
    around = [searched(what, seed, options.keep) for seed in seeds for what in SURROUNDINGS]
    lines = [*zone_table(rows), "", *search_table(around)]
    print("\n".join(lines))
    if options.write:
        write_table(
            "stockpiles.md", "no coal table", lines, method=MADE_WITH, seeds=f"seeds {seeds_of(rows)}"
        )


if __name__ == "__main__":
    main()
