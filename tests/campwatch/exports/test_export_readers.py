"""Every format opened by a reader that did not write it, and equal to the CSV."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import shutil
import sqlite3
import struct
import subprocess
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pytest
import python_calamine
import shapely
from lxml import etree
from PIL import Image

from campwatch.exports.bundle import as_time
from campwatch.exports.csv_files import write_csv
from campwatch.exports.dictionary import data_dictionary
from campwatch.exports.excel import write_excel
from campwatch.exports.kmz import write_kmz
from campwatch.exports.pictures import site_pictures
from campwatch.exports.qgis import write_qgis
from campwatch.exports.vector import geometry_type, write_geojson, write_geopackage, write_parquet
from campwatch.exports.word import cell_text, printed_tables, write_word
from campwatch.layers import LAYERS
from evidence.layers import Kind

from .conftest import FORMULA, HANGUL

KML = "{http://www.opengis.net/kml/2.2}"


def read_csv(path):
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def csv_tables(restricted, tmp_path_factory):
    paths = write_csv(restricted, tmp_path_factory.mktemp("csv"))
    return {path.name.split(".")[0]: read_csv(path) for path in paths}


def same(text: str, value: object) -> bool:
    """Whether a cell of the CSV and a value from elsewhere say the same."""
    if value is None or value is pd.NA or value == "" or (isinstance(value, float) and np.isnan(value)):
        return text == ""
    if isinstance(value, bool | np.bool_) or text in ("True", "False"):
        return text.lower() == str(bool(value)).lower()
    if isinstance(value, int | float | np.integer | np.floating):
        return text != "" and float(text) == pytest.approx(float(value), rel=1e-12)
    return text.removeprefix("'") == str(value)


def assert_rows_equal(expected: list[dict], found: list[dict], *, skip: tuple[str, ...] = ()):
    assert len(expected) == len(found) > 0
    for wanted, got in zip(expected, found, strict=True):
        for name, text in wanted.items():
            if name not in skip:
                assert same(text, got.get(name)), (name, text, got.get(name))


def test_csv_has_a_bom_hangul_and_a_dictionary_for_every_column(restricted, csv_tables, tmp_path):
    paths = write_csv(restricted, tmp_path)
    assert all(path.read_bytes().startswith(b"\xef\xbb\xbf") for path in paths)
    assert csv_tables["sites"][0]["name_ko"] == HANGUL
    known = {(line["layer"], line["column"]) for line in csv_tables["data_dictionary"]}
    for layer, rows in csv_tables.items():
        if layer != "data_dictionary":
            assert {(layer, column) for column in rows[0]} <= known
    assert data_dictionary()["meaning"].str.len().min() > 0
    told = {line["item"]: line["value"] for line in csv_tables["provenance"]}
    assert told["release"] == "no release"
    assert told["custody head"] == restricted.stamp.custody_head


def test_every_layer_of_the_interface_is_exported(csv_tables):
    layers = {
        "observations", "stockpile_areas", "stockpiles", "series", "footprints", "disturbances",
        "boundary_changes", "reviews", "manual_observations", "alerts", "runs",
        "sites", "boundaries", "zones",
    }  # fmt: skip
    assert layers <= set(csv_tables)


def test_a_formula_in_a_csv_is_guarded(csv_tables):
    assert csv_tables["reviews"][0]["note"] == "'" + FORMULA
    (named,) = [row["value"] for row in csv_tables["provenance"] if row["item"] == "attribution of sites"]
    assert named.startswith(f"'{FORMULA} simulated for tests")
    for rows in csv_tables.values():
        assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "@", "＝"))]


def test_only_times_of_day_are_said_to_be_utc(restricted, tmp_path):
    book = openpyxl.load_workbook(write_excel(restricted, tmp_path / "c.xlsx"))
    head, units = ([cell.value for cell in row] for row in book["observations"].iter_rows(max_row=2))
    said = dict(zip(head, units, strict=True))
    assert (said["datetime"], said["as_of"], said["local_date"]) == ("[UTC]", "[UTC]", None)


def test_excel_read_by_calamine_equals_the_csv(restricted, csv_tables, tmp_path):
    path = write_excel(restricted, tmp_path / "c.xlsx")
    book = python_calamine.CalamineWorkbook.from_path(path)
    assert book.sheet_names[0] == "about"
    assert set(book.sheet_names) == {*(t.name for t in restricted.tables), "about", "summary", "columns"}
    for table in restricted.tables:
        head, units, *rows = book.get_sheet_by_name(table.name).to_python(skip_empty_area=False)
        assert len(units) == len(head)
        found = [dict(zip(head, map(as_text, row), strict=True)) for row in rows]
        for wanted, got in zip(csv_tables[table.name], found, strict=True):
            midnight = {name for name, text in wanted.items() if text == f"{got.get(name)}T00:00:00Z"}
            got.update({name: wanted[name] for name in midnight})  # the reader gives midnight as a date
        figures = [name for name, _ in table.columns if f"{name}_low" in table.plain and name != "first_seen"]
        rounded_off = tuple(f"{name}{end}" for name in figures for end in ("", "_low", "_high"))
        assert_rows_equal(csv_tables[table.name], found, skip=("geometry_wkt", *rounded_off))
        for wanted, got in zip(csv_tables[table.name], found, strict=True):
            for name in figures:
                assert_rounded(wanted, got, name)
    about = dict(book.get_sheet_by_name("about").to_python()[1:])
    assert about["custody head"] == restricted.stamp.custody_head
    assert "attribution of observations" in about


def as_text(value: object) -> object:
    """Dates and times as the CSV writes them."""
    if isinstance(value, dt.datetime):
        milliseconds = round(value.microsecond / 1000)
        return f"{value:%Y-%m-%dT%H:%M:%S}" + (f".{milliseconds:03d}Z" if milliseconds else "Z")
    return value.isoformat() if isinstance(value, dt.date) else value


def assert_rounded(wanted: dict[str, str], got: dict, name: str) -> None:
    """Rounded by less than a tenth of the half-width of its interval."""
    if not wanted[name]:
        assert got[name] in ("", None)
        return
    half = (float(wanted[f"{name}_high"]) - float(wanted[f"{name}_low"])) / 2
    for end in ("", "_low", "_high"):
        assert float(got[f"{name}{end}"]) == pytest.approx(
            float(wanted[f"{name}{end}"]), abs=0.1 * half + 1e-9
        )


def test_excel_has_dates_that_are_dates_and_a_summary_with_a_chart(restricted, tmp_path):
    book = openpyxl.load_workbook(write_excel(restricted, tmp_path / "c.xlsx"))
    looks = book["observations"]
    head = [cell.value for cell in looks[1]]
    assert isinstance(looks.cell(3, head.index("datetime") + 1).value, dt.datetime)
    summary = book["summary"]
    assert summary["A1"].value == "site"
    assert isinstance(summary["C2"].value, dt.datetime)
    assert len(summary._charts) == 1


def test_geopackage_is_typed_and_times_are_times(restricted, tmp_path):
    path = write_geopackage(restricted, tmp_path / "c.gpkg")
    told = dict(pyogrio.list_layers(path))
    for table in restricted.tables:
        if table.layer.has_geometry:
            shapes = table.frame.geometry.dropna().to_numpy()
            mixed = len(set(shapely.get_dimensions(shapes))) > 1
            typed = {"Point", "MultiLineString", "MultiPolygon", "MultiPoint"}
            assert told[table.name] in ({"Unknown"} if mixed else typed)
    info = pyogrio.read_info(path, layer="stockpiles")
    kinds = dict(zip(info["fields"], info["dtypes"], strict=True))
    assert kinds["datetime_time"].startswith("datetime64")
    held = pyogrio.read_dataframe(path, layer="stockpiles", read_geometry=False)
    assert [f"{t:%Y-%m-%dT%H:%M:%SZ}" for t in held["datetime_time"]] == list(held["datetime"])


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2020-03-01T02:26:01Z", dt.datetime(2020, 3, 1, 2, 26, 1, tzinfo=dt.UTC)),
        ("2018~", dt.datetime(2018, 1, 1, tzinfo=dt.UTC)),
        ("2018-05", dt.datetime(2018, 5, 1, tzinfo=dt.UTC)),
        ("..", None), ("2018-13-01", None), (None, None), ("12 ha", None),
    ],
)  # fmt: skip
def test_iso_and_edtf_texts_as_times(text, moment):
    assert as_time(text) == moment


def test_excel_keeps_formulas_as_text(restricted, tmp_path):
    path = write_excel(restricted, tmp_path / "c.xlsx")
    sheet = openpyxl.load_workbook(path)["reviews"]
    cell = next(cell for row in sheet.iter_rows() for cell in row if cell.value == FORMULA)
    assert cell.data_type == "s"
    assert cell.quotePrefix
    with zipfile.ZipFile(path) as book:
        assert not any(b"<f>" in book.read(name) for name in book.namelist() if "worksheets" in name)


def test_geopackage_read_by_sqlite_equals_the_csv(restricted, csv_tables, tmp_path):
    path = write_geopackage(restricted, tmp_path / "c.gpkg")
    with sqlite3.connect(path) as database:
        database.row_factory = sqlite3.Row
        for table in restricted.tables:
            rows = [dict(row) for row in database.execute(f'SELECT * FROM "{table.name}" ORDER BY fid')]  # noqa: S608 - names of layers
            assert_rows_equal(csv_tables[table.name], rows, skip=("geometry_wkt",))
            if table.layer.has_geometry:
                for wanted, row in zip(csv_tables[table.name], rows, strict=True):
                    assert_same_shape(wanted["geometry_wkt"], blob_geometry(row["geom"]))
        told = dict(database.execute("SELECT item, value FROM provenance").fetchall())
        assert told["custody head"] == restricted.stamp.custody_head
    database.close()


def blob_geometry(blob: bytes | None):
    """The geometry of a GeoPackage blob: magic, flags, srs, an envelope of known length, WKB."""
    if blob is None:
        return None
    assert blob[:2] == b"GP"
    envelope = {0: 0, 1: 32, 2: 48, 3: 48, 4: 64}[(blob[3] >> 1) & 7]
    (srs,) = struct.unpack("<i" if blob[3] & 1 else ">i", blob[4:8])
    assert srs == 4326
    return shapely.from_wkb(blob[8 + envelope :])


def assert_same_shape(wkt: str, found):
    if not wkt:
        assert found is None
        return
    wanted = shapely.from_wkt(wkt)
    assert shapely.hausdorff_distance(wanted, found) < 2e-7


def test_kmz_read_as_xml_equals_the_csv(restricted, csv_tables, tmp_path):
    path = write_kmz(restricted, tmp_path / "c.kmz")
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["doc.kml"]
        document = etree.fromstring(archive.read("doc.kml"))
    site_folder = document.find(f"{KML}Document/{KML}Folder")
    assert HANGUL in site_folder.findtext(f"{KML}name")
    styles = {node.get("id") for node in document.iter(f"{KML}Style")}
    with_geometry = [table for table in restricted.tables if table.layer.has_geometry]
    folders = site_folder.findall(f"{KML}Folder")
    assert len(folders) == len(with_geometry)
    for table, folder in zip(with_geometry, folders, strict=True):
        marks = list(folder.iter(f"{KML}Placemark"))
        rows = [
            {node.get("name"): node.findtext(f"{KML}value") for node in mark.iter(f"{KML}Data")}
            for mark in marks
        ]
        expected = csv_tables[table.name]
        assert len(rows) == len(expected)
        if rows and "row_id" in rows[0]:  # years have folders of their own
            order = {row["row_id"]: k for k, row in enumerate(expected)}
            pairs = sorted(zip(rows, marks, strict=True), key=lambda pair: order[pair[0]["row_id"]])
            rows, marks = [row for row, _ in pairs], [mark for _, mark in pairs]
        for wanted, got in zip(expected, rows, strict=True):
            for name, text in wanted.items():
                if name != "geometry_wkt":
                    assert numbers_or_text(text) == numbers_or_text(got.get(name, "")), name
        for wanted, mark in zip(expected, marks, strict=True):
            assert mark.findtext(f"{KML}styleUrl")[1:] in styles
            if wanted["geometry_wkt"]:
                assert shapely.from_wkt(wanted["geometry_wkt"]).bounds == pytest.approx(
                    kml_bounds(mark), abs=2e-7
                )


def test_kmz_has_years_a_view_and_imagery(workspace, restricted, tmp_path):
    pictures = site_pictures(workspace, restricted)
    path = write_kmz(restricted, tmp_path / "c.kmz", pictures=pictures)
    with zipfile.ZipFile(path) as archive:
        document = etree.fromstring(archive.read("doc.kml"))
        overlays = list(document.iter(f"{KML}GroundOverlay"))
        assert len(overlays) == len(pictures) == 2
        for overlay in overlays:
            assert archive.read(overlay.findtext(f"{KML}Icon/{KML}href"))[:4] == b"\x89PNG"
            assert overlay.findtext(f"{KML}TimeSpan/{KML}begin")
    site = document.find(f"{KML}Document/{KML}Folder")
    west, south, east, north = restricted.sites[0].aoi.bounds
    assert west < float(site.findtext(f"{KML}LookAt/{KML}longitude")) < east
    assert south < float(site.findtext(f"{KML}LookAt/{KML}latitude")) < north
    names = {folder.findtext(f"{KML}name") for folder in document.iter(f"{KML}Folder")}
    assert any(name.isdigit() for name in names)
    assert "not the area" in etree.tostring(document, encoding="unicode")


def numbers_or_text(text: str) -> object:
    try:
        return pytest.approx(float(text), rel=1e-12)
    except ValueError:
        return text.removeprefix("'").lower()


def kml_bounds(mark):
    points = [
        tuple(map(float, point.split(",")))
        for node in mark.iter(f"{KML}coordinates")
        for point in node.text.split()
    ]
    x, y = zip(*points, strict=True)
    return min(x), min(y), max(x), max(y)


def test_kmz_read_by_gdal_has_time_spans(restricted, tmp_path):
    path = write_kmz(restricted, tmp_path / "c.kmz")
    with zipfile.ZipFile(path) as archive:
        (tmp_path / "doc.kml").write_bytes(archive.read("doc.kml"))
    layers = {name for name, _ in pyogrio.list_layers(tmp_path / "doc.kml")}
    assert any("Accounts of the ground" in name for name in layers)
    document = etree.parse(tmp_path / "doc.kml")
    spans = list(document.iter(f"{KML}TimeSpan"))
    assert any(span.findtext(f"{KML}begin") == "2020-01-01" for span in spans)


def test_parquet_is_geoparquet_with_a_stamp(restricted, csv_tables, tmp_path):
    for path in write_parquet(restricted, tmp_path):
        name = path.name.split(".")[0]
        held = pq.read_table(path)
        assert json.loads(held.schema.metadata[b"campwatch"])["custody head"] == restricted.stamp.custody_head
        rows = held.to_pylist()
        assert_rows_equal(csv_tables[name], rows, skip=("geometry_wkt",))
        if restricted.table(name).layer.has_geometry:
            geo = json.loads(held.schema.metadata[b"geo"])
            assert geo["primary_column"] == "geometry"
            for wanted, row in zip(csv_tables[name], rows, strict=True):
                found = None if row["geometry"] is None else shapely.from_wkb(row["geometry"])
                assert_same_shape(wanted["geometry_wkt"], found)


def test_geojson_follows_rfc_7946(restricted, csv_tables, tmp_path):
    for path in write_geojson(restricted, tmp_path):
        document = json.loads(path.read_text("utf-8"))
        assert document["type"] == "FeatureCollection"
        assert "crs" not in document
        assert document["campwatch"]["attribution"]
        name = path.name.split(".")[0]
        assert_rows_equal(
            csv_tables[name], [item["properties"] for item in document["features"]], skip=("geometry_wkt",)
        )
        for item in document["features"]:
            if item["geometry"] and item["geometry"]["type"] == "Polygon":
                assert shapely.LinearRing(item["geometry"]["coordinates"][0]).is_ccw


def test_qgis_project_names_layers_that_are_there_and_read_only(restricted, tmp_path):
    project, data = write_qgis(restricted, tmp_path)
    assert not data.stat().st_mode & 0o222
    with zipfile.ZipFile(project) as archive:
        (name,) = archive.namelist()
        assert name.endswith(".qgs")
        document = etree.fromstring(archive.read(name))
    there = {layer for layer, _ in pyogrio.list_layers(data)}
    layers = document.findall("projectlayers/maplayer")
    assert len(layers) >= len(restricted.tables)
    for layer in layers:
        file, table = layer.findtext("datasource").split("|")[:2]
        assert (tmp_path / file).samefile(data)
        assert table.removeprefix("layername=") in there
        assert layer.get("readOnly") == "1"
        if layer.get("geometry") != "No geometry":
            assert layer.find("renderer-v2/symbols/symbol/layer") is not None
    tree = [node.get("id") for node in document.find("layer-tree-group").iter("layer-tree-layer")]
    assert tree == [layer.findtext("id") for layer in layers]
    assert document.findtext("projectCrs/spatialrefsys/authid") == "EPSG:4326"
    assert document.findtext("properties/SpatialRefSys/ProjectionsEnabled") == "1"  # else it is not read
    write_qgis(restricted, tmp_path)  # again, over what is read-only


QGIS_CHECK = """
import json, os, sys
from qgis.core import QgsApplication, QgsLayoutExporter, QgsLayoutItemMap, QgsProject
application = QgsApplication([], False)
application.initQgis()
project = QgsProject.instance()
read = project.read(sys.argv[1])
nodes = [node.layer() for node in project.layerTreeRoot().findLayers()]
vectors = [layer for layer in nodes if layer.type() == 0]
told = [[layer.isValid(), layer.featureCount(), layer.readOnly(), layer.isSpatial()] for layer in vectors]
timed = [
    [name, layer.fields().field(name).typeName()] for layer in vectors
    for name in [layer.temporalProperties().startField()] if layer.temporalProperties().isActive()
]
printed = []
for layout in project.layoutManager().printLayouts():
    settings = QgsLayoutExporter.ImageExportSettings()
    settings.dpi = 60
    target = os.path.join(os.path.dirname(sys.argv[1]), "layout-%d.png" % len(printed))
    maps = [item for item in layout.items() if isinstance(item, QgsLayoutItemMap)]
    themes = project.mapThemeCollection().mapThemeVisibleLayers(maps[0].followVisibilityPresetName())
    printed.append([
        int(QgsLayoutExporter(layout).exportToImage(target, settings)), target,
        maps[0].crs().isValid(), len(themes),
    ])
