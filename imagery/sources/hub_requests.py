"""One request to Process: what is asked of which lattice, what it costs, and its answer, checked."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import rasterio.crs
from affine import Affine
from numpy.typing import NDArray
from rasterio.warp import transform_bounds
from sentinelhub.api.process import SentinelHubRequest
from sentinelhub.config import SHConfig
from sentinelhub.constants import CRS, MimeType
from sentinelhub.data_collections import DataCollection
from sentinelhub.geometry import BBox

from evidence.errors import SourceError
from evidence.limits import Limits
from imagery.bands import SENTINEL2_BANDS
from imagery.records import Asset, Product, Raster
from imagery.sources.addresses import shown
from imagery.sources.budget import RADIOMETRIC_TERRAIN_FACTOR, processing_units
from imagery.sources.http import KEPT_HEADERS, read_json
from imagery.sources.items import product_from_item
from imagery.sources.retry import RetryableError
from imagery.sources.sentinelhub_client import COMMERCIAL
from imagery.sources.windows import GDAL_FAILURES, MARGIN_M, SNAP_M, UnreadableError, cause, open_bytes

MOST_MEMBERS = 8
"""Files of an answer; two are due. Assumed."""
BYTE_BANDS = frozenset({"scl", "clp", "data_mask"})


def untar(content: bytes) -> dict[str, bytes]:
    """The files of an answer by name.

    Raises:
        RetryableError: where it is no tar archive.
    """
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for count, member in enumerate(archive):
                if count >= MOST_MEMBERS or member.size > len(content) or member.issparse():
                    raise SourceError(f"Process answered an archive with {shown(member.name)} in it")
                if member.isreg() and (stream := archive.extractfile(member)):
                    found[member.name] = stream.read()
    except (tarfile.TarError, EOFError, ValueError, OSError, OverflowError) as error:
        raise RetryableError(
            f"Process answered something other than an archive of images: {content[:60]!r}"
        ) from error
    return found


def decode(content: bytes, grid: Grid, count: int, dtype: str) -> NDArray[Any]:
    """(band, y, x) of an image that is what was asked for.

    Raises:
        RetryableError: where the image is broken.
        SourceError: where size, place, projection or type differ.
    """
    try:
        with open_bytes(content) as dataset:
            shape, expected = (dataset.count, *dataset.shape), (count, grid.height, grid.width)
            rows, columns = dataset.block_shapes[0]
            if shape != expected or rows > 2 * grid.height + 512 or columns > 2 * grid.width + 512:
                raise SourceError(f"Process answered (bands, rows, columns) {shape}, asked for {expected}")
            pixels: NDArray[Any] = dataset.read()
            crs, transform = dataset.crs, dataset.transform
    except UnreadableError as error:
        raise RetryableError(f"Process answered no image: {error}") from error
    except GDAL_FAILURES as error:
        raise RetryableError(
            f"Process answered a broken image of {len(content)} bytes: {cause(error)}"
        ) from error
    if crs != rasterio.crs.CRS.from_epsg(grid.epsg) or not transform.almost_equals(grid.transform, 1e-3):
        place = tuple(round(value, 2) for value in tuple(transform)[:6])
        raise SourceError(
            f"Process answered an image in {crs.to_string() if crs else None} at {place}, asked for "
            f"EPSG:{grid.epsg} at {tuple(grid.transform)[:6]}"
        )
    if pixels.dtype.name != dtype:
        raise SourceError(f"Process answered {pixels.dtype.name}, asked for {dtype}")
    return pixels


def raster_of(band: str, pixels: NDArray[Any], grid: Grid) -> Raster:
    """One band of an answer."""
    return Raster(
        band=band,
        pixels=pixels.astype("uint8") if band in BYTE_BANDS else pixels,
        transform=grid.transform,
        crs_wkt=rasterio.crs.CRS.from_epsg(grid.epsg).to_wkt(),
        nodata=0.0,
    )


Bounds = tuple[float, float, float, float]

MOST_PIXELS = 2500
"""Along a side of one Process request. Documented: Process API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A piece of a product's lattice."""

    epsg: int
    left: float
    top: float
    pixel_m: float
    width: int
    height: int

    @property
    def transform(self) -> Affine:
        """Of the upper left pixel."""
        return Affine(self.pixel_m, 0, self.left, 0, -self.pixel_m, self.top)

    @property
    def bbox(self) -> Bounds:
        """(left, bottom, right, top) in metres."""
        return (
            self.left,
            self.top - self.height * self.pixel_m,
            self.left + self.width * self.pixel_m,
            self.top,
        )

    def pieces(self, most: int = MOST_PIXELS) -> Iterator[tuple[int, int, Grid]]:
        """(row, column, grid) of pieces of at most `most` pixels a side."""
        for row in range(0, self.height, most):
            for column in range(0, self.width, most):
                yield (
                    row,
                    column,
                    replace(
                        self,
                        left=self.left + column * self.pixel_m,
                        top=self.top - row * self.pixel_m,
                        width=min(most, self.width - column),
                        height=min(most, self.height - row),
                    ),
                )


