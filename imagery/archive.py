"""The archive: source pixels, write-once, itself a static STAC catalogue.

``catalog.json``, ``<site>/<sensor>/collection.json``, ``<site>/<sensor>/<year>/<item>/`` with a COG per band,
the provider's own item and, written last, the archive's item: a product exists when that file does.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from evidence.errors import ArchiveError
from evidence.files import is_temporary, remove_leftovers, write_text
from evidence.hashing import sha256_file
from imagery.archive_catalog import write_catalog, write_collection
from imagery.archive_check import Finding, check_product
from imagery.archive_items import (
    SOURCE_FILE,
    archived_from_item,
    asset_entry,
    build_item,
    folder_name,
    read_item,
    sensor_of,
    source_document,
)
from imagery.archive_write import item_text, write_cog
from imagery.gaps import Gap, read_gaps, write_gap
from imagery.records import ArchivedProduct, FetchedProduct, Product
from imagery.scenes import same_acquisition

log = logging.getLogger(__name__)


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

    def put(
        self,
        site_id: str,
        fetched: FetchedProduct,
        *,
        ordering_box: tuple[float, float, float, float] | None = None,
        index: bool = True,
    ) -> ArchivedProduct:
        """Add a product; one that is there already stays as it is and is returned.

        Args:
            site_id: whose pixels these are.
            fetched: product and pixels.
            ordering_box: what was asked for, degrees.
            index: also renew the collection's links (a run of many does that once, with `write_index`).

        Raises:
            ArchiveError: where there is nothing to keep.
        """
        if not fetched.rasters:
            raise ArchiveError(f"{fetched.product.id}: no pixels to archive")
        same = self._same_processing(site_id, fetched, ordering_box)
        archived = same or self._write(site_id, fetched, ordering_box)
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

    def holding(self, site_id: str, product: Product) -> ArchivedProduct | None:
        """What the archive counts for the ground and moment of `product`, in whatever processing."""
        matches = [known for known in self._all(site_id) if same_acquisition(known, product)]
        return max(matches, key=processing_order) if matches else None

    def sites(self) -> list[str]:
        """Ids of the sites that have a folder."""
        if not self.root.is_dir():
            return []
        return sorted(path.name for path in self.root.iterdir() if path.is_dir())

    def record_gap(self, site_id: str, gap: Gap) -> None:
        """Write down what could not, or need not, be looked at; the latest word on a product counts."""
        write_gap(self.root / folder_name(site_id), gap)

    def gaps(self, site_id: str, *, closed: bool = False) -> list[Gap]:
        """The site's gaps in the order of time; those that were filled since only on request."""
        found = read_gaps(self.root / folder_name(site_id))
        if closed:
            return found
        return [gap for gap in found if not self._filled(site_id, gap)]

    def write_index(self, site_id: str) -> None:
        """Renew the links of the site's collections and of the catalogue, from the items that are there."""
        site_folder = self.root / folder_name(site_id)
        for folder in sorted(path for path in _subfolders(site_folder) if path.name != "gaps"):
            write_collection(folder, site_id)
        write_catalog(self.root)

    def recover(self) -> int:
        """Remove what interrupted writes left, and renew every index; returns how many files went."""
        if not self.root.is_dir():
            return 0
        removed = remove_leftovers(self.root)
        for folder in [path for site in self.sites() for path in _product_folders(self.root / site)]:
            if not (folder / f"{folder.name}.json").exists():
                removed += _remove_folder(folder)
        self._known.clear()
        for site_id in self.sites():
            self.write_index(site_id)
        return removed

    def verify(self, *, deep: bool = False, site_id: str | None = None) -> list[Finding]:
        """What the archive holds other than what was written into it; an empty list is a clean bill.

        Args:
            deep: also read every pixel, not only sizes and hashes.
            site_id: only this site.
        """
        wanted = [folder_name(site_id)] if site_id else self.sites()
        return [
            finding
            for site in wanted
            for folder in _product_folders(self.root / site)
            for finding in check_product(folder, deep=deep)
        ]

    def _all(self, site_id: str) -> list[ArchivedProduct]:
        if site_id not in self._known:
            site_folder = self.root / folder_name(site_id)
            paths = (folder / f"{folder.name}.json" for folder in _product_folders(site_folder))
            self._known[site_id] = [
                archived_from_item(path, read_item(path)) for path in paths if path.exists()
            ]
        return self._known[site_id]

    def _filled(self, site_id: str, gap: Gap) -> bool:
        held = self.holding(site_id, gap.as_product())
        return gap.product_id is not None and held is not None and not gap.concerns_newer_than(held)

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
        self, site_id: str, fetched: FetchedProduct, ordering_box: tuple[float, float, float, float] | None
    ) -> ArchivedProduct:
        product, accessed = fetched.product, self._clock()
        sensor = sensor_of(product.platform)
        parent = self.root / folder_name(site_id) / sensor / f"{product.datetime:%Y}"
        folder = _free_folder(parent, folder_name(product.id))
        previous = self.holding(site_id, product)
        assets = {}
        for band, raster in fetched.rasters.items():
            path = folder / f"{band}.tif"
            write_cog(path, raster)
            assets[band] = asset_entry(
                path, raster, product.assets.get(band), sha256=sha256_file(path), size=path.stat().st_size
            )
        write_text(folder / SOURCE_FILE, source_document(fetched))
        digest = sha256_file(folder / SOURCE_FILE)
        assets["source"] = {
            "href": f"./{SOURCE_FILE}",
            "type": "application/json",
            "roles": ["metadata"],
            "file:checksum": f"1220{digest}",
            "campwatch:sha256": digest,
        }
        item = build_item(
            folder.name,
            f"{site_id}-{sensor}",
            fetched,
            assets,
            accessed=accessed,
            ordering_box=ordering_box,
            predecessor=_relative(previous) if previous else None,
        )
        path = folder / f"{folder.name}.json"
        write_text(path, item_text(item))
        archived = archived_from_item(path, item)
        self._known[site_id].append(archived)
        log.debug("archived %s for %s", folder.name, site_id)
        return archived


