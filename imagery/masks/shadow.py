"""Where the clouds of a scene cast their shadows: at the height that explains the dark ground best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

import numba
import numpy as np
from scipy import ndimage
from skimage.measure import block_reduce
from skimage.morphology import remove_small_objects

from evidence.arrays import Floats, Image, Mask
from imagery.masks.cells import departure, gaussian, grow, mean_of_nine
from imagery.masks.season import LightParams
from imagery.masks.spectra import Bands, SpectraParams, coal_like, spectral_water

_COARSER = 4
"""Cells along a side of the larger cells that wide averages are made on. Assumed."""
_MAJORITY = 0.5
"""Share from which on most are, 1. By definition."""
_TINY = 1e-6
"""Information that a divisor is held above, 1. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CastParams:
    """The match of clouds and dark ground by geometry."""

    heights_m: tuple[float, float] = (200.0, 12000.0)
    """Cloud heights to try, m (Zhu and Woodcock 2012 search the same range)."""
    least_agreement: float = 0.3
    """Share of the moved cloud that must fall on dark ground for a height to be believed, 1. Zhu and
    Woodcock 2012 ask for the same similarity."""
    least_cast_blocks: int = 4
    """Blocks of moved cloud below which an agreement is chance. Assumed."""
    longest_run: float = 1.5
    """Longest shadow to try, in sides of the frame: beyond its diagonal none is in view. Derived."""
    tolerance: float = 0.15
    """Heights within this share of the best are taken too, 1: clouds are not flat. Assumed."""
    margin_m: float = 80.0
    """By which a cast shadow is widened, m: the satellite looks aslant and cloud edges are fuzzy. Assumed."""
    block_m: float = 40.0
    """Side of the blocks that the match is made on, m. Assumed: two of the classes' cells."""


def moved(mask: Mask, rows: int, cols: int) -> Mask:
    """`mask` moved down by `rows` and right by `cols`; what enters is False."""
    result = np.zeros_like(mask)
    height, width = mask.shape
    if abs(rows) >= height or abs(cols) >= width:
        return result
    target = (slice(max(rows, 0), height + min(rows, 0)), slice(max(cols, 0), width + min(cols, 0)))
    source = (slice(max(-rows, 0), height - max(rows, 0)), slice(max(-cols, 0), width - max(cols, 0)))
    result[target] = mask[source]
    return result


def cast_by_clouds(
    cloud: Mask, dark: Mask, sun: tuple[float, float], pixel_m: float, params: CastParams | None = None
) -> Mask:
    """Where the clouds' shadow falls at the height that best explains the dark ground.

    Args:
        cloud: (y, x).
        dark: (y, x) ground that is darker than it should be.
        sun: elevation and azimuth in degrees.
        pixel_m: pixel size.
        params: knobs.
    """
    params = params or CastParams()
    elevation, azimuth = sun
    if not cloud.any() or not dark.any() or not elevation > 0:
        return np.zeros_like(cloud)
    step = max(1, round(params.block_m / pixel_m))
    thick, dim = _coarse(cloud, step), _coarse(dark & ~cloud, step)
    runs = _runs(elevation, pixel_m * step, max(thick.shape), params)
    steps = [(run * np.cos(np.radians(azimuth)), -run * np.sin(np.radians(azimuth))) for run in runs]
    agreement = [_agreement(thick, dim, round(r), round(c), params.least_cast_blocks) for r, c in steps]
    best = int(np.argmax(agreement)) if agreement else 0
    if not agreement or agreement[best] < params.least_agreement:
        return np.zeros_like(cloud)
    reach = np.zeros_like(thick)
    for run, (rows, cols) in zip(runs, steps, strict=True):
        if abs(run - runs[best]) <= params.tolerance * runs[best] + 1.0:
            reach |= moved(thick, round(rows), round(cols))
    fine = np.kron(reach, np.ones((step, step), bool))[: cloud.shape[0], : cloud.shape[1]]
    return grow(fine, params.margin_m / pixel_m)


def _runs(elevation: float, coarse_m: float, longest: int, params: CastParams) -> Floats:
    """Lengths of shadow to try, in coarse pixels, as far as the frame goes."""
    per_metre = 1.0 / np.tan(np.radians(elevation)) / coarse_m
    low, high = (height * per_metre for height in params.heights_m)
    return np.arange(low, min(high, params.longest_run * longest), 1.0)