def grid_over(bounds: Bounds, epsg: int, pixel_m: float) -> Grid:
    """The crop of a UTM lattice that holds `bounds` (degrees) and a margin, on multiples of 60 m.

    Corners of Sentinel-2 tiles lie on such multiples, so that bands of 10, 20 and 60 m nest.
    """
    left, bottom, right, top = transform_bounds("EPSG:4326", f"EPSG:{epsg}", *bounds, densify_pts=21)
    left, bottom = (math.floor((value - MARGIN_M) / SNAP_M) * SNAP_M for value in (left, bottom))
    right, top = (math.ceil((value + MARGIN_M) / SNAP_M) * SNAP_M for value in (right, top))
    width, height = round((right - left) / pixel_m), round((top - bottom) / pixel_m)
    return Grid(epsg=epsg, left=left, top=top, pixel_m=pixel_m, width=width, height=height)


MASK = "dataMask"
"""1 where the tile was seen; free of charge."""


def optical_script(bands: Sequence[str], keys: Sequence[str]) -> str:
    """Digital numbers of Sentinel-2 bands (B02 … SCL, CLP) as 16 bit, 0 where nothing was seen.

    Args:
        bands: as Sentinel Hub names them, dataMask among them or not.
        keys: the tile's data path holds one of these.
    """
    return _script(bands, keys, units="DN", sample="UINT16")


def radar_script(bands: Sequence[str], keys: Sequence[str]) -> str:
    """Linear backscatter as 32-bit floats, 0 where nothing was seen."""
    return _script(bands, keys, units="LINEAR_POWER", sample="FLOAT32")


def _script(bands: Sequence[str], keys: Sequence[str], *, units: str, sample: str) -> str:
    inputs = [*(band for band in bands if band != MASK), MASK]
    spelled = [units if band != MASK else "DN" for band in inputs]
    return f"""//VERSION=3
function setup() {{
  return {{
    input: [{{ bands: {json.dumps(inputs)}, units: {json.dumps(spelled)} }}],
    output: [{{ id: "bands", bands: {len(bands)}, sampleType: "{sample}", nodataValue: 0 }}],
    mosaicking: "TILE"
  }};
}}
var KEYS = {json.dumps(list(keys))};
function wanted(tile) {{
  return KEYS.some(function (key) {{ return String(tile.dataPath).indexOf(key) >= 0; }});
}}
function preProcessScenes(collections) {{
  var chosen = collections.scenes.tiles.filter(wanted);
  if (chosen.length > 0) collections.scenes.tiles = chosen;
  return collections;
}}
function evaluatePixel(samples) {{
  for (var i = 0; i < samples.length; i++) {{
    var s = samples[i];
    if (s.dataMask) return {{ bands: [{", ".join(f"s.{band}" for band in bands)}] }};
  }}
  return {{ bands: [{", ".join("0" for _ in bands)}] }};
}}
function updateOutputMetadata(scenes, inputMetadata, outputMetadata) {{
  var paths = scenes.tiles.map(function (tile) {{ return tile.dataPath; }});
  outputMetadata.userData = {{ tiles: paths, chosen: paths.some(function (path) {{
    return KEYS.some(function (key) {{ return String(path).indexOf(key) >= 0; }});
  }}) }};
}}
"""


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
    code = str(properties.get("proj:epsg") or str(properties.get("proj:code", "")).removeprefix("EPSG:"))
    return int(code) if code.isdecimal() and len(code) <= 6 else None  # noqa: PLR2004 - of a code


