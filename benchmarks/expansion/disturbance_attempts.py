"""What each part of the monitor of disturbances is worth: one thing changed at a time, on fitting seeds.

    python -m benchmarks.expansion.disturbance_attempts measure CACHE OUT 900 905
    python -m benchmarks.expansion.disturbance_attempts table OUT > table
    python -m benchmarks.manual expansion.md disturbance-attempts < table

`OUT` holds a folder of outcomes for each variant; those that are there are not run again.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.expansion.arguments import measured_or_printed
from benchmarks.expansion.disturbance_sites import judged_site
from benchmarks.expansion.disturbance_table import CONTRASTS, judged_events, number, outcome, percent, read
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
    "scatter of at least 0.03 believed": changed(season={"floor": 0.03}),
    "scatter of at least 0.015 believed": changed(season={"floor": 0.015}),
}


def row(name: str, sites: list[dict[str, Any]]) -> str:
    events = judged_events(sites)
    hits = [event for event in events if event["found"]]
    recalls = [
        percent([e["found"] for e in events if low <= e["contrast"] < high]) for _, low, high in CONTRASTS
    ]
    delays = [number([event[f"{what}_delay"] for event in hits]) for what in ("alert", "persistent")]
    false = sum(len(site["false"]) for site in sites)
    areas = np.array([e["area"] for e in hits if e["cover"] == 1 and e["alone"]])
    off = f"{np.mean(areas[:, 0] / areas[:, 3] - 1):+.0%}"
    dates = percent([event["date_covered"] for event in hits])
    return f"| {name} | {len(sites)} | {' | '.join([*recalls, *delays, str(false), dates, off])} |"


def main() -> None:
    chosen = measured_or_printed(__doc__)
    if chosen.step == "table":
        print(
            "| variant | sites | strong | medium | weak | to alert | to persistent | false | dates | area |"
        )
        print("|---|---|---|---|---|---|---|---|---|---|")
        for name in VARIANTS:
            sites = read(chosen.out / name)
            if sites:
                print(row(name, sites))
        return
    for seed in range(chosen.first, chosen.last + 1):
        made = judged_site(chosen.cache, seed)
        for name, params in VARIANTS.items():
            path = chosen.out / name / f"{seed}.json"
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(outcome(made, params), indent=1), "utf-8")
                print(seed, name, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
