"""What Sentinel Hub's Catalog lists, as products: the bands Process can make, in which projection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from evidence.errors import SourceError
from imagery.bands import SENTINEL2_BANDS
from imagery.records import Asset, Product
from imagery.sources.hub_answers import BYTE_BANDS
from imagery.sources.hub_grid import Bounds, Grid, grid_over
from imagery.sources.items import product_from_item
from imagery.sources.sentinelhub_client import COMMERCIAL

DATA_MASK = "data_mask"
"""1 where the tile was seen. A source number of 0 that was seen is told from one that was not."""
TO_HUB = {meaning: name for name, meaning in SENTINEL2_BANDS.items()} | {
    "clp": "CLP",
    "vv": "VV",
    "vh": "VH",
    DATA_MASK: "dataMask",
}
FINE_BANDS = ("blue", "green", "red", "nir", DATA_MASK)
COARSE_BANDS = ("rededge1", "rededge2", "rededge3", "nir08", "swir16", "swir22", "scl", "clp")
RADAR_BANDS = ("vv", "vh")
RADAR = "sentinel-1"


def hub_product(
    item: Mapping[str, Any], bounds: Bounds, *, source: str, base_url: str, api_id: str, sensor: str
) -> Product:
    """The product of a Catalog item, with an asset for each band that Process can make of it.

    Args:
        item: as the Catalog gave it.
        bounds: of the site; radar frames have no lattice of their own, so its zone is theirs.
        source: name of the source.
        base_url: of the deployment.
        api_id: of the collection there.
        sensor: `sentinel-2` or `sentinel-1`.

    Raises:
        SourceError: where the item lacks what a product needs.
    """
    product = product_from_item({**item, "assets": {}}, source=source)
    epsg = _utm_of(bounds) if sensor == RADAR else _stated_epsg(item)
    if epsg is None:
        raise SourceError(f"{source}: item {product.id} states no projection")
    bands = RADAR_BANDS if sensor == RADAR else _optical_bands(base_url)
    address = f"{base_url}/api/v1/process#{api_id}"
    return replace(product, assets={band: _asset(band, address, epsg) for band in bands}, item=item)


def requested(product: Product, wanted: Iterable[str], bounds: Bounds) -> Iterator[tuple[list[str], Grid]]:
    """Bands of one resolution go out together on their lattice: 20 m bands at 10 m cost four times."""
    asked, epsg = set(wanted), _epsg_of(product)
    for group, pixel_m in ((FINE_BANDS, 10), (COARSE_BANDS, 20), (RADAR_BANDS, 10)):
        if chosen := [band for band in group if band in asked]:
            yield chosen, grid_over(bounds, epsg, pixel_m)


def path_keys(product: Product) -> list[str]:
    """What the data path of the product's tile holds: its name, or the tile's folder on AWS."""
    keys = [product.id.removesuffix(".SAFE")]
    if product.tile and (match := re.fullmatch(r"(\d+)([A-Z])([A-Z]{2})", product.tile)):
        day = f"{product.datetime.year}/{product.datetime.month}/{product.datetime.day}"
        keys.append(f"/tiles/{int(match[1])}/{match[2]}/{match[3]}/{day}/")
    return keys


def _optical_bands(base_url: str) -> tuple[str, ...]:
    """Cloud probability is not among the documented bands of Copernicus Data Space."""
    return (*FINE_BANDS, *(band for band in COARSE_BANDS if band != "clp" or base_url == COMMERCIAL))


def _asset(band: str, address: str, epsg: int) -> Asset:
    return Asset(
        band=band,
        href=f"{address}/{TO_HUB[band]}",
        scale=1e-4 if band not in {*BYTE_BANDS, *RADAR_BANDS} else None,
        gsd_m=10 if band in {*FINE_BANDS, *RADAR_BANDS} else 20,
        crs=f"EPSG:{epsg}",
    )


def _stated_epsg(item: Mapping[str, Any]) -> int | None:
    properties = item.get("properties") or {}
    code = properties.get("proj:epsg") or str(properties.get("proj:code", "")).removeprefix("EPSG:")
    return int(code) if code else None


def _utm_of(bounds: Bounds) -> int:
    """The zone of the box's centre."""
    longitude, latitude = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    return (32600 if latitude >= 0 else 32700) + int((longitude + 180) // 6) + 1


def _epsg_of(product: Product) -> int:
    crs = next(iter(product.assets.values())).crs or ""
    return int(crs.removeprefix("EPSG:"))
