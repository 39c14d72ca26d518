"""STAC items to products: bands by Sentinel-2 name, common name or key; identity from what is there."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evidence.errors import SourceError
from imagery.bands import BANDS, SENTINEL2_BANDS
from imagery.records import Asset, Product

EXTRA_KEYS = {"data": "elevation", "qa_pixel": "qa_pixel", "dem": "elevation"}
"""Assets beyond `imagery.bands` that are taken along: Copernicus DEM and Landsat's quality band."""

DEM_PLATFORM = "copernicus-dem"
"""Stands for a platform; every one of its tiles is an acquisition of its own."""

_TILE = re.compile(r"(?:^|[_-])T?(\d{2}[C-HJ-NP-X][A-HJ-NP-Z]{2})(?=[_-]|$)")
_BASELINE = re.compile(r"_N(\d{2})\.?(\d{2})(?:_|$)")
_ORBIT = re.compile(r"_R(\d{3})_")
_DATATAKE = re.compile(r"^GS2[A-D]_\d{8}T\d{6}_(\d{6})_")
_ABSOLUTE_ORBIT = re.compile(r"_A(\d{6})_")
_SENTINEL = re.compile(r"s(?:entinel)?[-_]?([12])[-_]?([a-d])?")
_GENERATED = re.compile(r"_(\d{8}T\d{6})(?:\.SAFE)?$")
_S1_ORBIT = re.compile(r"^S1[A-D]_.*_(\d{6})_[0-9A-F]{6}")

Resolve = Callable[[str], str]


def is_sensed_in(product: Product, since: dt.datetime, until: dt.datetime) -> bool:
    """Whether a product belongs to ``[since, until)``; a terrain model belongs to every time."""
    return product.platform == DEM_PLATFORM or since <= product.datetime < until


def is_terrain(collection: str) -> bool:
    """Whether a collection is a terrain model, which has one date and is good for all."""
    return collection.startswith("cop-dem")


def parse_time(text: str) -> dt.datetime:
    """An RFC 3339 timestamp as an aware datetime in UTC; a missing zone means UTC."""
    moment = dt.datetime.fromisoformat(text)
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


def product_from_item(item: Mapping[str, Any], *, source: str, resolve: Resolve = str) -> Product:
    """The product that a STAC item describes.

    Args:
        item: a STAC item (1.0 or 1.1) as decoded from JSON.
        source: name of the source that listed it.
        resolve: makes an asset's href absolute.

    Raises:
        SourceError: where the item has no id, time or bounding box.
    """
    properties = item.get("properties") or {}
    try:
        identifier, sensed = str(item["id"]), _sensing_time(properties)
        west, south, east, north = _bounds(item)
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError(f"{source}: item {item.get('id')!r} lacks {error}") from error
    names = [
        identifier,
        *(str(properties[key]) for key in ("s2:product_uri", "s2:tile_id") if key in properties),
    ]
    return Product(
        id=identifier,
        source=source,
        collection=str(item.get("collection") or ""),
        platform=_platform(properties, identifier, str(item.get("collection") or "")),
        datetime=sensed,
        assets=find_assets(item.get("assets") or {}, resolve, properties),
        bounds=(west, south, east, north),
        tile=_tile(properties, names) if not is_terrain(str(item.get("collection"))) else identifier,
        datatake=_datatake(properties, names),
        relative_orbit=_relative_orbit(properties, names),
        baseline=_baseline(properties, names),
        published=_published(properties, names),
        cloud_cover=_number(properties.get("eo:cloud_cover")),
        item=item,
    )


def find_assets(
    assets: Mapping[str, Mapping[str, Any]], resolve: Resolve, properties: Mapping[str, Any] | None = None
) -> dict[str, Asset]:
    """The best asset of each band: GeoTIFF before other formats, then the finest pixels."""
    found: dict[str, tuple[tuple[bool, float], Asset]] = {}
    for key, asset in assets.items():
        band = band_of_asset(key, asset)
        if band is None or "href" not in asset or _is_folder(asset):
            continue
        made = _asset(band, asset, resolve, properties or {})
        rank = ("tif" not in str(asset.get("type", "image/tiff")), made.gsd_m or 0.0)
        if band not in found or rank < found[band][0]:
            found[band] = (rank, made)
    order = {band: i for i, band in enumerate(BANDS)}
    return {band: found[band][1] for band in sorted(found, key=lambda name: order.get(name, len(order)))}


def band_of_asset(key: str, asset: Mapping[str, Any]) -> str | None:
    """The band by meaning that an asset holds, or None; composites and unknown assets are None."""
    bands = asset.get("eo:bands") or [b for b in asset.get("bands") or [] if isinstance(b, Mapping)]
    if len(bands) > 1:
        return None
    if bands:
        name, common = (
            str(bands[0].get("name", "")),
            bands[0].get("common_name", bands[0].get("eo:common_name")),
        )
        for candidate in (SENTINEL2_BANDS.get(name), common):
            if candidate in BANDS:
                return str(candidate)
    stem = re.sub(r"_\d+m$", "", key)
    for candidate in (stem.lower(), SENTINEL2_BANDS.get(stem.upper()), EXTRA_KEYS.get(stem.lower())):
        if candidate in BANDS or candidate in EXTRA_KEYS.values():
            return candidate
    return None


