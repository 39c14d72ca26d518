"""What was seen of the ground: coal-safe masks.

Sen2Cor's scene classification (SCL) takes coal for dark area (2), cloud shadow (3), water (6) or
unclassified (7). None of these classes hides a pixel by itself here: cloud is cloud; shadow is ground
darker than its own history that a cloud can have darkened; and what is dark in most clear scenes is ground.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imagery.masks_shadow import ShadowParams, cast_by_clouds, grow
from imagery.masks_spectra import (
    Bands,
    Mask,
    coal_like,
    spectral_cloud,
    spectral_dark,
    spectral_snow,
    spectral_water,
)

SCL_NODATA, SCL_DEFECTIVE, SCL_DARK, SCL_SHADOW, SCL_WATER, SCL_SNOW = 0, 1, 2, 3, 6, 11
SCL_CLOUD = (8, 9, 10)
"""Cloud of medium and high probability, thin cirrus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskParams:
    """Knobs of the masks."""

    cloud_margin_m: float = 40.0
    """Cloud edges are thinner than the classification sees: two of its 20 m pixels."""
    least_cloud_m2: float = 10000.0
    """Where only the spectrum speaks, smaller bright spots are roofs and yards."""
    haze_blue: float = 0.08
    """Brighter than the history by so much in blue, and nearly so in red, over a large area: cloud."""
    haze_area_m2: float = 20000.0
    """Roofs and fresh clearings that brighten are smaller, or less blue."""
    haze_refuted: float = 0.02
    """Called cloud, but no brighter in blue than the history by this much: bright ground (roofs, spoil)."""
    refuted_below: float = 0.5
    """Ground brighter than this in blue is snow: cloud over it need not be brighter."""
    shade_ratio: float = 0.65
    """Near infrared over history, below which ground is darkened (thin shadow is about a half)."""
    shade_drop: float = 0.05
    """And by at least so much reflectance."""
    shade_red_ratio: float = 0.85
    """Red over history in shadow; clearing, harvest and coal on plants darken the infrared alone."""
    least_shade_m2: float = 20000.0
    """Darkened ground, not like coal, that is shadow by its size where its cloud is out of the frame."""
    shadow: ShadowParams = field(default_factory=ShadowParams)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Median reflectance of the ground in clear scenes of the season. (y, x)."""

    blue: NDArray[np.float32]
    red: NDArray[np.float32]
    nir: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneMask:
    """What each pixel of one scene shows. (y, x) booleans; True means what the name says."""

    valid: Mask
    """Seen, clear ground (snow and water included): not cloud, not shadow, not missing."""
    cloud: Mask
    shadow: Mask
    snow: Mask
    water: Mask


def mask_scene(
    bands: Bands,
    scl: NDArray[np.uint8] | None,
    sun: tuple[float, float],
    pixel_m: float,
    params: MaskParams | None = None,
    *,
    history: History | None = None,
) -> SceneMask:
    """Masks of one scene from its classes where there are any, from its spectra, and from time.

    Args:
        bands: reflectance (y, x) by band, NaN where missing.
        scl: (y, x) Sen2Cor classes, 0 where missing, or None.
        sun: elevation and azimuth in degrees.
        pixel_m: pixel size.
        params: knobs.
        history: the ground's usual reflectance in this season, where known.
    """
    params = params or MaskParams()
    missing = np.isnan(bands["red"]) | np.isnan(bands["nir"])
    usual = np.zeros_like(missing)
    snow = spectral_snow(bands) if scl is None else (scl == SCL_SNOW)
    if scl is None:
        core = _large(spectral_cloud(bands), pixel_m, params.least_cloud_m2) & ~missing
    else:
        core = np.isin(scl, SCL_CLOUD) & ~missing
    if history is not None:
        usual = unbrightened(bands, history, params)
        core &= ~usual
        core |= brightened(bands, history, pixel_m, params) & ~snow & ~missing
    margin = grow(core, params.cloud_margin_m / pixel_m)
    cloud = (core | (margin & ~usual)) & ~missing
    shadow = _shadow(bands, scl, core, sun, pixel_m, params, history) & ~cloud & ~missing
    defective = np.zeros_like(missing) if scl is None else (scl == SCL_DEFECTIVE) | (scl == SCL_NODATA)
    return SceneMask(
        valid=~(missing | cloud | shadow | defective),
        cloud=cloud,
        shadow=shadow,
        snow=snow & ~cloud & ~missing,
        water=spectral_water(bands) & ~cloud & ~shadow & ~missing,
    )


def brightened(bands: Bands, history: History, pixel_m: float, params: MaskParams) -> Mask:
    """Cloud and haze by time: brighter than ever in blue and in red, over more than a roof or a clearing."""
    rise_blue = bands.get("blue", bands["red"]) - history.blue
    rise_red = bands["red"] - history.red
    candidate: Mask = (rise_blue > params.haze_blue) & (rise_red > 0.6 * params.haze_blue)
    return _large(candidate & (rise_red < 2.0 * rise_blue + 0.05), pixel_m, params.haze_area_m2)


def unbrightened(bands: Bands, history: History, params: MaskParams) -> Mask:
    """Bright as ever: ground that only looks like cloud. Cloud of any kind adds to the blue."""
    if "blue" not in bands:
        return np.zeros(bands["red"].shape, bool)
    rise = _smooth(bands["blue"] - history.blue)
    usual: Mask = (rise < params.haze_refuted) & (history.blue < params.refuted_below)
    return usual


def _smooth(field: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of 3 x 3 pixels, missing ones as no difference."""
    mean: NDArray[np.float32] = ndimage.uniform_filter(np.nan_to_num(field), 3)
    return mean


