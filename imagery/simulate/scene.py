"""One optical scene: ground, sensor and sky put together, and the scene classification with its real habits.

Habits: coal is called dark, shadow, water or unclassified about half of the time and bare ground otherwise;
bright roofs are called cloud; dark slopes and conifers in winter are called dark or shadow; thin cloud and
cloud edges are missed; shadows are found in part; wet and mixed ground flickers to unclassified.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from evidence.arrays import Bools, Floats, Floats32
from imagery.bands import NATIVE_RESOLUTION_M
from imagery.simulate.atmosphere import Sky, block_mean, draw_sky, seen_through
from imagery.simulate.frame import CELL_M, PIXEL_M
from imagery.simulate.passes import Pass
from imagery.simulate.sensor import bands_at, sampled, with_noise
from imagery.simulate.terrain import Stream, smooth_field, stream
from imagery.simulate.world import World

Classes = NDArray[np.uint8]


class Scl(IntEnum):
    """Sen2Cor's classes."""

    NODATA = 0
    DEFECTIVE = 1
    DARK = 2
    SHADOW = 3
    VEGETATION = 4
    BARE = 5
    WATER = 6
    UNCLASSIFIED = 7
    CLOUD_MEDIUM = 8
    CLOUD_HIGH = 9
    CIRRUS = 10
    SNOW = 11


CLOUD_CLASSES = (Scl.CLOUD_MEDIUM, Scl.CLOUD_HIGH, Scl.CIRRUS)
SNOW_INDEX, SNOW_GREEN = 0.35, 0.22


def scene_classes(seen: dict[str, Floats32], sky: Sky, rng: np.random.Generator) -> Classes:
    """Classify one scene at 20 m by its own pixels, with thresholds that wander from scene to scene: (y, x).

    Args:
        seen: reflectance at 20 m of blue, green, red, nir08, swir16 as the satellite saw it.
        sky: the truth, for what Sen2Cor takes from other sources (cirrus band, sun geometry).
        rng: source of chance.
    """
    cloud, shadow, cirrus = (block_mean(field, 2) for field in (sky.cloud, sky.shadow, sky.cirrus))
    wander = rng.normal(0, 1, 6)
    patch = smooth_field(rng, cloud.shape, slope=0.7, step=2)
    classes = _surface(seen, wander, patch)
    dark = (seen["nir08"] < 0.13) & (seen["blue"] < 0.09)  # noqa: PLR2004
    found = (shadow > 0.42 + 0.08 * wander[0]) & (patch < 0.6 + 0.4 * wander[1]) & (seen["nir08"] < 0.22)  # noqa: PLR2004
    classes[found & np.isin(classes, [Scl.DARK, Scl.UNCLASSIFIED, Scl.BARE, Scl.VEGETATION, Scl.WATER])] = (
        Scl.SHADOW
    )
    if cloud.any():
        near_cloud = rng.random() < 0.5  # noqa: PLR2004 - on half of the cloudy dates geometry sees shadows everywhere
        classes[dark & near_cloud & (patch > 0.6)] = Scl.SHADOW  # noqa: PLR2004
    return _clouds(classes, seen, cloud, cirrus, wander, patch)


def _surface(seen: dict[str, Floats32], wander: Floats, patch: Floats32) -> Classes:
    """Ground classes by simple rules."""
    green, red, nir, swir = seen["green"], seen["red"], seen["nir08"], seen["swir16"]
    ndvi = (nir - red) / np.maximum(nir + red, 0.01)
    ndsi = (green - swir) / np.maximum(green + swir, 0.01)
    classes = np.full(green.shape, Scl.BARE, np.uint8)
    unsure = (ndvi > 0.22) & (ndvi < 0.36 + 0.04 * wander[2]) & (patch > 0.2)  # noqa: PLR2004
    classes[unsure] = Scl.UNCLASSIFIED
    classes[ndvi >= 0.36 + 0.04 * wander[2]] = Scl.VEGETATION
    mean = (seen["blue"] + green + red) / 3
    dark = (mean < 0.072 + 0.006 * wander[3] + 0.006 * patch) & (nir < 0.12 + 0.01 * patch) & (ndvi < 0.36)  # noqa: PLR2004
    classes[dark] = Scl.DARK
    classes[dark & (patch < -0.9)] = Scl.UNCLASSIFIED  # noqa: PLR2004
    classes[dark & (patch > 1.1)] = Scl.SHADOW  # noqa: PLR2004
    wet = (ndsi > -0.05) & (nir < 0.10)  # noqa: PLR2004
    blackish = dark & (swir < 0.09 + 0.01 * wander[4]) & (np.abs(patch) < 0.35)  # noqa: PLR2004
    classes[(wet & (swir < 0.06)) | blackish] = Scl.WATER  # noqa: PLR2004
    classes[dark & (wander[5] + 0.8 * patch > 0.0) & (swir > 0.05)] = Scl.BARE  # noqa: PLR2004
    snowy = (ndsi > SNOW_INDEX) & (green > SNOW_GREEN)
    classes[snowy] = Scl.SNOW
    classes[snowy & (ndsi < SNOW_INDEX + 0.12) & (patch > 0.5)] = Scl.CLOUD_MEDIUM  # noqa: PLR2004
    return classes


