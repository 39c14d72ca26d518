from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from campwatch.custody.release import make_release
from campwatch.custody.reproduction import reproduce_run
from campwatch.custody.verification import verify_workspace
from campwatch.run.pipeline import RunOptions, run_workspace
from campwatch.workspace import open_workspace
from detection.ground.params import GroundParams
from evidence.errors import ExportError, LedgerError, WatchError
from evidence.hashing import sha256_file
from evidence.ledger import Ledger
from tests.servers import tiny

from .conftest import ROOT, site_document, write_workspace

FAR = [[20.0, 10.0], [20.1, 10.0], [20.1, 10.1], [20.0, 10.0]]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    return tiny.write_catalog(tmp_path_factory.mktemp("source"), dates=tiny.days(3, step=10))


@pytest.fixture(scope="module")
def done(tmp_path_factory, catalog):
    """A workspace after one run, and the run's summary."""
    folder = write_workspace(tmp_path_factory.mktemp("done") / "w", catalog, site_document())
    return folder, run_workspace(open_workspace(folder), RunOptions())


@pytest.fixture
def copy(done, tmp_path):
    folder = tmp_path / "w"
    shutil.copytree(done[0], folder)
    return folder


def rows(folder: Path) -> set[str]:
    with Ledger(folder / "ledger.sqlite", read_only=True) as ledger:
        return {stored.row_id for stored in ledger.current() if stored.row.layer != "alerts"}


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_a_crash_at_any_point_is_made_whole_by_the_next_run():
    """The short version of benchmarks/runs/crash.py."""
    short = ["--states", "5", "--exits", "1", "--kills", "1"]
    command = [sys.executable, "-m", "benchmarks.runs.crash", *short]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=280)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 not made whole" in result.stdout


def broken(site_id: str):
    document = site_document(site_id)
    document["features"][0]["geometry"] = {"type": "Polygon", "coordinates": [FAR]}
    return document


def test_of_twenty_sites_two_are_broken_and_eighteen_are_done(tmp_path, cli):
    catalog = tiny.write_catalog(tmp_path / "source", dates=tiny.days(1))
    sites = [site_document(f"site-{number:02}", size_m=300) for number in range(18)] + [broken("far-away")]
    folder = write_workspace(tmp_path / "w", catalog, *sites)
    (folder / "sites" / "torn.geojson").write_text('{"type": "FeatureCollection", "feat', encoding="utf-8")
    result = cli("--json", "-C", folder, "run")
    assert result.returncode == 3, result.stderr
    told = {site["site_id"]: site for site in json.loads(result.stdout)["sites"]}
    assert len(told) == 20
    assert {site_id for site_id, site in told.items() if site["error"]} == {"far-away", "torn"}
    assert sum(site["looks"] == 1 and site["new_rows"] > 0 for site in told.values()) == 18
    named = [line for line in result.stderr.splitlines() if "failed:" in line]
    assert len(named) == 2
    assert "far-away" in named[0]
    assert "torn" in named[1]


