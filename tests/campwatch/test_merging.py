"""Two laptops on one site: what people said on either is in both, and nobody's word is lost."""

from __future__ import annotations

import json
import shutil

import pytest

from campwatch.custody.merging import merge_ledger, merged_findings
from campwatch.workspace import create_workspace, open_workspace
from evidence.errors import LedgerError
from evidence.ledger import Ledger
from evidence.rows import Row
from evidence.verify import verify_ledger


def said(subject: str, verdict: str) -> Row:
    return Row(
        layer="reviews", site_id="one", subject=subject, time="", method="reviews/1", params_hash="",
        inputs_hash="", data={"verdict": verdict},
    )  # fmt: skip


def look(number: int) -> Row:
    return Row(
        layer="observations", site_id="one", subject=f"s-{number}", time="", method="cube/1", params_hash="",
        inputs_hash="", data={"number": number},
    )  # fmt: skip


def write(workspace, *rows, action="review", actor="r-7", run="r1", time="2026-01-01T00:00:00Z"):
    with Ledger(workspace.ledger_path, create=True) as ledger:
        ledger.append(list(rows), chain="one", run_id=run, time=time, actor=actor, action=action)


def current(workspace):
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        assert verify_ledger(ledger) == []
        assert list(merged_findings(workspace, ledger)) == []
        return {
            stored.row.subject: stored.row.data["verdict"]
            for stored in ledger.current("reviews", site_id="one")
        }


@pytest.fixture
def laptops(tmp_path):
    """A copy of one workspace, and both have gone on."""
    here = create_workspace(tmp_path / "here")
    write(here, look(1), action="measure", actor="campwatch")
    write(here, said("d-1", "real"))
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    there = open_workspace(tmp_path / "there")
    write(here, said("d-2", "real"), run="h1", actor="r-1", time="2026-02-01T00:00:00Z")
    write(there, said("d-3", "not real"), run="t1", actor="r-2", time="2026-02-02T00:00:00Z")
    write(there, said("d-1", "not real"), run="t2", actor="r-2", time="2026-02-03T00:00:00Z")
    write(there, look(2), action="measure", actor="campwatch", run="t3")
    return here, there


def test_what_was_said_there_is_here_with_who_and_when(laptops):
    here, there = laptops
    done = merge_ledger(here, there.folder)
    assert (done.entries, done.rows, done.conflicts) == (2, 2, ())
    assert done.left == {"measure": 1}
    assert current(here) == {"d-1": "not real", "d-2": "real", "d-3": "not real"}
    with Ledger(here.ledger_path, read_only=True) as ledger:
        entries = [entry for entry in ledger.custody("one") if "merged" in entry.data]
        assert [(entry.actor, entry.time, entry.run_id) for entry in entries] == [
            ("r-2", "2026-02-02T00:00:00Z", "t1"),
            ("r-2", "2026-02-03T00:00:00Z", "t2"),
        ]
        assert [row.row.subject for row in ledger.current("observations")] == ["s-1"]
    with Ledger(done.kept, read_only=True) as kept, Ledger(there.ledger_path, read_only=True) as other:
        assert list(kept.rows()) == list(other.rows())


def test_both_ways_and_twice_both_say_the_same(laptops):
    here, there = laptops
    merge_ledger(here, there.folder)
    merge_ledger(there, here.folder)
    assert current(here) == current(there) == {"d-1": "not real", "d-2": "real", "d-3": "not real"}
    again = merge_ledger(here, there.folder)
    assert (again.entries, again.rows, again.conflicts) == (0, 0, ())


def test_a_conflict_is_shown_and_left_and_nothing_is_lost(laptops, command):
    here, there = laptops
    write(here, said("d-3", "real"), run="h2", actor="r-1")
    done = command("--json", "-C", here.folder, "merge", there.folder)
    assert done.returncode == 3, done.stderr
    (conflict,) = json.loads(done.stdout)["conflicts"]
    assert (conflict["subject"], conflict["ours"] != conflict["theirs"]) == ("d-3", True)
    assert "conflict, left as it is" in done.stderr
    assert current(here) == {"d-1": "not real", "d-2": "real", "d-3": "real"}
    kept = here.folder / "merged"
    (path,) = kept.iterdir()
    with Ledger(path, read_only=True) as ledger:
        (theirs,) = [one for one in ledger.current("reviews") if one.row_id == conflict["theirs"]]
        assert theirs.row.data["verdict"] == "not real"
    path.write_bytes(path.read_bytes() + b"x")
    with Ledger(here.ledger_path, read_only=True) as ledger:
        assert [one.what for one in merged_findings(here, ledger)] == ["was changed after it was merged"]


def test_what_does_not_verify_or_is_the_same_is_refused(laptops):
    import sqlite3
    from contextlib import closing

    here, there = laptops
    with pytest.raises(LedgerError, match="holds nothing"):
        merge_ledger(here, here.ledger_path)
    with closing(sqlite3.connect(there.ledger_path)) as db, db:
        db.execute("DROP TRIGGER rows_no_UPDATE")
        db.execute("UPDATE rows SET data = replace(data, 'not real', 'real')")
    with pytest.raises(LedgerError, match="does not verify"):
        merge_ledger(here, there.folder)
    assert current(here) == {"d-1": "real", "d-2": "real"}
