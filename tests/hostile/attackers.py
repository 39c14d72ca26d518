"""Attackers on loopback: what each kind tries, what was stored of it, what was refused, and what went wrong.

Every attack runs against the public doors (a source, a fetch, a reader of site files) in a workspace that
stands among things nobody may touch. `Outcome.wrong` is what a test asserts to be empty and `python -m
benchmarks.hostile` counts.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import io
import json
import logging
import resource
import struct
import sys
import tarfile
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import rasterio
from affine import Affine

from aoi.readers import read_candidates
from evidence.errors import WatchError
from evidence.limits import Limits
from imagery.archive.fetch import FetchReport, fetch_new
from imagery.archive.store import Archive
from imagery.records import SceneSource
from imagery.sources.cog import CogReader
from imagery.sources.http import Http, HttpLimits
from imagery.sources.hub_requests import untar
from imagery.sources.retry import Retrier, RetryPolicy
from imagery.sources.sentinelhub_client import Tokens, sentinelhub_config
from imagery.sources.signing import BlobSigner
from imagery.sources.stac_api import StacApi
from imagery.sources.static import StaticCatalog
from tests.hostile.items import RAW, SPOILS
from tests.servers import tiny
from tests.servers.files import serve_files
from tests.servers.loopback import Answer, Loopback, Request

BANDS = ("blue", "green", "red", "nir")
SITE = tiny.site(size_m=400)
START = dt.datetime(2024, 3, 1, 2, 26, 1, tzinfo=dt.UTC)
ALL = {"since": dt.datetime(2015, 1, 1, tzinfo=dt.UTC), "until": dt.datetime(2035, 1, 1, tzinfo=dt.UTC)}
SECRET = 31_337
"""The number in every pixel of the raster that no attacker may bring into the archive."""
GOOD = 2
"""Good products beside the spoiled ones; they must come whatever these do."""
QUICK = HttpLimits(connect_s=2.0, silence_s=1.0, headers_s=1.5, whole_s=4.0, download_s=4.0, slow_s=0.5)
MEMORY_MB = 700
"""By which a whole kind of attacks may raise the process's peak, at `[limits] memory_gb = 2`."""


@dataclass(kw_only=True)
class Outcome:
    """What became of one kind of attacks."""

    kind: str
    tried: int = 0
    stored: int = 0
    """What was kept: of a spoiled item, what could be read past the spoiled part."""
    refused: int = 0
    """With a reason: a gap, a line of refusal."""
    ignored: int = 0
    """Neither: what lies outside the interval, or stands twice."""
    wrong: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    """Of each attack."""
    seconds: float = 0.0
    memory_mb: float = 0.0


def peak_mb(*, anew: bool = False) -> float:
    """The most memory that this process has held; on Linux since the last call that began anew."""
    if not Path("/proc/self/clear_refs").exists():
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (1e6 if sys.platform == "darwin" else 1e3)
    if anew:
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1e3


class _Unexpected(logging.Handler):
    """Hears of exceptions that were caught because anything might come, and that nobody foresaw."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(logging.WARNING)
        self.outcome = outcome

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            error = record.exc_info[1]
            self.outcome.wrong.append(f"{record.getMessage()}: {type(error).__name__}: {str(error)[:200]}")


@contextmanager
def measured(outcome: Outcome) -> Iterator[Outcome]:
    """Time and memory of a kind."""
    started, before = time.monotonic(), peak_mb(anew=True)
    listener = _Unexpected(outcome)
    logging.getLogger("imagery").addHandler(listener)
    try:
        yield outcome
    finally:
        logging.getLogger("imagery").removeHandler(listener)
        outcome.seconds, outcome.memory_mb = time.monotonic() - started, peak_mb() - before
        if outcome.memory_mb > MEMORY_MB:
            outcome.wrong.append(f"{outcome.kind}: the peak rose by {outcome.memory_mb:.0f} MB")


def digests(folder: Path, *, but: Path) -> dict[str, str]:
    """Every file below `folder` that is not below `but`, by its content."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and but not in path.parents
    }


