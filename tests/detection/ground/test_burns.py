from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import xarray as xr

from detection.ground.burns import burn_evidence, burn_rate, patch_red
from detection.ground.days import month_of, to_day
from detection.ground.measure import measure_ground
from detection.ground.params import GroundParams
from detection.ground.series import read_series
from tests.detection.made_ground import SITE, STARTS, ground

BURNS = GroundParams().burns
SMALL = {"y": slice(6, 24), "x": slice(4, 24)}
PATCH = (slice(10, 20), slice(10, 16))
BLACK = {"red": 0.05, "nir": 0.07, "green": 0.045, "blue": 0.035}
"""From the end of December on."""
MARCH, JUNE = dt.date(2019, 3, 1), dt.date(2019, 6, 1)


def burnt(*, looks: int, until: dt.date) -> xr.Dataset:
    cube = ground(looks=looks, cleared=False)
    black = np.arange(looks) >= STARTS
    black &= cube["time"].to_numpy() < np.datetime64(until)
    for band, value in BLACK.items():
        cube[band][np.flatnonzero(black), *PATCH] = value
    return cube.isel(SMALL).load()


def told(cube: xr.Dataset) -> list[dt.date | None]:
    return [one.persistent_since for one in measure_ground(cube, SITE).disturbances]


def test_ground_that_is_black_in_winter_and_green_again_is_never_persistent() -> None:
    assert set(told(burnt(looks=STARTS + 10, until=JUNE))) <= {None}
    assert set(told(burnt(looks=100, until=dt.date(2019, 5, 1)))) <= {None}


def test_ground_that_stays_black_is_persistent_once_plants_have_grown() -> None:
    (since,) = told(burnt(looks=100, until=dt.date(2030, 1, 1)))
    assert since is not None
    assert JUNE < since < dt.date(2019, 8, 1)


def test_soil_that_is_bared_in_winter_is_persistent_at_once() -> None:
    (since,) = told(ground(looks=STARTS + 8).isel(SMALL).load())
    assert since is not None
    assert since < MARCH


@pytest.mark.parametrize("share", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("usual", [0.04, 0.1])
def test_the_red_of_a_mixture_tells_what_was_laid_bare(share: float, usual: float) -> None:
    day = to_day(dt.date(2017, 1, 1)) + 10 * np.arange(120)
    after = day >= to_day(dt.date(2019, 12, 1))
    bare = np.where(after, share, 0.0)
    found = {
        name: burn_evidence((1 - bare) * usual + bare * red, bare, day, after, BURNS)
        for name, (red, _) in {"soil": BURNS.soil, "char": BURNS.char}.items()
    }
    assert not np.abs(np.concatenate(list(found.values()))[~np.tile(after, 2)]).max() > 1e-6
    assert found["char"][after][-1] > 0 > found["soil"][after][-1]
    assert (np.diff(found["soil"][after][:10]) < 0).all()


def test_burns_are_over_when_plants_have_grown() -> None:
    day = to_day(dt.date(2017, 1, 1)) + 10 * np.arange(4)
    unseen = np.full(4, np.nan)
    rate = burn_rate(unseen, np.ones(4), day, np.ones(4, bool), np.array([0.0, 0.1, 0.5, 1.0]), BURNS)
    assert rate[0] == pytest.approx(BURNS.rate * 12 / len(BURNS.months))
    assert rate[0] / rate[1] == pytest.approx(np.exp(0.1 * BURNS.over))
    assert (np.diff(rate) < 0).all()


def test_the_red_of_a_patch_is_that_of_its_clear_pixels() -> None:
    cube = ground(looks=20).isel(SMALL).load()
    series = read_series(cube)
    cube["valid"][:, 0, 0], cube["red"][:, 0, 0] = False, 0.9
    red = patch_red(cube.isel(time=slice(1, None)), series, np.array([0, 1, 18 * 20 - 1]))
    seen = [scene in set(cube["scene_id"].to_numpy()[1:]) for scene in series.scene_ids]
    assert np.isfinite(red).tolist() == seen
    assert np.nanmax(red) < 0.1


def test_months_of_days() -> None:
    days = np.array(
        [to_day(dt.date(1969, 12, 31)), to_day(dt.date(2020, 2, 29)), to_day(dt.date(2024, 12, 1))]
    )
    assert month_of(days).tolist() == [12, 2, 12]
