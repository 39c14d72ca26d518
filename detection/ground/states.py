"""The hidden states of a pixel: transitions, what each state shows, filtering and smoothing.

A hidden Markov model in continuous time (Rabiner 1989; transition matrices ``expm(Q Δt)``) whose
observation is
the share of a pixel that is bare,

    x = (expected − seen) / (expected − bare ground),

with an error that grows by itself where bare ground would not stand out. Filtering looks only at what was
seen
so far: it is the monitor. Smoothing looks at all: it is looking back. Neighbours speak for each other by one
mean-field sweep on every look; what they say is kept, so that both passes use the same evidence and the
smoothed state of the last look is the filtered one exactly.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.linalg import expm

from detection.ground.days import MONTHS
from detection.ground.expectation import BINS, MISSING, Expectation
from detection.ground.params import (
    AS_EXPECTED,
    DISTURBED,
    ONE,
    YEAR_DAYS,
    EmissionParams,
    GroundParams,
    RateParams,
    State,
)
from detection.ground.series import SCALE, GroundSeries
from evidence.arrays import Room, in_memory

Floats = NDArray[np.float32]

STATES = len(State)
FIELD_CLASSES = 5
"""Steps in which it is told how likely ground is a field. Assumed."""
RIVER_CLASS = FIELD_CLASSES
"""Class of a river's corridor, after those of fields."""
FEW = int(State.BARE_FOR_NOW)
"""States that ground can be in which is neither a field nor a river's come first."""
BARED, THINNED, BARE_AT_START = (int(s) for s in (State.BARED, State.THINNED, State.BARE_AT_START))
LEAST_VARIANCE = np.float32(0.0004)
"""Of a share, 2 % squared: the lattice is no finer."""
BLOCK = 256
"""Pixels whose expectation stays in the cache. Assumed."""
LEVELS = 256
"""Of a byte. Defined."""
NO_WORD = 128
"""Byte of what neighbours say when they say nothing. Defined."""
WORDS = 127
"""Steps to either side of it. Defined."""
NEIGHBOURS = 8.0
"""Of a pixel of a square lattice. Defined."""
STEADY = 230
"""Of 255: least probability of being as expected of pixels that are not smoothed. Assumed."""
CHUNK = 4096
"""Pixels that are smoothed at once: a bound of memory. Assumed."""
EPISODE = ("pixel", "first look", "first look after")
GAPS_KEPT = 4096
"""Gaps between looks whose transitions are kept. Assumed."""
SHARES = (-1.0, 2.0, 151)
"""First, last, number of shares of the table of densities. Assumed."""
SCATTERS = (0.02, 4.0, 65)
"""The same of standard deviations, evenly spaced in their logarithm. Assumed."""
LOG_RANGE = np.log(SCATTERS[1] / SCATTERS[0])


class Model(NamedTuple):
    """All that the kernels need, as plain arrays."""

    index: NDArray[np.int16]  # type: ignore[assignment] # hides a method of tuples that nobody calls
    haze: NDArray[np.uint8]
    beta: Floats
    spread: Floats
    variance: Floats
    own: Floats
    course: Floats
    look: Floats
    terms: Floats
    part: Floats
    cover: NDArray[np.int16]
    ends: NDArray[np.int16]
    parts: Floats
    bare: Floats
    """(index,) of bare ground."""
    bare_sd: Floats
    """(index,) how far it lies from that from place to place: an index by which materials differ counts
    less."""
    numbers: Floats
    """Index correlation, least gap, least scatter."""
    table: Floats
    """(code, state) density of the share on the lattice of `SHARES` and `SCATTERS`; ones where not seen."""
    stray: Floats
    """(haze,) share of looks that are neither ground nor masked."""
    odds: Floats
    """(level,) factor of what the neighbours say on the odds of states that show loss."""
    code: NDArray[np.uint16]
    """(time, pixel) where in the table the share and its variance lie; 0 where not seen."""
    moves: Floats
    """(time, class, from, to) transition from the look before."""
    group: NDArray[np.int8]
    """(pixel,) class of how likely it is bare for now, as a field; the last is a river's."""
    start: Floats
    """(state, pixel) before the first look."""


