"""GeoPackage, Shapefile, FlatGeobuf, GPX and MapInfo, through GDAL; tables of places as CSV and Excel."""

from __future__ import annotations

import csv
import datetime as dt
import glob
import io
import re
import struct
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from shapely.geometry import mapping

from aoi.readers.candidates import Candidate, by_kind, name_of, why_none
from aoi.readers.text import code_page_of, stated_page
from aoi.shapes import ShapeReader
from aoi.site_file import feature_label, projector
from evidence.errors import AoiError
from evidence.limits import Limits

MAX_FEATURES = 20_000
LONGEST_CELL = 1_000_000
"""Characters of a cell: an outline of some 30,000 corners as text. Assumed."""
DBASE_FIELD = 32
"""Bytes of a dBase header, and of each field's description in it."""


def read_table(
    path: Path, notices: list[str], limits: Limits | None = None, *, encoding: str | None = None
) -> list[Candidate]:
    """The features of every layer.

    Args:
        path: the file; a Shapefile's others lie beside it.
        notices: takes what was repaired or left out.
        limits: of all its files together.
        encoding: of the texts of a Shapefile that does not say it.

    Raises:
        AoiError: where GDAL cannot read the file, or a feature has no certain meaning.
    """
    limits = limits or Limits()
    if path.suffix.lower() == ".shp" and not any(path.with_suffix(end).exists() for end in (".shx", ".SHX")):
        raise AoiError(
            "a Shapefile is several files, and the .shx is missing: bring .shp, .shx, .dbf and .prj together"
        )
    size = sum(other.stat().st_size for other in path.parent.glob(f"{glob.escape(path.stem)}.*"))
    if size > limits.site_file_bytes:
        raise AoiError(f"its files take {size / 1e6:.0f} MB, more than {limits.site_file_bytes / 1e6:.0f} MB")
    page = encoding or _code_page(path, notices)
    found: list[Candidate] = []
    for layer in _layers(path):
        found += _layer(path, layer, notices, first=len(found) + 1, encoding=page)
    if not found:
        raise AoiError(f"there are no features with a geometry{why_none(notices)}")
    return found


TRACES = ("track_points", "route_points")
"""Layers of a GPX file that hold the vertices of its tracks and routes once more."""


def _layers(path: Path) -> list[str]:
    layers = _asked(lambda: pyogrio.list_layers(path))
    return [str(name) for name, kind in layers if kind is not None and str(name) not in TRACES]


