"""Every export says what stands behind its intervals: nothing below 30 references, those from 30 on."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import zipfile

import docx
import openpyxl
import pyarrow.parquet as pq
import pyogrio
import pytest
import rasterio

from campwatch.custody.release import make_release
from campwatch.custody.verification import verify_workspace
from campwatch.exports.figure_page import figure_style
from campwatch.exports.figures import FigureOptions, write_figures
from campwatch.exports.write import ExportFormat, ExportOptions, export
from campwatch.reviews.validation import interval_layers
from campwatch.run.rebuild import rebuild_tables
from campwatch.run.status import workspace_status
from campwatch.workspace import open_workspace, readable_sites
from detection.sampling.references import ENOUGH, NOT_VALIDATED
from evidence.ledger import Ledger
from evidence.quantity import Quantity
from evidence.rows import Row

VALIDATED = f"checked against {ENOUGH} outlines and absences at this site"
FORMATS = [kind for kind in ExportFormat if kind is not ExportFormat.BAG]


def copied(workspace, folder, rows=()):
    """A copy of a workspace with further rows and its tables rebuilt."""
    shutil.copytree(workspace.folder, folder)
    made = open_workspace(folder)
    with Ledger(made.ledger_path) as ledger:
        if rows:
            ledger.append(
                list(rows), chain="tiny", run_id="given", time="2026-01-01T00:00:00Z", actor="anna",
                action="review",
            )  # fmt: skip
        rebuild_tables(made, ledger, readable_sites(made))
    return made


@pytest.fixture(scope="module")
def young(workspace, tmp_path_factory):
    """A site with no reference that could serve."""
    return copied(workspace, tmp_path_factory.mktemp("검증") / "young")


@pytest.fixture(scope="module")
def old(workspace, tmp_path_factory):
    """The same with thirty absences beside thirty figures."""
    return copied(workspace, tmp_path_factory.mktemp("검증") / "old", list(reference_rows()))


def reference_rows():
    for i in range(ENOUGH):
        moment = dt.datetime(2020, 1, 1, 2, 36, tzinfo=dt.UTC) + dt.timedelta(days=12 * i)
        time = moment.isoformat().replace("+00:00", "Z")
        area = {
            "zone_id": "yard",
            "datetime": time,
            "area_ha": Quantity.measured(0.0, sd_random=0.1).to_dict(),
        }
        seen = {
            "kind": "absent", "label": "yard", "image": f"Maxar/{i}/{time[:10]}/0.5m", "observer": "anna",
            "image_date": time[:10], "image_resolution_m": 0.5, "observed_at": time, "value": None,
        }  # fmt: skip
        for layer, data in (("stockpile_areas", area), ("manual_observations", seen)):
            yield Row(
                layer=layer, site_id="tiny", subject=f"{layer}-{i}", time=time, method="m/1", params_hash="p",
                inputs_hash="i", data=data,
            )  # fmt: skip


def texts_of(path) -> str:
    """Everything that a person reads in a file."""
    read = _READERS.get(path.suffix, lambda other: other.read_bytes().decode("utf-8-sig", errors="replace"))
    return read(path)


def _word(path):
    return "\n".join(paragraph.text for paragraph in docx.Document(str(path)).paragraphs)


def _excel(path):
    book = openpyxl.load_workbook(path)
    return "\n".join(str(c.value) for s in book.worksheets for line in s for c in line if c.value)


def _geopackage(path):
    names = [name for name, _ in pyogrio.list_layers(path)]
    return "\n".join(pyogrio.read_dataframe(path, layer=n, read_geometry=False).to_csv() for n in names)


def _parquet(path):
    held = pq.read_table(path)
    return held.to_pandas().to_csv() + held.schema.metadata[b"campwatch"].decode()


def _zip(path):
    with zipfile.ZipFile(path) as archive:
        texts = [name for name in archive.namelist() if not name.endswith((".png", ".jpg", ".webp"))]
        return "\n".join(archive.read(name).decode("utf-8-sig") for name in texts)


def _tif(path):
    with rasterio.open(path) as raster:
        return json.dumps(raster.tags())


_READERS = {
    ".docx": _word, ".xlsx": _excel, ".gpkg": _geopackage, ".parquet": _parquet, ".kmz": _zip, ".qgz": _zip,
    ".tif": _tif,
}  # fmt: skip


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_says_that_a_young_site_is_not_validated(young, kind, tmp_path):
    paths = export(young, kind, ExportOptions(out=tmp_path))
    told = "\n".join(texts_of(path) for path in paths)
    assert NOT_VALIDATED in told
    assert f"checked against {ENOUGH}" not in told


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_says_what_an_old_site_was_validated_on(old, kind, tmp_path):
    paths = export(old, kind, ExportOptions(out=tmp_path))
    told = "\n".join(texts_of(path) for path in paths)
    assert f"{VALIDATED}: bias +0.00 ha, RMSE 0.00 ha, 100% inside the interval" in told
    assert NOT_VALIDATED in told  # nobody has sampled its footprints


def test_a_bag_says_it_of_its_finding(young, old, tmp_path):
    for workspace, wanted in ((young, NOT_VALIDATED), (old, VALIDATED)):
        options = ExportOptions(out=tmp_path / wanted[:5], finding="yard")
        (path,) = export(workspace, ExportFormat.BAG, options)
        with zipfile.ZipFile(path) as archive:
            names = {name.rsplit("/", 1)[-1]: name for name in archive.namelist()}
            for name in ("README.md", "method.md", "finding.json", "finding.geojson", "finding.csv"):
                assert wanted in archive.read(names[name]).decode("utf-8-sig"), name


def test_every_row_with_an_interval_carries_the_code_and_the_sentence(young, old):
    for workspace, code in ((young, None), (old, "site_reference")):
        for layer in interval_layers():
            frame = pyogrio.read_dataframe(workspace.results_path, layer=layer, read_geometry=False)
            if len(frame):
                assert frame["validated_on"].notna().all()
                assert frame["validation"].notna().all()
        areas = pyogrio.read_dataframe(workspace.results_path, layer="stockpile_areas", read_geometry=False)
        assert (set(areas["validated_on"]) == {"site_reference"}) == (code is not None)
        assert verify_workspace(workspace).findings == ()


def test_figures_say_it(young, old, tmp_path):
    from matplotlib.text import Text

    from campwatch.exports.bundle import collect
    from campwatch.exports.figure_footprint import FootprintFigure, draw_footprint
    from campwatch.exports.figure_series import SeriesFigure, draw_series

    for workspace, wanted in ((young, NOT_VALIDATED), (old, VALIDATED)):
        with Ledger(workspace.ledger_path, read_only=True) as ledger:
            bundle = collect(workspace, ledger)
        site, stamp = bundle.sites[0], bundle.stamp
        frames = {name: bundle.table(name) for name in ("stockpile_areas", "observations", "footprints")}
        with figure_style():
            series = SeriesFigure(
                site=site, areas=frames["stockpile_areas"].plain, series=None,
                looks=frames["observations"].plain, stamp=stamp, attribution="",
            )  # fmt: skip
            told = " ".join(t.get_text() for t in draw_series(series, ["yard"]).findobj(Text))
            assert wanted in " ".join(told.split())
            if frames["footprints"] is not None:
                data = FootprintFigure(
                    site=site, footprints=frames["footprints"].plain, stamp=stamp, attribution=""
                )
                told = " ".join(t.get_text() for t in draw_footprint(data).findobj(Text))
                assert NOT_VALIDATED in " ".join(told.split())
    assert write_figures(young, FigureOptions(kinds=("series",), out=tmp_path))


def test_a_release_says_it(young, old):
    for workspace, wanted in ((young, NOT_VALIDATED), (old, VALIDATED)):
        folder = make_release(workspace, "r-1").folder
        assert wanted in (folder / "README.txt").read_text("utf-8")
        assert wanted in (folder / "csv" / "stockpile_areas.csv").read_text("utf-8-sig")
        assert wanted in texts_of(folder / "results.gpkg")


def test_status_says_it(young, old):
    (told,) = workspace_status(young)
    assert told.validation == (NOT_VALIDATED,)
    (told,) = workspace_status(old)
    assert any(VALIDATED in line for line in told.validation)


def test_a_public_export_counts_references_and_shows_none(old, tmp_path):
    for kind in (ExportFormat.KMZ, ExportFormat.CSV, ExportFormat.GPKG):
        told = "\n".join(texts_of(p) for p in export(old, kind, ExportOptions(out=tmp_path / kind.value)))
        assert VALIDATED in told
        assert "Maxar" not in told
