"""Local matched filter: coal fraction of every pixel of one scene against coal-free ground around it.

Baseline after Manolakis et al. (2001) and DOMAIN notes: median and covariance of a ring, coal scaled by the
brightness of the scene, null from the ring.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imagery.robust import MAD_TO_SD

Floats = NDArray[np.float64]

Bools = NDArray[np.bool_]
LEAST_SPREAD = 1e-4
"""Reflectance added to the robust spread. Assumed."""
OUTLIER_SD, PIXELS_A_BAND = 6.0, 4
"""Robust deviations from which a pixel is not this ground; pixels a band that must be left. Assumed."""

MINIMUM_RING = 60
"""Coal-free pixels under which they describe no ground. Assumed."""

MAXIMUM_RING = 1000
"""Coal-free pixels beyond which more add time and no knowledge. Assumed."""

RIDGE = 2e-5
"""Variance of reflectance added to every band: (0.0045)², about the noise of one Sentinel-2 band over dark
ground. Assumed."""


def background(pixels: Floats) -> tuple[Floats, Floats]:
    """Median (band,) and ridged robust covariance (band, band) of coal-free pixels (n, band)."""
    pixels = pixels[:: max(1, len(pixels) // MAXIMUM_RING)]
    middle = np.median(pixels, axis=0)
    away = pixels - middle
    spread = MAD_TO_SD * np.median(np.abs(away), axis=0) + LEAST_SPREAD
    keep = (np.abs(away) / spread).max(axis=1) < OUTLIER_SD
    kept = away[keep] if keep.sum() > pixels.shape[1] * PIXELS_A_BAND else away
    covariance = kept.T @ kept / len(kept)
    return middle, covariance + RIDGE * np.eye(len(middle))


def weights(middle: Floats, covariance: Floats, coal: Floats) -> Floats:
    """Filter w (band,) with ``w·(coal − middle) = 1`` and least variance over the background."""
    target = coal - middle
    solved = np.linalg.solve(covariance, target)
    return np.asarray(solved / (target @ solved), dtype=np.float64)


def matched_fraction(pixels: Floats, ring: Bools, coal: Floats) -> Floats | None:
    """Unclipped coal fraction of one scene, with the ring's median at zero.

    Args:
        pixels: (y, x, band) reflectance, NaN where not seen.
        ring: (y, x) coal-free ground that was seen.
        coal: (band,) reflectance of coal.

    Returns:
        (y, x) fraction, NaN where not seen; None where the ring is too small.
    """
    free = pixels[ring & np.isfinite(pixels).all(axis=2)]
    if len(free) < MINIMUM_RING:
        return None
    middle, covariance = background(free)
    fraction = (pixels - middle) @ weights(middle, covariance, coal)
    return np.asarray(fraction - np.nanmedian(fraction[ring]), dtype=np.float64)
