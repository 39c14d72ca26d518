"""Fetching: search every source, take what is new, keep it, and write down what could not be had."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

from aoi.records import Site
from evidence.errors import SourceError
from imagery.archive import Archive, covers
from imagery.archive_items import sensor_of
from imagery.bands import BANDS, REQUIRED_BANDS
from imagery.gaps import Gap, GapKind, gap_of
from imagery.records import ArchivedProduct, FetchedProduct, Product, SceneSource
from imagery.scenes import same_acquisition
from imagery.sources.static import overlaps
from imagery.sources.windows import is_empty

log = logging.getLogger(__name__)

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchProgress:
    """How far a run is; given to the `progress` callback after each product."""

    done: int
    total: int
    bytes: int
    """Pixels kept so far, uncompressed."""
    product_id: str
    detail: str = ""


@dataclass(slots=True, kw_only=True)
class FetchReport:
    """What a run of `fetch_new` found and did."""

    site_id: str
    listed: int = 0
    """Products that the sources list, after duplicates."""
    held: int = 0
    """Of these, in the archive already."""
    fetched: list[ArchivedProduct] = field(default_factory=list)
    left_out: list[Gap] = field(default_factory=list)
    """Not fetched by a rule."""
    failed: list[Gap] = field(default_factory=list)
    """Could not be fetched, or searched."""
    notices: list[str] = field(default_factory=list)
    """What a person should know."""
    bytes: int = 0

    @property
    def incomplete(self) -> bool:
        """Whether something that was wanted could not be had (exit code 3)."""
        return bool(self.failed)


def fetch_new(
    site: Site,
    archive: Archive,
    sources: Sequence[SceneSource],
    *,
    since: dt.datetime,
    until: dt.datetime,
    progress: Callable[[FetchProgress], None] | None = None,
    bands: Iterable[str] = BANDS,
    workers: int = 8,
) -> FetchReport:
    """Fetch what the archive does not have yet.

    Args:
        site: whose ordering box is fetched.
        archive: where the pixels go.
        sources: ranked; the first that has a product wins, the next fills its gaps.
        since: sensed from then on, UTC.
        until: sensed before then, UTC.
        progress: called after each product, in the calling thread.
        bands: by meaning; what a product lacks is missed gracefully.
        workers: products in flight at once.
    """
    report = FetchReport(site_id=site.id)
    wanted = tuple(bands)
    todo = []
    for product, source in _listed(site, archive, sources, since, until, report):
        held = archive.holding(site.id, product)
        if held is not None and not is_newer(product, held, site.bounds):
            report.held += 1
        else:
            todo.append((product, source))
    try:
        _fetch_all(site, archive, todo, wanted, report, progress, workers)
    finally:
        if report.fetched:
            archive.write_index(site.id)
    return report


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


def _listed(
    site: Site,
    archive: Archive,
    sources: Sequence[SceneSource],
    since: dt.datetime,
    until: dt.datetime,
    report: FetchReport,
) -> list[tuple[Product, SceneSource]]:
    """One product per tile and datatake: the best-ranked source's, in its newest processing."""
    chosen: list[tuple[Product, SceneSource]] = []
    for source in sources:
        own = _search(site, archive, source, since, until, report)
        for product in _newest_first(own):
            if not any(same_acquisition(product, other) for other, _ in chosen):
                chosen.append((product, source))
    report.listed = len(chosen)
    return sorted(chosen, key=lambda pair: (pair[0].datetime, pair[0].id))


def _search(
    site: Site,
    archive: Archive,
    source: SceneSource,
    since: dt.datetime,
    until: dt.datetime,
    report: FetchReport,
) -> list[Product]:
    try:
        found = [
            product
            for product in source.search(site.bounds, since, until)
            if overlaps(product.bounds, site.bounds)
        ]
        troubles = list(getattr(source, "rejected", ()))
        if not found:
            report.notices.append(_nothing(site, source))
    except SourceError as error:
        found, troubles = [], [str(error)]
    for trouble in troubles:
        gap = _search_gap(source, since, until, trouble)
        archive.record_gap(site.id, gap)
        report.failed.append(gap)
    return found


def _search_gap(source: SceneSource, since: dt.datetime, until: dt.datetime, trouble: str) -> Gap:
    return Gap(
        kind=GapKind.ERROR,
        sensor="all",
        datetime=since,
        until=until,
        source=source.name,
        detail=f"search: {trouble}",
        recorded=dt.datetime.now(dt.UTC),
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


def _fetch_all(
    site: Site,
    archive: Archive,
    todo: Sequence[tuple[Product, SceneSource]],
    bands: tuple[str, ...],
    report: FetchReport,
    progress: Callable[[FetchProgress], None] | None,
    workers: int,
) -> None:
    """Products in flight are bounded; the archive is written by this thread alone."""
    waiting = list(reversed(todo))
    running: dict[Future[FetchedProduct], Product] = {}
    done = 0
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="fetch") as pool:
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    product, source = waiting.pop()
                    running[pool.submit(_fetch_one, product, source, bands, site.bounds)] = product
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    product = running.pop(future)
                    detail = _keep(site, archive, product, future, report)
                    done += 1
                    if progress:
                        progress(
                            FetchProgress(
                                done=done,
                                total=len(todo),
                                bytes=report.bytes,
                                product_id=product.id,
                                detail=detail,
                            )
                        )
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch_one(
    product: Product, source: SceneSource, bands: tuple[str, ...], bounds: Bounds
) -> FetchedProduct:
    lacking = [band for band in REQUIRED_BANDS if band not in product.assets]
    if lacking and sensor_of(product.platform) == "sentinel-2":
        raise SourceError(f"item {product.id} has no asset for {', '.join(lacking)}")
    fetched = source.fetch(product, bands, bounds)
    if not fetched.rasters:
        raise SourceError(f"item {product.id} has no asset for any wanted band")
    if all(is_empty(raster) for raster in fetched.rasters.values()):
        raise SourceError(f"{product.id} carries no data over the site: every pixel is nodata")
    return fetched


def _keep(
    site: Site, archive: Archive, product: Product, future: Future[FetchedProduct], report: FetchReport
) -> str:
    try:
        fetched = future.result()
    except SourceError as error:
        gap = replace(
            gap_of(product, GapKind.ERROR, str(error), sensor=sensor_of(product.platform)),
            recorded=dt.datetime.now(dt.UTC),
        )
        archive.record_gap(site.id, gap)
        report.failed.append(gap)
        return str(error)
    report.fetched.append(archive.put(site.id, fetched, ordering_box=site.bounds, index=False))
    report.bytes += sum(raster.pixels.nbytes for raster in fetched.rasters.values())
    return "fetched"
