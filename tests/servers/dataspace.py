"""Products of the Copernicus Data Space: JPEG 2000 files and STAC 1.1 items of its shape."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rasterio
from affine import Affine

from tests.servers import tiny

BANDS = tiny.BANDS_10M | tiny.BANDS_20M
TILE = 128
"""Side of a tile of the files, pixels; Sentinel-2's have 1024."""


def write_jp2(path: Path, pixels: Any, *, pixel: float, stated: bool = True, tile: int = TILE) -> None:
    """A lossless JPEG 2000 on the tiny tile's lattice, with or without the places of its tiles (TLM)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="JP2OpenJPEG",
        height=pixels.shape[0],
        width=pixels.shape[1],
        count=1,
        dtype=pixels.dtype,
        crs=f"EPSG:{tiny.EPSG}",
        transform=Affine(pixel, 0, tiny.ORIGIN[0], 0, -pixel, tiny.ORIGIN[1]),
        blockxsize=tile,
        blockysize=tile,
        QUALITY=100,
        REVERSIBLE="YES",
        TLM="YES" if stated else "NO",
    ) as dataset:
        dataset.write(pixels, 1)


def name_of(when: dt.datetime, baseline: str = "05.11") -> str:
    """Of the product, without its ending."""
    number = baseline.replace(".", "")
    return (
        f"S2B_MSIL2A_{when:%Y%m%dT%H%M%S}_N{number}_R046_T51SYD_{when + dt.timedelta(hours=4):%Y%m%dT%H%M%S}"
    )


def key_of(when: dt.datetime, band: str) -> str:
    """Of a band's file in the bucket."""
    spelled, metres = BANDS[band], 10 if band in tiny.BANDS_10M else 20
    name = name_of(when)
    file = f"T51SYD_{when:%Y%m%dT%H%M%S}_{spelled}_{metres}m.jp2"
    return f"Sentinel-2/MSI/L2A/{when:%Y/%m/%d}/{name}.SAFE/GRANULE/IMG_DATA/R{metres}m/{file}"


def item(when: dt.datetime, *, orbit: int, downloads: str) -> dict[str, Any]:
    """A STAC 1.1 item of the shape of the Data Space's own."""
    name = name_of(when)
    west, south, east, north = tiny.tile_bounds()
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    assets = {}
    for band, spelled in BANDS.items():
        metres = 10 if band in tiny.BANDS_10M else 20
        key, count = key_of(when, band), tiny.SIDE_M // metres
        numbers = {} if band == "scl" else {"raster:scale": 0.0001, "raster:offset": -0.1}
        spectral = {} if band == "scl" else {"bands": [{"name": spelled, "eo:common_name": band}]}
        assets[f"{spelled}_{metres}m"] = {
            "href": f"s3://eodata/{key}",
            "type": "image/jp2",
            "gsd": metres,
            "nodata": 0,
            "proj:code": f"EPSG:{tiny.EPSG}",
            "proj:shape": [count, count],
            "file:size": 118_720_689,
            "auth:refs": ["s3"],
            "alternate": {"https": {"href": f"{downloads}/odata/v1/{key}/$value", "auth:refs": ["oidc"]}},
            **numbers,
            **spectral,
        }
    assets["Product"] = {"href": f"{downloads}/odata/v1/Products(1)/$value", "type": "application/zip"}
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": name,
        "collection": "sentinel-2-l2a",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [west, south, east, north],
        "properties": {
            "datetime": when.strftime("%Y-%m-%dT%H:%M:%S.024Z"),
            "platform": "sentinel-2b",
            "constellation": "sentinel-2",
            "eo:cloud_cover": 12.5,
            "grid:code": "MGRS-51SYD",
            "eopf:datatake_id": f"GS2B_{when:%Y%m%dT%H%M%S}_{orbit:06d}_N05.11",
            "processing:version": "05.11",
            "sat:absolute_orbit": orbit,
            "sat:relative_orbit": 46,
        },
        "links": [],
        "assets": assets,
    }


def write_products(
    folder: Path, dates: Sequence[dt.datetime], downloads: str = "https://zipper.invalid"
) -> list[dict[str, Any]]:
    """Files below `folder` as the bucket holds them, every other date without TLM; and their items."""
    made = []
    for seed, when in enumerate(dates):
        for band in BANDS:
            pixel = 10 if band in tiny.BANDS_10M else 20
            pixels = tiny.numbers(band, seed=seed, offset=0 if band == "scl" else 1000)
            write_jp2(folder / key_of(when, band), pixels, pixel=pixel, stated=seed % 2 == 0)
        made.append(item(when, orbit=43879 + 71 * seed, downloads=downloads))
    return made
