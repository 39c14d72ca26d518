"""What a run is asked, and what became of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What a run is asked to do."""

    sites: tuple[str, ...] = ()
    """Only these; empty means all."""
    since: dt.date | None = None
    until: dt.date | None = None
    wait: bool = False
    """Wait for another run instead of leaving."""
    workers: int = 1
    """Processes that measure; they return rows and never write."""
    dask: str | None = None
    """Address of a Dask scheduler whose workers measure instead, or `local:N`."""
    share: str | None = None
    """Address of an object store (fsspec) by way of which those workers get what is archived; None: they see
    the workspace's folder."""
    include_cloudy: bool = False
    """Fetch also what a rule left out for cloud."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSummary:
    """What became of one site."""

    site_id: str
    looks: int = 0
    used: int = 0
    fetched: int = 0
    gaps: int = 0
    new_rows: int = 0
    retired_rows: int = 0
    map_path: Path | None = None
    """Of the map, where it was drawn anew."""
    error: str | None = None
    unsearched: str | None = None
    """Which source could not be searched, and why; the archive is measured all the same."""
    skipped: str | None = None
    """Why it was left alone on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What became of a run."""

    run_id: str
    sites: tuple[SiteSummary, ...]
    head: str
    """Digest over the heads of all custody chains, to be kept elsewhere."""
    seconds: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Processor seconds of this process by stage."""
    behind: str | None = None
    """Which derived file is as of the run before, and why; None where all are current."""

    undelivered: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """By channel, why alerts could not be delivered."""

    @property
    def nothing_new(self) -> bool:
        """Whether the measurements are as they were."""
        return not any(site.fetched or site.new_rows or site.retired_rows for site in self.sites)

    @property
    def complete(self) -> bool:
        """Whether everything that was asked for could be done."""
        well = self.behind is None and not self.undelivered
        return well and not any(site.error or site.gaps or site.unsearched for site in self.sites)
