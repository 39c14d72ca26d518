"""The archive as others read it: pystac with schemas, odc-stac, GDAL."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pystac
import pytest
import rasterio

from imagery.archive.fetch import fetch_new
from imagery.archive.store import Archive
from imagery.sources.static import StaticCatalog
from tests.servers import tiny
from tests.servers.schemas import registered

ALL = {"since": dt.datetime(2015, 1, 1, tzinfo=dt.UTC), "until": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)}


@pytest.fixture
def local_schemas() -> Iterator[None]:
    with registered():
        yield


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    folder = tmp_path_factory.mktemp("보관소 of images")
    old = tiny.write_catalog(folder / "old", dates=tiny.days(1), baseline="02.09", offset=0)
    new = tiny.write_catalog(folder / "new", dates=tiny.days(2))
    archive = Archive(folder / "archive")
    for path in (old, new):
        fetch_new(tiny.site(), archive, [StaticCatalog(path)], **ALL)
    return archive


@pytest.mark.usefixtures("local_schemas")
def test_pystac_walks_and_validates_it(archive: Archive) -> None:
    catalog = pystac.Catalog.from_file(str(archive.root / "catalog.json"))
    assert catalog.validate_all() == 3
    assert {item.id for item in catalog.get_items(recursive=True)} == {
        product.id for product in archive.products("tiny", superseded=True)
    }


@pytest.mark.usefixtures("local_schemas")
def test_the_registered_schemas_can_fail(archive: Archive) -> None:
    item = pystac.Item.from_file(str(archive.products("tiny")[0].item_path))
    item.properties["proj:epsg"] = 32651
    with pytest.raises(pystac.errors.STACValidationError):
        item.validate()


def test_every_link_and_asset_leads_to_a_file(archive: Archive) -> None:
    for product in archive.products("tiny", superseded=True):
        item = pystac.Item.from_file(str(product.item_path))
        for link in item.links:
            if link.rel != "self":
                assert (
                    product.item_path.parent / str(link.target if isinstance(link.target, str) else "")
                ).exists() or (Path(str(link.absolute_href)).exists()), link
        for asset in item.get_assets().values():
            assert Path(str(asset.get_absolute_href())).exists()


def test_odc_stac_loads_it(archive: Archive) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import odc.stac

        catalog = pystac.Catalog.from_file(str(archive.root / "catalog.json"))
        newest = {product.id for product in archive.products("tiny")}
        items = [item for item in catalog.get_items(recursive=True) if item.id in newest]
        cube = odc.stac.load(
            items, bands=["red", "swir16"], resolution=10, crs="EPSG:32651", fail_on_error=True
        )
        red = cube.red.isel(time=0).to_numpy()
    with rasterio.open(archive.products("tiny")[0].bands["red"]) as kept:
        mine = kept.read(1)
    assert cube.sizes["time"] == 2
    rows, columns = (min(pair) for pair in zip(red.shape, mine.shape, strict=True))
    assert np.array_equal(red[:rows, :columns], mine[:rows, :columns])


def test_gdal_opens_every_file_as_a_cloud_optimised_one(archive: Archive) -> None:
    for product in archive.products("tiny", superseded=True):
        for path in product.bands.values():
            with rasterio.open(path) as dataset:
                assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
                assert dataset.block_shapes == [(128, 128)]
