"""The joined series: steps at the changes of instrument where nothing changed; rates beside the truth.

    python -m benchmarks.expansion.joins OUT 450 451 434 435     # measures sites, one JSON each
    python -m benchmarks.expansion.joins OUT --write             # the table of all that is kept

Seeds from 450 on: farmed valleys in which nothing is opened, Landsat from 2013, Sentinel-2 from 2017 to 2026
(from 2025 Sentinel-2C beside B). The series are monthly means of the bare share of blocks of 0.36 ha, as the
engine sees it over both instruments, with an error that all months of Landsat have in common. It is
calibrated at the site: with Sentinel-2 withheld for its first two years, Landsat's looks of those years, as
they would have been brought to 10 m, against Sentinel-2's own. A step is what `judge_step` tells at 95 %,
asked at each join and, to compare, at days on which no instrument changed. Offsets of baseline 04.00 are
settled where products are loaded (`benchmarks.cube.winter_offsets`) and are not in these cubes: 2022 is a day
like another here. Seeds 434 to 439: the sites of `benchmarks.expansion.earlier`, joined rates before and
after 2016 beside the truth.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from benchmarks.expansion.earlier import CUBES, cubes, made
from benchmarks.expansion.landsat import SIDES, beside_truth, judged, taken_by
from benchmarks.manual import judge_seeds, kept_in
from benchmarks.runs.false_alerts import GROUND_BANDS
from detection.answers.judgement import Verdict, judge_step
from detection.ground.earlier import with_earlier
from detection.ground.history import fit_history
from detection.ground.joined import join_error, joined_rates
from detection.ground.measure import measure_ground
from detection.ground.params import GroundParams
from detection.ground.series import GroundSeries, read_series
from detection.ground.states import decoded
from evidence.arrays import Bools, Floats
from evidence.quantity import Quantity
from imagery import robust
from imagery.simulate import SensorParams, SimulatedSite, farmed_site, simulate_site, unchanged_site
from imagery.simulate.cube import build_cube

QUIET_FROM = 450
SINCE, BEGINS, UNTIL = dt.date(2013, 4, 1), dt.date(2017, 1, 1), dt.date(2026, 8, 1)
JOINS = {"2017, Landsat to Sentinel-2": BEGINS, "2022, baseline 04.00": dt.date(2022, 1, 25),
         "2025, Sentinel-2C": dt.date(2025, 1, 21)}  # fmt: skip
OTHERS = {
    "2019, none": dt.date(2019, 1, 1),
    "2020, none": dt.date(2020, 7, 1),
    "2023, none": dt.date(2023, 7, 1),
}
SIDE_PX = 6
BLOCKS = 16
WITHHELD_DAYS = 730
LEAST_MONTHS = 40
"""Months that tell, of a block that is asked: fewer leave most days without a year on either side."""
MOST_SD = 0.3
"""Error of a block's share above which a look says nothing."""


def quiet_site(seed: int) -> tuple[SimulatedSite, xr.Dataset, xr.Dataset]:
    """A small valley in which nothing is opened; both cubes."""
    span = {"since": SINCE, "until": UNTIL, "size_px": 60, "sensor": SensorParams(bands=GROUND_BANDS)}
    params = replace(unchanged_site(**span), land=farmed_site().land)
    site = simulate_site(params, seed=seed)
    fine, _ = build_cube(site.world, [one for one in site.truth.passes if one.day >= BEGINS])
    return site, fine, site.landsat_cube()


def shares(series: GroundSeries, params: GroundParams) -> tuple[Floats, Floats]:
    """(time, row, column) bare share as the engine sees it, and its variance; NaN where not seen."""
    share, variance = decoded(fit_history(series, params).model.code)
    return tuple(np.asarray(one, np.float64).reshape(-1, *series.shape) for one in (share, variance))  # type: ignore[return-value]


def monthly(day: Any, share: Floats, variance: Floats) -> dict[dt.date, tuple[float, float]]:
    """Mean bare share of a block by month, with its error: (time, row, column) of the block."""
    seen = np.isfinite(share)
    use = (seen.mean(axis=(1, 2)) >= 0.5) & (
        np.nanmean(np.where(seen, variance, np.nan), axis=(1, 2)) < MOST_SD**2
    )
    found: dict[dt.date, list[tuple[float, float]]] = {}
    for t in np.flatnonzero(use):
        when = (dt.date(1970, 1, 1) + dt.timedelta(days=int(day[t]))).replace(day=15)
        w = 1.0 / variance[t][seen[t]]
        found.setdefault(when, []).append(
            (float((share[t][seen[t]] * w).sum() / w.sum()), float(1.0 / w.mean()))
        )
    return {
        when: (
            float(np.mean([x for x, _ in looks])),
            float(np.sqrt(np.mean([v for _, v in looks]) / len(looks))),
        )
        for when, looks in found.items()
    }


