from __future__ import annotations

import dataclasses
import datetime as dt
import itertools

import numpy as np
import pytest
import xarray as xr

from aoi.records import Boundary, Site
from detection.ground.measure import METHOD_EPOCH, freeze, measure_ground
from detection.ground.params import GroundParams, Kind
from detection.ground.records import Disturbance
from tests.detection.made_ground import SITE, STARTS, box, ground

SMALL = {"y": slice(6, 24), "x": slice(4, 24)}
BOUNDARY = Boundary(boundary_id="b1", geometry=box(0, 0, 13, 40), valid_from="2010", accuracy_m=4)
BOUNDED = Site(id="here", name="Here", aoi=SITE.aoi, boundaries=(BOUNDARY,))


@pytest.fixture(scope="module")
def cube() -> xr.Dataset:
    return ground(looks=100).isel(SMALL).load()


@pytest.fixture(scope="module")
def rows(cube):
    return measure_ground(cube, BOUNDED)


def test_a_clearing_is_one_persistent_event_with_its_area_date_and_advance(cube, rows) -> None:
    (found,) = [d for d in rows.disturbances if d.machine_status == "persistent"]
    assert found.area_ha.low <= 0.6 <= found.area_ha.high
    appeared = cube["time"].to_numpy()[STARTS].astype("datetime64[D]").item()
    assert found.first_seen_low <= appeared <= found.first_seen_high
    assert found.kind == Kind.SOIL_SPOIL
    assert found.relation == "crossing"
    assert found.outside_ha.value == pytest.approx(0.3, abs=0.06)
    assert found.advance_m.low <= 30 <= found.advance_m.high
    assert 60 < found.bearing_deg < 120
    assert found.geometry.intersection(box(10, 10, 16, 20)).area > 0.9 * box(10, 10, 16, 20).area


def test_accounts_add_up_exactly_and_hold_no_negative_hectares(rows) -> None:
    assessed = [f for f in rows.footprints if f.area_ha.value is not None]
    assert len(assessed) >= 2
    assert assessed[0].opened_ha.reason == "no account before this one"
    for f in assessed[1:]:
        assert f.area_ha.value == pytest.approx(
            f.before_ha.value + f.opened_ha.value - f.closed_ha.value, abs=1e-6
        )
        assert f.open_ha.value == pytest.approx(
            f.open_before_ha.value + f.open_opened_ha.value + f.deepened_ha.value - f.regrown_ha.value
            - f.open_closed_ha.value, abs=1e-6,
        )  # fmt: skip
        assert f.inside_ha.value + f.outside_ha.value == pytest.approx(f.area_ha.value, abs=1e-6)
        for q in (f.area_ha, f.opened_ha, f.closed_ha, f.open_ha, f.regrown_ha):
            assert 0 <= q.low <= q.value <= q.high
    assert assessed[-1].area_ha.low <= 0.6 <= assessed[-1].area_ha.high
    for earlier, later in itertools.pairwise(assessed):
        assert later.before_ha.value == pytest.approx(earlier.area_ha.value, abs=1e-6)


def test_years_without_an_account_say_why(rows) -> None:
    none = [f for f in rows.footprints if f.area_ha.value is None]
    assert all(f.area_ha.reason for f in none)
    few = measure_ground(ground(looks=10).isel(SMALL), BOUNDED)
    assert few.disturbances == ()
    assert all("needed" in f.area_ha.reason for f in few.footprints)


def test_unchanged_ground_gives_no_event() -> None:
    quiet = measure_ground(ground(cleared=False).isel(SMALL), SITE)
    assert quiet.disturbances == ()
    (account, *_) = [f for f in quiet.footprints if f.area_ha.value is not None]
    assert account.area_ha.value == 0
    assert account.inside_ha.reason == "no_boundary"


def test_rows_are_a_function_of_the_set_of_scenes(cube, rows) -> None:
    order = np.random.default_rng(4).permutation(cube.sizes["time"])
    again = measure_ground(cube.isel(time=order).sortby("time"), BOUNDED)
    assert again == rows


def test_what_was_frozen_stays_and_what_looks_say_otherwise_is_a_revision(cube, rows) -> None:
    (found,) = [d for d in rows.disturbances if d.machine_status == "persistent"]
    assert found.frozen_on is not None
    other = dataclasses.replace(
        found, disturbance_id="d-told", first_seen=found.first_seen - dt.timedelta(days=3)
    )
    later = measure_ground(cube, BOUNDED, earlier=[other])
    (kept,) = [d for d in later.disturbances if d.machine_status == "persistent"]
    assert (kept.disturbance_id, kept.first_seen) == ("d-told", other.first_seen)
    assert {(r.disturbance_id, r.revision) for r in later.revisions} == {("d-told", "smoothed")}
    assert {g.disturbance_id for g in later.growth} == {"d-told"}


def test_an_event_that_is_no_longer_found_is_withdrawn_beside_its_frozen_row(rows) -> None:
    (found,) = [d for d in rows.disturbances if d.machine_status == "persistent"]
    kept, revisions = freeze([], [found], day=20_000, params=GroundParams())
    assert [d.machine_status for d in kept] == ["withdrawn"]
    assert kept[0].first_seen == found.first_seen
    assert [r.revision for r in revisions] == ["withdrawn"]


def earlier_method(found: Disturbance) -> Disturbance:
    return dataclasses.replace(
        found, disturbance_id="d-old", method_epoch="", frozen_on=None, founding_cells=(),
        first_seen=dt.date(2016, 1, 1),
    )  # fmt: skip


def test_a_new_method_takes_over_ids_by_ground_so_that_verdicts_follow(rows) -> None:
    (found,) = [d for d in rows.disturbances if d.machine_status == "persistent"]
    (taken,), revisions = freeze([found], [earlier_method(found)], day=20_000, params=GroundParams())
    assert (taken.disturbance_id, taken.method_epoch) == ("d-old", METHOD_EPOCH)
    assert taken.first_seen == found.first_seen
    assert revisions == []
