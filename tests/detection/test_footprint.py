"""Disturbed ground per year, on a simulated mine and on real clearings."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from detection.footprint import FootprintParams, measure_footprints
from detection.footprint_evidence import weighted_quantile
from imagery.simulate import SensorParams, SimulatedSite, SimulationParams, simulate_site
from tests.detection.test_disturbances import romania

PARAMS = SimulationParams(
    size_px=132,
    since=dt.date(2018, 1, 1),
    until=dt.date(2020, 1, 1),
    months=(6, 7, 8, 9),
    sensor=SensorParams(bands=("blue", "green", "red", "nir")),
)
FULL_COVER = FootprintParams(draws=10)


@pytest.fixture(scope="module")
def mine() -> SimulatedSite:
    return simulate_site(PARAMS, seed=913)


def truth(mine: SimulatedSite, year: int) -> float:
    return mine.truth.footprint_area_ha(dt.date(year, 8, 1))


@pytest.mark.parametrize("without", [(), ("green",)])
def test_area_of_a_simulated_mine(mine: SimulatedSite, without: tuple[str, ...]) -> None:
    found = measure_footprints(mine.cube().drop_vars(list(without)), mine.site, params=FULL_COVER)
    for footprint in found:
        area, inside, outside = footprint.area_ha, footprint.inside_ha, footprint.outside_ha
        true = truth(mine, footprint.epoch_start.year)
        assert area.low <= true <= area.high
        assert area.value == pytest.approx(true, rel=0.08)
        assert inside.value + outside.value == pytest.approx(area.value)


def test_water_and_old_bare_ground_beyond_the_boundary_are_not_drawn(mine: SimulatedSite) -> None:
    river = mine.truth.world.land.river_distance_m
    assert abs(river).min() < 20
    first = measure_footprints(mine.cube(), mine.site, params=FULL_COVER)[0]
    assert first.geometry is not None
    boundary = mine.site.boundaries[0].geometry
    stray = shapely.difference(first.geometry, boundary.buffer(0.0004))
    assert stray.is_empty


def test_without_boundary_the_first_season_is_the_reference(mine: SimulatedSite) -> None:
    first, second = measure_footprints(mine.cube(), replace(mine.site, boundaries=()), params=FULL_COVER)
    assert first.area_ha.value is None
    assert "no boundary" in first.area_ha.reason
    assert second.area_ha.value > 0
    assert second.inside_ha.reason == "no_boundary"


def test_too_few_looks_are_not_assessable(mine: SimulatedSite) -> None:
    cube = mine.cube().isel(time=slice(0, 3))
    (found,) = measure_footprints(cube, mine.site)
    assert found.area_ha.value is None
    assert "clear looks" in found.area_ha.reason


def test_a_pixel_was_what_it_was_when_first_seen(mine: SimulatedSite) -> None:
    """A first season that most of the aoi lacks still shows what the rest of it was."""
    cube = mine.cube().copy(deep=True)
    cube["valid"][cube["time"].dt.year.to_numpy() == 2018, :, :100] = False
    first, second = measure_footprints(cube, mine.site, params=FULL_COVER)
    assert first.area_ha.value is None
    whole = measure_footprints(mine.cube(), mine.site, params=FULL_COVER)[1]
    blind = measure_footprints(cube.sel(time="2019"), mine.site, params=FULL_COVER)[0]
    assert blind.area_ha.value < second.area_ha.value <= whole.area_ha.value


def test_fields_flooded_in_june_or_ripe_in_september_are_not_bare() -> None:
    looks = [("06-05", 0.1), ("06-12", 0.1), ("07-28", 0.8), ("08-12", 0.8), ("09-20", 0.2), ("09-28", 0.2)]
    days = np.array([np.datetime64(f"2020-{day}") for day, _ in looks])
    weight = np.exp(-0.5 * ((days - np.datetime64("2020-08-01")).astype(float) / 35) ** 2)
    ndvi = np.array([value for _, value in looks])[:, None]
    assert weighted_quantile(ndvi, weight, 0.65)[0] > 0.7


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=12), st.integers(0, 3))
def test_equal_weights_give_the_median(values: list[float], unseen: int) -> None:
    stack = np.array([*values, *[np.nan] * unseen])[:, None]
    found = weighted_quantile(stack, np.ones(len(stack)), 0.5)
    assert found[0] == pytest.approx(np.median(values), abs=1e-6)


def test_epochs_of_a_season(mine: SimulatedSite) -> None:
    params = FootprintParams(season=(7, 9), middle=(8, 15), epoch="season", draws=10)
    found = measure_footprints(mine.cube(), mine.site, params=params)[1]
    assert (found.epoch_start, found.epoch_end) == (dt.date(2019, 7, 1), dt.date(2019, 10, 1))
    assert found.area_ha.value is not None


@pytest.mark.nrt
def test_real_clearings_are_bare_until_they_are_green_again(romania_folder: Path) -> None:
    cube, site = romania(romania_folder)
    found = measure_footprints(cube, site, params=FULL_COVER)
    values = {f.epoch_start.year: f.area_ha.value for f in found}
    assert values[2017] > 1.5, "the clearing of 2017"
    assert values[2018] < 0.5, "its ground was green again"
    assert min(values[2019], values[2020]) > 0.15, "clearings of 2019 and 2020 that were still bare in August"
    assert min(values[2019], values[2020]) > 3 * values[2018]
