"""Site files as programs and people write them: each kind with inputs of its own."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, box
from shapely.geometry import mapping

from aoi.geodesy import area_ha
from aoi.proposal import Answers, condensed, places_from, propose, site_from
from aoi.readers import read_candidates
from aoi.readers.dates import dates_in, is_range
from aoi.readers.tables import angle, coordinate_pair
from aoi.registry import search, shipped_sites
from evidence.errors import AoiError

OUTLINE = "126.0,39.5,0 126.03,39.5,0 126.03,39.53,0 126.0,39.53,0 126.0,39.5,0"
YARD = "126.01,39.51 126.014,39.51 126.014,39.513 126.01,39.513 126.01,39.51"


def polygon(coordinates: str) -> str:
    ring = f"<LinearRing><coordinates>{coordinates}</coordinates></LinearRing>"
    return f"<Polygon><outerBoundaryIs>{ring}</outerBoundaryIs></Polygon>"


def placemark(name: str, inner: str) -> str:
    return f"<Placemark><name>{name}</name>{inner}</Placemark>"


GOOD = placemark("perimeter 2016-05-01", polygon(OUTLINE)) + placemark("저탄장", polygon(YARD))


def kml(body: str = GOOD, head: str = '<?xml version="1.0" encoding="UTF-8"?>', attributes: str = "") -> str:
    return f'{head}<kml xmlns="http://www.opengis.net/kml/2.2"{attributes}><Document>{body}</Document></kml>'


def read(tmp_path: Path, data: bytes | str, name: str = "a.kml", **options):
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    notices: list[str] = []
    return read_candidates(path, notices, **options), notices


@pytest.mark.parametrize(
    ("text", "encoding", "said"),
    [
        (kml(head='<?xml version="1.0" encoding="EUC-KR"?>'), "cp949", ""),
        (kml(head='<?xml version="1.0" encoding="ks_c_5601-1987"?>'), "cp949", ""),
        (kml(), "cp949", "read as CP949"),
        (kml(head='<?xml version="1.0" encoding="UTF-16"?>'), "utf-16", ""),
        (kml(head=""), "utf-16-le", ""),
        ("\ufeff" + kml(), "utf-8", ""),
        ("\r\n \n" + kml(), "utf-8", ""),
        (kml(GOOD + "<description>a\x0bb&#x1f;</description>"), "utf-8", "control characters"),
        (kml(GOOD.replace("perimeter", "camp &nbsp;&eacute; &amp; perimeter")), "utf-8", "&nbsp;"),
        (kml(GOOD.replace("perimeter", "coal & co perimeter")), "utf-8", "a bare &"),
        (kml(GOOD, attributes=' xsi:schemaLocation="a b"'), "utf-8", "xsi"),
        (kml(GOOD + "<gx:Tour><gx:Playlist/></gx:Tour>"), "utf-8", "gx"),
        (kml(GOOD + "<description><![CDATA[<b>a & b:c &nope;</b>]]></description>"), "utf-8", ""),
    ],
)
def test_text_with_small_faults_is_read_with_a_notice(tmp_path, text, encoding, said):
    found, notices = read(tmp_path, text.encode(encoding))
    assert [one.name.split()[-1] for one in found] == ["2016-05-01", "저탄장"]
    mended = [notice for notice in notices if "heights" not in notice]
    assert any(said in notice for notice in mended) if said else mended == []


def test_bytes_that_are_no_text_ask_for_the_encoding(tmp_path):
    data = kml(GOOD.replace("저탄장", "Küche"), head="<?xml version='1.0'?>").encode("latin-1")
    with pytest.raises(AoiError, match="--encoding"):
        read(tmp_path, data)
    found, _ = read(tmp_path, data, encoding="latin-1")
    assert found[1].name == "Küche"


@pytest.mark.parametrize(
    "inner",
    [
        "<address>somewhere</address>",
        "<Point><coordinates/></Point>",
        "<MultiGeometry/>",
        "<MultiGeometry><MultiGeometry/><Point/></MultiGeometry>",
        "<Polygon/>",
    ],
)
def test_a_placemark_without_a_place_costs_no_other(tmp_path, inner):
    found, notices = read(tmp_path, kml(placemark("Office", inner) + GOOD))
    assert len(found) == 2
    assert "placemark 1 (Office): no geometry, left out" in notices


def test_a_file_without_any_place_is_refused(tmp_path):
    with pytest.raises(AoiError, match="no placemarks with a geometry"):
        read(tmp_path, kml(placemark("Office", "<address>x</address>")))


def test_a_label_point_beside_an_outline_is_left_out(tmp_path):
    label = "<Point><coordinates>126.01,39.51</coordinates></Point>"
    both = f"<MultiGeometry>{label}{polygon(OUTLINE)}</MultiGeometry>"
    found, notices = read(tmp_path, kml(placemark("fence 2016", both)))
    assert [one.geometry.geom_type for one in found] == ["Polygon"]
    assert any("label" in notice for notice in notices)


def test_outlines_and_paths_of_one_placemark_are_taken_apart(tmp_path):
    line = "<LineString><coordinates>126,39.5 126.02,39.52</coordinates></LineString>"
    found, _ = read(tmp_path, kml(placemark("x", f"<MultiGeometry>{polygon(OUTLINE)}{line}</MultiGeometry>")))
    assert [one.geometry.geom_type for one in found] == ["Polygon", "LineString"]


def test_a_track_is_a_path_with_its_days(tmp_path):
    track = (
        "<gx:Track><when>2019-05-03T01:00:00Z</when><when>2019-05-04T01:00:00Z</when>"
        "<gx:coord>126.0 39.5 10</gx:coord><gx:coord>126.01 39.51 10</gx:coord></gx:Track>"
    )
    found, _ = read(tmp_path, kml(placemark("walk", track)))
    assert found[0].geometry.geom_type == "LineString"
    assert (found[0].begin, found[0].end) == ("2019-05-03", "2019-05-04")


def test_time_spans_of_folders_are_inherited(tmp_path):
    span = "<TimeSpan><begin>2015-04</begin><end>2017-01-01</end></TimeSpan>"
    body = f"<Folder><name>old</name>{span}{placemark('perimeter', polygon(OUTLINE))}</Folder>"
    found, _ = read(tmp_path, kml(body))
    assert (found[0].begin, found[0].end, found[0].folder) == ("2015-04", "2017-01-01", ("old",))


def archive(members: dict[str, bytes | str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as held:
        for name, data in members.items():
            held.writestr(name, data)
    return buffer.getvalue()


def test_every_document_of_a_kmz_is_read_and_a_macs_forks_are_not(tmp_path):
    link = "<NetworkLink><Link><href>files/second.kml</href></Link></NetworkLink>"
    away = "<NetworkLink><Link><href>https://example.org/a.kml</href></Link></NetworkLink>"
    members = {
        "__MACOSX/._doc.kml": b"\x00\x05\x16\x07",
        "._doc.kml": b"\x00\x05\x16\x07",
        "doc.kml": kml(placemark("perimeter 2016-05-01", polygon(OUTLINE)) + link + away),
        "files/second.kml": kml(placemark("저탄장", polygon(YARD))),
        "files/photo.jpg": b"x",
    }
    found, notices = read(tmp_path, archive(members), "a.kmz")
    assert [one.name for one in found] == ["perimeter 2016-05-01", "저탄장"]
    assert "not taken over: NetworkLink to https://example.org/a.kml" in notices
    assert "1 further files in the KMZ (photos, icons) were not taken over" in notices


def shapefile(folder: Path, *, encoding: str) -> Path:
    frame = gpd.GeoDataFrame(
        {"name": ["경계 2016-05-01", "저탄장"]},
        geometry=[shapely.box(126.0, 39.5, 126.03, 39.53), shapely.box(126.01, 39.51, 126.014, 39.513)],
        crs=4326,
    )
    frame.to_file(folder / "site.shp", encoding=encoding)
    (folder / "site.cpg").unlink(missing_ok=True)
    return folder / "site.shp"


@pytest.mark.parametrize("encoding", ["cp949", "utf-8"])
def test_a_shapefile_without_cpg_says_which_code_page_was_taken(tmp_path, encoding):
    path = shapefile(tmp_path, encoding=encoding)
    notices: list[str] = []
    found = read_candidates(path, notices)
    assert [one.name for one in found] == ["경계 2016-05-01", "저탄장"]
    assert any(encoding.upper() in notice for notice in notices)


@pytest.mark.parametrize("folder", ["", "export/경계/"])
def test_a_zipped_shapefile_is_read_where_it_lies(tmp_path, folder):
    path = shapefile(tmp_path, encoding="utf-8")
    data = archive({folder + p.name: p.read_bytes() for p in path.parent.glob("site.*")})
    found, _ = read(tmp_path, data, "site.zip")
    assert [one.name for one in found] == ["경계 2016-05-01", "저탄장"]


def test_an_archive_of_nothing_readable_says_what_can_be_read(tmp_path):
    with pytest.raises(AoiError, match="nothing that can be read"):
        read(tmp_path, archive({"a.dwg": b"x"}), "a.zip")


def test_geojson_of_any_spelling_without_some_geometries(tmp_path):
    outline = {
        "type": "Polygon",
        "coordinates": [[[126, 39.5], [126.03, 39.5], [126.03, 39.53], [126, 39.5]]],
    }
    features = [
        {"type": "Feature", "properties": {"name": "경계 2016"}, "geometry": outline},
        {"type": "Feature", "properties": {"name": "note"}, "geometry": None},
        {
            "type": "Feature",
            "properties": {"name": "empty"},
            "geometry": {"type": "GeometryCollection", "geometries": []},
        },
    ]
    text = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp949"):
        found, notices = read(tmp_path, text.encode(encoding), "a.geojson")
        assert [one.name for one in found] == ["경계 2016"]
        assert len([notice for notice in notices if "no geometry" in notice]) == 2


@pytest.mark.parametrize(
    ("text", "dates"),
    [
        ("2016. 2. 28.", ("2016-02-28",)),
        ("경계 2016년 2월 28일", ("2016-02-28",)),
        ("2016년 2월", ("2016-02",)),
        ("2016년", ("2016",)),
        ("fence 28 Feb 2016", ("2016-02-28",)),
        ("Feb 28, 2016 fence", ("2016-02-28",)),
        ("28th February 2016", ("2016-02-28",)),
        ("2/28/2016", ("2016-02-28",)),
        ("28/2/2016", ("2016-02-28",)),
        ("28.2.2016", ("2016-02-28",)),
        ("IMG_20160228_1", ("2016-02-28",)),
        ("03/04/2016", ("2016-03-04", "2016-04-03")),
        ("Mine 1204", ()),
        ("2016-02-30", ()),
        ("2006-13", ()),
    ],
)
def test_dates_as_people_write_them(text, dates):
    assert dates_in(text) == dates


@given(
    st.dates(
        min_value=__import__("datetime").date(1950, 1, 1), max_value=__import__("datetime").date(2049, 12, 31)
    )
)
@settings(max_examples=60, deadline=None)
def test_a_date_in_korean_american_and_iso_spelling_is_the_same_day(day):
    for text in (
        f"{day.year}. {day.month}. {day.day}.",
        f"{day:%b} {day.day}, {day.year}",
        f"{day:%Y-%m-%d}",
        f"{day:%Y%m%d}",
    ):
        assert dates_in(text) == (day.isoformat(),)


def test_a_range_is_begin_and_end(tmp_path):
    path = tmp_path / "a.kml"
    path.write_text(kml(placemark("perimeter 2014-03 to 2016-02", polygon(OUTLINE))))
    site = site_from(propose(path)).site
    assert (site.boundaries[0].valid_from, site.boundaries[0].valid_to) == ("2014-03", "2016-02")
    assert is_range("2014-2016", ("2014", "2016"))


def test_a_date_with_two_meanings_is_asked_for(tmp_path):
    path = tmp_path / "a.kml"
    path.write_text(kml(placemark("perimeter 03/04/2016", polygon(OUTLINE))))
    proposal = propose(path)
    assert proposal.questions[0].meanings == ("2016-03-04", "2016-04-03")
    with pytest.raises(AoiError, match="2016-03-04 or 2016-04-03"):
        site_from(proposal)
    answers = Answers(dates={"1": "2016-04-03"})
    assert site_from(propose(path, answers=answers)).site.boundaries[0].valid_from == "2016-04-03"


@pytest.mark.parametrize(("gap_deg", "closed"), [(0.0, True), (0.00008, True), (0.002, False)])
def test_a_path_that_ends_where_it_began_is_a_perimeter(tmp_path, gap_deg, closed):
    path = tmp_path / "a.kml"
    ring = f"126.0,39.5 126.03,39.5 126.03,39.53 126.0,39.53 {126.0 + gap_deg},{39.5 + gap_deg}"
    path.write_text(
        kml(placemark("fence 2016-05-01", f"<LineString><coordinates>{ring}</coordinates></LineString>"))
    )
    reading = site_from(propose(path))
    boundary = reading.site.boundaries[0]
    assert isinstance(boundary.geometry, Polygon) == closed
    assert (boundary.extent == "complete") == closed
    if closed:
        whole = Polygon([(126.0, 39.5), (126.03, 39.5), (126.03, 39.53), (126.0, 39.53)])
        assert area_ha(boundary.geometry) == pytest.approx(area_ha(whole), rel=1e-3)
        assert any("closed perimeter" in notice for notice in reading.notices)


def test_what_google_earth_cannot_carry_is_said_on_the_command_line(tmp_path):
    path = tmp_path / "a.kml"
    path.write_text(kml())
    answers = Answers(
        accuracy_m=6.0, image={"provider": "Maxar", "id": "x", "date": "2016-04-28"}, criterion="fence"
    )
    boundary = site_from(propose(path, answers=answers), answers=answers).site.boundaries[0]
    assert (boundary.accuracy_m, boundary.image.provider, boundary.criterion) == (6.0, "Maxar", "fence")


def test_a_gate_pin_does_not_blow_up_the_box(tmp_path):
    path = tmp_path / "a.kml"
    path.write_text(kml())
    without = site_from(propose(path)).site
    path.write_text(kml(GOOD + placemark("gate", "<Point><coordinates>126.015,39.5</coordinates></Point>")))
    assert area_ha(site_from(propose(path)).site.aoi) < 1.01 * area_ha(without.aoi)


def pin(name: str, lon: float, lat: float) -> str:
    return placemark(name, f"<Point><coordinates>{lon},{lat}</coordinates></Point>")


def forty_camps() -> str:
    """Two folders by status, names of two lines, two of them shipped sites."""
    marks = [pin(f"Camp {n}\n수용소 {n}", 124.5 + 0.15 * (n % 8), 37.9 + 0.2 * (n // 8)) for n in range(38)]
    known = [pin("Camp 18\n제18호 관리소", 126.08597, 39.55965), pin("Camp 25 Chongjin", 129.726, 41.834)]
    active = f"<Folder><name>active</name>{''.join(marks[:20] + known)}</Folder>"
    return kml(f"{active}<Folder><name>closed</name>{''.join(marks[20:])}</Folder>")


def test_a_list_of_forty_camps_is_one_site_each_and_none_accepted(tmp_path):
    path = tmp_path / "camps.kml"
    path.write_text(forty_camps())
    places = places_from(propose(path))
    assert len(places) == 40
    assert not any(place.reading.site.accepted for place in places)
    assert [place.known.id for place in places if place.known is not None] == ["camp-18", "camp-25"]
    first = places[0].reading.site
    assert (first.name, first.name_ko, first.status) == ("Camp 0", "수용소 0", "active")
    assert len({place.reading.site.id for place in places}) == 40


def test_one_box_over_a_country_is_never_accepted_without_a_word(tmp_path):
    path = tmp_path / "camps.kml"
    path.write_text(forty_camps())
    reading = site_from(propose(path))
    assert not reading.site.accepted
    assert any("stretched by" in notice and "Camp" in notice for notice in reading.notices)
    assert any("--each" in notice for notice in reading.notices)


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("39.5597", 39.5597),
        ("39,5597", 39.5597),
        ("39°33'34.9\"N", 39.559694),
        ("N39 33 34.9", 39.559694),
        ("39° 33.582' N", 39.5597),
        ("북위 39도 33분 34.9초", 39.559694),
        ("126°5′9.5″ W", -126.085972),
    ],
)
def test_angles_as_people_write_them(text, degrees):
    assert angle(text, "x") == pytest.approx(degrees, abs=1e-5)


def test_pairs_of_coordinates_in_one_cell():
    for text in (
        "39.5597, 126.0860",
        "126.0860 39.5597",
        "39°33'34.9\"N 126°5'9.6\"E",
        "126°5'9.6\"E, 39°33'34.9\"N",
    ):
        lon, lat = coordinate_pair(text)
        assert (lon, lat) == (pytest.approx(126.086, abs=1e-4), pytest.approx(39.5597, abs=1e-4))
    assert coordinate_pair("Pukchang") is None


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp949"])
@pytest.mark.parametrize("separator", [",", ";"])
def test_a_csv_of_places_in_korean_excels_spelling(tmp_path, encoding, separator):
    rows = [
        ["명칭", "위도", "경도", "상태"],
        ["남덕 탄광", "39.60", "126.10", "active"],
        ["?", "", "", ""],
        ["Ramjo", "39°36'N", "126°40'E", ""],
    ]
    text = "\n".join(separator.join(row) for row in rows)
    found, notices = read(tmp_path, text.encode(encoding), "mines.csv")
    assert [one.name for one in found] == ["남덕 탄광", "Ramjo"]
    assert found[1].geometry.y == pytest.approx(39.6)
    assert any("row 2" in notice and "left out" in notice for notice in notices)


RING_WKT = "((126.03 39.53, 126.07 39.53, 126.07 39.57, 126.03 39.57, 126.03 39.53))"


def test_a_csv_with_outlines_as_qgis_and_postgis_write_them(tmp_path):
    rows = [
        f'"POLYGON {RING_WKT}",fence 2016',
        f'"SRID=4326;MULTIPOLYGON({RING_WKT})",yard',
        '"LINESTRING Z (126.03 39.53 1, 126.03 39.57 2)",track',
        '"POINT (126.05 39.55)",gate',
        '"POLYGON EMPTY",nothing',
        f'"SRID=5186;POLYGON {RING_WKT}",elsewhere',
        '"POLYGON ((126 39, 127 39))",broken',
        "0101000020E6100000,binary",
    ]
    for heading in ("WKT,name", "the_geom,name", "도형,이름"):
        found, notices = read(tmp_path, "\n".join([heading, *rows]), "a.csv")
        assert [one.name for one in found] == ["fence 2016", "yard", "track", "gate"]
        assert [one.geometry.geom_type for one in found] == ["Polygon", "Polygon", "LineString", "Point"]
        assert found[0].geometry.equals(shapely.box(126.03, 39.53, 126.07, 39.57))
        told = " ".join(notices)
        for why in (
            "EPSG:5186",
            "no coordinates",
            "'POLYGON ((126 39, 127 39))' is no well-known",
            "'0101000",
        ):
            assert why in told
    with pytest.raises(AoiError, match="out of range"):
        read(tmp_path, 'WKT,name\n"POINT (957000 2057000)",metres\n', "a.csv")


def test_an_outline_of_many_corners_stands_in_one_cell(tmp_path):
    ring = shapely.Point(126.05, 39.55).buffer(0.02, quad_segs=2000)
    found, _ = read(tmp_path, f'WKT,name\n"{ring.wkt}",fence 2016\n', "a.csv")
    assert len(ring.wkt) > 131_072
    assert found[0].geometry.symmetric_difference(ring).area < 1e-3 * ring.area
    found, _ = read(tmp_path, "geometry,lat,lon\n{},39.5,126.1\n", "b.csv")
    assert (found[0].geometry.x, found[0].geometry.y) == (126.1, 39.5)


def test_a_workbook_with_mgrs(tmp_path):
    from openpyxl import Workbook

    book = Workbook()
    for row in (["Name", "MGRS"], ["Camp 18", "52S BJ 49651 82946"]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    found, _ = read(tmp_path, (tmp_path / "a.xlsx").read_bytes(), "a.xlsx")
    assert found[0].geometry.distance(shapely.Point(126.086, 39.5597)) < 1e-4


def test_a_table_without_coordinates_says_which_columns_are_missing(tmp_path):
    with pytest.raises(AoiError, match="위도"):
        read(tmp_path, "name,where\nCamp,somewhere\n", "a.csv")


CASES = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "cases"


@pytest.mark.shared
@pytest.mark.skipif(not CASES.is_dir(), reason="../shared is on development machines only")
def test_the_recorded_cases_become_the_sites_that_they_are():
    paths = [
        p
        for p in sorted(CASES.rglob("*"))
        if p.suffix in {".kml", ".kmz", ".zip", ".geojson", ".gpkg", ".shp"}
    ]
    assert len(paths) > 20
    for path in paths:
        site = site_from(propose(path)).site
        assert site.boundaries[0].valid_from == "2016-05-01", path.name
        assert area_ha(site.boundaries[0].geometry) == pytest.approx(864, rel=0.02), path.name


@pytest.mark.parametrize("length", [12, 33, 40, 70])
def test_a_shapefile_with_a_cut_table_is_refused_in_one_line_or_read(tmp_path, length):
    path = shapefile(tmp_path, encoding="utf-8")
    table = path.with_suffix(".dbf")
    table.write_bytes(table.read_bytes()[:length])
    told = []
    try:
        told = [one.name for one in read_candidates(path, [])]
    except AoiError as error:
        told = str(error).splitlines()
    assert len(told) in {1, 2}  # a line that says why, or both features


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("39 34.2", 39.57),
        ("39° 34.2'", 39.57),
        ("N39 34.2", 39.57),
        ("39 34 12", 39.57),
        ("126 03.5E", 126.0583),
    ],
)
def test_minutes_with_decimals_are_minutes_whether_marked_or_not(text, degrees):
    assert angle(text, "here") == pytest.approx(degrees, abs=1e-4)


def test_a_workbook_with_titles_above_its_heading(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["List of mines (2024)"],
        [],
        ["No.", "Mine", "Lat.", "Long.", "First seen"],
        [1, "Aoji", 42.52, 130.4, "2016. 2. 28."],
        [2, "Kogonwon", "42 40 10 N", "130 12 05 E", ""],
    ):
        sheet.append(row)
    book.save(tmp_path / "mines.xlsx")
    notices: list[str] = []
    found = read_candidates(tmp_path / "mines.xlsx", notices)
    assert [one.name for one in found] == ["Aoji", "Kogonwon"]
    assert found[1].geometry.y == pytest.approx(42.6694, abs=1e-4)
    assert notices == [
        "the heading is the row No. | Mine | Lat. | Long. | First seen",
        "columns not taken over: No., First seen",
    ]


def test_a_fence_traced_in_pieces_that_follow_each_other_is_a_perimeter(tmp_path):
    pieces = (
        "<LineString><coordinates>127.30,39.10 127.33,39.10 127.33,39.13</coordinates></LineString>",
        "<LineString><coordinates>127.30,39.10 127.30,39.13 127.33,39.13</coordinates></LineString>",
    )
    inner = f"<MultiGeometry>{''.join(pieces)}</MultiGeometry>"
    (tmp_path / "a.kml").write_text(kml(placemark("fence 2016-05-01", inner)), encoding="utf-8")
    reading = site_from(propose(tmp_path / "a.kml"))
    (boundary,) = reading.site.boundaries
    assert boundary.extent.value == "complete"
    assert area_ha(boundary.geometry) == pytest.approx(864, rel=0.01)


@pytest.mark.parametrize(("suffix", "driver"), [("fgb", "FlatGeobuf"), ("tab", "MapInfo File")])
def test_what_gdal_reads_is_not_refused(tmp_path, suffix, driver):
    frame = gpd.GeoDataFrame(
        {"name": ["perimeter 2016-05-01", "coal yard"]},
        geometry=[box(127.30, 39.10, 127.33, 39.13), box(127.31, 39.11, 127.313, 39.113)],
        crs=4326,
    )
    frame.to_file(tmp_path / f"a.{suffix}", driver=driver)
    reading = site_from(propose(tmp_path / f"a.{suffix}"))
    assert [zone.kind.value for zone in reading.site.zones] == ["stockyard"]
    assert [str(one.valid_from) for one in reading.site.boundaries] == ["2016-05-01"]


def test_a_walk_round_the_fence_with_a_handheld(tmp_path):
    path = ((127.30, 39.10), (127.33, 39.10), (127.33, 39.13), (127.30, 39.13), (127.30, 39.1001))
    points = "".join(f'<trkpt lat="{lat}" lon="{lon}"/>' for lon, lat in path)
    (tmp_path / "a.gpx").write_text(
        '<?xml version="1.0"?><gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1">'
        f'<wpt lat="39.1" lon="127.3"><name>gate</name></wpt><trk><name>fence 2016</name><trkseg>{points}'
        "</trkseg></trk></gpx>",
        encoding="utf-8",
    )
    reading = site_from(propose(tmp_path / "a.gpx"))
    assert [one.extent.value for one in reading.site.boundaries] == ["complete"]
    assert [point.id for point in reading.site.points] == ["gate"]


@pytest.mark.parametrize("name", ["aux \uffff mine", "con \u202egnp.exe\u202c", "a\x07b", "\ufdd0x"])
def test_signs_that_are_none_do_not_reach_a_name(tmp_path, name):
    document = {
        "type": "Feature",
        "properties": {"name": name},
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[127.3, 39.1], [127.33, 39.1], [127.33, 39.13], [127.3, 39.1]]],
        },
    }
    (tmp_path / "a.geojson").write_text(json.dumps(document), encoding="utf-8")
    site = site_from(propose(tmp_path / "a.geojson")).site
    assert not set(site.name) & set("\uffff\u202e\u202c\x07\ufdd0")
    assert site.id not in {"aux", "con"}


def test_a_list_of_outlines_without_dates_gives_boxes_and_no_boundaries(tmp_path):
    document = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"NAME": f"Mine {k}" if k else "Camp 5 perimeter"},
                "geometry": mapping(box(125 + k, 39, 125.02 + k, 39.02)),
            }
            for k in range(4)
        ],
    }
    (tmp_path / "a.geojson").write_text(json.dumps(document), encoding="utf-8")
    proposal = propose(tmp_path / "a.geojson")
    with pytest.raises(AoiError, match="--each"):
        site_from(proposal)
    places = places_from(proposal)
    assert [place.reading.site.name for place in places] == ["Camp 5 perimeter", "Mine 1", "Mine 2", "Mine 3"]
    assert all(len(place.outlines) == 1 for place in places)
    assert not any(place.reading.site.boundaries or place.reading.site.accepted for place in places)
    assert all(
        place.reading.site.aoi.contains(box(125 + k, 39, 125.02 + k, 39.02)) for k, place in enumerate(places)
    )


def test_what_is_said_of_many_features_is_said_once():
    told = condensed([f"placemark {k}: heights were dropped" for k in range(9)] + ["a: b", "no aoi"])
    assert told == ["heights were dropped (placemark 0 and 8 more)", "a: b", "no aoi"]


@pytest.mark.parametrize("query", ["개천 14호", "14 kaechon", "Kaech'ŏn Camp 14"])
def test_the_words_of_a_name_may_come_in_any_order(query):
    assert [site.id for site in search(query, shipped_sites())] == ["camp-14"]


KATEC = (
    'PROJCS["KATEC",GEOGCS["unknown",DATUM["unknown",SPHEROID["Bessel_1841",6377397.155,299.1528128]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],'
    'PARAMETER["False_Easting",400000.0],PARAMETER["False_Northing",600000.0],'
    'PARAMETER["Central_Meridian",128.0],PARAMETER["Scale_Factor",0.9999],'
    'PARAMETER["Latitude_Of_Origin",38.0],UNIT["Meter",1.0]]'
)
"""Korean navigation data as programs hand it on: on Bessel's ellipsoid, without the datum."""


