"""A forest with a clearing, made up, for the tests of what changes on the ground."""

from __future__ import annotations

import numpy as np
import shapely
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from aoi.pixels import to_degrees
from aoi.records import Site

GRID = GeoBox((40, 40), Affine(10, 0, 300_000, 0, -10, 4_390_000), "EPSG:32652")
STARTS = 60
"""Look at which the clearing appears."""


def ground(*, looks: int = 100, cleared: bool = True, seed: int = 1) -> xr.Dataset:
    """Forest with a 0.6 ha clearing; a third of looks clouded; every tenth has an unmasked cloud edge."""
    rng = np.random.default_rng(seed)
    days = np.datetime64("2017-01-01") + np.arange(looks) * np.timedelta64(12, "D")
    season = 0.5 + 0.5 * np.cos(2 * np.pi * (np.arange(looks) * 12 - 200) / 365.25)
    shape = (looks, 40, 40)
    red = np.broadcast_to(0.06 - 0.03 * season[:, None, None], shape).copy()
    nir = np.broadcast_to(0.2 + 0.2 * season[:, None, None], shape).copy()
    if cleared:
        red[STARTS:, 10:20, 10:16], nir[STARTS:, 10:20, 10:16] = 0.14, 0.2
    red += rng.normal(0, 0.003, shape)
    nir += rng.normal(0, 0.008, shape)
    red[::10, 25:35, 25:35] += 0.3
    valid = np.ones(shape, bool)
    valid[rng.random(looks) < 1 / 3] = False
    dims = ("time", "y", "x")
    bands = {"blue": red * 0.7, "green": red * 0.9, "red": red, "nir": nir}
    return xr.Dataset(
        {name: (dims, values.astype(np.float32)) for name, values in bands.items()}
        | {"valid": (dims, valid), "snow": (dims, np.zeros(shape, bool))},
        coords=xr_coords(GRID)
        | {"time": days.astype("datetime64[ns]"), "scene_id": ("time", [f"s{k:03d}" for k in range(looks)])},
    )


def box(left: int, top: int, right: int, bottom: int) -> shapely.Polygon:
    """Pixels of the grid as a polygon in degrees."""
    west, north = 300_000 + 10 * left, 4_390_000 - 10 * top
    return to_degrees(shapely.box(west, north - 10 * (bottom - top), west + 10 * (right - left), north), GRID)


SITE = Site(id="here", name="Here", aoi=box(0, 0, 40, 40))
