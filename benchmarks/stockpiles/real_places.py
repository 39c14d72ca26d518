"""Real Sentinel-2 dates: coal of three ranks painted into a forest and a quarry, and places without coal.

The forest is the Romanian cube of the nrt wheel; the town (Bolzano) and the stable quarry (aurora-mine0) lie
in ``../shared/data`` on development machines. Coal is painted as `benchmarks.stockpiles.painting` does, with
the reflectance of a part of the family; layouts that judge were used for nothing before.

The quarry's chip is a square of a thousand pixels of 9 m that stands on a corner; they are put on a made
lattice of 10 m, and bands of 20 m are averaged to its half. It holds one zone and the ground around it at a
time, so that every pile is painted by itself, and the same zones are measured without coal.

    python -m benchmarks.stockpiles.real_places --keep FOLDER [--write]
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy.ndimage import binary_dilation, distance_transform_edt
from shapely.geometry import MultiPoint, Polygon, box

from aoi.pixels import coverage, to_degrees
from aoi.records import Site, Zone, ZoneKind
from benchmarks.manual import write_table
from benchmarks.simulator.realism import Stack, aurora_chip, bolzano
from benchmarks.stockpiles.baselines import local_matched_filter, three_endmembers
from benchmarks.stockpiles.layouts import CLEAR, PIXEL_HA
from benchmarks.stockpiles.painting import (
    CLOUDY,
    HISTORIES,
    SNOW,
    Painted,
    Pile,
    Source,
    as_cube,
    as_site,
    clear_dates,
    history,
    paint,
    random_piles,
    romania,
)
from benchmarks.stockpiles.rank_table import clustered
from benchmarks.stockpiles.yards import keep_options, kept_result, years_path
from detection.coal.family import component_means

JUDGED = (330, 331)
QUARRY_JUDGED = (332, 333)
"""330 and 331 in the quarry were looked at when years without dark ground were found to spoil a fit."""
SIZES_HA = (0.2, 0.6, 1.3, 2.0)
RANKS = MappingProxyType({"flat": 0, "bituminous": 1, "sub-bituminous (Korba-like)": 2})
"""Component of the family by name."""
AIMS_HA = MappingProxyType({"flat": 0.07, "bituminous": 0.07, "sub-bituminous (Korba-like)": 0.045})
FOREST, QUARRY = "forest (Romania)", "quarry (aurora-mine0)"
QUARRY_GRID = GeoBox((44, 38), Affine(10.0, 0.0, 541_200.0, 0.0, -10.0, 2_696_500.0), "EPSG:32644")
"""A lattice of 10 m about where the quarry lies."""
LARGE_HA = 0.5
"""Area from which a width is asked for."""
BASELINE_BANDS = ("blue", "green", "red", "nir", "swir16")
MADE_WITH = ["measure_stockpiles"]
Floats = NDArray[np.float64]
Bare = tuple[xr.Dataset, Site]


@cache
def quarry_source() -> Source:
    """The quarry's chip, with what lies beyond it filled from its nearest pixels and not covered."""
    chip = aurora_chip()
    if chip is None or chip.swir16 is None or chip.swir22 is None:
        raise FileNotFoundError("../shared/data/aurora-mine0")
    height, width = QUARRY_GRID.shape
    covered = (chip.bands["red"] > 0).all(axis=0)[:height, :width]
    near = distance_transform_edt(~covered, return_distances=False, return_indices=True)

    def filled(values: NDArray[np.generic]) -> Floats:
        return np.asarray(values, dtype=np.float64)[:, near[0], near[1]]

    coarse = {"swir16": chip.swir16, "swir22": chip.swir22}
    halves = (-1, height // 2, 2, width // 2, 2)
    return Source(
        name="quarry",
        times=chip.times,
        fine={band: filled(values) for band, values in chip.bands.items()},
        coarse={band: filled(values).reshape(halves).mean(axis=(2, 4)) for band, values in coarse.items()},
        scl=filled(chip.scl),
        grid=QUARRY_GRID,
        covered=covered,
    )


def quarry_seed(layout: int, size_ha: float) -> int:
    """Of one pile in the quarry."""
    return 1000 * layout + round(100 * size_ha)


def quarry_pile(layout: int, size_ha: float) -> Pile:
    """A pile of one size anywhere in the quarry's chip, its zone within it."""
    source, rng = quarry_source(), np.random.default_rng(quarry_seed(layout, size_ha))
    days = (source.times - source.times[0]) / np.timedelta64(1, "D")
    height, width = source.covered.shape
    ground = MultiPoint(np.argwhere(source.covered)[:, ::-1] + 0.5).convex_hull
    area = history(HISTORIES[rng.integers(len(HISTORIES))], size_ha, days, rng)
    while True:
        pile = Pile(
            x=rng.uniform(0, width),
            y=rng.uniform(0, height),
            elongation=rng.uniform(1.0, 2.5),
            angle_deg=rng.uniform(0, 180),
            area_ha=area,
        )
        if ground.contains(pile.outline(size_ha, 4.0)):
            return pile


def coal_of(rank: str, bands: Sequence[str]) -> dict[str, float]:
    """Reflectance of a part of the family."""
    return dict(zip(bands, map(float, np.exp(component_means(bands)[RANKS[rank]])), strict=True))


def painted(rank: str, layout: int) -> Painted:
    """The forest with piles of one rank."""
    source = romania()
    coal = coal_of(rank, (*source.fine, *source.coarse))
    return paint(random_piles(layout, sizes=SIZES_HA), seed=layout, shift_sd_px=0.2, coal=coal)


def painted_quarry(rank: str, layout: int, size_ha: float) -> Painted:
    """The quarry with one pile; green stays the mean of blue and red."""
    source = quarry_source()
    made = paint(
        [quarry_pile(layout, size_ha)],
        seed=quarry_seed(layout, size_ha),
        shift_sd_px=0.2,
        coal=coal_of(rank, (*source.fine, *source.coarse)),
        source=source,
    )
    made.cube["green"] = 0.5 * (made.cube["blue"] + made.cube["red"])
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Painting:
    """One site with painted coal."""

    place: str
    rank: str
    name: str
    """Under which its years are kept."""
    made: Callable[[], Painted]
    source: Source


def paintings() -> Iterator[Painting]:
    """Both places, layouts that judge, every rank."""
    for layout, rank in itertools.product(JUDGED, RANKS):
        name = f"painted-{rank}-{layout}"
        yield Painting(
            place=FOREST, rank=rank, name=name, made=partial(painted, rank, layout), source=romania()
        )
    for layout, size, rank in itertools.product(QUARRY_JUDGED, SIZES_HA, RANKS):
        name, made = f"quarry-{rank}-{size:g}-{layout}", partial(painted_quarry, rank, layout, size)
        yield Painting(place=QUARRY, rank=rank, name=name, made=made, source=quarry_source())


def simpler(made: Painted, zone: str) -> dict[str, Floats]:
    """Share of one zone that every look saw, and its hectares (time,) by the two baselines."""
    pixels = np.nan_to_num(
        np.stack([made.cube[band].values for band in BASELINE_BANDS], axis=-1, dtype=float)
    )
    seen = made.cube["valid"].values & ~made.cube["snow"].values
    shares = {one.id: coverage(one.geometry, made.cube.odc.geobox) for one in made.site.zones}
    zones = np.any([share > 0.0 for share in shares.values()], axis=0)
    return {
        "seen": (seen * shares[zone]).sum(axis=(1, 2)) / shares[zone].sum(),
        "endmembers": PIXEL_HA * three_endmembers(pixels, seen, shares[zone]),
        "filter": PIXEL_HA * local_matched_filter(pixels, seen, shares[zone], zones),
    }


def painted_looks(one: Painting, folder: Path) -> list[dict[str, Any]]:
    """Every clear look of every zone of one painted site."""
    made, clear, out = one.made(), clear_dates(one.source), []
    result = kept_result(one.name, folder, lambda: (made.cube, made.site))
    for zone, truth in made.truth_ha.items():
        others = simpler(made, zone)
        areas = [area for area in result.areas if area.zone_id == zone]
        for t in np.flatnonzero(clear).tolist():
            dark = areas[t].dark_ha
            if others["seen"][t] >= CLEAR and dark is not None:
                out.append(
                    {
                        "painted": one.place, "rank": one.rank, "site": one.name, "truth": float(truth[t]),
                        "value": dark.value, "low": dark.low, "high": dark.high,
                        "claimed": areas[t].area_ha.value is not None,
                    } | {name: float(values[t]) for name, values in others.items()}
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


def forest() -> Bare:
    """The Romanian cube as it is, a zone in each quarter."""
    source = romania()
    cube = as_cube(source, dict(source.fine), dict(source.coarse))
    return cube, with_zones(cube.odc.geobox, "place")


def town() -> Bare:
    """A kilometre of Bolzano, a zone in each quarter."""
    stack = bolzano()
    if stack is None:
        raise FileNotFoundError("../shared/data/bolzano-stac")
    cube = cube_of(stack).isel(y=slice(150, 250), x=slice(150, 250))
    return cube, with_zones(cube.odc.geobox, "place")


def quarry(layout: int, size_ha: float) -> Bare:
    """The quarry as it is, with the zone of a painted pile."""
    source = quarry_source()
    cube = as_cube(source, dict(source.fine), dict(source.coarse))
    return cube, as_site([quarry_pile(layout, size_ha)], source.grid)


PLACES: Mapping[str, Mapping[str, Callable[[], Bare]]] = MappingProxyType(
    {
        "forest, clearings and river (Romania)": {"forest": forest},
        "town, no SWIR (Bolzano)": {"town": town},
        "stone quarry (aurora-mine0)": {
            f"quarry-{size:g}-{layout}": partial(quarry, layout, size)
            for layout, size in itertools.product(QUARRY_JUDGED, SIZES_HA)
        },
    }
)
"""By place its sites, under the names by which they are kept."""


def bare_looks(place: str, name: str, folder: Path) -> list[dict[str, Any]]:
    """What is said of the zones of a place without coal, on every look that saw most of one."""
    result = kept_result(f"place-{name}", folder, PLACES[place][name])
    return [
        {"place": place, "zone": area.zone_id, "low": area.area_ha.low, "high": area.area_ha.high,
         "verdict": area.verdict}
        for area in result.areas
        if area.valid_fraction >= CLEAR
    ]  # fmt: skip


def painted_table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """One row per place and rank."""
    lines = [
        ("| painted into | coal | sites | clear looks | no dark_ha, % | no area_ha, % | RMSE ha | aim ha "
        "| bias ha | dark_ha covers, % | width over truth, truth over half a hectare "
        "| RMSE of three endmembers, ha | of a local matched filter, ha |"),
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for place, rank in itertools.product((FOREST, QUARRY), RANKS):
        part = [row for row in rows if row["painted"] == place and row["rank"] == rank]
        told = [row for row in part if row["value"] is not None]
        if not part:
            continue
        sites = len({row["site"] for row in part})
        silent = 100 * (1 - len(told) / len(part))
        unclaimed = 100 * (1 - np.mean([row["claimed"] for row in part]))
        begun = f"| {place} | {rank} | {sites} | {len(part)} | {silent:.0f} | {unclaimed:.0f}"
        if not told:
            lines.append(f"{begun} | – | {AIMS_HA[rank]:g} | – | – | – | – | – |")
            continue
        error = np.array([row["value"] - row["truth"] for row in told])
        held = [float(row["low"] <= row["truth"] <= row["high"]) for row in told]
        share, low, high = clustered(held, [row["site"] for row in told])
        large = [row for row in told if row["truth"] > LARGE_HA]
        width = np.mean([(row["high"] - row["low"]) / row["truth"] for row in large])
        lines.append(
            f"{begun} | {np.sqrt((error**2).mean()):.3f} | {AIMS_HA[rank]:g} | {error.mean():+.3f} "
            f"| {100 * share:.0f} ({100 * low:.0f}–{100 * high:.0f}) | {width:.2f} "
            f"| {_error_of('endmembers', told)} | {_error_of('filter', told)} |"
        )
    return lines


def _error_of(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """RMSE of a baseline on the looks on which it has a figure."""
    error = np.array([row[name] - row["truth"] for row in rows])
    error = error[np.isfinite(error)]
    return f"{np.sqrt((error**2).mean()):.2f}" if len(error) else "–"


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


BLOCKS = MappingProxyType(
    {
        "real places": (FOREST, JUDGED, ("forest, clearings and river (Romania)", "town, no SWIR (Bolzano)")),
        "real quarry": (QUARRY, QUARRY_JUDGED, ("stone quarry (aurora-mine0)",)),
    }
)
"""By place in the manual: what is painted into, with which layouts, and what holds no coal."""


def main() -> None:
    """Measure what is not kept, and print the tables; with `--kept` those that are kept whole."""
    options = keep_options(__doc__)
    for block, (painted_into, layouts, without_coal) in BLOCKS.items():
        own = [one for one in paintings() if one.place == painted_into]
        bare = [(place, name) for place in without_coal for name in PLACES[place]]
        names = [*(one.name for one in own), *(f"place-{name}" for _, name in bare)]
        if options.kept and not all(years_path(name, options.keep).exists() for name in names):
            continue
        painted_rows = [row for one in own for row in painted_looks(one, options.keep)]
        bare_rows = [row for place, name in bare for row in bare_looks(place, name, options.keep)]
        lines = [*painted_table(painted_rows), "", *bare_table(bare_rows)]
        print("\n".join(lines))
        if options.write:
            seeds = f"layouts {layouts}, real imagery"
            write_table("stockpiles.md", block, lines, method=MADE_WITH, seeds=seeds)


if __name__ == "__main__":
    main()