def test_a_datum_whose_place_is_not_known_is_refused_and_not_shifted_by_nothing(tmp_path):
    path = shapefile(tmp_path, encoding="utf-8")
    path.with_suffix(".prj").write_text(KATEC)
    with pytest.raises(AoiError, match=r"datum of KATEC .* bring the file to EPSG:4326"):
        read_candidates(path, [])


OUTLINE_BOX = box(126.0, 39.5, 126.03, 39.53)


def collection(*features: dict, **members: object) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features), **members})


def named(geometry: object, name: str, **members: object) -> dict:
    return {"type": "Feature", "properties": {"name": name}, "geometry": mapping(geometry), **members}


def system(name: str) -> dict:
    return {"type": "name", "properties": {"name": name}}


@pytest.mark.parametrize("name", ["EPSG:5132", "EPSG:4214", "EPSG:4555"])
def test_systems_that_proj_would_shift_by_nothing_in_korea(tmp_path, name):
    with pytest.raises(AoiError, match="hundreds of metres"):
        read(tmp_path, collection(named(OUTLINE_BOX, "fence 2016"), crs=system(name)), "a.geojson")


def from_korean_1985(lon: float, lat: float) -> tuple[float, float]:
    """WGS 84 of a place on Korean 1985: Molodensky-Badekas with EPSG's published parameters, by hand."""
    turns = np.radians(np.array([-1.162, 2.347, 1.592]) / 3600.0)
    pivot = np.array([-3159521.31, 4068151.32, 3748113.85])
    radius, squashed = 6377397.155, 1.0 / 299.1528128
    x, y = np.radians([lon, lat])
    eccentric = squashed * (2.0 - squashed)
    normal = radius / np.sqrt(1.0 - eccentric * np.sin(y) ** 2)
    place = normal * np.array([np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), (1.0 - eccentric) * np.sin(y)])
    rx, ry, rz = turns
    turned = np.array([[1.0, rz, -ry], [-rz, 1.0, rx], [ry, -rx, 1.0]]) @ (place - pivot)
    east, north, up = pivot + np.array([-145.907, 505.034, 685.756]) + (1.0 + 6.342e-6) * turned
    flat, wgs84 = np.hypot(east, north), 0.00669437999014
    latitude = np.arctan2(up, flat * (1.0 - wgs84))
    for _ in range(8):
        bent = 6378137.0 / np.sqrt(1.0 - wgs84 * np.sin(latitude) ** 2)
        latitude = np.arctan2(up + wgs84 * bent * np.sin(latitude), flat)
    return float(np.degrees(np.arctan2(north, east))), float(np.degrees(latitude))


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("EPSG:4162", from_korean_1985(126.0, 39.5)),
        ("EPSG:4737", (126.0, 39.5)),
        ("+proj=longlat +ellps=GRS80 +no_defs", (126.0, 39.5)),
    ],
)
def test_known_datums_lie_where_they_do(tmp_path, name, place):
    point = named(shapely.Point(126.0, 39.5), "x")
    found, _ = read(tmp_path, collection(point, crs=system(name)), "a.geojson")
    lon, lat = found[0].geometry.coords[0]
    assert (lon, lat) == (pytest.approx(place[0], abs=1e-6), pytest.approx(place[1], abs=1e-6))


