from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest
import shapely
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from shapely.geometry.base import BaseGeometry

from aoi.records import Boundary, Site
from detection.coal.coverage import to_degrees
from detection.disturbance_looks import LookParams, _start, run_looks
from detection.disturbance_patches import Patch, patch_name, remaining_parts
from detection.disturbance_state import DisturbanceState, state_bytes, state_from, to_arrays
from detection.disturbances import measure_disturbances
from detection.ground_changes import GroundChangeParams, measure_ground_changes
from detection.kinds import LINEAR, ground_kind, is_linear, went_black
from evidence.record_reading import read_record  # noqa: F401 - records must stay readable by the ledger
from tests.detection.made_ground import SITE, STARTS, box, ground


def test_a_clearing_is_one_persistent_object_with_its_area_and_date() -> None:
    cube = ground()
    (found,) = measure_disturbances(cube, SITE)
    assert found.machine_status == "persistent"
    assert found.area_ha.low <= 0.6 <= found.area_ha.high
    appeared = cube["time"].to_numpy()[STARTS].astype("datetime64[D]").item()
    assert found.first_seen_low <= appeared <= found.first_seen_high
    assert found.kind == "soil_spoil"
    assert found.relation == "no_boundary"
    assert found.outside_ha.reason == "no_boundary"
    assert found.geometry.intersection(box(10, 10, 16, 20)).area > 0.95 * box(10, 10, 16, 20).area


def test_unchanged_ground_gives_nothing() -> None:
    assert measure_disturbances(ground(cleared=False), SITE) == []


def test_short_histories_give_nothing() -> None:
    assert measure_disturbances(ground(looks=20), SITE) == []


def test_ground_beyond_the_boundary_has_an_advance_and_a_bearing() -> None:
    boundary = Boundary(boundary_id="b1", geometry=box(0, 0, 13, 40), valid_from="2010", accuracy_m=4)
    site = Site(id="here", name="Here", aoi=SITE.aoi, boundaries=(boundary,))
    (found,) = measure_disturbances(ground(), site)
    assert found.relation == "crossing"
    assert found.outside_ha.value == pytest.approx(0.3, abs=0.03)
    assert found.advance_m.low <= 30 <= found.advance_m.high
    assert 60 < (found.bearing_deg or 0) < 120


@pytest.mark.parametrize(("name", "columns", "expected"), [("track", 2, True), ("field", 20, False)])
def test_long_and_narrow_is_flagged(name: str, columns: int, *, expected: bool) -> None:
    del name
    patch = np.zeros((60, 60), bool)
    patch[5:45, 5 : 5 + columns] = True
    assert is_linear(patch, 10.0) is expected
    assert LINEAR.startswith("linear clearing")


def merging(*, looks: int, seed: int = 1) -> xr.Dataset:
    """Two clearings that become one a year later."""
    cube = ground(looks=looks, cleared=False, seed=seed)
    for band, value in (("red", 0.14), ("nir", 0.2)):
        values = cube[band].to_numpy().copy()
        values[50:, 10:20, 8:14] = value
        values[50:, 10:20, 20:26] = value
        values[62:, 10:20, 14:20] = value
        cube[band] = (("time", "y", "x"), values)
    return cube


def test_any_order_of_arrival_gives_the_batch_rows() -> None:
    small = {"y": slice(7, 23), "x": slice(5, 29)}
    cube, replaced = merging(looks=90).isel(small), merging(looks=90, seed=2).isel(small)
    last = cube["scene_id"].to_numpy()[-1]
    batch = measure_disturbances(cube, SITE)
    assert any(d.parents for d in batch if d.machine_status == "persistent")
    rng = np.random.default_rng(11)
    for _ in range(50):
        checkpoints: dict[str, DisturbanceState] = {}
        order = rng.permutation(cube.sizes["time"])
        for upto in sorted(rng.choice(np.arange(40, 90), 2, replace=False)):
            arrived = np.sort(order[:upto])
            early = replaced if rng.random() < 0.5 else cube
            measure_disturbances(early.isel(time=arrived), SITE, checkpoints=checkpoints)
        assert measure_disturbances(cube, SITE, checkpoints=checkpoints) == batch
    without = cube.isel(time=cube["scene_id"] != last)
    assert measure_disturbances(without, SITE, checkpoints=checkpoints) == measure_disturbances(without, SITE)


