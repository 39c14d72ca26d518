"""Which pages a workspace has, where they are and what they show; nothing here draws."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aoi.records import Site
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


def first_page_path(workspace: Workspace, sites: Sequence[Site], *, restricted: bool | None = None) -> Path:
    """Where the first page is."""
    shown = shows_restricted(restricted, workspace.settings.map, sites)
    return map_path(workspace.maps_folder / "index.html", restricted=shown)
