"""How much of each pixel a polygon covers, and how large a pixel is on the ellipsoid."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import odc.geo.xr  # noqa: F401 - registers the accessor that a cube brings its grid by
import shapely
from odc.geo.geobox import GeoBox
from pyproj import Geod, Transformer
from shapely.geometry.base import BaseGeometry

from evidence.arrays import Floats
from evidence.errors import MeasurementError

SQUARE_METRES_PER_HECTARE = 1e4


def crs_wkt(grid: GeoBox) -> str:
    """The reference system of the grid.

    Raises:
        MeasurementError: where it has none.
    """
    if grid.crs is None:
        raise MeasurementError("the cube's grid has no reference system")
    return str(grid.crs.wkt)


@cache
def transformer(of: str, to: str) -> Transformer:
    """Between two reference systems, lon lat order; slow to make, so made once."""
    return Transformer.from_crs(of, to, always_xy=True)


def _transformed(geometry: BaseGeometry, change: Transformer) -> BaseGeometry:
    def moved(points: Floats) -> Floats:
        return np.column_stack(change.transform(points[:, 0], points[:, 1]))

    return shapely.transform(geometry, moved)


def to_grid(geometry: BaseGeometry, grid: GeoBox) -> BaseGeometry:
    """A geometry in degrees, in the coordinates of the grid."""
    return _transformed(geometry, transformer("EPSG:4326", crs_wkt(grid)))


def to_degrees(geometry: BaseGeometry, grid: GeoBox) -> BaseGeometry:
    """A geometry in the coordinates of the grid, in degrees."""
    return _transformed(geometry, transformer(crs_wkt(grid), "EPSG:4326"))


def world(grid: GeoBox, column: float, row: float) -> tuple[float, float]:
    """Coordinates of a position counted in pixels from the outer corner of the first one."""
    a = grid.affine
    return a.a * column + a.b * row + a.c, a.d * column + a.e * row + a.f


def pixel_size_m(grid: GeoBox) -> float:
    """Side of a pixel along x, in units of the grid."""
    return abs(float(grid.affine.a))


def pixel_area_ha(grid: GeoBox) -> float:
    """Area on the ellipsoid of the pixel in the middle of the grid, in hectares."""
    height, width = grid.shape
    x0, y0 = world(grid, width // 2, height // 2)
    x1, y1 = world(grid, width // 2 + 1, height // 2 + 1)
    change = transformer(crs_wkt(grid), "EPSG:4326")
    lon, lat = change.transform([x0, x1, x1, x0], [y0, y0, y1, y1])
    area, _ = Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)
    return abs(area) / SQUARE_METRES_PER_HECTARE


def coverage(geometry: BaseGeometry, grid: GeoBox) -> Floats:
    """The share of each pixel that lies inside the geometry.

    Args:
        geometry: polygon or multipolygon in degrees.
        grid: the lattice.

    Returns:
        (y, x), 0..1, exact at the edges.
    """
    from exactextract import exact_extract  # noqa: PLC0415 - a binding that is slow to import
    from exactextract.raster import NumPyRasterSource  # noqa: PLC0415

    height, width = grid.shape
    (left, top), (right, bottom) = world(grid, 0, 0), world(grid, width, height)
    source = NumPyRasterSource(
        np.zeros((height, width)), xmin=left, ymin=bottom, xmax=right, ymax=top, srs_wkt=crs_wkt(grid)
    )
    feature: dict[str, Any] = {
        "type": "Feature",
        "properties": {},
        "geometry": to_grid(geometry, grid).__geo_interface__,
    }
    found = exact_extract(source, feature, ["cell_id", "coverage"])[0]["properties"]
    out = np.zeros(height * width)
    out[np.asarray(found["cell_id"], dtype=np.int64)] = found["coverage"]
    return out.reshape(height, width)
