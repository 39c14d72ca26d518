"""Disturbed ground per year, inside and outside the boundary version in force.

Ground counts as disturbed where green vegetation is missing at the height of the growing season: the median
NDVI of the season's clear looks lies below a threshold. The figure is the sum over pixels of the probability
of that, so that half-covered pixels count by halves in expectation. The random part of the interval comes
from a bootstrap over the season's looks (Efron 1979), which keeps the errors that all pixels of one look
share; the systematic part is what the area changes when the threshold moves by its own uncertainty.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import rasterio.features
import shapely
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.special import ndtr
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from aoi.records import Boundary, Site
from aoi.versions import version_in_force
from detection.coal.coverage import coverage, pixel_area_ha, to_degrees
from detection.records import Footprint
from evidence.quantity import Quantity

METHOD = "footprint-ndvi-1"

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class FootprintParams:
    """Knobs of the measurement, saved with its result."""

    level: float = 0.95
    """Probability of the intervals."""
    season: tuple[int, int] = (6, 9)
    """First and last month of the growing season's height (Korea, Romania: June to September)."""
    threshold: float = 0.5
    """NDVI below which ground counts as without green vegetation; between bare soil (.1 to .2) and closed
    grass or forest (.7 to .9)."""
    threshold_sd: float = 0.05
    """How far that threshold could as well lie elsewhere."""
    min_looks: int = 5
    """Clear looks of a season below which nothing is claimed (DESIGN: not assessable under five)."""
    min_seen: float = 0.8
    """Share of the aoi that must have enough looks."""
    min_area_ha: float = 0.1
    """Smallest polygon that is drawn; the figure itself is a sum of probabilities and has no such floor."""
    draws: int = 40
    """Bootstrap samples of the season's looks."""


def measure_footprints(
    cube: xr.Dataset, site: Site, *, params: FootprintParams | None = None
) -> list[Footprint]:
    """Disturbed ground of every year that the cube touches.

    Args:
        cube: (time, y, x) with `red`, `nir`, `valid`, as `imagery.cube.load_cube` gives it.
        site: whose aoi is measured, with its boundary versions.
        params: knobs.
    """
    params = params or FootprintParams()
    aoi = coverage(site.aoi, cube.odc.geobox)
    years = sorted({int(year) for year in cube["time"].dt.year.to_numpy()})
    return [_year(cube, site, aoi, year, params) for year in years]


def _year(cube: xr.Dataset, site: Site, aoi: Floats, year: int, params: FootprintParams) -> Footprint:
    season = cube.isel(time=_season_steps(cube, year, params))
    boundary = version_in_force(site, dt.date(year, 12, 31))
    ndvi = _ndvi(season)
    enough = np.isfinite(ndvi).sum(axis=0) >= params.min_looks
    seen = float((aoi * enough).sum() / aoi.sum())
    epoch = (dt.date(year, 1, 1), dt.date(year + 1, 1, 1))
    if seen < params.min_seen:
        reason = f"{seen:.0%} of the aoi has {params.min_looks} clear looks in the season, {params.min_seen:.0%} needed"
        return _footprint(epoch, boundary, [Quantity.not_assessable(reason)] * 3, seen, season, None)
    weights = np.where(enough, aoi, 0.0) * pixel_area_ha(cube.odc.geobox)
    inside = coverage(boundary.geometry, cube.odc.geobox) if boundary is not None else None
    quantities = _quantities(ndvi, weights, inside, params, group=f"footprint-threshold:{site.id}")
    probability = _probability(ndvi, params.threshold, params)
    polygons = _polygons((probability > 0.5) & (weights > 0), cube, params)
    return _footprint(epoch, boundary, quantities, seen, season, polygons)


def _season_steps(cube: xr.Dataset, year: int, params: FootprintParams) -> NDArray[np.intp]:
    time = cube["time"].dt
    first, last = params.season
    wanted = (time.year == year) & (time.month >= first) & (time.month <= last)
    return np.flatnonzero(wanted.to_numpy())


