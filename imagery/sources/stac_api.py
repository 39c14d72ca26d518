"""STAC APIs (Earth Search, Planetary Computer, any other), searched through pystac-client."""

from __future__ import annotations

import datetime as dt
import logging
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from evidence.errors import SourceError
from imagery.records import FetchedProduct, MalformedItem, Product
from imagery.sources.addresses import shown
from imagery.sources.cog import CogReader
from imagery.sources.http import Http
from imagery.sources.items import MALFORMED, SearchNotes, is_sensed_in, is_terrain, read_listed
from imagery.sources.privacy import PrivacyMode, sentinel2_tiles, snap_outward
from imagery.sources.retry import Retrier
from imagery.sources.signing import BlobSigner

log = logging.getLogger(__name__)

Bounds = tuple[float, float, float, float]

PAGE_SIZE = 100
"""Items of one page. Assumed: a page that every provider allows."""
MOST_PAGES = 400
"""Of one search. Assumed: 40,000 products."""
EARTH_SEARCH = "https://earth-search.aws.element84.com/v1"
PLANETARY_COMPUTER = "https://planetarycomputer.microsoft.com/api/stac/v1"
WHOLE_DEGREE = 1.0
"""In tile mode, what has no Sentinel-2 tile is searched on whole degrees, which are about as large as one.
Derived from the width of a tile."""
TILE_PROPERTY = {"planetarycomputer.microsoft.com": ("s2:mgrs_tile", "{}")}
"""Where a provider spells a tile otherwise than the grid extension (`grid:code`, `MGRS-51SYD`)."""


class StacApi(SearchNotes):
    """One collection of one STAC API as a `SceneSource`."""

    masks_first = True

    def __init__(  # noqa: PLR0913 - parts with defaults
        self,
        url: str,
        collection: str,
        *,
        name: str | None = None,
        http: Http | None = None,
        retrier: Retrier | None = None,
        reader: CogReader | None = None,
        mode: PrivacyMode = PrivacyMode.BOX,
        max_cloud_cover: float = 100.0,
        make: Callable[[object, str], Product] | None = None,
        whole_files: bool = False,
    ) -> None:
        """Name the collection; nothing is sent yet.

        Args:
            url: the API's root.
            collection: its id there.
            name: how the source is called; by default host and collection.
            http: the session.
            retrier: shared by searches and reads.
            reader: reads pixels.
            mode: what a search and a read give away.
            max_cloud_cover: percent of the whole tile, from the metadata; 100 asks for everything.
            make: makes the product of an item and the source's name, in place of `product_from_item`.
            whole_files: whether a read of a window takes the whole file.
        """
        self._url, self._collection = url.rstrip("/"), collection
        self._host = urllib.parse.urlsplit(self._url).hostname or self._url
        self._name = name or f"stac:{self._host}/{collection}"
        self._retrier = retrier or Retrier()
        self._http = http or Http()
        signer = (
            BlobSigner(http=self._http, retrier=self._retrier) if "planetarycomputer" in self._host else None
        )
        self._reader = reader or CogReader(http=self._http, retrier=self._retrier, signer=signer, mode=mode)
        self._mode, self._max_cloud_cover = mode, max_cloud_cover
        self._make, self.whole_files = make, whole_files or mode is PrivacyMode.TILE
        super().__init__()

    @property
    def name(self) -> str:
        """`stac:`, host and collection."""
        return self._name

    @property
    def lists_everything(self) -> bool:
        """Whether a search lists all that the provider has."""
        return self._max_cloud_cover >= 100  # noqa: PLR2004 - percent

    def search(self, bounds: Bounds, since: dt.datetime, until: dt.datetime) -> Iterable[Product]:
        """Products of the snapped box (or of its tiles) that were sensed in ``[since, until)``.

        Raises:
            SourceError: where the API does not answer, or answers with something else.
        """
        self.begin_notes()
        found: dict[str, Product] = {}
        for page in self._pages(bounds, since, until):
            fresh = [item for item in page if _identity(item) not in found]
            if page and not fresh:
                self.rejected.append(
                    f"{self._name}: paging repeats itself; stopped after {len(found)} products"
                )
                break
            for item in fresh:
                self._take(item, found)
        return [product for product in found.values() if is_sensed_in(product, since, until)]

    def fetch(self, product: Product, bands: Iterable[str], bounds: Bounds) -> FetchedProduct:
        """Source pixels of `bands` over `bounds` on the product's own lattice."""
        return self._reader.fetch(product, bands, bounds)

    def stop(self) -> None:
        """End every wait: the run is being broken off."""
        self._retrier.stop()

    def close(self) -> None:
        """Let the reader's threads go."""
        self._reader.close()

    def _take(self, item: object, found: dict[str, Product]) -> None:
        product = read_listed(item, source=self._name, make=self._make)
        if isinstance(product, Product) and (own := _files_of_ours(product)) is not None:
            product = own
        if isinstance(product, MalformedItem):
            self.malformed.append(product)
        else:
            found[product.id] = product

    def _pages(self, bounds: Bounds, since: dt.datetime, until: dt.datetime) -> Iterator[Sequence[object]]:
        from imagery.sources.stac_pages import pages  # noqa: PLC0415 - slow to load, for an API alone

        found = pages(
            self._url,
            self._http,
            self._retrier,
            collections=[self._collection],
            datetime=None if is_terrain(self._collection) else f"{_stamp(since)}/{_stamp(until)}",
            limit=PAGE_SIZE,
            **self._where(bounds),
        )
        for number, page in enumerate(self._guarded(found)):
            features = page.get("features")
            if not isinstance(features, list):
                raise SourceError(f"{self._name}: answered something other than items", url=self._url)
            if number >= MOST_PAGES:
                self.rejected.append(f"{self._name}: paging does not end; stopped after {MOST_PAGES} pages")
                return
            yield features

    def _guarded(self, found: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        try:
            yield from found
        except MALFORMED as error:
            raise SourceError(
                f"{self._name}: answered something other than items: {shown(error)}", url=self._url
            ) from error

    def _where(self, bounds: Bounds) -> dict[str, Any]:
        query: dict[str, Any] = {}
        if self._max_cloud_cover < 100:  # noqa: PLR2004 - percent
            query["eo:cloud_cover"] = {"lte": self._max_cloud_cover}
        if self._mode is PrivacyMode.BOX:
            return {"bbox": list(snap_outward(bounds)), **({"query": query} if query else {})}
        if not self._collection.startswith("sentinel-2"):
            return {"bbox": list(snap_outward(bounds, WHOLE_DEGREE)), **({"query": query} if query else {})}
        key, spelling = TILE_PROPERTY.get(self._host, ("grid:code", "MGRS-{}"))
        query[key] = {"in": [spelling.format(tile) for tile in sentinel2_tiles(bounds)]}
        return {"query": query}


def _files_of_ours(product: Product) -> MalformedItem | None:
    """What is wrong with a product of which a provider on the net says that it lies on this machine."""
    local = [band for band, asset in product.assets.items() if not asset.is_remote]
    if not local:
        return None
    reason = f"{product.source}: item {product.id!r} names files that are not on the net: {', '.join(local)}"
    return MalformedItem(
        source=product.source, id=product.id, datetime=product.datetime, reason=shown(reason)
    )


def _identity(item: object) -> object:
    """The id of an item, for what has been listed already; None where it has none."""
    name = item.get("id") if isinstance(item, Mapping) else None
    return str(name) if isinstance(name, (str, int)) else None


def _stamp(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
