"""A site's grid: 10 m pixels on the Sentinel-2 lattice of one pinned UTM zone.

The rule for the zone: the standard zone (without the exceptions around Norway and Svalbard, which Sentinel-2
tiles do follow only in part) of the middle of the aoi's longitudes; a middle that lies exactly on a zone
border belongs to the eastern zone; hemisphere by the middle of the latitudes, the equator being north.
Camps 14 and 18 lie on either side of 126° E with their middles east of it: zone 52.

Sentinel-2 tiles of a zone share one lattice: every pixel edge is a multiple of its size from the zone's
origin. Edges here are multiples of 60 m, so that the 10, 20 and 60 m bands nest.
"""

from __future__ import annotations

import math

import numpy as np
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from shapely import MultiPolygon, Polygon

from aoi.geodesy import unwrapped
from aoi.records import Site
from evidence.errors import AoiError

PIXEL_M = 10
LATTICE_M = 60
"""Least common multiple of Sentinel-2's pixel sizes."""
ZONE_WIDTH_DEG = 6
LARGEST_SIDE_M = 200_000.0
"""Beyond this one zone's grid is no longer a sensible map of a site (and 400 million pixels are no chip)."""
SOUTHERN_LIMIT_DEG, NORTHERN_LIMIT_DEG = -80.0, 84.0
"""Where UTM is defined."""
EDGE_POINTS = 64
"""Samples per edge, so that the grid holds a box whose sides curve in UTM (bulge of 0.4° at 40° N: 11 m)."""


def utm_epsg(aoi: Polygon | MultiPolygon) -> int:
    """EPSG code of the one UTM zone that the aoi is pinned to.

    Raises:
        AoiError: where it leaves the range of UTM, 80° S to 84° N.
    """
    lon, lat = unwrapped(aoi)
    middle = (lon.min() + lon.max()) / 2.0
    middle_lat = (lat.min() + lat.max()) / 2.0
    if not (lat.min() >= SOUTHERN_LIMIT_DEG and lat.max() <= NORTHERN_LIMIT_DEG):
        raise AoiError(
            f"latitudes {lat.min():.3f} to {lat.max():.3f} leave the range of UTM (80° S to 84° N)"
        )
    zone = int((middle + 180.0) // ZONE_WIDTH_DEG) % 60 + 1
    return (32600 if middle_lat >= 0.0 else 32700) + zone


def _densified(lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    steps = np.linspace(0.0, 1.0, EDGE_POINTS)
    west, east, south, north = lon.min(), lon.max(), lat.min(), lat.max()
    along_lon = west + (east - west) * steps
    along_lat = south + (north - south) * steps
    edge_lon = [along_lon, along_lon, np.full(EDGE_POINTS, west), np.full(EDGE_POINTS, east)]
    edge_lat = [np.full(EDGE_POINTS, south), np.full(EDGE_POINTS, north), along_lat, along_lat]
    return np.concatenate(edge_lon), np.concatenate(edge_lat)


def aoi_grid(aoi: Polygon | MultiPolygon, *, epsg: int | None = None) -> GeoBox:
    """The smallest grid on the lattice that holds the aoi's box.

    Raises:
        AoiError: where the aoi cannot be drawn in that system, or is larger than 200 km.
    """
    code = utm_epsg(aoi) if epsg is None else epsg
    transformer = Transformer.from_crs(4326, code, always_xy=True)
    x, y = transformer.transform(*_densified(*unwrapped(aoi)))
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise AoiError(f"the aoi cannot be drawn in EPSG:{code}")
    left, bottom = (math.floor(float(v.min()) / LATTICE_M) * LATTICE_M for v in (x, y))
    right, top = (math.ceil(float(v.max()) / LATTICE_M) * LATTICE_M for v in (x, y))
    if max(right - left, top - bottom) > LARGEST_SIDE_M:
        raise AoiError(
            f"the aoi is {(right - left) / 1000:.0f} × {(top - bottom) / 1000:.0f} km; 200 km is the most"
        )
    return GeoBox.from_bbox((left, bottom, right, top), crs=f"EPSG:{code}", resolution=PIXEL_M, tight=True)


def site_grid(site: Site) -> GeoBox:
    """The site's one grid: 10 m, Sentinel-2 lattice, pinned UTM zone."""
    return aoi_grid(site.aoi)
