"""The heart of the coal measurement against independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg, stats

from detection.coal import series
from detection.coal.background import fit_factors, information, predicted, project
from detection.coal.mixture import Uncertain, unmixed

BANDS, RANK = 5, 2
GROUND = np.array([0.05, 0.07, 0.09, 0.25, 0.22])
COAL = np.array([0.042, 0.046, 0.052, 0.069, 0.13])


def uncertain(rng, times, count, scale=1.0):
    root = rng.normal(0.0, 0.3, (count, RANK, RANK))
    noise = np.repeat(np.diag(np.full(BANDS, 1e-4))[None], times, axis=0) + 2e-5
    return Uncertain(
        loads=rng.normal(0.0, 0.02, (times, BANDS, RANK)) * np.sqrt(scale),
        spread=root @ root.transpose(0, 2, 1) + 0.1 * np.eye(RANK),
        noise=noise * scale,
        texture=0.03,
        brightness=0.1,
    )


def mixtures(rng, shares):
    """(time, n, band) exact mixtures of these shares (time, n), and the ground below them."""
    ground = GROUND * rng.uniform(0.8, 1.2, (*shares.shape, BANDS))
    return (1.0 - shares)[..., None] * ground + shares[..., None] * COAL, ground


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_exact_mixtures_give_their_share_unclipped_and_no_misfit(seed):
    rng = np.random.default_rng(seed)
    shares = rng.uniform(-0.3, 1.3, (3, 4))
    target, ground = mixtures(rng, shares)
    spectrum = np.repeat(COAL[None], 3, axis=0)
    found = unmixed(target, np.ones(shares.shape, bool), ground, spectrum, uncertain(rng, 3, 4))
    np.testing.assert_allclose(found.value, shares, atol=1e-9)
    within = (shares >= 0) & (shares <= 1)
    np.testing.assert_allclose(found.misfit[within], 0.0, atol=1e-9)
    assert (found.misfit[~within] > 0).all()


def test_fractions_are_generalised_least_squares_pixel_by_pixel():
    rng = np.random.default_rng(5)
    target, ground = mixtures(rng, rng.uniform(0, 1, (3, 4)))
    target = target + rng.normal(0, 0.01, target.shape)
    seen = np.ones((3, 4), bool)
    seen[1, 2] = False
    unknown = uncertain(rng, 3, 4)
    found = unmixed(target, seen, ground, np.repeat(COAL[None], 3, axis=0), unknown)
    assert np.isnan(found.value[1, 2])
    for t, n in np.argwhere(seen):
        covariance = unknown.loads[t] @ unknown.spread[n] @ unknown.loads[t].T + unknown.noise[t]
        root = linalg.sqrtm(linalg.inv(covariance)).real
        design, right = root @ (COAL - ground[t, n]), root @ (target[t, n] - ground[t, n])
        share, *_ = linalg.lstsq(design[:, None], right)
        assert found.value[t, n] == pytest.approx(share[0], rel=1e-6)
        assert found.variance[t, n] == pytest.approx(1.0 / (design @ design), rel=1e-6)


def test_more_that_is_unknown_widens_and_does_not_move_the_fraction():
    rng = np.random.default_rng(6)
    target, ground = mixtures(rng, rng.uniform(0, 1, (2, 3)))
    target = target + rng.normal(0, 0.01, target.shape)
    seen, spectrum = np.ones((2, 3), bool), np.repeat(COAL[None], 2, axis=0)
    one, four = (
        unmixed(target, seen, ground, spectrum, uncertain(np.random.default_rng(7), 2, 3, scale=scale))
        for scale in (1.0, 4.0)
    )
    np.testing.assert_allclose(four.value, one.value, rtol=1e-9)
    np.testing.assert_allclose(four.variance, 4.0 * one.variance, rtol=1e-9)


def pixels_of_two_factors(seed, dates=30, count=400, noise=0.001):
    rng = np.random.default_rng(seed)
    loads, z = rng.normal(0, 0.03, (dates, BANDS, RANK)), rng.normal(size=(count, RANK))
    clean = GROUND + z @ loads.transpose(0, 2, 1)
    return clean + rng.normal(0, noise, clean.shape), clean


def test_background_is_the_truncated_decomposition_where_nothing_is_missing():
    pixels, clean = pixels_of_two_factors(1)
    factors, z = fit_factors(pixels, np.ones(pixels.shape[:2], bool), rank=RANK)
    fitted = factors.middle[:, None] + predicted(factors.loads, z)
    centred = (pixels - np.median(pixels, axis=1, keepdims=True)).transpose(1, 0, 2).reshape(400, -1)
    u, s, v = np.linalg.svd(centred, full_matrices=False)
    oracle = ((u[:, :RANK] * s[:RANK]) @ v[:RANK]).reshape(400, 30, BANDS).transpose(1, 0, 2)
    oracle = oracle + np.median(pixels, axis=1, keepdims=True)
    assert np.sqrt(((fitted - clean) ** 2).mean()) < 1.2 * np.sqrt(((oracle - clean) ** 2).mean())


def test_background_fills_gaps_of_a_third_of_the_looks():
    pixels, clean = pixels_of_two_factors(2)
    seen = np.random.default_rng(3).random(pixels.shape[:2]) > 0.35
    factors, z = fit_factors(np.where(seen[..., None], pixels, 9.0), seen, rank=RANK)
    fitted = factors.middle[:, None] + predicted(factors.loads, z)
    assert np.sqrt(((fitted - clean)[~seen] ** 2).mean()) < 0.004  # a seventh of what the factors explain


def test_loadings_are_ridge_regression_pixel_by_pixel():
    rng = np.random.default_rng(4)
    loads, noise = rng.normal(0, 0.03, (6, BANDS, RANK)), np.repeat(np.eye(BANDS)[None] * 1e-4, 6, axis=0)
    away, trust = rng.normal(0, 0.03, (6, 3, BANDS)), rng.random((6, 3)) > 0.2
    loadings, covariance = project([(away, trust, *information(loads, noise))], loads)
    for n in range(3):
        design = np.vstack([loads[trust[:, n]].reshape(-1, RANK) / 0.01, np.eye(RANK)])
        right = np.concatenate([away[trust[:, n], n].ravel() / 0.01, np.zeros(RANK)])
        np.testing.assert_allclose(loadings[n], linalg.lstsq(design, right)[0], rtol=1e-8)
        np.testing.assert_allclose(covariance[n], linalg.inv(design.T @ design), rtol=1e-8)


def looks(seed, count=25):
    rng = np.random.default_rng(seed)
    days = np.sort(rng.choice(np.arange(700.0), count, replace=False))
    value = 1.5 + np.cumsum(rng.normal(0, 0.05, count)) + rng.normal(0, 0.08, count)
    return days, value, np.full(count, 0.08)


def test_the_level_is_gaussian_conditioning_on_all_looks():
    days, value, sd = looks(1)
    smooth = series.local_level(days, value, sd)
    start = 100.0  # ha²: draws the level to nought by its variance over this, two parts in 100,000
    prior = start + smooth.step_variance * np.minimum(*np.meshgrid(days - days[0], days - days[0]))
    gain = prior @ linalg.inv(prior + np.diag(sd**2))
    np.testing.assert_allclose(smooth.mean, gain @ value, rtol=3e-5)
    np.testing.assert_allclose(smooth.covariance, prior - gain @ prior, atol=1e-6)


def test_the_likelihood_of_a_step_is_that_of_the_differences_between_looks():
    days, value, sd = looks(2)
    differences = np.diff(value)

    def oracle(step):
        covariance = np.diag(step * np.diff(days) + sd[1:] ** 2 + sd[:-1] ** 2)
        covariance -= np.diag(sd[1:-1] ** 2, 1) + np.diag(sd[1:-1] ** 2, -1)
        return stats.multivariate_normal(cov=covariance).logpdf(differences)

    one, other = 1e-5, 1e-3
    found = [series._log_likelihood(days, value, sd**2, step) for step in (one, other)]
    assert found[0] - found[1] == pytest.approx(oracle(one) - oracle(other), rel=1e-6)