def generator(
    rates: RateParams, field: float, *, river: bool = False, grows: float = 1.0
) -> NDArray[np.float64]:
    """(from, to) rates per year; rows sum to nought.

    Args:
        rates: numbers.
        field: 0..1 how likely the ground is a field.
        river: whether it is a river's corridor.
        grows: how much faster than in the year's mean crops come back.
    """
    q = np.zeros((STATES, STATES))
    q[State.EXPECTED, State.BARED] = rates.bared
    q[State.EXPECTED, State.THINNED] = 0.0 if river else rates.thinned
    q[State.EXPECTED, State.ODD_SEASON] = rates.odd
    q[State.ODD_SEASON, State.EXPECTED] = rates.odd_ends
    q[State.ODD_SEASON, State.BARED] = rates.bared
    q[State.BARED, State.THINNED] = rates.grows_over
    q[State.BARED, State.EXPECTED] = rates.returns_at_once
    q[State.THINNED, State.EXPECTED] = rates.returns
    q[State.THINNED, State.BARED] = rates.bared_again
    q[State.BARE_AT_START, State.EXPECTED] = rates.returns_at_once
    bare, thin = State.BARE_FOR_NOW, State.THIN_FOR_NOW
    q[State.EXPECTED, bare] = rates.bar_laid_bare if river else rates.field_bare * field
    q[State.EXPECTED, thin] = rates.bar_laid_bare if river else rates.field_thin * field
    q[bare, thin] = q[thin, bare] = rates.bar_laid_bare if river else rates.field_turns
    q[[bare, thin], State.EXPECTED] = rates.bar_covered if river else rates.field_over * grows
    q[[bare, thin], State.BARED] = rates.bared
    np.fill_diagonal(q, -q.sum(axis=1))
    return np.asarray(q)


def seasons(day: NDArray[np.int64], months: tuple[float, float]) -> NDArray[np.float64]:
    """(time,) growing seasons that have passed by some days, since 1970: nothing is added out of season.

    Args:
        day: days.
        months: first of the season, first after it.
    """
    date = np.asarray(day, np.int64).astype("datetime64[D]")
    year = date.astype("datetime64[Y]")
    of_year = (date - year).astype(np.float64) / YEAR_DAYS
    first, after = ((month - 1.0) / MONTHS for month in months)
    return np.asarray(year.astype(np.int64) + np.clip((of_year - first) / (after - first), 0.0, 1.0))


def for_good(
    group: NDArray[np.int8],
    years: NDArray[np.float64],
    seasons: NDArray[np.float64],
    rates: RateParams,
    burnt: NDArray[np.float64] | float = 0.0,
) -> NDArray[np.float64]:
    """(time,) probability that loss which has lasted so long is not one for now, by the rates.

    That of the median pixel: what is mostly not a field is opened, with the edge of a field that it takes in.

    Args:
        group: (pixel,) class of how likely it is bare for now.
        years: (time,) since it began.
        seasons: (time,) growing seasons that have passed since.
        rates: numbers.
        burnt: (time,) rate of burns that last so long, by what the ground shows.
    """
    river = group == RIVER_CLASS
    field = np.where(river, 0.0, group / (FIELD_CLASSES - 1))
    enters = np.where(river, 2.0 * rates.bar_laid_bare, (rates.field_bare + rates.field_thin) * field)
    over = np.where(river, rates.bar_covered * years[:, None], rates.field_over * seasons[:, None])
    good = rates.bared + np.where(river, 0.0, rates.thinned)
    for_now = enters * np.exp(-over) + np.reshape(burnt, (-1, 1))
    return np.asarray(np.median(good / (good + for_now), axis=1))


def transitions(day: NDArray[np.int64], params: GroundParams) -> Floats:
    """(time, class, from, to): the first look's are identities. Crops come back while plants grow."""
    out = np.tile(np.eye(STATES, dtype=np.float32), (len(day), RIVER_CLASS + 1, 1, 1))
    passed = np.diff(seasons(day, params.start.growing_months))
    for i, gap in enumerate(np.diff(day)):
        out[i + 1] = _moves(int(gap), round(float(passed[i] * YEAR_DAYS)), params.rates)
    return out


@lru_cache(maxsize=GAPS_KEPT)
def _moves(gap_days: int, grown_days: int, rates: RateParams) -> Floats:
    """(class, from, to) after so many days, which are so much of a growing season, told as of a year."""
    grows = grown_days / max(gap_days, 1)
    fields = [generator(rates, float(field), grows=grows) for field in np.linspace(0.0, 1.0, FIELD_CLASSES)]
    rate = np.stack([*fields, generator(rates, 0.0, river=True)])
    return np.asarray(expm(rate * gap_days / YEAR_DAYS), np.float32)


