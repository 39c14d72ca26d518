"""Disturbed ground per year, on a simulated mine and on real clearings."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
import shapely

from detection.footprint import FootprintParams, measure_footprints
from imagery.simulate import SensorParams, SimulatedSite, SimulationParams, simulate_site
from tests.detection.test_disturbances import romania

PARAMS = SimulationParams(
    size_px=132,
    since=dt.date(2018, 1, 1),
    until=dt.date(2020, 1, 1),
    months=(6, 7, 8, 9),
    sensor=SensorParams(bands=("blue", "green", "red", "nir", "swir16")),
)
FULL_COVER = FootprintParams(draws=10)


@pytest.fixture(scope="module")
def mine() -> SimulatedSite:
    return simulate_site(PARAMS, seed=913)


def truth(mine: SimulatedSite, year: int) -> float:
    return mine.truth.footprint_area_ha(dt.date(year, 8, 1))


@pytest.mark.parametrize("without", [(), ("swir16",)])
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


@pytest.mark.nrt
@pytest.mark.parametrize("without", [(), ("swir16",)])
def test_real_clearings_are_bare_until_they_are_green_again(
    romania_folder: Path, without: tuple[str, ...]
) -> None:
    cube, site = romania(romania_folder)
    found = measure_footprints(cube.drop_vars(list(without)), site, params=FULL_COVER)
    values = {f.epoch_start.year: f.area_ha.value for f in found}
    assert values[2017] > 1.5, "the clearing of 2017"
    assert values[2018] < 0.5, "its ground was green again"
    assert min(values[2019], values[2020]) > 0.2, "the clearings of 2019 and 2020"
