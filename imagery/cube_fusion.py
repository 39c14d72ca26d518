"""The products of one scene on one grid: fused, shifted and resampled once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from imagery.cube_read import SourceBand, SourceProduct
from imagery.masks import SCL_CLOUD, SCL_NODATA
from imagery.masks_spectra import spectral_cloud
from imagery.registration_chips import Chips, chips, outer_window
from imagery.resample import Image, classes_to_grid, is_parallel, to_grid

KERNEL_PX = 6
"""Source pixels beyond a part of the grid: the kernel's taps and a shift."""
FILTER_MARGIN_PX = 12
"""Context of a block for its high-pass filter."""
Window = tuple[slice, slice]


def on_grid(
    sources: Sequence[SourceProduct], band: str, grid: GeoBox, *, shift_m: tuple[float, float] = (0.0, 0.0)
) -> Image:
    """The band on the grid: the first product's pixels, the others' only where it has none."""
    fused: Image | None = None
    for source in sources:
        if band not in source.bands or source.offset is None:
            continue
        if fused is not None and not np.isnan(fused).any():
            break
        own = source.bands[band]
        window = _window(own, grid, shift_m)
        values = to_grid(
            own.dn[window],
            source.missing(band, window),
            _cropped(own.transform, window),
            own.crs_wkt,
            grid,
            shift_m=shift_m,
            scale=source.scale(band),
            offset=source.offset,
        )
        fused = values if fused is None else np.where(np.isnan(fused), values, fused)
    return np.full(grid.shape, np.nan, np.float32) if fused is None else fused


def classes_on_grid(
    sources: Sequence[SourceProduct],
    grid: GeoBox,
    *,
    band: str = "scl",
    shift_m: tuple[float, float] = (0.0, 0.0),
) -> NDArray[np.uint8] | None:
    """Whole numbers by the nearest pixel, 0 where there are none; None where no product has any."""
    fused: NDArray[np.uint8] | None = None
    for source in sources:
        if band in source.bands:
            own = source.bands[band]
            window = _window(own, grid, shift_m)
            transform = _cropped(own.transform, window)
            classes = classes_to_grid(own.dn[window], transform, own.crs_wkt, grid, shift_m=shift_m)
            fused = classes if fused is None else np.where(fused == SCL_NODATA, classes, fused)
    return fused


def _window(own: SourceBand, grid: GeoBox, shift_m: tuple[float, float]) -> Window:
    """The part of the source that the grid needs; all of it where their axes differ."""
    height, width = own.dn.shape
    if not is_parallel(own.transform, own.crs_wkt, grid):
        return slice(0, height), slice(0, width)
    left, bottom, right, top = grid.boundingbox.bbox
    inverse = ~own.transform
    col0, row0 = inverse * (left + shift_m[0], top + shift_m[1])
    col1, row1 = inverse * (right + shift_m[0], bottom + shift_m[1])
    rows = slice(max(0, floor(row0) - KERNEL_PX), max(0, min(height, ceil(row1) + KERNEL_PX)))
    cols = slice(max(0, floor(col0) - KERNEL_PX), max(0, min(width, ceil(col1) + KERNEL_PX)))
    if rows.stop - rows.start <= KERNEL_PX or cols.stop - cols.start <= KERNEL_PX:
        return slice(0, height), slice(0, width)
    return rows, cols


def _cropped(transform: Affine, window: Window) -> Affine:
    return transform * Affine.translation(window[1].start, window[0].start)


def coarse_grid(grid: GeoBox, step: int) -> GeoBox:
    """The grid of the masks' cells: `step` pixels on a side, the last ones reaching over the edge."""
    height, width = grid.shape
    shape = (-(-height // step), -(-width // step))
    return GeoBox(shape, grid.transform * Affine.scale(step), grid.crs)


def clear_ground(
    sources: Sequence[SourceProduct], images: Mapping[str, Image], grid: GeoBox
) -> NDArray[np.bool_]:
    """A first guess at what is neither cloud nor missing."""
    classes = classes_on_grid(sources, grid)
    seen = _seen(images)
    if classes is None:
        return np.asarray(seen & ~spectral_cloud(images))
    return np.asarray(seen & ~np.isin(classes, (*SCL_CLOUD, SCL_NODATA)))


def _seen(images: Mapping[str, Image]) -> NDArray[np.bool_]:
    return np.asarray(~np.any([np.isnan(image) for image in images.values()], axis=0))


def scene_chips(
    sources: Sequence[SourceProduct],
    grid: GeoBox,
    windows: Sequence[Window],
    bands: Sequence[str],
    *,
    clouds_too: bool = False,
) -> Chips:
    """Blocks for registration, unshifted; nothing but the blocks is resampled.

    Blocks that with their margins fill more than the rectangle around them are resampled together.

    Args:
        sources: the scene's products.
        grid: the site's grid.
        windows: of the blocks on it.
        bands: by meaning.
        clouds_too: use what is called cloud as well.
    """
    outer = [_outer(window, grid) for window in windows]
    around = _around(outer)
    together = sum(map(_pixels, outer)) > _pixels(around)
    groups = [(around, windows)] if together else [(o, [w]) for o, w in zip(outer, windows, strict=True)]
    parts = [_blocks(sources, grid, part, inside, bands, clouds_too=clouds_too) for part, inside in groups]
    return Chips(
        features=np.concatenate([part.features for part in parts]),
        usable=np.concatenate([part.usable for part in parts]),
    )


def _outer(window: Window, grid: GeoBox) -> Window:
    """A block with the context that its filter needs."""
    rows, cols = (
        outer_window(side, length, FILTER_MARGIN_PX) for side, length in zip(window, grid.shape, strict=True)
    )
    return rows, cols


def _around(windows: Sequence[Window]) -> Window:
    """The rectangle around some windows."""
    rows, cols = (
        slice(min(side.start for side in sides), max(side.stop for side in sides))
        for sides in zip(*windows, strict=True)
    )
    return rows, cols


def _pixels(window: Window) -> int:
    rows, cols = window
    return int((rows.stop - rows.start) * (cols.stop - cols.start))


def _blocks(
    sources: Sequence[SourceProduct],
    grid: GeoBox,
    part: Window,
    windows: Sequence[Window],
    bands: Sequence[str],
    *,
    clouds_too: bool,
) -> Chips:
    """Blocks of one part of the grid."""
    box = grid[part]
    images = {band: on_grid(sources, band, box) for band in bands}
    usable = _seen(images) if clouds_too else clear_ground(sources, images, box)
    top, left = (side.start for side in part)
    inside = [
        (slice(rows.start - top, rows.stop - top), slice(cols.start - left, cols.stop - left))
        for rows, cols in windows
    ]
    filled = [np.nan_to_num(image) for image in images.values()]
    return chips(filled, usable, inside, margin_px=FILTER_MARGIN_PX)
