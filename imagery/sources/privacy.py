"""What providers learn: boxes snapped outward, tile ids. Sites' outlines never leave the machine."""

from __future__ import annotations

import math
from enum import StrEnum

from pyproj import Transformer

SNAP_DEG = 0.1
"""Boxes are snapped outward to multiples of this. Assumed: some ten kilometres hide which of several sites
is meant."""
TILE_M, STEP_M = 109_800, 100_000
"""Sentinel-2 tiles are 109.8 km wide on the 100 km squares of MGRS. Documented: the Sentinel-2 tiling
grid."""

MOST_COLUMNS = 8
"""Squares of 100 km across a zone. Defined by MGRS."""
_COLUMNS = ("STUVWXYZ", "ABCDEFGH", "JKLMNPQR")
_ROWS = "ABCDEFGHJKLMNPQRSTUV"
_BANDS = "CDEFGHJKLMNPQRSTUVWX"

Bounds = tuple[float, float, float, float]


class PrivacyMode(StrEnum):
    """How much of the place of interest a search or a read gives away."""

    BOX = "box"
    """Searches go out on boxes snapped outward to 0.1 degrees; reads show their windows."""
    TILE = "tile"
    """Searches name tiles, reads take whole tiles: a provider learns the tile (110 km) only."""


def snap_outward(bounds: Bounds, step: float = SNAP_DEG) -> Bounds:
    """The smallest box on multiples of `step` degrees that holds `bounds`."""
    west, south, east, north = bounds
    return (
        _multiple(math.floor(west / step + 1e-9), step),
        max(-90.0, _multiple(math.floor(south / step + 1e-9), step)),
        _multiple(math.ceil(east / step - 1e-9), step),
        min(90.0, _multiple(math.ceil(north / step - 1e-9), step)),
    )


def _multiple(count: int, step: float) -> float:
    return round(count * step, 6)


def sentinel2_tiles(bounds: Bounds) -> tuple[str, ...]:
    """Ids of the Sentinel-2 tiles that touch `bounds`, in every UTM zone that has some.

    The latitude letter is that of the tile's centre: that of a point in it can differ (51TYE at 39.7 N).
    """
    west, south, east, north = bounds
    zones = range(int((west + 180) // 6), int((east + 180) // 6) + 3)
    found = {tile for zone in zones for tile in _tiles_of_zone((zone - 1) % 60 + 1, bounds)}
    return tuple(sorted(found)) if south < north else ()


def _tiles_of_zone(zone: int, bounds: Bounds) -> list[str]:
    epsg = (32600 if bounds[1] >= 0 else 32700) + zone
    to_utm = Transformer.from_crs(4326, epsg, always_xy=True)
    left, bottom, right, top = to_utm.transform_bounds(*bounds, densify_pts=21)
    if not all(math.isfinite(value) for value in (left, bottom, right, top)) or right - left > 1e6:  # noqa: PLR2004
        return []
    overlap = TILE_M - STEP_M
    columns = range(math.floor(left / STEP_M - overlap / STEP_M), math.floor(right / STEP_M) + 1)
    rows = range(math.floor((bottom - 40) / STEP_M), math.floor((top + overlap) / STEP_M) + 1)
    return [
        f"{zone:02d}{_band(column, row, epsg)}{_letters(zone, column, row)}"
        for column in columns
        for row in rows
        if 1 <= column <= MOST_COLUMNS
        and _in_zone(zone, column, row, epsg)
        and _touches(column, row, (left, bottom, right, top))
    ]


def _touches(column: int, row: int, box: Bounds) -> bool:
    """Tile of the square (column, row): from its upper left corner 109.8 km right and down."""
    left, top = column * STEP_M - 40, (row + 1) * STEP_M + 40
    return left < box[2] and left + TILE_M > box[0] and top - TILE_M < box[3] and top > box[1]


def _in_zone(zone: int, column: int, row: int, epsg: int) -> bool:
    """Whether the 100 km square reaches into the six degrees of its zone."""
    to_degrees = Transformer.from_crs(epsg, 4326, always_xy=True)
    x, y = column * STEP_M, row * STEP_M
    west, _, east, _ = to_degrees.transform_bounds(x, y, x + STEP_M, y + STEP_M, densify_pts=21)
    first = zone * 6 - 186
    return west < first + 6 and east > first


def _letters(zone: int, column: int, row: int) -> str:
    rows = _ROWS if zone % 2 else _ROWS[5:] + _ROWS[:5]
    return _COLUMNS[zone % 3][column - 1] + rows[row % 20]


def _band(column: int, row: int, epsg: int) -> str:
    to_degrees = Transformer.from_crs(epsg, 4326, always_xy=True)
    _, latitude = to_degrees.transform((column + 0.5) * STEP_M, (row + 0.5) * STEP_M)
    return _BANDS[min(19, max(0, int((latitude + 80) // 8)))]