def test_a_feature_in_a_system_of_its_own_is_refused(tmp_path):
    odd = named(OUTLINE_BOX, "coal yard", crs=system("EPSG:3857"))
    with pytest.raises(AoiError, match=r"coal yard.*a coordinate system of its own"):
        read(tmp_path, collection(named(OUTLINE_BOX, "fence 2016"), odd), "a.geojson")
    plain = named(OUTLINE_BOX, "coal yard", crs=system("urn:ogc:def:crs:OGC:1.3:CRS84"))
    assert len(read(tmp_path, collection(plain), "a.geojson")[0]) == 1


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("33 51 54S", -33.865),
        ("33 51 54 S", -33.865),
        ("33°51'54S", -33.865),
        ("33d51m54s", 33.865),
        ("33d51m54sS", -33.865),
        ("-0 30 0", -0.5),
        ("39.5N", 39.5),
        ("S39.5", -39.5),
        ("126.1E", 126.1),
    ],
)
def test_a_letter_of_the_south_is_no_second(text, degrees):
    assert angle(text, "x") == pytest.approx(degrees, abs=1e-6)


def test_an_s_that_may_be_either_is_refused():
    with pytest.raises(AoiError, match="seconds or south"):
        angle("33 51 54 s", "x")


@pytest.mark.parametrize(
    ("stated", "told"),
    [("MS949", False), ("ANSI 949", False), ("ks_c_5601-1987", False), ("UTF-8", True), ("ISO-8859-1", True)],
)
def test_a_cpg_in_words_or_of_another_page_does_not_break_hangul(tmp_path, stated, told):
    path = shapefile(tmp_path, encoding="cp949")
    path.with_suffix(".cpg").write_text(stated)
    notices: list[str] = []
    found = read_candidates(path, notices)
    assert [one.name for one in found] == ["경계 2016-05-01", "저탄장"]
    assert any(f"says {stated!r} in its .cpg" in notice for notice in notices) == told


