from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from aoi.records import Boundary, Site
from detection.coal.coverage import to_degrees
from detection.disturbance_state import DisturbanceState
from detection.disturbances import DisturbanceParams, measure_disturbances
from detection.kinds import LINEAR, is_linear
from evidence.record_reading import read_record  # noqa: F401 - records must stay readable by the ledger

GRID = GeoBox((40, 40), Affine(10, 0, 300_000, 0, -10, 4_390_000), "EPSG:32652")
STARTS = 60
"""Look at which the clearing appears."""


def ground(*, looks: int = 100, cleared: bool = True, seed: int = 1) -> xr.Dataset:
    """Forest with a 0.6 ha clearing; a third of looks clouded; every tenth has an unmasked cloud edge."""
    rng = np.random.default_rng(seed)
    days = np.datetime64("2017-01-01") + np.arange(looks) * np.timedelta64(12, "D")
    season = 0.5 + 0.5 * np.cos(2 * np.pi * (np.arange(looks) * 12 - 200) / 365.25)
    shape = (looks, 40, 40)
    red = np.broadcast_to(0.06 - 0.03 * season[:, None, None], shape).copy()
    nir = np.broadcast_to(0.2 + 0.2 * season[:, None, None], shape).copy()
    if cleared:
        red[STARTS:, 10:20, 10:16], nir[STARTS:, 10:20, 10:16] = 0.14, 0.2
    red += rng.normal(0, 0.003, shape)
    nir += rng.normal(0, 0.008, shape)
    red[::10, 25:35, 25:35] += 0.3
    valid = np.ones(shape, bool)
    valid[rng.random(looks) < 1 / 3] = False
    dims = ("time", "y", "x")
    bands = {"blue": red * 0.7, "green": red * 0.9, "red": red, "nir": nir}
    return xr.Dataset(
        {name: (dims, values.astype(np.float32)) for name, values in bands.items()}
        | {"valid": (dims, valid), "snow": (dims, np.zeros(shape, bool))},
        coords=xr_coords(GRID)
        | {"time": days.astype("datetime64[ns]"), "scene_id": ("time", [f"s{k:03d}" for k in range(looks)])},
    )


def box(left: int, top: int, right: int, bottom: int) -> shapely.Polygon:
    """Pixels of the grid as a polygon in degrees."""
    west, north = 300_000 + 10 * left, 4_390_000 - 10 * top
    return to_degrees(shapely.box(west, north - 10 * (bottom - top), west + 10 * (right - left), north), GRID)


SITE = Site(id="here", name="Here", aoi=box(0, 0, 40, 40))


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


def test_any_order_of_arrival_gives_the_batch_rows() -> None:
    small = {"y": slice(8, 24), "x": slice(8, 24)}
    cube, replaced = ground().isel(small), ground(seed=2).isel(small)
    last = cube["scene_id"].to_numpy()[-1]
    batch = measure_disturbances(cube, SITE)
    rng = np.random.default_rng(11)
    for _ in range(50):
        checkpoints: dict[str, DisturbanceState] = {}
        order = rng.permutation(cube.sizes["time"])
        for upto in sorted(rng.choice(np.arange(40, 100), 2, replace=False)):
            arrived = np.sort(order[:upto])
            early = replaced if rng.random() < 0.5 else cube
            measure_disturbances(early.isel(time=arrived), SITE, checkpoints=checkpoints)
        measure_disturbances(cube.isel(time=slice(0, 70)), SITE, checkpoints=checkpoints)
        assert measure_disturbances(cube, SITE, checkpoints=checkpoints) == batch
    without = cube.isel(time=cube["scene_id"] != last)
    assert measure_disturbances(without, SITE, checkpoints=checkpoints) == measure_disturbances(without, SITE)


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


@pytest.mark.nrt
def test_real_clearings_are_found_with_their_year(romania_folder: Path) -> None:
    cube, site = romania(romania_folder)
    found = [d for d in measure_disturbances(cube, site, params=DisturbanceParams()) if d.persistent_since]
    years = [d.first_seen.year for d in found]
    assert len(found) >= 20
    assert {2017, 2018, 2019, 2020} == set(years)
    assert years.count(2019) >= 10
