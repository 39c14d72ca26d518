"""Two ledgers compared row by row, whatever run appended what they hold."""

from __future__ import annotations

from benchmarks.runs.same_rows import compared
from evidence.ledger import Ledger
from tests.evidence.test_ledger import append, footprint

NONE = frozenset()


def ledger_of(folder, name, *rows, run="r1"):
    path = folder / name
    with Ledger(path, create=True) as ledger:
        append(ledger, list(rows), run)
    return path


def test_rows_are_the_same_whatever_run_appended_them(tmp_path):
    one = ledger_of(tmp_path, "a.sqlite", footprint(2020, 1.0), footprint(2021, 2.0))
    other = ledger_of(tmp_path, "b.sqlite", footprint(2021, 2.0), footprint(2020, 1.0), run="r2")
    table, wrong = compared(one, other, NONE)
    assert wrong == 0
    assert table[2:] == ["| footprints | 2 | 0 | 0 | 0 | 0 |"]


def test_other_figures_are_named_and_rows_that_one_side_lacks_are_counted(tmp_path):
    one = ledger_of(tmp_path, "a.sqlite", footprint(2019, 1.0), footprint(2020, 1.0), footprint(2021, 2.0))
    rows = (footprint(2020, 1.5), footprint(2021, 2.0, inputs="in2"), footprint(2022, 1.0))
    other = ledger_of(tmp_path, "b.sqlite", *rows)
    table, wrong = compared(one, other, NONE)
    assert table[2:] == ["| footprints | 0 | 1 | 1 | 1 | 1 |", "footprints site b1 2020: area_ha"]
    assert wrong == 3
    assert compared(one, other, frozenset({"footprints"}))[1] == 0
