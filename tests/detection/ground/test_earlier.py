"""Looks of a coarser instrument before the site's own: what was there before the first of them."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from detection.ground.earlier import with_earlier
from detection.ground.joined import TOO_FEW, join_error, joined_rates
from detection.ground.measure import measure_ground
from detection.ground.params import GroundParams
from detection.ground.series import SCALE, UNSEEN, read_series
from tests.detection.made_ground import GRID, SITE

OPENED, ROAD = (slice(10, 19), slice(10, 19)), (slice(28, 29), slice(0, 40))
"""Ground that is opened in 2015, and a strip of one pixel that is bare all the time."""
OPENS = np.datetime64("2015-07-01")
COARSE = GeoBox((14, 14), Affine(30, 0, 299_985, 0, -30, 4_390_015), GRID.crs)


def looks(first: str, last: str, step: int, seed: int) -> xr.Dataset:
    """The ground at 10 m on some days."""
    rng = np.random.default_rng(seed)
    days = np.arange(np.datetime64(first), np.datetime64(last), step)
    season = np.sin(2 * np.pi * ((days - np.datetime64("2013-04-20")).astype(int) % 365.25) / 365.25)
    shape = (len(days), 40, 40)
    red = np.broadcast_to(0.05 - 0.02 * season[:, None, None], shape).copy()
    nir = np.broadcast_to(0.27 + 0.1 * season[:, None, None], shape).copy()
    nir *= 1 + 0.1 * np.random.default_rng(0).normal(size=(40, 40))  # plants are not alike everywhere
    bare = np.zeros(shape, bool)
    bare[days >= OPENS, OPENED[0], OPENED[1]] = True
    bare[:, ROAD[0], ROAD[1]] = True
    red[bare], nir[bare] = 0.16, 0.22
    red += rng.normal(0, 0.003, shape)
    nir += rng.normal(0, 0.008, shape)
    dims = ("time", "y", "x")
    bands = {"blue": red * 0.7, "green": red * 0.9, "red": red, "nir": nir}
    return xr.Dataset(
        {name: (dims, values.astype(np.float32)) for name, values in bands.items()}
        | {"valid": (dims, np.ones(shape, bool)), "snow": (dims, np.zeros(shape, bool))},
        coords=xr_coords(GRID)
        | {
            "time": days.astype("datetime64[ns]"),
            "scene_id": ("time", [f"{seed}-{k}" for k in range(len(days))]),
        },
    )


def at_thirty_metres(cube: xr.Dataset) -> xr.Dataset:
    """The same in pixels of 30 m half a pixel off, with a gain and an offset of another instrument."""
    dims = ("time", "y", "x")

    def mean(plane: np.ndarray) -> np.ndarray:
        cells = np.pad(np.repeat(np.repeat(plane, 2, axis=0), 2, axis=1), ((3, 1), (3, 1)), mode="edge")
        return cells.reshape(14, 6, 14, 6).mean(axis=(1, 3))

    bands = {
        name: (dims, np.stack([0.97 * mean(plane) + 0.004 for plane in cube[name].values]).astype(np.float32))
        for name in ("blue", "green", "red", "nir")
    }
    shape = (cube.sizes["time"], 14, 14)
    masks = {"valid": (dims, np.ones(shape, bool)), "snow": (dims, np.zeros(shape, bool))}
    coords = {name: cube[name] for name in ("time", "scene_id")}
    return xr.Dataset(bands | masks, coords=xr_coords(COARSE) | coords)


@pytest.fixture(scope="module")
def fine() -> xr.Dataset:
    return looks("2017-01-03", "2020-09-01", 10, 1)


@pytest.fixture(scope="module")
def coarse() -> xr.Dataset:
    return at_thirty_metres(looks("2013-04-20", "2020-09-01", 16, 2))


def test_earlier_looks_are_as_the_fine_instrument_would_have_had_them(fine, coarse) -> None:
    params = GroundParams()
    series = read_series(fine)
    joined = with_earlier(series, GRID, coarse, params)
    n = len(joined.day) - len(series.day)
    assert n == int((coarse["time"] < fine["time"][0]).sum())
    np.testing.assert_array_equal(joined.index[:, n:], series.index)
    assert joined.scene_ids[n:] == series.scene_ids
    truth = read_series(looks("2013-04-20", "2019-06-01", 16, 3)).index[0, :n].reshape(n, 40, 40) * SCALE
    told = np.where(joined.index[0, :n] == UNSEEN, np.nan, joined.index[0, :n] * SCALE).reshape(n, 40, 40)
    july = (joined.day[:n] % 365.25 > 150) & (joined.day[:n] % 365.25 < 260)
    opened = joined.day[:n] >= OPENS.astype(int)
    for when in (july & ~opened, july & (joined.day[:n] >= OPENS.astype(int) + 180)):
        off = np.nanmedian(told[when] - truth[when], axis=0)
        assert abs(off[12:17, 12:17]).max() < 0.06  # inside what is opened
        assert abs(off[ROAD]).max() < 0.12  # narrower than a coarse pixel, and always there
        assert abs(np.median(off)) < 0.01  # gain and offset of the instrument are gone


def test_what_was_opened_before_the_first_look_is_told_with_its_date(fine, coarse) -> None:
    alone, joined = measure_ground(fine, SITE), measure_ground(fine, SITE, coarse=coarse)
    assert alone.disturbances == ()
    (found,) = joined.disturbances
    assert found.first_seen_low <= dt.date(2015, 7, 1) <= found.first_seen_high
    assert found.area_ha.low <= 0.81 <= found.area_ha.high
    years = {f.account_date.year: f for f in joined.footprints}
    assert sorted(years) == [2017, 2018, 2019, 2020]
    assert years[2017].area_ha.low <= 0.81 <= years[2017].area_ha.high
    assert years[2017].opened_ha.reason == "no account before this one"
    assert years[2018].opened_ha.value == pytest.approx(0, abs=0.05)
    assert all(f.area_ha.value is None for f in alone.footprints if f.account_date.year == 2017)


def test_rates_over_both_stand_apart(fine, coarse) -> None:
    joined = measure_ground(fine, SITE, coarse=coarse)
    assert joined.rates[0].before_ha_a_year.value is None
    (both,) = joined.joined
    assert both.sensor == "landsat, sentinel-2"
    assert both.before_ha_a_year.value == pytest.approx(0.81 / 2.6, rel=0.25)
    assert measure_ground(fine, SITE).joined == ()


@pytest.mark.parametrize(
    "span",
    [("2016-06-01", "2019-06-01"), ("2013-04-20", "2017-01-01"), ("2018-01-01", "2020-01-01")],
    ids=["no whole anchor before", "no overlap", "later"],
)
def test_a_record_that_says_too_little_changes_nothing(fine, coarse, span) -> None:
    series = read_series(fine)
    assert with_earlier(series, GRID, coarse.sel(time=slice(*span)), GroundParams()) is series


def test_the_join_is_an_error_of_what_came_before_and_of_the_change(fine, coarse) -> None:
    rows = measure_ground(fine, SITE, coarse=coarse)
    by_coarse = measure_ground(coarse, SITE, sensor="landsat").footprints
    error = join_error(rows.footprints, by_coarse)
    assert 0 <= error.value < 0.1
    (plain,), (wide,) = rows.joined, joined_rates(rows.joined, dataclasses.replace(error, value=0.2), "here")
    assert wide.after_ha_a_year == plain.after_ha_a_year
    for name, sign in (("before_ha_a_year", 1), ("change_ha_a_year", -1)):
        assert getattr(wide, name).value == getattr(plain, name).value
        assert dict(getattr(wide, name).shared)["join:here"] == pytest.approx(sign * 0.2)
    few = join_error(rows.footprints[:2], by_coarse)
    assert few.reason == TOO_FEW
    (none,) = joined_rates(rows.joined, few, "here")
    assert none.change_ha_a_year.reason == TOO_FEW
