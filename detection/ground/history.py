"""One history of the ground of a site: expectation and states in turn, over all looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    binary_opening,
    distance_transform_edt,
    find_objects,
    generate_binary_structure,
    label,
    median_filter,
)

from detection.ground.expectation import (
    anchor_weights,
    fit_expectation,
    fit_seasons,
    harmonics,
    season_covers,
)
from detection.ground.params import AS_EXPECTED, DISTURBED, ONE, YEAR_DAYS, GroundParams, StartParams, State
from detection.ground.series import GroundSeries
from detection.ground.states import (
    FIELD_CLASSES,
    RIVER_CLASS,
    STATES,
    Model,
    filtered,
    ground_model,
    smoothed,
)

Floats = NDArray[np.float32]

STEADY = 230
"""Of 255: least probability of being as expected of pixels that are not smoothed. Assumed."""
CHANGED = 13
"""Of 255: change of a weight above which the expectation of a pixel is fitted again. Assumed."""
CHUNK = 4096
"""Pixels that are smoothed at once: a bound of memory. Assumed."""
SIDE_M = 10.0
"""Side of a pixel of Sentinel-2, documented."""
HALF_MONTHS = 24
"""Parts in which an expected year is looked at. Assumed."""
DARKEST = 0.01
"""Reflectance that is divided by at least: a bound of arithmetic. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Water:
    """Where water is or may be. All (pixel,)."""

    water: NDArray[np.bool_]
    """Water when first seen."""
    river: NDArray[np.bool_]
    """A river's bars and banks."""
    beside: NDArray[np.bool_]
    """Within reach of a thread that may be a narrow river, or a track."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is known of every pixel on every look."""

    series: GroundSeries
    model: Model
    params: GroundParams
    field: NDArray[np.uint8]
    filtered: NDArray[np.uint8]
    """(time, pixel) probability of disturbed as it was known on the look, 255 for one."""
    smoothed: NDArray[np.uint8]
    """(time, pixel) the same given all looks."""
    water: Water
    bare_at_start: Floats
    """(pixel,) share that was bare at the greenest of the expected year when it was first seen."""


def fit_history(series: GroundSeries, params: GroundParams, *, side_m: float = SIDE_M) -> History:
    """The history of a site.

    Expectation and states are found in turn (EM): a fit over all looks would take a mine's bare ground for
    normal.

    Args:
        series: looks; at least one.
        params: numbers.
        side_m: side of a pixel.
    """
    expected = anchor_weights(series, params.expectation)
    first, greenest = fit_seasons(series, expected, params.expectation)
    bare = np.array([params.bare.ndvi, params.bare.nbr][: len(series.index)], np.float32)
    bare_sd = np.array([params.bare.ndvi_sd, params.bare.nbr_sd][: len(series.index)], np.float32)
    at_start = bare_at_start(first, params)
    water = find_water(first, series.early, params, series.shape, side_m)
    at_start = np.where(water.water, np.float32(0.0), at_start)
    begin = start(at_start, params)
    group = np.where(water.river, RIVER_CLASS, field_class(first, greenest, params.start)).astype(np.int8)
    cover = season_covers(first, params.expectation)
    disturbed = expected
    expectation, changed = None, None
    for number in range(params.expectation.em_rounds):
        expectation = fit_expectation(
            series, expected, params.expectation, cover=cover, earlier=expectation, changed=changed
        )
        model = ground_model(
            series, expectation, params, bare=bare, bare_sd=bare_sd, group=group, start=begin
        )
        now, field, least = filtered(model, series.shape)
        before = expected
        expected, disturbed = smooth(model, field, least)
        # From the second round on weights change where something happened only.
        moved = (np.maximum(expected, before) - np.minimum(expected, before)).max(axis=0) > CHANGED
        changed = np.flatnonzero(moved) if number else None
    return History(series=series, model=model, params=params, field=field, filtered=now,
                   smoothed=disturbed, water=water, bare_at_start=at_start)  # fmt: skip


