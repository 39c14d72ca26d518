"""Searching without fetching: what the sources list over each site, beside what the archive holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from aoi.records import Site
from aoi.site_file import read_site
from campwatch.identity import Clock, system_clock
from campwatch.run.progress import Progress, Step, log_step
from campwatch.run.sources import build_sources, unit_budget
from campwatch.workspace import Workspace
from evidence.files import path_component
from imagery.archive.coverage import MonthCoverage, coverage_tables, midnight, missing_passes
from imagery.archive.fetch import WANTED
from imagery.archive.gaps import Gap
from imagery.archive.listing import FetchCost, Listing, fetch_cost, list_products, read_listing, write_listing
from imagery.archive.store import Archive
from imagery.records import SceneSource


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """One site."""

    site_id: str
    listing: Listing
    months: tuple[MonthCoverage, ...]
    unexplained: tuple[Gap, ...]
    """Passes that were due and that nobody lists."""
    cost: FetchCost
    units_left: float
    """Processing units of this month."""


def search_workspace(
    workspace: Workspace,
    sites: tuple[str, ...] = (),
    *,
    since: dt.date | None = None,
    until: dt.date | None = None,
    clock: Clock = system_clock,
    progress: Progress = log_step,
) -> list[SearchResult]:
    """Search every source over the named sites, or over all; nothing is fetched.

    Raises:
        WatchError: where a site or a source is not what it must be.
    """
    sources, archive = build_sources(workspace), Archive(workspace.archive_folder)
    start = midnight(since or workspace.settings.monitor.since)
    end = midnight(until or (clock().date() + dt.timedelta(days=1)))
    chosen = [read_site(path) for path in workspace.chosen_paths(sites)]
    listings = search_sites(chosen, archive, sources, since=start, until=end, strict=True, progress=progress)
    found = []
    for site in chosen:
        listing = listings[site.id]
        with suppress(OSError):  # a workspace that cannot be written can be searched all the same
            write_listing(listing_path(workspace, site.id), listing)
        found.append(
            SearchResult(
                site_id=site.id,
                listing=listing,
                months=tuple(coverage_tables(archive, listing)),
                unexplained=tuple(missing_passes(archive, listing)),
                cost=fetch_cost(listing, WANTED, site.bounds),
                units_left=unit_budget(workspace).remaining(),
            )
        )
    return found


SEARCHES = 4
"""Sites that are searched at once (*assumed*: providers answer a few searches as fast as one)."""


def search_sites(
    sites: Sequence[Site],
    archive: Archive,
    sources: Sequence[SceneSource],
    *,
    since: dt.datetime,
    until: dt.datetime,
    include_cloudy: bool = False,
    strict: bool = False,
    progress: Progress = log_step,
) -> dict[str, Listing]:
    """What the sources list over each site, by its id; several sites at once.

    Args:
        sites: with different ids.
        archive: what is there.
        sources: ranked.
        since: sensed from then on, UTC.
        until: sensed before then, UTC.
        include_cloudy: also what was left out for cloud before.
        strict: raise what goes wrong at one site, instead of leaving it out.
        progress: told of each site that is done.
    """
    pool = ThreadPoolExecutor(SEARCHES, thread_name_prefix="search")
    search = partial(list_products, since=since, until=until, include_cloudy=include_cloudy)
    try:
        futures = {site.id: pool.submit(search, site, archive, sources) for site in sites}
        names = {future: name for name, future in futures.items()}
        for done, future in enumerate(as_completed(names), start=1):
            progress(Step(site_id=names[future], doing="searching", done=done, total=len(names)))
        return {name: future.result() for name, future in futures.items() if strict or not future.exception()}
    except BaseException:
        for source in sources:
            getattr(source, "stop", lambda: None)()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def listing_path(workspace: Workspace, site_id: str) -> Path:
    """Where what the sources listed is kept until they are asked again."""
    return workspace.state_folder / "listings" / f"{path_component(site_id)}.json"


def held_months(
    workspace: Workspace, site_id: str, *, clock: Clock = system_clock
) -> tuple[MonthCoverage, ...]:
    """Passes of a site by month, as the sources listed them when they were last asked; nobody is asked."""
    known = read_listing(listing_path(workspace, site_id), site_id)
    start = midnight(workspace.settings.monitor.since)
    end = midnight(clock().date() + dt.timedelta(days=1))
    listing = replace(
        known, since=start, until=end, asked=clock(), exhaustive=known.exhaustive and known.since <= start
    )
    return tuple(coverage_tables(Archive(workspace.archive_folder), listing))
