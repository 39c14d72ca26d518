"""Sites where nobody has drawn a zone: new piles found by size and look, and whether what was missed is held.

Simulated, not real.

python -m benchmarks.stockpiles.missed_table --seeds 850 858 870 878 --keep FOLDER [--write]
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import shapely
import xarray as xr
from numpy.typing import NDArray

from aoi.pixels import coverage
from benchmarks.manual import write_table
from benchmarks.stockpiles.layouts import BANDS, CLEAR, MADE_WITH, PIXEL_HA, asked_rows, layout
from benchmarks.stockpiles.open_yards import calibrated_on
from benchmarks.stockpiles.rank_table import seeds_of
from detection.coal.measure import METHOD, measure_stockpiles
from detection.coal.spectra import CoalSpectrum
from evidence.errors import MeasurementError
from imagery.simulate import SimulatedSite, simulate_site
from imagery.simulate.params import CoalParams, MineParams, PilePlan, SensorParams, SimulationParams

Floats = NDArray[np.float64]
Row = dict[str, Any]
SIZES_HA = (0.3, 0.9, 2.0)
"""Of a new pile alone on a bare yard, by seed."""
CAME = dt.date(2019, 6, 20)
LOOKS = 5
"""Clear looks after which a new pile is searched for."""
BEGUN = (0.5, 0.75, 1.0)
"""Parts of a record on whose last clear look a yard with many piles is judged."""
NAMES = {
    "yard": "yards with many piles",
    "marked": "the same yards, their largest pile marked (`campwatch calibrate`)",
    "bare": "one new pile on a bare yard",
}


def bare(seed: int) -> SimulationParams:
    """A bare yard on which one pile comes."""
    return SimulationParams(
        size_px=96,
        since=dt.date(2018, 5, 1),
        until=dt.date(2019, 11, 1),
        months=(5, 6, 7, 8, 9, 10),
        coal=CoalParams(plans=(PilePlan(areas=((CAME, SIZES_HA[seed % 3]),)),)),
        mine=MineParams(active=False),
        sensor=SensorParams(bands=BANDS),
    )


def judged(seed: int) -> list[Row]:
    """Every judged date of one site of either kind."""
    rows = []
    for kind, params in (("yard", layout(seed)), ("bare", bare(seed))):
        simulated = simulate_site(params, seed=seed)
        cube = simulated.cube()
        clear = clear_looks(simulated, cube)
        dates = cube["time"].values.astype("datetime64[D]")
        if kind == "yard":
            chosen = [int(clear[max(0, round(part * len(clear)) - 1)]) for part in BEGUN]
        else:
            chosen = [int(t) for t in clear if dates[t] >= np.datetime64(CAME)][:LOOKS]
        for look, t in enumerate(chosen, 1):
            rows.append({"seed": seed, "kind": kind, "look": look} | on_date(simulated, cube, t))
            coal = marked(simulated, cube.isel(time=slice(0, t + 1))) if kind == "yard" else None
            if coal is not None:
                told = on_date(simulated, cube, t, coal)
                rows.append({"seed": seed, "kind": "marked", "look": look} | told)
    return rows


def marked(simulated: SimulatedSite, cube: xr.Dataset) -> CoalSpectrum | None:
    """What the site's largest pile says of its coal by the looks until then; None where too few show it."""
    try:
        return replace(calibrated_on(simulated, cube), measured_at=simulated.site.id)
    except (MeasurementError, ValueError):
        return None


def clear_looks(simulated: SimulatedSite, cube: xr.Dataset) -> NDArray[np.intp]:
    """Positions of the looks that saw the yard."""
    yard = coverage(shapely.union_all([z.geometry for z in simulated.site.zones]), cube.odc.geobox)
    seen = cube["valid"].values & ~cube["snow"].values
    return np.flatnonzero((seen * yard).sum(axis=(1, 2)) >= CLEAR * yard.sum())


def on_date(simulated: SimulatedSite, cube: xr.Dataset, t: int, coal: CoalSpectrum | None = None) -> Row:
    """Coal on one date, what of it lies under no pile that was found by then, and what was said of that."""
    day = cube["time"].values[t].astype("datetime64[D]").item()
    looks, site = cube.isel(time=slice(0, t + 1)), replace(simulated.site, zones=())
    result = measure_stockpiles(looks, site, calibration=coal)
    found = shapely.union_all([pile.geometry for pile in result.piles])
    under = coverage(found, cube.odc.geobox) if result.piles else np.zeros(cube.odc.geobox.shape)
    true, missed = 0.0, 0.0
    for pile in simulated.truth.piles:
        outline = simulated.truth.pile_outline(pile.pile_id, day)
        if outline is not None:
            share = coverage(outline, cube.odc.geobox)
            true, missed = true + float(share.sum()), missed + float((share * (1.0 - under)).sum())
    high = None if result.missed_ha is None else result.missed_ha.high
    site_ha = PIXEL_HA * cube.sizes["y"] * cube.sizes["x"]
    told = {"day": day.isoformat(), "truth": true * PIXEL_HA, "missed": missed * PIXEL_HA}
    return told | {"high": high or 0.0, "site_ha": site_ha}


def table(rows: list[Row]) -> list[str]:
    """How often the interval of what was missed holds it, by kind of site; then piles by size and look."""
    heads = ("sites without zones", "dates", "upper end holds what was missed, %", "coal, ha")
    heads += ("of it under found piles, %", "missed, ha", "median upper end, ha", "of the site, %")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for kind, name in NAMES.items():
        part = [row for row in rows if row["kind"] == kind]
        lines.append(f"| {name} | {held(part)} |")
    lines += ["", "| new pile, ha | " + " | ".join(f"look {n}" for n in range(1, LOOKS + 1)) + " |"]
    lines.append("|---" * (LOOKS + 1) + "|")
    return [*lines, *by_size([row for row in rows if row["kind"] == "bare"])]


def held(part: list[Row]) -> str:
    """One row's figures."""
    hits = [row["missed"] <= row["high"] for row in part]
    coal, missed = sum(row["truth"] for row in part), sum(row["missed"] for row in part)
    upper = np.median([row["high"] for row in part])
    share = 100.0 * np.median([row["high"] / row["site_ha"] for row in part])
    found = 100.0 * (1.0 - missed / coal)
    return (
        f"{len(part)} | {100.0 * np.mean(hits):.1f} | {coal / len(part):.2f} | {found:.0f} "
        f"| {missed / len(part):.2f} | {upper:.2f} | {share:.1f}"
    )


def by_size(rows: list[Row]) -> Iterator[str]:
    """Piles of which most was found, of those that had as many clear looks."""
    for at, size in enumerate(SIZES_HA):
        own = [row for row in rows if row["seed"] % 3 == at]
        cells = []
        for look in range(1, LOOKS + 1):
            part = [row for row in own if row["look"] == look]
            hits = sum(row["missed"] < 0.5 * row["truth"] for row in part)
            cells.append(f"{hits} of {len(part)}")
        yield f"| {size} | " + " | ".join(cells) + " |"


def main() -> None:
    """Measure the seeds that are not kept, then the tables."""
    rows, write = asked_rows(__doc__, "missed", judged)
    seeds = seeds_of(rows)
    told = f"Simulated, {seeds.count(',') + 1} sites of either kind. Method {METHOD}."
    lines = [told, "", *table(rows)]
    print("\n".join(lines))
    if write:
        write_table(
            "stockpiles.md",
            "missed table",
            lines,
            method=[*MADE_WITH, "calibrate_spectrum"],
            seeds=f"seeds {seeds}",
        )


if __name__ == "__main__":
    main()
