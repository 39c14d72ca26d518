"""True-colour pictures of a site's pair of looks: GeoTIFF for QGIS, PNG in degrees for Google Earth."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from PIL import Image
from rasterio.warp import Resampling, calculate_default_transform, reproject

from campwatch.exports.bundle import Bundle
from campwatch.exports.formats import named
from campwatch.exports.imagery import epsg_of, load_looks, stack, usable_looks
from campwatch.exports.stamp import imagery_attribution
from campwatch.workspace import Workspace
from detection.pairs.looks import LookChoice, whole_site_pair
from evidence.errors import WatchError
from evidence.files import atomic_path
from maps.composites import TRUE_COLOUR, common_stretch, paint
from maps.images import geobox_of

_log = logging.getLogger(__name__)
FOLDER = "imagery"


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePicture:
    """One look of a site as a picture."""

    site_id: str
    look: LookChoice
    colours: NDArray[np.uint8]
    """(row, column, 4) red, green, blue and whether it was seen."""
    geobox: GeoBox
    attribution: str

    @property
    def name(self) -> str:
        """Of the site and the local date, as files are named."""
        return f"{self.site_id}-{self.look.local_date}"

    @property
    def epsg(self) -> int:
        """Code of the grid's coordinate system."""
        return epsg_of(self.geobox)


def site_pictures(workspace: Workspace, bundle: Bundle) -> list[SitePicture]:
    """The two looks of one season of every site that has them, painted with one stretch."""
    out: list[SitePicture] = []
    for site in bundle.sites:
        try:
            looks = whole_site_pair(usable_looks(bundle, site.id))
            cube = load_looks(workspace, site, looks)
        except WatchError as err:
            _log.warning("%s: no pictures: %s", site.id, err)
            continue
        stretch = common_stretch(cube, TRUE_COLOUR)
        for i, look in enumerate(looks):
            notice = imagery_attribution(
                [str(cube["platform"].values[i])], [look.datetime.year],
                simulated=site.id in bundle.stamp.simulated,
            )  # fmt: skip
            out.append(
                SitePicture(
                    site_id=site.id, look=look, geobox=geobox_of(cube), attribution=notice,
                    colours=paint(stack(cube.isel(time=i), TRUE_COLOUR.bands), stretch),
                )
            )  # fmt: skip
    return out


def write_picture(picture: SitePicture, folder: Path, *, restricted: bool) -> Path:
    """A GeoTIFF of red, green, blue and alpha on the site's grid."""
    path = named(folder / FOLDER, picture.name, ".tif", restricted=restricted)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows, columns = picture.geobox.shape
    with (
        atomic_path(path) as temporary,
        rasterio.open(
            temporary, "w", driver="GTiff", count=4, height=rows, width=columns, dtype="uint8",
            crs=f"EPSG:{picture.epsg}", transform=picture.geobox.affine, compress="deflate", tiled=True,
            blockxsize=128, blockysize=128, photometric="RGB", alpha="yes",
        ) as raster,
    ):  # fmt: skip
        raster.write(np.moveaxis(picture.colours, 2, 0))
        raster.update_tags(
            attribution=picture.attribution, scene_id=picture.look.scene_id,
            datetime=f"{picture.look.datetime:%Y-%m-%dT%H:%M:%SZ}",
        )  # fmt: skip
    return path


def in_degrees(picture: SitePicture) -> tuple[bytes, tuple[float, float, float, float]]:
    """A PNG on a grid of degrees, and its west, south, east and north."""
    rows, columns = picture.geobox.shape
    box = picture.geobox.extent.boundingbox
    transform, width, height = calculate_default_transform(
        f"EPSG:{picture.epsg}", "EPSG:4326", columns, rows, box.left, box.bottom, box.right, box.top
    )
    moved = np.zeros((4, height, width), np.uint8)
    reproject(
        np.moveaxis(picture.colours, 2, 0), moved, src_transform=picture.geobox.affine,
        src_crs=f"EPSG:{picture.epsg}", dst_transform=transform, dst_crs="EPSG:4326",
        resampling=Resampling.nearest,
    )  # fmt: skip
    held = io.BytesIO()
    Image.fromarray(np.moveaxis(moved, 0, 2), "RGBA").save(held, "PNG", optimize=True)
    west, north = transform.c, transform.f
    return held.getvalue(), (west, north + height * transform.e, west + width * transform.a, north)