def normal_density(x: NDArray[np.float64], mean: float, sd: NDArray[np.float64]) -> NDArray[np.float64]:
    """Density of the normal law at `x`; `scipy.stats`, which says the same, takes half a second to load."""
    return np.asarray(np.exp(-(((x - mean) / sd) ** 2) / 2.0) / np.sqrt(2.0 * np.pi) / sd)


def emission_table(params: EmissionParams) -> Floats:
    """(code, state) density of the bare share, on the lattice of `SHARES` and `SCATTERS`.

    States that show the same have the same density; where a look says nothing they all agree. The first code
    is of what was not seen.
    """
    x = np.linspace(*SHARES)[None, :]
    v = (np.geomspace(*SCATTERS)[:, None]) ** 2

    def mixture(parts: tuple[tuple[float, float, float], ...]) -> NDArray[np.float64]:
        return np.asarray(
            np.sum([w * normal_density(x, mean, np.sqrt(v + sd**2)) for w, mean, sd in parts], axis=0)
        )

    barer, greener = np.sqrt(v + params.expected_sd**2), np.sqrt(v + params.greener_sd**2)
    side = np.where(x > 0, barer, greener)
    expected = np.sqrt(2.0 / np.pi) / (barer + greener) * np.exp(-0.5 * (x / side) ** 2)
    out = np.empty((STATES, *expected.shape), np.float32)
    out[list(AS_EXPECTED)] = expected
    out[State.ODD_SEASON] = mixture(params.odd)
    out[[State.BARED, State.BARE_FOR_NOW]] = mixture(params.bared)
    out[[State.THINNED, State.THIN_FOR_NOW]] = mixture(params.thinned)
    return np.vstack([np.ones((1, STATES), np.float32), out.reshape(STATES, -1).T])


def ground_model(
    series: GroundSeries,
    expectation: Expectation,
    params: GroundParams,
    *,
    bare: Floats,
    bare_sd: Floats,
    group: NDArray[np.int8],
    start: Floats,
) -> Model:
    """The model of a site.

    Args:
        series: looks.
        expectation: of every pixel, on the looks of `series`.
        params: numbers.
        bare: (index,) what bare ground looks like here.
        bare_sd: (index,) and how far that is from any material.
        group: (pixel,) class of how likely it is bare for now.
        start: (state, pixel) probabilities before the first look.
    """
    e, k = params.emission, params.looks
    numbers = np.array([e.index_correlation, e.least_gap, params.expectation.least_sd], np.float32)
    stray = k.outlier + (k.haze_outlier - k.outlier) * np.arange(LEVELS) / ONE
    odds = np.exp(params.coupling.strength * (np.arange(LEVELS) - NO_WORD) / WORDS)
    model = Model(
        index=series.index, haze=series.haze, beta=expectation.beta, spread=expectation.spread,
        variance=expectation.variance, own=expectation.own, course=expectation.course, look=expectation.look,
        terms=expectation.terms, part=expectation.part, cover=expectation.cover,
        ends=expectation.ends, parts=expectation.parts, bare=bare, bare_sd=bare_sd,
        numbers=numbers, table=emission_table(e), stray=stray.astype(np.float32),
        odds=odds.astype(np.float32), code=series.room(series.haze.shape, np.uint16),
        moves=transitions(series.day, params), group=group, start=start,
    )  # fmt: skip
    encode(model)
    return model


@njit(cache=True, inline="always", fastmath=True)
def expected_index(m: Any, i: int, t: int, p: int) -> Any:
    """(value, variance) that an index of a pixel is expected to have on a look."""
    g = m.parts[0, p] * m.course[i, t, m.ends[0, p]] + m.parts[1, p] * m.course[i, t, m.ends[1, p]]
    h0 = m.terms[t, 0]
    h1 = m.terms[t, 1]
    h2 = m.terms[t, 2]
    h3 = m.terms[t, 3]
    b = m.beta[i]
    s = m.spread[i]
    fit = b[0, p] + b[1, p] * g + b[2, p] * h0 + b[3, p] * h1 + b[4, p] * h2 + b[5, p] * h3
    two = np.float32(2.0)
    lever = (s[0, p] + g * (two * s[1, p] + g * s[2, p])
             + h0 * (two * (s[3, p] + g * s[4, p]) + h0 * s[5, p])
             + h1 * (two * (s[6, p] + g * s[7, p] + h0 * s[8, p]) + h1 * s[9, p])
             + h2 * (two * (s[10, p] + g * s[11, p] + h0 * s[12, p] + h1 * s[13, p]) + h2 * s[14, p])
             + h3 * (two * (s[15, p] + g * s[16, p] + h0 * s[17, p] + h1 * s[18, p] + h2 * s[19, p])
                     + h3 * s[20, p]))  # fmt: skip
    scatter = max(m.variance[i, int(m.part[t]) % BINS, p], m.look[i, t, m.cover[p]])
    return fit, scatter + m.own[i, p] * max(lever, np.float32(0.0)) + m.numbers[2] * m.numbers[2]


