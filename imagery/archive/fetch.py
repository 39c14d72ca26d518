"""Fetching: take what is new, keep it, and write down what could not be had."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from aoi.records import Site
from evidence.arrays import Bools
from evidence.errors import SourceError
from imagery.archive.coverage import CLOUD_CLASSES, cloud_share, note_unexplained
from imagery.archive.gaps import Gap, GapKind, gap_of
from imagery.archive.items import encode_all, read_band, sensor_of
from imagery.archive.listing import Candidate, Listing, list_products, measured_bands
from imagery.archive.store import Archive
from imagery.bands import BANDS, MEASURED_BANDS, OPTICAL_BANDS, REQUIRED_BANDS
from imagery.radiometry.offset import RAW_ADD_DN, offset_from_metadata
from imagery.records import ArchivedProduct, FetchedProduct, Product, Raster, SceneSource
from imagery.scenes import is_private
from imagery.sources.addresses import shown
from imagery.sources.cog import check_common_ground
from imagery.sources.retry import GivenUpError, QuotaError
from imagery.sources.windows import NoDataError, is_empty

log = logging.getLogger(__name__)

Bounds = tuple[float, float, float, float]

PROOF_BANDS = ("swir16", "swir22", "blue")
"""One of these tells cloud from snow and from dark ground that was called cloud, in this order."""


NETWORK_WORKERS, DISK_WORKERS = 8, 2
"""Products in flight at once; of those on a disk one is read while another is written. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRules:
    """When a product is left out."""

    max_cloud: float = 0.98
    """Share of the site's seen pixels that is cloud; above it a product is left out."""
    bright_reflectance: float = 0.15
    """Cloud is brighter than this in the short-wave infrared; snow and coal are not."""
    bright_share: float = 0.5
    """At least this share of the "cloud" must be bright, else it is dark ground or snow and is fetched."""


class LeftOut(SourceError):  # noqa: N818 - a decision rather than an error
    """Not fetched, by a rule; the figures behind it are in `values`."""

    def __init__(self, message: str, values: Mapping[str, float]) -> None:
        """Take the rule in words and its figures."""
        super().__init__(message)
        self.values = dict(values)


def fetch_by_rule(
    source: SceneSource, product: Product, bands: tuple[str, ...], bounds: Bounds, rules: FetchRules | None
) -> FetchedProduct:
    """The product's bands; its classes first, so that an overcast scene costs one band or two.

    Raises:
        LeftOut: where the site is under cloud.
        SourceError: where the provider does not deliver.
    """
    if rules is None or "scl" not in product.assets or not getattr(source, "masks_first", True):
        return source.fetch(product, bands, bounds)
    try:
        first = source.fetch(product, ("scl",), bounds)
    except (NoDataError, QuotaError):
        raise
    except SourceError as error:  # a look can do without classes
        first = FetchedProduct(product=product, rasters={}, lost={"scl": str(error)})
    parts = [first]
    if "scl" in first.rasters:
        share, seen = cloud_share(first.rasters["scl"].pixels)
        if seen and share > rules.max_cloud:
            parts.append(_proof(source, product, bounds, first.rasters["scl"], rules, share))
    have = {band for part in parts for band in (*part.rasters, *part.lost)}
    rest = tuple(band for band in bands if band not in have and band in product.assets)
    parts.append(source.fetch(product, rest, bounds))
    return _joined(product, bands, parts)


def _proof(
    source: SceneSource, product: Product, bounds: Bounds, classes: Raster, rules: FetchRules, share: float
) -> FetchedProduct:
    """The proof band, if it speaks against cloud.

    Raises:
        LeftOut: if it does not.
    """
    band = next((name for name in PROOF_BANDS if name in product.assets), None)
    values = {"cloud_share": share, "max_cloud": rules.max_cloud}
    if band is None:
        raise LeftOut(f"cloud over {share:.1%} of the site, more than {rules.max_cloud:.0%}", values)
    try:
        proof = source.fetch(product, (band,), bounds)
    except (NoDataError, QuotaError):
        raise
    except SourceError as error:  # nothing speaks for cloud: the scene is fetched
        return FetchedProduct(product=product, rasters={}, lost={band: str(error)})
    bright = bright_share(proof.rasters[band].pixels, classes.pixels, product, rules)
    if bright >= rules.bright_share:
        said = f"cloud over {share:.1%} of the site, more than {rules.max_cloud:.0%}"
        raise LeftOut(f"{said}; {bright:.0%} of it is bright in {band}", values | {"bright_share": bright})
    return proof


