"""Source pixels of archived products over a grid, on their own lattices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
from rasterio.windows import Window, from_bounds

from imagery.bands import OPTICAL_BANDS
from imagery.cube_scenes import ArchivedScene
from imagery.offset import OffsetDecision, decide_offset
from imagery.records import ArchivedProduct
from imagery.resample import same_crs, wkt_of

MARGIN_PX = 10
"""Read beyond the grid: room for the shift and for the resampling kernel."""

DEFAULT_SCALE = 1e-4
"""Sentinel-2 L2A since launch, where the metadata say nothing."""

BLOCK_CACHE_BYTES = 64_000_000
"""GDAL's own default is a twentieth of the machine's memory, beyond any limit that was set here."""

DECIDING_BANDS = ("blue", "green", "red", "nir", "scl")
"""What the offset is decided from."""

Prior = Mapping[tuple[str, str, str], float]
"""Offset that clear products of one kind (source, baseline, flag) turned out to need."""


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

    def scale(self, band: str) -> float:
        """Reflectance per number."""
        return self.product.scale.get(band) or DEFAULT_SCALE

    def missing(self, band: str, window: tuple[slice, slice]) -> NDArray[np.bool_]:
        """Where no band of the same lattice holds anything: a zero among others is clamped ground."""
        own = self.bands[band]
        missing: NDArray[np.bool_] = own.dn[window] == 0
        for name, other in self.bands.items():
            if not missing.any():
                break
            if name in OPTICAL_BANDS and other.dn.shape == own.dn.shape:
                missing &= other.dn[window] == 0
        return missing


def kind_of(product: ArchivedProduct) -> tuple[str, str, str]:
    """Products of one kind share what their provider did about the offset."""
    flag = str(product.properties.get("earthsearch:boa_offset_applied"))
    return product.source, str(product.baseline), flag


def read_scene(
    scene: ArchivedScene, grid: GeoBox, bands: Sequence[str], *, prior: Prior | None = None
) -> list[SourceProduct]:
    """The scene's products over `grid`, those in the grid's own zone first."""
    with rasterio.Env(GDAL_CACHEMAX=BLOCK_CACHE_BYTES):
        read = [read_product(product, grid, bands, prior=prior) for product in scene.products]
    found = [source for source in read if source is not None]
    return sorted(found, key=lambda source: (not _own_zone(source, grid), source.product.id))


def _own_zone(source: SourceProduct, grid: GeoBox) -> bool:
    return same_crs(next(iter(source.bands.values())).crs_wkt, grid)


def read_product(
    product: ArchivedProduct, grid: GeoBox, bands: Iterable[str], *, prior: Prior | None = None
) -> SourceProduct | None:
    """The product's pixels over `grid`; None where it holds none there."""
    names = [name for name in dict.fromkeys([*bands, "scl"]) if name in product.bands]
    read = {name: read_window(product.bands[name], grid) for name in names}
    found = {name: band for name, band in read.items() if band is not None}
    if not any(band.dn.any() for name, band in found.items() if name in OPTICAL_BANDS):
        return None
    decision = _decision(product, found)
    known = (prior or {}).get(kind_of(product))
    offset = decision.offset if decision.usable else known
    evidence = decision.detail if decision.usable or known is None else f"{decision.detail}; as its like"
    return SourceProduct(product=product, bands=found, offset=offset, evidence=evidence)


def _decision(product: ArchivedProduct, found: Mapping[str, SourceBand]) -> OffsetDecision:
    """Decide from a sample of pixels: thousands say as much as millions."""
    pixels = {name: found[name].dn for name in DECIDING_BANDS if name in found}
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
            window = _window(dataset, crs_wkt, grid)
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


def _window(dataset: rasterio.DatasetReader, crs_wkt: str, grid: GeoBox) -> Window:
    bounds = grid.boundingbox.bbox
    if not same_crs(crs_wkt, grid):
        bounds = _bounds_in(crs_wkt, wkt_of(grid), *bounds)
    exact = from_bounds(*bounds, transform=dataset.transform)
    col, row = floor(exact.col_off) - MARGIN_PX, floor(exact.row_off) - MARGIN_PX
    width = ceil(exact.col_off + exact.width) + MARGIN_PX - col
    height = ceil(exact.row_off + exact.height) + MARGIN_PX - row
    return Window(col, row, width, height).intersection(Window(0, 0, dataset.width, dataset.height))
