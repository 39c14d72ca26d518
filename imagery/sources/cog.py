"""Windows of cloud-optimised GeoTIFFs over HTTP: many in flight, each retried in the one place.

GDAL decodes, and never sees a URL: so every range is checked to be of the same version of the file, a
server's Retry-After is seen, and nothing that failed is remembered once the server has healed.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from evidence.errors import SourceError
from imagery.records import Asset, FetchedProduct, Product, Raster
from imagery.sources.addresses import public_url
from imagery.sources.blocks import decode_window, lattice_of, touched_blocks
from imagery.sources.http import Http
from imagery.sources.privacy import PrivacyMode
from imagery.sources.ranges import RangesRefusedError, RemoteFile, ReplacedError
from imagery.sources.retry import Retrier, RetryableError
from imagery.sources.signing import BlobSigner
from imagery.sources.tiff import BrokenTiffError, NotTiledError, read_layout
from imagery.sources.windows import UnreadableError, cut_raster, read_window, window_over

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