def _clouds(
    classes: Classes,
    seen: dict[str, Floats32],
    cloud: Floats32,
    cirrus: Floats32,
    wander: Floats,
    patch: Floats32,
) -> Classes:
    """Put clouds above ground: thick ones surely, thin ones and edges by chance, bright roofs by mistake."""
    bright = (seen["blue"] > 0.19 + 0.02 * wander[1]) & (classes == Scl.BARE)
    classes[bright] = Scl.CLOUD_MEDIUM
    classes[bright & (seen["blue"] > 0.30)] = Scl.CLOUD_HIGH  # noqa: PLR2004
    thin = cirrus > 0.09 + 0.03 * wander[2] + 0.03 * patch
    classes[thin] = Scl.CIRRUS
    classes[cloud > 0.40 + 0.08 * wander[0] + 0.20 * patch] = Scl.CLOUD_MEDIUM
    classes[cloud > 0.62 + 0.05 * wander[3]] = Scl.CLOUD_HIGH
    return classes


def usual_mask(classes: Classes) -> Bools:
    """The mask of countless tutorials: drop 0 1 2 3 8 9 10, grow clouds. Deletes coal."""
    cloud = binary_dilation(np.isin(classes, CLOUD_CLASSES), iterations=2)
    return ~(cloud | np.isin(classes, [Scl.NODATA, Scl.DEFECTIVE, Scl.DARK, Scl.SHADOW]))


def cloud_and_shadow(classes: Classes, often_cloud: Bools, often_dark: Bools) -> tuple[Bools, Bools]:
    """Cloud and shadow as a coal-safe reader takes them from SCL.

    Args:
        classes: one scene (y, x).
        often_cloud: places that SCL calls cloud on most clear dates (bright roofs).
        often_dark: places that are dark on most clear dates (coal, water, conifers).
    """
    cloud = np.isin(classes, CLOUD_CLASSES) & ~often_cloud
    grown = binary_dilation(cloud, iterations=2) if cloud.any() else cloud
    shadow = (classes == Scl.SHADOW) & ~often_dark
    if shadow.any():
        shadow = binary_dilation(shadow, iterations=1) & ~often_dark
    return grown, shadow & ~grown


SCL_NEEDS = ("blue", "green", "red", "nir08", "swir16")


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneImage:
    """What the satellite delivers for a window of the world, with the sky's truth."""

    reflectance: Mapping[str, Floats32]
    """Band to (y, x) at its native resolution."""
    scl: NDArray[np.uint8]
    """(y, x) at 20 m."""
    sky: Sky
    """Over the window, 10 m."""
    snow: Floats32
    """True snow cover of open ground, (y, x) at 10 m."""


def scene_image(world: World, one: Pass, *, shift_m: tuple[float, float], margin_px: int = 0) -> SceneImage:
    """Make one scene, the same for the same seed whichever other scenes are made.

    Args:
        world: what is there.
        one: the pass.
        shift_m: displacement of the image (east, north): raw for products, residual for the fast cube.
        margin_px: 10 m pixels beyond the site on every side, even and within the world's margin.
    """
    sky = scene_sky(world, one, margin_px=margin_px)
    wanted = tuple(dict.fromkeys((*world.params.sensor.bands, *SCL_NEEDS)))
    fine = world.reflectance(one.day, one.sun, wanted)
    planes = _sense(world, one, fine, wanted, sky, shift_m, margin_px)
    classes = scene_classes(_at_20m(planes), sky, stream(world.seed, Stream.SCL, one.index))
    return SceneImage(
        reflectance={band: planes[band] for band in world.params.sensor.bands},
        scl=classes,
        sky=sky,
        snow=_snow(world, one, margin_px),
    )


def scene_sky(world: World, one: Pass, *, margin_px: int = 0) -> Sky:
    """The true sky over a window; always drawn over the whole world, so that it is one and the same sky."""
    side = world.frame.world_shape[0] // 2
    whole = draw_sky(
        world.params.weather,
        one.datetime.month,
        one.sun,
        (side, side),
        stream(world.seed, Stream.ATMOSPHERE, one.index),
    )
    return whole.cut(world.frame.margin_cells // 2 - margin_px)


def _sense(
    world: World,
    one: Pass,
    fine: Floats32,
    bands: tuple[str, ...],
    sky: Sky,
    shift_m: tuple[float, float],
    margin_px: int,
) -> dict[str, Floats32]:
    """Point-spread, sampling, sky and noise: band to (y, x) at native resolution."""
    start = world.frame.margin_cells - round(margin_px * PIXEL_M / CELL_M)
    side = world.frame.size_px + 2 * margin_px
    rng = stream(world.seed, Stream.SENSOR, one.index)
    planes: dict[str, Floats32] = {}
    for resolution in (10, 20):
        here = bands_at(resolution, bands)
        seen = sampled(
            fine[[bands.index(band) for band in here]],
            resolution,
            shift_m=shift_m,
            origin_cells=(start, start),
            shape=(side * 10 // resolution, side * 10 // resolution),
            mtf_nyquist=world.params.sensor.mtf_nyquist,
        )
        seen *= np.float32(one.gain)
        seen = seen_through(seen, sky, here, step=resolution // 10)
        seen = with_noise(seen, here, rng, factor=world.params.sensor.noise)
        planes.update(zip(here, np.maximum(seen, 0.0001), strict=True))
    return planes


def _at_20m(planes: Mapping[str, Floats32]) -> dict[str, Floats32]:
    return {
        band: block_mean(planes[band], NATIVE_RESOLUTION_M["scl"] // NATIVE_RESOLUTION_M[band])
        for band in SCL_NEEDS
    }


def _snow(world: World, one: Pass, margin_px: int) -> Floats32:
    cover = world.snow_cover(world.weather.on(one.day))
    side = world.frame.size_px + 2 * margin_px
    if cover is None:
        return np.zeros((side, side), np.float32)
    start = world.frame.margin_cells - 2 * margin_px
    return block_mean(cover[start : start + 2 * side, start : start + 2 * side], 2)
