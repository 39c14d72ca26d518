from __future__ import annotations

import datetime as dt
import io
import json
import logging
import tarfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
import rasterio

from aoi.records import Site
from evidence.errors import SettingsError, SourceError
from imagery.archive.fetch import FetchReport, fetch_new
from imagery.archive.gaps import GapKind
from imagery.archive.store import Archive
from imagery.sources.budget import UnitBudget
from imagery.sources.http import Http, HttpLimits
from imagery.sources.hub_requests import grid_over
from imagery.sources.privacy import PrivacyMode, snap_outward
from imagery.sources.retry import QuotaError, Retrier, RetryPolicy
from imagery.sources.sentinelhub import SentinelHub
from imagery.sources.sentinelhub_client import COMMERCIAL, DATA_SPACE, sentinelhub_config
from tests.servers import tiny
from tests.servers.hub import CATALOG, Hub, hub_item, ramp, units_of
from tests.servers.loopback import Fault, Loopback
from tests.servers.proxy import Proxy
from tests.servers.schemas import registered

ALL = {"since": dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "until": dt.datetime(2024, 12, 31, tzinfo=dt.UTC)}
LITTLE = 0.2
"""Units for one search and a product or two."""
SECRET = "s3cr3t-of-the-client"  # noqa: S105 - the simulated one
BOX = tiny.tile_bounds()
SITE = tiny.site(size_m=300)


def items(*, safe: bool) -> dict[str, list[dict[str, Any]]]:
    suffix = ".SAFE" if safe else ""
    optical = [
        hub_item(
            f"S2A_MSIL2A_{when:%Y%m%dT%H%M%S}_N0510_R046_T{tile}_{when:%Y%m%d}T061500{suffix}",
            f"{when:%Y-%m-%dT%H:%M:%S}Z",
            BOX,
            epsg=epsg,
            platform="sentinel-2a",
            **{"eo:cloud_cover": 10},
        )
        for when in tiny.days(2)
        for tile, epsg in (("51SYD", 32651), ("52SBJ", 32652))
    ]
    radar = hub_item(
        "S1A_IW_GRDH_1SDV_20240302T093000_20240302T093025_052800_0663C5_AAAA",
        "2024-03-02T09:30:12Z",
        BOX,
        epsg=4326,
        platform="sentinel-1a",
    )
    return {"sentinel-2-l2a": optical, "sentinel-1-grd": [radar]}


def safe_path(item: Mapping[str, Any]) -> str:
    return f"s3://EODATA/Sentinel-2/MSI/L2A/{item['id']}"


def aws_path(item: Mapping[str, Any]) -> str:
    """The folder on AWS names tile and day, not the product."""
    if item["id"].startswith("S1"):
        return f"s3://sentinel-s1-l1c/GRD/2024/3/2/IW/DV/{item['id']}"
    zone, band, square = item["id"][39:41], item["id"][41], item["id"][42:44]
    when = item["properties"]["datetime"]
    return (
        f"s3://sentinel-s2-l2a/tiles/{zone}/{band}/{square}/{when[:4]}/{int(when[5:7])}/{int(when[8:10])}/0/"
    )


@dataclass
class World:
    hub: Hub
    server: Loopback
    proxy: Proxy
    folder: Path
    slept: list[float]

    def budget(self, units: float = 1000) -> UnitBudget:
        return UnitBudget(self.folder / "budget.json", units_per_month=units)

    def source(
        self, base_url: str = DATA_SPACE, *, units: float = 1000, sensor: str = "sentinel-2"
    ) -> SentinelHub:
        retrier = Retrier(
            RetryPolicy(attempts=3, first_wait_s=0.01), sleep=self.slept.append, clock=lambda: sum(self.slept)
        )
        http = Http(limits=HttpLimits(silence_s=2.5, whole_s=20.0), milliseconds=True)
        config = sentinelhub_config(base_url=base_url)
        return SentinelHub(config, budget=self.budget(units), sensor=sensor, retrier=retrier, http=http)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Both deployments under their production names."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("SH_CLIENT_ID", "id")
    monkeypatch.setenv("SH_CLIENT_SECRET", SECRET)
    hub = Hub(items(safe=True), ramp, safe_path, client=("id", SECRET))
    hosts = r"services\.sentinel-hub\.com|sh\.dataspace\.copernicus\.eu|identity\.dataspace\.copernicus\.eu"
    with Loopback(hub) as server, Proxy({hosts: server.port}, tmp_path) as proxy:
        for key, value in proxy.environment().items():
            monkeypatch.setenv(key, value)
        yield World(hub, server, proxy, tmp_path, [])


