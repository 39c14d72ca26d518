"""STAC items to products: bands by Sentinel-2 name, common name or key; identity from what is there."""

from __future__ import annotations

import datetime as dt
import math
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from evidence.errors import SourceError
from imagery.bands import BANDS, LANDSAT_QUALITY, SENTINEL2_BANDS
from imagery.records import Asset, MalformedItem, Product, finite_number
from imagery.sources.addresses import shown

EXTRA_KEYS = {"data": "elevation", "dem": "elevation"} | {name: name for name in LANDSAT_QUALITY}
"""Assets beyond `imagery.bands` that are taken along: Copernicus DEM and Landsat's quality bands."""

DEM_PLATFORM = "copernicus-dem"
"""Stands for a platform; every one of its tiles is an acquisition of its own."""

_TILE = re.compile(r"(?:^|[_-])T?(\d{2}[C-HJ-NP-X][A-HJ-NP-Z]{2})(?=[_-]|$)")
_BASELINE = re.compile(r"_N(\d{2})\.?(\d{2})(?:_|$)")
_ORBIT = re.compile(r"_R(\d{3})_")
_DATATAKE = re.compile(r"^GS2[A-Z]_\d{8}T\d{6}_(\d{6})_")
_ABSOLUTE_ORBIT = re.compile(r"_A(\d{6})_")
_SENTINEL = re.compile(r"s(?:entinel)?[-_]?([12])[-_]?([a-z])?")
_GENERATED = re.compile(r"_(\d{8}T\d{6})(?:\.SAFE)?$")
_S1_ORBIT = re.compile(r"^S1[A-Z]_.*_(\d{6})_[0-9A-F]{6}")

_PLATFORM = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_MGRS = re.compile(r"\d{1,2}[C-HJ-NP-X][A-HJ-NP-Z]{2}")
_VERSION = re.compile(r"\d{1,4}(\.\d{1,4})*")
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,19}:[A-Za-z0-9_.-]{1,20}")
DEEPEST, MOST_VALUES, LONGEST_TEXT = 40, 50_000, 100_000
"""Of one item; providers' items are 8 deep and hold some 500 values. Assumed."""
SCALES = (1e-7, 10.0)
"""Reflectance, backscatter or metres per number; outside it no provider's file can lie. Assumed."""
MALFORMED = (ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError, RecursionError)

Resolve = Callable[[str], str]


class SearchNotes:
    """What a source's last search noted on the way, by thread: several sites are searched at once."""

    def __init__(self) -> None:
        """Nothing is noted yet."""
        self._notes = threading.local()

    def begin_notes(self) -> None:
        """Forget the last search of this thread."""
        self._notes.rejected, self._notes.malformed = [], []

    @property
    def rejected(self) -> list[str]:
        """Why the last search of this thread may not have listed all, one line each."""
        found: list[str] = getattr(self._notes, "rejected", [])
        return found

    @property
    def malformed(self) -> list[MalformedItem]:
        """What the last search of this thread listed and could not be used."""
        found: list[MalformedItem] = getattr(self._notes, "malformed", [])
        return found


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


def read_listed(
    item: object, *, source: str, resolve: Resolve = str, make: Callable[[object, str], Product] | None = None
) -> Product | MalformedItem:
    """The product of an item, or what is wrong with it: one item never costs the others.

    Args:
        item: whatever the provider listed as one.
        source: name of the source that listed it.
        resolve: makes an asset's href absolute.
        make: makes the product, in place of `product_from_item` without further arguments.
    """
    try:
        if make is not None:
            return make(item, source)
        return product_from_item(item, source=source, resolve=resolve)
    except SourceError as error:
        reason = shown(error)
    except (*MALFORMED, MemoryError) as error:
        reason = shown(f"{source}: a malformed item: {type(error).__name__}: {error}")
    given = item if isinstance(item, Mapping) else {}
    name = given.get("id")
    try:
        sensed = _sensing_time(given["properties"])
    except MALFORMED:
        sensed = None
    identifier = shown(name) if isinstance(name, (str, int)) else None
    return MalformedItem(source=source, id=identifier, datetime=sensed, reason=reason)


def plain_item(item: object) -> dict[str, Any]:
    """An item as JSON can hold it for ever: no NaN, no lone surrogates, bounded in depth and size.

    Raises:
        ValueError: where it is no object, too deep or too large.
    """
    if not isinstance(item, Mapping):
        raise TypeError(f"an item that is {type(item).__name__}, not an object")
    left = [MOST_VALUES]

    def plain(value: Any, depth: int) -> Any:
        left[0] -= 1
        if depth > DEEPEST or left[0] < 0:
            raise ValueError(f"an item deeper than {DEEPEST} or of more than {MOST_VALUES} values")
        if isinstance(value, str):
            if len(value) > LONGEST_TEXT:
                raise ValueError(f"an item with a text of {len(value)} characters")
            return value if value.isascii() else value.encode("utf-8", "replace").decode()
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        if value is None or isinstance(value, int):  # truth values among them
            return value if value is None or abs(value) < 1 << 63 else None
        if isinstance(value, (list, tuple)):
            return [plain(inner, depth + 1) for inner in value]
        if isinstance(value, Mapping):
            return {plain(str(key), depth): plain(inner, depth + 1) for key, inner in value.items()}
        return shown(value)

    found: dict[str, Any] = plain(item, 0)
    return found


