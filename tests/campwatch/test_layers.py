"""The list of layers: every field says what it is; a new layer reaches every output without another line."""

from __future__ import annotations

import ast
import dataclasses
import datetime as dt
import json
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from docx import Document
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from campwatch.exports.bundle import collect, find
from campwatch.exports.csv_files import write_csv
from campwatch.exports.dictionary import data_dictionary
from campwatch.exports.kmz import write_kmz
from campwatch.exports.qgis import write_qgis
from campwatch.exports.vector import write_geojson, write_geopackage, write_parquet
from campwatch.exports.word import write_word
from campwatch.layers import LAYERS, measured_layers
from campwatch.reviews.findings import reviewed_layers
from campwatch.reviews.validation import interval_layers
from campwatch.run.measure import MEASUREMENTS
from campwatch.workspace import create_workspace, open_workspace
from evidence.layers import (
    Kind,
    LayerSpec,
    Printed,
    ReferenceKind,
    Rows,
    Shown,
    Style,
    column,
    kept,
    record,
)
from evidence.ledger import Ledger
from evidence.quantity import Quantity
from evidence.record_reading import read_record
from evidence.results import write_results
from evidence.tables import layer_frames
from maps.disclosure import WITHHELD, Disclosure
from maps.records import Profile, RunInfo, SiteMapData
from maps.site_map import write_site_map
from tests.campwatch.conftest import ROOT, site_document
from tests.servers import tiny

DAY = dt.date(2024, 3, 1)


@record
class Pond:
    """A body of open water, for this test."""

    pond_id: str = column("the pond", "못", shown=Shown.PUBLIC, names="pond")
    seen_on: dt.date = column("day of the look", "관측일", shown=Shown.PUBLIC)
    area_ha: Quantity = column(
        "area of open water", "수면 면적", unit="ha", shown=Shown.PUBLIC, public_decimals=1
    )
    owner: str = column("whose it is", "소유자")
    draft: str = kept("what the ledger alone keeps")
    geometry: BaseGeometry


PONDS = LayerSpec(
    name="ponds",
    title="Ponds of open water",
    title_ko="못",
    record=Pond,
    method="ponds/1",
    subject="{pond_id}",
    measured=True,
    references=ReferenceKind.NONE,
    rows=Rows.PUBLIC,
    age="seen_on",
    finding="pond_id",
    reviewed_as="pond",
    label="Pond {pond_id}",
    span=("seen_on", None),
    style=Style(line="#0072B2", fill_opacity=0.3, height=55),
    printed=Printed(
        caption="Ponds", caption_ko="못", columns=(("pond_id", "pond", "못"), ("area_ha", "area, ha", "면적"))
    ),
)


def shore() -> Polygon:
    west, south, east, north = tiny.site("tiny").aoi.bounds
    return box(west, south, west + 0.2 * (east - west), south + 0.2 * (north - south))


def pond() -> Pond:
    area = Quantity.interval(0.444, 0.333, 0.555)
    return Pond(
        pond_id="pond-7", seen_on=DAY, area_ha=area, owner="Hidden Owner", draft="x", geometry=shore()
    )


@pytest.fixture
def ponds(monkeypatch) -> LayerSpec:
    """The one line that a new layer costs."""
    monkeypatch.setitem(LAYERS, PONDS.name, PONDS)
    return PONDS


@pytest.fixture
def workspace(tmp_path, ponds):
    folder = tmp_path / "w"
    create_workspace(folder)
    document = site_document("tiny")
    for feature in document["features"]:
        feature["properties"]["sensitivity"] = "public"
    (folder / "sites" / "tiny.geojson").write_text(json.dumps(document), encoding="utf-8")
    made = open_workspace(folder)
    with Ledger(made.ledger_path, create=True) as ledger:
        ledger.append(
            [ponds.row(pond(), site_id="tiny", params_hash="p", inputs_hash="i")],
            chain="tiny", run_id="r", time="2024-06-02T00:00:00Z", actor="test", action="measure",
            details={"inputs": {"scenes": {}}},
        )  # fmt: skip
    return made


@pytest.fixture
def bundle(workspace):
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        return collect(workspace, ledger)


def test_a_field_without_metadata_is_an_error_at_import():
    with pytest.raises(TypeError, match=r"Bare: depth_m: a record's field is a column"):

        @record
        class Bare:
            pond_id: str = column("the pond", "못")
            depth_m: float

    @dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
    class Plain:
        pond_id: str

    with pytest.raises(TypeError, match=r"Plain\.pond_id"):
        dataclasses.replace(PONDS, record=Plain)