def test_a_second_run_waits_where_it_is_told_to(copy):
    command = [sys.executable, "-m", "campwatch", "-C", str(copy), "run"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with open_workspace(copy).lock(wait=False):
        leaves = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert leaves.returncode == 1
        assert "another run" in leaves.stderr
        waits = subprocess.Popen([*command, "--wait"], env=environment, stderr=subprocess.DEVNULL)
        with pytest.raises(subprocess.TimeoutExpired):
            waits.wait(timeout=6)
    assert waits.wait(timeout=120) == 0


def test_workers_give_the_same_rows(done, tmp_path, catalog):
    folder = write_workspace(tmp_path / "w", catalog, site_document())
    run_workspace(open_workspace(folder), RunOptions(workers=2))
    assert rows(folder) == rows(done[0])


def test_dask_gives_the_same_rows(done, tmp_path, catalog):
    pytest.importorskip("distributed")
    folder = write_workspace(tmp_path / "w", catalog, site_document())
    run_workspace(open_workspace(folder), RunOptions(dask="local:1"))
    assert rows(folder) == rows(done[0])


def test_a_run_is_reproduced_to_the_bit(done):
    folder, summary = done
    (site,) = reproduce_run(open_workspace(folder), summary.run_id)
    assert (site.site_id, site.differing, site.same_code) == ("tiny", (), True)
    assert site.rows == len(rows(folder))


def test_an_earlier_run_is_reproduced_after_new_scenes_came(copy, done):
    more = tiny.write_catalog(copy.parent / "more", dates=tiny.days(4, step=10))
    (copy / "campwatch.toml").write_text(
        f'[[source]]\nkind = "stac"\nurl = {json.dumps(more.as_posix())}\n', encoding="utf-8"
    )
    assert run_workspace(open_workspace(copy), RunOptions()).sites[0].fetched == 1
    (site,) = reproduce_run(open_workspace(copy), done[1].run_id)
    assert site.differing == ()


def test_other_code_is_refused_or_compared_with_a_tolerance(copy, done, monkeypatch):
    from campwatch.custody import reproduction as reproduce
    from campwatch.identity import code_identity

    monkeypatch.setattr(reproduce, "code_identity", lambda: code_identity() | {"source": "other"})
    with pytest.raises(LedgerError, match="tolerance"):
        reproduce_run(open_workspace(copy), done[1].run_id)
    (site,) = reproduce_run(open_workspace(copy), done[1].run_id, tolerance=1e-9)
    assert (site.same_code, site.differing) == (False, ())


def test_a_run_that_never_was_is_an_error(done):
    with pytest.raises(LedgerError, match=f"the figures that stand were measured by {done[1].run_id}"):
        reproduce_run(open_workspace(done[0]), "20200101T000000Z-000000")


def test_a_head_kept_elsewhere_is_found_again_and_a_foreign_one_is_not(done, command):
    folder, summary = done
    workspace = open_workspace(folder)
    assert verify_workspace(workspace, expected_head=summary.head).findings == ()
    assert verify_workspace(workspace, expected_head=summary.head[:16]).findings == ()
    assert verify_workspace(workspace, expected_head="f" * 64).findings != ()
    shown = f"{summary.head[:16].upper()}…"
    assert command("-C", folder, "verify", "--head", shown).returncode == 0
    assert command("-C", folder, "verify", "--head", "f" * 64).returncode == 1
    assert command("-C", folder, "verify", "--head", "release 7").returncode == 2


def test_opening_the_results_elsewhere_is_no_change_but_another_number_is(copy):
    import sqlite3

    path = copy / "results.gpkg"
    connection = sqlite3.connect(path)
    connection.execute("VACUUM")
    connection.close()
    assert verify_workspace(open_workspace(copy)).findings == ()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE observations SET valid_fraction = 0.123")
    connection.commit()
    connection.close()
    findings = verify_workspace(open_workspace(copy)).findings
    assert {finding.where for finding in findings} == {"results.gpkg observations"}


def test_a_release_is_complete_and_never_changes(copy):
    workspace = open_workspace(copy)
    release = make_release(workspace, "2026-11", restricted=True)
    manifest = json.loads((release.folder / "manifest.json").read_text("utf-8"))
    assert {"results.gpkg", "custody.jsonl", "README.txt", "csv/observations.restricted.csv"} <= set(
        manifest["files"]
    )
    assert "not volume, tonnage, production or origin" in (release.folder / "README.txt").read_text("utf-8")
    for name, digest in manifest["files"].items():
        assert sha256_file(release.folder / name) == digest
    with pytest.raises(ExportError, match="exists already"):
        make_release(workspace, "2026-11", restricted=True)
    with pytest.raises(ExportError, match="not a release id"):
        make_release(workspace, "../escape")
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        assert [entry.action for entry in ledger.custody("workspace")] == ["release"]


def test_a_release_freezes_method_and_text(copy):
    release = make_release(open_workspace(copy), "2026-12", restricted=True)
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert {path.name for path in (release.folder / "manual").glob("*.md")} == pages
    told = json.loads((release.folder / "method" / "methods.json").read_text("utf-8"))
    methods = {(entry["layer"], entry["method"]): entry["parameters"] for entry in told["methods"]}
    overrides = methods[next(key for key in methods if key[0] == "footprints")]
    assert overrides["events"]["least_looks"] == GroundParams().events.least_looks
    assert all(held is not None for (layer, _), held in methods.items() if layer in {"series", "footprints"})
    with zipfile.ZipFile(release.folder / "method" / "source.zip") as source:
        assert (
            source.read("detection/ground/states.py")
            == (ROOT / "detection" / "ground" / "states.py").read_bytes()
        )
    assert any("2026-12" in path.read_text("utf-8") for path in (release.folder / "citations").iterdir())
    assert "numpy==" in (release.folder / "method" / "environment.txt").read_text("utf-8")


def test_the_clock_set_back_loses_nothing(copy):
    def long_ago():
        return dt.datetime(2001, 1, 1, tzinfo=dt.UTC)

    document = site_document()
    document["features"][1]["properties"]["boundary_id"] = "b-new"
    (copy / "sites" / "tiny.geojson").write_text(json.dumps(document), encoding="utf-8")
    options = RunOptions(until=dt.date(2030, 1, 1))
    summary = run_workspace(open_workspace(copy), options, clock=long_ago)
    assert summary.sites[0].error is None
    with Ledger(copy / "ledger.sqlite", read_only=True) as ledger:
        boundaries = {row.row.data["boundary_id"] for row in ledger.current("footprints")}
    assert boundaries == {"b-new"}
    assert verify_workspace(open_workspace(copy)).findings == ()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_workspace_is_said_to_be_one(copy):
    copy.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(WatchError, match="cannot be written"):
            run_workspace(open_workspace(copy), RunOptions())
    finally:
        copy.chmod(stat.S_IRWXU)


def test_a_full_disk_is_one_line_and_the_next_run_makes_it_whole(tmp_path, catalog, done, monkeypatch):
    folder = write_workspace(tmp_path / "w", catalog, site_document())
    real, count = os.fsync, 0

    def full(descriptor):
        nonlocal count
        count += 1
        if count > 6:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WatchError, match="No space left"):
        run_workspace(open_workspace(folder), RunOptions())
    monkeypatch.undo()
    run_workspace(open_workspace(folder), RunOptions())
    assert rows(folder) == rows(done[0])
    assert verify_workspace(open_workspace(folder), deep=True).findings == ()


