from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.validation.simulated_reviewers import CASES, run_case
from detection.sampling.accuracy import (
    ReaderAgreement,
    ReaderError,
    Stratum,
    estimate_accuracy,
    sample_size,
    tally,
)
from evidence.errors import MeasurementError

NAMES = ("deforestation", "gain", "stable forest", "stable other")
WEIGHTS = (0.020, 0.015, 0.320, 0.645)
ROWS = ((66, 0, 5, 4), (0, 55, 8, 12), (1, 0, 153, 11), (2, 1, 9, 313))
TOTAL_HA = 1e7 * 0.09


def published():
    strata = [Stratum(name=n, mapped=n, area_ha=w * TOTAL_HA) for n, w in zip(NAMES, WEIGHTS, strict=True)]
    return estimate_accuracy(strata, ROWS, NAMES)


def test_the_published_example_reproduces_to_the_hectare():
    report = published()
    area = report.of("deforestation").published_ha
    assert round(area.value) == 21158
    assert round(1.96 * area.sd_random) == 6158
    assert round(area.high - area.value) == 6158
    assert report.of("deforestation").mapped_ha == pytest.approx(18000)


def test_the_published_accuracies_reproduce():
    report = published()
    first = report.of("deforestation")
    assert (round(first.users.value, 2), round(1.96 * first.users.sd_random, 2)) == (0.88, 0.07)
    assert (round(first.producers.value, 2), round(1.96 * first.producers.sd_random, 2)) == (0.75, 0.21)
    assert (round(report.overall.value, 2), round(1.96 * report.overall.sd_random, 2)) == (0.95, 0.02)
    assert report.n == 640


def test_producers_variance_equals_equation_7_of_the_paper():
    """Independent oracle: eq. 7 written out, instead of the ratio estimator."""
    n = np.array(ROWS, dtype=float)
    areas = np.array(WEIGHTS) * TOTAL_HA
    units = n.sum(axis=1)
    for j, name in enumerate(NAMES):
        whole = (areas * n[:, j] / units).sum()
        users, producers = n[j, j] / units[j], areas[j] * n[j, j] / units[j] / whole
        own = areas[j] ** 2 * (1 - producers) ** 2 * users * (1 - users) / (units[j] - 1)
        share = n[:, j] / units
        terms = areas**2 * share * (1 - share) / (units - 1)
        variance = (own + producers**2 * (terms.sum() - terms[j])) / whole**2
        assert published().of(name).producers.sd_random == pytest.approx(variance**0.5, rel=1e-9)


def test_sample_size_of_the_paper():
    users = dict(zip(NAMES, (0.70, 0.60, 0.90, 0.95), strict=True))
    assert sample_size(dict(zip(NAMES, WEIGHTS, strict=True)), users, standard_error=0.01) == 641


@given(st.lists(st.tuples(*[st.integers(0, 60)] * 3), min_size=3, max_size=3))
@settings(max_examples=60, deadline=None)
def test_areas_add_up_and_lie_in_their_intervals(counts):
    counts = [[n + 1 for n in row] for row in counts]
    strata = [Stratum(name=c, mapped=c, area_ha=10.0 ** (i + 1)) for i, c in enumerate("abc")]
    report = estimate_accuracy(strata, counts, "abc")
    assert sum(c.area_ha.value for c in report.by_class) == pytest.approx(1110.0)
    for found in report.by_class:
        assert found.area_ha.low <= found.area_ha.value <= found.area_ha.high
        assert 0 <= found.users.low <= found.users.high <= 1


def test_a_buffer_stratum_is_mapped_stable():
    strata = [
        Stratum(name="new", mapped="new", area_ha=10),
        Stratum(name="buffer", mapped="stable", area_ha=20),
        Stratum(name="stable", mapped="stable", area_ha=970),
    ]
    report = estimate_accuracy(strata, [[45, 5], [5, 45], [0, 100]], ["new", "stable"])
    assert report.of("new").area_ha.value == pytest.approx(10 * 0.9 + 20 * 0.1)
    assert report.of("new").producers.value == pytest.approx(9 / 11)
    assert report.of("stable").users.value == pytest.approx((20 * 0.9 + 970) / 990)


def test_no_omission_found_does_not_mean_none():
    """The claimed interval allows for what a hundred units without a miss may have missed."""
    strata = [
        Stratum(name="new", mapped="new", area_ha=10),
        Stratum(name="stable", mapped="stable", area_ha=9990),
    ]
    found = estimate_accuracy(strata, [[50, 0], [0, 100]], ["new", "stable"]).of("new")
    assert found.published_ha.high == pytest.approx(10)
    assert found.area_ha.high > 300


def test_readers_who_err_are_corrected_for():
    """Expected counts of readers with a known error give back the truth."""
    error = ReaderError(rate=0.02)
    strata = [
        Stratum(name="new", mapped="new", area_ha=100),
        Stratum(name="stable", mapped="stable", area_ha=9900),
    ]
    truth = np.array([[0.9, 0.1], [0.01, 0.99]])
    seen = truth * 0.98 + (1 - truth) * 0.02
    counts = np.rint(seen * 10000).astype(int).tolist()
    area = estimate_accuracy(strata, counts, ["new", "stable"], reader_error=error).of("new").area_ha
    assert area.value == pytest.approx(100 * 0.9 + 9900 * 0.01, rel=0.01)


