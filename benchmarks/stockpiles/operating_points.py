"""Piles that each operating point finds on sites whose stockyard nobody has drawn, and false coal.

Simulated, not real.

python -m benchmarks.stockpiles.operating_points --seeds 860 866 --keep FOLDER [--write]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import shapely

from aoi.records import ZoneKind
from benchmarks.manual import write_table
from benchmarks.stockpiles.layouts import MADE_WITH, PER_25_KM2, asked_rows, layout
from benchmarks.stockpiles.rank_table import seeds_of
from detection.coal.measure import StockpileParams, measure_stockpiles
from detection.coal.records import Stockpile
from detection.coal.search import OPERATING_POINTS
from imagery.simulate import simulate_site

BARELY_HA = 0.25
"""Area from which a pile must be noticed."""


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


def main() -> None:
    """Measure the seeds that are not kept, then the table."""
    rows, write = asked_rows(__doc__, "points", pointed)
    lines = points_table(rows)
    print("\n".join(lines))
    if write:
        seeds = f"seeds {seeds_of(rows)}"
        write_table("stockpiles.md", "operating points", lines, method=MADE_WITH, seeds=seeds)


if __name__ == "__main__":
    main()