@njit(cache=True, inline="always", fastmath=True)
def weighed(m: Any, t: int, p: int, fit: Any, scatter: Any) -> Any:
    """(share, variance) of all indices of a pixel on a look, by what each tells."""
    top = np.float32(0.0)
    bottom = np.float32(0.0)
    error = np.float32(0.0)
    for i in range(m.index.shape[0]):
        gap = max(fit[i] - m.bare[i], m.numbers[1])
        v = scatter[i] / (gap * gap) + LEAST_VARIANCE
        far = np.float32(0.5) * m.bare_sd[i] / gap
        w = np.float32(1.0) / (v + far * far)
        top += w * (fit[i] - m.index[i, t, p] * np.float32(SCALE)) / gap
        error += w * w * v
        bottom += w
    factor = m.numbers[0] if m.index.shape[0] > 1 else np.float32(1.0)
    return top / bottom, factor * error / (bottom * bottom) + LEAST_VARIANCE


@njit(cache=True)
def bare_share(m: Any, t: int, p: int, fit: Any, scatter: Any) -> Any:
    """(share, variance) of one pixel on one look; variance below nought where it was not seen.

    `fit` and `scatter` (index,) are room to work in.
    """
    if m.index[0, t, p] == MISSING:
        return np.float32(0.0), np.float32(-1.0)
    for i in range(m.index.shape[0]):
        fit[i], scatter[i] = expected_index(m, i, t, p)
    return weighed(m, t, p, fit, scatter)


@njit(cache=True, fastmath=True)
def encode(m: Any) -> None:
    """Fill in the codes of shares and variances; blocks of pixels keep what is read again in the cache."""
    t_count, size = m.code.shape
    per_share = np.float32((SHARES[2] - 1) / (SHARES[1] - SHARES[0]))
    per_scatter = np.float32(0.5 * (SCATTERS[2] - 1) / LOG_RANGE)
    n = m.index.shape[0]
    fit = np.empty((n, BLOCK), np.float32)
    scatter = np.empty((n, BLOCK), np.float32)
    for first in range(0, size, BLOCK):
        many = min(BLOCK, size - first)
        for t in range(t_count):
            for i in range(n):
                for k in range(many):
                    fit[i, k], scatter[i, k] = expected_index(m, i, t, first + k)
            for k in range(many):
                p = first + k
                m.code[t, p] = 0
                if m.index[0, t, p] != MISSING:
                    x, v = weighed(m, t, p, fit[:, k], scatter[:, k])
                    column = int(
                        min(max((x - SHARES[0]) * per_share + np.float32(0.5), 0), np.float32(SHARES[2] - 1))
                    )
                    level = np.log(v * np.float32(SCATTERS[0] ** -2)) * per_scatter + np.float32(0.5)
                    row = int(min(max(level, 0), np.float32(SCATTERS[2] - 1)))
                    m.code[t, p] = 1 + row * SHARES[2] + column


def decoded(code: NDArray[np.uint16]) -> tuple[Floats, Floats]:
    """Share and its variance, as exactly as the lattice has them; NaN where not seen."""
    x = np.linspace(*SHARES).astype(np.float32)
    v = (np.geomspace(*SCATTERS) ** 2).astype(np.float32)
    none = np.full(1, np.nan, np.float32)
    return (
        np.concatenate([none, np.tile(x, len(v))])[code],
        np.concatenate([none, np.repeat(v, len(x))])[code],
    )


@njit(cache=True, inline="always")
def shows_loss(state: int) -> bool:
    """Whether a state shows less plants than expected: for good or for now, neighbours vouch for either."""
    return state in (BARED, THINNED) or state >= FEW


@njit(cache=True, inline="always")
def emission(m: Any, t: int, p: int, out: Any) -> bool:
    """Likelihood of every state into `out`; ones and False where the pixel was not seen."""
    c = m.code[t, p]
    stray = m.stray[m.haze[t, p]]
    for s in range(out.size):
        out[s] = (np.float32(1.0) - stray) * m.table[c, s] + stray * np.float32(0.5)
    return bool(c != 0)


