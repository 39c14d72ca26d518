"""Landsat, Collection 2 Level 2, as the cube reads it: reflectance, classes, lattice.

Numbers are those of the USGS *Landsat 8-9 Collection 2 Level 2 Science Product Guide* (LSDS-1619); scale and
offset of Landsat 4 to 7 are the same, bits of saturation are not (LSDS-1618). A product
has one near infrared, `nir08` (0.865 µm); it stands for `nir` as well, which Sentinel-2 sees at 0.833 µm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from evidence.arrays import Floats
from imagery.bands import OPTICAL_BANDS
from imagery.records import ArchivedProduct

if TYPE_CHECKING:
    import xarray as xr  # loads slowly, and items are read without a cube
    from odc.geo.geobox import GeoBox

SENSOR = "landsat"
"""As the archive names Landsat 8 and 9."""
PIXEL_M = 30.0
"""Side of a pixel, m. Documented (USGS, Collection 2)."""
SCALE, OFFSET = 2.75e-05, -0.2
"""Of surface reflectance in Collection 2, where an item does not say, 1. Documented (USGS)."""
STAND_IN = {"nir": "nir08"}
"""Bands that Landsat lacks, and what stands for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LandsatParams:
    """What is believed of a Level 2 product."""

    tiers: tuple[str, ...] = ("T1",)
    """Collection categories that are used: Tier 1 lies within 12 m of its ground control, Tier 2 need not.
    Documented (USGS, Landsat Collection 2)."""
    impossible: float = -0.06
    """Reflectance below this is no ground, 1: with the offset of another collection all dark ground is there.
    Assumed: three times the error of dark ground after correction."""
    most_impossible: float = 0.05
    """Share of such pixels in the red from which scale and offset are not believed, 1. Assumed."""


def is_landsat(product: ArchivedProduct) -> bool:
    """Whether a product is Landsat's."""
    return product.platform.startswith("landsat")


def as_read(product: ArchivedProduct) -> ArchivedProduct:
    """The product with what stands for bands that it lacks, and the collection's scale where none is said."""
    stands = {name: of for name, of in STAND_IN.items() if of in product.bands and name not in product.bands}
    bands = dict(product.bands) | {name: product.bands[of] for name, of in stands.items()}
    sha256 = dict(product.sha256) | {
        n: product.sha256[of] for n, of in stands.items() if of in product.sha256
    }
    scale, offset = dict(product.scale), dict(product.offset)
    for name in bands:
        if name in OPTICAL_BANDS:
            scale[name] = product.scale.get(stands.get(name, name)) or SCALE
            stated = product.offset.get(stands.get(name, name))
            offset[name] = OFFSET if stated is None else stated
    return replace(product, bands=bands, sha256=sha256, scale=scale, offset=offset)


def believed_offset(
    product: ArchivedProduct, red_dn: NDArray[Any] | None, params: LandsatParams | None = None
) -> tuple[float | None, str]:
    """Reflectance to add to scaled numbers, from the metadata and held against the pixels, or None.

    Args:
        product: as `as_read` gives it.
        red_dn: (y, x) numbers of the red, 0 is fill.
        params: knobs.

    Returns:
        The offset or None, and why.
    """
    params = params or LandsatParams()
    tier = str(product.properties.get("landsat:collection_category") or "unknown")
    if tier not in params.tiers:
        return None, f"tier {tier}: not registered to ground control within 12 m"
    stated = {product.offset.get(band) for band in product.bands if band in OPTICAL_BANDS} - {None}
    if len(stated) != 1:
        return None, f"offsets of bands differ: {sorted(str(one) for one in stated)}"
    offset = float(stated.pop() or 0.0)
    if red_dn is None or not red_dn.any():
        return offset, "metadata"
    red = red_dn[red_dn > 0] * float(product.scale.get("red") or SCALE) + offset
    share = float((red < params.impossible).mean())
    if share > params.most_impossible:
        return None, f"scale and offset refused: {share:.0%} of red below {params.impossible}"
    return offset, f"metadata; {share:.2%} of red below {params.impossible}"


FILL, DILATED, CIRRUS, CLOUD, SHADOW, SNOW, _CLEAR, WATER = (1 << bit for bit in range(8))
"""Bits of QA_PIXEL (USGS LSDS-1619, table 6-2)."""
SATURATED = {"blue": 1, "green": 2, "red": 3, "nir08": 4, "swir16": 5, "swir22": 6}
"""Bits of QA_RADSAT by band. Documented (USGS, Collection 2)."""
OCCLUDED = 1 << 11
"""Of QA_RADSAT: relief hides the ground from the sensor. Documented (USGS, Collection 2)."""
OLDER = frozenset({"landsat-4", "landsat-5", "landsat-7"})
"""TM and ETM+, which number their bands, and so these bits, otherwise."""
OLDER_SATURATED = {"blue": 0, "green": 1, "red": 2, "nir08": 3, "swir16": 4, "swir22": 6}
"""Their bits of QA_RADSAT by band. Documented (USGS, Collection 2)."""
DROPPED = 1 << 9
"""Of their QA_RADSAT: the pixel was lost. Documented (USGS, Collection 2)."""
CLASSES = (
    (DILATED, 7),
    (WATER, 6),
    (SHADOW, 3),
    (SNOW, 11),
    (CIRRUS, 10),
    (CLOUD, 9),
    (FILL, 0),
)
"""Bit and the scene class (as Sen2Cor numbers them) that it stands for, the later over the earlier. Dilated
cloud is unclassified: the masks widen cloud themselves, and give back what the season knows as bright."""
BARE, DEFECTIVE = 5, 1
"""Scene classes of clear ground and of broken pixels. Documented (Sen2Cor)."""


