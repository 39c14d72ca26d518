from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
from shapely import LineString, MultiPolygon, Point, Polygon, box

from aoi.proposal import Answers, propose, site_from
from aoi.readers import read_candidates
from aoi.readers.dates import dates_in
from aoi.records import Extent, Sensitivity, ZoneKind
from evidence.errors import AoiError

RING = "126.03,39.53,0 126.07,39.53,0\n 126.07,39.57,0 126.03,39.57,0 126.03,39.53,0"
GOOGLE_EARTH = f"""<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2">
<Document><name>camp.kmz</name><Style id="s"/>
 <Folder><name>경계</name>
  <Placemark><name>fence 2016-02-07</name>
   <description><![CDATA[<img src="files/photo.jpg"/> told by X]]></description>
   <Polygon><outerBoundaryIs><LinearRing>
    <coordinates>{RING}</coordinates></LinearRing></outerBoundaryIs></Polygon>
  </Placemark>
  <Placemark><name>west side</name><TimeSpan><begin>2019-05</begin><end>2020-01-01T00:00:00Z</end></TimeSpan>
   <LineString><coordinates>126.03,39.53,0 126.03,39.55,0 126.035,39.57,0</coordinates></LineString>
  </Placemark>
 </Folder>
 <Folder><name>inside</name><Folder><name>Coal yard</name>
  <Placemark><name>yard A</name><MultiGeometry><Polygon><outerBoundaryIs><LinearRing><coordinates>
   126.04,39.54,0 126.042,39.54,0 126.042,39.542,0 126.04,39.542,0 126.04,39.54,0
  </coordinates></LinearRing></outerBoundaryIs></Polygon></MultiGeometry></Placemark></Folder>
  <Placemark><name>gate</name><Point><coordinates>126.03,39.55,12.5</coordinates></Point></Placemark>
 </Folder>
 <NetworkLink><Link><href>http://example.invalid/x.kml</href></Link></NetworkLink>
</Document></kml>"""


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def kmz(folder: Path, members: dict[str, str | bytes]) -> Path:
    path = folder / "camp.kmz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_google_earths_kmz_becomes_a_site(tmp_path: Path) -> None:
    proposal = propose(kmz(tmp_path, {"doc.kml": GOOGLE_EARTH, "files/photo.jpg": b"x"}))
    assert proposal.questions == ()
    assert any("1 further files" in notice for notice in proposal.notices)
    assert any("NetworkLink" in notice for notice in proposal.notices)
    reading = site_from(proposal)
    site = reading.site
    assert site.derived
    assert site.accepted
    assert not site.aoi.equals(site.boundaries[0].geometry)
    assert site.aoi.contains(site.boundaries[0].geometry)
    assert [(b.boundary_id, b.valid_from, b.valid_to, b.extent) for b in site.boundaries] == [
        ("fence-2016-02-07", "2016-02-07", None, Extent.COMPLETE),
        ("west-side", "2019-05", "2020-01-01", Extent.PARTIAL),
    ]
    assert [(z.id, z.kind) for z in site.zones] == [("yard-a", ZoneKind.STOCKYARD)]
    assert [p.id for p in site.points] == ["gate"]
    assert any("not taken over: description" in notice for notice in reading.notices)
    assert "told by X" not in repr(site)


def test_a_description_stays_only_when_kept_by_name(tmp_path: Path) -> None:
    answers = Answers(keep=("description",))
    site = site_from(propose(written(tmp_path, "a.kml", GOOGLE_EARTH), answers=answers), answers=answers).site
    assert "told by X" in site.boundaries[0].extra["description"]


def test_what_cannot_be_told_is_asked(tmp_path: Path) -> None:
    text = (
        GOOGLE_EARTH.replace("경계", "old")
        .replace("fence 2016-02-07", "outline")
        .replace("Coal yard", "stuff")
    )
    path = written(tmp_path, "a.kml", text)
    proposal = propose(path)
    assert [q.question for q in proposal.questions] == ["role", "role"]
    with pytest.raises(AoiError, match=r"outline.*role is not known \(and 1 more\)"):
        site_from(proposal)
    roles = {"outline": "boundary", "3": "zone:pit"}
    with pytest.raises(AoiError, match="date is not known"):
        site_from(propose(path, answers=Answers(roles=roles)))
    answered = Answers(roles=roles, dates={"outline": "2006~"}, public=True)
    site = site_from(propose(path, answers=answered), answers=answered).site
    assert site.boundaries[0].valid_from == "2006~"
    assert site.zones[0].kind is ZoneKind.PIT
    assert site.zones[0].sensitivity is Sensitivity.PUBLIC
    with pytest.raises(AoiError, match="no feature is called 'nobody'"):
        propose(path, answers=Answers(roles={"nobody": "skip"}))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.kml", "<kml>", "not KML"),
        ("a.kml", "<kml xmlns='http://www.opengis.net/kml/2.2'/>", "no placemarks"),
        ("a.kml", "<!DOCTYPE x [<!ENTITY a 'b'>]><kml>&a;</kml>", "not KML"),
        ("a.kml", GOOGLE_EARTH.replace("126.07,39.57,0", "126.07,abc,0"), "not a number"),
        ("a.kml", GOOGLE_EARTH.replace(RING, "126,39 126.1,39.1 126.1,39 126,39.1 126,39"), "crosses itself"),
        ("a.kmz", b"PK\x03\x04 nothing", "not a KMZ"),
        ("a.gpkg", b"SQLite format 3\x00 nothing", "GDAL cannot read it"),
        ("a.shp", b"\x00\x00\x27\x0a nothing", "the .shx is missing"),
        ("a.txt", "126.0 39.5", "not a format"),
        ("a.kml", "", "empty"),
    ],
)  # fmt: skip
def test_what_is_no_map_is_refused_in_one_line(tmp_path: Path, name: str, content: Any, reason: str) -> None:
    with pytest.raises(AoiError, match=reason) as caught:
        read_candidates(written(tmp_path, name, content), [])
    assert "\n" not in str(caught.value)


