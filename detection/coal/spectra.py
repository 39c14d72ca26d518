"""Coal's mean spectrum with its uncertainty, as the mixture takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion
from scipy.special import gammaincinv

from detection.coal.smoothing import BRIEF_TAU_DAYS, EIGHT, smooth_time

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoalSpectrum:
    """Mean reflectance of coal by band, with its uncertainty."""

    id: str
    """Name and version, kept with every result."""
    bands: tuple[str, ...]
    mean: tuple[float, ...]
    """(band,) reflectance."""
    sd: tuple[float, ...]
    """(band,) how far the mean of a site's coal may lie from `mean`, one standard deviation."""
    correlation: float = 0.8
    """Between the deviations of two bands, where `matrix` is not given. Assumed."""
    matrix: tuple[tuple[float, ...], ...] | None = None
    """(band, band) covariance of the deviations."""
    calibrated: bool = False
    """Whether it comes from coal that a user marked."""
    measured_at: str | None = None
    """Site on whose marked coal it was measured; None where that is not known."""
    documented: bool = False
    """Whether that coal was marked on a named image of a metre or finer and two reviewers agreed."""

    def select(self, bands: Sequence[str]) -> tuple[Floats, Floats]:
        """Mean (band,) and covariance (band, band) of the bands asked for."""
        index = [self.bands.index(band) for band in bands]
        mean, sd = np.array(self.mean)[index], np.array(self.sd)[index]
        if self.matrix is not None:
            return mean, np.array(self.matrix)[np.ix_(index, index)]
        shape = np.full((len(index), len(index)), self.correlation)
        np.fill_diagonal(shape, 1.0)
        return mean, shape * np.outer(sd, sd)


Bools = NDArray[np.bool_]
MOST_LOOKS = 30.0
"""Independent looks that the cores of a site count for at most. Assumed."""

CORE_FRACTION = 0.55
"""Mean fraction above which a pixel may be inside a pile; cores are such pixels with all their neighbours.
Assumed."""

PIXELS_PER_INDEPENDENT_LOOK = 60.0
"""Pixels of one pile and neighbouring dates that count as one, for they share texture and haze. Assumed."""

GRAIN, RELATIVE_GRAIN = 0.004, 0.05
"""What one look at one pixel of coal is off by, reflectance (measured: Sentinel-2 over dark ground) and share
of it (assumed): noise, haze, texture."""


DARKEST = 1e-3
"""Reflectance under which a look is taken for this before its logarithm is. Assumed."""

LIKENESS = 0.95
"""Share of a site's coal that counts as like it. Assumed."""

LIKENESS_TAU_DAYS = 60.0
"""Days over which a pixel's looks say together whether it is coal: one hazy look does not. Assumed."""

SHRINKAGE_PIXELS = 3.0
"""Core pixels at which a date's own spectrum weighs as much as the site's. Assumed."""


def chi_square_quantile(share: float, degrees: int) -> float:
    """What that share of chi-square values lie below."""
    return float(2.0 * gammaincinv(degrees / 2.0, share))


def like_coal(pixels: Floats, mean: Floats, covariance: Floats) -> Bools:
    """(…) looks that can be this site's coal: as far from its spectrum as that is unknown, and no further.

    A test of shape in ln reflectance: water and plants are far, whatever the light.

    Args:
        pixels: (…, band) reflectance.
        mean: (band,) of the site's coal.
        covariance: (band, band) what is not known of it.
    """
    total = covariance / np.outer(mean, mean) + np.diag((GRAIN / mean + RELATIVE_GRAIN) ** 2)
    away = np.log(np.maximum(np.nan_to_num(pixels), DARKEST) / mean)
    distance = ((away @ np.linalg.inv(total)) * away).sum(axis=-1)
    return np.asarray(distance < chi_square_quantile(LIKENESS, len(mean)))


def mostly(like: Bools, seen: Bools, days: Floats) -> Bools:
    """(time, n) pixels whose looks around a date can mostly be coal, even where that date itself is hazy."""
    share, _ = smooth_time(
        np.where(seen, like.astype(np.float64), np.nan), np.ones(1), days, tau_days=LIKENESS_TAU_DAYS
    )
    return np.asarray(share > 0.5)  # noqa: PLR2004 - more than half


def core_pixels(fraction: Floats, days: Floats, where: NDArray[np.intp], shape: tuple[int, int]) -> Bools:
    """(time, n) pixels that are full of coal, like all their neighbours.

    Args:
        fraction: (time, n), NaN where not seen.
        days: (time,).
        where: (n,) flat positions in the block.
        shape: (rows, columns) of the block.
    """
    mean, _ = smooth_time(fraction, np.ones(1), days, tau_days=BRIEF_TAU_DAYS)
    full = np.zeros((len(days), shape[0] * shape[1]), dtype=bool)
    full[:, where] = mean > CORE_FRACTION
    inner = binary_erosion(full.reshape(-1, *shape), structure=EIGHT[None])
    return np.asarray(inner.reshape(len(days), -1)[:, where] & np.isfinite(fraction))


def learned_spectrum(
    pixels: Floats, core: Bools, mean: Floats, covariance: Floats
) -> tuple[Floats, Floats, Floats]:
    """Coal on every date, with what remains unknown of it.

    Args:
        pixels: (time, n, band) reflectance.
        core: (time, n) pixels full of coal.
        mean: (band,) prior.
        covariance: (band, band) of the prior.

    Returns:
        (time, band) spectrum of each date, (band,) of the site, (band, band) covariance of the site's.
    """
    count = core.sum(axis=1)
    dates = np.flatnonzero(count)
    if not len(dates):
        return np.repeat(mean[None], len(pixels), axis=0), mean, covariance
    looks = np.array([np.median(pixels[t, core[t]], axis=0) for t in dates])
    middle = np.median(looks, axis=0)
    trust = min(float(count.sum()) / PIXELS_PER_INDEPENDENT_LOOK, MOST_LOOKS)
    measured = np.diag((GRAIN + RELATIVE_GRAIN * middle) ** 2) / trust
    prior, data = np.linalg.inv(covariance), np.linalg.inv(measured)
    left = np.linalg.inv(prior + data)
    site = left @ (prior @ mean + data @ middle)
    out = np.repeat(site[None], len(pixels), axis=0)
    share = (count[dates] / (count[dates] + SHRINKAGE_PIXELS))[:, None]
    out[dates] += share * (looks - site)
    return out, site, left
