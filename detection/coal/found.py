"""Piles that nobody has drawn a zone around: dark ground that stays coal look after look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label

from detection.coal.burnt import Looks, leaf_season, may_be_burnt, scars
from detection.coal.endmember import like_coal
from detection.coal.fraction import Block, FractionParams, Fractions, block_fractions, first_fraction
from detection.coal.nearby import EIGHT
from detection.coal.site_blocks import block_of, tiles, within
from detection.coal.spectra import CoalSpectrum
from detection.coal.supports import plausible_mixture
from detection.coal.timing import smooth_time

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
SEARCH = FractionParams(rounds=2, controls=1200, own_spectrum=False, texture=0.13, brightness=0.28)
"""What decides where to measure may be coarser; the prior's own spread stands in for a learned spectrum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundParams:
    """Knobs of the search; the operating point is the mean fraction that a pile's core must reach."""

    core_fraction: float = 0.55
    """With `changed_share` the operating point, see `OPERATING_POINTS`."""
    tau_days: float = 60.0
    """Over how long looks speak together."""
    sure_sd: float = 4.0
    """Standard errors by which the mean must exceed half of `core_fraction`."""
    looks: int = 3
    """Clear looks before coal is called found."""
    minimum_px: int = 4
    """Pixels of the smallest core."""
    misfit_limit: float = 4.0
    """Mean square misfit above which dark ground is no mixture of coal and ground."""
    spectrum_limit: float = 3.0
    """Mean square distance from the prior, in its standard deviations, beyond which it is not coal."""
    greenest: float = 0.4
    """NDVI above which dark ground is conifers."""
    was_green: float = 0.5
    """NDVI of living plants: ground that held them may have burnt."""
    unwatched: bool = False
    """Whether dark ground may be a pile that no season of leaves has shown without coal, and without plants,
    and that was not yet dark in two of them: it may have burnt."""
    changed_share: float = 0.15
    """Share of a pile's core that must have been without coal in other looks; 0 takes steady dark ground too:
    asphalt, slate roofs and marshy soil can have the reflectance of coal, but they stay as they are."""
    bare_below: float = 0.2
    """Mean fraction under which ground counts as without coal."""
    tile_px: int = 112
    """About the side of the tiles that are searched one by one."""
    margin_px: int = 16
    """Overlap of the tiles."""
    widest_px: int = 60
    """Longest side of a found pile; wider dark ground is a surface, not a pile."""


OPERATING_POINTS = MappingProxyType(
    {
        "high recall": FoundParams(core_fraction=0.4, changed_share=0.0, unwatched=True),
        "balanced": FoundParams(),
        "high precision": FoundParams(core_fraction=0.7, changed_share=0.3),
    }
)
"""Settings of the search by what they are for; high recall takes dark ground that never changed, too."""


