from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import MeasurementError
from evidence.quantity import Quantity, combine, coverage_factor, difference, total

sds = st.floats(0, 100)
values = st.floats(-1e6, 1e6)


def test_interval_of_a_normal_error():
    quantity = Quantity.measured(10.0, sd_random=3.0, shared={"spectrum": 4.0})
    assert quantity.sd == pytest.approx(5.0)
    assert quantity.low == pytest.approx(10 - 1.959964 * 5, abs=1e-5)
    assert quantity.high == pytest.approx(10 + 1.959964 * 5, abs=1e-5)


def test_a_shared_error_cancels_in_a_difference_and_adds_in_a_sum():
    before = Quantity.measured(1.0, sd_random=0.0, shared={"image A": 2.0})
    after = Quantity.measured(4.0, sd_random=0.0, shared={"image A": 2.0})
    assert difference(after, before).sd == pytest.approx(0.0)
    assert total([after, before]).sd == pytest.approx(4.0)


def test_errors_of_different_groups_are_independent():
    before = Quantity.measured(1.0, sd_random=0.0, shared={"image A": 3.0})
    after = Quantity.measured(4.0, sd_random=0.0, shared={"image B": 4.0})
    assert difference(after, before).sd == pytest.approx(5.0)


def test_combination_agrees_with_simulated_errors():
    rng = np.random.default_rng(7)
    draws = 200_000
    common, own = rng.normal(0, 2, draws), rng.normal(0, 1, (2, draws))
    simulated = 0.5 * (5 + common + own[0]) - 2.0 * (3 + common * 0.5 + own[1])
    first = Quantity.measured(5, sd_random=1, shared={"g": 2.0})
    second = Quantity.measured(3, sd_random=1, shared={"g": 1.0})
    combined = combine([(0.5, first), (-2.0, second)])
    assert combined.value == pytest.approx(simulated.mean(), abs=0.03)
    assert combined.sd == pytest.approx(simulated.std(), rel=0.01)


def test_a_missing_term_makes_the_sum_missing_with_its_reason():
    missing = Quantity.not_assessable("under five looks")
    result = total([Quantity.measured(1, sd_random=1), missing])
    assert result.value is None
    assert result.reason == "under five looks"


@pytest.mark.parametrize(
    "fields",
    [
        {"value": 1.0, "low": 2.0, "high": 1.0},
        {"value": math.nan, "low": 0.0, "high": 1.0},
        {"value": 1.0, "low": 0.0, "high": math.inf},
        {"value": None},
        {"value": 1.0, "low": 0.0, "high": 2.0, "reason": "both"},
    ],
)
def test_a_quantity_that_says_less_than_it_must_is_refused(fields):
    with pytest.raises(MeasurementError):
        Quantity(**fields)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, 2.0])
def test_a_level_outside_zero_and_one_is_refused(level):
    with pytest.raises(MeasurementError):
        coverage_factor(level)


@given(value=values, random=sds, shared=st.dictionaries(st.text(min_size=1), sds, max_size=4))
def test_plain_form_loses_nothing(value, random, shared):
    quantity = Quantity.measured(value, sd_random=random, shared=shared)
    assert Quantity.from_dict(quantity.to_dict()) == quantity


@given(a=values, b=values, random=sds, shared=sds)
def test_a_difference_with_itself_apart_from_noise_is_antisymmetric(a, b, random, shared):
    first = Quantity.measured(a, sd_random=random, shared={"g": shared})
    second = Quantity.measured(b, sd_random=random)
    forward, backward = difference(first, second), difference(second, first)
    assert forward.value == pytest.approx(-backward.value)
    assert forward.sd == pytest.approx(backward.sd)


def test_an_interval_of_its_own_shape_keeps_its_width_as_error():
    quantity = Quantity.interval(2.0, 0.0, 6.0, shared={"g": 1.0})
    assert quantity.sd == pytest.approx(3.0 / 1.959964, rel=1e-6)
