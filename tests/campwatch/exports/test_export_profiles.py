"""Public exports hold nothing that is not marked public; what an export says about itself."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import shutil
from pathlib import Path

import pytest
import shapely

from campwatch.exports.bundle import _imagery_notice, collect
from campwatch.exports.citations import write_citations
from campwatch.exports.stamp import SIMULATED, Stamp
from campwatch.exports.write import ExportFormat, ExportOptions, export
from evidence.custody import heads_digest
from evidence.errors import ExportError, LedgerError
from evidence.ledger import Ledger
from evidence.rows import Row, StoredRow
from maps.disclosure import WITHHELD, coarse

from .conftest import HANGUL, SECRETS, all_bytes, bundle_of, with_map_settings

TABULAR = [kind for kind in ExportFormat if kind not in (ExportFormat.BAG, ExportFormat.CHIPS)]


@pytest.mark.parametrize("kind", TABULAR)
def test_nothing_restricted_is_in_the_bytes_of_a_public_export(kind, workspace, tmp_path):
    told = all_bytes(export(workspace, kind, ExportOptions(out=tmp_path)))
    assert [secret for secret in SECRETS if secret.encode() in told] == []
    assert b"Simulated tiny" in told or b"tiny" in told


@pytest.mark.parametrize("kind", [ExportFormat.CSV, ExportFormat.GEOJSON, ExportFormat.KMZ])
def test_the_restricted_profile_holds_it_and_its_names_say_so(kind, workspace, tmp_path):
    paths = export(workspace, kind, ExportOptions(out=tmp_path, restricted=True))
    assert all(".restricted." in path.name for path in paths)
    told = all_bytes(paths)
    assert all(secret.encode() in told for secret in SECRETS[:3])


def test_what_is_said_relative_to_a_restricted_boundary_is_withheld(public):
    rows = {row["disturbance_id"]: row for row in public.table("disturbances").frame.to_dict("records")}
    assert rows["d1"]["relation"] == "crossing"
    assert rows["d1"]["sector_advances"] == "NE 80 (60 to 100)"
    hidden = public.table("disturbances").frame.set_index("disturbance_id").loc["d2"]
    assert (
        hidden[["boundary_id", "relation", "outside_ha", "advance_m", "bearing_deg", "sector_advances"]]
        .isna()
        .all()
    )
    assert hidden["reason"] == WITHHELD
    assert hidden["area_ha"] == 3.5


def test_coordinates_are_rounded_and_tiny_shapes_become_points(workspace):
    bundle = bundle_of(with_map_settings(workspace, coordinate_decimals=3))
    for table in bundle.tables:
        if table.layer.has_geometry:
            points = shapely.get_coordinates(table.frame.geometry.dropna().to_numpy())
            assert points == pytest.approx(points.round(3), abs=1e-12)
    assert bundle.table("stockpiles").frame.geometry.iloc[0].geom_type == "Point"
    assert bundle.stamp.profile.startswith("public; coordinates rounded")


def test_a_rounded_shape_stays_valid():
    star = shapely.Polygon(
        [(0, 0), (0.0101, 0.0004), (0.02, 0), (0.0104, 0.02), (0.0102, 0.0006), (0.0100, 0.02)]
    )
    assert coarse(star.buffer(0), 3).is_valid


def test_delay_hides_what_is_young(workspace):
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        (site_id,) = {entry.chain for entry in ledger.custody() if entry.action == "measure"}
        as_of = dt.datetime.fromisoformat(ledger.last_entry(site_id, "measure").time)
    limit = dt.datetime(2024, 4, 1, tzinfo=dt.UTC)
    whole = bundle_of(workspace)
    bundle = bundle_of(with_map_settings(workspace, delay_days=(as_of - limit).days))
    for layer in ("observations", "stockpile_areas", "series"):
        moments = [dt.datetime.fromisoformat(text) for text in bundle.table(layer).frame["datetime"]]
        assert 0 < len(moments) < len(whole.table(layer).frame)
        assert max(moments) <= limit + dt.timedelta(days=1)


def test_a_restricted_site_is_refused_without_the_flag(workspace, tmp_path):
    copy = dataclasses.replace(workspace, folder=tmp_path / "w")
    shutil.copytree(
        workspace.folder, copy.folder, ignore=shutil.ignore_patterns("archive", "exports", "maps")
    )
    (path,) = copy.site_paths()
    path.write_text(
        path.read_text("utf-8").replace('"sensitivity": "public"', '"sensitivity": "restricted"'), "utf-8"
    )
    with pytest.raises(ExportError, match="not marked public"):
        export(copy, ExportFormat.CSV, ExportOptions())
    assert not copy.exports_folder.exists()


def test_the_stamp_is_the_head_that_the_run_printed(workspace, restricted):
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        heads = ledger.heads()
    assert restricted.stamp.custody_head == heads_digest(heads)
    assert restricted.stamp.heads == heads
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        measured = ledger.last_entry("tiny", "measure").run_id
    assert restricted.stamp.run_id == measured != "later"
    assert restricted.stamp.measured == {"tiny": measured}
    assert ("run that measured tiny", measured) in restricted.stamp.items()
    assert "by our own clock" in restricted.stamp.footer()


def test_as_of_shows_what_a_run_left(workspace):
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        first = ledger.custody()[0]
        then = collect(workspace, ledger, restricted=True, as_of_run=first.run_id)
        links = ledger.custody_as_written()
        assert then.stamp.heads["tiny"] in {
            digest for _, entry, digest in links if entry.run_id == first.run_id
        }
        assert then.stamp.heads["tiny"] != ledger.heads()["tiny"]
        with pytest.raises(LedgerError, match="no run nowhere"):
            collect(workspace, ledger, restricted=True, as_of_run="nowhere")
    assert then.table("observations") is not None
    assert then.table("reviews") is None
    assert then.stamp.run_id == first.run_id


def test_an_export_of_released_rows_names_the_release_and_a_later_one_does_not(workspace, tmp_path):
    copy = dataclasses.replace(workspace, folder=tmp_path / "w")
    shutil.copytree(
        workspace.folder, copy.folder, ignore=shutil.ignore_patterns("archive", "exports", "maps")
    )
    with Ledger(copy.ledger_path) as ledger:
        told = {"chain": "workspace", "time": "2024-07-01T00:00:00Z", "actor": "test"}
        ledger.append([], run_id="r1", action="release", details={"release": "2024-07"}, **told)
        assert collect(copy, ledger).stamp.release == "2024-07"
        assert collect(copy, ledger, as_of_run="later").stamp.release == "2024-07"
        assert collect(copy, ledger, as_of_run=ledger.custody()[0].run_id).stamp.release == "no release"
        row = dataclasses.replace(ledger.current("reviews")[0].row, subject="another")
        ledger.append([row], run_id="r2", action="import", **told)
        assert collect(copy, ledger).stamp.release == "no release"


def test_citations_name_data_imagery_and_sources(restricted, tmp_path):
    ris, csl = write_citations(restricted, tmp_path)
    records = [block for block in ris.read_text("utf-8").split("ER  - ") if block.strip()]
    assert all(record.lstrip().startswith("TY  - ") for record in records)
    cited = json.loads(csl.read_text("utf-8"))
    assert len(cited) == len(records)
    assert HANGUL in cited[0]["title"]
    assert cited[0]["version"] == "no release"
    assert restricted.stamp.custody_head in cited[0]["note"]
    assert any("Copernicus" in item["title"] for item in cited)
    assert {item["id"] for item in cited} >= {"source-1"}


def test_every_layer_names_its_source(public):
    assert "Copernicus Sentinel data 2024" in public.table("observations").attribution
    assert "simulated for tests" in public.table("sites").attribution


def test_the_command_line_exports_and_is_idempotent(workspace, command, tmp_path):
    arguments = ("--json", "-C", workspace.folder, "export", "--format", "kmz")
    first = command(*arguments)
    assert first.returncode == 0, first.stderr
    (path,) = json.loads(first.stdout)["files"]
    (again,) = export(workspace, ExportFormat.KMZ, ExportOptions(out=tmp_path))
    assert Path(path).read_bytes() == again.read_bytes()


def test_simulated_sites_are_labelled_and_do_not_take_the_notice_from_real_ones():
    stamp = dataclasses.replace(STAMP, simulated=("sim",))
    looks = [look_row("real"), look_row("sim")]
    notice = _imagery_notice(looks, stamp)
    assert "Copernicus Sentinel data 2024" in notice
    assert "sim: Simulated imagery" in notice
    assert "Copernicus" not in _imagery_notice(looks[1:], stamp)
    assert ("site sim", SIMULATED) in stamp.items()


STAMP = Stamp(
    release_id=None, run_id="r", as_of="2024-01-01T00:00:00Z", custody_head="h", heads={},
    version="0", restricted=False,
)  # fmt: skip


def look_row(site_id: str) -> StoredRow:
    row = Row(
        layer="observations", site_id=site_id, subject="s", time="t", method="m", params_hash="",
        inputs_hash="", data={"sensor": "sentinel-2a", "datetime": "2024-03-01T00:00:00Z"},
    )  # fmt: skip
    return StoredRow(seq=1, row_id="x", run_id="r", as_of="2024-01-01T00:00:00Z", row=row)
