"""Source pixels of archived products over a grid, on their own lattices."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil, floor
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.errors import WindowError
from rasterio.warp import transform_bounds
from rasterio.windows import Window as RasterWindow
from rasterio.windows import from_bounds

from evidence.arrays import Bools, Image
from imagery.bands import LANDSAT_QUALITY, OPTICAL_BANDS
from imagery.cube.landsat import as_read, believed_offset, is_landsat, scene_classes
from imagery.cube.scenes import ArchivedScene
from imagery.masks.scene_masks import SCL_CLOUD, SCL_NODATA
from imagery.masks.spectra import SpectraParams, spectral_cloud
from imagery.radiometry.offset import PROVEN, OffsetDecision, decide_offset
from imagery.records import ArchivedProduct
from imagery.registration.blocks import FILTER_MARGIN_PX, Chips, chips, outer_window
from imagery.resampling import classes_to_grid, is_parallel, same_crs, to_grid, wkt_of

MARGIN_PX = 10
"""Read beyond the grid: room for the shift and for the resampling kernel, pixels. Assumed."""

DEFAULT_SCALE = 1e-4
"""Sentinel-2 L2A since launch, where the metadata say nothing, 1. Documented by ESA
(QUANTIFICATION_VALUE)."""

LARGEST_DN = np.iinfo(np.int16).max
"""Of Sentinel-2 L2A: what is above it was below zero before it lost its sign."""

BLOCK_CACHE_BYTES = 64_000_000
"""GDAL's own default is a twentieth of the machine's memory, beyond any limit that was set
here, bytes. Assumed."""

DECIDING_BANDS = ("blue", "green", "red", "nir", "swir16", "swir22", "scl")
"""What the offset is decided from."""

Kind = tuple[str, str, str]
Prior = Mapping[Kind, float | None]
"""Offset that clear products of one kind (source, baseline, flag) turned out to need; None: they differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBand:
    """One band over the grid on its own lattice."""

    dn: NDArray[Any]
    """(y, x) digital numbers."""
    transform: Affine
    crs_wkt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceProduct:
    """One product over the grid: digital numbers, and what it takes to make reflectance of them."""

    product: ArchivedProduct
    bands: Mapping[str, SourceBand]
    offset: float | None
    """Reflectance to add; None where it could not be decided."""
    evidence: str
    proven: bool = True
    """Whether the numbers themselves settled the offset; else the metadata did, or nothing."""
    lifted: bool = False
    """Whether it rests on ground that must be dark and is not: thin cloud lifts it too."""

    def scale(self, band: str) -> float:
        """Reflectance per number."""
        return self.product.scale.get(band) or DEFAULT_SCALE

    def of_bands(self, names: Sequence[str]) -> SourceProduct:
        """The product as if nothing but these bands had been read."""
        return replace(self, bands={name: band for name, band in self.bands.items() if name in names})

    def missing(self, band: str, window: tuple[slice, slice]) -> Bools:
        """Where no band of the same lattice holds anything: a zero among others is clamped ground."""
        own = self.bands[band]
        missing: Bools = own.dn[window] == 0
        for name, other in self.bands.items():
            if not missing.any():
                break
            if name in OPTICAL_BANDS and other.dn.shape == own.dn.shape:
                missing &= other.dn[window] == 0
        return missing | no_number(own.dn[window], self.product.platform, self.scale(band))


def no_number(dn: NDArray[Any], platform: str, scale: float) -> Bools:
    """Where a source number is none: not finite, or below zero and wrapped.

    Sentinel-2 L2A numbers are 16 bits without a sign in steps of 1e-4; some processors let a reflectance
    below zero wrap round, to above 32767, which would be a reflectance of more than 3.2.

    Args:
        dn: (y, x) digital numbers.
        platform: as in sentinel-2a.
        scale: reflectance per number; other steps than L2A's fill all 16 bits.
    """
    if np.issubdtype(dn.dtype, np.floating):
        return np.asarray(~np.isfinite(dn))
    if not platform.startswith("sentinel-2") or not math.isclose(scale, DEFAULT_SCALE, rel_tol=1e-3):
        return np.zeros(dn.shape, bool)
    return np.asarray(dn > LARGEST_DN) if np.issubdtype(dn.dtype, np.unsignedinteger) else np.asarray(dn < 0)


