"""What exists and what is still to be had: every source searched, ranked, compared with the archive."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pyproj import Geod
from shapely import box, make_valid
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from aoi.records import Site
from evidence.errors import SourceError
from evidence.files import write_text
from imagery.archive.gaps import Gap, GapKind, malformed_gap
from imagery.archive.store import Archive, contains, covers
from imagery.bands import MEASURED_BANDS, NATIVE_RESOLUTION_M
from imagery.records import ArchivedProduct, Product, SceneSource
from imagery.scenes import Acquisitions, Processing, is_private, version_rank
from imagery.sources.addresses import shown
from imagery.sources.items import parse_time
from imagery.sources.known import strange_deliveries
from imagery.sources.static import overlaps

Bounds = tuple[float, float, float, float]

Offers = list[tuple[Product, SceneSource]]
"""Of one acquisition: each source's product."""

BLOCK_OVERHEAD = 6.0
"""Bytes of the blocks that a 5 km window touches over bytes of its pixels, at blocks of 1024 (3 at 512).
Measured: benchmarks.fetch.bench."""
COMPRESSION = 0.6
"""Bytes that are kept over bytes of pixels. Assumed."""
ADDED_SHARE = 0.02
"""Of the site's box: what a further product of one tile and pass must show beyond the others to be fetched
beside them (*assumed*: footprints are drawn to some hundred metres)."""
WHOLE_FILE_BYTES = 1e8
"""Of a band of a whole tile, where the metadata do not say (*documented*: 119 MB at 10 m, 30 MB at 20 m)."""
BYTES_PER_SECOND = 2.5e6
"""Assumed: a line of 20 Mbit/s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One acquisition that is to be fetched, with every source that has it, best first."""

    offers: tuple[tuple[Product, SceneSource], ...]
    complement: bool = False
    """It shows ground that another product of the same source, tile and pass does not."""
    spares: tuple[tuple[Product, SceneSource], ...] = ()
    """Further processings of the best offer's source: asked where the best one turns out to have holes."""
    held: ArchivedProduct | None = None
    """What the archive has of it already, without some bands."""
    usual: frozenset[str] = frozenset()
    """Bands that products of the same kind have."""

    @property
    def product(self) -> Product:
        """The best offer."""
        return self.offers[0][0]

    def passed_over(self, product: Product) -> list[str]:
        """Other products of the acquisition to which `product` is preferred, each with the reason."""
        chosen = processing(product)
        return [
            f"{other.id} ({other.source}): {self._why_after(processing(other), chosen)}"
            for other, _ in (*self.offers, *self.spares)
            if (other.id, other.source) != (product.id, product.source)
        ]

    @staticmethod
    def _why_after(other: Processing, chosen: Processing) -> str:
        if other.source == chosen.source and other.rank < chosen.rank:
            return other.why_after(chosen)
        if other.source == chosen.source:
            return "it was not delivered"
        if other.bands < chosen.bands:
            return f"{other.bands} bands, not {chosen.bands}"
        return "a source that is ranked after, or that did not deliver"


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
    bands: Iterable[str] = MEASURED_BANDS,
) -> Listing:
    """Search every source and compare with the archive.

    Args:
        site: whose box.
        archive: what is there.
        sources: ranked; the first that has a product wins, the next fills its gaps.
        since: sensed from then on, UTC.
        until: sensed before then, UTC.
        include_cloudy: also what was left out for cloud before.
        bands: that are wanted; what the archive holds without one that is listed is to be completed.
    """
    wanted = set(bands) & set(MEASURED_BANDS)
    listing = Listing(site_id=site.id, since=since, until=until, asked=dt.datetime.now(dt.UTC))
    groups: list[_Group] = []
    known = Acquisitions[_Group]()
    for source in sources:
        for product in _newest_first(_search(site, source, listing)):
            listing.listed.append((product, source.name))
            if group := _offer(known.like(product), product, source, site):
                groups.append(group)
                known.add(product, group)
    listing.acquisitions = len(groups)
    listing.notices += strange_deliveries(product for product, _ in listing.listed)
    usual = _usual_bands(listing.listed)
    live = [source for source in sources if getattr(source, "lists_everything", False)]
    listing.exhaustive = bool(live) and not listing.troubles
    settled = Acquisitions[Gap](
        (gap.as_product(), gap)
        for gap in archive.gaps(site.id)
        if gap.kind is GapKind.NO_DATA or (gap.kind is GapKind.CLOUD and not include_cloudy)
    )
    for group in sorted(groups, key=lambda group: (group.best.datetime, group.best.id)):
        _sort_in(site, archive, group, settled, listing, usual, wanted)
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
        if getattr(source, "whole_files", False):
            download += sum(
                asset.file_bytes or WHOLE_FILE_BYTES
                for band, asset in product.assets.items()
                if band in wanted
            )
        else:
            download += pixels * (1.0 if price else BLOCK_OVERHEAD * COMPRESSION)
    return FetchCost(
        products=len(listing.todo),
        processing_units=units,
        disk_bytes=disk,
        download_bytes=download,
        hours=download / BYTES_PER_SECOND / 3600,
    )


def bytes_of_one_look(bounds: Bounds) -> float:
    """About what is read of one Sentinel-2 product over bounds in degrees, in windows of its files."""
    return sum(_pixel_bytes(band, bounds) for band in MEASURED_BANDS) * BLOCK_OVERHEAD * COMPRESSION


