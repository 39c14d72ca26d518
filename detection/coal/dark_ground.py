"""Dark ground of a zone: which of it is water, which persists, and what its darkest part looks like."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label
from scipy.special import ndtr

from detection.coal.blocks import WHOLE, Block
from detection.coal.family import COARSE_BANDS, SWIR, DarkGround, FamilyParams, component_means
from detection.coal.smoothing import EIGHT, TINY, YEAR_DAYS, nan_median
from detection.coal.water import WaterParams, dry_ponds, water_objects
from evidence.quantity import DEFAULT_LEVEL, coverage_factor

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
EQUINOX_DAY, RIGHT_ANGLE_DEG = 79.5, 90.0
"""Day of the year of the equinox of March; a right angle, degrees. By definition."""
BLUR_PX2 = 0.364
"""Variance of the blur of a pixel of 10 m, pixels²: a Gaussian of .53 px (modulation transfer .25 at Nyquist)
and the pixel's own 1/12. Derived."""
COARSE_BLUR_PX2 = 4.0 * BLUR_PX2
"""The same of a pixel of 20 m."""
WIDEST_RIM_SD, RIM_STEP_PX = 3.0, 0.02
"""Standard deviations of the blur beyond which a pixel is no longer mixed (derived: .1 % are); pixels by
which rims are told apart (assumed)."""
DECLINATION_DEG = 23.44
"""Largest declination of the sun, degrees. By definition."""
AROUND_PX = 6
"""Pixels around a small zone or a found pile whose ground says what its own is like. Assumed."""


def noon_sun_deg(days: Floats, latitude: float) -> Floats:
    """Elevation of the sun at noon, degrees.

    Args:
        days: since 1970.
        latitude: degrees.
    """
    turn = 2.0 * np.pi * (days - EQUINOX_DAY) / YEAR_DAYS
    return np.asarray(RIGHT_ANGLE_DEG - abs(latitude) + np.sign(latitude) * DECLINATION_DEG * np.sin(turn))


@dataclass(frozen=True, slots=True, kw_only=True)
class DarkSurvey:
    """What one year's looks show of a zone's dark ground."""

    clusters: tuple[DarkGround, ...]
    """Of two months and of the year, few pixels and many, by two ways of ranking darkness; empty where no
    ground was seen often enough."""
    dark: Bools
    """(y, x) ground that is persistently dark, of any kind but water."""
    most_px: float
    """Pixels of it that are dark at one time, at most; ground that is dark once alone is wet or shaded."""
    may_px: float
    """Pixels of the zone that are no brighter than coal of the brightest rank may be, at any time."""
    ground: Floats
    """(band,) reflectance of the lighter half of the zone; empty where no ground was seen often enough."""
    level: float
    """Brightness (red to swir) of the zone's ground and what lies around it, reflectance."""
    water: Bools
    """(y, x) water by its history, with its rim."""
    pond_ratio: Floats
    """(y, x) ln likelihood ratio of water over coal of the year's looks at dark ground."""
    bare_share: float
    """Share of the zone that is bare ground and never dark."""


def survey_dark_ground(
    block: Block,
    share: Floats,
    own: Bools,
    wetness: Floats,
    *,
    latitude: float,
    params: FamilyParams,
    water: WaterParams,
) -> DarkSurvey:
    """The darkest persistent ground of a zone, ranked by red to SWIR and by visible to NIR; no water.

    Args:
        block: around the zone.
        share: (y, x) of the zone within the block.
        own: (time,) looks of the year.
        wetness: (3, y, x) `watery_looks` of all years so far; of the years before, the ratio of `dry_ponds`.
        latitude: degrees, for the sun.
        params: of the family.
        water: of the test for water.
    """
    nothing = np.zeros(share.shape, dtype=bool)
    inside, near = share > WHOLE, binary_dilation(share > 0.0, structure=EIGHT, iterations=AROUND_PX)
    sunny = noon_sun_deg(block.days, latitude) >= params.least_sun_deg
    medians = _medians(block, near, own & sunny, params) or _medians(block, near, own, params)
    if not medians:
        return DarkSurvey(
            clusters=(),
            dark=nothing,
            most_px=0.0,
            may_px=0.0,
            ground=np.zeros(0),
            level=0.0,
            water=nothing,
            pond_ratio=np.zeros(share.shape),
            bare_share=0.0,
        )
    bands = block.bands
    long = long_bands(bands)
    short = [i for i, band in enumerate(bands) if band not in SWIR]
    red, nir = bands.index("red"), bands.index("nir")
    every = np.array(medians)
    bright = every[..., long].mean(axis=-1)
    level = float(np.nanquantile(bright, params.ground_quantile))
    own_ground = np.isfinite(bright) & inside[None]
    lighter = own_ground & (bright > np.median(bright[own_ground])) if own_ground.any() else bright > level
    ground = np.median(every[lighter], axis=0)
    with np.errstate(invalid="ignore"):
        dark = bright < params.darkest_ratio * level
        ndvi = (every[..., nir] - every[..., red]) / (every[..., nir] + every[..., red])
        may = (dark & (ndvi < params.greenest)).any(axis=0)
        wet = water_objects(wetness[0], wetness[1], may, water)
        shown = (block.seen & own[:, None, None]) & (may & ~wet)
        shown &= block.pixels[..., long].mean(axis=-1) < params.darkest_ratio * level
        ponds, pond_ratio = dry_ponds(block, shown, wetness[2], core_px=params.fewest_dark, params=water)
        wet |= ponds
        usable = np.isfinite(bright) & (ndvi < params.greenest) & (inside & ~wet)[None]
    clusters = []
    medians_of_pixels = np.full((1, *every.shape[1:]), np.nan)
    told = np.isfinite(bright).any(axis=0)
    medians_of_pixels[0, told] = nan_median(every[:, told])
    of_year = (medians_of_pixels, (usable.sum(axis=0) * 2 > np.isfinite(bright).sum(axis=0))[None])
    for (image, may), used, share_of_it in itertools.product(
        ((every, usable), of_year), (long, short), (0.0, params.dark_share)
    ):
        count = max(params.fewest_dark, round(share_of_it * int(may.sum())))
        if may.sum() < count:
            continue
        rank = np.where(may, image[..., used].mean(axis=-1), np.inf)
        chosen = np.unravel_index(np.argsort(rank, axis=None)[:count], rank.shape)
        value = np.median(image[chosen], axis=0)
        half = 0.5 * (float(value[used].mean()) + float(ground[used].mean()))
        impurity = _impurity(image, used, half, may, chosen, bands)
        ratio = float(value[long].mean() / max(level, TINY))
        clusters.append(DarkGround(reflectance=value, impurity=impurity, ground=ground, ratio=ratio))
    with np.errstate(invalid="ignore"):
        plants = (ndvi > params.plants_ndvi).any(axis=0)
    lasting = dark & usable & ((dark & usable).sum(axis=0) >= min(len(medians), params.fewest_dark_medians))
    bare = inside & np.isfinite(bright).any(axis=0) & ~plants & ~dark.any(axis=0) & ~wet
    return DarkSurvey(
        clusters=tuple(clusters),
        dark=(dark & usable).any(axis=0),
        most_px=float(lasting.sum(axis=(1, 2)).max()),
        may_px=float((usable & (bright < brightest_coal(bands, params))).any(axis=0).sum()),
        ground=ground,
        level=level,
        water=wet & (share > 0.0),
        pond_ratio=pond_ratio,
        bare_share=float(bare.sum() / max(int(inside.sum()), 1)),
    )


