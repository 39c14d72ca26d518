"""The ground's history on real clearings: rows as the demo's workspace gives them, beside outlines by eye.

    campwatch demo DIR
    python -m benchmarks.expansion.real_clearings DIR [--write]

Clearings are those of `tests/detection/data/romania-digitised.geojson` within the aoi, plain and faint ones.
Counts by eye are the narrow and wide reading of summer medians.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import shapely
import xarray as xr

from aoi.pixels import to_grid
from aoi.records import Site
from benchmarks.expansion.arguments import described
from benchmarks.manual import write_table
from campwatch.demonstration.romania import SITE_ID
from campwatch.run.site_bench import kept_cube
from campwatch.run.site_job import site_work
from campwatch.workspace import open_workspace
from detection.ground.measure import GroundRows, measure_ground
from detection.ground.params import Kind
from detection.ground.records import Disturbance

DIGITISED = Path(__file__).parents[2] / "tests" / "detection" / "data" / "romania-digitised.geojson"
RIVER = "2017-g"
YEARS = {year: (f"{year - 1}-08-01", f"{year}-08-01") for year in (2017, 2018, 2019, 2020)}
"""First seen after the first day and until the second: outlines are of what was cleared since last summer."""
BY_EYE = {2017: "0.7–0.9", 2018: "0.3–0.7", 2019: "3.9–7.1", 2020: "1.4–2.9"}
SQUARE_METRES = 1e4
HIT = 0.3


def outlines(grid: Any, aoi: Any) -> list[tuple[dict[str, Any], Any]]:
    """Properties and outline on the grid of every digitised clearing, cut to the aoi."""
    features = json.loads(DIGITISED.read_text("utf-8"))["features"]
    return [
        (f["properties"], to_grid(shapely.geometry.shape(f["geometry"]), grid).intersection(aoi))
        for f in features
    ]


def figure(quantity: Any) -> str:
    return "–" if quantity.value is None else f"{quantity.value:.2f} ({quantity.low:.2f}–{quantity.high:.2f})"


def found_in(rows: GroundRows, year: int) -> list[Disturbance]:
    """What later looks bear out and was first seen in the year before 1 August, rivers' bars left out."""
    since, until = YEARS[year]
    return [
        d for d in rows.disturbances
        if d.machine_status in {"persistent", "closed"} and d.kind != Kind.RIVER
        and since < d.first_seen.isoformat() <= until
    ]  # fmt: skip


def known_then(cube: xr.Dataset, site: Site) -> dict[int, float]:
    """Hectares found in each year by the looks until its end: expectation and covers as known at the time."""
    return {
        year: sum(
            d.area_ha.value or 0.0
            for d in found_in(measure_ground(cube.sel(time=slice(None, f"{year}-12-31")), site), year)
        )
        for year in YEARS
    }


def table(rows: GroundRows, then: dict[int, float], grid: Any, aoi: Any, cost: float) -> list[str]:
    """The table of the manual."""
    drawn = outlines(grid, aoi)
    river = next(shape for told, shape in drawn if told["id"] == RIVER)
    head = [
        "first seen in", "found, ha", "found by the year's end, ha", "outlines plain; faint, ha",
        "precision", "recall of plain", "plain hit", "on the river's gravel, ha",
        "disturbed on 1 August, ha", "open, ha", "by eye, ha",
    ]  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for year in YEARS:
        found = found_in(rows, year)
        ground = shapely.union_all([to_grid(d.geometry, grid) for d in found]).intersection(aoi)
        mine = [(told, shape) for told, shape in drawn if told["cleared_by"] == year and told["id"] != RIVER]
        plain = [s for told, s in mine if told["seen"] == "clear" and not s.is_empty]
        faint = [s for told, s in mine if told["seen"] != "clear"]
        either, sure = shapely.union_all(plain + faint), shapely.union_all(plain)
        hit = sum(s.intersection(ground).area >= HIT * s.area for s in plain)
        account = next((f for f in rows.footprints if f.epoch_start.year == year), None)
        cells = [
            str(year),
            f"{sum(d.area_ha.value or 0.0 for d in found):.2f}",
            f"{then[year]:.2f}",
            f"{sure.area / SQUARE_METRES:.2f}; {shapely.union_all(faint).area / SQUARE_METRES:.2f}",
            f"{ground.intersection(either).area / ground.area:.2f}" if ground.area and mine else "–",
            f"{sure.intersection(ground).area / sure.area:.2f}" if plain else "–",
            f"{hit} of {len(plain)}" if plain else "–",
            f"{ground.intersection(river).area / SQUARE_METRES:.2f}",
            figure(account.area_ha) if account else "–",
            figure(account.open_ha) if account else "–",
            BY_EYE[year],
        ]
        lines.append(f"| {' | '.join(cells)} |")
    told = (
        "With hindsight over all looks, but for what was found by the end of each year, with looks until then"
    )
    return [*lines, "", f"{told}; {cost:.1f} CPU seconds per megapixel and date."]


def demo_cube(folder: Path) -> tuple[xr.Dataset, Site]:
    """The cube of the real site of the demo, as a run measures it, and the site."""
    workspace = open_workspace(folder)
    work = site_work(workspace, workspace.folder / "sites" / f"{SITE_ID}.geojson")
    assert work is not None
    return kept_cube(workspace, work), work.site


def main() -> None:
    parser = described(__doc__)
    parser.add_argument("workspace", type=Path, help="made by `campwatch demo`")
    parser.add_argument("--write", action="store_true", help="write the table into docs/expansion.md")
    asked = parser.parse_args()
    cube, site = demo_cube(asked.workspace)
    grid = cube.odc.geobox
    measure_ground(cube, site)  # loads and compiles what is not
    begun = time.process_time()
    rows = measure_ground(cube, site)
    cost = (time.process_time() - begun) / (cube["red"].size / 1e6)
    lines = table(rows, known_then(cube, site), grid, to_grid(site.aoi, grid), cost)
    print("\n".join(lines))
    if asked.write:
        write_table(
            "expansion.md", "romania", lines, method=["measure_ground"], seeds="none: real imagery",
            by="python -m benchmarks.expansion.real_clearings",
        )  # fmt: skip


if __name__ == "__main__":
    main()