def _utm_of(bounds: Bounds) -> int:
    """The zone of the box's centre."""
    longitude, latitude = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    return (32600 if latitude >= 0 else 32700) + int((longitude + 180) // 6) + 1


def _epsg_of(product: Product) -> int:
    crs = next(iter(product.assets.values())).crs or ""
    return int(crs.removeprefix("EPSG:"))


PASS_WINDOW = dt.timedelta(minutes=10)
"""Around the sensing time: wide enough for stamps of datatake and tile, too narrow for another pass."""

_RADAR_PROCESSING = {
    "backCoeff": "GAMMA0_TERRAIN",
    "orthorectify": True,
    "demInstance": "COPERNICUS_30",
    "speckleFilter": {"type": "NONE"},
}
_OPTICAL_PROCESSING = {"harmonizeValues": False}


def request_units(grid: Grid, bands: Sequence[str], sensor: str) -> float:
    """Processing units of one request; the data mask is free."""
    radar = sensor == RADAR
    return processing_units(
        grid.width,
        grid.height,
        bands=sum(band != DATA_MASK for band in bands),
        bits=32 if radar else 16,
        factor=RADIOMETRIC_TERRAIN_FACTOR if radar else 1.0,
    )


def pixel_type(sensor: str) -> str:
    """Of an answer."""
    return "float32" if sensor == RADAR else "uint16"


def process_request(
    product: Product,
    bands: Sequence[str],
    grid: Grid,
    *,
    collection: DataCollection,
    config: SHConfig,
    sensor: str,
) -> SentinelHubRequest:
    """The library's request for `bands` of one tile of one pass."""
    radar = sensor == RADAR
    script = radar_script if radar else optical_script
    data = SentinelHubRequest.input_data(
        collection,
        time_interval=(product.datetime - PASS_WINDOW, product.datetime + PASS_WINDOW),
        other_args={"processing": _RADAR_PROCESSING if radar else _OPTICAL_PROCESSING},
    )
    return SentinelHubRequest(
        evalscript=script([TO_HUB[band] for band in bands], path_keys(product)),
        input_data=[data],
        responses=[
            SentinelHubRequest.output_response("bands", MimeType.TIFF),
            SentinelHubRequest.output_response("userdata", MimeType.JSON),
        ],
        bbox=BBox(grid.bbox, CRS(str(grid.epsg))),
        size=(grid.width, grid.height),
        config=config,
    )


def read_answer(
    content: bytes, headers: Mapping[str, str], grid: Grid, *, count: int, sensor: str, source: str
) -> tuple[NDArray[Any], dict[str, str]]:
    """(band, y, x) of an answer, and what is kept of its headers.

    Raises:
        SourceError: where it shows another tile than was asked for, or is not the image that was.
    """
    files = untar(content)
    told = read_json(files.get("userdata.json", b"{}"), Limits(), label=source)
    seen = told if isinstance(told, dict) else {}
    if seen.get("tiles") and not seen.get("chosen"):
        raise SourceError(f"{source}: the pass holds other products than the one asked for: {seen['tiles']}")
    pixels = decode(files.get("bands.tif", b""), grid, count, pixel_type(sensor))
    kept = {key: value for key, value in headers.items() if key in KEPT_HEADERS}
    return pixels, kept | {"tiles": json.dumps(seen.get("tiles", []))}
