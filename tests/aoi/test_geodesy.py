from __future__ import annotations

import math

import pytest
from geographiclib.geodesic import Geodesic
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPolygon, Point, Polygon, box

from aoi.geodesy import area_m2, bearing_deg, box_around, destination, distance_m, length_m
from evidence.errors import AoiError


def independent(ring: list[tuple[float, float]]) -> tuple[float, float]:
    """Area and perimeter by Karney's own Python package."""
    polygon = Geodesic.WGS84.Polygon()
    for lon, lat in ring:
        polygon.AddPoint(lat, lon)
    _, perimeter, area = polygon.Compute()
    return abs(area), perimeter


@given(
    lon=st.floats(-170, 170),
    lat=st.floats(-75, 75),
    radius=st.floats(0.01, 2.0),
    corners=st.integers(3, 40),
    squeeze=st.floats(0.2, 1.0),
)
@settings(max_examples=120, deadline=None)
def test_areas_and_lengths_agree_with_an_independent_implementation(
    lon: float, lat: float, radius: float, corners: int, squeeze: float
) -> None:
    angles = [2 * math.pi * k / corners for k in range(corners)]
    ring = [(lon + radius * math.cos(a), lat + squeeze * radius * math.sin(a)) for a in angles]
    area, perimeter = independent(ring)
    assert area_m2(Polygon(ring)) == pytest.approx(area, rel=1e-9)
    assert length_m(Polygon(ring)) == pytest.approx(perimeter, rel=1e-9)


@given(
    lon=st.floats(-179, 179), lat=st.floats(-80, 80), azimuth=st.floats(0, 359.99), distance=st.floats(1, 1e5)
)
@settings(max_examples=120, deadline=None)
def test_bearings_agree_with_an_independent_implementation(
    lon: float, lat: float, azimuth: float, distance: float
) -> None:
    start = Point(lon, lat)
    end = destination(start, bearing=azimuth, distance=distance)
    inverse = Geodesic.WGS84.Inverse(lat, lon, end.y, end.x)
    assert distance_m(start, end) == pytest.approx(inverse["s12"], abs=1e-6)
    assert math.cos(math.radians(bearing_deg(start, end) - inverse["azi1"])) == pytest.approx(1.0, abs=1e-12)


def test_holes_are_taken_off_and_orientation_does_not_matter() -> None:
    outer, hole = box(126.0, 39.5, 126.1, 39.6), box(126.02, 39.52, 126.04, 39.54)
    ring = outer.difference(hole)
    assert area_m2(ring) == pytest.approx(area_m2(outer) - area_m2(hole), rel=1e-12)
    assert area_m2(ring.reverse()) == pytest.approx(area_m2(ring), rel=1e-12)
    assert area_m2(MultiPolygon([hole, box(127, 39, 127.1, 39.1)])) > area_m2(hole)
    assert area_m2(LineString([(126, 39), (127, 39)])) == 0.0


def test_a_box_reaches_its_margin_on_every_side() -> None:
    point = Point(126.1831, 39.5850)
    west, south, east, north = box_around([point], margin_m=3500.0).bounds
    for side in (Point(west, point.y), Point(east, point.y), Point(point.x, south), Point(point.x, north)):
        assert distance_m(point, side) == pytest.approx(3500.0, rel=1e-4)
    with pytest.raises(AoiError, match="antimeridian"):
        box_around([Point(179.999, 0.0)], margin_m=5000.0)
