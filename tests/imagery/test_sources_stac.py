from __future__ import annotations

import datetime as dt
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import rasterio

from evidence.errors import SourceError
from imagery.archive.fetch import fetch_new
from imagery.archive.gaps import GapKind
from imagery.archive.store import Archive
from imagery.cube.observations import gap_observations
from imagery.sources.cog import CogReader
from imagery.sources.http import Http, HttpLimits
from imagery.sources.privacy import PrivacyMode, snap_outward
from imagery.sources.retry import Retrier, RetryPolicy
from imagery.sources.stac_api import StacApi
from tests.servers import tiny
from tests.servers.files import serve_files
from tests.servers.loopback import Answer, Fault, Loopback, Request
from tests.servers.stac import StacServer

ALL = {"since": dt.datetime(2015, 1, 1, tzinfo=dt.UTC), "until": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)}
SITE = tiny.site(size_m=400)
BANDS = ("blue", "green", "red", "nir", "scl")


@dataclass
class World:
    """A STAC API and a bucket on one loopback server, and a source that looks at them."""

    server: Loopback
    stac: StacServer
    folder: Path
    slept: list[float] = field(default_factory=list)

    def source(self, collection: str = "sentinel-2-c1-l2a", **options: object) -> StacApi:
        policy = RetryPolicy(attempts=3, first_wait_s=0.01, longest_wait_s=0.02)
        retrier = Retrier(policy, sleep=self.slept.append, clock=self.clock)
        http = Http(limits=HttpLimits(silence_s=1.0, whole_s=5.0))
        mode = options.get("mode", PrivacyMode.BOX)
        reader = CogReader(http=http, retrier=retrier, workers=4, mode=mode)  # type: ignore[arg-type]
        return StacApi(self.server.url, collection, http=http, retrier=retrier, reader=reader, **options)  # type: ignore[arg-type]

    def clock(self) -> float:
        return time.monotonic() + sum(self.slept)


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bucket")
    tiny.write_catalog(folder)
    return folder


@pytest.fixture
def world(bucket: Path, tmp_path: Path) -> Iterator[World]:
    folder = tmp_path / "bucket"
    shutil.copytree(bucket, folder)
    stac, files = StacServer([]), serve_files(folder)

    def handle(request: Request) -> Answer:
        return stac(request) if request.path.endswith("/search") else files(request)

    with Loopback(handle) as server:
        for index, when in enumerate(tiny.days(3)):
            hrefs = {
                band: f"{server.url}/item%20{index}/{band}.tif" for band in tiny.BANDS_10M | tiny.BANDS_20M
            }
            stac.items.append(tiny.item(when, hrefs, orbit=43879 + index))
        yield World(server, stac, folder)


def run(world: World, archive: Archive, **options: object):  # type: ignore[no-untyped-def]
    return fetch_new(SITE, archive, [world.source(**options)], bands=BANDS, **ALL)  # type: ignore[arg-type]


