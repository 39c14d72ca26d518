from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import Path

import numpy as np
import pytest
import rasterio

from imagery.simulate import (
    CLEAN_HABITS,
    CoalParams,
    LandParams,
    MineParams,
    PilePlan,
    SensorParams,
    SimulationParams,
    WeatherParams,
    simulate_site,
)
from imagery.simulate.landsat import (
    BANDPASS,
    BANDS,
    CIRRUS,
    CLOUD,
    OFFSET,
    SCALE,
    SHADOW,
    WATER,
    _first_cell,
    _mean_on,
    landsat_grid,
    landsat_image,
    landsat_passes,
    quality,
)
from imagery.simulate.scene import scene_image

CLEAR = WeatherParams(cloudiness=0, cirrus=0, haze=0, snow=0, rain=0)
PARAMS = SimulationParams(size_px=60, since=dt.date(2021, 9, 1), until=dt.date(2022, 3, 1), missing=0)


def test_two_satellites_half_a_cycle_apart_from_their_first_days() -> None:
    passes = landsat_passes(dataclasses.replace(PARAMS, since=dt.date(2013, 1, 1)), 1)
    days = {
        name: [p.one.day for p in passes if p.one.platform == name] for name in ("landsat-8", "landsat-9")
    }
    assert days["landsat-8"][0] == dt.date(2013, 4, 11)
    assert {(b - a).days for a, b in zip(days["landsat-8"], days["landsat-8"][1:], strict=False)} == {16}
    assert min((abs((nine - eight).days)) for nine in days["landsat-9"] for eight in days["landsat-8"]) == 8


def test_the_lattice_is_landsats_own() -> None:
    frame = simulate_site(PARAMS, seed=1).world.frame
    for grid in (landsat_grid(frame), landsat_grid(frame, margin_m=135)):
        assert (grid.transform.c / 15) % 2 == 1
        assert (grid.transform.f / 15) % 2 == 1
    assert frame.extent.covers(landsat_grid(frame).extent.geom)


def test_both_instruments_see_one_ground() -> None:
    params = dataclasses.replace(
        PARAMS, since=dt.date(2021, 9, 1), weather=CLEAR, sensor=SensorParams(noise=0, residual_shift_px=0),
        land=LandParams(texture=0),
    )  # fmt: skip
    site = simulate_site(params, seed=2)
    one = landsat_passes(params, 2)[0].one
    wide = landsat_image(site.world, one, landsat_grid(site.world.frame), shift_m=(0, 0))
    fine = scene_image(site.world, dataclasses.replace(one, gain=1.0), shift_m=(0, 0))
    for band in BANDS:
        slope, offset = BANDPASS[band]
        edge = 1 if band in {"nir08", "swir16", "swir22"} else 2  # the wide grid begins 15 m inside
        expected = slope * float(fine.reflectance[band][edge:-edge, edge:-edge].mean()) + offset
        assert float(wide.reflectance[band].mean()) == pytest.approx(expected, rel=0.03)


def test_quality_bits_have_the_habits_of_cfmask() -> None:
    cloudy = simulate_site(dataclasses.replace(PARAMS, until=dt.date(2023, 3, 1)), seed=3)
    grid = landsat_grid(cloudy.world.frame)
    missed = called = seen = 0
    for scene in landsat_passes(cloudy.params, 3):
        image = landsat_image(cloudy.world, scene.one, grid, shift_m=(0, 0))
        thick, thin = image.sky.cloud > 0.8, (image.sky.cloud > 0.1) & (image.sky.cloud < 0.25)
        if thick.any():
            assert ((image.qa_pixel & CLOUD) > 0)[thick].mean() > 0.95
        missed += int((thin & ((image.qa_pixel & CLOUD) == 0)).sum())
        called, seen = called + int(thin.sum()), seen + int(((image.qa_pixel & SHADOW) > 0).sum())
        assert (((image.qa_pixel & CIRRUS) > 0) <= (image.sky.cirrus > 0)).all()
    assert missed > 0.5 * called > 0
    assert seen > 0