def product_from_item(item: object, *, source: str, resolve: Resolve = str) -> Product:
    """The product that a STAC item describes.

    Args:
        item: a STAC item (1.0 or 1.1) as decoded from JSON.
        source: name of the source that listed it.
        resolve: makes an asset's href absolute.

    Raises:
        SourceError: where the item is malformed, or has no id, time or bounding box.
    """
    try:
        return _product(plain_item(item), source, resolve)
    except (*MALFORMED, MemoryError) as error:
        name = item.get("id") if isinstance(item, Mapping) else item
        what = f"lacks {error}" if isinstance(error, KeyError) else f"is malformed: {error}"
        raise SourceError(shown(f"{source}: item {str(name)[:80]!r} {what}")) from error


def _product(item: dict[str, Any], source: str, resolve: Resolve) -> Product:
    properties = item.get("properties") or {}
    if not isinstance(properties, dict):
        raise TypeError(f"properties that are {type(properties).__name__}")
    identifier, sensed = _identifier(item["id"]), _sensing_time(properties)
    west, south, east, north = _bounds(item)
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
        assets=find_assets(_assets(item), resolve, properties),
        bounds=(west, south, east, north),
        tile=_tile(properties, names) if not is_terrain(str(item.get("collection"))) else identifier,
        datatake=_datatake(properties, names),
        relative_orbit=_relative_orbit(properties, names),
        baseline=_baseline(properties, names),
        published=_published(properties, names),
        cloud_cover=finite_number(properties.get("eo:cloud_cover")),
        item=item,
    )


def _identifier(value: object) -> str:
    if not isinstance(value, (str, int)) or isinstance(value, bool) or not str(value).strip():
        raise ValueError(f"an id that is {type(value).__name__}")
    return str(value)


def _assets(item: Mapping[str, Any]) -> Mapping[str, Any]:
    assets = item.get("assets") or {}
    if not isinstance(assets, Mapping):
        raise TypeError(f"assets that are {type(assets).__name__}")
    return assets


def find_assets(
    assets: Mapping[str, Any], resolve: Resolve, properties: Mapping[str, Any] | None = None
) -> dict[str, Asset]:
    """The best asset of each band: GeoTIFF before other formats, then the finest pixels.

    An asset that is malformed is none: its band counts as missing.
    """
    found: dict[str, tuple[tuple[bool, float], Asset]] = {}
    for key, asset in assets.items():
        try:
            band = band_of_asset(key, asset)
            if band is None or "href" not in asset or _is_folder(asset):
                continue
            made = _asset(band, asset, resolve, properties or {})
        except (*MALFORMED, OSError):
            continue
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

    href, scale = asset["href"], value("raster:scale", "scale")
    if not isinstance(href, str) or not href.isprintable():
        raise ValueError(f"{band}: an href that is none")
    if scale is not None and not SCALES[0] <= (finite_number(scale) or 0.0) <= SCALES[1]:
        raise ValueError(f"{band}: a scale of {shown(scale)}")
    offset = finite_number(value("raster:offset", "offset"))
    return Asset(
        band=band,
        href=resolve(href),
        scale=finite_number(scale),
        offset=offset if offset is None or abs(offset) <= 1.0 else None,
        nodata=finite_number(value("nodata")) if value("nodata") is not None else _default_nodata(band),
        gsd_m=finite_number(value("gsd", "raster:spatial_resolution", "spatial_resolution")),
        file_bytes=_whole(asset.get("file:size")),
        crs=_stated_crs(asset) or _stated_crs(properties),
        shape=_stated_shape(asset),
    )


def _stated_crs(place: Mapping[str, Any]) -> str | None:
    code = place.get("proj:code")
    if isinstance(code, str) and _CODE.fullmatch(code):
        return code
    number = _whole(place.get("proj:epsg"))
    return f"EPSG:{number}" if number else None


def _stated_shape(asset: Mapping[str, Any]) -> tuple[int, int] | None:
    shape = asset.get("proj:shape")
    if not isinstance(shape, list) or len(shape) != 2:  # noqa: PLR2004 - rows, columns
        return None
    rows, columns = (_whole(size) for size in shape)
    return (rows, columns) if rows and columns else None


def _whole(value: object) -> int | None:
    """A whole number that is not negative, of at most nine digits."""
    number = finite_number(value)
    return int(number) if number is not None and 0 <= number < 1e9 and number == int(number) else None  # noqa: PLR2004


def _is_folder(asset: Mapping[str, Any]) -> bool:
    """Sentinel Hub's `data` asset names the product's folder, not a raster."""
    return "tif" not in f"{asset.get('type', 'tif')}{asset['href']}".lower() and "jp2" not in str(
        asset["href"]
    )


