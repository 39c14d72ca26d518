from __future__ import annotations

import dataclasses
import datetime as dt
import itertools

import numpy as np
import pytest
import xarray as xr

from aoi.records import Boundary, Site
from detection.ground.freezing import freeze
from detection.ground.measure import measure_ground
from detection.ground.params import METHOD, GroundParams, Kind
from detection.ground.quiet import quiet_count
from detection.ground.rates import IN_FORCE, disturbance_rates, expected_false
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


def test_rows_are_the_same_wherever_large_arrays_are_put(cube, rows) -> None:
    put = []

    def filled(shape, dtype):
        put.append(shape)
        array = np.empty(shape, dtype)
        array.view(np.uint8)[...] = 0x55
        return array

    assert measure_ground(cube, BOUNDED, room=filled) == rows
    assert len(put) > 10


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


def test_fifty_orders_of_arrival_give_the_same_current_rows(cube) -> None:
    """Scenes come in some order, a few late; each run has what came so far, and what the run before froze."""
    small = cube.isel(y=slice(4, 12), x=slice(4, 12))
    whole = measure_ground(small, BOUNDED)
    rng = np.random.default_rng(4)
    for arrival in range(50):
        order = rng.permutation(small.sizes["time"])
        early = small.isel(time=np.sort(order[:80]))
        first = measure_ground(early, BOUNDED).disturbances if arrival % 10 == 0 else ()
        last = measure_ground(small.isel(time=order).sortby("time"), BOUNDED, earlier=first)
        assert last.footprints == whole.footprints
        found = [d for d in last.disturbances if d.machine_status not in {"withdrawn", "merged"}]
        assert [unfrozen(d) for d in found] == [unfrozen(d) for d in whole.disturbances]


def unfrozen(row: Disturbance) -> Disturbance:
    """The row without what is frozen of it."""
    day = dt.date(2000, 1, 1)
    return dataclasses.replace(
        row, disturbance_id="", frozen_on=None, founding_cells=(), first_seen=day, first_seen_low=day,
        first_seen_high=day, persistent_since=None,
    )  # fmt: skip


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


def test_an_event_that_another_has_taken_in_is_merged_and_not_withdrawn(rows) -> None:
    (found,) = [d for d in rows.disturbances if d.machine_status == "persistent"]
    other = dataclasses.replace(found, disturbance_id="d-part", founding_cells=("1 1", "2 2"))
    kept, revisions = freeze([found], [other], day=20_000, params=GroundParams())
    assert [(d.disturbance_id, d.machine_status) for d in kept] == [
        (found.disturbance_id, "persistent"), ("d-part", "merged"),
    ]  # fmt: skip
    assert [(r.disturbance_id, r.revision) for r in revisions] == [("d-part", "merged")]


def test_ground_disturbed_again_takes_no_name_that_was_frozen(rows) -> None:
    (found,) = [d for d in rows.disturbances if d.machine_status == "persistent"]
    over = dataclasses.replace(
        found, machine_status="closed", founding_cells=("1 1", *found.founding_cells[:1]),
        first_seen=found.first_seen - dt.timedelta(days=900),
    )  # fmt: skip
    for current in ([over, found], [found, over], [found]):
        kept, _ = freeze(current, [over], day=20_000, params=GroundParams())
        (old,) = [d for d in kept if d.disturbance_id == over.disturbance_id]
        assert (old.first_seen, old.founding_cells) == (over.first_seen, over.founding_cells)
        (new,) = [d for d in kept if d.first_seen == found.first_seen]
        assert new.disturbance_id not in {old.disturbance_id, ""}
        again, _ = freeze(current, kept, day=20_000, params=GroundParams())
        assert {d.disturbance_id for d in again} == {old.disturbance_id, new.disturbance_id}


