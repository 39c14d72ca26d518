from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np

from imagery.simulate import FieldParams, LandParams, simulate_site, unchanged_site
from imagery.simulate.fields import build_fields
from imagery.simulate.spectra import Material
from imagery.simulate.terrain import sun_position

BANDS = ("red", "nir")
SUMMER = dt.datetime(2017, 7, 25, 2, tzinfo=dt.UTC)
OWN = FieldParams(own_days=7.0, year_days=8.0, odd=0.1, fallow=0.1, ploughed=0.5)


def reflectance(fields: FieldParams, when: dt.datetime) -> tuple[np.ndarray, np.ndarray]:
    params = unchanged_site(size_px=60, until=dt.date(2019, 1, 1), land=LandParams(fields=fields))
    world = simulate_site(params, seed=5).world
    sun = sun_position(when, lon=params.lon, lat=params.lat)
    return world.reflectance(when.date(), sun, BANDS), world.labels(when.date())


def test_without_habits_of_their_own_fields_are_as_they_were() -> None:
    assert build_fields(FieldParams(), (40, 40), (2016, 2019), np.random.default_rng(1)) is None


def test_own_calendars_change_fields_and_nothing_else() -> None:
    alike, labels = reflectance(FieldParams(), SUMMER)
    own, _ = reflectance(OWN, SUMMER)
    field = np.isin(labels, (Material.CROP, Material.PADDY))
    np.testing.assert_array_equal(alike[:, ~field], own[:, ~field])
    greenness = (own[1] - own[0])[field]
    assert greenness.std() > 1.5 * (alike[1] - alike[0])[field].std()


def test_a_fallow_year_runs_from_spring_to_spring() -> None:
    params = replace(OWN, fallow=1.0, ploughed=0.0)
    made = build_fields(params, (16, 24), (2016, 2019), np.random.default_rng(1))
    assert made is not None
    labels = np.full((16, 24), Material.CROP, np.uint8)
    made.fallow[1:, :] = False
    days = (dt.date(2016, 7, 1), dt.date(2017, 2, 1), dt.date(2017, 7, 1))
    bare = [bool((made.shown(labels, day)[0] == Material.SOIL).all()) for day in days]
    assert bare == [True, True, False]