def found_supports(
    cube: xr.Dataset, bands: tuple[str, ...], closed: Bools, coal: CoalSpectrum, params: FoundParams
) -> tuple[list[Bools], Bools]:
    """Ground around every found pile, and ground that looks like coal but was not called a pile.

    Args:
        cube: (time, y, x).
        bands: that are used.
        closed: (y, x) where not to look: zones, exclusions, outside the aoi.
        coal: spectrum to begin with.
        params: knobs.

    Returns:
        masks (y, x), each around one pile or several that touch; (y, x) steady, small or wide dark ground.
    """
    core, changed, burnt = np.zeros((3, *closed.shape), dtype=bool)
    height, width = closed.shape
    for own, wide in tiles(height, width, about_px=params.tile_px, margin_px=params.margin_px):
        if closed[own.rows, own.columns].all():
            continue
        block = block_of(cube, wide, bands, closed)
        rows, columns = within(own, wide)
        told = found_in_block(block, bands, coal, params)
        for whole, part in zip((core, changed, burnt), (told.core, told.changed, told.burnt), strict=True):
            whole[own.rows, own.columns] |= part[rows, columns]
    sure = core & ~burnt & ~scars(core, burnt)
    parts, count = label(binary_dilation(sure & ~closed, structure=EIGHT, iterations=2), structure=EIGHT)
    masks = [(parts == i) & ~closed for i in range(1, count + 1)]
    piles = [mask for mask in masks if _is_pile(mask, sure, changed, params)]
    return piles, core & ~np.any([np.zeros_like(core), *piles], axis=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What a search says of one block, each (y, x)."""

    core: Bools
    """Ground that stays coal look after look."""
    changed: Bools
    """Which of it was without coal in other looks."""
    burnt: Bools
    """Which of it may be burnt plants."""


def found_in_block(block: Block, bands: tuple[str, ...], coal: CoalSpectrum, params: FoundParams) -> Searched:
    """Cores of piles in one block.

    Candidates come from the ground's own reflectance and a matched filter; the full estimate judges them.
    """
    mean, covariance = coal.select(bands)
    none = np.zeros_like(block.suspect)
    candidates = _often_like_coal(block, bands, mean, covariance, params) & ~block.suspect
    if candidates.any():
        candidates &= _candidates(first_fraction(replace(block, suspect=none), mean), block, params)
    near = binary_dilation(candidates, structure=EIGHT, iterations=2)
    found = block_fractions(replace(block, suspect=near), mean, covariance, SEARCH) if near.any() else None
    if found is None:
        return Searched(core=none, changed=none, burnt=none)
    looks = _looks(block, bands, found, params)
    core = candidates & (looks.coal.sum(axis=0) >= params.looks)
    core &= _coloured_like_coal(block, core, looks.coal, bands, mean, covariance, params)
    in_leaf = leaf_season(looks.green, looks.seen, fewest=params.looks)
    burnt = may_be_burnt(looks, in_leaf, fewest=params.looks, unwatched=not params.unwatched)
    changed = looks.bare.sum(axis=0) >= params.looks
    return Searched(core=core, changed=core & changed, burnt=core & burnt)


def _looks(block: Block, bands: tuple[str, ...], found: Fractions, params: FoundParams) -> Looks:
    """What each look shows, in the light of those around it."""
    value, error = smooth_time(found.value, found.variance + 0.01, block.days, tau_days=params.tau_days)
    told = np.isfinite(found.value) & plausible_mixture(
        found.misfit, block.days, tau_days=params.tau_days, limit=params.misfit_limit
    )
    least = np.maximum(params.core_fraction, 0.5 * params.core_fraction + params.sure_sd * error)
    red, nir = block.pixels[..., bands.index("red")], block.pixels[..., bands.index("nir")]
    with np.errstate(invalid="ignore"):
        green = block.seen & (nir - red > params.was_green * (nir + red))
    return Looks(
        coal=told & (value > least),
        bare=told & (value < params.bare_below),
        green=green,
        seen=block.seen,
        days=block.days,
    )


def _often_like_coal(
    block: Block, bands: tuple[str, ...], mean: Floats, covariance: Floats, params: FoundParams
) -> Bools:
    """(y, x) ground whose own reflectance could be coal in enough looks: cheap, and most ground fails it."""
    red, nir = block.pixels[..., bands.index("red")], block.pixels[..., bands.index("nir")]
    with np.errstate(invalid="ignore"):
        like = block.seen & (nir - red < params.greenest * (nir + red))
    out = np.zeros_like(like)
    out[like] = like_coal(block.pixels[like], mean, covariance)
    return np.asarray(out.sum(axis=0) >= params.looks)


def _candidates(first: Floats, block: Block, params: FoundParams) -> Bools:
    """Pixels that a plain matched filter calls coal for several looks."""
    value, error = smooth_time(first, np.ones(1), block.days, tau_days=params.tau_days)
    dark = (value > 0.7 * params.core_fraction) & (error < 1.0 / np.sqrt(params.looks - 1.0))
    return np.asarray(dark.any(axis=0))


def _coloured_like_coal(
    block: Block,
    core: Bools,
    good: Bools,
    bands: tuple[str, ...],
    mean: Floats,
    covariance: Floats,
    params: FoundParams,
) -> Bools:
    """Cores whose own median spectrum is coal's: green matter and open water are not."""
    out = np.zeros_like(core)
    precision = np.linalg.inv(covariance + np.diag((0.008 + 0.1 * mean) ** 2))
    for row, column in np.argwhere(core):
        looks = block.pixels[good[:, row, column] & block.seen[:, row, column], row, column]
        if len(looks) == 0:
            continue
        spectrum = np.median(looks, axis=0)
        away = spectrum - mean
        green = (spectrum[bands.index("nir")] - spectrum[bands.index("red")]) / (
            spectrum[bands.index("nir")] + spectrum[bands.index("red")] + 1e-6
        )
        out[row, column] = (
            away @ precision @ away / len(mean) < params.spectrum_limit and green < params.greenest
        )
    return out


def _is_pile(mask: Bools, core: Bools, changed: Bools, params: FoundParams) -> bool:
    """Large enough to be told from noise, small enough to be a pile, and not the same all the time."""
    rows, columns = np.nonzero(mask)
    size = int((mask & core).sum())
    if size < params.minimum_px or int((mask & changed).sum()) < params.changed_share * size:
        return False
    return int(max(np.ptp(rows), np.ptp(columns))) < params.widest_px
