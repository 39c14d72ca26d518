"""What a pixel's own spectrum says where classes are missing.

Reflectance is (y, x) by band, NaN where missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evidence.arrays import Floats32, Mask

Bands = Mapping[str, Floats32]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectraParams:
    """Limits of the tests that look at one pixel's spectrum alone. Reflectance, 0 to 1, unless said."""

    cloud_bright: float = 0.18
    """Mean visible reflectance above which a pixel may be cloud. Assumed: bare soil stays below, thick
    cloud is far above."""
    cloud_white: float = 0.35
    """Largest spread of the visible bands over their mean in cloud, 1. Assumed; the whiteness test of Zhu and
    Woodcock 2012 takes .7 of the summed deviations."""
    snow_ndsi: float = 0.4
    """Normalised difference of green and 1.6 um above which a pixel has the colour of snow, 1 (Dozier
    1989)."""
    snow_green: float = 0.15
    """Green above which it is snow and not water; .11 in Hall et al. 1995, raised for haze: assumed."""
    lit_snow_green: float = 0.6
    """Green of snow in full light. Assumed: old snow reflects .6 to .7 (Wiscombe and Warren 1980)."""
    least_lit_cells: int = 60
    """Lit cells of 20 m that make a level to hold the shaded ones against. Assumed."""
    shaded_share: float = 0.6
    """Share of lit snow's level at 1.6 um below which snow lies in shadow, 1. Assumed."""
    shaded_green: float = 0.1
    """Green of shaded snow is above it: below it is water. Assumed."""
    shaded_green_most: float = 0.35
    """Green of shaded snow where the scene has no lit snow to compare with is below it. Assumed."""
    shaded_swir: float = 0.05
    """Its reflectance at 1.6 um is below it, there. Assumed."""
    water_infrared: float = 0.05
    """Infrared reflectance that clear and silty water stay below. Measured: water at Korba .022 to .024; the
    short-wave of dry coal does not stay below."""
    shade_red: float = 0.08
    """Red below which ground is dark enough for shadow. Assumed."""
    shade_nir: float = 0.15
    """Near infrared below which it is. Assumed."""
    coal_nir: float = 0.13
    """Near infrared below which ground may be coal. Measured: dark ground at Korba reaches .098 at its 90th
    percentile; a third more for other coal: assumed."""
    coal_ndvi: float = 0.25
    """NDVI below which it may be, 1. Measured: under .2 at Korba; the margin is assumed."""


def spectral_cloud(bands: Bands, params: SpectraParams) -> Mask:
    """Bright and white in the visible."""
    visible = np.stack([bands[band] for band in ("blue", "green", "red") if band in bands])
    bright = visible.mean(axis=0)
    cloud: Mask = (bright > params.cloud_bright) & (np.ptp(visible, axis=0) < params.cloud_white * bright)
    return cloud & ~spectral_snow(bands, params)


def spectral_snow(bands: Bands, params: SpectraParams) -> Mask:
    """NDSI, where a short-wave band is there."""
    if "swir16" not in bands or "green" not in bands:
        return np.zeros(bands["red"].shape, bool)
    green, swir = bands["green"], bands["swir16"]
    snow: Mask = (green - swir > params.snow_ndsi * (green + swir)) & (green > params.snow_green)
    return snow


def snow_coloured(bands: Bands, params: SpectraParams) -> Mask:
    """Of the colour of snow, bright or in shadow: shadow leaves the colour, and makes it bluer."""
    if "swir16" not in bands or "green" not in bands:
        return np.zeros(bands["red"].shape, bool)
    green, swir = bands["green"], bands["swir16"]
    coloured: Mask = (green - swir > params.snow_ndsi * (green + swir)) & (green > params.shaded_green)
    return coloured


def shaded_snow(bands: Bands, params: SpectraParams) -> Mask:
    """Snow in shadow: of its colour, and far below the scene's lit snow in green and at 1.6 um.

    Patches of lit snow are dark in green too, but the ground between them shows at 1.6 um.
    """
    coloured = snow_coloured(bands, params)
    if not coloured.any():
        return coloured
    green, swir = bands["green"], bands["swir16"]
    lit = coloured & (green > params.lit_snow_green)
    if int(lit.sum()) >= params.least_lit_cells:
        shaded: Mask = (
            coloured
            & (green < params.lit_snow_green)
            & (swir < params.shaded_share * float(np.median(swir[lit])))
        )
        return shaded
    return coloured & (green < params.shaded_green_most) & (swir < params.shaded_swir)


def spectral_water(bands: Bands, params: SpectraParams) -> Mask:
    """Darker in the infrared than in the green, and dark in the short-wave where that band is there."""
    green, nir = bands.get("green", bands["red"]), bands["nir"]
    infrared = bands.get("swir16", nir)
    water: Mask = (green > infrared) & (green > nir) & (infrared < params.water_infrared)
    return water


def spectral_dark(bands: Bands, params: SpectraParams) -> Mask:
    """Dark in red and infrared: shadow where a cloud can cast it."""
    dark: Mask = (bands["red"] < params.shade_red) & (bands["nir"] < params.shade_nir)
    return dark


def coal_like(bands: Bands, params: SpectraParams) -> Mask:
    """Dark in the infrared and without plants: what a shadow test must not take on darkness alone."""
    nir, red = bands["nir"], bands["red"]
    like: Mask = (nir < params.coal_nir) & (nir - red < params.coal_ndvi * (nir + red))
    return like
