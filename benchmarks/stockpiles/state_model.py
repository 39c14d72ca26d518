"""Dark ground through time as hidden states, in place of the rules of what came and was bare.

A hidden Markov model on medians of two months (Rabiner 1989). Two states: ground or coal, their brightness
beside the zone's as emission, how long coal lies as transition. Five states: ground, coal of the family, wet
ground, shade and char, with their spectra as emissions and a dwell time each. The posterior says where coal
lies and where none does, instead of `detection.coal.onset` and the first guess of a bare yard;
`benchmarks.stockpiles.ablation` has both.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detection.coal.blocks import Block
from detection.coal.dark_ground import long_bands
from detection.coal.family import (
    FAMILY,
    WAVELENGTH_NM,
    FamilyParams,
    component_means,
    family_covariance,
    wetted,
)
from detection.coal.ground import Ground
from detection.coal.smoothing import nan_median
from detection.coal.spectra import DARKEST

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
SPREAD = 0.25
"""Of ln brightness within a state. Assumed."""
DWELL_DAYS = 365.0
"""How long a pixel keeps its state. Assumed."""
COAL_SHARE = 0.1
"""Prior probability of coal. Assumed."""
SURE = 0.9
"""Posterior from which a look is taken for one state. Assumed."""
SHARES = (0.74, COAL_SHARE, 0.08, 0.05, 0.03)
"""Prior probability of ground, coal, wet ground, shade, char. Assumed."""
DWELLS_DAYS = (1000.0, DWELL_DAYS, 45.0, 90.0, 150.0)
"""How long each lasts: rain for weeks, shade for a season, char until leaves are out. Assumed."""
GROUND_SHAPE = 0.1
"""Of ln reflectance of single bands within a state that is no coal. Assumed."""
SKY = {"blue": 0.5, "green": 0.42, "red": 0.35, "nir": 0.28, "swir16": 0.2, "swir22": 0.18}
"""Light in shade over light in the sun: sky alone, bluer than the sun. Assumed."""
SHADE_LEVEL = 0.35
"""Of its logarithm: how deep the shade is. Assumed."""
CHAR = {"blue": 0.044, "green": 0.050, "red": 0.059, "nir": 0.076, "swir16": 0.183, "swir22": 0.239}
"""Reflectance of charred soil, rock and bark, mean of six spectra (earthlib 1.1.0, `spectra.csv`)."""


def posterior(likelihood: Floats, shares: Floats, dwells_days: Floats, spell_days: float) -> Floats:
    """(state, spell, …) probability of every state, forward and backward.

    Args:
        likelihood: (state, spell, …).
        shares: (state,) prior probability.
        dwells_days: (state,) how long each lasts in the mean; then another comes by its share.
        spell_days: from one spell to the next.
    """
    leaves = 1.0 - np.exp(-spell_days / dwells_days)
    step = np.diag(1.0 - leaves) + leaves[:, None] * shares[None]
    forward, backward = np.empty_like(likelihood), np.ones_like(likelihood)
    state = shares.reshape(-1, *(1 for _ in likelihood.shape[2:])) * np.ones_like(likelihood[:, 0])
    for t in range(likelihood.shape[1]):
        state = state * likelihood[:, t]
        forward[:, t] = state = state / state.sum(axis=0)
        state = np.tensordot(step.T, state, axes=1)
    for t in range(likelihood.shape[1] - 2, -1, -1):
        later = np.tensordot(step, backward[:, t + 1] * likelihood[:, t + 1], axes=1)
        backward[:, t] = later / later.sum(axis=0)
    both = forward * backward
    return np.asarray(both / both.sum(axis=0))


def coal_probability(ratio: Floats, coal_ratio: float, spell_days: float) -> Floats:
    """(spell, …) posterior of coal by brightness alone.

    Args:
        ratio: (spell, …) brightness over the zone's, NaN where not seen.
        coal_ratio: the same of coal.
        spell_days: from one to the next.
    """
    log = np.log(np.maximum(ratio, 1e-3))
    away = np.stack([log, log - np.log(coal_ratio)]) / SPREAD
    likelihood = np.where(np.isfinite(away), np.exp(-0.5 * np.minimum(away**2, 100.0)), 1.0)
    likelihood[0] = np.where(log > 0.0, 1.0, likelihood[0])  # brighter than most ground is ground
    shares = np.array([1.0 - COAL_SHARE, COAL_SHARE])
    return posterior(likelihood, shares, np.full(2, DWELL_DAYS), spell_days)[1]


def _density(log: Floats, mean: Floats, covariance: Floats) -> Floats:
    """(…,) normal density of ln reflectance (…, band); far away never quite nought."""
    lower = np.linalg.cholesky(covariance)
    away = np.linalg.solve(lower, (log - mean).reshape(-1, len(mean)).T)
    square = (away**2).sum(axis=0).reshape(log.shape[:-1])
    return np.asarray(np.exp(-0.5 * np.minimum(square, 100.0)) / np.prod(np.diag(lower)))


def family_probability(
    medians: Floats, level: Floats, bands: tuple[str, ...], params: FamilyParams
) -> Floats:
    """(spell, …) posterior of coal of the family beside ground, wet ground, shade and char, by all bands.

    Args:
        medians: (spell, …, band) reflectance, NaN where not seen.
        level: (band,) of the zone's ground.
        bands: names.
        params: of the family.
    """
    seen = np.isfinite(medians).all(axis=-1)
    log = np.log(np.maximum(np.where(seen[..., None], medians, 1.0), DARKEST))
    ground, family = np.log(np.maximum(level, DARKEST)), family_covariance(bands, params)
    own = SPREAD**2 + GROUND_SHAPE**2 * np.eye(len(bands))
    knots, at = ([WAVELENGTH_NM[band] for band in names] for names in (SKY, bands))
    sky, char = (np.interp(at, knots, list(told.values())) for told in (SKY, CHAR))
    shade = SHADE_LEVEL**2 + GROUND_SHAPE**2 * np.eye(len(bands))
    coal = sum(
        rank.weight * _density(log, mean, family)
        for rank, mean in zip(FAMILY, component_means(bands), strict=True)
    )
    brighter = (log - ground).mean(axis=-1) > 0.0  # than most ground: ground
    emitted = [
        np.where(brighter, _density(ground, ground, own), _density(log, ground, own)),
        coal,
        _density(log, wetted(ground, bands, params), own),
        _density(log, ground + np.log(sky), shade),
        _density(log, np.log(char), own),
    ]
    likelihood = np.where(seen, np.stack(emitted), 1.0)
    return posterior(likelihood, np.array(SHARES), np.array(DWELLS_DAYS), params.together_days)[1]


def spell_medians(block: Block, values: Floats, params: FamilyParams) -> tuple[Floats, NDArray[np.intp]]:
    """Medians of two months (spell, …) of `values` (time, y, x[, band]), and which one each look is of."""
    spell = np.floor(block.days / params.together_days)
    each = np.unique(spell)
    medians = np.full((len(each), *values.shape[1:]), np.nan)
    for row, one in enumerate(each):
        looks = values[spell == one]
        enough = np.isfinite(looks).sum(axis=0) >= params.fewest_looks
        if enough.any():
            medians[row][enough] = nan_median(looks)[enough]
    return medians, np.searchsorted(each, spell)


def _told(ground: Ground, found: Floats, of_look: NDArray[np.intp]) -> tuple[Bools, Bools]:
    """(time, n) looks at coal and at ground without, as `detection.coal.fraction` asks for them."""
    here = found[of_look].reshape(len(of_look), -1)[np.ix_(ground.dates, ground.where)]
    return ground.seen & (here > SURE), ground.seen & (here < 1.0 - SURE)


def states(ground: Ground, block: Block, _first: Floats) -> tuple[Bools, Bools]:
    """The two states' answer."""
    params = FamilyParams()
    long = long_bands(block.bands)
    bright = np.where(block.seen, block.pixels[..., long].mean(axis=-1), np.nan)
    medians, of_look = spell_medians(block, bright, params)
    inside = medians[:, block.suspect]
    level = np.nanquantile(inside, params.ground_quantile) if np.isfinite(inside).any() else np.nan
    coal = float(np.exp(component_means(block.bands))[:, long].mean() / level)
    found = coal_probability(medians / level, min(coal, params.darkest_ratio), params.together_days)
    return _told(ground, found, of_look)


def five_states(ground: Ground, block: Block, _first: Floats) -> tuple[Bools, Bools]:
    """The five states' answer."""
    params = FamilyParams()
    shown = np.where(block.seen[..., None], block.pixels, np.nan)
    medians, of_look = spell_medians(block, shown, params)
    inside = medians[:, block.suspect].reshape(-1, len(block.bands))
    inside = inside[np.isfinite(inside).all(axis=-1)]
    if not len(inside):
        none = np.zeros_like(ground.seen)
        return none, none
    level = np.quantile(inside, params.ground_quantile, axis=0)
    return _told(ground, family_probability(medians, level, block.bands, params), of_look)
