"""Searching without fetching: what the sources list over each site, beside what the archive holds."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from aoi.site_file import read_site
from campwatch.identity import Clock, system_clock
from campwatch.sources import build_sources, unit_budget
from campwatch.workspace import Workspace
from imagery.archive import Archive
from imagery.coverage import MonthCoverage, coverage_table, midnight
from imagery.fetch import WANTED
from imagery.listing import FetchCost, Listing, fetch_cost, list_products


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """One site."""

    site_id: str
    listing: Listing
    months: tuple[MonthCoverage, ...]
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
) -> list[SearchResult]:
    """Search every source over the named sites, or over all; nothing is fetched.

    Raises:
        WatchError: where a site or a source is not what it must be.
    """
    sources, archive = build_sources(workspace), Archive(workspace.archive_folder)
    start = midnight(since or workspace.settings.monitor.since)
    end = midnight(until or (clock().date() + dt.timedelta(days=1)))
    found = []
    for path in workspace.chosen_paths(sites):
        site = read_site(path)
        listing = list_products(site, archive, sources, since=start, until=end)
        found.append(
            SearchResult(
                site_id=site.id,
                listing=listing,
                months=tuple(coverage_table(archive, listing)),
                cost=fetch_cost(listing, WANTED, site.bounds),
                units_left=unit_budget(workspace).remaining(),
            )
        )
    return found


def held_months(
    workspace: Workspace, site_id: str, *, clock: Clock = system_clock
) -> tuple[MonthCoverage, ...]:
    """What the archive holds of a site by month, and what its rhythm makes likely; nobody is asked."""
    start = midnight(workspace.settings.monitor.since)
    end = midnight(clock().date() + dt.timedelta(days=1))
    listing = Listing(site_id=site_id, since=start, until=end)
    return tuple(coverage_table(Archive(workspace.archive_folder), listing))
