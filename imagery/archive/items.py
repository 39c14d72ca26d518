"""The archive's STAC items: what is written beside the pixels of a product, and read back from it."""

from __future__ import annotations

import datetime as dt
import json
import re
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from pyproj import CRS
from rasterio.io import MemoryFile
from rasterio.transform import array_bounds
from rasterio.warp import transform_bounds
from shapely.geometry import box, mapping

from evidence.errors import ArchiveError
from evidence.files import landing_below, sync_file
from imagery.bands import OPTICAL_BANDS
from imagery.records import ArchivedProduct, Asset, FetchedProduct, Product, Raster
from imagery.sources.addresses import public_url
from imagery.sources.items import parse_time

STAC_VERSION = "1.1.0"
EXTENSIONS = tuple(
    f"https://stac-extensions.github.io/{name}/schema.json"
    for name in ("eo/v2.0.0", "file/v2.1.0", "projection/v2.0.0", "raster/v2.0.0", "version/v1.2.0")
)
SOURCE_FILE = "source.json"
"""The provider's own item and response headers, as they came."""

_COMMON_NAMES = {"rededge1": "rededge071", "rededge2": "rededge075", "rededge3": "rededge078"}
_EXTENSION_OWNED = ("proj:", "raster:", "file:", "eo:bands")


def sensor_of(platform: str) -> str:
    """`sentinel-2` of `sentinel-2a`, `landsat` of `landsat-8`; the platform itself where it is no series."""
    match = re.match(r"(sentinel-\d|landsat)", platform)
    return match[1] if match else platform


def asset_entry(path: Path, raster: Raster, asset: Asset | None, *, sha256: str, size: int) -> dict[str, Any]:
    """The STAC asset of one band's file."""
    code = CRS.from_wkt(raster.crs_wkt).to_authority()
    entry: dict[str, Any] = {
        "href": f"./{path.name}",
        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
        "roles": ["data"],
        "data_type": raster.pixels.dtype.name,
        "gsd": abs(raster.transform.a) if code and code[1] != "4326" else (asset.gsd_m if asset else None),
        "proj:shape": list(raster.pixels.shape),
        "proj:transform": [float(value) for value in tuple(raster.transform)[:6]],
        "file:checksum": f"1220{sha256}",
        "file:size": size,
        "campwatch:sha256": sha256,
    }
    if raster.nodata is not None:
        entry["nodata"] = "nan" if np.isnan(raster.nodata) else raster.nodata
    if raster.band in OPTICAL_BANDS:
        entry["roles"] = ["data", "reflectance"]
        entry["bands"] = [
            {"name": raster.band, "eo:common_name": _COMMON_NAMES.get(raster.band, raster.band)}
        ]
    if asset is not None:
        entry |= {"raster:scale": asset.scale, "raster:offset": asset.offset}
        entry["campwatch:source_href"] = _public_href(asset.href)
        if asset.scale is None and _holds_reflectance(raster):
            entry |= {"raster:scale": 1.0, "raster:offset": asset.offset or 0.0}
    return {key: value for key, value in entry.items() if value is not None}


def _public_href(href: str) -> str:
    """Where a file came from, without signatures; of one on this machine its name alone.

    Items travel in bags, and a path names its user.
    """
    return public_url(href) if "://" in href else re.split(r"[/\\]", href)[-1]


LARGEST_REFLECTANCE = 2.0
"""Above what ground, snow and cloud reflect; digital numbers of L2A stay below it only in holes. Assumed."""


def _holds_reflectance(raster: Raster) -> bool:
    """Whether an optical band that states no scale holds reflectance itself, as real numbers up to one."""
    if raster.band not in OPTICAL_BANDS or not np.issubdtype(raster.pixels.dtype, np.floating):
        return False
    largest = float(np.nanmax(np.where(np.isfinite(raster.pixels), raster.pixels, 0.0)))
    return 0.0 < largest <= LARGEST_REFLECTANCE


