"""Windows of files over HTTP: the pixels that GDAL would have read in place, of one version of the file."""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.warp import transform_bounds

from evidence.errors import SourceError
from imagery.records import Asset
from imagery.sources.cog import CogReader
from imagery.sources.http import Http, HttpLimits
from imagery.sources.ranges import HEAD_BYTES, RemoteFile
from imagery.sources.retry import Retrier, RetryableError, RetryPolicy
from imagery.sources.tiff import BrokenTiffError, NotTiledError, read_layout
from imagery.sources.windows import read_window
from tests.servers.files import ranged, serve_files
from tests.servers.loopback import Answer, Fault, Loopback, Request

SIDE, EPSG = 1500, 32651
ORIGIN = (752_000.0, 4_376_000.0)
PLAIN: dict[str, Any] = {"driver": "GTiff", "tiled": True, "blockxsize": 256, "blockysize": 256}
KINDS: dict[str, dict[str, Any]] = {
    "deflate, predictor": {**PLAIN, "compress": "deflate", "predictor": 2},
    "none": PLAIN,
    "lzw": {**PLAIN, "compress": "lzw", "predictor": 2},
    "zstd": {**PLAIN, "compress": "zstd", "predictor": 2},
    "bigtiff": {**PLAIN, "compress": "deflate", "BIGTIFF": "YES"},
    "big endian": {**PLAIN, "compress": "deflate", "predictor": 2, "ENDIANNESS": "BIG"},
    "cog": {"driver": "COG", "blocksize": 256, "compress": "DEFLATE", "overviews": "AUTO"},
    "cog, lerc": {"driver": "COG", "blocksize": 256, "compress": "LERC", "MAX_Z_ERROR": 0},
    "oblong blocks": {**PLAIN, "blockxsize": 512, "blockysize": 128, "compress": "deflate"},
    "strips": {"driver": "GTiff", "compress": "deflate"},
}


def write(path: Path, options: dict[str, Any], *, dtype: str = "uint16", seed: int = 0) -> None:
    pixels = np.random.default_rng(seed).integers(1, 4000, (SIDE, SIDE)).astype(dtype)
    where = Affine(10, 0, ORIGIN[0], 0, -10, ORIGIN[1])
    shape = {"width": SIDE, "height": SIDE, "count": 1, "dtype": dtype, "nodata": 0}
    with rasterio.open(path, "w", crs=f"EPSG:{EPSG}", transform=where, **shape, **options) as dataset:
        dataset.write(pixels, 1)


def box(column: float, row: float, width: float, height: float) -> tuple[float, float, float, float]:
    """Degrees around pixels of the file."""
    left, top = ORIGIN[0] + 10 * column, ORIGIN[1] - 10 * row
    found: tuple[float, float, float, float] = transform_bounds(
        EPSG, 4326, left, top - 10 * height, left + 10 * width, top
    )
    return found


BOX = box(700, 300, 120, 90)


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bucket")
    for name, options in KINDS.items():
        write(folder / f"{name}.tif", options)
    write(folder / "float.tif", {**KINDS["deflate, predictor"], "predictor": 3}, dtype="float32")
    write(folder / "byte.tif", PLAIN, dtype="uint8")
    return folder


@pytest.fixture
def server(bucket: Path) -> Iterator[Loopback]:
    with Loopback(serve_files(bucket)) as running:
        yield running


def reader(slept: list[float] | None = None, **options: Any) -> CogReader:
    retrier = Retrier(
        RetryPolicy(attempts=3, first_wait_s=0.01), sleep=(slept if slept is not None else []).append
    )
    http = Http(limits=HttpLimits(silence_s=1.0, whole_s=5.0))
    return CogReader(http=http, retrier=retrier, workers=4, **options)


def asset(server: Loopback, name: str) -> Asset:
    return Asset(band="red", href=f"{server.url}/{name}.tif")


