"""Imagery for figures, chips and bags: the looks that an export may show, read from the archive."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import geopandas as gpd
import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from shapely.geometry.base import BaseGeometry

from aoi.records import Site
from campwatch.exports.bundle import Bundle, finding_record
from campwatch.reviews.findings import row_geometry
from campwatch.run.site_bench import cube_cache, load_site_cube
from campwatch.run.site_job import site_work
from campwatch.workspace import Workspace
from detection.pairs.looks import LookChoice, LookPair, event_span, straddling_pair, with_share
from evidence.errors import ExportError, GridMismatchError
from evidence.layers import Layer
from evidence.rows import StoredRow
from imagery.archive.store import Archive
from imagery.cube.observations import OBSERVATIONS
from imagery.cube.scenes import ArchivedScene, group_archived
from maps.images import geobox_of, window_slices

MARGIN_M = 300.0
"""Ground shown around a finding."""


def usable_looks(bundle: Bundle, site_id: str, *, until: dt.datetime | None = None) -> list[LookChoice]:
    """The looks of a site that were used, oldest first, none later than `until`."""
    rows = [row for row in bundle.rows[OBSERVATIONS.name] if row.row.site_id == site_id]
    looks = [_look(row) for row in rows if row.row.data["status"] == "used"]
    kept = [look for look in looks if until is None or look.datetime <= until]
    return sorted(kept, key=lambda look: look.datetime)


def _look(stored: StoredRow) -> LookChoice:
    data = stored.row.data
    return LookChoice(
        scene_id=str(data["scene_id"]),
        datetime=dt.datetime.fromisoformat(str(data["datetime"])),
        local_date=str(data["local_date"]),
        valid_fraction=float(data["valid_fraction"] or 0.0),
        snow_fraction=float(data["snow_fraction"] or 0.0),
    )


def scenes_of(workspace: Workspace, site_id: str, scene_ids: Iterable[str]) -> list[ArchivedScene]:
    """The archived scenes of these ids, in the order of time."""
    wanted = set(scene_ids)
    products = Archive(workspace.archive_folder).products(site_id)
    return [scene for scene in group_archived(products) if scene.id in wanted]


def whole_cube(workspace: Workspace, site: Site) -> xr.Dataset:
    """The site's cube as it is measured, registered and masked; pixels are read as they are used.

    Raises:
        ExportError: where the archive holds nothing of the site.
    """
    (path,) = workspace.chosen_paths((site.id,))
    work = site_work(workspace, path)
    if work is None:
        raise ExportError(f"the archive holds nothing of {site.id}")
    return load_site_cube(workspace, work, cache=cube_cache(workspace, site), lazy=True)


def load_looks(workspace: Workspace, site: Site, looks: Sequence[LookChoice]) -> xr.Dataset:
    """These looks as they were measured: from the site's whole cube, registered and masked with all others.

    Raises:
        ExportError: where the archive does not hold one of them.
    """
    scenes = scenes_of(workspace, site.id, [look.scene_id for look in looks])
    missing = {look.scene_id for look in looks} - {scene.id for scene in scenes}
    if missing:
        raise ExportError(f"the archive does not hold {', '.join(sorted(missing))}")
    cube = whole_cube(workspace, site)
    order = {str(scene_id): i for i, scene_id in enumerate(cube["scene_id"].to_numpy())}
    return cube.isel(time=[order[look.scene_id] for look in looks]).load()


def finding_pair(workspace: Workspace, bundle: Bundle, layer: Layer, stored: StoredRow) -> LookPair:
    """The two looks that straddle a finding, clear where it lies; or why there are none."""
    site = bundle.site(stored.row.site_id)
    looks = usable_looks(bundle, site.id)
    shape = row_geometry(stored)
    if shape is not None and looks:
        cube = cut(whole_cube(workspace, site), shape)
        shares = cube["valid"].mean(dim=("y", "x")).to_numpy()
        share_of = dict(zip(cube["scene_id"].to_numpy().astype(str), shares.tolist(), strict=True))
        looks = [with_share(look, share_of.get(look.scene_id, 0.0)) for look in looks]
    return straddling_pair(looks, event_span(finding_record(layer, stored), site))


def cut(cube: xr.Dataset, geometry: BaseGeometry, *, margin_m: float = MARGIN_M) -> xr.Dataset:
    """The cube around a geometry (EPSG:4326), with a margin."""
    rows, columns = window_slices(geobox_of(cube), geometry, margin_m=margin_m)
    return cube.isel(y=rows, x=columns)


def projected(geometry: BaseGeometry, geobox: GeoBox) -> BaseGeometry:
    """A geometry (EPSG:4326) in the grid's coordinates."""
    moved: BaseGeometry = gpd.GeoSeries([geometry], crs="EPSG:4326").to_crs(epsg_of(geobox)).iloc[0]
    return moved


def stack(layer: xr.Dataset, bands: Sequence[str]) -> NDArray[np.float32]:
    """Reflectance (band, y, x) of one look."""
    return np.stack([np.asarray(layer[band].values, dtype=np.float32) for band in bands])


def epsg_of(geobox: GeoBox) -> int:
    """Code of the grid's coordinate system; site grids are in a UTM zone, which has one.

    Raises:
        GridMismatchError: where it has no code.
    """
    if geobox.crs is None or geobox.crs.epsg is None:
        raise GridMismatchError(f"the grid {geobox} has no EPSG code")
    return int(geobox.crs.epsg)
