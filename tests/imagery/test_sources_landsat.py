"""Landsat as Planetary Computer lists it, from a server on loopback through the client to archive and cube.

Items are built as those of its `landsat-c2-l2` are (made with stactools' landsat package): strings for path
and row, a thermal band with a scale of its own, quality bands of the temperature beside those of the pixels.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine

from aoi.grid import site_grid
from imagery.archive.fetch import FetchReport, fetch_new
from imagery.archive.store import Archive
from imagery.cube.landsat import CIRRUS, CLOUD, OFFSET, SCALE, landsat_grid
from imagery.cube.loading import load_cube
from imagery.cube.scene import CubeParams
from imagery.sources.open import open_stac
from imagery.sources.retry import Retrier, RetryPolicy
from imagery.sources.stac_api import PLANETARY_COMPUTER
from tests.servers import tiny
from tests.servers.providers import Providers, environment, providers

SITE = tiny.site(size_m=1200)
BUCKET = "https://landsateuwest.blob.core.windows.net/landsat-c2"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
PLACE = Affine(30, 0, tiny.ORIGIN[0] + 25, 0, -30, tiny.ORIGIN[1] + 25)
"""Edges on odd multiples of 15 m, as Landsat's are."""
SIDE = 160
CLEAR = 1 << 6
BLUE = {"landsat-9": 1, "landsat-8": 1, "landsat-7": 0}
"""By satellite: the blue's bit of QA_RADSAT."""
BANDS = {
    "landsat-9": {
        "coastal": "B1", "blue": "B2", "green": "B3", "red": "B4", "nir08": "B5", "swir16": "B6",
        "swir22": "B7",
    },
    "landsat-7": {"blue": "B1", "green": "B2", "red": "B3", "nir08": "B4", "swir16": "B5", "swir22": "B7"},
}  # fmt: skip
BANDS["landsat-8"] = BANDS["landsat-9"]
SHARES = {
    "coastal": 0.03,
    "blue": 0.04,
    "green": 0.07,
    "red": 0.05,
    "nir08": 0.31,
    "swir16": 0.2,
    "swir22": 0.1,
}
LOOKS = (
    ("landsat-8", "2024-05-01", "T1"),
    ("landsat-9", "2024-05-09", "T1"),
    ("landsat-8", "2024-05-17", "T2"),
    ("landsat-7", "2024-05-25", "T1"),
)


def item(platform: str, day: str, tier: str) -> dict[str, Any]:
    """One item, with the assets that matter and those that must not be taken for them."""
    number, kind = int(platform[-1]), "LE" if platform == "landsat-7" else "LC"
    name = f"{kind}{number:02d}_L2SP_117032_{day.replace('-', '')}_02_{tier}"
    scaled = {"nodata": 0, "data_type": "uint16", "scale": SCALE, "offset": OFFSET}
    files = {band: (f"SR_{of}", band, scaled) for band, of in BANDS[platform].items()}
    kelvin = {"nodata": 0, "data_type": "uint16", "unit": "kelvin", "scale": 0.00341802, "offset": 149.0}
    bits = {"data_type": "uint16", "unit": "bit index"}
    files["lwir" if kind == "LE" else "lwir11"] = ("ST_B6" if kind == "LE" else "ST_B10", "lwir", kelvin)
    files |= {"qa_pixel": ("QA_PIXEL", "", bits), "qa_radsat": ("QA_RADSAT", "", bits)}
    files["qa"] = ("ST_QA", "", {"nodata": -9999, "data_type": "int16", "unit": "kelvin", "scale": 0.01})
    assets: dict[str, Any] = {
        key: {"href": f"{BUCKET}/{name}_{file}.TIF", "type": COG, "raster:bands": [numbers]}
        | ({"eo:bands": [{"name": file, "common_name": common}]} if common else {})
        for key, (file, common, numbers) in files.items()
    }
    assets["mtl.json"] = {
        "href": f"{BUCKET}/{name}_MTL.json",
        "type": "application/json",
        "roles": ["metadata"],
    }
    west, south, east, north = tiny.tile_bounds()
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": "landsat-c2-l2",
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
        },
        "bbox": [west, south, east, north],
        "links": [],
        "assets": assets,
        "properties": {
            "datetime": f"{day}T02:10:34.396428Z",
            "platform": platform,
            "instruments": ["etm"] if kind == "LE" else ["oli", "tirs"],
            "created": f"{day}T15:13:21.724443Z",
            "gsd": 30,
            "eo:cloud_cover": 21.12,
            "view:off_nadir": 0,
            "view:sun_elevation": 57.8,
            "view:sun_azimuth": 132.2,
            "proj:epsg": tiny.EPSG,
            "landsat:wrs_type": "2",
            "landsat:wrs_path": "117",
            "landsat:wrs_row": "032",
            "landsat:collection_category": tier,
            "landsat:collection_number": "02",
            "landsat:correction": "L2SP",
            "landsat:scene_id": f"{kind}{number}1170322024122LGN00",
        },
    }


