"""Sentinel Hub, commercial or Copernicus Data Space: products from Catalog, source numbers from Process."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod
from sentinelhub.api.catalog import SentinelHubCatalog
from sentinelhub.api.process import SentinelHubRequest
from sentinelhub.config import SHConfig
from sentinelhub.constants import CRS, MimeType
from sentinelhub.data_collections import DataCollection
from sentinelhub.exceptions import BaseSentinelHubException
from sentinelhub.geometry import BBox

from evidence.errors import SettingsError, SourceError
from imagery.bands import SENTINEL2_BANDS
from imagery.budget import RADIOMETRIC_TERRAIN_FACTOR, Purse, UnitBudget, catalog_units, processing_units
from imagery.records import Asset, FetchedProduct, Product, Raster
from imagery.sources.evalscripts import optical_script, radar_script
from imagery.sources.http import KEPT_HEADERS, Http
from imagery.sources.hub_answers import BYTE_BANDS, decode, raster_of, untar
from imagery.sources.hub_grid import Grid, grid_over
from imagery.sources.items import product_from_item
from imagery.sources.privacy import PrivacyMode, snap_outward
from imagery.sources.retry import Retrier
from imagery.sources.sentinelhub_client import COMMERCIAL, Client, Tokens, collection_at, plain_failure

Bounds = tuple[float, float, float, float]

PASS_WINDOW = dt.timedelta(minutes=10)
"""Around the sensing time: wide enough for stamps of datatake and tile, too narrow for another pass."""
MOST_PAGES = 400
TO_HUB = {meaning: name for name, meaning in SENTINEL2_BANDS.items()} | {"clp": "CLP", "vv": "VV", "vh": "VH"}
FINE_BANDS = ("blue", "green", "red", "nir")
COARSE_BANDS = ("rededge1", "rededge2", "rededge3", "nir08", "swir16", "swir22", "scl", "clp")


class SentinelHub:
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
        self._retrier = retrier or Retrier()
        self._http = http or Http(milliseconds=True)
        self._tokens = Tokens(config, self._http)
        base = DataCollection.SENTINEL2_L2A if sensor == "sentinel-2" else DataCollection.SENTINEL1_IW
        self._collection = collection_at(base, config.sh_base_url)
        self._max_cloud_cover = max_cloud_cover
        self.rejected: list[str] = []

    @property
    def name(self) -> str:
        """`sentinelhub:`, host and collection."""
        host = self._config.sh_base_url.split("://")[-1]
        return f"sentinelhub:{host}/{self._collection.api_id}"

    def search(self, bounds: Bounds, since: dt.datetime, until: dt.datetime) -> Iterable[Product]:
        """Products of the snapped box that were sensed in ``[since, until)``.

        Raises:
            SourceError: where the Catalog does not answer, or the budget is spent.
        """
        self.rejected = []
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
            for chosen, grid in self._requests(product, wanted, bounds):
                pixels, kept = self._process(product, chosen, grid, purse)
                headers |= dict.fromkeys(chosen, kept)
                rasters |= {band: raster_of(band, pixels[i], grid) for i, band in enumerate(chosen)}
        return FetchedProduct(product=product, rasters={b: rasters[b] for b in wanted}, headers=headers)

    def cost(self, product: Product, bands: Iterable[str], bounds: Bounds) -> float:
        """Processing units that `fetch` would take."""
        wanted = [band for band in bands if band in product.assets]
        return sum(
            self._units(piece, chosen)
            for chosen, grid in self._requests(product, wanted, bounds)
            for _, _, piece in grid.pieces()
        )

    def _requests(
        self, product: Product, wanted: Sequence[str], bounds: Bounds
    ) -> Iterator[tuple[list[str], Grid]]:
        """Bands of one resolution go out together on their lattice: 20 m bands at 10 m cost four times."""
        for group, pixel_m in ((FINE_BANDS, 10), (COARSE_BANDS, 20), (("vv", "vh"), 10)):
            if chosen := [band for band in group if band in wanted]:
                yield chosen, grid_over(bounds, _epsg_of(product), pixel_m)

    def stop(self) -> None:
        """End every wait: the run is being broken off."""
        self._retrier.stop()

    def _units(self, grid: Grid, bands: Sequence[str]) -> float:
        radar = self._sensor == "sentinel-1"
        return processing_units(
            grid.width,
            grid.height,
            bands=len(bands),
            bits=32 if radar else 16,
            factor=RADIOMETRIC_TERRAIN_FACTOR if radar else 1.0,
        )

    def _take(self, item: Mapping[str, Any], found: dict[str, Product], bounds: Bounds) -> None:
        try:
            product = product_from_item({**item, "assets": {}}, source=self.name)
        except SourceError as error:
            self.rejected.append(str(error))
            return
        epsg = _stated_epsg(item) if self._sensor == "sentinel-2" else _utm_of(bounds)
        if epsg is None:
            self.rejected.append(f"{self.name}: item {product.id} states no projection")
            return
        found[product.id] = replace(product, assets=self._assets(epsg), item=item)

    def _assets(self, epsg: int) -> dict[str, Asset]:
        """What Process can deliver of every product of the collection."""
        if self._sensor == "sentinel-1":
            bands: tuple[str, ...] = ("vv", "vh")
        else:
            commercial = self._config.sh_base_url == COMMERCIAL
            bands = (*FINE_BANDS, *(band for band in COARSE_BANDS if band != "clp" or commercial))
        address = f"{self._config.sh_base_url}/api/v1/process#{self._collection.api_id}"
        return {
            band: Asset(
                band=band,
                href=f"{address}/{TO_HUB[band]}",
                scale=1e-4 if band not in BYTE_BANDS and self._sensor == "sentinel-2" else None,
                gsd_m=10 if band in (*FINE_BANDS, "vv", "vh") else 20,
                crs=f"EPSG:{epsg}",
            )
            for band in bands
        }

    def _pages(self, box: Bounds, since: dt.datetime, until: dt.datetime) -> Iterator[list[dict[str, Any]]]:
        catalog = SentinelHubCatalog(config=self._config)
        catalog.client = self._client()
        cloud = f"eo:cloud_cover <= {self._max_cloud_cover:g}"
        search = catalog.search(
            self._collection,
            bbox=BBox(box, CRS.WGS84),
            time=(since, until),
            filter=cloud if self._max_cloud_cover < 100 and self._sensor == "sentinel-2" else None,  # noqa: PLR2004
        )
        area = abs(Geod(ellps="WGS84").polygon_area_perimeter(*_ring(box))[0])
        units = catalog_units(area, (until - since).days / 30.4)
        for _ in range(MOST_PAGES):
            if search.finished:
                return
            with self.budget.purse(units) as purse:
                page = self._ask(lambda: (_next_page(search), None), purse, units=units, what="catalog")
            yield page
        self.rejected.append(f"{self.name}: paging does not end; stopped after {MOST_PAGES} pages")

    def _process(
        self, product: Product, bands: Sequence[str], grid: Grid, purse: Purse
    ) -> tuple[NDArray[Any], dict[str, str]]:
        """(band, y, x) and the headers of the last answer, joined from as many requests as it takes."""
        dtype = "float32" if self._sensor == "sentinel-1" else "uint16"
        joined = np.zeros((len(bands), grid.height, grid.width), dtype=dtype)
        kept: dict[str, str] = {}
        for row, column, piece in grid.pieces():
            units = self._units(piece, bands)
            request = self._request(product, bands, piece)
            pixels, kept = self._ask(
                lambda request=request, piece=piece: self._answer(request, piece, len(bands), dtype),
                purse,
                units=units,
                what=product.id,
            )
            joined[:, row : row + piece.height, column : column + piece.width] = pixels
        return joined, kept

    def _request(self, product: Product, bands: Sequence[str], grid: Grid) -> SentinelHubRequest:
        radar = self._sensor == "sentinel-1"
        names = [TO_HUB[band] for band in bands]
        script = (radar_script if radar else optical_script)(names, _path_keys(product))
        processing: dict[str, Any] = (
            {
                "backCoeff": "GAMMA0_TERRAIN",
                "orthorectify": True,
                "demInstance": "COPERNICUS_30",
                "speckleFilter": {"type": "NONE"},
            }
            if radar
            else {"harmonizeValues": False}
        )
        data = SentinelHubRequest.input_data(
            self._collection,
            time_interval=(product.datetime - PASS_WINDOW, product.datetime + PASS_WINDOW),
            other_args={"processing": processing},
        )
        return SentinelHubRequest(
            evalscript=script,
            input_data=[data],
            responses=[
                SentinelHubRequest.output_response("bands", MimeType.TIFF),
                SentinelHubRequest.output_response("userdata", MimeType.JSON),
            ],
            bbox=BBox(grid.bbox, CRS(str(grid.epsg))),
            size=(grid.width, grid.height),
            config=self._config,
        )

    def _answer(
        self, request: SentinelHubRequest, grid: Grid, count: int, dtype: str
    ) -> tuple[tuple[NDArray[Any], dict[str, str]], float | None]:
        response = self._client().download(request.download_list, decode_data=False, max_threads=1)[0]
        headers = {key.lower(): str(value) for key, value in response.headers.items()}
        spent = headers.get("x-processingunits-spent")
        files = untar(response.content)
        seen = json.loads(files.get("userdata.json", b"{}"))
        if seen.get("tiles") and not seen.get("chosen"):
            raise SourceError(
                f"{self.name}: the pass holds other products than the one asked for: {seen['tiles']}"
            )
        pixels = decode(files.get("bands.tif", b""), grid, count, dtype)
        kept = {key: value for key, value in headers.items() if key in KEPT_HEADERS}
        kept["tiles"] = json.dumps(seen.get("tiles", []))
        return (pixels, kept), float(spent) if spent else None

    def _client(self) -> Client:
        return Client(self._config, tokens=self._tokens, http=self._http, on_quota=self.budget.refuse)

    def _ask(self, action: Any, purse: Purse, *, units: float, what: str) -> Any:
        """One request, each attempt paid from the purse; one that was answered with an error is free."""

        def attempt() -> Any:
            purse.take(units)
            try:
                answer, spent = action()
            except SourceError as error:
                if error.status is not None:
                    purse.give_back(units)  # only answers of 2xx cost
                raise
            except (BaseSentinelHubException, ValueError, KeyError, TypeError, AttributeError) as error:
                raise plain_failure(error) from error
            if spent is not None:
                purse.give_back(units - spent)
            return answer

        return self._retrier.call(attempt, what=what)


def _next_page(search: Any) -> list[dict[str, Any]]:
    """The next page of a Catalog search."""
    features = search._fetch_features()  # noqa: SLF001 - one page at a time, so that each has its attempts
    if not isinstance(features, list):
        raise SourceError("the Catalog answered something other than items")
    return [feature for feature in features if isinstance(feature, dict)]


def _stated_epsg(item: Mapping[str, Any]) -> int | None:
    properties = item.get("properties") or {}
    code = properties.get("proj:epsg") or str(properties.get("proj:code", "")).removeprefix("EPSG:")
    return int(code) if code else None


def _utm_of(bounds: Bounds) -> int:
    """The zone of the box's centre: radar frames have no lattice of their own."""
    longitude, latitude = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    return (32600 if latitude >= 0 else 32700) + int((longitude + 180) // 6) + 1


def _epsg_of(product: Product) -> int:
    crs = next(iter(product.assets.values())).crs or ""
    return int(crs.removeprefix("EPSG:"))


def _path_keys(product: Product) -> list[str]:
    """What the data path of the product's tile holds: its name, or the tile's folder on AWS."""
    keys = [product.id.removesuffix(".SAFE")]
    if product.tile and (match := re.fullmatch(r"(\d+)([A-Z])([A-Z]{2})", product.tile)):
        day = f"{product.datetime.year}/{product.datetime.month}/{product.datetime.day}"
        keys.append(f"/tiles/{int(match[1])}/{match[2]}/{match[3]}/{day}/")
    return keys


def _ring(box: Bounds) -> tuple[list[float], list[float]]:
    west, south, east, north = box
    return [west, east, east, west], [south, south, north, north]