def test_a_spec_names_no_field_that_its_record_lacks():
    with pytest.raises(TypeError, match="ponds: no field seen_at"):
        dataclasses.replace(PONDS, age="seen_at")


def test_every_layer_that_is_measured_is_listed_and_has_one_measurement():
    yielded = [spec.name for measurement in MEASUREMENTS for spec in measurement.layers]
    assert len(yielded) == len(set(yielded))
    assert set(measured_layers()) <= set(yielded) <= set(LAYERS)


def test_every_column_has_words_in_both_languages_and_every_figure_its_unit():
    for spec in LAYERS.values():
        assert spec.title
        assert spec.title_ko
        for one in spec.columns:
            assert one.meaning, (spec.name, one.name)
            assert one.meaning_ko, (spec.name, one.name)
            if one.kind is Kind.QUANTITY:
                assert one.unit in {"ha", "ha/a", "m", "1", "days"}, (spec.name, one.name)
        assert not spec.measured or spec.rows is not Rows.RESTRICTED, spec.name
        if any(one.shown is Shown.BOUNDARY for one in spec.columns):
            assert any(one.names == "boundary" for one in spec.columns), spec.name
        if spec.quantities and spec.measured:
            assert spec.references is not None, spec.name


@pytest.mark.usefixtures("ponds")
def test_nothing_that_a_record_says_is_lost_on_its_way():
    """Every field but those that the ledger alone keeps is a column, of a table or of a second geometry."""
    for spec in LAYERS.values():
        names = {one.name for one in spec.columns}
        fields = {
            f.name
            for f in dataclasses.fields(spec.record)
            if f.name != "geometry" and f.metadata["column"].in_tables
        }
        assert fields <= names
        outlines = [one for one in spec.columns if one.kind is Kind.OUTLINE]
        assert len(outlines) == len(spec.outlines)


def test_layer_names_are_spelt_where_they_are_defined():
    """As a whole string literal, in the modules of the packages: the spec's own line and nowhere else."""
    spelt: dict[str, list[str]] = {name: [] for name in LAYERS}
    homely = {
        "alerts",
        "runs",
        "series",
        "reviews",
        "answers",
    }  # everyday words, used elsewhere
    for package in ("evidence", "aoi", "imagery", "detection", "maps", "campwatch"):
        for path in (ROOT / package).rglob("*.py"):
            nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
            joined = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}  # noqa: PD011
            for node in nodes:
                whole = isinstance(node, ast.Constant) and id(node) not in joined
                if whole and isinstance(node.value, str) and node.value in spelt:
                    spelt[node.value].append(path.relative_to(ROOT).as_posix())
    wrong = {name: places for name, places in spelt.items() if name not in homely and len(places) != 1}
    assert wrong == {}


def test_a_toy_layer_is_in_table_geopackage_and_dictionary(workspace, bundle, tmp_path):
    (made,) = (table for table in bundle.tables if table.name == "ponds")
    assert made.plain.loc[0, "pond_id"] == "pond-7"
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        path = write_results(ledger, tmp_path / "results.gpkg", LAYERS.values())
    for file in (path, write_geopackage(bundle, tmp_path / "export.gpkg")):
        with sqlite3.connect(file) as opened:
            assert opened.execute("SELECT pond_id FROM ponds").fetchall() == [("pond-7",)]
    dictionary = data_dictionary()
    own = dictionary[dictionary["layer"] == "ponds"].set_index("column")
    assert own.loc["area_ha", "unit"] == "ha"
    assert own.loc["area_ha_low", "meaning"].endswith("area of open water")
    assert own.loc["area_ha", "meaning_ko"] == "수면 면적"
    assert "draft" not in own.index


