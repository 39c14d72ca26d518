"""Looking back on simulated sites beside the truth: which changes are found, when, of what kind; false ones.

    python -m benchmarks.expansion.looking_back measure CACHE OUT 1020 1047   # any part of the seeds
    python -m benchmarks.expansion.looking_back table OUT | tee table
    python -m benchmarks.manual expansion.md looking-back < table

`CACHE` holds cubes (see disturbance_sites.py), `OUT` one file of outcomes per seed. The simulation ends with
a year, so that all of its years are closed. Judged are designed patches with at least `SIDE_DAYS` of looks
before and after the day on which half of them was bared, and not grown over again by then.
"""

from __future__ import annotations

import collections
import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.expansion.arguments import (
    Outcomes,
    keep,
    measure_or_print,
    percent,
    print_values,
    read,
)
from benchmarks.expansion.disturbance_sites import PARAMS, JudgedSite, judged_site
from benchmarks.expansion.disturbance_table import (
    CELL_HA,
    FLOOR_HA,
    bared,
    by_size,
    changed,
    contrast,
    pixels,
    recalls,
    site_mean,
)
from detection.ground_changes import GroundChangeParams, measure_ground_changes
from detection.kinds import RECOVERY
from imagery.simulate.mine import Disturbed
from imagery.simulate.spectra import Material

SIDE_DAYS = 330


def half_day(made: JudgedSite, event: Disturbed) -> int:
    """Ordinal of the day on which half of the patch was bared."""
    return int(np.median(event.born[bared(made, event)]))


def is_judged(made: JudgedSite, event: Disturbed) -> bool:
    if bared(made, event).sum() * CELL_HA < FLOOR_HA * made.covers[event.event_id]:
        return False
    day = half_day(made, event)
    room = PARAMS.since.toordinal() + SIDE_DAYS <= day <= PARAMS.until.toordinal() - SIDE_DAYS
    return room and event.regrown >= day + SIDE_DAYS


def event_outcome(
    made: JudgedSite, event: Disturbed, found: list[Any], masks: list[np.ndarray]
) -> dict[str, Any]:
    cover, day = made.covers[event.event_id], half_day(made, event)
    fraction = site_mean(made, bared(made, event))
    core = fraction >= 0.5 * cover
    out: dict[str, Any] = {
        "size_ha": float(fraction.sum()) / 100 / cover,
        "cover": cover,
        "contrast": contrast(made, event, cover),
        "material": Material(event.material).name,
        "day": dt.date.fromordinal(day).isoformat(),
        "found": False,
    }
    overlaps = [int((mask & core).sum()) for mask in masks]
    if not overlaps or max(overlaps) < 0.3 * core.sum():
        return out
    change = found[int(np.argmax(overlaps))]
    return out | {
        "found": True,
        "kind": change.kind,
        "late": change.changed_on.toordinal() - day,
        "width": (change.changed_on_high - change.changed_on_low).days,
        "covered": change.changed_on_low.toordinal() <= day <= change.changed_on_high.toordinal(),
    }


def outcome(made: JudgedSite) -> dict[str, Any]:
    changes = measure_ground_changes(made.cube, made.site, params=GroundChangeParams(closed_years=False))
    bared = [change for change in changes if change.kind != RECOVERY]
    masks = [pixels(made, change.geometry) for change in bared]
    real = changed(made)
    wrong = [c for c in changes if (m := pixels(made, c.geometry))[real].sum() < 0.1 * m.sum()]
    events = [e for e in made.truth.events if e.event_id in made.covers and is_judged(made, e)]
    return {
        "events": [event_outcome(made, event, bared, masks) for event in events],
        "false": [{"ha": c.area_ha.value, "kind": c.kind, "day": c.changed_on.isoformat()} for c in wrong],
        "changes": len(changes),
        "km2": PARAMS.size_px**2 / 1e4,
    }


def found_table(sites: Outcomes) -> None:
    """Recall by size and contrast, dates, and false changes of the same size."""
    false = [change for site in sites for change in site["false"]]
    print("| size | strong contrast | medium | weak | date, median error | interval covers | false changes |")
    print("|---|---|---|---|---|---|---|")
    for name, (low, high), events in by_size([event for site in sites for event in site["events"]]):
        hits = [e for e in events if e["found"]]
        late = f"{np.median([e['late'] for e in hits]):+.0f} d" if hits else "–"
        wrong = sum(low <= change["ha"] < high for change in false)
        cells = [*recalls(events), late, percent([e["covered"] for e in hits]), str(wrong)]
        print(f"| {name} | {' | '.join(cells)} |")


def summary_table(sites: Outcomes) -> None:
    hits = [event for site in sites for event in site["events"] if event["found"]]
    false = [change for site in sites for change in site["false"]]
    km2 = sum(site["km2"] for site in sites)
    off = np.abs([event["late"] for event in hits])
    widths = [event["width"] for event in hits]
    back = sum(change["kind"] == RECOVERY for change in false)
    rows = {
        "sites; km²; changes stated": f"{len(sites)}; {km2:.0f}; {sum(site['changes'] for site in sites)}",
        "false changes per km² in four years": f"{len(false) / km2:.2f}, of them recoveries {back / km2:.2f}",
        "date off by (median, 90th percentile)": f"{np.median(off):.0f} d, {np.quantile(off, 0.9):.0f} d",
        "width of the interval: median, 90th percentile": f"{np.median(widths):.0f} d, "
        f"{np.quantile(widths, 0.9):.0f} d",
    }
    print_values(rows)


def kind_table(sites: Outcomes) -> None:
    """What whole clearings turned into, and what was called."""
    hits = [e for site in sites for e in site["events"] if e["found"] and e["cover"] == 1]
    kinds = sorted({event["kind"] for event in hits})
    print(f"\n| truly | {' | '.join(kinds)} |\n|---|{'---|' * len(kinds)}")
    for material in sorted({event["material"] for event in hits}):
        count = collections.Counter(event["kind"] for event in hits if event["material"] == material)
        print(f"| {material.lower().replace('_', ' ')} | {' | '.join(str(count[kind]) for kind in kinds)} |")


def measure(cache: Path, out: Path, seed: int) -> None:
    keep(out, seed, outcome(judged_site(cache, seed)))


def table(out: Path) -> None:
    sites = read(out)
    found_table(sites)
    summary_table(sites)
    kind_table(sites)


if __name__ == "__main__":
    measure_or_print(__doc__, measure=measure, table=table)
