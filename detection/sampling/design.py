"""Where to look for reference labels: strata of a change map, and a stratified random sample of its pixels.

Strata are the mapped change by year, ground that was bare when first seen, a buffer around change, and the
rest that the map calls stable. The buffer
is a stratum of its own because that is where omissions lie: one of them found in the huge stable stratum
would stand for hundreds of hectares and dominate the interval (Olofsson et al. 2020).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import rasterio.features
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from scipy.ndimage import distance_transform_edt
from shapely.geometry.base import BaseGeometry

from aoi.pixels import crs_wkt, pixel_area_ha, pixel_size_m, to_grid
from detection.sampling.accuracy import STABLE, Stratum
from evidence.arrays import Bools, Ints
from evidence.errors import MeasurementError

BUFFER = "buffer"
BARE = "bare_when_first_seen"
OUTSIDE = -1
"""Stratum of pixels that belong to none. By definition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """A stratified random sample, saved with it."""

    n: int = 300
    """Units in all; `accuracy.sample_size` says how many a wanted standard error needs.
    Assumed."""
    per_rare: int = 50
    """Units of every stratum of change and of the buffer, where it has as many pixels (Olofsson 2014, 5.1.2:
    50 to 100 for rare classes)."""
    buffer_m: float = 60.0
    """Width of the buffer: six pixels of 10 m, beyond registration error and the detector's own blur.
    Assumed."""
    min_stratum_px: int = 20
    """Years with fewer mapped pixels share one stratum with the year before, or after. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumMap:
    """Every pixel of a site in one stratum."""

    strata: tuple[Stratum, ...]
    codes: NDArray[np.int16]
    """(y, x) index into `strata`; -1 outside the aoi."""
    geobox: GeoBox


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleUnit:
    """One pixel to be labelled."""

    stratum: str
    row: int
    column: int
    lon: float
    lat: float


def disturbed(year: int | str) -> str:
    """Name of the class of ground first disturbed in that year."""
    return f"disturbed_{year}"


def year_of(name: str) -> int:
    """The year of such a class."""
    return int(name.removeprefix("disturbed_"))


def change_strata(
    geobox: GeoBox,
    aoi: BaseGeometry,
    change: Sequence[tuple[int, BaseGeometry]],
    *,
    bare: BaseGeometry | None = None,
    params: SamplingParams | None = None,
) -> StratumMap:
    """Strata of mapped change by year, the buffer around it, and stable ground.

    Args:
        geobox: the site's grid.
        aoi: EPSG:4326; pixels whose centre lies outside belong to no stratum.
        change: (year, polygons in EPSG:4326) of ground first disturbed in that year; the earliest year wins
            where they overlap.
        bare: EPSG:4326, bare when first seen and so never mapped as change: what was opened there unseen, or
            again, would be missed elsewhere.
        params: knobs.

    Raises:
        MeasurementError: where nothing is mapped, or the aoi holds no pixel.
    """
    params = params or SamplingParams()
    inside = _burn([(aoi, 1)], geobox) == 1
    years = _burn([(geometry, year) for year, geometry in sorted(change, key=lambda c: -c[0])], geobox)
    years = np.where(inside, _merged(years, params.min_stratum_px, inside), 0)
    found = [int(year) for year in np.unique(years) if year > 0]
    if not found or not inside.any():
        raise MeasurementError(f"{inside.sum()} pixels in the aoi, mapped change in {len(found)} years")
    near = distance_transform_edt(years == 0) * pixel_size_m(geobox) <= params.buffer_m
    codes = np.full(years.shape, OUTSIDE, dtype=np.int16)
    rest = inside & (years == 0)
    codes[rest] = len(found) + 2
    codes[rest & near] = len(found) + 1
    if bare is not None:
        codes[rest & (_burn([(bare, 1)], geobox) == 1)] = len(found)
    for i, year in enumerate(found):
        codes[years == year] = i
    return _named(codes, geobox, [disturbed(year) for year in found])


def outside_strata(
    drawn: StratumMap, units: Sequence[SampleUnit], version: BaseGeometry
) -> tuple[dict[str, float], list[bool]]:
    """What of each stratum, and which units, lie outside a boundary version.

    Args:
        drawn: the strata.
        units: of the sample.
        version: EPSG:4326; a pixel is inside where its centre is.

    Returns:
        hectares by stratum, and a bool a unit.
    """
    outside = _burn([(version, 1)], drawn.geobox) == 0
    pixel_ha = pixel_area_ha(drawn.geobox)
    hectares = {
        s.name: int((outside & (drawn.codes == i)).sum()) * pixel_ha for i, s in enumerate(drawn.strata)
    }
    return hectares, [bool(outside[unit.row, unit.column]) for unit in units]


def _named(codes: NDArray[np.int16], geobox: GeoBox, changed: Sequence[str]) -> StratumMap:
    names = [*((name, name) for name in changed), (BARE, STABLE), (BUFFER, STABLE), (STABLE, STABLE)]
    pixel_ha = pixel_area_ha(geobox)
    sizes = [int((codes == i).sum()) for i in range(len(names))]
    kept = [i for i, size in enumerate(sizes) if size]
    strata = tuple(Stratum(name=names[i][0], mapped=names[i][1], area_ha=sizes[i] * pixel_ha) for i in kept)
    renumbered = np.full(codes.shape, OUTSIDE, dtype=np.int16)
    for new, old in enumerate(kept):
        renumbered[codes == old] = new
    return StratumMap(strata=strata, codes=renumbered, geobox=geobox)


def _burn(shapes: Sequence[tuple[BaseGeometry, int]], geobox: GeoBox) -> NDArray[np.int32]:
    """(y, x) value of the last shape over each pixel's centre, 0 where none is."""
    shape = (int(geobox.shape.y), int(geobox.shape.x))
    moved = [(to_grid(geometry, geobox), value) for geometry, value in shapes if not geometry.is_empty]
    if not moved:
        return np.zeros(shape, dtype=np.int32)
    burned: NDArray[np.int32] = rasterio.features.rasterize(
        moved, out_shape=shape, transform=geobox.affine, dtype="int32"
    )
    return burned