def _asked(question: Any) -> Any:
    """What GDAL answers; it raises and warns in many ways, all of which mean that it cannot read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return question()
    except Exception as error:
        raise AoiError(f"GDAL cannot read it ({' '.join(str(error).split())[:100]})") from error


def _layer(
    path: Path, layer: str, notices: list[str], *, first: int, encoding: str | None
) -> list[Candidate]:
    most = MAX_FEATURES + 1
    read = _asked(lambda: pyogrio.raw.read(path, layer=layer, max_features=most, encoding=encoding))
    meta, _, wkb, columns = read
    if wkb is None or not len(wkb):
        return []
    if len(wkb) > MAX_FEATURES:
        raise AoiError(f"layer {layer!r} has more than {MAX_FEATURES} features")
    if not meta["crs"]:
        raise AoiError(f"layer {layer!r} does not say which coordinate system it is in (a missing .prj?)")
    reader = ShapeReader(notices, project=projector(str(meta["crs"]), notices))
    names = [str(name) for name in meta["fields"]]
    rows = [
        {name: _value(column[row]) for name, column in zip(names, columns, strict=True)}
        for row in range(len(wkb))
    ]
    found: list[Candidate] = []
    for number, (blob, row) in enumerate(zip(wkb, rows, strict=True), start=first):
        where = feature_label(number, row)
        shape = None if blob is None else _asked(lambda blob=blob: shapely.from_wkb(blob))
        if shape is None or shape.is_empty:
            notices.append(f"{where}: no geometry, left out")
            continue
        name = name_of(row)
        found += [
            Candidate(
                where=where,
                geometry=read_shape,
                name=name,
                folder=(layer,),
                properties=row,
            )
            for part in by_kind(mapping(shape), where, notices)
            if (read_shape := reader.read_or_tell(part, where=where)) is not None
        ]
    return found


def _code_page(path: Path, notices: list[str]) -> str | None:
    """The code page of a Shapefile's texts where its .cpg does not say it, or says another than they have.

    None where GDAL knows.
    """
    files = {other.suffix.lower(): other for other in path.parent.glob(f"{glob.escape(path.stem)}.*")}
    if path.suffix.lower() != ".shp" or ".dbf" not in files:
        return None
    texts = _dbase_texts(files[".dbf"].read_bytes())
    stated = files[".cpg"].read_text("ascii", "replace").strip()[:40] if ".cpg" in files else None
    if stated is not None and (known := stated_page(stated, texts)) is not None:
        return known
    page = code_page_of(texts)
    if page is not None:
        lacking = "has no .cpg" if stated is None else f"says {stated!r} in its .cpg, which its texts are not"
        notices.append(
            f"the Shapefile {lacking}; its texts were read as {page.upper()}. --encoding says otherwise"
        )
    return page


def _dbase_texts(data: bytes) -> list[bytes]:
    """Values of the character fields of a dBase table (dBASE III layout)."""
    rows, header, width = struct.unpack("<IHH", data[4:12]) if len(data) >= DBASE_FIELD else (0, 0, 0)
    fields, place = [], 1  # the first byte of a record says whether it is deleted
    for start in range(DBASE_FIELD, min(header, len(data)) - DBASE_FIELD + 1, DBASE_FIELD):
        kind, length = data[start + 11 : start + 12], data[start + 16]
        if kind == b"C":
            fields.append((place, length))
        place += length
    records = (header + width * row for row in range(min(rows, MAX_FEATURES)))
    return [data[at + first : at + first + length].rstrip() for at in records for first, length in fields]


def _value(value: Any) -> Any:
    """A table's value as JSON would have it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (dt.datetime, dt.date)):
        return value.isoformat()[:10]
    if isinstance(value, (bytes, np.ndarray)):
        return None
    return None if isinstance(value, float) and np.isnan(value) else value


_COLUMNS = {
    "wkt": ("wkt", "wkt_geom", "geometry", "geom", "the_geom", "도형"),
    "lat": ("lat", "latitude", "y", "위도", "북위"),
    "lon": ("lon", "long", "lng", "longitude", "x", "경도", "동경"),
    "both": (
        "coordinates",
        "coordinate",
        "coords",
        "latlon",
        "lat/lon",
        "lat, lon",
        "location",
        "position",
        "좌표",
    ),
    "mgrs": ("mgrs", "grid", "utm/mgrs", "군사좌표"),
    "name": (
        "name",
        "title",
        "place",
        "site",
        "site name",
        "label",
        "camp",
        "mine",
        "facility",
        "이름",
        "명칭",
        "시설명",
        "장소",
        "시설",
        "광산",
    ),
    "name_ko": ("name_ko", "korean name", "korean", "국문", "한글명"),
    "kind": ("kind", "type", "category", "종류", "유형"),
    "status": ("status", "state", "상태"),
    "source": ("source", "출처"),
    "accuracy_m": ("accuracy_m", "accuracy", "uncertainty", "정확도"),
    "note": ("note", "notes", "remark", "remarks", "비고"),
}
"""Headings by what they mean, as people write them."""
_MGRS = re.compile(r"\d{1,2}[C-HJ-NP-X]\s?[A-HJ-NP-Z]{2}\s?(?:\d\s?){4,10}", re.IGNORECASE)
_NUMBER = r"([-+]?\d{1,3}(?:[.,]\d+)?)"
_PART = r"(\d{1,2}(?:[.,]\d+)?)"
_DMS = re.compile(
    r"([NSEW북남동서])?[^\W\d]{0,2}\s*"
    + _NUMBER
    + r"\s*(?:°|º|˚|도|d|\s)\s*(?:"
    + _PART
    + r"\s*(?:['’′m분]|\s)\s*)?(?:"
    + _PART
    + r"\s*(\"|”|″|''|(?-i:s)|S(?=\s*[NSEW]$)|초)?)?\s*([NSEW])?",
    re.IGNORECASE,
)
"""A small s is seconds, a large one at the end is south."""
_LOWER_S, _MARKED = re.compile(r"\ds?\s*s\s*$"), re.compile(r"[°º˚'’′dm도분]")
_SOUTH_WEST = frozenset("SWsw남서")