def bright_share(
    numbers: NDArray[np.generic], classes: NDArray[np.generic], product: Product, rules: FetchRules
) -> float:
    """Share of the cloud pixels that are as bright as cloud is.

    Where the offset is open it is assumed to be there, which can only lead to fetching more.
    """
    stated, _ = offset_from_metadata(product.item.get("properties") or {})
    add = RAW_ADD_DN if stated is None else stated
    factor = max(1, round(numbers.shape[0] / classes.shape[0]))
    cloud = np.isin(classes, CLOUD_CLASSES).repeat(factor, axis=0).repeat(factor, axis=1)
    rows, columns = (min(pair) for pair in zip(cloud.shape, numbers.shape, strict=True))
    cloud, numbers = cloud[:rows, :columns], numbers[:rows, :columns]
    values = numbers.astype("float64")
    seen = cloud & (values > 0) & (values <= np.iinfo(np.int16).max)  # above it: below zero, wrapped
    reflectance = (values[seen] + add) / 10_000
    return float((reflectance > rules.bright_reflectance).mean()) if reflectance.size else 0.0


def _gone(fetched: FetchedProduct) -> set[str]:
    """Bands of a whole product that were listed and could not be had."""
    return set(fetched.lost) & set(MEASURED_BANDS)


def _is_of(held: ArchivedProduct, product: Product) -> bool:
    """Whether a listed product is the very processing that the archive holds."""
    same = held.properties.get("campwatch:product_id") == product.id and held.source == product.source
    return same and held.baseline == product.baseline


def _missing(fetched: FetchedProduct) -> Bools | None:
    """(y, x): where an optical product shows nothing in any of its finest bands; None of other sensors."""
    fine = [fetched.rasters[band] for band in REQUIRED_BANDS if band in fetched.rasters]
    if not fine or any(raster.pixels.shape != fine[0].pixels.shape for raster in fine):
        return None
    nothing = [
        ~np.isfinite(raster.pixels) if raster.nodata is None else raster.pixels == raster.nodata
        for raster in fine
    ]
    return np.asarray(np.logical_and.reduce(nothing))


def _joined(product: Product, bands: tuple[str, ...], parts: list[FetchedProduct]) -> FetchedProduct:
    rasters = {band: raster for part in parts for band, raster in part.rasters.items()}
    headers = {band: values for part in parts for band, values in part.headers.items()}
    lost = {band: reason for part in parts for band, reason in part.lost.items() if band not in rasters}
    return FetchedProduct(
        product=product,
        rasters={band: rasters[band] for band in bands if band in rasters},
        headers=headers,
        lost=lost,
    )