@njit(cache=True, fastmath=True)
def advance(  # noqa: C901, PLR0912 - one pass over plain arrays is its point
    m: Any, t: int, shape: tuple[int, int], belief: Any, room: Any, field: Any, disturbed: Any,
            least: Any) -> None:  # fmt: skip
    """Take one look into account: `belief` (pixel, state) goes from the look before to this one.

    `room` (2, rows + 2, columns + 2) is worked in; `field` (pixel,) becomes what the neighbours say
    (`NO_WORD` for nothing), `disturbed` (pixel,) the filtered probability, `least` (pixel,) the least so far
    of being as expected.
    """
    rows, columns = shape
    like = np.empty(STATES, np.float32)
    alone = np.empty(STATES, np.float32)
    for p in range(rows * columns):
        n = FEW if m.group[p] == 0 else STATES
        move = m.moves[t, m.group[p]]
        for j in range(n):
            total = np.float32(0.0)
            for i in range(n):
                total += belief[p, i] * move[i, j]
            alone[j] = total
        y, x = p // columns + 1, p % columns + 1
        room[0, y, x] = 0.0
        room[1, y, x] = 0.0
        if emission(m, t, p, like):
            total = np.float32(0.0)
            for j in range(n):
                alone[j] *= like[j]
                total += alone[j]
            for j in range(n):
                alone[j] /= total
            for j in range(n):
                if shows_loss(j):
                    room[0, y, x] += alone[j]
            room[1, y, x] = 1.0
        for j in range(n):
            belief[p, j] = alone[j]
    for y in range(1, rows + 1):
        for x in range(1, columns + 1):
            p = (y - 1) * columns + x - 1
            level = NO_WORD
            if room[1, y, x] > 0.0:
                near = -room[0, y, x]
                count = np.float32(-1.0)
                for dy in range(-1, 2):
                    for dx in range(-1, 2):
                        near += room[0, y + dy, x + dx]
                        count += room[1, y + dy, x + dx]
                level = NO_WORD + int(np.round(WORDS * (2.0 * near - count) / NEIGHBOURS))
            field[p] = level
            total = np.float32(0.0)
            for j in range(STATES):
                belief[p, j] *= m.odds[level] if shows_loss(j) else np.float32(1.0)
                total += belief[p, j]
            for j in range(STATES):
                belief[p, j] /= total
            disturbed[p] = int(ONE * (belief[p, BARED] + belief[p, THINNED]) + 0.5)
            sure = int(ONE * (belief[p, 0] + belief[p, BARE_AT_START]) + 0.5)
            least[p] = min(least[p], sure)


