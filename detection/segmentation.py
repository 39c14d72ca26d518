"""What happened: two-sided segmentation of per-pixel series into stretches with a season of their own.

Every stretch of a series follows a level and one harmonic; a break is where two stretches explain what one
does not. The best break of a stretch is sought over all its dates at once, with evidence from both sides (the
sup-F test of Andrews 1993 on the regression of Verbesselt et al. 2010, BFAST, and of Zhu and Woodcock 2014,
CCDC), and both parts are searched again (binary segmentation, Vostrikova 1981). Looks that depart from both
of their neighbours are pulled back first (a median of three, Tukey 1977), so that single clouds do not make
breaks. A break is accepted where it lowers the sum of squares by more than noise does on any date, where the
level changes by more than weather changes it, and with enough looks on either side.

The interval of a break's date holds every date whose sum of squares is within a chi-square step of the best
one's, from the look before the first of them to the look after the last. Own implementation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.harmonics import design
from imagery.robust import MAD_TO_SD

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Planes = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentationParams:
    """Knobs of the segmentation, saved with its result."""

    max_breaks: int = 4
    """Breaks kept per pixel."""
    min_looks: int = 8
    """Looks on either side of a break."""
    min_days: float = 330.0
    """Days on either side of a break: the yearly mean of a part of a year is a guess."""
    noise: float = 0.04
    """Smallest scatter believed, in units of the index."""
    clip: float = 4.0
    """Departure from neighbouring looks, in scatters, from which a look counts as an outlier."""
    gain: float = 30.0
    """Fall of the sum of squares, in variances, from which a break is believed: three coefficients, a
    search over all dates, and looks that are not independent."""
    step: float = 0.06
    """Smallest change of the yearly mean, in units of the index."""
    interval_gain: float = 6.0
    """Rise of the sum of squares, in variances, up to which a date stays in the interval: 3.84 for one
    parameter and independent looks; more, since they are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaks:
    """Breaks of every pixel in order of time: (break, pixel); days since 1970-01-01, -1 for none."""

    day: Ints
    """First look of the new stretch."""
    low: Ints
    high: Ints
    before: Floats
    """Mean of the index over the year of the stretch before, NaN where there is no break."""
    after: Floats


def segment(values: Planes, days: Floats, *, params: SegmentationParams | None = None) -> Breaks:
    """Breaks of every pixel's series.

    Args:
        values: (time, pixel) index, larger meaning more bare; NaN where not seen.
        days: (time,) since 1970-01-01, ascending.
        params: knobs.
    """
    p = params or SegmentationParams()
    knobs = np.array([p.min_looks, p.min_days, p.noise, p.clip, p.gain, p.step, p.interval_gain], np.float64)
    block = np.ascontiguousarray(values.T, np.float32)
    days = np.ascontiguousarray(days, np.float64)
    found = _segment_block(block, design(days, order=1), days, knobs, p.max_breaks)
    dates, levels = found[0].transpose(2, 1, 0), found[1].transpose(2, 1, 0)
    return Breaks(day=dates[0], low=dates[1], high=dates[2], before=levels[0], after=levels[1])


@njit(cache=True)
def _solve3(m: Floats, v: Floats, out: Floats) -> bool:
    """Solution of the symmetric 3 × 3 system packed as (00, 10, 11, 20, 21, 22), lightly ridged."""
    a, b, c, d, e, f = m[0] + 1e-6, m[1], m[2] + 0.3, m[3], m[4], m[5] + 0.3
    l00 = math.sqrt(a)
    l10, l20 = b / l00, d / l00
    s = c - l10 * l10
    if s <= 1e-12:  # noqa: PLR2004 - singular
        return False
    l11 = math.sqrt(s)
    l21 = (e - l20 * l10) / l11
    s = f - l20 * l20 - l21 * l21
    if s <= 1e-12:  # noqa: PLR2004 - singular
        return False
    l22 = math.sqrt(s)
    y0 = v[0] / l00
    y1 = (v[1] - l10 * y0) / l11
    y2 = (v[2] - l20 * y0 - l21 * y1) / l22
    out[2] = y2 / l22
    out[1] = (y1 - l21 * out[2]) / l11
    out[0] = (y0 - l10 * out[1] - l20 * out[2]) / l00
    return True


@njit(cache=True)
def _cost(sums: Floats, i: int, j: int, m: Floats, v: Floats, beta: Floats) -> float:
    """Sum of squares of looks i..j-1 about their own level and harmonic, from cumulative sums."""
    if j <= i:
        return 0.0
    for k in range(6):
        m[k] = sums[j, k] - sums[i, k]
    for k in range(3):
        v[k] = sums[j, 6 + k] - sums[i, 6 + k]
    square = sums[j, 9] - sums[i, 9]
    if not _solve3(m, v, beta):
        return float(square)
    left: float = square - beta[0] * v[0] - beta[1] * v[1] - beta[2] * v[2]
    return max(left, 0.0)


@njit(cache=True)
def _clean(y: Floats, n: int, clip: float, noise: float, out: Floats) -> float:
    """Pull looks that depart from both neighbours towards them; returns the scatter between neighbours."""
    gaps = np.empty(max(n - 1, 1))
    for t in range(n - 1):
        gaps[t] = abs(y[t + 1] - y[t])
    scale = noise
    if n > 2:  # noqa: PLR2004 - one difference tells nothing
        scale = max(noise, MAD_TO_SD * np.median(gaps[: n - 1]) / math.sqrt(2.0))
    for t in range(n):
        left = y[max(t - 1, 0)] if t > 0 else y[min(2, n - 1)]
        right = y[min(t + 1, n - 1)] if t < n - 1 else y[max(n - 3, 0)]
        middle = max(min(left, right), min(max(left, right), y[t]))
        out[t] = middle + max(-clip * scale, min(clip * scale, y[t] - middle))
        if abs(y[t] - middle) > clip * scale:
            out[t] = middle
    return scale


