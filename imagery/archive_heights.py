"""Which heights the archive holds; apart from what computes with them, which is slow to load."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from imagery.archive import Archive
from imagery.records import ArchivedProduct
from imagery.sources.items import DEM_PLATFORM

HEIGHT = "elevation"
"""The band of heights in metres."""


def archived_heights(archive: Archive, site_id: str) -> tuple[ArchivedProduct, ...]:
    """The tiles of heights that were fetched for a site; none where no source was asked for terrain."""
    return tuple(tile for tile in archive.products(site_id, sensor=DEM_PLATFORM) if HEIGHT in tile.bands)


def height_files(tiles: Iterable[ArchivedProduct]) -> tuple[Path, ...]:
    """Their files."""
    return tuple(tile.bands[HEIGHT] for tile in tiles)