def test_ids_stay_when_any_scene_comes_late_or_is_replaced() -> None:
    small = {"y": slice(7, 23), "x": slice(5, 29)}
    cube, replaced = merging(looks=80).isel(small), merging(looks=80, seed=2).isel(small)

    def names(seen: xr.Dataset) -> set[str]:
        found = [d for d in measure_disturbances(seen, SITE) if d.machine_status == "persistent"]
        return {d.disturbance_id for d in found} | {p for d in found for p in d.parents}

    batch, kept = names(cube), []
    for late in range(44, 80, 2):
        kept.append(names(cube.isel(time=np.arange(80) != late)) == batch)
        other = cube.copy()
        for band in ("blue", "green", "red", "nir"):
            other[band] = cube[band].copy()
            other[band][late] = replaced[band][late]
        kept.append(names(other) == batch)
    assert np.mean(kept) >= 0.9


def test_a_change_in_the_winter_before_comparing_is_dated_from_the_history() -> None:
    cube = ground(looks=80, cleared=False)
    bared = _start(cube, LookParams())[0] - 10
    cleared = cube.copy()
    for band, value in (("red", 0.14), ("nir", 0.2)):
        values = cube[band].to_numpy().copy()
        values[bared:, 10:20, 10:16] = value
        cleared[band] = (("time", "y", "x"), values)
    (found,) = [d for d in measure_disturbances(cleared, SITE) if d.machine_status == "persistent"]
    day = cube["time"].to_numpy()[bared].astype("datetime64[D]").item()
    assert day.month in {11, 12, 1, 2, 3}
    assert found.first_seen_low <= day <= found.first_seen_high
    assert (day - found.first_seen_low).days <= 200


def test_a_state_survives_as_bytes() -> None:
    state = run_looks(ground(looks=80), params=LookParams())
    assert state is not None
    again = state_from(state_bytes(state))
    for name, array in to_arrays(state).items():
        np.testing.assert_array_equal(array, to_arrays(again)[name], err_msg=name)


def test_with_a_checkpoint_only_new_looks_are_read() -> None:
    cube = ground()
    cube = cube.assign_coords(content=("time", [f"c{k}" for k in range(cube.sizes["time"])]))
    checkpoints: dict[str, DisturbanceState] = {}
    measure_disturbances(cube.isel(time=slice(0, 90)), SITE, checkpoints=checkpoints)
    unread = cube.copy(deep=True)
    for band in ("blue", "green", "red", "nir"):
        unread[band][:90] = np.nan
    unread["valid"][:90] = False
    assert measure_disturbances(unread, SITE, checkpoints=checkpoints) == measure_disturbances(cube, SITE)


def test_ground_that_grows_over_again_is_a_recovery_of_its_own() -> None:
    cube, green = ground(looks=140), ground(looks=140, cleared=False)
    for band in ("blue", "green", "red", "nir"):
        cube[band][95:, 10:20, 10:16] = green[band][95:, 10:20, 10:16]
    cleared, back = sorted(measure_disturbances(cube, SITE), key=lambda d: d.first_seen)
    assert back.kind == "recovery"
    assert back.parents == (cleared.disturbance_id,)
    regrown = cube["time"].to_numpy()[95].astype("datetime64[D]").item()
    assert back.first_seen_low <= regrown + dt.timedelta(days=60)
    assert back.first_seen_high >= regrown


