"""Nothing from outside gets further than it should."""

from __future__ import annotations

import datetime as dt
import os
import socket
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence.errors import SourceError, UnsafePathError
from evidence.files import LONGEST_COMPONENT, WINDOWS_DEVICES, below, path_component
from imagery.archive.gaps import malformed_gap
from imagery.archive.store import Archive
from imagery.records import FetchedProduct, MalformedItem, Product, Raster
from imagery.sources.addresses import step_refused
from imagery.sources.http import Http
from imagery.sources.items import read_listed
from imagery.sources.retry import Retrier, RetryableError, RetryPolicy, TimeLeft
from imagery.sources.windows import UnreadableError, open_file
from tests.hostile.attackers import BANDS, KINDS, World, digests
from tests.servers import tiny

NOW = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize("kind", KINDS)
def test_attackers_get_nowhere(kind: str, tmp_path: Path) -> None:
    with World(tmp_path) as world:
        outcome = KINDS[kind](world)
    assert outcome.wrong == []
    assert outcome.tried == outcome.stored + outcome.refused + outcome.ignored
    assert outcome.tried > 10


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
CLIMBING = st.sampled_from(
    ["../../x", "/tmp/x", "..", "con", "a/b", "..\\x", "C:x", "\0", "x" * 400, "gaps", "정", ".tmp-x", ""]
)
PLACES = ("id", "collection", "bbox", "geometry", "properties", "assets", "links")
PROPERTIES = (
    "datetime", "platform", "s2:mgrs_tile", "grid:code", "s2:datatake_id", "sat:absolute_orbit",
    "sat:relative_orbit", "s2:processing_baseline", "s2:generation_time", "created", "proj:code",
    "eo:cloud_cover", "view:sun_elevation",
)  # fmt: skip


