"""From scenes to products as providers list them: tiles, baselines, offsets, flags, STAC documents."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from affine import Affine
from pyproj import Transformer
from shapely.geometry import box, mapping

from imagery.bands import NATIVE_RESOLUTION_M, SENTINEL2_BANDS
from imagery.simulate.frame import LATTICE_M, Frame, utm_zone
from imagery.simulate.passes import RELATIVE_ORBIT, Pass
from imagery.simulate.terrain import Stream, stream

COLUMN_SETS = ("STUVWXYZ", "ABCDEFGH", "JKLMNPQR")
"""Letters of 100 km columns by zone modulo 3."""
ROW_LETTERS = "ABCDEFGHJKLMNPQRSTUV"
BAND_LETTERS = "CDEFGHJKLMNPQRSTUVWX"
SQUARE_M = 100_000
TILE_M = 109_800


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One tile of the Sentinel-2 grid (northern hemisphere)."""

    name: str
    epsg: int
    west_m: float
    north_m: float

    def holds(self, bounds_m: tuple[float, float, float, float]) -> bool:
        """Whether the tile covers (west, south, east, north) entirely."""
        west, south, east, north = bounds_m
        return (
            self.west_m <= west
            and east <= self.west_m + TILE_M
            and self.north_m - TILE_M <= south
            and north <= self.north_m
        )