def test_a_toy_layer_is_in_every_export(bundle, tmp_path):
    csv = next(path for path in write_csv(bundle, tmp_path / "csv") if path.name == "ponds.csv")
    assert pd.read_csv(csv, encoding="utf-8-sig").loc[0, "pond_id"] == "pond-7"
    assert any(path.stem == "ponds" for path in write_geojson(bundle, tmp_path / "geojson"))
    assert any(path.stem == "ponds" for path in write_parquet(bundle, tmp_path / "parquet"))
    with zipfile.ZipFile(write_kmz(bundle, tmp_path / "c.kmz")) as archive:
        told = archive.read("doc.kml").decode()
    assert "Pond pond-7" in told
    assert "<begin>2024-03-01</begin>" in told
    project, _ = write_qgis(bundle, tmp_path / "qgis")
    with zipfile.ZipFile(project) as archive:
        assert b"campwatch_ponds_polygon" in archive.read("campwatch.qgs")
    document = Document(str(write_word(bundle, tmp_path / "c.docx")))
    assert document.tables[0].rows[1].cells[0].text == "pond-7"


def test_a_toy_layer_is_a_finding_that_is_reviewed_and_checked(bundle, ponds):
    spec, stored = find(bundle, "pond-7")
    assert spec is ponds
    assert find(bundle, stored.row_id) == (spec, stored)
    assert reviewed_layers()["pond"] is ponds
    assert "ponds" in interval_layers()
    assert "ponds" in measured_layers()


def test_a_public_file_holds_only_what_a_rule_makes_public_and_rounds_outwards(ponds):
    site = tiny.site("tiny")
    row = ponds.row(pond(), site_id="tiny")
    shown = Disclosure(site, LAYERS, {"ponds": [row]}, newest=None, decimals=None).public_row(row)
    assert shown is not None
    assert shown.data["owner"] is None
    assert "draft" not in shown.data
    area = shown.data["area_ha"]
    assert (area["low"], area["value"], area["high"]) == (0.3, 0.4, 0.6)
    closed = dataclasses.replace(ponds, rows=Rows.RESTRICTED)
    assert Disclosure(site, {"ponds": closed}, {}, newest=None, decimals=None).public_row(row) is None
    early = dt.datetime(2024, 2, 1, tzinfo=dt.UTC)
    assert Disclosure(site, LAYERS, {}, newest=early, decimals=None).public_row(row) is None
    assert WITHHELD not in str(shown.data)


def test_a_toy_layer_is_on_the_map_panel(ponds, tmp_path, browser):
    data = SiteMapData(
        site=tiny.site("tiny"),
        run=RunInfo(run_id="r", as_of=dt.datetime(2024, 6, 2, tzinfo=dt.UTC), version="t"),
        layers=LAYERS,
        rows={"ponds": (ponds.row(pond(), site_id="tiny"),)},
        profile=Profile(restricted=True),
    )
    page = write_site_map(tmp_path / "site.html", data)
    with browser.new_context() as context:
        opened = context.new_page()
        faults: list[str] = []
        opened.on("pageerror", lambda error: faults.append(str(error)))
        opened.goto(page.as_uri())
        opened.wait_for_selector("html[data-ready=yes]", state="attached")
        opened.evaluate("CW.change({ tab: 'findings' })")
        opened.evaluate("document.querySelectorAll('details.more').forEach((one) => { one.open = true; })")
        table = opened.locator("[data-layer-table=ponds]").inner_text()
        opened.evaluate("CW.change({ tab: 'layers' })")
        legend = opened.locator("#sheet-layers").inner_text()
    assert faults == []
    assert "pond-7" in table
    assert "area of open water" in table
    assert "Ponds of open water" in legend


def test_records_come_back_from_rows_and_tables_follow_the_record(ponds):
    row = ponds.row(pond(), site_id="tiny")
    assert read_record(Pond, row) == pond()
    assert (row.layer, row.subject, row.time, row.method) == ("ponds", "pond-7", "", "ponds/1")
    ((layer, frame),) = layer_frames(ponds, [])
    assert layer is ponds
    assert list(frame.columns)[:3] == ["row_id", "site_id", "pond_id"]


def test_the_second_geometry_of_a_boundary_change_is_a_table_of_its_own():
    spec = LAYERS["boundary_changes"]
    (lost,) = spec.outlines
    assert lost.name == "boundary_changes_lost"
    assert lost.has_geometry
    named = {one.name for one in spec.columns}
    assert {
        "extent",
        "overlay_gained_ha",
        "shift_east_m",
        "offset_m",
        "compared_m",
        "stable_fraction",
    } <= named
    assert spec.printed is not None
    assert "extent" in [name for name, *_ in spec.printed.columns]


def test_the_house_counts_itself():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.house", "--json"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert told["modules"] > 100
    assert told["files that spell a layer's name"]["footprints"] == 1
    assert Path(ROOT / "benchmarks" / "house.py").is_file()
