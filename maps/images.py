"""Pictures of one site: which looks get native blocks, which a display copy, all encoded and keyed."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np
import shapely
import xarray as xr
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from PIL import Image
from pyproj import Transformer
from rasterio.crs import CRS
from rasterio.warp import transform_bounds
from shapely.geometry.base import BaseGeometry

from evidence.arrays import Floats32
from evidence.errors import GridMismatchError
from imagery.registration.correlation import cubic_weights
from imagery.resampling import TAPS
from maps import composites
from maps.composites import BandSet, Stretch
from maps.records import ImageRule

Window = tuple[int, int, int, int]
"""(top, bottom, left, right) in pixels of the Mercator grid, half-open."""
STEP_PX = 16
"""Windows begin and end at multiples of this: a pile that has grown by a pixel draws no earlier look anew."""
WINDOW_SHARE = 0.6
"""Where windows cover more of the site than this, the whole look is kept native."""
MASK_PX = 1024
LOSSLESS_EFFORT = 20
"""Of WebP's encoder, of 100; with its method 1 it takes 13 ms for 31 and gives 3.6 % more bytes than effort
40 with method 2 (method 0: 3.6 ms, 17 % more). Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One encoded picture and where it lies."""

    time: int
    """Index of the look."""
    view: str
    """true | false | change | mask."""
    role: str
    """copy (display copy) | native | mask."""
    bounds: tuple[float, float, float, float]
    """(west, south, east, north), degrees, of the outer pixel edges."""
    shape: tuple[int, int]
    mime: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturePlan:
    """What is native and what is thinned, fixed before any pixel is read."""

    grid: MercatorGrid
    native_times: frozenset[int]
    picture_times: tuple[int, ...]
    windows: tuple[Window, ...]
    """Around zones and findings; native in every look."""
    rule: ImageRule


def window_slices(geobox: GeoBox, geometry: BaseGeometry, *, margin_m: float) -> tuple[slice, slice]:
    """(rows, columns) of the pixels around a geometry (EPSG:4326) with a margin, within the grid."""
    to_grid = Transformer.from_crs("EPSG:4326", str(geobox.crs), always_xy=True)
    moved = shapely.transform(geometry, lambda xy: np.column_stack(to_grid.transform(xy[:, 0], xy[:, 1])))
    left, bottom, right, top = moved.bounds
    (column, row), (last_column, last_row) = (
        (~geobox.affine) * corner
        for corner in ((left - margin_m, top + margin_m), (right + margin_m, bottom - margin_m))
    )
    rows = slice(max(0, math.floor(row)), max(1, math.ceil(last_row)))
    return rows, slice(max(0, math.floor(column)), max(1, math.ceil(last_column)))


def geobox_of(cube: xr.Dataset) -> GeoBox:
    """The cube's grid."""
    geobox: GeoBox = cube.odc.geobox
    return geobox


def window_around(geometry: BaseGeometry, grid: MercatorGrid, margin_m: float) -> Window | None:
    """The pixel window of a geometry (EPSG:4326) and its margin; None where it misses the grid."""
    forward = Transformer.from_crs("EPSG:4326", WEB_MERCATOR, always_xy=True)
    west, south, east, north = forward.transform_bounds(*geometry.bounds)
    (left, top), (right, bottom) = (~grid.transform) @ (west, north), (~grid.transform) @ (east, south)
    margin = margin_m / grid.ground_m
    rows, columns = grid.shape
    window = (
        max(0, STEP_PX * int(np.floor((top - margin) / STEP_PX))),
        min(rows, STEP_PX * int(np.ceil((bottom + margin) / STEP_PX))),
        max(0, STEP_PX * int(np.floor((left - margin) / STEP_PX))),
        min(columns, STEP_PX * int(np.ceil((right + margin) / STEP_PX))),
    )
    return window if window[0] < window[1] and window[2] < window[3] else None


def _touch(a: Window, b: Window) -> bool:
    return a[0] <= b[1] and b[0] <= a[1] and a[2] <= b[3] and b[2] <= a[3]


