from __future__ import annotations

import dataclasses
import datetime as dt
from itertools import pairwise

import numpy as np
import odc.geo.xr  # noqa: F401 - gives arrays their geobox
import pytest

from imagery.bands import OPTICAL_BANDS
from imagery.simulate import (
    TEN_METRE_BANDS,
    LandParams,
    MaskHabit,
    SensorParams,
    SimulatedSite,
    SimulationParams,
    WeatherParams,
    simulate_site,
)
from imagery.simulate.scene import scene_image, scene_sky
from imagery.simulate.terrain import cast_light, sun_position

COORDINATES = {
    *("scene_id", "platform", "relative_orbit", "baseline", "dx_m", "dy_m", "residual_px", "offset_applied"),
    *("status", "detail", "valid_fraction", "snow_fraction", "sun_elevation_deg", "sun_azimuth_deg"),
}
QUIET = WeatherParams(cloudiness=0, cirrus=0, haze=0, snow=0)
SUMMER = SimulationParams(
    size_px=120,
    since=dt.date(2019, 6, 1),
    until=dt.date(2019, 8, 1),
    missing=0,
    weather=QUIET,
    sensor=SensorParams(noise=0, residual_shift_px=0),
)


@pytest.mark.filterwarnings("ignore:Use .@. matmul:PendingDeprecationWarning")  # odc-geo on affine 3
def test_the_cube_is_as_promised(small: SimulatedSite) -> None:
    cube = small.cube()
    assert cube.odc.geobox == small.world.frame.geobox
    assert set(cube.coords) >= COORDINATES
    for band in OPTICAL_BANDS:
        assert cube[band].dims == ("time", "y", "x")
        assert cube[band].dtype == np.float32
        assert cube[band].attrs["native_resolution_m"] in {10, 20}
        assert float(cube[band].min()) > 0
    for mask in ("valid", "cloud", "shadow", "snow", "water"):
        assert cube[mask].dtype == bool
    assert cube.attrs["simulated"] == "true"
    unusable = cube.status.values == "unusable"
    assert not cube.valid.values[unusable].any()
    assert len(set(cube.scene_id.values)) == cube.sizes["time"]


def test_the_same_seed_gives_the_same_pixels(small: SimulatedSite) -> None:
    again = simulate_site(small.params, seed=small.seed)
    assert again.site == small.site
    for one in small.truth.passes[::9]:
        first, second = (scene_image(site.world, one, shift_m=(1.0, 2.0)) for site in (small, again))
        np.testing.assert_array_equal(first.scl, second.scl)
        for band in OPTICAL_BANDS:
            np.testing.assert_array_equal(first.reflectance[band], second.reflectance[band])


def test_another_seed_gives_another_site(small: SimulatedSite) -> None:
    assert not np.array_equal(
        simulate_site(small.params, seed=8).world.land.height_m, small.world.land.height_m
    )


def test_a_scene_does_not_depend_on_the_period_asked_for(small: SimulatedSite) -> None:
    one = small.truth.passes[3]
    whole = scene_sky(small.world, one)
    alone = scene_sky(small.world, one, margin_px=12)
    np.testing.assert_array_equal(whole.cloud, alone.cloud[12:-12, 12:-12])


def test_without_weather_and_noise_coal_has_the_coal_spectrum() -> None:
    params = dataclasses.replace(SUMMER, land=LandParams(texture=0, relief_m=0))
    site = simulate_site(params, seed=2)
    cube, day = site.cube(), dt.date(2019, 6, 30)
    pure = site.truth.pile_fraction(day) > 0.999
    inner = pure & np.roll(pure, 3, 0) & np.roll(pure, -3, 0) & np.roll(pure, 4, 1) & np.roll(pure, -4, 1)
    nearest = int(np.abs(cube.time.values - np.datetime64(day)).argmin())
    if not inner.any():
        pytest.skip("no pile is large enough for this seed")
    assert 0.02 < cube["red"].values[nearest][inner].mean() < 0.06
    assert 0.04 < cube["swir16"].values[nearest][inner].mean() < 0.12


def test_looks_every_ten_days_until_the_end_of_2017_then_five() -> None:
    params = SimulationParams(since=dt.date(2017, 6, 1), until=dt.date(2018, 6, 1), size_px=120)
    days = [one.day for one in simulate_site(params, seed=1).truth.passes]
    gaps = [(b - a).days for a, b in pairwise(days)]
    assert set(gaps) == {5, 10}
    assert all(gap == 10 for gap, day in zip(gaps, days, strict=False) if day < dt.date(2017, 11, 20))
    assert all(gap == 5 for gap, day in zip(gaps, days, strict=False) if day > dt.date(2017, 12, 10))