def kind_of(product: ArchivedProduct) -> Kind:
    """Products of one kind share what their provider did about the offset."""
    flag = str(product.properties.get("earthsearch:boa_offset_applied"))
    return product.source, str(product.baseline), flag


def read_scene(scene: ArchivedScene, grid: GeoBox, bands: Sequence[str]) -> list[SourceProduct]:
    """The scene's products over `grid`, those in the grid's own zone first."""
    with rasterio.Env(GDAL_CACHEMAX=BLOCK_CACHE_BYTES):
        read = [read_product(product, grid, bands) for product in scene.products]
    found = [source for source in read if source is not None]
    return sorted(found, key=lambda source: (not _own_zone(source, grid), _fills(source), source.product.id))


def _fills(source: SourceProduct) -> bool:
    """Whether a product is there to fill holes of another one, which comes first."""
    return bool(source.product.properties.get("campwatch:complement"))


def _own_zone(source: SourceProduct, grid: GeoBox) -> bool:
    return same_crs(next(iter(source.bands.values())).crs_wkt, grid)


def read_product(product: ArchivedProduct, grid: GeoBox, bands: Iterable[str]) -> SourceProduct | None:
    """The product's pixels over `grid`; None where it holds none there."""
    if is_landsat(product):
        product, bands = as_read(product), (*bands, *LANDSAT_QUALITY)
    names = [name for name in dict.fromkeys([*bands, "scl"]) if name in product.bands]
    read = {name: read_window(product.bands[name], grid) for name in names}
    found = {name: band for name, band in read.items() if band is not None}
    if not any(band.dn.any() for name, band in found.items() if name in OPTICAL_BANDS):
        return None
    if is_landsat(product):
        return _landsat(product, found)
    decision = _decision(product, found)
    return SourceProduct(
        product=product,
        bands=found,
        offset=decision.offset if decision.usable else None,
        evidence=decision.detail,
        proven=decision.basis in PROVEN,
        lifted=decision.by_lifted_ground,
    )


def _landsat(product: ArchivedProduct, found: Mapping[str, SourceBand]) -> SourceProduct:
    """A Level 2 product with its quality bits as scene classes."""
    red, quality = found.get("red"), found.get("qa_pixel")
    offset, evidence = believed_offset(product, None if red is None else red.dn)
    bands = {name: band for name, band in found.items() if name not in LANDSAT_QUALITY}
    if quality is not None:
        saturated = found.get("qa_radsat")
        radsat = None if saturated is None else saturated.dn
        classes = scene_classes(quality.dn, radsat, platform=product.platform)
        bands["scl"] = replace(quality, dn=classes)
    return SourceProduct(product=product, bands=bands, offset=offset, evidence=evidence)


def _decision(product: ArchivedProduct, found: Mapping[str, SourceBand]) -> OffsetDecision:
    """Decide from a sample of pixels: thousands say as much as millions."""
    pixels = {name: found[name].dn for name in DECIDING_BANDS if name in found}
    for name in pixels.keys() & set(OPTICAL_BANDS):
        none = no_number(pixels[name], product.platform, product.scale.get(name) or DEFAULT_SCALE)
        if none.any():
            pixels[name] = np.where(none, 0, pixels[name])
    step = max(1, round(max(dn.size for dn in pixels.values()) ** 0.5 / 512))
    sampled = {name: dn[::step, ::step] for name, dn in pixels.items()}
    stated = {product.offset.get(band) for band in found if band in OPTICAL_BANDS} - {None}
    properties = dict(product.properties)
    if product.baseline and "campwatch:baseline" not in properties:
        properties["campwatch:baseline"] = product.baseline
    return decide_offset(properties, sampled, metadata_offset=stated.pop() if len(stated) == 1 else None)


def read_window(path: Path, grid: GeoBox) -> SourceBand | None:
    """Pixels of one file over `grid` and a margin; None where they do not meet."""
    with rasterio.open(path) as dataset:
        crs_wkt = dataset.crs.to_wkt()
        try:
            window = _source_window(dataset, crs_wkt, grid)
        except WindowError:
            return None
        dn = dataset.read(1, window=window)
        return SourceBand(dn=dn, transform=dataset.window_transform(window), crs_wkt=crs_wkt)


