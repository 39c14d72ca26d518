"""Sites for others: KMZ for Google Earth, GeoJSON for all; restricted parts stay home unless asked for."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

from lxml import etree
from shapely import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from aoi.edtf import parse_date
from aoi.geodesy import parts
from aoi.readers.kml import PLAIN
from aoi.records import Boundary, PublishedPoint, Sensitivity, Site, Zone
from aoi.site_file import site_document, site_text
from evidence.files import write_bytes, write_text

KML = "http://www.opengis.net/kml/2.2"
NAMESPACES: Any = {None: KML}
FIRST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
"""The same site makes the same file: no clock in the archive."""
COLOURS = {"aoi": "ff00a5ff", "boundary": "ff0000ff", "zone": "ffff7800", "point": "ffffffff"}
"""aabbggrr."""
LABELS = {
    "aoi": "Ordering boxes (no boundaries)",
    "boundary": "Boundaries",
    "zone": "Zones",
    "point": "Points",
}


def public_part(site: Site) -> Site:
    """The site with what is marked public; the aoi stays, being what makes it a site."""
    public = Sensitivity.PUBLIC
    return replace(
        site,
        boundaries=tuple(b for b in site.boundaries if b.sensitivity is public),
        zones=tuple(z for z in site.zones if z.sensitivity is public),
        points=tuple(p for p in site.points if p.sensitivity is public),
    )


def export_geojson(path: Path, site: Site, *, restricted: bool = False) -> None:
    """Write the site as GeoJSON, by default only what is public."""
    write_text(path, site_text(site if restricted else public_part(site)))


def export_kmz(path: Path, sites: Sequence[Site], *, restricted: bool = False) -> None:
    """Write sites as one KMZ, a folder per site and role, by default only what is public."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo("doc.kml", FIRST_ZIP_DATE)
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, kml_bytes([site if restricted else public_part(site) for site in sites]))
    write_bytes(path, buffer.getvalue())


def kml_bytes(sites: Sequence[Site]) -> bytes:
    """The sites as a KML document."""
    root = etree.Element(f"{{{KML}}}kml", nsmap=NAMESPACES)
    document = _add(root, "Document")
    for role, colour in COLOURS.items():
        style = _add(document, "Style", id=role)
        _add(_add(style, "LineStyle"), "color", colour)
        _add(_add(style, "PolyStyle"), "fill", "0")
    for site in sites:
        _folder(document, site)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def _add(parent: Any, tag: str, text: str | None = None, **attributes: str) -> Any:
    element = etree.SubElement(parent, f"{{{KML}}}{tag}", attributes)
    if text is not None:
        element.text = "".join(char if _xml_can_hold(char) else "\N{REPLACEMENT CHARACTER}" for char in text)
    return element


def _xml_can_hold(char: str) -> bool:
    code = ord(char)
    return code in {0x9, 0xA, 0xD} or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000  # noqa: PLR2004 - XML 1.0's Char


def _folder(document: Any, site: Site) -> None:
    folder = _add(document, "Folder")
    _add(folder, "name", site.name)
    features = site_document(site)["features"]
    records: tuple[Boundary | Zone | PublishedPoint, ...] = (*site.boundaries, *site.zones, *site.points)
    shapes = (site.aoi, *(record.geometry for record in records))
    for role, label in LABELS.items():
        of_role = [(f, g) for f, g in zip(features, shapes, strict=True) if f["properties"]["role"] == role]
        if of_role:
            inner = _add(folder, "Folder")
            _add(inner, "name", label)
            for feature, geometry in of_role:
                _placemark(inner, feature["properties"], geometry)


def _placemark(folder: Any, properties: Mapping[str, Any], geometry: BaseGeometry) -> None:
    mark = _add(folder, "Placemark")
    name = properties.get("boundary_id") or properties.get("name") or properties.get("id")
    _add(mark, "name", str(name))
    if properties["role"] == "boundary":
        _time(mark, properties)
    _add(mark, "styleUrl", f"#{properties['role']}")
    data = _add(mark, "ExtendedData")
    for key, value in properties.items():
        text = json.dumps(value, ensure_ascii=False) if key in PLAIN else str(value)
        _add(_add(data, "Data", name=key), "value", text)
    _geometry(mark, geometry)


def _time(mark: Any, properties: Mapping[str, Any]) -> None:
    """A time span of whole days: KML knows no half-known dates."""
    span = _add(mark, "TimeSpan")
    _add(span, "begin", parse_date(properties["valid_from"]).earliest.isoformat())
    if "valid_to" in properties:
        _add(span, "end", parse_date(properties["valid_to"]).earliest.isoformat())


def _geometry(parent: Any, geometry: BaseGeometry) -> None:
    simple = list(parts(geometry))
    target = parent if len(simple) == 1 else _add(parent, "MultiGeometry")
    for part in simple:
        if isinstance(part, Polygon):
            polygon = _add(target, "Polygon")
            _ring(_add(polygon, "outerBoundaryIs"), part.exterior)
            for hole in part.interiors:
                _ring(_add(polygon, "innerBoundaryIs"), hole)
        else:
            shape = _add(target, "Point" if isinstance(part, Point) else "LineString")
            _add(shape, "coordinates", _positions(part))


def _ring(side: Any, ring: LineString) -> None:
    _add(_add(side, "LinearRing"), "coordinates", _positions(ring))


def _positions(geometry: BaseGeometry) -> str:
    return " ".join(f"{lon!r},{lat!r}" for lon, lat, *_ in geometry.coords)
