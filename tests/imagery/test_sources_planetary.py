"""Radar, terrain and Landsat from Planetary Computer: signed, under its own host names, on loopback."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray

from aoi.records import Site
from imagery.archive.fetch import FetchReport, fetch_new
from imagery.archive.store import Archive
from imagery.sources.open import open_stac
from imagery.sources.privacy import PrivacyMode
from imagery.sources.retry import Retrier, RetryPolicy
from imagery.sources.stac_api import PLANETARY_COMPUTER
from tests.servers import tiny
from tests.servers.providers import Providers, environment, providers
from tests.servers.schemas import registered

SINCE, UNTIL = dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
COLLECTIONS = ("sentinel-1-rtc", "cop-dem-glo-30", "landsat-c2-l2")
RTC = "https://sentinel1euwestrtc.blob.core.windows.net/sentinel1-grd-rtc"
DEM = "https://elevationeuwest.blob.core.windows.net/copernicus-dem"
LANDSAT = "https://landsateuwest.blob.core.windows.net/landsat-c2"
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
RADAR_NODATA = -32768.0
SITE = tiny.site(size_m=600)


def gamma0(band: str) -> NDArray[np.float32]:
    rng = np.random.default_rng([len(band), *band.encode()])
    pixels = rng.gamma(4.0, 0.02, (480, 480)).astype("float32")
    pixels[:, :40] = RADAR_NODATA
    return pixels


def write(path: Path, pixels: Any, transform: Affine, epsg: int, nodata: float | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = {"height": pixels.shape[0], "width": pixels.shape[1], "count": 1, "dtype": pixels.dtype}
    place = {"crs": f"EPSG:{epsg}", "transform": transform, "nodata": nodata}
    with rasterio.open(
        path, "w", driver="COG", blocksize=128, compress="DEFLATE", **shape, **place
    ) as dataset:
        dataset.write(pixels, 1)


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bucket")
    left, top = tiny.ORIGIN
    for band in ("vv", "vh"):
        write(folder / f"{band}.rtc.tif", gamma0(band), Affine(10, 0, left, 0, -10, top), 32651, RADAR_NODATA)
    heights = np.arange(360 * 360, dtype="float32").reshape(360, 360)
    longitude, latitude = (int(value) for value in SITE.bounds[:2])
    step = 1 / 360
    write(folder / "DEM.tif", heights, Affine(step, 0, longitude, 0, -step, latitude + 1), 4326, None)
    red = np.full((160, 160), 9000, "uint16")
    write(folder / "SR_B4.TIF", red, Affine(30, 0, left, 0, -30, top), 32651, 0)
    write(folder / "QA_PIXEL.TIF", red // 9, Affine(30, 0, left, 0, -30, top), 32651, 1)
    return folder


def feature(identifier: str, collection: str, assets: dict[str, Any], **properties: Any) -> dict[str, Any]:
    west, south, east, north = tiny.tile_bounds()
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": identifier,
        "collection": collection,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [west, south, east, north],
        "properties": properties,
        "links": [],
        "assets": assets,
    }


def radar(when: str = "2024-03-02T09:30:12Z", orbit: int = 52800) -> dict[str, Any]:
    assets = {band: {"href": f"{RTC}/{band}.rtc.tif", "type": COG} for band in ("vv", "vh")}
    assets["tilejson"] = {"href": f"{PLANETARY_COMPUTER}/tile.json", "type": "application/json"}
    more = {"sat:absolute_orbit": orbit, "sat:relative_orbit": 54, "sat:orbit_state": "ascending"}
    stamp = when.replace("-", "").replace(":", "").removesuffix("Z")
    name = f"S1A_IW_GRDH_1SDV_{stamp}_{stamp}_{orbit:06d}_0663C5_rtc"
    return feature(
        name, "sentinel-1-rtc", assets, datetime=when, platform="SENTINEL-1A", **{"proj:epsg": 32651}, **more
    )


def dem() -> dict[str, Any]:
    name = "Copernicus_DSM_COG_10_N39_00_E125_00_DEM"
    assets = {"data": {"href": f"{DEM}/DEM.tif", "type": COG}}
    return feature(
        name, "cop-dem-glo-30", assets, datetime="2021-04-22T00:00:00Z", platform="TanDEM-X", gsd=30
    )


def landsat() -> dict[str, Any]:
    scaled = [{"scale": 2.75e-05, "offset": -0.2, "nodata": 0}]
    assets = {
        "red": {
            "href": f"{LANDSAT}/SR_B4.TIF",
            "type": COG,
            "eo:bands": [{"name": "OLI_B4", "common_name": "red"}],
            "raster:bands": scaled,
        },
        "qa_pixel": {"href": f"{LANDSAT}/QA_PIXEL.TIF", "type": COG},
    }
    return feature(
        "LC08_L2SP_117032_20240401_02_T1",
        "landsat-c2-l2",
        assets,
        datetime="2024-04-01T02:10:00Z",
        platform="landsat-8",
        **{"proj:epsg": 32651, "landsat:wrs_path": "117", "landsat:wrs_row": "032"},
    )


@dataclass
class World:
    providers: Providers
    archive: Archive

    def run(self, site: Site = SITE) -> FetchReport:
        retrier = Retrier(RetryPolicy(attempts=2, first_wait_s=0.01))
        sources = open_stac(PLANETARY_COMPUTER, COLLECTIONS, retrier=retrier, workers=4)
        return fetch_new(site, self.archive, sources, since=SINCE, until=UNTIL)


@pytest.fixture
def world(bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with providers(bucket, tmp_path) as here:
        for key, value in environment(here, tmp_path).items():
            monkeypatch.setenv(key, value)
        here.stac.items += [radar(), dem(), landsat()]
        yield World(here, Archive(tmp_path / "archive"))


def cut(dataset: rasterio.DatasetReader, whole: NDArray[Any]) -> NDArray[Any]:
    column = round((dataset.transform.c - tiny.ORIGIN[0]) / dataset.transform.a)
    row = round((tiny.ORIGIN[1] - dataset.transform.f) / dataset.transform.a)
    return whole[row : row + dataset.height, column : column + dataset.width]


def test_radar_is_signed_and_kept_as_linear_gamma0_on_its_own_lattice(world: World) -> None:
    report = world.run()
    assert (len(report.fetched), report.incomplete) == (3, False), report.failed
    (product,) = world.archive.products("tiny", sensor="sentinel-1")
    assert (product.platform, product.datatake, product.relative_orbit) == ("sentinel-1a", "052800", 54)
    assert set(product.bands) == {"vv", "vh"}
    for band, path in product.bands.items():
        with rasterio.open(path) as kept:
            assert (kept.crs.to_epsg(), kept.dtypes[0], kept.nodata) == (32651, "float32", RADAR_NODATA)
            assert np.array_equal(kept.read(1), cut(kept, gamma0(band)))


def test_each_container_has_its_own_signature_and_none_is_kept(world: World) -> None:
    world.run()
    tokens = {path.split("/token/")[1] for path in world.providers.server.paths("/token/")}
    assert tokens == {
        "sentinel1euwestrtc/sentinel1-grd-rtc",
        "elevationeuwest/copernicus-dem",
        "landsateuwest/landsat-c2",
    }
    assert len(world.providers.signatures) == 3
    reads = [request for request in world.providers.server.log if request.host.endswith("core.windows.net")]
    assert reads
    assert all("sig=" in request.target for request in reads)
    kept = b"".join(path.read_bytes() for path in world.archive.root.rglob("*") if path.is_file())
    assert not [secret for secret in world.providers.secrets() if secret.encode() in kept]


def test_the_subscription_key_goes_to_the_signing_service_alone(world: World) -> None:
    world.run()
    told = {
        request.host
        for request in world.providers.server.log
        if "pc-subscr1ption" in f"{request.headers}{request.target}"
    }
    assert told == {"planetarycomputer.microsoft.com"}
    assert {
        request.path.split("/")[2]
        for request in world.providers.server.log
        if "ocp-apim-subscription-key" in request.headers
    } == {"sas"}


def test_terrain_is_found_whatever_the_interval_and_fetched_once(world: World) -> None:
    world.run()
    (product,) = world.archive.products("tiny", sensor="copernicus-dem")
    with rasterio.open(product.bands["elevation"]) as kept:
        west, south, east, north = SITE.bounds
        assert (kept.crs.to_epsg(), kept.dtypes[0]) == (4326, "float32")
        assert (kept.bounds.left <= west, kept.bounds.right >= east) == (True, True)
        assert (kept.bounds.bottom <= south, kept.bounds.top >= north) == (True, True)
    asked = len(world.providers.server.log)
    again = world.run()
    assert (again.held, again.fetched) == (3, [])
    assert {request.path.rsplit("/", 1)[-1] for request in world.providers.server.log[asked:]} == {"search"}


def test_the_archive_of_all_three_is_valid(world: World) -> None:
    world.run()
    with registered():
        assert pystac.Catalog.from_file(str(world.archive.root / "catalog.json")).validate_all() == 3


def test_in_tile_mode_what_has_no_tile_is_searched_on_whole_degrees_and_read_whole(world: World) -> None:
    retrier = Retrier(RetryPolicy(attempts=2, first_wait_s=0.01))
    sources = open_stac(PLANETARY_COMPUTER, COLLECTIONS, mode=PrivacyMode.TILE, retrier=retrier)
    report = fetch_new(SITE, world.archive, sources, since=SINCE, until=UNTIL)
    assert (len(report.fetched), report.incomplete) == (3, False), report.failed
    log = world.providers.server.log
    boxes = [request.json()["bbox"] for request in log if request.path.endswith("/search")]
    assert all(value == round(value) for box in boxes for value in box)
    assert not any("range" in request.headers for request in log)


def test_landsat_keeps_its_own_scale(world: World) -> None:
    world.run()
    (product,) = world.archive.products("tiny", sensor="landsat")
    assert set(product.bands) == {"red", "qa_pixel"}
    assert (product.tile, product.scale["red"], product.offset["red"]) == ("WRS2-117032", 2.75e-05, -0.2)


def test_a_signature_that_is_withdrawn_is_renewed_in_the_middle_of_a_run(world: World) -> None:
    world.providers.withdrawn.append("st=2026&sig=s1gnature-of-the-test-0")
    report = world.run()
    assert (len(report.fetched), report.incomplete) == (3, False), report.failed
    assert len(world.providers.signatures) >= 4


def test_what_the_servers_said_of_each_file_is_archived(world: World) -> None:
    world.run()
    (product,) = world.archive.products("tiny", sensor="sentinel-1")
    told = (product.item_path.parent / "source.json").read_text("utf-8").lower()
    assert '"etag"' in told
    assert "sig=" not in told