def test_a_western_cpg_is_believed_of_western_text(tmp_path):
    frame = gpd.GeoDataFrame({"name": ["périmètre 2016"]}, geometry=[OUTLINE_BOX], crs=4326)
    frame.to_file(tmp_path / "site.shp", encoding="ISO-8859-1")
    (tmp_path / "site.cpg").write_text("ISO 88591")
    assert read_candidates(tmp_path / "site.shp", [])[0].name == "périmètre 2016"


def test_a_shapefile_that_came_alone_says_what_else_to_bring(tmp_path):
    path = shapefile(tmp_path, encoding="utf-8")
    path.with_suffix(".shx").unlink()
    with pytest.raises(AoiError, match=r"bring \.shp, \.shx, \.dbf and \.prj"):
        read_candidates(path, [])


def test_several_points_of_one_placemark_are_taken_apart(tmp_path):
    points = "".join(f"<Point><coordinates>126.0{k},39.51</coordinates></Point>" for k in (1, 2))
    found, notices = read(
        tmp_path, kml(GOOD + placemark("posts", f"<MultiGeometry>{points}</MultiGeometry>"))
    )
    assert [one.geometry.x for one in found[2:]] == [126.01, 126.02]
    assert "placemark 3 (posts): holds 2 points, which were taken apart" in notices


