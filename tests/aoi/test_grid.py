from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from shapely import MultiPolygon, box, segmentize

from aoi.grid import aoi_grid, site_grid, utm_epsg
from aoi.records import Site
from evidence.errors import AoiError


def test_camps_14_and_18_are_pinned_to_zone_52() -> None:
    site = Site(id="cluster", name="cluster", aoi=box(125.94, 39.48, 126.34, 39.68))
    grid = site_grid(site)
    assert grid.crs.epsg == 32652
    assert (abs(grid.resolution.x), abs(grid.resolution.y)) == (10.0, 10.0)


@pytest.mark.parametrize(
    ("west", "east", "code"),
    [
        (125.8, 126.1, 32651),
        (125.9, 126.1, 32652),
        (125.9, 126.2, 32652),
        (-0.1, 0.1, 32631),
        (179.8, 180.0, 32660),
    ],
)
def test_the_zone_is_that_of_the_middle_and_a_tie_goes_east(west: float, east: float, code: int) -> None:
    assert utm_epsg(box(west, 39.0, east, 39.2)) == code


def test_the_southern_hemisphere_and_the_antimeridian() -> None:
    assert utm_epsg(box(126, -10.2, 126.2, -10.0)) == 32752
    split = MultiPolygon([box(179.9, -17.1, 180.0, -17.0), box(-180.0, -17.1, -179.8, -17.0)])
    assert utm_epsg(split) == 32701
    assert aoi_grid(split).shape.x < 4000


def test_what_no_zone_can_hold_is_refused() -> None:
    with pytest.raises(AoiError, match="range of UTM"):
        utm_epsg(box(0, 84.5, 1, 85))
    with pytest.raises(AoiError, match="200 km"):
        aoi_grid(box(120, 30, 130, 40))


@given(
    lon=st.floats(-179, 178),
    lat=st.floats(-70, 70),
    width=st.floats(0.001, 0.5),
    height=st.floats(0.001, 0.5),
)
@settings(max_examples=60, deadline=None)
def test_the_grid_nests_on_the_lattice_and_holds_the_aoi(
    lon: float, lat: float, width: float, height: float
) -> None:
    aoi = box(lon, lat, lon + width, lat + height)
    grid = aoi_grid(aoi)
    left, bottom, right, top = grid.boundingbox.bbox
    assert all(edge % 60 == 0 for edge in (left, bottom, right, top))
    assert grid.shape.x % 6 == 0
    x, y = Transformer.from_crs(4326, grid.crs.epsg, always_xy=True).transform(
        *segmentize(aoi, max(width, height) / 1000).exterior.xy
    )
    assert left <= min(x) <= max(x) <= right
    assert bottom <= min(y) <= max(y) <= top