def run(world: World, source: SentinelHub, site: Site | None = None, **options: Any) -> FetchReport:
    return fetch_new(site or SITE, Archive(world.folder / "archive"), [source], **(ALL | options))


def test_data_space_products_come_unfused_on_their_own_lattice(world: World) -> None:
    report = run(world, world.source())
    assert (report.listed, len(report.fetched), report.incomplete) == (4, 4, False), report.failed
    archive = Archive(world.folder / "archive")
    products = {product.tile: product for product in archive.products("tiny")[:2]}
    assert set(products) == {"51SYD", "52SBJ"}
    for tile, epsg in (("51SYD", 32651), ("52SBJ", 32652)):
        product = products[tile]
        item = {"id": product.properties["campwatch:product_id"]}
        for band, name, pixel in (("red", "B04", 10), ("swir16", "B11", 20), ("scl", "SCL", 20)):
            with rasterio.open(product.bands[band]) as kept:
                assert kept.crs.to_epsg() == epsg
                assert (kept.res, kept.transform.c % 60, kept.transform.f % 60) == ((pixel, pixel), 0, 0)
                assert np.array_equal(
                    kept.read(1), ramp(item, name, kept.transform, kept.shape).astype(kept.dtypes[0])
                )
    assert products["51SYD"].baseline == "05.10"
    assert products["51SYD"].relative_orbit == 46
    assert "clp" not in products["51SYD"].bands
    assert archive.verify(deep=True) == []
    with registered():
        assert pystac.Catalog.from_file(str(archive.root / "catalog.json")).validate_all() == 4
    assert set(world.proxy.hosts) == {"sh.dataspace.copernicus.eu", "identity.dataspace.copernicus.eu"}


def test_the_commercial_deployment_is_asked_at_its_own_address_and_offers_cloud_probability(
    world: World,
) -> None:
    world.hub.items, world.hub.path_of = items(safe=False), aws_path
    report = run(world, world.source(COMMERCIAL))
    assert len(report.fetched) == 4, report.failed
    assert set(world.proxy.hosts) == {"services.sentinel-hub.com"}
    assert all("clp" in product.bands for product in report.fetched)


