"""Bare yards: where a zone's ground itself reads as partly coal, it is its own background at first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detection.coal.medians import nan_median

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

BARE_READS_AS = 0.1
"""Fraction, against the surroundings, from which the ground of a zone counts as a yard."""
FEWEST_PIXELS = 60
GROUND_QUANTILE = 0.6
"""Where the first guess of the ground lies in the zone's range of brightness: coal is darker than yards."""
COAL_FREE = 0.25
"""Mean fraction below which a pixel tells what the yard looks like."""
NOISE = 0.006
"""Reflectance: what one band of one look is off by."""
TEXTURE = 0.3
"""How far one part of a yard is brighter as a whole than another, relative."""
LEAST_CONTRAST = 0.02
"""Mean difference of ground and coal, reflectance, below which nothing can be told."""


def yard_fractions(pixels: Floats, seen: Bools, coal: Floats) -> tuple[Floats, Bools] | None:
    """Coal against the yard's own ground, date by date.

    Args:
        pixels: (time, n, band) reflectance of one zone.
        seen: (time, n).
        coal: (band,) spectrum.

    Returns:
        (time, n) fraction (NaN where not told), (n,) bare ground; None where ground and coal cannot be told
        apart.
    """
    if pixels.shape[1] < FEWEST_PIXELS:
        return None
    shown = np.where(seen[..., None], pixels, np.nan)
    dates = np.flatnonzero(seen.sum(axis=1) > 0.5 * seen.shape[1])
    if not len(dates):
        return None
    ground = np.nanquantile(shown[dates], GROUND_QUANTILE, axis=1)
    bare = np.ones(seen.shape[1], dtype=bool)
    fraction = np.full(seen.shape, np.nan)
    for _ in range(3):
        fraction[dates] = _against(shown[dates], ground, coal)
        level = np.nan_to_num(nan_median(fraction[dates]), nan=1.0)
        bare = level < COAL_FREE
        if bare.sum() < FEWEST_PIXELS // 2:
            return None
        ground = np.where(np.isfinite(at := nan_median(shown[dates][:, bare], axis=1)), at, ground)
    if np.median(ground - coal, axis=0).mean() < LEAST_CONTRAST:
        return None
    return fraction, bare


def _against(shown: Floats, ground: Floats, coal: Floats) -> Floats:
    """(time, n) matched fraction, brightness of the ground allowed for."""
    out = np.empty(shown.shape[:2])
    for t, base in enumerate(ground):
        covariance = NOISE**2 * np.eye(len(coal)) + TEXTURE**2 * np.outer(base, base)
        weight = np.linalg.solve(covariance, coal - base)
        out[t] = (shown[t] - base) @ weight / (weight @ (coal - base))
    return out