@lru_cache(maxsize=64)
def _bounds_in(
    target_wkt: str, source_wkt: str, left: float, bottom: float, right: float, top: float
) -> tuple[float, float, float, float]:
    """Bounds in another reference system; the same few are asked for by every file of a site."""
    west, south, east, north = transform_bounds(
        source_wkt, target_wkt, left, bottom, right, top, densify_pts=21
    )
    return west, south, east, north


def _source_window(dataset: rasterio.DatasetReader, crs_wkt: str, grid: GeoBox) -> RasterWindow:
    bounds = grid.boundingbox.bbox
    if not same_crs(crs_wkt, grid):
        bounds = _bounds_in(crs_wkt, wkt_of(grid), *bounds)
    exact = from_bounds(*bounds, transform=dataset.transform)
    col, row = floor(exact.col_off) - MARGIN_PX, floor(exact.row_off) - MARGIN_PX
    width = ceil(exact.col_off + exact.width) + MARGIN_PX - col
    height = ceil(exact.row_off + exact.height) + MARGIN_PX - row
    return RasterWindow(col, row, width, height).intersection(
        RasterWindow(0, 0, dataset.width, dataset.height)
    )


KERNEL_PX = 6
"""Source pixels beyond a part of the grid: the kernel's taps and a shift. Derived."""
Window = tuple[slice, slice]


def on_grid(
    sources: Sequence[SourceProduct], band: str, grid: GeoBox, *, shift_m: tuple[float, float] = (0.0, 0.0)
) -> Image:
    """One band on the grid: the first product's pixels, the others' only where it has none.

    Args:
        sources: products of one scene, in order of preference.
        band: by meaning.
        grid: of the site, or a coarser one over it.
        shift_m: how far the scene lies from its season, east and north, metres.

    Returns:
        Reflectance (y, x), NaN where no product has any.
    """
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
    """Whole numbers of a class band on the grid by the nearest pixel, 0 where there are none.

    Args:
        sources: products of one scene, in order of preference.
        grid: of the site, or a coarser one over it.
        band: by meaning.
        shift_m: how far the scene lies from its season, east and north, metres.

    Returns:
        (y, x); None where no product has any.
    """
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
    sources: Sequence[SourceProduct], images: Mapping[str, Image], grid: GeoBox, spectra: SpectraParams
) -> Bools:
    """A first guess at what is neither cloud nor missing."""
    classes = classes_on_grid(sources, grid)
    seen = _seen(images)
    if classes is None:
        return np.asarray(seen & ~spectral_cloud(images, spectra))
    return np.asarray(seen & ~np.isin(classes, (*SCL_CLOUD, SCL_NODATA)))


def _seen(images: Mapping[str, Image]) -> Bools:
    return np.asarray(~np.any([np.isnan(image) for image in images.values()], axis=0))


def scene_chips(
    sources: Sequence[SourceProduct],
    grid: GeoBox,
    windows: Sequence[Window],
    bands: Sequence[str],
    spectra: SpectraParams,
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
        spectra: what cloud looks like where there are no classes.
        clouds_too: use what is called cloud as well.
    """
    outer = [_outer(window, grid) for window in windows]
    around = _around(outer)
    together = sum(map(_pixels, outer)) > _pixels(around)
    groups = [(around, windows)] if together else [(o, [w]) for o, w in zip(outer, windows, strict=True)]
    parts = [
        _blocks(sources, grid, part, inside, bands, spectra, clouds_too=clouds_too) for part, inside in groups
    ]
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
    spectra: SpectraParams,
    *,
    clouds_too: bool,
) -> Chips:
    """Blocks of one part of the grid."""
    box = grid[part]
    images = {band: on_grid(sources, band, box) for band in bands}
    usable = _seen(images) if clouds_too else clear_ground(sources, images, box, spectra)
    top, left = (side.start for side in part)
    inside = [
        (slice(rows.start - top, rows.stop - top), slice(cols.start - left, cols.stop - left))
        for rows, cols in windows
    ]
    filled = [np.nan_to_num(image) for image in images.values()]
    return chips(filled, usable, inside, margin_px=FILTER_MARGIN_PX)
