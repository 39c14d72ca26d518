"""GeoTIFF chips: reflectance of two looks, cut to a finding or a whole site, all said in the tags."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.features import rasterize
from shapely.geometry.base import BaseGeometry

from aoi.records import Site
from campwatch.exports.bundle import Bundle, find
from campwatch.exports.formats import named
from campwatch.exports.imagery import (
    cut,
    epsg_of,
    finding_pair,
    load_looks,
    projected,
    stack,
    usable_looks,
)
from campwatch.exports.stamp import Stamp, imagery_attribution
from campwatch.reviews.findings import row_geometry
from campwatch.workspace import Workspace
from detection.pairs.looks import LookChoice, whole_site_pair
from evidence.errors import ExportError
from evidence.files import atomic_path
from evidence.rows import StoredRow
from imagery.bands import OPTICAL_BANDS
from maps.images import geobox_of


def write_chips(workspace: Workspace, bundle: Bundle, folder: Path, *, finding: str | None) -> list[Path]:
    """Write the two looks that straddle the finding, or two of every site where none is named.

    Raises:
        ExportError: where there is no such finding, or no two looks to compare.
    """
    if finding is None:
        return [path for site in bundle.sites for path in _site_chips(workspace, bundle, site, folder)]
    layer, stored = find(bundle, finding)
    pair = finding_pair(workspace, bundle, layer, stored)
    if pair.looks is None:
        raise ExportError(f"no pair of looks straddles {finding}: {pair.refused}")
    return finding_chips(workspace, bundle, stored, pair.looks, folder)


def _site_chips(workspace: Workspace, bundle: Bundle, site: Site, folder: Path) -> list[Path]:
    looks = whole_site_pair(usable_looks(bundle, site.id))
    cube = load_looks(workspace, site, looks)
    return _write_looks(cube, looks, site, bundle.stamp, folder)


def finding_chips(
    workspace: Workspace,
    bundle: Bundle,
    stored: StoredRow,
    looks: tuple[LookChoice, LookChoice],
    folder: Path,
) -> list[Path]:
    """The two looks around a finding, and the finding as a mask; the whole site where it has no outline."""
    site, shape = bundle.site(stored.row.site_id), row_geometry(stored)
    cube = load_looks(workspace, site, looks)
    if shape is None:
        return _write_looks(cube, looks, site, bundle.stamp, folder)
    cube = cut(cube, shape)
    written = _write_looks(cube, looks, site, bundle.stamp, folder)
    return [*written, _write_mask(shape, geobox_of(cube), site, bundle.stamp, folder)]


def _write_looks(
    cube: xr.Dataset, looks: Sequence[LookChoice], site: Site, stamp: Stamp, folder: Path
) -> list[Path]:
    return [
        _write_look(cube.isel(time=i), geobox_of(cube), look, site, stamp, folder)
        for i, look in enumerate(looks)
    ]


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
        [projected(geometry, geobox)], out_shape=tuple(geobox.shape), transform=geobox.affine, dtype="uint8"
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
