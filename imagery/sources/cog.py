"""Windows of tiled GeoTIFF and JPEG 2000 over HTTP: many in flight, each retried in the one place.

GDAL decodes, and never sees a URL: so every range is checked to be of the same version of the file, a
server's Retry-After is seen, and nothing that failed is remembered once the server has healed.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rasterio.windows import Window

from evidence.errors import SourceError
from evidence.limits import Limits
from imagery.bands import REQUIRED_BANDS
from imagery.records import Asset, FetchedProduct, Product, Raster
from imagery.sources.addresses import public_url
from imagery.sources.http import Http
from imagery.sources.jp2 import SIGNATURES, joined, read_codestream
from imagery.sources.privacy import PrivacyMode
from imagery.sources.ranges import RangesRefusedError, RemoteFile, ReplacedError
from imagery.sources.retry import Retrier, RetryableError
from imagery.sources.signing import Signer
from imagery.sources.tiff import BrokenTiffError, Layout, NotTiledError, read_layout, small_tiff, touched
from imagery.sources.windows import (
    GDAL_FAILURES,
    NUMBERS,
    Lattice,
    NoDataError,
    UnreadableError,
    cause,
    check_window,
    cut_raster,
    open_bytes,
    read_window,
    window_over,
)

log = logging.getLogger(__name__)

Bounds = tuple[float, float, float, float]
Headers = Mapping[str, str]

WORKERS = 16
"""Files in flight: 4 leave the line idle (1.4-2 times the wall time), 32 gain nothing. Measured:
benchmarks.fetch.bench."""


class CogReader:
    """Reads the bands of products; threads are shared by all products."""

    def __init__(
        self,
        *,
        http: Http | None = None,
        retrier: Retrier | None = None,
        signer: Signer | None = None,
        workers: int = WORKERS,
        mode: PrivacyMode = PrivacyMode.BOX,
        limits: Limits | None = None,
    ) -> None:
        """Remember how to read.

        Args:
            http: session and limits.
            retrier: shared with the searches of the same provider.
            signer: signs URLs just before they are read.
            workers: files in flight.
            mode: whether windows or whole files are read.
            limits: of what is allocated; by default those of `http`.
        """
        self._http, self._retrier, self._signer = http or Http(), retrier or Retrier(), signer
        self._mode = mode
        self.limits = limits or self._http.limits.sizes
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="cog")
        self._lines = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="ranges")

    def fetch(self, product: Product, bands: Iterable[str], bounds: Bounds) -> FetchedProduct:
        """Source pixels of those `bands` that the product has, and what the server said of each file.

        A band that a look can do without and that cannot be read is named in `lost`.

        Raises:
            NoDataError: where the product shows nothing of the bounds.
            SourceError: where a required band cannot be read, or they do not lie on the same ground.
        """
        wanted = [product.assets[band] for band in bands if band in product.assets]
        futures = {
            asset.band: self._pool.submit(self.read, asset, bounds) for asset in wanted if asset.is_remote
        }  # a file on the disk is read in turn: threads would only wait for each other
        read: dict[str, tuple[Raster, Headers]] = {}
        lost: dict[str, str] = {}
        try:
            for asset in wanted:
                future = futures.get(asset.band)
                try:
                    read[asset.band] = self.read(asset, bounds) if future is None else future.result()
                except NoDataError:
                    raise
                except SourceError as error:
                    if asset.band in REQUIRED_BANDS or len(wanted) == 1:
                        raise
                    lost[asset.band] = str(error)
                size = sum(raster.pixels.nbytes for raster, _ in read.values())
                if size > self.limits.product_bytes:
                    raise SourceError(f"{product.id}: more than {self.limits.product_bytes} bytes of pixels")
        finally:
            for future in futures.values():
                future.cancel()
        rasters = {band: raster for band, (raster, _) in read.items()}
        lost |= check_common_ground(product.id, rasters)
        rasters = {band: raster for band, raster in rasters.items() if band not in lost}
        headers = {band: headers for band, (_, headers) in read.items() if band in rasters}
        return FetchedProduct(product=product, rasters=rasters, headers=headers, lost=lost)

    def read(self, asset: Asset, bounds: Bounds) -> tuple[Raster, Headers]:
        """One band, as often tried as the retrier allows; a range that came is not asked for again.

        Raises:
            SourceError: where it cannot be read.
        """
        if not asset.is_remote:
            return read_window(asset, bounds, limits=self.limits), {}
        file = RemoteFile(asset.href, self._http)
        return self._retrier.call(lambda: self._read_signed(file, asset, bounds), what=asset.band)

    def stop(self) -> None:
        """End every wait: the run is being broken off."""
        self._retrier.stop()

    def close(self) -> None:
        """Let the threads go; what is in flight is finished."""
        for pool in (self._pool, self._lines):
            pool.shutdown(wait=False, cancel_futures=True)

    def _read_signed(self, file: RemoteFile, asset: Asset, bounds: Bounds) -> tuple[Raster, Headers]:
        try:
            return self._read_once(file, asset, bounds)
        except SourceError as error:
            if self._signer is None or error.status not in {401, 403}:
                raise
            self._signer.forget()  # once: it may have ended
            return self._read_once(file, asset, bounds)

    def _read_once(self, file: RemoteFile, asset: Asset, bounds: Bounds) -> tuple[Raster, Headers]:
        if self._signer is not None:
            file.url, file.credentials = self._signer.authorised(asset.href)
        try:
            if self._mode is PrivacyMode.BOX:
                jp2 = file.read(0, len(SIGNATURES[0])).startswith(SIGNATURES)
                return (self._tiles if jp2 else self._window)(file, asset, bounds), file.headers
        except (RangesRefusedError, NotTiledError) as error:
            log.info("%s; the whole file is read", error)
        except ReplacedError:
            file.forget()
            raise
        except BrokenTiffError as error:
            file.forget()
            shown = public_url(asset.href)
            raise RetryableError(f"{asset.band}: {shown} is {error}", url=shown) from error
        return self._whole(file, asset, bounds)

    def _window(self, file: RemoteFile, asset: Asset, bounds: Bounds) -> Raster:
        """The blocks that the window touches, and no others."""
        layout = read_layout(file.read, self.limits)
        lattice = lattice_of(layout)
        window = window_over(lattice, asset, bounds)
        check_window(window, layout.sample_bytes, self.limits)
        blocks = touched_blocks(layout, window)
        self._check_bytes(asset, sum(length for _, length in blocks.places.values()))
        file.read_many(blocks.ranges(), self._lines)
        return cut_raster(lattice, asset, window, decode_window(layout, window, blocks, file.read))

    def _tiles(self, file: RemoteFile, asset: Asset, bounds: Bounds) -> Raster:
        """The same of JPEG 2000: the tile-parts that the window touches."""
        layout = read_codestream(file.read, self.limits)
        lattice = _lattice_read(layout.empty_file())
        window = window_over(lattice, asset, bounds)
        check_window(window, layout.sample_bytes, self.limits)
        parts = layout.parts(layout.tiles(window), file.peek)
        self._check_bytes(asset, sum(part.length for part in parts))
        blocks = Blocks(places={(part.tile, part.first): (part.first, part.length) for part in parts})
        file.read_many(blocks.ranges(), self._lines)
        pieces = {part.first: file.read(part.first, part.length) for part in parts}
        return cut_raster(lattice, asset, window, _decoded(layout.file_of(joined(parts, pieces)), window))

    def _check_bytes(self, asset: Asset, count: int) -> None:
        if count > 2 * self.limits.window_bytes:
            raise SourceError(f"{asset.band}: blocks of more than {2 * self.limits.window_bytes} bytes")

    def _whole(self, file: RemoteFile, asset: Asset, bounds: Bounds) -> tuple[Raster, Headers]:
        """The whole file to a temporary place: one exchange, which shows no window."""
        with tempfile.TemporaryDirectory(prefix="tile-") as folder:
            path = Path(folder) / "file"
            with path.open("wb") as sink:
                file.download(sink)
            try:
                return read_window(asset, bounds, path=path, limits=self.limits), file.headers
            except UnreadableError as error:
                raise RetryableError(str(error), url=error.url) from error


def check_common_ground(product_id: str, rasters: Mapping[str, Raster]) -> dict[str, str]:
    """Bands that do not lie on the ground of the required ones, in their projection, each with the reason.

    Raises:
        SourceError: where the required bands differ among themselves, or there are none to go by.
    """
    seen: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for band, raster in rasters.items():
        height, width = raster.pixels.shape
        east, south = raster.transform @ (width, height)
        corners = tuple(round(value) for value in (raster.transform.c, south, east, raster.transform.f))
        seen.setdefault((raster.crs_wkt, corners), []).append(band)
    if len({place for place, bands in seen.items() if set(bands) & set(REQUIRED_BANDS)}) > 1 or (
        len(seen) > 1 and not any(set(bands) & set(REQUIRED_BANDS) for bands in seen.values())
    ):
        told = "; ".join(f"{', '.join(bands)} {corners}" for (_, corners), bands in seen.items())
        raise SourceError(f"{product_id}: the bands do not cover the same ground: {told}")
    home = next((place for place, bands in seen.items() if set(bands) & set(REQUIRED_BANDS)), None)
    return {
        band: f"{band} covers other ground than the required bands: {place[1]}"
        for place, bands in seen.items()
        if home is not None and place != home
        for band in bands
    }


GAP_BYTES = 1 << 10
"""Blocks that lie closer to each other than this are asked for in one range: the bytes between them cost
less than a request."""
LONGEST_HELD = 1 << 16
"""Of a directory that is remembered once it has been understood."""
MOST_BYTES = 1 << 23
"""Of one range: a longer one is split, so that its parts come side by side and a lost one costs little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Blocks of a file; of a TIFF, a rectangle of them."""

    rows: range = range(0)
    columns: range = range(0)
    places: dict[tuple[int, int], tuple[int, int]]
    """(row, column) to (first byte, length) of the blocks that hold something."""

    def ranges(self) -> dict[int, int]:
        """First byte to length of the ranges that hold all of them."""
        found: list[tuple[int, int]] = []
        for first, length in sorted(self.places.values()):
            if (
                found
                and 0 <= first - found[-1][1] <= GAP_BYTES
                and first + length - found[-1][0] <= MOST_BYTES
            ):
                found[-1] = (found[-1][0], first + length)
            else:
                found.append((first, first + length))
        return {first: end - first for first, end in found}


def lattice_of(layout: Layout) -> Lattice:
    """Where the image lies, as GDAL reads its tags.

    Raises:
        BrokenTiffError: where GDAL cannot make sense of them.
    """
    rows, columns = layout.block_rows, layout.block_columns
    directory = small_tiff(layout, {}, range(rows), range(columns), whole=True)
    return _lattice(directory) if len(directory) <= LONGEST_HELD else _lattice_read(directory)


@lru_cache(maxsize=128)
def _lattice(directory: bytes) -> Lattice:
    """A tile's files of one resolution share their directory but for the places of the blocks."""
    return _lattice_read(directory)