def numbers(band: str) -> np.ndarray:
    """Digital numbers of a band: its share, with a little of everything in it."""
    rng = np.random.default_rng(5)
    share = SHARES[band] * (1 + 0.1 * rng.normal(size=(SIDE // 4, SIDE // 4)))
    return np.round((np.kron(share, np.ones((4, 4))) - OFFSET) / SCALE).astype(np.uint16)


def quality(platform: str) -> dict[str, np.ndarray]:
    """QA_PIXEL and QA_RADSAT: cloud, cirrus and a saturated blue in the middle of the site, apart."""
    pixel, radsat = np.full((SIDE, SIDE), CLEAR, np.uint16), np.zeros((SIDE, SIDE), np.uint16)
    pixel[70:74, 70:74] = CLOUD
    pixel[70:74, 84:88] = CIRRUS | CLEAR
    radsat[88, 88] = 1 << BLUE[platform]
    return {"QA_PIXEL": pixel, "QA_RADSAT": radsat}


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bucket")
    for platform, day, tier in LOOKS:
        name = item(platform, day, tier)["id"]
        files = {f"SR_{of}": numbers(band) for band, of in BANDS[platform].items()} | quality(platform)
        for file, pixels in files.items():
            with rasterio.open(
                folder / f"{name}_{file}.TIF", "w", driver="COG", blocksize=128, compress="DEFLATE",
                height=SIDE, width=SIDE, count=1, dtype="uint16", crs=f"EPSG:{tiny.EPSG}", transform=PLACE,
                nodata=None if file.startswith("QA") else 0,
            ) as dataset:  # fmt: skip
                dataset.write(pixels, 1)
    return folder


@dataclass
class World:
    providers: Providers
    archive: Archive
    report: FetchReport


@pytest.fixture(scope="module")
def world(bucket: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    here = tmp_path_factory.mktemp("world")
    patch = pytest.MonkeyPatch()
    with providers(bucket, here) as served:
        for key, value in environment(served, here).items():
            patch.setenv(key, value)
        served.stac.items += [item(*look) for look in LOOKS]
        archive = Archive(here / "archive")
        retrier = Retrier(RetryPolicy(attempts=2, first_wait_s=0.01))
        sources = open_stac(PLANETARY_COMPUTER, ("landsat-c2-l2",), retrier=retrier, workers=2)
        since, until = dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
        yield World(served, archive, fetch_new(SITE, archive, sources, since=since, until=until))
    patch.undo()


@pytest.fixture(scope="module")
def cube(world: World) -> xr.Dataset:
    grid = landsat_grid(site_grid(SITE))
    plain = CubeParams(register=False, use_history=False)
    return load_cube(world.archive.products("tiny", sensor="landsat"), grid, params=plain).load()


def test_what_is_kept_is_reflectance_and_pixel_quality_with_scale_tier_and_version(world: World) -> None:
    assert (len(world.report.fetched), world.report.incomplete) == (len(LOOKS), False), world.report.failed
    for product in world.archive.products("tiny", sensor="landsat"):
        wanted = {*(set(BANDS[product.platform]) - {"coastal"}), "qa_pixel", "qa_radsat"}
        assert set(product.bands) - {"coastal"} == wanted
        assert {product.scale[band] for band in wanted if not band.startswith("qa")} == {SCALE}
        assert {product.offset[band] for band in wanted if not band.startswith("qa")} == {OFFSET}
        assert product.baseline == f"C02-{product.properties['landsat:collection_category']}"
        assert product.tile == "WRS2-117032"
        assert "landsat:collection_number" in product.properties
    read = {
        request.path.rsplit("_", 1)[-1] for request in world.providers.server.log if ".TIF" in request.path
    }
    assert not read & {"QA.TIF", "B10.TIF"}


def test_the_cube_is_reflectance_by_scale_and_offset_on_landsats_lattice(cube: xr.Dataset) -> None:
    used = cube.isel(time=cube["status"].values == "used")
    assert set(used["platform"].values) == {"landsat-7", "landsat-8", "landsat-9"}
    assert (used["x"].values % 30 == 0).all()
    for band in ("red", "nir08", "swir16"):
        whole = numbers(band) * SCALE + OFFSET
        column = round((float(used["x"].values[0]) - 15 - PLACE.c) / 30)
        row = round((PLACE.f - float(used["y"].values[0]) - 15) / 30)
        true = whole[row : row + used.sizes["y"], column : column + used.sizes["x"]]
        for k in range(used.sizes["time"]):
            seen = used["valid"].values[k]
            assert seen.mean() > 0.5
            np.testing.assert_allclose(used[band].values[k][seen], true[seen], atol=2e-4)
    np.testing.assert_array_equal(used["nir"].values, used["nir08"].values)


def test_cloud_cirrus_and_saturated_pixels_are_not_ground(cube: xr.Dataset) -> None:
    used = cube.isel(time=cube["status"].values == "used")
    column = round((float(used["x"].values[0]) - 15 - PLACE.c) / 30)
    row = round((PLACE.f - float(used["y"].values[0]) - 15) / 30)
    for k in range(used.sizes["time"]):
        valid = used["valid"].values[k]
        assert not valid[71 - row : 73 - row, 71 - column : 73 - column].any()
        assert not valid[71 - row : 73 - row, 85 - column : 87 - column].any()
        assert not valid[88 - row, 88 - column]


def test_tier_two_is_kept_and_not_measured(cube: xr.Dataset) -> None:
    second = cube.isel(time=cube["status"].values != "used")
    assert second.sizes["time"] == 1
    assert str(second["detail"].values[0]).startswith("tier T2")