def is_newer(product: Product, held: ArchivedProduct, box: Bounds) -> bool:
    """Whether `product` is worth fetching beside `held`: a newer processing, or a box that has grown."""
    if not covers(held, box):
        return True
    if version_rank(product.baseline) != version_rank(held.baseline):
        return version_rank(product.baseline) > version_rank(held.baseline)
    processed = held.properties.get("campwatch:processed")
    if product.source != held.source or product.published is None or processed is None:
        return False
    return product.published > dt.datetime.fromisoformat(str(processed))


@dataclass(slots=True, kw_only=True)
class _Group:
    """What the sources offer of one acquisition, or of a part of it that another product does not show."""

    offers: Offers
    spares: Offers = field(default_factory=list)
    complement: bool = False

    @property
    def best(self) -> Product:
        return self.offers[0][0]


def _offer(groups: Sequence[_Group], product: Product, source: SceneSource, site: Site) -> _Group | None:
    """Put a product beside those that show the same ground at the same moment.

    One offer per source counts. A further product of one source is a duplicate where the others wholly cover
    it, and stands by for the case that they turn out to have holes; else it complements them.

    Returns:
        A group of its own, where there is none that shows it.
    """
    if not groups:
        return _Group(offers=[(product, source)])
    own = [offer for group in groups for offer, other in group.offers if other is source]
    if not own:
        groups[0].offers.append((product, source))
        return None
    if any(offer.id == product.id for offer in own):
        return None
    if _added_share(product, own, site) > ADDED_SHARE and not is_private(product.baseline):
        return _Group(offers=[(product, source)], complement=True)
    groups[0].spares.append((product, source))
    return None


def _added_share(product: Product, others: Iterable[Product], site: Site) -> float:
    """Share of the site's box that a product shows and the others do not, by their footprints."""
    here = box(*site.bounds)
    rest = footprint(product).intersection(here)
    for other in others:
        rest = rest.difference(footprint(other))
    return float(rest.area / here.area)


def footprint(product: Product) -> BaseGeometry:
    """Where a product says that it has data, degrees; its box where it says nothing that can be read."""
    try:
        found = make_valid(shape(product.item["geometry"]))
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, ShapelyError):
        return box(*product.bounds)
    return found if found.area > 0 else box(*product.bounds)


def _usual_bands(listed: Iterable[tuple[Product, str]]) -> dict[tuple[str, str], frozenset[str]]:
    """Bands that at least half of a source's products of one collection have."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    totals: Counter[tuple[str, str]] = Counter()
    for product, name in listed:
        kind = (name, product.collection)
        totals[kind] += 1
        counts.setdefault(kind, Counter()).update(set(product.assets) & set(MEASURED_BANDS))
    return {
        kind: frozenset(band for band, count in bands.items() if 2 * count >= totals[kind])
        for kind, bands in counts.items()
    }


def _sort_in(
    site: Site,
    archive: Archive,
    group: _Group,
    settled: Acquisitions[Gap],
    listing: Listing,
    usual: Mapping[tuple[str, str], frozenset[str]],
    wanted: set[str],
) -> None:
    most = max(len(measured_bands(product) & wanted) for product, _ in group.offers)
    ranked = sorted(
        group.offers, key=lambda offer: len(measured_bands(offer[0]) & wanted) < most
    )  # else by rank
    product = ranked[0][0]
    held = archive.holds(site.id, product) if group.complement else archive.holding(site.id, product)
    known = {
        gap.kind
        for gap in settled.like(product)
        if _still_holds(gap, product, site.bounds) and (not group.complement or gap.product_id == product.id)
    }
    kind = (product.source, product.collection)
    candidate = Candidate(
        offers=tuple(ranked),
        complement=group.complement,
        spares=tuple(group.spares),
        usual=usual.get(kind, frozenset()),
    )
    if held is not None and not is_newer(product, held, site.bounds):
        completing = _completing(ranked, held, wanted)
        if completing:
            listing.todo.append(replace(candidate, offers=completing, held=held))
        else:
            listing.held += 1
    elif GapKind.CLOUD in known:
        listing.known_cloud += 1
    elif GapKind.NO_DATA in known:
        listing.known_empty += 1
    else:
        listing.todo.append(candidate)
        if is_private(product.baseline):
            listing.notices.append(
                f"{product.id}: a private processing ({product.baseline}); nobody lists an official one"
            )


def measured_bands(product: Product) -> set[str]:
    """Bands of a whole product that this one lists."""
    return set(product.assets) & set(MEASURED_BANDS)


def _completing(
    offers: Iterable[tuple[Product, SceneSource]], held: ArchivedProduct, wanted: set[str]
) -> tuple[tuple[Product, SceneSource], ...]:
    """Offers that list bands which the archive lacks, of a processing that is as good."""
    return tuple(
        (product, source)
        for product, source in offers
        if measured_bands(product) & wanted - set(held.bands)
        and version_rank(product.baseline) >= version_rank(held.baseline)
    )


def _still_holds(gap: Gap, product: Product, box: Bounds) -> bool:
    """Whether what was said of an acquisition answers for this processing, over all of the box."""
    asked = gap.values.get("box")
    within = asked is None or contains(tuple(asked), box)
    return within and version_rank(gap.baseline) >= version_rank(product.baseline)


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


def processing(product: Product) -> Processing:
    """A listed product, as it is told from other processings of its acquisition."""
    made = product.published.astimezone(dt.UTC).isoformat() if product.published else ""
    return Processing(
        id=product.id,
        source=product.source,
        baseline=product.baseline,
        bands=len(measured_bands(product)),
        made=made,
    )


def _newest_first(products: Iterable[Product]) -> list[Product]:
    return sorted(products, key=lambda product: processing(product).rank, reverse=True)


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
