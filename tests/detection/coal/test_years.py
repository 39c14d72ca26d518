"""Stockpiles of many years, year by year: what is kept, what is read, what does not change."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from aoi.records import Site
from detection.coal.blocks import in_order
from detection.coal.measure import (
    StockpileResult,
    measure_stockpiles,
    measure_year,
    result_of_years,
    search_ahead,
)
from detection.coal.search import FoundParams, Searched
from detection.coal.stockpile_records import StockpileParams
from detection.coal.years import YearOfCoal, spans, year_bytes, year_from
from detection.coal.zones import joined
from imagery.simulate import CoalParams, PilePlan, SensorParams, SimulationParams, simulate_site

ZONES_ONLY = StockpileParams(find_piles=False)


@pytest.fixture(scope="module")
def watched() -> tuple[xr.Dataset, Site]:
    """Simulated: four seasons with a pile that goes away in the last."""
    plan = PilePlan(
        areas=((dt.date(2016, 1, 1), 0.8), (dt.date(2019, 7, 1), 0.8), (dt.date(2019, 7, 2), 0.0))
    )
    params = SimulationParams(
        size_px=90,
        since=dt.date(2016, 6, 1),
        until=dt.date(2019, 10, 1),
        months=(6, 7, 8, 9),
        coal=CoalParams(plans=(plan,)),
        sensor=SensorParams(bands=("blue", "green", "red", "nir", "swir16")),
    )
    simulated = simulate_site(params, seed=77)
    return in_order(simulated.cube()), simulated.site


@pytest.fixture(scope="module")
def held() -> dict[str, YearOfCoal]:
    return {}


@pytest.fixture(scope="module")
def whole(watched: tuple[xr.Dataset, Site], held: dict[str, YearOfCoal]) -> StockpileResult:
    cube, site = watched
    return measure_stockpiles(cube, site, params=ZONES_ONLY, years=held)


def test_two_years_are_measured_together_and_then_each_with_the_one_before() -> None:
    days = np.array(["2016-05-01", "2016-06-01", "2018-05-01", "2019-05-01"], dtype="datetime64[ns]")
    told = [(span.use.tolist(), span.own.tolist()) for span in spans(days)]
    assert told == [([0, 1, 2], [0, 1, 2]), ([2, 3], [1])]
    assert [span.own.tolist() for span in spans(days[:2])] == [[0, 1]]
    assert list(spans(days[:0])) == []


def test_what_a_year_gave_survives_being_kept(held: dict[str, YearOfCoal], whole: StockpileResult) -> None:
    assert whole.areas
    assert len(held) == 3
    for year in held.values():
        again = year_from(year_bytes(year))
        assert (again.areas, again.doubtful_ha) == (year.areas, year.doubtful_ha)
        assert year_bytes(again) == year_bytes(year)


def test_a_new_scene_changes_and_reads_its_own_year_only(
    watched: tuple[xr.Dataset, Site], held: dict[str, YearOfCoal], whole: StockpileResult
) -> None:
    cube, site = watched
    kept = dict(held)
    fewer = cube.isel(time=slice(0, -1))
    before = measure_stockpiles(fewer, site, params=ZONES_ONLY, years=kept)
    assert len(kept) == len(held) + 1
    closed = [area for area in whole.areas if area.datetime.year < 2019]
    assert closed == [area for area in before.areas if area.datetime.year < 2019]
    turned = fewer.isel(time=np.arange(fewer.sizes["time"])[::-1])
    assert measure_stockpiles(turned, site, params=ZONES_ONLY, years=kept) == before
    assert len(kept) == len(held) + 1


def test_a_pile_keeps_its_name_through_the_years_and_its_last_day(whole: StockpileResult) -> None:
    names = {pile.pile_id for pile in whole.piles if pile.datetime.year == 2016}
    steady = {pile.pile_id for pile in whole.piles if pile.datetime.year == 2018} & names
    assert steady
    for name in steady:
        looks = [pile for pile in whole.piles if pile.pile_id == name]
        days = {pile.datetime.date() for pile in looks}
        told = {pile.last_seen for pile in looks}
        assert told <= days
        assert max(told) == max(days)
        assert all(pile.datetime.date() <= pile.last_seen for pile in looks)
    late = [area.area_ha.value for area in whole.areas if area.datetime.date() > dt.date(2019, 8, 15)]
    assert max(value for value in late if value is not None) < 0.15


def test_nothing_jumps_at_new_year(
    watched: tuple[xr.Dataset, Site], held: dict[str, YearOfCoal], whole: StockpileResult
) -> None:
    """The same looks under the estimates of two neighbouring years agree within their intervals."""
    cube, site = watched
    years, apart = list(held.values()), []
    published = {area.datetime: area.area_ha for area in whole.areas}
    for number, span in list(enumerate(spans(cube["time"].values)))[1:]:
        looks = cube.isel(time=span.use)
        every = list(range(looks.sizes["time"]))
        again = measure_year(looks, site, every, years[number - 1].carried, coal=None, params=ZONES_ONLY)
        for area in result_of_years([again], site, ["stockyard"], coal=None, params=ZONES_ONLY).areas:
            first, second = published[area.datetime], area.area_ha
            if area.datetime < years[number - 1].last_look and None not in {first.value, second.value}:
                apart.append(abs(first.value - second.value) / np.hypot(first.sd, second.sd))
    assert len(apart) >= 5
    assert max(apart) < 1.0


def test_another_zone_is_another_year(
    watched: tuple[xr.Dataset, Site], held: dict[str, YearOfCoal], whole: StockpileResult
) -> None:
    assert whole.areas
    cube, site = watched
    kept = dict(held)
    other = replace(site, zones=tuple(replace(zone, id=f"{zone.id}-2") for zone in site.zones))
    looks = cube.isel(time=np.flatnonzero(cube["time"].dt.year.to_numpy() <= 2017))
    measure_stockpiles(looks, other, params=ZONES_ONLY, years=kept)
    assert len(kept) == len(held) + 1


def test_found_ground_keeps_its_id_and_grows() -> None:
    ground = np.zeros((3, 8, 8), dtype=bool)
    ground[0, 1:3, 1:3] = ground[1, 2:5, 2:5] = ground[2, 6:, 6:] = True
    first = joined({}, [ground[0]])
    second = joined(first, [ground[1], ground[2]])
    assert list(second) == ["found-001", "found-002"]
    assert (second["found-001"] == (ground[0] | ground[1])).all()
    assert (second["found-002"] == ground[2]).all()


class _Counted(BackendArray):
    """Pixels that are read as they are used; how many at most at once."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.most = 0

    def __getitem__(self, key: indexing.ExplicitIndexer) -> object:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[object, ...]) -> np.ndarray:
        grid = np.ix_(*(np.arange(n)[one] for n, one in zip(self.shape, key, strict=True)))
        found = self.values[grid]
        self.most = max(self.most, found.size)
        return found


