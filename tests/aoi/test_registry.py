from __future__ import annotations

import json
import unicodedata
from itertools import combinations
from pathlib import Path

import pytest
from shapely import Point, intersection, union_all
from shapely.geometry import shape

from aoi.checks import ground_of, shared_ground
from aoi.geodesy import area_ha, box_around, distance_m
from aoi.grid import site_grid
from aoi.proposal import propose
from aoi.records import Purpose, Sensitivity
from aoi.registry import MARGIN_M, left_out, search, shipped_site, shipped_sites, suspects
from evidence.errors import AoiError


def found(query: str) -> list[str]:
    return [site.id for site in search(query, shipped_sites())]


def test_every_box_is_an_ordering_box_and_no_boundary_is_shipped() -> None:
    assert len(shipped_sites()) == 34
    for site in shipped_sites():
        assert site.boundaries == ()
        assert site.note is not None
        assert "not a boundary" in site.note
        assert site.sensitivity is Sensitivity.PUBLIC
        assert site.source
        assert site_grid(site).crs.epsg in {32651, 32652}
        for point in site.points:
            assert point.source
            assert point.accuracy_m
            assert site.aoi.covers(point.geometry)


def test_derived_boxes_are_off_and_reach_accuracy_and_2_km_beyond_their_points() -> None:
    derived = [site for site in shipped_sites() if site.derived]
    assert {"tukchang", "nampo-quay", "pukchang-power-plant"} <= {site.id for site in derived}
    for site in derived:
        assert not site.accepted
        west, south, east, north = site.bounds
        for point in site.points:
            lon, lat = point.geometry.x, point.geometry.y
            sides = (Point(west, lat), Point(east, lat), Point(lon, south), Point(lon, north))
            nearest = min(distance_m(point.geometry, side) for side in sides)
            assert nearest >= (point.accuracy_m or 0) + MARGIN_M - 1.0
    assert all(site.accepted for site in shipped_sites() if not site.derived)


def test_the_camp_18_point_lies_in_the_camp_18_box() -> None:
    assert shipped_site("camp-18").aoi.contains(Point(126.085968, 39.5596476))
    with pytest.raises(AoiError, match="no shipped site"):
        shipped_site("camp-99")


def test_controls_and_conflicts_are_said() -> None:
    assert shipped_site("camp-22").purpose is Purpose.CONTROL
    assert shipped_site("choma-bong").purpose is Purpose.CONTROL
    assert shipped_site("pongchon").purpose is Purpose.COMPARISON
    assert any("Tonglim" in text for text in shipped_site("camp-18").contested)
    assert any("Tonglim" in text for text in shipped_site("choma-bong").contested)
    assert "Russian" in (shipped_site("rajin-port").note or "")


@pytest.mark.parametrize(
    ("query", "site"),
    [
        ("Bukchang", "camp-18"),
        ("Pukch'ang", "camp-18"),
        ("PUKCHANG", "camp-18"),
        ("Pongchang-ri", "camp-18"),
        ("봉창리", "camp-18"),
        (unicodedata.normalize("NFD", "봉창리"), "camp-18"),
        ("득장로동자구", "tukchang"),
        ("득장노동자구", "tukchang"),
        (unicodedata.normalize("NFD", "득장노동자구"), "tukchang"),
        ("Tŭkch'ang", "tukchang"),
        ("Deukjang", "tukchang"),
        ("명학노동자구", "tukchang"),
        ("용운리", "ryongun"),
        ("룡운리", "ryongun"),
        ("Yongun-ri", "ryongun"),
        ("용천항", "ryongchon-port"),
        ("나진항", "rajin-port"),
        ("Gaecheon", "camp-14"),
        ("Kaech'ŏn", "camp-14"),
        ("Camp 22", "camp-22"),
        ("Jungbong", "camp-22"),
        ("camp-15", "camp-15"),
        ("Cheongjin", "chongjin-port"),
        ("Namp’o", "nampo-quay"),
        ("Jeongeo-ri", "kyohwaso-12"),
    ],
)
def test_a_site_is_found_under_any_spelling(query: str, site: str) -> None:
    assert site in found(query)


def test_a_name_that_nobody_has_finds_nothing() -> None:
    assert found("Reykjavik") == []
    assert found("") == []
    assert found("Camp 1") != []


def test_no_ground_is_counted_twice() -> None:
    sites = shipped_sites()
    own = ground_of(sites)
    for one, other in combinations(own.values(), 2):
        assert area_ha(intersection(one, other)) < 1e-3
    union = union_all([site.aoi for site in sites])
    assert sum(area_ha(g) for g in own.values()) == pytest.approx(
        area_ha(union), rel=1e-5
    )  # new corners bend edges
    pairs = {frozenset((shared.owner, shared.other)): shared.owner for shared in shared_ground(sites)}
    assert pairs[frozenset(("camp-18", "camp-14"))] == "camp-18"
    assert frozenset(("camp-18", "tukchang")) in pairs


def test_the_combined_window_and_the_suspect_polygon_are_left_out_with_reasons() -> None:
    entries = {entry.id: entry for entry in left_out()}
    assert set(entries) == {"tukjang-adm2", "c14-18-tukchang-aoi"}
    assert entries["tukjang-adm2"].suspect
    assert all(entry.reason for entry in entries.values())


@pytest.mark.shared
def test_every_published_feature_is_in_a_site_or_left_out(shared_data: Path) -> None:
    document = json.loads((shared_data / "sites.geojson").read_text(encoding="utf-8"))
    points = {point.id: point for site in shipped_sites() for point in site.points}
    boxes = [site.aoi for site in shipped_sites() if not site.derived]
    missing = []
    for feature in document["features"]:
        name, geometry = feature["properties"]["id"], shape(feature["geometry"])
        known = name in points and points[name].geometry.equals(geometry)
        grown = any(box.buffer(1e-9).covers(geometry) and box.area < 2.5 * geometry.area for box in boxes)
        if not (known or (geometry.geom_type != "Point" and grown)):  # boxes grow to hold their points
            missing.append(name)
    assert sorted(missing) == sorted(entry.id for entry in left_out())
    assert len(points) == 50


@pytest.mark.shared
def test_the_suspect_polygon_is_flagged_when_somebody_brings_it(shared_data: Path, tmp_path: Path) -> None:
    document = json.loads((shared_data / "sites.geojson").read_text(encoding="utf-8"))
    feature = next(f for f in document["features"] if f["properties"]["id"] == "tukjang-adm2")
    polygon = shape(feature["geometry"])
    assert polygon.contains(Point(126.098545, 39.606592))
    districts = {p.id: p.geometry for p in shipped_site("tukchang").points}
    assert not any(polygon.contains(districts[name]) for name in ("myonghak", "kalgol-rdg", "poup-rdg"))
    assert [entry.id for entry in suspects(polygon)] == ["tukjang-adm2"]
    path = tmp_path / "brought.geojson"
    path.write_text(json.dumps(feature["geometry"]), encoding="utf-8")
    assert any("Never used for statistics" in notice for notice in propose(path).notices)
    assert not any(suspects(site.aoi) for site in shipped_sites())


def test_every_shipped_box_holds_its_published_points_with_their_accuracy_and_two_kilometres() -> None:
    for site in shipped_sites():
        for point in site.points:
            room = box_around([point.geometry], margin_m=[(point.accuracy_m or 0.0) + MARGIN_M])
            assert site.aoi.buffer(1e-9).covers(room), (site.id, point.id)
