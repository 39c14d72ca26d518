"""Coal and ground as two states of a pixel through time, in place of the rules of what came and was bare.

A hidden Markov model on medians of two months (Rabiner 1989): ground or coal, their brightness beside the
zone's as emission, how long coal lies as transition. Its posterior says where coal lies and where none does,
instead of `detection.coal.onset` and the first guess of a bare yard; `benchmarks.stockpiles.ablation` has it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detection.coal.blocks import Block
from detection.coal.dark_ground import long_bands
from detection.coal.family import FamilyParams, component_means
from detection.coal.ground import Ground
from detection.coal.smoothing import nan_median

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


def coal_probability(ratio: Floats, coal_ratio: float, spell_days: float) -> Floats:
    """(spell, …) posterior of coal, forward and backward.

    Args:
        ratio: (spell, …) brightness over the zone's, NaN where not seen.
        coal_ratio: the same of coal.
        spell_days: from one to the next.
    """
    log = np.log(np.maximum(ratio, 1e-3))
    away = np.stack([log, log - np.log(coal_ratio)]) / SPREAD
    likelihood = np.where(np.isfinite(away), np.exp(-0.5 * np.minimum(away**2, 100.0)), 1.0)
    likelihood[0] = np.where(log > 0.0, 1.0, likelihood[0])  # brighter than most ground is ground
    leaves = 1.0 - np.exp(-spell_days / DWELL_DAYS)
    stationary = np.array([1.0 - COAL_SHARE, COAL_SHARE])
    step = (1.0 - leaves) * np.eye(2) + leaves * stationary[None]
    shape = (2, *ratio.shape[1:])
    start = stationary.reshape(2, *(1 for _ in shape[1:])) * np.ones(shape)
    forward, backward = np.empty_like(likelihood), np.ones_like(likelihood)
    state = start
    for t in range(len(ratio)):
        state = state * likelihood[:, t]
        forward[:, t] = state = state / state.sum(axis=0)
        state = np.tensordot(step.T, state, axes=1)
    for t in range(len(ratio) - 2, -1, -1):
        later = np.tensordot(step, backward[:, t + 1] * likelihood[:, t + 1], axes=1)
        backward[:, t] = later / later.sum(axis=0)
    both = forward * backward
    return np.asarray(both[1] / both.sum(axis=0))


def states(ground: Ground, block: Block, _first: Floats) -> tuple[Bools, Bools]:
    """(time, n) looks at coal and at ground without, as `detection.coal.fraction` asks for them."""
    params = FamilyParams()
    long = long_bands(block.bands)
    bright = np.where(block.seen, block.pixels[..., long].mean(axis=-1), np.nan)
    spell = np.floor(block.days / params.together_days)
    each = np.unique(spell)
    medians = np.full((len(each), *bright.shape[1:]), np.nan)
    for row, one in enumerate(each):
        looks = bright[spell == one]
        enough = np.isfinite(looks).sum(axis=0) >= params.fewest_looks
        if enough.any():
            medians[row, enough] = nan_median(looks[:, enough])
    inside = medians[:, block.suspect]
    level = np.nanquantile(inside, params.ground_quantile) if np.isfinite(inside).any() else np.nan
    coal = float(np.exp(component_means(block.bands))[:, long].mean() / level)
    found = coal_probability(medians / level, min(coal, params.darkest_ratio), params.together_days)
    of_look = found[np.searchsorted(each, spell)].reshape(len(block.days), -1)
    at = np.ix_(ground.dates, ground.where)
    return ground.seen & (of_look[at] > SURE), ground.seen & (of_look[at] < 1.0 - SURE)
