"""Content that is removed: gone from the ledger and from what is derived, its digest and reason kept."""

from __future__ import annotations

import datetime as dt
import json
import zipfile

import pytest

from campwatch.custody.redaction import find_places, redact
from campwatch.workspace import create_workspace
from evidence.custody_table import REDACTED
from evidence.errors import LedgerError
from evidence.ledger import Ledger
from evidence.redaction import Place
from evidence.rows import Row
from evidence.verify import verify_ledger
from tests.evidence.test_ledger import tamper

from .conftest import site_document

NAME = "Kim Survivor"
NOTE = f"seen with {NAME}, who worked there"


def clock():
    return dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def row(**data):
    return Row(layer="reviews", site_id="tiny", subject="yard", time="", method="m", params_hash="p",
               inputs_hash="i", data={"verdict": "accepted", "area_ha": 1.5} | data)  # fmt: skip


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setattr("campwatch.run.derived.rebuild_behind", lambda *_: False)
    made = create_workspace(tmp_path / "w")
    document = site_document()
    document["features"][0]["properties"]["note"] = f"boundary told by {NAME}"
    with Ledger(made.ledger_path, create=True) as ledger:
        for action, rows, details in (
            ("measure", [], {"site_file": document, "told_by": NAME}),
            ("review", [row(note=NOTE)], {}),
            ("release", [], {"release": "r-1"}),
        ):
            ledger.append(rows, chain="tiny", run_id="r", time="2026-01-01T00:00:00Z", actor="a1",
                          action=action, details=details)  # fmt: skip
    return made


def held(workspace):
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        assert verify_ledger(ledger) == []
        return list(ledger.rows()), ledger.custody(), ledger.heads()


def everything(workspace, **more):
    return redact(workspace, NAME.lower(), reason="a person's name", actor="a1", clock=clock, **more)


def test_a_name_is_found_removed_and_the_ledger_verifies(workspace):
    before = held(workspace)
    assert {place.kind for place in find_places(workspace, NAME)} == {"row", "entry", "text"}
    done = everything(workspace)
    assert find_places(workspace, NAME) == []
    assert NAME.encode() not in workspace.ledger_path.read_bytes()
    rows, entries, heads = held(workspace)
    assert rows[0].row.data == {"verdict": "accepted", "area_ha": 1.5, "note": REDACTED}
    assert rows[0].row_id == before[0][0].row_id
    site_file = entries[0].data["site_file"]
    assert site_file["features"][0]["properties"]["note"] == REDACTED
    assert site_file["features"][1:] == before[1][0].data["site_file"]["features"][1:]
    assert heads["tiny"] == before[2]["tiny"]
    assert entries[-1].action == "redact"
    assert entries[-1].data["reason"] == "a person's name"
    assert {told["kind"] for told in entries[-1].data["removed"]} == {"row", "entry", "text"}
    assert len(done.removed) == len(entries[-1].data["removed"])
    assert done.copies_made == ("release r-1 of 2026-01-01T00:00:00Z",)


def test_what_is_derived_goes_and_copies_are_named(workspace, tmp_path):
    workspace.maps_folder.mkdir()
    page = workspace.maps_folder / "tiny.html"
    page.write_text(f"<p>{NOTE}</p>", encoding="utf-8")
    export = workspace.exports_folder / "report.docx"
    export.parent.mkdir()
    with zipfile.ZipFile(export, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", f"<t>{NOTE}</t>")
    backups = tmp_path / "backups"
    backups.mkdir()
    (backups / "old.jsonl").write_text(json.dumps({"note": NOTE}), encoding="utf-8")
    (backups / "sealed.age").write_bytes(b"?")
    (backups / "clean.txt").write_text("nothing", encoding="utf-8")
    done = everything(workspace, look_in=[backups])
    assert not page.exists()
    assert done.drawn_anew == (str(page),)
    assert set(done.still_in) == {str(export), str(backups / "old.jsonl")}
    assert done.not_looked_into == (str(backups / "sealed.age"),)


def test_a_redacted_row_cannot_be_changed_further(workspace):
    everything(workspace)
    tamper(workspace.ledger_path, "UPDATE rows SET data = replace(data, '1.5', '2.5')")
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        assert verify_ledger(ledger) != []


def test_content_that_vanished_without_a_redaction_is_found(workspace):
    tamper(workspace.ledger_path, "UPDATE texts SET text = '\"[redacted]\"'")
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        assert any("text " in finding.where for finding in verify_ledger(ledger))


def test_a_reason_that_repeats_the_content_is_refused(workspace):
    with pytest.raises(LedgerError, match="repeats"):
        redact(workspace, NAME, reason=f"names {NAME}", actor="a1", clock=clock)
    assert find_places(workspace, NAME) != []


def test_what_is_not_there_removes_nothing(workspace):
    before = held(workspace)
    for wanted, said in (("nobody of this name", "nothing in the ledger"), ("Kim", "too few")):
        with pytest.raises(LedgerError, match=said):
            redact(workspace, wanted, reason="x", actor="a1", clock=clock)
    gone = [Place(kind="row", subject="0" * 16)]
    with pytest.raises(LedgerError, match="no row"):
        redact(workspace, NAME, places=gone, reason="x", actor="a1", clock=clock)
    assert held(workspace) == before


def test_the_ledger_is_append_only_again_afterwards(workspace):
    import sqlite3

    everything(workspace)
    for table in ("rows", "custody", "texts", "meta"):
        with (
            pytest.raises(sqlite3.IntegrityError, match="append-only"),
            sqlite3.connect(workspace.ledger_path) as db,
        ):
            db.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own
    with (
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
        sqlite3.connect(workspace.ledger_path) as db,
    ):
        db.execute("UPDATE rows SET data = '{}'")