def test_a_large_site_is_read_block_by_block(
    watched: tuple[xr.Dataset, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    cube, site = watched
    looks = cube.isel(time=np.flatnonzero(cube["time"].dt.year.to_numpy() <= 2017))
    site, params = replace(site, zones=()), StockpileParams(found=FoundParams(tile_px=45, margin_px=8))
    whole = measure_stockpiles(looks, site, params=params)
    arrays = {str(name): _Counted(looks[name].values) for name in looks.data_vars}
    lazy = looks.assign(
        {
            name: xr.Variable(("time", "y", "x"), indexing.LazilyIndexedArray(array))
            for name, array in arrays.items()
        }
    )
    monkeypatch.setattr("detection.coal.measure.HELD_BYTES", 0)
    assert measure_stockpiles(lazy, site, params=params) == whole
    assert 0 < max(array.most for array in arrays.values()) < 0.7 * looks["red"].size


def test_tiles_that_were_searched_before_are_not_searched_again(
    watched: tuple[xr.Dataset, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    cube, site = watched
    looks = cube.isel(time=np.flatnonzero(cube["time"].dt.year.to_numpy() <= 2018))
    params = StockpileParams(found=FoundParams(tile_px=45))
    whole = measure_stockpiles(looks, site, params=params)
    parts: list[dict[str, Searched]] = [{}, {}, {}]
    for part, held in enumerate(parts):
        search_ahead(looks, site, held, params=params, part=part, parts=3)
    assert [len(held) for held in parts] == [3, 3, 2]  # four tiles in either of two spans
    together = {name: one for held in parts for name, one in held.items()}
    assert len(together) == 8
    kept = {name: Searched.decoded(one.encoded()) for name, one in together.items()}
    monkeypatch.setattr("detection.coal.search.found_in_block", lambda *_: pytest.fail("searched twice"))
    assert measure_stockpiles(looks, site, params=params, tiles=kept) == whole
    other = replace(site, zones=())
    with pytest.raises(pytest.fail.Exception, match="searched twice"):
        measure_stockpiles(looks, other, params=params, tiles=kept)
