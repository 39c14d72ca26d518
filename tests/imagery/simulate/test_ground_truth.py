from __future__ import annotations

import datetime as dt
from itertools import pairwise

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely import Point, Polygon, box
from shapely.affinity import rotate, scale, translate

from imagery.simulate import (
    CoalParams,
    MineParams,
    PilePlan,
    SimulatedSite,
    SimulationParams,
    simulate_site,
    unchanged_site,
)
from imagery.simulate.frame import polygon_coverage
from imagery.simulate.mine import NEVER
from imagery.simulate.world import build_world

DAYS = [dt.date(2021, 11, 5), dt.date(2022, 2, 1), dt.date(2022, 4, 1), dt.date(2022, 6, 20)]


@settings(deadline=None, max_examples=60)
@given(
    x=st.floats(-3, 23),
    y=st.floats(-3, 18),
    long=st.floats(0.1, 9),
    short=st.floats(0.1, 9),
    turn=st.floats(0, 180),
    hole=st.booleans(),
)
def test_coverage_is_the_polygons_area_exactly(
    *, x: float, y: float, long: float, short: float, turn: float, hole: bool
) -> None:
    disc = translate(rotate(scale(Point(0, 0).buffer(1, 9), long, short), turn), x, y)
    shape = disc.difference(scale(disc, 0.5, 0.5)) if hole else disc
    cover = polygon_coverage(shape, Affine(1, 0, 0, 0, -1, 15), (15, 20))
    inside = shape.intersection(box(0, 0, 20, 15))
    assert cover.sum() == pytest.approx(inside.area, abs=1e-9)
    assert cover.min() >= 0
    assert cover.max() <= 1


def test_coverage_of_each_cell_against_shapely() -> None:
    shape = Polygon([(1.3, 1.1), (6.7, 2.2), (5.1, 6.9), (3.0, 3.3), (0.4, 5.5)])
    cover = polygon_coverage(shape, Affine(1, 0, 0, 0, -1, 8), (8, 8))
    expected = [[shape.intersection(box(c, 7 - r, c + 1, 8 - r)).area for c in range(8)] for r in range(8)]
    np.testing.assert_allclose(cover, expected, atol=1e-12)


@pytest.mark.parametrize("day", DAYS)
def test_pile_areas_agree_in_fraction_outline_and_geodesy(small: SimulatedSite, day: dt.date) -> None:
    truth, frame = small.truth, small.world.frame
    stated = truth.pile_area_ha(day)
    assert stated > 0
    assert truth.pile_fraction(day).sum(dtype=float) * 0.01 / frame.areal_scale == pytest.approx(
        stated, rel=1e-5
    )
    geod = Geod(ellps="WGS84")
    on_ellipsoid = sum(
        abs(geod.geometry_area_perimeter(outline)[0]) / 1e4
        for pile in truth.piles
        if (outline := truth.pile_outline(pile.pile_id, day)) is not None
    )
    assert on_ellipsoid == pytest.approx(stated, rel=2e-4)


def test_piles_do_not_overlap_and_stay_in_the_yard(small: SimulatedSite) -> None:
    for day in DAYS:
        outlines = [outline for pile in small.truth.piles if (outline := pile.outline(day)) is not None]
        assert all(small.world.mine.stockyard.contains(outline) for outline in outlines)
        assert sum(one.area for one in outlines) == pytest.approx(
            float(small.world.coal_cover(day).sum(dtype=float)) * 25, rel=1e-5
        )
        assert small.world.coal_cover(day).max() <= 1 + 1e-6


def test_splits_and_merges_keep_area_and_name_their_parents() -> None:
    day = dt.date(2018, 6, 1)
    plans = (
        PilePlan(areas=((dt.date(2017, 1, 1), 1.0),), fate="splits", fate_date=day),
        PilePlan(areas=((dt.date(2017, 1, 1), 0.4),), fate="merges", fate_date=day),
        PilePlan(areas=((dt.date(2017, 1, 1), 0.2), (dt.date(2019, 6, 1), 0.4))),
    )
    params = SimulationParams(size_px=120, until=dt.date(2019, 1, 1), coal=CoalParams(plans=plans))
    truth = simulate_site(params, seed=1).truth
    before, after = day - dt.timedelta(days=1), day
    assert truth.pile_area_ha(before) == pytest.approx(truth.pile_area_ha(after), rel=1e-3)
    parents = {pile.pile_id: pile.parents for pile in truth.piles}
    assert parents["sim-pile-01a"] == parents["sim-pile-01b"] == ("sim-pile-01",)
    assert parents["sim-pile-02m"] == ("sim-pile-02", "sim-pile-03")
    assert truth.pile_outline("sim-pile-01", after) is None


def test_a_merge_without_a_partner_is_refused() -> None:
    plan = PilePlan(areas=((dt.date(2017, 1, 1), 0.4),), fate="merges", fate_date=dt.date(2018, 1, 1))
    with pytest.raises(ValueError, match="merges with the next"):
        simulate_site(SimulationParams(size_px=120, coal=CoalParams(plans=(plan,))), seed=1)


def test_pit_and_spoil_grow_to_the_areas_asked_for(small: SimulatedSite) -> None:
    mine = small.params.mine
    world = small.world
    for event, areas in (("sim-pit", mine.pit_ha), ("sim-spoil", mine.spoil_ha)):
        patch = next(one for one in small.truth.events if one.event_id == event)
        for day, area in ((small.params.since, areas[0]), (small.params.until, areas[1])):
            cells = patch.cells(day).sum() * 25 / 1e4 / world.frame.areal_scale
            assert cells == pytest.approx(area, abs=0.003)


