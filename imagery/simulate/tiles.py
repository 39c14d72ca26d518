"""Sentinel-2's tiles: their names and their lattice."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pyproj import Transformer

from imagery.simulate.frame import LATTICE_M, Frame, utm_zone

COLUMN_SETS = ("STUVWXYZ", "ABCDEFGH", "JKLMNPQR")
"""Letters of 100 km columns by zone modulo 3."""
ROW_LETTERS = "ABCDEFGHJKLMNPQRSTUV"
BAND_LETTERS = "CDEFGHJKLMNPQRSTUVWX"
SQUARE_M = 100_000
TILE_M = 109_800


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One tile of the Sentinel-2 grid (northern hemisphere)."""

    name: str
    epsg: int
    west_m: float
    north_m: float

    def holds(self, bounds_m: tuple[float, float, float, float]) -> bool:
        """Whether the tile covers (west, south, east, north) entirely."""
        west, south, east, north = bounds_m
        return (
            self.west_m <= west
            and east <= self.west_m + TILE_M
            and self.north_m - TILE_M <= south
            and north <= self.north_m
        )


def tile_at(lon: float, lat: float, *, zone: int | None = None) -> Tile:
    """The tile whose 100 km square holds a point, in its own or a neighbouring zone."""
    chosen = utm_zone(lon) if zone is None else zone
    epsg = 32600 + chosen
    x, y = Transformer.from_crs(4326, epsg, always_xy=True).transform(lon, lat)
    column, row = int(x // SQUARE_M), int(y // SQUARE_M)
    letters = COLUMN_SETS[chosen % 3][column - 1] + ROW_LETTERS[(row + (5 if chosen % 2 == 0 else 0)) % 20]
    band = BAND_LETTERS[min(int((lat + 80) // 8), 19)]
    return Tile(
        name=f"{chosen}{band}{letters}",
        epsg=epsg,
        west_m=math.floor(column * SQUARE_M / LATTICE_M) * LATTICE_M,
        north_m=math.ceil((row + 1) * SQUARE_M / LATTICE_M) * LATTICE_M,
    )


def neighbour_zone(frame: Frame) -> int:
    """The zone beyond the nearer edge of the frame's own."""
    zone = utm_zone(frame.lon)
    middle = zone * 6 - 183
    return zone - 1 if frame.lon < middle else zone + 1
