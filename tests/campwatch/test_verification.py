"""What verify finds: archive against custody, ledger against custody, derived files against the ledger."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from pathlib import Path

import pytest
import rasterio

from campwatch.custody.providers import Given, answer_lines, ask_providers
from campwatch.custody.reproduction import reproduce_run
from campwatch.custody.verification import verify_workspace
from campwatch.identity import PACKAGES, ROOT
from campwatch.run.pipeline import RunOptions, run_workspace
from campwatch.workspace import open_workspace
from evidence.errors import LedgerError
from evidence.hashing import sha256_file
from evidence.ledger import Ledger
from imagery.archive.store import Archive
from tests.servers import tiny

from .conftest import site_document, write_workspace

REVIEW = (
    "review", "set", "yard", "--site", "tiny", "--verdict", "accepted", "--reviewer", "r1",
    "--reason", "probable_coal", "--evidence", "provider,id-1,2024-03-05,0.5",
    "--likelihood", "likely", "--confidence", "moderate",
)  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    catalog = tiny.write_catalog(tmp_path_factory.mktemp("source"), dates=tiny.days(3, step=10))
    folder = write_workspace(tmp_path_factory.mktemp("done") / "w", catalog, site_document())
    run_workspace(open_workspace(folder), RunOptions())
    return folder


@pytest.fixture
def copy(done, tmp_path):
    folder = tmp_path / "w"
    shutil.copytree(done, folder)
    return folder


def found(folder, **more):
    return verify_workspace(open_workspace(folder), **more)


def products(folder):
    return sorted(path.parent for path in (folder / "archive").rglob("*.tif"))


def test_what_was_just_made_is_as_it_was_written(done):
    report = found(done, deep=True)
    assert (report.findings, report.behind) == ((), ())


def test_a_product_that_was_removed_whole_is_named(copy):
    (first, *_) = Archive(copy / "archive").products("tiny")
    shutil.rmtree(next(iter(first.bands.values())).parent)
    Archive(copy / "archive").write_index("tiny")
    (finding,) = found(copy).findings
    assert "is missing" in finding.what
    assert "scene sentinel-2a_" in finding.what


def test_pixels_rewritten_with_their_checksums_are_found(copy):
    (first, *_) = Archive(copy / "archive").products("tiny")
    victim = first.bands["red"]
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    item_path = next(path for path in victim.parent.glob("*.json") if path.stem == victim.parent.name)
    item = json.loads(item_path.read_text("utf-8"))
    old = sha256_file(victim)
    victim.write_bytes(data)
    text = json.dumps(item).replace(old, sha256_file(victim))
    assert text != json.dumps(item)
    item_path.write_text(text, encoding="utf-8")
    assert Archive(copy / "archive").verify() == []
    (finding,) = found(copy).findings
    assert "is not what was measured" in finding.what


def test_after_an_honest_review_nothing_is_wrong_and_what_waits_for_pixels_is_behind(copy, command):
    done = command("-C", copy, *REVIEW)
    assert done.returncode == 0, done.stderr
    result = command("-C", copy, "verify")
    assert result.returncode == 3, result.stderr
    lines = [line for line in result.stderr.splitlines() if line]
    assert len(lines) == 3
    assert lines[0] == "everything is as it was written"
    assert lines[1] == "behind the ledger (campwatch run rebuilds them): maps/tiny.restricted.html"
    with Ledger(copy / "ledger.sqlite", read_only=True) as ledger:
        entries = ledger.custody()
    measured = next(entry.run_id for entry in entries if entry.action == "measure")
    with pytest.raises(LedgerError, match=rf"it did review \(tiny\); .*: {measured} \(tiny\)"):
        reproduce_run(open_workspace(copy), entries[-1].run_id)
    assert command("-C", copy, "run").returncode == 0
    assert command("-C", copy, "verify").returncode == 0


def test_tables_that_were_not_rebuilt_are_behind_and_not_tampered_with(copy, command):
    kept = {name: (copy / name).read_bytes() for name in ("results.gpkg", "custody.jsonl")}
    stamps = (copy / "state" / "derived.json").read_bytes()
    assert command("-C", copy, *REVIEW).returncode == 0
    for name, data in kept.items():
        (copy / name).write_bytes(data)
    (copy / "state" / "derived.json").write_bytes(stamps)
    report = found(copy)
    assert report.findings == ()
    assert {"results.gpkg", "custody.jsonl"} <= set(report.behind)


CHANGES = {
    "a cell": "UPDATE observations SET valid_fraction = 0.123 WHERE fid = 1",
    "a row removed": "DELETE FROM observations WHERE fid = 1",
    "a row of nobody": "UPDATE observations SET row_id = 'feed' WHERE fid = 1",
    "a layer removed": "DROP TABLE observations",
}


@pytest.mark.parametrize("name", CHANGES)
def test_results_that_were_changed_are_told_in_lines_a_person_reads(copy, command, name):
    with sqlite3.connect(copy / "results.gpkg") as db:
        for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f'DROP TRIGGER "{trigger}"')
        db.execute(CHANGES[name])
    result = command("-C", copy, "verify")
    assert result.returncode == 1, result.stderr
    lines = result.stderr.splitlines()
    assert len(lines) <= 4
    assert all(len(line) < 250 for line in lines)
    assert "results.gpkg observations" in result.stderr
    assert "DataFrame" not in result.stderr


def test_a_stale_table_is_still_held_against_the_ledger(copy, command):
    kept = (copy / "results.gpkg").read_bytes()
    assert command("-C", copy, *REVIEW).returncode == 0
    (copy / "results.gpkg").write_bytes(kept)
    (copy / "state" / "derived.json").unlink()
    with sqlite3.connect(copy / "results.gpkg") as db:
        db.execute("UPDATE observations SET valid_fraction = 0.123 WHERE fid = 1")
    assert any("valid_fraction is 0.123" in finding.what for finding in found(copy).findings)


def test_a_custody_file_that_was_changed_is_found(copy):
    path = copy / "custody.jsonl"
    path.write_text(path.read_text("utf-8").replace('"measure"', '"guess"', 1), encoding="utf-8")
    (finding,) = found(copy).findings
    assert re.fullmatch(
        r".*custody\.jsonl line \d+ differs from the ledger", f"{finding.where} {finding.what}"
    )


def test_a_ledger_that_was_changed_is_found_row_by_row(copy):
    with sqlite3.connect(copy / "ledger.sqlite") as db:
        for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {trigger}")
        db.execute("UPDATE rows SET data = replace(data, '\"used\"', '\"unusable\"') WHERE seq = 1")
    (finding,) = found(copy).findings
    assert "was changed after it was written" in finding.what


def test_the_ledger_is_read_as_a_stream(copy, monkeypatch):
    """Nothing gathers all rows: each list that verify takes from the ledger is of one entry or one layer."""
    with Ledger(copy / "ledger.sqlite", read_only=True) as ledger:
        rows = sum(1 for _ in ledger.rows())
    asked = []
    monkeypatch.setattr(Ledger, "rows", lambda self: asked.append(self) or iter(()))
    assert found(copy).findings == ()
    assert rows > 0
    assert asked == []


@pytest.fixture
def source(done, tmp_path):
    """The provider's folder; as it was again afterwards."""
    folder = Path(open_workspace(done).settings.source[0].url).parent
    shutil.copytree(folder, tmp_path / "kept")
    yield folder
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "kept", folder)


