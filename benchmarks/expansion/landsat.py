"""Ground by Landsat alone, 2013 to 2024, beside the truth: yearly accounts, rates about 2016. Simulated.

    python -m benchmarks.expansion.landsat OUT 411 412 413     # measures sites, one JSON each
    python -m benchmarks.expansion.landsat OUT --write         # the table of all that is kept

What is judged are the rows of `measure_landsat`, as a run makes them. A site is a farmed valley with a mine
that grows, clearings, tracks and fires. True is the green ground that these took from the first account that
is assessable until each later one, and, for the rates, outside the boundary version that the row names.
Strips ten metres wide along fences and tracks are in the truth, though few pixels of 30 m tell them. Errors
of rates and accounts were fitted on seeds 61 to 66.
"""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace
from typing import Any

import numpy as np

from aoi.pixels import coverage
from benchmarks.manual import judge_seeds
from detection.ground.landsat import measure_landsat
from detection.ground.params import YEAR_DAYS
from detection.ground.records import GroundRate
from evidence.arrays import Bools, Floats
from imagery.simulate import MineParams, SimulatedSite, farmed_site, simulate_site
from imagery.simulate.atmosphere import block_mean
from imagery.simulate.mine import ALWAYS, NEVER
from imagery.simulate.world import GREEN

SINCE, UNTIL = dt.date(2013, 4, 1), dt.date(2025, 1, 1)
SIDES = ("before", "after", "change")
MINE = MineParams(pit_ha=(1.0, 5.0), spoil_ha=(1.5, 6.0), clearings=5, clearing_ha=(0.3, 2.5))


def taken_by(site: SimulatedSite, day: dt.date) -> Bools:
    """Cells of green ground that events or fires had taken by a day: (y, x)."""
    world = site.truth.world
    cells = np.zeros(world.frame.world_shape, bool)
    for event in world.mine.disturbed:
        ground = event.born if event.extent is None else event.extent
        cells |= (ground < NEVER) & (ground > ALWAYS) & event.ground(day)
    for scar in world.land.burn_scars:
        if scar.day <= day:
            cells |= scar.cells
    return np.asarray(cells & GREEN[world.land.labels])


def hectares(site: SimulatedSite, cells: Bools, part: Floats | None = None) -> float:
    """Area of cells within the site, weighted by the share of each 10 m pixel that counts."""
    margin = site.truth.world.frame.margin_cells
    shares = block_mean(np.asarray(cells[margin:-margin, margin:-margin], np.float32), 2)
    return float((shares if part is None else shares * part).sum()) / 100


def _yearly(site: SimulatedSite, accounts: list[Any]) -> list[list[float]]:
    """Year, disturbed since the first account with its interval, true; hectares."""
    told = sorted(
        (one for one in accounts if one.area_ha.value is not None), key=lambda one: one.account_date
    )
    if not told:
        return []
    start = taken_by(site, told[0].account_date)
    return [
        [one.account_date.year, one.area_ha.value, one.area_ha.low, one.area_ha.high,
         hectares(site, taken_by(site, one.account_date) & ~start)]
        for one in told[1:]
    ]  # fmt: skip


def beside_truth(site: SimulatedSite, row: GroundRate) -> dict[str, list[float]]:
    """Rates and their change, with interval and truth; hectares a year outside the row's version."""
    version = next((b for b in site.site.boundaries if b.boundary_id == row.boundary_id), None)
    grid = site.truth.world.frame.geobox
    outside = None if version is None else 1.0 - coverage(version.geometry, grid)
    true = {}
    for side, start, end in (
        ("before", row.since, row.split),
        ("after", row.split, row.until - dt.timedelta(days=1)),
    ):
        new = taken_by(site, end) & ~taken_by(site, start)
        true[side] = hectares(site, new, outside) * YEAR_DAYS / (end - start).days
    true["change"] = true["after"] - true["before"]
    found = zip(SIDES, (row.before_ha_a_year, row.after_ha_a_year, row.change_ha_a_year), strict=True)
    return {
        side: [q.value, q.low, q.high, true[side]]
        for side, q in found
        if q.value is not None and q.low is not None and q.high is not None
    }


