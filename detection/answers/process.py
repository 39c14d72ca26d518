"""Covariance of a stock series: level, season, memory, years and look noise, with the change in the model.

A look is ``y_i = m(t_i) + u_year(i) + x(t_i) + e_i``: a mean of level, harmonics of the year and the asked
change; a deviation of each whole year, variance ``κσ²``; a stationary Ornstein-Uhlenbeck process (first-order
autoregression on uneven dates) of variance σ² and memory τ; and look noise of variance ``ρσ²`` relative to
the looks' own errors. The exact likelihood is that of a Kalman filter (Durbin and Koopman 2012, ch. 4),
restricted for the mean (REML, Patterson and Thompson 1971), with the change among the mean's columns, so
that a change that happened does not count as variation. τ, ρ and κ are not estimated but integrated over a
grid: the change is a mixture of Student distributions, and not knowing the memory widens its interval. Errors
that looks share are carried through the same weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from evidence.arrays import Bools, Floats, Ints
from evidence.errors import MeasurementError
from evidence.quantity import YEAR_DAYS

SMALLEST = 1e-12
"""What a divisor, a pivot or a variance is held above. Assumed: nothing of the kind is as small."""
LEAST_SD_SHARE = 1e-3
"""Smallest error of a look over the median one. Assumed: none is a thousand times surer than the others."""
LEAST_SD_HA = 1e-6
"""Smallest median error of looks, ha. Assumed: hundredths of a square metre, where looks claim no error."""
NEGLIGIBLE = 1e-5
"""Weight of a component over that of the largest under which it is dropped. Assumed: no printed digit shows
it."""
BRACKET_SCALES = 60.0
"""Half-width of the bracket in which a quantile is sought, scales of a component. Assumed: at five degrees of
freedom less than 1e-7 of a Student distribution lies beyond."""
BISECTIONS = 40
"""Halvings of that bracket. Derived: to 1e-12 of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessParams:
    """Grid and prior of the covariance.

    *Chosen* on seeds 1 to 250 and 1000 to 1249 of `benchmarks.answers.null`; the refusal of random walks
    after a look at seeds 10000 to 10249.
    """

    memory_days: tuple[float, ...] = (5, 10, 20, 40, 75, 140, 250, 450, 800, 1600, 4000)
    """Times τ after which a deviation has fallen to 1/e, days. Assumed: from a revisit to longer than any
    record."""
    memory_tilt: float = 0.4
    """Power of τ by which longer memories are likelier beforehand than in equal steps of ln τ. Chosen."""
    noise_ratios: tuple[float, ...] = (0.003, 0.03, 0.1, 0.3, 0.8, 2, 6, 30)
    """Variance of look noise over that of the process, ρ; each equally likely beforehand. Assumed."""
    year_ratios: tuple[float, ...] = (0, 0.1, 0.5, 2)
    """Variance of whole years over that of the process, κ. Assumed."""
    no_year_weight: float = 20.0
    """Prior weight of κ = 0 over that of each other κ. Chosen: smaller ones cost power, larger ones let a
    level that jumps at each turn of the year pass for a change."""
    harmonics: int = 2
    """Of the yearly course. Assumed: monsoon and winter."""
    walk_days: float = 1000.0
    """Memory from which a series cannot be told from a random walk, days. Derived: three years, as long as
    the shortest record that is judged."""
    walk_probability: float = 0.28
    """Posterior probability of such a memory above which nothing is said; beforehand it is 0.18. Chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """What looks say of one coefficient: a mixture of Student distributions."""

    location: Floats
    """(component,)."""
    scale: Floats
    """(component,)."""
    weight: Floats
    """(component,) sums to one."""
    degrees: float
    """Of freedom."""
    log_evidence: float
    """Logarithm of the likelihood, integrated over the grid, up to a constant of the looks."""
    memory_days: float
    """Median of the memory."""
    walk_probability: float
    """That the memory is longer than a random walk can be told from, all equally likely in ln τ: a quiet
    series, whose memory nobody can tell, keeps the prior's share."""

    def quantile(self, probability: float) -> float:
        """The value that the coefficient stays under with this probability."""
        return float(_quantile(probability, self.location, self.scale, self.weight, self.degrees))

    def below(self, value: float) -> float:
        """Probability that the coefficient is under a value."""
        return float(_below(value, self.location, self.scale, self.weight, self.degrees))

    def interval(self, level: float) -> tuple[float, float, float]:
        """(median, low, high) at a level."""
        tail = (1.0 - level) / 2.0
        return self.quantile(0.5), self.quantile(tail), self.quantile(1.0 - tail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Looks at one quantity."""

    days: Floats
    """(look,) ascending, days since any date."""
    values: Floats
    """(look,)."""
    sds: Floats
    """(look,) error of each look that no other shares."""
    shared: Floats
    """(look, group) signed error that the looks of a group share."""

    def of(self, chosen: Bools) -> Series:
        """Some of the looks."""
        return Series(
            days=self.days[chosen],
            values=self.values[chosen],
            sds=self.sds[chosen],
            shared=self.shared[chosen],
        )


def season(days: Floats, harmonics: int) -> Floats:
    """(look, 2 · harmonics) sines and cosines of the year."""
    angle = 2.0 * np.pi * days[:, None] / YEAR_DAYS * np.arange(1, harmonics + 1)
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)


def coefficient(
    series: Series, shapes: Floats, others: Floats, years: Ints, *, params: ProcessParams
) -> Posterior:
    """Posterior of the size of one change whose course is one of several.

    Args:
        series: looks.
        shapes: (look, shape) courses that are equally likely beforehand: 0 before, 1 after; or time in years.
        others: (look, column) further columns of the mean, besides level and season; may be empty.
        years: (look,) number of the year that each look belongs to.
        params: grid and prior.

    Raises:
        MeasurementError: where there are no more looks than columns.
    """
    parts = coefficients(series, shapes, others, years, params=params)
    if len(parts) == 1:
        return parts[0]
    evidence = np.array([part.log_evidence for part in parts])
    share = np.exp(evidence - evidence.max())
    share /= share.sum()
    return Posterior(
        location=np.concatenate([part.location for part in parts]),
        scale=np.concatenate([part.scale for part in parts]),
        weight=np.concatenate([part.weight * own for part, own in zip(parts, share, strict=True)]),
        degrees=parts[0].degrees,
        log_evidence=float(evidence.max() + np.log(np.exp(evidence - evidence.max()).sum())),
        memory_days=parts[int(share.argmax())].memory_days,
        walk_probability=float(sum(p.walk_probability * s for p, s in zip(parts, share, strict=True))),
    )


def coefficients(
    series: Series, changes: Floats, others: Floats, years: Ints, *, params: ProcessParams
) -> list[Posterior]:
    """Posterior of the size of each of several changes, each alone in the model.

    Args:
        series: looks.
        changes: (look, change) courses: 0 before, 1 after; or time in years.
        others: (look, column) further columns of the mean, besides level and season; may be empty.
        years: (look,) number of the year that each look belongs to.
        params: grid and prior.

    Raises:
        MeasurementError: where there are no more looks than columns.
    """
    fixed = np.column_stack([np.ones(len(series.days)), season(series.days, params.harmonics), others])
    number = np.unique(years, return_inverse=True)[1]
    blocks = (number[:, None] == np.arange(number.max() + 1)).astype(np.float64)
    degrees = len(series.days) - fixed.shape[1] - 1
    if degrees < 1:
        raise MeasurementError(f"{len(series.days)} looks for {fixed.shape[1] + 1} columns of the mean")
    columns = np.column_stack([blocks, fixed, changes, series.shared, series.values])
    memories, noises = np.array(params.memory_days, np.float64), np.array(params.noise_ratios, np.float64)
    ratios = np.array(params.year_ratios, np.float64)
    variance = np.maximum(series.sds, LEAST_SD_SHARE * max(float(np.median(series.sds)), LEAST_SD_HA)) ** 2
    evidence, location, scale = _over_grid(
        series.days,
        columns,
        variance / variance.mean(),
        (blocks.shape[1], fixed.shape[1], changes.shape[1], series.shared.shape[1]),
        memories,
        noises,
        ratios,
        float(degrees),
    )
    prior = np.log(np.where(ratios == 0.0, params.no_year_weight, 1.0))
    return [
        _posterior(evidence[k] + prior, location[k], scale[k], float(degrees), params)
        for k in range(changes.shape[1])
    ]


def _posterior(
    evidence: Floats, location: Floats, scale: Floats, degrees: float, params: ProcessParams
) -> Posterior:
    """One mixture from its grid (memory, noise, years); components of no weight are dropped."""
    memories = np.array(params.memory_days)
    level = np.exp(evidence - evidence.max()).sum(axis=(1, 2))
    evidence = evidence + params.memory_tilt * np.log(memories)[:, None, None]
    top = float(evidence.max())
    weight = np.exp(evidence - top)
    total = float(weight.sum())
    by_memory = weight.sum(axis=(1, 2)) / total
    kept = weight > NEGLIGIBLE * weight.max()
    return Posterior(
        location=location[kept],
        scale=scale[kept],
        weight=weight[kept] / float(weight[kept].sum()),
        degrees=degrees,
        log_evidence=top + math.log(total),
        memory_days=float(memories[int(np.searchsorted(np.cumsum(by_memory), 0.5))]),
        walk_probability=float(level[memories >= params.walk_days].sum() / level.sum()),
    )


@njit(cache=True)
def _moments(days: Floats, columns: Floats, noise: Floats, memory: float) -> tuple[Floats, float]:
    """Cross products of the filter's standardised innovations of every column, and the log determinant."""
    looks, width = columns.shape
    cross = np.zeros((width, width))
    state, innovation = np.zeros(width), np.empty(width)
    spread, log_determinant = 1.0, 0.0
    for i in range(looks):
        if i > 0:
            kept = math.exp(-(days[i] - days[i - 1]) / memory)
            for j in range(width):
                state[j] *= kept
            spread = kept * kept * spread + 1.0 - kept * kept
        total = spread + noise[i]
        log_determinant += math.log(total)
        gain = spread / total
        for j in range(width):
            innovation[j] = columns[i, j] - state[j]
            state[j] += gain * innovation[j]
        spread *= 1.0 - gain
        for j in range(width):
            for k in range(j + 1):
                cross[j, k] += innovation[j] * innovation[k] / total
    return cross, log_determinant


@njit(cache=True)
def _over_grid(  # noqa: C901, PLR0912 - a kernel: loops of one factorisation
    days: Floats,
    columns: Floats,
    relative: Floats,
    sizes: tuple[int, int, int, int],
    memories: Floats,
    noises: Floats,
    ratios: Floats,
    degrees: float,
) -> tuple[Floats, Floats, Floats]:
    """Log evidence, location and scale of every change on the grid: each (change, memory, noise, years)."""
    blocks, fixed, changes, groups = sizes
    shape = (changes, len(memories), len(noises), len(ratios))
    evidence, location, scale = np.empty(shape), np.empty(shape), np.empty(shape)
    first = blocks + fixed
    width = first + 1 + groups + 1
    picked = np.empty(width, np.int64)
    for j in range(first):
        picked[j] = j
    for g in range(groups + 1):
        picked[first + 1 + g] = first + changes + g
    root = np.zeros((width, width))
    for a in range(len(memories)):
        for b in range(len(noises)):
            cross, log_determinant = _moments(days, columns, noises[b] * relative, memories[a])
            for c in range(len(ratios)):
                start = 0 if ratios[c] > 0.0 else blocks
                for change in range(changes):
                    picked[first] = first + change
                    # the Cholesky factor of years, mean and change; below it the solved responses
                    for j in range(start, width):
                        top = min(j, first)
                        for k in range(start, top + 1):
                            row, column = max(picked[j], picked[k]), min(picked[j], picked[k])
                            value = cross[row, column]
                            if j == k and j < blocks:
                                value += 1.0 / ratios[c]
                            for m in range(start, k):
                                value -= root[j, m] * root[k, m]
                            root[j, k] = math.sqrt(max(value, SMALLEST)) if j == k else value / root[k, k]
                    log_years, log_mean = 0.0, 0.0
                    for j in range(start, blocks):
                        log_years += 2.0 * math.log(root[j, j]) + math.log(ratios[c])
                    for j in range(blocks, first + 1):
                        log_mean += 2.0 * math.log(root[j, j])
                    last = width - 1
                    residual = cross[picked[last], picked[last]]
                    for m in range(start, first + 1):
                        residual -= root[last, m] ** 2
                    residual = max(residual, SMALLEST)
                    pivot = root[first, first]
                    shared = 0.0
                    for g in range(groups):
                        shared += (root[first + 1 + g, first] / pivot) ** 2
                    evidence[change, a, b, c] = -0.5 * (
                        log_determinant + log_years + log_mean + degrees * math.log(residual)
                    )
                    location[change, a, b, c] = root[last, first] / pivot
                    scale[change, a, b, c] = math.sqrt(residual / degrees / pivot**2 + shared)
    return evidence, location, scale


@njit(cache=True)
def _below(value: float, location: Floats, scale: Floats, weight: Floats, degrees: float) -> float:
    """Probability under a value of a mixture of Student distributions.

    Each is turned into a normal one by ``t (1 − 1/4ν) / √(1 + t²/2ν)`` (Wallace 1959), whose error is under
    0.001 in probability from five degrees of freedom.
    """
    total = 0.0
    for i in range(len(weight)):
        t = (value - location[i]) / scale[i]
        z = t * (1.0 - 0.25 / degrees) / math.sqrt(1.0 + 0.5 * t * t / degrees)
        total += weight[i] * 0.5 * math.erfc(-z / math.sqrt(2.0))
    return total


@njit(cache=True)
def _quantile(probability: float, location: Floats, scale: Floats, weight: Floats, degrees: float) -> float:
    """Of a mixture of Student distributions, by bisection."""
    low, high = np.inf, -np.inf
    for i in range(len(weight)):
        low = min(low, location[i] - BRACKET_SCALES * scale[i])
        high = max(high, location[i] + BRACKET_SCALES * scale[i])
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        below = _below(middle, location, scale, weight, degrees)
        if below > probability:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)
