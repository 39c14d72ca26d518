"""What each pixel is expected to look like on each look, as a prior with an update.

A pixel's index is its own level, the course that pixels of its cover take on that very look (haze, late
springs and harvests go out with the cover), and harmonics of its own, shrunk towards none (ridge regression).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.ground.params import ONE, YEAR_DAYS, ExpectationParams
from detection.ground.series import SCALE, UNSEEN, GroundSeries
from imagery.robust import MAD_TO_SD

Floats = NDArray[np.float32]

TERMS = 6
"""Level, course of the cover, two harmonics. Defined."""
MISSING = int(UNSEEN)
SEASON_TERMS = 5
"""Level and two harmonics. Defined."""
GREENEST = 3
"""The third greenest look says how green a pixel was ever seen: two strays may be greener. Assumed."""
SEASON_LEVEL = 0.5
"""Prior of the level of a season, NDVI. Assumed."""
SEASON_PRECISION = (0.01, 1.0, 1.0, 2.0, 2.0)
"""Precision of that and of harmonics of none, in looks. Assumed."""
LATER_SHARE = 0.15
"""Weight of all later looks of a pixel beside that of its anchor, 1, where the anchor is an older
instrument's. Fitted: of .7, .35, .15, .08 and .03 on simulated sites 431 to 433."""
LEAST_WEIGHT = 0.05
"""Looks of less weight tell nothing of scatter. Assumed."""
ANCHORED = 0.5
"""And of less than this nothing of a pixel's scatter in all, before anything is known. Assumed;"""
JUST_BELOW = 0.9
"""but where an older instrument saw the anchor all looks tell of scatter: of the least weight. Defined."""
LEAST_EXPECTED = 20
"""Of 255: a pixel that was less likely as expected says nothing of its cover's course. Assumed."""
SAMPLE = 1000
"""Pixels of a cover from which its medians are taken. Assumed."""
BINS = 12
"""Parts of the year for which scatter is kept. Assumed."""
OWN_LEAST_SD = 0.006
"""Added to the scatter of a pixel's own looks, units of the index: few looks may agree by chance. Assumed."""
MOST_SCATTERS = 4.0
"""Scatters beyond which a residual counts as that many. Assumed."""
OWN_LOOKS = 2.0
"""Looks that a pixel's scatter over the whole year counts as in each part of it. Assumed."""
REWEIGHTED = 2.0
"""Scatters at which a look counts half (Cauchy weights; 2.385 in Holland and Welsch 1977, assumed less)."""
MEANS_ROUNDS = 15
"""Rounds of k-means, which settles sooner. Assumed."""
TIE = 1e-3
"""Weight of the first harmonic in the order from which k-means starts: it breaks ties of level. Assumed."""
SEASON_SAMPLE = 20_000
"""Pixels from which covers are found. Assumed."""
MORE_BY_CHANCE = 2.0
"""Of the scatter of one number: by so much one more number must bring a season nearer (Akaike 1974)."""
TINY = 1e-12
"""Bound of arithmetic. Assumed."""
SECOND_ORDER = 4.0 / 3.0
"""Precision of second harmonics beside that of first ones: `harmonic_sd` says why. Assumed."""
PAIRS = TERMS * (TERMS + 1) // 2


class Expectation(NamedTuple):
    """Plain arrays, so that kernels can take them."""

    beta: Floats
    """(index, term, pixel)."""
    spread: Floats
    """(index, pair, pixel) inverse of the normal matrix, lower triangle by rows."""
    variance: Floats
    """(index, bin, pixel) of one look, by time of the year."""
    own: Floats
    """(index, pixel) robust variance of one look."""
    course: Floats
    """(index, time, cover + 1); the last is that of the whole site."""
    look: Floats
    """(index, time, cover) variance among undisturbed pixels of the cover on the look."""
    terms: Floats
    """(time, harmonic)."""
    part: NDArray[np.float32]
    """(time,) time of the year in bins."""
    cover: NDArray[np.int16]
    """(pixel,)."""
    ends: NDArray[np.int16]
    """(2, pixel) the covers whose courses a pixel takes,"""
    parts: Floats
    """(2, pixel) and how much of each."""


class Covers(NamedTuple):
    """Groups of pixels that go through the year alike, and of which of them each pixel is made."""

    cover: NDArray[np.int16]
    ends: NDArray[np.int16]
    parts: Floats


