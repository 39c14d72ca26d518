"""Rows are written by column, each value as seldom as the column allows; the page makes rows of it again."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from maps.payload import by_column

OUTLINE = {"type": "Polygon", "coordinates": [[[126.0, 39.0], [126.1, 39.0], [126.1, 39.1], [126.0, 39.0]]]}


def rows_of(told):
    """As core.js does."""
    rows = [{} for _ in range(told["n"])]
    for name, column in told["columns"].items():
        for k, row in enumerate(rows):
            if "at" in column:
                row[name] = column["of"][column["at"][k]]
            else:
                row[name] = column["each"][k] if "each" in column else column["same"]
    return rows


def test_an_outline_that_many_looks_share_stands_once():
    rows = [
        {"date": f"2024-05-{day:02}", "geometry": OUTLINE, "kind": "pile", "other": OUTLINE if day > 3 else 1}
        for day in range(1, 31)
    ]
    told = by_column(rows)
    assert rows_of(told) == rows
    assert json.dumps(told).count("Polygon") == 2
    assert told["columns"]["kind"] == {"same": "pile"}


VALUES = st.sampled_from([None, True, 0, 1, 0.5, "", "a", "x" * 50, OUTLINE, ["p"], []])


@given(st.lists(st.fixed_dictionaries(dict.fromkeys("abc", VALUES)), max_size=8))
def test_rows_come_back_as_they_were(rows):
    back = rows_of(json.loads(json.dumps(by_column(rows))))
    assert len(back) == len(rows)
    for found, row in zip(back, rows, strict=True):
        assert {name: json.dumps(found.get(name), sort_keys=True) for name in row} == {
            name: json.dumps(value, sort_keys=True) for name, value in row.items()
        }
