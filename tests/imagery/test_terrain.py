from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from evidence.errors import GridMismatchError
from imagery.radiometry.terrain import Terrain, cast_shadow, corrected, incidence, read_terrain
from imagery.simulate import SimulationParams, simulate_site
from imagery.simulate.frame import CELL_M
from imagery.simulate.terrain import Sun, cast_light

SUN = (25.0, 165.0)


def hills() -> Terrain:
    y, x = np.mgrid[:80, :80]
    height = 120 * np.sin(x / 9.0) * np.cos(y / 11.0)
    return Terrain(height_m=height.astype(np.float32), pixel_m=10.0, digest="")


def test_level_ground_has_the_suns_height_and_no_shadow() -> None:
    flat = Terrain(height_m=np.zeros((30, 30), np.float32), pixel_m=10.0, digest="")
    np.testing.assert_allclose(incidence(flat, SUN), np.sin(np.radians(25.0)), rtol=1e-5)
    assert not cast_shadow(flat, SUN).any()


def test_a_wall_casts_a_shadow_as_long_as_geometry_says() -> None:
    height = np.zeros((60, 60), np.float32)
    height[40, :] = 100.0
    wall = Terrain(height_m=height, pixel_m=10.0, digest="")
    shadow = cast_shadow(wall, (45.0, 180.0))[:, 30]
    assert shadow[31:40].all()  # 100 m to the north of it
    assert not shadow[:29].any()
    assert not shadow[42:].any()


def test_relief_that_lambert_and_sky_light_made_is_taken_out() -> None:
    terrain = hills()
    cosine = np.maximum(incidence(terrain, SUN), 0.0)
    direct = 0.8 * cosine / np.sin(np.radians(25.0))
    bands = {
        "nir": (0.3 * (0.2 + direct)).astype(np.float32),
        "red": (0.1 * (0.2 + direct)).astype(np.float32),
    }
    lit = ~cast_shadow(terrain, SUN) & (cosine > 0.15)
    level = corrected(bands, terrain, SUN, lit)
    for band, values in level.items():
        before, after = bands[band][lit], values[lit]
        assert after.std() / after.mean() < 0.4 * before.std() / before.mean()
        assert abs(np.corrcoef(after, cosine[lit])[0, 1]) < 0.5


@pytest.mark.parametrize("seed", [41, 42])
def test_cast_shadow_agrees_with_the_simulators_own(seed: int) -> None:
    params = SimulationParams(size_px=120, since=dt.date(2020, 1, 1), until=dt.date(2020, 2, 1))
    land = simulate_site(params, seed=seed).world.land
    height = np.ascontiguousarray(land.height_m[::2, ::2])
    for elevation in (12.0, 18.0):
        truth = cast_light(height, 2 * CELL_M, Sun(elevation_deg=elevation, azimuth_deg=165.0)) == 0
        terrain = Terrain(height_m=height.astype(np.float32), pixel_m=2 * CELL_M, digest="")
        found = cast_shadow(terrain, (elevation, 165.0))
        # the simulator steps from cell to cell, which roughens relief; here heights are interpolated
        assert truth.mean() > 0.01
        assert truth[found].mean() > 0.98
        assert found[truth].mean() > 0.8


def test_a_dem_is_read_onto_the_grid_and_must_cover_it(tmp_path: Path) -> None:
    grid = GeoBox((40, 50), Affine(10, 0, 300000, 0, -10, 4380000), "EPSG:32652")
    path = tmp_path / "dem.tif"
    profile = {
        "driver": "GTiff",
        "count": 1,
        "dtype": "float32",
        "crs": "EPSG:32652",
        "height": 30,
        "width": 30,
    }
    transform = Affine(30, 0, 299900, 0, -30, 4380100)
    with rasterio.open(path, "w", **profile, transform=transform) as target:
        target.write(np.tile(np.arange(30, dtype=np.float32), (30, 1)), 1)
    terrain = read_terrain([path], grid)
    assert np.diff(terrain.height_m, axis=1).mean() == pytest.approx(1 / 3, abs=0.01)
    with pytest.raises(GridMismatchError, match="without a height"):
        read_terrain([path], GeoBox((400, 50), grid.transform, grid.crs))