WANTED = (*BANDS, "clp", "data_mask", "elevation", "qa_pixel", "qa_radsat")
"""By meaning; what a product lacks is missed gracefully."""
Delivered = list[tuple[FetchedProduct, dict[str, bytes]]]
"""A product and its files, encoded by the thread that fetched it; after it, what fills its holes."""
INDEX_EVERY = 25
"""Products after which the catalogue's links are renewed in a long run. Assumed."""
DEFAULT_RULES = FetchRules()
LEAST_HOLES = 0.01
"""Share of the crop's pixels without data from which on further products are asked for (*assumed*)."""
MOST_UNANSWERED = 16
"""Products in a row that a source leaves unanswered, each asked for as often as the retrier allows, before it
is not asked any more in this run (*assumed*: two rounds of the threads)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchProgress:
    """How far a run is; given to the `progress` callback after each product."""

    done: int
    total: int
    bytes: int
    """Pixels kept so far, uncompressed."""
    bytes_per_s: float
    product_id: str
    detail: str = ""


@dataclass(slots=True, kw_only=True)
class FetchReport:
    """What a run of `fetch_new` found and did."""

    site_id: str
    listed: int = 0
    """Acquisitions that the sources list, after duplicates."""
    held: int = 0
    """Of these, in the archive already."""
    known_cloud: int = 0
    """Of these, left out by a rule before."""
    fetched: list[ArchivedProduct] = field(default_factory=list)
    left_out: list[Gap] = field(default_factory=list)
    """Not fetched, by a rule."""
    empty: list[Gap] = field(default_factory=list)
    """Delivered, or described, without data over the site: looks that could not be made."""
    lacking: list[Gap] = field(default_factory=list)
    """Bands that fetched products lack and that are asked for again; no look is lost."""
    failed: list[Gap] = field(default_factory=list)
    """Could not be fetched, or searched."""
    postponed: int = 0
    """Left for the next run: the time of this one was up."""
    unexplained: list[Gap] = field(default_factory=list)
    """Passes that were due and that nobody lists; found missing by this run."""
    notices: list[str] = field(default_factory=list)
    """What a person should know."""
    bytes: int = 0

    @property
    def incomplete(self) -> bool:
        """Whether something that was wanted could not be had (exit code 3)."""
        return bool(self.failed) or self.postponed > 0


def fetch_new(  # noqa: PLR0913 - two subjects, an interval, and knobs with defaults
    site: Site,
    archive: Archive,
    sources: Sequence[SceneSource],
    *,
    since: dt.datetime,
    until: dt.datetime,
    progress: Callable[[FetchProgress], None] | None = None,
    bands: Iterable[str] = WANTED,
    workers: int | None = None,
    rules: FetchRules | None = DEFAULT_RULES,
    include_cloudy: bool = False,
    listing: Listing | None = None,
    out_of_time: Callable[[], bool] = lambda: False,
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
        workers: products in flight at once; by default as suits where they come from.
        rules: when a product is left out for cloud; None fetches everything.
        include_cloudy: also fetch what a rule left out before.
        listing: from `list_products`, where the search has been made already.
        out_of_time: asked before each product; what is left then is for the next run.
    """
    archive.recover(site.id)
    bands = tuple(bands)
    listing = listing or list_products(
        site, archive, sources, since=since, until=until, include_cloudy=include_cloudy, bands=bands
    )
    run = _Run(
        site=site,
        archive=archive,
        bands=bands,
        rules=None if include_cloudy else rules,
        out_of_time=out_of_time,
        report=FetchReport(
            site_id=site.id,
            listed=listing.acquisitions,
            held=listing.held,
            known_cloud=listing.known_cloud,
            notices=list(listing.notices),
        ),
    )
    _record_searches(run, listing, [source.name for source in sources])
    try:
        run.fetch(listing.todo, workers or _workers(listing.todo), progress)
    finally:
        if run.report.fetched:
            archive.write_index(site.id)
    run.report.unexplained = note_unexplained(archive, listing)
    return run.report


def _workers(todo: Sequence[Candidate]) -> int:
    """Products in flight at once: from a disk they keep a processor busy, over a network they wait."""
    for product, source in (offer for candidate in todo for offer in candidate.offers):
        if getattr(source, "masks_first", True) or any(one.is_remote for one in product.assets.values()):
            return NETWORK_WORKERS
    return DISK_WORKERS


def _record_searches(run: _Run, listing: Listing, names: Sequence[str]) -> None:
    """Failed searches are gaps, as is an interval in which nobody lists anything; older ones are closed."""
    for gap in (*listing.troubles, *listing.malformed):
        run.record(gap, run.report.failed)
    failed = {gap.source for gap in listing.troubles}
    answered = [name for name in names if name not in failed]
    run.archive.close_searches(run.site.id, answered, listing.since, listing.until)
    if not listing.listed and not failed and names:
        empty = Gap(
            kind=GapKind.NO_SCENE,
            sensor="all",
            datetime=listing.since,
            until=listing.until,
            source=names[0],
            detail=f"no product is listed by {', '.join(names)}",
        )
        run.record(empty, [])


