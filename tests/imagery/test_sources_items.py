from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from shapely.geometry import box

from aoi.records import Site
from evidence.errors import SourceError
from imagery.archive.fetch import fetch_new
from imagery.archive.store import Archive
from imagery.records import Product
from imagery.sources.items import band_of_asset, product_from_item
from imagery.sources.static import StaticCatalog
from tests.servers import tiny

ALL = {"since": dt.datetime(2000, 1, 1, tzinfo=dt.UTC), "until": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)}
TEN = {"blue", "green", "red", "rededge1", "rededge2", "rededge3", "nir", "nir08", "swir16", "swir22", "scl"}


@pytest.mark.parametrize(
    ("key", "asset", "band"),
    [
        ("B04", {}, "red"),
        ("B8A_20m", {}, "nir08"),
        ("red", {}, "red"),
        ("SCL", {}, "scl"),
        ("x", {"eo:bands": [{"name": "B05", "common_name": "rededge"}]}, "rededge1"),
        ("x", {"eo:bands": [{"name": "red", "common_name": "red"}]}, "red"),
        ("x", {"bands": [{"name": "B11", "eo:common_name": "swir16"}]}, "swir16"),
        ("visual", {"eo:bands": [{"name": "red"}, {"name": "green"}, {"name": "blue"}]}, None),
        ("red-jp2", {}, None),
        ("thumbnail", {}, None),
        ("vv", {}, "vv"),
        ("data", {}, "elevation"),
        ("qa_pixel", {}, "qa_pixel"),
    ],
)
def test_bands_are_found_by_sentinel_name_common_name_or_key(
    key: str, asset: dict[str, Any], band: str | None
) -> None:
    assert band_of_asset(key, asset) == band


def test_the_finest_tiff_wins() -> None:
    item = tiny.item(tiny.days(1)[0], {})
    item["assets"] = {
        "B04_60m": {"href": "a.tif", "gsd": 60},
        "B04_10m": {"href": "b.tif", "gsd": 10},
        "B04_20m": {"href": "c.jp2", "gsd": 5, "type": "image/jp2"},
    }
    assert product_from_item(item, source="s").assets["red"].href == "b.tif"


def test_scale_and_offset_come_from_either_version_of_stac() -> None:
    item = tiny.item(tiny.days(1)[0], {})
    item["assets"] = {
        "red": {"href": "a.tif", "raster:bands": [{"scale": 0.0001, "offset": -0.1, "nodata": 0}]},
        "nir": {"href": "b.tif", "raster:scale": 0.0001, "raster:offset": -0.1},
        "blue": {"href": "c.tif", "bands": [{"name": "B02", "raster:scale": 0.0001}]},
        "green": {"href": "d.tif"},
    }
    assets = product_from_item(item, source="s").assets
    assert [(assets[b].scale, assets[b].offset) for b in ("red", "nir", "blue", "green")] == [
        (0.0001, -0.1),
        (0.0001, -0.1),
        (0.0001, None),
        (None, None),
    ]


@pytest.mark.parametrize("missing", ["id", "bbox"])
def test_an_item_that_lacks_what_it_needs_is_refused(missing: str) -> None:
    item = tiny.item(tiny.days(1)[0], {})
    del item[missing]
    if missing == "bbox":
        del item["geometry"]
    with pytest.raises(SourceError, match="lacks"):
        product_from_item(item, source="s")


def static(
    folder: Path, item: dict[str, Any], pixels: Any, name: str, transform: Affine, epsg: int
) -> StaticCatalog:
    folder.mkdir()
    profile = {"height": pixels.shape[0], "width": pixels.shape[1], "count": 1, "dtype": pixels.dtype}
    with rasterio.open(
        folder / name, "w", driver="GTiff", crs=f"EPSG:{epsg}", transform=transform, **profile
    ) as dataset:
        dataset.write(pixels, 1)
    (folder / "item.json").write_text(json.dumps(item), encoding="utf-8")
    return StaticCatalog(folder)


