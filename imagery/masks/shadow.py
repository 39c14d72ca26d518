"""Where the clouds of a scene cast their shadows: at the height that explains the dark ground best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from evidence.arrays import Image, Mask
from imagery.masks.cells import departure, gaussian, grow, mean_of_nine
from imagery.masks.season import ABSOLUTE_ERROR, DIFFUSE, RELATIVE_ERROR
from imagery.masks.spectra import Bands, coal_like, spectral_water


@dataclass(frozen=True, slots=True, kw_only=True)
class CastParams:
    """Knobs of the geometric match."""

    heights_m: tuple[float, float] = (200.0, 12000.0)
    """Cloud heights to try (Zhu and Woodcock 2012 search the same range)."""
    least_agreement: float = 0.3
    """Share of the moved cloud that must fall on dark ground for a height to be believed."""
    tolerance: float = 0.15
    """Heights within this share of the best are taken too: clouds are not flat."""
    margin_m: float = 80.0
    """The satellite looks aslant and cloud edges are fuzzy."""
    block_m: float = 40.0
    """The match is made on blocks of this size."""


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
    agreement = [_agreement(thick, dim, round(r), round(c)) for r, c in steps]
    best = int(np.argmax(agreement)) if agreement else 0
    if not agreement or agreement[best] < params.least_agreement:
        return np.zeros_like(cloud)
    reach = np.zeros_like(thick)
    for run, (rows, cols) in zip(runs, steps, strict=True):
        if abs(run - runs[best]) <= params.tolerance * runs[best] + 1.0:
            reach |= moved(thick, round(rows), round(cols))
    fine = np.kron(reach, np.ones((step, step), bool))[: cloud.shape[0], : cloud.shape[1]]
    return grow(fine, params.margin_m / pixel_m)


def _runs(elevation: float, coarse_m: float, longest: int, params: CastParams) -> NDArray[np.float64]:
    """Lengths of shadow to try, in coarse pixels, as far as the frame goes."""
    per_metre = 1.0 / np.tan(np.radians(elevation)) / coarse_m
    low, high = (height * per_metre for height in params.heights_m)
    return np.arange(low, min(high, 1.5 * longest), 1.0)


def _coarse(mask: Mask, step: int) -> Mask:
    height, width = (-(-length // step) * step for length in mask.shape)
    padded = np.zeros((height, width), bool)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    share = padded.reshape(height // step, step, width // step, step).mean(axis=(1, 3))
    coarse: Mask = share > 0.5  # noqa: PLR2004 - the majority
    return coarse


def _agreement(cloud: Mask, dark: Mask, rows: int, cols: int) -> float:
    """Share of the moved cloud, outside the cloud itself, that falls on dark ground."""
    cast = moved(cloud, rows, cols) & ~cloud
    total = int(cast.sum())
    return float((cast & dark).sum() / total) if total >= 4 else 0.0  # noqa: PLR2004 - fewer is chance


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowParams:
    """Knobs of the shadow test."""

    smooth_m: float = 30.0
    """Sd of the averaging of the loss."""
    wide_m: float = 120.0
    """The same where the ground near by can tell nothing."""
    little: float = 0.1
    """Below this share of the scene's usual information the wide average stands in."""
    loss: float = 0.22
    """Share of direct light lost at which shadow begins to be found."""
    edge_loss: float = 0.16
    """To which it is followed from there, and from which it is found in the clouds' cast."""
    red_loss: float = 0.08
    """Red must be lost too: harvest, clearing and burning darken the infrared alone."""
    swir_loss: float = 0.08
    """And the short-wave: haze that was taken out too well darkens the visible alone."""
    least_m2: float = 10000.0
    """Of a shadow outside the cast of the scene's own clouds."""
    least_cast_m2: float = 4000.0
    """Of a shadow within it, on ground unlike coal and water."""
    dark_weight: float = 0.02
    """What ground that has come to look like coal or water has to say about the light."""
    known_dark_weight: float = 0.03
    """The same of ground that should look so anyway."""
    lit_coal: float = 0.25
    """Coal that has lost less than this against its own past is lit, whatever lies around it."""
    dark_nir: float = 0.07
    """Ground that should be darker than this in the infrared is coal, whatever its red."""
    lit_coal_swir: float = 0.12
    """And coal that has lost less than this of its own short-wave."""
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


