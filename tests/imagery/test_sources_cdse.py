"""Copernicus Data Space without processing units: windows of JPEG 2000, S3 signatures, downloads."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from evidence.errors import SettingsError, SourceError
from evidence.limits import Limits
from imagery.archive.fetch import FetchReport, fetch_new
from imagery.archive.listing import fetch_cost, list_products
from imagery.archive.store import Archive
from imagery.records import Asset
from imagery.sources.cdse import CdseAddresses, open_cdse
from imagery.sources.cog import CogReader
from imagery.sources.http import Http, HttpLimits
from imagery.sources.jp2 import read_codestream
from imagery.sources.privacy import PrivacyMode
from imagery.sources.retry import Retrier, RetryPolicy
from imagery.sources.signing import Account, S3Keys, S3Signer
from imagery.sources.tiff import BrokenTiffError, NotTiledError
from tests.servers import dataspace, tiny
from tests.servers.files import serve_files
from tests.servers.loopback import Answer, Fault, Loopback, Request
from tests.servers.stac import StacServer
from tests.servers.store import Store, object_store

SITE = tiny.site(size_m=400)
DAYS = tiny.days(3)
SPAN = {"since": dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "until": dt.datetime(2025, 1, 1, tzinfo=dt.UTC)}
BANDS = tuple(dataspace.BANDS)
ACCOUNT = Account(username=SecretStr("analyst@example.org"), password=SecretStr("pa55word-of-the-test"))
QUICK = Retrier(RetryPolicy(attempts=3, first_wait_s=0.01))


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("eodata")
    dataspace.write_products(folder, DAYS)
    return folder


@pytest.fixture(scope="module")
def store(bucket: Path) -> Iterator[Store]:
    with object_store(bucket) as found:
        yield found


def items(downloads: str) -> list[dict[str, Any]]:
    return [
        dataspace.item(day, orbit=43879 + 71 * seed, downloads=downloads) for seed, day in enumerate(DAYS)
    ]


def keys(store: Store, *, secret: str | None = None) -> S3Keys:
    return S3Keys(access_key=SecretStr(store.access_key), secret_key=SecretStr(secret or store.secret_key))


def fetch(tmp_path: Path, server: Loopback, **options: Any) -> tuple[FetchReport, Archive]:
    s3_url = options.pop("s3_url", server.url)
    addresses = CdseAddresses(
        stac_url=server.url, s3_url=s3_url, token_url=f"{server.url}/token", download_url=server.url
    )
    sources = open_cdse(addresses=addresses, retrier=options.pop("retrier", QUICK), **options)
    archive = Archive(tmp_path / "archive")
    report = fetch_new(SITE, archive, sources, bands=BANDS, **SPAN)
    for source in sources:
        source.close()
    return report, archive


def check_pixels(archive: Archive, bucket: Path) -> None:
    held = archive.products("tiny")
    assert [product.datetime.date() for product in held] == [day.date() for day in DAYS]
    for product, day in zip(held, DAYS, strict=True):
        assert set(product.bands) == set(BANDS)
        assert product.platform == "sentinel-2b"
        assert product.offset["red"] == -0.1
        for band, path in product.bands.items():
            with (
                rasterio.open(path) as ours,
                rasterio.open(bucket / dataspace.key_of(day, band)) as theirs,
            ):
                window = theirs.window(*ours.bounds).round_offsets().round_lengths()
                np.testing.assert_array_equal(ours.read(1), theirs.read(1, window=window))
                assert ours.crs == theirs.crs


def test_windows_come_from_the_object_store_with_the_users_keys(
    store: Store, bucket: Path, tmp_path: Path
) -> None:
    with Loopback(StacServer(items("https://zipper.invalid"))) as server:
        report, archive = fetch(tmp_path, server, keys=keys(store), s3_url=store.url)
    assert (len(report.fetched), report.failed, report.lacking) == (3, [], [])
    check_pixels(archive, bucket)
    assert archive.verify(deep=True) == []
    assert store.secret_key not in _all_text(tmp_path)
    assert store.access_key not in _all_text(tmp_path)


def test_keys_that_are_refused_are_a_gap_and_named_nowhere(store: Store, tmp_path: Path) -> None:
    with Loopback(StacServer(items("https://zipper.invalid"))) as server:
        report, _ = fetch(tmp_path, server, keys=keys(store, secret="wr0ng" * 8), s3_url=store.url)
    assert (len(report.fetched), len(report.failed)) == (0, 3)
    assert all("HTTP 403" in gap.detail for gap in report.failed)
    assert "wr0ng" not in _all_text(tmp_path)


def _all_text(folder: Path) -> str:
    return "".join(path.read_text("latin-1") for path in folder.rglob("*") if path.is_file())


@given(
    key=st.text(alphabet="abcXYZ019-_.~", min_size=1, max_size=30),
    secret=st.text(alphabet="abcXYZ019/+", min_size=1, max_size=40),
    region=st.sampled_from(["default", "us-east-1", "waw3-1"]),
)
@settings(max_examples=30, deadline=None)
def test_a_signature_is_the_one_that_an_independent_signer_makes(key: str, secret: str, region: str) -> None:
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    url = f"https://eodata.example.org/eodata/Sentinel-2/{key}.jp2"
    signer = S3Signer(
        S3Keys(access_key=SecretStr("AKIA"), secret_key=SecretStr(secret)),
        "https://eodata.example.org",
        region=region,
        now=lambda: now,
    )
    _, headers = signer.authorised(url)
    request = AWSRequest(
        method="GET", url=url, headers={"X-Amz-Content-SHA256": headers["x-amz-content-sha256"]}
    )
    request.context["timestamp"] = headers["x-amz-date"]
    oracle = S3SigV4Auth(Credentials("AKIA", secret), "s3", region)
    request.headers["X-Amz-Date"] = headers["x-amz-date"]
    string = oracle.string_to_sign(request, oracle.canonical_request(request))
    assert headers["Authorization"].endswith(f"Signature={oracle.signature(string, request)}")


def test_a_signature_goes_to_its_own_store_alone() -> None:
    signer = S3Signer(
        S3Keys(access_key=SecretStr("AKIA"), secret_key=SecretStr("s")), "https://eodata.example.org"
    )
    assert signer.authorised("https://elsewhere.example.org/eodata/x.jp2")[1] == {}
    assert signer.authorised("http://eodata.example.org/eodata/x.jp2")[1] == {}


def count_bytes(server: Loopback, path: Path, *, size_m: float = 400) -> tuple[int, int]:
    """Bytes that a window of red took, and those of the tiles that it touches."""
    asset = Asset(band="red", href=f"{server.url}/{path.name}")
    site = tiny.site(size_m=size_m)
    server.bytes_sent = 0
    reader = CogReader(http=Http(), retrier=QUICK)
    raster, _ = reader.read(asset, site.bounds)
    reader.close()
    sent = server.bytes_sent
    data = path.read_bytes()
    with rasterio.open(path) as dataset:
        first = ((raster.transform.c - tiny.ORIGIN[0]) / 10, (tiny.ORIGIN[1] - raster.transform.f) / 10)
        window = rasterio.windows.Window(*first, raster.pixels.shape[1], raster.pixels.shape[0])
        np.testing.assert_array_equal(raster.pixels, dataset.read(1, window=window))
    read = _reader(data)
    layout = read_codestream(read)
    return sent, sum(part.length for part in layout.parts(layout.tiles(window), read))


def _reader(data: bytes) -> Callable[[int, int], bytes]:
    return lambda first, length: data[first : first + length]


@pytest.mark.parametrize("stated", [True, False], ids=["TLM", "no TLM"])
def test_the_tiles_that_a_window_touches_are_read_and_little_more(*, stated: bool, tmp_path: Path) -> None:
    path = tmp_path / "red.jp2"
    rng = np.random.default_rng(5)
    pixels = rng.integers(1, 60_000, (480, 480)).astype("uint16")
    dataspace.write_jp2(path, pixels, pixel=10, stated=stated)
    with Loopback(serve_files(tmp_path)) as server:
        sent, needed = count_bytes(server, path)
    assert needed < path.stat().st_size / 2
    assert sent < needed + 3 * (1 << 14)  # the head, and headers of answers


def test_two_ways_of_finding_tiles_agree(tmp_path: Path) -> None:
    pixels = tiny.numbers("red", seed=1)
    found = []
    for stated in (True, False):
        dataspace.write_jp2(tmp_path / f"{stated}.jp2", pixels, pixel=10, stated=stated)
        read = _reader((tmp_path / f"{stated}.jp2").read_bytes())
        layout = read_codestream(read)
        assert bool(layout.stated) is stated
        parts = layout.parts(frozenset(range(16)), read)
        found.append([(part.tile, part.first - layout.start, part.length) for part in parts])
    assert found[0] == found[1]


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_broken_files_are_refused_and_nothing_else_happens(jp2: bytes, data: st.DataObject) -> None:
    broken = bytearray(jp2[: data.draw(st.integers(0, len(jp2)))])
    for _ in range(data.draw(st.integers(0, 4))):
        if broken:
            broken[data.draw(st.integers(0, min(len(broken), 900) - 1))] = data.draw(st.integers(0, 255))
    read = _reader(bytes(broken))
    asked: list[int] = []

    def counted(first: int, length: int) -> bytes:
        asked.append(length)
        return read(first, length)

    try:
        layout = read_codestream(counted, Limits())
        layout.parts(frozenset({0, 5}), counted)
    except (BrokenTiffError, NotTiledError):
        pass
    assert sum(asked) < 20_000_000


@pytest.fixture(scope="module")
def jp2(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("jp2") / "red.jp2"
    dataspace.write_jp2(path, tiny.numbers("red", seed=3), pixel=10)
    return path.read_bytes()


FAULTS = ["503", "429", "reset-late", "truncate", "length", "corrupt"]


@pytest.mark.parametrize("kind", FAULTS)
def test_what_fails_once_is_asked_for_again(kind: str, bucket: Path, tmp_path: Path) -> None:
    files, search = serve_files(bucket, prefix="/eodata"), StacServer(items("https://zipper.invalid"))
    signed = S3Keys(access_key=SecretStr("AKIA"), secret_key=SecretStr("s"))
    with Loopback(lambda r: search(r) if r.path == "/search" else files(r)) as server:
        headers = {"Retry-After": "0"} if kind == "429" else {}
        server.faults.append(Fault(path="B04_10m", kind=kind, headers=headers))
        report, archive = fetch(tmp_path, server, keys=signed)
    assert (len(report.fetched), report.failed) == (3, [])
    check_pixels(archive, bucket)


def test_a_file_that_is_gone_is_a_gap_and_an_auxiliary_one_costs_no_look(
    bucket: Path, tmp_path: Path
) -> None:
    files, search = serve_files(bucket, prefix="/eodata"), StacServer(items("https://zipper.invalid"))
    gone = (dataspace.key_of(DAYS[0], "swir16"), dataspace.key_of(DAYS[1], "red"))

    def handle(request: Request) -> Answer:
        if request.path.endswith(gone):
            return Answer(status=404)
        return search(request) if request.path == "/search" else files(request)

    signed = S3Keys(access_key=SecretStr("AKIA"), secret_key=SecretStr("s"))
    with Loopback(handle) as server:
        report, archive = fetch(tmp_path, server, keys=signed)
    assert (len(report.fetched), len(report.failed), len(report.lacking)) == (2, 1, 1)
    assert "B04_10m.jp2: HTTP 404" in report.failed[0].detail
    assert report.lacking[0].values["bands"] == ["swir16"]
    assert len(archive.products("tiny")) == 2


class Downloads:
    """Search, tokens and whole files, as the Data Space offers them to an account."""

    def __init__(self, bucket: Path, *, lasts: int = 600) -> None:
        self.files, self.lasts = serve_files(bucket, prefix="/odata/v1"), lasts
        self.search: StacServer | None = None
        self.tokens: list[str] = []
        self.grants: list[str] = []
        self.revoked: set[str] = set()
        self.lock, self.open, self.most = threading.Lock(), 0, 0
        self.seen: list[Request] = []

    def __call__(self, request: Request) -> Answer:
        with self.lock:
            self.open += 1
            self.most = max(self.most, self.open)
        try:
            return self._answer(request)
        finally:
            with self.lock:
                self.open -= 1

    def _answer(self, request: Request) -> Answer:
        self.seen.append(request)
        if request.path == "/search":
            assert self.search is not None
            return self.search(request)
        if request.path == "/token":
            return self._token(request.body.decode())
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens or token in self.revoked:
            return Answer.of({"detail": "Token expired"}, status=401)
        told = {name: getattr(request, name) for name in ("method", "host", "body")}
        return self.files(  # ranges are not known here
            Request(**told, headers={}, target=request.target.removesuffix("/$value"))
        )

    def _token(self, form: str) -> Answer:
        self.grants.append(form.split("grant_type=")[1].split("&", maxsplit=1)[0])
        if self.grants[-1] == "password" and "pa55word-of-the-test" not in form:
            return Answer.of({"error": "invalid_grant"}, status=401)
        if self.grants[-1] == "refresh_token" and self.lasts < 0:
            return Answer.of({"error": "invalid_grant"}, status=400)
        self.tokens.append(f"t0ken-of-the-test-{len(self.tokens)}")
        return Answer.of(
            {
                "access_token": self.tokens[-1],
                "expires_in": max(self.lasts, 0),
                "refresh_token": "r3fresh-of-the-test",
            }
        )


def test_an_account_without_keys_downloads_whole_files(bucket: Path, tmp_path: Path) -> None:
    here = Downloads(bucket)
    with Loopback(here) as server:
        here.search = StacServer(items(server.url))
        report, archive = fetch(tmp_path, server, account=ACCOUNT)
    assert (len(report.fetched), report.failed) == (3, [])
    check_pixels(archive, bucket)
    assert here.grants == ["password"]
    assert here.most <= 4
    kept = _all_text(tmp_path)
    for secret in ("pa55word", "analyst@", "t0ken-of", "r3fresh"):
        assert secret not in kept
    assert not [r for r in here.seen if r.path == "/search" and "authorization" in r.headers]


@pytest.mark.parametrize(("lasts", "second"), [(0, "refresh_token"), (-1, "refresh_token")])
def test_a_token_that_ends_is_renewed(lasts: int, second: str, bucket: Path, tmp_path: Path) -> None:
    here = Downloads(bucket, lasts=lasts)
    with Loopback(here) as server:
        here.search = StacServer(items(server.url)[:1])
        report, _ = fetch(tmp_path, server, account=ACCOUNT)
    assert len(report.fetched) == 1
    assert here.grants[:2] == ["password", second]
    assert ("password" in here.grants[1:]) is (lasts < 0)


def test_a_token_that_is_withdrawn_is_asked_for_once_more(bucket: Path, tmp_path: Path) -> None:
    here = Downloads(bucket)
    here.revoked.add("t0ken-of-the-test-0")
    with Loopback(here) as server:
        here.search = StacServer(items(server.url))
        report, _ = fetch(tmp_path, server, account=ACCOUNT)
    assert (len(report.fetched), report.failed) == (3, [])


def test_a_wrong_password_is_said_and_not_tried_again(bucket: Path, tmp_path: Path) -> None:
    here = Downloads(bucket)
    wrong = Account(username=SecretStr("analyst@example.org"), password=SecretStr("wr0ng-of-the-test"))
    with Loopback(here) as server:
        here.search = StacServer(items(server.url)[:1])
        report, _ = fetch(tmp_path, server, account=wrong)
    assert len(report.failed) == 1
    assert "HTTP 401 invalid_grant" in report.failed[0].detail
    assert "wr0ng" not in _all_text(tmp_path)
    assert len(here.grants) <= 2 * len(BANDS)


def test_a_token_goes_to_the_download_host_alone(bucket: Path, tmp_path: Path) -> None:
    here, elsewhere = Downloads(bucket), []

    def other(request: Request) -> Answer:
        elsewhere.append(request)
        return Answer(status=403)

    with Loopback(here) as server, Loopback(other) as stranger:
        here.search = StacServer(items(stranger.url)[:1])
        report, _ = fetch(tmp_path, server, account=ACCOUNT)
    assert len(report.failed) == 1
    assert elsewhere
    assert not [request for request in elsewhere if "authorization" in request.headers]


def test_without_credentials_there_is_no_source() -> None:
    with pytest.raises(SettingsError, match="CAMPWATCH_CDSE__ACCESS_KEY"):
        open_cdse()


def test_tile_mode_names_tiles_and_reads_whole_files(bucket: Path, tmp_path: Path) -> None:
    files, search = serve_files(bucket, prefix="/eodata"), StacServer(items("https://zipper.invalid"))
    signed = S3Keys(access_key=SecretStr("AKIA"), secret_key=SecretStr("s"))
    with Loopback(lambda r: search(r) if r.path == "/search" else files(r)) as server:
        report, archive = fetch(tmp_path, server, keys=signed, mode=PrivacyMode.TILE)
        asked = [request for request in server.log if request.path != "/search"]
        searched = next(request.json() for request in server.log if request.path == "/search")
    assert len(report.fetched) == 3
    check_pixels(archive, bucket)
    assert "bbox" not in searched
    assert searched["query"]["grid:code"]["in"]
    assert not [request for request in asked if "range" in request.headers]


def test_the_cost_of_whole_files_is_said_before_they_come(tmp_path: Path) -> None:
    found = {}
    for name, options in {
        "keys": {"keys": S3Keys(access_key=SecretStr("a"), secret_key=SecretStr("s"))},
        "account": {"account": ACCOUNT},
    }.items():
        with Loopback(StacServer(items("https://zipper.invalid"))) as server:
            sources = open_cdse(addresses=CdseAddresses(stac_url=server.url), **options)  # type: ignore[arg-type]
            listing = list_products(SITE, Archive(tmp_path), sources, **SPAN)
        found[name] = fetch_cost(listing, BANDS, SITE.bounds).download_bytes
    assert found["account"] == 3 * len(BANDS) * 118_720_689
    assert found["keys"] < found["account"] / 1000


def test_a_file_of_strips_of_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "red.jp2").write_bytes(b"<html>maintenance</html>")
    with Loopback(serve_files(tmp_path)) as server:
        reader = CogReader(http=Http(limits=HttpLimits(connect_s=2)), retrier=QUICK)
        with pytest.raises(SourceError, match="no TIFF"):
            reader.read(Asset(band="red", href=f"{server.url}/red.jp2"), SITE.bounds)
        reader.close()
