"""Coal fraction of every pixel that may hold coal, on every date, against the ground that would be there.

The background comes from `detection.coal.ground`, the fraction from `detection.coal.mixture`. Background,
spectrum of coal and fractions are improved in turns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.coal.blocks import Block
from detection.coal.family import COARSE_BANDS
from detection.coal.ground import FractionParams, Ground, ground_of
from detection.coal.matched_filter import matched_fraction
from detection.coal.mixture import Mixed, coarse_weight, control_level, spectrum_error, unmixed
from detection.coal.onset import coal_onset
from detection.coal.smoothing import BRIEF_TAU_DAYS, smooth_time
from detection.coal.spectra import (
    PIXELS_PER_INDEPENDENT_LOOK,
    SHRINKAGE_PIXELS,
    core_pixels,
    learned_spectrum,
    like_coal,
    mostly,
)

Floats = NDArray[np.float64]

Bools = NDArray[np.bool_]
LEAST_VARIANCE = 0.005
"""Variance of a fraction that no look goes below when looks are weighed. Assumed."""
SURE_SD = 3.0
"""Standard errors above the yard's ground from which a lasting fraction is coal. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fractions:
    """Coal fractions of one block."""

    value: Floats
    """(time, y, x) unclipped, NaN where not suspect or not seen."""
    variance: Floats
    """(time, y, x)."""
    misfit: Floats
    """(time, y, x) mean square of what the mixture leaves, in its own standard deviations."""
    usable: Bools
    """(time,) dates with enough coal-free ground."""
    spectrum: Floats
    """(band,) the site's coal."""
    relative_sd: Floats
    """(time,) error of every fraction from what is unknown of the spectrum, relative."""
    pile_sd: Floats
    """(time,) error of a pile's fraction from how far its coal differs from that of the cores, relative."""
    coarse_weight: Floats
    """(time,) how much of a fraction rests on the bands of 20 m."""


ONSET_READS = 0.8
"""Fraction of coal to begin with where coal came. Assumed."""


def above(mean: Floats, level: Floats) -> Floats:
    """Coal beyond what bare ground reads as, 0..1."""
    return np.asarray(np.clip((mean - level) / (1.0 - level), 0.0, 1.0))


def first_fraction(block: Block, coal: Floats) -> Floats:
    """(time, y, x) matched filter against all that is not suspect: where the turns begin."""
    out = np.full(block.seen.shape, np.nan)
    for t in range(len(out)):
        shown = np.where(block.seen[t][..., None], block.pixels[t], np.nan)
        found = matched_fraction(shown, block.seen[t] & ~block.suspect, coal)
        if found is not None:
            out[t] = found
    return out


def block_fractions(
    block: Block, coal: Floats, covariance: Floats, params: FractionParams
) -> Fractions | None:
    """Fractions of all suspect pixels.

    Args:
        block: pixels, masks and times.
        coal: (band,) prior spectrum.
        covariance: (band, band) of the prior.
        params: knobs.

    Returns:
        None where no date shows enough coal-free ground.
    """
    first = first_fraction(block, coal)
    ground = ground_of(block, first, params)
    if ground is None:
        return None
    came, bare = _onset(ground, block, first)
    smooth, free, spectrum, site, unknown = _begun(ground, came, bare, coal, covariance, params)
    core = np.zeros_like(ground.seen)
    for turn in range(params.rounds):
        below, spread, loadings = ground.below(smooth, free, spectrum)
        mixed = _unmixed(ground, below, spectrum, spread)
        if turn and params.own_spectrum:
            core = core_pixels(mixed.value, ground.days, ground.where, block.suspect.shape)
            core &= mostly(like_coal(ground.target, coal, covariance), ground.seen, ground.days)
            if params.onset_alone and came.sum() >= PIXELS_PER_INDEPENDENT_LOOK:
                core &= came
            if core.any():
                spectrum, site, unknown = learned_spectrum(ground.target, core, coal, covariance)
                mixed = _unmixed(ground, below, spectrum, spread)
        smooth, free = _without_coal(ground, mixed)
        smooth = np.where(came, np.maximum(smooth, ONSET_READS), smooth)
        if params.onset_alone:
            smooth, free = np.where(bare, 0.0, smooth), free | bare
        free &= ~ground.beside(came)
        if turn + 1 < params.rounds:
            ground.learn(free, loadings)
    return _result(ground, block, mixed, below, spread, spectrum, (site, unknown), core)


