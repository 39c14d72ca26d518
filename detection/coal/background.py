"""What the ground would look like without coal: a factor model of the pixels and dates around a pile.

Every coal-free pixel p on date t is ``median_t + Λ_t z_p + e``: a few loadings ``z_p`` per pixel (forest or
clearing, cleared this year or that, moist or dry) and free factors ``Λ_t`` per date (season, haze, sun).
Loadings of a pixel under coal come from its own coal-free dates where there are any, and from its neighbours
where there are none; what is not known of them stays in the covariance. Probabilistic principal components
with gaps (Tipping & Bishop 1999; Ilin & Raiko 2010), fitted by alternating ridge regressions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
TINY = 1e-9
"""Keeps a quotient finite where nothing was seen. Assumed: rounding."""
LEAST_SPREAD = 1e-3
"""Reflectance added to the spread of a band on one date. Assumed."""
ROUNDS, FEWEST_PIXELS = 4, 60
"""Turns of loadings and factors; pixels of one date that they need. Assumed."""
POWER_TURNS, SPARE = 3, 4
"""Turns and spare directions of the randomised start (Halko, Martinsson and Tropp 2011)."""
PRIOR_PIXELS = 3.0
"""Pixels at which a date's own factors weigh half. Assumed."""
CLIPPED_SD = 5.0
"""Standard deviations beyond which a pixel counts no more at the start. Assumed."""