def _ndvi(season: xr.Dataset) -> Floats:
    """(time, y, x); NaN where not seen clearly."""
    red = season["red"].to_numpy().astype(np.float64)
    nir = season["nir"].to_numpy().astype(np.float64)
    total = nir + red
    with np.errstate(invalid="ignore", divide="ignore"):
        ndvi = np.where(total > 0, (nir - red) / total, np.nan)
    return np.where(season["valid"].to_numpy() & ~season["snow"].to_numpy(), ndvi, np.nan)


def _probability(ndvi: Floats, threshold: float, params: FootprintParams) -> Floats:
    """(y, x) chance that the season's NDVI is below `threshold`, from the median and its spread."""
    count = np.maximum(np.isfinite(ndvi).sum(axis=0), 1)
    median = _nanmedian(ndvi)
    spread = 1.4826 * _nanmedian(np.abs(ndvi - median))
    error = np.hypot(1.2533 * spread / np.sqrt(count), params.threshold_sd / 2)
    return np.where(np.isfinite(median), ndtr((threshold - median) / error), 0.0)


def _nanmedian(stack: Floats) -> Floats:
    if stack.shape[0] == 0:
        return np.full(stack.shape[1:], np.nan)
    ordered = np.sort(stack, axis=0)
    count = np.isfinite(stack).sum(axis=0)
    low, high = np.maximum((count - 1) // 2, 0), np.minimum(count // 2, stack.shape[0] - 1)
    pick = [np.take_along_axis(ordered, index[None], axis=0)[0] for index in (low, high)]
    return np.where(count > 0, (pick[0] + pick[1]) / 2, np.nan)


def _quantities(
    ndvi: Floats, weights: Floats, inside: Floats | None, params: FootprintParams, *, group: str
) -> list[Quantity]:
    """Whole, inside and outside area."""
    if inside is None:
        none = Quantity.not_assessable("no_boundary")
        return [_area(ndvi, weights, params, group), none, none]
    return [_area(ndvi, weights * share, params, group) for share in (1.0, inside, 1.0 - inside)]


def _area(ndvi: Floats, weights: Floats, params: FootprintParams, group: str) -> Quantity:
    rows, columns = np.nonzero(weights)
    if rows.size == 0:
        return Quantity.measured(0.0, sd_random=0.0, level=params.level)
    looks, hectares = ndvi[:, rows, columns][:, None, :], weights[rows, columns]

    def area(sample: Floats, threshold: float) -> float:
        return float((_probability(sample, threshold, params)[0] * hectares).sum())

    rng = np.random.default_rng(looks.shape[0])
    draws = [
        area(looks[rng.integers(0, len(looks), len(looks))], params.threshold) for _ in range(params.draws)
    ]
    higher = area(looks, params.threshold + params.threshold_sd)
    lower = area(looks, params.threshold - params.threshold_sd)
    return Quantity.measured(
        area(looks, params.threshold),
        sd_random=float(np.std(draws, ddof=1)),
        shared={group: (higher - lower) / 2},
        level=params.level,
    )


def _polygons(disturbed: Bools, cube: xr.Dataset, params: FootprintParams) -> BaseGeometry | None:
    """Patches of at least the mapping floor, EPSG:4326."""
    grid = cube.odc.geobox
    patches, _ = label(disturbed)
    sizes = np.bincount(patches.ravel()) * pixel_area_ha(grid)
    kept = np.isin(patches, np.flatnonzero(sizes >= params.min_area_ha)) & disturbed
    shapes = rasterio.features.shapes(kept.astype(np.uint8), mask=kept, transform=grid.affine)
    found = [shape(geometry) for geometry, _ in shapes]
    return to_degrees(shapely.union_all(found), grid) if found else None


def _footprint(
    epoch: tuple[dt.date, dt.date],
    boundary: Boundary | None,
    quantities: list[Quantity],
    seen: float,
    season: xr.Dataset,
    geometry: BaseGeometry | None,
) -> Footprint:
    area, inside, outside = quantities
    used = season["scene_id"].to_numpy()[season["status"].to_numpy() == "used"]
    return Footprint(
        epoch_start=epoch[0],
        epoch_end=epoch[1],
        boundary_id=boundary.boundary_id if boundary is not None else None,
        area_ha=area,
        inside_ha=inside,
        outside_ha=outside,
        valid_fraction=seen,
        scene_ids=tuple(str(scene) for scene in used),
        geometry=geometry,
    )
