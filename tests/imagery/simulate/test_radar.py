from __future__ import annotations

import numpy as np
import pytest

from imagery.simulate import SimulatedSite
from imagery.simulate.radar import LOOKS, speckle


def test_speckle_has_mean_one_and_the_looks_of_a_product() -> None:
    values = speckle((400, 400), np.random.default_rng(1))
    assert values.mean() == pytest.approx(1, abs=0.01)
    assert values.mean() ** 2 / values.var() == pytest.approx(LOOKS, rel=0.08)
    lag = np.corrcoef(values[:, :-1].ravel(), values[:, 1:].ravel())[0, 1]
    assert 0.3 < lag < 0.7


@pytest.mark.filterwarnings("ignore:Use .@. matmul:PendingDeprecationWarning")  # odc-geo on affine 3
def test_the_radar_cube(small: SimulatedSite) -> None:
    cube = small.radar_cube()
    assert set(cube.data_vars) == {"vv", "vh", "valid"}
    assert cube.odc.geobox == small.world.frame.geobox
    assert set(cube.orbit_state.values) == {"ascending", "descending"}
    assert float(cube.vv.median()) > float(cube.vh.median())
    assert (np.diff(cube.time.values) > np.timedelta64(0)).all()