def test_the_data_mask_tells_what_was_seen(world: World) -> None:
    def half(item: Mapping[str, Any], band: str, transform: Any, shape: tuple[int, int]) -> Any:
        pixels = ramp(item, band, transform, shape)
        pixels[:, : shape[1] // 2] = 0
        return pixels

    world.hub.sampler = half
    report = run(world, world.source(), until=dt.datetime(2024, 3, 3, tzinfo=dt.UTC))
    with (
        rasterio.open(report.fetched[0].bands["data_mask"]) as mask,
        rasterio.open(report.fetched[0].bands["red"]) as red,
    ):
        assert (mask.dtypes[0], mask.transform) == ("uint8", red.transform)
        assert np.array_equal(mask.read(1) == 1, red.read(1) != 0)
        assert 0 < mask.read(1).mean() < 1
    scripts = {body["evalscript"] for body in world.hub.bodies if "evalscript" in body}
    assert all(script.count('"dataMask"') == 1 for script in scripts)


def test_both_deployments_live_in_one_process(world: World) -> None:
    for _ in range(2):
        for url in (COMMERCIAL, DATA_SPACE):
            source = world.source(url)
            assert source._collection.service_url == url


def test_nothing_new_costs_no_pixel_request(world: World) -> None:
    run(world, world.source())
    spent, asked = world.hub.units, len(world.server.paths("/process"))
    report = run(world, world.source())
    assert (report.held, report.fetched) == (4, [])
    assert len(world.server.paths("/process")) == asked
    assert world.hub.units == spent


def test_units_are_estimated_by_the_formula_and_settled_by_the_header(world: World) -> None:
    source = world.source()
    report = run(world, source)
    fine = grid_over(SITE.bounds, 32651, 10)
    coarse = grid_over(SITE.bounds, 32651, 20)
    product = next(iter(source.search(SITE.bounds, **ALL)))
    expected = units_of(fine.width, fine.height, 4) + units_of(coarse.width, coarse.height, 7)
    bands = [*report.fetched[0].bands]
    assert source.cost(product, bands, SITE.bounds) == pytest.approx(expected)
    catalog = len(world.server.paths(CATALOG)) * 0.01 * 13
    assert source.budget.spent() == pytest.approx(world.hub.units + catalog)


def test_the_budget_is_never_exceeded_and_what_is_missing_is_a_quota_gap(world: World) -> None:
    source = world.source(units=LITTLE)
    report = run(world, source)
    assert 0 < len(report.fetched) < 4
    assert {gap.kind for gap in report.failed} == {GapKind.QUOTA}
    assert report.incomplete
    assert world.hub.units <= LITTLE
    assert source.budget.spent() <= LITTLE
    again = run(world, world.source(units=LITTLE))
    assert len(again.fetched) == 0
    richer = run(world, world.source(units=100))
    assert (len(richer.fetched), richer.incomplete) == (4 - len(report.fetched), False)


def test_nor_is_it_when_many_are_in_flight_and_attempts_fail(world: World) -> None:
    """Answers that never came may have been counted by the provider, so they are charged."""
    most = 1.0
    world.server.faults = [
        Fault(path="/process", kind="503", times=3),
        Fault(path="/process", kind="reset-late", times=3),
        Fault(path="/process", kind="truncate", times=2),
        Fault(path="/process", kind="429", times=2, headers={"Retry-After": "100"}),
    ]
    for _ in range(2):
        source = world.source(units=most)
        run(world, source, workers=8)
        assert source.budget.spent() <= most + 1e-9
        assert world.hub.units <= source.budget.spent() + 1e-9
    assert len(world.server.paths("/process")) > 10


def test_a_refusal_stops_for_the_month(world: World) -> None:
    world.server.faults = [Fault(path="/process", kind="403", times=1)]
    report = run(world, world.source(), workers=1)
    assert {gap.kind for gap in report.failed} == {GapKind.QUOTA}
    asked = len(world.server.log)
    again = run(world, world.source())
    assert again.fetched == []
    assert len(world.server.log) == asked
    late = UnitBudget(
        world.folder / "budget.json", units_per_month=9, now=lambda: dt.datetime(2099, 2, 1, tzinfo=dt.UTC)
    )
    assert late.remaining() == 9


def test_requests_are_those_that_were_recorded(world: World) -> None:
    """Keys and spelling as sentinelhub 3.12.0 was seen to send them."""
    run(world, world.source(), workers=1)
    search = world.hub.bodies[0]
    process = next(body for body in world.hub.bodies if "B02" in body.get("evalscript", ""))
    assert search == {
        "collections": ["sentinel-2-l2a"],
        "datetime": "2024-01-01T00:00:00Z/2024-12-31T00:00:00Z",
        "bbox": list(snap_outward(SITE.bounds)),
        "filter-lang": "cql2-text",
        "limit": 100,
    }
    grid = grid_over(SITE.bounds, 32651, 10)
    assert process["input"]["bounds"] == {
        "properties": {"crs": "http://www.opengis.net/def/crs/EPSG/0/32651"},
        "bbox": list(grid.bbox),
    }
    assert process["input"]["data"] == [
        {
            "type": "sentinel-2-l2a",
            "dataFilter": {"timeRange": {"from": "2024-03-01T02:16:01Z", "to": "2024-03-01T02:36:01Z"}},
            "processing": {"harmonizeValues": False},
        }
    ]
    assert process["output"] == {
        "responses": [
            {"identifier": "bands", "format": {"type": "image/tiff"}},
            {"identifier": "userdata", "format": {"type": "application/json"}},
        ],
        "width": grid.width,
        "height": grid.height,
    }
    (token, *_), (request, *_) = (
        [r for r in world.server.log if pattern in r.path] for pattern in ("/token", "/process")
    )
    assert token.body.decode() == f"grant_type=client_credentials&client_id=id&client_secret={SECRET}"
    assert token.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["accept"] == "application/x-tar"
    assert request.headers["content-type"] == "application/json"


@pytest.mark.shared
def test_request_bodies_have_the_recorded_shape(world: World, shared_data: Path) -> None:
    lines = (shared_data / "recorded" / "sentinelhub_py_3.12.0_requests.jsonl").read_text().splitlines()
    recorded = {
        line["tag"]: json.loads(line["body"])
        for line in map(json.loads, lines)
        if line["body"].startswith("{")
    }
    run(world, world.source(), workers=1)
    search, process = world.hub.bodies[0], world.hub.bodies[1]
    known = recorded["catalog.search paged"].keys() | recorded["catalog.search S1 derived filters"].keys()
    assert search.keys() <= known
    seen = recorded["process tar multi-output"]
    assert process.keys() == seen.keys()
    assert process["input"].keys() == seen["input"].keys()
    assert process["input"]["bounds"].keys() == seen["input"]["bounds"].keys()
    assert process["input"]["data"][0].keys() <= seen["input"]["data"][0].keys()
    assert process["output"].keys() == seen["output"].keys()


@pytest.mark.shared
def test_a_real_answer_of_process_is_read(shared_data: Path) -> None:
    content = (shared_data / "recorded" / "sentinelhub" / "process_response_2019.tar").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert "default.tif" in archive.getnames()
    from imagery.sources.hub_requests import untar

    assert untar(content)["default.tif"][:2] in {b"II", b"MM"}


def test_radar_comes_as_terrain_flattened_gamma0_in_one_zone(world: World) -> None:
    source = world.source(sensor="sentinel-1")
    report = run(world, source)
    assert len(report.fetched) == 1, report.failed
    (product,) = Archive(world.folder / "archive").products("tiny", sensor="sentinel-1")
    assert set(product.bands) == {"vv", "vh"}
    with rasterio.open(product.bands["vv"]) as kept:
        assert (kept.dtypes[0], kept.res) == ("float32", (10, 10))
        assert np.allclose(
            kept.read(1),
            ramp({"id": product.properties["campwatch:product_id"]}, "VV", kept.transform, kept.shape),
        )
    body = world.hub.bodies[-1]["input"]["data"][0]
    assert body["processing"] == {
        "backCoeff": "GAMMA0_TERRAIN",
        "orthorectify": True,
        "demInstance": "COPERNICUS_30",
        "speckleFilter": {"type": "NONE"},
    }
    assert body["dataFilter"]["acquisitionMode"] == "IW"
    assert product.datatake == "052800"


def test_a_box_beyond_2500_pixels_is_split_on_the_lattice_and_joined() -> None:
    grid = grid_over((125.7, 39.3, 126.4, 39.8), 32651, 10)
    assert max(grid.width, grid.height) > 2500
    covered = np.zeros((grid.height, grid.width), dtype=int)
    for row, column, piece in grid.pieces():
        assert max(piece.width, piece.height) <= 2500
        covered[row : row + piece.height, column : column + piece.width] += 1
        assert (piece.left, piece.top) == (grid.left + 10 * column, grid.top - 10 * row)
    assert (covered == 1).all()


def test_a_split_answer_is_the_whole_ones(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagery.sources.hub_requests.Grid.pieces.__defaults__", (16,))
    report = run(world, world.source(), until=dt.datetime(2024, 3, 3, tzinfo=dt.UTC))
    assert len(world.server.paths("/process")) > 20
    product = report.fetched[0]
    with rasterio.open(product.bands["nir"]) as kept:
        item = {"id": product.properties["campwatch:product_id"]}
        assert np.array_equal(kept.read(1), ramp(item, "B08", kept.transform, kept.shape))


def test_a_revoked_token_is_renewed_once(world: World) -> None:
    source = world.source()
    list(source.search(SITE.bounds, **ALL))
    world.hub.tokens.clear()
    world.hub.tokens.add("another")
    assert len(run(world, source).fetched) == 4
    assert len(world.server.paths("/token")) == 2


def test_a_token_that_is_refused_again_is_an_error_after_one_renewal(world: World) -> None:
    world.server.faults = [Fault(path=CATALOG, kind="401", times=99)]
    report = run(world, world.source())
    assert "HTTP 401" in report.failed[0].detail
    assert len(world.server.paths(CATALOG)) == 2


def test_an_expired_token_is_replaced_before_it_is_used(world: World) -> None:
    world.hub.lifetime_s = 30
    run(world, world.source())
    assert len(world.server.paths("/token")) >= 2


def test_wrong_credentials_say_so_and_are_not_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SH_CLIENT_SECRET", "wrong-one-entirely")
    report = run(world, world.source())
    assert "credentials not accepted" in report.failed[0].detail
    assert "wrong-one-entirely" not in report.failed[0].detail
    assert len(world.server.paths("/token")) == 1


RECOVERED = {
    "429 in milliseconds": (
        Fault(path="/process", kind="429", times=2, headers={"Retry-After": "3398"}),
        3.398,
    ),
    "429 in seconds, seen on one deployment": (
        Fault(path="/process", kind="429", headers={"Retry-After": "2"}),
        2.0,
    ),
    "429 without": (Fault(path="/process", kind="429"), 0.0),
    "429 on the token endpoint": (Fault(path="/token", kind="429", headers={"Retry-After": "1000"}), 1.0),
    "503 on the token endpoint": (Fault(path="/token", kind="503"), 0.0),
    "500 and": (Fault(path="/process", kind="500", times=2), 0.0),
    "reset": (Fault(path="/process", kind="reset"), 0.0),
    "reset in mid-body": (Fault(path="/process", kind="reset-late"), 0.0),
    "truncated": (Fault(path="/process", kind="truncate"), 0.0),
    "stalled": (Fault(path="/process", kind="stall", seconds=8), 0.0),
    "wrong length": (Fault(path="/process", kind="length"), 0.0),
    "a page": (Fault(path="/process", kind="html"), 0.0),
    "a page for a token": (Fault(path="/token", kind="html"), 0.0),
    "corrupt": (Fault(path="/process", kind="corrupt"), 0.0),
    "catalog: 503": (Fault(path=CATALOG, kind="503"), 0.0),
    "catalog: a page": (Fault(path=CATALOG, kind="html"), 0.0),
}


@pytest.mark.parametrize(("fault", "waited"), RECOVERED.values(), ids=RECOVERED)
def test_a_passing_fault_is_passed_over(world: World, fault: Fault, waited: float) -> None:
    world.server.faults = [Fault(**vars(fault))]
    report = run(world, world.source(), until=dt.datetime(2024, 3, 3, tzinfo=dt.UTC), workers=1)
    assert (len(report.fetched), report.incomplete) == (2, False), [gap.detail for gap in report.failed]
    assert sum(world.slept) >= waited
    assert sum(world.slept) < 30


@pytest.mark.parametrize("kind", ["404", "400", "429", "503", "reset", "truncate", "html", "stall"])
def test_a_lasting_fault_is_a_gap_in_bounded_time(world: World, kind: str) -> None:
    world.server.faults = [Fault(path="/process", kind=kind, times=10_000, seconds=8)]
    started = time.monotonic()
    report = run(world, world.source(), until=dt.datetime(2024, 3, 3, tzinfo=dt.UTC))
    assert time.monotonic() - started < 30
    assert (report.fetched, len(report.failed), report.incomplete) == ([], 2, True)
    archive = Archive(world.folder / "archive")
    assert [gap.kind for gap in archive.gaps("tiny")] == [GapKind.ERROR] * 2
    assert archive.verify(deep=True) == []


def spoil_size(image: bytes) -> bytes:
    with rasterio.MemoryFile(image) as memory, memory.open() as dataset:
        profile, pixels = dataset.profile, dataset.read()[:, :-1]
    profile["height"] -= 1
    return _encode(profile, pixels)


def spoil_crs(image: bytes) -> bytes:
    with rasterio.MemoryFile(image) as memory, memory.open() as dataset:
        profile, pixels = dataset.profile, dataset.read()
    return _encode(profile | {"crs": "EPSG:32633"}, pixels)


def spoil_values(image: bytes) -> bytes:
    with rasterio.MemoryFile(image) as memory, memory.open() as dataset:
        profile, pixels = dataset.profile, dataset.read()
    return _encode(profile, np.zeros_like(pixels))


def _encode(profile: Mapping[str, Any], pixels: Any) -> bytes:
    with rasterio.MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(pixels)
        return bytes(memory.read())


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_size, "asked for"),
        (spoil_crs, "EPSG:32633"),
        (lambda image: image[:900], "broken"),
    ],
    ids=["wrong size", "wrong CRS", "truncated TIFF"],
)
def test_an_image_other_than_asked_for_is_a_gap(world: World, spoil: Any, said: str) -> None:
    world.hub.spoil = spoil
    report = run(world, world.source(), until=dt.datetime(2024, 3, 3, tzinfo=dt.UTC), workers=1)
    assert (report.fetched, len(report.failed)) == ([], 2)
    assert said in report.failed[0].detail