class World:
    """A workspace among things nobody may touch, a bucket of good files, and a host nobody named."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.workspace, self.bucket = folder, folder / "ws", folder / "bucket"
        self.workspace.mkdir(parents=True, exist_ok=True)
        if not self.bucket.exists():
            tiny.write_catalog(self.bucket, dates=[START])
            secret = np.full((480, 480), SECRET, "uint16")
            tiny.write_tif(folder / "private" / "secret.tif", secret, pixel=10)
        self.canary = Loopback(lambda _: Answer(body=b"caught"))
        self.before = digests(folder, but=self.workspace)

    def __enter__(self) -> Self:
        self.canary.__enter__()
        return self

    def __exit__(self, *told: object) -> None:
        self.canary.__exit__(*told)

    def damage(self) -> list[str]:
        """What stands outside the workspace other than before, and who was asked that nobody named."""
        after = digests(self.folder, but=self.workspace)
        changed = [name for name in self.before | after if self.before.get(name) != after.get(name)]
        asked = [f"asked the unnamed host for {request.target}" for request in self.canary.log]
        return [*(f"changed outside the workspace: {name}" for name in changed), *asked]

    def stolen(self, archive: Archive) -> list[str]:
        """Products that hold the private raster."""
        found = []
        for product in archive.products("tiny", superseded=True):
            for band, path in product.bands.items():
                with rasterio.open(path) as dataset:
                    if (dataset.read(1) == SECRET).any():
                        found.append(f"{product.id}: {band} holds the private raster")
        return found


def item(number: int, *, base: str) -> dict[str, Any]:
    """A good item of one day, over the bucket's files."""
    when = START + dt.timedelta(days=5 * number)
    hrefs = {band: f"{base}/item%200/{band}.tif" for band in BANDS}
    return tiny.item(when, hrefs, orbit=43879 + number)


def quick_retrier() -> Retrier:
    """Tries once more, at once."""
    return Retrier(RetryPolicy(attempts=2, first_wait_s=0.01, longest_wait_s=0.02, longest_asked_s=1.0))


def source(url: str, *, limits: HttpLimits = QUICK) -> StacApi:
    """An API that is given up quickly."""
    http, retrier = Http(limits=limits), quick_retrier()
    return StacApi(
        url, "sentinel-2-c1-l2a", http=http, retrier=retrier, reader=CogReader(http=http, retrier=retrier)
    )


def folder_of(path: Path) -> StaticCatalog:
    """A static catalogue whose files are given up quickly."""
    return StaticCatalog(path, reader=CogReader(http=Http(limits=QUICK), retrier=quick_retrier()))


def fetch(world: World, sources: list[SceneSource], name: str) -> tuple[FetchReport, Archive]:
    """One run into an archive of its own."""
    archive = Archive(world.workspace / name)
    report = fetch_new(SITE, archive, sources, bands=BANDS, workers=4, **ALL)
    return report, archive


def spoiled_page(base: str) -> tuple[str, list[str]]:
    """A page with two good items and every spoiled one, as text; and the names in order."""
    texts = [json.dumps(item(number, base=base)) for number in range(GOOD)]
    names = []
    for number, (name, spoil) in enumerate(SPOILS.items(), start=GOOD):
        texts.append(json.dumps(spoil(item(number, base=base))))
        names.append(name)
    for number, (name, rewrite) in enumerate(RAW.items(), start=GOOD + len(SPOILS)):
        plain = json.dumps(item(number, base=base))
        texts.append(rewrite(plain))
        assert texts[-1] != plain, name
        names.append(name)
    return '{"type": "FeatureCollection", "links": [], "features": [' + ", ".join(texts) + "]}", names


def items(world: World, *, static: bool = False) -> Outcome:
    """Every spoiled item in one page, from an API or from a static catalogue."""
    outcome = Outcome(kind="malformed items, static" if static else "malformed items, API")
    files = serve_files(world.bucket)
    page = ""

    def handle(request: Request) -> Answer:
        return Answer(body=page.encode()) if request.path == "/search" else files(request)

    with measured(outcome), Loopback(handle) as server:
        page, names = spoiled_page("." if static else server.url)
        if static:
            path = world.bucket / "page.json"
            path.write_text(page, encoding="utf-8")
            world.before = digests(world.folder, but=world.workspace)
            report, archive = fetch(world, [folder_of(path)], "static")
        else:
            report, archive = fetch(world, [source(server.url)], "items")
        outcome.tried = len(names)
        outcome.stored = len(report.fetched) - GOOD
        outcome.refused = len(report.failed) + len(report.empty)
        outcome.ignored = outcome.tried - outcome.stored - outcome.refused
        outcome.reasons = {str(gap.product_id)[:80]: gap.detail for gap in report.failed}
        whole = {f"{product.datetime:%Y%m%d}" for product in report.fetched}
        for number in range(GOOD):
            if f"{START + dt.timedelta(days=5 * number):%Y%m%d}" not in whole:
                outcome.wrong.append(f"good item {number} was lost")
        outcome.wrong += [detail for gap in report.failed if "nexpected" in (detail := gap.detail)]
        outcome.wrong += world.damage() + world.stolen(archive)
        outcome.wrong += [f"{finding.where}: {finding.what}" for finding in archive.verify(deep=True)]
        Archive(archive.root).gaps("tiny")
    return outcome


