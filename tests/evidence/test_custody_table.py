"""Custody tells what changed since the entry before; readers and `verify` get it whole."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.custody_table import MOST_LINKS, SINCE
from evidence.differences import changed, difference
from evidence.errors import LedgerError
from evidence.ledger import Ledger
from evidence.results import write_custody
from evidence.verify import verify_ledger
from tests.evidence.test_ledger import append, footprint, tamper

PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
NAMES = st.sampled_from(["a", "b", "c", "put", "drop", "inside"])
DOCUMENTS = st.recursive(
    st.dictionaries(NAMES, PLAIN, max_size=4),
    lambda inner: st.dictionaries(NAMES, PLAIN | inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(old=DOCUMENTS, new=DOCUMENTS)
def test_the_difference_put_back_is_the_new_document(old, new):
    kept = json.loads(json.dumps(old))
    assert changed(old, json.loads(json.dumps(difference(old, new)))) == new
    assert old == kept
    assert (difference(old, new) == {}) == (old == new)


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
        for run in range(MOST_LINKS + 20):
            append(ledger, [footprint(2020, float(run))], run=f"r{run:03}", details=details(50 + run))
            append(ledger, [], run=f"r{run:03}", action="alert")
        append(ledger, [], run="late", details=details(40, S2A_0001="reprocessed"))
    return path


def test_readers_get_every_entry_whole(long):
    with Ledger(long) as ledger:
        measured = [entry for entry in ledger.custody("site") if entry.action == "measure"]
        told = [{name: entry.data[name] for name in details(0)} for entry in measured]
        assert told == [
            *(details(50 + run) for run in range(MOST_LINKS + 20)),
            details(40, S2A_0001="reprocessed"),
        ]
        assert all(SINCE not in entry.data for entry in measured)
        assert ledger.last_entry("site", "measure") == measured[-1]
        assert verify_ledger(ledger) == []


def test_what_is_written_grows_with_what_is_new(long, tmp_path):
    with Ledger(long) as ledger:
        written = [entry.data for _, entry, _ in ledger.custody_as_written() if entry.action == "measure"]
        lines = write_custody(ledger, tmp_path / "custody.jsonl").read_text().splitlines()
    whole = [number for number, data in enumerate(written) if SINCE not in data]
    assert whole == [0, MOST_LINKS + 1]
    assert max(len(json.dumps(data)) for data in written[1:MOST_LINKS]) < 1000
    assert all("code" in data and "rows" in data for data in written)
    assert sum(map(len, lines)) < 200_000 < sum(len(json.dumps(details(50 + run))) for run in range(84))


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        ("UPDATE custody SET data = replace(data, 'S2A_0060', 'S2A_0061') WHERE seq = 23", "site #22"),
        ("DELETE FROM custody WHERE seq = 23", "#22"),
    ],
)
def test_an_edited_or_removed_difference_is_named(long, edit, named):
    tamper(long, edit)
    with Ledger(long) as ledger:
        assert any(named in f"{found.where} {found.what}" for found in verify_ledger(ledger))
        with pytest.raises(LedgerError):
            ledger.custody("site")


def test_a_chain_whose_hashes_fit_but_whose_differences_do_not_is_named(tmp_path, monkeypatch):
    path = tmp_path / "ledger.sqlite"
    with Ledger(path, create=True) as ledger:
        append(ledger, [footprint(2020, 1.0)], details=details(50))
        monkeypatch.setattr("evidence.custody_table.difference", lambda *_: {"put": {"x": 1}})
        append(ledger, [footprint(2020, 2.0)], details=details(51))
        (found,) = verify_ledger(ledger)
    assert found.what == "custody site #1: what it is told from does not give what it says"
