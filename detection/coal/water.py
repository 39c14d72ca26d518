"""Dark ground that is water by its history: what stays wet, and ponds that fall dry.

Open water is told by single looks. The median of many looks at a pond that fills and falls dry is as flat and
dark as flat coal, because water and mud take turns, and no look by itself decides: haze moves the visible
bands by as much as water differs from coal. So the darkest ground of an object is followed from look to look.
Water peaks in green and falls from there to near infrared, which no coal does. With r the likelihood of a
look at water over that of a look at ground equally dark in all bands, the flattest that coal is, for any
brightness and with haze as an error, an object that shows water on half of its looks has the likelihood ratio
of the product of (r + 1) / 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label, uniform_filter

from detection.coal.blocks import Block
from detection.coal.family import SWIR, WAVELENGTH_NM
from detection.coal.smoothing import EIGHT, TINY
from detection.coal.spectra import DARKEST

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
SPECK = 6
"""Pixels for each pixel of a rim below which a piece is a speck. Assumed."""
TURBID = MappingProxyType({"blue": 0.026, "green": 0.028, "red": 0.024, "nir": 0.024})
"""Reflectance of water. Measured: Korba, Sentinel-2 L2A of 2023-01-10."""
KEPT = 3
"""Planes that years hand on: looks at water, lit looks, ln likelihood ratio of ponds. By definition."""
LEVEL_SD = 1.0
"""ln reflectance: so wide that brightness says nothing. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterParams:
    """When dark ground is water by its history; measured on ponds and on coal of every rank."""

    nir_over_red: float = 0.8
    """Means of 3 × 3 pixels; water has less. Assumed."""
    swir16: float = 0.06
    """Reflectance; water has less. Assumed."""
    looks_share: float = 0.1
    """Share of a pixel's lit looks that show water, from which the pixel is water. Assumed."""
    nir_over_green: float = 0.9
    """Means of 3 × 3 pixels; water that is not clear has less (Korba .86), coal of the family 1.09 and more.
    Assumed."""
    falling_weight: float = 0.2
    """Looks with that alone count as this share of a look that shows water: half of them make a pixel water.
    Assumed."""
    object_share: float = 0.1
    """Share of such pixels from which the whole dark object is. Assumed."""
    rim_px: int = 2
    """Muddy rim of water, pixels. Assumed."""
    haze_sd: float = 0.01
    """Error of the path radiance in blue, reflectance. Assumed."""
    haze_exponent: float = 1.3
    """Of the wavelength, by which haze grows fainter: Ångström's for aerosol over land (Ångström 1929)."""
    noise_sd: float = 0.001
    """Error of a band of the mean of a few dark pixels, reflectance. Assumed."""
    relative_noise_sd: float = 0.03
    """The same as a share. Assumed."""
    most: float = 2.0
    """ln likelihood ratio that one look has at most, either way. Assumed."""
    pond_log_ratio: float = 6.0
    """ln likelihood ratio of all looks from which dark ground is a pond. Assumed: 1 in 400 by Bayes' rule,
    even odds."""


def watery_looks(block: Block, own: Bools, params: WaterParams) -> tuple[Floats, Floats]:
    """Looks that show water and lit looks, each (y, x); shadow was left out before (`lit`).

    Without SWIR nothing is said.

    Args:
        block: around a zone.
        own: (time,) looks that count.
        params: of the test.
    """
    seen = block.seen[own]
    count = seen.sum(axis=0).astype(np.float64)
    if "swir16" not in block.bands:
        return np.zeros_like(count), count
    pixels = block.pixels[own]
    green, red, nir, swir = (
        pixels[..., block.bands.index(band)] for band in ("green", "red", "nir", "swir16")
    )
    weight = uniform_filter(seen.astype(np.float64), size=(1, *EIGHT.shape), mode="nearest")

    def around(values: Floats) -> Floats:
        total = uniform_filter(np.where(seen, values, 0.0), size=(1, *EIGHT.shape), mode="nearest")
        return np.asarray(total / np.maximum(weight, TINY))

    dark = seen & (around(swir) < params.swir16)
    water = dark & (around(nir) < params.nir_over_red * around(red))
    falling = dark & ~water & (around(nir) < params.nir_over_green * around(green))
    return water.sum(axis=0) + params.falling_weight * falling.sum(axis=0), count