def bodies(world: World) -> Mapping[str, bytes]:
    """What an asset's address may answer with, in place of a GeoTIFF."""
    secret, canary = world.folder / "private" / "secret.tif", world.canary.url
    good = (world.bucket / "item 0" / "red.tif").read_bytes()
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr("red.tif", good)
    return {
        "VRT of a local file": _vrt(str(secret)),
        "VRT of an address": _vrt(f"/vsicurl/{canary}/red.tif"),
        "VRT after blanks": b"\n \t" + _vrt(str(secret)),
        "VRT with a mark": b"\xef\xbb\xbf" + _vrt(str(secret)),
        "VRT that warps": _vrt(str(secret)).replace(
            b"<VRTDataset", b'<VRTDataset subClass="VRTWarpedDataset"'
        ),
        "WMS": f"<GDAL_WMS><Service name='TMS'><ServerUrl>{canary}</ServerUrl></Service></GDAL_WMS>".encode(),
        "GTI": f"<GDALTileIndexDataset><IndexDataset>{secret}</IndexDataset></GDALTileIndexDataset>".encode(),
        "WCS": f"<WCS_GDAL><ServiceURL>{canary}/?</ServiceURL></WCS_GDAL>".encode(),
        "STACTA": json.dumps({"type": "Feature", "assets": {"a": {"href": str(secret)}}}).encode(),
        "ENVI": b"ENVI\nsamples = 480\nlines = 480\nbands = 1\ndata type = 12\n",
        "ASCII grid": b"ncols 2\nnrows 2\nxllcorner 0\nyllcorner 0\ncellsize 1\n1 2\n3 4\n",
        "PNG": b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
        "netCDF": b"CDF\x01" + b"\0" * 100,
        "HDF5": b"\x89HDF\r\n\x1a\n" + b"\0" * 100,
        "SQLite": b"SQLite format 3\0" + b"\0" * 100,
        "zip of a TIFF": raw.getvalue(),
        "gzip of a TIFF": gzip.compress(good),
        "PDF": b"%PDF-1.4\n%" + b"\0" * 100,
        "script": b"#!/bin/sh\ntouch /tmp/campwatch-hostile\n",
        "HTML": b"<!DOCTYPE html><html></html>",
        "nothing": b"",
        "one byte": b"I",
        "TIFF cut short": good[: len(good) // 2],
        "TIFF, head only": good[:16],
        "TIFF of zeros": b"II*\0" + b"\0" * 10_000,
        "TIFF turned over": good[:8] + bytes(byte ^ 0x5A for byte in good[8:]),
        "TIFF of 100,000 by 100,000": _tiff_header(100_000, 100_000, 100_000, 100_000),
        "TIFF of one block of 30,000": _tiff_header(30_000, 30_000, 30_000, 30_000),
        "TIFF of a million blocks": _tiff_header(1 << 20, 1 << 20, 16, 16, blocks=1 << 20),
        "TIFF of endless sides": _tiff_header(2**31 - 1, 2**31 - 1, 256, 256),
        "TIFF with blocks of no size": _tiff_header(1000, 1000, 0, 0),
        "TIFF of strips, one strip": _strips(40_000, 40_000),
        "TIFF that names overviews elsewhere": _with_metadata(good, f"/vsicurl/{canary}/over.ovr"),
        "JPEG 2000 of 200,000 by 200,000": _jpeg2000_header(200_000, 200_000),
        "JPEG 2000, head only": b"\x00\x00\x00\x0cjP  \r\n\x87\n",
        "complex numbers": _complex(),
    }


def rasters(world: World, *, how: str = "ranges") -> Outcome:
    """Each body as the red band of an item, beside two good items.

    Args:
        world: where.
        how: "ranges", "whole" (a server without ranges) or "disk" (a static catalogue).
    """
    outcome = Outcome(kind=f"bodies of bands, {how}")
    files = serve_files(world.bucket)
    found = bodies(world)
    page: dict[str, Any] = {}

    def handle(request: Request) -> Answer:
        if request.path == "/search":
            return Answer.of(page)
        if not request.path.startswith("/bad/"):
            return files(request)
        number = int(request.path.split("/")[2])
        return _served(list(found.values())[number], request if how == "ranges" else None)

    with measured(outcome), Loopback(handle) as server:
        base = "." if how == "disk" else server.url
        listed = [item(number, base=base) for number in range(GOOD + len(found))]
        for number, body in enumerate(found.values()):
            href = f"{server.url}/bad/{number}/red.tif"
            if how == "disk":
                path = world.bucket / "bad" / f"{number}" / "red.tif"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)
                href = f"./bad/{number}/red.tif"
            listed[GOOD + number]["assets"]["red"]["href"] = href
        page = {"type": "FeatureCollection", "features": listed, "links": []}
        if how == "disk":
            _sidecars(world)
            (world.bucket / "bodies.json").write_text(json.dumps(page))
            world.before = digests(world.folder, but=world.workspace)
            report, archive = fetch(world, [folder_of(world.bucket / "bodies.json")], "disk")
        else:
            report, archive = fetch(world, [source(server.url)], how)
        outcome.tried = len(found)
        outcome.stored = len(report.fetched) - GOOD
        outcome.refused = len(report.failed) + len(report.empty)
        outcome.reasons = {gap.product_id or "": gap.detail for gap in report.failed}
        if outcome.stored + outcome.refused != outcome.tried:
            outcome.wrong.append(f"{outcome.stored} stored and {outcome.refused} refused of {outcome.tried}")
        days = {product.datetime.date() for product in report.fetched}
        good_days = {(START + dt.timedelta(days=5 * number)).date() for number in range(GOOD)}
        harmless = {
            (START + dt.timedelta(days=5 * (GOOD + number))).date()
            for number, name in enumerate(found)
            if name == "TIFF that names overviews elsewhere"
        }
        outcome.wrong += [f"good item of {day} was lost" for day in good_days - days]
        outcome.wrong += [f"a body of {day} was taken for a raster" for day in days - good_days - harmless]
        outcome.wrong += world.damage() + world.stolen(archive)
    return outcome


