"""KML and KMZ as Google Earth writes them: folders, open paths, time spans, and no roles."""

from __future__ import annotations

import json
import lzma
import re
import zipfile
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from aoi.readers.candidates import Candidate, by_kind, why_none
from aoi.readers.text import mended_xml
from aoi.shapes import ShapeReader
from evidence.errors import AoiError
from evidence.limits import Limits

MAX_DEPTH = 50
MAX_ELEMENT_DEPTH = 200
PIECE_BYTES = 1 << 16
MOST_DIRECTORY_BYTES = 1_000_000
"""Of a KMZ's list of files: some ten thousand of them."""
COLLECTIONS = ("MultiGeometry", "MultiPolygon", "MultiLineString", "MultiPoint", "MultiTrack")
"""The standard knows the first and the last; programs write the others."""
GEOMETRIES = ("Point", "LineString", "LinearRing", "Polygon", "Track", *COLLECTIONS)
NOT_READ = (
    "GroundOverlay",
    "PhotoOverlay",
    "ScreenOverlay",
    "Model",
    "Tour",
)
PLAIN = {"accuracy_m", "reported_area_km2", "aliases", "contested", "image", "extra", "derived", "accepted"}
"""Properties that are not text; our own KML holds them as JSON."""
_TIME = re.compile(r"(\d{4}(?:-\d{2}(?:-\d{2})?)?)(?:T.*)?", re.ASCII | re.DOTALL)


def read_kmz(
    data: bytes, notices: list[str], limits: Limits | None = None, *, encoding: str | None = None
) -> list[Candidate]:
    """The features of every KML document in a KMZ; photos and what a Mac adds stay behind.

    Links between documents lead to what is read anyway: each document is read once.

    Raises:
        AoiError: where it is no archive, or holds no placemarks.
    """
    limits = limits or Limits()
    with zip_archive(data) as archive:
        members = [
            info for info in archive.infolist() if not info.is_dir() and not is_mac_fork(info.filename)
        ]
        documents = [info for info in members if info.filename.lower().endswith(".kml")]
        if not documents:
            raise AoiError("the KMZ holds no KML")
        documents.sort(key=lambda info: (info.filename.count("/"), info.filename.lower() != "doc.kml"))
        bodies = _bodies(archive, documents, limits)
    others = len(members) - len(documents)
    if others:
        notices.append(f"{others} further files in the KMZ (photos, icons) were not taken over")
    found: list[Candidate] = []
    instead = ""
    inside = {info.filename for info in documents}
    for info, body in zip(documents, bodies, strict=True):
        root = xml_root(BytesIO(mended_xml(body, notices, encoding=encoding)), limits)
        folder = () if len(documents) == 1 else (PurePosixPath(info.filename).stem,)
        found += _candidates(root, notices, folder=folder, first=len(found) + 1, inside=inside)
        instead = instead or _instead(root)
    if not found:
        raise AoiError(f"the KMZ holds no placemarks with a geometry{instead or why_none(notices)}")
    return found


def _bodies(archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], limits: Limits) -> list[bytes]:
    """The documents' bytes, together within the limit."""
    left, bodies = limits.site_file_bytes, []
    for info in members:
        with unpacking(), archive.open(info) as stream:
            body = stream.read(left + 1)
        left -= len(body)
        if left < 0:
            raise AoiError(f"larger than {limits.site_file_bytes / 1e6:.0f} MB once unpacked")
        bodies.append(body)
    return bodies


def is_mac_fork(name: str) -> bool:
    """Whether a member of an archive is what a Mac adds beside a file."""
    parts = name.split("/")
    return parts[0] == "__MACOSX" or parts[-1].startswith("._")


@contextmanager
def unpacking() -> Iterator[None]:
    """Turns what the zip library raises into one line."""
    try:
        yield
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
        raise AoiError(f"not a KMZ or other archive ({str(error)[:80]})") from error


@contextmanager
def zip_archive(data: bytes) -> Iterator[zipfile.ZipFile]:
    """An archive whose list of files is of a reasonable length."""
    _check_directory(data)
    with unpacking():
        archive = zipfile.ZipFile(BytesIO(data))
    with archive:
        yield archive


