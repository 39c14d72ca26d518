"""What coal looks like before anybody has marked some: a prior spectrum with its spread.

The prior is measured on an open-cast coal mine (Korba, India, Sentinel-2 L2A of 2023-01-10: dark, NDVI below
0.2, not water; tenth, fiftieth and ninetieth percentile of each band). Bands that were not measured there are
interpolated along the wavelength. Coal of another rank is darker or brighter as a whole, so the spread of the
bands is strongly correlated; `CoalSpectrum.correlation` says how strongly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

KORBA_PERCENTILES = MappingProxyType(
    {
        "blue": (0.028, 0.042, 0.058),
        "green": (0.029, 0.046, 0.066),
        "red": (0.031, 0.052, 0.076),
        "rededge1": (0.033, 0.056, 0.082),
        "rededge2": (0.036, 0.061, 0.089),
        "rededge3": (0.038, 0.065, 0.093),
        "nir": (0.040, 0.069, 0.098),
        "nir08": (0.042, 0.072, 0.102),
        "swir16": (0.082, 0.130, 0.174),
        "swir22": (0.080, 0.125, 0.168),
    }
)
"""Reflectance at the 10th, 50th and 90th percentile; red edge, nir08 and swir22 are interpolated guesses."""

P90_IN_SD = 1.2816
"""The 90th percentile of a normal distribution, in standard deviations."""


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
    """Between the deviations of two bands."""
    calibrated: bool = False
    """Whether it comes from coal that a user marked at this site."""

    def select(self, bands: Sequence[str]) -> tuple[Floats, Floats]:
        """Mean (band,) and covariance (band, band) of the bands asked for."""
        index = [self.bands.index(band) for band in bands]
        mean, sd = np.array(self.mean)[index], np.array(self.sd)[index]
        shape = np.full((len(index), len(index)), self.correlation)
        np.fill_diagonal(shape, 1.0)
        return mean, shape * np.outer(sd, sd)


def prior_spectrum() -> CoalSpectrum:
    """The spectrum used where no coal has been marked at the site."""
    bands = tuple(KORBA_PERCENTILES)
    low, mid, high = np.array([KORBA_PERCENTILES[band] for band in bands]).T
    sd = (high - low) / 2.0 / P90_IN_SD
    return CoalSpectrum(
        id="korba-2023-prior-1",
        bands=bands,
        mean=tuple(float(v) for v in mid),
        sd=tuple(float(v) for v in sd),
    )
