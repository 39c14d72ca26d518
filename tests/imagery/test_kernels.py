"""The fast kernels against plain definitions and other people's code."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from imagery.masks.cells import cell_means, gaussian, mean_of_nine, to_pixels
from imagery.registration.correlation import (
    RefineParams,
    _accumulate,
    between_pixels,
    correlate,
    refine,
    spectra,
)
from imagery.resampling import axis_taps, separable
from imagery.robust import nan_median


def picture(seed: int, *shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0.2, 0.05, shape).astype(np.float32)


@settings(max_examples=30, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    sigma=st.floats(0.5, 5.0),
    truncate=st.sampled_from([3.0, 4.0]),
)
def test_smoothing_is_scipys(height: int, width: int, sigma: float, truncate: float) -> None:
    image = picture(height, height, width)
    expected = ndimage.gaussian_filter(image.astype(float), sigma, truncate=truncate)
    np.testing.assert_allclose(gaussian(image, sigma, truncate=truncate), expected, atol=1e-6)
    np.testing.assert_allclose(mean_of_nine(image), ndimage.uniform_filter(image, 3), atol=1e-6)


@pytest.mark.parametrize("members", [1, 2, 5, 8])
def test_medians_are_numpys(members: int) -> None:
    stack = picture(members, members, 29, 41)
    stack[np.random.default_rng(1).random(stack.shape) < 0.3] = np.nan
    stack[:, 0, 0] = np.nan
    expected = np.full((29, 41), np.nan)
    seen = np.isfinite(stack).any(axis=0)
    expected[seen] = np.nanmedian(stack[:, seen], axis=0)
    np.testing.assert_allclose(nan_median(stack), expected, rtol=1e-6)


def test_correlation_is_the_sum_over_what_both_see() -> None:
    reference, rng = picture(3, 2, 30, 24), np.random.default_rng(4)
    image = np.roll(reference, (2, -1), (1, 2)) + 0.3 * picture(5, 2, 30, 24)
    seen_r, seen_v = rng.random((30, 24)) < 0.8, rng.random((30, 24)) < 0.8
    correlation, pixels = correlate(spectra(reference, seen_r, 3), spectra(image, seen_v, 3), 3, 50)
    for dy, dx in ((0, 0), (2, -1), (-3, 3)):
        rows, cols = slice(max(0, -dy), 30 - max(0, dy)), slice(max(0, -dx), 24 - max(0, dx))
        there = slice(rows.start + dy, rows.stop + dy), slice(cols.start + dx, cols.stop + dx)
        both = seen_r[rows, cols] & seen_v[there]
        assert pixels[dy + 3, dx + 3] == both.sum()
        for band in range(2):
            expected = np.corrcoef(reference[band][rows, cols][both], image[band][there][both])[0, 1]
            assert correlation[band, dy + 3, dx + 3] == pytest.approx(expected, abs=1e-4)
    assert np.unravel_index(correlation[0].argmax(), (7, 7)) == (5, 2)


def test_what_does_not_vary_does_not_correlate() -> None:
    flat, seen = np.full((20, 20), 0.5, np.float32), np.ones((20, 20), bool)
    correlation, _ = correlate(spectra(flat, seen, 2), spectra(picture(1, 20, 20), seen, 2), 2, 10)
    assert (correlation == 0).all()


@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(5, 60),
    source=st.integers(4, 60),
    start=st.floats(-5, 5),
    step=st.sampled_from([0.5, 1.0, 1.0, 0.5, 0.8, 2.0]),
)
def test_resampling_follows_its_taps_one_by_one(length: int, source: int, start: float, step: float) -> None:
    pixels = np.random.default_rng(source).integers(1, 9000, (source, source)).astype(np.uint16)
    first, weights = axis_taps(length, source, start, step)
    expected = np.full((length, length), np.nan)
    for y in np.flatnonzero(first >= 0):
        for x in np.flatnonzero(first >= 0):
            part = pixels[first[y] : first[y] + 4, first[x] : first[x] + 4]
            expected[y, x] = weights[y] @ part @ weights[x] * 1e-4 - 0.1
    found = separable(pixels, first, weights, first, weights, 1e-4, -0.1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_cells_are_means_of_their_finite_pixels_and_back(step: int) -> None:
    image = picture(2, 13, 10)
    image[0, 0], image[4:8, 4:8] = np.nan, np.nan
    cells = cell_means(image, step)
    rows, cols = (-(-length // step) for length in image.shape)
    for r in range(rows):
        for c in range(cols):
            part = image[r * step : (r + 1) * step, c * step : (c + 1) * step]
            known = part[np.isfinite(part)]
            assert cells[r, c] == pytest.approx(known.mean() if known.size else np.nan, nan_ok=True)
    bright = cells > 0.2
    wide = np.kron(bright, np.ones((step, step), bool))[:13, :10]
    np.testing.assert_array_equal(to_pixels(bright, step, 13, 10), wide)


def wavy(shift: tuple[float, float], seed: int = 1) -> np.ndarray:
    """(96, 96) sum of plane waves of 5 to 20 pixels, exactly moved by `shift` (dx, dy)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:96, :96].astype(float)
    total = np.zeros((96, 96))
    for _ in range(40):
        length, angle, phase = rng.uniform(5, 20), rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
        kx, ky = 2 * np.pi / length * np.cos(angle), 2 * np.pi / length * np.sin(angle)
        total += np.cos(kx * (x - shift[0]) + ky * (y - shift[1]) + phase)
    return (0.01 * total).astype(np.float32)


