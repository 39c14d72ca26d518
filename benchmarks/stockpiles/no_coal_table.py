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
from shapely.geometry import Polygon, box

from aoi.records import Site, Zone, ZoneKind
from benchmarks.manual import write_table
from benchmarks.stockpiles.layouts import BANDS, CLEAR, MADE_WITH, PER_25_KM2, SHORT
from benchmarks.stockpiles.rank_table import clustered, seeds_of
from benchmarks.stockpiles.yards import kept_result, years_path
from detection.coal.measure import StockpileParams
from imagery.simulate import SimulatedSite, simulate_site, unchanged_site
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

AREA_HA = 0.4
QUARTER_DAYS = 75
WIDE: Mapping[str, Any] = MappingProxyType(SHORT | {"size_px": 180, "sensor": SensorParams(bands=BANDS)})
ACROSS_M, DOWN_M = (-195.0, -65.0, 65.0, 195.0), (-130.0, 0.0, 130.0)
PLACES_M = tuple((east, north) for north in DOWN_M for east in ACROSS_M)
"""Middles of patches and of their zones, metres east and north of the middle of the yard."""
HALF_ZONE_M = 60.0
STEADY = (
    "asphalt", "road", "parking", "roofing_felt", "tar_paper", "tar_roof", "shingle", "char", "burnt_ground",
    "magnetite", "black_shale", "wet soil",
)  # fmt: skip
COMING_AND_GOING = (
    "asphalt", "roofing_felt", "tar_paper", "char", "char", "burnt_ground", "burnt_ground", "wet soil",
    "wet soil",
)  # fmt: skip
PONDS = (0.9, -0.2, -0.2)
"""Share of a pond that is water at its lowest; below 0 it falls dry."""
STAYS, MOVES = "stays", "comes and goes"
UNTOLD = ("asphalt", "roofing felt", "tar paper")
"""That come and go like coal: nothing tells them apart, and the sentence says so."""
SITES = (STAYS, MOVES, "town and rail yard")
SURROUNDINGS = ("town", "rail yard", "farmed valley")


def patch(material: str, habit: str, at_m: tuple[float, float]) -> PatchPlan:
    """A patch in the yard: for good, or in every other quarter."""
    since, until = SHORT["since"], SHORT["until"]
    quarters = range(0, (until - since).days, 2 * QUARTER_DAYS)
    spells = [(since + dt.timedelta(day), since + dt.timedelta(day + QUARTER_DAYS)) for day in quarters]
    return PatchPlan(
        material="soil" if material == "wet soil" else material,
        wetness=1.0 if material == "wet soil" else 0.0,
        area_ha=AREA_HA,
        at_m=at_m,
        periods=tuple(spells) if habit == MOVES else (),
    )


def site_params(name: str) -> SimulationParams:
    """A site without coal: a dozen patches in its yard, or a town and a rail yard."""
    if name not in {STAYS, MOVES}:
        land = LandParams(town_ha=6.0, rail_yard=True, measured=True)
        return unchanged_site(**SHORT, sensor=SensorParams(bands=BANDS), land=land)
    materials = STEADY if name == STAYS else COMING_AND_GOING
    patches = tuple(patch(one, name, at) for one, at in zip(materials, PLACES_M, strict=False))
    ponds = (
        ()
        if name == STAYS
        else tuple(
            PondPlan(area_ha=AREA_HA, at_m=at, lowest=low)
            for low, at in zip(PONDS, PLACES_M[len(materials) :], strict=True)
        )
    )
    land = LandParams(patches=patches, ponds=ponds)
    return unchanged_site(**SHORT, sensor=SensorParams(bands=BANDS), land=land)


def zones_of(simulated: SimulatedSite, name: str) -> tuple[Zone, ...]:
    """Stockyards that hold no coal, each named after what it holds."""
    if name not in {STAYS, MOVES}:
        return tuple(
            replace(zone, kind=ZoneKind.STOCKYARD)
            for zone in simulated.site.zones
            if zone.id in {"control-town", "control-rails"}
        )
    frame = simulated.truth.world.frame
    west, south, east, north = frame.bounds_m
    named = STEADY if name == STAYS else (*COMING_AND_GOING, *(f"pond, water {low:g}" for low in PONDS))
    out = []
    for number, (what, (dx, dy)) in enumerate(zip(named, PLACES_M, strict=True)):
        x, y = (west + east) / 2 + dx, (south + north) / 2 + dy
        square = box(x - HALF_ZONE_M, y - HALF_ZONE_M, x + HALF_ZONE_M, y + HALF_ZONE_M)
        shape = Polygon([frame.to_degrees.transform(*corner) for corner in square.exterior.coords])
        out.append(Zone(id=f"{number:02d} {what}", kind=ZoneKind.STOCKYARD, geometry=shape))
    return tuple(out)


def judged(name: str, seed: int, folder: Path) -> list[dict[str, Any]]:
    """What is said of every zone of a site on every clear look."""

    def made() -> tuple[xr.Dataset, Site]:
        simulated = simulate_site(site_params(name), seed=seed)
        return simulated.cube(), replace(simulated.site, zones=zones_of(simulated, name))

    result = kept_result(f"dark-{name}-{seed}", folder, made)
    return [
        {
            "seed": seed,
            "what": area.zone_id.split(" ", 1)[-1].removeprefix("control-"),
            "habit": MOVES if name == MOVES and "0.9" not in area.zone_id else STAYS,
            "verdict": area.verdict,
            "low": area.area_ha.low,
            "high": area.area_ha.high,
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
    for what, habit in dict.fromkeys((row["what"], row["habit"]) for row in rows):
        part = [row for row in rows if row["what"] == what and row["habit"] == habit]
        if part:
            lines.append(_row(what, habit, part))
    for habit in (STAYS, MOVES):
        part = [row for row in rows if row["habit"] == habit]
        if part:
            lines.append(_row("all of these", habit, part))
    told = [row for row in rows if row["habit"] == STAYS or row["what"].replace("_", " ") not in UNTOLD]
    return [*lines, _row(f"all but {', '.join(UNTOLD)} that come and go", "either", told)]


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
    parser.add_argument("--kept", action="store_true", help="only sites that the folder has")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    seeds = range(options.seeds[0], options.seeds[1] + 1)

    def wanted(name: str) -> bool:
        return not options.kept or years_path(name, options.keep).exists()

    rows = [
        row
        for seed in seeds
        for name in SITES
        if wanted(f"dark-{name}-{seed}")
        for row in judged(name, seed, options.keep)
    ]
    around = [
        searched(what, seed, options.keep)
        for seed in seeds
        for what in SURROUNDINGS
        if wanted(f"around-{what}-{seed}")
    ]
    lines = [*zone_table(rows), *(["", *search_table(around)] if around else [])]
    print("\n".join(lines))
    if options.write:
        write_table(
            "stockpiles.md", "no coal table", lines, method=MADE_WITH, seeds=f"seeds {seeds_of(rows)}"
        )


if __name__ == "__main__":
    main()