print("told " + json.dumps({
    "read": read, "crs": project.crs().authid(), "title": project.title(),
    "layers": told, "timed": timed, "printed": printed,
    "rasters": [layer.isValid() for layer in nodes if layer.type() == 1],
    "themes": project.mapThemeCollection().mapThemes(),
    "begin": project.timeSettings().temporalRange().begin().toString("yyyy-MM-dd"),
}), flush=True)
os._exit(0)
"""


def system_python_with_qgis() -> str | None:
    python = shutil.which("python3", path=os.defpath)
    if (
        python is None
        or subprocess.run([python, "-c", "import qgis.core"], capture_output=True, check=False).returncode
    ):
        return None
    return python


def test_qgis_itself_opens_the_project_and_prints_its_layout(workspace, restricted, tmp_path):
    python = system_python_with_qgis()
    if python is None:
        pytest.skip("QGIS with its Python bindings is not installed")
    project, data, *rasters = write_qgis(restricted, tmp_path, pictures=site_pictures(workspace, restricted))
    before = data.read_bytes()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment = clean | {"QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path)}
    result = subprocess.run(
        [python, "-c", QGIS_CHECK, project],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        check=False,
    )
    line = next(line for line in result.stdout.splitlines() if line.startswith("told "))
    told = json.loads(line.removeprefix("told "))
    assert told["read"]
    assert told["title"] == "campwatch – RESTRICTED"
    assert told["crs"] == "EPSG:4326"
    assert all(valid and read_only for valid, _, read_only, _ in told["layers"])
    expected = sum(
        table.frame.geometry.notna().sum() if geometry_type(table) == "Unknown" else len(table.frame)
        for table in restricted.tables
        if table.layer.has_geometry
    )
    assert sum(count for _, count, _, spatial in told["layers"] if spatial) == expected
    assert told["rasters"] == [True] * len(rasters)
    assert len(rasters) == 2
    assert told["timed"]
    assert all(kind == "DateTime" for _, kind in told["timed"])
    assert len(told["themes"]) == 1 + len(rasters)
    assert told["begin"][:4].isdigit()
    ((result_code, picture, has_crs, shown),) = told["printed"]
    assert (result_code, has_crs) == (0, True)
    assert shown > 1
    with Image.open(picture) as printed:
        colours = np.asarray(printed.convert("RGB")).reshape(-1, 3)
    assert len(np.unique(colours, axis=0)) > 200  # imagery, not an empty frame
    assert data.read_bytes() == before


W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def test_word_read_as_xml_equals_the_csv(restricted, csv_tables, tmp_path):
    path = write_word(restricted, tmp_path / "c.docx")
    with zipfile.ZipFile(path) as archive:
        body = etree.fromstring(archive.read("word/document.xml"))
        footer = b"".join(archive.read(name) for name in archive.namelist() if "footer" in name)
    assert restricted.stamp.custody_head[:16].encode() in footer
    assert HANGUL in "".join(body.itertext())
    assert "RESTRICTED" in "".join(body.itertext())
    assert [node.get(f"{W}instr") for node in body.iter(f"{W}fldSimple")] == ["SEQ Table \\* ARABIC"] * 5
    tables = list(body.iter(f"{W}tbl"))
    specs = [table.layer for table in printed_tables(restricted)]
    assert {spec.name for spec in specs} <= set(csv_tables)
    assert len(tables) == len(specs)
    for spec, table in zip(specs, tables, strict=True):
        rows = [["".join(cell.itertext()) for cell in row.iter(f"{W}tc")] for row in table.iter(f"{W}tr")]
        assert rows[0] == [head for _, head, _ in spec.printed.columns]
        assert_word_rows(spec, rows[1:], csv_tables[spec.name])


def assert_word_rows(spec, rows, records):
    """Every printed row is a row of the CSV, to the decimals that are printed."""
    assert rows
    if spec.printed.newest_by is None:
        assert len(rows) == len(records)
    columns = [spec.column(name) for name, *_ in spec.printed.columns]
    printed = [[word_cell(column, record) for column in columns] for record in records]
    for row in rows:
        assert row in printed, (row, printed)


def word_cell(column, record: dict) -> str:
    name = column.name
    if column.kind is Kind.QUANTITY:
        if not record[name]:
            return "not assessable"
        decimals = 2 if name.endswith("_ha") else 0
        low, high, best = (
            f"{float(record[name + end]):.{decimals}f}".replace("-", "−") for end in ("_low", "_high", "")
        )
        return f"{low} to {high}{'' if name.endswith('_ha') else ' m'} (best {best})".replace(" m (", " (")
    text = record[name]
    if name == "scene_ids":
        return str(len(text.split())) if text or not record["reason"] else ""
    if column.kind is Kind.BOOLEAN:
        return {"True": "yes", "False": "no", "": ""}[text]
    if name == "valid_fraction":
        return f"{float(text):.0%}"
    return text[:16].replace("T", " ") if name == "datetime" else text


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_office_opens_the_word_file(restricted, tmp_path):
    path = write_word(restricted, tmp_path / "c.docx")
    subprocess.run(
        ["soffice", f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}", "--headless", "--convert-to",
         "txt:Text (encoded):UTF8", "--outdir", tmp_path, path],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    text = (tmp_path / "c.txt").read_text("utf-8-sig")
    assert HANGUL in text
    assert "Table 1. Ground disturbed and open" in text


def test_the_same_rows_give_the_same_bytes(restricted, tmp_path):
    for writer, name in ((write_kmz, "c.kmz"), (write_word, "c.docx")):
        once = writer(restricted, tmp_path / "1" / name).read_bytes()
        assert writer(restricted, tmp_path / "2" / name).read_bytes() == once


@pytest.mark.parametrize(("reason", "shown"), [("8 looks that can be compared, 12 needed", ""), (None, "0")])
def test_a_row_without_a_figure_counts_no_looks_in_word(reason, shown):
    (column,) = [one for one in LAYERS["footprints"].columns if one.name == "scene_ids"]
    assert cell_text(column, {"scene_ids": "", "reason": reason}) == shown
    assert cell_text(column, {"scene_ids": "S2A_1 S2B_2", "reason": reason}) == "2"
