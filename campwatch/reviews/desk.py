"""The reviewer's desk, opened: what is put into the ledger is followed by what is derived from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shapely.geometry import mapping

from aoi.readers import read_candidates
from aoi.records import Site
from campwatch.reviews.queue import Desk
from campwatch.run.derived import open_for_append
from campwatch.workspace import Workspace
from evidence.errors import AoiError, WatchError


@contextmanager
def open_desk(workspace: Workspace, site: Site) -> Iterator[Desk]:
    """The desk of one site."""
    with open_for_append(workspace, create=False) as ledger:
        yield Desk(workspace=workspace, site=site, ledger=ledger)


def read_outlines(path: Path) -> list[dict[str, Any]]:
    """The polygons of a GeoJSON, KML, KMZ, GeoPackage or Shapefile as GeoJSON geometries, EPSG:4326.

    Raises:
        WatchError: where the file cannot be read, or holds something else than polygons.
    """
    try:
        found = read_candidates(path, [])
    except OSError as err:
        raise WatchError(f"cannot read {path}: {err.strerror or err}") from err
    for candidate in found:
        if candidate.geometry.geom_type not in {"Polygon", "MultiPolygon"}:
            kind = candidate.geometry.geom_type
            raise AoiError(f"{path.name}: {candidate.where}: an outline is a polygon, not a {kind}")
    if not found:
        raise AoiError(f"{path.name}: no polygon in it")
    return [mapping(candidate.geometry) for candidate in found]
