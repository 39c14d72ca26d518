"""GeoTIFF chips: reflectance of two looks, cut to a finding or a whole site, all said in the tags."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.features import rasterize
from shapely.geometry.base import BaseGeometry

from aoi.records import Site
from campwatch.exports.bundle import Bundle
from campwatch.exports.findings import find
from campwatch.exports.imagery import LookChoice, choose_pair, epsg_of, load_looks, stack, usable_looks
from campwatch.exports.names import named
from campwatch.exports.stamp import Stamp, imagery_attribution
from campwatch.workspace import Workspace
from evidence.files import atomic_path
from imagery.bands import OPTICAL_BANDS
from maps.images import geobox_of

MARGIN_M = 300.0
"""Ground shown around a finding."""


def write_chips(workspace: Workspace, bundle: Bundle, folder: Path, *, finding: str | None) -> list[Path]:
    """Write the two looks of the finding, or of every site where none is named.

    Raises:
        ExportError: where there is no such finding, or no two looks to compare.
    """
    if finding is None:
        return [
            path for site in bundle.sites for path in site_chips(workspace, bundle, site, folder, around=None)
        ]
    _, stored = find(bundle, finding)
    geometry = None if stored.row.geometry is None else shapely.from_wkb(stored.row.geometry)
    return site_chips(workspace, bundle, bundle.site(stored.row.site_id), folder, around=geometry)


def site_chips(
    workspace: Workspace,
    bundle: Bundle,
    site: Site,
    folder: Path,
    *,
    around: BaseGeometry | None,
    until: dt.datetime | None = None,
) -> list[Path]:
    """Two reflectance chips from before `until`, and a mask of `around` where there is one."""
    looks = choose_pair(usable_looks(bundle, site.id, until=until))
    cube = load_looks(workspace, site, looks)
    if around is not None:
        cube = cut(cube, around)
    written = [
        _write_look(cube.isel(time=i), geobox_of(cube), look, site, bundle.stamp, folder)
        for i, look in enumerate(looks)
    ]
    if around is not None:
        written.append(_write_mask(around, geobox_of(cube), site, bundle.stamp, folder))
    return written


def cut(cube: xr.Dataset, geometry: BaseGeometry) -> xr.Dataset:
    """The cube around a geometry (EPSG:4326), with a margin."""
    geobox = geobox_of(cube)
    left, bottom, right, top = _projected(geometry, geobox).bounds
    (column, row), (last_column, last_row) = (
        (~geobox.affine) * corner
        for corner in ((left - MARGIN_M, top + MARGIN_M), (right + MARGIN_M, bottom - MARGIN_M))
    )
    rows = slice(max(0, math.floor(row)), math.ceil(last_row))
    columns = slice(max(0, math.floor(column)), math.ceil(last_column))
    return cube.isel(y=rows, x=columns)


def _projected(geometry: BaseGeometry, geobox: GeoBox) -> BaseGeometry:
    moved: BaseGeometry = gpd.GeoSeries([geometry], crs="EPSG:4326").to_crs(epsg_of(geobox)).iloc[0]
    return moved


def _write_look(
    layer: xr.Dataset, geobox: GeoBox, look: LookChoice, site: Site, stamp: Stamp, folder: Path
) -> Path:
    bands = [band for band in OPTICAL_BANDS if band in layer]
    tags = {
        "scene_id": look.scene_id,
        "datetime": f"{look.datetime:%Y-%m-%dT%H:%M:%SZ}",
        "local_date": look.local_date,
        "unit": "surface reflectance, 0 to 1; NaN where missing",
        "attribution": imagery_attribution(
            [str(layer["platform"].values)], [look.datetime.year], simulated=site.id in stamp.simulated
        ),
        **_stamp_tags(stamp.of(site.id)),
    }
    path = named(folder, f"{site.id}-{look.datetime:%Y%m%dT%H%M%S}", ".tif", restricted=stamp.restricted)
    return _write(path, stack(layer, bands), geobox, bands, tags, nodata=math.nan)


def _write_mask(geometry: BaseGeometry, geobox: GeoBox, site: Site, stamp: Stamp, folder: Path) -> Path:
    mask = rasterize(
        [_projected(geometry, geobox)], out_shape=tuple(geobox.shape), transform=geobox.affine, dtype="uint8"
    )
    tags = {"unit": "1 inside the finding, 0 outside", **_stamp_tags(stamp.of(site.id))}
    path = named(folder, f"{site.id}-finding-mask", ".tif", restricted=stamp.restricted)
    return _write(path, mask[None], geobox, ["finding"], tags, nodata=None)


def _stamp_tags(stamp: Stamp) -> dict[str, str]:
    return {what.replace(" ", "_"): value for what, value in stamp.items() if "head of" not in what}


def _write(
    path: Path,
    pixels: NDArray[np.generic],
    geobox: GeoBox,
    bands: Sequence[str],
    tags: dict[str, str],
    *,
    nodata: float | None,
) -> Path:
    count, height, width = pixels.shape
    profile = {
        "driver": "GTiff",
        "count": count,
        "height": height,
        "width": width,
        "dtype": pixels.dtype.name,
    }
    profile |= {"crs": f"EPSG:{epsg_of(geobox)}", "transform": geobox.affine, "nodata": nodata}
    profile |= {"compress": "deflate", "tiled": True, "blockxsize": 128, "blockysize": 128}
    with atomic_path(path) as temporary, rasterio.open(temporary, "w", **profile) as raster:
        raster.write(pixels)
        raster.descriptions = tuple(bands)
        raster.update_tags(**tags)
    return path