def processing_order(product: ArchivedProduct) -> tuple[str, str, str]:
    """Sorts processings of one acquisition: baseline, then when it was made, then when it was fetched."""
    return (
        product.baseline or "",
        str(product.properties.get("campwatch:processed", "")),
        str(product.properties.get("campwatch:accessed", "")),
    )


def newest(products: Sequence[ArchivedProduct]) -> list[ArchivedProduct]:
    """Of each tile and datatake, the newest processing."""
    kept: list[ArchivedProduct] = []
    for product in sorted(products, key=processing_order, reverse=True):
        if not any(same_acquisition(product, other) for other in kept):
            kept.append(product)
    return kept


def covers(product: ArchivedProduct, box: tuple[float, float, float, float] | None) -> bool:
    """Whether what was ordered then holds what is ordered now."""
    had = product.properties.get("campwatch:ordering_box")
    if box is None or had is None:
        return True
    slack = 1e-9
    return bool(
        had[0] <= box[0] + slack
        and had[1] <= box[1] + slack
        and had[2] >= box[2] - slack
        and had[3] >= box[3] - slack
    )


def _stamp(moment: dt.datetime | None) -> str | None:
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z") if moment else None


def _relative(previous: ArchivedProduct) -> str:
    other = previous.item_path
    return f"../../{other.parent.parent.name}/{other.parent.name}/{other.name}"


def _free_folder(parent: Path, name: str) -> Path:
    """A folder no item has been written into; an interrupted write's folder is used again."""
    candidates = (parent / (name if count == 1 else f"{name}-v{count}") for count in range(1, 1000))
    return next(folder for folder in candidates if not (folder / f"{folder.name}.json").exists())


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []


def _product_folders(site_folder: Path) -> Iterator[Path]:
    for sensor in sorted(_subfolders(site_folder)):
        if sensor.name == "gaps":
            continue
        for year in sorted(_subfolders(sensor)):
            yield from sorted(_subfolders(year))


def _remove_folder(folder: Path) -> int:
    """Remove a product folder whose item was never written."""
    files = [path for path in folder.iterdir() if path.is_file()]
    for path in files:
        log.info("removing %s, left by an interrupted write%s", path, " (temporary)" * is_temporary(path))
        path.unlink()
    folder.rmdir()
    return len(files)