def harmonics(day: NDArray[np.int64]) -> Floats:
    """(time, 4)."""
    phase = 2.0 * np.pi * np.asarray(day, np.float64) / YEAR_DAYS
    return np.stack([f(k * phase) for k in (1, 2) for f in (np.cos, np.sin)], axis=1).astype(np.float32)


def anchor_weights(series: GroundSeries, params: ExpectationParams) -> NDArray[np.uint8]:
    """(time, pixel) probability of being as expected before anything is known, 255 for one.

    Where an older instrument, which looked less often, saw the anchor, all later looks together count as at
    most `LATER_SHARE` of it: a pixel opened in between would be learnt from the many that see it open.
    """
    age = series.day - series.day[:1]
    out = series.room(series.haze.shape, np.uint8)
    count, count_early = np.zeros((2, series.haze.shape[1]), np.int32)
    for t, days in enumerate(age):
        seen = series.index[0, t] != UNSEEN
        count += seen
        early = (days < params.anchor_days) | (
            (count <= params.anchor_looks) & (days < params.anchor_most_days)
        )
        count_early += seen & early
        out[t] = early
    later = params.later_weight
    if series.older:
        many = float(np.median(count - count_early))
        later = min(later, LATER_SHARE * float(np.median(count_early)) / max(many, 1.0))
    least = max(round(ONE * later), 1)
    for row in out:
        row[:] = np.where(row, ONE, least)
    return out


def fit_expectation(
    series: GroundSeries,
    expected: NDArray[np.uint8],
    params: ExpectationParams,
    *,
    covers: Covers,
    earlier: Expectation | None = None,
    changed: NDArray[np.int64] | None = None,
) -> Expectation:
    """Expectation of every pixel.

    Args:
        series: looks.
        expected: (time, pixel) probability that a pixel was as expected, 255 for one.
        params: numbers.
        covers: of the pixels.
        earlier: of other weights, from which reweighting goes on.
        changed: pixels whose weights differ since `earlier`; the others keep theirs, covers their courses.
    """
    n, t, size = series.index.shape
    cover, ends, parts = covers
    shapes = (n, TERMS, size), (n, PAIRS, size), (n, BINS, size), (n, size)
    estimates = [series.room(shape, np.float32) for shape in shapes]
    if earlier is None:
        before: Sequence[Floats | float] = (0.0,) * len(shapes)
    else:
        before = (earlier.beta, earlier.spread, earlier.variance, earlier.own)
    for estimate, value in zip(estimates, before, strict=True):
        estimate[:] = value
    beta, spread, variance, own = estimates
    keep = earlier is not None and changed is not None
    pixels = changed if changed is not None else np.arange(size)
    terms = harmonics(series.day)
    course = (
        earlier.course
        if earlier is not None and keep
        else np.stack([_courses(plane, expected, cover, terms, params) for plane in series.index])
    )
    k = params.covers
    part = _part(series.day)
    precision = np.array(
        [params.level_sd**-2, params.course_sd**-2, *([params.harmonic_sd**-2] * 2),
         *([SECOND_ORDER * params.harmonic_sd**-2] * 2)], np.float64)  # fmt: skip
    look = np.zeros((n, t, k), np.float32)
    kernel = _season_kernel(params)
    lightest = LEAST_WEIGHT
    if earlier is None:
        least = JUST_BELOW * float(expected.min(initial=ONE)) / ONE
        lightest = min(LEAST_WEIGHT, least) if series.older else ANCHORED
    for i in range(n):
        residual = series.room((t, size), np.float32)
        residual[:] = np.nan
        rounds = params.rounds if earlier is None else params.rounds // 2
        _fit_pixels(pixels, series.index[i], expected, course[i], terms, part, covers, precision, kernel,
                    rounds, params.least_sd, lightest, earlier is not None, beta[i], spread[i], variance[i],
                    own[i], residual)  # fmt: skip
        look[i] = (
            earlier.look[i] if earlier is not None and keep else _look_variance(residual, cover, k, params)
        )
    return Expectation(
        beta=beta, spread=spread, variance=variance, own=own, course=course, look=look, terms=terms,
        part=part, cover=cover, ends=ends, parts=parts,
    )  # fmt: skip


