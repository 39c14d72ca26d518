"""Any file that analysts bring, as candidates: GeoJSON, KML, KMZ, GeoPackage, Shapefile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aoi.candidates import Candidate
from aoi.features import Feature
from aoi.kml import read_kml, read_kmz
from aoi.site_file import checked_features, file_bytes, json_document
from aoi.tables import read_table
from evidence.errors import AoiError
from evidence.limits import Limits

ZIP, SQLITE, SHAPEFILE = b"PK\x03\x04", b"SQLite format 3\x00", b"\x00\x00\x27\x0a"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
FORMATS = "GeoJSON, KML, KMZ, GeoPackage, Shapefile"


def read_candidates(path: Path, notices: list[str], limits: Limits | None = None) -> list[Candidate]:
    """The features of a file, recognised by its content.

    Args:
        path: the file.
        notices: takes what was repaired or left out.
        limits: of what is read; by default those of 2 GB of memory.

    Raises:
        AoiError: one line that names the file, the feature and the reason.
    """
    try:
        return _read(path, file_bytes(path, limits), notices, limits or Limits())
    except AoiError as error:
        text = str(error)
        raise AoiError(text if text.startswith(path.name) else f"{path.name}: {text}") from error


def _read(path: Path, data: bytes, notices: list[str], limits: Limits) -> list[Candidate]:
    start = data.removeprefix(BYTE_ORDER_MARK).lstrip()[:1]
    if data.startswith(ZIP):
        return read_kmz(data, notices, limits)
    if data.startswith((SQLITE, SHAPEFILE)):
        return read_table(path, notices, limits)
    if start == b"<" or data.startswith((b"\xff\xfe<", b"\xfe\xff\x00<")):
        return read_kml(data, notices, limits)
    if start in {b"{", b"["}:
        document = json_document(data, name=path.name, limits=limits)
        return [_candidate(feature) for feature in checked_features(document, notices)]
    if not data.strip():
        raise AoiError("the file is empty")
    raise AoiError(f"not a format that can be read ({FORMATS})")


def _candidate(feature: Feature) -> Candidate:
    name: Any = feature.properties.get("name") or feature.properties.get("Name")
    return Candidate(
        where=feature.where,
        geometry=feature.geometry,
        name=name if isinstance(name, str) else None,
        properties=feature.properties,
    )