def _asset(band: str, asset: Mapping[str, Any], resolve: Resolve, properties: Mapping[str, Any]) -> Asset:
    described: Mapping[str, Any] = next(
        (
            band
            for key in ("raster:bands", "bands")
            for band in asset.get(key) or []
            if isinstance(band, Mapping)
        ),
        {},
    )

    def value(*names: str) -> Any:
        places = [(asset, name) for name in names] + [(described, name) for name in names]
        return next((place[name] for place, name in places if place.get(name) is not None), None)

    return Asset(
        band=band,
        href=resolve(str(asset["href"])),
        scale=_number(value("raster:scale", "scale")),
        offset=_number(value("raster:offset", "offset")),
        nodata=_number(value("nodata")) if value("nodata") is not None else _default_nodata(band),
        gsd_m=_number(value("gsd", "raster:spatial_resolution", "spatial_resolution")),
        crs=_stated_crs(asset) or _stated_crs(properties),
        shape=_stated_shape(asset),
    )


def _stated_crs(place: Mapping[str, Any]) -> str | None:
    if place.get("proj:code"):
        return str(place["proj:code"])
    return f"EPSG:{place['proj:epsg']}" if place.get("proj:epsg") else None


def _stated_shape(asset: Mapping[str, Any]) -> tuple[int, int] | None:
    shape = asset.get("proj:shape")
    return (int(shape[0]), int(shape[1])) if isinstance(shape, list) and len(shape) == 2 else None  # noqa: PLR2004


def _is_folder(asset: Mapping[str, Any]) -> bool:
    """Sentinel Hub's `data` asset names the product's folder, not a raster."""
    return "tif" not in f"{asset.get('type', 'tif')}{asset['href']}".lower() and "jp2" not in str(
        asset["href"]
    )


def _default_nodata(band: str) -> float | None:
    return None if band in {"vv", "vh", "elevation"} else 0.0


def _number(value: Any) -> float | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _sensing_time(properties: Mapping[str, Any]) -> dt.datetime:
    text = properties.get("datetime") or properties.get("start_datetime")
    if not text:
        raise KeyError("datetime")
    return parse_time(str(text))


def _bounds(item: Mapping[str, Any]) -> tuple[float, float, float, float]:
    box: Sequence[float] | None = item.get("bbox")
    if box is None:
        from shapely.geometry import shape  # noqa: PLC0415 - items without a bbox are rare; the import is slow

        box = tuple(shape(item["geometry"]).bounds)
    if len(box) == 6:  # noqa: PLR2004 - a bbox with heights
        box = [box[0], box[1], box[3], box[4]]
    west, south, east, north = (float(value) for value in box)
    return west, south, east, north


def _platform(properties: Mapping[str, Any], identifier: str, collection: str) -> str:
    if is_terrain(collection):
        return DEM_PLATFORM
    stated = str(properties.get("platform") or "").lower().replace(" ", "-")
    spelled = _SENTINEL.fullmatch(stated)
    named = re.match(r"S([12])([A-D])_", identifier)
    series, letter = spelled.groups(default="") if spelled else named.groups() if named else ("", "")
    if named and not letter and named[1] == series:  # the id knows the satellite where the metadata do not
        letter = named[2]
    if series:
        return f"sentinel-{series}{letter.lower()}"
    return stated or "unknown"


def _tile(properties: Mapping[str, Any], names: list[str]) -> str | None:
    if "s2:mgrs_tile" in properties:
        return str(properties["s2:mgrs_tile"]).removeprefix("T")
    if str(properties.get("grid:code", "")).startswith("MGRS-"):
        return str(properties["grid:code"]).removeprefix("MGRS-")
    if "landsat:wrs_path" in properties and "landsat:wrs_row" in properties:
        return f"WRS2-{int(properties['landsat:wrs_path']):03d}{int(properties['landsat:wrs_row']):03d}"
    return next((match[1] for name in names if (match := _TILE.search(name))), None)


def _datatake(properties: Mapping[str, Any], names: list[str]) -> str | None:
    """Absolute orbit, six digits, wherever the metadata carry it."""
    if properties.get("sat:absolute_orbit") is not None:
        return f"{int(properties['sat:absolute_orbit']):06d}"
    for key in ("s2:datatake_id", "eopf:datatake_id"):
        if match := _DATATAKE.match(str(properties.get(key, ""))):
            return match[1]
    for pattern in (_ABSOLUTE_ORBIT, _S1_ORBIT):
        found = next((match[1] for name in names if (match := pattern.search(name))), None)
        if found:
            return found
    return None


def _relative_orbit(properties: Mapping[str, Any], names: list[str]) -> int | None:
    if properties.get("sat:relative_orbit") is not None:
        return int(properties["sat:relative_orbit"])
    return next((int(match[1]) for name in names if (match := _ORBIT.search(name))), None)


def _baseline(properties: Mapping[str, Any], names: list[str]) -> str | None:
    for key in ("s2:processing_baseline", "processing:version"):
        if properties.get(key):
            return str(properties[key])
    return next((f"{match[1]}.{match[2]}" for name in names if (match := _BASELINE.search(name))), None)


def _published(properties: Mapping[str, Any], names: list[str]) -> dt.datetime | None:
    """When this processing was made: the product's own stamp before the catalogue's."""
    for key in ("s2:generation_time", "processing:datetime", "s1:processing_datetime"):
        if properties.get(key):
            return parse_time(str(properties[key]))
    for name in names:
        if match := _GENERATED.search(name):
            return dt.datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=dt.UTC)
    stamp = properties.get("published") or properties.get("created")
    return parse_time(str(stamp)) if stamp else None
