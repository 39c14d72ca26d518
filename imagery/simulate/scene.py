"""One optical scene: ground, sensor and sky put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagery.bands import NATIVE_RESOLUTION_M
from imagery.simulate.atmosphere import Sky, block_mean, draw_sky, seen_through
from imagery.simulate.chance import Stream, stream
from imagery.simulate.frame import CELL_M, PIXEL_M
from imagery.simulate.passes import Pass
from imagery.simulate.scl import scene_classes
from imagery.simulate.sensor import bands_at, sampled, with_noise
from imagery.simulate.world import World

Floats = NDArray[np.float32]
SCL_NEEDS = ("blue", "green", "red", "nir08", "swir16")


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneImage:
    """What the satellite delivers for a window of the world, with the sky's truth."""

    reflectance: Mapping[str, Floats]
    """Band to (y, x) at its native resolution."""
    scl: NDArray[np.uint8]
    """(y, x) at 20 m."""
    sky: Sky
    """Over the window, 10 m."""
    snow: NDArray[np.float32]
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
    fine: Floats,
    bands: tuple[str, ...],
    sky: Sky,
    shift_m: tuple[float, float],
    margin_px: int,
) -> dict[str, Floats]:
    """Point-spread, sampling, sky and noise: band to (y, x) at native resolution."""
    start = world.frame.margin_cells - round(margin_px * PIXEL_M / CELL_M)
    side = world.frame.size_px + 2 * margin_px
    rng = stream(world.seed, Stream.SENSOR, one.index)
    planes: dict[str, Floats] = {}
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


def _at_20m(planes: Mapping[str, Floats]) -> dict[str, Floats]:
    return {
        band: block_mean(planes[band], NATIVE_RESOLUTION_M["scl"] // NATIVE_RESOLUTION_M[band])
        for band in SCL_NEEDS
    }


def _snow(world: World, one: Pass, margin_px: int) -> Floats:
    cover = world.snow_cover(world.weather.on(one.day))
    side = world.frame.size_px + 2 * margin_px
    if cover is None:
        return np.zeros((side, side), np.float32)
    start = world.frame.margin_cells - 2 * margin_px
    return block_mean(cover[start : start + 2 * side, start : start + 2 * side], 2)