def find_shadow(
    cells: Bands,
    expected: Mapping[str, Image],
    cloud: Mask,
    hidden: Mask,
    sun: tuple[float, float],
    cell_m: float,
    params: ShadowParams | None = None,
) -> Mask:
    """Ground in cloud shadow. (y, x) on cells.

    Args:
        cells: reflectance (y, x) by band.
        expected: what it should be, lit.
        cloud: (y, x) that may cast.
        hidden: (y, x) cloud, snow and missing ground, which tell nothing of the light.
        sun: elevation and azimuth in degrees.
        cell_m: size of a cell.
        params: knobs.
    """
    params = params or ShadowParams()
    weight = _weight(cells, expected, hidden, params)
    terms = _terms(cells, expected, weight)
    loss = _averaged(*terms, cell_m, params)
    lost = loss > params.edge_loss
    if not lost.any():
        return np.zeros_like(cloud)
    near = params.smooth_m / cell_m
    for band, least in (("red", params.red_loss), ("swir16", params.swir_loss)):
        if band in expected:
            lost &= _own_loss(cells, expected, band, weight, near) > least
    cast = cast_by_clouds(cloud, lost, sun, cell_m, params.cast)
    plain = lost & ~(coal_like(cells) | spectral_water(cells))  # shadow spreads over coal, never begins there
    seeds = large_parts(lost & (loss > params.loss), cell_m, params.least_m2) & plain
    seeds |= large_parts(plain & cast, cell_m, params.least_cast_m2)
    if not seeds.any():
        return seeds
    shadow: Mask = ndimage.binary_propagation(seeds, mask=(loss > params.edge_loss) | seeds)
    return shadow & ~hidden & ~_lit_coal(cells, expected, params)


def _weight(cells: Bands, expected: Mapping[str, Image], hidden: Mask, params: ShadowParams) -> Image:
    """What each cell has to say about the light: (y, x)."""
    dark = coal_like(cells) | spectral_water(cells)
    known = dark & coal_like(expected)
    said = np.where(known, params.known_dark_weight, np.where(dark, params.dark_weight, 1.0))
    return np.where(hidden, 0.0, said).astype(np.float32)


def _terms(cells: Bands, expected: Mapping[str, Image], weight: Image) -> tuple[Image, Image]:
    """Loss of light, all bands together, and what it is worth; 0 where nothing is known."""
    loss, worth = np.zeros_like(weight), np.zeros_like(weight)
    for band, look in expected.items():
        tolerance = DIFFUSE[band], RELATIVE_ERROR[band], ABSOLUTE_ERROR[band]
        loss_terms(cells[band], look, weight, tolerance, loss, worth)
    unknown = ~np.isfinite(loss + worth)
    loss[unknown], worth[unknown] = 0.0, 0.0
    return loss, worth


def _averaged(loss: Image, worth: Image, cell_m: float, params: ShadowParams) -> Image:
    """Loss over neighbours; over far ones where the near ones can tell nothing."""
    near = params.smooth_m / cell_m
    around = gaussian(worth, near, truncate=3.0)
    mean = gaussian(loss, near, truncate=3.0) / np.maximum(around, 1e-6)
    known = worth[worth > 0]
    if not known.size:
        return np.zeros_like(loss)
    weak = around < params.little * float(np.median(known[:: max(1, known.size // 20000)]))
    if weak.any():
        mean[weak] = _wide(loss, worth, params.wide_m / cell_m)[weak]
    return np.asarray(mean, np.float32)


def _wide(loss: Image, worth: Image, reach: float) -> Image:
    """The average over a wide neighbourhood, on cells four times as large."""
    height, width = loss.shape
    padded = [np.pad(a, ((0, -height % 4), (0, -width % 4))) for a in (loss, worth)]
    coarse = [a.reshape(a.shape[0] // 4, 4, a.shape[1] // 4, 4).sum(axis=(1, 3)) for a in padded]
    top, bottom = (gaussian(a, reach / 4) for a in coarse)
    mean = top / np.maximum(bottom, 1e-6)
    return np.asarray(np.repeat(np.repeat(mean, 4, axis=0), 4, axis=1)[:height, :width], np.float32)


def _own_loss(
    cells: Bands, expected: Mapping[str, Image], band: str, weight: Image, near_cells: float
) -> Image:
    """Share of one band that is missing, over neighbours."""
    known = weight > 0
    whole = np.where(known, np.nan_to_num(expected[band]), 0) * weight
    lost = np.where(known, departure(expected[band], cells[band]), 0) * weight
    top, bottom = (gaussian(a, near_cells, truncate=3.0) for a in (lost, whole))
    return np.asarray(top / np.maximum(bottom, 1e-6), np.float32)


def _lit_coal(cells: Bands, expected: Mapping[str, Image], params: ShadowParams) -> Mask:
    """Looks like coal, or did, and is hardly darker than its past: in all bands, or in the short-wave.

    Shadow takes the short-wave first of all; haze that was taken out too well leaves it, and gives coal the
    red edge of plants.
    """
    coal = coal_like(cells) | coal_like(expected) | (expected["nir"] < params.dark_nir)
    loss, worth = _terms(cells, expected, coal.astype(np.float32))
    lit: Mask = coal & (mean_of_nine(loss) < params.lit_coal * np.maximum(mean_of_nine(worth), 1e-6))
    if "swir16" in expected:
        own = _own_loss(cells, expected, "swir16", coal.astype(np.float32), 1.0)
        lit |= coal & (own < params.lit_coal_swir)
    return lit


def large_parts(mask: Mask, cell_m: float, least_m2: float) -> Mask:
    """Connected parts of at least an area, after specks are opened away."""
    opened = np.asarray(ndimage.binary_opening(mask, iterations=1))
    if not opened.any():
        return opened
    labels, _ = ndimage.label(opened)
    keep = np.bincount(labels.ravel()) * cell_m**2 >= least_m2
    keep[0] = False
    kept: Mask = keep[labels]
    return kept
