from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detection.ground.expectation import anchor_weights, fit_expectation, fit_seasons, season_covers
from detection.ground.history import fit_history
from detection.ground.learning import bare_reference, field_class, looks_to_learn, start
from detection.ground.params import GroundParams, State
from detection.ground.series import UNSEEN, GroundSeries
from detection.ground.states import (
    RIVER_CLASS,
    STATES,
    Model,
    bare_share,
    emission,
    filtered,
    for_good,
    forward_pixel,
    generator,
    ground_model,
    sampled,
    seasons,
    smoothed,
    transitions,
)

PARAMS = GroundParams()


def made_series(*, looks: int = 80, side: int = 12, seed: int = 1, cleared: int = 50) -> GroundSeries:
    """Forest with a clearing of 4 × 4 pixels from the look `cleared` on; a third of pixels not seen."""
    rng = np.random.default_rng(seed)
    day = 17000 + np.arange(looks) * 14
    season = 0.7 + 0.1 * np.cos(2 * np.pi * (day - 17000 - 200) / 365.25)
    ndvi = season[:, None, None] + rng.normal(0, 0.02, (looks, side, side))
    nbr = 0.5 * season[:, None, None] + rng.normal(0, 0.02, (looks, side, side))
    ndvi[cleared:, 4:8, 4:8], nbr[cleared:, 4:8, 4:8] = 0.2, -0.1
    index = np.round(np.stack([ndvi, nbr]).reshape(2, looks, -1) / 1e-4).astype(np.int16)
    index[:, rng.random(index.shape[1:]) < 1 / 3] = UNSEEN
    return GroundSeries(
        index=index,
        haze=np.zeros(index.shape[1:], np.uint8),
        day=day,
        scene_ids=tuple(f"s{k}" for k in range(looks)),
        shape=(side, side),
        early=np.full((3, side * side), np.nan, np.float32),
    )


def made_model(series: GroundSeries) -> Model:
    p = PARAMS
    expected = anchor_weights(series, p.expectation)
    season, greenest = fit_seasons(series, expected, p.expectation)
    covers = season_covers(season, p.bare.ndvi, p.expectation)
    size = series.index.shape[2]
    fields = field_class(season, greenest, p)
    return ground_model(
        series,
        fit_expectation(series, expected, p.expectation, covers=covers),
        p,
        bare=np.array([0.16, -0.15], np.float32),
        bare_sd=np.array([0.08, 0.12], np.float32),
        group=np.where(np.arange(size) % 5 == 0, RIVER_CLASS, fields).astype(np.int8),
        start=start(np.full(size, 0.4, np.float32), p),
    )


@given(st.floats(0.001, 5.0), st.floats(0.0, 1.0))
@settings(deadline=None, max_examples=25)
def test_transitions_follow_the_rates(years: float, odd: float) -> None:
    q = generator(PARAMS.rates, odd)
    assert np.allclose(q.sum(axis=1), 0.0)
    days = max(1, round(years * 365.25))
    move = transitions(np.array([0, days]), PARAMS)[1]
    assert np.allclose(move.sum(axis=2), 1.0, atol=1e-5)
    # Independent: many small Euler steps of the rate equation.
    passed = np.diff(seasons(np.array([0, days]), PARAMS.start.growing_months))[0]
    grows = round(passed * 365.25) / days
    small = np.linalg.matrix_power(
        np.eye(STATES) + generator(PARAMS.rates, 0.5, grows=grows) * days / 365.25 / 65536, 65536
    )
    assert np.allclose(move[2], small, atol=2e-4)


def test_crops_come_back_while_plants_grow() -> None:
    months = PARAMS.start.growing_months
    day = np.array(["2020-01-01", "2020-05-01", "2020-07-16", "2020-10-01", "2021-01-01", "2021-10-01"])
    passed = seasons(day.astype("datetime64[D]").astype(np.int64), months) - 50
    assert np.allclose(passed, [0, 0, 0.5, 1, 1, 2], atol=0.02)
    winter, summer = (
        transitions(np.array(gap, "datetime64[D]").astype(np.int64), PARAMS)[1, RIVER_CLASS - 1]
        for gap in (("2020-10-01", "2021-05-01"), ("2021-05-01", "2021-10-01"))
    )
    for state in (State.BARE_FOR_NOW, State.THIN_FOR_NOW):
        assert winter[state, State.EXPECTED] < 0.01
        assert summer[state, State.EXPECTED] > 0.9


