"""Ground opened before Sentinel-2's first looks and among them, with and without Landsat's (simulated).

    python -m benchmarks.expansion.earlier OUT 434 435 436      # measures sites, one JSON each
    python -m benchmarks.expansion.earlier OUT --write          # the table of all that is kept

A site is a farmed valley with a mine that grows, clearings, tracks and fires, seen by Landsat from 2013 and
by Sentinel-2 from 2017, until 2020; seeds from 440 on are such valleys in which nothing is opened.
What is judged are the disturbances of `measure_ground`: of the ground that was taken in a time, how much lies
in any of them; which of them lie on ground of which less than a quarter was ever taken; and of those that
were opened before 2017, whether the interval of first seen holds the day on which half of the founding
cells were taken. Strips ten metres wide along fences and tracks are in the truth, though no method tells them
all. Ways were compared on seeds 431 to 433.
"""

from __future__ import annotations

import datetime as dt
import pickle
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from aoi.pixels import coverage, pixel_size_m
from benchmarks.expansion.landsat import MINE, taken_by
from benchmarks.manual import judge_seeds, kept_in
from benchmarks.runs.false_alerts import GROUND_BANDS
from detection.ground.measure import measure_ground
from detection.ground.params import Kind
from detection.ground.rates import COUNTED
from detection.ground.records import Disturbance
from evidence.arrays import Floats
from imagery.simulate import SensorParams, SimulatedSite, farmed_site, simulate_site, unchanged_site
from imagery.simulate.atmosphere import block_mean
from imagery.simulate.cube import build_cube

SINCE, BEGINS, UNTIL = dt.date(2013, 4, 1), dt.date(2017, 1, 1), dt.date(2020, 9, 1)
"""First day of Landsat's looks, of Sentinel-2's, day after the last."""
TIMES = {
    "2014 to 2016": (dt.date(2014, 6, 1), BEGINS),
    "2017": (BEGINS, dt.date(2018, 2, 10)),
    "2018 to 2020": (dt.date(2018, 2, 10), UNTIL),
}
"""While Landsat alone looked (after its own first 400 days), in the first 400 days of Sentinel-2, later."""
WAYS = ("10 m alone", "30 m alone", "10 m after 30 m")
CUBES = Path(tempfile.gettempdir()) / "campwatch-earlier"
QUIET_FROM = 440
FALSE_BELOW = 0.25
STEP_DAYS = 10


def made(seed: int) -> SimulatedSite:
    """A site."""
    span = {"since": SINCE, "until": UNTIL, "size_px": 120, "sensor": SensorParams(bands=GROUND_BANDS)}
    params = farmed_site(**span, mine=MINE)
    if seed >= QUIET_FROM:
        params = replace(unchanged_site(**span), land=params.land)
    return simulate_site(params, seed=seed)


def cubes(site: SimulatedSite, kept: Path) -> tuple[xr.Dataset, xr.Dataset]:
    """Its cubes of Sentinel-2 and of Landsat, from a file where they were made before."""
    if not kept.exists():
        fine, _ = build_cube(site.world, [one for one in site.truth.passes if one.day >= BEGINS])
        seen = [
            cube.isel(time=np.flatnonzero(cube["valid"].values.any(axis=(1, 2))))
            for cube in (fine, site.landsat_cube())
        ]
        kept.write_bytes(pickle.dumps(tuple(seen)))
    fine, coarse = pickle.loads(kept.read_bytes())  # noqa: S301 - made here
    return fine, coarse


def _taken(site: SimulatedSite, day: dt.date) -> Floats:
    """(y, x) share of each 10 m pixel that was taken by a day."""
    margin = site.truth.world.frame.margin_cells
    cells = taken_by(site, day)[margin:-margin, margin:-margin]
    return np.asarray(block_mean(np.asarray(cells, np.float32), 2), np.float64)


