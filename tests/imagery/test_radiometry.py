from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imagery.masks.season import Usual
from imagery.radiometry.normalise import (
    NormaliseHow,
    NormaliseParams,
    invariant_ground,
    normalised,
    scene_level,
)

SHAPE = (60, 60)


def ground() -> dict[str, NDArray[np.float32]]:
    texture = np.random.default_rng(3).normal(0, 0.03, SHAPE)
    levels = {"blue": 0.06, "red": 0.1, "nir": 0.25}
    return {band: (level * (1 + 4 * texture)).astype(np.float32) for band, level in levels.items()}


def usual() -> Usual:
    unsteady = np.full((1, *SHAPE), 0.2, np.float32)
    unsteady[0, :, :20] = np.linspace(0.01, 0.06, 20)
    return Usual(basis={b: v[None] for b, v in ground().items()}, weights=np.ones(1), unsteady=unsteady)


@settings(max_examples=20, deadline=None)
@given(gain=st.floats(0.85, 1.15), offset=st.floats(-0.02, 0.02))
def test_the_line_that_was_put_in_is_taken_out_whatever_changed_elsewhere(gain: float, offset: float) -> None:
    scene = {band: (values * gain + offset).astype(np.float32) for band, values in ground().items()}
    for band in scene.values():
        band[:, 30:] *= 0.4  # fields that were harvested: not invariant, no say
    level = scene_level(scene, usual(), np.ones(SHAPE, bool), NormaliseParams(how=NormaliseHow.LINE))
    assert level.residual < 0.001
    back = normalised(scene["nir"], "nir", level)
    np.testing.assert_allclose(back[:, :20], ground()["nir"][:, :20], atol=0.004)


def test_the_residual_is_reported_without_normalising_and_unknown_without_invariant_ground() -> None:
    scene = {b: v + np.float32(0.01) for b, v in ground().items()}
    level = scene_level(scene, usual(), np.ones(SHAPE, bool))
    assert level.residual == pytest.approx(0.0, abs=1e-4)
    assert level.ratio > 1.05
    nothing = scene_level(scene, usual(), np.zeros(SHAPE, bool))
    assert np.isnan(nothing.residual)
    assert normalised(scene["red"], "red", nothing) is scene["red"]


def test_only_the_steadiest_ground_is_invariant() -> None:
    found = invariant_ground(usual(), NormaliseParams(invariant_share=0.1))
    assert found[:, :5].all()
    assert not found[:, 20:].any()


def test_a_band_without_a_usual_look_takes_its_neighbours_line() -> None:
    scene = {b: v + np.float32(0.01) for b, v in ground().items()}
    level = scene_level(scene, usual(), np.ones(SHAPE, bool), NormaliseParams(how=NormaliseHow.OFFSET))
    green = np.full(SHAPE, 0.09, np.float32)
    np.testing.assert_allclose(normalised(green, "green", level), 0.08, atol=1e-3)