@njit(cache=True)
def _accumulate(y: Floats, x: Floats, rows: Ints, n: int, sums: Floats) -> None:
    for t in range(n):
        r = rows[t]
        k = 0
        for a in range(3):
            for b in range(a + 1):
                sums[t + 1, k] = sums[t, k] + x[r, a] * x[r, b]
                k += 1
        for a in range(3):
            sums[t + 1, 6 + a] = sums[t, 6 + a] + x[r, a] * y[t]
        sums[t + 1, 9] = sums[t, 9] + y[t] * y[t]


@njit(cache=True)
def _best_split(sums: Floats, d: Floats, i: int, j: int, knobs: Floats, costs: Floats, room: Floats) -> int:
    """Split of looks i..j-1 with the least sum of squares; costs of all splits into `costs`; -1 for none."""
    best, at = math.inf, -1
    looks = int(knobs[0])
    for t in range(i + 1, j):
        costs[t] = math.inf
        if t - i < looks or j - t < looks or d[t] - d[i] < knobs[1] or d[j - 1] - d[t] < knobs[1]:
            continue
        costs[t] = _cost(sums, i, t, room[0], room[1], room[2]) + _cost(sums, t, j, room[0], room[1], room[2])
        if costs[t] < best:
            best, at = costs[t], t
    return at


@njit(cache=True)
def _level(sums: Floats, i: int, j: int, room: Floats) -> float:
    _cost(sums, i, j, room[0], room[1], room[2])
    level: float = room[2, 0]
    return level


@njit(cache=True)
def _accepts(
    sums: Floats, i: int, t: int, j: int, variance: float, knobs: Floats, best: float, room: Floats
) -> bool:
    gain = _cost(sums, i, j, room[0], room[1], room[2]) - best
    if gain < knobs[4] * variance:
        return False
    step = abs(_level(sums, t, j, room) - _level(sums, i, t, room))
    return bool(step >= knobs[5])


@njit(cache=True)
def _one(d: Floats, sums: Floats, n: int, variance: float, knobs: Floats, cuts: Ints) -> int:
    """Cuts of one series, binary segmentation, in order; returns how many."""
    room, costs = np.empty((3, 6)), np.empty(n + 1)
    held = 0
    starts, ends = np.empty(4 * cuts.size + 4, np.int64), np.empty(4 * cuts.size + 4, np.int64)
    starts[0], ends[0] = 0, n
    waiting = 1
    while waiting > 0 and held < cuts.size:
        waiting -= 1
        i, j = starts[waiting], ends[waiting]
        t = _best_split(sums, d, i, j, knobs, costs, room)
        if t < 0 or not _accepts(sums, i, t, j, variance, knobs, costs[t], room):
            continue
        cuts[held] = t
        held += 1
        starts[waiting], ends[waiting] = i, t
        starts[waiting + 1], ends[waiting + 1] = t, j
        waiting += 2
    cuts[:held] = np.sort(cuts[:held])
    return held


@njit(cache=True)
def _refine(  # noqa: PLR0913, PLR0917 - plain arrays of a kernel
    d: Floats,
    sums: Floats,
    n: int,
    variance: float,
    knobs: Floats,
    cuts: Ints,
    held: int,
    dates: Floats,
    levels: Floats,
) -> None:
    """Each cut again between its neighbours, with the interval of its date and the levels beside it."""
    room, costs = np.empty((3, 6)), np.empty(n + 1)
    for c in range(held):
        i = cuts[c - 1] if c > 0 else 0
        j = cuts[c + 1] if c + 1 < held else n
        t = _best_split(sums, d, i, j, knobs, costs, room)
        if t < 0:
            continue
        cuts[c] = t
        low, high = t, t
        for s in range(i + 1, j):
            if costs[s] <= costs[t] + knobs[6] * variance:
                low, high = min(low, s), max(high, s)
        dates[c, 0], dates[c, 1], dates[c, 2] = d[t], d[low - 1], d[high]
        levels[c, 0], levels[c, 1] = _level(sums, i, t, room), _level(sums, t, j, room)


@njit(cache=True)
def _segment_block(
    values: Any, x: Floats, days: Floats, knobs: Floats, max_breaks: int
) -> tuple[Ints, Floats]:
    n_pixels, n_time = values.shape
    dates = np.full((n_pixels, max_breaks, 3), -1, np.int64)
    levels = np.full((n_pixels, max_breaks, 2), np.nan)
    for i in range(n_pixels):
        y, clean, d = np.empty(n_time), np.empty(n_time), np.empty(n_time)
        rows = np.empty(n_time, np.int64)
        n = 0
        for t in range(n_time):
            if np.isfinite(values[i, t]):
                y[n], d[n], rows[n] = values[i, t], days[t], t
                n += 1
        if n < 2 * knobs[0]:
            continue
        scale = _clean(y, n, knobs[3], knobs[2], clean)
        sums = np.zeros((n + 1, 10))
        _accumulate(clean, x, rows, n, sums)
        cuts = np.empty(max_breaks, np.int64)
        held = _one(d, sums, n, scale * scale, knobs, cuts)
        found = np.full((max_breaks, 3), -1.0)
        _refine(d, sums, n, scale * scale, knobs, cuts, held, found, levels[i])
        for c in range(held):
            for k in range(3):
                dates[i, c, k] = int(found[c, k])
    return dates, levels
