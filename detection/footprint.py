"""Disturbed ground per year, inside and outside the boundary version in force.

At 10 m a mine's old yard cannot be told from a village or a road by its spectrum. What counts as disturbed is
therefore stated by place and change: ground that is bare in the height of the growing season and either lies
within the first boundary version, or was not bare in the first season that could be assessed. Bare ground
elsewhere that was bare from the start (roads, villages, rock, fallow) is not counted; open water never is.

The area is a sum of bare shares (`footprint_evidence`), signed differences of shares where change decides,
summed over patches of change only, so that small errors of wide green country do not add up.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import rasterio.features
import shapely
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy.ndimage import binary_dilation, label
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from aoi.records import Boundary, Extent, Site
from aoi.versions import starts, version_in_force
from detection.coal.coverage import coverage, pixel_area_ha, to_degrees, to_grid
from detection.footprint_evidence import Season, read_season
from detection.records import Footprint
from evidence.quantity import Quantity

METHOD = "footprint-bare-2"

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
CORNERS = np.ones((3, 3), bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class FootprintParams:
    """Knobs of the measurement, saved with its result."""

    level: float = 0.95
    """Probability of the intervals."""
    season: tuple[int, int] = (6, 9)
    """First and last month of the growing season's height (Korea, Romania: June to September)."""
    min_looks: int = 5
    """Clear looks of a season below which nothing is claimed (DESIGN: not assessable under five)."""
    min_seen: float = 0.8
    """Share of the aoi that must have enough looks."""
    min_change: float = 0.3
    """Gain of bare share since the first season that makes a pixel part of a patch of change."""
    min_area_ha: float = 0.1
    """Smallest patch of change that counts, and smallest polygon that is drawn."""
    margin_m: float = 15.0
    """How far beyond the first boundary ground counts as within: fence strip, error of the trace."""
    burnt_ratio: float = 0.15
    """New patches that gain less red than this for each unit of near infrared lost went black without soil
    showing: burnt, not cleared (simulated soil .65, spoil .37, pit .23; char and coal .07 to .13)."""
    calibration: float = 1.028
    """Factor on the sum of shares: 2.7 % short on simulated seeds 910 to 919 (mean of 24 years)."""
    calibration_sd: float = 0.02
    """Relative uncertainty of that factor from site to site, which every year of a site shares."""
    scatter: float = 0.01
    """Relative uncertainty of each year beyond what drawing looks anew shows; `min_area_ha` is added to it,
    as patches below that floor are missed even where nothing is found."""
    draws: int = 30
    """Bootstrap samples of the season's looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What all years of a site are measured against."""

    grid: GeoBox
    site: Site
    hectares: Floats
    """(y, x) of the aoi in each pixel."""
    within: Floats
    """(y, x) share within the first boundary version."""
    first: Season | None
    """The first season that could be assessed."""


def measure_footprints(
    cube: xr.Dataset, site: Site, *, params: FootprintParams | None = None
) -> list[Footprint]:
    """Disturbed ground of every year that the cube touches.

    Args:
        cube: (time, y, x) with `red`, `nir`, `valid`, `snow`, and `blue green swir16 water` where they are
            there, as `imagery.cube.load_cube` gives it.
        site: whose aoi is measured, with its boundary versions.
        params: knobs.
    """
    params = params or FootprintParams()
    years = sorted({int(year) for year in cube["time"].dt.year.to_numpy()})
    seasons = [read_season(cube, year, params.season) for year in years]
    aoi = coverage(site.aoi, cube.odc.geobox)
    seen = [_seen(season, aoi, params) for season in seasons]
    good = [season for season, share in zip(seasons, seen, strict=True) if share >= params.min_seen]
    ground = _Ground(
        grid=cube.odc.geobox,
        site=site,
        hectares=aoi * pixel_area_ha(cube.odc.geobox),
        within=_within(cube.odc.geobox, site, params),
        first=good[0] if good else None,
    )
    return [_year(ground, season, share, params) for season, share in zip(seasons, seen, strict=True)]


def _seen(season: Season, aoi: Floats, params: FootprintParams) -> float:
    return float((aoi * (season.looks >= params.min_looks)).sum() / aoi.sum())


def _within(grid: GeoBox, site: Site, params: FootprintParams) -> Floats:
    """(y, x) share within the earliest complete boundary, and a little beyond it."""
    complete = [version for version in site.boundaries if version.extent is Extent.COMPLETE]
    if not complete:
        return np.zeros(grid.shape)
    wider = to_grid(min(complete, key=starts).geometry, grid).buffer(params.margin_m)
    return coverage(to_degrees(wider, grid), grid)


def _year(ground: _Ground, season: Season, seen: float, params: FootprintParams) -> Footprint:
    boundary = version_in_force(ground.site, dt.date(season.year, 12, 31))
    reason = _why_not(ground, season, seen, params)
    if reason is not None or ground.first is None:
        none = Quantity.not_assessable(reason or "no season could be assessed")
        return _footprint(season, boundary, [none] * 3, seen, None)
    bare, before = season.bare(), ground.first.bare()
    support = _change(ground, season, bare - before, params)
    outside_first = 1.0 - ground.within
    now = ground.hectares * (ground.within + outside_first * support)
    then = ground.hectares * outside_first * support
    if season.year == ground.first.year:
        now = ground.hectares * ground.within
        then = np.zeros_like(now)
    quantities = [
        _area(ground, season, (now * share, then * share), params) if share is not None else _no_boundary()
        for share in _shares(ground.grid, boundary)
    ]
    disturbed = (bare > 0.5) & ((ground.within > 0.5) | support)  # noqa: PLR2004 - by majority
    return _footprint(season, boundary, quantities, seen, _polygons(disturbed, ground, params))