def enumerated(
    model: Model, pixel: int, field: NDArray[np.uint8], looks: int
) -> tuple[np.ndarray, np.ndarray]:
    """Filtered last state and smoothed states by the sum over every path."""
    like, strength = np.ones(STATES, np.float32), PARAMS.coupling.strength
    table = np.empty((looks, STATES))
    for t in range(looks):
        emission(model, t, pixel, like)
        odds = np.exp(strength * (int(field[t, pixel]) - 128) / 127.0)
        table[t] = like * np.where(np.isin(np.arange(STATES), (2, 3, 5, 6)), odds, 1.0)
    post = np.zeros((looks, STATES))
    for path in itertools.product(range(STATES), repeat=looks):
        p = float(model.start[:, pixel] @ model.moves[0, model.group[pixel], :, path[0]]) * table[0, path[0]]
        for t in range(1, looks):
            p *= model.moves[t, model.group[pixel], path[t - 1], path[t]] * table[t, path[t]]
        for t, state in enumerate(path):
            post[t, state] += p
    return post / post.sum(axis=1, keepdims=True), post[-1] / post[-1].sum()


def short(model: Model, looks: int, since: int) -> Model:
    cut = slice(since, since + looks)
    return model._replace(
        index=np.ascontiguousarray(model.index[:, cut]), haze=model.haze[cut], code=model.code[cut],
        course=model.course[:, cut], look=model.look[:, cut], terms=model.terms[cut], part=model.part[cut],
        moves=np.concatenate([np.eye(STATES, dtype=np.float32)[None, None].repeat(RIVER_CLASS + 1, 1),
                              model.moves[since + 1 : since + looks]]),
    )  # fmt: skip


@pytest.mark.parametrize("pixel", [0, 1, 65, 66])
def test_both_passes_agree_with_the_sum_over_all_paths(pixel: int) -> None:
    series = made_series()
    model = short(made_model(series), 5, 47)
    _, field, _ = filtered(model, series.shape)
    every, last = enumerated(model, pixel, field, 5)
    evidence, belief = np.empty((5, STATES), np.float32), np.empty((5, STATES), np.float32)
    forward_pixel(model, pixel, field, evidence, belief)
    assert np.allclose(belief[-1], last, atol=1e-5)
    out = np.empty((1, 5, STATES), np.uint8)
    smoothed(model, field, np.array([pixel]), out)
    assert np.allclose(out[0] / 255.0, every, atol=0.003)


def test_the_smoothed_state_of_the_last_look_is_the_filtered_one() -> None:
    history = fit_history(made_series(), PARAMS)
    assert np.abs(history.smoothed[-1].astype(int) - history.filtered[-1].astype(int)).max() <= 2


def test_drawn_paths_have_the_smoothed_probabilities() -> None:
    series = made_series()
    model = made_model(series)
    _, field, _ = filtered(model, series.shape)
    pixels = np.array([65, 0])
    out = np.empty((2, len(series.day), STATES), np.uint8)
    smoothed(model, field, pixels, out)
    uniform = np.random.default_rng(3).random((2000, len(series.day)))
    paths = np.empty((2000, len(series.day), 2), np.uint8)
    sampled(model, field, pixels, uniform, paths)
    for state in State:
        assert np.allclose((paths == state).mean(axis=0).T, out[:, :, state] / 255.0, atol=0.05)


def test_the_variance_of_the_share_grows_where_bare_ground_would_not_stand_out() -> None:
    model = made_model(made_series())
    room = np.empty((2, 2), np.float32)
    level = model._replace(bare=np.array([0.62, 0.3], np.float32))
    seen = [(t, 0) for t in range(10, 40) if model.index[0, t, 0] != UNSEEN]
    for t, p in seen:
        assert bare_share(level, t, p, *room)[1] > 5 * bare_share(model, t, p, *room)[1]


def test_a_clearing_is_found_and_nothing_else() -> None:
    history = fit_history(made_series(), PARAMS)
    last = history.filtered[-1].reshape(12, 12)
    assert last[4:8, 4:8].min() > 230
    last[3:9, 3:9] = 0
    assert last.max() < 60


