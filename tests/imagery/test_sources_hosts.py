"""Under production host names, through a loopback proxy: nothing in the code knows that it is tested."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from evidence.errors import SettingsError
from imagery.archive.fetch import FetchReport, fetch_new
from imagery.archive.store import Archive
from imagery.sources.open import open_stac, who_learns_what
from imagery.sources.privacy import PrivacyMode
from imagery.sources.retry import Retrier, RetryPolicy
from imagery.sources.stac_api import EARTH_SEARCH, PLANETARY_COMPUTER
from tests.servers import tiny
from tests.servers.files import serve_files
from tests.servers.loopback import Answer, Fault, Loopback, Request
from tests.servers.proxy import Proxy
from tests.servers.stac import StacServer

ALL = {"since": dt.datetime(2015, 1, 1, tzinfo=dt.UTC), "until": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)}
BUCKET = "https://e84-earth-search-sentinel-data.s3.us-west-2.amazonaws.com"
BLOB = "https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2"


@dataclass
class World:
    earth_search: StacServer
    planetary: StacServer
    server: Loopback
    proxy: Proxy
    signatures: list[str]
    withdrawn: list[str]
    """Signatures that storage refuses although they have not ended."""
    folder: Path

    def run(self, url: str, collections: tuple[str, ...]) -> FetchReport:
        policy = RetryPolicy(attempts=2, first_wait_s=0.01)
        sources = open_stac(url, collections, retrier=Retrier(policy), workers=4)
        return fetch_new(tiny.site(size_m=300), Archive(self.folder / "archive"), sources, workers=2, **ALL)


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bucket")
    tiny.write_catalog(folder, dates=tiny.days(2))
    return folder


@pytest.fixture
def world(bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    earth, planetary = StacServer([], root=EARTH_SEARCH), StacServer([], root=PLANETARY_COMPUTER)
    planetary.flavour = "planetary-computer"
    files, signatures, withdrawn = serve_files(bucket), [], []

    def handle(request: Request) -> Answer:
        if request.host.startswith("earth-search"):
            return earth(request)
        if request.path.startswith("/api/sas/v1/token/"):
            signatures.append(f"st=2026&sig=s1gnature{len(signatures)}")
            return Answer.of({"msft:expiry": "2999-01-01T00:00:00Z", "token": signatures[-1]})
        if request.host == "planetarycomputer.microsoft.com":
            return planetary(request)
        if request.host.endswith("blob.core.windows.net"):
            good = [s for s in signatures if s not in withdrawn]
            if not any(signature in request.target for signature in good):
                return Answer(status=403, body=b"<Error><Code>AuthenticationFailed</Code></Error>")
            stripped = request.path.removeprefix("/sentinel2-l2")
            return files(Request(**{**_fields(request), "target": stripped}))
        return files(request)

    hosts = (
        r".*\.(element84|amazonaws)\.com|(planetarycomputer\.microsoft|.*\.blob\.core\.windows)\.(com|net)"
    )
    with Loopback(handle) as server, Proxy({hosts: server.port}, tmp_path) as proxy:
        for key, value in proxy.environment().items():
            monkeypatch.setenv(key, value)
        yield World(earth, planetary, server, proxy, signatures, withdrawn, tmp_path)


def _fields(request: Request) -> dict[str, object]:
    return {name: getattr(request, name) for name in ("method", "host", "target", "headers", "body")}


def hrefs(root: str, index: int) -> dict[str, str]:
    return {band: f"{root}/item%20{index}/{band}.tif" for band in tiny.BANDS_10M | tiny.BANDS_20M}


def test_earth_search_collection_1_first_and_the_older_one_in_its_gaps(world: World) -> None:
    first, second = tiny.days(2)
    world.earth_search.items += [
        tiny.item(first, hrefs(BUCKET, 0)),
        tiny.item(first, hrefs(BUCKET, 0), identifier="S2A_51SYD_0", collection="sentinel-2-l2a"),
        tiny.item(second, hrefs(BUCKET, 1), identifier="S2A_51SYD_1", collection="sentinel-2-l2a", orbit=1),
    ]
    report = world.run(EARTH_SEARCH, ("sentinel-2-c1-l2a", "sentinel-2-l2a"))
    assert {product.source.split("/")[-1] for product in report.fetched} == {
        "sentinel-2-c1-l2a",
        "sentinel-2-l2a",
    }
    assert (report.listed, len(report.fetched), report.incomplete) == (2, 2, False), report.failed
    assert set(world.proxy.hosts) == {"earth-search.aws.element84.com", BUCKET.removeprefix("https://")}


def test_a_source_that_lists_but_does_not_deliver_is_filled_by_the_next(world: World) -> None:
    (first,) = tiny.days(1)
    world.earth_search.items += [
        tiny.item(first, hrefs(f"{BUCKET}/gone", 0)),
        tiny.item(first, hrefs(BUCKET, 0), identifier="S2A_51SYD_0", collection="sentinel-2-l2a"),
    ]
    report = world.run(EARTH_SEARCH, ("sentinel-2-c1-l2a", "sentinel-2-l2a"))
    assert [product.id for product in report.fetched] == ["S2A_51SYD_0"]
    assert not report.incomplete


def test_planetary_computer_is_signed_and_the_signature_stays_in_memory(world: World) -> None:
    world.planetary.items += [
        tiny.item(when, hrefs(BLOB, i), collection="sentinel-2-l2a") for i, when in enumerate(tiny.days(2))
    ]
    report = world.run(PLANETARY_COMPUTER, ("sentinel-2-l2a",))
    assert (len(report.fetched), len(world.signatures)) == (2, 1), report.failed
    kept = b"".join(path.read_bytes() for path in (world.folder / "archive").rglob("*") if path.is_file())
    assert b"s1gnature" not in kept
    assert b"sig=" not in kept


def test_a_signature_that_ends_early_is_renewed_once(world: World) -> None:
    world.planetary.items.append(tiny.item(tiny.days(1)[0], hrefs(BLOB, 0), collection="sentinel-2-l2a"))
    world.withdrawn.append("st=2026&sig=s1gnature0")
    report = world.run(PLANETARY_COMPUTER, ("sentinel-2-l2a",))
    assert len(report.fetched) == 1, report.failed
    assert len(world.signatures) >= 2


def test_a_lasting_refusal_names_no_signature(world: World) -> None:
    world.planetary.items.append(tiny.item(tiny.days(1)[0], hrefs(BLOB, 0), collection="sentinel-2-l2a"))
    world.server.faults = [Fault(path=r"red\.tif", kind="403", times=99)]
    report = world.run(PLANETARY_COMPUTER, ("sentinel-2-l2a",))
    assert "403" in report.failed[0].detail
    assert "sig" not in report.failed[0].detail.replace("signature", "")


def test_tile_mode_asks_planetary_computer_in_its_own_spelling(world: World) -> None:
    (source,) = open_stac(PLANETARY_COMPUTER, ("sentinel-2-l2a",), mode=PrivacyMode.TILE)
    list(source.search(tiny.site().bounds, **ALL))
    assert world.server.log[-1].json()["query"] == {"s2:mgrs_tile": {"in": ["51SYD", "52SBJ"]}}
    assert "bbox" not in world.server.log[-1].json()


def test_doctor_can_say_who_learns_what(tmp_path: Path, bucket: Path) -> None:
    shutil.copy(bucket / "catalog.json", tmp_path)
    boxes = who_learns_what([*open_stac(), *open_stac(str(tmp_path))])
    assert [name.split(":")[0] for name, _ in boxes] == ["stac", "stac", "static"]
    assert "snapped to 0.1" in boxes[0][1]
    assert "Amazon S3: which parts" in boxes[0][1]
    tiles = who_learns_what(open_stac(mode=PrivacyMode.TILE), mode=PrivacyMode.TILE)
    assert "whole tiles" in tiles[0][1]


def test_a_path_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such catalogue"):
        open_stac(str(tmp_path / "nowhere.json"))
