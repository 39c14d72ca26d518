"""What providers list and what the archive holds."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from affine import Affine
from numpy.typing import NDArray


def finite_number(value: object) -> float | None:
    """A number that somebody else wrote, if it is one and finite; text that spells one counts."""
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One band of one product, at its source."""

    band: str
    """By meaning, as in `imagery.bands`."""
    href: str
    """URL or path; absolute."""
    scale: float | None = None
    """As the metadata says; None where they say nothing."""
    offset: float | None = None
    """As the metadata says, in units of reflectance; to be verified from pixels."""
    nodata: float | None = 0.0
    gsd_m: float | None = None
    file_bytes: int | None = None
    """Size of the whole file, as the metadata say."""
    crs: str | None = None
    """As the metadata say, as in EPSG:32651; the raster must agree."""
    shape: tuple[int, int] | None = None
    """(rows, columns) as the metadata say; the raster must agree."""

    @property
    def is_remote(self) -> bool:
        """Whether it is asked for over a network, and no file on a disk."""
        return "://" in self.href


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """One processing of one tile (or frame) of one acquisition, as one provider lists it."""

    id: str
    """The provider's item id."""
    source: str
    """Name of the `SceneSource` that listed it."""
    collection: str
    platform: str
    """sentinel-2a, sentinel-1c, …"""
    datetime: dt.datetime
    """Sensing time, UTC, timezone-aware."""
    assets: Mapping[str, Asset]
    """By band."""
    bounds: tuple[float, float, float, float]
    """(west, south, east, north), degrees."""
    tile: str | None = None
    """MGRS tile, as in 52SBJ."""
    datatake: str | None = None
    """Datatake identifier, or absolute orbit, where the metadata carry one."""
    relative_orbit: int | None = None
    baseline: str | None = None
    """Processing baseline, as in 05.10."""
    published: dt.datetime | None = None
    """When the provider published this processing, where known."""
    cloud_cover: float | None = None
    """Percent of the whole tile, from the metadata."""
    item: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """The provider's item as it came."""

    @property
    def is_radar(self) -> bool:
        """Whether the product is from Sentinel-1."""
        return self.platform.startswith("sentinel-1")


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedItem:
    """Something that a provider listed as a product and that cannot be one."""

    source: str
    id: str | None
    """As the provider spells it, where it does."""
    datetime: dt.datetime | None
    """Sensing time, UTC, where it can be read."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One platform and one datatake over one site, with every product that carries it."""

    id: str
    platform: str
    datetime: dt.datetime
    """Earliest sensing time among the products, UTC."""
    products: tuple[Product, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Raster:
    """Source pixels of one band on the product's own lattice."""

    band: str
    pixels: NDArray[np.generic]
    """(y, x), the source's own numbers and type."""
    transform: Affine
    crs_wkt: str
    nodata: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedProduct:
    """A product with pixels, cropped to an ordering box and otherwise as the provider sent them."""

    product: Product
    rasters: Mapping[str, Raster]
    """By band."""
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    """Response metadata by band (ETag, Last-Modified, access time), without credentials."""
    lost: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Bands that were asked for, are listed, and could not be had, each with the reason."""


class SceneSource(Protocol):
    """A provider of products: lists what exists, fetches source pixels."""

    @property
    def name(self) -> str:
        """A stable, speakable name, as in `stac:earth-search`."""
        ...

    def search(
        self, bounds: tuple[float, float, float, float], since: dt.datetime, until: dt.datetime
    ) -> Iterable[Product]:
        """Products that touch `bounds` (degrees) and were sensed in ``[since, until)``."""
        ...

    def fetch(
        self, product: Product, bands: Iterable[str], bounds: tuple[float, float, float, float]
    ) -> FetchedProduct:
        """Source pixels of `bands` over `bounds` on the product's own lattice.

        Raises:
            SourceError: where the provider does not deliver, or delivers something else.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedProduct:
    """A product in the archive: its item and the verified paths of its bands."""

    id: str
    item_path: Path
    platform: str
    datetime: dt.datetime
    tile: str | None
    datatake: str | None
    relative_orbit: int | None
    baseline: str | None
    source: str
    bands: Mapping[str, Path]
    """COG by band, source digital numbers on the product's own lattice."""
    sha256: Mapping[str, str]
    """Of each band's file."""
    scale: Mapping[str, float | None]
    offset: Mapping[str, float | None]
    properties: Mapping[str, Any]
    """STAC properties of the archive's item, the provider's own among them."""