def test_an_open_event_that_is_dated_otherwise_keeps_its_name(rows) -> None:
    """What is learnt anew each year may move the day by more than a year: no second alert for it."""
    (found,) = [d for d in rows.disturbances if d.machine_status == "persistent"]
    before = found.first_seen - dt.timedelta(days=900)
    old = dataclasses.replace(found, disturbance_id="d-told", first_seen=before, first_seen_high=before)
    kept, revisions = freeze([found], [old], day=20_000, params=GroundParams())
    assert [(d.disturbance_id, d.first_seen) for d in kept] == [("d-told", before)]
    assert [(r.disturbance_id, r.revision) for r in revisions] == [("d-told", "smoothed")]
    assert "outside" in revisions[0].detail
    gone = dataclasses.replace(old, machine_status="withdrawn")
    kept, _ = freeze([found], [gone], day=20_000, params=GroundParams())
    assert {d.disturbance_id for d in kept} == {"d-told", found.disturbance_id}


def test_ground_that_was_cleared_twice_is_reopened() -> None:
    twice = ground(looks=130).isel(SMALL).load()
    shut, again = STARTS + 20, STARTS + 45
    for band, green in (("red", 0.04), ("nir", 0.38), ("blue", 0.03), ("green", 0.04)):
        calm = twice[band].to_numpy()[:, 14, 16]
        twice[band][shut:again, 4:14, 6:12] = calm[shut:again, None, None]
        assert abs(float(calm.mean()) - green) < 0.1
    found = measure_ground(twice, BOUNDED)
    first, second = sorted(found.disturbances, key=lambda d: d.first_seen)
    assert [d.machine_status for d in (first, second)] == ["closed", "persistent"]
    assert second.parents == (first.disturbance_id,)
    assert first.disturbance_id != second.disturbance_id
    assert (first.disturbance_id, "reopened") in {(r.disturbance_id, r.revision) for r in found.revisions}


def test_a_second_measurement_of_the_same_looks_adds_nothing() -> None:
    cube = ground(looks=130).isel(SMALL).load()
    shut = STARTS + 20
    calm = {band: cube[band].to_numpy()[:, 14, 16] for band in ("red", "nir", "blue", "green")}
    for band, values in calm.items():
        cube[band][shut:, 4:14, 6:12] = values[shut:, None, None]
    known: tuple[Disturbance, ...] = ()
    told = []
    for _ in range(2):
        now = measure_ground(cube, BOUNDED, earlier=known)
        known = now.disturbances
        told.append(now)
    assert told[0] == told[1]
    (closed,) = told[0].disturbances
    assert closed.machine_status == "closed"
    day = cube["time"].to_numpy()[shut].astype("datetime64[D]").astype(dt.date)
    assert dt.timedelta(0) <= closed.closed_on - day < dt.timedelta(days=60)
    assert told[0].revisions == ()
    # Frozen while it was open, and closed by later looks: that is a revision, each time it is measured.
    early = dataclasses.replace(
        closed, machine_status="persistent", frozen_on=closed.closed_on - dt.timedelta(days=1)
    )
    later = measure_ground(cube, BOUNDED, earlier=(early,))
    assert [(r.disturbance_id, r.revision) for r in later.revisions] == [(closed.disturbance_id, "closed")]
    again = measure_ground(cube, BOUNDED, earlier=later.disturbances)
    assert again.revisions == later.revisions


def test_rates_before_and_after_a_date_count_what_lies_outside(rows) -> None:
    (found,) = [d for d in rows.disturbances if d.machine_status == "persistent"]
    since, until = dt.date(2017, 1, 1), dt.date(2021, 1, 1)
    split = found.first_seen - dt.timedelta(days=100)
    told = disturbance_rates([found], split=split, since=since, until=until, boundary=BOUNDARY)
    years = (until - split).days / 365.25
    assert told.before.value == 0
    assert told.after.value == pytest.approx(0.5 * found.area_ha.value / years, rel=0.1)
    assert told.after.low <= 0.3 / years <= told.after.high
    assert told.change.value == told.after.value
    assert (told.events, told.unsure) == ((0, 1), 0)
    whole = disturbance_rates([found], split=found.first_seen, since=since, until=until)
    assert whole.unsure == 1
    in_force = disturbance_rates([found], split=split, since=since, until=until, boundary=IN_FORCE)
    assert in_force.after.value == pytest.approx(found.outside_ha.value / years)
    withdrawn = dataclasses.replace(found, machine_status="withdrawn")
    assert disturbance_rates([withdrawn], split=split, since=since, until=until).after.value == 0
    with pytest.raises(ValueError, match="between"):
        disturbance_rates([found], split=since, since=since, until=until)