def _served(body: bytes, request: Request | None) -> Answer:
    """A body, or the range of it that was asked for."""
    asked = request.headers.get("range", "") if request is not None else ""
    if not asked or not body:
        return Answer(body=body, headers={"Content-Type": "image/tiff"})
    first, _, last = asked.removeprefix("bytes=").partition("-")
    piece = body[int(first) : int(last) + 1]
    if not piece:
        return Answer(status=416, headers={"Content-Range": f"bytes */{len(body)}"})
    spelled = f"bytes {first}-{int(first) + len(piece) - 1}/{len(body)}"
    return Answer(status=206, body=piece, headers={"Content-Range": spelled, "ETag": '"a"'})


def _sidecars(world: World) -> None:
    """Beside good files of a static catalogue: what GDAL would read along with them."""
    folder, secret = world.bucket / "item 0", world.folder / "private" / "secret.tif"
    (folder / "red.tif.aux.xml").write_text(
        "<PAMDataset><SRS>EPSG:4326</SRS><GeoTransform>0,1,0,0,0,-1</GeoTransform>"
        f"<Metadata domain='OVERVIEWS'><MDI key='OVERVIEW_FILE'>{secret}</MDI></Metadata></PAMDataset>"
    )
    (folder / "red.tif.ovr").write_bytes(secret.read_bytes())
    (folder / "red.tif.msk").write_bytes(secret.read_bytes())
    (folder / "red.tfw").write_text("1\n0\n0\n-1\n0\n0\n")


def _vrt(target: str) -> bytes:
    west, north = tiny.ORIGIN
    return (
        f'<VRTDataset rasterXSize="480" rasterYSize="480"><SRS>EPSG:{tiny.EPSG}</SRS>'
        f"<GeoTransform>{west}, 10, 0, {north}, 0, -10</GeoTransform>"
        '<VRTRasterBand dataType="UInt16" band="1"><SimpleSource>'
        f'<SourceFilename relativeToVRT="0">{target}</SourceFilename><SourceBand>1</SourceBand>'
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    ).encode()


def _tiff_header(
    width: int, height: int, block_width: int, block_height: int, *, blocks: int | None = None
) -> bytes:
    """A TIFF that is hardly more than its claims, on the tiny tile's ground in the smallest pixels."""
    count = blocks or 1
    keys = struct.pack("<16H", 1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, tiny.EPSG)
    size = tiny.SIDE_M / max(width, 1)
    scale = struct.pack("<3d", size, size, 0.0)
    tie = struct.pack("<6d", 0, 0, 0, tiny.ORIGIN[0], tiny.ORIGIN[1], 0)
    packed = zlib.compress(b"\0" * 1000)
    tags: list[tuple[int, int, int, bytes]] = [
        (256, 4, 1, struct.pack("<I", width)),
        (257, 4, 1, struct.pack("<I", height)),
        (258, 3, 1, struct.pack("<HH", 16, 0)),
        (259, 3, 1, struct.pack("<HH", 8, 0)),
        (262, 3, 1, struct.pack("<HH", 1, 0)),
        (277, 3, 1, struct.pack("<HH", 1, 0)),
        (322, 4, 1, struct.pack("<I", block_width)),
        (323, 4, 1, struct.pack("<I", block_height)),
        (324, 4, count, b"\x08\0\0\0" * count),
        (325, 4, count, struct.pack("<I", len(packed)) * count),
        (33550, 12, 3, scale),
        (33922, 12, 6, tie),
        (34735, 3, 16, keys),
    ]
    return _tiff(tags, packed)