def read_sheet(rows: Iterable[Sequence[object]], notices: list[str]) -> list[Candidate]:
    """Places of a table with a heading, a point each, or what a column of WKT says.

    Coordinates may be decimal, in degrees, minutes and seconds, or MGRS, in one column or two.

    Args:
        rows: cells, the heading first; blank rows before it are passed over.
        notices: takes what was left out.

    Raises:
        AoiError: where no heading names coordinates, or nothing has any.
    """
    lines = [[str(cell).strip() if cell is not None else "" for cell in row] for row in rows]
    lines = [line for line in lines if any(line)]
    if not lines:
        raise AoiError("the table is empty")
    heading, columns = next(
        (
            (k, named)
            for k, line in enumerate(lines[:HEADING_WITHIN])
            if {"lat", "lon"} <= set(named := _columns_of(line)) or {"both", "mgrs", "wkt"} & set(named)
        ),
        (0, {}),
    )
    if not columns:
        raise AoiError(
            "no column is called latitude and longitude, coordinates, MGRS or WKT (위도 and 경도, 좌표)"
        )
    if heading:
        notices.append(f"the heading is the row {' | '.join(cell for cell in lines[heading] if cell)[:80]}")
    _check_datum(lines[heading], columns)
    _tell_columns(lines[heading], columns, notices)
    if len(lines) - heading - 1 > MAX_FEATURES:
        raise AoiError(f"more than {MAX_FEATURES} rows; bring it in parts")
    found, left_out = [], []
    for number, line in enumerate(lines[heading + 1 :], start=1):
        cells = {what: line[at] for what, at in columns.items() if at < len(line) and line[at]}
        where = f"row {number}" + (f" ({cells['name'][:60]})" if cells.get("name") else "")
        try:
            geometry = _geometry(cells, where)
        except AoiError as error:
            left_out.append(f"{error}, left out")
            continue
        told: dict[str, Any] = {
            key: cells[key] for key in ("name_ko", "kind", "status", "source", "note") if key in cells
        }
        if any(char.isdigit() for char in cells.get("accuracy_m", "")):
            told |= {"accuracy_m": _metres(cells["accuracy_m"], where)}
        shape = ShapeReader(notices).read(geometry, where=where)
        folder = (cells["status"],) if "status" in cells else ()
        found.append(
            Candidate(where=where, geometry=shape, name=cells.get("name"), folder=folder, properties=told)
        )
    if not found:
        why = f" ({left_out[0].removesuffix(', left out')})" if left_out else ""
        raise AoiError(f"no row has coordinates that can be read{why}")
    notices += left_out
    return found


_OTHER_DATUM = re.compile(r"tokyo|bessel|pulkovo|krass?ov|1985|nad\s?27|ed\s?50|베셀|도쿄", re.IGNORECASE)


def _check_datum(heading: Sequence[str], columns: Mapping[str, int]) -> None:
    """Refuse coordinates whose heading says that they are on another datum than WGS 84."""
    said = [heading[at] for what, at in columns.items() if what in {"lat", "lon", "both"}]
    other = next((cell for cell in said if _OTHER_DATUM.search(cell)), None)
    if other is not None:
        raise AoiError(
            f"{other[:60]!r}: coordinates of a table must be on WGS 84, others are hundreds of metres off"
        )


def _tell_columns(heading: Sequence[str], columns: Mapping[str, int], notices: list[str]) -> None:
    """Say which columns were not taken over."""
    unknown = [cell[:40] for at, cell in enumerate(heading) if cell and at not in columns.values()]
    if unknown:
        notices.append(f"columns not taken over: {', '.join(unknown[:8])}{', …' if len(unknown) > 8 else ''}")  # noqa: PLR2004


_LENGTH = re.compile(r"(?:±|\+/-|~|<|≤|ca\.?)?\s*(\d+(?:[.,]\d+)?)\s*(km|m|meters?|metres?)?", re.IGNORECASE)
METRES_IN_KM = 1000.0


def _metres(text: str, where: str) -> float:
    """A length as people write it, in metres unless it says kilometres."""
    match = _LENGTH.fullmatch(text.strip())
    if match is None:
        raise AoiError(f"{where}: accuracy {text[:40]!r} is no length; write metres, as in 50")
    size = float(match[1].replace(",", "."))
    return size * METRES_IN_KM if (match[2] or "").lower() == "km" else size


