from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagery.simulate.atmosphere import block_mean
from imagery.simulate.sensor import psf_sigma_px, psf_weights, sampled


@settings(deadline=None, max_examples=40)
@given(shift=st.floats(-30, 30), mtf=st.floats(0.08, 0.55), pixel=st.sampled_from([10.0, 20.0]))
def test_weights_sum_to_one_and_sit_where_the_shift_says(shift: float, mtf: float, pixel: float) -> None:
    first, weights = psf_weights(pixel, shift, mtf_nyquist=mtf)
    assert weights.sum() == pytest.approx(1, abs=1e-5)
    centre = ((np.arange(len(weights)) + first + 0.5) * 5 * weights).sum()
    assert centre == pytest.approx(pixel / 2 - shift, abs=0.02)


@pytest.mark.parametrize("pixel", [10, 20])
def test_energy_is_conserved(pixel: int) -> None:
    fine = np.zeros((1, 120, 120), np.float32)
    fine[0, 47, 61] = 400.0
    side = 600 // pixel
    out = sampled(
        fine,
        pixel,
        shift_m=(3.3, -1.7),
        origin_cells=(0, 0),
        shape=(side, side),
        mtf_nyquist=0.25,
    )
    assert out.sum() * (pixel / 5) ** 2 == pytest.approx(400, rel=1e-4)


def test_modulation_at_nyquist_is_as_asked() -> None:
    """A sine at the pixel grid's Nyquist frequency keeps the modulation asked for (cells take 2 %)."""
    cells = np.arange(400)
    wave = np.cos(2 * np.pi * (cells + 0.5 - 2) * 5 / 40)[None, None, :] * np.ones((1, 60, 1))
    out = sampled(
        wave.astype(np.float32), 20, shift_m=(0, 0), origin_cells=(0, 0), shape=(15, 100), mtf_nyquist=0.25
    )
    amplitude = np.abs(out[0, 7, 20:80]).mean()
    assert amplitude == pytest.approx(0.25, rel=0.06)


def test_a_shift_moves_the_image_east_and_north() -> None:
    rng = np.random.default_rng(0)
    fine = block_mean(rng.random((1600, 1600), dtype=np.float32), 4)[None]
    still = sampled(fine, 10, shift_m=(0, 0), origin_cells=(0, 0), shape=(200, 200), mtf_nyquist=0.25)[0]
    moved = sampled(fine, 10, shift_m=(20, 10), origin_cells=(0, 0), shape=(200, 200), mtf_nyquist=0.25)[0]
    np.testing.assert_allclose(moved[10:-10, 10:-10], still[11:-9, 8:-12], atol=1e-5)


def test_a_sharper_instrument_has_a_narrower_psf() -> None:
    assert psf_sigma_px(0.4) < psf_sigma_px(0.25) < psf_sigma_px(0.1)
    assert psf_sigma_px(0.25) == pytest.approx(0.435, abs=0.002)