def farmed_series(*, side: int = 12) -> GroundSeries:
    """Fields that are green from July to September; one parcel lies fallow for a year, one is opened."""
    rng = np.random.default_rng(2)
    day = np.datetime64("2017-01-01").astype(int) + np.arange(180) * 10
    of_year = (day - np.datetime64("2017-01-01").astype(int)) % 365.25
    crop = 0.25 + 0.5 * np.exp(-0.5 * ((of_year - 220) / 32) ** 2)
    ndvi = np.tile(crop[:, None, None], (1, side, side))
    fallow, after = (np.datetime64(f"{year}-04-20").astype(int) for year in (2019, 2020))
    ndvi[(day >= fallow) & (day < after), 1:5, 1:5] = 0.2
    ndvi[day >= fallow, 7:11, 7:11] = 0.2
    ndvi = ndvi + rng.normal(0, 0.02, ndvi.shape)
    index = np.round(ndvi.reshape(1, len(day), -1) / 1e-4).astype(np.int16)
    index[:, rng.random(index.shape[1:]) < 1 / 3] = UNSEEN
    return GroundSeries(
        index=index, haze=np.zeros(index.shape[1:], np.uint8), day=day,
        scene_ids=tuple(map(str, day)), shape=(side, side), early=np.full((3, side**2), np.nan, np.float32),
    )  # fmt: skip


def test_a_field_that_lies_fallow_is_bare_for_now_and_one_that_stays_bare_is_opened() -> None:
    history = fit_history(farmed_series(), PARAMS)
    assert (history.model.group > 0).mean() > 0.9
    sure = round(255 * PARAMS.events.sure)
    filtered_, smoothed_ = (x.reshape(-1, 12, 12) for x in (history.filtered, history.smoothed))
    assert filtered_[:, 1:5, 1:5].max() < sure
    assert smoothed_[:, 1:5, 1:5].max() < sure
    assert np.median(smoothed_[-1, 7:11, 7:11]) > sure
    opened = history.series.day >= np.datetime64("2019-08-01").astype(int)
    assert np.median(smoothed_[opened][0, 7:11, 7:11]) > sure


def test_loss_is_for_good_the_longer_it_lasts_and_at_once_off_fields() -> None:
    years = np.array([0.0, 1.0, 2.0, 3.0])
    field = for_good(np.full(5, RIVER_CLASS - 1, np.int8), years, years, PARAMS.rates)
    assert field[0] < 0.1
    assert (np.diff(field) > 0).all()
    assert field[-1] > PARAMS.events.sure
    mostly_forest = np.array([0, 0, 0, RIVER_CLASS - 1, RIVER_CLASS - 1], np.int8)
    assert np.allclose(for_good(mostly_forest, years, years, PARAMS.rates), 1.0)
    river = for_good(np.full(5, RIVER_CLASS, np.int8), years, years, PARAMS.rates)
    assert (river < field).all()


def test_history_is_a_function_of_the_looks() -> None:
    one, two = fit_history(made_series(), PARAMS), fit_history(made_series(), PARAMS)
    assert np.array_equal(one.smoothed, two.smoothed)
    assert np.array_equal(one.filtered, two.filtered)


def test_a_later_look_changes_nothing_that_was_said_in_its_year() -> None:
    series = made_series()
    learnt = looks_to_learn(series.day, PARAMS.expectation)
    assert 40 < learnt < 79
    whole = fit_history(series, PARAMS)
    for upto in range(learnt + 1, len(series.day)):
        part = fit_history(series.first(upto), PARAMS)
        assert np.array_equal(part.filtered, whole.filtered[:upto])
        assert np.array_equal(part.model.code, whole.model.code[:upto])


def test_what_was_learnt_is_remembered_to_the_bit() -> None:
    series, memory = made_series(), dict[str, bytes]()
    fresh = fit_history(series, PARAMS)
    for _ in range(2):
        known = fit_history(series, PARAMS, memory=memory)
        assert np.array_equal(fresh.smoothed, known.smoothed)
        assert np.array_equal(fresh.model.code, known.model.code)
    fit_history(series.first(len(series.day) - 2), PARAMS, memory=memory)
    assert len(memory) == 1


def test_bare_ground_is_what_the_site_shows_with_soils_as_the_prior() -> None:
    series = made_series()
    none = np.zeros(144, np.bool_)
    mean, sd = bare_reference(series, none, PARAMS)
    assert mean == pytest.approx([PARAMS.bare.ndvi, PARAMS.bare.nbr])
    some = none.copy()
    some[:100] = True
    index = series.index.copy()
    index[0][:, some] = np.where(index[0][:, some] == UNSEEN, UNSEEN, 2600)
    own, same = bare_reference(replace(series, index=index), some, PARAMS)
    known, told = PARAMS.bare.ndvi_sd**-2, PARAMS.bare.most_pixels / PARAMS.bare.own_sd**2
    assert own[0] == pytest.approx((known * PARAMS.bare.ndvi + told * 0.26) / (known + told), abs=1e-4)
    assert np.array_equal(sd, same)
