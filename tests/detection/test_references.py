from __future__ import annotations

import datetime as dt

import pytest

from detection.sampling.references import ReferencePair, compare_references
from evidence.quantity import Quantity


def pair(month, measured, reference):
    quantity = Quantity.interval(measured, measured - 0.2, measured + 0.2)
    return ReferencePair(date=dt.date(2021, month, 1), measured=quantity, reference_ha=reference)


def test_bias_rmse_and_coverage_by_season_and_size():
    pairs = [pair(1, 1.1, 1.0), pair(7, 0.5, 0.8), pair(7, 0.0, 0.0), pair(7, 2.1, 2.0)]
    found = {summary.group: summary for summary in compare_references(pairs)}
    assert found["all"].n == 4
    assert found["all"].bias_ha == pytest.approx((0.1 - 0.3 + 0 + 0.1) / 4)
    assert found["all"].rmse_ha == pytest.approx(((0.01 + 0.09 + 0 + 0.01) / 4) ** 0.5)
    assert found["all"].covered == pytest.approx(3 / 4)
    assert (found["winter"].n, found["summer"].n) == (1, 3)
    assert (found["none"].n, found["0.25 to 1 ha"].n, found["1 ha or more"].n) == (1, 1, 2)
    assert "spring" not in found


def test_what_was_not_assessable_is_left_out():
    unseen = ReferencePair(
        date=dt.date(2021, 1, 1), measured=Quantity.not_assessable("cloud"), reference_ha=1.0
    )
    assert compare_references([unseen]) == []
