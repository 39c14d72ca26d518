"""Items as no provider should list them: each spoils one thing of a good one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Item = dict[str, Any]
Spoil = Callable[[Item], object]
DEEP = 3_000
ABSENT = object()


def _set(place: str, value: Any) -> Spoil:
    """Puts `value` at a dotted place, or takes away what is there."""

    def spoil(item: Item) -> Item:
        *path, last = place.split(".")
        inner: Any = item
        for name in path:
            inner = inner[name]
        if value is ABSENT:
            inner.pop(last, None)
        else:
            inner[last] = value
        return item

    return spoil


def _asset(name: str, value: Any, band: str = "red") -> Spoil:
    return _set(f"assets.{band}.{name}", value)


def _both(*spoils: Spoil) -> Spoil:
    def spoil(item: Item) -> Item:
        for step in spoils:
            step(item)
        return item

    return spoil


def _spell(platform: str) -> Spoil:
    """A platform, with nothing else in the item that names the satellite."""
    return _both(
        _set("properties.platform", platform), _set("id", f"item of {platform[:20]}".replace("/", " "))
    )


SPOILS: Mapping[str, Spoil] = {
    # places
    "platform climbs": _spell("../../../x"),
    "platform is absolute": _spell("/tmp/campwatch-hostile"),
    "platform climbs on Windows": _spell("..\\..\\x"),
    "platform is a drive": _spell("C:\\x"),
    "platform is a device": _spell("con"),
    "platform is called gaps": _spell("gaps"),
    "platform is a list": _set("properties.platform", ["sentinel-2a"]),
    "platform is long": _spell("s" * 5000),
    "platform holds a null": _spell("sentinel\0-2a"),
    "id climbs": _set("id", "../../../../outside"),
    "id is absolute": _set("id", "/tmp/campwatch-hostile/item"),
    "id is dots": _set("id", ".."),
    "id is a device": _set("id", "NUL"),
    "id of 300 characters": _set("id", "S2A_" + "x" * 300),
    "id of 100,000 characters": _set("id", "x" * 100_000),
    "id holds newlines": _set("id", "a\nb\rc\x1b[2J"),
    "id holds a null": _set("id", "a\0b"),
    "id in Hangul": _set("id", "정치범수용소"),
    "id is a number": _set("id", 7),
    "id is null": _set("id", None),
    "id is a list": _set("id", ["a"]),
    "id is an object": _set("id", {"a": 1}),
    "id is empty": _set("id", ""),
    "no id": _set("id", ABSENT),
    "tile climbs": _set("properties.s2:mgrs_tile", "../../51SYD"),
    "tile is an object": _set("properties.s2:mgrs_tile", {"a": 1}),
    "datatake climbs": _set("properties.s2:datatake_id", "../../../GS2A"),
    "collection climbs": _set("collection", "../../c"),
    "band key climbs": lambda item: item["assets"].update({"../../red": {**item["assets"]["red"]}}) or item,
    # numbers
    "NaN in a property": _set("properties.eo:cloud_cover", float("nan")),
    "Infinity in a property": _set("properties.view:sun_elevation", float("inf")),
    "NaN deep in a property": _set("properties.processing:software", {"a": [float("nan")]}),
    "a sun below ground": _set("properties.view:sun_elevation", -1e300),
    "a sun of words": _set("properties.view:sun_azimuth", "south"),
    "orbit of words": _set("properties.sat:absolute_orbit", "hello"),
    "orbit negative": _set("properties.sat:relative_orbit", -5),
    "orbit huge": _set("properties.sat:absolute_orbit", 10**30),
    "orbit a float": _set("properties.sat:relative_orbit", 46.5),
    "whole number of 400 digits": _set("properties.number", 10**400),
    "scale inf": _asset("raster:bands", [{"scale": float("inf"), "offset": 0}]),
    "scale 0": _asset("raster:bands", [{"scale": 0}]),
    "scale negative": _asset("raster:bands", [{"scale": -1e-4}]),
    "scale of words": _asset("raster:bands", [{"scale": "hello"}]),
    "scale huge": _asset("raster:bands", [{"scale": 1e300}]),
    "offset NaN": _asset("raster:bands", [{"scale": 1e-4, "offset": float("nan")}]),
    "offset huge": _asset("raster:bands", [{"scale": 1e-4, "offset": -1e300}]),
    "nodata of words": _asset("raster:bands", [{"nodata": "nothing"}]),
    "nodata out of range": _asset("raster:bands", [{"nodata": 1e300}]),
    "nodata NaN": _asset("raster:bands", [{"nodata": "nan"}]),
    "baseline NaN": _set("properties.s2:processing_baseline", "nan"),
    "baseline of words": _set("properties.s2:processing_baseline", "../../05.10"),
    "baseline a list": _set("properties.s2:processing_baseline", [5, 10]),
    "gsd negative": _asset("gsd", -10),
    "gsd a list": _asset("gsd", [10]),
    # projections and shapes
    "proj:code hello": _both(_set("properties.proj:code", "hello"), _asset("proj:code", "hello")),
    "proj:code unknown": _both(_set("properties.proj:code", "EPSG:999999"), _asset("proj:code", "EPSG:9")),
    "proj:code a list": _set("properties.proj:code", ["EPSG:32651"]),
    "proj:epsg of words": _set("properties.proj:epsg", "hello"),
    "proj:epsg huge": _set("properties.proj:epsg", 10**20),
    "proj:code names a file": _set("properties.proj:code", "/etc/passwd"),
    "proj:shape of words": _asset("proj:shape", ["a", "b"]),
    "proj:shape negative": _asset("proj:shape", [-1, -1]),
    "proj:shape too long": _asset("proj:shape", list(range(1000))),
    # places on earth
    "no bbox and no geometry": _both(_set("bbox", ABSENT), _set("geometry", ABSENT)),
    "no bbox and geometry null": _both(_set("bbox", ABSENT), _set("geometry", None)),
    "no bbox and geometry rubbish": _both(
        _set("bbox", ABSENT), _set("geometry", {"type": "Polygon", "coordinates": "rubbish"})
    ),
    "no bbox and a geometry of nothing": _both(
        _set("bbox", ABSENT), _set("geometry", {"type": "GeometryCollection", "geometries": []})
    ),
    "no bbox and an endless geometry": _both(
        _set("bbox", ABSENT), _set("geometry", {"type": "Point", "coordinates": [1e400, 2]})
    ),
    "bbox of words": _set("bbox", ["a", "b", "c", "d"]),
    "bbox NaN": _set("bbox", [float("nan")] * 4),
    "bbox of three": _set("bbox", [1, 2, 3]),
    "bbox an object": _set("bbox", {"west": 1}),
    "bbox off the globe": _set("bbox", [-1e9, -1e9, 1e9, 1e9]),
    "bbox turned round": lambda item: _set("bbox", item["bbox"][::-1])(item),
    # times
    "no datetime": _set("properties.datetime", ABSENT),
    "datetime null": _set("properties.datetime", None),
    "datetime a number": _set("properties.datetime", 1709260000),
    "datetime of words": _set("properties.datetime", "yesterday"),
    "datetime of the year 1": _set("properties.datetime", "0001-01-01T00:00:00+23:59"),
    "datetime of the year 9999": _set("properties.datetime", "9999-12-31T23:59:59-23:59"),
    "generation time of words": _set("properties.s2:generation_time", "soon"),
    "created a list": _both(
        _set("properties.created", [1]), _set("properties.s2:product_uri", "S2A_99999999T999999.SAFE")
    ),
    # kinds
    "item null": lambda _: None,
    "item a number": lambda _: 5,
    "item a text": lambda _: "item",
    "item a list": lambda _: [[]],
    "item empty": lambda _: {},
    "properties a list": _set("properties", [1, 2]),
    "properties null": _set("properties", None),
    "properties a text": _set("properties", "hello"),
    "assets a list": lambda item: _set("assets", list(item["assets"].values()))(item),
    "assets null": _set("assets", None),
    "assets a text": _set("assets", "hello"),
    "an asset null": _set("assets.red", None),
    "an asset a list": _set("assets.red", []),
    "bands a number": _asset("eo:bands", 5),
    "bands of null": _asset("eo:bands", [None]),
    "raster:bands a text": _asset("raster:bands", "hello"),
    "href null": _asset("href", None),
    "href a list": _asset("href", ["a"]),
    "href empty": _asset("href", ""),
    "href holds a null": _asset("href", "http://127.0.0.1/\0"),
    "href of another kind": _asset("href", "ftp://127.0.0.1/red.tif"),
    "href a local file": _asset("href", "/etc/hostname"),
    "href a file address": _asset("href", "file:///etc/hostname"),
    "href for GDAL": _asset("href", "/vsicurl/http://127.0.0.1:9/red.tif"),
    "href names no port": _asset("href", "http://127.0.0.1:99999999/red.tif"),
    "href is no address": _asset("href", "http://[::1"),
    "type a number": _asset("type", 5),
    "links a text": _set("links", "hello"),
    "links of null": _set("links", [None, 5, {"href": None}]),
    "stac_version a list": _set("stac_version", [1]),
    # sizes
    "deep property": _set("properties.deep", json.loads("[" * 100 + "]" * 100)),
    "many properties": lambda item: item["properties"].update({f"k{n}": n for n in range(60_000)}) or item,
    "a text of a megabyte": _set("properties.text", "x" * 1_000_000),
    "our own properties": lambda item: (
        item["properties"].update({"campwatch:ordering_box": "hello", "campwatch:sha256": "0"}) or item
    ),
}
"""Name to what it does; what it returns stands in the page in place of the item."""

RAW: Mapping[str, Callable[[str], str]] = {
    "a key twice": lambda text: text.replace('"properties":', '"properties": 5, "properties":', 1),
    "a lone surrogate in a text": lambda text: text.replace(
        '"constellation": "sentinel-2"', '"constellation": "\\ud800"'
    ),
    "a lone surrogate in the id": lambda text: text.replace('"id": "', '"id": "\\udfff', 1),
    "a lone surrogate in a key": lambda text: text.replace('"constellation":', '"\\ud800":'),
    "a number beyond any": lambda text: text.replace('"eo:cloud_cover": 12.5', '"eo:cloud_cover": 1e999'),
}
"""What only a text can say; the text of the item goes in and comes out."""
