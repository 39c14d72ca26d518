"""The usual look of a site's ground, from the clear scenes that its reference is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from odc.geo.geobox import GeoBox

from imagery.cube_fusion import classes_on_grid, coarse_grid, on_grid
from imagery.cube_read import SourceProduct
from imagery.cube_scenes import ArchivedScene
from imagery.masks import SCL_CLOUD, SCL_NODATA, SCL_SNOW, cells_per_side
from imagery.masks_cells import grow
from imagery.masks_spectra import spectral_cloud, spectral_snow
from imagery.masks_usual import USUAL_BANDS, Image, Mask, SeasonLook, season_look

CLOUD_MARGIN_CELLS = 2.0
NEEDED = ("blue", "green", "red", "nir", "swir16")
"""For the looks, and for telling cloud and snow where there are no classes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellLook:
    """One scene on the masks' cells."""

    day: int
    """Of the year."""
    bands: Mapping[str, Image]
    """(y, x) reflectance."""
    clear: Mask
    """(y, x): no cloud near, no snow, not missing."""
    cloud_free: float
    """Share of the cells that shows ground or snow."""


def cell_look(scene: ArchivedScene, sources: Sequence[SourceProduct], grid: GeoBox) -> CellLook:
    """What a scene shows on cells, as far as classes or its own spectra tell."""
    cells = coarse_grid(grid, cells_per_side(abs(float(grid.resolution.x))))
    held = [band for band in NEEDED if any(band in source.bands for source in sources)]
    images = {band: on_grid(sources, band, cells) for band in held}
    classes = classes_on_grid(sources, cells)
    missing = np.any([np.isnan(image) for image in images.values()], axis=0)
    if classes is None:
        cloud, snow = spectral_cloud(images), spectral_snow(images)
    else:
        cloud, snow = np.isin(classes, (*SCL_CLOUD, SCL_NODATA)), classes == SCL_SNOW
    margin = grow(cloud & ~missing, CLOUD_MARGIN_CELLS)
    return CellLook(
        day=scene.datetime.timetuple().tm_yday,
        bands={band: images[band] for band in USUAL_BANDS if band in images},
        clear=~(missing | margin | snow),
        cloud_free=float((~(missing | cloud)).mean()),
    )


def look_of(looks: Sequence[CellLook], least: int) -> SeasonLook | None:
    """The season's medians; None where there are too few scenes."""
    shared = [band for band in USUAL_BANDS if all(band in look.bands for look in looks)]
    if len(looks) < least or not {"red", "nir"} <= set(shared):
        return None
    members = [{band: look.bands[band] for band in shared} for look in looks]
    return season_look([look.day for look in looks], members, [look.clear for look in looks])
