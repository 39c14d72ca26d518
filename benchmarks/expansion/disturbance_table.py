"""Disturbances on simulated sites beside the truth: recall, delay, false objects, advance, intervals.

    python -m benchmarks.expansion.disturbance_table measure CACHE OUT 1070 1081   # any part of the seeds
    python -m benchmarks.expansion.disturbance_table table OUT --write

`CACHE` holds cubes (see disturbance_sites.py), `OUT` one file of outcomes per seed. Judged is the part of
each patch that was green; a thinned patch counts whole. Judging seeds are 2003 and more; numbers were chosen
on seeds below 1100, 2000, 2001 and 2002.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from rasterio.features import rasterize
from scipy.ndimage import binary_dilation
from scipy.stats import chi2

from aoi.pixels import to_grid
from benchmarks.expansion.arguments import Outcomes, described, keep, number, percent, read
from benchmarks.expansion.disturbance_sites import PARAMS, JudgedSite, judged_site
from benchmarks.expansion.indices import bareness
from benchmarks.manual import write_table
from detection.ground.measure import GroundRows, measure_ground
from detection.ground.params import GroundParams, Kind
from imagery.simulate.atmosphere import block_mean
from imagery.simulate.fields import CROPS
from imagery.simulate.mine import ALWAYS, NEVER, Disturbed
from imagery.simulate.spectra import Material, material_spectra
from imagery.simulate.world import GREEN

FLOOR_HA = 0.1
CELL_HA = 0.0025
ALL = (0.1, 3.01)
SIZES = ((0.1, 0.25), (0.25, 0.5), (0.5, 1.0), (1.0, 3.01))
CONTRASTS = (("strong", 0.4, 9.0), ("medium", 0.2, 0.4), ("weak", -9.0, 0.2))
"""Change of the index that is monitored (mean of -NDVI and BSI, mid July) in mean over the patch."""
LAST_ACCOUNT = dt.date(PARAMS.until.year - 1, *GroundParams().events.account_day).isoformat()
NEAR_PX = 2
LATE_DAYS = 1
"""Dates of passes are days: a look of the same day counts."""


def site_mean(made: JudgedSite, cells: np.ndarray) -> np.ndarray:
    """Share of each 10 m pixel: (y, x)."""
    margin = made.truth.world.frame.margin_cells
    return block_mean(np.asarray(cells[margin:-margin, margin:-margin], np.float32), 2)


def bared(made: JudgedSite, event: Disturbed) -> np.ndarray:
    """Cells of a patch that were green and are bare: what was bare before is not looked for: (y, x)."""
    return (event.born < NEVER) & GREEN[made.truth.world.land.labels]


def taken(made: JudgedSite, event: Disturbed) -> np.ndarray:
    """Cells of a patch that were green, bared or left standing between: (y, x)."""
    ground = event.born if event.extent is None else event.extent
    return (ground < NEVER) & (ground > ALWAYS) & GREEN[made.truth.world.land.labels]


def taken_between(made: JudgedSite, events: list[Disturbed], start: dt.date, end: dt.date) -> float:
    """Green ground, hectares, that some events took after one day and until another; each cell once."""
    then, now = np.zeros((2, *made.truth.world.frame.world_shape), bool)
    for event in events:
        ground = taken(made, event)
        then |= ground & event.ground(start)
        now |= ground & event.ground(end)
    return float(site_mean(made, now & ~then).sum()) / 100


def yearly(made: JudgedSite, rows: GroundRows) -> list[list[float]]:
    """Year, disturbed anew since the account before with its interval, and what was, fires too; hectares."""
    out = []
    since = None
    for one in sorted(rows.footprints, key=lambda f: f.account_date):
        if one.boundary_role != "in_force" or one.area_ha.value is None:
            continue
        q = one.opened_ha
        if since is not None and q.value is not None:
            true = taken_between(made, list(made.truth.events), since, one.account_date)
            true += sum(
                float(site_mean(made, scar.cells).sum()) / 100
                for scar in made.truth.world.land.burn_scars
                if since < scar.day <= one.account_date
            )
            out.append([one.account_date.year, q.value, q.low, q.high, true])
        since = one.account_date
    return out


def stock(made: JudgedSite, rows: GroundRows) -> list[list[float]]:
    """Year, disturbed on the last account day with its interval, and what was since the first look; hectares.

    Ground still burnt counts, ground that grew over does not.
    """
    last = max((f for f in rows.footprints if f.boundary_role == "in_force" and f.area_ha.value is not None),
               key=lambda f: f.account_date, default=None)  # fmt: skip
    if last is None:
        return []
    since = made.cube.time.to_numpy()[0].astype("datetime64[D]").item()
    true = taken_between(made, list(made.truth.events), since, last.account_date)
    true += float(made.truth.material_fraction(last.account_date, (Material.BURNT,)).sum()) / 100
    q = last.area_ha
    return [[last.account_date.year, q.value, q.low, q.high, true]]


def pit_growth(made: JudgedSite, rows: GroundRows) -> list[list[float]]:
    """Year, what events on pit and spoil gained in it, its interval, and what these gained, hectares."""
    works = [event for event in made.truth.events if event.kind in {"pit", "spoil"}]
    ground = np.any([taken(made, event) for event in works], axis=0)
    mask = binary_dilation(site_mean(made, ground) > 0)
    mine = {
        d.disturbance_id
        for d in rows.disturbances
        if (found := pixels(made, d.geometry)).any() and mask[found].mean() > 0.5
    }
    out = []
    for end in sorted({g.epoch_end for g in rows.growth}):
        parts = [g for g in rows.growth if g.epoch_end == end and g.disturbance_id in mine]
        start = min(g.epoch_start for g in rows.growth if g.epoch_end == end)
        if parts:
            sums = [float(sum(getattr(g.added_ha, k) for g in parts)) for k in ("value", "low", "high")]
            out.append([end.year, *sums, taken_between(made, works, start, end)])
    return out


def contrast(made: JudgedSite, event: Disturbed, cover: float) -> float:
    """True change of the index in mean over the patch at the height of summer."""
    table = material_spectra(195, wetness=0.0, phenology_shift_days=0.0, dustiness=0.3)
    names = ("blue", "green", "red", "rededge1", "rededge2", "rededge3", "nir", "nir08", "swir16", "swir22")
    index = bareness({name: table[:, k] for k, name in enumerate(names)})[0]
    before = made.truth.world.land.labels[bared(made, event)]
    return cover * float(np.mean(index[int(event.material)] - index[before]))


def floor_day(made: JudgedSite, event: Disturbed, cover: float) -> int:
    """Ordinal of the day on which the patch, thinned or not, reaches the mapping floor."""
    born = np.sort(event.born[bared(made, event)])
    return int(born[min(round(FLOOR_HA / CELL_HA * cover), born.size) - 1])


def changed(made: JudgedSite) -> np.ndarray:
    """Pixels where anything but seasons happens, and their neighbours: (y, x)."""
    cells = np.zeros(made.truth.world.frame.world_shape, bool)
    for event in made.truth.events:
        cells |= (event.born != NEVER) & ((event.born > ALWAYS) | (event.kind == "yard"))
    for scar in made.truth.world.land.burn_scars:
        cells |= scar.cells
    return binary_dilation(site_mean(made, cells) > 0, iterations=NEAR_PX)


def pixels(made: JudgedSite, geometry: Any) -> np.ndarray:
    grid = made.cube.odc.geobox
    return rasterize([to_grid(geometry, grid)], out_shape=grid.shape, transform=grid.affine).astype(bool)


def reach(made: JudgedSite, event: Disturbed, outline: Any) -> float:
    """Greatest distance of the event's cells beyond an outline of the grid, metres."""
    x, y = made.truth.world.frame.cell_centres()
    rows, columns = np.nonzero(bared(made, event))
    return float(shapely.distance(shapely.points(x[columns], y[rows]), outline).max()) + 2.5


