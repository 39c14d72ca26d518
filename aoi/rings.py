"""Polygons whose meaning is certain: what can be repaired is, with a notice; what cannot is refused.

The test is the winding number. A ring that crosses itself divides the plane into faces; each face is wound
round some number of times. When every face is wound zero or one time in one sense, there is one way to read
the ring (it touches itself, or has a spike of no width). Faces of opposite sense (a bow-tie: two corners
swapped, but which?) or wound twice have several readings, and none is chosen here, except where the
disputed faces together are smaller than one pixel (a slip of the hand at the closing click).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from shapely import LineString, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import polygonize

from aoi.geodesy import area_m2, parts
from evidence.errors import AoiError

SLIVER_M2 = 100.0
"""One Sentinel-2 pixel: nothing smaller can be measured."""
MAX_VERTICES = 200_000
MAX_FACES = 2_000
Position = tuple[float, float]


class TooSmallError(AoiError):
    """Less than a pixel, or no area at all: a click beside the thing, a label's frame, a guard post."""


def closed(ring: Sequence[Position], *, where: str, notices: list[str]) -> list[Position]:
    """The ring without repeated neighbours, closed.

    Raises:
        AoiError: where it encloses nothing.
    """
    unique = [p for i, p in enumerate(ring) if i == 0 or p != ring[i - 1]]
    if unique and unique[0] != unique[-1]:
        notices.append(f"{where}: an open ring was closed")
        unique.append(unique[0])
    if len(unique) < len(ring):
        notices.append(f"{where}: {len(ring) - len(unique)} repeated vertices were dropped")
    if len(set(unique)) < 3:  # noqa: PLR2004 - a triangle
        raise TooSmallError(f"{where}: a ring of {len(set(unique))} distinct vertices encloses nothing")
    return unique


def _winding(ring: np.ndarray, x: float, y: float) -> int:
    """How often `ring` (n, 2), closed, goes round (x, y), counter-clockwise positive."""
    x0, y0 = ring[:-1].T
    x1, y1 = ring[1:].T
    left = (x1 - x0) * (y - y0) - (x - x0) * (y1 - y0)
    upward = (y0 <= y) & (y1 > y) & (left > 0)
    downward = (y0 > y) & (y1 <= y) & (left < 0)
    return int(upward.sum() - downward.sum())


def _faces(ring: Sequence[Position], where: str) -> list[tuple[Polygon, int]]:
    """The faces that a ring cuts out, each with its winding number."""
    try:
        faces = list(polygonize(shapely.unary_union(LineString(ring))))
    except shapely.GEOSException as error:
        raise AoiError(f"{where}: the ring cannot be followed ({error})") from error
    if len(faces) > MAX_FACES:
        raise AoiError(f"{where}: the ring crosses itself {len(faces)} times")
    array = np.asarray(ring, dtype=float)
    points = [face.representative_point() for face in faces]
    return [(face, _winding(array, p.x, p.y)) for face, p in zip(faces, points, strict=True)]


def _sense(wound: Sequence[tuple[Polygon, int]]) -> int:
    """The sense that most of the area is wound in."""
    balance = sum(area_m2(face) * np.sign(number) for face, number in wound)
    return 1 if balance >= 0 else -1


def _untangled(ring: Sequence[Position], *, where: str, notices: list[str]) -> Polygon | MultiPolygon:
    """The one meaning of a ring that is not simple.

    Raises:
        AoiError: where there are several.
    """
    wound = _faces(ring, where)
    sense = _sense(wound)
    disputed = [face for face, number in wound if number not in {0, sense}]
    disputed_m2 = sum(area_m2(face) for face in disputed)
    if disputed_m2 >= SLIVER_M2:
        raise AoiError(f"{where}: the outline crosses itself, so what lies inside is not certain")
    if disputed:
        notices.append(f"{where}: a slip of {disputed_m2:.0f} m² in the outline was dropped")
    else:
        notices.append(f"{where}: an outline that touches itself was repaired")
    return _polygonal(shapely.unary_union([face for face, number in wound if number == sense]), where)