def _check_directory(data: bytes) -> None:
    """Refuse a zip archive whose list of files alone would take much memory."""
    end = data.rfind(b"PK\x05\x06", max(0, len(data) - 65_557))
    size = int.from_bytes(data[end + 12 : end + 16], "little") if end >= 0 else 0
    if size > MOST_DIRECTORY_BYTES:
        raise AoiError(f"the archive lists files in {size} bytes, more than {MOST_DIRECTORY_BYTES}")


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


def read_kml(
    data: bytes, notices: list[str], limits: Limits | None = None, *, encoding: str | None = None
) -> list[Candidate]:
    """The features of a KML document.

    Raises:
        AoiError: where it is not KML, or holds nothing with a place.
    """
    limits = limits or Limits()
    root = xml_root(BytesIO(mended_xml(data, notices, encoding=encoding)), limits)
    found = _candidates(root, notices)
    if not found:
        raise AoiError(f"the KML holds no placemarks with a geometry{_instead(root) or why_none(notices)}")
    return found


def _instead(root: Element) -> str:
    """What a document without placemarks holds, and what to do."""
    held = {_tag(element) for element in root.iter()}
    if "html" in {tag.lower() for tag in held}:
        return ": it is a web page, perhaps of a sign-in; download the file itself"
    if "NetworkLink" in held:
        return ", only a link to another file: open it in Google Earth and save the places themselves as KMZ"
    if held & set(NOT_READ):
        return f", only {', '.join(sorted(held & set(NOT_READ)))}: trace outlines on it and save those"
    return ""


def _candidates(
    root: Element,
    notices: list[str],
    *,
    folder: tuple[str, ...] = (),
    first: int = 1,
    inside: Collection[str] = (),
) -> list[Candidate]:
    ignored = sorted({_tag(e) for e in root.iter() if _tag(e) in NOT_READ})
    if ignored:
        notices.append(f"not taken over: {', '.join(ignored)}")
    notices += _links_outside(root, inside)
    reader = ShapeReader(notices)
    found: list[Candidate] = []
    for number, mark in enumerate(_placemarks(root, _Context(folder=folder), 0), start=first):
        found += _read_mark(mark, number, reader, notices)
    return found


