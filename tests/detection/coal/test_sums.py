"""Parts of the sum over a zone where the answer is known: dust, haze, hill shade."""

from __future__ import annotations

import numpy as np
import pytest

from detection.coal.areas import AreaParams, dust_at_edges, plausible_mixture
from detection.coal.ground import yard_fractions
from detection.coal.smoothing import nan_median
from detection.coal.spectra import mostly


def test_dust_that_thins_out_is_larger_at_the_edge() -> None:
    y, x = np.mgrid[:40, :40]
    away = np.maximum(np.hypot(y - 20, x - 20) - 5.0, 0.0)
    value = np.where(away > 0.0, 0.25 * np.exp(-away / 2.5), 1.0)
    cores = np.repeat((away == 0.0)[None], 6, axis=0)
    values = np.repeat(value[None], 6, axis=0)
    inside, seen = np.ones((40, 40), dtype=bool), np.ones((6, 40, 40), dtype=bool)
    params = AreaParams()
    assert 0.05 < dust_at_edges(values, cores, inside, seen, params) <= 0.2
    level = np.where(away > 0.0, 0.1, 1.0)
    flat = np.repeat(level[None], 6, axis=0)
    assert dust_at_edges(flat, cores, inside, seen, params) == 0.0
    assert dust_at_edges(values[:3], cores[:3], inside, seen[:3], params) == 0.0


def test_one_hazy_look_does_not_make_coal_something_else() -> None:
    days = np.arange(7) * 5.0
    like = np.ones((7, 2), dtype=bool)
    like[3, 0] = False
    like[:, 1] = False
    like[3, 1] = True
    assert mostly(like, np.ones((7, 2), dtype=bool), days).tolist() == [[True, False]] * 7


def test_medians_are_those_of_numpy() -> None:
    values = np.random.default_rng(0).normal(size=(7, 40, 3))
    values[np.random.default_rng(1).uniform(size=values.shape) < 0.3] = np.nan
    for axis in (0, 1, 2):
        seen = np.isfinite(values).any(axis=axis)
        expected = np.full(seen.shape, np.nan)
        moved = np.moveaxis(values, axis, -1)
        expected[seen] = np.nanmedian(moved[seen], axis=-1)
        assert nan_median(values, axis=axis) == pytest.approx(expected, nan_ok=True)
    assert np.isnan(nan_median(np.full((3, 2), np.nan))).all()


def test_ground_that_is_shadow_for_long_is_no_mixture() -> None:
    misfit = np.full((10, 1, 2), 1.0)
    misfit[:, 0, 1] = 50.0
    misfit[4, 0, 0] = 50.0
    told = plausible_mixture(misfit, np.arange(10) * 5.0, tau_days=120.0, limit=6.0)
    assert told[:, 0, 0].all()
    assert not told[:, 0, 1].any()


def test_hill_shade_across_a_yard_is_not_taken_for_coal() -> None:
    yard = 1.5 * np.array([0.056, 0.067, 0.077, 0.102, 0.113, 0.096])
    coal = np.array([0.039, 0.041, 0.045, 0.057, 0.091, 0.092])
    light = np.repeat(np.linspace(0.55, 1.0, 20), 20)
    share = np.zeros(400)
    share[390:] = 1.0
    rng = np.random.default_rng(3)
    mixed = light[:, None] * ((1 - share)[:, None] * yard + share[:, None] * coal)
    pixels = mixed[None] + rng.normal(0, 0.002, (12, 400, 6))
    found = yard_fractions(pixels, np.ones((12, 400), dtype=bool), coal * 1.1)
    assert found is not None
    fraction = np.median(found[0], axis=0)
    assert np.median(fraction[:100]) < 0.35
    assert np.median(fraction[390:]) > 0.6
