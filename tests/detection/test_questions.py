"""Questions and their answers on series whose truth is known."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import pymannkendall
import pytest

from detection.answers.judgement import Verdict
from detection.answers.questions import answer, answer_boundary, answer_ground, parse_question
from detection.answers.trends import seasonal_mann_kendall, seasonal_slope
from detection.coal.records import StockpileArea
from evidence.errors import MeasurementError
from evidence.quantity import Quantity

ASKED = {
    "id": "ban",
    "zones": ["yard"],
    "before": ["2016-01-01", "2017-08-15"],
    "after": ["2017-08-15", "2019-01-01"],
    "test": "before_after",
}


def _areas(
    level: Callable[[dt.date], float], *, step: int, zone: str = "yard", sd: float = 0.05
) -> list[StockpileArea]:
    rng = np.random.default_rng(3)
    days = [dt.date(2016, 1, 1) + dt.timedelta(days=i) for i in range(0, 1095, step)]
    return [
        StockpileArea(
            zone_id=zone,
            datetime=dt.datetime(d.year, d.month, d.day, tzinfo=dt.UTC),
            area_ha=Quantity.measured(
                level(d) + rng.normal(0, sd), sd_random=sd, shared={"coal-spectrum": 0.03}
            ),
            valid_fraction=1.0,
            below_floor=False,
            bands=("red",),
            scene_ids=("s",),
        )
        for d in days
    ]


def test_a_step_is_found_with_equal_looks_on_either_side() -> None:
    found = answer(parse_question(ASKED), _areas(lambda d: 1.0 + (d >= dt.date(2017, 8, 15)), step=10))
    assert found.difference_ha.value == pytest.approx(1.0, abs=0.05)
    assert found.difference_ha.low is not None
    assert found.difference_ha.low > 0.8
    assert found.looks_used <= min(found.looks_before, found.looks_after)
    assert {date for date, _ in found.sensitivity} >= {dt.date(2017, 2, 19), dt.date(2017, 9, 5)}


def test_under_five_looks_nothing_is_said() -> None:
    found = answer(parse_question(ASKED), _areas(lambda _: 1.0, step=300))
    assert found.difference_ha.value is None
    assert "under 5" in (found.difference_ha.reason or "")


def test_what_happened_to_the_comparison_zone_too_is_taken_off() -> None:
    rise = _areas(lambda d: 1.0 + (d >= dt.date(2017, 8, 15)), step=10)
    same = _areas(lambda d: 3.0 + (d >= dt.date(2017, 8, 15)), step=10, zone="other")
    found = answer(parse_question(ASKED | {"comparison_zones": ["other"]}), rise + same)
    assert found.difference_ha.value == pytest.approx(0.0, abs=0.08)


@pytest.mark.parametrize(
    "wrong",
    [{"zone": "x"}, {"test": "vibes"}, {"before": ["2018-01-01", "2017-01-01"]}, {"minimum_looks": 2}],
)
def test_questions_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(MeasurementError):
        parse_question(ASKED | wrong)


def test_seasonal_mann_kendall_agrees_with_an_independent_implementation() -> None:
    rng = np.random.default_rng(0)
    days = [dt.date(2016 + i // 12, i % 12 + 1, 15) for i in range(72)]
    values = np.sin(np.arange(72) * np.pi / 6) + 0.004 * np.arange(72) + rng.normal(0, 0.3, 72)
    theirs = pymannkendall.seasonal_test(values, period=12)
    assert seasonal_mann_kendall(days, values) == pytest.approx(theirs.p, abs=1e-6)
    assert seasonal_slope(days, values).value == pytest.approx(
        pymannkendall.seasonal_sens_slope(values, period=12).slope, abs=1e-9
    )


def test_two_years_of_looks_tell_nothing_of_ordinary_years() -> None:
    found = answer(parse_question(ASKED), _areas(lambda d: 1.0 + (d >= dt.date(2017, 8, 15)), step=10))
    assert found.verdict is Verdict.CANNOT_BE_TOLD
    assert "complete years of looks outside the asked window" in (found.reason or "")
    assert found.difference_ha.value is not None, "between these looks there is a difference"


def test_presence_counts_looks() -> None:
    asked = parse_question(ASKED | {"test": "presence"})
    there = answer(asked, _areas(lambda _: 1.0, step=20))
    assert there.verdict is Verdict.SEEN
    assert there.presence is not None
    assert there.presence.seen == there.presence.assessable == there.looks_after
    assert answer(asked, _areas(lambda _: 0.0, step=20, sd=0.02)).verdict is Verdict.NOT_SEEN
    assert answer(asked, _areas(lambda _: 1.0, step=400)).verdict is Verdict.CANNOT_BE_TOLD


def test_ground_is_judged_by_the_years() -> None:
    asked = parse_question({"id": "g", "about": "ground", "before": ["2017-01-01", "2022-01-01"],
                            "after": ["2022-01-01", "2023-01-01"], "test": "before_after"})  # fmt: skip
    states = [
        (dt.date(y, 12, 31), Quantity.measured(float(y - 2016), sd_random=0.1)) for y in range(2017, 2023)
    ]
    opened = [(y, Quantity.measured(v, sd_random=0.1)) for y, v in zip(
        range(2017, 2023), (1.0, 1.2, 0.9, 1.1, 1.0, 4.0), strict=True)]  # fmt: skip
    found = answer_ground(asked, states, opened)
    assert found.verdict is Verdict.INCREASED
    assert found.difference_ha.value == pytest.approx(1.0)
    assert answer_ground(asked, states, opened[3:]).verdict is Verdict.CANNOT_BE_TOLD


def test_a_boundary_has_a_verdict_only_where_it_was_traced_blind() -> None:
    asked = parse_question({"id": "b", "about": "boundary", "from_boundary": "v1", "to_boundary": "v2"})
    net = Quantity.measured(3.0, sd_random=0.5)
    assert answer_boundary(asked, net, blind=True).verdict is Verdict.INCREASED
    assert answer_boundary(asked, net, blind=False).verdict is Verdict.CANNOT_BE_TOLD