@pytest.mark.parametrize("name", [*KINDS, "float", "byte"])
def test_a_window_is_what_gdal_reads_from_the_file_itself(bucket: Path, server: Loopback, name: str) -> None:
    local = read_window(Asset(band="red", href=str(bucket / f"{name}.tif")), BOX)
    read, _ = reader().read(asset(server, name), BOX)
    assert (read.transform, read.crs_wkt, read.nodata) == (local.transform, local.crs_wkt, local.nodata)
    assert read.pixels.dtype == local.pixels.dtype
    assert np.array_equal(read.pixels, local.pixels)


@settings(max_examples=25, deadline=None)
@given(st.integers(-5, 1480), st.integers(-5, 1480), st.integers(1, 900), st.integers(1, 900))
def test_any_window_is(bucket: Path, column: int, row: int, width: int, height: int) -> None:
    wanted = box(column, row, width, height)
    data = (bucket / "cog.tif").read_bytes()
    local = read_window(Asset(band="red", href=str(bucket / "cog.tif")), wanted)
    from imagery.sources.cog import decode_window, lattice_of, touched_blocks
    from imagery.sources.windows import window_over

    def read(first: int, length: int) -> bytes:
        return data[first : first + length]

    layout = read_layout(read)
    window = window_over(lattice_of(layout), Asset(band="red", href=""), wanted)
    pixels = decode_window(layout, window, touched_blocks(layout, window), read)
    assert np.array_equal(pixels, local.pixels)


def test_blocks_that_were_never_written_are_empty(tmp_path: Path) -> None:
    with rasterio.open(
        tmp_path / "sparse.tif", "w", sparse_ok=True, width=SIDE, height=SIDE, count=1, dtype="uint16",
        nodata=0, crs=f"EPSG:{EPSG}", transform=Affine(10, 0, ORIGIN[0], 0, -10, ORIGIN[1]), **PLAIN,
    ) as dataset:  # fmt: skip
        dataset.write(np.full((256, 256), 7, "uint16"), 1, window=rasterio.windows.Window(768, 256, 256, 256))
    with Loopback(serve_files(tmp_path)) as server:
        read, _ = reader().read(asset(server, "sparse"), BOX)
    local = read_window(Asset(band="red", href=str(tmp_path / "sparse.tif")), BOX)
    assert np.array_equal(read.pixels, local.pixels)
    assert set(np.unique(read.pixels)) == {0, 7}


def test_only_the_directory_and_the_blocks_are_asked_for(bucket: Path, server: Loopback) -> None:
    reader().read(asset(server, "cog"), BOX)
    assert {request.method for request in server.log} == {"GET"}
    assert all("range" in request.headers for request in server.log)
    layout = read_layout(lambda first, length: (bucket / "cog.tif").read_bytes()[first : first + length])
    blocks = sum(layout.block(row, column)[1] for row in (1,) for column in (2, 3))
    assert server.bytes_sent <= blocks + HEAD_BYTES + 64


def test_a_directory_at_the_end_of_the_file_takes_one_more_request(tmp_path: Path) -> None:
    write(tmp_path / "late.tif", {**PLAIN, "compress": "deflate"})
    with rasterio.open(tmp_path / "late.tif", "r+") as dataset:
        dataset.update_tags(NOTE="a" * 400)  # GDAL writes the directory anew, behind the pixels
    assert struct.unpack("<I", (tmp_path / "late.tif").read_bytes()[4:8])[0] > HEAD_BYTES
    with Loopback(serve_files(tmp_path)) as server:
        read, _ = reader().read(asset(server, "late"), BOX)
        assert len(server.log) <= 4
    local = read_window(Asset(band="red", href=str(tmp_path / "late.tif")), BOX)
    assert np.array_equal(read.pixels, local.pixels)