def _strips(width: int, height: int) -> bytes:
    """A TIFF of one strip that unpacks to gigabytes."""
    packed = zlib.compress(b"\0" * 1000)
    tags = [
        (256, 4, 1, struct.pack("<I", width)),
        (257, 4, 1, struct.pack("<I", height)),
        (258, 3, 1, struct.pack("<HH", 16, 0)),
        (259, 3, 1, struct.pack("<HH", 8, 0)),
        (262, 3, 1, struct.pack("<HH", 1, 0)),
        (273, 4, 1, struct.pack("<I", 8)),
        (277, 3, 1, struct.pack("<HH", 1, 0)),
        (278, 4, 1, struct.pack("<I", height)),
        (279, 4, 1, struct.pack("<I", len(packed))),
        (33550, 12, 3, struct.pack("<3d", tiny.SIDE_M / width, tiny.SIDE_M / height, 0.0)),
        (33922, 12, 6, struct.pack("<6d", 0, 0, 0, *tiny.ORIGIN, 0)),
        (34735, 3, 16, struct.pack("<16H", 1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, tiny.EPSG)),
    ]
    return _tiff(tags, packed)


def _tiff(tags: list[tuple[int, int, int, bytes]], data: bytes) -> bytes:
    """A classic TIFF: header, data, directory, values."""
    data = data.ljust(len(data) + len(data) % 2, b"\0")
    place = 8 + len(data)
    values_at = place + 2 + 12 * len(tags) + 4
    entries, values = struct.pack("<H", len(tags)), b""
    for code, kind, count, value in tags:
        inside = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<I", values_at + len(values))
        entries += struct.pack("<HHI", code, kind, count) + inside
        values += value if len(value) > 4 else b""
    return struct.pack("<2sHI", b"II", 42, place) + data + entries + b"\0\0\0\0" + values


def _jpeg2000_header(width: int, height: int) -> bytes:
    size = struct.pack(">HHIIIIIIIIH", 41, 0, width, height, 0, 0, width, height, 0, 0, 1) + b"\x0f\x01\x01"
    coding = b"\xff\x52" + struct.pack(">HBBHBBBBBB", 12, 0, 0, 1, 0, 5, 4, 4, 0, 0)
    return b"\xff\x4f\xff\x51" + size + coding + b"\xff\x5c\x00\x13\x40" + b"\x40" * 16 + b"\xff\xd9"


def _with_metadata(good: bytes, target: str) -> bytes:
    with rasterio.MemoryFile(good) as memory, memory.open() as dataset:
        profile, pixels = dataset.profile, dataset.read(1)
    with rasterio.MemoryFile() as memory:
        with memory.open(**{**profile, "driver": "GTiff"}) as dataset:
            dataset.write(pixels, 1)
            dataset.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=target)
        return bytes(memory.getbuffer())


def _complex() -> bytes:
    transform = Affine(10, 0, tiny.ORIGIN[0], 0, -10, tiny.ORIGIN[1])
    profile = {"driver": "GTiff", "height": 480, "width": 480, "count": 1, "dtype": "complex64"}
    with rasterio.MemoryFile() as memory:
        with memory.open(**profile, crs=f"EPSG:{tiny.EPSG}", transform=transform, tiled=True) as dataset:
            dataset.write(np.ones((480, 480), "complex64"), 1)
        return bytes(memory.getbuffer())


Attack = Callable[[], object]


def run_attacks(
    outcome: Outcome, attacks: Mapping[str, Attack], *, most_s: float, at_once: int = 1
) -> Outcome:
    """Each attack: a known refusal within its time is right, all else is wrong.

    Args:
        outcome: takes what became of them.
        attacks: by name.
        most_s: of each, on a machine that does much else besides.
        at_once: how many run beside each other: many where each only waits.
    """

    def attempt(attack: Attack) -> tuple[Exception | None, float]:
        started = time.monotonic()
        try:
            attack()
        except Exception as error:  # noqa: BLE001 - what is looked for
            return error, time.monotonic() - started
        return None, time.monotonic() - started

    with measured(outcome), ThreadPoolExecutor(at_once) as pool:
        for name, (error, took) in zip(attacks, pool.map(attempt, attacks.values()), strict=True):
            outcome.tried += 1
            if error is None:
                outcome.stored += 1
                outcome.wrong.append(f"{name}: was not refused")
            elif isinstance(error, WatchError):
                outcome.refused += 1
                outcome.reasons[name] = str(error)
            else:
                outcome.wrong.append(f"{name}: unexpected {type(error).__name__}: {str(error)[:200]}")
            if took > most_s:
                outcome.wrong.append(f"{name}: took {took:.1f} s, more than {most_s:g}")
    return outcome


