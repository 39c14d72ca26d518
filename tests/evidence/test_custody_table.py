"""What is long is kept once; readers and `verify` get it whole; older ledgers are read as they stand."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.custody import PARTS, TEXT
from evidence.custody_table import LONG
from evidence.errors import LedgerError
from evidence.ledger import Ledger, migrate_ledger
from evidence.results import write_custody
from evidence.verify import verify_ledger
from tests.evidence.test_ledger import append, footprint, tamper

VERSION_1 = Path(__file__).parent / "data" / "ledger-version-1.sqlite"
"""Written by campwatch at 8d2333e: 70 measurements, the long ones as differences."""
RUNS = 84
PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.lists(st.integers(), max_size=2)
NAMES = st.sampled_from(["a", "b", TEXT, PARTS, "$x"]) | st.text(max_size=4)
DOCUMENTS = st.recursive(
    st.dictionaries(NAMES, PLAIN, max_size=40),
    lambda inner: st.dictionaries(NAMES, PLAIN | inner | st.lists(inner, max_size=3), max_size=6),
    max_leaves=30,
)


@settings(max_examples=60, deadline=None)
@given(data=DOCUMENTS)
def test_any_document_comes_back_as_it_went_in(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    with Ledger(path, create=True) as ledger:
        append(ledger, [], details={"held": data, "long": data | {"x": "y" * LONG}})
        (entry,) = ledger.custody()
        assert entry.data["held"] == data
        assert entry.data["long"] == data | {"x": "y" * LONG}
        assert verify_ledger(ledger) == []


def details(scenes: int, **more: object) -> dict[str, object]:
    held = {f"S2A_{number:04}": f"{number:064x}" for number in range(scenes)}
    return {
        "code": {"campwatch": "0"},
        "inputs": {"site": "s", "scenes": held | more},
        "site_file": {"x": "y" * 5000},
    }


@pytest.fixture
def long(tmp_path):
    """A site whose scenes grew by one a run, and one run that took one back."""
    path = tmp_path / "ledger.sqlite"
    with Ledger(path, create=True) as ledger:
        for run in range(RUNS):
            append(ledger, [footprint(2020, float(run))], run=f"r{run:03}", details=details(50 + run))
            append(ledger, [], run=f"r{run:03}", action="alert")
        append(ledger, [], run="late", details=details(40, S2A_0001="reprocessed"))
    return path


def test_readers_get_every_entry_whole(long):
    with Ledger(long) as ledger:
        measured = [entry for entry in ledger.custody("site") if entry.action == "measure"]
        told = [{name: entry.data[name] for name in details(0)} for entry in measured]
        assert told == [*(details(50 + run) for run in range(RUNS)), details(40, S2A_0001="reprocessed")]
        assert ledger.last_entry("site", "measure") == measured[-1]
        assert verify_ledger(ledger) == []


def test_what_is_written_grows_with_what_is_new(long, tmp_path):
    with Ledger(long) as ledger:
        written = [entry.data for _, entry, _ in ledger.custody_as_written() if entry.action == "measure"]
        texts = dict(ledger.texts())
        lines = write_custody(ledger, tmp_path / "custody.jsonl").read_text().splitlines()
    assert max(len(json.dumps(data)) for data in written) < 1500
    assert sum(text.count("y" * 5000) for text in texts.values()) == 1
    whole = sum(len(json.dumps(details(50 + run))) for run in range(RUNS))
    assert sum(map(len, texts.values())) < whole / 3
    assert sum(map(len, lines)) < whole / 2


def test_the_custody_file_holds_every_text_before_the_entry_that_names_it(long, tmp_path):
    with Ledger(long) as ledger:
        lines = write_custody(ledger, tmp_path / "custody.jsonl").read_text().splitlines()
        texts = dict(ledger.texts())
    documents = [json.loads(line) for line in lines]
    told = {line["sha256"]: line["text"] for line in documents if "sha256" in line}
    assert told == texts
    assert len(lines) == len(texts) + 2 * RUNS + 1


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        ("UPDATE custody SET data = replace(data, '\"code\"', '\"mode\"') WHERE seq = 23", "site #22"),
        ("DELETE FROM custody WHERE seq = 23", "#22"),
        ("UPDATE texts SET text = replace(text, 'S2A_0060', 'S2A_0061')", "text "),
        ("DELETE FROM texts WHERE text LIKE '%S2A_0060%'", "missing"),
    ],
)
def test_an_edited_or_removed_entry_or_text_is_named(long, edit, named):
    tamper(long, edit)
    with Ledger(long) as ledger:
        assert any(named in f"{found.where} {found.what}" for found in verify_ledger(ledger))


def test_a_ledger_of_version_1_is_read_and_not_written(tmp_path):
    path = tmp_path / "ledger.sqlite"
    shutil.copy(VERSION_1, path)
    with Ledger(path) as ledger:
        before = ledger.custody("site")
        assert [len(entry.data["inputs"]["scenes"]) for entry in before] == [50 + run for run in range(70)]
        assert ledger.last_entry("site", "measure") == before[-1]
        assert verify_ledger(ledger) == []
        with pytest.raises(LedgerError, match="campwatch migrate"):
            append(ledger, [])
        heads = ledger.heads()
        ledger.migrate()
        assert ledger.heads() == heads
        assert ledger.custody("site") == before
        append(ledger, [footprint(2020, 1.0)], run="new", details=details(130))
        assert ledger.last_entry("site", "measure").data["inputs"] == details(130)["inputs"]
        assert verify_ledger(ledger, expected_head=heads["site"]) == []
    with pytest.raises(sqlite3.IntegrityError, match="append-only"), sqlite3.connect(path) as db:
        db.execute("UPDATE meta SET value = '1'")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"), sqlite3.connect(path) as db:
        db.execute("DELETE FROM texts")


def test_migration_keeps_a_copy_and_every_head(tmp_path):
    path = tmp_path / "ledger.sqlite"
    shutil.copy(VERSION_1, path)
    with Ledger(path) as ledger:
        heads, rows = ledger.heads(), list(ledger.rows())
    copy = migrate_ledger(path, "now")
    assert copy is not None
    assert copy.name == "ledger-version-1-now.sqlite"
    for one, version in ((copy, 1), (path, 3)):
        with Ledger(one) as ledger:
            assert (ledger.version, ledger.heads(), list(ledger.rows())) == (version, heads, rows)
            assert verify_ledger(ledger) == []
    assert migrate_ledger(path, "now") is None


def test_differences_of_version_1_that_do_not_fit_are_named(tmp_path):
    path = tmp_path / "ledger.sqlite"
    shutil.copy(VERSION_1, path)
    tamper(path, "UPDATE custody SET data = replace(data, 'S2A_0055', 'S2A_0056') WHERE seq = 7")
    with Ledger(path) as ledger:
        assert any("site #6" in found.where for found in verify_ledger(ledger))


def test_a_ledger_of_a_newer_version_says_what_is_needed(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with Ledger(path, create=True):
        pass
    tamper(path, "UPDATE meta SET value = '9'")
    with pytest.raises(LedgerError, match="ledger version 9, this campwatch knows 1 to 3: a newer campwatch"):
        Ledger(path)