@pytest.mark.parametrize(
    ("rate", "sink", "said"),
    [(100.0, None, "stalled at 100 bytes/s"), (5000.0, None, "not complete after 600 s"), (5000.0, 1, "")],
)
def test_a_trickle_ends_by_its_speed_or_its_length(rate: float, sink: object, said: str) -> None:
    """A file of 5 MB; the clock is the bytes'."""
    now = [0.0]

    class Line:
        left = 5_000_000

        def read1(self, size: int, *, decode_content: bool) -> bytes:
            assert not decode_content
            count = min(size, 10_000, self.left)
            self.left -= count
            now[0] += count / rate
            return b"." * count

    class Trickle:
        ok, raw = True, Line()
        headers: ClassVar[dict[str, str]] = {}

    http = Http(clock=lambda: now[0])
    target = io.BytesIO() if sink else None
    whole = http.limits.download_s if sink else http.limits.whole_s
    if said:
        with pytest.raises(RetryableError, match=said):
            http._body(Trickle(), "https://x", target, whole, 1 << 30)
    else:
        http._body(Trickle(), "https://x", target, whole, 1 << 30)
        assert target is not None
        assert len(target.getvalue()) == 5_000_000


def test_credentials_of_a_netrc_go_nowhere(
    bucket: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login analyst password hunter2\n", encoding="utf-8")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Loopback(serve_files(bucket)) as server:
        reader().read(asset(server, "cog"), BOX)
    assert server.log
    assert not any("authorization" in request.headers for request in server.log)


def versions(paths: list[Path], *, change_at: int, **validators: Callable[[Path], str | None]) -> Any:
    """A server whose file is replaced before the request with the number `change_at`, and so on."""
    counter = itertools.count()

    def handle(request: Request) -> Answer:
        path = paths[min(next(counter) // change_at, len(paths) - 1)]
        answer = ranged(path, request)
        headers = {key: value for key, value in answer.headers.items() if key != "ETag"}
        for name, of in validators.items():
            if (value := of(path)) is not None:
                headers[name.replace("_", "-")] = value
        return replace(answer, headers=headers)

    return handle


VALIDATORS: dict[str, dict[str, Callable[[Path], str | None]]] = {
    "ETag": {"ETag": lambda path: f'"{path.stem}"'},
    "Last-Modified": {
        "Last_Modified": lambda path: f"Sun, 22 Nov 2026 00:00:0{path.stem[-1]} GMT",
    },
    "size": {},
}


@pytest.fixture(scope="module")
def editions(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same place with other numbers, and (compressed) of another size."""
    paths = [tmp_path_factory.mktemp("editions") / f"v{i}.tif" for i in range(4)]
    for seed, path in enumerate(paths):
        write(path, {**PLAIN, "compress": "deflate"}, seed=seed)
    return paths


@pytest.mark.parametrize("validator", VALIDATORS)
def test_a_file_that_is_replaced_between_two_ranges_is_read_anew_and_never_mixed(
    editions: list[Path], validator: str
) -> None:
    handle = versions(editions[:2], change_at=2, **VALIDATORS[validator])
    with Loopback(handle) as server:
        read, headers = reader().read(asset(server, "any"), box(500, 300, 300, 300))
    whole = [read_window(Asset(band="red", href=str(path)), box(500, 300, 300, 300)) for path in editions[:2]]
    assert np.array_equal(read.pixels, whole[1].pixels)
    assert not np.array_equal(read.pixels, whole[0].pixels)
    if validator == "ETag":
        assert headers["etag"] == '"v1"'


def test_a_file_that_never_rests_is_an_error_that_names_both_versions(editions: list[Path]) -> None:
    handle = versions(editions * 5, change_at=1, **VALIDATORS["ETag"])
    with (
        Loopback(handle) as server,
        pytest.raises(SourceError, match=r"replaced.*ETag was"),
    ):
        reader().read(asset(server, "any"), BOX)
    assert len(server.log) < 20


def test_a_range_that_came_is_not_asked_for_again(server: Loopback) -> None:
    server.faults = [Fault(path="cog", kind="503", times=1, method="GET")]
    file = RemoteFile(f"{server.url}/cog.tif", Http())
    with pytest.raises(RetryableError):
        file.read(0, 16)
    file.read(0, 16)
    with ThreadPoolExecutor(2) as pool:
        server.faults = [Fault(path="cog", kind="503")]
        wanted = {100_000: 500, 200_000: 500, 300_000: 500}
        with pytest.raises(RetryableError):
            file.read_many(wanted, pool)
        asked = len(server.log)
        file.read_many(wanted, pool)
    assert len(server.log) == asked + 1


def test_a_pause_that_the_server_asks_for_is_kept(server: Loopback) -> None:
    slept: list[float] = []
    server.faults = [Fault(path="cog", kind="429", headers={"Retry-After": "7"})]
    reader(slept).read(asset(server, "cog"), BOX)
    assert sum(slept) >= 6.9


def test_a_server_that_knows_no_ranges_is_asked_for_the_whole_file_once(bucket: Path) -> None:
    def handle(request: Request) -> Answer:
        return Answer(body=(bucket / request.path[1:]).read_bytes(), headers={"Content-Type": "image/tiff"})

    with Loopback(handle) as server:
        read, _ = reader().read(asset(server, "cog"), BOX)
        assert len(server.log) == 2
    local = read_window(Asset(band="red", href=str(bucket / "cog.tif")), BOX)
    assert np.array_equal(read.pixels, local.pixels)


def wrong_range(answer: Answer) -> Answer:
    return replace(answer, headers={**answer.headers, "Content-Range": "bytes 5-9/100"})


def no_range(answer: Answer) -> Answer:
    return replace(answer, headers={k: v for k, v in answer.headers.items() if k != "Content-Range"})


def other_range(answer: Answer) -> Answer:
    """The right label on the wrong number of bytes."""
    return replace(answer, body=answer.body[:-7])


@pytest.mark.parametrize("spoil", [wrong_range, no_range, other_range])
def test_an_answer_that_is_not_the_range_is_refused(bucket: Path, spoil: Callable[[Answer], Answer]) -> None:
    with (
        Loopback(lambda request: spoil(ranged(bucket / "cog.tif", request))) as server,
        pytest.raises(SourceError, match="given up after 3 attempts"),
    ):
        reader().read(asset(server, "cog"), BOX)


@pytest.mark.parametrize("kept", [3, 40, 3000, 60_000], ids="{} bytes".format)
def test_a_file_that_was_cut_short_is_an_error(bucket: Path, tmp_path: Path, kept: int) -> None:
    (tmp_path / "cut.tif").write_bytes((bucket / "deflate, predictor.tif").read_bytes()[:kept])
    with Loopback(serve_files(tmp_path)) as server, pytest.raises(SourceError, match="given up after 3"):
        reader().read(asset(server, "cut"), BOX)


def test_an_address_that_is_not_http_is_said_to_be_unreadable() -> None:
    with pytest.raises(SourceError, match=r"s3://eodata/x\.jp2: only https"):
        reader().read(Asset(band="red", href="s3://eodata/x.jp2"), BOX)


def test_what_the_server_said_of_the_file_comes_along(server: Loopback) -> None:
    _, headers = reader().read(asset(server, "cog"), BOX)
    assert set(headers) >= {"etag", "content-type"}


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_spoiled_directory_is_refused_or_read_and_nothing_else(bucket: Path, data: st.DataObject) -> None:
    good = bytearray((bucket / "cog.tif").read_bytes()[:8192])
    for _ in range(data.draw(st.integers(1, 6))):
        good[data.draw(st.integers(0, 700))] = data.draw(st.integers(0, 255))
    stream = io.BytesIO(bytes(good))

    def read(first: int, length: int) -> bytes:
        if first > len(good):
            return b""
        stream.seek(first)
        return stream.read(length)

    try:
        layout = read_layout(read)
    except (BrokenTiffError, NotTiledError):
        return
    assert len(layout.offsets) == layout.block_rows * layout.block_columns


def test_what_begins_otherwise_is_no_tiff() -> None:
    for start in (b"", b"<!DOCTYPE html>  ", struct.pack("<2sHI", b"II", 41, 8) + b"\0" * 8):
        with pytest.raises(BrokenTiffError, match="no TIFF"):
            read_layout(lambda first, length, start=start: start[first : first + length])