def long_bands(bands: Sequence[str]) -> list[int]:
    """Positions of the bands from red on, whose mean is the brightness of ground."""
    return [i for i, band in enumerate(bands) if band not in {"blue", "green"}]


def brightest_coal(bands: Sequence[str], params: FamilyParams) -> float:
    """Brightness (red to swir) below which coal of the brightest rank stays at 39 of 40 sites."""
    rank = np.exp(component_means(bands))[:, long_bands(bands)].mean(axis=1).max()
    return float(rank * np.exp(coverage_factor(DEFAULT_LEVEL) * params.level_sd))


def rim_width_px(
    coal: Floats, ground: Floats, level: float, bands: Sequence[str], params: FamilyParams
) -> float:
    """Width of the rim of a dark body, pixels: how far inside a straight edge mixed pixels are not yet dark.

    Across the edge each band goes from ground to coal as the integral of the blur of its pixels, and a pixel
    is dark ground where `survey_dark_ground` says so: dark beside its zone and not green. What reads as coal
    exceeds what is dark by the length of the edge times this width.

    Args:
        coal: (band,) reflectance.
        ground: (band,) reflectance beside.
        level: brightness of the zone's ground.
        bands: their names.
        params: of the family.
    """
    blur = np.sqrt([COARSE_BLUR_PX2 if band in COARSE_BANDS else BLUR_PX2 for band in bands])
    inside = np.arange(0.0, WIDEST_RIM_SD * np.sqrt(COARSE_BLUR_PX2), RIM_STEP_PX)
    mixed = ground + ndtr(inside[:, None] / blur) * (coal - ground)
    red, nir = mixed[:, bands.index("red")], mixed[:, bands.index("nir")]
    dark = mixed[:, long_bands(bands)].mean(axis=1) < params.darkest_ratio * level
    dark &= nir - red < params.greenest * (nir + red)
    return float(inside[np.argmax(dark)] if dark.any() else inside[-1])


def _medians(block: Block, near: Bools, use: Bools, params: FamilyParams) -> list[Floats]:
    """Medians (y, x, band) of the looks of every two months, NaN outside `near` and where hardly seen."""
    out = []
    spell = np.floor(block.days / params.together_days)
    for one in np.unique(spell[use]):
        looks = np.flatnonzero(use & (spell == one))
        if len(looks) < params.fewest_looks:
            continue
        seen = block.seen[looks] & near
        enough = seen.sum(axis=0) >= params.fewest_looks
        if not enough.any():
            continue
        values = np.where(seen[..., None], block.pixels[looks], np.nan)[:, enough]
        image = np.full((*near.shape, block.pixels.shape[-1]), np.nan)
        image[enough] = nan_median(values)
        out.append(image)
    return out


def _impurity(
    every: Floats,
    used: Sequence[int],
    half: float,
    usable: Bools,
    chosen: tuple[NDArray[np.intp], ...],
    bands: Sequence[str],
) -> Floats:
    """(band,) share of other ground in the middle of a disc as large as the patches of dark pixels."""
    sizes = []
    for time in np.unique(chosen[0]):
        with np.errstate(invalid="ignore"):
            parts, _ = label(usable[time] & (every[time][..., used].mean(axis=-1) < half), structure=EIGHT)
        size = np.bincount(parts.ravel())
        size[0] = 1
        at = chosen[0] == time
        sizes += size[parts[chosen[1][at], chosen[2][at]]].tolist()
    radius2 = float(np.median(sizes)) / np.pi
    blur = np.array([COARSE_BLUR_PX2 if band in COARSE_BANDS else BLUR_PX2 for band in bands])
    return np.asarray(np.exp(-radius2 / (2.0 * blur)))