def test_patches_that_grow_together_are_parents() -> None:
    cube = merging(looks=150)
    (whole,) = (d for d in measure_disturbances(cube, SITE) if d.machine_status == "persistent")
    assert whole.area_ha.low <= 1.8 <= whole.area_ha.high
    assert len(whole.parents) >= 1
    apart = measure_disturbances(cube.isel(time=slice(0, 61)), SITE)
    names = {d.disturbance_id for d in apart if d.machine_status == "persistent"}
    assert len(names) == 2
    assert names == {whole.disturbance_id, *whole.parents}


def test_a_patch_parted_by_regrowth_names_the_whole_as_parent() -> None:
    mask = np.zeros((12, 30), bool)
    mask[2:10, 2:28] = True
    returned = np.zeros_like(mask)
    returned[:, 12:18] = True
    whole = Patch(window=(slice(0, 12), slice(0, 30)), mask=mask)
    parts = remaining_parts(whole, returned, np.full(mask.shape, 0.01), min_ha=0.1)
    assert len(parts) == 2
    assert (parts[0].mask ^ parts[1].mask).sum() == mask.sum()


def test_a_late_scene_that_moves_a_few_pixels_keeps_the_name() -> None:
    rng = np.random.default_rng(3)
    kept = 0
    for _ in range(100):
        cells = rng.integers(0, 10_000, (60, 2)).astype(float)
        kept += patch_name(cells, prefix="p") == patch_name(cells[3:], prefix="p")
    assert kept >= 88


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ((0.075, 0.105, 0.14, 0.215, 0.3), "soil_spoil"),
        ((0.36, 0.38, 0.39, 0.395, 0.38), "built"),
        ((0.042, 0.046, 0.052, 0.069, 0.13), "coal"),
        ((0.062, 0.073, 0.084, 0.117, 0.141), "soil_spoil"),
        ((0.026, 0.028, 0.024, 0.024, 0.022), "water"),
        ((0.03, 0.05, 0.05, 0.25, 0.2), "vegetation_loss"),
    ],
)
def test_kinds_follow_from_spectra(seen: tuple[float, ...], expected: str) -> None:
    assert ground_kind(dict(zip(("blue", "green", "red", "nir", "swir16"), seen, strict=True))) == expected


def test_black_ground_is_burnt_until_a_second_spring_leaves_it_bare() -> None:
    cube = ground(looks=130, cleared=False)
    for band, value in (("blue", 0.032), ("green", 0.038), ("red", 0.045), ("nir", 0.07)):
        values = cube[band].to_numpy().copy()
        values[STARTS:, 10:20, 10:16] = value
        cube[band] = (("time", "y", "x"), values)

    def kinds(seen: xr.Dataset) -> list[str]:
        return [d.kind for d in measure_disturbances(seen, SITE) if d.machine_status == "persistent"]

    assert kinds(cube.isel(time=slice(0, STARTS + 15))) == ["burnt"]
    assert kinds(cube) == ["soil_spoil"]


def test_no_soil_shows_where_ground_went_black() -> None:
    forest = {"red": 0.025, "nir": 0.38}
    assert went_black(forest, {"red": 0.045, "nir": 0.07})
    assert went_black(forest, {"red": 0.035, "nir": 0.22})
    assert not went_black(forest, {"red": 0.058, "nir": 0.34})
    assert not went_black(forest, {"red": 0.095, "nir": 0.118})
    assert not went_black(forest, {"red": 0.025, "nir": 0.38})
    assert not went_black({"red": 0.07, "nir": 0.3}, {"red": 0.084, "nir": 0.117})
    assert not went_black({}, {"red": 0.045, "nir": 0.07})


def test_advance_is_told_by_bearing_sector() -> None:
    boundary = Boundary(boundary_id="b1", geometry=box(0, 0, 13, 40), valid_from="2010", accuracy_m=4)
    site = Site(id="here", name="Here", aoi=SITE.aoi, boundaries=(boundary,))
    (found,) = measure_disturbances(ground(), site)
    assert found.sector_advances is not None
    assert set(found.sector_advances) == {"E"}
    reach, low, high = found.sector_advances["E"]
    assert low <= 30 <= high
    assert reach == pytest.approx(found.advance_m.value, abs=0.1)


