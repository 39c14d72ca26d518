from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
import shapely

from campwatch.layers import LAYERS
from evidence.errors import LedgerError
from evidence.ledger import Ledger, holds_ledger
from evidence.quantity import Quantity
from evidence.redaction import Place
from evidence.results import write_custody, write_results
from evidence.rows import Row, plain
from evidence.verify import verify_ledger


def footprint(year: int, area: float, *, inputs: str = "in1") -> Row:
    square = shapely.box(126.0, 39.0, 126.1, 39.1)
    quantity = Quantity.measured(area, sd_random=1.0)
    data = {"epoch_start": f"{year}-01-01", "area_ha": quantity, "scene_ids": ["S2A_1", "S2B_2"]}
    return Row(
        layer="footprints",
        site_id="site",
        subject="b1",
        time=f"{year}",
        method="footprint/1",
        params_hash="p",
        inputs_hash=inputs,
        data=plain(data),
        geometry=shapely.to_wkb(square),
    )


def append(ledger: Ledger, rows: list[Row], run: str = "r1", **options: object):
    base = {
        "chain": "site",
        "run_id": run,
        "time": "2026-01-01T00:00:00Z",
        "actor": "test",
        "action": "measure",
    }
    return ledger.append(rows, **(base | options))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


def tamper(path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for table in ("rows", "custody", "meta", "texts"):
        for verb in ("UPDATE", "DELETE"):
            connection.execute(f"DROP TRIGGER IF EXISTS {table}_no_{verb}")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_the_same_rows_again_change_nothing(path):
    with Ledger(path, create=True) as ledger:
        assert append(ledger, [footprint(2019, 5), footprint(2020, 6)]).new == 2
        again = append(ledger, [footprint(2019, 5), footprint(2020, 6)])
        assert (again.new, again.unchanged, again.retired) == (0, 2, 0)
        assert len(list(ledger.rows())) == 2


def test_a_new_row_supersedes_and_the_old_one_stays(path):
    with Ledger(path, create=True) as ledger:
        append(ledger, [footprint(2019, 5)], run="r1")
        append(ledger, [footprint(2019, 7, inputs="in2")], run="r2")
        (current,) = ledger.current("footprints")
        assert current.row.data["area_ha"]["value"] == 7
        (before,) = ledger.current("footprints", as_of_run="r1")
        assert before.row.data["area_ha"]["value"] == 5
        assert len(list(ledger.rows())) == 2


def test_going_back_to_an_earlier_result_is_a_new_row(path):
    with Ledger(path, create=True) as ledger:
        for run, area in enumerate((5, 7, 5)):
            append(ledger, [footprint(2019, area)], run=f"r{run}")
        assert ledger.current("footprints")[0].row.data["area_ha"]["value"] == 5
        assert len(list(ledger.rows())) == 3


def test_what_a_complete_measurement_no_longer_yields_is_retired(path):
    with Ledger(path, create=True) as ledger:
        append(ledger, [footprint(2019, 5), footprint(2020, 6)])
        result = append(ledger, [footprint(2019, 5)], run="r2", complete=["footprints"])
        assert result.retired == 1
        assert [item.row.time for item in ledger.current("footprints")] == ["2019"]
        assert verify_ledger(ledger) == []


def test_two_rows_for_one_subject_in_one_append_are_refused(path):
    with Ledger(path, create=True) as ledger:
        with pytest.raises(LedgerError, match="two rows"):
            append(ledger, [footprint(2019, 5), footprint(2019, 6)])
        assert list(ledger.rows()) == []
        assert ledger.custody() == []


@pytest.mark.parametrize(
    "statement", ["UPDATE rows SET data = '{}'", "DELETE FROM rows", "DELETE FROM custody"]
)
def test_the_file_itself_refuses_change(path, statement):
    with Ledger(path, create=True) as ledger:
        append(ledger, [footprint(2019, 5)])
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        (["UPDATE rows SET data = replace(data, '5.0', '6.0') WHERE time = '2019'"], "row "),
        (["UPDATE rows SET run_id = 'other' WHERE time = '2019'"], "changed"),
        (["UPDATE rows SET geometry = x'00' WHERE time = '2020'"], "row "),
        (["DELETE FROM rows WHERE time = '2020'"], "are there"),
        (["UPDATE custody SET actor = 'somebody' WHERE position = 0"], "custody site #0"),
        (["DELETE FROM rows WHERE entry = 1", "DELETE FROM custody WHERE position = 0"], "missing"),
    ],
)
def test_tampering_is_named(path, statements, told):
    with Ledger(path, create=True) as ledger:
        append(ledger, [footprint(2019, 5), footprint(2020, 6)])
        append(ledger, [footprint(2021, 7)], run="r2")
        assert verify_ledger(ledger) == []
    tamper(path, *statements)
    with Ledger(path, read_only=True) as ledger:
        findings = verify_ledger(ledger)
    assert findings
    assert any(told in f"{finding.where} {finding.what}" for finding in findings)


def test_an_appended_row_that_nobody_vouches_for_is_named(path):
    with Ledger(path, create=True) as ledger:
        append(ledger, [footprint(2019, 5)])
    tamper(
        path,
        "INSERT INTO rows SELECT seq + 1, row_id, layer, site_id, subject, '2031', method, params_hash, "
        "inputs_hash, run_id, as_of, retired, data, geometry, entry FROM rows",
    )
    with Ledger(path, read_only=True) as ledger:
        assert any("2 are there" in finding.what for finding in verify_ledger(ledger))


