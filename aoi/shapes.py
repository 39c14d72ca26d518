"""From GeoJSON geometry, as anybody writes it, to shapely geometry in EPSG:4326 whose meaning is certain."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import shapely
from shapely import LineString, MultiLineString, MultiPolygon, Point, Polygon, box
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from aoi import rings
from aoi.geodesy import WIDEST_SITE_DEG, parts
from aoi.rings import Position, TooSmallError
from evidence.errors import AoiError

Projector = Callable[[float, float], Position]
MAX_DEPTH = 8


def _number(value: Any, where: str) -> float:
    if isinstance(value, str):
        raise AoiError(f"{where}: the coordinate {value[:30]!r} is text, not a number")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise AoiError(f"{where}: a coordinate is {type(value).__name__}, not a number")
    try:
        number = float(value)
    except OverflowError as error:
        raise AoiError(f"{where}: a coordinate has {len(str(value))} digits") from error
    if not math.isfinite(number):
        raise AoiError(f"{where}: a coordinate is {number}")
    return number


def _in_range(lon: float, lat: float, where: str) -> Position:
    if abs(lat) > 90.0:  # noqa: PLR2004 - a pole
        swapped = " (are latitude and longitude swapped?)" if abs(lon) <= 90.0 and abs(lat) <= 180.0 else ""  # noqa: PLR2004
        raise AoiError(f"{where}: latitude {lat:g} is out of range{swapped}")
    if abs(lon) > 360.0:  # noqa: PLR2004 - once round
        raise AoiError(f"{where}: longitude {lon:g} is out of range")
    return lon, lat


class ShapeReader:
    """Reads the geometries of one file; collects what it repaired.

    Args:
        notices: where repairs are told.
        project: from the file's coordinates to degrees, where the file is not in EPSG:4326.
    """

    def __init__(self, notices: list[str], *, project: Projector | None = None) -> None:  # noqa: D107
        self.notices = notices
        self.project = project

    def read(self, geometry: Any, *, where: str, depth: int = 0) -> BaseGeometry:
        """A valid shapely geometry from a GeoJSON geometry object.

        Raises:
            AoiError: where there is none, or more than one way to read it.
        """
        if not isinstance(geometry, Mapping):
            raise AoiError(f"{where}: there is no geometry")
        kind = geometry.get("type")
        if kind == "GeometryCollection":
            return self._collection(geometry.get("geometries"), where, depth)
        readers: dict[Any, Callable[[Any, str], BaseGeometry]] = {
            "Point": self._point,
            "LineString": self._line,
            "MultiLineString": self._lines,
            "Polygon": self._polygon,
            "MultiPolygon": self._polygons,
            "MultiPoint": self._single_point,
        }
        if not isinstance(kind, str) or kind not in readers:
            raise AoiError(f"{where}: geometry type {str(kind)[:40]!r} is not known")
        return readers[kind](geometry.get("coordinates"), where)

    def read_or_tell(self, geometry: Any, *, where: str) -> BaseGeometry | None:
        """The geometry, or None with a notice where it is a click that encloses and leads to nothing.

        Raises:
            AoiError: as `read` does.
        """
        try:
            return self.read(geometry, where=where)
        except TooSmallError as error:
            self._tell(f"{error}: left out")
            return None

    def _collection(self, members: Any, where: str, depth: int) -> BaseGeometry:
        if depth >= MAX_DEPTH:
            raise AoiError(f"{where}: geometry collections are nested more than {MAX_DEPTH} deep")
        shapes = [self.read(m, where=where, depth=depth + 1) for m in _sequence(members, where)]
        flat = [part for shape in shapes for part in parts(shape)]
        polygons = [part for part in flat if isinstance(part, Polygon)]
        lines = [part for part in flat if isinstance(part, LineString)]
        if len(flat) == 1:
            return flat[0]
        if polygons and len(polygons) == len(flat):
            return self._finished(rings.joined(polygons, where=where, notices=self.notices))
        if lines and len(lines) == len(flat):
            return MultiLineString(lines)
        raise AoiError(f"{where}: a collection of different geometries has no one meaning")

    def _position(self, value: Any, where: str) -> Position:
        numbers = _sequence(value, where)
        if len(numbers) < 2:  # noqa: PLR2004 - lon lat
            raise AoiError(f"{where}: a position needs two numbers")
        x, y = _number(numbers[0], where), _number(numbers[1], where)
        if len(numbers) > 2 and numbers[2]:  # noqa: PLR2004
            self._tell(f"{where}: heights were dropped")
        lon, lat = (x, y) if self.project is None else self.project(x, y)
        if not (math.isfinite(lon) and math.isfinite(lat)):
            raise AoiError(f"{where}: ({x:g}, {y:g}) is outside the file's coordinate system")
        return _in_range(lon, lat, where)

    def _positions(self, value: Any, where: str) -> list[Position]:
        return [self._position(position, where) for position in _sequence(value, where)]

    def _point(self, value: Any, where: str) -> Point:
        lon, lat = self._position(value, where)
        if abs(lon) > WIDEST_SITE_DEG:
            lon -= math.copysign(360.0, lon)
            self._tell(f"{where}: a longitude beyond 180° was wrapped")
        return Point(lon, lat)

    def _single_point(self, value: Any, where: str) -> Point:
        members = _sequence(value, where)
        if len(members) != 1:
            raise AoiError(f"{where}: {len(members)} points in one feature; give each its own")
        return self._point(members[0], where)

    def _line(self, value: Any, where: str) -> LineString:
        path = self._positions(value, where)
        path = [p for i, p in enumerate(path) if i == 0 or p != path[i - 1]]
        if len(path) < 2:  # noqa: PLR2004
            raise TooSmallError(f"{where}: a line of {len(path)} distinct vertices")
        lon = [p[0] for p in path]
        if max(lon) > WIDEST_SITE_DEG or min(lon) < -WIDEST_SITE_DEG or max(lon) - min(lon) > WIDEST_SITE_DEG:
            raise AoiError(f"{where}: a line across the antimeridian; give it in two parts")
        return LineString(path)

    def _lines(self, value: Any, where: str) -> LineString | MultiLineString:
        lines = [self._line(member, where) for member in _sequence(value, where)]
        if not lines:
            raise AoiError(f"{where}: a line without coordinates")
        return lines[0] if len(lines) == 1 else MultiLineString(lines)

    def _one_polygon(self, value: Any, where: str) -> Polygon | MultiPolygon:
        paths = [self._unwrapped(self._positions(ring, where), where) for ring in _sequence(value, where)]
        return rings.polygon_of(_aligned(paths), where=where, notices=self.notices)

    def _polygon(self, value: Any, where: str) -> Polygon | MultiPolygon:
        return self._finished(self._one_polygon(value, where))

    def _polygons(self, value: Any, where: str) -> Polygon | MultiPolygon:
        members = [self._polygon(member, where) for member in _sequence(value, where)]
        if not members:
            raise AoiError(f"{where}: a polygon without coordinates")
        return self._finished(rings.joined(members, where=where, notices=self.notices))

    def _unwrapped(self, ring: list[Position], where: str) -> list[Position]:
        """A ring whose longitudes do not jump at the antimeridian; no site spans half the globe."""
        lon = [p[0] for p in ring]
        if not lon or max(lon) - min(lon) <= WIDEST_SITE_DEG:
            return ring
        moved = [(x + 360.0 if x < 0.0 else x, y) for x, y in ring]
        if max(p[0] for p in moved) - min(p[0] for p in moved) > WIDEST_SITE_DEG:
            raise AoiError(f"{where}: the outline is wider than half the globe")
        self._tell(f"{where}: an outline across the antimeridian was recognised")
        return moved

    def _finished(self, shape: Polygon | MultiPolygon) -> Polygon | MultiPolygon:
        """The polygon inside ±180°, exteriors counter-clockwise as RFC 7946 asks."""
        west, _, east, _ = shape.bounds
        if west < -WIDEST_SITE_DEG or east > WIDEST_SITE_DEG:
            shape = _wrapped(shape)
        oriented: Polygon | MultiPolygon = shapely.orient_polygons(shape, exterior_cw=False)
        return oriented

    def _tell(self, notice: str) -> None:
        if notice not in self.notices:
            self.notices.append(notice)


def _aligned(paths: list[list[Position]]) -> list[list[Position]]:
    """Holes on the same turn of the globe as their shell."""
    if not paths or not paths[0] or max(p[0] for p in paths[0]) <= WIDEST_SITE_DEG:
        return paths
    holes = [[(x + 360.0 if x < 0.0 else x, y) for x, y in path] for path in paths[1:]]
    return [paths[0], *holes]


def _wrapped(shape: Polygon | MultiPolygon) -> Polygon | MultiPolygon:
    """The polygon cut at ±180° and moved into range (RFC 7946, 3.1.9)."""
    pieces = [
        translate(part, xoff=-turn)
        for turn in (-360.0, 0.0, 360.0)
        for part in parts(shapely.intersection(shape, box(turn - 180.0, -90.0, turn + 180.0, 90.0)))
        if isinstance(part, Polygon)
    ]
    return pieces[0] if len(pieces) == 1 else MultiPolygon(pieces)


def _sequence(value: Any, where: str) -> Sequence[Any]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise AoiError(f"{where}: coordinates are {type(value).__name__}, not a list")
    return value
