"""Pairs straddle their event, are of one season and clear; where there is none, it is said."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from aoi.records import Boundary, Site, TracedImage
from detection.boundary.records import BoundaryChange
from detection.coal.records import Stockpile
from detection.pairs.looks import (
    EventSpan,
    LookChoice,
    PairParams,
    event_span,
    season_gap,
    straddling_pair,
)
from evidence.quantity import Quantity

HERE = box(126.0, 39.5, 126.1, 39.6)


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def look(text: str, *, valid: float = 1.0, snow: float = 0.0) -> LookChoice:
    moment = dt.datetime.fromisoformat(f"{text}T02:36:00+00:00")
    return LookChoice(
        scene_id=text, datetime=moment, local_date=text, valid_fraction=valid, snow_fraction=snow
    )


def chosen(looks, low, high):
    pair = straddling_pair(looks, EventSpan(low=day(low), high=day(high)))
    return None if pair.looks is None else tuple(found.local_date for found in pair.looks), pair.refused


def test_the_last_clear_look_before_and_the_first_of_its_season_after():
    looks = [
        look("2018-05-20"), look("2018-06-01"), look("2018-06-05", valid=0.4), look("2018-06-08", snow=0.5),
        look("2018-06-20"), look("2018-09-10"), look("2019-05-28"), look("2019-06-03"),
    ]  # fmt: skip
    assert chosen(looks, "2018-06-10", "2018-06-25") == (("2018-06-01", "2019-05-28"), "")


def test_a_look_on_the_edge_of_the_interval_is_on_neither_side():
    looks = [look("2018-06-10"), look("2018-06-25")]
    assert chosen(looks, "2018-06-10", "2018-06-25") == (None, "no clear look before 2018-06-10")


def test_an_older_look_serves_where_the_newest_season_did_not_come_round():
    looks = [look("2018-07-01"), look("2018-09-30"), look("2019-07-05"), look("2020-10-01")]
    assert chosen(looks, "2018-10-04", "2019-06-21")[0] == ("2018-07-01", "2019-07-05")
    assert chosen(looks[1:], "2018-10-04", "2019-06-21")[0] == ("2018-09-30", "2020-10-01")


@pytest.mark.parametrize(
    ("looks", "why"),
    [
        ([], "no clear look before 2018-06-10"),
        (["2018-06-01"], "no clear look after 2018-06-25 yet"),
        (["2018-06-01", "2018-12-01"], "is of one season"),
        (["2016-06-01", "2018-07-01"], "in the 400 days before 2018-06-10"),
    ],
)
def test_without_a_pair_it_is_said_why(looks, why):
    pair, refused = chosen([look(text) for text in looks], "2018-06-10", "2018-06-25")
    assert pair is None
    assert why in refused


def test_clear_is_measured_by_what_can_be_seen_there_at_all():
    """A rim of the site that no tile covers hides as much on every look."""
    looks = [look("2018-06-01", valid=0.6), look("2018-07-01", valid=0.2), look("2019-06-01", valid=0.58)]
    assert chosen(looks, "2018-07-10", "2018-07-25")[0] == ("2018-06-01", "2019-06-01")


DAYS = st.dates(dt.date(2016, 1, 1), dt.date(2022, 12, 31))


@given(
    st.lists(
        st.tuples(DAYS, st.floats(0, 1), st.floats(0, 0.2)), max_size=40, unique_by=lambda told: told[0]
    ),
    DAYS,
    st.integers(0, 400),
)
def test_what_is_chosen_straddles_whatever_the_looks_are(told, low, days):
    looks = [look(text.isoformat(), valid=valid, snow=snow) for text, valid, snow in told]
    span = EventSpan(low=low, high=low + dt.timedelta(days=days))
    pair = straddling_pair(looks, span)
    assert (pair.looks is None) == bool(pair.refused)
    if pair.looks is None:
        return
    before, after = pair.looks
    params = PairParams()
    assert before.datetime.date() < span.low <= span.high < after.datetime.date()
    assert season_gap(before, after) <= params.season_days
    best = max(found.valid_fraction for found in looks)
    for found in pair.looks:
        assert found.snow_fraction <= params.snow
        assert found.valid_fraction >= params.clear * best


def test_a_pile_is_shown_by_the_look_that_first_saw_it():
    pile = Stockpile(
        pile_id="p", parents=(), datetime=dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
        area_ha=Quantity.interval(1, 0, 2), first_seen=day("2019-06-11"), last_seen=day("2020-01-01"),
        geometry=HERE,
    )  # fmt: skip
    span = event_span(pile, Site(id="s", name="s", aoi=HERE))
    looks = [look("2019-06-01"), look("2019-06-11"), look("2019-06-21")]
    found = straddling_pair(looks, span).looks
    assert [one.local_date for one in found] == ["2019-06-01", "2019-06-11"]


def test_a_boundary_change_lies_between_the_images_it_was_traced_on():
    nothing = Quantity.not_assessable("not asked")
    change = BoundaryChange(
        from_boundary_id="a", to_boundary_id="b", cause="undetermined", extent="complete", gained_ha=nothing,
        lost_ha=nothing, net_ha=nothing, max_advance_m=nothing, overlay_gained_ha=None, overlay_lost_ha=None,
    )  # fmt: skip
    first = Boundary(boundary_id="a", valid_from="2016", geometry=HERE)
    image = TracedImage(date="2019-08-02")
    second = Boundary(boundary_id="b", valid_from="2020-01", geometry=HERE, image=image)
    site = Site(id="s", name="s", aoi=HERE, boundaries=(first, second))
    assert event_span(change, site) == EventSpan(low=day("2016-01-01"), high=day("2019-08-02"))
    assert event_span(change, Site(id="s", name="s", aoi=HERE)) is None
    assert "no date" in straddling_pair([look("2018-06-01")], None).refused
