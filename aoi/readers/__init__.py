"""Any file that analysts bring, as candidates: GeoJSON, KML, tables of GIS, CSV, Excel, zipped."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from aoi.features import Feature
from aoi.readers.candidates import Candidate, name_of, why_none
from aoi.readers.kml import is_mac_fork, read_kml, read_kmz, unpacking, zip_archive
from aoi.readers.tables import csv_rows, read_sheet, read_table, read_workbook
from aoi.readers.text import decoded
from aoi.site_file import checked_features, file_bytes, json_document
from evidence.errors import AoiError
from evidence.files import path_component
from evidence.limits import Limits

ZIP, SQLITE, SHAPEFILE = b"PK\x03\x04", b"SQLite format 3\x00", b"\x00\x00\x27\x0a"
OLD_OFFICE = b"\xd0\xcf\x11\xe0"
FLATGEOBUF, MAPINFO = b"fgb\x03fgb", b"!table"
GPX = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<gpx[\s>]", re.DOTALL)
FORMATS = "GeoJSON, KML, KMZ, GeoPackage, Shapefile, FlatGeobuf, GPX, MapInfo, CSV, Excel"
SHEETS = (".csv", ".tsv")
_SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


def read_candidates(
    path: Path, notices: list[str], limits: Limits | None = None, *, encoding: str | None = None
) -> list[Candidate]:
    """The features of a file, recognised by its content.

    Args:
        path: the file.
        notices: takes what was repaired or left out.
        limits: of what is read; by default those of 2 GB of memory.
        encoding: of its texts, where the file does not say it and it is neither UTF-8 nor Korean.

    Raises:
        AoiError: one line that names the file, the feature and the reason.
    """
    limits = limits or Limits()
    try:
        return _read(path, file_bytes(path, limits), notices, limits, encoding)
    except AoiError as error:
        text = str(error)
        raise AoiError(text if text.startswith(path.name) else f"{path.name}: {text}") from error


def _read(
    path: Path, data: bytes, notices: list[str], limits: Limits, encoding: str | None
) -> list[Candidate]:
    if data.startswith(ZIP) and path.suffix.lower() == ".kmz":
        return read_kmz(data, notices, limits, encoding=encoding)
    if data.startswith(ZIP):
        return _read_zip(data, notices, limits, encoding)
    if data.startswith((SQLITE, SHAPEFILE, FLATGEOBUF)) or _is_gpx(path, data) or _is_mapinfo(path, data):
        return read_table(path, notices, limits, encoding=encoding)
    if not data.strip():
        raise AoiError("the file is empty")
    head = data.lstrip(b"\xef\xbb\xbf\xff\xfe\x00\x1e \t\r\n")[:1]
    if head == b"<":
        return read_kml(data, notices, limits, encoding=encoding)
    if head in {b"{", b"["}:
        text = decoded(data, notices, encoding=encoding)
        if lines := _features_by_line(text):
            text = lines
        document = json_document(text.encode("utf-8", "surrogatepass"), name=path.name, limits=limits)
        return _of_geojson(document, notices)
    if data.startswith(OLD_OFFICE):
        raise AoiError("a file of Excel before 2007: save it as .xlsx or CSV")
    if path.suffix.lower() in SHEETS:
        return read_sheet(csv_rows(decoded(data, notices, encoding=encoding)), notices)
    raise AoiError(f"not a format that can be read ({FORMATS})")


def _features_by_line(text: str) -> str | None:
    """A file with one feature in each line as one collection; None for any other."""
    lines = [line.strip("\x1e \t\r") for line in text.splitlines()]
    full = [line for line in lines if line]
    if len(full) < 2 or not all(line.startswith("{") and line.endswith("}") for line in full):  # noqa: PLR2004
        return None
    return f'{{"type":"FeatureCollection","features":[{",".join(full)}]}}'


def _is_gpx(path: Path, data: bytes) -> bool:
    return path.suffix.lower() == ".gpx" and GPX.match(data.lstrip(b"\xef\xbb\xbf")) is not None


def _is_mapinfo(path: Path, data: bytes) -> bool:
    return path.suffix.lower() == ".tab" and data.lower().startswith(MAPINFO)


def _of_geojson(document: Any, notices: list[str]) -> list[Candidate]:
    found = [_candidate(feature) for feature in checked_features(document, notices, skip_empty=True)]
    if not found:
        raise AoiError(f"there are no features with a geometry{why_none(notices)}")
    return found


def _candidate(feature: Feature) -> Candidate:
    return Candidate(
        where=feature.where,
        geometry=feature.geometry,
        name=name_of(feature.properties),
        properties=feature.properties,
    )


def _read_zip(data: bytes, notices: list[str], limits: Limits, encoding: str | None) -> list[Candidate]:
    """A KMZ, an Excel workbook, or an archive of any file that is read by itself."""
    with zip_archive(data) as archive:
        members = [m for m in archive.infolist() if not m.is_dir() and not is_mac_fork(m.filename)]
    suffixes = {PurePosixPath(member.filename).suffix.lower() for member in members}
    if any(member.filename == "xl/workbook.xml" for member in members):
        if sum(member.file_size for member in members) > limits.site_file_bytes:
            raise AoiError(f"larger than {limits.site_file_bytes / 1e6:.0f} MB once unpacked")
        return read_workbook(data, notices)
    if ".kml" in suffixes and ".shp" not in suffixes:
        return read_kmz(data, notices, limits, encoding=encoding)
    readable = (".shp", ".gpkg", ".geojson", ".json", ".kml", ".kmz", *SHEETS)
    wanted = [m for m in members if PurePosixPath(m.filename).suffix.lower() in readable]
    if not wanted:
        raise AoiError(f"the archive holds nothing that can be read ({FORMATS})")
    with tempfile.TemporaryDirectory() as folder:
        return _unpacked(data, wanted, members, Path(folder), notices, limits, encoding)


def _unpacked(
    data: bytes,
    wanted: Sequence[zipfile.ZipInfo],
    members: Sequence[zipfile.ZipInfo],
    folder: Path,
    notices: list[str],
    limits: Limits,
    encoding: str | None,
) -> list[Candidate]:
    """The features of some members, each unpacked below `folder` under a name of our own."""
    left = limits.site_file_bytes
    found: list[Candidate] = []
    for number, main in enumerate(wanted):
        stem = str(PurePosixPath(main.filename).with_suffix("")).lower()
        beside = [
            m
            for m in members
            if m is main
            or (
                PurePosixPath(main.filename).suffix.lower() == ".shp"
                and str(PurePosixPath(m.filename).with_suffix("")).lower() == stem
                and PurePosixPath(m.filename).suffix.lower() in _SHAPEFILE_PARTS
            )
        ]
        name = path_component(PurePosixPath(main.filename).stem, default=f"file-{number}")
        for member in beside:
            target = folder / f"{number}" / f"{name}{PurePosixPath(member.filename).suffix.lower()}"
            target.parent.mkdir(exist_ok=True)
            with zip_archive(data) as archive, unpacking(), archive.open(member) as stream:
                body = stream.read(left + 1)
            left -= len(body)
            if left < 0:
                raise AoiError(f"larger than {limits.site_file_bytes / 1e6:.0f} MB once unpacked")
            target.write_bytes(body)
        path = folder / f"{number}" / f"{name}{PurePosixPath(main.filename).suffix.lower()}"
        body = path.read_bytes()
        if body.startswith(ZIP):
            raise AoiError("the archive holds a further archive; unpack it first")
        found += _read(path, body, notices, limits, encoding)
    return found