@dataclass(slots=True, kw_only=True)
class _Run:
    """One run: workers fetch, the calling thread alone writes."""

    site: Site
    archive: Archive
    bands: tuple[str, ...]
    rules: FetchRules | None
    report: FetchReport
    out_of_time: Callable[[], bool] = lambda: False
    unanswered: dict[str, int] = field(default_factory=dict)
    """Products in a row for which a source was given up, by its name."""
    started: float = field(default_factory=time.monotonic)

    def fetch(
        self,
        todo: Sequence[Candidate],
        workers: int,
        progress: Callable[[FetchProgress], None] | None,
    ) -> None:
        """Everything in `todo`; what is in flight, and so memory, is bounded."""
        waiting = list(reversed(todo))
        running: dict[Future[Delivered], Candidate] = {}
        done = 0
        pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="fetch")
        try:
            while waiting or running:
                if waiting and self.out_of_time():
                    self.report.postponed = len(waiting)
                    waiting.clear()
                while waiting and len(running) < workers:
                    candidate = waiting.pop()
                    running[pool.submit(self._from_best, candidate)] = candidate
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    candidate = running.pop(future)
                    done += 1
                    self._tell(progress, done, len(todo), candidate, self._keep(candidate, future))
        except BaseException:
            for _, source in (offer for candidate in todo for offer in candidate.offers):
                getattr(source, "stop", lambda: None)()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def record(self, gap: Gap, where: list[Gap]) -> None:
        """Write a gap down, in the archive and in the report."""
        stamped = replace(gap, recorded=dt.datetime.now(dt.UTC))
        self.archive.record_gap(self.site.id, stamped)
        where.append(stamped)

    def _from_best(self, candidate: Candidate) -> Delivered:
        """The first offer that is delivered; the next source fills the gaps of the one before."""
        failures: list[SourceError] = []
        partial: Delivered | None = None
        for product, source in candidate.offers:
            if self.unanswered.get(source.name, 0) >= MOST_UNANSWERED:
                said = f"not asked any more in this run: {MOST_UNANSWERED} products in a row got no answer"
                failures.append(SourceError(f"{source.name}: {said}"))
                continue
            try:
                delivered = self._delivered(candidate, product, source)
                self.unanswered[source.name] = 0
                if not _gone(delivered[0][0]) or not self._others_have(candidate, delivered[0][0]):
                    return delivered
                partial = partial or delivered
            except LeftOut:
                raise
            except SourceError as error:
                given_up = isinstance(error, GivenUpError)
                self.unanswered[source.name] = self.unanswered.get(source.name, 0) + 1 if given_up else 0
                failures.append(error)
            except Exception as error:
                log.warning("%s: %s failed unexpectedly", source.name, shown(product.id), exc_info=error)
                failures.append(SourceError(f"{shown(product.id)}: {type(error).__name__}: {shown(error)}"))
        if partial is not None:
            return partial
        if len(failures) == 1:
            raise failures[0]
        said = "; then ".join(str(error) for error in failures)
        if all(isinstance(error, NoDataError) for error in failures):
            raise NoDataError(said)
        kind = QuotaError if all(isinstance(error, QuotaError) for error in failures) else SourceError
        raise kind(said, status=failures[-1].status)

    def _delivered(self, candidate: Candidate, product: Product, source: SceneSource) -> Delivered:
        held = candidate.held
        if held is not None and _is_of(held, product):
            return [self._completed(held, product, source)]
        fetched = self._from(product, source)
        delivered = [(fetched, encode_all(fetched))]
        missing = _missing(fetched)
        for spare, other in candidate.spares if missing is not None else ():
            if other is not source or missing is None or missing.mean() < LEAST_HOLES:
                break
            if is_private(spare.baseline):
                continue
            try:
                further = self._from(spare, other)
            except SourceError as error:
                log.info("%s fills no hole: %s", shown(spare.id), error)
                continue
            holes = _missing(further)
            if holes is None or holes.shape != missing.shape:
                continue
            if (missing & ~holes).mean() >= LEAST_HOLES:
                delivered.append((further, encode_all(further)))
                missing &= holes
        return delivered

    def _completed(
        self, held: ArchivedProduct, product: Product, source: SceneSource
    ) -> tuple[FetchedProduct, dict[str, bytes]]:
        """What the archive has, with the bands that it lacked: these alone are asked for.

        Raises:
            SourceError: where none of them can be had still.
        """
        lacking = tuple(band for band in self.bands if band in measured_bands(product) - set(held.bands))
        fresh = source.fetch(product, lacking, self.site.bounds)
        if not fresh.rasters:
            raise SourceError("; ".join(fresh.lost.values()) or f"{product.id}: no band came")
        old = {band: read_band(path, band) for band, path in held.bands.items()}
        rasters = {band: {**old, **fresh.rasters}[band] for band in (*held.bands, *fresh.rasters)}
        told = check_common_ground(product.id, rasters)
        rasters = {band: raster for band, raster in rasters.items() if band not in told or band in old}
        merged = replace(fresh, rasters=rasters, lost={**fresh.lost, **told})
        kept = {band: path.read_bytes() for band, path in held.bands.items()}
        return merged, {**encode_all(fresh), **kept}

    def _others_have(self, candidate: Candidate, fetched: FetchedProduct) -> bool:
        """Whether another offer lists a band that could not be had of this one."""
        gone = _gone(fetched)
        return any(
            gone & set(product.assets)
            for product, _ in candidate.offers
            if product.source != fetched.product.source
        )

    def _from(self, product: Product, source: SceneSource) -> FetchedProduct:
        optical = sensor_of(product.platform) == "sentinel-2"
        lacking = [band for band in REQUIRED_BANDS if band not in product.assets]
        if lacking and optical:
            raise SourceError(f"item {product.id} has no asset for {', '.join(lacking)}")
        fetched = fetch_by_rule(source, product, self.bands, self.site.bounds, self.rules)
        if not fetched.rasters:
            told = "; ".join(fetched.lost.values())
            raise SourceError(told or f"item {product.id} has no asset for any wanted band")
        gone = [band for band in REQUIRED_BANDS if band in self.bands and band not in fetched.rasters]
        if gone and optical:
            raise SourceError(f"{product.id} came without {', '.join(gone)}")
        seen = [raster for band, raster in fetched.rasters.items() if not optical or band in OPTICAL_BANDS]
        if all(is_empty(raster) for raster in seen or fetched.rasters.values()):
            raise NoDataError(f"{product.id} carries no data over the site: every pixel is nodata")
        return fetched

    def _keep(self, candidate: Candidate, future: Future[Delivered]) -> str:
        product, box = candidate.product, self.site.bounds
        sensor = sensor_of(product.platform)
        try:
            (fetched, encoded), *filling = future.result()
            over = candidate.passed_over(fetched.product)
            kept = self._put(fetched, encoded, complement=candidate.complement, over=over)
            for further, files in filling:
                self.report.fetched.append(self._put(further, files, complement=True))
        except LeftOut as decision:
            gap = gap_of(product, GapKind.CLOUD, str(decision), sensor=sensor, **decision.values)
            self.record(gap, self.report.left_out)
            return str(decision)
        except NoDataError as error:
            gap = gap_of(product, GapKind.NO_DATA, str(error), sensor=sensor, box=list(box))
            self.record(gap, self.report.empty)
            return str(error)
        except SourceError as error:
            if candidate.held is not None and not isinstance(error, QuotaError):
                self._lack(candidate, candidate.held.bands, {}, str(error))
                return str(error)
            kind = GapKind.QUOTA if isinstance(error, QuotaError) else GapKind.ERROR
            self.record(gap_of(product, kind, str(error), sensor=sensor), self.report.failed)
            return str(error)
        self.report.fetched.append(kept)
        self.report.bytes += sum(raster.pixels.nbytes for raster in fetched.rasters.values())
        self._lack(candidate, fetched.rasters, fetched.lost, "not listed")
        if len(self.report.fetched) % INDEX_EVERY == 0:
            self.archive.write_index(self.site.id)
        return "fetched"

    def _lack(
        self, candidate: Candidate, have: Iterable[str], lost: Mapping[str, str], otherwise: str
    ) -> None:
        """Record the bands that a product lacks and its like have: they are asked for again."""
        listed = set().union(*(measured_bands(product) for product, _ in candidate.offers))
        due = (set(candidate.usual) | listed | set(lost)) & set(self.bands)
        lacking = sorted(due - set(have))
        if lacking:
            told = "; ".join(f"{band}: {lost.get(band, otherwise)}" for band in lacking)
            sensor = sensor_of(candidate.product.platform)
            gap = gap_of(candidate.product, GapKind.BANDS, told, sensor=sensor, bands=lacking)
            self.record(gap, self.report.lacking)

    def _put(
        self,
        fetched: FetchedProduct,
        encoded: dict[str, bytes],
        *,
        complement: bool,
        over: Sequence[str] = (),
    ) -> ArchivedProduct:
        """The product in the archive.

        Raises:
            SourceError: where the product is such that no item can be written of it.
            OSError: where the disk cannot be written: no product's fault.
        """
        box = self.site.bounds
        try:
            return self.archive.put(
                self.site.id,
                fetched,
                ordering_box=box,
                index=False,
                encoded=encoded,
                complement=complement,
                preferred_to=over,
            )
        except OSError:
            raise
        except Exception as error:
            name = shown(fetched.product.id)
            log.warning("%s cannot be archived", name, exc_info=error)
            raise SourceError(
                f"{name}: cannot be archived: {type(error).__name__}: {shown(error)}"
            ) from error

    def _tell(
        self,
        progress: Callable[[FetchProgress], None] | None,
        done: int,
        total: int,
        candidate: Candidate,
        detail: str,
    ) -> None:
        if progress is None:
            return
        elapsed = max(time.monotonic() - self.started, 1e-9)
        progress(
            FetchProgress(
                done=done,
                total=total,
                bytes=self.report.bytes,
                bytes_per_s=self.report.bytes / elapsed,
                product_id=candidate.product.id,
                detail=detail,
            )
        )
