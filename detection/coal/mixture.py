"""Pixels as mixtures of coal and ground: generalised least squares, and what the mixture leaves.

``f = d' C⁻¹ (y − b) / (d' C⁻¹ d)`` with ``d = s − b``: coal minus the pixel's own background on that date, C
what is not known of the background. Not clipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def cholesky(matrices: Floats) -> Floats:
    """Lower factors (band, band, n) of positive definite ones (band, band, n), whose lower half is read."""
    size = len(matrices)
    lower = np.zeros_like(matrices)
    for j in range(size):
        rest = matrices[j:, j] - np.einsum("ikn,kn->in", lower[j:, :j], lower[j, :j])
        lower[j, j] = np.sqrt(rest[0])
        lower[j + 1 :, j] = rest[1:] / lower[j, j]
    return lower


def whitened(lower: Floats, vectors: Floats) -> Floats:
    """``L⁻¹ v`` (band, n): in these coordinates the covariance ``L Lᵀ`` is the identity."""
    out = np.empty_like(vectors)
    for i in range(len(vectors)):
        out[i] = (vectors[i] - np.einsum("kn,kn->n", lower[i, :i], out[:i])) / lower[i, i]
    return out


Bools = NDArray[np.bool_]

PAIRS_AT_ONCE = 200_000
"""Pixels times dates that are solved together: bounds memory. A choice of layout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixed:
    """Fractions of some pixels on some dates."""

    value: Floats
    """(time, n) unclipped, NaN where not seen."""
    variance: Floats
    """(time, n)."""
    misfit: Floats
    """(time, n) mean square of what the nearest mixture (share in 0..1; darker than coal is none) leaves,
    in its own standard deviations; NaN where not seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """What is not known of the ground below, and of coal."""

    loads: Floats
    """(time, band, rank) factors."""
    spread: Floats
    """(n, rank, rank) covariance of the pixels' loadings."""
    noise: Floats
    """(time, band, band) what the factors leave."""
    texture: float
    """How far one band of one pile's coal differs from the site's, relative."""
    brightness: float
    """How far the coal of one pile is brighter or darker as a whole, relative."""

    def ground(self, dates: slice) -> Floats:
        """(band, band, time · n) covariance of the ground, lower half."""
        loads, noise = self.loads[dates], self.noise[dates]
        (times, bands, rank), count = loads.shape, len(self.spread)
        flat = self.spread.reshape(count, rank * rank).T
        out = np.zeros((bands, bands, times, count))
        for i in range(bands):
            for j in range(i + 1):
                both = (loads[:, i, :, None] * loads[:, j, None, :]).reshape(times, rank * rank)
                out[i, j] = both @ flat + noise[:, i, j, None]
        return out.reshape(bands, bands, times * count)

    def coal(self, spectrum: Floats) -> Floats:
        """(band, band, time) how far the coal of a pixel differs from the site's spectrum (time, band)."""
        by_band = np.eye(spectrum.shape[1])[..., None] * spectrum.T[:, None] ** 2
        as_whole = spectrum.T[:, None] * spectrum.T[None]
        return np.asarray(self.texture**2 * by_band + self.brightness**2 * as_whole)


def _chunks(dates: int, pixels: int) -> Iterator[slice]:
    step = max(1, PAIRS_AT_ONCE // max(pixels, 1))
    for start in range(0, dates, step):
        yield slice(start, min(dates, start + step))


def unmixed(target: Floats, seen: Bools, ground: Floats, spectrum: Floats, unknown: Uncertain) -> Mixed:
    """Coal fraction of every pixel on every date.

    Args:
        target: (time, n, band) reflectance.
        seen: (time, n).
        ground: (time, n, band) what would be there without coal.
        spectrum: (time, band) coal.
        unknown: of both.
    """
    value, variance, misfit = np.empty(seen.shape), np.empty(seen.shape), np.empty(seen.shape)
    for dates in _chunks(*seen.shape):
        value[dates], variance[dates], misfit[dates] = _solved(
            target[dates], ground[dates], spectrum[dates], unknown, dates
        )
    return Mixed(
        value=np.where(seen, value, np.nan), variance=variance, misfit=np.where(seen, misfit, np.nan)
    )


def _solved(
    target: Floats, ground: Floats, spectrum: Floats, unknown: Uncertain, dates: slice
) -> tuple[Floats, Floats, Floats]:
    """Fraction, variance and misfit (time, n) of a few dates."""
    times, count, bands = target.shape
    covariance = unknown.ground(dates)
    lower = cholesky(covariance)
    contrast = (spectrum[:, None] - ground).reshape(-1, bands).T
    away = (target - ground).reshape(-1, bands).T
    ruled = whitened(lower, contrast)
    strength = (ruled**2).sum(axis=0)
    value = (ruled * whitened(lower, away)).sum(axis=0) / strength
    share = np.clip(value, 0.0, 1.0)
    covariance += np.repeat(unknown.coal(spectrum), count, axis=2) * share**2
    left = whitened(cholesky(covariance), away - share * contrast)
    misfit = (left**2).sum(axis=0) / (bands - 1)
    return tuple(part.reshape(times, count) for part in (value, 1.0 / strength, misfit))


def control_level(
    control: Floats, seen: Bools, ground: Floats, spectrum: Floats, unknown: Uncertain
) -> Floats:
    """(time,) median of the same estimate over coal-free pixels.

    Args:
        control: (time, m, band) coal-free pixels.
        seen: (time, m).
        ground: (time, m, band) what the factors expect of them.
        spectrum: (time, band) coal.
        unknown: of the pixels that may hold coal; its mean is taken.
    """
    typical = unknown.spread.mean(axis=0)
    null = np.zeros(len(control))
    for t, loads in enumerate(unknown.loads):
        covariance = loads @ typical @ loads.T + unknown.noise[t]
        contrast = spectrum[t] - ground[t]
        weight = np.linalg.solve(covariance, contrast.T).T
        value = (weight * (control[t] - ground[t])).sum(axis=1) / (weight * contrast).sum(axis=1)
        null[t] = np.median(value[seen[t]])
    return null


def coarse_weight(ground: Floats, site: Floats, unknown: Uncertain, coarse: Bools) -> Floats:
    """(time,) how much of a fraction rests on the bands of 20 m, beyond 1 where others weigh against them.

    Args:
        ground: (time, n, band) what would be there without coal.
        site: (band,) coal.
        unknown: of the ground.
        coarse: (band,) bands of 20 m.
    """
    typical, out = unknown.spread.mean(axis=0), np.zeros(len(ground))
    for t, loads in enumerate(unknown.loads):
        contrast = site - np.median(ground[t], axis=0)
        weight = np.linalg.solve(loads @ typical @ loads.T + unknown.noise[t], contrast)
        out[t] = (weight * contrast)[coarse].sum() / (weight @ contrast)
    return out


def spectrum_error(ground: Floats, site: Floats, site_covariance: Floats, unknown: Uncertain) -> Floats:
    """(time,) relative error of a fraction whose coal differs from `site` by a covariance (band, band)."""
    typical, out = unknown.spread.mean(axis=0), np.zeros(len(ground))
    for t, loads in enumerate(unknown.loads):
        contrast = site - np.median(ground[t], axis=0)
        weight = np.linalg.solve(loads @ typical @ loads.T + unknown.noise[t], contrast)
        weight /= weight @ contrast
        out[t] = np.sqrt(weight @ site_covariance @ weight)
    return out
