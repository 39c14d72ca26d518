"""Stockpile areas on real Sentinel-2 dates with painted coal, and without."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.stockpiles.painting import Painted, clear_dates, paint, random_piles, romania
from detection.coal.measure import StockpileParams, StockpileResult, measure_stockpiles
from detection.coal.search import FoundParams

pytestmark = pytest.mark.nrt
Floats = NDArray[np.float64]
ZONES_ONLY = StockpileParams(find_piles=False)


@pytest.fixture(scope="module")
def painted() -> Painted:
    return paint(random_piles(11, count=3), seed=11)


@pytest.fixture(scope="module")
def measured(painted: Painted) -> StockpileResult:
    return measure_stockpiles(painted.cube, painted.site, params=ZONES_ONLY)


def _matrix(result: StockpileResult, zone_id: str) -> Floats:
    rows = [a.area_ha for a in result.areas if a.zone_id == zone_id]
    return np.array([[np.nan if v is None else v for v in (q.value, q.low, q.high)] for q in rows])


def test_painted_areas_are_measured_within_their_intervals(
    painted: Painted, measured: StockpileResult
) -> None:
    clear = clear_dates(romania())
    errors, inside = [], []
    for zone_id, truth in painted.truth_ha.items():
        found = _matrix(measured, zone_id)[clear]
        assert np.isfinite(found[:, 0]).mean() > 0.9
        errors.append(found[:, 0] - truth[clear])
        inside.append((found[:, 1] <= truth[clear]) & (truth[clear] <= found[:, 2]))
    error = np.concatenate(errors)
    seen = np.isfinite(error)
    assert np.sqrt(np.mean(error[seen] ** 2)) < 0.10
    assert abs(error[seen].mean()) < 0.05
    assert np.concatenate(inside)[seen].mean() > 0.85


def test_smoothed_areas_are_no_worse(painted: Painted, measured: StockpileResult) -> None:
    clear = clear_dates(romania())
    error = []
    for zone_id, truth in painted.truth_ha.items():
        points = [p.value.value for p in measured.series if p.subject_id == zone_id]
        error.append((np.array([np.nan if v is None else v for v in points]) - truth)[clear])
    assert np.sqrt(np.nanmean(np.concatenate(error) ** 2)) < 0.07


def test_dates_without_a_look_are_null_with_a_reason(measured: StockpileResult) -> None:
    blind = [a for a in measured.areas if a.area_ha.value is None]
    assert blind
    assert all(a.area_ha.reason for a in blind)


def test_unpainted_forest_holds_no_coal(painted: Painted) -> None:
    bare = replace(painted.site, zones=painted.site.zones[:1])
    result = measure_stockpiles(paint([], seed=1).cube, bare, params=ZONES_ONLY)
    values = _matrix(result, bare.zones[0].id)[:, 0]
    assert np.nanmax(np.abs(values)) < 0.05
    assert result.piles == ()


def test_a_site_without_stockyard_zones_has_found_piles_and_no_headline_figure(painted: Painted) -> None:
    steady_too = StockpileParams(found=FoundParams(changed_share=0.0))  # these piles never vanish
    result = measure_stockpiles(painted.cube, replace(painted.site, zones=()), params=steady_too)
    assert result.areas == ()
    assert any("no headline figure" in note for note in result.notes)
    assert len({pile.pile_id.rsplit("/", 1)[0] for pile in result.piles}) >= 2
