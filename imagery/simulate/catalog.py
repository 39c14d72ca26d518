"""Writes a simulated site to disk: a static STAC catalogue of products, and the truth beside it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.warp import Resampling, reproject

from evidence.files import atomic_path, write_text
from imagery.bands import NATIVE_RESOLUTION_M
from imagery.simulate.frame import LATTICE_M, PIXEL_M, Frame, from_cell, outer_bounds
from imagery.simulate.landsat import (
    CLOUD,
    COLLECTION,
    LandsatPass,
    landsat_assets,
    landsat_grid,
    landsat_image,
    landsat_numbers,
    landsat_passes,
    landsat_properties,
)
from imagery.simulate.landsat import EXTENSIONS as LANDSAT_EXTENSIONS
from imagery.simulate.passes import Pass
from imagery.simulate.products import (
    BAND_NAMES,
    EXTENSIONS,
    SIMULATED,
    CatalogHabits,
    PlannedProduct,
    Tile,
    catalog_document,
    collection_document,
    item_frame,
    neighbour_zone,
    optical_item,
    planned_products,
    radar_item,
    stamp,
    tile_at,
)
from imagery.simulate.radar import RadarPass, gamma0, radar_passes
from imagery.simulate.scene import SceneImage, scene_image
from imagery.simulate.world import World

Pixels = NDArray[np.generic]
Grid = tuple[Affine, tuple[int, int]]
MARGIN_PX = 12
"""Products reach this far beyond the site (120 m: whole 60 m, within the world's margin)."""


@dataclass(slots=True, kw_only=True)
class _Written:
    """What has been written so far."""

    items: dict[str, list[str]] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)


