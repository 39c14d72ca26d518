"""The archive: source pixels, write-once, itself a static STAC catalogue.

``catalog.json``, ``<site>/<sensor>/collection.json``, ``<site>/<sensor>/<year>/<item>/`` with a COG per band,
the provider's own item and, written last, the archive's item: a product exists when that file does.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import RasterioError

from evidence.errors import ArchiveError, Finding
from evidence.files import (
    TEMPORARY_PREFIX,
    landing_below,
    path_component,
    remove_leftovers,
    sync_folder,
    write_text,
)
from evidence.hashing import sha256_bytes, sha256_file
from imagery.archive.catalog import (
    free_folder,
    product_folders,
    remove_folder,
    sensor_folder,
    sensor_folders,
    write_catalog,
    write_collection,
)
from imagery.archive.gaps import Gap, GapKind, read_gaps, write_gap
from imagery.archive.items import (
    SOURCE_FILE,
    archived_from_item,
    asset_entry,
    asset_path,
    build_item,
    encode_all,
    item_text,
    read_item,
    sensor_of,
    source_document,
    write_durably,
)
from imagery.bands import MEASURED_BANDS
from imagery.records import ArchivedProduct, FetchedProduct, Product
from imagery.scenes import Acquisitions, Processing, same_acquisition
from imagery.sources.items import DEM_PLATFORM

log = logging.getLogger(__name__)
OPTICAL = ("sentinel-2", "landsat")
"""Instruments whose scenes are measured on the ground."""


class Archive:
    """Products of every site, below one folder."""

    def __init__(self, root: Path, *, clock: Callable[[], dt.datetime] | None = None) -> None:
        """Name the folder; it is made by the first write.

        Args:
            root: the archive's folder.
            clock: tells the time of access; UTC now by default.
        """
        self.root = Path(root)
        self._clock = clock or (lambda: dt.datetime.now(dt.UTC))
        self._known: dict[str, list[ArchivedProduct]] = {}
        self._by_moment: dict[str, Acquisitions[ArchivedProduct]] = {}

    def put(
        self,
        site_id: str,
        fetched: FetchedProduct,
        *,
        ordering_box: tuple[float, float, float, float] | None = None,
        index: bool = True,
        encoded: Mapping[str, bytes] | None = None,
        complement: bool = False,
        preferred_to: Sequence[str] = (),
    ) -> ArchivedProduct:
        """Add a product; one that is there already stays as it is and is returned.

        Args:
            site_id: whose pixels these are.
            fetched: product and pixels.
            ordering_box: what was asked for, degrees.
            index: also renew the collection's links (a run of many does that once, with `write_index`).
            encoded: from `encode_all`, where another thread has done that.
            complement: whether it fills holes of another product of the same tile and pass.
            preferred_to: other products of the acquisition that were listed, each with the reason.

        Raises:
            ArchiveError: where there is nothing to keep.
        """
        if not fetched.rasters:
            raise ArchiveError(f"{fetched.product.id}: no pixels to archive")
        same = self._same_processing(site_id, fetched, ordering_box)
        files = encoded or encode_all(fetched)
        archived = same or self._write(
            site_id, fetched, ordering_box, files, complement=complement, preferred_to=preferred_to
        )
        if index:
            self.write_index(site_id)
        return archived

    def products(
        self, site_id: str, *, sensor: str = "sentinel-2", superseded: bool = False
    ) -> list[ArchivedProduct]:
        """The site's products of one sensor in the order of time.

        Args:
            site_id: whose.
            sensor: `sentinel-2`, `sentinel-1`, `landsat`, …
            superseded: also those that a newer processing of the same tile and datatake replaces.
        """
        known = [product for product in self._all(site_id) if sensor_of(product.platform) == sensor]
        kept = known if superseded else newest(known)
        return sorted(kept, key=lambda product: (product.datetime, product.id))

    def optical(self, site_id: str, *, superseded: bool = False) -> list[ArchivedProduct]:
        """The site's products of every instrument whose scenes are measured: Sentinel-2, then Landsat."""
        return [
            product
            for sensor in OPTICAL
            for product in self.products(site_id, sensor=sensor, superseded=superseded)
        ]

    def preferred(self, site_id: str) -> dict[str, list[str]]:
        """What each product that counts was preferred to, listed or held, each with the reason; by its id."""
        found: dict[str, list[str]] = {}
        kept = newest(self._all(site_id))
        counted = {product.id for product in kept}
        for product in kept:
            told = [str(text) for text in product.properties.get(PREFERRED_TO) or ()]
            older = [] if product.properties.get(COMPLEMENT) else self._acquired(site_id).like(product)
            told += [
                f"{other.id} (held since {other.properties.get('campwatch:accessed')}): "
                f"{_processing(other).why_after(_processing(product))}"
                for other in older
                if other.id not in counted
            ]
            if told:
                found[product.id] = told
        return found

    def holding(self, site_id: str, product: Product) -> ArchivedProduct | None:
        """What the archive counts for the ground and moment of `product`, in whatever processing."""
        matches = self._acquired(site_id).like(product)
        itself = [known for known in matches if known.properties.get("campwatch:product_id") == product.id]
        whole = [known for known in matches if not known.properties.get(COMPLEMENT)]
        complement = bool(itself) and all(known.properties.get(COMPLEMENT) for known in itself)
        chosen = itself if complement else whole or matches
        return max(chosen, key=processing_order) if chosen else None

    def holds(self, site_id: str, product: Product) -> ArchivedProduct | None:
        """This very product in the archive, in its newest processing."""
        found = [
            known
            for known in self._acquired(site_id).like(product)
            if known.properties.get("campwatch:product_id") == product.id and known.source == product.source
        ]
        return max(found, key=processing_order) if found else None

    def sites(self) -> list[str]:
        """Ids of the sites that have a folder."""
        if not self.root.is_dir():
            return []
        return sorted(path.name for path in self.root.iterdir() if path.is_dir())

    def record_gap(self, site_id: str, gap: Gap) -> None:
        """Write down what could not, or need not, be looked at; the latest word on a product counts."""
        write_gap(self.root / path_component(site_id), gap)

    def gaps(self, site_id: str, *, closed: bool = False) -> list[Gap]:
        """The site's gaps in the order of time; those that were filled since only on request."""
        found = read_gaps(self.root / path_component(site_id))
        if closed:
            return found
        return [gap for gap in found if not self._filled(site_id, gap)]

    def write_index(self, site_id: str) -> None:
        """Renew the links of the site's collections and of the catalogue, from the items that are there."""
        site_folder = self.root / path_component(site_id)
        for folder in sensor_folders(site_folder):
            write_collection(folder, site_id)
        write_catalog(self.root)

    def recover(self, site_id: str | None = None) -> int:
        """Remove what interrupted writes left, and renew the index; returns how many files went.

        Args:
            site_id: only this site; all of them by default.
        """
        if not self.root.is_dir():
            return 0
        wanted = [path_component(site_id)] if site_id else self.sites()
        removed = sum(remove_leftovers(self.root / site) for site in wanted)
        for folder in [path for site in wanted for path in product_folders(self.root / site)]:
            if not (folder / f"{folder.name}.json").exists():
                removed += remove_folder(folder)
        if removed:
            self._known.clear()
            self._by_moment.clear()
        for path in self.root.glob(f"{TEMPORARY_PREFIX}*"):
            path.unlink()
            removed += 1
        for site in wanted:
            self.write_index(site)
        return removed

    def verify(self, *, deep: bool = False, site_id: str | None = None) -> list[Finding]:
        """What the archive holds other than what was written into it; an empty list is a clean bill.

        Args:
            deep: also read every pixel, not only sizes and hashes.
            site_id: only this site.
        """
        wanted = [path_component(site_id)] if site_id else self.sites()
        return [
            finding
            for site in wanted
            for folder in product_folders(self.root / site)
            for finding in check_product(folder, deep=deep)
        ]

    def _all(self, site_id: str) -> list[ArchivedProduct]:
        if site_id not in self._known:
            site_folder = self.root / path_component(site_id)
            paths = (folder / f"{folder.name}.json" for folder in product_folders(site_folder))
            self._known[site_id] = [
                archived_from_item(path, read_item(path)) for path in paths if path.exists()
            ]
        return self._known[site_id]

    def _acquired(self, site_id: str) -> Acquisitions[ArchivedProduct]:
        if site_id not in self._by_moment:
            self._by_moment[site_id] = Acquisitions((product, product) for product in self._all(site_id))
        return self._by_moment[site_id]

    def close_searches(
        self, site_id: str, sources: Iterable[str], since: dt.datetime, until: dt.datetime
    ) -> None:
        """Close the gaps of failed or empty searches that a later search of `sources` has made good.

        Args:
            site_id: whose.
            sources: names of those that answered for the whole of ``[since, until)``.
            since: UTC.
            until: UTC.
        """
        answered = set(sources)
        for gap in self.gaps(site_id):
            covered = gap.until is not None and since <= gap.datetime and gap.until <= until
            if covered and gap.product_id is None and gap.source in answered:
                self.record_gap(site_id, replace(gap, closed=self._clock()))

    def _filled(self, site_id: str, gap: Gap) -> bool:
        if gap.closed is not None:
            return True
        held = self.holding(site_id, gap.as_product())
        if gap.product_id is None or held is None:
            return self._came_after_all(site_id, gap)
        if gap.kind is GapKind.BANDS:
            return set(gap.values.get("bands", ())) <= set(held.bands)
        return not gap.concerns_newer_than(held)

    def _came_after_all(self, site_id: str, gap: Gap) -> bool:
        """Whether what could not be read as a product has come as one since."""
        return gap.platform is None and any(
            known.properties.get("campwatch:product_id") == gap.product_id and known.source == gap.source
            for known in self._all(site_id)
        )

    def _same_processing(
        self, site_id: str, fetched: FetchedProduct, ordering_box: tuple[float, float, float, float] | None
    ) -> ArchivedProduct | None:
        product = fetched.product
        return next(
            (
                known
                for known in self._all(site_id)
                if same_acquisition(known, product)
                and known.properties.get("campwatch:product_id") == product.id
                and known.source == product.source
                and known.baseline == product.baseline
                and known.properties.get("campwatch:processed") == _stamp(product.published)
                and set(fetched.rasters) <= set(known.bands)
                and covers(known, ordering_box)
            ),
            None,
        )

    def _write(
        self,
        site_id: str,
        fetched: FetchedProduct,
        ordering_box: tuple[float, float, float, float] | None,
        encoded: Mapping[str, bytes],
        *,
        complement: bool = False,
        preferred_to: Sequence[str] = (),
    ) -> ArchivedProduct:
        product, accessed = fetched.product, self._clock()
        sensor = sensor_of(product.platform)
        site_folder = self.root / path_component(site_id, default="site")
        parent = sensor_folder(site_folder, sensor) / f"{product.datetime:%Y}"
        folder = landing_below(self.root, free_folder(parent, path_component(product.id)))
        previous = self.holding(site_id, product)
        assets = {}
        for band, raster in fetched.rasters.items():
            path = folder / f"{path_component(band)}.tif"
            data = encoded[band]
            write_durably(self.root, path, data)
            assets[band] = asset_entry(
                path, raster, product.assets.get(band), sha256=sha256_bytes(data), size=len(data)
            )
        assets["source"] = _write_source(self.root, folder, fetched)
        item = build_item(
            folder.name,
            f"{site_id}-{sensor}",
            fetched,
            assets,
            accessed=accessed,
            ordering_box=ordering_box,
            predecessor=_relative(previous) if previous and not complement else None,
        )
        if complement:
            item["properties"][COMPLEMENT] = True
        if preferred_to:
            item["properties"][PREFERRED_TO] = list(preferred_to)
        path = folder / f"{folder.name}.json"
        sync_folder(parent)
        write_text(path, item_text(item))
        archived = archived_from_item(path, item)
        self._known[site_id].append(archived)
        if site_id in self._by_moment:
            self._by_moment[site_id].add(archived, archived)
        log.debug("archived %s for %s", folder.name, site_id)
        return archived