def reaches(made: JudgedSite, event: Disturbed, boundary_id: str) -> list[float]:
    """Greatest distance beyond the true perimeter, and beyond the trace that the product was given."""
    true = next(p.outline for p in made.truth.perimeters if p.boundary_id == boundary_id)
    traced = next(b.geometry for b in made.site.boundaries if b.boundary_id == boundary_id)
    return [reach(made, event, outline) for outline in (true, to_grid(traced, made.cube.odc.geobox))]


def on_fields(made: JudgedSite, event: Disturbed) -> bool:
    """Whether most of what was green of a patch were fields."""
    before = made.truth.world.land.labels[bared(made, event)]
    return bool(np.isin(before, CROPS).mean() > 0.5)


def alert_day(found: Any) -> int:
    """Ordinal of the look on which alerts made the mapping floor: the interval ends some days after it."""
    after: int = GroundParams().events.later_days
    return int(found.first_seen_high.toordinal()) - after


def second_look(made: JudgedSite, core: np.ndarray, day: int) -> int | None:
    """Days until the second look on which half of a patch is clear: nothing can be seen twice before it."""
    days = (
        made.cube.time.to_numpy().astype("datetime64[D]").astype(np.int64) + dt.date(1970, 1, 1).toordinal()
    )
    clear = made.cube.valid.to_numpy()[:, core].sum(axis=1) >= 0.5 * core.sum()
    after = days[clear & (days > day)] if core.any() else days[:0]
    return int(after[1]) - day if after.size > 1 else None


