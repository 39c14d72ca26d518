"""From a product's own lattice to the site's grid, with the scene's shift, once."""

from __future__ import annotations

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.warp import Resampling, reproject

from evidence.errors import GridMismatchError

Image = NDArray[np.float32]


def wkt_of(grid: GeoBox) -> str:
    """The grid's coordinate system as WKT."""
    if grid.crs is None:
        raise GridMismatchError("the site's grid has no coordinate system")
    return str(grid.crs.to_wkt())


def centre_lon_lat(grid: GeoBox) -> tuple[float, float]:
    """Longitude and latitude of the middle of the grid in degrees."""
    left, bottom, right, top = grid.boundingbox.bbox
    x, y = (left + right) / 2, (bottom + top) / 2
    lon, lat = Transformer.from_crs(wkt_of(grid), "EPSG:4326", always_xy=True).transform(x, y)
    return float(lon), float(lat)


def to_grid(
    pixels: Image,
    transform: Affine,
    crs_wkt: str,
    grid: GeoBox,
    *,
    shift_m: tuple[float, float] = (0.0, 0.0),
    resampling: Resampling = Resampling.cubic,
) -> Image:
    """`pixels` (y, x; NaN where missing) on `grid`.

    Args:
        pixels: source values.
        transform: of the source lattice.
        crs_wkt: of the source lattice.
        grid: where to.
        shift_m: how far the image lies east and north of where it should; it is moved back by as much.
        resampling: cubic for reflectance, nearest for classes.
    """
    a, b, c, d, e, f = transform[:6]
    moved = Affine(a, b, c - shift_m[0], d, e, f - shift_m[1])
    target = np.full(grid.shape, np.nan, np.float32)
    reproject(
        pixels,
        target,
        src_transform=moved,
        src_crs=crs_wkt,
        src_nodata=np.nan,
        dst_transform=grid.transform,
        dst_crs=wkt_of(grid),
        dst_nodata=np.nan,
        resampling=resampling,
    )
    return target
