"""Smoothing, turnover, pile-days and tracking on cases with known answers."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.coal.series import local_level, pile_days, share_of_looks_with_coal, turnover
from detection.coal.tracking import track


def test_smoothing_halves_the_error_of_a_steady_pile_and_ignores_one_bad_look() -> None:
    rng = np.random.default_rng(0)
    days = np.cumsum(rng.uniform(5, 20, 60))
    value = 1.0 + rng.normal(0, 0.1, 60)
    value[30] = 3.0
    smooth = local_level(days, value, np.full(60, 0.1))
    assert np.sqrt(np.mean((smooth.mean - 1.0) ** 2)) < 0.05


def test_a_step_is_followed() -> None:
    days = np.arange(60) * 10.0
    truth = np.where(days < 300, 0.5, 2.0)
    value = truth + np.random.default_rng(1).normal(0, 0.05, 60)
    smooth = local_level(days, value, np.full(60, 0.05))
    assert np.abs(smooth.mean - truth).max() < 0.2


@settings(max_examples=25, deadline=None)
@given(st.floats(-5, 5), st.integers(3, 20))
def test_a_shift_of_all_looks_shifts_the_series(shift: float, count: int) -> None:
    days, sd = np.arange(count) * 7.0, np.full(count, 0.1)
    value = np.sin(days / 30.0)
    moved = local_level(days, value + shift, sd).mean - local_level(days, value, sd).mean
    assert moved == pytest.approx(np.full(count, shift), abs=1e-4)


def test_noise_is_not_turnover_and_real_drops_are() -> None:
    rng = np.random.default_rng(2)
    days, sd = np.arange(80) * 8.0, np.full(80, 0.1)
    still = local_level(days, 1.0 + rng.normal(0, 0.1, 80), sd)
    saw = local_level(days, 1.0 + (np.arange(80) % 20) / 10.0 + rng.normal(0, 0.1, 80), sd)
    quiet, moving = turnover(still), turnover(saw)
    assert quiet.value is not None
    assert moving.value is not None
    assert quiet.value < 0.6
    assert 4.0 < moving.value < 8.0


def test_pile_days_and_share_of_looks() -> None:
    days = np.arange(40) * 10.0
    value = np.where(days < 200, 0.0, 1.0)
    smooth = local_level(days, value, np.full(40, 0.03))
    there = pile_days(days, smooth, floor_ha=0.1)
    assert there.value == pytest.approx(195.0, abs=15.0)
    share = share_of_looks_with_coal(value, np.full(40, 0.03), floor_ha=0.1)
    assert share.value == 0.5
    assert share.low is not None
    assert 0.3 < share.low < 0.5
    assert share_of_looks_with_coal(np.array([]), np.array([]), floor_ha=0.1).value is None


def test_piles_keep_their_number_split_merge_and_vanish() -> None:
    support = np.zeros((5, 12, 12), dtype=bool)
    support[0, 2:5, 2:10] = True
    support[1, 2:5, 2:10] = True
    support[1, 2:5, 5] = False
    support[2, 2:5, 2:10] = True
    support[4, 8:10, 8:10] = True
    days = [dt.date(2019, 5, day) for day in range(1, 6)]
    looks, after = track(support, np.ones(5, dtype=bool), days)
    assert [look.number for look in looks[0]] == [1]
    assert [(look.number, look.parents) for look in looks[1]] == [(1, ()), (2, (1,))]
    assert [(look.number, look.parents) for look in looks[2]] == [(1, (2,))]
    assert looks[3] == ()
    assert [look.number for look in looks[4]] == [3]
    early, state = track(support[:2], np.ones(2, dtype=bool), days[:2])
    late, at_last = track(support[2:], np.ones(3, dtype=bool), days[2:], state)
    told = [[(one.number, one.parents, one.first) for one in day] for day in [*early, *late]]
    assert told == [[(one.number, one.parents, one.first) for one in day] for day in looks]
    assert at_last.numbers == after.numbers == 3