def event_outcome(
    made: JudgedSite,
    event: Disturbed,
    found: list[Any],
    masks: list[np.ndarray],
    waiting: list[np.ndarray],
) -> dict[str, Any]:
    cover = made.covers[event.event_id]
    fraction = site_mean(made, taken(made, event))
    core = fraction >= 0.5
    day = floor_day(made, event, cover)
    out: dict[str, Any] = {
        "size_ha": float(fraction.sum()) / 100,
        "cover": cover,
        "contrast": contrast(made, event, cover),
        "material": Material(event.material).name,
        "day": dt.date.fromordinal(day).isoformat(),
        "regrown": event.regrown < NEVER,
        "second_look": second_look(made, core, day),
        "looks_left": int((made.cube.time.to_numpy() > np.datetime64(dt.date.fromordinal(day))).sum()),
        "on_fields": on_fields(made, event),
        "found": False,
    }
    overlaps, told = ([int((mask & core).sum()) for mask in some] for some in (masks, masks + waiting))
    out["told"] = bool(max(told, default=0) >= max(0.3 * core.sum(), 1))
    if not overlaps or max(overlaps) < 0.3 * core.sum():
        return out
    best = int(np.argmax(overlaps))
    d, mask = found[best], masks[best]
    alone = (mask & binary_dilation(fraction > 0, iterations=NEAR_PX)).sum() >= 0.95 * mask.sum()
    out |= {
        "found": True,
        "alone": bool(alone),
        "kind": d.kind,
        "alert_delay": alert_day(d) - day,
        "persistent_delay": d.persistent_since.toordinal() - day,
        "width": (d.first_seen_high - d.first_seen_low).days,
        "date_covered": d.first_seen_low.toordinal() <= day <= d.first_seen_high.toordinal(),
        "area": [d.area_ha.value, d.area_ha.low, d.area_ha.high, float(fraction.sum()) / 100],
    }
    if d.boundary_id and d.advance_m.value is not None:
        found_m = [d.advance_m.value, d.advance_m.low, d.advance_m.high]
        out["advance"] = found_m + reaches(made, event, d.boundary_id)
    return out


def outcome(made: JudgedSite, params: GroundParams | None = None) -> dict[str, Any]:
    begun = time.process_time()
    everything = measure_ground(made.cube, made.site, params=params)
    seconds = time.process_time() - begun
    rows = everything.disturbances
    found = [d for d in rows if d.machine_status in {"persistent", "closed"} and d.kind != Kind.RIVER]
    waiting = [pixels(made, d.geometry) for d in rows if d.machine_status == "provisional"]
    masks = [pixels(made, d.geometry) for d in found]
    real = changed(made)
    events = [e for e in made.truth.events if e.event_id in made.covers and bared(made, e).any()]
    days = made.cube.time.to_numpy()
    return {
        "events": [event_outcome(made, event, found, masks, waiting) for event in events],
        "false": [
            {"ha": d.area_ha.value, "kind": d.kind, "first_seen": d.first_seen.isoformat()}
            for d, mask in zip(found, masks, strict=True)
            if (mask & real).sum() < 0.1 * mask.sum()
        ],
        "objects": len(found),
        "yearly": yearly(made, everything),
        "waits": everything.footprints[-1].waiting_ha.value or 0.0,
        "stock": stock(made, everything),
        "pit": pit_growth(made, everything),
        "bare": [
            *((q.value, q.low, q.high) if (q := everything.footprints[-1].bare_at_start_ha) else ()),
            float(made.truth.bare_at_start_fraction().sum()) / 100,
        ],
        "cpu_s": seconds / (made.cube.red.size / 1e6),
        "km2_years": PARAMS.size_px**2
        / 1e4
        * (float((days[-1] - days[0]) / np.timedelta64(1, "D")) / 365.25 - 1),
        "clear": float(made.cube.valid.mean()),
        "looks": int(days.size),
    }


