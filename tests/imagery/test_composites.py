from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import minimize

from evidence.errors import MeasurementError
from imagery.composites import CompositeParams, geometric_median, same_season, season_distance_days


def cube() -> xr.Dataset:
    times = np.array(["2020-06-01", "2021-06-10", "2022-06-05", "2022-12-01", "2023-06-02"], "datetime64[ns]")
    generator = np.random.default_rng(3)
    shape = (5, 4, 6)
    bands = {
        name: (("time", "y", "x"), generator.uniform(0.05, 0.4, shape).astype(np.float32))
        for name in ("red", "nir")
    }
    masks = {"valid": np.ones(shape, bool), "snow": np.zeros(shape, bool)}
    masks["valid"][1, 0, 0] = False
    data = xr.Dataset(bands | {name: (("time", "y", "x"), mask) for name, mask in masks.items()})
    for name in ("red", "nir"):
        data[name].attrs["native_resolution_m"] = 10
    status = ["used", "used", "used", "used", "unusable"]
    return data.assign_coords(time=("time", times), status=("time", status), scene_id=("time", list("abcde")))


def test_the_season_runs_across_new_year() -> None:
    times = np.array(["2020-12-28", "2021-01-05", "2021-07-01"], "datetime64[ns]")
    near = season_distance_days(times, np.datetime64("2023-01-01"))
    assert near[0] == pytest.approx(4, abs=1)
    assert near[1] == pytest.approx(4, abs=1)
    assert near[2] > 170


def test_only_usable_scenes_of_the_season_count() -> None:
    data = cube()
    result = same_season(data, np.datetime64("2021-06-05"))
    assert result.attrs["scene_ids"] == ["a", "b", "c"]
    assert result["count"].values[0, 0] == 2
    assert result["count"].values[1, 1] == 3
    np.testing.assert_allclose(result["red"][1:], np.median(data["red"][:3, 1:], axis=0), rtol=1e-6)


def test_the_geometric_median_is_the_point_of_least_distance() -> None:
    spectra = np.random.default_rng(0).uniform(0, 0.5, (3, 7)).astype(np.float32)
    found = geometric_median(spectra[:, :, None, None])[:, 0, 0]
    best = minimize(
        lambda p: np.linalg.norm(spectra.T - p, axis=1).sum(), spectra.mean(axis=1), method="Nelder-Mead"
    )
    np.testing.assert_allclose(found, best.x, atol=1e-3)


def test_an_empty_season_and_an_unknown_method_are_errors() -> None:
    with pytest.raises(MeasurementError, match="no usable scene"):
        same_season(cube(), np.datetime64("2021-09-05"))
    with pytest.raises(MeasurementError, match="mode"):
        same_season(cube(), np.datetime64("2021-06-05"), params=CompositeParams(method="mode"))