def test_a_kmz_without_kml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AoiError, match="holds no KML"):
        read_candidates(kmz(tmp_path, {"a.txt": "x"}), [])


@pytest.mark.parametrize("suffix", ["gpkg", "shp"])
@pytest.mark.parametrize("epsg", [4326, 32652, 5186])
def test_tables_in_any_coordinate_system(tmp_path: Path, suffix: str, epsg: int) -> None:
    polygons = [box(126.03, 39.53, 126.07, 39.57), MultiPolygon([box(126.01, 39.5, 126.02, 39.51)])]
    frame = gpd.GeoDataFrame(
        {"name": ["경계 2016", "pit"], "secret": ["x", "y"]}, geometry=polygons, crs=4326
    )
    path = tmp_path / f"a.{suffix}"
    frame.to_crs(epsg).to_file(path, encoding="utf-8")
    proposal = propose(path)
    assert [(f.role, f.date) for f in proposal.features] == [("boundary", "2016"), ("zone", None)]
    assert proposal.features[0].candidate.geometry.symmetric_difference(polygons[0]).area < 1e-9
    assert any("not taken over: secret" in notice for notice in site_from(proposal).notices)
    assert any("EPSG:4326" in notice for notice in proposal.notices) == (epsg != 4326)


def test_a_shapefile_without_its_projection_is_refused(tmp_path: Path) -> None:
    gpd.GeoDataFrame({"name": ["a"]}, geometry=[box(1, 1, 2, 2)], crs=4326).to_file(tmp_path / "a.shp")
    (tmp_path / "a.prj").unlink()
    with pytest.raises(AoiError, match=r"coordinate system it is in"):
        read_candidates(tmp_path / "a.shp", [])


def test_every_layer_of_a_geopackage_is_read(tmp_path: Path) -> None:
    for layer, geometry in {
        "fence": LineString([(126, 39), (126.1, 39.1)]),
        "points": Point(126, 39),
    }.items():
        gpd.GeoDataFrame({"n": [1]}, geometry=[geometry], crs=4326).to_file(tmp_path / "a.gpkg", layer=layer)
    found = read_candidates(tmp_path / "a.gpkg", [])
    assert [(c.folder, c.geometry.geom_type) for c in found] == [
        (("fence",), "LineString"),
        (("points",), "Point"),
    ]


@pytest.mark.parametrize(
    ("text", "dates"),
    [
        ("fence 2016-02-07", ("2016-02-07",)),
        ("20160207_fence", ("2016-02-07",)),
        ("2016.2.7", ("2016-02-07",)),
        ("perimeter 2016-02", ("2016-02",)),
        ("7 Feb 2016", ("2016-02-07",)),
        ("February 2016", ("2016-02",)),
        ("Sept. 29, 2016", ("2016-09-29",)),
        ("2016년 2월 7일 경계", ("2016-02-07",)),
        ("2016년 경계", ("2016",)),
        ("built 2006 to 2013", ("2006", "2013")),
        ("Camp 18", ()),
        ("No. 20160", ()),
        ("2016-13", ()),
    ],
)
def test_dates_in_names(text: str, dates: tuple[str, ...]) -> None:
    assert dates_in(text) == dates


def test_a_lone_polygon_is_the_aoi_unless_it_calls_itself_a_boundary(tmp_path: Path) -> None:
    one = (
        "<kml><Placemark><name>{}</name><LinearRing><coordinates>"
        + RING
        + "</coordinates></LinearRing></Placemark></kml>"
    )
    plain = site_from(propose(written(tmp_path, "plain.kml", one.format("North valley")))).site
    assert plain.id == "north-valley"
    assert plain.aoi.equals(Polygon([(126.03, 39.53), (126.07, 39.53), (126.07, 39.57), (126.03, 39.57)]))
    dated = site_from(propose(written(tmp_path, "dated.kml", one.format("perimeter 2014")))).site
    assert dated.boundaries[0].valid_from == "2014"
    assert dated.aoi.area > 2 * dated.boundaries[0].geometry.area
