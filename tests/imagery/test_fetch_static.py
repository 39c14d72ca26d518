from __future__ import annotations

import datetime as dt
import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from shapely.geometry import box

from aoi.grid import site_grid
from aoi.records import Site
from evidence.errors import SourceError
from imagery.archive.fetch import fetch_new
from imagery.archive.gaps import GapKind
from imagery.archive.store import Archive
from imagery.cube.loading import load_cube
from imagery.radiometry.offset import decide_offset
from imagery.records import FetchedProduct
from imagery.sources.static import StaticCatalog, file_of
from tests.servers import tiny

ALL = {"since": dt.datetime(2015, 1, 1, tzinfo=dt.UTC), "until": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_catalog(tmp_path_factory.mktemp("위성 영상 catalogue"))


def test_a_catalogue_is_fetched_once_and_then_nothing_is(catalog: Path, tmp_path: Path) -> None:
    site, archive = tiny.site(), Archive(tmp_path / "보관소 archive")
    first = fetch_new(site, archive, [StaticCatalog(catalog)], **ALL)
    again = fetch_new(site, Archive(archive.root), [StaticCatalog(catalog)], **ALL)
    assert (first.listed, len(first.fetched), first.held, first.incomplete) == (3, 3, 0, False)
    assert (again.listed, len(again.fetched), again.held) == (3, 0, 3)
    assert archive.verify(deep=True) == []


class Watched(StaticCatalog):
    """Counts the products that are fetched at once, and the threads that read."""

    def __init__(self, path: Path, *, masks_first: bool) -> None:
        super().__init__(path)
        self.masks_first = masks_first
        self.at_once = self.most = 0
        self.lock = threading.Lock()

    def fetch(self, *asked: Any) -> FetchedProduct:
        with self.lock:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        try:
            time.sleep(0.2)
            return super().fetch(*asked)
        finally:
            self.at_once -= 1


@pytest.mark.parametrize(("masks_first", "most"), [(False, 2), (True, 3)])
def test_a_disk_is_asked_for_two_products_at_once_and_a_network_for_more(
    catalog: Path, tmp_path: Path, *, masks_first: bool, most: int
) -> None:
    source = Watched(catalog, masks_first=masks_first)
    report = fetch_new(tiny.site(), Archive(tmp_path), [source], rules=None, **ALL)
    assert (len(report.fetched), source.most) == (3, most)


def test_pixels_are_the_sources_own_on_its_own_lattice(catalog: Path, tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    fetch_new(tiny.site(), archive, [StaticCatalog(catalog)], **ALL)
    product = archive.products("tiny")[0]
    for band, path in product.bands.items():
        with rasterio.open(path) as kept, rasterio.open(catalog.parent / "item 0" / f"{band}.tif") as source:
            window = rasterio.windows.from_bounds(*kept.bounds, transform=source.transform)
            assert window.col_off == pytest.approx(round(window.col_off))
            assert np.array_equal(kept.read(1), source.read(1, window=window))
            assert kept.profile["blockxsize"] == 128
            assert (kept.dtypes[0], kept.nodata) == (source.dtypes[0], 0)


def test_bands_of_both_resolutions_cover_the_same_ground_and_the_whole_box(
    catalog: Path, tmp_path: Path
) -> None:
    archive, site = Archive(tmp_path), tiny.site()
    fetch_new(site, archive, [StaticCatalog(catalog)], **ALL)
    bounds = set()
    for path in archive.products("tiny")[0].bands.values():
        with rasterio.open(path) as dataset:
            bounds.add(tuple(dataset.bounds))
            west, south, east, north = rasterio.warp.transform_bounds("EPSG:4326", dataset.crs, *site.bounds)
            assert dataset.bounds.left <= west - 60
            assert dataset.bounds.bottom <= south - 60
            assert dataset.bounds.right >= east + 60
            assert dataset.bounds.top >= north + 60
    assert len(bounds) == 1


def test_metadata_come_along(catalog: Path, tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    fetch_new(tiny.site(), archive, [StaticCatalog(catalog, name="static:tiny")], **ALL)
    product = archive.products("tiny")[0]
    assert (product.tile, product.datatake, product.relative_orbit, product.baseline) == (
        "51SYD",
        "043879",
        46,
        "05.10",
    )
    assert (product.source, product.scale["red"], product.offset["red"]) == ("static:tiny", 0.0001, -0.1)
    assert product.properties["eo:cloud_cover"] == 12.5


def test_a_reprocessed_product_is_a_new_item_that_names_its_predecessor(tmp_path: Path) -> None:
    dates = tiny.days(1)
    old = tiny.write_catalog(tmp_path / "old", dates=dates, baseline="02.09", offset=0, collection="old")
    new = tiny.write_catalog(
        tmp_path / "new", dates=dates, baseline="05.00", offset=1000, identifier="S2A_T51SYD_reprocessed"
    )
    archive, site = Archive(tmp_path / "archive"), tiny.site()
    fetch_new(site, archive, [StaticCatalog(old)], **ALL)
    report = fetch_new(site, archive, [StaticCatalog(new), StaticCatalog(old)], **ALL)
    assert [product.baseline for product in report.fetched] == ["05.00"]
    assert [product.baseline for product in archive.products("tiny")] == ["05.00"]
    assert [p.baseline for p in archive.products("tiny", superseded=True)] == ["02.09", "05.00"] or len(
        archive.products("tiny", superseded=True)
    ) == 2
    links = json.loads(archive.products("tiny")[0].item_path.read_text(encoding="utf-8"))["links"]
    (predecessor,) = [link["href"] for link in links if link["rel"] == "predecessor-version"]
    assert (archive.products("tiny")[0].item_path.parent / predecessor).resolve().exists()
    assert fetch_new(site, archive, [StaticCatalog(new), StaticCatalog(old)], **ALL).fetched == []


def test_the_first_source_wins_and_the_next_fills_its_gaps(tmp_path: Path) -> None:
    first = tiny.write_catalog(tmp_path / "a", dates=tiny.days(2))
    second = tiny.write_catalog(tmp_path / "b", dates=tiny.days(3), collection="sentinel-2-l2a")
    archive = Archive(tmp_path / "archive")
    report = fetch_new(tiny.site(), archive, [StaticCatalog(first), StaticCatalog(second)], **ALL)
    assert [product.source for product in report.fetched] == ["static:a", "static:a", "static:b"] or sorted(
        product.source for product in report.fetched
    ) == ["static:a", "static:a", "static:b"]


def test_a_catalogue_that_lies_elsewhere_is_said_to(catalog: Path, tmp_path: Path) -> None:
    elsewhere = Site(id="elsewhere", name="elsewhere", aoi=box(10.0, 45.0, 10.1, 45.1))
    report = fetch_new(elsewhere, Archive(tmp_path), [StaticCatalog(catalog)], **ALL)
    assert report.listed == 0
    assert "3 products" in report.notices[0]
    assert "elsewhere" in report.notices[0]


def test_an_interval_without_a_scene_is_a_gap_until_one_turns_up(tmp_path: Path) -> None:
    archive, site = Archive(tmp_path / "archive"), tiny.site()
    late = tiny.write_catalog(
        tmp_path / "s", dates=tiny.days(1, start=dt.datetime(2031, 1, 1, tzinfo=dt.UTC))
    )
    fetch_new(site, archive, [StaticCatalog(late)], **ALL)
    assert [gap.kind for gap in archive.gaps("tiny")] == [GapKind.NO_SCENE]
    tiny.write_catalog(tmp_path / "s", dates=tiny.days(1))
    fetch_new(site, archive, [StaticCatalog(late)], **ALL)
    assert archive.gaps("tiny") == []
    assert len(archive.gaps("tiny", closed=True)) == 1


def test_one_bad_product_is_a_gap_and_the_rest_is_done(tmp_path: Path) -> None:
    catalog = tiny.write_catalog(tmp_path / "source")
    (tmp_path / "source" / "item 1" / "red.tif").write_bytes(b"<html>Service unavailable</html>")
    archive = Archive(tmp_path / "archive")
    report = fetch_new(tiny.site(), archive, [StaticCatalog(catalog)], **ALL)
    assert (len(report.fetched), len(report.failed), report.incomplete) == (2, 1, True)
    (gap,) = archive.gaps("tiny")
    assert (gap.kind, gap.attempts) == (GapKind.ERROR, 1)
    assert gap.detail.startswith("red: ")
    tiny.write_catalog(tmp_path / "source")
    healed = fetch_new(tiny.site(), archive, [StaticCatalog(catalog)], **ALL)
    assert (len(healed.fetched), healed.held) == (1, 2)
    assert archive.gaps("tiny") == []
    assert len(archive.gaps("tiny", closed=True)) == 1


def test_a_grown_ordering_box_is_fetched_again(catalog: Path, tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    fetch_new(tiny.site(), archive, [StaticCatalog(catalog)], **ALL)
    grown = fetch_new(tiny.site(size_m=2400), archive, [StaticCatalog(catalog)], **ALL)
    assert len(grown.fetched) == 3
    assert len(archive.products("tiny")) == 3
    assert len(archive.products("tiny", superseded=True)) == 6


def test_a_file_that_leads_to_no_item_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "catalog.json").write_text('{"type": "Catalog", "links": []}', encoding="utf-8")
    with pytest.raises(SourceError, match="no STAC item"):
        StaticCatalog(tmp_path / "catalog.json").products()


def test_changed_pixels_do_not_verify(catalog: Path, tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    fetch_new(tiny.site(), archive, [StaticCatalog(catalog)], **ALL)
    path = archive.products("tiny")[1].bands["nir"]
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    (finding,) = archive.verify()
    assert finding.where == str(path)
    assert "SHA-256" in finding.what


@pytest.mark.shared
def test_every_date_of_bolzano_is_fetched_and_its_offset_decided(shared_data: Path, tmp_path: Path) -> None:
    source = StaticCatalog(shared_data / "bolzano-stac" / "catalog.json")
    count, around = source.extent()
    assert (count, around is not None) == (12, True)
    site = Site(id="bolzano", name="Bolzano", aoi=box(11.322, 46.480, 11.356, 46.505))
    archive = Archive(tmp_path)
    report = fetch_new(site, archive, [source], **ALL)
    assert len(report.fetched) == 12
    assert archive.verify(deep=True) == []
    cloudy = {"20220605", "20220607", "20220622"}
    for product in archive.products("bolzano"):
        pixels = {band: rasterio.open(path).read(1) for band, path in product.bands.items()}
        decision = decide_offset(product.properties, pixels, metadata_offset=product.offset["red"])
        if f"{product.datetime:%Y%m%d}" in cloudy:
            assert decision.add_dn == 0, decision.detail
        else:
            assert (decision.add_dn, decision.usable, decision.basis) == (0, True, "pixels"), decision.detail


def test_the_same_product_twice_in_a_catalogue_is_fetched_once(tmp_path: Path) -> None:
    when = tiny.days(1)[0]
    catalog = tiny.write_catalog(tmp_path / "source", dates=[when, when])
    report = fetch_new(tiny.site(), Archive(tmp_path / "archive"), [StaticCatalog(catalog)], **ALL)
    assert (report.listed, len(report.fetched)) == (1, 1)


def test_a_site_keeps_its_own_copy(catalog: Path, tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for name in ("one", "two"):
        fetch_new(replace(tiny.site(), id=name), archive, [StaticCatalog(catalog)], **ALL)
    assert archive.sites() == ["one", "two"]
    document = json.loads((tmp_path / "catalog.json").read_text(encoding="utf-8"))
    assert [link["rel"] for link in document["links"]] == ["root", "child", "child"]


def changed(catalog: Path, number: int, change: Callable[[dict[str, Any]], None]) -> None:
    path = catalog.parent / f"item {number}" / "item.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def test_two_days_under_one_id_are_told_and_the_first_is_read(tmp_path: Path) -> None:
    catalog = tiny.write_catalog(tmp_path / "source", dates=tiny.days(2))
    for number in (0, 1):
        changed(catalog, number, lambda item: item.update(id="same"))
    source = StaticCatalog(catalog)
    assert [product.datetime.date() for product in source.products()] == [tiny.days(2)[0].date()]
    assert ["bear one id" in one.reason for one in source.malformed] == [True]


def test_reflectance_as_real_numbers_without_a_scale_is_taken_as_it_is(tmp_path: Path) -> None:
    """Simulated: the same scene as numbers with their scale and as reflectance that states none."""
    archives = []
    for name in ("numbers", "reflectance"):
        catalog = tiny.write_catalog(tmp_path / name, dates=tiny.days(1))
        if name == "reflectance":
            for band in tiny.BANDS_10M | {"swir16": "", "swir22": ""}:
                path, pixel = catalog.parent / "item 0" / f"{band}.tif", 10 if band in tiny.BANDS_10M else 20
                with rasterio.open(path) as file:
                    values = (file.read(1).astype("float32") - 1000.0) * 1e-4
                tiny.write_tif(path, values, pixel=pixel)
            changed(catalog, 0, lambda item: [asset.pop("raster:bands") for asset in item["assets"].values()])
        archive = Archive(tmp_path / f"{name} archive")
        assert len(fetch_new(tiny.site(), archive, [StaticCatalog(catalog)], **ALL).fetched) == 1
        archives.append(archive)
    grid = site_grid(tiny.site())
    one, two = (load_cube(archive.products("tiny"), grid) for archive in archives)
    for band in ("blue", "nir", "swir16"):
        assert float(two[band].median()) == pytest.approx(float(one[band].median()), abs=2e-4)
        assert float(two[band].median()) > 0.03


def test_an_archived_item_does_not_tell_where_it_lay_on_this_machine(catalog: Path, tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive")
    fetch_new(tiny.site(), archive, [StaticCatalog(catalog)], **ALL)
    told = "".join(path.read_text(encoding="utf-8") for path in archive.root.rglob("*.json"))
    assert '"campwatch:source_href": "blue.tif"' in told
    assert str(catalog.parent.parent) not in told


@pytest.mark.parametrize(
    ("url", "windows", "path"),
    [
        ("file:///C:/Users/a%20b/x.tif", True, "C:/Users/a b/x.tif"),
        ("file:///srv/a%20b/x.tif", False, "/srv/a b/x.tif"),
        ("file://localhost/srv/x.tif", False, "/srv/x.tif"),
    ],
)
def test_an_address_of_a_file_names_it_on_either_system(url: str, path: str, *, windows: bool) -> None:
    assert file_of(url, windows=windows) == Path(path)
