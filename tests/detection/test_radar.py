from __future__ import annotations

import numpy as np
import pytest

from detection.radar import radar_change, radar_statistic
from evidence.errors import MeasurementError


def stack(seed: int, looks: int, *, step_db: float = 0.0) -> dict[str, np.ndarray]:
    """Speckle of five looks on two polarisations, with a changed block."""
    rng = np.random.default_rng(seed)
    out = {}
    for pol, level in (("vv", 0.1), ("vh", 0.02)):
        values = level * rng.gamma(5, 1 / 5, (looks, 60, 60)) * rng.uniform(0.7, 1.4, (looks, 1, 1))
        values[:, 20:24, 30:34] *= 10 ** (step_db / 10)
        out[pol] = values
    return out


def test_unchanged_ground_stays_quiet() -> None:
    assert radar_change(stack(1, 10), stack(2, 10)).mean() <= 0.005


@pytest.mark.parametrize("step_db", [4.0, -4.0])
def test_a_change_is_found_with_its_sign(step_db: float) -> None:
    earlier, later = stack(1, 10), stack(2, 10, step_db=step_db)
    assert radar_change(earlier, later)[21:23, 31:33].all()
    assert np.sign(radar_statistic(earlier, later)[22, 32]) == np.sign(step_db)


def test_the_statistic_is_in_units_of_the_scenes_own_spread() -> None:
    """Ground that drifts everywhere (snow, crops) is no change anywhere."""
    drift = 10 ** (np.random.default_rng(5).normal(0, 0.15, (60, 60)) / 1.0)
    later = {pol: values * drift for pol, values in stack(2, 10).items()}
    statistic = np.abs(radar_statistic(stack(1, 10), later))
    assert np.quantile(statistic, 0.95) == pytest.approx(1.96)
    assert (statistic > 3.3).mean() < 0.01


def test_too_few_looks_are_not_a_number() -> None:
    assert np.isnan(radar_statistic(stack(1, 10), stack(2, 3))).all()


def test_stacks_without_a_common_polarisation_are_refused() -> None:
    with pytest.raises(MeasurementError):
        radar_statistic({"vv": stack(1, 5)["vv"]}, {"vh": stack(1, 5)["vh"]})