def redirects(world: World) -> Outcome:
    """Answers that point elsewhere, over requests that carry something."""
    outcome = Outcome(kind="redirects")
    there = world.canary.url

    def handle(request: Request) -> Answer:
        name = request.path.strip("/").split("/")[0]
        if name == "paging":
            link = {"rel": "next", "method": "POST", "href": f"{there}/search", "body": {}}
            return Answer.of({"type": "FeatureCollection", "features": [good], "links": [link]})
        if name == "loop":
            return Answer(status=302, headers={"Location": f"{server.url}/loop/{len(server.log)}/red.tif"})
        targets = {
            "file": "file:///etc/passwd",
            "gopher": f"gopher://{there.removeprefix('http://')}/",
            "nowhere": "http://[",
        }
        status = int(name) if name.isdecimal() else 302
        return Answer(status=status, headers={"Location": targets.get(name, f"{there}/caught")})

    with Loopback(handle) as server:
        good = item(0, base=server.url)
        config = sentinelhub_config_of(server.url)
        http = Http(limits=QUICK)
        key = {"Ocp-Apim-Subscription-Key": "key"}
        attacks: dict[str, Attack] = {
            f"token {status}": lambda status=status: Tokens(
                sentinelhub_config_of(server.url, token=f"/{status}"), http
            ).headers()
            for status in (301, 302, 303, 307, 308)
        }
        attacks |= {
            f"key {status}": lambda status=status: http.judge(
                http.send("GET", f"{server.url}/{status}/token", headers=key, secret=True)
            )
            for status in (302, 307)
        }
        attacks |= {
            f"process {status}": lambda status=status: http.judge(
                http.send("POST", f"{server.url}/{status}/process", json={"bbox": 1}, secret=True)
            )
            for status in (303, 307, 308)
        }
        attacks |= {
            "search 307": lambda: list(source(f"{server.url}/307").search(SITE.bounds, **_span())),
            "a next page elsewhere": lambda: list(
                source(f"{server.url}/paging").search(SITE.bounds, **_span())
            ),
            "a band in a loop": lambda: _band(f"{server.url}/loop/0/red.tif"),
            "a band from a file": lambda: _band(f"{server.url}/file/red.tif"),
            "a band by gopher": lambda: _band(f"{server.url}/gopher/red.tif"),
            "a band from nowhere": lambda: _band(f"{server.url}/nowhere/red.tif"),
        }
        assert config.sh_client_secret
        run_attacks(outcome, attacks, most_s=20.0)
        outcome.wrong += world.damage()
    return outcome


def _span() -> dict[str, dt.datetime]:
    return {"since": START - dt.timedelta(days=1), "until": START + dt.timedelta(days=1)}


def _band(href: str, limits: HttpLimits = QUICK) -> object:
    from imagery.records import Asset

    reader = CogReader(http=Http(limits=limits), retrier=quick_retrier())
    try:
        return reader.read(Asset(band="red", href=href), SITE.bounds)
    finally:
        reader.close()


def sentinelhub_config_of(url: str, *, token: str = "/token") -> Any:  # noqa: S107 - an address
    """Credentials for a server on loopback, and none of the machine's own."""
    from sentinelhub.config import SHConfig

    config = SHConfig(use_defaults=True)
    config.sh_client_id, config.sh_client_secret = "client", "secret-of-the-test"
    config.sh_base_url, config.sh_token_url = url, f"{url}{token}"
    return config


def drips(world: World) -> Outcome:
    """Answers that come a byte at a time, in every part of an answer."""
    outcome = Outcome(kind="slow drips")
    with Dripper() as dripper:
        attacks: dict[str, Attack] = {
            f"{part} of a {what}": lambda part=part, what=what: (
                _band(f"{dripper.url}/{part}/red.tif")
                if what == "band"
                else list(source(f"{dripper.url}/{part}").search(SITE.bounds, **_span()))
            )
            for part in Dripper.PARTS
            for what in ("band", "search")
        }
        attacks |= {
            f"{part} of a token": lambda part=part: Tokens(
                sentinelhub_config_of(dripper.url, token=f"/{part}"), Http(limits=QUICK)
            ).headers()
            for part in ("status", "headers", "body")
        }
        run_attacks(outcome, attacks, most_s=40.0, at_once=len(attacks))
        outcome.wrong += world.damage()
    return outcome


