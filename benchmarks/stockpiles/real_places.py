"""Real Sentinel-2 dates: coal of three ranks painted into a forest, and places that hold no coal.

The forest is the Romanian cube of the nrt wheel; the town (Bolzano) and the stable quarry (aurora-mine0) lie
in ``../shared/data`` on development machines. Coal is painted as `benchmarks.stockpiles.painting` does, with
the reflectance of a part of the family; layouts of `JUDGED` were used for nothing before.

    python -m benchmarks.stockpiles.real_places --keep FOLDER [--write]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox
from scipy.ndimage import binary_dilation
from shapely.geometry import Polygon, box

from aoi.pixels import to_degrees
from aoi.records import Site, Zone, ZoneKind
from benchmarks.manual import write_table
from benchmarks.simulator.realism import Stack, aurora, bolzano
from benchmarks.stockpiles.painting import (
    CLOUDY,
    SNOW,
    Painted,
    as_cube,
    clear_dates,
    paint,
    random_piles,
    romania,
)
from benchmarks.stockpiles.rank_table import clustered
from benchmarks.stockpiles.simulated_table import CLEAR
from benchmarks.stockpiles.yards import keep_options, kept_result, years_path
from detection.coal.family import component_means

JUDGED = (330, 331)
SIZES_HA = (0.2, 0.6, 1.3, 2.0)
RANKS = MappingProxyType({"flat": 0, "bituminous": 1, "sub-bituminous (Korba-like)": 2})
"""Component of the family by name."""
BANDS = ("blue", "green", "red", "nir", "nir08", "swir16")
AIMS_HA = MappingProxyType({"flat": 0.07, "bituminous": 0.07, "sub-bituminous (Korba-like)": 0.045})
MADE_WITH = ["measure_stockpiles"]


def painted(rank: str, layout: int) -> Painted:
    """The forest with piles of one rank."""
    curve = np.exp(component_means(BANDS)[RANKS[rank]])
    coal = dict(zip(BANDS, map(float, curve), strict=True))
    return paint(random_piles(layout, sizes=SIZES_HA), seed=layout, shift_sd_px=0.2, coal=coal)


def painted_looks(rank: str, layout: int, folder: Path) -> list[dict[str, Any]]:
    """Every clear look of every zone of one layout."""
    made, clear, out = painted(rank, layout), clear_dates(romania()), []
    result = kept_result(f"painted-{rank}-{layout}", folder, lambda: (made.cube, made.site))
    for zone, truth in made.truth_ha.items():
        areas = [area for area in result.areas if area.zone_id == zone]
        for t in np.flatnonzero(clear).tolist():
            area, dark = areas[t].area_ha, areas[t].dark_ha
            if areas[t].valid_fraction >= CLEAR and dark is not None:
                out.append(
                    {
                        "rank": rank, "layout": layout, "truth": float(truth[t]), "value": dark.value,
                        "low": dark.low, "high": dark.high, "area_low": area.low, "area_high": area.high,
                    }
                )  # fmt: skip
    return out


def quarters(grid: GeoBox) -> Iterator[tuple[str, Polygon]]:
    """A zone in the middle of each quarter of the scene, half as wide, with ground of the scene around it."""
    height, width = grid.shape
    for name, row, column in (("nw", 0, 0), ("ne", 0, 1), ("sw", 1, 0), ("se", 1, 1)):
        x, y = (column + 0.5) * width / 2, (row + 0.5) * height / 2
        shape = box(x - width / 8, y - height / 8, x + width / 8, y + height / 8)
        a = grid.affine
        corners = [a @ point for point in shape.exterior.coords]
        yield name, to_degrees(Polygon(corners), grid)


def with_zones(grid: GeoBox, site_id: str) -> Site:
    """A site whose four quarters are measured as stockyards."""
    zones = tuple(Zone(id=n, kind=ZoneKind.STOCKYARD, geometry=shape) for n, shape in quarters(grid))
    height, width = grid.shape
    a = grid.affine
    aoi = to_degrees(Polygon([a @ p for p in ((0, 0), (width, 0), (width, height), (0, height))]), grid)
    return Site(id=site_id, name=site_id, aoi=aoi, zones=zones)


def cube_of(stack: Stack) -> xr.Dataset:
    """A cube on a made lattice of 10 m; clouds by the scene classes, grown by two pixels."""
    _, height, width = stack.scl.shape
    planes = dict(stack.bands) | ({} if stack.swir16 is None else {"swir16": stack.swir16})
    cloud = np.isin(stack.scl, (*CLOUDY, 0))
    cloud = np.stack([binary_dilation(one, iterations=2) for one in cloud])
    seen = np.all([values > 0 for values in planes.values()], axis=0)
    dims = ("time", "y", "x")
    variables: dict[str, Any] = {
        name: (dims, np.where(seen, values, np.nan).astype(np.float32)) for name, values in planes.items()
    }
    variables |= {"valid": (dims, seen & ~cloud), "snow": (dims, stack.scl == SNOW)}
    coords = {
        "time": stack.times,
        "y": 4_000_000.0 - 10.0 * (np.arange(height) + 0.5),
        "x": 500_000.0 + 10.0 * (np.arange(width) + 0.5),
    }
    return xr.Dataset(variables, coords=coords).odc.assign_crs("EPSG:32632")


def forest() -> xr.Dataset:
    """The Romanian cube as it is."""
    source = romania()
    return as_cube(source, dict(source.fine), dict(source.coarse))


def town() -> xr.Dataset:
    """A kilometre of Bolzano."""
    stack = bolzano()
    if stack is None:
        raise FileNotFoundError("../shared/data/bolzano-stac")
    cube = cube_of(stack)
    return cube.isel(y=slice(150, 250), x=slice(150, 250))


def quarry() -> xr.Dataset:
    """A stone quarry that hardly changes."""
    stack = aurora()
    if stack is None:
        raise FileNotFoundError("../shared/data/aurora-mine0")
    return cube_of(stack)


PLACES: Mapping[str, Callable[[], xr.Dataset]] = MappingProxyType(
    {"forest, clearings and river (Romania)": forest, "town, no SWIR (Bolzano)": town,
     "stone quarry (aurora-mine0)": quarry}
)  # fmt: skip


def bare_looks(place: str, folder: Path) -> list[dict[str, Any]]:
    """What is said of the four quarters of a place without coal, on every look that saw most of one."""

    def made() -> tuple[xr.Dataset, Site]:
        cube = PLACES[place]()
        return cube, with_zones(cube.odc.geobox, "place")

    result = kept_result(f"place-{place}", folder, made)
    return [
        {"place": place, "zone": area.zone_id, "low": area.area_ha.low, "high": area.area_ha.high,
         "verdict": area.verdict}
        for area in result.areas
        if area.valid_fraction >= CLEAR
    ]  # fmt: skip


def painted_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """One row per rank."""
    lines = [
        ("| painted coal | clear looks | no figure, % | RMSE ha | aim ha | bias ha | dark_ha covers, % "
        "| width over truth, truth over half a hectare |"),
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for rank in RANKS:
        part = [row for row in rows if row["rank"] == rank]
        told = [row for row in part if row["value"] is not None]
        if not told:
            continue
        error = np.array([row["value"] - row["truth"] for row in told])
        held = [float(row["low"] <= row["truth"] <= row["high"]) for row in told]
        share, low, high = clustered(held, [row["layout"] for row in told])
        large = [row for row in told if row["truth"] > 0.5]
        width = np.mean([(row["high"] - row["low"]) / row["truth"] for row in large])
        lines.append(
            f"| {rank} | {len(part)} | {100 * (1 - len(told) / len(part)):.0f} "
            f"| {np.sqrt((error**2).mean()):.3f} | {AIMS_HA[rank]:g} | {error.mean():+.3f} "
            f"| {100 * share:.0f} ({100 * low:.0f}–{100 * high:.0f}) | {width:.2f} |"
        )
    return lines


def bare_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """One row per place."""
    lines = [
        ("| real place without coal | looks at zones | lower end 0 or no figure, % | median upper end, ha "
        "| verdicts |"),
        "|---|---|---|---|---|",
    ]  # fmt: skip
    for place in PLACES:
        part = [row for row in rows if row["place"] == place]
        if part:
            good = 100 * np.mean([row["low"] is None or row["low"] <= 0.0 for row in part])
            ends = [row["high"] for row in part if row["high"] is not None]
            verdicts = ", ".join(sorted({str(row["verdict"]) for row in part}))
            shown = f"{np.median(ends):.2f}" if ends else "–"
            lines.append(f"| {place} | {len(part)} | {good:.0f} | {shown} | {verdicts} |")
    return lines


def main() -> None:
    """Measure what is not kept, and print the tables."""
    options = keep_options(__doc__)

    def wanted(name: str) -> bool:
        return not options.kept or years_path(name, options.keep).exists()

    rows = [
        row
        for layout in JUDGED
        for rank in RANKS
        if wanted(f"painted-{rank}-{layout}")
        for row in painted_looks(rank, layout, options.keep)
    ]
    rows += [row for place in PLACES if wanted(f"place-{place}") for row in bare_looks(place, options.keep)]
    lines = [*painted_table([row for row in rows if "rank" in row]), ""]
    bare = [row for row in rows if "place" in row]
    lines += bare_table(bare) if bare else []
    print("\n".join(lines))
    if options.write:
        write_table(
            "stockpiles.md", "real places", lines, method=MADE_WITH, seeds=f"layouts {JUDGED}, real imagery"
        )


if __name__ == "__main__":
    main()
