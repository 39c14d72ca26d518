"""What a site's ground is expected to look like, learnt from its looks until a turn of the year.

Expectation and states are found in turn; and what ground was when it was first seen: bare, water, a river's
bars, fields.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import warnings
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    binary_opening,
    distance_transform_edt,
    find_objects,
    generate_binary_structure,
    grey_dilation,
    label,
    median_filter,
    percentile_filter,
)

from detection.ground.days import month_of, to_date, to_day
from detection.ground.expectation import (
    Expectation,
    anchor_weights,
    fit_expectation,
    fit_seasons,
    harmonics,
    season_covers,
)
from detection.ground.params import (
    HALF,
    METHOD,
    ONE,
    YEAR_DAYS,
    ExpectationParams,
    GroundParams,
    StartParams,
    State,
)
from detection.ground.series import SCALE, UNSEEN, GroundSeries
from detection.ground.states import FIELD_CLASSES, RIVER_CLASS, STATES, filtered, ground_model, smooth
from imagery.measurement import Remembered

Floats = NDArray[np.float32]

CHANGED = 13
"""Of 255: change of a weight above which the expectation of a pixel is fitted again. Assumed."""
OWN_SAMPLE = 2000
"""Bare pixels from which a site's own bare ground is taken: a bound of memory. Assumed."""
SIDE_M = 10.0
"""Side of a pixel of Sentinel-2, documented."""
BESIDE_PX = 3
"""Side of the square of a pixel and its neighbours. Defined."""
PER_CENT = 100.0
"""Defined."""
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
class Learnt:
    """What a site's ground is expected to look like, learnt from its looks until a turn of the year."""

    expectation: Expectation
    """On the looks that it was learnt from."""
    trusted: NDArray[np.bool_]
    """(pixel,) as expected on the last of them."""
    group: NDArray[np.int8]
    start: Floats
    bare: Floats
    """(index,) what bare ground looks like here,"""
    bare_sd: Floats
    """(index,) and how far that is from any material."""
    water: Water
    bare_at_start: Floats


def looks_to_learn(day: NDArray[np.int64], params: ExpectationParams) -> int:
    """How many of the earliest looks are learnt from: those before the last turn of the year."""
    turn = to_day(dt.date(to_date(day[-1]).year, *params.renewed))
    n = int(np.searchsorted(day, turn))
    return n if n and day[n - 1] - day[0] >= params.anchor_most_days else len(day)


def remembered(
    series: GroundSeries, params: GroundParams, side_m: float, memory: MutableMapping[str, bytes] | None
) -> Learnt:
    """What `learn` gives of some looks, from `memory` where it was learnt before: the same to the bit."""
    if memory is None:
        return learn(series, params, side_m)
    digest = hashlib.sha256(f"{METHOD}|{params!r}|{side_m}|{series.shape}|{series.day.tolist()}".encode())
    for part in (*series.index, series.haze, series.early):
        for row in part:
            digest.update(row.tobytes())
    key = digest.hexdigest()
    held = Remembered(held=memory, encode=_bytes, decode=_from)
    if key not in held:
        held[key] = learn(series, params, side_m)
    return held[key]


def _bytes(learnt: Learnt) -> bytes:
    """An npz file."""
    buffer = io.BytesIO()
    own = {f.name: getattr(learnt, f.name) for f in fields(Learnt) if f.name not in {"expectation", "water"}}
    water = {f"water_{f.name}": getattr(learnt.water, f.name) for f in fields(Water)}
    np.savez_compressed(buffer, **own, **water, **learnt.expectation._asdict())
    return buffer.getvalue()


def _from(held: bytes) -> Learnt:
    """The inverse of `_bytes`."""
    with np.load(io.BytesIO(held)) as opened:
        found = dict(opened)
    expectation = Expectation(**{name: found.pop(name) for name in Expectation._fields})
    water = Water(**{f.name: found.pop(f"water_{f.name}") for f in fields(Water)})
    return Learnt(expectation=expectation, water=water, **found)


def learn(series: GroundSeries, params: GroundParams, side_m: float = SIDE_M) -> Learnt:
    """Expectation and states in turn (EM): a plain fit would take a mine's bare ground for normal."""
    expected: NDArray[np.uint8] = anchor_weights(series, params.expectation)
    # The anchor alone tells what ground was when first seen: opened since, it would be a field or own cover.
    weights = series.room(expected.shape, np.uint8)
    for anchor, known in zip(weights, expected, strict=True):
        anchor[:] = np.where(known == ONE, known, 0)
    first, greenest = fit_seasons(series, weights, params.expectation)
    at_start = bare_at_start(first, params)
    weights[:] = ONE
    habit, _ = fit_seasons(series, weights, params.expectation)  # floods are rare
    del weights
    water = find_water(habit, series.early, params, series.shape, side_m)
    at_start = np.where(water.water, np.float32(0.0), at_start)
    bare, bare_sd = bare_reference(series, (at_start >= params.start.bare_surely) & ~water.river, params)
    begin = start(at_start, params)
    farmed = farmland(field_class(first, greenest, params), series.shape, side_m, params.start)
    group = np.where(water.river, RIVER_CLASS, farmed).astype(np.int8)
    covers = season_covers(first, params.bare.ndvi, params.expectation)
    expectation, changed = None, None
    for number in range(params.expectation.em_rounds):
        expectation = fit_expectation(
            series, expected, params.expectation, covers=covers, earlier=expectation, changed=changed
        )
        if number == params.expectation.em_rounds - 1:
            break
        model = ground_model(
            series, expectation, params, bare=bare, bare_sd=bare_sd, group=group, start=begin
        )
        _, field, least = filtered(model, series.shape, series.room)
        before = expected
        expected, _ = smooth(model, field, least, series.room)
        # From the second round on weights change where something happened only.
        changed = np.flatnonzero(_moved(before, expected)) if number else None
    if expectation is None:
        raise ValueError("em_rounds must be one or more")
    return Learnt(expectation=expectation, trusted=expected[-1] >= HALF, group=group, start=begin, bare=bare,
                  bare_sd=bare_sd, water=water, bare_at_start=at_start)  # fmt: skip


