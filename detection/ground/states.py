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

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.linalg import expm
from scipy.stats import norm

from detection.ground.expectation import BINS, MISSING, Expectation
from detection.ground.params import EmissionParams, GroundParams, RateParams, State
from detection.ground.series import SCALE, GroundSeries

Floats = NDArray[np.float32]

STATES = len(State)
FIELD_CLASSES = 5
"""Steps in which it is told how likely an odd season is."""
YEAR = 365.25
SHARES = (-1.0, 2.0, 151)
"""First, last, number of shares of the table of densities."""
SCATTERS = (0.02, 4.0, 65)
"""The same of standard deviations, evenly spaced in their logarithm."""
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
    bare: Floats
    """(index,) of bare ground."""
    bare_sd: Floats
    """(index,) how far it lies from that from place to place: an index by which materials differ counts
    less."""
    table: Floats
    """(state, variance, share) density of the share on a lattice."""
    numbers: Floats
    """Index correlation, least gap, outlier, haze outlier, least scatter."""
    moves: Floats
    """(time, class, from, to) transition from the look before."""
    group: NDArray[np.int8]
    """(pixel,) class of how likely an odd season is."""
    start: Floats
    """(state, pixel) before the first look."""


def generator(rates: RateParams, odd: float) -> NDArray[np.float64]:
    """(from, to) rates per year; rows sum to nought.

    Args:
        rates: numbers.
        odd: 0..1 how likely an odd season is.
    """
    q = np.zeros((STATES, STATES))
    q[State.EXPECTED, State.BARED] = rates.bared
    q[State.EXPECTED, State.THINNED] = rates.thinned
    q[State.EXPECTED, State.ODD_SEASON] = rates.odd + rates.odd_field * odd
    q[State.ODD_SEASON, State.EXPECTED] = rates.odd_ends
    q[State.ODD_SEASON, State.BARED] = rates.bared
    q[State.BARED, State.THINNED] = rates.grows_over
    q[State.BARED, State.EXPECTED] = rates.returns_at_once
    q[State.THINNED, State.EXPECTED] = rates.returns
    q[State.THINNED, State.BARED] = rates.bared_again
    q[State.BARE_AT_START, State.EXPECTED] = rates.returns_at_once
    q[State.RIVER, State.BARED] = rates.bared
    for bar, other in ((State.RIVER_BAR, State.RIVER_MARGIN), (State.RIVER_MARGIN, State.RIVER_BAR)):
        q[State.RIVER, bar] = q[bar, other] = rates.bar_laid_bare
        q[bar, State.RIVER] = rates.bar_covered
        q[bar, State.BARED] = rates.bared
    np.fill_diagonal(q, -q.sum(axis=1))
    return np.asarray(q)


def transitions(day: NDArray[np.int64], rates: RateParams) -> Floats:
    """(time, class, from, to): the first look's are identities."""
    out = np.tile(np.eye(STATES, dtype=np.float32), (len(day), FIELD_CLASSES, 1, 1))
    gaps = np.diff(day)
    made = {
        int(gap): np.stack(
            [expm(generator(rates, k / (FIELD_CLASSES - 1)) * gap / YEAR) for k in range(FIELD_CLASSES)]
        )
        for gap in np.unique(gaps)
    }
    for i, gap in enumerate(gaps, start=1):
        out[i] = made[int(gap)]
    return out