def _default_nodata(band: str) -> float | None:
    return None if band in {"vv", "vh", "elevation"} else 0.0


def _sensing_time(properties: Mapping[str, Any]) -> dt.datetime:
    text = properties.get("datetime") or properties.get("start_datetime")
    if not isinstance(text, str) or not text:
        raise KeyError("datetime")
    return parse_time(text)


def _bounds(item: Mapping[str, Any]) -> tuple[float, float, float, float]:
    box: Sequence[float] | None = item.get("bbox")
    if box is None:
        from shapely.geometry import shape  # noqa: PLC0415 - items without a bbox are rare; the import is slow

        box = tuple(shape(item["geometry"]).bounds)
    if len(box) == 6:  # noqa: PLR2004 - a bbox with heights
        box = [box[0], box[1], box[3], box[4]]
    numbers = [finite_number(value) for value in box]
    west, south, east, north = (math.nan if number is None else number for number in numbers)
    if not (-360 <= west <= east <= 360 and -90 <= south <= north <= 90):  # noqa: PLR2004 - the globe
        raise ValueError(f"a bounding box of {shown(box)}")
    return west, south, east, north


def _platform(properties: Mapping[str, Any], identifier: str, collection: str) -> str:
    if is_terrain(collection):
        return DEM_PLATFORM
    stated = str(properties.get("platform") or "").lower().replace(" ", "-")
    spelled = _SENTINEL.fullmatch(stated)
    named = re.match(r"S([12])([A-Z])_", identifier)
    series, letter = spelled.groups(default="") if spelled else named.groups() if named else ("", "")
    if named and not letter and named[1] == series:  # the id knows the satellite where the metadata do not
        letter = named[2]
    if series:
        return f"sentinel-{series}{letter.lower()}"
    if listed := re.match(r"sentinel-[12](?=-)", collection):  # a platform that nobody knows yet
        return listed[0]
    return stated if _PLATFORM.fullmatch(stated) else "unknown"


def _tile(properties: Mapping[str, Any], names: list[str]) -> str | None:
    for stated in (
        str(properties.get("s2:mgrs_tile", "")).removeprefix("T"),
        str(properties.get("grid:code", "")).removeprefix("MGRS-"),
    ):
        if _MGRS.fullmatch(stated):
            return stated.zfill(5)
    path, row = (_whole(properties.get(f"landsat:wrs_{name}")) for name in ("path", "row"))
    if path is not None and row is not None:
        return f"WRS2-{path:03d}{row:03d}"
    return next((match[1] for name in names if (match := _TILE.search(name))), None)


def _datatake(properties: Mapping[str, Any], names: list[str]) -> str | None:
    """Absolute orbit, six digits, wherever the metadata carry it."""
    orbit = _whole(properties.get("sat:absolute_orbit"))
    if orbit is not None:
        return f"{orbit:06d}"
    for key in ("s2:datatake_id", "eopf:datatake_id"):
        if match := _DATATAKE.match(str(properties.get(key, ""))):
            return match[1]
    for pattern in (_ABSOLUTE_ORBIT, _S1_ORBIT):
        found = next((match[1] for name in names if (match := pattern.search(name))), None)
        if found:
            return found
    return None


def _relative_orbit(properties: Mapping[str, Any], names: list[str]) -> int | None:
    orbit = _whole(properties.get("sat:relative_orbit"))
    if orbit is not None:
        return orbit
    return next((int(match[1]) for name in names if (match := _ORBIT.search(name))), None)


def _landsat_version(properties: Mapping[str, Any]) -> str | None:
    """Collection and tier as a product's version: ``C02-T1``."""
    number, tier = (properties.get(f"landsat:collection_{key}") for key in ("number", "category"))
    return f"C{number}-{tier or 'unknown'}" if number else None


def _baseline(properties: Mapping[str, Any], names: list[str]) -> str | None:
    if version := _landsat_version(properties):
        return version
    for key in ("s2:processing_baseline", "processing:version"):
        if _VERSION.fullmatch(str(properties.get(key, ""))):
            return str(properties[key])
    return next((f"{match[1]}.{match[2]}" for name in names if (match := _BASELINE.search(name))), None)


def _published(properties: Mapping[str, Any], names: list[str]) -> dt.datetime | None:
    """When this processing was made: the product's own stamp before the catalogue's."""
    for key in ("s2:generation_time", "processing:datetime", "s1:processing_datetime"):
        if made := _moment(properties.get(key)):
            return made
    for name in names:
        if match := _GENERATED.search(name):
            with suppress(ValueError):
                return dt.datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=dt.UTC)
    return _moment(properties.get("published")) or _moment(properties.get("created"))


def _moment(value: object) -> dt.datetime | None:
    """A time stamp beside the sensing time, if it can be read."""
    try:
        return parse_time(value) if isinstance(value, str) and value else None
    except (ValueError, OverflowError):
        return None