def _write_source(root: Path, folder: Path, fetched: FetchedProduct) -> dict[str, object]:
    """The provider's own item, beside ours; returns its STAC asset."""
    data = source_document(fetched).encode()
    write_durably(root, folder / SOURCE_FILE, data)
    digest = sha256_bytes(data)
    return {
        "href": f"./{SOURCE_FILE}",
        "type": "application/json",
        "roles": ["metadata"],
        "file:checksum": f"1220{digest}",
        "file:size": len(data),
        "campwatch:sha256": digest,
    }


def _stamp(moment: dt.datetime | None) -> str | None:
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z") if moment else None


def _relative(previous: ArchivedProduct) -> str:
    other = previous.item_path
    return f"../../{other.parent.parent.name}/{other.parent.name}/{other.name}"


COMPLEMENT = "campwatch:complement"
"""Property of an item that fills holes of another product of the same tile and pass."""


PREFERRED_TO = "campwatch:preferred_to"
"""Property of an item that names the other products of its acquisition that were listed, and why not they."""


def _processing(product: ArchivedProduct) -> Processing:
    return Processing(
        id=product.id,
        source=product.source,
        baseline=product.baseline,
        bands=len(set(MEASURED_BANDS) & set(product.bands)),
        made=str(product.properties.get("campwatch:processed", "")),
    )


