"""What each part of the monitor of disturbances is worth: one thing changed at a time, on fitting seeds.

    python -m benchmarks.expansion.disturbance_attempts measure CACHE OUT 900 905
    python -m benchmarks.expansion.disturbance_attempts table OUT > table
    python -m benchmarks.manual expansion.md disturbance-attempts < table

`OUT` holds a folder of outcomes for each variant; those that are there are not run again.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.expansion.arguments import Outcomes, keep, measure_or_print, percent, read
from benchmarks.expansion.disturbance_sites import judged_site
from benchmarks.expansion.disturbance_table import delays, judged_events, outcome, recalls
from detection.disturbances import DisturbanceParams


def changed(
    *, season: dict[str, Any] | None = None, cover: dict[str, Any] | None = None, **monitor: Any
) -> DisturbanceParams:
    """The shipped knobs but for some."""
    shipped = DisturbanceParams()
    looks = shipped.looks
    made = replace(looks.season, **(season or {}), cover=replace(looks.season.cover, **(cover or {})))
    return replace(shipped, looks=replace(looks, season=made, monitor=replace(looks.monitor, **monitor)))


VARIANTS = {
    "as shipped": DisturbanceParams(),
    "the whole scene as one cover": changed(cover={"groups": 1}),
    "pixels follow their cover wholly": changed(season={"follow_sd": 0.01}),
    "three looks, however strong": changed(persist_looks=3, persist_evidence=0.0, persist_days=10),
    "more evidence asked for (25)": changed(persist_evidence=25.0),
    "less evidence asked for (10)": changed(persist_evidence=10.0),
    "lower limits of all charts": changed(shewhart=3.3, ewma_limit=3.5, mosum_limit=3.7, cusum_limit=6.0),
    "scatter of at least 0.03 believed": changed(season={"floor": 0.03}),
    "scatter of at least 0.015 believed": changed(season={"floor": 0.015}),
}


def row(name: str, sites: Outcomes) -> str:
    events = judged_events(sites)
    hits = [event for event in events if event["found"]]
    false = sum(len(site["false"]) for site in sites)
    areas = np.array([e["area"] for e in hits if e["cover"] == 1 and e["alone"]])
    off = f"{np.mean(areas[:, 0] / areas[:, 3] - 1):+.0%}"
    dates = percent([event["date_covered"] for event in hits])
    cells = [*recalls(events), *delays(hits), str(false), dates, off]
    return f"| {name} | {len(sites)} | {' | '.join(cells)} |"


def measure(cache: Path, out: Path, seed: int) -> None:
    made = judged_site(cache, seed)
    for name, params in VARIANTS.items():
        if not (out / name / f"{seed}.json").exists():
            keep(out / name, seed, outcome(made, params))


def table(out: Path) -> None:
    print("| variant | sites | strong | medium | weak | to alert | to persistent | false | dates | area |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in VARIANTS:
        sites = read(out / name)
        if sites:
            print(row(name, sites))


if __name__ == "__main__":
    measure_or_print(__doc__, measure=measure, table=table)