def shaded(bands: Bands, history: History, dark: Mask, pixel_m: float, params: MaskParams) -> Mask:
    """Shadow by its size: large darkened ground, red as well as infrared, most of it unlike coal."""
    rise = bands["red"] - history.red
    lit = rise[~dark & np.isfinite(rise)]
    level = float(np.clip(np.median(lit), -0.02, 0.02)) if lit.size else 0.0
    fallen = dark & (_smooth(rise) - level < (params.shade_red_ratio - 1.0) * history.red)
    plain = fallen & ~coal_like(bands)
    labels, count = ndimage.label(np.asarray(ndimage.binary_opening(fallen, iterations=1)))
    if not count:
        return np.zeros_like(dark)
    sizes = np.bincount(labels.ravel())
    proof = np.bincount(labels.ravel(), plain.ravel())
    large = (proof * pixel_m**2 >= params.least_shade_m2) & (proof >= 0.5 * sizes)
    large[0] = False
    found: Mask = large[labels]
    return grow(found, params.cloud_margin_m / pixel_m)


def darkened(bands: Bands, history: History, params: MaskParams) -> Mask:
    """Ground well below its own history in the near infrared, the scene's own level taken out."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = bands["nir"] / history.nir
    level = _level(ratio)
    dark: Mask = (ratio < params.shade_ratio * level) & (
        history.nir * level - bands["nir"] > params.shade_drop
    )
    return dark


def _level(ratio: NDArray[np.float32]) -> float:
    """How bright the scene is against its history: the upper quartile, so that shadow cannot set it."""
    sample = ratio[::4, ::4]
    sample = sample[np.isfinite(sample)]
    return float(np.clip(np.percentile(sample, 75), 0.6, 1.2)) if sample.size else 1.0


def _shadow(
    bands: Bands,
    scl: NDArray[np.uint8] | None,
    core: Mask,
    sun: tuple[float, float],
    pixel_m: float,
    params: MaskParams,
    history: History | None,
) -> Mask:
    """Dark ground under a cloud's cast; with a history also what Sen2Cor calls shadow and coal is not."""
    classed = np.zeros_like(core) if scl is None else scl == SCL_SHADOW
    if history is None:
        dark = (spectral_dark(bands) if scl is None else classed) & ~coal_like(bands)
        return dark & cast_by_clouds(core, dark, sun, pixel_m, params.shadow)
    dark = darkened(bands, history, params)
    cast = cast_by_clouds(core, dark, sun, pixel_m, params.shadow)
    return (dark & (cast | (classed & ~coal_like(bands)))) | shaded(bands, history, dark, pixel_m, params)


def _large(mask: Mask, pixel_m: float, least_m2: float) -> Mask:
    """Connected parts of at least an area, after small specks are opened away."""
    opened = np.asarray(ndimage.binary_opening(mask, iterations=1))
    if not opened.any():
        return opened
    labels, _ = ndimage.label(opened)
    sizes = np.bincount(labels.ravel())
    keep = sizes * pixel_m**2 >= least_m2
    keep[0] = False
    kept: Mask = keep[labels]
    return kept
