"""Windows of cloud-optimised GeoTIFFs over HTTP: many in flight, each retried in the one place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import MappingProxyType

from evidence.errors import SourceError
from imagery.records import Asset, FetchedProduct, Product, Raster
from imagery.sources.privacy import PrivacyMode
from imagery.sources.retry import Retrier
from imagery.sources.signing import BlobSigner
from imagery.sources.windows import HTTP_OPTIONS, read_window

Bounds = tuple[float, float, float, float]

WORKERS = 16
"""Files in flight: 4 leave the line idle (1.4-2 times the wall time), 32 gain nothing."""


class CogReader:
    """Reads the bands of products; threads are shared by all products."""

    def __init__(
        self,
        *,
        retrier: Retrier | None = None,
        signer: BlobSigner | None = None,
        workers: int = WORKERS,
        options: Mapping[str, str | int] | None = None,
        mode: PrivacyMode = PrivacyMode.BOX,
    ) -> None:
        """Remember how to read.

        Args:
            retrier: shared with the searches of the same provider.
            signer: signs URLs just before they are read.
            workers: files in flight.
            options: GDAL's, beyond `HTTP_OPTIONS`.
            mode: whether windows or whole tiles are read.
        """
        self._retrier, self._signer, self._mode = retrier or Retrier(), signer, mode
        self._options = MappingProxyType({**HTTP_OPTIONS, **(options or {})})
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="cog")

    def fetch(self, product: Product, bands: Iterable[str], bounds: Bounds) -> FetchedProduct:
        """Source pixels of those `bands` that the product has.

        Raises:
            SourceError: where one of them cannot be read, or they do not lie on the same ground.
        """
        wanted = [product.assets[band] for band in bands if band in product.assets]
        futures = [self._pool.submit(self._read, asset, bounds) for asset in wanted]
        try:
            rasters = {asset.band: future.result() for asset, future in zip(wanted, futures, strict=True)}
        finally:
            for future in futures:
                future.cancel()
        check_common_ground(product.id, rasters)
        return FetchedProduct(product=product, rasters=rasters)

    def close(self) -> None:
        """Let the threads go; what is in flight is finished."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, asset: Asset, bounds: Bounds) -> Raster:
        return self._retrier.call(lambda: self._read_signed(asset, bounds), what=asset.band)

    def _read_signed(self, asset: Asset, bounds: Bounds) -> Raster:
        try:
            return self._read_once(asset, bounds)
        except SourceError as error:
            if self._signer is None or error.status not in {None, 401, 403}:
                raise
            self._signer.forget()  # once: it may have ended; GDAL hides the status of a refused range
            return self._read_once(asset, bounds)

    def _read_once(self, asset: Asset, bounds: Bounds) -> Raster:
        href = self._signer.sign(asset.href) if self._signer else asset.href
        whole = self._mode is PrivacyMode.TILE
        return read_window(replace(asset, href=href), bounds, options=self._options, whole=whole)


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