CLICKS = {
    "tower": polygon("126.01,39.51 126.01005,39.51 126.01005,39.51005 126.01,39.51"),
    "Untitled Polygon": polygon("126.01,39.51,0 126.01,39.51,0"),
    "Untitled Path": "<LineString><coordinates>126.01,39.51,0</coordinates></LineString>",
}


@pytest.mark.parametrize("name", CLICKS)
def test_a_stray_click_costs_no_other_outline(tmp_path, name):
    found, notices = read(tmp_path, kml(GOOD + placemark(name, CLICKS[name])))
    assert len(found) == 2
    assert any(name in notice and notice.endswith("left out") for notice in notices)
    with pytest.raises(AoiError, match=f"{name}.*left out"):
        read(tmp_path, kml(placemark(name, CLICKS[name])))


@pytest.mark.parametrize(
    ("text", "do"),
    [
        (
            kml("<NetworkLink><Link><href>https://example.org/a.kml</href></Link></NetworkLink>"),
            "save the places",
        ),
        (kml("<GroundOverlay><Icon><href>a.png</href></Icon></GroundOverlay>"), "trace outlines"),
        ("<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
    ],
)
def test_a_kml_that_holds_no_places_says_what_to_do(tmp_path, text, do):
    with pytest.raises(AoiError, match=do):
        read(tmp_path, text)
    with pytest.raises(AoiError, match=do):
        read(tmp_path, archive({"doc.kml": text}), "a.kmz")


def test_a_file_with_a_feature_in_each_line(tmp_path):
    lines = [json.dumps(named(OUTLINE_BOX, name)) for name in ("fence 2016", "coal yard")]
    found, _ = read(tmp_path, "\n".join(lines) + "\n", "a.geojsonl")
    assert [one.name for one in found] == ["fence 2016", "coal yard"]


def test_what_a_table_says_of_accuracy_is_read_or_refused(tmp_path):
    found, notices = read(tmp_path, "name,lat,lon,accuracy,seen\nA,39.5,126.1,±5 km,2016\n", "a.csv")
    assert found[0].properties["accuracy_m"] == 5000.0
    assert "columns not taken over: seen" in notices
    with pytest.raises(AoiError, match="write metres"):
        read(tmp_path, "name,lat,lon,accuracy\nA,39.5,126.1,5 miles\n", "a.csv")


def test_a_table_that_cannot_be_read_says_why(tmp_path):
    with pytest.raises(AoiError, match=r"row 1 .A.: '957000.12' is no angle"):
        read(tmp_path, "name,x,y\nA,957000.12,2057000.3\n", "a.csv")
    with pytest.raises(AoiError, match="not a table"):
        read(tmp_path, f'name,lat,lon\n"{"x" * 2_000_000}",39.5,126.1\n', "a.csv")


def test_what_is_asked_says_how_to_answer(tmp_path):
    (tmp_path / "a.kml").write_text(kml(placemark("x", polygon(OUTLINE)) + placemark("y", polygon(YARD))))
    with pytest.raises(AoiError, match="--role 1=boundary"):
        site_from(propose(tmp_path / "a.kml"))
    (tmp_path / "a.kml").write_text(kml(placemark("fence", polygon(OUTLINE))))
    with pytest.raises(AoiError, match="--date 1=2016-05"):
        site_from(propose(tmp_path / "a.kml"))


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\r\nname;lat;lon\r\nA;39,5;126,1\r\n",
        "name,lat,lon\rA,39.5,126.1\r",
        "name,lat,lon\nA,３９．５,126.1\n",
        'name,coords\nA,"39°30\'00""N, 126°06\'00""E"\n',
    ],
)
def test_a_csv_as_spreadsheets_and_maps_write_it(tmp_path, text):
    found, _ = read(tmp_path, text.encode(), "a.csv")
    assert [found[0].geometry.coords[0]] == [(pytest.approx(126.1), pytest.approx(39.5))]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name,lat,lon\nA,82.5E,22.3N\n", "column of the other axis"),
        ("name,Latitude (Tokyo datum),Longitude (Tokyo datum)\nA,39.5,126.1\n", "WGS 84"),
        ("name,lat,lon\n" + "A,39.5,126.1\n" * 20_001, "more than 20000 rows"),
    ],
)
def test_a_table_that_would_be_misread_is_refused(tmp_path, text, why):
    with pytest.raises(AoiError, match=why):
        read(tmp_path, text, "a.csv")


def test_every_sheet_of_a_workbook_is_read_or_told(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "notes"
    book.active.append(["written by hand"])
    for title, lon in (("active", 126.1), ("closed", 126.2)):
        sheet = book.create_sheet(title)
        sheet.append(["name", "lat", "lon"])
        sheet.append([title.title(), 39.5, lon])
    book.save(tmp_path / "a.xlsx")
    notices: list[str] = []
    found = read_candidates(tmp_path / "a.xlsx", notices)
    assert [(one.name, one.folder, one.geometry.x) for one in found] == [
        ("Active", ("active",), 126.1),
        ("Closed", ("closed",), 126.2),
    ]
    assert any(notice.startswith("sheet 'notes'") for notice in notices)


def test_an_old_workbook_says_how_to_save_it(tmp_path):
    with pytest.raises(AoiError, match=r"save it as \.xlsx"):
        read(tmp_path, bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "a.xls")