def test_footprint_polygon_fraction_and_area_agree(small: SimulatedSite) -> None:
    day = DAYS[-1]
    area = small.truth.footprint_area_ha(day)
    geod = Geod(ellps="WGS84")
    polygon = small.truth.footprint_polygon(day)
    assert abs(geod.geometry_area_perimeter(polygon)[0]) / 1e4 == pytest.approx(area, rel=2e-4)
    fraction = small.truth.footprint_fraction(day).sum(dtype=float)
    assert fraction * 0.01 / small.world.frame.areal_scale == pytest.approx(area, rel=1e-6)


def test_the_perimeter_only_moves_out() -> None:
    truth = simulate_site(SimulationParams(size_px=250), seed=5).truth
    outlines = [version.outline for version in truth.perimeters]
    assert len(outlines) == 3
    for old, new in pairwise(outlines):
        assert new.buffer(0.01).contains(old)
        assert new.area > old.area
    beyond = [event for event in truth.events if event.beyond_boundary_id is not None]
    assert [event.beyond_boundary_id for event in beyond] == ["sim-boundary-1", "sim-boundary-2"]


def test_an_unchanged_site_does_not_change() -> None:
    world = build_world(unchanged_site(size_px=120), 3)
    burnt_out = [scar.day for scar in world.land.burn_scars]
    assert not world.mine.piles
    first, last = dt.date(2017, 1, 2), dt.date(2021, 12, 1)
    same = world.labels(first) == world.labels(last)
    for scar in world.land.burn_scars:
        same |= scar.cells
    assert same.all()
    assert all(first <= day <= last for day in burnt_out)


def test_the_site_says_that_it_is_simulated(small: SimulatedSite) -> None:
    site = small.site
    assert site.id.startswith("simulated-")
    assert site.name.startswith("Simulated")
    assert site.note is not None
    assert "no such place" in site.note
    assert {zone.kind.value for zone in site.zones} >= {"stockyard", "control"}
    assert len(site.boundaries) == len(small.truth.perimeters)
    west, south, east, north = site.bounds
    assert not (west > 124 and east < 131 and south > 37.5 and north < 43.1), "not in Korea"


@pytest.fixture(scope="module")
def busy() -> SimulatedSite:
    """Everything that takes ground, on a small site."""
    mine = MineParams(
        thinned=2, roads=1, buildings=1, hillside_cleared=1, pit_bearing_deg=90, regrowth_years=1
    )
    return simulate_site(SimulationParams(size_px=120, until=dt.date(2021, 1, 1), mine=mine), seed=9)


def test_accounts_are_sums_of_their_own_cells(busy: SimulatedSite) -> None:
    rows = busy.truth.yearly_accounts(boundary_id="sim-boundary-1")
    assert {row["year"] for row in rows} == {2017, 2018, 2019, 2020}
    for row in rows:
        assert row["disturbed_after"] == pytest.approx(
            row["disturbed_before"] + row["disturbed_opened"] - row["disturbed_closed"]
        )
        assert row["open_after"] == pytest.approx(
            row["open_before"]
            + row["open_opened"]
            + row["open_deepened"]
            - row["open_closed"]
            - row["open_regrown"]
        )
    sides = {side: [row for row in rows if row["side"] == side] for side in ("inside", "outside", "all")}
    for inside, outside, whole in zip(*sides.values(), strict=True):
        for name, value in whole.items():
            if name not in {"year", "side"}:
                assert inside[name] + outside[name] == pytest.approx(value)
    assert sum(row["disturbed_opened"] for row in sides["outside"]) > 1
    assert sum(row["disturbed_closed"] for row in sides["all"]) > 0.3
    last = busy.params.until - dt.timedelta(days=1)
    area = busy.truth.accounts(busy.params.since, last)["all"]["open_after"]
    assert area == pytest.approx(busy.truth.footprint_area_ha(last), rel=0.2)


def test_a_thinned_stand_is_disturbed_whole_and_bare_in_part(busy: SimulatedSite) -> None:
    event = next(one for one in busy.truth.events if one.kind == "thinned")
    assert event.extent is not None
    day = dt.date.fromordinal(int(event.extent[event.extent < NEVER].max()))
    share = event.cells(day).sum() / event.ground(day).sum()
    assert share == pytest.approx(1 - busy.params.mine.thinned_left, abs=0.05)


def test_dates_per_pixel_are_those_of_the_events(busy: SimulatedSite) -> None:
    onset = busy.truth.onset()
    for day in (dt.date(2018, 3, 1), dt.date(2020, 9, 1)):
        by_then = busy.truth.disturbed_fraction(day) >= 0.5
        before = busy.truth.disturbed_fraction(busy.params.since) >= 0.5
        told = (onset <= np.datetime64(day)) | before
        regrown = [event for event in busy.truth.events if event.regrown <= day.toordinal()]
        assert (told >= by_then).all()
        if not regrown:
            np.testing.assert_array_equal(told, by_then)
    assert np.isnat(onset).any()


def test_a_pit_with_a_bearing_advances_that_way(busy: SimulatedSite) -> None:
    pit = next(event for event in busy.truth.events if event.kind == "pit")
    _, columns = np.nonzero(pit.born < NEVER)
    _, early = np.nonzero(pit.born < 0)
    assert columns.mean() > early.mean() + 3
    assert columns.max() - early.max() > 3 * (early.min() - columns.min())


def test_coal_by_zone_is_the_coal_of_its_piles(small: SimulatedSite) -> None:
    day = DAYS[-1]
    assert small.truth.zone_coal_ha("stockyard", day) == small.truth.pile_area_ha(day)
    assert small.truth.zone_coal_ha("control-yard", day) == 0
    assert small.truth.fines_fraction(day).max() > 0