def emission_table(params: EmissionParams) -> Floats:
    """(state, variance, share) density of the bare share, on the lattice of `SHARES` and `SCATTERS`.

    States that show the same have the same density; where a look says nothing they all agree.
    """
    x = np.linspace(*SHARES)[None, :]
    v = (np.geomspace(*SCATTERS)[:, None]) ** 2

    def mixture(parts: tuple[tuple[float, float, float], ...]) -> NDArray[np.float64]:
        return np.asarray(
            np.sum([w * norm.pdf(x, mean, np.sqrt(v + sd**2)) for w, mean, sd in parts], axis=0)
        )

    barer, greener = np.sqrt(v + params.expected_sd**2), np.sqrt(v + params.greener_sd**2)
    side = np.where(x > 0, barer, greener)
    expected = np.sqrt(2.0 / np.pi) / (barer + greener) * np.exp(-0.5 * (x / side) ** 2)
    out = np.empty((STATES, *expected.shape), np.float32)
    out[[State.EXPECTED, State.BARE_AT_START, State.RIVER]] = expected
    out[State.ODD_SEASON] = mixture(params.odd)
    out[[State.BARED, State.RIVER_BAR]] = mixture(params.bared)
    out[[State.THINNED, State.RIVER_MARGIN]] = mixture(params.thinned)
    return out


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
        group: (pixel,) class of how likely an odd season is.
        start: (state, pixel) probabilities before the first look.
    """
    e, k = params.emission, params.looks
    numbers = np.array(
        [e.index_correlation, e.least_gap, k.outlier, k.haze_outlier, params.expectation.least_sd],
        np.float32,
    )
    return Model(
        index=series.index, haze=series.haze, beta=expectation.beta, spread=expectation.spread,
        variance=expectation.variance, own=expectation.own, course=expectation.course, look=expectation.look,
        terms=expectation.terms, part=expectation.part, cover=expectation.cover, bare=bare,
        bare_sd=bare_sd,
        table=emission_table(e), numbers=numbers, moves=transitions(series.day, params.rates), group=group,
        start=start,
    )  # fmt: skip


@njit(cache=True, inline="always")
def bare_share(m: Any, t: int, p: int) -> Any:
    """(share, variance) of one pixel on one look; variance below nought where it was not seen."""
    top = 0.0
    bottom = 0.0
    error = 0.0
    h0 = m.terms[t, 0]
    h1 = m.terms[t, 1]
    h2 = m.terms[t, 2]
    h3 = m.terms[t, 3]
    k = m.cover[p]
    for i in range(m.index.shape[0]):
        seen = m.index[i, t, p]
        if seen == MISSING:
            return 0.0, -1.0
        g = m.course[i, t, k]
        fit = (m.beta[i, 0, p] + m.beta[i, 1, p] * g + m.beta[i, 2, p] * h0 + m.beta[i, 3, p] * h1
               + m.beta[i, 4, p] * h2 + m.beta[i, 5, p] * h3)  # fmt: skip
        s = m.spread[i, :, p]
        lever = (s[0] + g * (2.0 * s[1] + g * s[2])
                 + h0 * (2.0 * (s[3] + g * s[4]) + h0 * s[5])
                 + h1 * (2.0 * (s[6] + g * s[7] + h0 * s[8]) + h1 * s[9])
                 + h2 * (2.0 * (s[10] + g * s[11] + h0 * s[12] + h1 * s[13]) + h2 * s[14])
                 + h3 * (2.0 * (s[15] + g * s[16] + h0 * s[17] + h1 * s[18] + h2 * s[19]) + h3 * s[20])
                 )  # fmt: skip
        part = int(m.part[t]) % BINS
        scatter = (
            max(m.variance[i, part, p], m.look[i, t, k]) + m.own[i, p] * max(lever, 0.0) + m.numbers[4] ** 2
        )
        gap = max(fit - m.bare[i], m.numbers[1])
        v = scatter / (gap * gap) + 0.0004
        w = 1.0 / (v + (0.5 * m.bare_sd[i] / gap) ** 2)
        top += w * (fit - seen * SCALE) / gap
        error += w * w * v
        bottom += w
    factor = m.numbers[0] if m.index.shape[0] > 1 else 1.0
    return top / bottom, factor * error / (bottom * bottom) + 0.0004


@njit(cache=True, inline="always")
def emission(m: Any, t: int, p: int, out: Any) -> bool:
    """Likelihood of every state into `out`; ones and False where the pixel was not seen."""
    x, v = bare_share(m, t, p)
    if v < 0.0:
        out[:] = 1.0
        return False
    column = int(
        min(max((x - SHARES[0]) / (SHARES[1] - SHARES[0]) * (SHARES[2] - 1) + 0.5, 0), SHARES[2] - 1)
    )
    row = int(
        min(max(0.5 * np.log(v / SCATTERS[0] ** 2) / LOG_RANGE * (SCATTERS[2] - 1) + 0.5, 0), SCATTERS[2] - 1)
    )
    stray = m.numbers[2] + (m.numbers[3] - m.numbers[2]) * (m.haze[t, p] / 255.0)
    for s in range(out.size):
        out[s] = (1.0 - stray) * m.table[s, row, column] + stray * 0.5
    return True


@njit(cache=True, inline="always")
def _disturbed(p: Any) -> float:
    return float(p[2] + p[3])


@njit(cache=True)
def advance(  # noqa: C901, PLR0912, PLR0913, PLR0917 - one pass over plain arrays is its point
    m: Any, t: int, rows: int, columns: int, strength: float, belief: Any, alone: Any, seen: Any,
            field: Any, disturbed: Any) -> None:  # fmt: skip
    """Take one look into account: `belief` (pixel, state) goes from the look before to this one.

    `alone` (pixel, state) and `seen` (pixel,) are room to work in; `field` (pixel,) becomes what the
    neighbours
    say (128 for nothing, in steps of 1/127 of `strength`), `disturbed` (pixel,) the filtered probability.
    """
    size, n = belief.shape
    like = np.empty(n)
    said = np.empty(size, np.float32)
    for p in range(size):
        move = m.moves[t, m.group[p]]
        for j in range(n):
            total = np.float32(0.0)
            for i in range(n):
                total += belief[p, i] * move[i, j]
            alone[p, j] = total
        seen[p] = emission(m, t, p, like)
        if seen[p]:
            total = np.float32(0.0)
            for j in range(n):
                alone[p, j] *= like[j]
                total += alone[p, j]
            for j in range(n):
                alone[p, j] /= total
        said[p] = _disturbed(alone[p])
    for row in range(rows):
        for column in range(columns):
            p = row * columns + column
            near = 0.0
            count = 0
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    y = row + dy
                    x = column + dx
                    if (dy != 0 or dx != 0) and 0 <= y < rows and 0 <= x < columns and seen[y * columns + x]:
                        near += said[y * columns + x]
                        count += 1
            level = 128
            if seen[p] and count > 0:
                level = 128 + int(np.round(127.0 * (2.0 * near - count) / 8.0))
            field[p] = level
            odds = np.exp(strength * (level - 128) / 127.0)
            total = np.float32(0.0)
            for j in range(n):
                belief[p, j] = alone[p, j] * (odds if j in (2, 3) else 1.0)
                total += belief[p, j]
            for j in range(n):
                belief[p, j] /= total
            disturbed[p] = int(np.round(255.0 * _disturbed(belief[p])))


def filtered(
    model: Model, shape: tuple[int, int], strength: float
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """(time, pixel) probability of disturbed as known on each look, 255 for one; what neighbours said."""
    t, size = model.haze.shape
    belief = np.ascontiguousarray(model.start.T)
    alone, seen = np.empty_like(belief), np.empty(size, np.bool_)
    field, disturbed = np.empty((t, size), np.uint8), np.empty((t, size), np.uint8)
    for i in range(t):
        advance(model, i, *shape, strength, belief, alone, seen, field[i], disturbed[i])
    return disturbed, field


@njit(cache=True)
def forward_pixel(m: Any, p: int, field: Any, strength: float, evidence: Any, belief: Any) -> None:
    """Filtered states (time, state) of one pixel, neighbours' words as in `filtered`; evidence likewise."""
    t_count, n = belief.shape
    like = np.empty(n)
    for t in range(t_count):
        emission(m, t, p, like)
        odds = np.exp(strength * (int(field[t, p]) - 128) / 127.0)
        move = m.moves[t, m.group[p]]
        total = 0.0
        for j in range(n):
            evidence[t, j] = like[j] * (odds if j in (2, 3) else 1.0)
            prior = 0.0
            for i in range(n):
                prior += (m.start[i, p] if t == 0 else belief[t - 1, i]) * move[i, j]
            belief[t, j] = prior * evidence[t, j]
            total += belief[t, j]
        for j in range(n):
            belief[t, j] /= total