def filtered(
    model: Model, shape: tuple[int, int], room: Room = in_memory
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Probability of disturbed as known on each look (time, pixel), what neighbours said, least of expected.

    255 for one; the last (pixel,) is the least probability of being as expected on any look.
    """
    t, size = model.haze.shape
    belief = np.ascontiguousarray(model.start.T)
    around = np.zeros((2, shape[0] + 2, shape[1] + 2), np.float32)
    field, disturbed = room((t, size), np.uint8), room((t, size), np.uint8)
    least = np.full(size, ONE, np.uint8)
    for i in range(t):
        advance(model, i, shape, belief, around, field[i], disturbed[i], least)
    return disturbed, field, least


@njit(cache=True, fastmath=True)
def forward_pixel(m: Any, p: int, field: Any, evidence: Any, belief: Any) -> None:
    """Filtered states (time, state) of one pixel, neighbours' words as in `filtered`; evidence likewise."""
    t_count = belief.shape[0]
    n = FEW if m.group[p] == 0 else STATES
    like = np.empty(STATES, np.float32)
    belief[:, :] = 0.0
    evidence[:, :] = 0.0
    for t in range(t_count):
        emission(m, t, p, like)
        odds = m.odds[field[t, p]]
        move = m.moves[t, m.group[p]]
        total = np.float32(0.0)
        for j in range(n):
            evidence[t, j] = like[j] * (odds if shows_loss(j) else np.float32(1.0))
            prior = np.float32(0.0)
            for i in range(n):
                prior += (m.start[i, p] if t == 0 else belief[t - 1, i]) * move[i, j]
            belief[t, j] = prior * evidence[t, j]
            total += belief[t, j]
        for j in range(n):
            belief[t, j] /= total


@njit(cache=True, fastmath=True)
def smoothed(m: Any, field: Any, pixels: Any, out: Any) -> None:
    """Probability of every state given all looks: `out` (pixel of `pixels`, time, state), 255 for one."""
    t_count = m.haze.shape[0]
    evidence = np.empty((t_count, STATES), np.float32)
    belief = np.empty((t_count, STATES), np.float32)
    back = np.empty(STATES, np.float32)
    ahead = np.empty(STATES, np.float32)
    for k in range(pixels.size):
        p = pixels[k]
        n = FEW if m.group[p] == 0 else STATES
        forward_pixel(m, p, field, evidence, belief)
        back[:] = 1.0
        for t in range(t_count - 1, -1, -1):
            total = np.float32(0.0)
            for j in range(n):
                ahead[j] = belief[t, j] * back[j]
                total += ahead[j]
            for j in range(STATES):
                out[k, t, j] = int(ONE * ahead[j] / total + 0.5) if j < n else 0
            if t:
                move = m.moves[t, m.group[p]]
                for j in range(n):
                    ahead[j] = evidence[t, j] * back[j]
                top = np.float32(0.0)
                for i in range(n):
                    s = np.float32(0.0)
                    for j in range(n):
                        s += move[i, j] * ahead[j]
                    back[i] = s
                    top = max(top, s)
                for i in range(n):
                    back[i] /= top


def smooth(
    model: Model, field: NDArray[np.uint8], least: NDArray[np.uint8], room: Room = in_memory
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(time, pixel) probability of being as expected and of disturbed given all looks, 255 for one.

    Pixels that were never unlikely as expected when filtered are so when smoothed.
    """
    expected, disturbed = room(model.haze.shape, np.uint8), room(model.haze.shape, np.uint8)
    expected[:], disturbed[:] = ONE, 0
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


@njit(cache=True)
def sampled(m: Any, field: Any, pixels: Any, uniform: Any, out: Any) -> None:
    """Paths of states drawn from the posterior (forward filtering, backward sampling; Carter and Kohn 1994).

    `uniform` (draw, time) random numbers, the same for all pixels, so that what a patch has in common is
    widened
    and not averaged away; `out` (draw, time, pixel) becomes the states.
    """
    t_count = m.haze.shape[0]
    n = STATES
    evidence = np.empty((t_count, n), np.float32)
    belief = np.empty((t_count, n), np.float32)
    weight = np.empty(n, np.float32)
    for k in range(pixels.size):
        p = pixels[k]
        forward_pixel(m, p, field, evidence, belief)
        for d in range(uniform.shape[0]):
            state = -1
            for t in range(t_count - 1, -1, -1):
                total = 0.0
                for j in range(n):
                    weight[j] = belief[t, j]
                    if state >= 0:
                        weight[j] *= m.moves[t + 1, m.group[p], j, state]
                    total += weight[j]
                left = uniform[d, t] * total
                state = 0
                while state < n - 1 and left > weight[state]:
                    left -= weight[state]
                    state += 1
                out[d, t, k] = state


@njit(cache=True)
def shares(m: Any, pixels: Any, share: Any, variance: Any) -> None:
    """Bare share of some pixels and its variance (time, pixel of `pixels`); NaN where not seen."""
    fit, scatter = np.empty(2, np.float32), np.empty(2, np.float32)
    for t in range(share.shape[0]):
        for k in range(pixels.size):
            x, v = bare_share(m, t, pixels[k], fit, scatter)
            share[t, k] = x if v >= 0.0 else np.nan
            variance[t, k] = v if v >= 0.0 else np.nan


@njit(cache=True)
def episodes(disturbed: Any, likely: int, sure: int, out: Any) -> int:
    """Stretches of looks on which a pixel is more likely disturbed than not, and surely once.

    `disturbed` (time, pixel) 255 for one; `out` (row, 3) becomes pixel, first look, first look after (-1
    while it
    lasts). Returns the number of rows.
    """
    count = 0
    t_count, size = disturbed.shape
    for p in range(size):
        since = -1
        reached = False
        for t in range(t_count):
            d = disturbed[t, p]
            if since < 0 and d > likely:
                since = t
                reached = False
            if since >= 0:
                reached = reached or d > sure
                if d <= likely:
                    if reached and count < out.shape[0]:
                        out[count, 0], out[count, 1], out[count, 2] = p, since, t
                        count += 1
                    since = -1
        if since >= 0 and reached and count < out.shape[0]:
            out[count, 0], out[count, 1], out[count, 2] = p, since, -1
            count += 1
    return count
