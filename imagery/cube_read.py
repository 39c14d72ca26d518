"""Source pixels of archived products as reflectance, on their own lattice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.errors import WindowError
from rasterio.warp import transform_bounds
from rasterio.windows import Window, from_bounds

from imagery.bands import OPTICAL_BANDS
from imagery.radiometry import DigitalNumbers, OffsetDecision, reflectance_offset
from imagery.records import ArchivedProduct
from imagery.resample import wkt_of

MARGIN_PX = 8
"""Read beyond the grid: room for the shift and for the resampling kernel."""

DEFAULT_SCALE = 1e-4
"""Sentinel-2 L2A since launch, where the metadata say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBand:
    """One band over the grid on its own lattice."""

    dn: DigitalNumbers
    """(y, x) digital numbers."""
    transform: Affine
    crs_wkt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceProduct:
    """One product over the grid: digital numbers, and what it takes to make reflectance of them."""

    product: ArchivedProduct
    bands: Mapping[str, SourceBand]
    offset: OffsetDecision

    def reflectance(self, band: str) -> NDArray[np.float32]:
        """Reflectance, NaN where missing. A zero among non-zero bands is clamped ground, not missing."""
        source = self.bands[band]
        scale = self.product.scale.get(band) or DEFAULT_SCALE
        values = source.dn.astype(np.float32) * np.float32(scale) + np.float32(self.offset.value or 0.0)
        values[self.missing(band)] = np.nan
        return values

    def missing(self, band: str) -> NDArray[np.bool_]:
        """Where no band of the same lattice holds anything."""
        own = self.bands[band]
        missing: NDArray[np.bool_] = own.dn == 0
        if not missing.any():
            return missing
        for name, other in self.bands.items():
            if name in OPTICAL_BANDS and other.dn.shape == own.dn.shape:
                missing &= other.dn == 0
        return missing


def read_product(product: ArchivedProduct, grid: GeoBox) -> SourceProduct | None:
    """The product's pixels over `grid`; None where it does not touch it."""
    bands = {name: read_window(path, grid) for name, path in product.bands.items()}
    found = {name: band for name, band in bands.items() if band is not None}
    optical = {name: band.dn[band.dn > 0] for name, band in found.items() if name in OPTICAL_BANDS}
    if not any(dn.size for dn in optical.values()):
        return None
    decision = reflectance_offset(
        product.properties, _stated_offset(product), optical, baseline=product.baseline
    )
    return SourceProduct(product=product, bands=found, offset=decision)


def _stated_offset(product: ArchivedProduct) -> float | None:
    stated = {product.offset.get(band) for band in product.bands if band in OPTICAL_BANDS} - {None}
    return stated.pop() if len(stated) == 1 else None


def read_window(path: Path, grid: GeoBox) -> SourceBand | None:
    """Pixels of one file over `grid` and a margin; None where they do not meet."""
    with rasterio.open(path) as dataset:
        try:
            window = _window(dataset, grid)
        except WindowError:
            return None
        dn = dataset.read(1, window=window)
        return SourceBand(dn=dn, transform=dataset.window_transform(window), crs_wkt=dataset.crs.to_wkt())


def _window(dataset: rasterio.DatasetReader, grid: GeoBox) -> Window:
    bounds = grid.boundingbox.bbox
    bounds = transform_bounds(wkt_of(grid), dataset.crs, *bounds, densify_pts=21)
    exact = from_bounds(*bounds, transform=dataset.transform)
    col, row = floor(exact.col_off) - MARGIN_PX, floor(exact.row_off) - MARGIN_PX
    width = ceil(exact.col_off + exact.width) + MARGIN_PX - col
    height = ceil(exact.row_off + exact.height) + MARGIN_PX - row
    return Window(col, row, width, height).intersection(Window(0, 0, dataset.width, dataset.height))