def _why_not(ground: _Ground, season: Season, seen: float, params: FootprintParams) -> str | None:
    if seen < params.min_seen:
        enough = f"{params.min_looks} clear looks in the season"
        return f"{seen:.0%} of the aoi has {enough}, {params.min_seen:.0%} needed"
    if ground.first is not None and season.year == ground.first.year and not ground.within.any():
        return "first assessable season and no boundary: nothing to tell a mine's bare ground by"
    return None


def _no_boundary() -> Quantity:
    return Quantity.not_assessable("no_boundary")


def _shares(grid: GeoBox, boundary: Boundary | None) -> list[Floats | None]:
    """Whole, inside, outside."""
    whole = np.ones(grid.shape)
    if boundary is None:
        return [whole, None, None]
    inside = coverage(boundary.geometry, grid)
    return [whole, inside, 1.0 - inside]


def _change(ground: _Ground, season: Season, gain: Floats, params: FootprintParams) -> Bools:
    """(y, x) patches newly bare since the first season, one pixel wider than seen; burnt ones left out."""
    first = ground.first
    if first is None or first.year == season.year:
        return np.zeros(gain.shape, bool)
    newly = (gain > params.min_change) & (ground.within < 1.0)
    patches, count = label(newly, structure=CORNERS)
    index = np.arange(1, count + 1)
    hectares = np.bincount(patches.ravel(), weights=ground.hectares.ravel())[1:]
    brighter, darker = season.red - first.red, first.nir - season.nir
    sums = [np.bincount(patches.ravel(), weights=np.nan_to_num(x).ravel())[1:] for x in (brighter, darker)]
    soil = sums[0] > params.burnt_ratio * sums[1]
    kept = np.isin(patches, index[(hectares >= params.min_area_ha) & soil])
    burnt = np.isin(patches, index[~soil & (hectares >= params.min_area_ha)])
    return binary_dilation(kept, structure=CORNERS) & ~burnt


def _area(
    ground: _Ground, season: Season, weights: tuple[Floats, Floats], params: FootprintParams
) -> Quantity:
    """Hectares now less hectares then, with the error of drawing looks anew and of the calibration."""
    now, then = weights
    first = ground.first
    value = float((now * season.bare()).sum())
    spread = _spread(season, now, params)
    if first is not None and then.any():
        value -= float((then * first.bare()).sum())
        spread = float(np.hypot(spread, _spread(first, then, params)))
    value *= params.calibration
    return Quantity.measured(
        value,
        sd_random=float(np.hypot(np.hypot(spread, params.scatter * value), params.min_area_ha)),
        shared={f"footprint-calibration:{ground.site.id}": params.calibration_sd * value},
        level=params.level,
    )


def _spread(season: Season, weights: Floats, params: FootprintParams) -> float:
    """Standard deviation over bootstrap samples of the looks (Efron 1979); keeps errors of whole looks."""
    rows, columns = np.nonzero(weights)
    if rows.size == 0:
        return 0.0
    hectares, usual = weights[rows, columns], season.bare()[rows, columns]
    rng, count = np.random.default_rng(season.year), len(season.green)
    sums = []
    for _ in range(params.draws):
        share = season.drawn(rng.integers(0, count, count), rows, columns)
        sums.append(float((np.where(np.isfinite(share), share, usual) * hectares).sum()))
    return float(np.std(sums, ddof=1))


def _polygons(disturbed: Bools, ground: _Ground, params: FootprintParams) -> BaseGeometry | None:
    """Patches of at least the mapping floor, EPSG:4326."""
    disturbed = disturbed & (ground.hectares > 0)
    patches, _ = label(disturbed)
    sizes = np.bincount(patches.ravel()) * pixel_area_ha(ground.grid)
    kept = np.isin(patches, np.flatnonzero(sizes >= params.min_area_ha)) & disturbed
    shapes = rasterio.features.shapes(kept.astype(np.uint8), mask=kept, transform=ground.grid.affine)
    found = [shape(geometry) for geometry, _ in shapes]
    return to_degrees(shapely.union_all(found), ground.grid) if found else None


def _footprint(
    season: Season,
    boundary: Boundary | None,
    quantities: Sequence[Quantity],
    seen: float,
    geometry: BaseGeometry | None,
) -> Footprint:
    area, inside, outside = quantities
    return Footprint(
        epoch_start=dt.date(season.year, 1, 1),
        epoch_end=dt.date(season.year + 1, 1, 1),
        boundary_id=boundary.boundary_id if boundary is not None else None,
        area_ha=area,
        inside_ha=inside,
        outside_ha=outside,
        valid_fraction=seen,
        scene_ids=season.scene_ids,
        geometry=geometry,
    )
