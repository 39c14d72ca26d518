"""Intervals of areas: what a table of factors does to derived errors, and the quantile over whole sites."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detection.coal.intervals import (
    FACTORS,
    VERSION,
    IntervalParams,
    Stratum,
    calibrated,
    pooled_quantile,
    stratum_of,
)
from evidence.quantity import Quantity, difference

PARAMS = IntervalParams(
    version="test", factors=(("nothing", 2.0, 1.0), ("flat", 2.0, 3.0), ("coal", 0.5, 0.4))
)


def area(value: float) -> Quantity:
    return Quantity.measured(value, sd_random=0.1, shared={"outline:s:z": 0.05, "coal-spectrum:s": 0.02})


def test_each_kind_of_error_has_its_own_factor_and_keeps_its_group() -> None:
    told = calibrated(area(0.2), family="flat_black", has_swir=True, params=PARAMS)
    assert told.value == 0.2
    assert told.sd_random == pytest.approx(0.2)
    assert dict(told.shared) == pytest.approx({"outline:s:z": 0.15, "coal-spectrum:s": 0.06})
    assert (told.high or 0.0) - 0.2 == pytest.approx(1.96 * np.sqrt(0.2**2 + 0.15**2 + 0.06**2), rel=1e-3)
    narrow = calibrated(area(1.9), family="dusty", has_swir=True, params=PARAMS)
    assert narrow.sd == pytest.approx(np.hypot(0.05, 0.4 * np.hypot(0.05, 0.02)))


def test_what_looks_share_still_cancels_in_a_change() -> None:
    before, after = (
        calibrated(area(value), family="dusty", has_swir=True, params=PARAMS) for value in (1.5, 1.9)
    )
    assert difference(after, before).sd == pytest.approx(np.hypot(0.05, 0.05))


def test_strata_go_by_likeness_and_bands() -> None:
    nothing = Quantity.interval(0.0, 0.0, 0.05)
    told = [
        stratum_of(nothing, family="dusty", has_swir=True),
        *(
            stratum_of(area(1.0), family=family, has_swir=swir)
            for family, swir in (("flat_black", True), ("dusty", True), (None, True), ("dusty", False))
        ),
    ]  # fmt: skip
    assert told == list(Stratum)


def test_no_support_keeps_nought_and_an_upper_end_and_no_value_stays_none() -> None:
    nothing = Quantity.interval(0.0, 0.0, 0.05)
    told = calibrated(nothing, family=None, has_swir=True, params=PARAMS)
    assert (told.value, told.low, told.high) == (0.0, 0.0, pytest.approx(0.1))
    blind = Quantity.not_assessable("cloud")
    assert calibrated(blind, family="dusty", has_swir=True, params=PARAMS) == blind
    other = area(0.5)
    assert calibrated(other, family=None, has_swir=True, params=PARAMS).sd == pytest.approx(other.sd)


def test_with_one_look_a_site_it_is_the_split_conformal_quantile() -> None:
    scores = np.random.default_rng(3).normal(size=99) ** 2
    assert pooled_quantile(scores, range(99), 0.95) == np.sort(scores)[94]
    assert pooled_quantile(scores[:18], range(18), 0.95) == np.inf


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 40), st.integers(0, 10**6))
def test_a_site_with_many_looks_weighs_no_more_than_one_with_few(many: int, seed: int) -> None:
    scores = np.random.default_rng(seed).uniform(size=40)
    again = np.concatenate([scores, np.full(many, scores[0])])
    sites = [*range(40), *([0] * many)]
    assert pooled_quantile(again, sites, 0.9) == pooled_quantile(scores, range(40), 0.9)


def test_looks_of_new_sites_are_covered_although_looks_of_a_site_are_alike() -> None:
    rng = np.random.default_rng(8)
    held = []
    for _ in range(300):
        site = rng.normal(size=(31, 1)) + 0.3 * rng.normal(size=(31, 12))
        limit = pooled_quantile(np.abs(site[:30]).ravel(), np.repeat(np.arange(30), 12).tolist(), 0.9)
        held.append((np.abs(site[30]) <= limit).mean())
    assert np.mean(held) > 0.88


def test_the_table_that_ships_has_every_stratum_and_says_where_it_is_from() -> None:
    assert [name for name, _, _ in FACTORS] == [str(kind) for kind in Stratum]
    assert all(0.0 < random < 20.0 and 0.0 <= shared < 20.0 for _, random, shared in FACTORS)
    assert "seeds" in VERSION
