from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from detection.disturbance_cover import CoverParams, common_departure, cover_groups
from detection.disturbance_looks import LookParams
from detection.disturbance_season import SeasonParams
from detection.disturbances import DisturbanceParams, measure_disturbances
from tests.detection.made_ground import SITE, box, ground

PARAMS = CoverParams(pixels_each=100, least_seen=20)


def seasons(pixels: int) -> np.ndarray:
    """Coefficients of forest and of fields, half and half, a little different each: (coefficient, pixel)."""
    rng = np.random.default_rng(1)
    beta = np.zeros((5, pixels))
    beta[0], beta[1] = -0.4, 0.25
    beta[1, pixels // 2 :] = -0.1
    return beta + rng.normal(0, 0.01, beta.shape)


def test_pixels_are_grouped_by_their_season_and_always_alike() -> None:
    beta = seasons(400)
    whole = np.ones(400, np.bool_)
    groups = cover_groups(beta, whole, (5, 10), order=2, params=PARAMS)
    assert not set(groups[:200]) & set(groups[200:])
    np.testing.assert_array_equal(groups, cover_groups(beta, whole, (5, 10), order=2, params=PARAMS))


def test_pixels_whose_winter_is_not_known_are_grouped_by_their_summer() -> None:
    beta = seasons(400)
    beta[3:, ::10] = 5.0
    whole = np.ones(400, np.bool_)
    whole[::10] = False
    beta[:, 7] = np.nan
    groups = cover_groups(beta, whole, (5, 10), order=2, params=PARAMS)
    assert groups[7] == -1
    assert (groups[np.arange(400) != 7] >= 0).all()


def test_no_season_no_group() -> None:
    groups = cover_groups(np.full((5, 9), np.nan), np.ones(9, np.bool_), (5, 10), order=2, params=PARAMS)
    assert (groups == -1).all()


def test_what_a_cover_does_at_once_is_told_from_what_a_pixel_does() -> None:
    rng = np.random.default_rng(2)
    cover = np.repeat([0, 1], 200).astype(np.int16)
    departure = rng.normal(0, 0.02, 400) + 0.3 * cover
    departure[:30] += 0.5
    departure[390:] = np.nan
    middle, spread, hidden = common_departure(
        departure, np.full(400, 0.02), cover, np.ones(400, np.bool_), PARAMS
    )
    np.testing.assert_allclose(middle[:2], [0.0, 0.3], atol=0.01)
    assert (spread >= 1.0).all()
    assert not hidden.any()


def test_the_scene_stands_for_a_cover_that_is_hidden() -> None:
    cover = np.repeat([0, 1], 200).astype(np.int16)
    departure = np.where(cover == 0, 0.1, np.nan)
    scale, told = np.full(400, 0.02), np.ones(400, np.bool_)
    middle, _, hidden = common_departure(departure, scale, cover, told, PARAMS)
    assert hidden.tolist() == [False, True]
    assert middle[1] == middle[2] == pytest.approx(0.1)
    nothing = common_departure(np.full(400, np.nan), scale, cover, told, PARAMS)
    assert (nothing[0] == 0).all()


def harvested(*, looks: int) -> xr.Dataset:
    """Forest, and fields that are cut in August, in July in the third year; then a part of them is bare."""
    cube = ground(looks=looks, cleared=False)
    days, years = cube["time"].dt.dayofyear.to_numpy(), cube["time"].dt.year.to_numpy()
    cut = (days >= np.where(years == 2019, 190, 225)) & (days < 300)
    bare = (years == 2019) & (days >= 130) | (years > 2019)
    for band, value in (("blue", 0.09), ("green", 0.11), ("red", 0.13), ("nir", 0.2)):
        values = cube[band].to_numpy()
        values[cut, 24:, :] = value + 0.05 * (values[cut, 24:, :] - value)
        values[bare, 28:36, 4:12] = value + 0.05 * (values[bare, 28:36, 4:12] - value)
    return cube


def test_fields_that_are_cut_early_hide_nothing_and_raise_nothing() -> None:
    cover = CoverParams(groups=4, pixels_each=100, least_seen=50)
    params = DisturbanceParams(looks=LookParams(season=SeasonParams(cover=cover)))
    (waiting,) = measure_disturbances(harvested(looks=100), SITE, params=params)
    assert waiting.machine_status == "provisional"
    found = measure_disturbances(harvested(looks=130), SITE, params=params)[0]
    assert (found.machine_status, found.disturbance_id) == ("persistent", waiting.disturbance_id)
    assert found.geometry.intersection(box(4, 28, 12, 36)).area > 0.8 * box(4, 28, 12, 36).area
    assert found.area_ha.low <= 0.64 <= found.area_ha.high
