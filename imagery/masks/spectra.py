"""What a pixel's own spectrum says where classes are missing.

Reflectance is (y, x) by band, NaN where missing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from evidence.arrays import Mask

Bands = Mapping[str, NDArray[np.float32]]


CLOUD_BRIGHT = 0.18
"""Mean visible reflectance; bare soil stays below, thick cloud is far above."""
CLOUD_WHITE = 0.35
"""Largest spread of the visible bands over their mean; soil and vegetation are coloured."""
SNOW_NDSI, SNOW_BRIGHT = 0.4, 0.15
"""Dozier 1989; the brightness keeps water out."""
LIT_SNOW, LEAST_LIT_CELLS, SHADED_SHARE = 0.6, 60, 0.6
"""Lit snow is brighter in green than the first; how many cells make a level; shaded snow's share of it."""
SHADED_SNOW_LEAST, SHADED_SNOW_MOST, SHADED_SNOW_SWIR = 0.1, 0.35, 0.05
"""Green of shaded snow (below the first it is water), and its short-wave where the scene has no lit snow."""
WATER_DARK = 0.05
"""Infrared reflectance of clear and of silty water stays below; coal's short-wave does not (DOMAIN 5)."""
SHADE_RED, SHADE_NIR = 0.08, 0.15
COAL_NIR, COAL_NDVI = 0.13, 0.25
"""Coal faces reach .098 in the near infrared at their 90th percentile, with NDVI under .2 (DOMAIN 5)."""


def spectral_cloud(bands: Bands) -> Mask:
    """Bright and white in the visible."""
    visible = np.stack([bands[band] for band in ("blue", "green", "red") if band in bands])
    bright = visible.mean(axis=0)
    cloud: Mask = (bright > CLOUD_BRIGHT) & (np.ptp(visible, axis=0) < CLOUD_WHITE * bright)
    return cloud & ~spectral_snow(bands)


def spectral_snow(bands: Bands) -> Mask:
    """NDSI, where a short-wave band is there."""
    if "swir16" not in bands or "green" not in bands:
        return np.zeros(bands["red"].shape, bool)
    green, swir = bands["green"], bands["swir16"]
    snow: Mask = (green - swir > SNOW_NDSI * (green + swir)) & (green > SNOW_BRIGHT)
    return snow


def snow_coloured(bands: Bands) -> Mask:
    """Of the colour of snow, bright or in shadow: shadow leaves the colour, and makes it bluer."""
    if "swir16" not in bands or "green" not in bands:
        return np.zeros(bands["red"].shape, bool)
    green, swir = bands["green"], bands["swir16"]
    coloured: Mask = (green - swir > SNOW_NDSI * (green + swir)) & (green > SHADED_SNOW_LEAST)
    return coloured


def shaded_snow(bands: Bands) -> Mask:
    """Snow in shadow: of its colour, and far below the scene's lit snow in green and at 1.6 um.

    Patches of lit snow are dark in green too, but the ground between them shows at 1.6 um.
    """
    coloured = snow_coloured(bands)
    if not coloured.any():
        return coloured
    green, swir = bands["green"], bands["swir16"]
    lit = coloured & (green > LIT_SNOW)
    if int(lit.sum()) >= LEAST_LIT_CELLS:
        shaded: Mask = coloured & (green < LIT_SNOW) & (swir < SHADED_SHARE * float(np.median(swir[lit])))
        return shaded
    return coloured & (green < SHADED_SNOW_MOST) & (swir < SHADED_SNOW_SWIR)


def spectral_water(bands: Bands) -> Mask:
    """Darker in the infrared than in the green, and dark in the short-wave where that band is there."""
    green, nir = bands.get("green", bands["red"]), bands["nir"]
    infrared = bands.get("swir16", nir)
    water: Mask = (green > infrared) & (green > nir) & (infrared < WATER_DARK)
    return water


def spectral_dark(bands: Bands) -> Mask:
    """Dark in red and infrared: shadow where a cloud can cast it."""
    dark: Mask = (bands["red"] < SHADE_RED) & (bands["nir"] < SHADE_NIR)
    return dark


def coal_like(bands: Bands) -> Mask:
    """Dark in the infrared and without plants: what a shadow test must not take on darkness alone."""
    nir, red = bands["nir"], bands["red"]
    like: Mask = (nir < COAL_NIR) & (nir - red < COAL_NDVI * (nir + red))
    return like