@njit(cache=True)
def smoothed(m: Any, field: Any, strength: float, pixels: Any, out: Any) -> None:
    """Probability of every state given all looks: `out` (pixel of `pixels`, time, state), 255 for one."""
    t_count = m.haze.shape[0]
    n = m.start.shape[0]
    evidence = np.empty((t_count, n))
    belief = np.empty((t_count, n))
    back = np.empty(n)
    older = np.empty(n)
    q = np.empty(n)
    for k in range(pixels.size):
        p = pixels[k]
        forward_pixel(m, p, field, strength, evidence, belief)
        back[:] = 1.0
        for t in range(t_count - 1, -1, -1):
            total = 0.0
            for j in range(n):
                q[j] = belief[t, j] * back[j]
                total += q[j]
            for j in range(n):
                out[k, t, j] = int(np.round(255.0 * q[j] / total))
            if t:
                move = m.moves[t, m.group[p]]
                top = 0.0
                for i in range(n):
                    s = 0.0
                    for j in range(n):
                        s += move[i, j] * evidence[t, j] * back[j]
                    older[i] = s
                    top = max(top, s)
                for i in range(n):
                    back[i] = older[i] / top


@njit(cache=True)
def sampled(m: Any, field: Any, strength: float, pixels: Any, uniform: Any, out: Any) -> None:
    """Paths of states drawn from the posterior (forward filtering, backward sampling; Carter and Kohn 1994).

    `uniform` (draw, time) random numbers, the same for all pixels, so that what a patch has in common is
    widened
    and not averaged away; `out` (draw, time, pixel) becomes the states.
    """
    t_count = m.haze.shape[0]
    n = m.start.shape[0]
    evidence = np.empty((t_count, n))
    belief = np.empty((t_count, n))
    weight = np.empty(n)
    for k in range(pixels.size):
        p = pixels[k]
        forward_pixel(m, p, field, strength, evidence, belief)
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
    for t in range(share.shape[0]):
        for k in range(pixels.size):
            x, v = bare_share(m, t, pixels[k])
            share[t, k] = x if v >= 0.0 else np.nan
            variance[t, k] = v if v >= 0.0 else np.nan


@njit(cache=True)
def look_shares(m: Any, t: int, share: Any, variance: Any) -> None:
    """Bare share of every pixel on one look and its variance; NaN where not seen."""
    for p in range(share.size):
        x, v = bare_share(m, t, p)
        share[p] = x if v >= 0.0 else np.nan
        variance[p] = v if v >= 0.0 else np.nan


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