def _links_outside(root: Element, inside: Collection[str]) -> list[str]:
    """A notice for each link that leads out of the file."""
    found = [element for element in root.iter() if _tag(element) == "NetworkLink"]
    links = [_text(_child(link, "href")) for e in found for link in e if _tag(link) in {"Link", "Url"}]
    known = {PurePosixPath(name).name for name in inside}
    outside = sorted({link for link in links if link and PurePosixPath(link).name not in known})
    bare = ["not taken over: NetworkLink without an address"] if len(found) > len(links) else []
    return bare + [f"not taken over: NetworkLink to {link[:80]}" for link in outside]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Context:
    """What a placemark takes from the folders around it."""

    folder: tuple[str, ...] = ()
    begin: str | None = None
    end: str | None = None

    def within(self, element: Element) -> _Context:
        """The same inside a folder."""
        begin, end = _span(element)
        name = _text(_child(element, "name")) if _tag(element) == "Folder" else None
        return _Context(
            folder=(*self.folder, name) if name else self.folder,
            begin=begin or self.begin,
            end=end or self.end,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """One placemark and what it inherits."""

    element: Element
    context: _Context


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _child(element: Element, name: str) -> Element | None:
    return next((child for child in element if _tag(child) == name), None)


def _text(element: Element | None) -> str | None:
    text = None if element is None else "".join(element.itertext()).strip()
    return text or None


def _placemarks(element: Element, context: _Context, depth: int) -> Iterator[_Mark]:
    if depth > MAX_DEPTH:
        raise AoiError(f"folders are nested more than {MAX_DEPTH} deep")
    for child in element:
        if _tag(child) == "Placemark":
            yield _Mark(element=child, context=context.within(child))
        elif _tag(child) in {"Document", "Folder"}:
            yield from _placemarks(child, context.within(child), depth + 1)


def _read_mark(mark: _Mark, number: int, reader: ShapeReader, notices: list[str]) -> list[Candidate]:
    """What one placemark says: one feature, one per kind of geometry, or none with a notice."""
    name = _text(_child(mark.element, "name"))
    shown = " ".join((name or "").split())[:60]
    where = f"placemark {number} ({shown})" if shown else f"placemark {number}"
    geometry = next((child for child in mark.element if _tag(child) in GEOMETRIES), None)
    read = None if geometry is None else _geojson(geometry, where, 0)
    if read is None or geometry is None:
        notices.append(f"{where}: no geometry, left out")
        return []
    track = _track_days(geometry)
    return [
        Candidate(
            where=where,
            geometry=shape,
            name=name,
            folder=mark.context.folder,
            begin=mark.context.begin or track[0],
            end=mark.context.end or track[1],
            properties=_properties(mark.element, where),
        )
        for part in by_kind(read, where, notices)
        if (shape := reader.read_or_tell(part, where=where)) is not None
    ]


def _track_days(geometry: Element) -> tuple[str | None, str | None]:
    """First and last day of a track; none for other geometry."""
    if _tag(geometry) not in {"Track", "MultiTrack"}:
        return None, None
    days = [_day(_text(element)) for element in geometry.iter() if _tag(element) == "when"]
    known = sorted(day for day in days if day)
    return (known[0], known[-1]) if known else (None, None)


def _day(text: str | None) -> str | None:
    match = _TIME.fullmatch(text) if text else None
    return match[1] if match else None


def _span(element: Element) -> tuple[str | None, str | None]:
    """Begin and end from a TimeSpan; begin from a TimeStamp."""
    span, stamp = _child(element, "TimeSpan"), _child(element, "TimeStamp")
    if span is not None:
        return _day(_text(_child(span, "begin"))), _day(_text(_child(span, "end")))
    return (None, None) if stamp is None else (_day(_text(_child(stamp, "when"))), None)


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
    """Positions of a geometry; none where there are none."""
    text = _text(_child(element, "coordinates"))
    if text is None:
        return []
    try:
        tuples = re.sub(r"\s*,\s*", ",", text).split()
        return [[float(number) for number in position.split(",") if number] for position in tuples]
    except ValueError as error:
        raise AoiError(f"{where}: a coordinate is not a number") from error


def _geojson(element: Element, where: str, depth: int) -> dict[str, Any] | None:
    """A KML geometry as GeoJSON, None where it is empty; a ring drawn as an outline is its polygon."""
    if depth > MAX_DEPTH:
        raise AoiError(f"{where}: geometries are nested more than {MAX_DEPTH} deep")
    kind = _tag(element)
    if kind in COLLECTIONS:
        members = [_geojson(child, where, depth + 1) for child in element if _tag(child) in GEOMETRIES]
        full = [member for member in members if member is not None]
        return {"type": "GeometryCollection", "geometries": full} if full else None
    if kind == "Polygon":
        rings = _rings(element, where)
        return {"type": "Polygon", "coordinates": rings} if rings else None
    if kind == "Track":
        coords = [_text(child) or "" for child in element if _tag(child) == "coord"]
        positions = [[float(number) for number in coord.split()] for coord in coords if coord]
    else:
        positions = _coordinates(element, where)
    if not positions:
        return None
    if kind == "Point" or (kind == "Track" and len(positions) == 1):
        return {"type": "Point", "coordinates": positions[0]}
    if kind == "LinearRing":
        return {"type": "Polygon", "coordinates": [positions]}
    return {"type": "LineString", "coordinates": positions}


def _rings(element: Element, where: str) -> list[list[list[float]]]:
    outer: list[list[list[float]]] = []
    inner: list[list[list[float]]] = []
    for side in element:
        if _tag(side) in {"outerBoundaryIs", "innerBoundaryIs"}:
            drawn = [_coordinates(ring, where) for ring in side if _tag(ring) == "LinearRing"]
            rings = [ring for ring in drawn if ring]
            (outer if _tag(side) == "outerBoundaryIs" else inner).extend(rings)
    if not outer:
        return []
    if len(outer) != 1:
        raise AoiError(f"{where}: a polygon with {len(outer)} outlines")
    return outer + inner
