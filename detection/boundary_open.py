"""Partial perimeters: the stretch where both versions exist, closed through one point inside.

Both stretches are closed through the same inner point, so that ground between them can be gained or lost and
nothing else; the closing edges carry no error and enter no result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from shapely import LineString, MultiLineString, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import linemerge, substring

from aoi.geodesy import parts
from detection.boundary_registration import Edges, Floats, Registration, edges_of

ON_LINE_M = 1e-3
STRAIGHT = 0.1
"""A stretch less deep than this part of its length does not say which side is inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPair:
    """Two versions along the stretch where both exist, closed through one inner point."""

    before: LineString
    after: LineString
    inside: Point

    def closed_before(self) -> Polygon:
        """The earlier stretch with what lies inside of it."""
        return _closed(self.before, self.inside)

    def closed_after(self) -> Polygon:
        """The later stretch with what lies inside of it."""
        return _closed(self.after, self.inside)

    def edges(self, *, spacing_m: float) -> Edges:
        """The earlier stretch's edges, normals pointing out."""
        every = edges_of(self.closed_before(), spacing_m=spacing_m)
        seen = shapely.distance(shapely.points(every.middle), self.before) < ON_LINE_M
        return Edges(middle=every.middle[seen], normal=every.normal[seen], length=every.length[seen])

    def registered_after(self, registration: Registration) -> Polygon:
        """The later stretch as it would lie with the earlier one's shift and offset, closed."""
        path = shapely.get_coordinates(self.after)
        out = _outward(path, np.asarray(self.inside.coords[0]))
        moved = path - np.asarray(registration.shift_m) - registration.offset_m * out
        return _closed(LineString(moved), self.inside)

    def closing_edges(self) -> BaseGeometry:
        """Every edge that no analyst drew."""
        ends = [path[k] for path in map(shapely.get_coordinates, (self.before, self.after)) for k in (0, -1)]
        return MultiLineString([LineString([self.inside.coords[0], end]) for end in ends])


def _closed(line: LineString, inside: Point) -> Polygon:
    return Polygon([*line.coords, inside.coords[0]])


def _outward(path: Floats, inside: Floats) -> Floats:
    """Normals at the vertices of an open path, away from `inside`."""
    step = np.gradient(path, axis=0)
    normal = np.column_stack((step[:, 1], -step[:, 0])) / np.maximum(np.hypot(*step.T), 1e-9)[:, None]
    middle = ((path - inside) * normal).sum()
    return np.asarray(normal if middle >= 0.0 else -normal, dtype=float)


def open_pair(before: BaseGeometry, after: BaseGeometry, *, shortest_m: float) -> OpenPair | str:
    """The stretch where both versions exist; a reason where there is none that can be compared.

    Args:
        before: the earlier version in the plane, lines or polygon.
        after: the later one.
        shortest_m: least length worth comparing.
    """
    lines = (_line(before, after), _line(after, before))
    if lines[0] is None or lines[1] is None:
        return "a partial perimeter in several pieces; give each piece a version of its own"
    first, second = _common(lines[0], lines[1])
    if min(first.length, second.length) < shortest_m:
        return f"both versions exist along only {min(first.length, second.length):.0f} m"
    inside = _inside(before, after, first)
    if inside is None:
        return "a nearly straight stretch does not say which side is inside"
    pair = OpenPair(before=first, after=second, inside=inside)
    if not (pair.closed_before().is_valid and pair.closed_after().is_valid):
        return "the stretch turns back on itself as seen from inside"
    return pair


def _line(geometry: BaseGeometry, other: BaseGeometry) -> LineString | None:
    """One open path; a ring is opened at its vertex furthest from the other version."""
    found = list(parts(geometry))
    if len(found) > 1:
        merged = linemerge(geometry) if isinstance(geometry, MultiLineString) else geometry
        found = list(parts(merged))
    if len(found) != 1:
        return None
    only = found[0]
    ring = only.exterior if isinstance(only, Polygon) else only
    if not ring.is_ring:
        return LineString(ring.coords)
    path = shapely.get_coordinates(ring)[:-1]
    start = int(np.argmax(shapely.distance(shapely.points(path), other)))
    turned = np.roll(path, -start, axis=0)
    return LineString([*turned, turned[0]])


def _common(a: LineString, b: LineString) -> tuple[LineString, LineString]:
    """The stretch of each along which the other runs; a ring that was opened has no ends to heed."""
    opened = b.coords[0] == b.coords[-1]
    start, end = (0.0, a.length) if opened else sorted(a.project(Point(b.coords[k])) for k in (0, -1))
    first = _stretch(a, start, end)
    return first, _stretch(b, b.project(Point(first.coords[0])), b.project(Point(first.coords[-1])))


def _stretch(line: LineString, start: float, end: float) -> LineString:
    """The line between two distances; of no length where they are the same."""
    found: BaseGeometry = substring(line, start, end)
    return found if isinstance(found, LineString) else LineString([line.coords[0], line.coords[0]])


def _inside(before: BaseGeometry, after: BaseGeometry, stretch: LineString) -> Point | None:
    for geometry in (before, after):
        if isinstance(geometry, Polygon):
            return geometry.centroid
    hull: BaseGeometry = stretch.convex_hull
    if hull.area < STRAIGHT * stretch.length**2 / 2.0:
        return None
    chord = LineString([stretch.coords[0], stretch.coords[-1]])
    return chord.centroid if not chord.crosses(stretch) else hull.centroid