def build_item(
    item_id: str,
    collection: str,
    fetched: FetchedProduct,
    assets: Mapping[str, Mapping[str, Any]],
    *,
    accessed: dt.datetime,
    ordering_box: tuple[float, float, float, float] | None,
    predecessor: str | None,
) -> dict[str, Any]:
    """The archive's STAC item of one product.

    Args:
        item_id: unique in the archive.
        collection: id of the site's and sensor's collection.
        fetched: the product and its pixels.
        assets: STAC assets by key.
        accessed: when the pixels were fetched, UTC.
        ordering_box: what was asked for, degrees.
        predecessor: href of the item that this one supersedes.
    """
    product, first = fetched.product, next(iter(fetched.rasters.values()))
    height, width = first.pixels.shape
    bounds = transform_bounds(
        CRS.from_wkt(first.crs_wkt),
        "EPSG:4326",
        *array_bounds(height, width, first.transform),
        densify_pts=21,
    )
    links = [
        {"rel": "root", "href": "../../../../catalog.json", "type": "application/json"},
        {"rel": "parent", "href": "../../collection.json", "type": "application/json"},
        {"rel": "collection", "href": "../../collection.json", "type": "application/json"},
    ]
    if predecessor:
        links.append({"rel": "predecessor-version", "href": predecessor, "type": "application/geo+json"})
    return {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": list(EXTENSIONS),
        "id": item_id,
        "collection": collection,
        "geometry": mapping(box(*(round(value, 7) for value in bounds))),
        "bbox": [round(value, 7) for value in bounds],
        "properties": _properties(product, first, accessed=accessed, ordering_box=ordering_box),
        "links": links,
        "assets": dict(assets),
    }


def _properties(
    product: Product,
    raster: Raster,
    *,
    accessed: dt.datetime,
    ordering_box: tuple[float, float, float, float] | None,
) -> dict[str, Any]:
    given = {
        key: value
        for key, value in (product.item.get("properties") or {}).items()
        if not key.startswith((*_EXTENSION_OWNED, "campwatch:")) and value is not None
    }
    authority = CRS.from_wkt(raster.crs_wkt).to_authority()
    ours = {
        "datetime": _stamp(product.datetime),
        "created": _stamp(accessed),
        "updated": _stamp(accessed),
        "platform": product.platform,
        "proj:code": ":".join(authority) if authority else None,
        "proj:wkt2": None if authority else raster.crs_wkt,
        "version": product.baseline or "unknown",
        "campwatch:product_id": product.id,
        "campwatch:source": product.source,
        "campwatch:source_collection": product.collection,
        "campwatch:tile": product.tile,
        "campwatch:datatake": product.datatake,
        "campwatch:relative_orbit": product.relative_orbit,
        "campwatch:baseline": product.baseline,
        "campwatch:processed": _stamp(product.published) if product.published else None,
        "campwatch:cloud_cover": product.cloud_cover,
        "campwatch:accessed": _stamp(accessed),
        "campwatch:ordering_box": list(ordering_box) if ordering_box else None,
    }
    merged = given | ours
    if merged["proj:code"] is not None:
        merged.pop("proj:wkt2")
    return {key: value for key, value in merged.items() if value is not None or key == "proj:code"}