def _polygonal(geometry: BaseGeometry, where: str) -> Polygon | MultiPolygon:
    """The polygons of `geometry`, as one."""
    polygons = [part for part in parts(geometry) if isinstance(part, Polygon)]
    if not polygons:
        raise AoiError(f"{where}: the outline encloses no area")
    return polygons[0] if len(polygons) == 1 else MultiPolygon(polygons)


def simple_area(ring: Sequence[Position], *, where: str, notices: list[str]) -> Polygon | MultiPolygon:
    """What one ring encloses.

    Raises:
        AoiError: where it has too many vertices.
    """
    if len(ring) > MAX_VERTICES:
        raise AoiError(f"{where}: {len(ring)} vertices; {MAX_VERTICES} is the most")
    path = closed(ring, where=where, notices=notices)
    polygon = Polygon(path)
    return polygon if polygon.is_valid else _untangled(path, where=where, notices=notices)


def _cut(
    shell: Polygon | MultiPolygon, holes: Sequence[Polygon | MultiPolygon], where: str, notices: list[str]
) -> Polygon | MultiPolygon:
    """The shell without its holes, where that has one meaning."""
    for number, hole in enumerate(holes, start=1):
        if area_m2(shapely.difference(hole, shell)) >= SLIVER_M2:
            raise AoiError(f"{where}: hole {number} reaches outside the outline")
        if any(other is not hole and shapely.contains_properly(other, hole) for other in holes):
            raise AoiError(f"{where}: hole {number} lies inside another hole (an island, or a slip?)")
    union = shapely.unary_union(list(holes))
    if sum(area_m2(hole) for hole in holes) - area_m2(union) >= SLIVER_M2:
        notices.append(f"{where}: overlapping holes were joined")
    return _polygonal(shapely.difference(shell, union), where)


def polygon_of(
    rings: Sequence[Sequence[Position]], *, where: str, notices: list[str]
) -> Polygon | MultiPolygon:
    """One polygon from its rings, shell first.

    Raises:
        AoiError: where there are none.
    """
    if not rings:
        raise AoiError(f"{where}: a polygon without rings")
    shell = simple_area(rings[0], where=where, notices=notices)
    holes = [simple_area(ring, where=f"{where}, hole", notices=notices) for ring in rings[1:]]
    plain = Polygon(rings[0], rings[1:]) if holes else shell
    whole = plain if plain.is_valid else _cut(shell, holes, where, notices)
    return without_slivers(whole, where=where, notices=notices)


def without_slivers(
    geometry: Polygon | MultiPolygon, *, where: str, notices: list[str]
) -> Polygon | MultiPolygon:
    """The geometry without parts and holes smaller than a pixel, where something larger remains.

    Raises:
        AoiError: where all of it is less than a pixel.
    """
    polygons = [part for part in parts(geometry) if isinstance(part, Polygon)]
    kept = [part for part in polygons if area_m2(part) >= SLIVER_M2]
    if not kept:
        raise TooSmallError(f"{where}: {area_m2(geometry):.1f} m² is less than one pixel (100 m²)")
    filled = [
        Polygon(part.exterior, [h for h in part.interiors if area_m2(Polygon(h)) >= SLIVER_M2])
        for part in kept
    ]
    dropped = (
        len(polygons)
        - len(kept)
        + sum(len(a.interiors) - len(b.interiors) for a, b in zip(kept, filled, strict=True))
    )
    if dropped:
        notices.append(f"{where}: {dropped} slivers of less than 100 m² were dropped")
    return filled[0] if len(filled) == 1 else MultiPolygon(filled)


def joined(
    polygons: Sequence[Polygon | MultiPolygon], *, where: str, notices: list[str]
) -> Polygon | MultiPolygon:
    """Several polygons as one geometry; ground that two of them claim is counted once."""
    flat = [part for polygon in polygons for part in parts(polygon) if isinstance(part, Polygon)]
    together: Polygon | MultiPolygon = flat[0] if len(flat) == 1 else MultiPolygon(flat)
    if together.is_valid:
        return together
    notices.append(f"{where}: overlapping parts were joined")
    return _polygonal(shapely.unary_union(flat), where)
