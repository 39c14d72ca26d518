"""Windows of cloud-optimised GeoTIFFs over HTTP: many in flight, each retried in the one place.

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
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.windows import Window

from evidence.errors import SourceError
from imagery.records import Asset, FetchedProduct, Product, Raster
from imagery.sources.addresses import public_url
from imagery.sources.http import Http
from imagery.sources.privacy import PrivacyMode
from imagery.sources.ranges import RangesRefusedError, RemoteFile, ReplacedError
from imagery.sources.retry import Retrier, RetryableError
from imagery.sources.signing import BlobSigner
from imagery.sources.tiff import BrokenTiffError, Layout, NotTiledError, read_layout, small_tiff
from imagery.sources.windows import Lattice, UnreadableError, cause, cut_raster, read_window, window_over

log = logging.getLogger(__name__)

Bounds = tuple[float, float, float, float]
Headers = Mapping[str, str]

WORKERS = 16
"""Files in flight: 4 leave the line idle (1.4-2 times the wall time), 32 gain nothing."""


class CogReader:
    """Reads the bands of products; threads are shared by all products."""

    def __init__(
        self,
        *,
        http: Http | None = None,
        retrier: Retrier | None = None,
        signer: BlobSigner | None = None,
        workers: int = WORKERS,
        mode: PrivacyMode = PrivacyMode.BOX,
    ) -> None:
        """Remember how to read.

        Args:
            http: session and limits.
            retrier: shared with the searches of the same provider.
            signer: signs URLs just before they are read.
            workers: files in flight.
            mode: whether windows or whole files are read.
        """
        self._http, self._retrier, self._signer = http or Http(), retrier or Retrier(), signer
        self._mode = mode
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="cog")
        self._lines = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="ranges")

    def fetch(self, product: Product, bands: Iterable[str], bounds: Bounds) -> FetchedProduct:
        """Source pixels of those `bands` that the product has, and what the server said of each file.

        Raises:
            SourceError: where one of them cannot be read, or they do not lie on the same ground.
        """
        wanted = [product.assets[band] for band in bands if band in product.assets]
        futures = [self._pool.submit(self.read, asset, bounds) for asset in wanted]
        try:
            read = {asset.band: future.result() for asset, future in zip(wanted, futures, strict=True)}
        finally:
            for future in futures:
                future.cancel()
        rasters = {band: raster for band, (raster, _) in read.items()}
        check_common_ground(product.id, rasters)
        return FetchedProduct(
            product=product, rasters=rasters, headers={band: headers for band, (_, headers) in read.items()}
        )

    def read(self, asset: Asset, bounds: Bounds) -> tuple[Raster, Headers]:
        """One band, as often tried as the retrier allows; a range that came is not asked for again.

        Raises:
            SourceError: where it cannot be read.
        """
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
        file.url = self._signer.sign(asset.href) if self._signer else asset.href
        try:
            if self._mode is PrivacyMode.BOX and not public_url(asset.href).endswith(".jp2"):
                return self._window(file, asset, bounds), file.headers
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
        layout = read_layout(file.read)
        lattice = lattice_of(layout)
        window = window_over(lattice, asset, bounds)
        blocks = touched_blocks(layout, window)
        file.read_many(blocks.ranges(), self._lines)
        return cut_raster(lattice, asset, window, decode_window(layout, window, blocks, file.read))

    @staticmethod
    def _whole(file: RemoteFile, asset: Asset, bounds: Bounds) -> tuple[Raster, Headers]:
        """The whole file to a temporary place: one exchange, which shows no window."""
        with tempfile.TemporaryDirectory(prefix="tile-") as folder:
            path = Path(folder) / f"file{Path(public_url(asset.href)).suffix}"
            with path.open("wb") as sink:
                file.download(sink)
            try:
                return read_window(asset, bounds, path=path), file.headers
            except UnreadableError as error:
                raise RetryableError(str(error), url=error.url) from error


def check_common_ground(product_id: str, rasters: Mapping[str, Raster]) -> None:
    """Refuse bands that do not lie on the same ground in the same projection."""
    seen: dict[tuple[str, tuple[int, ...]], str] = {}
    for band, raster in rasters.items():
        height, width = raster.pixels.shape
        east, south = raster.transform @ (width, height)
        corners = tuple(round(value) for value in (raster.transform.c, south, east, raster.transform.f))
        seen.setdefault((raster.crs_wkt, corners), band)
    if len(seen) > 1:
        shown = "; ".join(f"{band} {corners}" for (_, corners), band in seen.items())
        raise SourceError(f"{product_id}: the bands do not cover the same ground: {shown}")


GAP_BYTES = 1 << 10
"""Blocks that lie closer to each other than this are asked for in one range: the bytes between them cost
less than a request."""
MOST_BYTES = 1 << 23
"""Of one range: a longer one is split, so that its parts come side by side and a lost one costs little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """A rectangle of blocks."""

    rows: range
    columns: range
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
    return _lattice(small_tiff(layout, {}, range(rows), range(columns), whole=True))


@lru_cache(maxsize=128)
def _lattice(directory: bytes) -> Lattice:
    """A tile's files of one resolution share their directory but for the places of the blocks."""
    try:
        with MemoryFile(directory) as memory, memory.open() as dataset:
            return Lattice.of(dataset)
    except (RasterioError, OSError) as error:
        raise BrokenTiffError(cause(error)) from error


def touched_blocks(layout: Layout, window: Window) -> Blocks:
    """The blocks that `window` touches."""
    rows = _touched(window.row_off, window.height, layout.block_height)
    columns = _touched(window.col_off, window.width, layout.block_width)
    places = {(row, column): layout.block(row, column) for row in rows for column in columns}
    return Blocks(
        rows=rows, columns=columns, places={key: place for key, place in places.items() if all(place)}
    )


def _touched(first: int, count: int, block: int) -> range:
    return range(int(first) // block, (int(first + count) - 1) // block + 1)


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
    try:
        with (
            MemoryFile(small_tiff(layout, data, blocks.rows, blocks.columns)) as memory,
            memory.open() as dataset,
        ):
            pixels: NDArray[np.generic] = dataset.read(1, window=inside)
    except (RasterioError, OSError) as error:
        raise BrokenTiffError(cause(error)) from error
    return pixels