def test_an_image_without_data_is_a_look_that_could_not_be_made(world: World) -> None:
    world.hub.spoil = spoil_values
    report = run(world, world.source(), until=dt.datetime(2024, 3, 3, tzinfo=dt.UTC), workers=1)
    assert (report.fetched, report.failed, len(report.empty)) == ([], [], 2)


def test_endless_paging_ends(world: World) -> None:
    world.hub.endless, world.hub.page = True, 3
    report = run(world, world.source())
    assert (len(report.fetched), report.incomplete) == (3, True)


def test_no_secret_is_found_anywhere(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world.server.faults = [
        Fault(path="/process", kind="503", times=4),
        Fault(path="/process", kind="401", times=3),
        Fault(path="/token", kind="500"),
    ]
    report = run(world, world.source())
    found = [caplog.text, repr(report), *(str(gap) for gap in report.failed)]
    found += [
        path.read_bytes().decode("latin-1")
        for path in world.folder.rglob("*")
        if path.is_file() and path.suffix != ".pem"
    ]
    for secret in (SECRET, *world.hub.tokens):
        assert not any(secret in text for text in found)


def test_without_credentials_nothing_starts_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("SH_CLIENT_ID", raising=False)
    monkeypatch.delenv("SH_CLIENT_SECRET", raising=False)
    with pytest.raises(SettingsError, match="SH_CLIENT_ID"):
        sentinelhub_config()
    assert list(tmp_path.iterdir()) == []


def test_tile_mode_refuses_process(world: World) -> None:
    with pytest.raises(SettingsError, match="tile"):
        SentinelHub(sentinelhub_config(), budget=world.budget(), mode=PrivacyMode.TILE)


def test_a_spent_budget_is_said_before_anything_is_sent(world: World) -> None:
    with pytest.raises(QuotaError, match="would exceed"):
        list(world.source(units=0.0).search(SITE.bounds, **ALL))
    assert world.server.log == []


def test_an_unknown_host_is_not_reached(world: World) -> None:
    with pytest.raises(SourceError):
        list(world.source("https://sh.example.org").search(SITE.bounds, **ALL))
    assert "sh.example.org" in world.proxy.hosts or world.server.log == []
