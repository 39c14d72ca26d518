"""Which files of heights the archive holds; apart from what computes with them, which is slow to load."""

from __future__ import annotations

from pathlib import Path

from imagery.archive import Archive
from imagery.sources.items import DEM_PLATFORM

HEIGHT = "elevation"
"""The band of heights in metres."""


def archived_dem(archive: Archive, site_id: str) -> tuple[Path, ...]:
    """The files of heights that were fetched for a site; none where no source was asked for terrain."""
    tiles = archive.products(site_id, sensor=DEM_PLATFORM)
    return tuple(tile.bands[HEIGHT] for tile in tiles if HEIGHT in tile.bands)
