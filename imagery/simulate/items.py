"""STAC documents of simulated products, shaped like the providers' own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from affine import Affine
from shapely.geometry import box, mapping

from imagery.bands import NATIVE_RESOLUTION_M, SENTINEL2_BANDS
from imagery.simulate.passes import RELATIVE_ORBIT
from imagery.simulate.products import Habit, PlannedProduct

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
