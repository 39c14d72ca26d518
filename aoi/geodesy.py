"""Areas, lengths and bearings on the WGS 84 ellipsoid, by Karney's geodesics (PROJ's `Geod`).

Edges are geodesics. At 40° N an edge that runs east leaves the straight line of a lon/lat map by 2 cm when it
is 1 km long and by 5 m when it is 17 km long. Geometry is EPSG:4326, lon lat.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np
from pyproj import Geod
from shapely import LinearRing, LineString, MultiPolygon, Point, Polygon, box
from shapely.geometry.base import BaseGeometry, BaseMultipartGeometry

from evidence.errors import AoiError

M2_PER_HA = 10_000.0
WIDEST_SITE_DEG = 180.0
"""A geometry wider than this was cut at the antimeridian: no site spans half the globe."""


@cache
def ellipsoid() -> Geod:
    """WGS 84."""
    return Geod(ellps="WGS84")


def parts(geometry: BaseGeometry) -> Iterator[BaseGeometry]:
    """The simple geometries that `geometry` is made of."""
    if isinstance(geometry, BaseMultipartGeometry):
        for part in geometry.geoms:
            yield from parts(part)
    elif not geometry.is_empty:
        yield geometry


def _ring_area_m2(ring: LinearRing) -> float:
    lon, lat = np.asarray(ring.coords, dtype=float)[:, :2].T
    area, _ = ellipsoid().polygon_area_perimeter(lon, lat)
    return abs(float(area))


def area_m2(geometry: BaseGeometry) -> float:
    """Ellipsoidal area of the polygons in `geometry`, holes taken off, whatever the ring orientation."""
    return sum(
        _ring_area_m2(part.exterior) - sum(_ring_area_m2(hole) for hole in part.interiors)
        for part in parts(geometry)
        if isinstance(part, Polygon)
    )


def area_ha(geometry: BaseGeometry) -> float:
    """Ellipsoidal area in hectares."""
    return area_m2(geometry) / M2_PER_HA


def _line_length_m(line: LineString) -> float:
    lon, lat = np.asarray(line.coords, dtype=float)[:, :2].T
    return float(ellipsoid().line_length(lon, lat))


def length_m(geometry: BaseGeometry) -> float:
    """Ellipsoidal length of lines, or of all rings of polygons."""
    total = 0.0
    for part in parts(geometry):
        if isinstance(part, Polygon):
            total += sum(_line_length_m(ring) for ring in (part.exterior, *part.interiors))
        elif isinstance(part, LineString):
            total += _line_length_m(part)
    return total


def bearing_deg(start: Point, end: Point) -> float:
    """Azimuth at `start` of the geodesic to `end`, clockwise from north, in [0, 360)."""
    azimuth, _, _ = ellipsoid().inv(start.x, start.y, end.x, end.y)
    return float(azimuth) % 360.0


def distance_m(start: Point, end: Point) -> float:
    """Length of the geodesic between two points."""
    _, _, distance = ellipsoid().inv(start.x, start.y, end.x, end.y)
    return float(distance)


def destination(start: Point, *, bearing: float, distance: float) -> Point:
    """The point `distance` metres from `start` along `bearing` degrees."""
    lon, lat, _ = ellipsoid().fwd(start.x, start.y, bearing, distance)
    return Point(float(lon), float(lat))


def box_around(points: Iterable[Point], *, margin_m: float | Iterable[float]) -> Polygon:
    """The lon/lat box that reaches at least `margin_m` beyond every point, to the four sides.

    Args:
        points: what the box stands around.
        margin_m: one for all points, or one for each.

    Raises:
        AoiError: where there are no points, or the box crosses the antimeridian.
    """
    places = list(points)
    margins = [margin_m] * len(places) if isinstance(margin_m, (int, float)) else list(margin_m)
    corners = [
        destination(point, bearing=bearing, distance=margin)
        for point, margin in zip(places, margins, strict=True)
        for bearing in (0.0, 90.0, 180.0, 270.0)
    ]
    if not corners:
        raise AoiError("a box needs at least one point to stand around")
    lon = [corner.x for corner in corners]
    lat = [corner.y for corner in corners]
    if max(lon) - min(lon) > WIDEST_SITE_DEG:
        raise AoiError(f"a box from {min(lon):.3f} to {max(lon):.3f} degrees east crosses the antimeridian")
    return box(min(lon), min(lat), max(lon), max(lat))


def unwrapped(geometry: Polygon | MultiPolygon) -> tuple[np.ndarray, np.ndarray]:
    """Longitudes and latitudes of all exterior vertices, without the jump at the antimeridian.

    Raises:
        AoiError: where it holds no polygon.
    """
    rings = [
        np.asarray(p.exterior.coords, dtype=float)[:, :2] for p in parts(geometry) if isinstance(p, Polygon)
    ]
    if not rings:
        raise AoiError("the geometry holds no polygon")
    lon, lat = np.concatenate(rings).T
    if lon.max() - lon.min() > WIDEST_SITE_DEG:
        lon = np.where(lon < 0.0, lon + 360.0, lon)
    return lon, lat