def test_removed_last_entries_show_against_a_head_kept_elsewhere(path):
    with Ledger(path, create=True) as ledger:
        append(ledger, [footprint(2019, 5)])
        head = append(ledger, [footprint(2020, 6)], run="r2").head
        assert verify_ledger(ledger, expected_head=head) == []
    tamper(path, "DELETE FROM rows WHERE entry = 2", "DELETE FROM custody WHERE position = 1")
    with Ledger(path, read_only=True) as ledger:
        assert verify_ledger(ledger) == []
        assert any(head in finding.what for finding in verify_ledger(ledger, expected_head=head))


def test_a_missing_ledger_is_an_error_not_a_new_file(path):
    with pytest.raises(LedgerError, match="no ledger"):
        Ledger(path)
    assert not path.exists()


def test_an_empty_file_is_no_ledger_and_a_run_makes_one_there(path):
    path.touch()
    assert not holds_ledger(path)
    with pytest.raises(LedgerError, match="no ledger"):
        Ledger(path, read_only=True)
    with Ledger(path, create=True) as ledger:
        assert ledger.heads() == {}
    assert holds_ledger(path)


def test_a_ledger_whose_making_is_interrupted_is_not_there(path, monkeypatch):
    def stopped(_db):
        raise KeyboardInterrupt

    monkeypatch.setattr("evidence.ledger.create_schema", stopped)
    with pytest.raises(KeyboardInterrupt):
        Ledger(path, create=True)
    assert list(path.parent.iterdir()) == []


def killed_over_a_commit(path, folder):
    """A copy of the ledger as a kill leaves it whose writer had begun to change the file itself."""
    left = folder / path.name
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA cache_size = 1")  # pages go to the file before the commit
        db.execute("BEGIN IMMEDIATE")
        db.execute("CREATE TABLE more (x)")
        db.executemany("INSERT INTO more VALUES (?)", [("x" * 3000,)] * 200)
        for name in (path.name, f"{path.name}-journal"):
            shutil.copy(path.with_name(name), folder / name)
        db.execute("ROLLBACK")
    return left


def test_who_only_reads_undoes_what_a_killed_writer_left_half(path, tmp_path):
    with Ledger(path, create=True) as ledger:
        append(ledger, [footprint(2020, 1.0)])
        rows, heads = [stored.row_id for stored in ledger.current()], ledger.heads()
    (tmp_path / "left").mkdir()
    left = killed_over_a_commit(path, tmp_path / "left")
    with (
        closing(sqlite3.connect(f"{left.as_uri()}?mode=ro", uri=True)) as db,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        db.execute("SELECT count(*) FROM rows").fetchone()
    with Ledger(left, read_only=True) as ledger:
        assert [stored.row_id for stored in ledger.current()] == rows
        assert ledger.heads() == heads
        assert verify_ledger(ledger) == []
    assert not left.with_name(f"{left.name}-journal").exists()


def test_what_is_left_half_and_cannot_be_undone_is_told(path, tmp_path, monkeypatch):
    with Ledger(path, create=True) as ledger:
        append(ledger, [footprint(2020, 1.0)])
    (tmp_path / "left").mkdir()
    left = killed_over_a_commit(path, tmp_path / "left")
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda at, **more: connect(at.replace("=rw", "=ro"), **more))
    with pytest.raises(LedgerError, match="a run was killed over it"):
        Ledger(left, read_only=True)


def test_results_and_custody_are_rebuilt_from_the_ledger(path, tmp_path):
    import pyogrio

    with Ledger(path, create=True) as ledger:
        append(ledger, [footprint(2019, 5)])
        write_results(ledger, tmp_path / "결과 results.gpkg", LAYERS.values())
        write_custody(ledger, tmp_path / "custody.jsonl")
    table = pyogrio.read_dataframe(tmp_path / "결과 results.gpkg", layer="footprints")
    assert table["area_ha"].tolist() == [5.0]
    assert table["area_ha_low"].iloc[0] < 5 < table["area_ha_high"].iloc[0]
    assert table["scene_ids"].tolist() == ["S2A_1 S2B_2"]
    assert table.geometry.iloc[0].equals(shapely.box(126.0, 39.0, 126.1, 39.1))
    lines = [json.loads(line) for line in (tmp_path / "custody.jsonl").read_text("utf-8").splitlines()]
    assert [line["action"] for line in lines] == ["measure"]


def test_rows_are_read_once_and_again_where_somebody_else_changed_them(path):
    with Ledger(path, create=True) as ledger:
        append(ledger, [footprint(2016, 10), footprint(2017, 11)])
        first = ledger.current()
        assert all(one is other for one, other in zip(first, ledger.current("footprints"), strict=True))
        with Ledger(path) as other:
            append(other, [footprint(2017, 12)], run="r2")
        again = ledger.current()
        assert again[0] == first[0]
        assert [row.row.data["area_ha"]["value"] for row in again] == [10, 12]


def test_what_another_process_took_out_is_not_shown_from_memory(path):
    with Ledger(path, create=True) as ledger:
        append(ledger, [footprint(2016, 10)])
        (held,) = ledger.current()
        assert "S2A_1" in str(held.row.data)
        with Ledger(path) as other:
            place = [Place(kind="row", subject=held.row_id)]
            other.redact(place, "S2A_1", reason="asked", run_id="r2", time="2026-01-02T00:00:00Z", actor="t")
            assert "S2A_1" not in str(other.current()[0].row.data)
        assert "S2A_1" not in str(ledger.current()[0].row.data)


def test_more_rows_than_are_held_are_read_whole(path, monkeypatch):
    monkeypatch.setattr("evidence.ledger.HELD_ROWS", 2)
    with Ledger(path, create=True) as ledger:
        append(ledger, [footprint(year, year) for year in range(2016, 2021)])
        assert [row.row.data["area_ha"]["value"] for row in ledger.current()] == list(range(2016, 2021))