def water_objects(watery: Floats, lit: Floats, dark: Bools, params: WaterParams) -> Bools:
    """(y, x) dark objects that are water over their history, and their muddy rims.

    Water with its rim is cut out first, so that coal on a quay is judged by itself.

    Args:
        watery: (y, x) looks that show water.
        lit: (y, x) lit looks.
        dark: (y, x) ground that is dark on any look's median.
        params: of the test.
    """
    water = (watery >= params.looks_share * np.maximum(lit, 1.0)) & (watery >= 1.0)
    parts, count = label(dark | water, structure=EIGHT)
    size = np.bincount(parts.ravel(), minlength=count + 1)
    wet = np.bincount(parts[water], minlength=count + 1)
    ponds = wet >= params.object_share * np.maximum(size, 1)
    ponds[0] = False
    waters, pieces = label(water, structure=EIGHT)
    specks = np.bincount(waters.ravel(), minlength=pieces + 1) < params.rim_px * SPECK
    water &= ~specks[waters] | ponds[parts]
    cut = binary_dilation(water, structure=EIGHT, iterations=params.rim_px)
    small = ponds & (wet >= 0.5 * size)  # mostly water: the whole object goes
    rest, pieces = label(dark & ~cut & ponds[parts], structure=EIGHT)
    sizes = np.bincount(rest.ravel(), minlength=pieces + 1)
    rim = (sizes < params.rim_px * SPECK)[rest] & (rest > 0)
    return np.asarray((cut & ponds[parts]) | small[parts] | rim | (cut & (dark | water)))


def log_ratio(seen: Floats, params: WaterParams) -> Floats:
    """(n,) ln likelihood of water over that of ground that is equally dark in all bands.

    Args:
        seen: (n, band) reflectance in the bands of `TURBID`.
        params: of the test.
    """
    at = np.array([WAVELENGTH_NM[band] for band in TURBID])
    seen = np.maximum(seen, DARKEST)
    haze = params.haze_sd * (at / at[0]) ** -params.haze_exponent / seen
    noise = (params.noise_sd / seen) ** 2 + params.relative_noise_sd**2
    covariance = haze[:, :, None] * haze[:, None] + noise[:, None] * np.eye(len(at)) + LEVEL_SD**2
    water = np.log(list(TURBID.values()))
    seen = np.log(seen)
    away = np.stack([seen - seen.mean(axis=1, keepdims=True)] * 2, axis=-1)
    away[..., 1] -= water - water.mean()
    coal, pond = np.moveaxis((away * np.linalg.solve(covariance, away)).sum(axis=1), -1, 0)
    return np.asarray(0.5 * (coal - pond))


def dry_ponds(
    block: Block, shown: Bools, before: Floats, *, core_px: int, params: WaterParams
) -> tuple[Bools, Floats]:
    """Ponds that fall dry among dark ground: (y, x) their ground, and the ln likelihood ratio of its looks.

    The darkest pixels of a pond and its muddy rim are cut out, and what is left is judged by itself, so that
    coal beside a pond stays.

    Args:
        block: around a zone.
        shown: (time, y, x) looks that show dark ground.
        before: (y, x) ln likelihood ratio of looks of the years before.
        core_px: pixels that stand for the darkest ground.
        params: of the test.
    """
    ponds, ratio = np.zeros(before.shape, dtype=bool), np.zeros(before.shape)
    long = [i for i, band in enumerate(block.bands) if band in SWIR]
    if not long or not set(TURBID) <= set(block.bands):
        return ponds, ratio
    pixels = block.pixels[..., [block.bands.index(band) for band in TURBID]]
    bright = np.where(shown, block.pixels[..., long].mean(axis=-1), np.inf)
    left = shown.any(axis=0)
    while True:
        parts, count = label(left, structure=EIGHT)
        core = np.zeros_like(left)
        for number in range(1, count + 1):
            rows, columns = np.nonzero(parts == number)
            looks = np.flatnonzero(shown[:, rows, columns].sum(axis=1) >= core_px)
            if not len(looks):
                continue
            darkest = np.argpartition(bright[looks][:, rows, columns], core_px - 1, axis=1)[:, :core_px]
            at = rows[darkest], columns[darkest]
            each = log_ratio(pixels[looks[:, None], *at].mean(axis=1), params)
            each = np.log(0.5 * (np.exp(np.clip(each, -params.most, params.most)) + 1.0))
            ratio[rows, columns] = each.sum()
            if each.sum() + before[rows, columns].mean() > params.pond_log_ratio:
                wet = before.copy()
                np.add.at(wet, at, each[:, None])
                core |= (parts == number) & (wet > 0.0)
        if not core.any():
            return ponds, ratio
        ponds |= left & binary_dilation(core, structure=EIGHT, iterations=params.rim_px)
        left &= ~ponds
