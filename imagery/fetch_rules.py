"""Masks first, bands second: what the site's own pixels say before the other bands are paid for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evidence.errors import SourceError
from imagery.offset import RAW_ADD_DN, offset_from_metadata
from imagery.records import FetchedProduct, Product, Raster, SceneSource

Bounds = tuple[float, float, float, float]

CLOUD_CLASSES = (8, 9)
"""Scene classes: cloud of medium and high probability. Cirrus (10) is looked through."""
PROOF_BANDS = ("swir16", "swir22", "blue")
"""One of these tells cloud from snow and from dark ground that was called cloud, in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRules:
    """When a product is left out."""

    max_cloud: float = 0.98
    """Share of the site's seen pixels that is cloud; above it a product is left out."""
    bright_reflectance: float = 0.15
    """Cloud is brighter than this in the short-wave infrared; snow and coal are not."""
    bright_share: float = 0.5
    """At least this share of the "cloud" must be bright, else it is dark ground or snow and is fetched."""


class LeftOut(SourceError):  # noqa: N818 - a decision rather than an error
    """Not fetched, by a rule; the figures behind it are in `values`."""

    def __init__(self, message: str, values: Mapping[str, float]) -> None:
        """Take the rule in words and its figures."""
        super().__init__(message)
        self.values = dict(values)


def fetch_by_rule(
    source: SceneSource, product: Product, bands: tuple[str, ...], bounds: Bounds, rules: FetchRules | None
) -> FetchedProduct:
    """The product's bands; its classes first, so that an overcast scene costs one band or two.

    Raises:
        LeftOut: where the site is under cloud.
        SourceError: where the provider does not deliver.
    """
    if rules is None or "scl" not in product.assets or not getattr(source, "masks_first", True):
        return source.fetch(product, bands, bounds)
    first = source.fetch(product, ("scl",), bounds)
    share, seen = cloud_share(first.rasters["scl"].pixels)
    parts = [first]
    if seen and share > rules.max_cloud:
        parts.append(_proof(source, product, bounds, first.rasters["scl"], rules, share))
    have = {band for part in parts for band in part.rasters}
    rest = tuple(band for band in bands if band not in have and band in product.assets)
    parts.append(source.fetch(product, rest, bounds))
    return _joined(product, bands, parts)


def cloud_share(classes: NDArray[np.generic]) -> tuple[float, int]:
    """Share of cloud among the pixels that were seen, and how many these are."""
    seen = classes != 0
    count = int(seen.sum())
    return (float(np.isin(classes, CLOUD_CLASSES)[seen].mean()) if count else 0.0), count


def _proof(
    source: SceneSource, product: Product, bounds: Bounds, classes: Raster, rules: FetchRules, share: float
) -> FetchedProduct:
    """The proof band, if it speaks against cloud.

    Raises:
        LeftOut: if it does not.
    """
    band = next((name for name in PROOF_BANDS if name in product.assets), None)
    values = {"cloud_share": share, "max_cloud": rules.max_cloud}
    if band is None:
        raise LeftOut(f"cloud over {share:.1%} of the site, more than {rules.max_cloud:.0%}", values)
    proof = source.fetch(product, (band,), bounds)
    bright = bright_share(proof.rasters[band].pixels, classes.pixels, product, rules)
    if bright >= rules.bright_share:
        said = f"cloud over {share:.1%} of the site, more than {rules.max_cloud:.0%}"
        raise LeftOut(f"{said}; {bright:.0%} of it is bright in {band}", values | {"bright_share": bright})
    return proof


def bright_share(
    numbers: NDArray[np.generic], classes: NDArray[np.generic], product: Product, rules: FetchRules
) -> float:
    """Share of the cloud pixels that are as bright as cloud is.

    Where the offset is open it is assumed to be there, which can only lead to fetching more.
    """
    stated, _ = offset_from_metadata(product.item.get("properties") or {})
    add = RAW_ADD_DN if stated is None else stated
    factor = max(1, round(numbers.shape[0] / classes.shape[0]))
    cloud = np.isin(classes, CLOUD_CLASSES).repeat(factor, axis=0).repeat(factor, axis=1)
    rows, columns = (min(pair) for pair in zip(cloud.shape, numbers.shape, strict=True))
    cloud, numbers = cloud[:rows, :columns], numbers[:rows, :columns]
    seen = cloud & (numbers != 0)
    reflectance = (numbers[seen].astype("float64") + add) / 10_000
    return float((reflectance > rules.bright_reflectance).mean()) if reflectance.size else 0.0


def _joined(product: Product, bands: tuple[str, ...], parts: list[FetchedProduct]) -> FetchedProduct:
    rasters = {band: raster for part in parts for band, raster in part.rasters.items()}
    headers = {band: values for part in parts for band, values in part.headers.items()}
    return FetchedProduct(
        product=product, rasters={band: rasters[band] for band in bands if band in rasters}, headers=headers
    )
