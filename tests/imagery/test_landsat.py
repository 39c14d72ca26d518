"""Landsat from items of Planetary Computer's kind to a cube at 30 m, and sensors made comparable."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from aoi.grid import site_grid
from imagery.archive.fetch import fetch_new
from imagery.archive.store import Archive
from imagery.cube.landsat import (
    CIRRUS,
    CLOUD,
    DILATED,
    FILL,
    OFFSET,
    SHADOW,
    SNOW,
    WATER,
    believed_offset,
    coarsened,
    landsat_grid,
    scene_classes,
)
from imagery.cube.loading import load_cube
from imagery.cube.scene import CubeParams
from imagery.radiometry.sensors import TO_OLI, c_factor, li_sparse, ross_thick, sensor_residuals, to_oli
from imagery.records import ArchivedProduct
from imagery.simulate import CLEAN_HABITS, SimulatedSite, SimulationParams, simulate_site
from imagery.sources.static import StaticCatalog

PARAMS = SimulationParams(size_px=96, since=dt.date(2022, 4, 1), until=dt.date(2022, 6, 20), missing=0)
SINCE, UNTIL = dt.datetime(2022, 1, 1, tzinfo=dt.UTC), dt.datetime(2023, 1, 1, tzinfo=dt.UTC)


@dataclasses.dataclass(frozen=True)
class Fetched:
    site: SimulatedSite
    products: list[ArchivedProduct]


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Fetched:
    folder = tmp_path_factory.mktemp("landsat")
    site = simulate_site(PARAMS, seed=21)
    root = site.write_catalog(folder / "catalog", habits=dataclasses.replace(CLEAN_HABITS, landsat=True))
    archive = Archive(folder / "archive")
    source = StaticCatalog(root.parent / "landsat-c2-l2")
    report = fetch_new(site.site, archive, [source], since=SINCE, until=UNTIL, workers=1)
    assert not report.failed
    return Fetched(site, archive.products(site.site.id, sensor="landsat"))


def test_products_keep_scale_offset_quality_and_version(fetched: Fetched) -> None:
    assert len(fetched.products) >= 8
    for product in fetched.products:
        assert {"blue", "green", "red", "nir08", "swir16", "swir22", "qa_pixel", "qa_radsat"} == set(
            product.bands
        )
        assert (product.scale["red"], product.offset["red"]) == (2.75e-05, -0.2)
        assert product.baseline in {"C02-T1", "C02-T2"}
        assert product.tile == "WRS2-099033"


def test_the_cube_at_30_m_is_the_ground_that_was_simulated(fetched: Fetched) -> None:
    grid = landsat_grid(site_grid(fetched.site.site))
    cube = load_cube(fetched.products, grid)
    fast = fetched.site.landsat_cube()
    assert cube["nir"].attrs["native_resolution_m"] == 30
    np.testing.assert_array_equal(cube["nir"].values, cube["nir08"].values)
    used = cube.isel(time=cube["status"].values == "used")
    assert used.sizes["time"] >= 3
    inner = used.sel(x=fast.x, y=fast.y)
    for k, when in enumerate(inner.time.values):
        other = fast.sel(time=when)
        both = inner["valid"].values[k] & other["valid"].values
        if both.sum() < 200:
            continue
        for band in ("green", "nir08", "swir16"):
            left = (inner[band].values[k] - other[band].values)[both]
            assert abs(float(np.median(left))) < 0.002
            assert float(np.std(left)) < 0.03


def test_tier_two_is_listed_and_not_used(fetched: Fetched) -> None:
    second = dataclasses.replace(
        fetched.products[0],
        properties=dict(fetched.products[0].properties) | {"landsat:collection_category": "T2"},
    )
    grid = landsat_grid(site_grid(fetched.site.site))
    cube = load_cube([second], grid, params=CubeParams(register=False, use_history=False))
    assert cube["status"].values.tolist() == ["unusable"]
    assert cube["detail"].values[0].startswith("tier T2")


def test_a_scale_that_cannot_be_is_refused(fetched: Fetched) -> None:
    red = np.full((20, 20), 500, np.uint16)
    assert believed_offset(fetched.products[0], red)[0] is None
    assert believed_offset(fetched.products[0], red + 9000)[0] == OFFSET


def test_bits_become_classes_with_cloud_over_all() -> None:
    bits = np.array([[0, FILL, DILATED, WATER, SHADOW, SNOW, CIRRUS, CLOUD, CLOUD | SNOW | WATER]], np.uint16)
    assert scene_classes(bits).tolist() == [[5, 0, 7, 6, 3, 11, 10, 9, 9]]
    saturated = np.zeros_like(bits)
    saturated[0, 0], saturated[0, 1], saturated[0, 3] = 1 << 3, 1 << 3, 1 << 11
    assert scene_classes(bits, saturated).tolist() == [[1, 0, 7, 1, 3, 11, 10, 9, 9]]


def test_the_lattice_holds_the_site(fetched: Fetched) -> None:
    fine = site_grid(fetched.site.site)
    grid = landsat_grid(fine)
    assert grid.extent.geom.covers(fine.extent.geom)
    assert grid.transform.c % 30 == grid.transform.f % 30 == 15


def test_band_adjustment_is_the_published_one() -> None:
    assert float(to_oli(0.1, "blue", "sentinel-2a")) == pytest.approx(0.9778 * 0.1 - 0.0040)
    assert float(to_oli(0.3, "swir22", "sentinel-2b")) == pytest.approx(0.9867 * 0.3 + 0.0004)
    assert float(to_oli(0.3, "red", "landsat-8")) == 0.3
    assert float(to_oli(0.3, "rededge1", "sentinel-2a")) == 0.3
    assert set(TO_OLI["sentinel-2a"]) == set(TO_OLI["sentinel-2b"])


def test_kernels_have_their_known_values() -> None:
    assert float(ross_thick(0, 0, 0)) == pytest.approx(0, abs=1e-12)
    assert float(li_sparse(0, 0, 0)) == pytest.approx(0, abs=1e-12)
    assert float(ross_thick(np.pi / 4, 0, 0)) == pytest.approx(-0.0458, abs=2e-4)
    assert float(li_sparse(np.pi / 4, 0, 0)) == pytest.approx(-1.1070, abs=5e-4)


@settings(deadline=None)
@given(sun=st.floats(0, 70), view=st.floats(0, 12), azimuth=st.floats(0, 180))
def test_kernels_are_reciprocal_and_corrections_small(sun: float, view: float, azimuth: float) -> None:
    angles = np.radians([sun, view, azimuth])
    for kernel in (ross_thick, li_sparse):
        assert float(kernel(*angles)) == pytest.approx(
            float(kernel(angles[1], angles[0], angles[2])), abs=1e-9
        )
    same = c_factor("nir08", sun_zenith_deg=sun, view_zenith_deg=0, relative_azimuth_deg=0, to_sun_deg=sun)
    assert same == pytest.approx(1)
    nadir = c_factor(
        "red", sun_zenith_deg=sun, view_zenith_deg=view, relative_azimuth_deg=azimuth, to_sun_deg=sun
    )
    assert 0.8 < nadir < 1.25


def test_backscatter_is_brighter_than_forward_scatter() -> None:
    back, forward = (
        c_factor("red", sun_zenith_deg=45, view_zenith_deg=10, relative_azimuth_deg=side, to_sun_deg=45)
        for side in (0, 180)
    )
    assert back < 1 < forward


def cubes(slope: float, offset: float) -> tuple[xr.Dataset, xr.Dataset]:
    """Six pairs two days apart, Landsat being `slope` and `offset` of Sentinel-2."""
    rng = np.random.default_rng(5)
    ground = rng.uniform(0.04, 0.3, (6, 20, 20))
    times = np.arange("2020-01-01", "2020-06-29", 30, dtype="datetime64[D]")[:6].astype("datetime64[ns]")
    shape = ("time", "y", "x")
    flags = {"valid": (shape, np.ones(ground.shape, bool)), "snow": (shape, np.zeros(ground.shape, bool))}

    def cube(values: np.ndarray, when: np.ndarray, platform: str) -> xr.Dataset:
        coords = {"time": when, "platform": ("time", [platform] * len(when))}
        return xr.Dataset({"red": (shape, values)} | flags, coords=coords)

    second = slope * ground + offset + rng.normal(0, 0.002, ground.shape)
    late = times + np.timedelta64(2, "D")
    return cube(ground, times, "sentinel-2a"), cube(second, late, "landsat-8")


def test_the_adjustment_is_used_only_where_it_brings_pairs_closer() -> None:
    slope, offset = TO_OLI["sentinel-2a"]["red"]
    (helped,) = sensor_residuals(*cubes(slope, offset), ("red",))
    (kept,) = sensor_residuals(*cubes(1.0, 0.0), ("red",))
    assert (helped.pairs, helped.corrected, kept.corrected) == (6, True, False)
    assert abs(helped.median) < 0.0005
    assert abs(kept.median) < 0.0005


def test_looks_too_far_apart_make_no_pair() -> None:
    first, second = cubes(1.0, 0.0)
    moved = second.assign_coords(time=second.time + np.timedelta64(5, "D"))
    (none,) = sensor_residuals(first, moved, ("red",))
    assert (none.pairs, none.corrected) == (0, False)
    assert np.isnan(none.median)


def test_ten_metres_become_thirty_by_area(fetched: Fetched) -> None:
    fine = fetched.site.cube().isel(time=slice(0, 3)).copy(deep=True)
    grid = landsat_grid(fine.odc.geobox)
    ramp = np.broadcast_to(fine.x.values, fine["red"].shape) - float(fine.x[0])
    fine["red"].values[:] = ramp
    fine["valid"].values[:] = True
    fine["valid"].values[1, :, :40] = False
    wide = coarsened(fine, grid)
    assert wide["red"].shape[1:] == tuple(grid.shape)
    inner = wide["red"].values[0, 1:-1, 1:-1]
    assert np.allclose(inner, wide.x.values[1:-1] - float(fine.x[0]), atol=1e-3)
    assert not wide["valid"].values[0, 0].any()  # the edge pixels reach 15 m beyond
    assert wide["valid"].values[0, 1:-1, 1:-1].all()
    assert wide["valid"].values[1, 1:-1, 14:-1].all()
    assert not wide["valid"].values[1, :, :13].any()