def processing_order(product: ArchivedProduct) -> tuple[object, ...]:
    """Sorts processings of one acquisition: official before private, the newest baseline, the most bands.

    Where these agree, what was made last by its own stamp, then what was fetched last.
    """
    return *_processing(product).rank[:-1], str(product.properties.get("campwatch:accessed", ""))


def newest(products: Sequence[ArchivedProduct]) -> list[ArchivedProduct]:
    """Of each tile and datatake, the newest processing; and what fills holes of it."""
    kept: list[ArchivedProduct] = []
    known = Acquisitions[ArchivedProduct]()
    filling: set[object] = set()
    for product in sorted(products, key=processing_order, reverse=True):
        if product.properties.get(COMPLEMENT):
            name = (product.source, product.properties.get("campwatch:product_id"))
            kept += [product] if name not in filling else []
            filling.add(name)
        elif not known.like(product):
            known.add(product, product)
            kept.append(product)
    return kept


def covers(product: ArchivedProduct, box: tuple[float, float, float, float] | None) -> bool:
    """Whether what was ordered then holds what is ordered now."""
    had = product.properties.get("campwatch:ordering_box")
    return box is None or had is None or contains(tuple(had), box)


def contains(outer: tuple[float, ...], inner: tuple[float, float, float, float]) -> bool:
    """Whether a box holds another one, but for rounding."""
    slack = 1e-9
    return (
        outer[0] <= inner[0] + slack
        and outer[1] <= inner[1] + slack
        and outer[2] >= inner[2] - slack
        and outer[3] >= inner[3] - slack
    )