def test_the_disk_limit_of_the_settings_holds(copy):
    text = (copy / "campwatch.toml").read_text("utf-8")
    (copy / "campwatch.toml").write_text(text + "\n[limits]\ndisk_gb = 0.000001\n", encoding="utf-8")
    summary = run_workspace(open_workspace(copy), RunOptions())
    assert "disk_gb" in summary.sites[0].error
    assert not summary.complete


def test_the_time_limit_leaves_the_rest_to_the_next_run(tmp_path, catalog):
    folder = write_workspace(tmp_path / "w", catalog, site_document("a"), site_document("b"))

    def slow():
        """An hour later once the first site's pixels are there."""
        hours = any((folder / "archive").rglob("*.tif"))
        return dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=hours)

    text = (folder / "campwatch.toml").read_text("utf-8")
    (folder / "campwatch.toml").write_text(text + "\n[limits]\nminutes = 3\n", encoding="utf-8")
    summary = run_workspace(open_workspace(folder), RunOptions(), clock=slow)
    assert "time limit" in summary.sites[-1].error
    assert not summary.complete
    rest = run_workspace(
        open_workspace(folder), RunOptions(), clock=lambda: dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    )
    assert [site.error for site in rest.sites] == [None, None]


def test_status_and_doctor_speak_to_people_and_programs(done, command):
    folder, _ = done
    status = command("--json", "-C", folder, "status")
    assert status.returncode == 0, status.stderr
    (site,) = json.loads(status.stdout)
    assert (site["site_id"], site["looks"], site["used"]) == ("tiny", 3, 3)
    assert [alert["rule"] for alert in site["alerts"]] == ["no-usable-look"]
    doctor = command("-C", folder, "doctor")
    assert doctor.returncode == 0, doctor.stderr
    assert "who learns what" in doctor.stderr


def test_search_and_status_count_passes_by_month(done, command):
    folder, _ = done
    search = command("--json", "-C", folder, "search")
    assert search.returncode == 0, search.stderr
    (site,) = json.loads(search.stdout)
    march = {m["month"]: (m["catalogued"], m["fetched"]) for m in site["months"]}
    assert march["2024-03"] == (3, 3)
    assert site["cost"]["products"] == 0
    dry = command("--json", "-C", folder, "run", "--dry-run")
    assert json.loads(dry.stdout) == json.loads(search.stdout)
    (held,) = json.loads(command("--json", "-C", folder, "status", "--months").stdout)
    assert {m["month"]: (m["fetched"], m["usable"]) for m in held["months"]}["2024-03"] == (3, 3)


def test_doctor_warns_of_a_synced_folder(tmp_path, catalog, command):
    folder = write_workspace(tmp_path / "OneDrive - Desk" / "w", catalog, site_document())
    result = command("-C", folder, "doctor")
    assert result.returncode == 1
    assert "synced folder" in result.stderr


def test_logs_for_machines_are_one_object_a_line_and_quiet_tells_what_went_wrong(tmp_path, catalog, cli):
    folder = write_workspace(tmp_path / "w", catalog, site_document(size_m=300), broken("far"))
    result = cli("--log-format", "json", "-C", folder, "run")
    told = [json.loads(line) for line in result.stderr.splitlines()]
    assert all({"time", "level", "message"} <= set(line) for line in told)
    sites = {line["site_id"]: line for line in told if "site_id" in line}
    assert (sites["tiny"]["level"], sites["tiny"]["looks"], sites["far"]["level"]) == ("info", 3, "error")
    assert told[-1]["complete"] is False
    assert len(told[-1]["custody_head"]) == 64
    for options in (("-q",), ("-q", "--log-format", "json")):
        quiet = cli(*options, "-C", folder, "run")
        assert quiet.returncode == 3
        assert "far: failed" in quiet.stderr
        assert "tiny" not in quiet.stderr