def test_disagreement_tells_the_readers_error():
    error = ReaderError.from_disagreement(98, 1000)
    assert error.rate == pytest.approx(3 * 0.0517**2, rel=0.05)
    assert ReaderError.from_disagreement(0, 300).rate == 0
    with pytest.raises(MeasurementError, match="5 disagreements"):
        ReaderError.from_disagreement(5, 3)


@pytest.mark.parametrize("case", [CASES[1], CASES[5], CASES[6]], ids=lambda case: case.name)
def test_areas_of_simulated_reviewers_cover_the_truth(case):
    outcome = run_case(case, draws=600, maps=2, seed=77)
    assert 0.93 <= outcome.covered[2] <= 0.97
    assert abs(outcome.means_ha[2] - outcome.truth_ha) < 0.06 * outcome.truth_ha


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=2, max_size=4),
    st.integers(0, 45),
)
@settings(max_examples=200, deadline=None)
def test_no_claimed_interval_is_narrower_than_the_published_one(counts, disagreed):
    counts = [[a + 1, b + 1] for a, b in counts]
    strata = [Stratum(name=str(i), mapped="ab"[i % 2], area_ha=10.0 ** (i + 1)) for i in range(len(counts))]
    n = sum(map(sum, counts))
    error = ReaderError.from_disagreement(min(disagreed * n // 100, n), n)
    report = estimate_accuracy(strata, counts, "ab", reader_error=error)
    plain = estimate_accuracy(strata, counts, "ab")
    for found in report.by_class:
        area, published = found.area_ha, found.published_ha
        assert area.high - area.low >= published.high - published.low - 1e-9
        assert area.low <= area.value <= area.high
        assert area.high > area.low
        assert published == plain.of(found.name).published_ha
    assert report.overall == plain.overall


def test_overall_accuracy_is_that_of_its_own_counts_however_the_readers_err():
    strata = [Stratum(name=c, mapped=c, area_ha=100) for c in "ab"]
    error = ReaderError.from_disagreement(57, 150)
    report = estimate_accuracy(strata, [[66, 9], [9, 66]], "ab", reader_error=error)
    assert report.overall.value == pytest.approx(0.88)
    assert report.of("a").users.value == pytest.approx(0.88)


def test_no_error_seen_gives_no_interval_without_width():
    strata = [
        Stratum(name="new", mapped="new", area_ha=10),
        Stratum(name="stable", mapped="stable", area_ha=9990),
    ]
    report = estimate_accuracy(strata, [[50, 0], [0, 100]], ["new", "stable"])
    new = report.of("new")
    assert new.users.low == pytest.approx(0.929, abs=0.001)  # Wilson's of 50 of 50
    assert report.overall.low == pytest.approx(0.963, abs=0.001)  # and of 100 of 100 over nearly all
    assert new.producers.low < 0.05  # a hundredth of the rest would be ten times what is mapped


def test_alpha_of_the_published_example():
    """Krippendorff (2011), Computing Krippendorff's alpha-reliability, A: two observers, ten units."""
    pairs = list(zip("0100000000", "1110010010", strict=True))
    assert ReaderAgreement.of(pairs).alpha.value == pytest.approx(0.095, abs=5e-4)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=60))
def test_alpha_equals_the_coincidence_matrix(pairs):
    found = ReaderAgreement.of(pairs).alpha
    if len({label for pair in pairs for label in pair}) == 1:
        assert found.reason == "all labels are one class"
        return
    assert found.value == pytest.approx(_alpha_by_coincidences(pairs))
    assert found.low <= found.value <= found.high
    assert found.low < found.high


def _alpha_by_coincidences(pairs):
    """Independent oracle: the coincidence matrix written out (Krippendorff 2011, step by step)."""
    names = sorted({name for pair in pairs for name in pair})
    o = np.zeros((len(names), len(names)))
    for one, two in pairs:
        o[names.index(one), names.index(two)] += 1
        o[names.index(two), names.index(one)] += 1
    n = o.sum(axis=1)
    expected = np.outer(n, n) / (n.sum() - 1)
    off = ~np.eye(len(names), dtype=bool)
    return 1 - o[off].sum() / expected[off].sum()


def test_readers_who_guess_do_not_agree_enough():
    rng = np.random.default_rng(5)
    pairs = [tuple(pair) for pair in rng.choice(list("abc"), size=(150, 2))]
    found = ReaderAgreement.of(pairs)
    assert not found.enough
    assert found.alpha.low < 0 < found.alpha.high
    assert not ReaderAgreement.of([]).enough


def test_faults_are_named():
    one = [Stratum(name="a", mapped="a", area_ha=1.0)]
    with pytest.raises(MeasurementError, match="stratum a"):
        estimate_accuracy(one, [[1]], ["a"])
    with pytest.raises(MeasurementError, match="no class"):
        estimate_accuracy(one, [[5]], ["b"])
    guessed = ReaderError.from_disagreement(75, 150)
    both = [Stratum(name=c, mapped=c, area_ha=1.0) for c in "ab"]
    with pytest.raises(MeasurementError, match="say nothing"):
        estimate_accuracy(both, [[5, 5], [5, 5]], ["a", "b"], reader_error=guessed)
    with pytest.raises(MeasurementError, match="no stratum or class"):
        tally(one, [("a", "z")], ["a"])