def test_what_providers_give_today_is_held_against_what_was_archived(copy, source):
    answers = list(ask_providers(open_workspace(copy), scenes=9))
    assert [one.given for one in answers] == [Given.SAME] * 3
    assert answer_lines(answers) == ["3 of 3 products are given today as they were archived"]
    with rasterio.open(source / "item 0" / "red.tif", "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        dataset.write(dataset.read(1) + 1, 1)
    item = source / "item 1" / "item.json"
    told = json.loads(item.read_text("utf-8"))
    item.write_text(json.dumps(told | {"id": "another"}), encoding="utf-8")
    (source / "item 2" / "nir.tif").unlink()
    given = [one.given for one in ask_providers(open_workspace(copy), scenes=9)]
    assert given == [Given.OTHER_PIXELS, Given.OTHER_PROCESSING, Given.FAILED]
    assert len(list(ask_providers(open_workspace(copy), scenes=1))) == 1


def test_a_comment_in_a_measuring_module_measures_nothing_again(copy, tmp_path, cli):
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / "code" / name, ignore=shutil.ignore_patterns("__pycache__"))
    module = tmp_path / "code" / "detection" / "coal" / "measure.py"
    module.write_text("# a comment, with a comma\n" + module.read_text("utf-8"), encoding="utf-8")
    with Ledger(copy / "ledger.sqlite", read_only=True) as ledger:
        heads = ledger.heads()
    result = cli("-C", copy, "run", cwd=tmp_path, PYTHONPATH=str(tmp_path / "code"))
    assert result.returncode == 0, result.stderr
    assert "nothing new" in result.stderr
    with Ledger(copy / "ledger.sqlite", read_only=True) as ledger:
        assert ledger.heads() == heads
