"""Disturbed ground per year, inside and outside the boundary version in force.

At 10 m a mine's old yard cannot be told from a village or a road by its spectrum. What counts as disturbed is
therefore stated by place and change: ground that is bare in the height of the growing season and either lies
within the first boundary version, or was not bare when it was first seen. Bare ground elsewhere that was bare
from the start (roads, villages, rock, fallow) is not counted; open water never is. The record of a year is
made from that year's looks and those up to the first season that could be assessed, from no others.

So what a year gives follows from those looks, the site and the parameters: a year whose looks have not
changed is remembered instead of measured again.

The area is a sum of bare shares (`footprint_evidence`), signed differences of shares where change decides,
summed over patches of change only, so that small errors of wide green country do not add up.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, MutableMapping, Sequence
from dataclasses import asdict, dataclass

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
from detection.footprint_evidence import Season, Window, read_season
from detection.records import FOOTPRINTS, Footprint
from evidence.hashing import sha256_json
from evidence.quantity import Quantity
from evidence.rows import plain
from imagery.cube.loading import CONTENT
from imagery.measurement import Measured, Measurement, Work, remembered_records

METHOD = FOOTPRINTS.method

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
CORNERS = np.ones((3, 3), bool)
ROUNDING = 1e-3
"""Ten pixels of 10 m are 0.1 ha, whatever the projection and the sum of their shares round to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FootprintParams:
    """Knobs of the measurement, saved with its result."""

    level: float = 0.95
    """Probability of the intervals."""
    season: tuple[int, int] = (6, 9)
    """First and last month of the growing season's height (Korea, Romania: June to September)."""
    middle: tuple[int, int] = (8, 1)
    """Month and day for which the figure stands: crops are green then, leaves are out."""
    width_days: float = 35.0
    """Standard deviation of the weight of looks about that day (chosen on fitting seeds from 12 to 45)."""
    epoch: str = "year"
    """What a record stands for: year | season (the months alone)."""
    min_looks: int = 5
    """Clear looks of a season below which nothing is claimed (DESIGN: not assessable under five)."""
    looks_before: int = 3
    """Clear looks of a season that show what a pixel was before; the earliest such season counts."""
    min_seen: float = 0.8
    """Share of the aoi that must have enough looks."""
    min_change: float = 0.3
    """Gain of bare share since the first season that makes a pixel part of a patch of change."""
    min_area_ha: float = 0.1
    """Smallest patch of change that counts, and smallest polygon that is drawn."""
    margin_m: float = 15.0
    """How far beyond the first boundary ground counts as within: fence strip, error of the trace."""
    burnt_ratio: float = 0.125
    """New patches that gain less red than this for each unit of near infrared lost went black without soil
    showing: burnt, not cleared (simulated soil .65, spoil .37, pit .23; char and coal .07 to .13)."""
    calibration: float = 1.0
    """Factor on the sum of shares."""
    calibration_sd: float = 0.015
    """Relative uncertainty of that factor from site to site, which every year of a site shares."""
    scatter: float = 0.01
    """Relative uncertainty of each year beyond what drawing looks anew shows; `min_area_ha` is added to it,
    as patches below that floor are missed even where nothing is found."""
    draws: int = 30
    """Bootstrap samples of the season's looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
    """(y, x) of each pixel in the earliest season, up to the first that could be assessed, that shows it."""

    bare: Floats
    red: Floats
    nir: Floats


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
    before: _Before | None
    """What each pixel was when it was first seen."""


def measure_footprints(
    cube: xr.Dataset, site: Site, *, params: FootprintParams | None = None
) -> list[Footprint]:
    """Disturbed ground of every year that the cube touches.

    Args:
        cube: (time, y, x) with `red`, `nir`, `valid`, `snow`, and `blue green swir16 water` where they are
            there, as `imagery.cube.loading.load_cube` gives it.
        site: whose aoi is measured, with its boundary versions.
        params: knobs.
    """
    params = params or FootprintParams()
    years = sorted({int(year) for year in cube["time"].dt.year.to_numpy()})
    window = Window(months=params.season, middle=params.middle, width_days=params.width_days)
    seasons = [read_season(cube, year, window) for year in years]
    aoi = coverage(site.aoi, cube.odc.geobox)
    seen = [_seen(season, aoi, params) for season in seasons]
    good = [season for season, share in zip(seasons, seen, strict=True) if share >= params.min_seen]
    first = good[0] if good else None
    ground = _Ground(
        grid=cube.odc.geobox,
        site=site,
        hectares=aoi * pixel_area_ha(cube.odc.geobox),
        within=_within(cube.odc.geobox, site, params),
        first=first,
        before=_before(seasons[: seasons.index(first) + 1], params) if first is not None else None,
    )
    return [_year(ground, season, share, params) for season, share in zip(seasons, seen, strict=True)]


def _before(seasons: Sequence[Season], params: FootprintParams) -> _Before:
    """The last of `seasons` where no earlier one has looks enough."""
    last = seasons[-1]
    bare, red, nir = last.bare(), last.red.copy(), last.nir.copy()
    for season in reversed(seasons[:-1]):
        shown = season.looks >= params.looks_before
        for to, now in ((bare, season.bare()), (red, season.red), (nir, season.nir)):
            to[shown] = now[shown]
    return _Before(bare=bare, red=red, nir=nir)


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
    if reason is not None or ground.before is None:
        none = Quantity.not_assessable(reason or "no season could be assessed")
        return _footprint(season, boundary, [none] * 3, seen, None, params)
    bare = season.bare()
    support = _change(ground, ground.before, season, bare - ground.before.bare, params)
    then = ground.hectares * (1.0 - ground.within) * support
    now = ground.hectares * ground.within + then
    quantities = [
        _area(ground, season, (now * share, then * share), params) if share is not None else _no_boundary()
        for share in _shares(ground.grid, boundary)
    ]
    disturbed = (bare > 0.5) & ((ground.within > 0.5) | support)  # noqa: PLR2004 - by majority
    return _footprint(season, boundary, quantities, seen, _polygons(disturbed, ground, params), params)


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


def _change(ground: _Ground, before: _Before, season: Season, gain: Floats, params: FootprintParams) -> Bools:
    """(y, x) patches newly bare since first seen, one pixel wider than they look; burnt ones left out."""
    newly = (gain > params.min_change) & (ground.within < 1.0)
    patches, count = label(newly, structure=CORNERS)
    index = np.arange(1, count + 1)
    hectares = np.bincount(patches.ravel(), weights=ground.hectares.ravel())[1:]
    brighter, darker = _beyond_haze(season.red - before.red), _beyond_haze(before.nir - season.nir)
    sums = [np.bincount(patches.ravel(), weights=np.nan_to_num(x).ravel())[1:] for x in (brighter, darker)]
    large = hectares >= params.min_area_ha * (1.0 - ROUNDING)
    soil = sums[0] > params.burnt_ratio * sums[1]
    kept = np.isin(patches, index[large & soil])
    burnt = np.isin(patches, index[large & ~soil])
    return binary_dilation(kept, structure=CORNERS) & ~burnt


def _beyond_haze(difference: Floats) -> Floats:
    """What differs beyond what haze and phenology make of most of the scene."""
    seen = np.isfinite(difference)
    return difference - float(np.median(difference[seen])) if seen.any() else difference


def _area(
    ground: _Ground, season: Season, weights: tuple[Floats, Floats], params: FootprintParams
) -> Quantity:
    """Hectares now less hectares then, with the error of drawing looks anew and of the calibration."""
    now, then = weights
    value = float((now * season.bare()).sum())
    spread = _spread(season, now, params)
    if ground.first is not None and ground.before is not None and then.any():
        value -= float((then * ground.before.bare).sum())
        spread = float(np.hypot(spread, _spread(ground.first, then, params)))
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
    rng, count = np.random.default_rng(season.year), len(season.weight)
    times = rng.multinomial(count, np.full(count, 1.0 / count), size=params.draws)
    shares = season.drawn(times, rows, columns)
    sums = np.where(np.isfinite(shares), shares, usual) @ hectares
    return float(np.std(sums, ddof=1))


def _polygons(disturbed: Bools, ground: _Ground, params: FootprintParams) -> BaseGeometry | None:
    """Patches of at least the mapping floor, EPSG:4326."""
    disturbed = disturbed & (ground.hectares > 0)
    patches, _ = label(disturbed)
    sizes = np.bincount(patches.ravel()) * pixel_area_ha(ground.grid)
    kept = np.isin(patches, np.flatnonzero(sizes >= params.min_area_ha * (1.0 - ROUNDING))) & disturbed
    shapes = rasterio.features.shapes(kept.astype(np.uint8), mask=kept, transform=ground.grid.affine)
    found = [shape(geometry) for geometry, _ in shapes]
    return to_degrees(shapely.union_all(found), ground.grid) if found else None


def _footprint(
    season: Season,
    boundary: Boundary | None,
    quantities: Sequence[Quantity],
    seen: float,
    geometry: BaseGeometry | None,
    params: FootprintParams,
) -> Footprint:
    area, inside, outside = quantities
    start, end = _epoch(season.year, params)
    return Footprint(
        epoch_start=start,
        epoch_end=end,
        boundary_id=boundary.boundary_id if boundary is not None else None,
        area_ha=area,
        inside_ha=inside,
        outside_ha=outside,
        valid_fraction=seen,
        scene_ids=season.scene_ids,
        geometry=geometry,
    )


def _epoch(year: int, params: FootprintParams) -> tuple[dt.date, dt.date]:
    """First day, and first day after."""
    if params.epoch == "year":
        return dt.date(year, 1, 1), dt.date(year + 1, 1, 1)
    first, last = params.season
    return dt.date(year, first, 1), dt.date(year + last // 12, last % 12 + 1, 1)


def remembered_footprints(
    cube: xr.Dataset,
    site: Site,
    *,
    site_digest: str,
    params: FootprintParams,
    memory: MutableMapping[str, bytes],
) -> list[Footprint]:
    """The same as `measure_footprints`; only years whose looks are new are read.

    Args:
        cube: with the coordinate `content`.
        site: whose footprints.
        site_digest: of everything that the site's file says.
        params: knobs.
        memory: values by key; extended.
    """
    held = remembered_records(Footprint, memory)
    footprints: list[Footprint] = []
    opening: list[int] = []
    opened = False
    for year in _years(cube):
        wanted = [*opening, year]
        key = _key(cube, wanted, site_digest, params)
        found = held.get(key)
        if found is None:
            found = held[key] = measure_footprints(_of_years(cube, wanted), site, params=params)[-1:]
        footprints += found
        if not opened:
            opening.append(year)
            opened = found[-1].valid_fraction >= params.min_seen
    return footprints


def _years(cube: xr.Dataset) -> list[int]:
    return sorted({int(year) for year in cube["time"].dt.year.to_numpy()})


def _of_years(cube: xr.Dataset, years: Sequence[int]) -> xr.Dataset:
    wanted = np.isin(cube["time"].dt.year.to_numpy(), years)
    return cube.isel(time=np.flatnonzero(wanted)).load()


def _key(cube: xr.Dataset, years: Sequence[int], site_digest: str, params: FootprintParams) -> str:
    content = _season(cube, years, params.season)
    return sha256_json(["footprint", METHOD, site_digest, plain(asdict(params)), list(years), content])


def _season(cube: xr.Dataset, years: Iterable[int], months: tuple[int, int]) -> list[str]:
    """What the looks of these years' seasons hold; what lies outside the season is not looked at."""
    time = cube["time"].dt
    year, month = time.year.to_numpy(), time.month.to_numpy()
    wanted = np.isin(year, list(years)) & (month >= months[0]) & (month <= months[1])
    return [str(content) for content in cube[CONTENT].to_numpy()[wanted]]


def _measure(work: Work) -> list[Measured]:
    if work.memory is None:
        records = measure_footprints(work.cube, work.site, params=work.params)
    else:
        records = remembered_footprints(
            work.cube, work.site, site_digest=work.site_digest, params=work.params, memory=work.memory
        )
    return [Measured(layer=FOOTPRINTS, records=records)]


MEASUREMENT = Measurement(
    layers=(FOOTPRINTS,), stage="footprint", measure=_measure, params=FootprintParams, settings="footprint"
)