def _stamp(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def source_document(fetched: FetchedProduct) -> str:
    """The provider's item and headers as JSON text; signed queries are cut off."""
    item = json.loads(json.dumps(fetched.product.item, default=str))
    assets, links = (item.get(key) or None for key in ("assets", "links"))
    for asset in assets.values() if isinstance(assets, dict) else ():
        if isinstance(asset, dict) and "href" in asset:
            asset["href"] = public_url(str(asset["href"]))
    item["links"] = [
        {**link, "href": public_url(str(link["href"]))}
        for link in (links if isinstance(links, list) else ())
        if isinstance(link, dict) and "href" in link
    ]
    headers = {band: dict(values) for band, values in fetched.headers.items()}
    return json.dumps({"item": item, "headers": headers}, indent=1, ensure_ascii=False, sort_keys=True)


def read_item(path: Path) -> dict[str, Any]:
    """One item file as written.

    Raises:
        ArchiveError: where it is not readable.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArchiveError(f"{path} is not readable: {error}") from error
    if not isinstance(document, dict) or "properties" not in document or "assets" not in document:
        raise ArchiveError(f"{path} is not a STAC item")
    return document


def asset_path(folder: Path, asset: Mapping[str, Any]) -> Path:
    """The file of an asset, which lies beside its item and nowhere else.

    Raises:
        ArchiveError: where the item says otherwise.
    """
    name = urllib.parse.unquote(str(asset["href"])).removeprefix("./")
    if Path(name).name != name or name in {"", ".", ".."} or "\\" in name:
        raise ArchiveError(f"{folder} names a file elsewhere: {name[:80]!r}")
    return folder / name


def archived_from_item(path: Path, item: Mapping[str, Any]) -> ArchivedProduct:
    """The archived product that an item file describes."""
    properties = item["properties"]
    bands = {key: asset for key, asset in item["assets"].items() if "proj:transform" in asset}
    return ArchivedProduct(
        id=str(item["id"]),
        item_path=path,
        platform=str(properties["platform"]),
        datetime=parse_time(properties["datetime"]),
        tile=properties.get("campwatch:tile"),
        datatake=properties.get("campwatch:datatake"),
        relative_orbit=properties.get("campwatch:relative_orbit"),
        baseline=properties.get("campwatch:baseline"),
        source=str(properties.get("campwatch:source", "")),
        bands={band: asset_path(path.parent, asset) for band, asset in bands.items()},
        sha256={band: str(asset["campwatch:sha256"]) for band, asset in bands.items()},
        scale={band: asset.get("raster:scale") for band, asset in bands.items()},
        offset={band: asset.get("raster:offset") for band, asset in bands.items()},
        properties=properties,
    )


BLOCK = 128
"""Pixels along a side of a block: a camp's crop is a few hundred pixels wide. Assumed."""


def encode_cog(raster: Raster) -> bytes:
    """Source numbers as they are, as the bytes of a cloud-optimised GeoTIFF; read back before they are given.

    Raises:
        OSError: where the bytes hold something other than the numbers.
    """
    pixels = raster.pixels
    height, width = pixels.shape
    floating = np.issubdtype(pixels.dtype, np.floating)
    profile = {
        "driver": "COG",
        "height": height,
        "width": width,
        "count": 1,
        "dtype": pixels.dtype,
        "crs": raster.crs_wkt,
        "transform": raster.transform,
        "nodata": raster.nodata,
        "blocksize": BLOCK,
        "compress": "DEFLATE",
        "predictor": "FLOATING_POINT" if floating else "STANDARD",
        "overviews": "NONE",
    }
    with MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(pixels, 1)
        with memory.open() as dataset:
            written = dataset.read(1)
        data = bytes(memory.getbuffer())
    if written.dtype != pixels.dtype or not np.array_equal(written, pixels, equal_nan=bool(floating)):
        raise OSError(f"{raster.band}: the encoded image does not hold what was encoded")
    return data


def encode_all(fetched: FetchedProduct) -> dict[str, bytes]:
    """Every band's file; work for the threads that fetch, so that the one that writes need not wait."""
    return {band: encode_cog(raster) for band, raster in fetched.rasters.items()}


def read_band(path: Path, band: str) -> Raster:
    """One band of the archive, as it was written."""
    with rasterio.open(path) as dataset:
        return Raster(
            band=band,
            pixels=dataset.read(1),
            transform=dataset.transform,
            crs_wkt=str(dataset.crs.to_wkt()),
            nodata=dataset.nodata,
        )


def write_durably(root: Path, path: Path, data: bytes) -> None:
    """Write below `root` and flush; nothing counts before the item beside it, which is renamed into place."""
    landing_below(root, path).parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    sync_file(path)


def item_text(item: Mapping[str, Any]) -> str:
    """An item or collection as JSON text."""
    return json.dumps(item, indent=1, ensure_ascii=False, allow_nan=False)