class Dripper:
    """A server that sends one part of its answer a byte at a time, for ever."""

    PARTS = ("status", "headers", "body", "endless", "chunks", "sizes", "trailers", "silence")
    STEP_S = 0.05

    def __init__(self) -> None:
        import socketserver

        outer = self
        self.closing = False

        class Connection(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                try:
                    part = self.rfile.readline(4096).decode("latin-1").split()[1].split("/")[1]
                    outer.answer(self.wfile, part)
                except (OSError, IndexError):
                    pass

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self.server = Server(("127.0.0.1", 0), Connection)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> Self:
        import threading

        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing = True
        self.server.shutdown()
        self.server.server_close()

    def answer(self, line: Any, part: str) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
        starts = {
            "status": b"",
            "headers": b"HTTP/1.1 200 OK\r\nX-",
            "body": head + b"Content-Length: 1000000\r\n\r\n",
            "endless": head + b"\r\n",
            "chunks": chunked,
            "sizes": chunked + b"1\r\n{\r\n",
            "trailers": chunked + b"2\r\n{}\r\n0\r\n",
            "silence": head + b"Content-Length: 5\r\n\r\n",
        }
        drops = {"status": b"H", "headers": b"a", "chunks": b"1\r\n \r\n", "sizes": b"0", "trailers": b"a"}
        line.write(starts[part])
        while not self.closing:
            if part != "silence":
                line.write(drops.get(part, b" "))
            line.flush()
            time.sleep(self.STEP_S)


def sizes(world: World) -> Outcome:
    """Bodies that are larger than what they say, or than anything honest."""
    outcome = Outcome(kind="bombs over HTTP")
    million = b"0" * 1_000_000
    encoded = {"Content-Encoding": "gzip"}
    bombs: dict[str, Answer] = {
        "gzip of 4 GB": Answer(body=_gzip_bomb(4096), headers=encoded),
        "gzip in gzip": Answer(
            body=gzip.compress(gzip.compress(million * 50)), headers={"Content-Encoding": "gzip, gzip"}
        ),
        "an unknown encoding": Answer(body=million, headers={"Content-Encoding": "br"}),
        "gzip that is none": Answer(body=million, headers=encoded),
        "gzip cut short": Answer(body=gzip.compress(million)[:-40], headers=encoded),
        "ten million lists": Answer(body=b'{"features": [' + b"[]," * 10_000_000 + b"[]]}"),
        "a million objects": Answer(body=b'{"features": [' + b'{"a":1},' * 1_000_000 + b"{}]}"),
        "deep lists": Answer(body=b"[" * 100_000 + b"]" * 100_000),
        "deep objects": Answer(body=b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        "a number of a million digits": Answer(body=b'{"features": ' + b"9" * 1_000_000 + b"}"),
        "60 MB of blanks": Answer(body=b" " * 60_000_000 + b"{}"),
        "no JSON": Answer(body=b"\xff\xfe\x00"),
        "a list": Answer(body=b"[]"),
        "a number": Answer(body=b"5"),
        "null": Answer(body=b"null"),
        "an error with status 200": Answer(body=b'{"code": "Busy", "description": "come again"}'),
        "features an object": Answer(body=b'{"features": {}}'),
        "links a number": Answer(body=b'{"features": [5], "links": 5}'),
        "links of null": Answer(body=b'{"features": [5], "links": [null]}'),
        "a length of letters": Answer(
            body=b'{"features": 5}', headers={"Content-Length": "15", "X-A": "b" * 60_000}
        ),
        "an error of 60 MB": Answer(status=500, body=b"x" * 60_000_000),
        "an error that is a bomb": Answer(status=400, body=_gzip_bomb(1024), headers=encoded),
        "a range that is longer": Answer(
            status=206, body=b"x" * 30_000_000, headers={"Content-Range": "bytes 0-16383/99999999999"}
        ),
    }
    names = list(bombs)

    def handle(request: Request) -> Answer:
        return bombs[names[int(request.path.split("/")[1])]]

    generous = HttpLimits(connect_s=2.0, silence_s=5.0, headers_s=10.0, whole_s=30.0, slow_s=5.0)
    with Loopback(handle) as server:
        attacks: dict[str, Attack] = {
            name: lambda number=number: list(
                source(f"{server.url}/{number}", limits=generous).search(SITE.bounds, **_span())
            )
            for number, name in enumerate(names[:-1])
        }
        attacks[names[-1]] = lambda: _band(f"{server.url}/{len(names) - 1}/red.tif", generous)
        attacks["band: gzip of 4 GB"] = lambda: _band(f"{server.url}/0/red.tif", generous)
        attacks["token: gzip of 4 GB"] = lambda: Tokens(
            sentinelhub_config_of(server.url, token="/0"),  # noqa: S106 - an address
            Http(limits=generous),
        ).headers()
        attacks["signature: a list"] = lambda: _signed(f"{server.url}/{names.index('a list')}")
        attacks |= {f"tar: {name}": lambda body=body: _untarred(body) for name, body in _tars().items()}
        run_attacks(outcome, attacks, most_s=60.0)
        outcome.wrong += world.damage()
    return outcome


def _signed(root: str) -> str:
    from unittest import mock

    signer = BlobSigner(http=Http(limits=QUICK), retrier=Retrier(RetryPolicy(attempts=1)))
    with mock.patch.dict("os.environ", {"PC_SDK_SAS_URL": root}):
        return signer.sign("https://account.blob.core.windows.net/container/red.tif")


def _gzip_bomb(megabytes: int) -> bytes:
    """A whole gzip file; its blocks, fully flushed, are one compressed megabyte again and again."""
    block, checksum = b"[" * (1 << 20), 0
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(megabytes):
        checksum = zlib.crc32(block, checksum)
    end = struct.pack("<II", checksum, megabytes * len(block) % (1 << 32))
    return b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + packed * megabytes + packer.flush() + end


def _tars() -> Mapping[str, bytes]:
    """Answers of Process that unpack to more than they are."""
    many = io.BytesIO()
    with tarfile.open(fileobj=many, mode="w") as archive:
        for number in range(5000):
            archive.addfile(tarfile.TarInfo(f"{number}"))
    claims = tarfile.TarInfo("bands.tif")
    claims.size = 1 << 40
    return {
        "gzip": gzip.compress(b"\0" * 100_000_000),
        "many files": many.getvalue(),
        "a file of a terabyte": claims.tobuf() + b"\0" * 1024,
        "noise": bytes(range(256)) * 100,
    }


def _untarred(body: bytes) -> object:
    return untar(body)["bands.tif"] if body else None


def site_files(world: World) -> Outcome:
    """Site files that unpack, nest or count without end."""
    outcome = Outcome(kind="bombs in site files")
    folder = world.workspace / "incoming"
    folder.mkdir(exist_ok=True)
    head = b'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
    point = b"<Placemark><Point><coordinates>127,39</coordinates></Point></Placemark>"
    entity = b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    many = b"<a/>" * 250_000
    spots = b"<Placemark><LineString><coordinates>"
    files: dict[str, Callable[[], bytes]] = {
        "60 MB of elements.kmz": lambda: _kmz((head, *[many] * 60), "doc.kml"),
        "300 MB of blanks.kmz": lambda: _kmz((head, *[b" " * 1_000_000] * 300), "doc.kml"),
        "40 MB of coordinates.kmz": lambda: _kmz((head, spots, *[b"1,1 " * 250_000] * 40), "doc.kml"),
        "attributes.kmz": lambda: _kmz(
            (head, *[b"<a " + b" ".join(b'x%d=""' % n for n in range(1000)) + b"/>"] * 5000), "doc.kml"
        ),
        "deep.kml": lambda: head + b"<Folder>" * 5000 + point,
        "entities.kml": lambda: entity + head + b"&b;" + point,
        "external.kml": lambda: (
            b'<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + head + b"<name>&a;</name>" + point
        ),
        "a hundred thousand files.kmz": _crowded,
        "zip in zip.kmz": lambda: _kmz((_kmz((head, *[many] * 20), "doc.kml"),), "inner.kmz"),
        "a lie about its size.kmz": lambda: _lying(_kmz((head, *[many] * 20), "doc.kml")),
        "lists.geojson": lambda: b'{"type":"FeatureCollection","features":[' + b"[]," * 15_000_000 + b"[]]}",
        "deep.geojson": lambda: b'{"type":' * 100_000 + b"1" + b"}" * 100_000,
        "positions.geojson": lambda: (
            b'{"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[['
            + b"[1,1]," * 8_000_000
            + b"[1,1]]]}}"
        ),
        "nothing.kmz": lambda: b"PK\x03\x04",
        "noise.gpkg": lambda: b"SQLite format 3\0" + bytes(range(256)) * 400,
        "noise.shp": lambda: b"\x00\x00\x27\x0a" + bytes(range(256)) * 400,
    }

    paths = {name: folder / name.replace(" ", "-") for name in files}
    for name, path in paths.items():
        path.write_bytes(files[name]())
    attacks = {name: lambda path=path: read_candidates(path, [], Limits()) for name, path in paths.items()}
    run_attacks(outcome, attacks, most_s=60.0)
    outcome.wrong += world.damage()
    return outcome


def _kmz(pieces: tuple[bytes, ...], name: str) -> bytes:
    raw = io.BytesIO()
    with (
        zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
        archive.open(name, "w", force_zip64=True) as stream,
    ):
        for piece in pieces:
            stream.write(piece)
    return raw.getvalue()


def _lying(data: bytes) -> bytes:
    """The zip says that what is in it is small."""
    at = data.rfind(b"PK\x01\x02")
    return data[: at + 24] + struct.pack("<I", 100) + data[at + 28 :]


def _crowded() -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for number in range(100_000):
            archive.writestr(f"{number}.png", b"")
        archive.writestr("doc.kml", b"<kml/>")
    return raw.getvalue()


KINDS: Mapping[str, Callable[[World], Outcome]] = {
    "items": items,
    "items on disk": lambda world: items(world, static=True),
    "ranges": rasters,
    "whole": lambda world: rasters(world, how="whole"),
    "disk": lambda world: rasters(world, how="disk"),
    "redirects": redirects,
    "drips": drips,
    "sizes": sizes,
    "site files": site_files,
}
"""Every kind of attack, by name."""


def summary(outcomes: list[Outcome]) -> Counter[str]:
    """Of all kinds together."""
    total: Counter[str] = Counter()
    for outcome in outcomes:
        total.update(
            tried=outcome.tried,
            stored=outcome.stored,
            refused=outcome.refused,
            ignored=outcome.ignored,
            wrong=len(outcome.wrong),
        )
    return total


__all__ = ["KINDS", "Outcome", "World", "sentinelhub_config", "summary"]