def test_rates_stand_outside_the_fixed_version_and_outside_the_one_in_force(rows) -> None:
    fixed, in_force = rows.rates
    assert (fixed.boundary_role, fixed.boundary_id) == ("fixed", BOUNDARY.boundary_id)
    assert (in_force.boundary_role, in_force.boundary_id) == ("in_force", None)


@pytest.mark.parametrize(("looks", "before"), [(80, 33), (160, 33), (160, 45)])
def test_what_is_opened_in_the_second_year_is_told_in_short_records_and_in_long_ones(looks, before) -> None:
    """Learnt as normal it would be nothing: the many looks that see it open outweigh the year before."""
    record = ground(looks=looks).isel(SMALL).isel(time=slice(STARTS - before, None)).load()
    last = [f for f in measure_ground(record, BOUNDED).footprints if f.area_ha.value is not None][-1]
    assert last.area_ha.value == pytest.approx(0.6, abs=0.06)


def test_what_is_opened_in_the_first_year_waits() -> None:
    record = ground(looks=160).isel(SMALL).isel(time=slice(STARTS - 18, None)).load()
    last = [f for f in measure_ground(record, BOUNDED).footprints if f.area_ha.value is not None][-1]
    assert last.area_ha.value + last.waiting_ha.value == pytest.approx(0.6, abs=0.06)


def test_false_events_grow_with_ground_and_time() -> None:
    one, ten = (expected_false(quiet_count(), 100.0, years) for years in (1.0, 10.0))
    assert ten.value == pytest.approx(10 * one.value)
    assert ten.high == pytest.approx(10 * one.high)
    assert 0 <= one.low <= one.value < one.high


def earlier_method(found: Disturbance) -> Disturbance:
    return dataclasses.replace(
        found, disturbance_id="d-old", method_epoch="", frozen_on=None, founding_cells=(),
        first_seen=dt.date(2016, 1, 1),
    )  # fmt: skip


def test_a_new_method_takes_over_ids_by_ground_so_that_verdicts_follow(rows) -> None:
    (found,) = [d for d in rows.disturbances if d.machine_status == "persistent"]
    (taken,), revisions = freeze([found], [earlier_method(found)], day=20_000, params=GroundParams())
    assert (taken.disturbance_id, taken.method_epoch) == ("d-old", METHOD)
    assert taken.first_seen == found.first_seen
    assert revisions == []


def test_what_a_new_method_does_not_find_is_withdrawn_and_says_so_in_every_run(rows) -> None:
    (found,) = [d for d in rows.disturbances if d.machine_status == "persistent"]
    old = dataclasses.replace(earlier_method(found), machine_status="persistent")
    provisional = dataclasses.replace(old, disturbance_id="d-never-told", machine_status="provisional")
    held, revisions = freeze([], [old, provisional], day=20_000, params=GroundParams())
    again, repeated = freeze([], held, day=20_010, params=GroundParams())
    assert [(d.disturbance_id, d.machine_status) for d in held] == [("d-old", "withdrawn")]
    assert revisions[0].detail == f"{METHOD} does not find it"
    assert (again, repeated) == (held, revisions)


def test_what_was_taken_back_gives_its_name_to_nothing_else(rows) -> None:
    (found,) = [d for d in rows.disturbances if d.machine_status == "persistent"]
    gone = dataclasses.replace(earlier_method(found), machine_status="merged", cause="part of another")
    (kept, still), _ = freeze([found], [gone], day=20_000, params=GroundParams())
    assert kept.disturbance_id == found.disturbance_id
    assert (still.disturbance_id, still.machine_status, still.cause) == ("d-old", "merged", "part of another")
