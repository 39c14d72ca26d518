"""The two baselines that the method is compared with: global endmembers and a local matched filter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from benchmarks.stockpiles.painting import KORBA
from detection.coal.matched_filter import background, weights

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def three_endmembers(pixels: Floats, seen: Bools, share: Floats) -> Floats:
    """(time,) pixels of coal: forest, soil and coal by plain least squares, sum over the zone."""
    coal = np.array([KORBA[band] for band in ("blue", "green", "red", "nir", "swir16")])
    forest = np.array([0.025, 0.045, 0.025, 0.36, 0.18])
    soil = np.array([0.08, 0.11, 0.14, 0.22, 0.30])
    mixture = np.vstack([np.column_stack([forest, soil, coal]), 10.0 * np.ones(3)])
    solve = np.linalg.pinv(mixture)[2]
    fraction = pixels @ solve[:5] + solve[5] * 10.0
    return np.where(seen, fraction * share, 0.0).sum(axis=(1, 2))


def local_matched_filter(pixels: Floats, seen: Bools, share: Floats, zones: Bools) -> Floats:
    """(time,) pixels of coal: ring of 130–260 m, coal scaled by the brightness, null from the ring."""
    coal = np.array([KORBA[band] for band in ("blue", "green", "red", "nir", "swir16")])
    near = binary_dilation(share > 0, iterations=13)
    ring = binary_dilation(share > 0, iterations=26) & ~near & ~binary_dilation(zones, iterations=2)
    level = np.array(
        [
            np.median(p[s & ring]) if (s & ring).sum() > 60 else np.nan
            for p, s in zip(pixels, seen, strict=True)
        ]
    )
    out = np.full(len(pixels), np.nan)
    for t in range(len(pixels)):
        free = seen[t] & ring
        if free.sum() < 60:
            continue
        middle, covariance = background(pixels[t][free])
        scale = np.clip(level[t] / np.nanmedian(level), 0.7, 1.4)
        fraction = (pixels[t] - middle) @ weights(middle, covariance, coal * scale)
        fraction -= np.median(fraction[free])
        out[t] = (np.where(seen[t], fraction, 0.0) * share).sum()
    return out