HEIGHT = "elevation"
"""The band of heights in metres."""


def archived_heights(archive: Archive, site_id: str) -> tuple[ArchivedProduct, ...]:
    """The tiles of heights that were fetched for a site; none where no source was asked for terrain."""
    return tuple(tile for tile in archive.products(site_id, sensor=DEM_PLATFORM) if HEIGHT in tile.bands)


def height_files(tiles: Iterable[ArchivedProduct]) -> tuple[Path, ...]:
    """Their files."""
    return tuple(tile.bands[HEIGHT] for tile in tiles)


def check_product(folder: Path, *, deep: bool) -> Iterator[Finding]:
    """Findings in one product's folder."""
    path = folder / f"{folder.name}.json"
    if not path.exists():
        yield Finding(where=str(folder), what="left by an interrupted write; no item")
        return
    try:
        item = read_item(path)
    except ArchiveError as error:
        yield Finding(where=str(path), what=str(error))
        return
    if item.get("id") != folder.name:
        yield Finding(where=str(path), what=f"holds the item {item.get('id')!r}")
    for asset in item["assets"].values():
        yield from _check_asset(folder, asset, deep=deep)


def _check_asset(folder: Path, asset: Mapping[str, Any], *, deep: bool) -> Iterator[Finding]:
    try:
        path = asset_path(folder, asset)
    except ArchiveError as error:
        yield Finding(where=str(folder), what=str(error))
        return
    if not path.exists():
        yield Finding(where=str(path), what="missing")
        return
    size, digest = path.stat().st_size, sha256_file(path)
    if "file:size" in asset and size != asset["file:size"]:
        yield Finding(where=str(path), what=f"{size} bytes, was written with {asset['file:size']}")
    elif digest != asset["campwatch:sha256"]:
        yield Finding(where=str(path), what=f"SHA-256 {digest}, was written with {asset['campwatch:sha256']}")
    elif deep and "proj:shape" in asset:
        yield from _check_pixels(path, asset)


def _check_pixels(path: Path, asset: Mapping[str, Any]) -> Iterator[Finding]:
    try:
        with rasterio.open(path) as dataset:
            pixels = dataset.read(1)
            if list(pixels.shape) != asset["proj:shape"] or pixels.dtype.name != asset["data_type"]:
                yield Finding(where=str(path), what=f"{pixels.shape} {pixels.dtype}, the item says otherwise")
    except (RasterioError, OSError) as error:
        yield Finding(where=str(path), what=f"unreadable: {error}")
