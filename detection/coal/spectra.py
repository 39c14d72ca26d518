"""Coal's mean spectrum with its uncertainty, as the mixture takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