def test_what_an_api_lists_is_archived_once(world: World, tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive")
    first = run(world, archive)
    pixels_asked = len(world.server.paths(r"\.tif$"))
    again = run(world, archive)
    assert (first.listed, len(first.fetched), first.incomplete) == (3, 3, False)
    assert (len(again.fetched), again.held) == (0, 3)
    assert len(world.server.paths(r"\.tif$")) == pixels_asked
    assert archive.verify(deep=True) == []
    with rasterio.open(archive.products("tiny")[2].bands["nir"]) as kept:
        whole = tiny.numbers("nir", seed=2, offset=1000)
        column, row = (round(value) for value in ~kept.transform @ tiny.ORIGIN)
        assert np.array_equal(kept.read(1), whole[-row : -row + kept.height, -column : -column + kept.width])


def test_only_the_files_themselves_are_asked_for(world: World, tmp_path: Path) -> None:
    run(world, Archive(tmp_path / "archive"))
    assert {path for path in world.server.paths() if not path.endswith((".tif", "/search"))} == set()
    assert set(world.server.statuses) <= {200, 206}


def test_searches_go_out_on_snapped_boxes_and_under_a_neutral_name(world: World, tmp_path: Path) -> None:
    run(world, Archive(tmp_path / "archive"))
    (search,) = [request for request in world.server.log if request.path == "/search"]
    assert search.json()["bbox"] == list(snap_outward(SITE.bounds))
    assert search.json()["collections"] == ["sentinel-2-c1-l2a"]
    everything = " ".join(
        f"{request.target} {request.headers} {request.body!r}" for request in world.server.log
    )
    assert "campwatch" not in everything.lower()
    assert SITE.id not in [word for word in everything.split() if word == SITE.id]


def test_paging_ends_with_the_empty_page_after_a_full_one(world: World) -> None:
    world.stac.most = 1
    assert len(list(world.source().search(SITE.bounds, **ALL))) == 3
    assert len(world.server.paths("/search")) == 4


def test_planetary_computer_pages_by_token(world: World) -> None:
    world.stac.most, world.stac.flavour = 2, "planetary-computer"
    assert len(list(world.source().search(SITE.bounds, **ALL))) == 3
    assert [request.json().get("token") for request in world.server.log] == [
        None,
        "next:sentinel-2-c1-l2a:S2A_T51SYD_20240306T022601_L2A",
    ]


def test_endless_paging_ends(world: World, tmp_path: Path) -> None:
    world.stac.endless = True
    archive = Archive(tmp_path / "archive")
    report = run(world, archive)
    assert (len(report.fetched), report.incomplete) == (3, True)
    assert "paging" in archive.gaps("tiny")[0].detail


def test_a_duplicate_item_is_fetched_once(world: World, tmp_path: Path) -> None:
    world.stac.items.append(dict(world.stac.items[0]))
    report = run(world, Archive(tmp_path / "archive"))
    assert (report.listed, len(report.fetched)) == (3, 3)


def test_an_item_without_assets_is_a_gap(world: World, tmp_path: Path) -> None:
    world.stac.items[1] = {**world.stac.items[1], "assets": {}}
    archive = Archive(tmp_path / "archive")
    report = run(world, archive)
    assert (len(report.fetched), report.incomplete) == (2, True)
    assert "no asset for blue, green, red, nir" in archive.gaps("tiny")[0].detail


def test_an_item_without_a_time_is_a_gap_and_the_others_are_taken(world: World, tmp_path: Path) -> None:
    handler = world.server.handler

    def spoil(request: Request) -> Answer:
        answer = handler(request)
        if request.path == "/search":
            body = answer.body.replace(b'"datetime": "2024-03-06T02:26:01.024000Z", ', b"")
            return Answer(body=body, headers={"Content-Type": "application/geo+json"})
        return answer

    world.server.handler = spoil
    report = run(world, Archive(tmp_path / "archive"))
    assert (len(report.fetched), len(report.failed)) == (2, 1)
    assert "lacks 'datetime'" in report.failed[0].detail


RECOVERED = {
    "503 twice": [Fault(path=r"item%201/red\.tif", kind="503", times=2)],
    "500 in a burst": [Fault(path=r"item%201/.*\.tif", kind="500", times=2)],
    "429 with Retry-After": [Fault(path=r"item%201/nir\.tif", kind="429", headers={"Retry-After": "7"})],
    "429 without": [Fault(path=r"item%201/nir\.tif", kind="429")],
    "reset": [Fault(path=r"item%201/blue\.tif", kind="reset", times=1)],
    "reset in mid-body": [Fault(path=r"item%201/blue\.tif", kind="reset-late", times=2)],
    "truncated body": [Fault(path=r"item%201/green\.tif", kind="truncate", method="GET")],
    "stalled body": [Fault(path=r"item%201/green\.tif", kind="stall", method="GET", seconds=6)],
    "a page instead of the file": [Fault(path=r"item%201/scl\.tif", kind="html")],
    "corrupted bytes": [Fault(path=r"item%201/scl\.tif", kind="corrupt", method="GET")],
    "wrong content length": [Fault(path=r"item%201/red\.tif", kind="length", method="GET")],
    "search: 503": [Fault(path="/search", kind="503")],
    "search: 429 with a date": [
        Fault(path="/search", kind="429", headers={"Retry-After": "Wed, 21 Oct 2020 07:28:00 GMT"})
    ],
    "search: reset": [Fault(path="/search", kind="reset")],
    "search: reset in mid-body": [Fault(path="/search", kind="reset-late")],
    "search: truncated": [Fault(path="/search", kind="truncate")],
    "search: stalled": [Fault(path="/search", kind="stall", seconds=6)],
    "search: a page": [Fault(path="/search", kind="html")],
}


@pytest.mark.parametrize("faults", RECOVERED.values(), ids=RECOVERED)
def test_a_passing_fault_is_passed_over(world: World, tmp_path: Path, faults: list[Fault]) -> None:
    world.server.faults = [Fault(**vars(fault)) for fault in faults]
    archive = Archive(tmp_path / "archive")
    started = time.monotonic()
    report = run(world, archive)
    assert (len(report.fetched), report.incomplete) == (3, False), [gap.detail for gap in report.failed]
    assert time.monotonic() - started < 20
    assert archive.verify(deep=True) == []


LASTING = {
    "403": ("403", "403"),
    "404": ("404", "404"),
    "503": ("503", "503"),
    "429": ("429", "429"),
    "reset": ("reset", ""),
    "reset in mid-body": ("reset-late", ""),
    "truncated": ("truncate", ""),
    "stalled": ("stall", ""),
    "a page": ("html", ""),
    "corrupted": ("corrupt", ""),
}


@pytest.mark.parametrize(("kind", "said"), LASTING.values(), ids=LASTING)
def test_a_lasting_fault_is_a_gap_the_rest_is_done_and_a_healed_server_is_seen(
    world: World, tmp_path: Path, kind: str, said: str
) -> None:
    world.server.faults = [Fault(path=r"item%201/(red|nir)\.tif", kind=kind, times=10_000, seconds=6)]
    archive = Archive(tmp_path / "archive")
    started = time.monotonic()
    report = run(world, archive)
    assert time.monotonic() - started < 40
    assert (len(report.fetched), len(report.failed), report.incomplete) == (2, 1, True)
    (gap,) = archive.gaps("tiny")
    assert gap.kind is GapKind.ERROR
    assert said in gap.detail
    assert archive.verify(deep=True) == []
    world.server.faults = []
    healed = run(world, archive)
    assert (len(healed.fetched), healed.incomplete) == (1, False)
    assert archive.gaps("tiny") == []


@pytest.mark.parametrize("kind", ["403", "404", "503", "429", "reset", "stall", "html", "truncate"])
def test_a_search_that_fails_for_good_is_a_gap_and_the_next_source_is_asked(
    world: World, tmp_path: Path, kind: str
) -> None:
    second = tiny.write_catalog(tmp_path / "second", dates=tiny.days(1))
    world.server.faults = [Fault(path="/search", kind=kind, times=10_000, seconds=6)]
    from imagery.sources.static import StaticCatalog

    archive = Archive(tmp_path / "archive")
    report = fetch_new(SITE, archive, [world.source(), StaticCatalog(second)], bands=BANDS, **ALL)
    assert (len(report.fetched), len(report.failed), report.incomplete) == (1, 1, True)
    assert report.failed[0].detail.startswith("search: ")
    assert [gap.kind for gap in archive.gaps("tiny")] == [GapKind.ERROR]
    world.server.faults = []
    healed = fetch_new(SITE, archive, [world.source(), StaticCatalog(second)], bands=BANDS, **ALL)
    assert not healed.incomplete
    assert archive.gaps("tiny") == []


def test_a_server_that_asks_for_too_long_a_pause_is_not_waited_for(world: World, tmp_path: Path) -> None:
    fault = Fault(path=r"item%201/nir\.tif", kind="429", times=99, headers={"Retry-After": "86400"})
    world.server.faults = [fault]
    report = run(world, Archive(tmp_path / "archive"))
    assert len(report.failed) == 1
    assert sum(world.slept) < 3600


def test_a_file_of_another_projection_is_refused(world: World, tmp_path: Path) -> None:
    pixels = tiny.numbers("red", seed=1, offset=1000)
    tiny.write_tif(world.folder / "item 1" / "red.tif", pixels, pixel=10, epsg=32652)
    report = run(world, Archive(tmp_path / "archive"))
    assert "EPSG:32652, the item says EPSG:32651" in report.failed[0].detail


def test_a_file_of_another_size_is_refused(world: World, tmp_path: Path) -> None:
    tiny.write_tif(world.folder / "item 1" / "red.tif", tiny.numbers("red", seed=1)[:300, :260], pixel=10)
    report = run(world, Archive(tmp_path / "archive"))
    assert "do not cover the same ground" in report.failed[0].detail


def test_a_product_without_a_single_value_is_a_look_not_made(world: World, tmp_path: Path) -> None:
    for band in tiny.BANDS_10M | tiny.BANDS_20M:
        pixels = np.zeros_like(tiny.numbers(band, seed=1))
        tiny.write_tif(
            world.folder / "item 1" / f"{band}.tif", pixels, pixel=10 if band in tiny.BANDS_10M else 20
        )
    report = run(world, Archive(tmp_path / "archive"))
    assert "every pixel is nodata" in report.empty[0].detail
    assert not report.incomplete
    world.server.log.clear()
    again = run(world, Archive(tmp_path / "archive"))
    assert not again.incomplete
    assert not world.server.paths(r"\.tif")  # settled: not asked for again
    (look,) = gap_observations(Archive(tmp_path / "archive").gaps("tiny"), known=())
    assert (look.status, look.datetime.day) == ("no_data", 6)


@pytest.mark.parametrize("spelling", ["{path}", "../..{path}", "file://{path}"])
def test_a_provider_on_the_net_cannot_name_files_of_this_machine(
    spelling: str, world: World, tmp_path: Path
) -> None:
    own = (world.folder / "item 1" / "red.tif").as_posix()
    world.stac.items[1]["assets"]["red"]["href"] = spelling.format(path=own)
    report = run(world, Archive(tmp_path / "archive"))
    assert len(report.fetched) == 2
    assert [gap.datetime.day for gap in report.failed] == [tiny.days(3)[1].day]


def test_in_tile_mode_neither_box_nor_window_leaves(world: World, tmp_path: Path) -> None:
    report = run(world, Archive(tmp_path / "archive"), mode=PrivacyMode.TILE)
    assert len(report.fetched) == 3
    (search,) = [request for request in world.server.log if request.path == "/search"]
    assert "bbox" not in search.json()
    assert search.json()["query"]["grid:code"]["in"] == ["MGRS-51SYD", "MGRS-52SBJ"]
    reads = [request for request in world.server.log if request.path.endswith(".tif")]
    assert len(reads) == 3 * len(BANDS)
    assert {(request.method, "range" in request.headers) for request in reads} == {("GET", False)}
    kept = Archive(tmp_path / "archive").products("tiny")[0].bands["nir"]
    with rasterio.open(kept) as dataset:
        assert max(dataset.shape) <= 60


def test_an_address_that_nobody_answers_is_an_error() -> None:
    retrier = Retrier(RetryPolicy(attempts=2), sleep=lambda _: None)
    source = StacApi("http://127.0.0.1:9", "any", retrier=retrier)
    with pytest.raises(SourceError, match="given up after 2 attempts"):
        list(source.search(SITE.bounds, **ALL))
