"""Accuracy on simulated camp mines: areas, coverage, found piles, false coal. Simulated, not real.

python -m benchmarks.stockpiles.simulated_table --seeds 603 608 --keep FOLDER   areas, some seeds at a time
python -m benchmarks.stockpiles.simulated_table --points 603 608 --keep FOLDER  piles without any zone
python -m benchmarks.stockpiles.simulated_table --quiet 720 725 --keep FOLDER   sites without coal
python -m benchmarks.stockpiles.simulated_table --write --keep FOLDER           the tables of what is kept
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import xarray as xr
from numpy.typing import NDArray

from aoi.records import ZoneKind
from benchmarks.manual import kept_in, write_table
from benchmarks.stockpiles.baselines import local_matched_filter, three_endmembers
from detection.coal.measure import StockpileParams, StockpileResult, measure_stockpiles
from detection.coal.records import Stockpile
from detection.coal.search import OPERATING_POINTS
from detection.coal.zones import stockyards
from imagery.simulate import SimulatedSite, simulate_site, unchanged_site
from imagery.simulate.params import CoalParams, SensorParams, SimulationParams
from imagery.simulate.piles import PileTruth

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
LOOKS = 3
"""Clear looks within which it must be."""
PIXEL_HA = 0.01
PER_25_KM2 = 25e4
"""Pixels."""
PAGE = "stockpiles.md"
MADE_WITH = ["measure_stockpiles", "simulate_site"]
ALL, NO_SWIR = "all bands", "without SWIR"
ONLY_ZONES = StockpileParams(find_piles=False)


def layout(seed: int) -> SimulationParams:
    """A small site whose piles, dust, haloes and registration differ from seed to seed."""
    coal = CoalParams(
        n_piles=(2, 3, 4, 6)[seed % 4],
        dustiness=(0.1, 0.3, 0.6)[seed % 3],
        halo_fraction=(0.05, 0.15, 0.25)[(seed // 2) % 3],
    )
    sensor = SensorParams(bands=BANDS, residual_shift_px=RESIDUALS_PX[(seed // 3) % 3])
    return SimulationParams(**SHORT, coal=coal, sensor=sensor)


def judged(seed: int) -> dict[str, Any]:
    """Every judged look of one site, with and without SWIR and by the baselines; waits for new piles."""
    simulated = simulate_site(layout(seed), seed=seed)
    cube = simulated.cube()
    common = {"seed": seed, "registration_px": RESIDUALS_PX[(seed // 3) % 3]}
    rows: list[dict[str, Any]] = []
    results = {}
    for name, used in ((ALL, cube), (NO_SWIR, cube.drop_vars(["swir16", "swir22"]))):
        results[name] = measure_stockpiles(used, simulated.site, params=ONLY_ZONES)
        rows += [common | {"bands": name} | row for row in looks(simulated, results[name])]
    rows += [common | row for row in baseline_looks(simulated, cube, results[ALL])]
    refused = sum(
        area.area_ha.value is None and area.valid_fraction >= CLEAR for area in results[NO_SWIR].areas
    )
    waits = list(noticed(simulated, cube, results[ALL]))
    return {"rows": rows, "waits": waits, "refused_without_swir": refused}


def baseline_looks(
    simulated: SimulatedSite, cube: xr.Dataset, result: StockpileResult
) -> Iterator[dict[str, Any]]:
    """The two baselines on the looks that the method was judged on."""
    pixels = np.stack([cube[band].values.astype(np.float64) for band in BANDS[:5]], axis=-1)
    seen = cube["valid"].values & ~cube["snow"].values & np.isfinite(pixels).all(axis=-1)
    pixels = np.nan_to_num(pixels)
    at = {when.astype("datetime64[us]").item(): t for t, when in enumerate(cube["time"].values)}
    shares = {zone.id: zone.share for zone in stockyards(cube, simulated.site)}
    every = np.any([share > 0.0 for share in shares.values()], axis=0)
    for zone, share in shares.items():
        told = {
            "three endmembers": three_endmembers(pixels, seen, share),
            "local matched filter": local_matched_filter(pixels, seen, share, every),
        }
        for area in result.areas:
            t = at[area.datetime.replace(tzinfo=None)]
            if area.zone_id != zone or area.valid_fraction < CLEAR or area.area_ha.value is None:
                continue
            truth = zone_truth(simulated, zone, area.datetime.date())
            for name, pixels_of_coal in told.items():
                if np.isfinite(pixels_of_coal[t]):
                    error = float(pixels_of_coal[t]) * PIXEL_HA - truth
                    yield {"bands": name, "truth": truth, "month": area.datetime.month, "error": error}


def noticed(simulated: SimulatedSite, cube: xr.Dataset, result: StockpileResult) -> Iterator[dict[str, Any]]:
    """For every pile that reaches `BARELY_HA` within the record: at which clear look it was found, or none.

    Each look is judged with the looks up to it alone, as a watcher would have had it.
    """
    for pile in simulated.truth.piles:
        clear = [
            area.datetime
            for area in result.areas
            if area.zone_id == pile.zone_id
            and area.valid_fraction >= CLEAR
            and area.area_ha.value is not None
        ]
        large = [when for when in clear if pile.area_ha(when.date()) >= BARELY_HA]
        if not large or large[0] == clear[0]:
            continue
        found = (n for n, when in enumerate(large[:LOOKS], 1) if _shows(simulated, cube, pile, when))
        yield {"pile": pile.pile_id, "look": next(found, None)}


def _shows(simulated: SimulatedSite, cube: xr.Dataset, pile: PileTruth, when: dt.datetime) -> bool:
    """Whether a measurement of the looks up to `when` holds a pile there over most of the true one."""
    until = cube.isel(time=cube["time"].values <= np.datetime64(when.replace(tzinfo=None)))
    piles = measure_stockpiles(until, simulated.site, params=ONLY_ZONES).piles
    true = simulated.truth.pile_outline(pile.pile_id, when.date())
    now = shapely.union_all([one.geometry for one in piles if one.datetime == when])
    return true is not None and now.intersection(true).area > 0.5 * true.area


def pointed(seed: int) -> list[dict[str, Any]]:
    """What each operating point finds on a site whose stockyard nobody has drawn."""
    simulated = simulate_site(layout(seed), seed=seed)
    cube, out = simulated.cube(), []
    last = cube["time"].values[-1].astype("datetime64[D]").item()
    large = [pile for pile in simulated.truth.piles if pile.area_ha(last) >= BARELY_HA]
    shapes = [simulated.truth.pile_outline(pile.pile_id, last) for pile in large]
    wanted = [shape for shape in shapes if shape is not None]
    yard = shapely.union_all([zone.geometry for zone in simulated.site.zones_of(ZoneKind.STOCKYARD)])
    scale = PER_25_KM2 / (cube.sizes["x"] * cube.sizes["y"])
    for name, point in OPERATING_POINTS.items():
        params = StockpileParams(found=point)
        piles = _newest(measure_stockpiles(cube, replace(simulated.site, zones=()), params=params).piles)
        now = shapely.union_all([pile.geometry for pile in piles])
        hits = sum(now.intersection(shape).area > 0.5 * shape.area for shape in wanted)
        false = [pile.area_ha.value or 0.0 for pile in piles if not pile.geometry.intersects(yard)]
        told = {"piles": len(wanted), "hits": hits, "false": sum(false) * scale}
        out.append({"seed": seed, "point": name} | told)
    return out


def _newest(piles: Sequence[Stockpile]) -> list[Stockpile]:
    """Each pile on its last look."""
    return list({pile.pile_id: pile for pile in sorted(piles, key=lambda pile: pile.datetime)}.values())


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
    bare = replace(simulated.site, zones=())
    yard = measure_stockpiles(cube, simulated.site, params=ONLY_ZONES)
    values = [area.area_ha.value for area in yard.areas if area.area_ha.value is not None]
    return {
        "seed": seed,
        "dates": cube.sizes["time"],
        "yard": float(np.quantile(values, 0.95)) if values else float("nan"),
        "found": false_per_25_km2(cube, measure_stockpiles(cube, bare)),
    }


def false_per_25_km2(cube: xr.Dataset, result: StockpileResult) -> float:
    """95th percentile over the dates of what was found, hectares per 25 km²."""
    total = dict.fromkeys(cube["time"].values.astype("datetime64[us]").tolist(), 0.0)
    for pile in result.piles:
        total[pile.datetime.replace(tzinfo=None)] += pile.area_ha.value or 0.0
    scale = PER_25_KM2 / (cube.sizes["x"] * cube.sizes["y"])
    return float(np.quantile(list(total.values()), 0.95)) * scale


def row(name: str, part: list[dict[str, Any]], prefix: str = "") -> str:
    """One row of the table."""
    error = np.array([look[f"{prefix}error"] for look in part])
    hits = [look[f"{prefix}covered"] for look in part if f"{prefix}covered" in look]
    covered = f"{100 * np.mean(hits):.1f}" if hits else "–"
    truth = np.mean([look["truth"] for look in part])
    return (
        f"| {name} | {len(error)} | {np.sqrt(np.mean(error**2)):.3f} | {error.mean():+.3f} "
        f"| {covered} | {truth:.2f} |"
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
        lines.append(row(f"{name}, single dates", part))
        if "smooth_error" in part[0]:
            lines.append(row(f"{name}, smoothed", part, "smooth_"))
    part = groups[ALL]
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


def waits_text(parts: Sequence[dict[str, Any]]) -> list[str]:
    """How soon new piles are noticed, and how often there is no figure without SWIR."""
    waits = [wait["look"] for part in parts for wait in part["waits"]]
    counts = [sum(look == n for look in waits) for n in range(1, LOOKS + 1)]
    refused = sum(part["refused_without_swir"] for part in parts)
    given = sum(row["bands"] == NO_SWIR for part in parts for row in part["rows"])
    by_look = ", ".join(f"{count} at clear look {n}" for n, count in enumerate(counts, 1))
    told = f"Piles that reached {BARELY_HA} ha within the record, {len(waits)} in all: found {by_look}, "
    told += f"{len(waits) - sum(counts)} later or never (with the looks up to that day alone)."
    return [
        "",
        told,
        f"Without SWIR {given} clear looks have a figure, {refused} are refused.",
    ]


def quiet_table(sites: list[dict[str, Any]]) -> list[str]:
    """False coal by site."""
    lines = [
        "| site without coal | dates | found, ha per 25 km² (95th percentile) | in the yard, ha (95th) |",
        "|---|---|---|---|",
    ]
    return lines + [
        f"| seed {s['seed']} | {s['dates']} | {s['found']:.3f} | {s['yard']:.3f} |" for s in sites
    ]


def points_table(found: list[dict[str, Any]]) -> list[str]:
    """Recall and false coal of each operating point."""
    lines = [
        f"| operating point | piles from {BARELY_HA} ha | found | false coal, ha per 25 km² | worst site |",
        "|---|---|---|---|---|",
    ]
    for name in OPERATING_POINTS:
        own = [row for row in found if row["point"] == name]
        piles, hits = sum(row["piles"] for row in own), sum(row["hits"] for row in own)
        false = [row["false"] for row in own] or [float("nan")]
        share = 100.0 * hits / max(piles, 1)
        lines.append(f"| {name} | {piles} | {share:.0f} % | {np.mean(false):.2f} | {np.max(false):.2f} |")
    return lines


def kept(folder: Path, name: str) -> list[Any]:
    """What was measured so far."""
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob(f"{name}-*.json"))]


def _seeds(rows: list[Any]) -> str:
    """The seeds of what was measured, in words."""
    each = [row["seed"] for part in rows for row in (part.get("rows", [part]))]
    return f"seeds {min(each)} to {max(each)}"


def main() -> None:
    """Measure a few seeds, or write what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in MEASURES:
        parser.add_argument(f"--{name}", type=int, nargs=2, default=(0, 0), metavar=("FIRST", "AFTER"))
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    options.keep = kept_in(options.keep, MADE_WITH)
    for name, measure in MEASURES.items():
        for seed in range(*getattr(options, name)):
            path = options.keep / f"{name}-{seed}.json"
            if not path.exists():
                path.write_text(json.dumps(measure(seed)), encoding="utf-8")
                print(path.name, flush=True)
    if options.write:
        judged_sites, quiet_sites = kept(options.keep, "seeds"), kept(options.keep, "quiet")
        rows = [row for part in judged_sites for row in part["rows"]]
        points = [row for part in kept(options.keep, "points") for row in part]
        if rows:
            write_table(
                PAGE,
                "simulated table",
                [*table(rows), *waits_text(judged_sites)],
                method=MADE_WITH,
                seeds=_seeds(judged_sites),
            )
        if quiet_sites:
            write_table(
                PAGE,
                "false coal table",
                quiet_table(quiet_sites),
                method=MADE_WITH,
                seeds=_seeds(quiet_sites),
            )
        if points:
            write_table(
                PAGE,
                "operating points",
                points_table(points),
                method=MADE_WITH,
                seeds=_seeds(points),
            )


MEASURES: dict[str, Callable[[int], Any]] = {"seeds": judged, "points": pointed, "quiet": quiet}
"""By option."""


if __name__ == "__main__":
    main()