_SEPARATOR = re.compile(r"\ufeff?sep=(.)\r?\n?", re.IGNORECASE)


def csv_rows(text: str) -> list[list[str]]:
    """Cells of a CSV text, whatever separates them.

    Raises:
        AoiError: where it is no table.
    """
    named = _SEPARATOR.match(text)  # as Excel writes it for itself
    text = text[named.end() :] if named else text
    try:
        separator = named[1] if named else csv.Sniffer().sniff(text[:10_000], delimiters=",;\t|").delimiter
    except csv.Error:
        separator = ","
    longest = csv.field_size_limit(LONGEST_CELL)
    try:
        return list(csv.reader(io.StringIO(text, newline=None), delimiter=separator))
    except csv.Error as error:
        raise AoiError(f"not a table ({error}); does a quotation mark stand alone?") from error
    finally:
        csv.field_size_limit(longest)


def read_workbook(data: bytes, notices: list[str]) -> list[Candidate]:
    """Places of every sheet of an Excel workbook that has coordinates; the others are told.

    Raises:
        AoiError: where no sheet has any, or it is no workbook.
    """
    found: dict[str, list[Candidate]] = {}
    refused: dict[str, AoiError] = {}
    for title, rows in _sheets(data):
        told: list[str] = []
        try:
            found[title] = read_sheet(rows, told)
        except AoiError as error:
            refused[title] = error
        notices += told
    if not found:
        raise next(iter(refused.values()), AoiError("the workbook is empty"))
    notices += [f"sheet {title!r}: {error}, left out" for title, error in refused.items()]
    if len(found) == 1:
        return next(iter(found.values()))
    return [
        replace(one, where=f"{title}, {one.where}", folder=(title, *one.folder))
        for title, members in found.items()
        for one in members
    ]


def _sheets(data: bytes) -> list[tuple[str, list[Sequence[object]]]]:
    """Title and cells of the sheets that hold any."""
    from openpyxl import load_workbook  # noqa: PLC0415 - a second, for those who bring Excel

    book = _asked(lambda: load_workbook(io.BytesIO(data), read_only=True, data_only=True))
    most = MAX_FEATURES + HEADING_WITHIN + 1
    read = _asked(lambda: [(str(one.title), list(islice(one.values, most))) for one in book.worksheets])
    return [(title, rows) for title, rows in read if any(any(c is not None for c in row) for row in rows)]


def _columns_of(heading: Sequence[str]) -> dict[str, int]:
    said = [" ".join(re.sub(r"\(.*?\)|[°_.:]", " ", cell).casefold().split()) for cell in heading]
    found: dict[str, int] = {}
    for what, words in _COLUMNS.items():
        plain = {word.replace("_", " ") for word in words}
        at = next((k for k, cell in enumerate(said) if cell in plain), None)
        if at is not None:
            found[what] = at
    return found


_WKT = re.compile(r"(?:SRID=(\d+);)?\s*([A-Z]+ ?(?:Z|M|ZM)?\s*(?:\(|EMPTY).*)", re.IGNORECASE | re.DOTALL)
WGS84 = "4326"


def _geometry(cells: dict[str, str], where: str) -> Mapping[str, Any]:
    """A place as GeoJSON: what a column of well-known text says, else the point of its coordinates."""
    text = cells.get("wkt", "")
    said = _WKT.fullmatch(text)
    if said is None and ("lat" in cells or "both" in cells or "mgrs" in cells or not text):
        lon, lat = _place(cells, where)
        return {"type": "Point", "coordinates": [lon, lat]}
    if said is None:
        raise AoiError(f"{where}: {text[:40]!r} is no well-known text (WKT)")
    if said[1] not in {None, WGS84}:
        raise AoiError(
            f"{where}: WKT of EPSG:{said[1]}; coordinates of a table must be on WGS 84 (EPSG:4326)"
        )
    try:
        found = shapely.from_wkt(said[2])
    except shapely.errors.ShapelyError as error:
        raise AoiError(f"{where}: {text[:40]!r} is no well-known text (WKT)") from error
    if found.is_empty:
        raise AoiError(f"{where}: no coordinates")
    return mapping(found)


