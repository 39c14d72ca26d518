"""KML and KMZ as Google Earth writes them: folders, open paths, time spans, and no roles."""

from __future__ import annotations

import json
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from aoi.candidates import Candidate
from aoi.shapes import ShapeReader
from evidence.errors import AoiError
from evidence.limits import Limits

MAX_DEPTH = 50
MAX_ELEMENT_DEPTH = 200
PIECE_BYTES = 1 << 16
MOST_DIRECTORY_BYTES = 1_000_000
"""Of a KMZ's list of files: some ten thousand of them."""
GEOMETRIES = ("Point", "LineString", "LinearRing", "Polygon", "MultiGeometry")
NOT_READ = (
    "NetworkLink",
    "GroundOverlay",
    "PhotoOverlay",
    "ScreenOverlay",
    "Track",
    "MultiTrack",
    "Model",
    "Tour",
)
PLAIN = {"accuracy_m", "reported_area_km2", "aliases", "contested", "image", "extra", "derived", "accepted"}
"""Properties that are not text; our own KML holds them as JSON."""
_TIME = re.compile(r"(\d{4}(?:-\d{2}(?:-\d{2})?)?)(?:T.*)?", re.ASCII | re.DOTALL)


def read_kmz(data: bytes, notices: list[str], limits: Limits | None = None) -> list[Candidate]:
    """The features of the main document of a KMZ; photos and further files stay behind."""
    limits = limits or Limits()
    try:
        _check_directory(data)
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = [info for info in archive.infolist() if info.filename.lower().endswith(".kml")]
            if not names:
                raise AoiError("the KMZ holds no KML")
            main = min(names, key=lambda info: (info.filename.count("/"), info.filename.lower() != "doc.kml"))
            others = len(archive.infolist()) - 1
            with archive.open(main) as stream:
                root = xml_root(stream, limits)
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        OSError,
        ValueError,
        RuntimeError,
        NotImplementedError,
        EOFError,
    ) as error:
        raise AoiError(f"not a KMZ ({str(error)[:80]})") from error
    if others:
        notices.append(f"{others} further files in the KMZ (photos, icons) were not taken over")
    return _candidates(root, notices)


def _check_directory(data: bytes) -> None:
    """Refuse a zip archive whose list of files alone would take much memory."""
    end = data.rfind(b"PK\x05\x06", max(0, len(data) - 65_557))
    size = int.from_bytes(data[end + 12 : end + 16], "little") if end >= 0 else 0
    if size > MOST_DIRECTORY_BYTES:
        raise AoiError(f"the KMZ lists files in {size} bytes, more than {MOST_DIRECTORY_BYTES}")


