"""What several rows of a layer share is written once, and put back by the page."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from maps.payload import share_values

OUTLINE = {"type": "Polygon", "coordinates": [[[126.0, 39.0], [126.1, 39.0], [126.1, 39.1], [126.0, 39.0]]]}


def put_back(rows, shared):
    """As core.js does."""
    return [
        {
            name: shared[value["$"]] if isinstance(value, dict) and "$" in value else value
            for name, value in row.items()
        }
        for row in rows
    ]


def test_an_outline_that_many_looks_share_stands_once():
    rows = [{"date": f"2024-05-{day:02}", "geometry": OUTLINE} for day in range(1, 31)]
    told, shared = share_values(rows)
    assert put_back(told, shared) == rows
    assert json.dumps([told, shared]).count("Polygon") == 1


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from("abc"),
            st.one_of(st.none(), st.integers(), st.text(max_size=3), st.just("x" * 50), st.just(OUTLINE)),
        ),
        max_size=6,
    )
)
def test_rows_come_back_as_they_were(rows):
    assert put_back(*share_values(rows)) == rows