def measured(seed: int) -> dict[str, Any]:
    """What each way tells of one simulated site."""
    site = made(seed)
    fine, coarse = cubes(site, kept_in(CUBES, ["simulate_site"]) / f"{seed}.pickle")
    ever = _taken(site, UNTIL)
    days = [SINCE + dt.timedelta(days=k) for k in range(0, (BEGINS - SINCE).days, STEP_DAYS)]
    course = np.stack([_taken(site, day) for day in days])
    grid, out = fine.odc.geobox, {}
    for way in WAYS:
        cube = coarse if way == "30 m alone" else fine
        rows = measure_ground(cube, site.site, coarse=coarse if way == WAYS[-1] else None)
        counted = [e for e in rows.disturbances if e.machine_status in COUNTED and e.kind != Kind.RIVER]
        covers = [coverage(e.geometry, grid) for e in counted]
        told = np.max([np.zeros(grid.shape), *covers], axis=0)
        share = [float((cover * ever).sum() / cover.sum()) for cover in covers]
        false = [cover.sum() / 100 for cover, one in zip(covers, share, strict=True) if one < FALSE_BELOW]
        half = pixel_size_m(cube.odc.geobox) / 2
        dated = [_holds(e, grid, course, days, half) for e in counted]
        out[way] = {
            "told": {
                name: float((told * (_taken(site, end) - _taken(site, start))).sum() / 100)
                for name, (start, end) in TIMES.items()
            },
            "false": [len(false), float(sum(false))],
            "dated": [one for one in dated if one is not None],
        }
    true = {
        name: float((_taken(site, end) - _taken(site, start)).sum() / 100)
        for name, (start, end) in TIMES.items()
    }
    km2 = float(grid.shape[0] * grid.shape[1]) / 1e4
    return {"seed": seed, "true": true, "ways": out, "km2": km2}


def _holds(event: Disturbance, grid: Any, course: Floats, days: list[dt.date], half_m: float) -> bool | None:
    """Whether the interval holds the day on which half of the founding cells were taken; None if later."""
    places = np.array([[float(part) for part in cell.split()] for cell in event.founding_cells])
    columns, rows = (~grid.transform) * (places[:, 0] + half_m, places[:, 1] - half_m)
    inside = [
        (int(r), int(c))
        for r, c in zip(rows, columns, strict=True)
        if 0 <= r < grid.shape[0] and 0 <= c < grid.shape[1]
    ]
    if not inside:
        return None
    share = np.mean([course[:, r, c] > 0.5 for r, c in inside], axis=0)
    if share[0] >= 0.5 or share[-1] < 0.5:
        return None
    day = days[int(np.argmax(share >= 0.5))]
    slack = dt.timedelta(days=STEP_DAYS)
    return event.first_seen_low - slack <= day <= event.first_seen_high + slack


def table(found: list[dict[str, Any]]) -> list[str]:
    """Markdown of all sites."""
    busy = [one for one in found if one["seed"] < QUIET_FROM]
    quiet = [one for one in found if one["seed"] >= QUIET_FROM]
    lines = [
        f"{len(busy)} sites with a mine and {len(quiet)} without, 1.2 by 1.2 km; hectares found, and true.",
        "",
        f"| method | {' | '.join(TIMES)} | false, with a mine | false, without | day held, before 2017 |",
        "|---|---|---|---|---|---|---|",
    ]
    for way in WAYS:
        cells = [
            f"{sum(one['ways'][way]['told'][name] for one in busy):.1f} of "
            f"{sum(one['true'][name] for one in busy):.1f}"
            for name in TIMES
        ]
        for group in (busy, quiet):
            count, area = np.sum([one["ways"][way]["false"] for one in group] or [[0, 0]], axis=0)
            cells.append(f"{count:.0f} ({area:.1f} ha)")
        dated = [held for one in busy for held in one["ways"][way]["dated"]]
        cells.append(f"{sum(dated)} of {len(dated)}")
        lines.append(f"| {way} | {' | '.join(cells)} |")
    lines += ["", f"| seed | true | {' | '.join(WAYS)} |", "|---|---|---|---|---|"]
    first = next(iter(TIMES))
    for one in busy:
        told = " | ".join(f"{one['ways'][way]['told'][first]:.1f}" for way in WAYS)
        lines.append(f"| {one['seed']}, {first} | {one['true'][first]:.1f} | {told} |")
    return lines


def main() -> None:
    """Measure the seeds that are not in the folder yet; print the table of all, or write it."""
    judge_seeds(
        __doc__,
        measured,
        table,
        page="expansion.md",
        name="earlier",
        method=["measure_ground", "simulate_site"],
    )


if __name__ == "__main__":
    main()
