"""Changes judged against ordinary years: known covariance, known steps, and nothing where nothing was."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t as student

from benchmarks.answers.null import PROCESSES, simulated
from detection.answers.activity import judge_presence
from detection.answers.judgement import (
    Verdict,
    find_steps,
    holm,
    judge_step,
    judge_trend,
    judge_years,
)
from detection.answers.process import ProcessParams, Series, coefficient, season
from evidence.quantity import YEAR_DAYS, Quantity

YEARS = range(2016, 2024)
BEFORE = (dt.date(2021, 1, 1), dt.date(2022, 1, 1))
AFTER = (dt.date(2022, 1, 1), dt.date(2023, 1, 1))


def looks(added=lambda _: 0.0, *, seed=0, years=YEARS, sd=0.1):
    rng = np.random.default_rng(seed)
    days = [dt.date(y, m, d) for y in years for m in range(1, 13) for d in (5, 20)]
    return [(day, Quantity.measured(1.5 + 0.3 * np.sin(day.month / 2) + rng.normal(0, sd) + added(day),
                                    sd_random=sd)) for day in days]  # fmt: skip


def direct(series, change, years, memory, noise, ratio, params):
    """The same estimate from the covariance matrix itself."""
    apart = np.abs(series.days[:, None] - series.days)
    own = series.sds**2 / np.mean(series.sds**2)
    same = (years[:, None] == years).astype(float)
    covariance = np.exp(-apart / memory) + noise * np.diag(own) + ratio * same
    mean = np.column_stack([np.ones(len(change)), season(series.days, params.harmonics), change])
    inverse = np.linalg.inv(covariance)
    normal = np.linalg.inv(mean.T @ inverse @ mean)
    beta = normal @ mean.T @ inverse @ series.values
    rest = series.values - mean @ beta
    degrees = len(change) - mean.shape[1]
    weights = (normal @ mean.T @ inverse)[-1]
    shared = float(np.sum((weights @ series.shared) ** 2))
    return beta[-1], np.sqrt(rest @ inverse @ rest / degrees * normal[-1, -1] + shared)


@pytest.mark.parametrize(("memory", "noise", "ratio"), [(30.0, 0.5, 0.0), (200.0, 0.1, 0.7)])
def test_the_filter_gives_what_the_covariance_matrix_gives(memory, noise, ratio):
    rng = np.random.default_rng(4)
    days = np.sort(rng.choice(2000, 90, replace=False)).astype(float)
    series = Series(days=days, values=rng.normal(1.5, 0.3, 90), sds=rng.uniform(0.05, 0.2, 90),
                    shared=np.column_stack([np.full(90, 0.3), (days > 1000) * 0.1]))  # fmt: skip
    change = (days > 1200).astype(float)
    years = np.floor(days / YEAR_DAYS).astype(np.int64)
    params = ProcessParams(memory_days=(memory,), noise_ratios=(noise,), year_ratios=(ratio,))
    found = coefficient(series, change[:, None], np.empty((90, 0)), years, params=params)
    location, scale = direct(series, change, years, memory, noise, ratio, params)
    assert found.location[0] == pytest.approx(location, rel=1e-6)
    assert found.scale[0] == pytest.approx(scale, rel=1e-6)


def test_a_step_beyond_ordinary_years_is_claimed_with_its_size():
    judged = judge_step(looks(lambda d: 0.6 * (d >= AFTER[0])), BEFORE, AFTER)
    assert judged.verdict is Verdict.INCREASED
    assert judged.change.low < 0.6 < judged.change.high
    assert judged.reference_years[:2] == ("2016", "2017")
    assert judged.larger_placebos == 0
    assert judged.annual is not None
    assert judged.annual.low > 0.0
    down = judge_step(looks(lambda d: -0.6 * (d >= AFTER[0])), BEFORE, AFTER)
    assert down.verdict is Verdict.DECREASED


def test_no_change_needs_a_margin_that_was_declared():
    quiet = looks()
    assert judge_step(quiet, BEFORE, AFTER).verdict is Verdict.CANNOT_BE_TOLD
    assert judge_step(quiet, BEFORE, AFTER, margin=0.3).verdict is Verdict.NO_CHANGE
    assert judge_step(quiet, BEFORE, AFTER, margin=0.01).verdict is Verdict.CANNOT_BE_TOLD


def test_a_year_as_far_from_the_others_as_the_asked_one_forbids_a_claim():
    both = looks(lambda d: 0.6 * (d.year in {2018, 2022}))
    assert judge_step(both, BEFORE, AFTER).verdict is Verdict.CANNOT_BE_TOLD


def test_two_complete_years_are_too_few_and_are_named():
    judged = judge_step(looks(years=range(2020, 2023)), BEFORE, AFTER)
    assert judged.verdict is Verdict.CANNOT_BE_TOLD
    assert (
        "2 complete years of looks outside the asked window (2020, 2021), 3 required" in judged.change.reason
    )


def test_a_random_walk_is_refused():
    rng = np.random.default_rng(3)
    steps = np.cumsum(rng.normal(0, 0.15, 24 * len(YEARS)))
    walk = [
        (day, replace(q, value=5 + s, low=4 + s, high=6 + s))
        for (day, q), s in zip(looks(), steps, strict=True)
    ]
    judged = judge_step(walk, BEFORE, AFTER)
    assert judged.verdict is Verdict.CANNOT_BE_TOLD
    assert judged.walk_probability > 0.3


def test_a_trend_and_a_step_at_no_named_date():
    rising = looks(lambda d: 0.2 * (d.year - 2016 + d.month / 12))
    judged = judge_trend(rising)
    assert judged.verdict is Verdict.INCREASED
    assert judged.change.low < 0.2 < judged.change.high
    assert judge_trend(looks()).verdict is Verdict.CANNOT_BE_TOLD
    judged, steps = find_steps(looks(lambda d: 0.8 * (d >= dt.date(2019, 6, 1))))
    assert judged.verdict is Verdict.INCREASED
    assert steps[0].earliest <= dt.date(2019, 6, 1) <= steps[0].latest
    assert steps[0].size.low < 0.8 < steps[0].size.high
    assert find_steps(looks())[1] == ()


def test_piles_that_fill_and_are_shipped_hold_no_step():
    """Jumps that the fitted process knows nothing of: by it alone 155 of 1,000 had a false step."""
    piles = PROCESSES["piles filled and shipped"]
    claimed = sum(bool(find_steps(simulated(piles, 5, seed).looks())[1]) for seed in range(300, 340))
    assert claimed <= 2


def test_years_alone():
    ordinary = list(zip(range(2016, 2021), (1.0, 1.3, 0.9, 1.1, 1.2), strict=True))
    assert judge_years([(2021, 3.0)], ordinary).verdict is Verdict.INCREASED
    assert judge_years([(2021, 1.2)], ordinary).verdict is Verdict.CANNOT_BE_TOLD
    assert judge_years([(2021, 1.1)], ordinary, margin=1.0).verdict is Verdict.NO_CHANGE
    assert judge_years([(2021, 3.0)], ordinary[:2]).verdict is Verdict.CANNOT_BE_TOLD


def test_without_memory_yearly_figures_give_students_t():
    values = np.array([1.0, 1.3, 0.9, 1.1, 1.2, 2.0])
    judged = judge_years([(2021, 2.0)], list(zip(range(2016, 2021), values[:5].tolist(), strict=True)))
    error = values[:5].std(ddof=1) * np.sqrt(1 / 5 + 1)
    half = student.ppf(0.975, 4) * error
    assert judged.annual.value == pytest.approx(2.0 - values[:5].mean())
    assert judged.annual.high - judged.annual.value == pytest.approx(half)
    assert judged.change.low <= judged.annual.low
    assert judged.change.high >= judged.annual.high


def test_a_level_that_drifted_for_years_is_no_change_of_the_last_one():
    drifting = list(
        zip(range(2012, 2020), np.arange(8) * 1.0 + [0, 0.3, -0.2, 0.1, 0, -0.3, 0.2, 0], strict=True)
    )
    judged = judge_years([(2020, 8.1)], drifting)
    assert judged.verdict is Verdict.CANNOT_BE_TOLD


def test_an_error_that_all_looks_share_is_not_many_sightings():
    own = [(dt.date(2020, 1, 1 + k), Quantity.measured(0.3, sd_random=0.1)) for k in range(3)]
    none = [(dt.date(2020, 2, 1 + k), Quantity.measured(0.02, sd_random=0.1)) for k in range(25)]
    assert judge_presence(own + none, floor=0.1).verdict is Verdict.SEEN
    together = [(day, replace(q, sd_random=0.07, shared=(("coal", 0.07),))) for day, q in own + none]
    assert judge_presence(together, floor=0.1).verdict is Verdict.CANNOT_BE_TOLD


def test_holm_keeps_fewer_than_each_alone():
    assert holm([0.04, 0.01, None]) == (True, True, False)
    assert holm([0.04, 0.03]) == (False, False)


def test_hardly_any_series_of_a_stationary_stock_is_claimed():
    from benchmarks.answers.null import CLAIMS, LAST, PROCESSES, YEAR, simulated

    process = PROCESSES["autoregressive, sd 0.2 ha, memory 90 d"]
    asked = (LAST - dt.timedelta(days=YEAR), LAST)
    before = (LAST - dt.timedelta(days=2 * YEAR), asked[0])
    false = sum(
        judge_step(simulated(process, 5, seed).looks(), before, asked).verdict in CLAIMS
        for seed in range(5000, 5040)
    )
    assert false <= 6, "6 of 40 is the 97th percentile at 7 per cent"