def near(metres: np.ndarray) -> str:
    return percent([bool(abs(m) <= 5) for m in metres])


def by_size(events: Outcomes) -> Iterator[tuple[str, tuple[float, float], Outcomes]]:
    """Events of each class of size and of all: its name, its limits in hectares, its events."""
    for low, high in (*SIZES, ALL):
        name = "all" if (low, high) == ALL else f"{low:g}–{high:.2g} ha"
        yield name, (low, high), [e for e in events if low <= e["size_ha"] * 1.02 < high]


def recalls(events: Outcomes) -> list[str]:
    """Share of events found, by contrast."""
    return [
        percent([e["found"] for e in events if low <= e["contrast"] < high]) for _, low, high in CONTRASTS
    ]


def recall_table(sites: Outcomes) -> Iterator[str]:
    """Recall by size and contrast, delays, and false objects of the same size."""
    false = [f for site in sites for f in site["false"]]
    yield "| size | strong contrast | medium | weak | days until told | until persistent | false objects |"
    yield "|---|---|---|---|---|---|---|"
    for name, (low, high), events in by_size(judged_events(sites)):
        hits = [e for e in events if e["found"]]
        delays = [number([e[f"{what}_delay"] for e in hits]) for what in ("alert", "persistent")]
        wrong = sum(low <= f["ha"] < high for f in false)
        yield f"| {name} | {' | '.join(recalls(events) + delays)} | {wrong} |"


def judged_events(sites: Outcomes) -> Outcomes:
    """Designed patches of the mapping floor or more that at least twelve looks follow."""
    events = [e for site in sites for e in site["events"]]
    return [e for e in events if e["looks_left"] >= 12 and e["size_ha"] * 1.02 >= FLOOR_HA]


def untold_ha(sites: Outcomes) -> float:
    """Of patches on fields that were bared before the last account day and are in no event."""
    return float(sum(
        e["size_ha"] * e["cover"] for e in judged_events(sites)
        if e["on_fields"] and not e["found"] and e["day"] < LAST_ACCOUNT
    ))  # fmt: skip


def clustered(sites: list[list[bool]]) -> str:
    """Share of what holds, with the 95 % interval of drawing whole sites anew (bootstrap of clusters)."""
    held = np.array([sum(site) for site in sites])
    count = np.array([len(site) for site in sites])
    if count.sum() == 0:
        return "–"
    drawn = np.random.default_rng(1).integers(len(sites), size=(2000, len(sites)))
    low, high = np.quantile(held[drawn].sum(axis=1) / np.maximum(count[drawn].sum(axis=1), 1), [0.025, 0.975])
    return f"{held.sum() / count.sum():.0%} of {count.sum()} ({low:.0%}–{high:.0%})"


def holds(row: list[float]) -> bool:
    """Whether a value's interval, second and third, holds the truth, fourth."""
    return row[1] <= row[3] <= row[2]


def off(rows: list[list[float]]) -> str:
    """Mean and median size of the relative error of values, first, against the truth, last."""
    error = np.array([row[0] / row[-1] - 1 for row in rows if row[-1] > 0])
    return f"{error.mean():+.0%}; {np.median(np.abs(error)):.0%}" if error.size else "–"


