"""What a reader of a sample gets: points.kmz for Google Earth, chips.json with pictures of several dates."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from PIL import Image
from shapely.geometry import Polygon, mapping

from aoi.grid import site_grid
from campwatch.reviews.desk import Desk
from evidence.files import atomic_path, write_text
from evidence.zips import write_zip
from imagery.archive.store import Archive
from imagery.cube.loading import load_cube
from imagery.cube.scenes import group_archived

CHIP_PX = 32
"""320 m: the pixel with what surrounds it."""
ENLARGED = 5
MAX_DATES = 5
CLEAR = 0.7
GAMMA = 1.6
WHITE = 0.3
"""Reflectance shown white: bright soil and concrete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePoint:
    """One pixel under a reader's own code."""

    code: str
    square: Polygon
    row: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One picture of one point."""

    date: str
    png: bytes


def write_sample_files(
    desk: Desk, folder: Path, points: Sequence[SamplePoint], *, allowed: Sequence[str], sample_id: str
) -> None:
    """Write `points.kmz` and `chips.json`."""
    cube = _clear_looks(desk)
    chips = {point.code: list(_chips(cube, point)) if cube is not None else [] for point in points}
    told = [_told(point, chips[point.code]) for point in points]
    document = {
        "format": "campwatch-sample/1",
        "site": desk.site.id,
        "sample": sample_id,
        "question": "What is the ground inside the square, and since when?",
        "labels": list(allowed),
        "attribution": "Contains modified Copernicus Sentinel data",
        "points": told,
    }
    write_text(folder / "chips.json", json.dumps(document, ensure_ascii=False, indent=1))
    _write_kmz(folder / "points.kmz", points, chips, allowed)


def _clear_looks(desk: Desk) -> xr.Dataset | None:
    """Cube of up to five clear looks spread over time; unregistered ones where there is no other."""
    looks = [stored.row.data for stored in desk.ledger.current("observations", site_id=desk.site.id)]
    clear = [look for look in looks if float(look["valid_fraction"] or 0) >= CLEAR]
    used = [look for look in clear if look["status"] == "used"] or clear
    chosen = {scene for _, scene in _spread(sorted((str(u["datetime"]), str(u["scene_id"])) for u in used))}
    scenes = group_archived(Archive(desk.workspace.archive_folder).products(desk.site.id))
    products = [product for scene in scenes if scene.id in chosen for product in scene.products]
    return load_cube(products, site_grid(desk.site)) if products else None


def _spread(looks: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Looks spread over the whole time, first and last among them."""
    if len(looks) <= MAX_DATES:
        return looks
    places = np.linspace(0, len(looks) - 1, MAX_DATES).round().astype(int)
    return [looks[i] for i in places]


def _chips(cube: xr.Dataset, point: SamplePoint) -> Iterator[Chip]:
    half = CHIP_PX // 2
    bands = cube[["red", "green", "blue"]]
    for i, time in enumerate(cube["time"].to_numpy()):
        layer = np.stack([bands[band].isel(time=i).to_numpy() for band in bands])
        padded = np.pad(layer, ((0, 0), (half, half), (half, half)), constant_values=np.nan)
        window = padded[:, point.row : point.row + CHIP_PX, point.column : point.column + CHIP_PX]
        yield Chip(date=str(np.datetime_as_string(time, unit="D")), png=_png(window))


def _png(window: NDArray[np.float32]) -> bytes:
    """Red, green, blue; the point's pixel in a frame, what is missing in grey."""
    bright = np.clip(window / WHITE, 0, 1) ** (1 / GAMMA)
    pixels = np.where(np.isfinite(bright), bright * 255, 128).astype(np.uint8).transpose(1, 2, 0)
    large = np.repeat(np.repeat(pixels, ENLARGED, axis=0), ENLARGED, axis=1)
    start, end = CHIP_PX // 2 * ENLARGED - 1, (CHIP_PX // 2 + 1) * ENLARGED
    for line in (start, end):
        large[start : end + 1, line] = large[line, start : end + 1] = (255, 255, 0)
    stream = io.BytesIO()
    Image.fromarray(large).save(stream, "PNG")
    return stream.getvalue()


def _told(point: SamplePoint, chips: Sequence[Chip]) -> dict[str, Any]:
    pictures = [
        {"date": chip.date, "png": "data:image/png;base64," + base64.b64encode(chip.png).decode()}
        for chip in chips
    ]
    return {"point": point.code, "square": mapping(point.square), "chips": pictures}


def _write_kmz(
    path: Path, points: Sequence[SamplePoint], chips: dict[str, list[Chip]], allowed: Sequence[str]
) -> None:
    names = ", ".join(allowed)
    marks = "".join(_placemark(point, chips[point.code]) for point in points)
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
        f"<name>points to label</name><description>{escape(names)}</description>"
        '<Style id="p"><LineStyle><color>ff00ffff</color><width>2</width></LineStyle>'
        f"<PolyStyle><fill>0</fill></PolyStyle></Style>{marks}</Document></kml>\n"
    )
    shown = [
        (f"chips/{code}-{i}.png", chip.png)
        for code, pictures in chips.items()
        for i, chip in enumerate(pictures)
    ]
    with atomic_path(path) as temporary:
        write_zip(temporary, [("doc.kml", text.encode()), *shown])


def _placemark(point: SamplePoint, chips: Sequence[Chip]) -> str:
    ring = " ".join(f"{x:.7f},{y:.7f}" for x, y in point.square.exterior.coords)
    html = "".join(
        f'<p>{chip.date}<br/><img src="chips/{point.code}-{i}.png"/></p>' for i, chip in enumerate(chips)
    )
    return (
        f"<Placemark><name>{point.code}</name><description>{escape(html)}</description>"
        f"<styleUrl>#p</styleUrl><Polygon><outerBoundaryIs><LinearRing><coordinates>{ring}"
        "</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
    )
