from __future__ import annotations

import numpy as np

from detection.harmonics import design, fit_harmonics
from detection.monitor import (
    PERSISTENT,
    MonitorParams,
    MonitorState,
    blank_state,
    judge_look,
    start_monitor,
    update_monitor,
)

DAYS = np.arange(17532, 17532 + 7 * 220, 7, dtype=np.float64)
HISTORY = 104


def series(seed: int, pixels: int, *, drop: float = 0.0, at: int = 150, sd: float = 0.03) -> np.ndarray:
    rng = np.random.default_rng(seed)
    season = -0.7 + 0.15 * np.sin(2 * np.pi * DAYS / 365.25)
    values = season[:, None] + rng.normal(0, sd, (DAYS.size, pixels))
    values[at:] += drop
    return values.astype(np.float32)


def run(values: np.ndarray, params: MonitorParams) -> MonitorState:
    state = start_monitor(values[:HISTORY], DAYS[:HISTORY], params=params)
    for row, day in zip(values[HISTORY:], DAYS[HISTORY : len(values)], strict=True):
        update_monitor(state, row, day, params=params)
    return state


def test_the_harmonic_is_recovered_in_spite_of_clouds() -> None:
    values = series(1, 50)
    values[::13] = 0.2
    beta, scale, count = fit_harmonics(values, design(DAYS))
    np.testing.assert_allclose(beta[0], -0.7, atol=0.02)
    np.testing.assert_allclose(np.hypot(beta[1], beta[2]), 0.15, atol=0.03)
    np.testing.assert_allclose(np.median(scale), 0.03, rtol=0.15)
    assert (count == DAYS.size).all()


def test_clean_least_squares_agrees_with_the_textbook() -> None:
    values = series(2, 5, sd=0.01)
    expected = np.linalg.lstsq(design(DAYS), values, rcond=None)[0]
    np.testing.assert_allclose(fit_harmonics(values, design(DAYS))[0], expected, atol=2e-3)


def test_few_looks_are_not_fitted() -> None:
    values = series(3, 2)
    values[8:, 0] = np.nan
    _, scale, _ = fit_harmonics(values, design(DAYS), min_looks=12)
    assert np.isnan(scale[0])
    assert np.isfinite(scale[1])


def test_a_break_is_found_dated_and_becomes_persistent() -> None:
    state = run(series(4, 200, drop=0.25), MonitorParams())
    assert (state.status == PERSISTENT).mean() > 0.99
    delay = state.alert_day - DAYS[150]
    assert np.median(delay) <= 7
    assert (state.since_normal < state.first_day)[state.status == PERSISTENT].all()


def test_a_slow_change_is_found_by_the_sums() -> None:
    state = run(series(5, 200, drop=0.06), MonitorParams())
    alone = run(series(5, 200, drop=0.06), MonitorParams(mosum_limit=99, cusum_limit=99, ewma_limit=99))
    assert (state.status > 0).mean() > 0.8
    assert (state.status > 0).mean() > (alone.status > 0).mean() + 0.2


def test_stable_pixels_stay_quiet() -> None:
    state = run(series(6, 2000), MonitorParams())
    assert (state.status > 0).mean() < 0.01


def test_a_single_cloud_is_held_and_then_forgotten() -> None:
    values = series(7, 100)
    values[150] = 0.3
    state = run(values, MonitorParams())
    assert (state.status > 0).mean() < 0.03


def test_an_alert_that_returns_is_withdrawn() -> None:
    values = series(8, 100)
    values[150:152] += 0.25
    state = run(values, MonitorParams())
    assert (state.status == 0).mean() > 0.95
    assert (state.withdrawn[state.status == 0] >= 1).mean() > 0.95


def test_a_checkpoint_continues_exactly() -> None:
    params, values = MonitorParams(), series(9, 50, drop=0.2)
    whole = run(values, params)
    state = run(values[:160], params)
    state = MonitorState.from_arrays(state.copy().to_arrays())
    for row, day in zip(values[160:], DAYS[160:], strict=True):
        update_monitor(state, row, day, params=params)
    for name, array in whole.to_arrays().items():
        np.testing.assert_array_equal(array, state.to_arrays()[name], err_msg=name)


def test_departed_looks_before_the_alert_count_towards_persistence() -> None:
    params = MonitorParams(persist_looks=2, persist_evidence=14.0, persist_days=5, shewhart=4.5)
    state = blank_state(np.zeros((3, 3)), np.ones(3), params)
    looks = np.array([[0.0, 0.0, 0.0], [4.0, 4.0, 0.0], [5.0, 0.0, 5.0], [5.0, 0.0, 5.0]])
    for k, z in enumerate(looks):
        judge_look(state, z, np.zeros(3, bool), 17_000.0 + 6 * k, params=params)
    assert state.persistent_day.tolist() == [17_012, -1, 17_018]