def _place(cells: dict[str, str], where: str) -> tuple[float, float]:
    """(longitude, latitude) in degrees."""
    if "lat" in cells and "lon" in cells:
        for what, letters in (("lat", _EAST_WEST), ("lon", _NORTH_SOUTH)):
            if letters.search(cells[what]):
                raise AoiError(f"{where}: {cells[what][:40]!r} stands in the column of the other axis")
        return angle(cells["lon"], where), angle(cells["lat"], where)
    text = cells.get("mgrs") or cells.get("both") or ""
    if _MGRS.fullmatch(text.strip()):
        import mgrs  # noqa: PLC0415 - loads a library of its own

        try:
            lat, lon = mgrs.MGRS().toLatLon(re.sub(r"\s", "", text).upper())
        except Exception as error:
            raise AoiError(f"{where}: {text[:40]!r} is no place of MGRS") from error
        return float(lon), float(lat)
    pair = coordinate_pair(text)
    if pair is None:
        raise AoiError(f"{where}: no coordinates")
    return pair


_EAST_WEST = re.compile(r"(?<![A-Z])[EW](?![A-Z])|동경|서경", re.IGNORECASE)
_NORTH_SOUTH = re.compile(r"(?<![A-Z])N(?![A-Z])|북위|남위", re.IGNORECASE)
_NARROW = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}
"""Letters of East Asian typewriters, as wide as Hangul, to ours."""


def coordinate_pair(text: str) -> tuple[float, float] | None:
    """(longitude, latitude) of a text with both, latitude first unless it says otherwise; None where not."""
    plain = re.fullmatch(r"\s*([-+]?\d{1,3}\.\d+)\s*[,; ]\s*([-+]?\d{1,3}\.\d+)\s*", text)
    if plain is not None:
        lat, lon = float(plain[1]), float(plain[2])
        return (lon, lat) if abs(lat) <= RIGHT_ANGLE else (lat, lon)
    halves = re.split(r"(?<=[NSEWnsew])[\s,;]+|[,;]\s*|\s(?=[NSEW북남동서])", text.strip())
    parts = [half for half in halves if half and any(char.isdigit() for char in half)]
    if len(parts) != 2:  # noqa: PLR2004 - latitude and longitude
        return None
    try:
        one, two = (angle(part, "coordinates") for part in parts)
    except AoiError:
        return None
    east_first = bool(re.search(r"[EWew동서]", parts[0]))
    return (one, two) if east_first else (two, one)


HEADING_WITHIN = 10
"""Rows, of those that hold something, among which a table's heading is looked for: titles stand above it
(assumed)."""
RIGHT_ANGLE = 90.0
MINUTES = 60.0


def angle(text: str, where: str) -> float:
    """Degrees of a text: decimal, or degrees, minutes and seconds, with a sign or a letter.

    Raises:
        AoiError: where it is neither.
    """
    text = text.translate(_NARROW)
    plain = re.fullmatch(r"([NSEW])?\s*([-+]?\d{1,3}(?:[.,]\d+)?)\s*([NSEW])?", text.strip(), re.IGNORECASE)
    if plain is not None:
        size = float(plain[2].replace(",", "."))
        return -abs(size) if {plain[1], plain[3]} & _SOUTH_WEST else size
    match = _DMS.fullmatch(text.strip())
    if match is None:
        raise AoiError(f"{where}: {text[:40]!r} is no angle")
    if _LOWER_S.search(text) and not _MARKED.search(text):
        raise AoiError(f"{where}: {text[:40]!r} may mean seconds or south; write S, or a sign")
    degrees, minutes, seconds = (float((match[k] or "0").replace(",", ".")) for k in (2, 3, 4))
    if match[3] is None and match[5] is None:  # "39 34.2": a second number without a mark is minutes
        minutes, seconds = seconds, 0.0
    if minutes >= MINUTES or seconds >= MINUTES:
        raise AoiError(f"{where}: {text[:40]!r} has more than 59 minutes or seconds")
    size = abs(degrees) + minutes / MINUTES + seconds / MINUTES**2
    letters = {match[1] or "", match[6] or ""}
    return -size if match[2].startswith("-") or letters & _SOUTH_WEST else size