class _Bounded(TreeBuilder):
    """A tree that is refused while it is being read, once it is larger than any site file."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self._limits = limits
        self._elements = self._characters = self._depth = 0
        self._coordinates = False

    def start(self, tag: Any, attrs: Any, /) -> Any:
        self._elements += 1 + len(attrs)
        self._depth += 1
        if self._elements > self._limits.site_file_elements:
            raise AoiError(f"more than {self._limits.site_file_elements} elements")
        if self._depth > MAX_ELEMENT_DEPTH:
            raise AoiError(f"elements are nested more than {MAX_ELEMENT_DEPTH} deep")
        self._coordinates = str(tag).endswith(("coordinates", "coord"))
        return super().start(tag, attrs)

    def end(self, tag: Any, /) -> Any:
        self._depth -= 1
        self._coordinates = False
        return super().end(tag)

    def data(self, text: Any, /) -> Any:
        if self._coordinates:
            self._characters += len(text)
            if self._characters > self._limits.site_file_coordinate_characters:
                raise AoiError(
                    f"more than {self._limits.site_file_coordinate_characters} characters of coordinates"
                )
        return super().data(text)


def xml_root(stream: IO[bytes], limits: Limits) -> Element:
    """The outermost element of a document that is read piece by piece and refused where it grows too large.

    Raises:
        AoiError: where it is no XML, names entities, or passes the limits.
    """
    parser, size = DefusedXMLParser(target=_Bounded(limits)), 0
    try:
        while piece := stream.read(PIECE_BYTES):
            size += len(piece)
            if size > limits.site_file_bytes:
                raise AoiError(f"larger than {limits.site_file_bytes / 1e6:.0f} MB once unpacked")
            parser.feed(piece)
        root: Element = parser.close()
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        raise AoiError(f"not KML ({str(error)[:80]})") from error
    return root


def read_kml(data: bytes, notices: list[str], limits: Limits | None = None) -> list[Candidate]:
    """The features of a KML document.

    Raises:
        AoiError: where it is not KML, or a feature has no certain meaning.
    """
    return _candidates(xml_root(BytesIO(data), limits or Limits()), notices)


def _candidates(root: Element, notices: list[str]) -> list[Candidate]:
    ignored = sorted({_tag(e) for e in root.iter() if _tag(e) in NOT_READ})
    if ignored:
        notices.append(f"not taken over: {', '.join(ignored)}")
    reader = ShapeReader(notices)
    marks = list(_placemarks(root, (), 0))
    if not marks:
        raise AoiError("the KML holds no placemarks")
    return [_candidate(mark, folder, n, reader) for n, (mark, folder) in enumerate(marks, start=1)]


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _child(element: Element, name: str) -> Element | None:
    return next((child for child in element if _tag(child) == name), None)


def _text(element: Element | None) -> str | None:
    text = None if element is None else "".join(element.itertext()).strip()
    return text or None


def _placemarks(
    element: Element, folder: tuple[str, ...], depth: int
) -> Iterator[tuple[Element, tuple[str, ...]]]:
    if depth > MAX_DEPTH:
        raise AoiError(f"folders are nested more than {MAX_DEPTH} deep")
    for child in element:
        if _tag(child) == "Placemark":
            yield child, folder
        elif _tag(child) in {"Document", "Folder"}:
            name = _text(_child(child, "name"))
            inner = (*folder, name) if name and _tag(child) == "Folder" else folder
            yield from _placemarks(child, inner, depth + 1)


def _candidate(mark: Element, folder: tuple[str, ...], number: int, reader: ShapeReader) -> Candidate:
    name = _text(_child(mark, "name"))
    shown = " ".join((name or "").split())[:60]
    where = f"placemark {number} ({shown})" if shown else f"placemark {number}"
    geometry = next((child for child in mark if _tag(child) in GEOMETRIES), None)
    if geometry is None:
        raise AoiError(f"{where}: there is no geometry")
    begin, end = _span(mark)
    return Candidate(
        where=where,
        geometry=reader.read(_geojson(geometry, where, 0), where=where),
        name=name,
        folder=folder,
        begin=begin,
        end=end,
        properties=_properties(mark, where),
    )


def _span(mark: Element) -> tuple[str | None, str | None]:
    """Begin and end from a TimeSpan; begin from a TimeStamp."""
    span, stamp = _child(mark, "TimeSpan"), _child(mark, "TimeStamp")
    texts: list[str | None] = [None, None]
    if span is not None:
        texts = [_text(_child(span, "begin")), _text(_child(span, "end"))]
    elif stamp is not None:
        texts = [_text(_child(stamp, "when")), None]
    matches = [_TIME.fullmatch(text) if text else None for text in texts]
    begin, end = (match[1] if match else None for match in matches)
    return begin, end


def _properties(mark: Element, where: str) -> dict[str, Any]:
    """Extended data, description, and the names of what else there is."""
    found: dict[str, Any] = {}
    for element in mark.iter():
        if _tag(element) in {"Data", "SimpleData"} and element.get("name"):
            value = _text(_child(element, "value")) if _tag(element) == "Data" else _text(element)
            if value is not None:
                found[str(element.get("name"))] = _plain(str(element.get("name")), value, where)
    for child in mark:
        if _tag(child) in {"description", "snippet", "Snippet", "address", "phoneNumber", "Carousel"}:
            found.setdefault(_tag(child), _text(child))
    return found


def _plain(name: str, value: str, where: str) -> Any:
    if name not in PLAIN:
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise AoiError(f"{where}: {name} {value[:40]!r} is not a plain value") from error


def _coordinates(element: Element, where: str) -> list[list[float]]:
    text = _text(_child(element, "coordinates"))
    if text is None:
        raise AoiError(f"{where}: there are no coordinates")
    try:
        tuples = re.sub(r"\s*,\s*", ",", text).split()
        return [[float(number) for number in position.split(",") if number] for position in tuples]
    except ValueError as error:
        raise AoiError(f"{where}: a coordinate is not a number") from error


def _geojson(element: Element, where: str, depth: int) -> dict[str, Any]:
    """A KML geometry as GeoJSON; a ring drawn as an outline is its polygon."""
    if depth > MAX_DEPTH:
        raise AoiError(f"{where}: geometries are nested more than {MAX_DEPTH} deep")
    kind = _tag(element)
    if kind == "MultiGeometry":
        members = [_geojson(child, where, depth + 1) for child in element if _tag(child) in GEOMETRIES]
        return {"type": "GeometryCollection", "geometries": members}
    if kind == "Polygon":
        return {"type": "Polygon", "coordinates": _rings(element, where)}
    positions = _coordinates(element, where)
    if kind == "Point":
        return {"type": "Point", "coordinates": positions[0] if positions else []}
    if kind == "LinearRing":
        return {"type": "Polygon", "coordinates": [positions]}
    return {"type": "LineString", "coordinates": positions}


def _rings(element: Element, where: str) -> list[list[list[float]]]:
    outer: list[list[list[float]]] = []
    inner: list[list[list[float]]] = []
    for side in element:
        if _tag(side) in {"outerBoundaryIs", "innerBoundaryIs"}:
            rings = [_coordinates(ring, where) for ring in side if _tag(ring) == "LinearRing"]
            (outer if _tag(side) == "outerBoundaryIs" else inner).extend(rings)
    if len(outer) != 1:
        raise AoiError(f"{where}: a polygon with {len(outer)} outlines")
    return outer + inner
