"""Wall time over the bandwidth floor, bytes over needed: 5 km, 30 dates, 6 bands, a slow loopback server.

    python -m benchmarks.fetch.bench --write     # renews the table in docs/imagery-sources.md
    python -m benchmarks.fetch.bench --jp2 --write     # and that of JPEG 2000

The server adds 80 ms to each answer and sends 200 Mbit/s in all. The floor is what the blocks that must be
fetched take at that rate. odc-stac reads the same windows in the same run, with the same GDAL options and 16
threads. Loaders take turns; the best of each is kept, since other work on the machine only adds.
"""

# ruff: noqa: PLC0415 - heavy imports stay out of the server's process; one reader, one screen
from __future__ import annotations

import argparse
import datetime as dt
import json
import multiprocessing
import shutil
import tempfile
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.windows import Window
from shapely.geometry import box

from aoi.records import Site
from benchmarks.manual import write_table
from imagery.archive.fetch import fetch_new
from imagery.archive.store import Archive
from imagery.records import Product
from imagery.sources.cog import CogReader
from imagery.sources.items import product_from_item
from imagery.sources.windows import GDAL_OPTIONS
from tests.servers import tiny

BANDS = {"blue": 10, "green": 10, "red": 10, "nir": 10, "swir16": 20, "swir22": 20}
ORIGIN, EPSG, SIDE_M = (699_960.0, 4_400_040.0), 32651, 109_800
CENTRE = (754_960.0, 4_373_040.0)
WITH_ADDRESSES = {key: value for key, value in GDAL_OPTIONS.items() if not key.startswith("CPL_")}
"""For GDAL's own range requests: as ours, but for those that deny it addresses."""
LATENCY_S, BYTES_PER_S = 0.080, 25e6
DATES = 30


@dataclass(frozen=True, kw_only=True)
class Row:
    loader: str
    block: str
    wall_s: float
    floor_s: float
    bytes_over_needed: float
    requests: int


class Listed:
    """The thirty products, without a search."""

    masks_first = True
    name = "bench"

    def __init__(self, products: list[Product], reader: CogReader) -> None:
        self.products, self.reader = products, reader

    def search(self, *_: Any) -> list[Product]:
        return self.products

    def fetch(self, product: Product, bands: Any, bounds: Any) -> Any:
        return self.reader.fetch(product, bands, bounds)


