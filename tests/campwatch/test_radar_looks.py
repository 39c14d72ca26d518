"""Sentinel-1 of the archive on the site's grid, and its opinion of a zone whose truth is known (made)."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pytest

from aoi.grid import site_grid
from aoi.pixels import coverage
from aoi.site_file import read_site
from campwatch.questions.radar_looks import radar_looks, zone_opinions
from campwatch.workspace import create_workspace
from detection.coal.records import StockpileArea
from detection.radar.second_opinion import AGREE
from evidence.quantity import Quantity
from imagery.archive.store import Archive
from imagery.records import FetchedProduct, Product, Raster
from tests.campwatch.conftest import site_document

FIRST = dt.datetime(2018, 5, 1, 21, 0, tzinfo=dt.UTC)
PASSES = 24


def coal_ha(day):
    return 1.0 + 0.8 * np.sin(day / 20.0)


def areas(zone_id):
    for day in range(0, 12 * PASSES, 5):
        yield StockpileArea(
            zone_id=zone_id, datetime=FIRST + dt.timedelta(days=day),
            area_ha=Quantity.measured(float(coal_ha(day)), sd_random=0.05),
            valid_fraction=1.0, below_floor=False, bands=("red",), scene_ids=(f"s{day}",),
        )  # fmt: skip


@pytest.fixture
def watched(tmp_path):
    """A workspace whose archive holds frames that brighten where there is more coal."""
    made = create_workspace(tmp_path / "w")
    path = made.sites_folder / "tiny.geojson"
    path.write_text(json.dumps(site_document()), encoding="utf-8")
    site = read_site(path)
    grid = site_grid(site)
    zone = next(zone for zone in site.zones if str(zone.kind) == "stockyard")
    share, archive = coverage(zone.geometry, grid), Archive(made.archive_folder)
    for k in range(PASSES):
        rng = np.random.default_rng(k)
        plane = 0.1 * (1.0 + 0.6 * share * coal_ha(12 * k)) * rng.gamma(5.0, 0.2, grid.shape)
        plane[0, 0] = -32768.0
        product = Product(
            id=f"S1A_{k:03d}", source="made", collection="sentinel-1-rtc", platform="sentinel-1a",
            datetime=FIRST + dt.timedelta(days=12 * k), assets={}, bounds=site.aoi.bounds, relative_orbit=105,
            item={},
        )  # fmt: skip
        rasters = {
            band: Raster(band=band, pixels=plane.astype(np.float32), transform=grid.affine,
                         crs_wkt=str(grid.crs.wkt), nodata=-32768.0)
            for band in ("vv", "vh")
        }  # fmt: skip
        archive.put(site.id, FetchedProduct(product=product, rasters=rasters), index=False)
    return made, site, zone.id


def test_frames_come_from_the_archive_onto_the_grid(watched):
    workspace, site, _ = watched
    grid = site_grid(site)
    looks = radar_looks(Archive(workspace.archive_folder).products(site.id, sensor="sentinel-1"), grid)
    assert looks.sizes == {"time": PASSES, "y": grid.shape[0], "x": grid.shape[1]}
    assert not looks["valid"].values[:, 0, 0].any()
    assert looks["valid"].values[:, 2:, 2:].all()
    assert float(np.nanmedian(looks["vv"])) == pytest.approx(0.1, rel=0.15)
    assert radar_looks([], grid) is None


def test_radar_that_follows_the_coal_agrees(watched):
    workspace, site, zone = watched
    (opinion,) = zone_opinions(workspace, site, (zone,), list(areas(zone))).values()
    assert opinion.verdict == AGREE
    assert opinion.correlation > 0.5