def smooth(
    model: Model, field: NDArray[np.uint8], least: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(time, pixel) probability of being as expected and of disturbed given all looks, 255 for one.

    Pixels that were never unlikely as expected when filtered are so when smoothed.
    """
    expected = np.full(model.haze.shape, ONE, np.uint8)
    disturbed = np.zeros(model.haze.shape, np.uint8)
    moving = np.flatnonzero(least < STEADY)
    for first in range(0, len(moving), CHUNK):
        some = moving[first : first + CHUNK]
        q = np.empty((len(some), len(model.haze), STATES), np.uint8)
        smoothed(model, field, some, q)
        expected[:, some], disturbed[:, some] = _sum(q, AS_EXPECTED), _sum(q, DISTURBED)
    return expected, disturbed


def _sum(q: NDArray[np.uint8], states: tuple[State, ...]) -> NDArray[np.uint8]:
    """(time, pixel) probability of any of some states, of (pixel, time, state)."""
    total = q[:, :, list(states)].sum(axis=2, dtype=np.int16)
    out: NDArray[np.uint8] = np.minimum(total, ONE).astype(np.uint8)
    return out.T


def bare_at_start(season: Floats, params: GroundParams) -> Floats:
    """(pixel,) bare share at the greenest of each pixel's expected year when it was first seen."""
    peak = _year(season).max(axis=1)
    green = np.quantile(peak, params.start.greenest)
    share = (green - peak) / max(green - params.bare.ndvi, params.start.least_green)
    return np.asarray(np.clip(share, 0.0, 1.0), np.float32)


def find_water(
    season: Floats, early: Floats, params: GroundParams, shape: tuple[int, int], side_m: float
) -> Water:
    """Water, and ground that a river may lay bare or cover.

    Long bodies of water; and long narrow threads of pixels that are less green than what surrounds them and
    darker in near infrared without the short-wave infrared that bare soil would add. Tracks look like these
    threads, so that an event there must have closed soon to be called a bar. Without that band nothing is
    told.
    """
    p = params.start
    water, thread = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    if not np.isfinite(early).all():
        return Water(water=water.ravel(), river=water.ravel(), beside=water.ravel())
    peak = _year(season).max(axis=1).reshape(shape)
    red, nir, swir = (plane.reshape(shape) for plane in early)
    water = (nir < np.maximum(p.water_nir * red, p.dark_nir)) & (swir < p.water_swir)
    water &= swir < p.water_falls * nir

    def near(what: NDArray[np.bool_], reach_m: float) -> NDArray[np.bool_]:
        return distance_transform_edt(~what) * side_m <= reach_m if what.any() else what

    water |= near(water, p.swir_m) & (nir < p.dark_nir)
    pale = _around(peak, p) - peak > p.less_green
    narrow = pale & ~water & ~binary_opening(pale, np.ones((p.widest_px, p.widest_px), np.bool_))
    darker = nir / np.maximum(_around(nir, p), DARKEST) - 1.0
    wetter = swir / np.maximum(_around(swir, p), DARKEST) - 1.0
    for mine in _long(narrow, p.least_river_m / side_m):
        if darker[mine].mean() < -p.darker and wetter[mine].mean() < p.raised:
            thread |= mine
    body = np.zeros(shape, np.bool_)
    for mine in _long(water, p.least_river_m / side_m):
        body |= mine

    river, beside = near(body, p.corridor_m), near(thread, p.beside_m)
    return Water(water=water.ravel(), river=river.ravel(), beside=beside.ravel())


def _long(what: NDArray[np.bool_], least_px: float) -> Iterator[NDArray[np.bool_]]:
    """Masks of connected parts that are as long as that."""
    number, _ = label(what, structure=generate_binary_structure(2, 2))
    for k, place in enumerate(find_objects(number), start=1):
        if np.hypot(*(s.stop - s.start for s in place)) >= least_px:
            yield number == k


def _around(plane: Floats, params: StartParams) -> Floats:
    return np.asarray(median_filter(plane, params.around_px, mode="nearest"))


def start(bare: Floats, params: GroundParams) -> Floats:
    """(state, pixel) probabilities before the first look."""
    r, s = params.rates, params.start
    out = np.zeros((STATES, bare.size), np.float32)
    out[State.BARED] = out[State.THINNED] = r.start_disturbed / 2
    out[State.ODD_SEASON] = r.start_odd
    surely = (bare - s.bare_from) / (s.bare_surely - s.bare_from)
    out[State.BARE_AT_START] = np.clip(surely, 0.0, s.most_surely)
    out[State.EXPECTED] = 1.0 - r.start_disturbed - r.start_odd
    other = out[[State.EXPECTED, State.BARED, State.THINNED, State.ODD_SEASON]]
    out[[State.EXPECTED, State.BARED, State.THINNED, State.ODD_SEASON]] = other * (
        1.0 - out[State.BARE_AT_START]
    )
    return out


def _year(season: Floats) -> Floats:
    """(pixel, half month) of the fitted season."""
    h = harmonics(np.round(np.arange(HALF_MONTHS) * YEAR_DAYS / HALF_MONTHS).astype(np.int64))
    return np.asarray(season[0][:, None] + season[1:].T @ h.T, np.float32)


def field_class(season: Floats, greenest: Floats, params: StartParams) -> NDArray[np.int8]:
    """(pixel,) how likely it is a field, in steps.

    Ground whose own expected year has a bare month while plants grow, and which was seen green all the same:
    it may have lain fallow when it was first seen.
    """
    year = _year(season)
    month = np.arange(HALF_MONTHS) / 2 + 1
    first, last = params.growing_months
    low = year[:, (month >= first) & (month < last)].min(axis=1)
    bare = np.clip((params.field_bare[0] - low) / params.field_bare[1], 0, 1)
    green = np.clip((greenest - low - params.field_range[0]) / params.field_range[1], 0, 1)
    return np.asarray(np.round(bare * green * (FIELD_CLASSES - 1)), np.int8)
