"""One request to Process: what is asked of which lattice, what it costs, and its answer, checked."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray
from sentinelhub.api.process import SentinelHubRequest
from sentinelhub.config import SHConfig
from sentinelhub.constants import CRS, MimeType
from sentinelhub.data_collections import DataCollection
from sentinelhub.geometry import BBox

from evidence.errors import SourceError
from imagery.budget import RADIOMETRIC_TERRAIN_FACTOR, processing_units
from imagery.records import Product
from imagery.sources.evalscripts import optical_script, radar_script
from imagery.sources.http import KEPT_HEADERS
from imagery.sources.hub_answers import decode, untar
from imagery.sources.hub_grid import Grid
from imagery.sources.hub_products import DATA_MASK, RADAR, TO_HUB, path_keys

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
    seen = json.loads(files.get("userdata.json", b"{}"))
    if seen.get("tiles") and not seen.get("chosen"):
        raise SourceError(f"{source}: the pass holds other products than the one asked for: {seen['tiles']}")
    pixels = decode(files.get("bands.tif", b""), grid, count, pixel_type(sensor))
    kept = {key: value for key, value in headers.items() if key in KEPT_HEADERS}
    return pixels, kept | {"tiles": json.dumps(seen.get("tiles", []))}
