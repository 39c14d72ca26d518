"""Real places at 30 m beside their own 10 m: clearings of the demo, surfaces of a town.

    campwatch demo DIR
    python -m benchmarks.expansion.degraded DIR ../shared/data FOLDER [--write]

Sentinel-2's cubes as runs measure them, brought to Landsat's lattice by area (`coarsened`): the same looks,
hours and bands, so that only the size of pixels differs; Landsat's own noise, hours and gaps do not come in.
In the *forest* (Romania) the same history is made at both sizes. Over the *town* (Bolzano, June 2022) there
are too few looks for a history at either: its hectares with little green on each look are compared. Nothing
was fitted on them. FOLDER holds the town's workspace, as `known_ground` makes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import shapely
import xarray as xr

from aoi.pixels import coverage, pixel_area_ha, to_grid
from aoi.records import Site
from benchmarks.expansion.arguments import described
from benchmarks.expansion.known_ground import places_table
from benchmarks.expansion.real_clearings import (
    HIT,
    RIVER,
    SQUARE_METRES,
    YEARS,
    demo_cube,
    figure,
    found_in,
    outlines,
)
from benchmarks.manual import write_table
from campwatch.run.site_bench import kept_cube
from campwatch.run.site_job import site_work
from campwatch.workspace import open_workspace
from detection.ground.measure import GroundRows, measure_ground
from imagery.cube.landsat import coarsened, landsat_grid

HEAD = (
    "first seen in", "plain outlines, ha", "found, ha: 10 m; 30 m", "recall of plain", "precision",
    "plain hit", "on the river's gravel, ha", "disturbed on 1 August, ha: 10 m; 30 m",
)  # fmt: skip
LITTLE_GREEN = 0.3
"""NDVI below which ground has little green."""
MOSTLY_SEEN = 0.9


def forest(cube: xr.Dataset, site: Site) -> list[str]:
    """What is found of the clearings at both sizes."""
    coarse = coarsened(cube, landsat_grid(cube.odc.geobox))
    rows = {"10": measure_ground(cube, site), "30": measure_ground(coarse, site, sensor="sentinel-2 at 30 m")}
    grid = cube.odc.geobox
    drawn = outlines(grid, to_grid(site.aoi, grid))
    lines = [
        f"| {' | '.join(HEAD)} |",
        "|" + "---|" * len(HEAD),
    ]
    for year in YEARS:
        mine = [(told, s) for told, s in drawn if told["cleared_by"] == year and told["id"] != RIVER]
        plain = [s for told, s in mine if told["seen"] == "clear" and not s.is_empty]
        river = next(s for told, s in drawn if told["id"] == RIVER)
        both = [_year(rows[size], year, grid, plain, [s for _, s in mine], river) for size in rows]
        accounts = [
            next((figure(f.area_ha) for f in rows[size].footprints if f.epoch_start.year == year), "–")
            for size in rows
        ]
        cells = ["; ".join(pair) for pair in zip(*both, strict=True)]
        area = shapely.union_all(plain).area / SQUARE_METRES
        lines.append(f"| {year} | {area:.2f} | {' | '.join(cells)} | {'; '.join(accounts)} |")
    return lines


def _year(
    rows: GroundRows, year: int, grid: Any, plain: list[Any], drawn: list[Any], river: Any
) -> list[str]:
    found = found_in(rows, year)
    ground = shapely.union_all([to_grid(d.geometry, grid) for d in found])
    sure, either = shapely.union_all(plain), shapely.union_all(drawn)
    hit = sum(s.intersection(ground).area >= HIT * s.area for s in plain)
    return [
        f"{sum(d.area_ha.value or 0.0 for d in found):.2f}",
        f"{sure.intersection(ground).area / sure.area:.2f}" if plain else "–",
        f"{ground.intersection(either).area / ground.area:.2f}" if ground.area and drawn else "–",
        f"{hit} of {len(plain)}" if plain else "–",
        f"{ground.intersection(river).area / SQUARE_METRES:.2f}",
    ]


def town(cube: xr.Dataset, site: Site) -> list[str]:
    """Hectares with little green on every clear look, at both sizes."""
    coarse = coarsened(cube, landsat_grid(cube.odc.geobox))
    lines = ["| look | little green, ha: 10 m | 30 m | ratio |", "|---|---|---|---|"]
    for k, when in enumerate(cube["time"].dt.strftime("%Y-%m-%d").to_numpy()):
        told = []
        for one in (cube, coarse):
            look, grid = one.isel(time=k), one.odc.geobox
            part = coverage(site.aoi, grid)
            clear = look["valid"].to_numpy() & ~look["snow"].to_numpy()
            if (part * clear).sum() < MOSTLY_SEEN * part.sum():
                break
            red, nir = look["red"].to_numpy(), look["nir"].to_numpy()
            with np.errstate(invalid="ignore", divide="ignore"):
                little = clear & ((nir - red) / (nir + red) < LITTLE_GREEN)
            told.append(
                float((part * little).sum() / (part * clear).sum() * part.sum() * pixel_area_ha(grid))
            )
        if len(told) == 2:
            lines.append(f"| {when} | {told[0]:.0f} | {told[1]:.0f} | {told[1] / told[0]:.2f} |")
    return lines


def main() -> None:
    parser = described(__doc__)
    parser.add_argument("workspace", type=Path, help="made by `campwatch demo`")
    parser.add_argument("data", type=Path, help="folder with bolzano-stac and aurora-mine0")
    parser.add_argument("folder", type=Path, help="for the town's workspace")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/imagery-cube.md")
    asked = parser.parse_args()
    lines = [*forest(*demo_cube(asked.workspace)), ""]
    if not (asked.folder / "bolzano-stac").exists():
        places_table(asked.data, asked.folder)
    workspace = open_workspace(asked.folder / "bolzano-stac")
    work = site_work(workspace, workspace.folder / "sites" / "site.geojson")
    assert work is not None
    lines += town(kept_cube(workspace, work), work.site)
    print("\n".join(lines))
    if asked.write:
        write_table(
            "imagery-cube.md", "degraded", lines, method=["measure_ground", "coarsened"], seeds="real imagery"
        )


if __name__ == "__main__":
    main()
