"""Sentinel Hub on loopback: tokens, Catalog and Process; the client's own evalscript runs in V8."""

from __future__ import annotations

import io
import json
import tarfile
import threading
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from py_mini_racer import MiniRacer
from rasterio.io import MemoryFile
from rasterio.warp import transform_bounds

from imagery.sources.items import parse_time
from imagery.sources.static import overlaps
from tests.servers.loopback import Answer, Request

MOST_PIXELS = 2500
CATALOG = "/api/v1/catalog/1.0.0/search"

RUN = """
function __run(spec) {
  var n = spec.count, bands = spec.bands, width = spec.outputs, out = new Float64Array(n * width), meta = {};
  var chosen = preProcessScenes({scenes: {tiles: spec.tiles}}).scenes.tiles;
  for (var p = 0; p < n; p++) {
    var samples = chosen.map(function (tile) {
      var s = {};
      for (var b = 0; b < bands.length; b++) s[bands[b]] = __data[(tile.__index * bands.length + b) * n + p];
      return s;
    }).filter(function (s) { return s.dataMask; });
    var answer = evaluatePixel(samples, {tiles: chosen}, {}, {}, meta).bands;
    if (answer.length !== width) throw new Error("expected " + width + " components, got " + answer.length);
    for (var c = 0; c < width; c++) out[c * n + p] = Number(answer[c]);
  }
  updateOutputMetadata({tiles: chosen}, {}, meta);
  __said = JSON.stringify(meta.userData);
  return out;
}
"""


_ENGINE = threading.Lock()
"""V8 runs one script at a time."""

_FIRST = MiniRacer()
"""V8 must come up in the main thread: contexts of threads that are not its children crash."""

Sampler = Callable[[Mapping[str, Any], str, rasterio.Affine, tuple[int, int]], NDArray[Any]]
"""(item, band, transform, shape) to source numbers; 0 where the tile was not seen."""