@st.composite
def spoiled_items(draw: st.DrawFn) -> object:
    """A good item with some of its places taken by any JSON; or any JSON at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(JSON)
    item = tiny.item(NOW, {band: f"{band}.tif" for band in BANDS})
    for place in draw(st.lists(st.sampled_from(PLACES), max_size=1)):
        item[place] = draw(CLIMBING | JSON)
    if isinstance(item["properties"], dict):
        for place in draw(st.lists(st.sampled_from(PROPERTIES), min_size=1, max_size=3)):
            item["properties"][place] = draw(CLIMBING | JSON)
    return item


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(item=spoiled_items())
def test_any_json_as_an_item_changes_nothing_outside_the_workspace(item: object, tmp_path: Path) -> None:
    (tmp_path / "beside.txt").write_text("as it was")
    root = tmp_path / "ws" / "archive"
    product = read_listed(item, source="a source")
    archive = Archive(root)
    if isinstance(product, MalformedItem):
        archive.record_gap("tiny", malformed_gap(product, otherwise=NOW))
        assert product.reason
    else:
        archive.put("tiny", FetchedProduct(product=product, rasters={"red": _raster()}))
        assert archive.verify(deep=True) == []
        assert len(Archive(root).products("tiny", sensor=_sensor(product), superseded=True)) >= 1
    archive.gaps("tiny")
    assert set(digests(tmp_path, but=root)) == {"beside.txt"}


def _sensor(product: Product) -> str:
    from imagery.archive.items import sensor_of

    return sensor_of(product.platform)


def _raster() -> Raster:
    from rasterio.crs import CRS

    transform = Affine(10, 0, tiny.ORIGIN[0], 0, -10, tiny.ORIGIN[1])
    wkt = CRS.from_epsg(tiny.EPSG).to_wkt()
    return Raster(band="red", pixels=np.ones((4, 4), "uint16"), transform=transform, crs_wkt=wkt, nodata=0.0)


@settings(max_examples=300, deadline=None)
@given(text=st.text() | CLIMBING | st.text(alphabet="./\\\0 :*aZ0", max_size=300) | JSON)
def test_a_component_is_one_component_on_every_system(text: object) -> None:
    made = path_component(text)
    assert made
    assert len(made) <= LONGEST_COMPONENT + 10
    assert not set(made) & set('/\\:*?"<>|\0 ')
    assert made.isascii()
    assert made.isprintable()
    assert made.strip(".") == made
    assert made.partition(".")[0].lower() not in WINDOWS_DEVICES
    assert path_component(made) == made


@given(one=st.text(max_size=40), other=st.text(max_size=40))
def test_two_names_never_become_one(one: str, other: str) -> None:
    if one.strip("._") != other.strip("._"):
        assert path_component(one) != path_component(other)


def test_what_is_written_below_a_root_lies_there_whatever_links_say(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "link").symlink_to(outside)
    (tmp_path / "also").symlink_to(root)
    assert below(root, "a", "b.txt") == root / "a" / "b.txt"
    assert below(tmp_path / "also", "b.txt") == tmp_path / "also" / "b.txt"  # the root may be a link itself
    for parts in (("..", "x"), ("link", "x"), ("/etc/x",), (".",), ("a", "..", "..", "x"), ("a\0",)):
        with pytest.raises(UnsafePathError):
            below(root, *parts)


def test_a_root_may_be_named_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    product = read_listed(tiny.item(NOW, {"red": "red.tif"}), source="a")
    assert isinstance(product, Product)
    archive = Archive(Path("ws/archive"))
    archive.put("tiny", FetchedProduct(product=product, rasters={"red": _raster()}))
    archive.record_gap("tiny", malformed_gap(_malformed(), otherwise=NOW))
    assert archive.verify(deep=True) == []
    assert len(archive.gaps("tiny")) == 1
    assert {path.name for path in (tmp_path / "ws" / "archive").iterdir()} == {"tiny", "catalog.json"}


def _malformed() -> MalformedItem:
    return MalformedItem(source="a", id=None, datetime=None, reason="a reason")


def test_the_archive_does_not_follow_a_link_out(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "archive" / "tiny").mkdir(parents=True)
    (tmp_path / "archive" / "tiny" / "sentinel-2").symlink_to(tmp_path / "outside")
    product = read_listed(tiny.item(NOW, {"red": "red.tif"}), source="a")
    assert isinstance(product, Product)
    with pytest.raises(UnsafePathError):
        Archive(tmp_path / "archive").put("tiny", FetchedProduct(product=product, rasters={"red": _raster()}))
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize(
    ("url", "target", "secret", "said"),
    [
        ("https://a.org/x", "http://a.org/x", False, "https to http"),
        ("https://a.org/x", "https://b.org/x", True, "another host"),
        ("https://a.org/x", "https://a.org:8443/x", True, "another host"),
        ("https://a.org/x", "https://169.254.169.254/latest", False, "local network"),
        ("https://a.org/x", "https://[::1]/x", False, "local network"),
        ("https://a.org/x", "https://localhost/x", False, "local network"),
        ("https://a.org/x", "file:///etc/passwd", False, "no address"),
        ("https://a.org/x", "https://b.org/x", False, None),
        ("http://a.org/x", "https://a.org/x", False, None),
        ("https://a.org/x", "https://a.org/y", True, None),
    ],
)
def test_where_an_answer_may_lead(url: str, target: str, *, secret: bool, said: str | None) -> None:
    refused = step_refused(url, target, secret=secret)
    assert refused is None if said is None else said in str(refused)


def test_gdal_names_are_no_files(tmp_path: Path) -> None:
    good = tmp_path / "a.tif"
    tiny.write_tif(good, np.ones((480, 480), "uint16"), pixel=10)
    with open_file(good) as dataset:
        assert dataset.driver == "GTiff"
    for name in (
        f"/vsicurl/http://127.0.0.1:9{good}",
        f"vrt://{good}",
        f"{good}!x",
        "/vsimem/a",
        "GTIFF_DIR:1:a",
    ):
        with pytest.raises(UnreadableError), open_file(Path(name)):
            pass


def test_a_wait_that_a_server_asks_for_stays_in_the_run_s_own_time() -> None:
    now, slept = [0.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    left = TimeLeft(until=100.0, clock=lambda: now[0])
    retrier = Retrier(RetryPolicy(attempts=50), clock=lambda: now[0], sleep=sleep, time_left=left)

    def busy() -> None:
        raise RetryableError("busy", status=429, retry_after_s=40.0)

    with pytest.raises(SourceError, match="given up after 3 attempts"):
        retrier.call(busy, what="search")
    assert sum(slept) <= 100.0
    now[0] = 101.0
    with pytest.raises(SourceError, match="time of this run is up"):
        retrier.call(busy, what="search")
    with pytest.raises(SourceError, match="time of this run is up"):
        Http(time_left=left).send("GET", "http://127.0.0.1:9/")


def test_a_handshake_that_drips_is_cut() -> None:
    """TLS takes the socket for itself: the deadline holds all the same."""
    import threading
    import time

    from tests.hostile.attackers import QUICK

    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def drip() -> None:
        line, _ = listener.accept()
        with suppress(OSError), line:
            line.sendall(b"\x16\x03\x03\x40\x00")  # a long record is announced
            while not done.wait(0.05):
                line.sendall(b"\0")

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    started = time.monotonic()
    with pytest.raises(RetryableError):
        Http(limits=QUICK).send("GET", f"https://127.0.0.1:{listener.getsockname()[1]}/")
    assert time.monotonic() - started < 6.0
    done.set()
    thread.join(2)
    listener.close()


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_secret_that_others_can_read_is_named(tmp_path: Path) -> None:
    from campwatch.settings import exposed_secrets

    path = tmp_path / "campwatch.toml"
    email = "[alerts.email]\nhost='a'\nsender='b'\nrecipients=['c']\n"
    path.write_text(f"{email}password = 'p'\n[sentinelhub]\ntoken_url = 'https://a.org/token'\n")
    path.chmod(0o644)
    (line,) = exposed_secrets(path)
    assert "alerts.email.password" in line
    assert f"chmod 600 {path}" in line
    assert "CAMPWATCH_ALERTS__EMAIL__PASSWORD" in line
    path.chmod(0o600)
    assert exposed_secrets(path) == []
    path.write_text(email)
    path.chmod(0o644)
    assert exposed_secrets(path) == []


def test_wrapped_numbers_are_missing_pixels() -> None:
    from imagery.cube.fusion import no_number

    dn = np.array([[0, 1, 32767, 32768, 65_000, 65_535]], "uint16")
    assert no_number(dn, "sentinel-2b", 1e-4).tolist() == [[False, False, False, True, True, True]]
    assert not no_number(dn, "sentinel-2b", 1 / 65_535).any()  # a product that fills all 16 bits
    assert not no_number(dn, "landsat-8", 1e-4).any()
    assert no_number(dn.view("int16"), "sentinel-2a", 1e-4).tolist() == [
        [False, False, False, True, True, True]
    ]
    floats = np.array([[0.1, np.nan, np.inf]], "float32")
    assert no_number(floats, "landsat-8", 1.0).tolist() == [[False, True, True]]
