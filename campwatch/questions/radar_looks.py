"""Sentinel-1 of a site's archive on its grid: the second opinion on what its piles do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import rasterio
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from aoi.grid import site_grid
from aoi.pixels import coverage
from aoi.records import Site
from campwatch.workspace import Workspace
from detection.coal.records import StockpileArea
from detection.radar.second_opinion import BANDS, RadarOpinion, radar_opinions, radar_series
from imagery.archive.store import Archive
from imagery.records import ArchivedProduct
from imagery.resampling import to_grid

SENSOR = "sentinel-1"


def zone_opinions(
    workspace: Workspace, site: Site, zones: Sequence[str], areas: Sequence[StockpileArea]
) -> dict[str, RadarOpinion]:
    """What the archive's Sentinel-1 says of the zones' areas; empty where there is none.

    Args:
        workspace: whose archive.
        site: with the zones.
        zones: ids of those asked about.
        areas: as measured in optical looks.
    """
    products = Archive(workspace.archive_folder).products(site.id, sensor=SENSOR)
    looks = radar_looks(products, site_grid(site))
    if looks is None:
        return {}
    grid = looks.odc.geobox
    shares = {zone.id: coverage(zone.geometry, grid) for zone in site.zones if zone.id in zones}
    return radar_opinions(areas, radar_series(looks, shares))


def radar_looks(products: Sequence[ArchivedProduct], grid: GeoBox) -> xr.Dataset | None:
    """Linear gamma0 `vv` and `vh` (time, y, x) with `valid` and `relative_orbit`; None without a frame.

    Args:
        products: frames of terrain-corrected gamma0.
        grid: where to.
    """
    used = [product for product in products if set(BANDS) <= set(product.bands)]
    if not used:
        return None
    planes = {band: np.stack([_plane(product, band, grid) for product in used]) for band in BANDS}
    valid = np.all([np.isfinite(values) & (values > 0.0) for values in planes.values()], axis=0)
    times = np.array([product.datetime.replace(tzinfo=None) for product in used], dtype="datetime64[ns]")
    columns: Mapping[str, NDArray[np.generic]] = {
        "time": times,
        "scene_id": np.array([product.id for product in used]),
        "relative_orbit": np.array([product.relative_orbit or 0 for product in used]),
    }
    variables = {name: (("time", "y", "x"), values) for name, values in {**planes, "valid": valid}.items()}
    coords = dict(xr_coords(grid)) | {name: ("time", values) for name, values in columns.items()}
    return xr.Dataset(variables, coords=coords)


def _plane(product: ArchivedProduct, band: str, grid: GeoBox) -> NDArray[np.float32]:
    """One band of one frame on the grid, NaN where it holds nothing."""
    with rasterio.open(product.bands[band]) as opened:
        pixels = opened.read(1).astype(np.float32)
        missing = ~np.isfinite(pixels) | (pixels <= 0.0)
        return to_grid(np.where(missing, 0.0, pixels), missing, opened.transform, opened.crs.to_wkt(), grid)
