"""Sentinel Hub, commercial or Copernicus Data Space: products from Catalog, source numbers from Process."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod
from sentinelhub.api.catalog import SentinelHubCatalog
from sentinelhub.config import SHConfig
from sentinelhub.constants import CRS
from sentinelhub.data_collections import DataCollection
from sentinelhub.geometry import BBox

from evidence.errors import SettingsError, SourceError
from imagery.records import FetchedProduct, MalformedItem, Product, Raster
from imagery.sources.budget import Purse, UnitBudget, catalog_units
from imagery.sources.http import Http
from imagery.sources.hub_requests import (
    RADAR,
    Bounds,
    Grid,
    hub_product,
    pixel_type,
    process_request,
    raster_of,
    read_answer,
    request_units,
    requested,
)
from imagery.sources.items import SearchNotes, read_listed
from imagery.sources.privacy import PrivacyMode, snap_outward
from imagery.sources.retry import Retrier
from imagery.sources.sentinelhub_client import PaidLine, Tokens, collection_at

MOST_PAGES = 400
"""Of one search. Assumed: 40,000 products."""
DAYS_PER_MONTH = 30.4
"""For the price of a search. Derived: the mean of a year."""


class SentinelHub(SearchNotes):
    """One sensor of one Sentinel Hub deployment as a `SceneSource`."""

    masks_first = True

    def __init__(
        self,
        config: SHConfig,
        *,
        budget: UnitBudget,
        sensor: str = "sentinel-2",
        retrier: Retrier | None = None,
        http: Http | None = None,
        mode: PrivacyMode = PrivacyMode.BOX,
        max_cloud_cover: float = 100.0,
    ) -> None:
        """Take credentials and budget; nothing is sent yet.

        Args:
            config: from `sentinelhub_config`.
            budget: asked before every request.
            sensor: `sentinel-2` (L2A) or `sentinel-1` (GRD, terrain-flattened gamma0).
            retrier: of searches and requests.
            http: session and limits.
            mode: a Process request shows its box, so tile mode is refused.
            max_cloud_cover: percent of the whole tile.

        Raises:
            SettingsError: in tile mode.
        """
        if mode is PrivacyMode.TILE:
            raise SettingsError(
                "Sentinel Hub's Process API is told the very box: not with [privacy] mode = 'tile'"
            )
        self._config, self.budget, self._sensor = config, budget, sensor
        http = http or Http(milliseconds=True)
        self._line = PaidLine(
            config=config,
            tokens=Tokens(config, http),
            http=http,
            retrier=retrier or Retrier(),
            budget=budget,
        )
        base = DataCollection.SENTINEL1_IW if sensor == RADAR else DataCollection.SENTINEL2_L2A
        self._collection = collection_at(base, config.sh_base_url)
        self._max_cloud_cover = max_cloud_cover
        super().__init__()

    @property
    def name(self) -> str:
        """`sentinelhub:`, host and collection."""
        host = self._config.sh_base_url.split("://")[-1]
        return f"sentinelhub:{host}/{self._collection.api_id}"

    @property
    def lists_everything(self) -> bool:
        """Whether a search lists all that the provider has."""
        return self._max_cloud_cover >= 100 or self._sensor == RADAR  # noqa: PLR2004 - percent

    def search(self, bounds: Bounds, since: dt.datetime, until: dt.datetime) -> Iterable[Product]:
        """Products of the snapped box that were sensed in ``[since, until)``.

        Raises:
            SourceError: where the Catalog does not answer, or the budget is spent.
        """
        self.begin_notes()
        found: dict[str, Product] = {}
        for page in self._pages(snap_outward(bounds), since, until):
            fresh = [item for item in page if item.get("id") not in found]
            if page and not fresh:
                self.rejected.append(
                    f"{self.name}: paging repeats itself; stopped after {len(found)} products"
                )
                break
            for item in fresh:
                self._take(item, found, bounds)
        return [product for product in found.values() if since <= product.datetime < until]

    def fetch(self, product: Product, bands: Iterable[str], bounds: Bounds) -> FetchedProduct:
        """Source numbers of `bands` over `bounds` on the tile's own lattice.

        Raises:
            QuotaError: where the month's units are spent.
            SourceError: where the answer is not what was asked for.
        """
        wanted = [band for band in bands if band in product.assets]
        rasters: dict[str, Raster] = {}
        headers: dict[str, Mapping[str, str]] = {}
        with self.budget.purse(self.cost(product, wanted, bounds)) as purse:
            for chosen, grid in requested(product, wanted, bounds):
                pixels, kept = self._process(product, chosen, grid, purse)
                headers |= dict.fromkeys(chosen, kept)
                rasters |= {band: raster_of(band, pixels[i], grid) for i, band in enumerate(chosen)}
        return FetchedProduct(product=product, rasters={b: rasters[b] for b in wanted}, headers=headers)

    def cost(self, product: Product, bands: Iterable[str], bounds: Bounds) -> float:
        """Processing units that `fetch` would take."""
        wanted = [band for band in bands if band in product.assets]
        return sum(
            request_units(piece, chosen, self._sensor)
            for chosen, grid in requested(product, wanted, bounds)
            for _, _, piece in grid.pieces()
        )

    def stop(self) -> None:
        """End every wait: the run is being broken off."""
        self._line.retrier.stop()

    def _take(self, item: Mapping[str, Any], found: dict[str, Product], bounds: Bounds) -> None:
        product = read_listed(
            item,
            source=self.name,
            make=lambda _item, _source: hub_product(
                item,
                bounds,
                source=self.name,
                base_url=self._config.sh_base_url,
                api_id=self._collection.api_id,
                sensor=self._sensor,
            ),
        )
        if isinstance(product, MalformedItem):
            self.malformed.append(product)
        else:
            found[product.id] = product

    def _pages(self, box: Bounds, since: dt.datetime, until: dt.datetime) -> Iterator[list[dict[str, Any]]]:
        catalog = SentinelHubCatalog(config=self._config)
        catalog.client = self._line.client()
        cloud = f"eo:cloud_cover <= {self._max_cloud_cover:g}"
        search = catalog.search(
            self._collection,
            bbox=BBox(box, CRS.WGS84),
            time=(since, until),
            filter=cloud if self._max_cloud_cover < 100 and self._sensor != RADAR else None,  # noqa: PLR2004
        )
        area = abs(Geod(ellps="WGS84").polygon_area_perimeter(*_ring(box))[0])
        units = catalog_units(area, (until - since).days / DAYS_PER_MONTH)
        for _ in range(MOST_PAGES):
            if search.finished:
                return
            with self.budget.purse(units) as purse:
                page = self._line.ask(lambda: (_next_page(search), None), purse, units=units, what="catalog")
            yield page
        self.rejected.append(f"{self.name}: paging does not end; stopped after {MOST_PAGES} pages")

    def _process(
        self, product: Product, bands: Sequence[str], grid: Grid, purse: Purse
    ) -> tuple[NDArray[Any], dict[str, str]]:
        """(band, y, x) and the headers of the last answer, joined from as many requests as it takes."""
        joined = np.zeros((len(bands), grid.height, grid.width), dtype=pixel_type(self._sensor))
        kept: dict[str, str] = {}
        for row, column, piece in grid.pieces():
            pixels, kept = self._line.ask(
                lambda piece=piece: self._piece(product, bands, piece),  # type: ignore[misc]
                purse,
                units=request_units(piece, bands, self._sensor),
                what=product.id,
            )
            joined[:, row : row + piece.height, column : column + piece.width] = pixels
        return joined, kept

    def _piece(
        self, product: Product, bands: Sequence[str], grid: Grid
    ) -> tuple[tuple[NDArray[Any], dict[str, str]], float | None]:
        """One answer, and the units that it took by its header."""
        request = process_request(
            product, bands, grid, collection=self._collection, config=self._config, sensor=self._sensor
        )
        response = self._line.client().download(request.download_list, decode_data=False, max_threads=1)[0]
        headers = {key.lower(): str(value) for key, value in response.headers.items()}
        spent = headers.get("x-processingunits-spent")
        answer = read_answer(
            response.content, headers, grid, count=len(bands), sensor=self._sensor, source=self.name
        )
        return answer, float(spent) if spent else None


def _next_page(search: Any) -> list[dict[str, Any]]:
    """The next page of a Catalog search."""
    features = search._fetch_features()  # noqa: SLF001 - one page at a time, so that each has its attempts
    if not isinstance(features, list):
        raise SourceError("the Catalog answered something other than items")
    return [feature for feature in features if isinstance(feature, dict)]


def _ring(box: Bounds) -> tuple[list[float], list[float]]:
    west, south, east, north = box
    return [west, east, east, west], [south, south, north, north]