def test_the_copernicus_dem_comes_by_the_same_way(tmp_path: Path) -> None:
    pixels = np.arange(360 * 360, dtype="float32").reshape(360, 360)
    item = {
        "type": "Feature",
        "id": "Copernicus_DSM_COG_10_N39_00_E126_00_DEM",
        "collection": "cop-dem-glo-30",
        "bbox": [126.0, 39.0, 127.0, 40.0],
        "properties": {
            "datetime": "2021-04-22T00:00:00Z",
            "platform": "TanDEM-X",
            "proj:epsg": 4326,
            "gsd": 30,
        },
        "assets": {"data": {"href": "dem.tif", "type": "image/tiff; application=geotiff"}},
    }
    source = static(tmp_path / "dem", item, pixels, "dem.tif", Affine(1 / 360, 0, 126, 0, -1 / 360, 40), 4326)
    archive, site = Archive(tmp_path / "archive"), Site(id="s", name="s", aoi=box(126.05, 39.5, 126.15, 39.6))
    assert len(fetch_new(site, archive, [source], **ALL).fetched) == 1
    (product,) = archive.products("s", sensor="copernicus-dem")
    with rasterio.open(product.bands["elevation"]) as kept:
        assert (kept.crs.to_epsg(), kept.dtypes[0]) == (4326, "float32")
        assert kept.bounds.left <= 126.05
        assert kept.bounds.top >= 39.6
    assert archive.products("s") == []


def test_landsat_comes_by_the_same_way(tmp_path: Path) -> None:
    pixels = np.full((300, 300), 9000, dtype="uint16")
    item = {
        "type": "Feature",
        "id": "LC08_L2SP_117032_20200401_02_T1",
        "collection": "landsat-c2-l2",
        "bbox": list(tiny.tile_bounds()),
        "properties": {
            "datetime": "2020-04-01T02:10:00Z",
            "platform": "landsat-8",
            "proj:epsg": 32651,
            "landsat:wrs_path": "117",
            "landsat:wrs_row": "032",
        },
        "assets": {
            "red": {
                "href": "red.tif",
                "eo:bands": [{"name": "OLI_B4", "common_name": "red"}],
                "raster:bands": [{"scale": 2.75e-05, "offset": -0.2, "nodata": 0}],
            }
        },
    }
    transform = Affine(30, 0, tiny.ORIGIN[0], 0, -30, tiny.ORIGIN[1])
    source = static(tmp_path / "landsat", item, pixels, "red.tif", transform, 32651)
    archive = Archive(tmp_path / "archive")
    assert len(fetch_new(tiny.site(), archive, [source], **ALL).fetched) == 1
    (product,) = archive.products("tiny", sensor="landsat")
    assert (product.tile, product.scale["red"], product.offset["red"]) == ("WRS2-117032", 2.75e-05, -0.2)


def recorded(folder: Path, name: str) -> list[Product]:
    document = json.loads((folder / "recorded" / name).read_text(encoding="utf-8"))
    pages = [step["response"]["json"] for step in document["interactions"] if "json" in step["response"]]
    features = [item for page in pages if isinstance(page, dict) for item in page.get("features", [])]
    return [product_from_item(item, source="recorded") for item in features]


@pytest.mark.shared
def test_recorded_items_of_earth_search_are_understood(shared_data: Path) -> None:
    products = recorded(shared_data, "earthsearch_v1/search_filter_2025-07.json")
    for collection in ("sentinel-2-c1-l2a", "sentinel-2-l2a"):
        chosen = [product for product in products if product.collection == collection]
        assert chosen
        for product in chosen:
            assert set(product.assets) == TEN
            assert all(asset.href.endswith(".tif") for asset in product.assets.values())
            assert product.tile is not None
            assert product.datatake is not None
            assert (product.baseline, product.relative_orbit is not None) == ("05.11", True)
            assert product.assets["red"].shape == (10980, 10980)
    radar = next(product for product in products if product.collection == "sentinel-1-grd")
    assert (radar.datatake, radar.relative_orbit, radar.is_radar) == ("060328", 56, True)


@pytest.mark.shared
def test_recorded_items_of_planetary_computer_and_data_space_are_understood(shared_data: Path) -> None:
    for name in ("planetary_computer/search_s2l2a_datetime_2019.json", "cdse_stac/search_s2l2a.json"):
        products = recorded(shared_data, name)
        assert products
        for product in products:
            assert set(product.assets) == TEN
            assert product.platform in {"sentinel-2a", "sentinel-2b"}
            assert None not in {product.tile, product.datatake, product.baseline, product.relative_orbit}
    data_space = recorded(shared_data, "cdse_stac/search_s2l2a.json")[0]
    assert data_space.assets["red"].href.endswith("_10m.jp2")
    assert (data_space.baseline, data_space.assets["red"].offset) == ("05.00", -0.1)