def _merged(years: NDArray[np.int32], at_least: int, inside: Bools) -> NDArray[np.int32]:
    """Years with too few pixels joined to the next one, the last to the one before."""
    result = years.copy()
    found = [int(year) for year in np.unique(years[inside]) if year > 0]
    while len(found) > 1:
        small = next((y for y in found if (result[inside] == y).sum() < at_least), None)
        if small is None:
            break
        i = found.index(small)
        result[result == small] = found[i + 1] if i + 1 < len(found) else found[i - 1]
        found.remove(small)
    return result


def allocate(strata: Sequence[Stratum], *, n: int, per_rare: int) -> dict[str, int]:
    """Units by stratum: as many for change and buffer, what is left for stable ground by area.

    Args:
        strata: of the map.
        n: units in all.
        per_rare: of each rare stratum.
    """
    rare = [s.name for s in strata if s.name != STABLE]
    share = dict.fromkeys(rare, per_rare)
    stable = [s.name for s in strata if s.name == STABLE]
    return share | {name: max(per_rare, n - per_rare * len(rare)) for name in stable}


def draw_sample(
    strata: StratumMap, allocation: Mapping[str, int], *, rng: np.random.Generator
) -> list[SampleUnit]:
    """A simple random sample without replacement of the pixels of each stratum, in random order.

    Args:
        strata: the map (y, x).
        allocation: units by stratum.
        rng: whose seed is kept with the sample.
    """
    names, pixels = [], []
    for i, stratum in enumerate(strata.strata):
        pool = np.flatnonzero(strata.codes.ravel() == i)
        chosen = rng.choice(pool, size=min(allocation[stratum.name], pool.size), replace=False)
        names += [stratum.name] * chosen.size
        pixels += chosen.tolist()
    order = rng.permutation(len(pixels))
    return _units(strata, [names[i] for i in order], np.array(pixels, dtype=np.int64)[order])


def _units(strata: StratumMap, names: Sequence[str], pixels: Ints) -> list[SampleUnit]:
    rows, columns = np.divmod(pixels, strata.codes.shape[1])
    a = strata.geobox.affine
    x = a.a * (columns + 0.5) + a.b * (rows + 0.5) + a.c
    y = a.d * (columns + 0.5) + a.e * (rows + 0.5) + a.f
    lon, lat = Transformer.from_crs(crs_wkt(strata.geobox), "EPSG:4326", always_xy=True).transform(x, y)
    told = zip(names, rows.tolist(), columns.tolist(), lon.tolist(), lat.tolist(), strict=True)
    return [SampleUnit(stratum=n, row=r, column=c, lon=east, lat=north) for n, r, c, east, north in told]