def _lattice_read(directory: bytes) -> Lattice:
    try:
        with open_bytes(directory) as dataset:
            return Lattice.of(dataset)
    except (SourceError, *GDAL_FAILURES) as error:
        raise BrokenTiffError(cause(error)) from error


def touched_blocks(layout: Layout, window: Window) -> Blocks:
    """The blocks that `window` touches."""
    rows = touched(window.row_off, window.height, layout.block_height)
    columns = touched(window.col_off, window.width, layout.block_width)
    places = {(row, column): layout.block(row, column) for row in rows for column in columns}
    return Blocks(
        rows=rows, columns=columns, places={key: place for key, place in places.items() if all(place)}
    )


def decode_window(
    layout: Layout, window: Window, blocks: Blocks, read: Callable[[int, int], bytes]
) -> NDArray[np.generic]:
    """The pixels of `window`, (y, x).

    Args:
        layout: of the file.
        window: within the file.
        blocks: from `touched_blocks`.
        read: gives the bytes of the blocks.

    Raises:
        BrokenTiffError: where they do not decode.
    """
    data = {key: read(first, length) for key, (first, length) in blocks.places.items()}
    if any(len(data[key]) != length for key, (_, length) in blocks.places.items()):
        raise BrokenTiffError("a TIFF that ends before its blocks do")
    inside = Window(
        window.col_off - blocks.columns.start * layout.block_width,
        window.row_off - blocks.rows.start * layout.block_height,
        window.width,
        window.height,
    )
    return _decoded(small_tiff(layout, data, blocks.rows, blocks.columns), inside)


def _decoded(data: bytes, window: Window) -> NDArray[np.generic]:
    """Pixels of a small file, (y, x).

    Raises:
        BrokenTiffError: where they do not decode.
    """
    try:
        with open_bytes(data) as dataset:
            if dataset.dtypes[0] not in NUMBERS:
                raise BrokenTiffError(f"pixels of the type {dataset.dtypes[0]}")
            pixels: NDArray[np.generic] = dataset.read(1, window=window)
    except (SourceError, *GDAL_FAILURES) as error:
        if isinstance(error, BrokenTiffError):
            raise
        raise BrokenTiffError(cause(error)) from error
    return pixels
