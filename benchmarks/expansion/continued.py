"""What was frozen of the ground's events and what later looks say: a real series cut at five dates.

    campwatch demo DIR
    python -m benchmarks.expansion.continued DIR [--write]

Each row is a run on the looks until then that was given what the run before had left, as custody replays it.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path

import numpy as np
import xarray as xr

from aoi.records import Site
from benchmarks.expansion.arguments import described
from benchmarks.expansion.real_clearings import demo_cube
from benchmarks.manual import write_table
from detection.ground.measure import measure_ground
from detection.ground.records import Disturbance

CUTS = ("2018-08-01", "2019-05-15", "2019-12-01", "2020-06-01", "2020-09-01", "2021-02-01")
"""Five cuts, and the end of the series."""
Frozen = tuple[tuple[str, ...], dt.date, dt.date, dt.date]


def frozen_part(one: Disturbance) -> Frozen:
    """What must never change."""
    return one.founding_cells, one.first_seen, one.first_seen_low, one.first_seen_high


def table(cube: xr.Dataset, site: Site) -> list[str]:
    head = [
        "looks until",
        "events",
        "frozen",
        "of those before: equal",
        "merged",
        "withdrawn",
        "moved; inside",
    ]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    earlier: tuple[Disturbance, ...] = ()
    kept: dict[str, Frozen] = {}
    days = cube["time"].to_numpy()
    for cut in CUTS:
        part = cube.isel(time=np.flatnonzero(days < np.datetime64(cut)))
        rows = measure_ground(part, site, earlier=earlier)
        now = {d.disturbance_id: d for d in rows.disturbances}
        equal = sum(frozen_part(now[name]) == told for name, told in kept.items() if name in now)
        fates = Counter(now[name].machine_status for name in kept if name in now)
        moved = [r for r in rows.revisions if r.revision == "smoothed" and r.disturbance_id in kept]
        inside = sum("within" in r.detail for r in moved)
        before, judged = len(kept), len(kept) - fates["withdrawn"] - fates["merged"]
        cells = [
            cut, str(len(now)), str(sum(d.frozen_on is not None for d in now.values())),
            f"{equal} of {before}", str(fates["merged"]), str(fates["withdrawn"]), f"{len(moved)}; {inside}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
        kept |= {name: frozen_part(d) for name, d in now.items() if d.frozen_on is not None} | kept
        earlier = rows.disturbances
    stay = judged - len(moved) + inside
    told = (
        f"At the end {fates['withdrawn']} of {before} are withdrawn ({fates['withdrawn'] / before:.0%}) and "
        f"{fates['merged']} part of another; the smoothed day lies within the frozen interval of {stay} of "
        f"{judged} others ({stay / judged:.0%})."
    )
    return [*lines, "", told]


def main() -> None:
    parser = described(__doc__)
    parser.add_argument("workspace", type=Path, help="made by `campwatch demo`")
    parser.add_argument("--write", action="store_true", help="write the table into docs/expansion.md")
    asked = parser.parse_args()
    lines = table(*demo_cube(asked.workspace))
    print("\n".join(lines))
    if asked.write:
        write_table(
            "expansion.md", "continued", lines, method=["measure_ground"], seeds="none: real imagery",
            by="python -m benchmarks.expansion.continued",
        )  # fmt: skip


if __name__ == "__main__":
    main()