def held_against(
    expectation: Expectation, series: GroundSeries, trusted: NDArray[np.bool_], params: ExpectationParams
) -> Expectation:
    """An expectation on the looks that it was learnt from and on later ones, from which it learns nothing.

    What later looks add is the course of each cover on that very look, so that haze and late springs go out
    with it there too. Each look is taken by itself: another one changes nothing of it.

    Args:
        expectation: of the earliest looks of `series`.
        series: these looks and later ones.
        trusted: (pixel,) which were as expected when last learnt from.
        params: numbers.
    """
    n, learnt = len(series.index), expectation.course.shape[1]
    late = len(series.day) - learnt
    terms = harmonics(series.day)
    sure = np.broadcast_to(np.where(trusted, ONE, 0).astype(np.uint8), (late, trusted.size))
    course = np.concatenate([expectation.course, np.zeros((n, late, params.covers + 1), np.float32)], axis=1)
    look = np.concatenate([expectation.look, np.zeros((n, late, params.covers), np.float32)], axis=1)
    members = [np.flatnonzero((expectation.cover == j) & trusted) for j in range(params.covers)]
    members = [m[:: max(1, len(m) // SAMPLE)] for m in members]
    for i in range(n):
        plane = series.index[i, learnt:]
        course[i, learnt:] = _medians(plane, sure, expectation.cover, params)
        course[i] = _gaps_filled(course[i], terms, learnt)
        for j, mine in enumerate(members):
            beta = expectation.beta[i][:, mine]
            pair = course[i, learnt:][:, expectation.ends[:, mine]] * expectation.parts[:, mine]
            fit = beta[0] + pair.sum(axis=1) * beta[1] + terms[learnt:] @ beta[2:]
            seen = plane[:, mine] != UNSEEN
            residual = np.where(seen, plane[:, mine] * SCALE - fit, np.nan)
            look[i, learnt:, j] = [_spread(row, params) for row in residual]
    return expectation._replace(course=course, look=look, terms=terms, part=_part(series.day))


def _part(day: NDArray[np.int64]) -> Floats:
    """(time,) time of the year in bins."""
    return ((day % YEAR_DAYS) / YEAR_DAYS * BINS).astype(np.float32)


def _season_kernel(params: ExpectationParams) -> NDArray[np.float64]:
    """(bin, bin) weights of residuals by their distance in the year."""
    gap = np.abs(np.subtract.outer(np.arange(BINS), np.arange(BINS)))
    gap = np.minimum(gap, BINS - gap) * YEAR_DAYS / BINS
    return np.asarray(np.exp(-0.5 * (gap / params.season_days) ** 2))


def fit_seasons(
    series: GroundSeries, expected: NDArray[np.uint8], params: ExpectationParams
) -> tuple[Floats, Floats]:
    """(coefficient, pixel) of NDVI, level and two harmonics; and (pixel,) how green it was ever seen.

    Looks of no weight say nothing of the season, all say how green. Robust towards what lies below alone:
    cloud, haze, snow and clearings all lower NDVI, and nothing but plants raises it. A field is green for two
    months of its year, on few looks, and these are no strays.
    """
    terms = harmonics(series.day)
    out = np.zeros((SEASON_TERMS, series.index.shape[2]), np.float32)
    precision = np.array(SEASON_PRECISION)
    greenest = np.zeros(series.index.shape[2], np.float32)
    _fit_seasons(series.index[0], expected, terms, precision, params.rounds, params.least_sd, out, greenest)
    return out, greenest


def season_covers(season: Floats, bare: float, params: ExpectationParams) -> Covers:
    """Groups by k-means of the season, started from quantiles: a function of the pixels alone.

    A pixel at the edge of a wood is part wood and part meadow, and a track through it part wood and part bare
    ground, that has no season. What a late autumn does to such a pixel is what it does to its parts:
    they are where its season lies on the way between two covers', or a cover's and bare ground's. A pixel is
    of one cover where no way comes nearer by more than one more number would by chance (Akaike 1974).

    Args:
        season: (coefficient, pixel).
        bare: NDVI of bare ground.
        params: numbers.
    """
    points = season.T.astype(np.float64)
    order = np.argsort(points[:, 0] + TIE * points[:, 1], kind="stable")
    sample = points[order[:: max(1, len(order) // SEASON_SAMPLE)]]
    centres = sample[np.linspace(0, len(sample) - 1, params.covers + 2)[1:-1].astype(int)]
    for _ in range(MEANS_ROUNDS):
        label = ((sample[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        centres = np.stack(
            [
                sample[label == k].mean(axis=0) if (label == k).any() else centres[k]
                for k in range(len(centres))
            ]
        )
    cover = np.zeros(len(points), np.int16)
    best = np.full(len(points), np.inf)
    for k, centre in enumerate(centres):
        d = ((points - centre) ** 2).sum(axis=1)
        closer = d < best
        cover[closer], best[closer] = k, d[closer]
    return Covers(cover, *_between(points, cover, best, centres, bare))


def _between(
    points: NDArray[np.float64],
    cover: NDArray[np.int16],
    alone: NDArray[np.float64],
    centres: NDArray[np.float64],
    bare: float,
) -> tuple[NDArray[np.int16], Floats]:
    """(2, pixel) the covers that a pixel is made of, and how much of each."""
    ends = np.stack([cover, cover])
    parts = np.stack([np.ones(len(points), np.float32), np.zeros(len(points), np.float32)])
    best = alone - MORE_BY_CHANCE * alone.mean() / points.shape[1]
    unseasonal = np.eye(1, points.shape[1])[0] * bare
    for k, one in enumerate(centres):
        for j, other in enumerate([*centres[k + 1 :], unseasonal], start=k + 1):
            way = other - one
            share = np.clip((points - one) @ way / max(float(way @ way), TINY), 0.0, 1.0)
            d = ((points - one - share[:, None] * way) ** 2).sum(axis=1)
            closer = d < best
            best[closer] = d[closer]
            ends[:, closer] = np.array([[k], [min(j, len(centres) - 1)]])
            parts[0, closer] = 1.0 - share[closer]
            parts[1, closer] = share[closer] if j < len(centres) else 0.0
    return ends, parts


def _courses(
    plane: NDArray[np.int16],
    expected: NDArray[np.uint8],
    cover: NDArray[np.int16],
    terms: Floats,
    params: ExpectationParams,
) -> Floats:
    """(time, cover + 1) median index of pixels as expected, of each cover and of the site."""
    return _gaps_filled(_medians(plane, expected, cover, params), terms, len(plane))


def _medians(
    plane: NDArray[np.int16], expected: NDArray[np.uint8], cover: NDArray[np.int16], params: ExpectationParams
) -> Floats:
    """The same, NaN where too few pixels were seen to speak."""
    t, k = plane.shape[0], params.covers
    out = np.full((t, k + 1), np.nan, np.float32)
    usable = plane != UNSEEN
    members = [np.flatnonzero(cover == j) for j in range(k)]
    members = [m[:: max(1, len(m) // SAMPLE)] for m in members]
    everywhere = np.arange(plane.shape[1])[:: max(1, plane.shape[1] // (5 * SAMPLE))]
    for i in range(t):
        row, seen = plane[i], usable[i]
        sure = expected[i] > min(LEAST_EXPECTED, int(expected[i].max()) - 1)
        chosen = everywhere[seen[everywhere] & sure[everywhere]]
        if chosen.size < params.least_cover:
            chosen = everywhere[seen[everywhere]]
        for j, here in enumerate([*(m[seen[m] & sure[m]] for m in members), chosen]):
            if here.size >= params.least_cover:
                out[i, j] = np.median(row[here]) * SCALE
    return out


def _gaps_filled(course: Floats, terms: Floats, learnt: int) -> Floats:
    """(time, cover + 1): the site's gaps by its ridge-shrunk season, covers' by the site and how they differ.

    Season and usual differences are those of the first `learnt` looks.
    """
    out, site = course.copy(), course[:, -1].copy()
    known = np.isfinite(site[:learnt])
    if known.any():
        x = np.column_stack([np.ones(len(site)), terms])
        penalty = np.diag([0.0, 1.0, 1.0, 1.0, 1.0])
        some = x[:learnt][known]
        season = x @ np.linalg.solve(some.T @ some + penalty, some.T @ site[:learnt][known])
        site = np.where(np.isfinite(site), site, season).astype(np.float32)
    else:
        site = np.nan_to_num(site)  # no pixel has others to go by: level and harmonics of its own alone
    for j in range(course.shape[1] - 1):
        gap = (course[:, j] - site)[:learnt]
        told = np.isfinite(gap)
        usual = np.median(gap[told]) if told.any() else 0.0
        out[:, j] = np.where(np.isfinite(course[:, j]), course[:, j], site + usual)
    out[:, -1] = site
    return out


def _look_variance(residual: Floats, cover: NDArray[np.int16], k: int, params: ExpectationParams) -> Floats:
    """(time, cover) robust variance of residuals among pixels of a cover."""
    out = np.zeros((residual.shape[0], k), np.float32)
    for j in range(k):
        members = np.flatnonzero(cover == j)
        members = members[:: max(1, len(members) // SAMPLE)]
        out[:, j] = [_spread(row, params) for row in residual[:, members]]
    return out


def _spread(residual: Floats, params: ExpectationParams) -> float:
    """Robust variance; nought where too few pixels speak."""
    here = residual[np.isfinite(residual)]
    if here.size < params.least_cover:
        return 0.0
    return float((MAD_TO_SD * np.median(np.abs(here - np.median(here)))) ** 2)


@njit(cache=True)
def _cholesky_solve(a: Any, c: Any, x: Any, n: int) -> None:
    """Solve a x = c in place of x; `a` becomes its lower Cholesky factor."""
    for i in range(n):
        for j in range(i + 1):
            s = a[i, j]
            for k in range(j):
                s -= a[i, k] * a[j, k]
            a[i, j] = np.sqrt(max(s, TINY)) if i == j else s / a[j, j]
    for i in range(n):
        s = c[i]
        for k in range(i):
            s -= a[i, k] * x[k]
        x[i] = s / a[i, i]
    for i in range(n - 1, -1, -1):
        s = x[i]
        for k in range(i + 1, n):
            s -= a[k, i] * x[k]
        x[i] = s / a[i, i]


@njit(cache=True)
def _mad(values: Any, n: int) -> float:
    """Standard deviation about nothing of the first `n` values, from the median of their sizes."""
    if n == 0:
        return 0.0
    return MAD_TO_SD * float(np.median(np.abs(values[:n])))


@njit(cache=True)
def _fit_seasons(  # noqa: C901, PLR0912 - one pass over plain arrays is its point
    plane: Any, expected: Any, terms: Any, precision: Any, rounds: int, least: float, out: Any, greenest: Any
) -> None:
    t, size = plane.shape
    x = np.empty((t, SEASON_TERMS))
    y = np.empty(t)
    every = np.empty(t)
    w0 = np.empty(t)
    w = np.empty(t)
    r = np.empty(t)
    a = np.empty((SEASON_TERMS, SEASON_TERMS))
    c = np.empty(SEASON_TERMS)
    b = np.empty(SEASON_TERMS)
    for p in range(size):
        n = 0
        seen = 0
        for i in range(t):
            if plane[i, p] != MISSING:
                every[seen] = plane[i, p] * SCALE
                seen += 1
            if plane[i, p] != MISSING and expected[i, p] > 0:
                y[n] = plane[i, p] * SCALE
                w0[n] = expected[i, p] / ONE
                w[n] = w0[n]
                x[n, 0] = 1.0
                for k in range(SEASON_TERMS - 1):
                    x[n, k + 1] = terms[i, k]
                n += 1
        for _ in range(rounds):
            for j in range(SEASON_TERMS):
                c[j] = 0.0
                for k in range(j + 1):
                    a[j, k] = precision[j] if j == k else 0.0
            c[0] = precision[0] * SEASON_LEVEL
            for i in range(n):
                for j in range(SEASON_TERMS):
                    wx = w[i] * x[i, j]
                    c[j] += wx * y[i]
                    for k in range(j + 1):
                        a[j, k] += wx * x[i, k]
            _cholesky_solve(a, c, b, SEASON_TERMS)
            for i in range(n):
                f = 0.0
                for k in range(SEASON_TERMS):
                    f += b[k] * x[i, k]
                r[i] = y[i] - f
            s = REWEIGHTED * (_mad(r, n) + least)
            for i in range(n):
                w[i] = w0[i] / (1.0 + (min(r[i], 0.0) / s) ** 2)
        for k in range(SEASON_TERMS):
            out[k, p] = b[k]
        if seen:
            greenest[p] = np.sort(every[:seen])[max(seen - GREENEST, 0)]


@njit(cache=True)
def _fit_pixels(  # noqa: C901, PLR0912, PLR0913, PLR0915, PLR0917 - one pass over plain arrays is its point
    pixels: Any, plane: Any, expected: Any, course: Any, terms: Any, part: Any, covers: Any, precision: Any,
    kernel: Any, rounds: int, least: float, lightest: float, warm: Any, beta: Any, spread: Any,
    variance: Any, own: Any, residual: Any,
) -> None:  # fmt: skip
    """Ridge regression of each pixel, its scatter by time of year, its residuals."""
    t = plane.shape[0]
    ends, parts = covers.ends, covers.parts
    x = np.empty((t, TERMS))
    y = np.empty(t)
    w0 = np.empty(t)
    w = np.empty(t)
    r = np.empty(t)
    at = np.empty(t, np.int64)
    a = np.empty((TERMS, TERMS))
    full = np.empty((TERMS, TERMS))
    c = np.empty(TERMS)
    b = np.empty(TERMS)
    unit = np.empty(TERMS)
    column = np.empty(TERMS)
    sums = np.empty(BINS)
    weights = np.empty(BINS)
    for p in pixels:
        n = 0
        for i in range(t):
            if plane[i, p] != MISSING:
                y[n] = plane[i, p] * SCALE
                w0[n] = expected[i, p] / ONE
                w[n] = w0[n]
                x[n, 0] = 1.0
                x[n, 1] = parts[0, p] * course[i, ends[0, p]] + parts[1, p] * course[i, ends[1, p]]
                for k in range(TERMS - 2):
                    x[n, k + 2] = terms[i, k]
                at[n] = i
                n += 1
        if warm:
            for i in range(n):
                r[i] = y[i]
                for k in range(TERMS):
                    r[i] -= beta[k, p] * x[i, k]
            s = _mad(r, n) + least
            for i in range(n):
                w[i] = w0[i] / (1.0 + (r[i] / (REWEIGHTED * s)) ** 2)
        for _ in range(rounds):
            for j in range(TERMS):
                c[j] = 0.0
                for k in range(j + 1):
                    a[j, k] = precision[j] if j == k else 0.0
            c[1] = precision[1]
            for i in range(n):
                for j in range(TERMS):
                    wx = w[i] * x[i, j]
                    c[j] += wx * y[i]
                    for k in range(j + 1):
                        a[j, k] += wx * x[i, k]
            for j in range(TERMS):
                for k in range(j + 1):
                    full[j, k] = a[j, k]
            _cholesky_solve(a, c, b, TERMS)
            for i in range(n):
                f = 0.0
                for k in range(TERMS):
                    f += b[k] * x[i, k]
                r[i] = y[i] - f
            m = 0
            for i in range(n):
                if w0[i] > lightest:
                    w[m] = r[i]
                    m += 1
            s = _mad(w, m) + least
            for i in range(n):
                w[i] = w0[i] / (1.0 + (r[i] / (REWEIGHTED * s)) ** 2)
        m = 0
        for i in range(n):
            if w0[i] > lightest:
                w[m] = r[i]
                m += 1
        scale = _mad(w, m) + OWN_LEAST_SD
        own[p] = scale * scale
        for k in range(TERMS):
            beta[k, p] = b[k]
        pair = 0
        for j in range(TERMS):
            for k in range(TERMS):
                unit[k] = 1.0 if k == j else 0.0
            for i in range(TERMS):
                for k in range(i + 1):
                    a[i, k] = full[i, k]
            _cholesky_solve(a, unit, column, TERMS)
            for k in range(j + 1):
                spread[pair, p] = column[k]
                pair += 1
        for k in range(BINS):
            sums[k] = 0.0
            weights[k] = 0.0
        for i in range(n):
            if w0[i] > min(lightest, LEAST_WEIGHT):  # later looks too: years differ by the time of the year
                square = min(r[i] * r[i], MOST_SCATTERS**2 * own[p])
                k = int(part[at[i]]) % BINS
                sums[k] += w0[i] * square
                weights[k] += w0[i]
                residual[at[i], p] = r[i]
        for k in range(BINS):
            top = OWN_LOOKS * own[p]
            bottom = OWN_LOOKS
            for j in range(BINS):
                top += kernel[k, j] * sums[j]
                bottom += kernel[k, j] * weights[j]
            variance[k, p] = top / bottom