def _begun(
    ground: Ground, came: Bools, bare: Bools, coal: Floats, covariance: Floats, params: FractionParams
) -> tuple[Floats, Bools, Floats, Floats, Floats]:
    """Where the turns begin: fractions and coal-free looks (time, n), coal by date, the site's, its spread.

    Args:
        ground: learns from the coal-free looks.
        came: (time, n) looks at coal that came.
        bare: (time, n) looks before.
        coal: (band,) prior spectrum.
        covariance: (band, band) of the prior.
        params: knobs.
    """
    mean, _ = smooth_time(ground.first, np.ones(1), ground.days, tau_days=BRIEF_TAU_DAYS)
    smooth, free = ground.begun(np.clip(mean, 0.0, 1.0), coal)
    smooth = np.where(came, np.maximum(smooth, ONSET_READS), np.where(bare, 0.0, smooth))
    free = (free | bare) & ~ground.beside(came)
    spectrum, site, unknown = np.repeat(coal[None], len(ground.days), axis=0), coal, covariance
    inner = came & ~ground.beside(ground.seen & ~came) & like_coal(ground.target, coal, covariance)
    if inner.any() and params.own_spectrum:
        spectrum, site, unknown = learned_spectrum(ground.target, inner, coal, covariance)
    if free.any():
        ground.learn(free, ground.below(smooth, free, spectrum)[2])
    return smooth, free, spectrum, site, unknown


def _onset(ground: Ground, block: Block, first: Floats) -> tuple[Bools, Bools]:
    """(time, n) looks at coal that came, and before: new piles must not pass for their own ground."""
    bright = np.where(block.seen, block.pixels.mean(axis=-1), np.nan)
    came = coal_onset(np.where(block.seen, first, np.nan), bright, block.days)
    at = np.ix_(ground.dates, ground.where)
    return came.coal.reshape(len(first), -1)[at], came.bare.reshape(len(first), -1)[at]


def _unmixed(ground: Ground, below: Floats, spectrum: Floats, spread: Floats) -> Mixed:
    return unmixed(ground.target, ground.seen, below, spectrum, ground.unknown(spread))


def _without_coal(ground: Ground, mixed: Mixed) -> tuple[Floats, Bools]:
    """Coal beyond the yard's own level (time, n), and the looks that show none in or beside a pixel."""
    params = ground.params
    trusted = (mixed.variance + LEAST_VARIANCE) * np.maximum(np.nan_to_num(mixed.misfit), 1.0)
    mean, error = smooth_time(mixed.value, trusted, ground.days, tau_days=params.tau_days)
    level = ground.yard_level(mean)
    smooth = above(mean, level)
    long, _ = smooth_time(mixed.value, trusted, ground.days, tau_days=params.spell_days)
    lasting = above(long, level) > params.free_below
    coal = (smooth > params.sure_above) | (
        lasting & ((smooth > params.free_below) | (mean - level > SURE_SD * error))
    )
    return smooth, ground.seen & ~ground.beside(coal)


def _result(
    ground: Ground,
    block: Block,
    mixed: Mixed,
    below: Floats,
    spread: Floats,
    spectrum: Floats,
    site: tuple[Floats, Floats],
    core: Bools,
) -> Fractions:
    """Back on the block's lattice, with the level of coal-free ground taken off."""
    controls, unknown = ground.controls, ground.unknown(spread)
    null = control_level(controls.pixels, controls.seen, ground.expected_controls(), spectrum, unknown)
    dates = len(block.days)
    relative, pile = np.full(dates, np.nan), np.full(dates, np.nan)
    relative[ground.dates] = spectrum_error(below, *site, unknown)
    differs = spectrum_error(below, site[0], unknown.coal(site[0][None])[..., 0], unknown)
    pile[ground.dates] = differs * np.sqrt(SHRINKAGE_PIXELS / (core.sum(axis=1) + SHRINKAGE_PIXELS))
    coarse = np.full(dates, np.nan)
    is_coarse = np.array([band in COARSE_BANDS for band in block.bands])
    coarse[ground.dates] = coarse_weight(below, site[0], unknown, is_coarse)
    usable = np.zeros(dates, dtype=bool)
    usable[ground.dates] = True
    return Fractions(
        value=ground.placed(mixed.value - null[:, None], dates),
        variance=ground.placed(mixed.variance, dates),
        misfit=ground.placed(mixed.misfit, dates),
        usable=usable,
        spectrum=site[0],
        relative_sd=relative,
        pile_sd=pile,
        coarse_weight=coarse,
    )
