"""Long rows are packed, and say what they said: to readers, digests, redactions and older versions."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from evidence.custody import rows_digest
from evidence.ledger import Ledger, migrate_ledger
from evidence.redaction import Place
from evidence.row_packing import RowPacking
from evidence.rows import Row, StoredRow
from evidence.verify import verify_ledger

SENTENCE = "What the verdict means, in a sentence that every row of this layer repeats word for word."
OUTLINE = shapely.to_wkb(shapely.Point(126.08, 39.55).buffer(0.01))


def row(number: int, *, sentence: str = SENTENCE, **more) -> Row:
    figures = {
        "value": (number + 1) / 7.1,
        "low": (number + 1) / 9.1,
        "high": number + 1 / 3.1,
        "level": 0.95,
        "reason": None,
    }
    data = {
        "zone_id": "yard",
        "area_ha": figures,
        "dark_ha": figures,
        "open_ha": figures,
        "sentence_en": sentence,
        "scene_ids": [f"S2A_20240101T0213{number:02}_N0510"],
        **more,
    }
    return Row(
        layer="stockpile_areas", site_id="one", subject="yard", time=f"2024-01-{number + 1:02}T02:13:00Z",
        method="coal/1", params_hash="ab" * 32, inputs_hash=f"{number:064}", data=data, geometry=OUTLINE,
    )  # fmt: skip


def append(path, *rows, run="r1", time="2026-01-01T00:00:00Z"):
    with Ledger(path, create=True) as ledger:
        return ledger.append(list(rows), chain="one", run_id=run, time=time, actor="t", action="measure")


def held(path) -> list[StoredRow]:
    with Ledger(path, read_only=True) as ledger:
        return list(ledger.rows())


def kinds(path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [kind for (kind,) in db.execute("SELECT typeof(data) FROM rows ORDER BY seq")]


def test_a_long_row_is_packed_and_says_the_same(tmp_path):
    path = tmp_path / "ledger.sqlite"
    rows = [row(number) for number in range(20)]
    append(path, *rows)
    assert set(kinds(path)) == {"blob"}
    stored = held(path)
    assert [one.row for one in stored] == rows
    assert {(one.run_id, one.as_of) for one in stored} == {("r1", "2026-01-01T00:00:00Z")}
    expected = [
        StoredRow(seq=k + 1, row_id=one.row_id, run_id="r1", as_of="2026-01-01T00:00:00Z", row=one)
        for k, one in enumerate(rows)
    ]
    assert rows_digest(stored) == rows_digest(expected)
    with Ledger(path, read_only=True) as ledger:
        assert verify_ledger(ledger) == []
        assert len(ledger.current("stockpile_areas", as_of_run="r1")) == 20
    with closing(sqlite3.connect(path)) as db:
        mean = db.execute("SELECT avg(length(data)) FROM rows").fetchone()[0]
        (dictionary,) = db.execute("SELECT text FROM dictionaries").fetchone()
    assert mean < 250, "of more than 700 characters"
    assert SENTENCE in dictionary
    assert "yard" not in dictionary


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(data=st.lists(st.dictionaries(st.text(), JSON, max_size=6), min_size=1, max_size=3))
def test_whatever_a_row_says_comes_back(data):
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE TABLE dictionaries (layer TEXT PRIMARY KEY, text TEXT NOT NULL)")
        packing = RowPacking(db)
        for number, told in enumerate(data):
            one = row(number, free=told, long="x" * 300 * number)
            stored = StoredRow(seq=number, row_id=one.row_id, run_id="r1", as_of="now", row=one)
            values = packing.values(stored)
            assert isinstance(values[12], bytes)
            assert packing.row((*values[:9], "r1", "now", *values[11:])) == stored


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE rows SET data = x'789c0300000000010000' WHERE seq = 2",
        "UPDATE rows SET data = (SELECT data FROM rows WHERE seq = 3) WHERE seq = 2",
        "UPDATE rows SET run_id = 'other' WHERE seq = 2",
        "UPDATE rows SET geometry = (SELECT data FROM rows WHERE seq = 3) WHERE seq = 2",
        "UPDATE dictionaries SET text = replace(text, 'sentence', 'Sentence')",
    ],
)
def test_what_was_changed_in_a_packed_ledger_is_found(tmp_path, statement):
    path = tmp_path / "ledger.sqlite"
    append(path, *(row(number) for number in range(4)))
    with closing(sqlite3.connect(path)) as db, db:
        for table in ("rows", "dictionaries"):
            db.execute(f"DROP TRIGGER {table}_no_UPDATE")
        db.execute(statement)
    with Ledger(path, read_only=True) as ledger:
        assert verify_ledger(ledger)


def test_what_is_redacted_is_in_no_dictionary_either(tmp_path):
    path = tmp_path / "ledger.sqlite"
    told = "the mine of a certain somebody whose name must not stand here at all"
    rows = [row(0, sentence=told), row(1), row(2)]
    append(path, *rows)
    with Ledger(path) as ledger:
        places = [Place(kind="row", subject=rows[0].row_id)]
        now = "2026-02-01T00:00:00Z"
        ledger.redact(places, "Certain Somebody", reason="asked", run_id="r2", time=now, actor="t")
        assert verify_ledger(ledger) == []
    assert b"somebody" not in path.read_bytes()
    stored = held(path)
    assert [one.row for one in stored[1:]] == rows[1:]
    assert stored[0].row.data["sentence_en"] == "[redacted]"
    assert kinds(path) == ["text"] * 3
    append(path, row(3), row(4), run="r3")
    assert kinds(path)[3:] == ["blob"] * 2
    assert [one.row for one in held(path)[3:]] == [row(3), row(4)]


def test_a_ledger_of_version_2_is_read_and_migrated_as_it_stands(tmp_path):
    path = tmp_path / "ledger.sqlite"
    append(path, Row(layer="l", site_id="one", subject="s", time="", method="m", params_hash="p", inputs_hash="i", data={"a": 1}))  # fmt: skip  # noqa: E501
    with closing(sqlite3.connect(path)) as db, db:
        for statement in (
            "DROP TABLE dictionaries",
            "DROP INDEX custody_by_run",
            "DROP TRIGGER meta_no_UPDATE",
            "UPDATE meta SET value = '2'",
            "CREATE TRIGGER meta_no_UPDATE BEFORE UPDATE ON meta BEGIN SELECT RAISE(ABORT, 'no'); END",
        ):
            db.execute(statement)
    before = held(path)
    with Ledger(path, read_only=True) as ledger:
        assert (ledger.version, verify_ledger(ledger)) == (2, [])
        heads = ledger.heads()
    assert migrate_ledger(path, "now") is not None
    with Ledger(path, read_only=True) as ledger:
        assert (ledger.version, ledger.heads(), verify_ledger(ledger)) == (3, heads, [])
    assert held(path) == before
    append(path, row(1), run="r2")
    assert kinds(path) == ["text", "blob"]
