"""What the index finds is what comparing everything with everything finds."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from imagery.scenes import Acquisitions, same_acquisition

MOMENTS = st.integers(0, 100).map(
    lambda minutes: dt.datetime(2020, 1, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=minutes)
)
SENSED = st.builds(
    SimpleNamespace,
    id=st.just("x"),
    platform=st.sampled_from(["sentinel-2a", "sentinel-2b"]),
    datetime=MOMENTS,
    datatake=st.none(),
    tile=st.sampled_from([None, "52SCD"]),
)


@given(items=st.lists(SENSED, max_size=12), asked=SENSED)
def test_the_index_finds_what_comparing_all_finds(items, asked):
    index = Acquisitions((item, number) for number, item in enumerate(items))
    assert index.like(asked) == [number for number, item in enumerate(items) if same_acquisition(asked, item)]
