from __future__ import annotations

import csv
import datetime as dt
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pystac
import pytest
import rasterio

from imagery.simulate import (
    CLEAN_HABITS,
    CatalogHabits,
    Habit,
    SimulatedSite,
    SimulationParams,
    simulate_site,
)
from imagery.simulate.catalog import MARGIN_PX
from imagery.simulate.passes import optical_passes
from imagery.simulate.products import planned_products, tile_at
from imagery.simulate.scene import scene_image

PARAMS = SimulationParams(size_px=120, since=dt.date(2022, 1, 1), until=dt.date(2022, 2, 10), missing=0.1)
HABITS = CatalogHabits(
    harmonised=0.25, wrong_flag=0.2, silent=0.2, reprocessed=0.5, split_tiles=True, second_zone=True
)


@pytest.fixture(scope="module")
def site() -> SimulatedSite:
    return simulate_site(PARAMS, seed=11)


@pytest.fixture(scope="module")
def written(site: SimulatedSite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("catalogue")
    site.write_catalog(folder, habits=HABITS)
    return folder


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "truth" / "scenes.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.long
def test_the_catalogue_reads_and_links(written: Path) -> None:
    catalog = pystac.Catalog.from_file(str(written / "catalog.json"))
    items = list(catalog.get_items(recursive=True))
    assert len({item.id for item in items}) == len(items)
    assert {item.collection_id for item in items} >= {"sentinel-2-c1-l2a", "sentinel-1-rtc"}
    for item in items:
        assert item.properties["simulated"] is True
        assert item.id.endswith("SIMULATED")
        for asset in item.assets.values():
            assert Path(asset.get_absolute_href() or "").exists()
    assert {row["item_id"] for row in rows(written)} == {i.id for i in items if i.id.startswith("S2")}


def test_files_are_what_their_items_say(written: Path) -> None:
    for path in sorted(written.glob("sentinel-2-*/*/*.json"))[:12]:
        item = json.loads(path.read_text(encoding="utf-8"))
        for asset in item["assets"].values():
            with rasterio.open(path.parent / asset["href"]) as source:
                assert list(source.shape) == asset["proj:shape"]
                assert list(source.transform)[:6] == asset["proj:transform"]
                assert source.nodata == 0
                assert source.crs.to_epsg() == item["properties"]["proj:epsg"]
                assert source.transform.c % source.res[0] == 0
                assert source.transform.f % source.res[1] == 0


def test_the_numbers_are_the_scene_with_the_true_offset(written: Path, site: SimulatedSite) -> None:
    tile = tile_at(PARAMS.lon, PARAMS.lat).name
    passes = {one.datatake: one for one in site.truth.passes}
    chosen = [row for row in rows(written) if row["tile"] == tile]
    assert {row["true_offset_dn"] for row in chosen} == {"0", "1000"}
    for row in chosen[:: max(1, len(chosen) // 6)]:
        one = passes[row["datatake"]]
        image = scene_image(site.world, one, shift_m=one.raw_shift_m, margin_px=MARGIN_PX)
        with rasterio.open(next(written.glob(f"sentinel-2-*/{row['item_id']}/B02.tif"))) as source:
            pixels = source.read(1).astype(int)
        expected = np.rint(image.reflectance["blue"][:, : pixels.shape[1]] * 1e4) + int(row["true_offset_dn"])
        np.testing.assert_array_equal(pixels, np.clip(expected, 1, 65535))


def test_flags_and_metadata_follow_the_habit(written: Path) -> None:
    for row in rows(written):
        path = next(written.glob(f"sentinel-2-*/{row['item_id']}/*.json"))
        item = json.loads(path.read_text(encoding="utf-8"))
        flag = item["properties"].get("earthsearch:boa_offset_applied")
        assert flag is {"raw": None, "silent": None, "harmonised": True, "wrong_flag": False}[row["habit"]]
        assert ("raster:bands" in item["assets"]["blue"]) == (row["habit"] != "silent")


def test_every_habit_comes_about_as_often_as_asked() -> None:
    params = SimulationParams(since=dt.date(2018, 1, 1), until=dt.date(2025, 1, 1))
    tiles = (tile_at(params.lon, params.lat),)
    habits = replace(HABITS, split_tiles=False)
    products = [p for one in optical_passes(params, 3) for p in planned_products(one, tiles, habits, 3)]
    raw_kind = [product for product in products if product.baseline >= "04.00"]
    counts = Counter(product.habit for product in raw_kind)
    for habit, share in ((Habit.HARMONISED, 0.25), (Habit.WRONG_FLAG, 0.2), (Habit.SILENT, 0.2)):
        assert counts[habit] / len(raw_kind) == pytest.approx(share, abs=0.07)
    assert any(product.supersedes for product in products)
    assert len({product.item_id for product in products}) == len(products)
    assert all((product.offset_dn == 0) for product in products if product.baseline < "04.00")


def test_tiles_overlap_and_agree_where_they_do(written: Path, site: SimulatedSite) -> None:
    by_tile: dict[str, dict[str, str]] = {}
    first = rows(written)[0]
    for row in rows(written):
        if row["datatake"] == first["datatake"] and row["baseline"] == first["baseline"]:
            by_tile[row["tile"]] = row
    assert len(by_tile) == 3
    planes = {}
    for name, row in by_tile.items():
        with rasterio.open(next(written.glob(f"sentinel-2-*/{row['item_id']}/B04.tif"))) as source:
            planes[name] = (source.read(1), source.transform, source.crs.to_epsg())
    own = [plane for plane in planes.values() if plane[2] == site.world.frame.epsg]
    left, right = sorted(own, key=lambda plane: plane[1].c)
    start = round((right[1].c - left[1].c) / 10)
    width = left[0].shape[1] - start
    assert width > 0
    np.testing.assert_array_equal(left[0][:, start:], right[0][:, :width])


def test_missing_passes_have_no_product_and_late_ones_come_late(site: SimulatedSite) -> None:
    tiles = (tile_at(PARAMS.lon, PARAMS.lat),)
    for one in site.truth.passes:
        products = planned_products(one, tiles, replace(HABITS, split_tiles=False), site.seed)
        assert bool(products) is not one.missing
        assert all(product.published > one.datetime for product in products)


def test_clean_habits_write_one_product_per_scene(site: SimulatedSite) -> None:
    tiles = (tile_at(PARAMS.lon, PARAMS.lat),)
    for one in site.truth.passes:
        products = planned_products(one, tiles, CLEAN_HABITS, site.seed)
        assert len(products) == (0 if one.missing else 1)


@pytest.mark.parametrize(
    ("lon", "lat", "zone", "name", "west", "north"),
    [
        (125.95, 39.5, 52, "52SBJ", 199980, 4400040),
        (125.9, 39.5, 51, "51SYD", 699960, 4400040),
        (11.34, 46.49, 32, "32TPS", 600000, 5200020),
    ],
)
def test_tiles_as_esa_names_them(
    lon: float, lat: float, zone: int, name: str, west: float, north: float
) -> None:
    tile = tile_at(lon, lat, zone=zone)
    assert (tile.name, tile.west_m, tile.north_m) == (name, west, north)


def test_the_truth_tables_and_site_file(written: Path, site: SimulatedSite) -> None:
    with (written / "truth" / "piles.csv").open(encoding="utf-8") as stream:
        piles = list(csv.DictReader(stream))
    day = piles[0]["date"]
    total = sum(float(row["area_ha"]) for row in piles if row["date"] == day)
    assert total == pytest.approx(site.truth.pile_area_ha(dt.date.fromisoformat(day)))
    document = json.loads((written / f"{site.site.id}.geojson").read_text(encoding="utf-8"))
    roles = Counter(feature["properties"]["role"] for feature in document["features"])
    assert roles["aoi"] == 1
    assert roles["boundary"] == len(site.site.boundaries)
    assert roles["zone"] == len(site.site.zones)