def test_true_and_estimated_shifts_differ_by_the_stated_residual(small: SimulatedSite) -> None:
    cube = small.cube()
    seen = [one for one in small.truth.passes if not one.missing]
    for k, one in enumerate(seen):
        error = np.hypot(cube.dx_m.values[k] - one.raw_shift_m[0], cube.dy_m.values[k] - one.raw_shift_m[1])
        assert error / 10 == pytest.approx(float(cube.residual_px.values[k]), abs=1e-9)


def test_perfect_masks_on_request(small: SimulatedSite) -> None:
    params = dataclasses.replace(small.params, mask=MaskHabit.TRUTH, until=dt.date(2021, 12, 15))
    site = simulate_site(params, seed=7)
    cube, sky = site.cube(), site.sky_truth()
    used = cube.status.values == "used"
    np.testing.assert_array_equal(cube.valid.values[used], ~(sky.cloud | sky.shadow)[used])


def test_the_usual_mask_deletes_coal_and_the_careful_one_does_not() -> None:
    kept = {}
    for habit in (MaskHabit.SCL, MaskHabit.COAL_SAFE):
        params = SimulationParams(
            size_px=120,
            since=dt.date(2019, 3, 1),
            until=dt.date(2020, 3, 1),
            mask=habit,
            months=(4, 5, 6, 9, 10),
        )
        site = simulate_site(params, seed=4)
        cube, sky = site.cube(), site.sky_truth()
        days = [dt.date.fromisoformat(str(when)[:10]) for when in cube.time.values]
        coal = np.stack([site.truth.pile_fraction(day) > 0.9 for day in days]) & ~(sky.cloud | sky.shadow)
        coal &= (cube.status.values == "used")[:, None, None]
        kept[habit] = cube.valid.values[coal].mean()
    assert kept[MaskHabit.COAL_SAFE] > 0.85
    assert kept[MaskHabit.SCL] < 0.8


def test_a_site_without_swir() -> None:
    params = dataclasses.replace(SUMMER, sensor=SensorParams(bands=TEN_METRE_BANDS))
    cube = simulate_site(params, seed=1).cube()
    assert "swir16" not in cube
    assert set(TEN_METRE_BANDS) <= set(cube.data_vars)


def test_clouds_throw_shadows_away_from_the_sun(small: SimulatedSite) -> None:
    for one in small.truth.passes:
        assert 130 < one.sun.azimuth_deg < 185
        assert one.sun.elevation_deg > 20


def test_the_sun_stands_where_it_does_over_korea() -> None:
    """Elevations and azimuths at 02:36 UTC, 126° E, 39.5° N, from an almanac."""
    for month, day, elevation in ((12, 21, 25.6), (3, 21, 48.0), (6, 21, 69.0), (10, 21, 39.0)):
        sun = sun_position(dt.datetime(2023, month, day, 2, 36, tzinfo=dt.UTC), lon=126, lat=39.5)
        assert sun.elevation_deg == pytest.approx(elevation, abs=1.5)
    winter = sun_position(dt.datetime(2023, 12, 21, 2, 36, tzinfo=dt.UTC), lon=126, lat=39.5)
    assert winter.azimuth_deg == pytest.approx(165, abs=2)


def test_a_wall_throws_a_shadow_of_the_right_length() -> None:
    height = np.zeros((100, 60), np.float32)
    height[80, :] = 50.0
    sun = sun_position(dt.datetime(2023, 12, 21, 3, 36, tzinfo=dt.UTC), lon=126, lat=39.5)
    shadow_rows = np.nonzero(cast_light(height, 10.0, sun)[:, 30] == 0)[0]
    length = 50 / np.tan(np.radians(sun.elevation_deg)) * np.cos(np.radians(180 - sun.azimuth_deg))
    assert len(shadow_rows) * 10 == pytest.approx(length, abs=11)
    assert shadow_rows.max() < 80


def test_products_and_cube_see_the_same_ground(small: SimulatedSite) -> None:
    one = next(p for p in small.truth.passes if not p.missing)
    image = scene_image(small.world, one, shift_m=(0, 0), margin_px=12)
    near = scene_image(small.world, one, shift_m=(0, 0))
    difference = image.reflectance["red"][12:-12, 12:-12] - near.reflectance["red"]
    assert np.abs(difference).mean() < 0.004


@pytest.mark.parametrize("bad", [{"size_px": 20}, {"until": dt.date(2010, 1, 1)}])
def test_impossible_parameters_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        SimulationParams(**bad)  # type: ignore[arg-type]
