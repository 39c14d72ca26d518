from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from detection.answers.comparison import ComparisonParams, Observation, compare, pair_by_season
from evidence.quantity import Quantity

EVENT = dt.date(2017, 8, 15)
PLACEBO = dt.date(2016, 8, 15)


def place(rng, *, jump=0.0, start=dt.date(2015, 8, 16), days=1090, step=10, level=2.0):
    """Looks with a season, a wandering of the place's own, noise, and a jump at the event."""
    looks = []
    drift = rng.normal(0, 0.15)
    for day in range(0, days, step):
        date = start + dt.timedelta(days=day)
        season = 0.5 * np.sin(2 * np.pi * date.timetuple().tm_yday / 365.25)
        value = level + season + drift * (date >= EVENT) + rng.normal(0, 0.2) + jump * (date >= EVENT)
        looks.append(Observation(date=date, area_ha=Quantity.measured(float(value), sd_random=0.2)))
    return looks


def others(rng, k=5, step=10):
    return {f"mine-{i}": place(rng, level=1.0 + i, step=step) for i in range(k)}


def test_pairs_are_of_one_season_and_use_each_look_once():
    looks = place(np.random.default_rng(1))
    pairs = pair_by_season(looks, EVENT, ComparisonParams())
    assert len(pairs) >= 30
    assert all(before.date < EVENT <= after.date for before, after in pairs)
    assert len({before.date for before, _ in pairs}) == len({after.date for _, after in pairs}) == len(pairs)
    gaps = [(after.date - before.date).days % 365 for before, after in pairs]
    assert max(min(gap, 365 - gap) for gap in gaps) <= 21


def test_a_doubled_cadence_after_the_event_does_not_make_more_pairs():
    rng = np.random.default_rng(2)
    sparse = [look for look in place(rng) if look.date < EVENT]
    dense = [look for look in place(rng, step=5) if look.date >= EVENT]
    before = [look for look in sparse if look.date >= EVENT - dt.timedelta(days=365)]
    assert len(pair_by_season([*sparse, *dense], EVENT, ComparisonParams())) <= len(before)


def test_a_real_change_is_found_and_is_larger_than_a_placebo():
    rng = np.random.default_rng(3)
    found = compare(place(rng, jump=2.0), others(rng), event=EVENT, placebos=[PLACEBO])
    assert found.effect.effect_ha.low > 0
    assert found.effect.effect_ha.low < 2.0 < found.effect.effect_ha.high
    assert found.larger_placebos == 0


def test_placebo_dates_raise_false_alarms_no_more_often_than_they_should():
    alarms = []
    for seed in range(200):
        rng = np.random.default_rng(5000 + seed)
        alarms.append(
            compare(place(rng, step=20), others(rng, 4, 20), event=EVENT, placebos=[PLACEBO]).false_alarms
        )
    assert 0.01 <= np.mean(alarms) <= 0.10


def test_intervals_cover_no_effect_as_often_as_they_say():
    covered = []
    for seed in range(200):
        rng = np.random.default_rng(1000 + seed)
        effect = compare(place(rng, step=20), others(rng, 4, 20), event=EVENT).effect.effect_ha
        covered.append(effect.low <= 0 <= effect.high)
    assert 0.90 <= np.mean(covered) <= 0.99


def test_too_few_looks_or_places_are_not_assessable():
    rng = np.random.default_rng(4)
    few = place(rng, step=200)
    assert "pairs of looks" in compare(few, others(rng), event=EVENT).effect.effect_ha.reason
    two = compare(place(rng), others(rng, 2), event=EVENT).effect.effect_ha
    assert two.reason == "2 comparison places with enough looks, 3 needed"


def test_looks_without_a_figure_are_not_zero():
    looks = [
        Observation(date=look.date, area_ha=Quantity.not_assessable("cloud"))
        for look in place(np.random.default_rng(5))
    ]
    assert pair_by_season(looks, EVENT, ComparisonParams()) == []


@pytest.mark.parametrize("date", [PLACEBO, dt.date(2018, 1, 1)])
def test_a_placebo_window_never_reaches_over_the_event(date):
    rng = np.random.default_rng(6)
    found = compare(place(rng, jump=50.0), others(rng), event=EVENT, placebos=[date])
    value = found.placebos[0].effect_ha.value
    assert value is None or abs(value) < 1.5


def test_each_comparison_place_stands_once_in_the_subjects_stead():
    rng = np.random.default_rng(11)
    found = compare(place(rng, jump=2.0), others(rng), event=EVENT)
    assert [one.subject.place for one in found.instead] == [f"mine-{i}" for i in range(5)]
    assert all(one.subject.place not in {c.place for c in one.comparisons} for one in found.instead)
    assert found.rank_share == pytest.approx(1 / 6)


def test_with_three_comparison_places_there_is_no_rank():
    rng = np.random.default_rng(12)
    found = compare(place(rng, jump=2.0), others(rng, k=3), event=EVENT)
    assert found.effect.effect_ha.value is not None
    assert found.rank_share is None


def test_a_coal_free_place_that_changes_raises_an_alarm():
    rng = np.random.default_rng(13)
    bare = {"still": place(rng, level=0.0), "switched": place(rng, level=0.0, jump=1.0)}
    found = compare(place(rng), others(rng), event=EVENT, coal_free=bare)
    switched = next(change for change in found.coal_free if change.place == "switched")
    assert switched.quantity().low > 0
    assert found.coal_free_alarms >= 1


def test_coal_free_places_raise_alarms_no_more_often_than_they_should():
    """Looks of one wandering level: the drift of `place` is a change, so these places have none."""
    alarms = []
    for seed in range(200):
        rng = np.random.default_rng(9000 + seed)
        looks = [
            Observation(
                date=EVENT + dt.timedelta(days=10 * k - 360),
                area_ha=Quantity.measured(float(rng.normal(0, 0.1)), sd_random=0.1),
            )
            for k in range(72)
        ]
        found = compare(looks, {}, event=EVENT, coal_free={"bare": looks})
        alarms.append(found.coal_free_alarms)
    assert 0.02 <= np.mean(alarms) <= 0.09
