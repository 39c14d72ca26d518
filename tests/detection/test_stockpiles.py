"""Stockpile areas on real Sentinel-2 dates with painted coal, and without."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.stockpiles.painting import as_site, clear_dates, paint, random_piles, romania
from detection.records import StockpileArea
from detection.stockpiles import measure_stockpiles

pytestmark = pytest.mark.nrt


def _values(areas: tuple[StockpileArea, ...], zone_id: str) -> NDArray[np.float64]:
    found = [a.area_ha.value for a in areas if a.zone_id == zone_id]
    return np.array([np.nan if v is None else v for v in found])


def test_painted_piles_are_measured_and_unpainted_forest_is_not_coal() -> None:
    piles = random_piles(1)
    clear = clear_dates(romania())
    bare = paint([], seed=1)
    site = as_site(piles, romania().grid, 3.0)
    nothing = measure_stockpiles(bare.cube, site)
    for zone in site.zones:
        values = _values(nothing.areas, zone.id)[clear]
        assert abs(np.nanmedian(values)) < 0.05


def test_a_site_without_stockyard_zones_has_no_headline_figure() -> None:
    bare = paint([], seed=1)
    result = measure_stockpiles(bare.cube, bare.site)
    assert result.areas == ()
    assert result.notes