def still(site: SimulatedSite) -> Bools:
    """(y, x) pixels that nothing ever took."""
    world = site.truth.world
    margin = world.frame.margin_cells
    cells = taken_by(site, UNTIL)[margin:-margin, margin:-margin]
    rows, columns = cells.shape
    return np.asarray(~cells.reshape(rows // 2, 2, columns // 2, 2).any(axis=(1, 3)))


def steps(seed: int) -> dict[str, Any]:
    """Which steps are told at a site where nothing changed."""
    site, fine, coarse = quiet_site(seed)
    params = GroundParams()
    own = read_series(fine, params.looks)
    whole = with_earlier(own, fine.odc.geobox, coarse, params)
    share, variance = shares(whole, params)
    later = own.day[0] + WITHHELD_DAYS
    rest = fine.isel(time=np.flatnonzero(fine["time"].values.astype("datetime64[D]").astype(int) >= later))
    withheld = with_earlier(read_series(rest, params.looks), fine.odc.geobox, coarse, params)
    held = shares(withheld, params)
    ground = still(site)
    places = [
        (slice(r, r + SIDE_PX), slice(c, c + SIDE_PX))
        for r in range(0, whole.shape[0] - SIDE_PX + 1, SIDE_PX)
        for c in range(0, whole.shape[1] - SIDE_PX + 1, SIDE_PX)
        if ground[r : r + SIDE_PX, c : c + SIDE_PX].all()
    ]
    places = places[:: max(1, len(places) // BLOCKS)]
    begin = dt.date(1970, 1, 1) + dt.timedelta(days=int(own.day[0]))
    end = begin + dt.timedelta(days=WITHHELD_DAYS)
    apart, series = [], []
    for rows, columns in places:
        mine = monthly(whole.day, share[:, rows, columns], variance[:, rows, columns])
        coarsely = monthly(withheld.day, held[0][:, rows, columns], held[1][:, rows, columns])
        both = [coarsely[day][0] - mine[day][0] for day in mine if day in coarsely and begin <= day < end]
        if both:
            apart.append(float(np.median(both)))
        if len(mine) >= LEAST_MONTHS:
            series.append(mine)
    common = robust.spread(np.array(apart)) if len(apart) > 1 else 0.0
    told: dict[str, list[bool]] = {}
    for mine in series:
        looks = [
            (day, Quantity.measured(x, sd_random=sd, shared={"join": common} if day < begin else {}))
            for day, (x, sd) in sorted(mine.items())
        ]
        for name, day in (JOINS | OTHERS).items():
            until = min(day + dt.timedelta(days=730), UNTIL)
            found = judge_step(looks, (looks[0][0], day), (day, until))
            told.setdefault(name, []).append(found.verdict in {Verdict.INCREASED, Verdict.DECREASED})
    last = measure_ground(fine, site.site, coarse=coarse)
    events = [
        one.first_seen.isoformat()
        for one in last.disturbances
        if one.machine_status in {"persistent", "closed"}
    ]
    return {"seed": seed, "told": told, "common": common, "events": events}


def measured(seed: int) -> dict[str, Any]:
    """What one seed gave."""
    if seed >= QUIET_FROM:
        return steps(seed)
    site = made(seed)
    fine, coarse = cubes(site, kept_in(CUBES, ["simulate_site"]) / f"{seed}.pickle")
    found: dict[str, Any] = {"seed": seed, "rates": {}}
    for where, there in (
        ("outside the version", site.site),
        ("everywhere", replace(site.site, boundaries=())),
    ):
        rows = measure_ground(fine, there, coarse=coarse)
        error = join_error(rows.footprints, measure_ground(coarse, there, sensor="landsat").footprints)
        found["rates"][where] = beside_truth(site, joined_rates(rows.joined, error, there.id)[0])
        found["error"] = error.value
    return found


def table(found: list[dict[str, Any]]) -> list[str]:
    """Markdown of all sites."""
    quiet = [one for one in found if "told" in one]
    busy = [one for one in found if "rates" in one]
    lines: list[str] = []
    if quiet:
        near = {
            name: sum(
                abs((dt.date.fromisoformat(day) - when).days) <= 60 for one in quiet for day in one["events"]
            )
            for name, when in (JOINS | OTHERS).items()
        }
        common = [one["common"] for one in quiet]
        lines += [
            f"{len(quiet)} quiet sites of 0.36 km²; Landsat's error: {min(common):.3f} to {max(common):.3f}.",
            "",
            "| day | steps told, of blocks | site-clustered 95 % | events first seen within 60 days |",
            "|---|---|---|---|",
        ]
        for name in JOINS | OTHERS:
            shares_ = np.array([np.mean(one["told"][name]) for one in quiet])
            counts = np.array([len(one["told"][name]) for one in quiet])
            mean = float((shares_ * counts).sum() / counts.sum())
            spread = float(np.sqrt(((counts * (shares_ - mean)) ** 2).sum()) / counts.sum())
            low, high = max(mean - 1.96 * spread, 0.0), min(mean + 1.96 * spread, 1.0)
            lines.append(
                f"| {name} | {mean:.1%} of {counts.sum()} | {low:.1%} to {high:.1%} | {near[name]} |"
            )
        lines.append("")
    if busy:
        lines += [
            f"{len(busy)} sites with a mine, rates over both instruments with the error of their join:",
            "",
            "| what | mean error | RMSE | interval holds, site-clustered 95 % | median width over truth |",
            "|---|---|---|---|---|",
        ]
        for where in ("outside the version", "everywhere"):
            for side in SIDES:
                rates = [[one["rates"][where][side]] for one in busy if side in one["rates"][where]]
                if rates:
                    lines.append(f"| {where}, {side}, ha a year | {' | '.join(judged(rates))} |")
    return lines


def main() -> None:
    """Measure the seeds that are not in the folder yet; print the table of all, or write it."""
    judge_seeds(
        __doc__,
        measured,
        table,
        page="expansion.md",
        name="joins",
        method=["measure_ground", "joined_rates", "judge_step", "simulate_site"],
    )


if __name__ == "__main__":
    main()