def write_catalog(
    world: World,
    passes: Sequence[Pass],
    folder: Path,
    *,
    habits: CatalogHabits,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write every product of every pass; returns the path of `catalog.json`."""
    tiles = site_tiles(world.frame, habits)
    written = _Written()
    for k, one in enumerate(passes):
        products = planned_products(one, tiles, habits, world.seed)
        if products:
            image = scene_image(world, one, shift_m=one.raw_shift_m, margin_px=MARGIN_PX)
            for product in products:
                _write_product(world, product, image, folder, written)
        if progress is not None:
            progress(k + 1, len(passes))
    for frame in radar_passes(world.params) if habits.radar else ():
        _write_radar(world, frame, folder, written)
    for scene in landsat_passes(world.params, world.seed) if habits.landsat else ():
        if not scene.one.missing:
            _write_landsat(world, scene, folder, written)
    _write_documents(world, folder, written)
    write_scene_table(folder / "truth" / "scenes.csv", written.rows)
    return folder / "catalog.json"


def site_tiles(frame: Frame, habits: CatalogHabits) -> tuple[Tile, ...]:
    """The site's own tile, an invented neighbour for split tiles, and the next zone's tile."""
    own = tile_at(frame.lon, frame.lat)
    tiles = [own]
    if habits.split_tiles:
        beside = tile_at(frame.lon + 1.0, frame.lat, zone=int(own.name[:2]))
        tiles.append(Tile(name=beside.name, epsg=own.epsg, west_m=own.west_m, north_m=own.north_m))
    if habits.second_zone:
        tiles.append(tile_at(frame.lon, frame.lat, zone=neighbour_zone(frame)))
    return tuple(tiles)


def _write_product(
    world: World, product: PlannedProduct, image: SceneImage, folder: Path, written: _Written
) -> None:
    home = folder / product.collection / product.item_id
    grids: dict[str, Grid] = {}
    for band, pixels in {**_numbers(product, image), "scl": image.scl}.items():
        placed, grid = _placed(world.frame, product, pixels, NATIVE_RESOLUTION_M[band])
        write_raster(home / f"{BAND_NAMES[band]}.tif", placed, grid[0], product.tile.epsg, nodata=0)
        grids[band] = grid
    cloud = float(np.isin(image.scl, [8, 9, 10]).mean() * 100)
    item = optical_item(product, grids, _bounds(grids["scl"], product.tile.epsg), cloud)
    write_json(home / f"{product.item_id}.json", item)
    written.items.setdefault(product.collection, []).append(product.item_id)
    written.rows.append(_truth_row(product, image))


def _numbers(product: PlannedProduct, image: SceneImage) -> dict[str, Pixels]:
    """Digital numbers as the product has them; 0 stays free for nodata."""
    return {
        band: np.clip(np.rint(plane * 1e4) + product.offset_dn, 1, 65535).astype(np.uint16)
        for band, plane in image.reflectance.items()
    }


def _placed(frame: Frame, product: PlannedProduct, pixels: Pixels, resolution: int) -> tuple[Pixels, Grid]:
    """Pixels on the product's lattice: cut to its part of the site, or resampled into the other zone."""
    west, _, _, north = frame.bounds_m
    border = MARGIN_PX * PIXEL_M
    transform = Affine(resolution, 0, west - border, 0, -resolution, north + border)
    if product.tile.epsg != frame.epsg:
        return _other_zone(pixels, transform, frame.epsg, product.tile, resolution)
    step = round(LATTICE_M / resolution)
    first, last = (round(share * pixels.shape[1] / step) * step for share in product.columns)
    last = pixels.shape[1] if product.columns[1] == 1 else last
    cut = pixels[:, first:last]
    return cut, (from_cell(transform, first, 0), (cut.shape[0], cut.shape[1]))


def _other_zone(
    pixels: Pixels, transform: Affine, epsg: int, tile: Tile, resolution: int
) -> tuple[Pixels, Grid]:
    """The same scene on another zone's lattice; corners that it does not reach are nodata."""
    to_other = Transformer.from_crs(epsg, tile.epsg, always_xy=True)
    west, south, east, north = to_other.transform_bounds(
        *outer_bounds(transform, (pixels.shape[0], pixels.shape[1])), densify_pts=21
    )
    left, top = np.floor(west / LATTICE_M) * LATTICE_M, np.ceil(north / LATTICE_M) * LATTICE_M
    shape = (int(np.ceil((top - south) / resolution)), int(np.ceil((east - left) / resolution)))
    target = Affine(resolution, 0, float(left), 0, -resolution, float(top))
    out = np.zeros(shape, pixels.dtype)
    reproject(
        pixels,
        out,
        src_transform=transform,
        src_crs=f"EPSG:{epsg}",
        src_nodata=0,
        dst_transform=target,
        dst_crs=f"EPSG:{tile.epsg}",
        dst_nodata=0,
        resampling=Resampling.nearest if pixels.dtype == np.uint8 else Resampling.cubic,
    )
    return out, (target, shape)


def write_raster(path: Path, pixels: Pixels, transform: Affine, epsg: int, *, nodata: float | None) -> None:
    """A cloud-optimised GeoTIFF, atomically."""
    with (
        atomic_path(path) as temporary,
        rasterio.open(
            temporary,
            "w",
            driver="COG",
            height=pixels.shape[0],
            width=pixels.shape[1],
            count=1,
            dtype=pixels.dtype,
            crs=f"EPSG:{epsg}",
            transform=transform,
            nodata=nodata,
            blocksize=128,
            compress="deflate",
            overviews="none",
        ) as target,
    ):
        target.write(pixels, 1)


def _bounds(grid: Grid, epsg: int) -> tuple[float, float, float, float]:
    """(west, south, east, north) in degrees of a grid."""
    to_degrees = Transformer.from_crs(epsg, 4326, always_xy=True)
    west, south, east, north = to_degrees.transform_bounds(*outer_bounds(*grid), densify_pts=21)
    return float(west), float(south), float(east), float(north)


def _truth_row(product: PlannedProduct, image: SceneImage) -> dict[str, Any]:
    one = product.one
    return {
        "item_id": product.item_id,
        "datatake": one.datatake,
        "datetime": stamp(one.datetime),
        "platform": one.platform,
        "tile": product.tile.name,
        "baseline": product.baseline,
        "habit": product.habit.value,
        "true_offset_dn": product.offset_dn,
        "true_dx_m": round(one.raw_shift_m[0], 4),
        "true_dy_m": round(one.raw_shift_m[1], 4),
        "true_cloud_fraction": round(float((image.sky.cloud > 0.15).mean()), 4),  # noqa: PLR2004
        "true_shadow_fraction": round(float((image.sky.shadow > 0.25).mean()), 4),  # noqa: PLR2004
        "true_snow_fraction": round(float(image.snow.mean()), 4),
        "published": stamp(product.published),
        "supersedes": product.supersedes,
    }


def _write_radar(world: World, one: RadarPass, folder: Path, written: _Written) -> None:
    name = f"S1{one.platform[-1].upper()}_IW_{one.datetime:%Y%m%dT%H%M%S}_RTC_SIMULATED"
    home = folder / "sentinel-1-rtc" / name
    west, _, _, north = world.frame.bounds_m
    grid = Affine(PIXEL_M, 0, west, 0, -PIXEL_M, north), (world.frame.size_px, world.frame.size_px)
    for band, plane in gamma0(world, one).items():
        write_raster(home / f"{band}.tif", plane, grid[0], world.frame.epsg, nodata=-32768)
    properties = {
        "datetime": stamp(one.datetime),
        "platform": one.platform,
        "constellation": "sentinel-1",
        "sat:orbit_state": one.orbit_state,
        "sat:relative_orbit": one.relative_orbit,
        "sar:instrument_mode": "IW",
        "sar:polarizations": ["VV", "VH"],
        "proj:epsg": world.frame.epsg,
    }
    write_json(home / f"{name}.json", radar_item(name, properties, _bounds(grid, world.frame.epsg), grid))
    written.items.setdefault("sentinel-1-rtc", []).append(name)


LANDSAT_MARGIN_M = 135.0
"""Landsat's products reach this far beyond the site, within the world's margin."""


def _write_landsat(world: World, scene: LandsatPass, folder: Path, written: _Written) -> None:
    home, epsg = folder / COLLECTION / scene.item_id, world.frame.epsg
    grid = landsat_grid(world.frame, margin_m=LANDSAT_MARGIN_M)
    image = landsat_image(world, scene.one, grid, shift_m=scene.one.raw_shift_m)
    assets = landsat_assets()
    for name, pixels in landsat_numbers(image).items():
        nodata = 1 if name == "qa_pixel" else 0 if name in image.reflectance else None
        write_raster(home / Path(assets[name]["href"]).name, pixels, grid.transform, epsg, nodata=nodata)
    cloud = float(((image.qa_pixel & CLOUD) > 0).mean() * 100)
    bounds = _bounds((grid.transform, (int(grid.shape[0]), int(grid.shape[1]))), epsg)
    item = item_frame(scene.item_id, COLLECTION, bounds, (*EXTENSIONS, *LANDSAT_EXTENSIONS))
    item["properties"] = landsat_properties(scene, grid, cloud) | {
        "simulated": True,
        "description": SIMULATED,
    }
    item["assets"] = assets
    write_json(home / f"{scene.item_id}.json", item)
    written.items.setdefault(COLLECTION, []).append(scene.item_id)


def _write_documents(world: World, folder: Path, written: _Written) -> None:
    west, south, east, north = world.frame.bounds_m
    corner, other = (
        world.frame.to_degrees.transform(west, south),
        world.frame.to_degrees.transform(east, north),
    )
    bounds = (*corner, *other)
    days = tuple(f"{day}T00:00:00Z" for day in (world.params.since, world.params.until))
    for name, items in written.items.items():
        document = collection_document(name, bounds, (days[0], days[1]), items)
        write_json(folder / name / "collection.json", document)
    write_json(folder / "catalog.json", catalog_document(list(written.items)))
    parameters = {"seed": world.seed, "simulated": True, "params": asdict(world.params)}
    write_json(folder / "truth" / "parameters.json", parameters)


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Indented UTF-8 JSON, atomically."""
    write_text(path, json.dumps(document, indent=1, ensure_ascii=False, default=str) + "\n")


def write_scene_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """A CSV with the columns of the first row, atomically."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]) if rows else ["item_id"])
        writer.writeheader()
        writer.writerows(rows)