def make_files(folder: Path, block: int) -> None:
    """Full-size tiles, sparse but for texture around the site, compressed as the public ones are."""
    rng = np.random.default_rng(0)
    for band, pixel in BANDS.items():
        size = SIDE_M // pixel
        column, row = (int(abs(CENTRE[i] - ORIGIN[i]) / pixel) for i in (0, 1))
        half = 2048 * 10 // pixel
        grain = np.kron(rng.normal(2600, 500, (2 * half // 16, 2 * half // 16)), np.ones((16, 16)))
        pixels = np.clip(grain + rng.normal(0, 30, grain.shape), 1, 15_000).astype("uint16")
        profile = {
            "driver": "GTiff",
            "width": size,
            "height": size,
            "count": 1,
            "dtype": "uint16",
            "nodata": 0,
            "crs": f"EPSG:{EPSG}",
            "transform": Affine(pixel, 0, ORIGIN[0], 0, -pixel, ORIGIN[1]),
            "tiled": True,
            "blockxsize": block,
            "blockysize": block,
            "compress": "deflate",
            "predictor": 2,
        }
        with rasterio.open(folder / f"{band}.tif", "w", sparse_ok=True, **profile) as dataset:
            dataset.write(pixels, 1, window=Window(column - half, row - half, 2 * half, 2 * half))


def make_jp2(folder: Path, *, stated: bool) -> None:
    """Full-size tiles as JPEG 2000, empty but for texture around the site; bands of one size are one file."""
    rng = np.random.default_rng(0)
    for pixel in sorted(set(BANDS.values())):
        size = SIDE_M // pixel
        column, row = (int(abs(CENTRE[i] - ORIGIN[i]) / pixel) for i in (0, 1))
        half = 1024 * 10 // pixel
        grain = np.kron(rng.normal(2600, 500, (2 * half // 16, 2 * half // 16)), np.ones((16, 16)))
        image = np.zeros((size, size), "uint16")
        image[row - half : row + half, column - half : column + half] = np.clip(
            grain + rng.normal(0, 30, grain.shape), 1, 15_000
        )
        bands = [band for band, metres in BANDS.items() if metres == pixel]
        with rasterio.open(
            folder / f"{bands[0]}.jp2",
            "w",
            driver="JP2OpenJPEG",
            width=size,
            height=size,
            count=1,
            dtype="uint16",
            crs=f"EPSG:{EPSG}",
            transform=Affine(pixel, 0, ORIGIN[0], 0, -pixel, ORIGIN[1]),
            blockxsize=1024,
            blockysize=1024,
            QUALITY=100,
            REVERSIBLE="YES",
            TLM="YES" if stated else "NO",
        ) as dataset:
            dataset.write(image, 1)
        for band in bands[1:]:
            shutil.copy(folder / f"{bands[0]}.jp2", folder / f"{band}.jp2")


def serve(folder: Path, ready: Any, asked: Any) -> None:
    """The slow server, in a process of its own."""
    from tests.servers.files import ranged
    from tests.servers.loopback import Answer, Loopback, Request

    def handle(request: Request) -> Answer:
        if request.path == "/stats":
            counted = {"bytes": server.bytes_sent, "requests": len(server.log)}
            server.bytes_sent = 0
            server.log.clear()
            return Answer.of(counted)
        path = folder / request.path.rsplit("/", 1)[-1]
        return ranged(path, request) if path.exists() else Answer(status=404)

    with Loopback(handle, latency_s=LATENCY_S, bytes_per_s=BYTES_PER_S) as server:
        ready.put(server.url)
        asked.get()


def needed_bytes(folder: Path, windows: dict[str, Window]) -> int:
    """Compressed size of the blocks that the windows touch."""
    total = 0
    for band, window in windows.items():
        with rasterio.open(folder / f"{band}.tif") as dataset:
            size = dataset.block_shapes[0][0]
            for row in range(
                int(window.row_off) // size, int(window.row_off + window.height - 1) // size + 1
            ):
                first, last = int(window.col_off), int(window.col_off + window.width - 1)
                for column in range(first // size, last // size + 1):
                    total += int(dataset.get_tag_item(f"BLOCK_SIZE_{column}_{row}", "TIFF", bidx=1) or 0)
    return total


def items(url: str, ending: str = "tif", dates: int = DATES) -> list[dict[str, Any]]:
    made = []
    for when in tiny.days(dates):
        hrefs = {band: f"{url}/{when:%Y%m%d}/{band}.{ending}" for band in BANDS}
        item = tiny.item(when, hrefs)
        for band, asset in item["assets"].items():
            pixel = BANDS[band]
            asset["proj:shape"] = [SIDE_M // pixel] * 2
            asset["proj:transform"] = [pixel, 0, ORIGIN[0], 0, -pixel, ORIGIN[1]]
        made.append(item)
    return made


def timed(url: str, action: Callable[[], None]) -> tuple[float, int, int]:
    def stats() -> dict[str, int]:
        with urllib.request.urlopen(f"{url}/stats") as answer:  # noqa: S310 - loopback
            return dict(json.load(answer))

    stats()
    started = time.perf_counter()
    action()
    wall = time.perf_counter() - started
    counted = stats()
    return wall, counted["bytes"], counted["requests"]


def run(make: Callable[[], None], folder: Path, rows: Callable[[str], Iterator[Row]]) -> list[Row]:
    make()
    context = multiprocessing.get_context("spawn")
    ready, asked = context.Queue(), context.Queue()
    process = context.Process(target=serve, args=(folder, ready, asked), daemon=True)
    process.start()
    url = ready.get()
    try:
        return list(rows(url))
    finally:
        asked.put("end")
        process.join(5)


def _bounds() -> tuple[float, float, float, float]:
    from pyproj import Transformer

    to_degrees = Transformer.from_crs(EPSG, 4326, always_xy=True)
    half = 2500 - 90  # the crop adds a margin and grows to multiples of 60 m
    west, south, east, north = to_degrees.transform_bounds(
        CENTRE[0] - half, CENTRE[1] - half, CENTRE[0] + half, CENTRE[1] + half
    )
    return west, south, east, north


JP2_DATES, JP2_WORKERS = 2, 4
"""As many connections as the Data Space allows."""


def jp2_rows(folder: Path, url: str, *, stated: bool) -> Iterator[Row]:
    """JPEG 2000 by our reader, and by GDAL with its own range requests."""
    from imagery.sources.jp2 import read_codestream

    bounds, kind = _bounds(), "JP2, TLM" if stated else "JP2"
    listed = items(url, "jp2", JP2_DATES)
    reader = CogReader(workers=JP2_WORKERS)
    first = reader.fetch(product_from_item(listed[0], source="bench"), BANDS, bounds)
    windows = {band: _window(raster) for band, raster in first.rasters.items()}
    needed = 0
    for band, window in windows.items():
        data = (folder / f"{band}.jp2").read_bytes()

        def read(first: int, length: int, data: bytes = data) -> bytes:
            return data[first : first + length]

        layout = read_codestream(read)
        needed += sum(part.length for part in layout.parts(layout.tiles(window), read)) * JP2_DATES
    del data

    def ours(listed: list[dict[str, Any]]) -> None:
        products = [product_from_item(item, source="bench") for item in listed]
        with ThreadPoolExecutor(JP2_WORKERS) as pool:
            for fetched in pool.map(lambda product: reader.fetch(product, BANDS, bounds), products):
                assert set(fetched.rasters) == set(BANDS)

    def gdal(listed: list[dict[str, Any]]) -> None:
        def one(pair: tuple[str, str]) -> None:
            band, href = pair
            with rasterio.Env(**WITH_ADDRESSES), rasterio.open(f"/vsicurl/{href}") as dataset:
                assert dataset.read(1, window=windows[band]).any()

        pairs = [(band, asset["href"]) for item in listed for band, asset in item["assets"].items()]
        with ThreadPoolExecutor(JP2_WORKERS) as pool:
            list(pool.map(one, pairs))

    for name, action in {"this project, pixels only": ours, "GDAL, its own ranges": gdal}.items():
        moved = _moved(listed)
        wall, sent, requests = timed(url, lambda action=action, moved=moved: action(moved))  # type: ignore[misc]
        yield Row(
            loader=f"{name}, {JP2_DATES} dates, {JP2_WORKERS} at once",
            block=f"1024² {kind}",
            wall_s=wall,
            floor_s=needed / BYTES_PER_S,
            bytes_over_needed=sent / needed,
            requests=requests,
        )


def _rows(block: int, folder: Path, url: str, *, workers: int, repeats: int) -> Iterator[Row]:
    bounds = _bounds()
    listed = items(url)
    products = [product_from_item(item, source="bench") for item in listed]
    reader = CogReader(workers=workers)
    first = reader.fetch(products[0], BANDS, bounds)
    windows = {band: _window(raster) for band, raster in first.rasters.items()}
    needed = needed_bytes(folder, windows) * DATES
    floor = needed / BYTES_PER_S

    def ours() -> None:
        with ThreadPoolExecutor(workers) as pool:  # as many products as `fetch_new` has under way
            for fetched in pool.map(lambda product: reader.fetch(product, BANDS, bounds), products):
                assert set(fetched.rasters) == set(BANDS)

    def whole_run() -> None:
        site = Site(id="bench", name="bench", aoi=box(*bounds))
        with tempfile.TemporaryDirectory() as archive:
            ends = {
                "since": dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
                "until": dt.datetime(2030, 1, 1, tzinfo=dt.UTC),
            }
            report = fetch_new(
                site, Archive(Path(archive)), [Listed(products, reader)], bands=tuple(BANDS), **ends
            )  # type: ignore[arg-type]
            assert len(report.fetched) == DATES

    loaders: dict[str, Callable[[], None]] = {
        "this project, pixels only": ours,
        "odc-stac": lambda: _odc(_moved(listed), first, workers),
        "this project, archive written and flushed": whole_run,
    }
    best: dict[str, tuple[float, int, int]] = {}
    for _ in range(repeats):
        for name, action in loaders.items():
            products[:] = [product_from_item(item, source="bench") for item in _moved(listed)]
            best[name] = min(best.get(name, (1e9, 0, 0)), timed(url, action))
    for name, (wall, sent, requests) in best.items():
        yield Row(
            loader=name,
            block=f"{block}²",
            wall_s=wall,
            floor_s=floor,
            bytes_over_needed=sent / needed,
            requests=requests,
        )


_MOVES = iter(range(10**6))


def _moved(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same items under addresses that GDAL has not seen: nothing comes from its cache."""
    move = next(_MOVES)
    text = json.dumps(listed)
    for when in tiny.days(DATES):
        text = text.replace(f"/{when:%Y%m%d}/", f"/{move}-{when:%Y%m%d}/")
    return list(json.loads(text))


def _window(raster: Any) -> Window:
    pixel = raster.transform.a
    column, row = (raster.transform.c - ORIGIN[0]) / pixel, (ORIGIN[1] - raster.transform.f) / pixel
    return Window(column, row, raster.pixels.shape[1], raster.pixels.shape[0])


def _odc(listed: list[dict[str, Any]], first: Any, workers: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import odc.stac
        import pystac
        from odc.geo.geobox import GeoBox
        from odc.loader import configure_rio

        configure_rio(cloud_defaults=False, **WITH_ADDRESSES)
        red = first.rasters["red"]
        grid = GeoBox(red.pixels.shape, red.transform, f"EPSG:{EPSG}")
        found = [pystac.Item.from_dict(item) for item in listed]
        cube = odc.stac.load(found, bands=list(BANDS), geobox=grid, groupby="id", pool=workers)
    assert cube.sizes["time"] == DATES


def table(rows: list[Row]) -> str:
    lines = [
        "| loader | blocks | wall s | floor s | wall / floor | bytes / needed | requests |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.loader} | {row.block} | {row.wall_s:.1f} | {row.floor_s:.1f} "
        f"| {row.wall_s / row.floor_s:.2f} "
        f"| {row.bytes_over_needed:.3f} | {row.requests} |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="renew the table in docs/imagery-sources.md")
    parser.add_argument("--jp2", action="store_true", help="JPEG 2000 instead: bytes and requests")
    parser.add_argument("--workers", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if options.jp2:
        _jp2(write=options.write)
        return
    rows: list[Row] = []
    for block in (1024, 512):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            rows += run(
                partial(make_files, folder, block),
                folder,
                partial(_rows, block, folder, workers=options.workers, repeats=options.repeats),
            )
    text = table(rows)
    print(text)
    if options.write:
        write_table(
            "imagery-sources.md", "fetch benchmark", text, method=["fetch_new"], seeds="loopback server"
        )


def _jp2(*, write: bool) -> None:
    """Bytes and requests of JPEG 2000, beside the bytes of the tiles that the windows touch."""
    rows: list[Row] = []
    for stated in (True, False):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make = partial(make_jp2, folder, stated=stated)
            rows += run(make, folder, partial(jp2_rows, folder, stated=stated))
    lines = ["| loader | tiles | bytes / needed | requests |", "|---|---|---|---|"]
    lines += [
        f"| {row.loader} | {row.block} | {row.bytes_over_needed:.3f} | {row.requests} |" for row in rows
    ]
    print("\n".join(lines))
    if write:
        write_table(
            "imagery-sources.md", "jp2 benchmark", lines, method=["read_codestream"], seeds="loopback server"
        )


if __name__ == "__main__":
    main()