def scene_classes(
    qa_pixel: NDArray[Any], qa_radsat: NDArray[Any] | None = None, *, platform: str = "landsat-8"
) -> NDArray[np.uint8]:
    """QA_PIXEL and QA_RADSAT as scene classes, so that one set of masks reads all sensors: (y, x)."""
    bits = qa_pixel.astype(np.uint16)
    classes = np.full(bits.shape, BARE, np.uint8)
    for bit, name in CLASSES:
        classes[(bits & bit) > 0] = name
    if qa_radsat is not None and qa_radsat.shape == bits.shape:
        other, bands = (DROPPED, OLDER_SATURATED) if platform in OLDER else (OCCLUDED, SATURATED)
        spoilt = other | sum(1 << bit for bit in bands.values())
        classes[((qa_radsat.astype(np.uint16) & spoilt) > 0) & (classes != 0)] = DEFECTIVE
    return classes


def landsat_grid(grid: GeoBox) -> GeoBox:
    """The grid at 30 m on Landsat's lattice, whose edges are odd multiples of 15 m, that holds `grid`."""
    left, bottom, right, top = grid.boundingbox.bbox
    half = PIXEL_M / 2
    west, south = (math.floor((edge - half) / PIXEL_M) * PIXEL_M + half for edge in (left, bottom))
    east, north = (math.ceil((edge - half) / PIXEL_M) * PIXEL_M + half for edge in (right, top))
    shape = (round((north - south) / PIXEL_M), round((east - west) / PIXEL_M))
    from odc.geo.geobox import GeoBox  # noqa: PLC0415 - loads slowly

    return GeoBox(shape, Affine(PIXEL_M, 0, west, 0, -PIXEL_M, north), grid.crs)


PART_M = 5.0
"""Pixels of both lattices are whole numbers of these: 10 m pixels, and 30 m pixels that begin on odd 15 m.
Derived."""
MOSTLY = 0.75
"""Valid share of a coarse pixel from which it is valid (assumed)."""
_MASKS = ("cloud", "shadow", "snow", "water")


def coarsened(cube: xr.Dataset, grid: GeoBox) -> xr.Dataset:
    """A cube of 10 m on a parallel grid of 30 m: means of the valid ground of each pixel, (time, y, x).

    Args:
        cube: on a grid of 10 m in the same zone; what of `grid` lies outside it is not valid.
        grid: whose edges lie on whole 5 m.
    """
    import xarray as xr  # noqa: PLC0415 - loads slowly
    from odc.geo.xr import xr_coords  # noqa: PLC0415 - the same

    fine = cube.odc.geobox
    side = round(PIXEL_M / PART_M)
    repeat = round(float(fine.resolution.x) / PART_M)
    row = round((fine.transform.f - grid.transform.f) / PART_M)
    column = round((grid.transform.c - fine.transform.c) / PART_M)
    shape = (int(grid.shape[0]), int(grid.shape[1]))

    def mean(plane: NDArray[Any]) -> Floats:
        parts = np.repeat(np.repeat(plane.astype(float), repeat, axis=0), repeat, axis=1)
        whole = np.zeros((shape[0] * side, shape[1] * side))
        rows, columns = (
            (max(first, 0), min(first + size * side, length))
            for first, size, length in zip((row, column), shape, parts.shape, strict=True)
        )
        whole[rows[0] - row : rows[1] - row, columns[0] - column : columns[1] - column] = parts[
            rows[0] : rows[1], columns[0] : columns[1]
        ]
        return np.asarray(whole.reshape(shape[0], side, shape[1], side).mean(axis=(1, 3)))

    dims = ("time", "y", "x")
    bands = [str(name) for name in cube.data_vars if name in OPTICAL_BANDS]
    valid = [np.asarray(plane) for plane in cube["valid"].values]
    share = np.stack([mean(plane) for plane in valid])
    variables: dict[str, Any] = {"valid": (dims, share >= MOSTLY)}
    for name in _MASKS:
        if name in cube:
            variables[name] = (dims, np.stack([mean(plane) >= HALF for plane in cube[name].values]))
    for band in bands:
        sums = np.stack(
            [mean(np.where(v, np.nan_to_num(p), 0.0)) for v, p in zip(valid, cube[band].values, strict=True)]
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            variables[band] = (dims, np.where(share > 0, sums / share, np.nan).astype(np.float32))
    kept = {name: coord for name, coord in cube.coords.items() if coord.dims == ("time",)}
    return xr.Dataset(variables, coords=dict(xr_coords(grid)) | kept)


HALF = 0.5
"""Share of a cell from which on it counts as a whole, 1. By definition of rounding."""