def measured(seed: int) -> dict[str, Any]:
    """What one simulated site gave."""
    site = simulate_site(farmed_site(size_px=120, since=SINCE, until=UNTIL, mine=MINE), seed=seed)
    cube = site.landsat_cube()
    clock = time.process_time()
    accounts, rates = measure_landsat(cube, site.site)
    _, everywhere = measure_landsat(cube, replace(site.site, boundaries=()))
    return {
        "seed": seed,
        "looks": int(cube.sizes["time"]),
        "yearly": _yearly(site, accounts),
        "rates": {
            "outside the version": beside_truth(site, rates[0]),
            "everywhere": beside_truth(site, everywhere[0]),
        },
        "cpu_s": time.process_time() - clock,
    }


def judged(rows: list[list[list[float]]]) -> tuple[str, str, str, str]:
    """Mean error, RMSE, coverage with a site-clustered interval, median width over truth."""
    flat = np.array([row for site in rows for row in site])
    covers = [[low <= true <= high for _, low, high, true in site] for site in rows if site]
    shares = np.array([np.mean(one) for one in covers])
    counts = np.array([len(one) for one in covers])
    mean = float((shares * counts).sum() / counts.sum())
    spread = float(np.sqrt(((counts * (shares - mean)) ** 2).sum()) / counts.sum())
    error = flat[:, 0] - flat[:, 3]
    low, high = max(mean - 1.96 * spread, 0.0), min(mean + 1.96 * spread, 1.0)
    width = np.median((flat[:, 2] - flat[:, 1]) / np.maximum(flat[:, 3], 0.1))
    return (
        f"{error.mean():+.2f}",
        f"{np.sqrt(np.mean(error**2)):.2f}",
        f"{mean:.0%} of {len(flat)} ({low:.0%} to {high:.0%})",
        f"{width:.1f}",
    )


def table(found: list[dict[str, Any]]) -> list[str]:
    """Markdown of all sites."""
    looks = [one["looks"] for one in found]
    lines = [
        f"{len(found)} sites of 1.2 by 1.2 km, {min(looks)} to {max(looks)} looks.",
        "",
        "| what | mean error | RMSE | interval holds, site-clustered 95 % | median width over truth |",
        "|---|---|---|---|---|",
    ]
    yearly = [[row[1:] for row in one["yearly"]] for one in found]
    lines.append(f"| disturbed since 2014, ha | {' | '.join(judged(yearly))} |")
    for where in ("outside the version", "everywhere"):
        for side in SIDES:
            rates = [[one["rates"][where][side]] for one in found if side in one["rates"][where]]
            if rates:
                lines.append(f"| {where}, {side}, ha a year | {' | '.join(judged(rates))} |")
    lines += [
        "",
        "| seed | by 2024, ha: found (interval), true | everywhere, ha a year: before | after | change |",
        "|---|---|---|---|---|",
    ]
    for one in found:
        last = one["yearly"][-1][1:] if one["yearly"] else None
        rate = one["rates"]["everywhere"]
        cells = [_told(last), *(_told(rate.get(side)) for side in SIDES)]
        lines.append(f"| {one['seed']} | {' | '.join(cells)} |")
    return lines


def _told(row: list[float] | None) -> str:
    return "–" if row is None else f"{row[0]:.2f} ({row[1]:.2f} to {row[2]:.2f}), {row[3]:.2f}"


def main() -> None:
    """Measure the seeds that are not in the folder yet; print the table of all, or write it."""
    judge_seeds(
        __doc__,
        measured,
        table,
        page="imagery-cube.md",
        name="landsat ground",
        method=["measure_landsat", "simulate_site"],
    )


if __name__ == "__main__":
    main()