@dataclass
class Hub:
    """Answers for one deployment."""

    items: dict[str, list[dict[str, Any]]]
    sampler: Sampler
    path_of: Callable[[Mapping[str, Any]], str]
    """dataPath of an item's tile, as this deployment spells it."""
    client: tuple[str, str] = ("id", "s3cr3t-of-the-client")
    lifetime_s: int = 3600
    page: int = 100
    tokens: set[str] = field(default_factory=set)
    units: float = 0.0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    endless: bool = False
    spoil: Callable[[bytes], bytes] | None = None
    """Applied to the image of an answer."""

    def __call__(self, request: Request) -> Answer:
        if request.path.endswith("/protocol/openid-connect/token"):
            return self._token(request)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return Answer.of(_error(401, "You are not authorized!"), status=401)
        self.bodies.append(request.json())
        if request.path == CATALOG:
            return self._catalog(request.json())
        if request.path == "/api/v1/process":
            return self._process(request)
        return Answer.of(_error(404, "Not Found"), status=404)

    def _token(self, request: Request) -> Answer:
        form = dict(urllib.parse.parse_qsl(request.body.decode()))
        if form.get("grant_type") != "client_credentials":
            return Answer.of({"error": "unsupported_grant_type"}, status=400)
        if (form.get("client_id"), form.get("client_secret")) != self.client:
            return Answer.of(
                {"error": "unauthorized_client", "error_description": "Invalid client"}, status=401
            )
        token = f"t0ken-{len(self.tokens)}.x.y"
        self.tokens.add(token)
        return Answer.of({"access_token": token, "expires_in": self.lifetime_s, "token_type": "Bearer"})

    def _catalog(self, query: Mapping[str, Any]) -> Answer:
        if len(query.get("collections", [])) != 1:
            return Answer.of({"code": 400, "description": "Illegal collection."}, status=400)
        if not query.get("datetime"):
            said = "One of parameters 'datetime' or 'ids' need to be set."
            return Answer.of({"code": 400, "description": said}, status=400)
        first, last = (parse_time(text) for text in query["datetime"].split("/"))
        found = [
            item
            for item in self.items.get(query["collections"][0], [])
            if first <= parse_time(item["properties"]["datetime"]) <= last
            and overlaps(tuple(item["bbox"]), tuple(query["bbox"]))
        ]
        start, limit = int(query.get("next") or 0), min(int(query.get("limit", 10)), self.page)
        page = found[:limit] if self.endless else found[start : start + limit]
        context: dict[str, Any] = {"limit": limit, "returned": len(page)}
        if self.endless or start + limit < len(found):
            context["next"] = start + limit
        return Answer.of({"type": "FeatureCollection", "features": page, "links": [], "context": context})

    def _process(self, request: Request) -> Answer:
        body = request.json()
        width, height = body["output"]["width"], body["output"]["height"]
        for name, value in (("width", width), ("height", height)):
            if not 1 <= value <= MOST_PIXELS:
                return Answer.of(
                    _error(400, f"Parameter `{name}` must be between 1 and {MOST_PIXELS}."), status=400
                )
        if request.headers.get("accept") != "application/x-tar":
            return Answer.of(_error(400, "Multiple responses requested but Accept is not a tar"), status=400)
        try:
            with _ENGINE:
                pixels, said, bands = self._evaluate(body, width, height)
        except Exception as error:  # noqa: BLE001 - whatever the script throws is the client's fault
            return Answer.of(_error(400, f"Failed to evaluate script: {error!r}"), status=400)
        image = _tiff(pixels, body)
        files = {"bands.tif": self.spoil(image) if self.spoil else image, "userdata.json": said.encode()}
        factor = 2.5 * 2 if body["input"]["data"][0]["type"] == "sentinel-1-grd" else 1
        units = max(0.005, max(width * height / 512 / 512, 0.01) * (len(bands) - 1) / 3 * factor)
        self.units += units
        headers = {"Content-Type": "application/tar", "x-processingunits-spent": repr(units)}
        return Answer(body=_tar(files), headers=headers)

    def _evaluate(
        self, body: Mapping[str, Any], width: int, height: int
    ) -> tuple[NDArray[Any], str, list[str]]:
        engine = MiniRacer()
        engine.eval(body["evalscript"])
        setup = json.loads(engine.eval("JSON.stringify(setup())"))
        assert setup["mosaicking"] == "TILE"
        bands, (output,) = setup["input"][0]["bands"], setup["output"]
        items = self._tiles(body)
        transform = placed(body["input"]["bounds"]["bbox"], width, height)
        layers = [self._layers(item, bands, transform, (height, width)) for item in items]
        data = np.array(layers, dtype="float64").ravel() if layers else np.zeros(0)
        engine.eval(f"var __data = new Float64Array({max(1, data.size)}), __said = null;")
        if data.size:
            np.frombuffer(engine.eval("__data"), dtype="float64")[:] = data
        tiles = [{"dataPath": self.path_of(item), "__index": i} for i, item in enumerate(items)]
        spec = {"count": width * height, "bands": bands, "outputs": output["bands"], "tiles": tiles}
        engine.eval(RUN)
        engine.eval(f"var __out = __run({json.dumps(spec)});")
        out = np.frombuffer(engine.eval("__out"), dtype="float64").reshape(output["bands"], height, width)
        said = engine.eval("__said")
        if output["sampleType"] == "UINT16":
            return np.clip(np.rint(out), 0, 65535).astype("uint16"), said, bands
        return out.astype("float32"), said, bands

    def _tiles(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        data, place = body["input"]["data"][0], body["input"]["bounds"]
        epsg = place["properties"]["crs"].rsplit("/", 1)[1]
        box = transform_bounds(f"EPSG:{epsg}", "EPSG:4326", *place["bbox"])
        first, last = (parse_time(data["dataFilter"]["timeRange"][key]) for key in ("from", "to"))
        return [
            item
            for item in self.items.get(data["type"], [])
            if first <= parse_time(item["properties"]["datetime"]) <= last
            and overlaps(tuple(item["bbox"]), box)
        ]

    def _layers(
        self,
        item: Mapping[str, Any],
        bands: Sequence[str],
        transform: rasterio.Affine,
        shape: tuple[int, int],
    ) -> list[NDArray[Any]]:
        seen = {band: self.sampler(item, band, transform, shape) for band in bands if band != "dataMask"}
        mask = np.logical_or.reduce([layer != 0 for layer in seen.values()])
        return [seen[band] if band != "dataMask" else mask for band in bands]


def _error(status: int, message: str) -> dict[str, Any]:
    return {"error": {"status": status, "reason": "Error", "message": message, "code": "COMMON"}}


def _tiff(pixels: NDArray[Any], body: Mapping[str, Any]) -> bytes:
    count, height, width = pixels.shape
    place = body["input"]["bounds"]
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            count=count,
            height=height,
            width=width,
            dtype=pixels.dtype,
            crs=f"EPSG:{place['properties']['crs'].rsplit('/', 1)[1]}",
            transform=placed(place["bbox"], width, height),
            compress="deflate",
            interleave="pixel",
        ) as dataset:
            dataset.write(pixels)
        return bytes(memory.read())


def _tar(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def ramp(
    item: Mapping[str, Any], band: str, transform: rasterio.Affine, shape: tuple[int, int]
) -> NDArray[Any]:
    """Numbers that tell where they come from: band, item and ground coordinates all show in them."""
    if band == "SCL":
        return np.full(shape, 4.0)
    if band == "CLP":
        return np.full(shape, 17.0)
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    x = transform.c + (columns + 0.5) * transform.a
    y = transform.f + (rows + 0.5) * transform.e
    seed = sum(map(ord, band + str(item["id"]))) % 97
    if band in {"VV", "VH"}:
        return 0.05 + 0.01 * ((x // 10 + y // 10 + seed) % 10)
    return 1100.0 + seed + (x // 10) % 50 + 50 * ((y // 10) % 20)


def hub_item(
    identifier: str, when: str, bbox: Sequence[float], *, epsg: int, platform: str, **more: Any
) -> dict[str, Any]:
    """A Catalog item as both deployments give it: no baseline, no tile; both stand in the id."""
    west, south, east, north = bbox
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": identifier,
        "bbox": list(bbox),
        "geometry": {"type": "MultiPolygon", "coordinates": [[ring]]},
        "properties": {"datetime": when, "platform": platform, "gsd": 10, "proj:epsg": epsg, **more},
        "assets": {"data": {"href": f"s3://EODATA/{identifier}", "title": "s3"}},
        "links": [],
    }


def placed(bbox: Sequence[float], width: int, height: int) -> rasterio.Affine:
    """The transform of an image that fills a box."""
    left, bottom, right, top = bbox
    return rasterio.Affine((right - left) / width, 0, left, 0, (bottom - top) / height, top)


def units_of(width: int, height: int, bands: int) -> float:
    """The documented formula, spelled on its own."""
    return max(0.005, max(width * height / 262_144, 0.01) * bands / 3)