def tile_at(lon: float, lat: float, *, zone: int | None = None) -> Tile:
    """The tile whose 100 km square holds a point, in its own or a neighbouring zone."""
    chosen = utm_zone(lon) if zone is None else zone
    epsg = 32600 + chosen
    x, y = Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
    column, row = int(x // SQUARE_M), int(y // SQUARE_M)
    letters = COLUMN_SETS[chosen % 3][column - 1] + ROW_LETTERS[(row + (5 if chosen % 2 == 0 else 0)) % 20]
    band = BAND_LETTERS[min(int((lat + 80) // 8), 19)]
    return Tile(
        name=f"{chosen}{band}{letters}",
        epsg=epsg,
        west_m=math.floor(column * SQUARE_M / LATTICE_M) * LATTICE_M,
        north_m=math.ceil((row + 1) * SQUARE_M / LATTICE_M) * LATTICE_M,
    )


def neighbour_zone(frame: Frame) -> int:
    """The zone beyond the nearer edge of the frame's own."""
    zone = utm_zone(frame.lon)
    middle = zone * 6 - 183
    return zone - 1 if frame.lon < middle else zone + 1


OFFSET_FROM = dt.date(2022, 1, 25)
"""Processing date from which products carry +1000 (baseline 04.00)."""
OFFSET_DN = 1000
BASELINES = (
    (dt.date(2015, 1, 1), "02.01"),
    (dt.date(2016, 6, 15), "02.04"),
    (dt.date(2017, 10, 23), "02.06"),
    (dt.date(2018, 11, 6), "02.10"),
    (dt.date(2019, 7, 8), "02.13"),
    (dt.date(2020, 2, 4), "02.14"),
    (dt.date(2021, 3, 30), "03.00"),
    (dt.date(2021, 6, 30), "03.01"),
    (dt.date(2022, 1, 25), "04.00"),
    (dt.date(2022, 12, 6), "05.09"),
    (dt.date(2023, 12, 13), "05.10"),
    (dt.date(2024, 7, 23), "05.11"),
    (dt.date(2026, 2, 1), "05.12"),
)
"""First day and baseline of real-time processing; days before 2022 are from memory."""


class Habit(StrEnum):
    """How a provider treats the offset and what its metadata say about it."""

    RAW = "raw"
    """Source numbers; scale and offset right in the metadata."""
    HARMONISED = "harmonised"
    """Offset taken out of the numbers; the flag says so, the metadata still say -0.1 (as at Earth Search)."""
    WRONG_FLAG = "wrong_flag"
    """Offset taken out of the numbers, and the flag denies it."""
    SILENT = "silent"
    """Source numbers; nothing said about scale, offset or flag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogHabits:
    """How messy a written catalogue is. Shares are of scenes."""

    harmonised: float = 0.15
    wrong_flag: float = 0.08
    silent: float = 0.08
    reprocessed: float = 0.3
    """Old scenes that exist a second time, as baseline 05.00."""
    only_reprocessed: float = 0.3
    """Of these: the old product is gone."""
    late_days: tuple[float, int] = (0.05, 40)
    """Share of scenes that are published late, and by how many days."""
    split_tiles: bool = False
    """Two tiles of one zone, each with part of the site, overlapping."""
    second_zone: bool = False
    """The same acquisitions again on the neighbouring zone's tile."""
    radar: bool = True
    landsat: bool = False
    """Landsat 8 and 9 too, as Planetary Computer lists them."""


CLEAN_HABITS = CatalogHabits(
    harmonised=0, wrong_flag=0, silent=0, reprocessed=0, late_days=(0, 0), radar=False
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedProduct:
    """One product to be written."""

    one: Pass
    tile: Tile
    baseline: str
    habit: Habit
    published: dt.datetime
    columns: tuple[float, float] = (0.0, 1.0)
    """Part of the site, west to east, that the product covers."""
    supersedes: bool = False

    @property
    def offset_dn(self) -> int:
        """What is really added to the numbers in its files."""
        raw = self.habit in {Habit.RAW, Habit.SILENT}
        return OFFSET_DN if raw and self.baseline >= "04.00" else 0

    @property
    def collection(self) -> str:
        """Collection that lists it."""
        return "sentinel-2-c1-l2a" if self.habit is Habit.RAW else "sentinel-2-l2a"

    @property
    def item_id(self) -> str:
        """Unique, and plainly simulated."""
        letter, stem = self.one.platform[-1].upper(), f"{self.one.datetime:%Y%m%dT%H%M%S}"
        return f"S2{letter}_T{self.tile.name}_{stem}_N{self.baseline.replace('.', '')}_L2A_SIMULATED"


def real_time_baseline(day: dt.date) -> str:
    """The baseline that products of a day were first processed with."""
    return [name for first, name in BASELINES if first <= day][-1]


def planned_products(
    one: Pass, tiles: tuple[Tile, ...], habits: CatalogHabits, seed: int
) -> tuple[PlannedProduct, ...]:
    """All products of one pass."""
    if one.missing:
        return ()
    rng = stream(seed, Stream.CATALOG, one.index)
    late, days = habits.late_days
    wait = dt.timedelta(hours=6) + (dt.timedelta(days=days) if rng.random() < late else dt.timedelta())
    first = PlannedProduct(
        one=one,
        tile=tiles[0],
        baseline=real_time_baseline(one.day),
        habit=Habit.RAW,
        published=one.datetime + wait,
    )
    versions = _versions(first, habits, rng)
    placed = [replace(version, tile=tile) for version in versions for tile in tiles]
    return tuple(_parted(placed, habits, tiles))


def _versions(first: PlannedProduct, habits: CatalogHabits, rng: np.random.Generator) -> list[PlannedProduct]:
    """The product as first processed, reprocessed, or both; with the provider's habit."""
    again, gone = rng.random() < habits.reprocessed, rng.random() < habits.only_reprocessed
    habit = _habit(habits, rng)
    if first.one.day >= OFFSET_FROM or not again:
        return [replace(first, habit=habit if first.baseline >= "04.00" else Habit.RAW)]
    published = (
        dt.datetime(2023, 6, 1, tzinfo=dt.UTC)
        + (first.one.datetime - dt.datetime(2015, 7, 1, tzinfo=dt.UTC)) / 10
    )
    second = replace(first, baseline="05.00", habit=habit, published=published, supersedes=not gone)
    return [second] if gone else [first, second]


def _habit(habits: CatalogHabits, rng: np.random.Generator) -> Habit:
    shares = [habits.harmonised, habits.wrong_flag, habits.silent]
    names = [Habit.HARMONISED, Habit.WRONG_FLAG, Habit.SILENT, Habit.RAW]
    return names[int(rng.choice(4, p=[*shares, 1 - sum(shares)]))]


def _parted(
    products: list[PlannedProduct], habits: CatalogHabits, tiles: tuple[Tile, ...]
) -> list[PlannedProduct]:
    """With `split_tiles`, the first two tiles carry the western and eastern part, with an overlap."""
    if not habits.split_tiles:
        return products
    parts = {tiles[0].name: (0.0, 0.7), tiles[1].name: (0.4, 1.0)}
    return [replace(one, columns=parts.get(one.tile.name, (0.0, 1.0))) for one in products]


STAC_VERSION = "1.0.0"
EXTENSIONS = (
    "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
    "https://stac-extensions.github.io/projection/v1.1.0/schema.json",
    "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
)
BAND_NAMES = {meaning: name for name, meaning in SENTINEL2_BANDS.items()}
COMMON_NAMES = {"rededge1": "rededge", "rededge2": "rededge", "rededge3": "rededge"}
GEOTIFF = "image/tiff; application=geotiff; profile=cloud-optimized"
SIMULATED = "Simulated by campwatch; no satellite took this image."


def stamp(when: dt.datetime) -> str:
    """RFC 3339, UTC."""
    return when.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def optical_item(
    product: PlannedProduct,
    grids: Mapping[str, tuple[Affine, tuple[int, int]]],
    bounds: tuple[float, float, float, float],
    cloud_percent: float,
) -> dict[str, Any]:
    """The item of one product.

    Args:
        product: what to describe.
        grids: transform and shape of each band's file.
        bounds: (west, south, east, north), degrees.
        cloud_percent: as the provider states it.
    """
    item = item_frame(product.item_id, product.collection, bounds, EXTENSIONS)
    item["properties"] = _properties(product, cloud_percent)
    item["assets"] = {band: _asset(product, band, *grid) for band, grid in grids.items()}
    return item


def item_frame(
    name: str, collection: str, bounds: tuple[float, float, float, float], extensions: Sequence[str]
) -> dict[str, Any]:
    """An item without properties and assets."""
    return {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": list(extensions),
        "id": name,
        "collection": collection,
        "bbox": list(bounds),
        "geometry": mapping(box(*bounds)),
        "links": [
            {"rel": "root", "href": "../../catalog.json", "type": "application/json"},
            {"rel": "parent", "href": "../collection.json", "type": "application/json"},
            {"rel": "collection", "href": "../collection.json", "type": "application/json"},
        ],
    }


def _properties(product: PlannedProduct, cloud_percent: float) -> dict[str, Any]:
    one, baseline = product.one, product.baseline
    letter, compact = one.platform[-1].upper(), baseline.replace(".", "")
    sensed, made = f"{one.datetime:%Y%m%dT%H%M%S}", f"{product.published:%Y%m%dT%H%M%S}"
    found: dict[str, Any] = {
        "datetime": stamp(one.datetime),
        "created": stamp(product.published),
        "updated": stamp(product.published),
        "platform": one.platform,
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "gsd": 10,
        "simulated": True,
        "description": SIMULATED,
        "eo:cloud_cover": round(cloud_percent, 3),
        "proj:epsg": product.tile.epsg,
        "grid:code": f"MGRS-{product.tile.name}",
        "sat:relative_orbit": RELATIVE_ORBIT,
        "view:sun_azimuth": round(one.sun.azimuth_deg, 3),
        "view:sun_elevation": round(one.sun.elevation_deg, 3),
        "s2:processing_baseline": baseline,
        "s2:datatake_id": f"{one.datatake}_N{baseline}",
        "s2:product_type": "S2MSI2A",
        "s2:generation_time": stamp(product.published),
        "s2:product_uri": (
            f"S2{letter}_MSIL2A_{sensed}_N{compact}_R{RELATIVE_ORBIT:03d}_T{product.tile.name}_{made}.SAFE"
        ),
    }
    flags = {Habit.HARMONISED: True, Habit.WRONG_FLAG: False}
    if product.habit in flags:
        found["earthsearch:boa_offset_applied"] = flags[product.habit]
    return found


def _asset(product: PlannedProduct, band: str, transform: Affine, shape: tuple[int, int]) -> dict[str, Any]:
    resolution = NATIVE_RESOLUTION_M[band]
    asset: dict[str, Any] = {
        "href": f"./{BAND_NAMES[band]}.tif",
        "type": GEOTIFF,
        "title": f"{band} - {resolution}m (simulated)",
        "gsd": resolution,
        "proj:shape": list(shape),
        "proj:transform": list(transform)[:6],
        "roles": ["data"] if band == "scl" else ["data", "reflectance"],
    }
    if band == "scl":
        asset["raster:bands"] = [{"nodata": 0, "data_type": "uint8", "spatial_resolution": resolution}]
        return asset
    asset["eo:bands"] = [{"name": BAND_NAMES[band], "common_name": COMMON_NAMES.get(band, band)}]
    if product.habit is not Habit.SILENT:
        offset = -0.1 if product.baseline >= "04.00" else 0
        described = {"nodata": 0, "data_type": "uint16", "spatial_resolution": resolution}
        asset["raster:bands"] = [described | {"scale": 0.0001, "offset": offset}]
    return asset


def radar_item(
    name: str,
    properties: Mapping[str, Any],
    bounds: tuple[float, float, float, float],
    grid: tuple[Affine, tuple[int, int]],
) -> dict[str, Any]:
    """The item of one terrain-corrected radar frame, linear gamma0."""
    item = item_frame(name, "sentinel-1-rtc", bounds, EXTENSIONS[1:])
    item["properties"] = dict(properties) | {"simulated": True, "description": SIMULATED}
    item["assets"] = {
        band: {
            "href": f"./{band}.tif",
            "type": GEOTIFF,
            "gsd": 10,
            "proj:shape": list(grid[1]),
            "proj:transform": list(grid[0])[:6],
            "raster:bands": [{"nodata": -32768, "data_type": "float32", "spatial_resolution": 10}],
            "roles": ["data"],
        }
        for band in ("vv", "vh")
    }
    return item


def collection_document(
    name: str, bounds: tuple[float, float, float, float], days: tuple[str, str], items: Sequence[str]
) -> dict[str, Any]:
    """A STAC collection with links to its items."""
    links: list[dict[str, str]] = [
        {"rel": "root", "href": "../catalog.json", "type": "application/json"},
        {"rel": "parent", "href": "../catalog.json", "type": "application/json"},
    ]
    links += [
        {"rel": "item", "href": f"./{item}/{item}.json", "type": "application/geo+json"} for item in items
    ]
    return {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "id": name,
        "title": f"Simulated {name}",
        "description": SIMULATED,
        "license": "Apache-2.0",
        "extent": {"spatial": {"bbox": [list(bounds)]}, "temporal": {"interval": [list(days)]}},
        "links": links,
    }


def catalog_document(collections: Sequence[str]) -> dict[str, Any]:
    """The root of the catalogue."""
    return {
        "type": "Catalog",
        "stac_version": STAC_VERSION,
        "id": "simulated",
        "title": "Simulated scenes",
        "description": SIMULATED,
        "links": [
            {"rel": "root", "href": "./catalog.json", "type": "application/json"},
            *(
                {"rel": "child", "href": f"./{name}/collection.json", "type": "application/json"}
                for name in collections
            ),
        ],
    }