def merge_windows(windows: list[Window]) -> list[Window]:
    """Boxes that touch become one, until none do."""
    merged: list[Window] = []
    for window in windows:
        current = window
        while hit := next((other for other in merged if _touch(other, current)), None):
            merged.remove(hit)
            current = (
                min(hit[0], current[0]), max(hit[1], current[1]),
                min(hit[2], current[2]), max(hit[3], current[3]),
            )  # fmt: skip
        merged.append(current)
    return sorted(merged)


def plan_pictures(cube: xr.Dataset, geometries: list[BaseGeometry], rule: ImageRule) -> PicturePlan:
    """Decide by rule which looks are native and which are thinned."""
    grid = mercator_grid(geobox_of(cube))
    times = cube["time"].values
    newest = times.max() - np.timedelta64(rule.native_days, "D")
    windows = merge_windows(
        [w for g in geometries if (w := window_around(g, grid, rule.window_margin_m)) is not None]
    )
    covered = sum((w[1] - w[0]) * (w[3] - w[2]) for w in windows)
    if covered > WINDOW_SHARE * grid.shape[0] * grid.shape[1]:
        windows = [(0, grid.shape[0], 0, grid.shape[1])]
    return PicturePlan(
        grid=grid,
        native_times=frozenset(int(i) for i in np.flatnonzero(times >= newest)),
        picture_times=tuple(range(len(times))),
        windows=tuple(windows),
        rule=rule,
    )


def encode_colours(colours: NDArray[np.uint8], *, quality: int | None) -> bytes:
    """``(y, x, 4)`` to WebP: lossless, or of the given quality for a display copy."""
    opaque = bool((colours[..., 3] == 255).all())  # noqa: PLR2004 - full opacity
    image = Image.fromarray(np.ascontiguousarray(colours[..., :3] if opaque else colours))
    out = io.BytesIO()
    if quality is None:
        image.save(out, "WEBP", lossless=True, quality=LOSSLESS_EFFORT, method=1)
    else:
        image.save(out, "WEBP", quality=quality, method=2)
    return out.getvalue()


def encode_classes(classes: NDArray[np.uint8]) -> bytes:
    """``(y, x)`` codes to an indexed PNG whose grey level is the code."""
    image = Image.fromarray(classes).convert("L")
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _blocks(window: Window, side: int) -> Iterator[Window]:
    for top in range(window[0], window[1], side):
        for left in range(window[2], window[3], side):
            yield top, min(top + side, window[1]), left, min(left + side, window[3])


def _crop(colours: NDArray[np.uint8], window: Window) -> NDArray[np.uint8]:
    return colours[window[0] : window[1], window[2] : window[3]]


def _picture(plan: PicturePlan, time: int, view: str, colours: NDArray[np.uint8], window: Window) -> Picture:
    return Picture(
        time=time,
        view=view,
        role="native",
        bounds=plan.grid.bounds(rows=window[:2], columns=window[2:]),
        shape=(window[1] - window[0], window[3] - window[2]),
        mime="image/webp",
        data=encode_colours(_crop(colours, window), quality=None),
    )


def _display_copy(plan: PicturePlan, time: int, view: str, colours: NDArray[np.uint8]) -> Picture:
    rows, columns = colours.shape[:2]
    scale = min(1.0, plan.rule.overview_px / max(rows, columns))
    shape = max(1, round(rows * scale)), max(1, round(columns * scale))
    small = np.asarray(Image.fromarray(colours).resize((shape[1], shape[0]), Image.Resampling.BOX))
    return Picture(
        time=time,
        view=view,
        role="copy",
        bounds=plan.grid.bounds(),
        shape=shape,
        mime="image/webp",
        data=encode_colours(small, quality=plan.rule.overview_quality),
    )


