"""Small catalogues of simulated products, made on the spot: items of the shape that providers publish."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry import Polygon, box

from aoi.records import Site

BANDS_10M = {"blue": "B02", "green": "B03", "red": "B04", "nir": "B08"}
BANDS_20M = {"swir16": "B11", "swir22": "B12", "scl": "SCL"}
ORIGIN = (752_000.0, 4_376_000.0)
EPSG = 32651
FIELDS = 40
"""Along each side of the tiny tile: something to register looks by."""
SIDE_M = 4800
"""Of the tiny tile; sites lie in its middle."""


def site(identifier: str = "tiny", *, size_m: float = 1200.0) -> Site:
    """A box in the middle of the tiny tile."""
    x, y = ORIGIN[0] + SIDE_M / 2, ORIGIN[1] - SIDE_M / 2
    to_degrees = Transformer.from_crs(EPSG, 4326, always_xy=True)
    longitude, latitude = to_degrees.transform(x, y)
    half_lat = size_m / 2 / 111_320
    half_lon = half_lat / np.cos(np.radians(latitude))
    aoi: Polygon = box(longitude - half_lon, latitude - half_lat, longitude + half_lon, latitude + half_lat)
    return Site(id=identifier, name=identifier, aoi=aoi)


def numbers(band: str, *, seed: int, offset: int = 0) -> NDArray[Any]:
    """Simulated digital numbers: fields that are the same on every date, and noise that is not."""
    pixel = 10 if band in BANDS_10M else 20
    count = SIDE_M // pixel
    if band == "scl":
        return np.full((count, count), 4, dtype="uint8")
    rng = np.random.default_rng([seed, *band.encode()])
    level = {"blue": 400, "green": 600, "red": 500, "nir": 3000, "swir16": 1800, "swir22": 1100}[band]
    fields = np.random.default_rng(7).uniform(0.8, 1.2, size=(FIELDS, FIELDS))
    ground = level * np.kron(fields, np.ones((count // FIELDS, count // FIELDS)))
    pixels = ground + 40 * rng.normal(size=(count, count))
    return np.clip(np.rint(pixels) + offset, 1, 15_000).astype("uint16")


def write_tif(path: Path, pixels: NDArray[Any], *, pixel: float, epsg: int = EPSG, block: int = 128) -> None:
    """A cloud-optimised GeoTIFF on the tiny tile's lattice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="COG",
        height=pixels.shape[0],
        width=pixels.shape[1],
        count=1,
        dtype=pixels.dtype,
        crs=f"EPSG:{epsg}",
        transform=Affine(pixel, 0, ORIGIN[0], 0, -pixel, ORIGIN[1]),
        nodata=0,
        blocksize=block,
        compress="DEFLATE",
        overviews="NONE",
    ) as dataset:
        dataset.write(pixels, 1)


def tile_bounds() -> tuple[float, float, float, float]:
    """The tiny tile in degrees."""
    to_degrees = Transformer.from_crs(EPSG, 4326, always_xy=True)
    west, south, east, north = to_degrees.transform_bounds(
        ORIGIN[0], ORIGIN[1] - SIDE_M, ORIGIN[0] + SIDE_M, ORIGIN[1]
    )
    return west, south, east, north


def item(
    when: dt.datetime,
    hrefs: Mapping[str, str],
    *,
    identifier: str | None = None,
    collection: str = "sentinel-2-c1-l2a",
    baseline: str = "05.10",
    platform: str = "sentinel-2a",
    tile: str = "51SYD",
    orbit: int = 43879,
    properties: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A STAC item of the shape of Earth Search's, over the tiny tile."""
    letter = platform[-1].upper()
    west, south, east, north = tile_bounds()
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    number = f"N{baseline.replace('.', '')}"
    made = (when + dt.timedelta(hours=4)).strftime("%Y%m%dT%H%M%S")
    assets = {
        band: {
            "href": href,
            "type": "image/tiff; application=geotiff; profile=cloud-optimized",
            "gsd": 10 if band in BANDS_10M else 20,
            "roles": ["data"],
            **(
                {}
                if band == "scl"
                else {"eo:bands": [{"name": (BANDS_10M | BANDS_20M)[band], "common_name": band}]}
            ),
            "raster:bands": [{"nodata": 0, **({} if band == "scl" else {"scale": 0.0001, "offset": -0.1})}],
        }
        for band, href in hrefs.items()
    }
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": identifier or f"S2{letter}_T{tile}_{when:%Y%m%dT%H%M%S}_L2A",
        "collection": collection,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [west, south, east, north],
        "properties": {
            "datetime": when.strftime("%Y-%m-%dT%H:%M:%S.024000Z"),
            "created": made,
            "platform": platform,
            "constellation": "sentinel-2",
            "eo:cloud_cover": 12.5,
            "proj:epsg": EPSG,
            "grid:code": f"MGRS-{tile}",
            "s2:processing_baseline": baseline,
            "s2:datatake_id": f"GS2{letter}_{when:%Y%m%dT%H%M%S}_{orbit:06d}_N{baseline}",
            "s2:product_uri": f"S2{letter}_MSIL2A_{when:%Y%m%dT%H%M%S}_{number}_R046_T{tile}_{made}.SAFE",
            **(properties or {}),
        },
        "links": [],
        "assets": assets,
    }


def days(count: int, *, start: dt.datetime | None = None, step: int = 5) -> list[dt.datetime]:
    """Sensing times."""
    first = start or dt.datetime(2024, 3, 1, 2, 26, 1, tzinfo=dt.UTC)
    return [first + dt.timedelta(days=step * index) for index in range(count)]


def write_catalog(
    folder: Path, *, dates: Sequence[dt.datetime] | None = None, offset: int = 1000, **options: Any
) -> Path:
    """A static catalogue with one product a date; returns its `catalog.json`."""
    links = []
    for seed, when in enumerate(dates or days(3)):
        name = f"item {seed}"
        for band in BANDS_10M | BANDS_20M:
            pixel = 10 if band in BANDS_10M else 20
            write_tif(folder / name / f"{band}.tif", numbers(band, seed=seed, offset=offset), pixel=pixel)
        document = item(
            when,
            {band: f"./{band}.tif" for band in BANDS_10M | BANDS_20M},
            orbit=43879 + 71 * seed,
            **options,
        )
        (folder / name / "item.json").write_text(json.dumps(document), encoding="utf-8")
        links.append({"rel": "item", "href": f"./{name.replace(' ', '%20')}/item.json"})
    catalog = {
        "type": "Catalog",
        "stac_version": "1.0.0",
        "id": "tiny",
        "description": "tiny",
        "links": links,
    }
    path = folder / "catalog.json"
    path.write_text(json.dumps(catalog), encoding="utf-8")
    return path
