"""What relief does to light: slope and aspect, cast shadow by the sun's position, and their correction.

A DEM is a float array (y, x) in metres on the grid of the cube. The correction is SCS+C (Soenen, Peddle and
Coburn 2005): geometry of sun, canopy and sensor with the C of Teillet, Guindon and Goodenough 1982 for the
light from the sky, found for each scene and band from the scene itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.warp import Resampling, reproject
from scipy import ndimage

from evidence.arrays import Image, Mask
from evidence.errors import GridMismatchError
from imagery.resampling import wkt_of

MOST_MISSING = 0.2
"""Share of the grid that a DEM may leave out, 1: one that was cropped to a box of degrees lacks the corners.
Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TerrainParams:
    """Correction of light on slopes by SCS+C (Soenen, Peddle and Coburn 2005)."""

    correct: bool = True
    """Apply SCS+C; cast shadow is masked either way."""
    hide_cast_shadow: bool = True
    """Take cast shadow out of `valid`; it stays in its own mask."""
    least_slope_cells: int = 500
    """Lit cells that C needs; with fewer the scene is left as it is. Assumed."""
    least_lit: float = 0.1
    """Cosine of incidence below which slopes are lit by the sky alone, 1: no factor can bring them back.
    Assumed."""
    least_relief: float = 0.01
    """Standard deviation of the cosine below which ground is level and C has no meaning, 1. Assumed."""
    largest_c: float = 5.0
    """A band that hardly answers to the slope has a large C and is hardly corrected, 1. Assumed."""
    factor_range: tuple[float, float] = (0.4, 2.5)
    """Factors beyond it are cut, 1. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terrain:
    """Relief on the grid. Fields are (y, x)."""

    height_m: Image
    pixel_m: float
    digest: str
    """Of the heights."""

    def slopes(self) -> tuple[Image, Image]:
        """Rise per metre towards the south (down the rows) and towards the east."""
        south, east = np.gradient(self.height_m.astype(np.float32), self.pixel_m)
        return np.asarray(south, np.float32), np.asarray(east, np.float32)


def read_terrain(paths: Sequence[Path], grid: GeoBox) -> Terrain:
    """DEM files on the grid, bilinear; the first that knows a height wins, and edges go on at their height.

    Raises:
        GridMismatchError: where they leave more than `MOST_MISSING` of the grid without a height.
    """
    height: Image = np.full(grid.shape, np.nan, np.float32)
    for path in paths:
        height = np.where(np.isnan(height), _on_grid(path, grid), height)
    missing = np.isnan(height)
    if missing.mean() > MOST_MISSING:
        names = ", ".join(path.name for path in paths)
        raise GridMismatchError(f"{names} leaves {missing.mean():.1%} of the grid without a height")
    if missing.any():
        rows, cols = ndimage.distance_transform_edt(missing, return_distances=False, return_indices=True)
        height = height[rows, cols]
    digest = hashlib.sha256(height.tobytes()).hexdigest()
    return Terrain(height_m=height, pixel_m=abs(float(grid.resolution.x)), digest=digest)


def _on_grid(path: Path, grid: GeoBox) -> Image:
    """Heights (y, x) in metres, NaN where the file has none."""
    height: Image = np.full(grid.shape, np.nan, np.float32)
    with rasterio.open(path) as source:
        reproject(
            rasterio.band(source, 1),
            height,
            dst_transform=grid.transform,
            dst_crs=wkt_of(grid),
            dst_nodata=np.nan,
            resampling=Resampling.bilinear,
        )
    return height


def incidence(terrain: Terrain, sun: tuple[float, float]) -> Image:
    """Cosine of the angle between the sun and the slope's normal; below 0 the slope faces away. (y, x)."""
    elevation, azimuth = (np.radians(angle) for angle in sun)
    south, east = terrain.slopes()
    across = -east * np.sin(azimuth) + south * np.cos(azimuth)
    cosine = np.cos(elevation) * across + np.sin(elevation)
    result: Image = (cosine / np.sqrt(1.0 + south**2 + east**2)).astype(np.float32)
    return result