def summary_table(sites: Outcomes) -> Iterator[str]:
    """False objects per area and time, dates, areas, advance, accounts, kinds; what intervals hold."""
    hits = [[e for e in judged_events([site]) if e["found"]] for site in sites]
    alone = [[e for e in site if e["alone"]] for site in hits]
    everything = [e for site in hits for e in site]
    plain = [e for site in alone for e in site if e["cover"] == 1]
    decades = sum(site["km2_years"] for site in sites) / 1000
    false = sum(len(site["false"]) for site in sites)
    looks, clear = (np.mean([site[name] for site in sites]) for name in ("looks", "clear"))
    in_time = [
        e["alert_delay"] <= e["second_look"] + LATE_DAYS
        for e in everything
        if e["second_look"] is not None and not e["on_fields"]
    ]
    warm = [e["persistent_delay"] for e in everything if 4 <= int(e["day"][5:7]) <= 9]
    cold = [e["persistent_delay"] for e in everything if not 4 <= int(e["day"][5:7]) <= 9]
    areas = [[e["area"] for e in site] for site in alone]
    far = [[e["advance"] for e in site if "advance" in e] for site in alone]
    metres = [row[0] - row[3] for site in far for row in site]
    beyond = [row[0] - row[4] for site in far for row in site]
    yearly, pit, stocks = (
        [[row[1:] for row in site[name]] for site in sites] for name in ("yearly", "pit", "stock")
    )
    bare = [[site["bare"]] for site in sites]
    dates = [[e["date_covered"] for e in site] for site in hits]
    held = [[[holds(row) for row in site] for site in part] for part in (areas, far, yearly, bare, stocks)]
    pooled = [[one for part in (*held, dates) for one in part[k]] for k in range(len(sites))]
    flat = [[row for site in part for row in site] for part in (areas, yearly, pit, bare, stocks)]
    widths = [e["width"] for e in everything]
    rows = {
        "sites; looks per site; share of ground clear": f"{len(sites)}; {looks:.0f}; {clear:.0%}",
        "100 km² decades; false persistent objects; 95 % limit of these in each": f"{decades:.3f}; {false}; "
        f"{chi2.ppf(0.95, 2 * false + 2) / 2 / decades:.0f}",
        "found, off fields; on fields": "; ".join(
            percent([e["found"] for e in judged_events(sites) if e["on_fields"] is on])
            for on in (False, True)
        ),
        "told by the second clear look, off fields": percent(in_time),
        "days to persistent, begun April to September; October to March": f"{number(warm)}; {number(cold)}",
        "first seen: interval holds": clustered(dates),
        "width of that interval: median, 90th percentile": f"{np.median(widths):.0f} d, "
        f"{np.quantile(widths, 0.9):.0f} d",
        "area of patches: mean error; median size of it": off(flat[0]),
        "area: interval holds": clustered(held[0]),
        "advance: median error; within 5 m; beyond the trace within 5 m": f"{np.median(metres):+.1f} m; "
        f"{near(np.array(metres))}; {near(np.array(beyond))}",
        "advance: interval holds": clustered(held[1]),
        "newly disturbed in a year: mean error; median size of it": off(flat[1]),
        "newly disturbed in a year: interval holds": clustered(held[2]),
        "disturbed since the first look, last account: mean error; median size of it": off(flat[4]),
        "disturbed since the first look: interval holds": clustered(held[4]),
        "patches on fields that are not told, ha; what waits on the last account day, ha": "; ".join(
            f"{hectares:.1f}" for hectares in (untold_ha(sites), sum(site["waits"] for site in sites))
        ),
        "growth of pit and spoil in a year: mean error; median size of it": off(flat[2]),
        "bare at start: mean error; median size of it": off(flat[3]),
        "bare at start: interval holds": clustered(held[3]),
        "all intervals together": clustered(pooled),
        "roofs called built": percent(
            [e["kind"] == "built" for e in plain if e["material"] == "BRIGHT_ROOF"]
        ),
        "soil and spoil called soil_spoil": percent(
            [e["kind"] == "soil_spoil" for e in plain if e["material"] != "BRIGHT_ROOF"]
        ),
        "CPU seconds per megapixel and date": f"{np.median([site['cpu_s'] for site in sites]):.1f}",
    }
    yield from ("", "| what | value |", "|---|---|")
    yield from (f"| {name} | {value} |" for name, value in rows.items())


def main() -> None:
    parser = described(__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    measure = steps.add_parser("measure", help="one file of outcomes per seed")
    measure.add_argument("cache", type=Path, help="folder of cubes, made where they are missing")
    measure.add_argument("out", type=Path, help="folder of outcomes")
    measure.add_argument("first", type=int, help="first seed")
    measure.add_argument("last", type=int, help="last seed")
    table = steps.add_parser("table", help="print the table")
    table.add_argument("out", type=Path, help="outcomes")
    table.add_argument("--write", action="store_true", help="write it into docs/expansion.md")
    asked = parser.parse_args()
    if asked.step == "measure":
        for seed in range(asked.first, asked.last + 1):
            keep(asked.out, seed, outcome(judged_site(asked.cache, seed)))
        return
    sites = read(asked.out)
    lines = [*recall_table(sites), *summary_table(sites)]
    print("\n".join(lines))
    if asked.write:
        seeds = sorted(int(path.stem) for path in asked.out.glob("*.json"))
        write_table(
            "expansion.md", "disturbances", lines, method=["measure_ground", "simulate_site"],
            seeds=f"seeds {', '.join(map(str, seeds))}",
            by="python -m benchmarks.expansion.disturbance_table",
        )  # fmt: skip


if __name__ == "__main__":
    main()
