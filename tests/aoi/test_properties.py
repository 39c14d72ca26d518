"""Round trips of any valid site, and nothing but an AoiError from any input."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPolygon, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from aoi.edtf import parse_date
from aoi.names import name_keys, slug_from
from aoi.proposal import propose, site_from
from aoi.readers.kml import read_kml
from aoi.records import (
    Boundary,
    Extent,
    PublishedPoint,
    Purpose,
    Sensitivity,
    Site,
    TracedImage,
    Zone,
    ZoneKind,
)
from aoi.shapes import ShapeReader
from aoi.site_file import json_document, read_site_file, site_of, site_text, write_site
from evidence.errors import AoiError

CALM = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
text = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)
words = text.map(str.strip).filter(bool)
maybe = st.none() | words
sensitivities = st.sampled_from(Sensitivity)
metres = st.none() | st.floats(0.1, 1e5)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e6, 1e6) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
extras = st.dictionaries(words, plain, max_size=3)
dates = st.tuples(st.integers(1990, 2026), st.integers(1, 12)).map(lambda d: f"{d[0]}-{d[1]:02d}")


@st.composite
def polygons(draw: st.DrawFn) -> Polygon | MultiPolygon:
    west, south = draw(st.floats(120, 130)), draw(st.floats(36, 42))
    size = draw(st.floats(0.01, 0.3))
    square = box(west, south, west + size, south + size, ccw=True)
    if draw(st.booleans()):
        hole = box(west + size / 4, south + size / 4, west + size / 2, south + size / 2, ccw=True)
        square = Polygon(square.exterior, [hole.exterior.coords[::-1]])
    if draw(st.booleans()):
        return MultiPolygon([square, box(west + 2 * size, south, west + 3 * size, south + size, ccw=True)])
    return square


images = st.builds(TracedImage, provider=maybe, id=words, date=st.none() | dates, resolution_m=metres)


@st.composite
def boundaries(draw: st.DrawFn) -> tuple[Boundary, ...]:
    years = draw(st.lists(st.integers(1995, 2025), unique=True, max_size=3).map(sorted))
    found = []
    for number, year in enumerate(years):
        later = years[number + 1] if number + 1 < len(years) else None
        partial = draw(st.booleans())
        end = str(later) if later and not partial else draw(st.none() | st.just(f"{year + 1}-01"))
        if later and not partial:
            end = str(later)
        line = LineString([(126, 39), (126.1, 39.05), (126.1, 39.2)])
        found.append(
            Boundary(
                boundary_id=f"v{number}",
                geometry=line if partial else draw(polygons()),
                valid_from=f"{year}{draw(st.sampled_from(['', '~', '?']))}",
                valid_to=end,
                extent=Extent.PARTIAL if partial else Extent.COMPLETE,
                source=draw(maybe),
                image=draw(st.none() | images),
                accuracy_m=draw(metres),
                accuracy_kind=draw(st.sampled_from([None, "rmse", "ce90"])),
                basis=draw(st.sampled_from([None, "observed", "inferred", "copied"])),
                digitised_by=draw(maybe),
                note=draw(maybe),
                sensitivity=draw(sensitivities),
                extra=draw(extras),
            )
        )
    return tuple(found)


@st.composite
def sites(draw: st.DrawFn) -> Site:
    zones = tuple(
        Zone(
            id=f"z{n}",
            kind=draw(st.sampled_from(ZoneKind)),
            geometry=draw(polygons()),
            name=draw(maybe),
            sensitivity=draw(sensitivities),
            extra=draw(extras),
        )
        for n in range(draw(st.integers(0, 2)))
    )
    points = tuple(
        PublishedPoint(
            id=f"p{n}",
            geometry=Point(draw(st.floats(-180, 180)), draw(st.floats(-90, 90))),
            name=draw(maybe),
            source=draw(maybe),
            source_url=draw(maybe),
            accuracy_m=draw(metres),
            note=draw(maybe),
            confidence=draw(st.sampled_from([None, "high", "moderate", "low"])),
            sensitivity=draw(sensitivities),
            extra=draw(extras),
        )
        for n in range(draw(st.integers(0, 2)))
    )
    return Site(
        id=draw(st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8})?", fullmatch=True)),
        name=draw(words),
        aoi=draw(polygons()),
        name_ko=draw(maybe),
        aliases=tuple(draw(st.lists(words, max_size=3))),
        kind=draw(maybe),
        status=draw(maybe),
        source=draw(maybe),
        source_url=draw(maybe),
        accuracy_m=draw(metres),
        confidence=draw(st.sampled_from([None, "high", "low"])),
        note=draw(maybe),
        derived=draw(st.booleans()),
        accepted=draw(st.booleans()),
        purpose=draw(st.sampled_from(Purpose)),
        contested=tuple(draw(st.lists(words, max_size=2))),
        reported_area_km2=draw(metres),
        sensitivity=draw(sensitivities),
        boundaries=draw(boundaries()),
        zones=zones,
        points=points,
        extra=draw(extras),
    )


@given(site=sites())
@CALM
def test_the_round_trip_of_any_valid_site_loses_nothing(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "site.geojson"
    write_site(path, site)
    reading = read_site_file(path)
    assert reading.site == site
    assert reading.notices == ()
    assert site_text(reading.site) == path.read_text(encoding="utf-8")


def as_kml(geometry: BaseGeometry) -> str:
    """KML of a geometry."""
    if hasattr(geometry, "geoms"):
        return f"<MultiGeometry>{''.join(as_kml(part) for part in geometry.geoms)}</MultiGeometry>"
    if isinstance(geometry, Polygon):
        rings = [("outer", geometry.exterior), *(("inner", ring) for ring in geometry.interiors)]
        drawn = (f"<{side}BoundaryIs>{as_kml(ring)}</{side}BoundaryIs>" for side, ring in rings)
        return f"<Polygon>{''.join(drawn)}</Polygon>"
    positions = " ".join(f"{x!r},{y!r}" for x, y in geometry.coords)
    return f"<{geometry.geom_type}><coordinates>{positions}</coordinates></{geometry.geom_type}>"


@given(site=sites())
@CALM
def test_kml_gives_every_geometry_back(site: Site) -> None:
    records = (*site.boundaries, *site.zones, *site.points)
    shapes = [site.aoi, *(record.geometry for record in records)]
    marks = "".join(f"<Placemark>{as_kml(shape)}</Placemark>" for shape in shapes)
    found = read_kml(f"<kml>{marks}</kml>".encode(), [])
    assert len(found) == 1 + len(records)
    assert found[0].geometry.equals(site.aoi)
    assert all(c.geometry.equals(r.geometry) for c, r in zip(found[1:], records, strict=True))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=20,
)
KINDS = ["Polygon", "MultiPolygon", "LineString", "Point", "GeometryCollection"]
numbers = (
    st.floats(-400, 400) | st.integers(-(10**400), 10**400) | st.just("126.1") | st.none() | st.booleans()
)
positions = st.lists(numbers, max_size=4)
rings = st.lists(positions | st.tuples(st.floats(125, 127), st.floats(39, 40)).map(list), max_size=8)
geometries = st.fixed_dictionaries(
    {
        "type": st.sampled_from(KINDS) | json_values,
        "coordinates": json_values
        | st.lists(rings, max_size=3)
        | rings
        | positions
        | st.lists(st.lists(rings)),
        "geometries": json_values,
    }
)
features = st.fixed_dictionaries(
    {
        "type": st.just("Feature"),
        "geometry": geometries | json_values,
        "properties": json_values
        | st.dictionaries(
            st.sampled_from(
                ["role", "id", "name", "kind", "valid_from", "boundary_id", "image", "aliases", "extra"]
            ),
            json_values | st.sampled_from(["aoi", "boundary", "zone", "point", "2016", "pit", "a"]),
        ),
    }
)
documents = json_values | st.fixed_dictionaries(
    {
        "type": st.just("FeatureCollection") | json_values,
        "features": st.lists(features, max_size=3) | json_values,
    },
    optional={"crs": json_values | st.just({"properties": {"name": "EPSG:32652"}})},
)


@given(document=documents)
@settings(max_examples=250, deadline=None)
def test_no_document_raises_anything_but_an_aoi_error(document: Any) -> None:
    with suppress(AoiError):
        site_of(document, name="x")


@given(document=documents)
@settings(max_examples=150, deadline=None)
def test_no_brought_document_raises_anything_but_an_aoi_error(
    document: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "brought.geojson"
    path.write_text(json.dumps(document), encoding="utf-8")
    with suppress(AoiError):
        site_from(propose(path))


@given(data=st.binary(max_size=200) | st.text(max_size=100).map(lambda t: f"<kml>{t}</kml>".encode()))
@settings(max_examples=200, deadline=None)
def test_no_bytes_raise_anything_but_an_aoi_error(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.bin"
    path.write_bytes(data)
    with suppress(AoiError):
        read_site_file(path)
    with suppress(AoiError):
        site_from(propose(path))


@given(name=st.text(max_size=40))
def test_any_name_has_keys_and_a_slug_or_none(name: str) -> None:
    assert name_keys(name) == name_keys(name)
    assert slug_from(name) == slug_from(slug_from(name))


@given(
    value=st.text(max_size=12) | st.from_regex(r"[0-9X]{4}(-[0-9X]{2}(-[0-9X]{2})?)?[?~%]?", fullmatch=True)
)
def test_a_date_is_a_range_or_an_aoi_error(value: str) -> None:
    with suppress(AoiError):
        span = parse_date(value)
        assert span.earliest <= span.latest


def ring(*xy: tuple[float, float]) -> list[list[float]]:
    return [[126.0 + x / 100, 39.0 + y / 100] for x, y in xy]


SQUARE = ring((0, 0), (10, 0), (10, 10), (0, 10), (0, 0))


@pytest.mark.parametrize(
    ("rings_", "notice", "hectares"),
    [
        ([SQUARE[::-1]], None, 9601),
        ([SQUARE[:-1]], "open ring was closed", 9601),
        ([[*SQUARE[:2], SQUARE[1], *SQUARE[2:]]], "repeated vertices", 9601),
        ([ring((0, 0), (10, 0), (10, 10), (15, 10), (10, 10), (0, 10), (0, 0))], "touches itself", 9601),
        (
            [ring((0, 0), (5, 0), (5, 5), (10, 5), (10, 10), (5, 10), (5, 5), (0, 5), (0, 0))],
            "touches itself",
            4800,
        ),
        (
            [
                SQUARE,
                ring((2, 2), (6, 2), (6, 6), (2, 6), (2, 2)),
                ring((4, 4), (8, 4), (8, 8), (4, 8), (4, 4)),
            ],
            "holes were joined",
            6913,
        ),
        ([SQUARE, ring((2, 2), (2.001, 2), (2.001, 2.001), (2, 2.001), (2, 2))], "slivers", 9601),
    ],
)
def test_what_has_one_meaning_is_repaired_with_a_notice(
    rings_: Any, notice: str | None, hectares: float
) -> None:
    notices: list[str] = []
    shape = ShapeReader(notices).read({"type": "Polygon", "coordinates": rings_}, where="f")
    assert isinstance(shape, (Polygon, MultiPolygon))
    assert shape.is_valid
    assert shape.area * 1e6 == pytest.approx(hectares / 9601 * 1e4, rel=0.01)
    assert bool(notices) == (notice is not None)
    assert notice is None or notice in notices[0]


@pytest.mark.parametrize(
    ("rings_", "reason"),
    [
        ([ring((0, 0), (10, 10), (10, 0), (0, 10), (0, 0))], "crosses itself"),
        ([[*SQUARE, *SQUARE[1:]]], "crosses itself"),
        ([SQUARE, ring((8, 8), (12, 8), (12, 12), (8, 12), (8, 8))], "reaches outside"),
        (
            [
                SQUARE,
                ring((1, 1), (9, 1), (9, 9), (1, 9), (1, 1)),
                ring((3, 3), (5, 3), (5, 5), (3, 5), (3, 3)),
            ],
            "inside another hole",
        ),
        ([ring((0, 0), (0.005, 0), (0.005, 0.005), (0, 0.005), (0, 0))], "less than one pixel"),
    ],
)
def test_what_has_more_than_one_meaning_is_refused(rings_: Any, reason: str) -> None:
    with pytest.raises(AoiError, match=reason):
        ShapeReader([]).read({"type": "Polygon", "coordinates": rings_}, where="f")


def test_the_antimeridian_is_cut_and_kept_together() -> None:
    for east in (-179.9, 180.1):
        ring_ = [[179.9, 0.0], [east, 0.0], [east, 0.1], [179.9, 0.1], [179.9, 0.0]]
        shape = ShapeReader([]).read({"type": "Polygon", "coordinates": [ring_]}, where="f")
        site = Site(id="a", name="a", aoi=shape)  # type: ignore[arg-type]
        assert site.bounds == pytest.approx((179.9, 0.0, -179.9, 0.1))
        again = site_of(json_document(site_text(site).encode(), name="a"), name="a").site
        assert again.aoi.equals(shape)


def test_versions_in_time_are_ordered_closed_or_refused() -> None:
    def document(*spans: tuple[str, str | None]) -> Any:
        members: list[dict[str, str | None]] = [{"role": "aoi", "id": "a", "name": "a"}]
        members += [
            {"role": "boundary", "boundary_id": f"b{n}", "valid_from": f, "valid_to": t}
            for n, (f, t) in enumerate(spans)
        ]  # type: ignore[dict-item]
        geometry = {"type": "Polygon", "coordinates": [SQUARE]}
        return {
            "type": "FeatureCollection",
            "features": [{"type": "Feature", "properties": p, "geometry": geometry} for p in members],
        }

    reading = site_of(document(("2016", None), ("2010", None)), name="a")
    assert [(b.boundary_id, b.valid_to) for b in reading.site.boundaries] == [("b1", "2016"), ("b0", None)]
    assert "ends where" in reading.notices[0]
    with pytest.raises(AoiError, match="ends on 2017-01-01, after"):
        site_of(document(("2010", "2017"), ("2016", None)), name="a")
    with pytest.raises(AoiError, match="both begin"):
        site_of(document(("2016", None), ("2016-01", None)), name="a")


def test_ids_given_twice() -> None:
    zone = {
        "type": "Feature",
        "properties": {"role": "zone", "id": "z", "kind": "pit"},
        "geometry": {"type": "Polygon", "coordinates": [SQUARE]},
    }
    aoi = {**zone, "properties": {"role": "aoi", "id": "a"}}
    reading = site_of({"type": "FeatureCollection", "features": [aoi, zone, zone]}, name="a")
    assert len(reading.site.zones) == 1
    assert "exact repetition" in reading.notices[0]
    other = json.loads(json.dumps(zone).replace("pit", "spoil"))
    with pytest.raises(AoiError, match="'z' is given to two different"):
        site_of({"type": "FeatureCollection", "features": [aoi, zone, other]}, name="a")