RIDGE = 9e-6
"""Variance of reflectance: (0.003)², the noise of one Sentinel-2 band over dark ground. Assumed."""
OUTLIER_SD = 4.0
"""Standard deviations beyond which a residual does not belong to the ground. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """The background of one block of ground."""

    middle: Floats
    """(time, band) median of coal-free pixels, NaN on dates with too few."""
    loads: Floats
    """(time, band, rank) Λ."""
    noise: Floats
    """(time, band, band) covariance of what the factors leave."""
    usable: Bools
    """(time,) dates with enough coal-free pixels."""


def fit_factors(
    pixels: Floats, seen: Bools, *, rank: int, rounds: int = ROUNDS, minimum: int = FEWEST_PIXELS
) -> tuple[Factors, Floats]:
    """Fit the model to coal-free pixels.

    Args:
        pixels: (time, n, band) reflectance.
        seen: (time, n) where it may be used.
        rank: number of factors.
        rounds: alternating regressions.
        minimum: fewest pixels that describe a date.

    Returns:
        the factors and the loadings (n, rank), scaled to unit variance.
    """
    usable = seen.sum(axis=1) >= minimum
    away, middle = _centred(pixels, seen & usable[:, None])
    trusted = seen & usable[:, None]
    spread = np.sqrt(_mean_square(away, trusted)) + LEAST_SPREAD
    z = _starting_loads(away / spread[:, None, :], rank)
    loads, noise = _date_step(away, trusted, z)
    for _ in range(rounds):
        z, _ = project([(away, trusted, *information(loads, noise))], loads)
        z = _whitened(z)
        loads, noise = _date_step(away, trusted, z)
        trusted = seen & usable[:, None] & ~_outliers(away, z, loads, noise)
    return Factors(middle=middle, loads=loads, noise=noise, usable=usable), z


def predicted(loads: Floats, z: Floats) -> Floats:
    """(time, n, band) differences to the median that the model expects."""
    return np.asarray(z @ loads.transpose(0, 2, 1))


def information(loads: Floats, noise: Floats) -> tuple[Floats, Floats]:
    """What one look at a pixel says about its loadings.

    Args:
        loads: (time, band, rank).
        noise: (time, band, band).

    Returns:
        weights (time, band, band) of the residuals and information (time, rank, rank).
    """
    weight = np.linalg.inv(noise)
    return np.asarray(weight, dtype=np.float64), loads.transpose(0, 2, 1) @ weight @ loads


def project(
    looks: Sequence[tuple[Floats, Floats | Bools, Floats, Floats]],
    loads: Floats,
    *,
    prior_mean: Floats | None = None,
    prior_precision: Floats | None = None,
) -> tuple[Floats, Floats]:
    """Loadings (n, rank) and their covariance (n, rank, rank).

    Args:
        looks: away (time, n, band), trust (time, n), weights and information as `information` gives them.
        loads: (time, band, rank).
        prior_mean: (n, rank); zero where None.
        prior_precision: (rank, rank); identity where None.
    """
    dates, _, rank = loads.shape
    count = looks[0][0].shape[1]
    precision = np.eye(rank) if prior_precision is None else prior_precision
    total = np.repeat(precision[None], count, axis=0)
    right = np.zeros((count, rank)) if prior_mean is None else prior_mean @ precision
    for away, trust, weight, known in looks:
        w = np.asarray(trust, dtype=np.float64)
        total = total + (w.T @ known.reshape(dates, rank * rank)).reshape(count, rank, rank)
        gained = (away * w[..., None]) @ (weight @ loads)
        right = right + gained.sum(axis=0)
    covariance = np.linalg.inv(total)
    loadings: Floats = np.einsum("nrs,ns->nr", covariance, right)
    return loadings, np.asarray(covariance, dtype=np.float64)


def _centred(pixels: Floats, seen: Bools) -> tuple[Floats, Floats]:
    """Differences to the median of each date, zero where not seen."""
    middle = np.full((pixels.shape[0], pixels.shape[2]), np.nan)
    for t in np.flatnonzero(seen.any(axis=1)):
        middle[t] = np.median(pixels[t, seen[t]], axis=0)
    away = np.where(seen[..., None], pixels - middle[:, None, :], 0.0)
    return away, middle


def _mean_square(away: Floats, trusted: Bools) -> Floats:
    """(time, band)."""
    count = np.maximum(trusted.sum(axis=1), 1)[:, None]
    return np.asarray((away**2 * trusted[..., None]).sum(axis=1) / count)


def _starting_loads(scaled: Floats, rank: int) -> Floats:
    """Leading left singular vectors (n, rank) of the pixels, by power iteration from a fixed start."""
    dates, count, bands = scaled.shape
    matrix = np.clip(scaled, -CLIPPED_SD, CLIPPED_SD).transpose(1, 0, 2).reshape(count, dates * bands)
    basis = np.random.default_rng(0).normal(size=(dates * bands, rank + SPARE))
    for _ in range(POWER_TURNS):
        left, _ = np.linalg.qr(matrix @ basis)
        basis = matrix.T @ left
    turn, _, _ = np.linalg.svd(basis.T, full_matrices=False)
    return _whitened((left @ turn)[:, :rank])


def _whitened(z: Floats) -> Floats:
    """Unit second moments, no correlation."""
    moment = z.T @ z / len(z) + TINY * np.eye(z.shape[1])
    root = np.linalg.cholesky(moment)
    return np.asarray(np.linalg.solve(root, z.T).T)


def _date_step(away: Floats, trusted: Bools, z: Floats) -> tuple[Floats, Floats]:
    """Factors and residual covariance of every date, given the loadings."""
    dates, _, bands = away.shape
    rank = z.shape[1]
    squares = np.einsum("nr,ns->nrs", z, z).reshape(len(z), rank * rank)
    w = trusted.astype(np.float64)
    left = (w @ squares).reshape(dates, rank, rank) + np.eye(rank) * PRIOR_PIXELS
    right = (away * w[..., None]).transpose(0, 2, 1) @ z
    loads = np.linalg.solve(left[:, None], right[..., None])[..., 0]
    rest = (away - predicted(loads, z)) * w[..., None]
    count = np.maximum(w.sum(axis=1), 1.0)[:, None, None]
    noise = rest.transpose(0, 2, 1) @ rest / count
    return loads, noise + RIDGE * np.eye(bands)


def _outliers(away: Floats, z: Floats, loads: Floats, noise: Floats) -> Bools:
    """(time, n) residuals that are too large for their date."""
    rest = away - predicted(loads, z)
    sd = np.sqrt(np.diagonal(noise, axis1=1, axis2=2))[:, None, :]
    return np.asarray((np.abs(rest) / sd).max(axis=2) > OUTLIER_SD)
