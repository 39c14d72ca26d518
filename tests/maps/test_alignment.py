"""A checkerboard of known corners lands within half a pixel of its polygons, at three latitudes."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from PIL import Image
from pyproj import Transformer

from maps.images import encode_colours, mercator_grid, to_mercator

CELL = 10
"""Pixels per side of a square of the board."""
SQUARES = 8


def board(latitude: float) -> tuple[GeoBox, NDArray[np.float32]]:
    """A board on the UTM grid whose middle lies at `latitude`."""
    forward = Transformer.from_crs("EPSG:4326", "EPSG:32652", always_xy=True)
    x, y = (10 * round(v / 10) for v in forward.transform(126.8, latitude))
    side = CELL * SQUARES
    geobox = GeoBox((side, side), Affine(10, 0, x - 5 * side, 0, -10, y + 5 * side), "EPSG:32652")
    rows, columns = np.indices((side, side)) // CELL
    return geobox, ((rows + columns) % 2).astype(np.float32)


def leaflet_pixel(
    grid_bounds: tuple[float, float, float, float], shape: tuple[int, int], lon: float, lat: float
) -> tuple[float, float]:
    """Where `L.imageOverlay` puts a coordinate on the picture: linear in Mercator between the corners."""

    def northing(latitude: float) -> float:
        return math.log(math.tan(math.pi / 4 + math.radians(latitude) / 2))

    west, south, east, north = grid_bounds
    column = (lon - west) / (east - west) * shape[1]
    row = (northing(north) - northing(lat)) / (northing(north) - northing(south)) * shape[0]
    return column, row


def edge_offset(profile: NDArray[np.float64], expected: float) -> float:
    """Distance in pixels from `expected` to where the profile crosses its middle."""
    middle = (profile.max() + profile.min()) / 2
    above = profile > middle
    crossings = [
        k + 0.5 + (middle - profile[k]) / (profile[k + 1] - profile[k])
        for k in range(len(profile) - 1)
        if above[k] != above[k + 1]
    ]
    return min(abs(c - expected) for c in crossings)


@pytest.mark.parametrize("latitude", [1.0, 39.57, 66.0])
@pytest.mark.parametrize("method", ["cubic", "nearest"])
def test_edges_lie_within_half_a_pixel_of_the_vectors(latitude: float, method: str) -> None:
    geobox, pixels = board(latitude)
    grid = mercator_grid(geobox)
    shown = to_mercator(pixels, geobox, grid, method=method)
    grey = np.nan_to_num(shown).clip(0, 1)
    encoded = encode_colours(
        np.dstack([(grey * 255).astype(np.uint8)] * 3 + [np.full(grey.shape, 255, dtype=np.uint8)]),
        quality=None,
    )
    picture = np.asarray(Image.open(io.BytesIO(encoded)).convert("L"), dtype=np.float64)
    back = Transformer.from_crs("EPSG:32652", "EPSG:4326", always_xy=True)
    offsets = []
    for i in range(1, SQUARES):
        for j in range(SQUARES):
            along = (j + 0.5) * CELL
            for edge in ((i * CELL, along), (along, i * CELL)):
                lon, lat = back.transform(*(geobox.transform @ edge))
                column, row = leaflet_pixel(grid.bounds(), grid.shape, lon, lat)
                vertical = edge[0] == i * CELL
                reach = 3
                if vertical:
                    start = int(column) - reach
                    profile = picture[int(row), start : start + 2 * reach + 1]
                    offsets.append(edge_offset(profile, column - start))
                else:
                    start = int(row) - reach
                    profile = picture[start : start + 2 * reach + 1, int(column)]
                    offsets.append(edge_offset(profile, row - start))
    assert len(offsets) == 2 * SQUARES * (SQUARES - 1)
    worst = max(offsets) * grid.ground_m / 10.0
    assert worst <= (0.5 if method == "cubic" else 1.0), f"{worst:.3f} pixels at {latitude}°"
    if method == "cubic":
        assert float(np.mean(offsets)) < 0.2


def test_pixels_keep_their_ground_size() -> None:
    geobox, _ = board(39.57)
    grid = mercator_grid(geobox)
    assert grid.ground_m == 10
    assert grid.transform.a * math.cos(math.radians(39.57)) == pytest.approx(10, rel=1e-3)