def romania(folder: Path) -> tuple[xr.Dataset, Site]:
    """The cube of the nrt wheel as the pipeline would give it."""
    fine = xr.open_dataset(folder / "sentinel2_cube_subset_romania_10m.nc").load()
    coarse = xr.open_dataset(folder / "sentinel2_cube_subset_romania_20m.nc").load()
    x, y = float(fine.x[0]) - 5, float(fine.y[0]) + 5
    grid = GeoBox((100, 100), Affine(10, 0, x, 0, -10, y), "EPSG:3035")
    dims = ("time", "y", "x")
    bands = {"blue": fine.B2, "green": fine.B3, "red": fine.B4, "nir": fine.B8}
    data = {name: (dims, values.to_numpy() / np.float32(1e4)) for name, values in bands.items()}
    data["swir16"] = (
        dims,
        np.kron(coarse.B11.to_numpy(), np.ones((1, 2, 2))).astype(np.float32) / np.float32(1e4),
    )
    scl = fine.SCL.to_numpy()
    days = fine.time.to_numpy()
    coords = xr_coords(grid) | {"time": days, "scene_id": ("time", [str(d)[:10] for d in days])}
    masks = {"valid": (dims, np.isin(scl, [4, 5, 6, 7])), "snow": (dims, scl == 11)}
    cube = xr.Dataset(data | masks, coords=coords)
    aoi = to_degrees(shapely.box(x, y - 1000, x + 1000, y), grid)
    return cube, Site(id="romania", name="Romania", aoi=aoi)


YEARS = (2017, 2019, 2020)
DIGITISED = Path(__file__).parent / "data" / "romania-digitised.geojson"


def digitised(year: int) -> list[shapely.Polygon]:
    """Clearings of a year that were plainly seen, the strip along the river apart."""
    features = json.loads(DIGITISED.read_text("utf-8"))["features"]
    return [
        shapely.from_geojson(json.dumps(f["geometry"]))
        for f in features
        if f["properties"]["cleared_by"] == year
        and f["properties"]["seen"] == "clear"
        and f["properties"]["id"] != "2017-g"
    ]


def hits(drawn: list[shapely.Polygon], found: list[BaseGeometry]) -> float:
    """Share of the drawn clearings of which at least 30 % are covered by what was found."""
    whole = shapely.union_all(found)
    return float(np.mean([one.intersection(whole).area >= 0.3 * one.area for one in drawn]))


@pytest.mark.nrt
def test_real_clearings_are_found_with_their_year(romania_folder: Path) -> None:
    cube, site = romania(romania_folder)
    found = [d for d in measure_disturbances(cube, site) if d.machine_status == "persistent"]
    found = [d for d in found if d.kind != "recovery"]
    shares = {y: hits(digitised(y), [d.geometry for d in found if d.first_seen.year == y]) for y in YEARS}
    assert shares[2017] >= 0.6
    assert shares[2019] >= 0.7
    assert shares[2020] >= 0.65
    drawn = shapely.union_all(digitised(2019))
    whole = shapely.union_all([d.geometry for d in found if d.first_seen.year == 2019])
    assert drawn.intersection(whole).area / drawn.union(whole).area >= 0.3


@pytest.mark.nrt
def test_looking_back_finds_real_clearings_too(romania_folder: Path) -> None:
    cube, site = romania(romania_folder)
    changes = measure_ground_changes(cube, site, params=GroundChangeParams(closed_years=False))
    bared = [c for c in changes if c.kind != "recovery"]
    near = [
        c.geometry
        for c in bared
        if c.changed_on_low <= dt.date(2019, 9, 30) and c.changed_on_high >= dt.date(2018, 9, 1)
    ]
    assert hits(digitised(2019), near) >= 0.4