@pytest.mark.parametrize(("dx", "dy"), [(0.0, 0.0), (0.4, -0.3), (-2.6, 1.7), (30.0, 0.5)])
def test_normal_equations_are_those_of_all_pixels_that_both_see(dx: float, dy: float) -> None:
    reference, image, rng = wavy((0.0, 0.0)), wavy((0.5, 0.2), seed=2), np.random.default_rng(6)
    seen_r, seen_v = rng.random((96, 96)) < 0.9, rng.random((96, 96)) < 0.99
    fit, scale = np.array([0.001, -0.002, 0.8, 0.01]), 0.02
    moved = between_pixels(image, seen_v, dx, dy).astype(float)
    down, along = np.gradient(reference.astype(float))
    columns = np.stack([along, down, reference, np.ones_like(down)])[:, 1:-1, 1:-1]
    both = (seen_r & np.isfinite(moved))[1:-1, 1:-1]
    columns, values = columns[:, both], moved[1:-1, 1:-1][both]
    left = values - fit @ columns
    weight = 1.0 / (1.0 + (left / scale) ** 2)
    normal, right, deviation, count = _accumulate(reference, seen_r, image, seen_v, dx, dy, fit, scale)
    assert count == both.sum()
    np.testing.assert_allclose(normal, (columns * weight) @ columns.T, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(right, (columns * weight) @ values, rtol=1e-6, atol=1e-6)
    assert deviation == pytest.approx(np.abs(left).sum())


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.37, -0.21), (-0.5, 0.5), (1.4, -0.8)])
def test_a_sub_pixel_shift_is_found_exactly_through_gain_and_bias(shift: tuple[float, float]) -> None:
    reference, image = wavy((0.0, 0.0)), np.float32(0.7) * wavy(shift) + np.float32(0.05)
    seen = np.ones(reference.shape, bool)
    found = refine(
        reference, seen, image, seen, float(round(shift[0])), float(round(shift[1])), 300, RefineParams()
    )
    np.testing.assert_allclose(found[:2], shift, atol=0.02)
    assert found[4] == pytest.approx(0.7, rel=0.05)


def test_whole_pixel_lags_are_those_of_another_implementation_with_masks() -> None:
    from skimage.registration import phase_cross_correlation

    rng = np.random.default_rng(3)
    reference, image = wavy((0.0, 0.0)), wavy((3.0, -2.0))
    seen_reference, seen_image = rng.random((96, 96)) > 0.2, rng.random((96, 96)) > 0.2
    correlation, _ = correlate(spectra(reference, seen_reference, 6), spectra(image, seen_image, 6), 6, 300)
    row, col = np.unravel_index(np.argmax(correlation), correlation.shape)
    moved, _, _ = phase_cross_correlation(
        image, reference, reference_mask=seen_image, moving_mask=seen_reference, overlap_ratio=0.5
    )
    assert (row - 6, col - 6) == tuple(moved) == (-2, 3)