@numba.njit(cache=True)
def _marched(height: Image, step_x: float, step_y: float, rise: float, highest: float) -> Mask:
    """Shadow: on the way to the sun the relief, interpolated, stands above the ray."""
    rows, cols = height.shape
    shadow = np.zeros((rows, cols), np.bool_)
    for i in range(rows):
        for j in range(cols):
            y, x, ray = float(i), float(j), float(height[i, j])
            while True:
                y, x, ray = y + step_y, x + step_x, ray + rise
                if ray > highest or y < 0 or x < 0 or y > rows - 1 or x > cols - 1:
                    break
                a, b = min(int(y), rows - 2), min(int(x), cols - 2)
                v, u = y - a, x - b
                top = height[a, b] * (1 - u) + height[a, b + 1] * u
                bottom = height[a + 1, b] * (1 - u) + height[a + 1, b + 1] * u
                if top * (1 - v) + bottom * v > ray:
                    shadow[i, j] = True
                    break
    return shadow


def cast_shadow(terrain: Terrain, sun: tuple[float, float]) -> Mask:
    """Where relief stands between ground and sun, slopes that face away included. (y, x).

    Relief beyond the grid is not seen: give a DEM with a margin where high ground lies outside.
    """
    elevation, azimuth = sun
    if elevation <= 0:
        return np.ones(terrain.height_m.shape, bool)
    across, up = float(np.sin(np.radians(azimuth))), float(-np.cos(np.radians(azimuth)))
    rise = float(terrain.pixel_m * np.tan(np.radians(elevation)))
    height = np.ascontiguousarray(terrain.height_m, np.float32)
    return np.asarray(_marched(height, across, up, rise, float(height.max())))


def corrected(
    bands: Mapping[str, Image],
    terrain: Terrain,
    sun: tuple[float, float],
    clear: Mask,
    params: TerrainParams | None = None,
) -> dict[str, Image]:
    """Reflectance as on level ground, by SCS+C.

    Args:
        bands: (y, x) by name.
        terrain: relief on the same grid.
        sun: elevation and azimuth in degrees.
        clear: (y, x) ground that C is found on; cast shadow is left out by itself.
        params: knobs.
    """
    params = params or TerrainParams()
    cosine = incidence(terrain, sun)
    south, east = terrain.slopes()
    slope_cosine = 1.0 / np.sqrt(1.0 + south**2 + east**2)
    zenith_cosine = np.float32(np.sin(np.radians(sun[0])))
    lit = clear & (cosine > params.least_lit) & ~cast_shadow(terrain, sun)
    if int(lit.sum()) < params.least_slope_cells:
        return dict(bands)
    low, high = params.factor_range
    out = {}
    for name, image in bands.items():
        c = constant_c(image, cosine, lit, params)
        if c is None:
            out[name] = image
            continue
        factor = (slope_cosine * zenith_cosine + c) / (np.maximum(cosine, params.least_lit) + c)
        out[name] = (image * np.clip(factor, low, high)).astype(np.float32)
    return out


def constant_c(image: Image, cosine: Image, lit: Mask, params: TerrainParams) -> float | None:
    """Intercept over slope of reflectance against illumination: the constant of the C correction.

    Args:
        image: reflectance (y, x).
        cosine: of the angle between sun and slope (y, x).
        lit: ground that the sun reaches and that counts (y, x).
        params: how much ground is needed, and bounds.

    Returns:
        None where light does not tell.
    """
    good = lit & np.isfinite(image)
    x, y = cosine[good].astype(float), image[good].astype(float)
    if x.size < params.least_slope_cells or x.std() < params.least_relief:
        return None
    slope, level = np.polyfit(x, y, 1)
    if slope <= 0:
        return None
    return float(np.clip(level / slope, 0.0, params.largest_c))