def _moved(one: NDArray[np.uint8], two: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(pixel,) whether weights (time, pixel) differ on any look."""
    out = np.zeros(one.shape[1], np.bool_)
    for a, b in zip(one, two, strict=True):
        out |= np.maximum(a, b) - np.minimum(a, b) > CHANGED
    return out


def bare_at_start(season: Floats, params: GroundParams) -> Floats:
    """(pixel,) bare share at the greenest of each pixel's expected year when it was first seen."""
    peak = _year(season).max(axis=1)
    green = np.quantile(peak, params.start.greenest)
    share = (green - peak) / max(green - params.bare.ndvi, params.start.least_green)
    return np.asarray(np.clip(share, 0.0, 1.0), np.float32)


def bare_reference(
    series: GroundSeries, bare: NDArray[np.bool_], params: GroundParams
) -> tuple[Floats, Floats]:
    """(index,) what bare ground looks like here, and how far one place lies from that.

    Measured soils are the prior, the site's own ground that was bare from the start the update (normal mean
    with known variances): its pixels differ by `own_sd`, and lie together, so that few of them count.

    Args:
        series: looks.
        bare: (pixel,) surely bare when first seen.
        params: numbers.
    """
    p = params.bare
    mean = np.array([p.ndvi, p.nbr][: len(series.index)])
    sd = np.array([p.ndvi_sd, p.nbr_sd][: len(series.index)])
    where = np.flatnonzero(bare)
    where = where[:: max(1, len(where) // OWN_SAMPLE)]
    month = month_of(series.day)
    first, last = params.start.growing_months
    looks = np.flatnonzero((month >= first) & (month < last))
    if not len(where) or not len(looks):
        return mean.astype(np.float32), sd.astype(np.float32)
    seen = np.where(series.haze[np.ix_(looks, where)] < HALF, series.index[:, looks][:, :, where], UNSEEN)
    value = np.where(seen == UNSEEN, np.nan, seen * SCALE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # pixels that were never seen
        own = np.nanmedian(np.nanmedian(value, axis=1), axis=1)
    many = min(float(bare.sum()), p.most_pixels)
    known, told = sd**-2, np.where(np.isfinite(own), many / p.own_sd**2, 0.0)
    mean = (known * mean + told * np.nan_to_num(own)) / (known + told)
    return mean.astype(np.float32), sd.astype(np.float32)


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

    river, beside = near(body, p.corridor_m), near(thread, p.corridor_m)
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


def field_class(season: Floats, greenest: Floats, params: GroundParams) -> NDArray[np.int8]:
    """(pixel,) how likely it is a field, or one in part, in steps.

    Ground whose own expected year has a bare month while plants grow, and which was seen green all the same:
    it may have lain fallow when it was first seen. And ground that is barer than the site's green ground for
    part of the months in which all leaves are out: a terrace's pixel is green in May by its risers.
    """
    s, year = params.start, _year(season)
    month = np.arange(HALF_MONTHS) / 2 + 1

    def within(months: tuple[float, float]) -> NDArray[np.bool_]:
        return np.asarray((month >= months[0]) & (month < months[1]))

    low = year[:, within(s.growing_months)].min(axis=1)
    bare = np.clip((s.field_bare[0] - low) / s.field_bare[1], 0, 1)
    green = np.clip((greenest - low - s.field_range[0]) / s.field_range[1], 0, 1)
    full = np.quantile(year, s.greenest, axis=0)
    share = ((full - year) / np.maximum(full - params.bare.ndvi, s.least_green))[:, within(s.full_leaf)]
    part = share.max(axis=1) - np.maximum(share.min(axis=1), 0.0)
    partly = np.clip((part - s.field_part[0]) / s.field_part[1], 0, 1)
    return np.asarray(np.round(np.maximum(bare * green, partly) * (FIELD_CLASSES - 1)), np.int8)


def farmland(
    field: NDArray[np.int8], shape: tuple[int, int], side_m: float, params: StartParams
) -> NDArray[np.int8]:
    """(pixel,) the class of the likeliest field among a pixel and its neighbours, or of the fields around it.

    At the edge of a field pixels are fields in part, though their own year is green: they lose that part
    when the field lies fallow. And what lies among fields may be one that was given up to grass.
    """
    plane = field.reshape(shape)
    side = max(BESIDE_PX, 2 * round(params.farmland_m / side_m / 2) + 1)
    around = percentile_filter(plane, PER_CENT * (1.0 - params.farmland_share), size=side)
    return np.asarray(np.maximum(grey_dilation(plane, size=(BESIDE_PX, BESIDE_PX)), around).ravel(), np.int8)
