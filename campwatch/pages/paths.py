"""Which pages a workspace has, where they are and what they show; nothing here draws."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aoi.records import Sensitivity, Site
from aoi.site_file import site_text
from campwatch.identity import page_digest
from campwatch.settings import shows_restricted
from campwatch.workspace import Workspace
from evidence.hashing import sha256_json
from evidence.ledger import Ledger
from maps.paths import map_path
from maps.records import Profile


def shown_state(ledger: Ledger, site: Site) -> str:
    """Digest of what the map of a site shows: current rows, the site file, the page's own program."""
    rows = ledger.current(site_id=site.id)
    return sha256_json([[stored.row_id for stored in rows], site_text(site), page_digest()])


def map_profile(workspace: Workspace, site: Site, *, restricted: bool | None = None) -> Profile:
    """Who the map of a site is for."""
    settings = workspace.settings.map
    if shows_restricted(restricted, settings, [site]):
        return Profile(restricted=True)
    return Profile(coordinate_decimals=settings.coordinate_decimals, delay_days=settings.delay_days)


def site_page_path(workspace: Workspace, site: Site, profile: Profile) -> Path:
    """Where the map of a site is."""
    return map_path(workspace.maps_folder / f"{site.id}.html", restricted=profile.restricted)


def kept_pages(workspace: Workspace, site: Site) -> list[tuple[bool | None, Path]]:
    """Pages of a site that runs keep up to date: its own, and that of the other profile where it exists.

    Returns:
        what to ask for (None for the profile of the settings) and the path.
    """
    own = map_profile(workspace, site)
    pages: list[tuple[bool | None, Path]] = [(None, site_page_path(workspace, site, own))]
    other = not own.restricted
    path = site_page_path(workspace, site, map_profile(workspace, site, restricted=other))
    if path.exists() and (other or site.sensitivity is Sensitivity.PUBLIC):
        pages.append((other, path))
    return pages


def kept_first_pages(workspace: Workspace, sites: Sequence[Site]) -> list[tuple[bool | None, Path]]:
    """First pages that runs keep up to date, likewise."""
    own = shows_restricted(None, workspace.settings.map, sites)
    pages: list[tuple[bool | None, Path]] = [(None, first_page_path(workspace, sites))]
    path = first_page_path(workspace, sites, restricted=not own)
    return [*pages, (not own, path)] if path.exists() else pages


def first_page_path(workspace: Workspace, sites: Sequence[Site], *, restricted: bool | None = None) -> Path:
    """Where the first page is."""
    shown = shows_restricted(restricted, workspace.settings.map, sites)
    return map_path(workspace.maps_folder / "index.html", restricted=shown)