def _pictures_of_view(
    plan: PicturePlan, time: int, view: str, colours: NDArray[np.uint8]
) -> Iterator[Picture]:
    rows, columns = plan.grid.shape
    whole = (0, rows, 0, columns)
    native = time in plan.native_times
    if not (native and max(rows, columns) <= plan.rule.block_px):
        yield _display_copy(plan, time, view, colours)
    for window in (whole,) if native else plan.windows:
        for block in _blocks(window, plan.rule.block_px):
            yield _picture(plan, time, view, colours, block)


def _mask(plan: PicturePlan, time: int, classes: NDArray[np.uint8]) -> Picture:
    step = max(1, int(np.ceil(max(classes.shape) / MASK_PX)))
    padded = np.pad(classes, [(0, -n % step) for n in classes.shape], mode="edge")
    rows, columns = plan.grid.shape
    bounds = plan.grid.bounds(rows=(0, rows + -rows % step), columns=(0, columns + -columns % step))
    small = padded[step // 2 :: step, step // 2 :: step]
    return Picture(
        time=time, view="mask", role="mask", bounds=bounds, shape=small.shape[:2], mime="image/png",
        data=encode_classes(small),
    )  # fmt: skip


def draw_look(
    cube: xr.Dataset, time: int, plan: PicturePlan, stretches: dict[str, Stretch], before: list[int]
) -> Iterator[Picture]:
    """Every picture of one look: colour views, change, and the mask of what was seen."""
    geobox = geobox_of(cube)
    layer = cube.isel(time=time).load()
    yield _mask(
        plan,
        time,
        classes_to_mercator(composites.visibility(layer), geobox, plan.grid, outside=composites.OUTSIDE),
    )
    for band_set in composites.available(cube):
        stack = _stack(layer, band_set)
        if np.isfinite(stack).any():
            colours = composites.paint(to_mercator(stack, geobox, plan.grid), stretches[band_set.id])
            yield from _pictures_of_view(plan, time, band_set.id, colours)
    if before:
        change = to_mercator(
            composites.bareness_change(cube, time, before), geobox, plan.grid, method="nearest"
        )
        if np.isfinite(change).any():
            yield from _pictures_of_view(plan, time, "change", composites.paint_change(change))


def _stack(layer: xr.Dataset, band_set: BandSet) -> NDArray[np.float32]:
    return np.stack([np.asarray(layer[band].values, dtype=np.float32) for band in band_set.bands])


WEB_MERCATOR = "EPSG:3857"
HALF = 0.5


def _wkt(geobox: GeoBox) -> str:
    if geobox.crs is None:
        raise GridMismatchError("a grid without a coordinate system cannot be put on a map")
    return str(geobox.crs.to_wkt())


@dataclass(frozen=True, slots=True, kw_only=True)
class MercatorGrid:
    """A north-up lattice in Web Mercator; its edges are exact degrees for `L.imageOverlay`."""

    transform: Affine
    shape: tuple[int, int]
    """(rows, columns)."""
    ground_m: float
    """Ground size of one pixel at the middle of the grid."""

    def bounds(
        self, *, rows: tuple[int, int] | None = None, columns: tuple[int, int] | None = None
    ) -> tuple[float, float, float, float]:
        """(west, south, east, north) in degrees of the outer pixel edges, of all of it or a window."""
        top, bottom = rows or (0, self.shape[0])
        left, right = columns or (0, self.shape[1])
        west_m, north_m = self.transform @ (left, top)
        east_m, south_m = self.transform @ (right, bottom)
        back = Transformer.from_crs(WEB_MERCATOR, "EPSG:4326", always_xy=True)
        west, south = back.transform(west_m, south_m)
        east, north = back.transform(east_m, north_m)
        return west, south, east, north


def mercator_grid(geobox: GeoBox) -> MercatorGrid:
    """The lattice that covers `geobox` with pixels of the same ground size."""
    source = geobox.boundingbox
    crs = CRS.from_user_input(_wkt(geobox))
    west, south, east, north = transform_bounds(crs, WEB_MERCATOR, *source.bbox, densify_pts=101)
    middle = (source.left + source.right) / 2, (source.bottom + source.top) / 2
    _, latitude = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(*middle)
    ground_m = abs(geobox.resolution.x)
    size = ground_m / math.cos(math.radians(latitude))
    columns = math.ceil((east - west) / size)
    rows = math.ceil((north - south) / size)
    return MercatorGrid(
        transform=Affine(size, 0.0, west, 0.0, -size, north), shape=(rows, columns), ground_m=ground_m
    )


def to_mercator(
    pixels: NDArray[np.float32], geobox: GeoBox, grid: MercatorGrid, *, method: str = "cubic"
) -> NDArray[np.float32]:
    """Resample ``(y, x)`` or ``(band, y, x)``; NaN stays missing.

    Where a pixel of the map lies in the source is the same for every look, and computed once.
    """
    columns, rows = _places(geobox, grid)
    source = np.ascontiguousarray(pixels, dtype=np.float32).reshape(-1, *pixels.shape[-2:])
    out = np.empty((len(source), *grid.shape), dtype=np.float32)
    RESAMPLING[method](source, columns, rows, out)
    return out.reshape(*pixels.shape[:-2], *grid.shape)


@lru_cache(maxsize=4)
def _places(geobox: GeoBox, grid: MercatorGrid) -> tuple[Floats32, Floats32]:
    """Column and row in the source, pixel centres on whole numbers, of each pixel of the map, (y, x)."""
    height, width = grid.shape
    east, north = grid.transform @ np.meshgrid(np.arange(width) + HALF, np.arange(height) + HALF)
    x, y = Transformer.from_crs(WEB_MERCATOR, _wkt(geobox), always_xy=True).transform(east, north)
    columns, rows = ~geobox.transform @ (x, y)
    return (columns - HALF).astype(np.float32), (rows - HALF).astype(np.float32)


@numba.njit(cache=True)
def _cubic(source: Floats32, columns: Floats32, rows: Floats32, out: Floats32) -> None:
    """Cubic convolution over what is not missing; missing where less than half of its weight is seen."""
    bands, height, width = source.shape
    for i in range(columns.shape[0]):
        for j in range(columns.shape[1]):
            column, row = columns[i, j], rows[i, j]
            if not (-HALF <= column < width - HALF and -HALF <= row < height - HALF):
                out[:, i, j] = np.nan
                continue
            left, top = int(np.floor(column)), int(np.floor(row))
            across, down = cubic_weights(column - left), cubic_weights(row - top)
            for band in range(bands):
                total, seen = 0.0, 0.0
                for k in range(TAPS):
                    y = top + k - 1
                    if not 0 <= y < height:
                        continue
                    for m in range(TAPS):
                        x = left + m - 1
                        if 0 <= x < width and not np.isnan(source[band, y, x]):
                            weight = down[k] * across[m]
                            total += weight * source[band, y, x]
                            seen += weight
                out[band, i, j] = total / seen if seen > HALF else np.nan


@numba.njit(cache=True)
def _nearest(source: Floats32, columns: Floats32, rows: Floats32, out: Floats32) -> None:
    """The pixel that the place lies in."""
    bands, height, width = source.shape
    for i in range(columns.shape[0]):
        for j in range(columns.shape[1]):
            column, row = int(np.floor(columns[i, j] + HALF)), int(np.floor(rows[i, j] + HALF))
            inside = 0 <= column < width and 0 <= row < height
            for band in range(bands):
                out[band, i, j] = source[band, row, column] if inside else np.nan


RESAMPLING = {"cubic": _cubic, "nearest": _nearest}


def classes_to_mercator(
    classes: NDArray[np.uint8], geobox: GeoBox, grid: MercatorGrid, *, outside: int
) -> NDArray[np.uint8]:
    """Resample class codes ``(y, x)`` by nearest neighbour; `outside` where the source has no pixel."""
    warped = to_mercator(classes.astype(np.float32), geobox, grid, method="nearest")
    return np.where(np.isnan(warped), outside, warped).astype(np.uint8)
