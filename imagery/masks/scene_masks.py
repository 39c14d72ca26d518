"""What a pixel's own spectrum says where classes are missing.

Reflectance is (y, x) by band, NaN where missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from evidence.arrays import Floats32, Mask
from imagery.masks.cells import cell_means, departure, grow, mean_of_nine, to_pixels
from imagery.masks.season import Expected, ExpectedParams, LightParams, Usual, expected_look
from imagery.masks.shadow import ShadowParams, cast_by_clouds, find_shadow, large_parts
from imagery.masks.spectra import (
    Bands,
    SpectraParams,
    coal_like,
    shaded_snow,
    snow_coloured,
    spectral_cloud,
    spectral_dark,
    spectral_snow,
    spectral_water,
)

SCL_NODATA, SCL_DEFECTIVE, SCL_DARK, SCL_SHADOW, SCL_WATER, SCL_SNOW = 0, 1, 2, 3, 6, 11
"""Documented (Sen2Cor's scene classes)."""
SCL_CLOUD = (8, 9, 10)
"""Cloud of medium and high probability, thin cirrus. Documented (Sen2Cor's scene classes)."""
CELL_M = 20.0
"""Masks are made on the classes' own cells, m. Documented (Sen2Cor)."""
Cells = Mapping[str, Floats32]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskParams:
    """Cloud, haze and snow of one scene, by its classes, its spectra and its past.

    Reflectance, 0 to 1, unless said. *Fitted*: chosen by what the masks table of
    docs/imagery-cube.md judges; the seeds of the choice were not kept.
    """

    cloud_margin_m: float = 40.0
    """By which called cloud is widened, m: its edges are thinner than the classification sees. Assumed: two
    of its 20 m pixels."""
    least_cloud_m2: float = 10000.0
    """Where only the spectrum speaks, smaller bright spots are roofs and yards, m2. Assumed."""
    cloud_probability: float = 0.4
    """Of s2cloudless, where a product brings it, 1 (Zupanc 2017 takes the same)."""
    haze_blue: float = 0.05
    """Brighter than expected by so much in blue, and nearly so in red, over a large area: cloud. Fitted."""
    haze_red: float = 0.6
    """Share of `haze_blue` by which red must have risen, 1. Assumed: haze is bluer than cloud."""
    haze_reddest: float = 2.0
    """Times the rise in blue that red may have risen, 1 (assumed), and"""
    haze_reddest_more: float = 0.05
    """so much more: redder is bare soil. Assumed."""
    haze_swir: float = 0.3
    """Share of the rise in blue that cloud shows in the short-wave, 1; melting snow shows none. Fitted."""
    haze_area_m2: float = 20000.0
    """Roofs and fresh clearings that brighten are smaller, or less blue, m2. Assumed."""
    haze_refuted: float = 0.02
    """Called cloud, but no brighter in blue than expected by this much: bright ground (roofs, spoil).
    Fitted."""
    refuted_below: float = 0.5
    """Ground brighter than this in blue is snow: cloud over it need not be brighter. Assumed."""
    snowy_scene: float = 0.02
    """Share of snow in a scene from which brightening without a short-wave band says nothing, and from which
    what is called cloud may be melting snow, 1. Assumed."""
    melt_swir: float = 0.1
    """Called cloud in a snowy scene, but risen in the short-wave by less than this share of the rise in blue:
    snow, 1. Assumed: thin cloud over ground raises it by a third at least, snow over ground lowers it."""
    dim_swir: float = 0.3
    """In a snowy scene, ground with less than this share of its season's short-wave lies in shadow, 1.
    Assumed."""
    dim_known: float = 0.06
    """The same only where that is brighter than this: water is not, nor flat coal. Assumed."""
    dim_green: float = 0.45
    """And unless it is brighter than this in green: snow that covers the ground is dark there by itself.
    Assumed."""
    spectra: SpectraParams = field(default_factory=SpectraParams)
    light: LightParams = field(default_factory=LightParams)
    expected: ExpectedParams = field(default_factory=ExpectedParams)
    shadow: ShadowParams = field(default_factory=ShadowParams)


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneMask:
    """What each pixel of one scene shows. (y, x) booleans; True means what the name says."""

    valid: Mask
    """Seen, clear ground (snow and water included): not cloud, not shadow, not missing."""
    cloud: Mask
    shadow: Mask
    snow: Mask
    water: Mask
    expected: Expected | None = None
    """What the ground should look like, where its past is known."""
    cells: Cells = field(default_factory=dict)
    """What the masks looked at: reflectance (y, x) on cells, by band."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """One scene on cells. Fields are (y, x)."""

    cells: Cells
    classes: NDArray[np.uint8] | None
    missing: Mask
    called_cloud: Mask
    snow: Mask
    sun: tuple[float, float]
    cell_m: float


def cells_per_side(pixel_m: float) -> int:
    """Pixels along a side of a mask's cell."""
    return max(1, round(CELL_M / pixel_m))


def mask_scene(
    bands: Bands,
    scl: NDArray[np.uint8] | None,
    sun: tuple[float, float],
    pixel_m: float,
    params: MaskParams | None = None,
    *,
    usual: Usual | None = None,
    probability: Floats32 | None = None,
) -> SceneMask:
    """Masks of one scene from its classes where there are any, from its spectra, and from time.

    Args:
        bands: reflectance (y, x) by band, NaN where missing.
        scl: (y, x) Sen2Cor classes, 0 where missing, or None.
        sun: elevation and azimuth in degrees.
        pixel_m: pixel size.
        params: knobs.
        usual: the ground's usual reflectance on this day of the year, where known.
        probability: (y, x) of cloud, 0 to 1, where a product brings it.
    """
    params = params or MaskParams()
    step = cells_per_side(pixel_m)
    scene = _scene(bands, scl, sun, pixel_m, step, probability, params)
    expected = None
    if usual is not None:
        margin = grow(scene.called_cloud, params.cloud_margin_m / scene.cell_m)
        clear = ~(margin | scene.snow | snow_coloured(scene.cells, params.spectra) | scene.missing)
        expected = expected_look(scene.cells, usual, clear, params.expected, params.light)
    scene, melt = _without_melt(scene, expected, params)
    cloud, shadow = _cloud_and_shadow(scene, expected, params)
    missing = np.isnan(bands["red"]) | np.isnan(bands["nir"])
    shape = missing.shape
    seen = ~missing
    cloud, shadow = to_pixels(cloud, step, *shape) & seen, to_pixels(shadow, step, *shape) & seen
    valid = ~(missing | cloud | shadow)
    if scl is not None:
        valid &= scl > SCL_DEFECTIVE
    snow = spectral_snow(bands, params.spectra) if scl is None else scl == SCL_SNOW
    if melt.any():
        snow = snow | to_pixels(melt, step, *shape)
    return SceneMask(
        valid=valid,
        cloud=cloud,
        shadow=shadow,
        snow=snow & seen & ~cloud,
        water=spectral_water(bands, params.spectra) & seen & ~cloud & ~shadow,
        expected=expected,
        cells=scene.cells,
    )


def _scene(
    bands: Bands,
    scl: NDArray[np.uint8] | None,
    sun: tuple[float, float],
    pixel_m: float,
    step: int,
    probability: Floats32 | None,
    params: MaskParams,
) -> _Scene:
    """What the masks look at, on cells."""
    wanted = ("blue", "green", "red", "nir", "swir16")
    cells = {b: cell_means(np.asarray(bands[b], np.float32), step) for b in wanted if b in bands}
    missing = np.isnan(cells["red"]) | np.isnan(cells["nir"])
    classes = None if scl is None else scl[::step, ::step]
    if classes is None:
        called = large_parts(spectral_cloud(cells, params.spectra), step * pixel_m, params.least_cloud_m2)
        snow = spectral_snow(cells, params.spectra)
    else:
        called, snow = np.isin(classes, SCL_CLOUD), classes == SCL_SNOW
    if probability is not None:
        called = called | (cell_means(probability, step) > params.cloud_probability)
    return _Scene(
        cells=cells,
        classes=classes,
        missing=missing,
        called_cloud=called & ~missing,
        snow=snow & ~missing,
        sun=sun,
        cell_m=step * pixel_m,
    )


def _without_melt(scene: _Scene, expected: Expected | None, params: MaskParams) -> tuple[_Scene, Mask]:
    """The scene with melting snow that was called cloud among its snow, and where that is. (y, x) on cells.

    Patches of snow brighten ground in the visible as cloud does, but not in the short-wave.
    """
    nothing = np.zeros_like(scene.snow)
    bands = {} if expected is None else expected.bands
    if not {"blue", "swir16"} <= set(bands) or float(scene.snow.mean()) <= params.snowy_scene:
        return scene, nothing
    blue, swir = (mean_of_nine(departure(scene.cells[band], bands[band])) for band in ("blue", "swir16"))
    melt = scene.called_cloud & (blue > params.haze_refuted) & (swir < params.melt_swir * blue)
    return replace(scene, called_cloud=scene.called_cloud & ~melt, snow=scene.snow | melt), melt


def _cloud_and_shadow(scene: _Scene, expected: Expected | None, params: MaskParams) -> tuple[Mask, Mask]:
    """On cells: with a past by what changed, without one by classes, spectra and geometry."""
    margin_cells = params.cloud_margin_m / scene.cell_m
    if expected is None or "blue" not in expected.bands:
        cloud = grow(scene.called_cloud, margin_cells) & ~scene.missing
        return cloud, _shadow_without_past(scene, params) & ~cloud
    rise = {band: mean_of_nine(departure(scene.cells[band], look)) for band, look in expected.bands.items()}
    usual = (rise["blue"] < params.haze_refuted) & (expected.bands["blue"] < params.refuted_below)
    itself = scene.cells["blue"] - expected.bands["blue"] < params.haze_refuted
    core = (scene.called_cloud & ~usual) | (brightened(rise, scene, params) & ~scene.missing)
    cloud = (core | (grow(core, margin_cells) & ~itself)) & ~scene.missing
    hidden = cloud | scene.snow | scene.missing
    shadow = find_shadow(
        scene.cells,
        expected.bands,
        core,
        hidden,
        scene.sun,
        scene.cell_m,
        params.shadow,
        light=params.light,
        spectra=params.spectra,
    )
    if float(scene.snow.mean()) > params.snowy_scene:
        white = shaded_snow(scene.cells, params.spectra) | _dim_snow(scene.cells, expected, params)
        white &= ~spectral_water(expected.bands, params.spectra) & ~cloud
        shadow |= large_parts(white, scene.cell_m, params.shadow.least_m2)
    return cloud, shadow


def _dim_snow(cells: Cells, expected: Expected, params: MaskParams) -> Mask:
    """Snowy ground that has no light in the short-wave. (y, x) on cells.

    Snow alone lowers the short-wave as far only where it covers the ground, and is bright there.
    """
    if "swir16" not in expected.prior or "green" not in cells:
        return np.zeros(cells["red"].shape, bool)
    usual = expected.prior["swir16"]
    dim: Mask = (cells["swir16"] < params.dim_swir * usual) & (usual > params.dim_known)
    return dim & (cells["green"] < params.dim_green)


def brightened(rise: Mapping[str, Floats32], scene: _Scene, params: MaskParams) -> Mask:
    """Cloud and haze by time: brighter than expected in every band, over more than a roof or a clearing."""
    blue, red = rise["blue"], rise["red"]
    candidate: Mask = (blue > params.haze_blue) & (red > params.haze_red * params.haze_blue) & ~scene.snow
    candidate &= red < params.haze_reddest * blue + params.haze_reddest_more
    if "swir16" in rise:
        candidate &= rise["swir16"] > params.haze_swir * blue
    elif float(scene.snow.mean()) > params.snowy_scene:
        return np.zeros_like(candidate)
    return large_parts(candidate, scene.cell_m, params.haze_area_m2)


def _shadow_without_past(scene: _Scene, params: MaskParams) -> Mask:
    """Dark ground under a cloud's cast that is not like coal."""
    dark = (
        spectral_dark(scene.cells, params.spectra) if scene.classes is None else scene.classes == SCL_SHADOW
    )
    dark = dark & ~coal_like(scene.cells, params.spectra) & ~scene.missing
    cast: Mask = cast_by_clouds(scene.called_cloud, dark, scene.sun, scene.cell_m, params.shadow.cast)
    return dark & cast
