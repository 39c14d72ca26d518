"""What is known of each provider's products, row by row; what is not known is told and never lost."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from imagery.archive.fetch import fetch_new
from imagery.archive.store import Archive
from imagery.sources.items import product_from_item
from imagery.sources.known import KNOWN_DELIVERIES, KNOWN_PLATFORMS, KnownDelivery, strange_deliveries
from imagery.sources.static import StaticCatalog

from .test_deliveries import DAYS, SITE, made

ALL = {"since": dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "until": dt.datetime(2025, 1, 1, tzinfo=dt.UTC)}


def spelled(row: KnownDelivery) -> dict[str, Any]:
    """An item that states what the public one of the row states."""
    return {
        "type": "Feature",
        "id": row.item,
        "collection": row.collection,
        "bbox": [126.0, 39.5, 126.1, 39.6],
        "properties": {"datetime": "2026-03-01T02:26:01Z", **row.properties},
        "assets": {
            key: {"href": f"https://files.example.org/{row.item}/{key}.tif", **stated}
            for key, stated in row.assets.items()
        },
    }


@pytest.mark.parametrize("row", KNOWN_DELIVERIES, ids=lambda row: f"{row.provider}: {row.item}")
def test_each_known_spelling_is_read(row: KnownDelivery) -> None:
    product = product_from_item(spelled(row), source=row.provider)
    assert product.platform == row.platform
    assert (product.tile, product.datatake, product.baseline) == (row.tile, row.datatake, row.baseline)
    found = {
        key: band for key, band in row.bands.items() if product.assets[band].href.endswith(f"/{key}.tif")
    }
    assert found == row.bands
    assert {asset.crs for asset in product.assets.values()} <= {row.crs}
    assert row.platform in KNOWN_PLATFORMS


def features(document: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(document, dict):
        if document.get("type") == "Feature" and isinstance(document.get("assets"), dict):
            yield document
        for value in document.values():
            yield from features(value)
    elif isinstance(document, list):
        for value in document:
            yield from features(value)


@pytest.mark.shared
def test_every_recorded_item_is_known(shared_data: Path) -> None:
    """Recorded answers, whole: every optical product has its bands, and nothing about it is strange."""
    read = 0
    for path in sorted((shared_data / "recorded").glob("*/*.json")):
        for item in features(json.loads(path.read_text(encoding="utf-8"))):
            product = product_from_item(item, source=path.parent.name)
            if product.platform.startswith("sentinel-2") and "Hub" not in path.parent.name:
                assert strange_deliveries([product]) == [], (path, item["id"])
                read += 1
    assert read >= 20
    rows = {row.item for row in KNOWN_DELIVERIES}
    seen = {
        item["id"]
        for path in (shared_data / "recorded").glob("*/*.json")
        for item in features(json.loads(path.read_text(encoding="utf-8")))
    }
    assert len(rows & seen) >= 4


@pytest.mark.parametrize(
    ("platform", "known"),
    [("sentinel-2d", "sentinel-2d"), ("sentinel-2-ng", "sentinel-2"), ("", "sentinel-2")],
)
def test_an_unknown_satellite_is_a_notice_and_not_a_loss(platform: str, known: str, tmp_path: Path) -> None:
    item = made(tmp_path, "d0", DAYS[0], identifier="NEXT_1")
    item["properties"]["platform"] = platform
    for key in ("s2:datatake_id", "s2:product_uri"):
        del item["properties"][key]
    (tmp_path / "items.json").write_text(
        json.dumps({"type": "FeatureCollection", "features": [item]}), encoding="utf-8"
    )
    archive = Archive(tmp_path / "archive")
    report = fetch_new(SITE, archive, [StaticCatalog(tmp_path / "items.json")], **ALL)
    assert [product.platform for product in report.fetched] == [known]
    said = [notice for notice in report.notices if "a satellite not known here" in notice]
    assert bool(said) is (known not in KNOWN_PLATFORMS)


@pytest.mark.parametrize("key", ["band_1610", "SWIR-1", "r20m:b11"])
def test_a_moved_asset_key_is_a_notice_and_the_look_is_kept(key: str, tmp_path: Path) -> None:
    item = made(tmp_path, "d0", DAYS[0])
    moved = item["assets"].pop("swir16")
    moved.pop("eo:bands")
    item["assets"][key] = moved
    (tmp_path / "items.json").write_text(
        json.dumps({"type": "FeatureCollection", "features": [item]}), encoding="utf-8"
    )
    report = fetch_new(SITE, Archive(tmp_path / "archive"), [StaticCatalog(tmp_path / "items.json")], **ALL)
    assert len(report.fetched) == 1
    assert "swir16" not in report.fetched[0].bands
    assert any(f"an asset {key}, not known here" in notice for notice in report.notices)


def test_a_moved_key_that_states_its_band_is_read(tmp_path: Path) -> None:
    item = made(tmp_path, "d0", DAYS[0])
    moved = item["assets"].pop("swir16")
    del moved["eo:bands"]
    item["assets"]["reflectance_20m_eleven"] = {
        **moved,
        "bands": [{"name": "B11", "eo:common_name": "swir16"}],
    }
    (tmp_path / "items.json").write_text(
        json.dumps({"type": "FeatureCollection", "features": [item]}), encoding="utf-8"
    )
    report = fetch_new(SITE, Archive(tmp_path / "archive"), [StaticCatalog(tmp_path / "items.json")], **ALL)
    assert "swir16" in report.fetched[0].bands
    assert not [notice for notice in report.notices if "not known here" in notice]
