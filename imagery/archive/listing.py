"""What exists and what is still to be had: every source searched, ranked, compared with the archive."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyproj import Geod

from aoi.records import Site
from evidence.errors import SourceError
from evidence.files import write_text
from imagery.archive.gaps import Gap, GapKind, malformed_gap
from imagery.archive.store import Archive, contains, covers
from imagery.bands import NATIVE_RESOLUTION_M
from imagery.records import ArchivedProduct, Product, SceneSource
from imagery.scenes import Acquisitions
from imagery.sources.addresses import shown
from imagery.sources.items import parse_time
from imagery.sources.static import overlaps

Bounds = tuple[float, float, float, float]

Offers = list[tuple[Product, SceneSource]]
"""Of one acquisition: each source's product."""

BLOCK_OVERHEAD = 6.0
"""Bytes of the blocks that a 5 km window touches over bytes of its pixels, at blocks of 1024 (3 at 512)."""
COMPRESSION = 0.6
BYTES_PER_SECOND = 2.5e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One acquisition that is to be fetched, with every source that has it, best first."""

    offers: tuple[tuple[Product, SceneSource], ...]

    @property
    def product(self) -> Product:
        """The best offer."""
        return self.offers[0][0]


@dataclass(slots=True, kw_only=True)
class Listing:
    """What the sources list over one site, and what the archive lacks of it."""

    site_id: str
    since: dt.datetime
    until: dt.datetime
    listed: list[tuple[Product, str]] = field(default_factory=list)
    """Every product of every source, with the source's name."""
    acquisitions: int = 0
    """Of these, after duplicates: one per tile and datatake."""
    held: int = 0
    """In the archive already."""
    known_cloud: int = 0
    """Left out before, by a rule that still holds."""
    known_empty: int = 0
    """Looked into before, and without data over the site."""
    todo: list[Candidate] = field(default_factory=list)
    troubles: list[Gap] = field(default_factory=list)
    """Searches that failed."""
    malformed: list[Gap] = field(default_factory=list)
    """Listed items that cannot be products."""
    notices: list[str] = field(default_factory=list)
    asked: dt.datetime | None = None
    """When, UTC."""
    exhaustive: bool = False
    """Every source that lists all there is has answered in full: what is not listed, nobody lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchCost:
    """What fetching a listing would take."""

    products: int
    processing_units: float
    disk_bytes: float
    download_bytes: float
    hours: float
    """At 20 Mbit/s."""


def list_products(
    site: Site,
    archive: Archive,
    sources: Sequence[SceneSource],
    *,
    since: dt.datetime,
    until: dt.datetime,
    include_cloudy: bool = False,
) -> Listing:
    """Search every source and compare with the archive.

    Args:
        site: whose box.
        archive: what is there.
        sources: ranked; the first that has a product wins, the next fills its gaps.
        since: sensed from then on, UTC.
        until: sensed before then, UTC.
        include_cloudy: also what was left out for cloud before.
    """
    listing = Listing(site_id=site.id, since=since, until=until, asked=dt.datetime.now(dt.UTC))
    offers: list[Offers] = []
    known = Acquisitions[Offers]()
    for source in sources:
        for product in _newest_first(_search(site, source, listing)):
            listing.listed.append((product, source.name))
            if group := _offer(known.like(product), product, source):
                offers.append(group)
                known.add(product, group)
    listing.acquisitions = len(offers)
    live = [source for source in sources if getattr(source, "lists_everything", False)]
    listing.exhaustive = bool(live) and not listing.troubles
    settled = Acquisitions[Gap](
        (gap.as_product(), gap)
        for gap in archive.gaps(site.id)
        if gap.kind is GapKind.NO_DATA or (gap.kind is GapKind.CLOUD and not include_cloudy)
    )
    for group in sorted(offers, key=lambda group: (group[0][0].datetime, group[0][0].id)):
        _sort_in(site, archive, group, settled, listing)
    return listing


def fetch_cost(listing: Listing, bands: Iterable[str], bounds: Bounds) -> FetchCost:
    """Processing units, disk and time of everything that is to be fetched, before anything is."""
    wanted = tuple(bands)
    units = disk = download = 0.0
    for candidate in listing.todo:
        product, source = candidate.offers[0]
        pixels = sum(_pixel_bytes(band, bounds) for band in wanted if band in product.assets)
        price = getattr(source, "cost", None)
        units += price(product, wanted, bounds) if price else 0.0
        disk += pixels * COMPRESSION
        download += pixels * (1.0 if price else BLOCK_OVERHEAD * COMPRESSION)
    return FetchCost(
        products=len(listing.todo),
        processing_units=units,
        disk_bytes=disk,
        download_bytes=download,
        hours=download / BYTES_PER_SECOND / 3600,
    )


def is_newer(product: Product, held: ArchivedProduct, box: Bounds) -> bool:
    """Whether `product` is worth fetching beside `held`: a newer processing, or a box that has grown."""
    if not covers(held, box):
        return True
    if (product.baseline or "") != (held.baseline or ""):
        return (product.baseline or "") > (held.baseline or "")
    processed = held.properties.get("campwatch:processed")
    if product.source != held.source or product.published is None or processed is None:
        return False
    return product.published > dt.datetime.fromisoformat(str(processed))


def _offer(groups: Sequence[Offers], product: Product, source: SceneSource) -> Offers | None:
    """Put a product beside the first that shows the same ground at the same moment, one offer per source.

    Returns:
        A group of its own, where there is none that shows it.
    """
    if not groups:
        return [(product, source)]
    if all(source is not other for _, other in groups[0]):
        groups[0].append((product, source))
    return None


def _sort_in(
    site: Site,
    archive: Archive,
    group: Offers,
    settled: Acquisitions[Gap],
    listing: Listing,
) -> None:
    product = group[0][0]
    held = archive.holding(site.id, product)
    known = {gap.kind for gap in settled.like(product) if _still_holds(gap, product, site.bounds)}
    if held is not None and not is_newer(product, held, site.bounds):
        listing.held += 1
    elif GapKind.CLOUD in known:
        listing.known_cloud += 1
    elif GapKind.NO_DATA in known:
        listing.known_empty += 1
    else:
        listing.todo.append(Candidate(offers=tuple(group)))


def _still_holds(gap: Gap, product: Product, box: Bounds) -> bool:
    """Whether what was said of an acquisition answers for this processing, over all of the box."""
    asked = gap.values.get("box")
    within = asked is None or contains(tuple(asked), box)
    return within and (gap.baseline or "") >= (product.baseline or "")


def _search(site: Site, source: SceneSource, listing: Listing) -> list[Product]:
    found: list[Product] = []
    try:
        listed = source.search(site.bounds, listing.since, listing.until)
        found = [product for product in listed if overlaps(product.bounds, site.bounds)]
        troubles = list(getattr(source, "rejected", ()))
    except SourceError as error:
        troubles = [str(error)]
    except Exception as error:
        log.exception("%s: the search failed unexpectedly", source.name)
        troubles = [f"unexpected {type(error).__name__}: {shown(error)}"]
    malformed = list(getattr(source, "malformed", ()))
    listing.malformed += [malformed_gap(item, otherwise=listing.since) for item in malformed]
    listing.troubles += [_search_gap(source, listing, trouble) for trouble in troubles]
    if not found and not troubles and not malformed:
        listing.notices.append(_nothing(site, source))
    return found


def _search_gap(source: SceneSource, listing: Listing, trouble: str) -> Gap:
    return Gap(
        kind=GapKind.ERROR,
        sensor="all",
        datetime=listing.since,
        until=listing.until,
        source=source.name,
        detail=f"search: {trouble}",
    )


def _nothing(site: Site, source: SceneSource) -> str:
    """Why a source may have listed nothing, as far as it can be told."""
    extent = getattr(source, "extent", None)
    box = tuple(round(value, 4) for value in site.bounds)
    if extent is None:
        return f"{source.name} lists no product over {site.id} {box} in the interval"
    count, around = extent()
    where = tuple(round(value, 4) for value in around) if around else None
    touch = around is not None and overlaps(around, site.bounds)
    reason = "in the interval" if touch else "at all: the catalogue lies elsewhere"
    return f"{source.name} holds {count} products around {where}; none touches {site.id} {box} {reason}"


def _newest_first(products: Iterable[Product]) -> list[Product]:
    epoch = dt.datetime.min.replace(tzinfo=dt.UTC)
    return sorted(products, key=lambda p: (p.baseline or "", p.published or epoch, p.id), reverse=True)


def _pixel_bytes(band: str, bounds: Bounds) -> float:
    west, south, east, north = bounds
    ring = ([west, east, east, west], [south, south, north, north])
    area = abs(Geod(ellps="WGS84").polygon_area_perimeter(*ring)[0])
    size = 1 if band in {"scl", "clp", "data_mask"} else 4 if band in {"vv", "vh"} else 2
    return float(area / NATIVE_RESOLUTION_M.get(band, 20) ** 2 * size)


log = logging.getLogger(__name__)

_KEPT = ("id", "collection", "platform", "tile", "datatake", "relative_orbit", "baseline")


def write_listing(path: Path, listing: Listing) -> None:
    """Renew what is known of the listing's interval; what is known of other times stays.

    Nothing is written where nothing changed, or where a source did not answer: then the older word counts.
    """
    if listing.troubles:
        return
    older = read_listing(path, listing.site_id)
    kept = [(p, name) for p, name in older.listed if not listing.since <= p.datetime < listing.until]
    merged = sorted([*kept, *listing.listed], key=lambda pair: (pair[0].datetime, pair[1], pair[0].id))
    document = {
        "since": min(older.since, listing.since).isoformat(),
        "until": max(older.until, listing.until).isoformat(),
        "exhaustive": listing.exhaustive and (older.exhaustive or not older.listed),
        "products": [_entry(product, name) for product, name in merged],
    }
    if not path.exists() or _load(path) != document:
        write_text(path, json.dumps(document, ensure_ascii=False, indent=None, separators=(",", ":")))


def read_listing(path: Path, site_id: str) -> Listing:
    """What was written last; an empty listing where that was nothing, or is not readable."""
    document = _load(path)
    since, until = (document.get(key) for key in ("since", "until"))
    return Listing(
        site_id=site_id,
        since=parse_time(since) if since else dt.datetime.max.replace(tzinfo=dt.UTC),
        until=parse_time(until) if until else dt.datetime.min.replace(tzinfo=dt.UTC),
        listed=list(_products(document.get("products", []))),
        exhaustive=bool(document.get("exhaustive")),
    )


def _entry(product: Product, source: str) -> dict[str, Any]:
    told = {key: value for key in _KEPT if (value := getattr(product, key)) is not None}
    return {"source": source, "datetime": product.datetime.isoformat(), **told}


def _products(entries: Iterable[dict[str, Any]]) -> Iterable[tuple[Product, str]]:
    for entry in entries:
        told: dict[str, Any] = {key: entry.get(key) for key in _KEPT}
        product = Product(
            **told,
            source=entry["source"],
            datetime=parse_time(entry["datetime"]),
            assets={},
            bounds=(0.0, 0.0, 0.0, 0.0),
        )
        yield product, entry["source"]


def _load(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        log.warning("%s is not readable and is left out: %s", path, error)
        return {}
    return document if isinstance(document, dict) else {}