def test_coal_is_called_water_as_cfmask_does() -> None:
    plans = (PilePlan(areas=((PARAMS.since, 3.0),)),)
    flat = dataclasses.replace(
        PARAMS,
        weather=CLEAR,
        coal=CoalParams(plans=plans, spectrum=(0.05,) * 10),
        land=LandParams(villages=0),
        mine=MineParams(active=False),
    )
    site = simulate_site(flat, seed=4)
    cube = site.landsat_cube()
    share = site.world.coal_cover(dt.date(2022, 1, 1))
    grid = landsat_grid(site.world.frame)
    coal = _mean_on(share, _first_cell(site.world.frame, grid), cube["valid"].shape[1:]) > 0.999
    assert coal.sum() > 5
    assert cube["water"].values[:, coal].mean() > 0.5
    assert cube["valid"].values[:, coal].all()


def test_large_bright_roofs_are_called_cloud_and_plain_ground_never_is() -> None:
    site = simulate_site(dataclasses.replace(PARAMS, weather=CLEAR, land=LandParams(burn_scars=0)), seed=4)
    assert site.landsat_cube()["valid"].values.all()
    grid = landsat_grid(site.world.frame)
    image = landsat_image(site.world, landsat_passes(site.params, 4)[0].one, grid, shift_m=(0, 0))
    roofed = {band: plane.copy() for band, plane in image.reflectance.items()}
    for plane in roofed.values():
        plane[8:10, 8:10] = 0.38
    bits = quality(roofed, image.sky, np.random.default_rng(1))
    assert ((bits & CLOUD) > 0)[8:10, 8:10].all()
    assert ((bits & CLOUD) > 0).sum() == 4


def test_products_are_scaled_and_described_as_planetary_computer_has_them(tmp_path: Path) -> None:
    params = dataclasses.replace(PARAMS, since=dt.date(2022, 1, 1), until=dt.date(2022, 1, 20))
    site = simulate_site(params, seed=5)
    root = site.write_catalog(tmp_path, habits=dataclasses.replace(CLEAN_HABITS, landsat=True))
    folder = root.parent / "landsat-c2-l2"
    items = [json.loads(path.read_text()) for path in sorted(folder.glob("*/*.json"))]
    assert len(items) == 2
    for item in items:
        assert item["properties"]["landsat:collection_category"] in {"T1", "T2"}
        assert set(item["assets"]) == {*BANDS, "qa_pixel", "qa_radsat"}
        described = item["assets"]["nir08"]["raster:bands"][0]
        assert (described["scale"], described["offset"]) == (SCALE, OFFSET)
        with rasterio.open(folder / item["id"] / item["assets"]["red"]["href"]) as red:
            assert list(red.transform)[:6] == item["properties"]["proj:transform"]
            values = red.read(1) * SCALE + OFFSET
        assert -0.2 < values.min() < values.max() < 1.7
        with rasterio.open(folder / item["id"] / item["assets"]["qa_pixel"]["href"]) as qa:
            assert (qa.nodata, qa.dtypes[0]) == (1, "uint16")
            assert ((qa.read(1) & WATER) >= 0).all()


def test_the_same_scene_alone_or_among_others() -> None:
    site = simulate_site(PARAMS, seed=6)
    one = landsat_passes(PARAMS, 6)[3].one
    grid = landsat_grid(site.world.frame)
    again = simulate_site(dataclasses.replace(PARAMS, since=one.day), seed=6)
    first, second = (landsat_image(world.world, one, grid, shift_m=(0, 0)) for world in (site, again))
    np.testing.assert_array_equal(first.qa_pixel, second.qa_pixel)


def test_before_the_first_sentinel_there_is_landsat_alone() -> None:
    site = simulate_site(
        dataclasses.replace(PARAMS, since=dt.date(2013, 4, 1), until=dt.date(2013, 7, 1)), seed=7
    )
    assert site.truth.passes == ()
    assert len(landsat_passes(site.params, 7)) == 6
