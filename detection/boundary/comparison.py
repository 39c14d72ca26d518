"""Partial perimeters: the stretch where both versions exist, closed through one point inside.

Both stretches are closed through the same inner point, so that ground between them can be gained or lost and
nothing else; the closing edges carry no error and enter no result.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import shapely
from shapely import LineString, MultiLineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import linemerge, substring

from aoi.geodesy import M2_PER_HA, parts
from aoi.records import Boundary
from detection.boundary.errors import (
    UNKNOWNS,
    BoundaryChangeParams,
    TraceError,
    independent_length_m,
    integral_variance,
)
from detection.boundary.registration import Edges, Plane, Registration, edges_of
from evidence.arrays import Floats
from evidence.quantity import Quantity, coverage_factor

ON_LINE_M = 1e-3
"""A point this close to a line lies on it, m. Assumed: far below any tracing accuracy."""
STRAIGHT = 0.1
"""A stretch less deep than this part of its length does not say which side is inside, 1. Assumed."""


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


WEDGE_M = 500_000.0
"""Sectors reach beyond any site, m. Assumed."""
WEDGE_POINTS = 9
"""Points of a sector's arc: far beyond the site they need not be round. Assumed."""
CIRCLE_DEG = 360.0
"""A full turn, degrees. By definition."""
ON_EDGE_M = 1e-3
"""Edges of an overlay lie on the perimeter they come from to within rounding, m. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SectorAdvance:
    """How far the perimeter advanced within one bearing sector, as seen from the earlier one's centre."""

    bearing_deg: float
    """Middle of the sector."""
    length_m: float
    """Earlier perimeter in the sector."""
    advance_m: float
    """Ground gained beyond error, by that length."""
    low_m: float
    high_m: float
    """All sectors' intervals hold together with the level's probability."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """An area beyond error and how errors enter it."""

    area_m2: float
    registration: Floats
    """(3,) derivatives by shift east, shift north, offset: metres."""
    surplus_m: float
    """Length on the later perimeter beyond that on the earlier one."""
    vertex_m4: float
    """Variance from vertex errors."""


def significant(
    difference: BaseGeometry, other: BaseGeometry, registration: Registration
) -> tuple[tuple[Polygon, ...], BaseGeometry]:
    """Parts of a difference that reach deeper than error does from the other version.

    Args:
        difference: gained or lost ground, metres on the plane.
        other: the version that the depth is measured from.
        registration: whose `threshold_m` error alone exceeds nowhere.

    Returns:
        Those parts, and their ground beyond that depth.
    """
    near: BaseGeometry = other.buffer(registration.threshold_m)
    polygons = [part for part in parts(difference) if isinstance(part, Polygon)]
    cores = [shapely.difference(polygon, near) for polygon in polygons]
    found = tuple(polygon for polygon, core in zip(polygons, cores, strict=True) if core.area > 0.0)
    return found, shapely.union_all([core for core in cores if core.area > 0.0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two versions in one plane, registered, and what differs beyond error."""

    versions: tuple[Boundary, Boundary]
    plane: Plane
    earlier: BaseGeometry
    base: BaseGeometry
    """The earlier perimeter as lines."""
    cut: BaseGeometry | None
    """Edges that nobody drew."""
    edges: Edges
    registration: Registration
    errors: tuple[TraceError, TraceError]
    params: BoundaryChangeParams
    gained: tuple[Polygon, ...]
    lost: tuple[Polygon, ...]
    gained_core: BaseGeometry
    """Ground gained that lies deeper than error reaches."""
    lost_core: BaseGeometry

    def in_degrees(self, polygons: Sequence[Polygon]) -> BaseGeometry | None:
        """The polygons in EPSG:4326; None where there are none."""
        return self.plane.unproject(MultiPolygon(list(polygons))) if polygons else None

    def effect(self, polygons: Sequence[Polygon], sign: float, cut: BaseGeometry | None = None) -> Effect:
        """How errors enter the area of `polygons`.

        Args:
            polygons: ground gained or lost beyond error.
            sign: +1 for ground gained, −1 for ground lost.
            cut: further lines along which the ground was cut, which no error moves.
        """
        cuts = [line for line in (self.cut, cut) if line is not None]
        effects = [self._one(polygon, sign, cuts) for polygon in polygons]
        return Effect(
            area_m2=sum(e.area_m2 for e in effects),
            registration=np.sum([e.registration for e in effects], axis=0) if effects else np.zeros(UNKNOWNS),
            surplus_m=sum(e.surplus_m for e in effects),
            vertex_m4=sum(e.vertex_m4 for e in effects),
        )

    def _one(self, polygon: Polygon, sign: float, cuts: Sequence[BaseGeometry]) -> Effect:
        pieces = edges_of(polygon, spacing_m=self.params.spacing_m)
        middles = shapely.points(pieces.middle)
        on_base = shapely.distance(middles, self.base) < ON_EDGE_M
        front = ~on_base
        for cut in cuts:
            front &= shapely.distance(middles, cut) >= ON_EDGE_M
        base_m, front_m = float(pieces.length[on_base].sum()), float(pieces.length[front].sum())
        push = (pieces.normal[front] * pieces.length[front, None]).sum(axis=0)
        fit = self.registration
        vertex = sum(
            (fit.vertex_scale * error.vertex_m) ** 2 * integral_variance(length, fit.correlation_m)
            for error, length in zip(self.errors, (base_m, front_m), strict=True)
        )
        return Effect(
            area_m2=polygon.area,
            registration=np.array([push[0], push[1], sign * base_m]),
            surplus_m=sign * (front_m - base_m),
            vertex_m4=vertex,
        )

    def sd_m2(self, effect: Effect) -> float:
        """Standard deviation of an area beyond error.

        The registration knows the offset of one trace against the other only; where the later edge is longer
        than the earlier one, the later trace's own offset acts on the surplus.
        """
        registration = effect.registration @ self.registration.covariance @ effect.registration
        surplus = (self.errors[1].offset_m * effect.surplus_m) ** 2
        return math.sqrt(float(registration) + effect.vertex_m4 + surplus)

    @property
    def hidden_m2(self) -> float:
        """Area of the largest bulge of one correlation length that error can hide."""
        return self.registration.threshold_m * independent_length_m(self.registration.correlation_m)

    def ends_m2(self, effect: Effect, factor: float, core_m2: float) -> tuple[float, float]:
        """Lower and upper end at `factor` σ.

        Not below what lies deeper than error reaches (so that a change that is claimed at all is above zero),
        and with room above for what could hide.
        """
        half = factor * self.sd_m2(effect)
        return max(min(core_m2, effect.area_m2), effect.area_m2 - half), effect.area_m2 + math.hypot(
            half, self.hidden_m2
        )

    def area_ha(self, effect: Effect, core: BaseGeometry) -> Quantity:
        """Area beyond error in hectares."""
        factor = coverage_factor(self.params.level)
        low, high = self.ends_m2(effect, factor, core.area)
        return Quantity.interval(
            effect.area_m2 / M2_PER_HA,
            low / M2_PER_HA,
            high / M2_PER_HA,
            level=self.params.level,
            sd_random=math.hypot(self.sd_m2(effect), self.hidden_m2 / factor) / M2_PER_HA,
        )

    def net_ha(self, gained: Effect, lost: Effect) -> Quantity:
        """Gained less lost, with room on either side for what could hide."""
        both = Effect(
            area_m2=gained.area_m2 - lost.area_m2,
            registration=gained.registration - lost.registration,
            surplus_m=gained.surplus_m - lost.surplus_m,
            vertex_m4=gained.vertex_m4 + lost.vertex_m4,
        )
        spread = math.hypot(self.sd_m2(both), self.hidden_m2 / coverage_factor(self.params.level))
        return Quantity.measured(
            both.area_m2 / M2_PER_HA, sd_random=spread / M2_PER_HA, level=self.params.level
        )

    def advance(self) -> tuple[Quantity, float | None]:
        """The largest advance of any bearing sector and the sector's middle.

        Every sector has an interval of the level at which all of them hold together (Šidák), so the largest
        lower and the largest upper end enclose the true maximum.
        """
        sectors = self.sector_advances()
        level = self.params.level
        if not sectors:
            return Quantity.not_assessable("no bearing sector has enough perimeter", level=level), None
        best = max(sectors, key=lambda sector: sector.advance_m)
        low, high = max(s.low_m for s in sectors), max(s.high_m for s in sectors)
        bearing = best.bearing_deg if best.advance_m > 0.0 else None
        return Quantity.interval(best.advance_m, low, high, level=level), bearing

    def sector_advances(self) -> list[SectorAdvance]:
        """Each bearing sector with enough perimeter."""
        count = self.params.sectors
        centre = np.asarray(self.earlier.centroid.coords[0])
        where = _sector(self.edges.middle, centre, count)
        shortest = independent_length_m(self.params.correlation_m)
        lengths = [(k, float(self.edges.length[where == k].sum())) for k in range(count)]
        return [self._sector_advance(k, length, centre) for k, length in lengths if length >= shortest]

    def _sector_advance(self, index: int, length: float, centre: Floats) -> SectorAdvance:
        count = self.params.sectors
        wedge = sector_wedge(centre, index, count)
        pieces = (part for polygon in self.gained for part in parts(shapely.intersection(polygon, wedge)))
        effect = self.effect([p for p in pieces if isinstance(p, Polygon)], 1.0, wedge.boundary)
        factor = NormalDist().inv_cdf((1.0 + self.params.level ** (1.0 / count)) / 2.0)
        core = shapely.intersection(self.gained_core, wedge).area
        low, high = self.ends_m2(effect, factor, core)
        return SectorAdvance(
            bearing_deg=(index + 0.5) * CIRCLE_DEG / count,
            length_m=length,
            advance_m=effect.area_m2 / length,
            low_m=low / length,
            high_m=high / length,
        )


def _sector(points: Floats, centre: Floats, count: int) -> Floats:
    """The sector of each point, numbered clockwise from north."""
    bearing = np.degrees(np.arctan2(points[:, 0] - centre[0], points[:, 1] - centre[1])) % CIRCLE_DEG
    return np.asarray(np.floor(bearing / (CIRCLE_DEG / count)), dtype=float)


def sector_wedge(centre: Floats, index: int, count: int) -> Polygon:
    """One sector as a polygon in the plane."""
    angles = np.radians(np.linspace(index, index + 1, WEDGE_POINTS) * CIRCLE_DEG / count)
    arc = centre + WEDGE_M * np.column_stack((np.sin(angles), np.cos(angles)))
    return Polygon([centre, *arc])
