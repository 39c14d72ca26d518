from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from evidence.errors import MeasurementError
from imagery.radar import Track, equivalent_looks, ratio_significance, track_statistics, tracks


def speckled(looks: float, times: int, seed: int, power: float = 0.05) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.gamma(looks, power / looks, (times, 60, 60)).astype(np.float32)


@pytest.mark.parametrize("looks", [1.0, 4.4, 12.0])
def test_looks_are_told_from_still_ground(looks: float) -> None:
    assert equivalent_looks(speckled(looks, 20, 1)) == pytest.approx(looks, rel=0.2)


def test_too_few_dates_cannot_tell() -> None:
    with pytest.raises(MeasurementError, match="too few"):
        equivalent_looks(speckled(4.4, 3, 1))


def test_significance_is_uniform_under_no_change_and_small_under_change() -> None:
    _, chance = ratio_significance(speckled(4.4, 6, 2), speckled(4.4, 5, 3), 4.4)
    assert np.mean(chance < 0.05) == pytest.approx(0.05, abs=0.015)
    change_db, chance = ratio_significance(speckled(4.4, 6, 2), speckled(4.4, 5, 3, 0.1), 4.4)
    assert np.median(change_db) == pytest.approx(3.0, abs=0.2)
    assert np.mean(chance < 0.05) > 0.6


def test_tracks_are_never_mixed() -> None:
    stack = np.concatenate([speckled(4.4, 8, 4), speckled(4.4, 8, 5, 0.2)])
    dims = ("time", "y", "x")
    cube = xr.Dataset({"vh": (dims, stack), "valid": (dims, np.ones(stack.shape, bool))})
    cube = cube.assign_coords(
        relative_orbit=("time", [32] * 8 + [134] * 8),
        orbit_state=("time", ["descending"] * 8 + ["ascending"] * 8),
    )
    first, second = tracks(cube)
    assert first == Track(relative_orbit=32, orbit_state="descending")
    still = track_statistics(cube, first)
    assert float(still["mean"].mean()) == pytest.approx(0.05, rel=0.02)
    assert float(still["excess"].median()) == pytest.approx(1.0, abs=0.1)
    assert float(track_statistics(cube, second)["mean"].mean()) == pytest.approx(0.2, rel=0.02)
