from __future__ import annotations

import numpy as np
import pytest
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from shapely import transform
from shapely.geometry import box

from detection.sampling.accuracy import resolve_labels
from detection.sampling.design import (
    BARE,
    BUFFER,
    STABLE,
    SamplingParams,
    allocate,
    change_strata,
    draw_sample,
)
from evidence.errors import MeasurementError

GRID = GeoBox.from_bbox((600000, 4380000, 602000, 4382000), crs="EPSG:32652", resolution=10)


def on_grid(*bounds):
    to_degrees = Transformer.from_crs("EPSG:32652", "EPSG:4326", always_xy=True).transform
    return transform(box(*bounds), to_degrees, interleaved=False)


@pytest.fixture(scope="module")
def strata():
    aoi = on_grid(600100, 4380100, 601900, 4381900)
    change = [
        (2019, on_grid(600500, 4380500, 600700, 4380700)),
        (2021, on_grid(600700, 4380500, 600800, 4380700)),
    ]
    return change_strata(GRID, aoi, change)


def test_strata_have_the_areas_that_were_drawn(strata):
    areas = {s.name: s.area_ha for s in strata.strata}
    assert areas["disturbed_2019"] == pytest.approx(4.0, abs=0.05)
    assert areas["disturbed_2021"] == pytest.approx(2.0, abs=0.05)
    assert sum(areas.values()) == pytest.approx(180 * 180 * 0.01, rel=0.01)
    assert (strata.codes == -1).any()


def test_the_buffer_is_a_ring_of_its_width_and_mapped_stable(strata):
    (buffer,) = [s for s in strata.strata if s.name == BUFFER]
    assert buffer.mapped == STABLE
    assert buffer.area_ha == pytest.approx((300 * 60 * 2 + 200 * 60 * 2 + np.pi * 60**2) / 1e4, rel=0.05)


def test_a_sample_is_reproducible_without_repeats_and_in_its_strata(strata):
    wanted = allocate(strata.strata, n=200, per_rare=40)
    units = draw_sample(strata, wanted, rng=np.random.default_rng(5))
    again = draw_sample(strata, wanted, rng=np.random.default_rng(5))
    assert units == again
    assert len({(u.row, u.column) for u in units}) == len(units) == 200
    names = [s.name for s in strata.strata]
    assert all(names[strata.codes[u.row, u.column]] == u.stratum for u in units)


def test_every_pixel_of_a_stratum_has_the_same_chance(strata):
    rng = np.random.default_rng(1)
    hits = np.zeros(strata.codes.shape)
    for _ in range(200):
        for unit in draw_sample(strata, {s.name: 20 for s in strata.strata}, rng=rng):
            hits[unit.row, unit.column] += 1
    change = hits[strata.codes == 0]
    expected = 200 * 20 / change.size
    assert change.mean() == pytest.approx(expected)
    assert change.var() == pytest.approx(expected * (1 - 20 / change.size), rel=0.35)


def test_years_with_few_pixels_share_a_stratum():
    aoi = on_grid(600100, 4380100, 601900, 4381900)
    change = [
        (2019, on_grid(600500, 4380500, 600700, 4380700)),
        (2020, on_grid(601000, 4381000, 601020, 4381020)),
    ]
    names = [s.name for s in change_strata(GRID, aoi, change, params=SamplingParams()).strata]
    assert names == ["disturbed_2019", BUFFER, STABLE]


def test_ground_bare_at_start_is_a_stratum_of_its_own_that_change_and_not_the_buffer_cuts():
    aoi = on_grid(600100, 4380100, 601900, 4381900)
    change = [(2019, on_grid(600500, 4380500, 600700, 4380700))]
    bare = on_grid(600650, 4380500, 600800, 4380700)  # 50 m of it under the change, all within the buffer
    strata = change_strata(GRID, aoi, change, bare=bare).strata
    areas = {s.name: s.area_ha for s in strata}
    assert areas[BARE] == pytest.approx(2.0, abs=0.05)
    assert areas["disturbed_2019"] == pytest.approx(4.0, abs=0.05)
    assert next(s for s in strata if s.name == BARE).mapped == STABLE
    assert allocate(strata, n=300, per_rare=50)[BARE] == 50


def test_nothing_mapped_cannot_be_stratified():
    with pytest.raises(MeasurementError, match="mapped change in 0 years"):
        change_strata(GRID, on_grid(600100, 4380100, 601900, 4381900), [])


def test_two_readers_and_a_third():
    resolved, open_ones = resolve_labels(
        {"a": "x", "b": "x", "c": "x", "only": "x"}, {"a": "x", "b": "y", "c": "y"}, {"b": "y"}
    )
    assert resolved == {"a": "x", "b": "y"}
    assert open_ones == ["c"]
