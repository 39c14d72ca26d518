"""What was seen of the ground: coal-safe masks.

Sen2Cor's scene classification (SCL) takes coal for dark area (2), cloud shadow (3), water (6) or
unclassified (7). None of these classes hides a pixel by itself here: cloud is cloud, shadow needs a cloud
that can cast it, and what is dark in most clear scenes is ground.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]

SCL_NODATA, SCL_DEFECTIVE, SCL_DARK, SCL_SHADOW, SCL_WATER, SCL_SNOW = 0, 1, 2, 3, 6, 11
SCL_CLOUD = (8, 9, 10)
"""Cloud of medium and high probability, thin cirrus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskParams:
    """Knobs of the masks."""

    cloud_margin_m: float = 40.0
    """Cloud edges are thinner than the classification sees: two of its 20 m pixels."""
    cloud_height_m: tuple[float, float] = (200.0, 12000.0)
    """Heights between which a cloud may cast the shadow (Zhu and Woodcock 2012 search the same range)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneMask:
    """What each pixel of one scene shows. (y, x) booleans; True means what the name says."""

    valid: Mask
    """Seen, clear ground (snow and water included): not cloud, not shadow, not missing."""
    cloud: Mask
    shadow: Mask
    snow: Mask
    water: Mask


def grow(mask: Mask, radius_px: float) -> Mask:
    """`mask` widened by a disc."""
    if radius_px <= 0 or not mask.any():
        return mask
    distance = np.asarray(ndimage.distance_transform_edt(~mask))
    grown: Mask = distance <= radius_px
    return grown


def shadow_reach(
    cloud: Mask, sun_elevation_deg: float, sun_azimuth_deg: float, pixel_m: float, params: MaskParams
) -> Mask:
    """Where clouds of the height range can cast a shadow: the cloud swept away from the sun."""
    if not cloud.any() or sun_elevation_deg <= 0:
        return np.zeros_like(cloud)
    azimuth, run = np.radians(sun_azimuth_deg), 1.0 / np.tan(np.radians(sun_elevation_deg)) / pixel_m
    reach = np.zeros_like(cloud)
    low, high = (height * run for height in params.cloud_height_m)
    for length in np.arange(low, high, 4.0):
        reach |= _moved(cloud, round(length * np.cos(azimuth)), round(-length * np.sin(azimuth)))
    return grow(reach, 4.0)


def _moved(mask: Mask, rows: int, cols: int) -> Mask:
    """`mask` moved down by `rows` and right by `cols`; what enters is False."""
    moved = np.zeros_like(mask)
    height, width = mask.shape
    if abs(rows) >= height or abs(cols) >= width:
        return moved
    target = (slice(max(rows, 0), height + min(rows, 0)), slice(max(cols, 0), width + min(cols, 0)))
    source = (slice(max(-rows, 0), height - max(rows, 0)), slice(max(-cols, 0), width - max(cols, 0)))
    moved[target] = mask[source]
    return moved


def mask_scene(
    reflectance: Mapping[str, NDArray[np.float32]],
    scl: NDArray[np.uint8] | None,
    sun: tuple[float, float],
    pixel_m: float,
    params: MaskParams | None = None,
) -> SceneMask:
    """Masks of one scene from its classes where there are any, else from its spectra.

    Args:
        reflectance: (y, x) by band, NaN where missing.
        scl: (y, x) Sen2Cor classes, 0 where missing, or None.
        sun: elevation and azimuth in degrees.
        pixel_m: pixel size.
        params: knobs.
    """
    params = params or MaskParams()
    missing = np.isnan(reflectance["red"]) | np.isnan(reflectance["nir"])
    core = spectral_cloud(reflectance) if scl is None else np.isin(scl, SCL_CLOUD)
    cloud = grow(core & ~missing, params.cloud_margin_m / pixel_m)
    snow = spectral_snow(reflectance) & ~cloud if scl is None else (scl == SCL_SNOW) & ~cloud
    water = spectral_water(reflectance) & ~cloud
    dark = spectral_dark(reflectance) if scl is None else scl == SCL_SHADOW
    shadow = dark & shadow_reach(core & ~missing, *sun, pixel_m, params) & ~cloud & ~missing
    defective = np.zeros_like(missing) if scl is None else (scl == SCL_DEFECTIVE) | (scl == SCL_NODATA)
    return SceneMask(
        valid=~(missing | cloud | shadow | defective), cloud=cloud, shadow=shadow, snow=snow, water=water
    )


def spectral_cloud(reflectance: Mapping[str, NDArray[np.float32]]) -> Mask:
    """Bright and white in the visible: cloud where nothing better is known."""
    visible = np.stack([reflectance[band] for band in ("blue", "green", "red") if band in reflectance])
    bright, spread = visible.mean(axis=0), np.ptp(visible, axis=0)
    cloud: Mask = (bright > 0.18) & (spread < 0.35 * bright)  # noqa: PLR2004
    return cloud


def spectral_snow(reflectance: Mapping[str, NDArray[np.float32]]) -> Mask:
    """NDSI over 0.4 and bright (Dozier 1989), where a short-wave band is there."""
    if "swir16" not in reflectance or "green" not in reflectance:
        return np.zeros(reflectance["red"].shape, bool)
    green, swir = reflectance["green"], reflectance["swir16"]
    snow: Mask = (green - swir > 0.4 * (green + swir)) & (green > 0.15)  # noqa: PLR2004
    return snow


def spectral_water(reflectance: Mapping[str, NDArray[np.float32]]) -> Mask:
    """Darker in the infrared than in the visible, and dark in the short-wave where that band is there."""
    green, nir = reflectance.get("green", reflectance["red"]), reflectance["nir"]
    infrared = reflectance.get("swir16", nir)
    water: Mask = (green > infrared) & (green > nir) & (infrared < 0.05)  # noqa: PLR2004
    return water


def spectral_dark(reflectance: Mapping[str, NDArray[np.float32]]) -> Mask:
    """Dark in red and infrared: shadow where a cloud can cast it."""
    dark: Mask = (reflectance["red"] < 0.08) & (reflectance["nir"] < 0.15)  # noqa: PLR2004
    return dark