def _coarse(mask: Mask, step: int) -> Mask:
    height, width = (-(-length // step) * step for length in mask.shape)
    padded = np.zeros((height, width), bool)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    coarse: Mask = block_reduce(padded, step, np.mean) > _MAJORITY
    return coarse


def _agreement(cloud: Mask, dark: Mask, rows: int, cols: int, least: int) -> float:
    """Share of the moved cloud, outside the cloud itself, that falls on dark ground."""
    cast = moved(cloud, rows, cols) & ~cloud
    total = int(cast.sum())
    return float((cast & dark).sum() / total) if total >= least else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowParams:
    """Cloud shadow by the light that the ground has lost against its own past.

    Shares of direct light unless said. *Fitted*: chosen by the masks table of docs/imagery-cube.md;
    the seeds of the choice were not kept.
    """

    smooth_m: float = 30.0
    """Standard deviation of the averaging of the loss, m. Assumed: the scale of a cloud's edge."""
    wide_m: float = 120.0
    """The same where the ground near by can tell nothing, m. Assumed."""
    little: float = 0.1
    """Below this share of the scene's usual information the wide average stands in, 1. Assumed."""
    cut: float = 3.0
    """Standard deviations at which the averaging ends. Derived: what lies beyond weighs .3 %."""
    most_sampled: int = 20_000
    """Cells that the usual information is taken from. Assumed: their median is known well enough."""
    loss: float = 0.22
    """Share of direct light lost at which shadow begins to be found. Fitted."""
    edge_loss: float = 0.16
    """To which it is followed from there, and from which it is found in the clouds' cast. Fitted."""
    red_loss: float = 0.08
    """Red must be lost too: harvest, clearing and burning darken the infrared alone. Fitted."""
    swir_loss: float = 0.08
    """And the short-wave: haze that was taken out too well darkens the visible alone. Fitted."""
    least_m2: float = 10000.0
    """Of a shadow outside the cast of the scene's own clouds, m2. Assumed."""
    least_cast_m2: float = 4000.0
    """Of a shadow within it, on ground unlike coal and water, m2. Assumed."""
    dark_weight: float = 0.02
    """Weight of ground that has come to look like coal or water, 1 for other ground. Assumed."""
    known_dark_weight: float = 0.03
    """The same of ground that should look so anyway. Assumed."""
    lit_coal: float = 0.25
    """Coal that has lost less than this against its own past is lit, whatever lies around it. Fitted."""
    dark_nir: float = 0.07
    """Ground that should be darker than this in the infrared is coal, whatever its red; reflectance.
    Measured: median of dark ground at Korba .069."""
    lit_coal_swir: float = 0.12
    """And coal that has lost less than this of its own short-wave. Fitted."""
    cast: CastParams = field(default_factory=CastParams)


@numba.njit(cache=True)
def loss_terms(
    seen: Image,
    expected: Image,
    weight: Image,
    tolerance: tuple[float, float, float],
    loss: Image,
    worth: Image,
) -> None:
    """Add one band's information-weighted loss of direct light to `loss`, its information to `worth`.

    Args:
        seen: (y, x).
        expected: (y, x).
        weight: (y, x).
        tolerance: share of sky light, and error of what is expected: of itself, and in reflectance.
        loss: (y, x), added to.
        worth: (y, x), added to.
    """
    direct, relative, floor = (
        np.float32(1.0 - tolerance[0]),
        np.float32(tolerance[1]),
        np.float32(tolerance[2]) ** 2,
    )
    height, width = seen.shape
    for y in range(height):
        v, e, w, lost, told = seen[y], expected[y], weight[y], loss[y], worth[y]
        for x in range(width):
            light = e[x] * direct
            factor = w[x] * light / ((relative * e[x]) ** 2 + floor)
            lost[x] += factor * (e[x] - v[x])
            told[x] += factor * light


def find_shadow(  # noqa: PLR0913 - what is seen, what is expected, and by which limits
    cells: Bands,
    expected: Mapping[str, Image],
    cloud: Mask,
    hidden: Mask,
    sun: tuple[float, float],
    cell_m: float,
    params: ShadowParams | None = None,
    *,
    light: LightParams | None = None,
    spectra: SpectraParams | None = None,
) -> Mask:
    """Ground in cloud shadow. (y, x) on cells.

    Args:
        cells: reflectance (y, x) by band.
        expected: what it should be, lit.
        cloud: (y, x) that may cast.
        hidden: (y, x) cloud, snow and missing ground, which tell nothing of the light.
        sun: elevation and azimuth in degrees.
        cell_m: size of a cell.
        params: of the test.
        light: of sky light and clear ground.
        spectra: of what looks like coal or water.
    """
    params, light, spectra = params or ShadowParams(), light or LightParams(), spectra or SpectraParams()
    dark = coal_like(cells, spectra) | spectral_water(cells, spectra)
    weight = _weight(dark, coal_like(expected, spectra), hidden, params)
    terms = _terms(cells, expected, weight, light)
    loss = _averaged(*terms, cell_m, params)
    lost = loss > params.edge_loss
    if not lost.any():
        return np.zeros_like(cloud)
    near = params.smooth_m / cell_m
    for band, least in (("red", params.red_loss), ("swir16", params.swir_loss)):
        if band in expected:
            lost &= _own_loss(cells, expected, band, weight, near, params.cut) > least
    cast = cast_by_clouds(cloud, lost, sun, cell_m, params.cast)
    plain = lost & ~dark  # shadow spreads over coal, never begins there
    seeds = large_parts(lost & (loss > params.loss), cell_m, params.least_m2) & plain
    seeds |= large_parts(plain & cast, cell_m, params.least_cast_m2)
    if not seeds.any():
        return seeds
    shadow: Mask = ndimage.binary_propagation(seeds, mask=(loss > params.edge_loss) | seeds)
    coal = coal_like(cells, spectra) | coal_like(expected, spectra)
    return shadow & ~hidden & ~_lit_coal(cells, expected, coal, params, light)


def _weight(dark: Mask, should_be: Mask, hidden: Mask, params: ShadowParams) -> Image:
    """What each cell has to say about the light: (y, x)."""
    said = np.where(dark & should_be, params.known_dark_weight, np.where(dark, params.dark_weight, 1.0))
    return np.where(hidden, 0.0, said).astype(np.float32)


def _terms(
    cells: Bands, expected: Mapping[str, Image], weight: Image, light: LightParams
) -> tuple[Image, Image]:
    """Loss of light, all bands together, and what it is worth; 0 where nothing is known."""
    loss, worth = np.zeros_like(weight), np.zeros_like(weight)
    for band, look in expected.items():
        tolerance = light.diffuse[band], light.relative_error[band], light.absolute_error[band]
        loss_terms(cells[band], look, weight, tolerance, loss, worth)
    unknown = ~np.isfinite(loss + worth)
    loss[unknown], worth[unknown] = 0.0, 0.0
    return loss, worth


def _averaged(loss: Image, worth: Image, cell_m: float, params: ShadowParams) -> Image:
    """Loss over neighbours; over far ones where the near ones can tell nothing."""
    near = params.smooth_m / cell_m
    around = gaussian(worth, near, truncate=params.cut)
    mean = gaussian(loss, near, truncate=params.cut) / np.maximum(around, _TINY)
    known = worth[worth > 0]
    if not known.size:
        return np.zeros_like(loss)
    weak = around < params.little * float(np.median(known[:: max(1, known.size // params.most_sampled)]))
    if weak.any():
        mean[weak] = _wide(loss, worth, params.wide_m / cell_m)[weak]
    return np.asarray(mean, np.float32)


def _wide(loss: Image, worth: Image, reach: float) -> Image:
    """The average over a wide neighbourhood, on cells four times as large."""
    height, width = loss.shape
    padded = [np.pad(a, ((0, -height % _COARSER), (0, -width % _COARSER))) for a in (loss, worth)]
    top, bottom = (gaussian(block_reduce(a, _COARSER, np.sum), reach / _COARSER) for a in padded)
    mean = np.kron(top / np.maximum(bottom, _TINY), np.ones((_COARSER, _COARSER), np.float32))
    return np.asarray(mean[:height, :width], np.float32)


def _own_loss(
    cells: Bands, expected: Mapping[str, Image], band: str, weight: Image, near_cells: float, cut: float
) -> Image:
    """Share of one band that is missing, over neighbours."""
    known = weight > 0
    whole = np.where(known, np.nan_to_num(expected[band]), 0) * weight
    lost = np.where(known, departure(expected[band], cells[band]), 0) * weight
    top, bottom = (gaussian(a, near_cells, truncate=cut) for a in (lost, whole))
    return np.asarray(top / np.maximum(bottom, _TINY), np.float32)


def _lit_coal(
    cells: Bands, expected: Mapping[str, Image], coal: Mask, params: ShadowParams, light: LightParams
) -> Mask:
    """Looks like coal, or did, and is hardly darker than its past: in all bands, or in the short-wave.

    Shadow takes the short-wave first of all; haze that was taken out too well leaves it, and gives coal the
    red edge of plants.
    """
    coal = coal | (expected["nir"] < params.dark_nir)
    loss, worth = _terms(cells, expected, coal.astype(np.float32), light)
    lit: Mask = coal & (mean_of_nine(loss) < params.lit_coal * np.maximum(mean_of_nine(worth), _TINY))
    if "swir16" in expected:
        own = _own_loss(cells, expected, "swir16", coal.astype(np.float32), 1.0, params.cut)
        lit |= coal & (own < params.lit_coal_swir)
    return lit


def large_parts(mask: Mask, cell_m: float, least_m2: float) -> Mask:
    """Connected parts of at least an area, after specks are opened away.

    Args:
        mask: (y, x).
        cell_m: side of a cell, metres.
        least_m2: area of the smallest part that stays.
    """
    opened = np.asarray(ndimage.binary_opening(mask))  # beyond the frame nothing is, unlike in scikit-image
    if not opened.any():
        return opened
    most = ceil(least_m2 / cell_m**2) - 1  # the largest size that is taken away
    kept: Mask = remove_small_objects(opened, max_size=most, connectivity=1)
    return kept
