"""What happened: patches of ground that changed since the first look, dated from both sides.

Retrospective where the monitor is sequential: all looks of the closed years are there at once, so that a
date is known from what came after it too, changes within the history of the monitor are found, and ground
that grew over again is told from ground that stayed bare. Of each pixel the largest change to bare ground and
the largest back are kept.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from aoi.records import Site
from aoi.versions import version_in_force
from detection.advance import relation
from detection.change_dates import EPOCH, DateParams, date_interval
from detection.coal.coverage import coverage, crs_wkt, pixel_area_ha, pixel_size_m
from detection.cover_years import cover_years
from detection.disturbance_patches import (
    Patch,
    founding_corners,
    inner_pixels,
    linked_patches,
    patch_name,
    patch_polygon,
)
from detection.disturbance_reading import ReadParams, look_keys, read_looks
from detection.disturbance_season import SeasonParams, leaf_on
from detection.disturbance_state import BANDS
from detection.kinds import RECOVERY, ground_kind
from detection.looks import in_order
from detection.records import GROUND_CHANGES, GroundChange
from detection.segmentation import Breaks, SegmentationParams, segment
from evidence.hashing import sha256_json
from evidence.quantity import Quantity
from imagery.measurement import Measured, Measurement, Work, remembered_records

METHOD = GROUND_CHANGES.method
ROWS = 64
"""Rows of the grid that are segmented at once."""

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def _dates_params() -> DateParams:
    return DateParams(low_quantile=0.25, high_quantile=0.95, before_days=5, after_days=25)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundChangeParams:
    """Knobs of the measurement, saved with its result."""

    level: float = 0.95
    segmentation: SegmentationParams = field(default_factory=SegmentationParams)
    season: SeasonParams = field(default_factory=SeasonParams)
    min_area_ha: float = 0.1
    """Mapping floor at 10 m."""
    min_step: float = 0.08
    """Least change of the yearly mean in the middle of a patch, in units of the index: odd years of single
    fields change less."""
    link_days: int = 150
    """Neighbouring pixels that changed further apart in time are two changes."""
    dates: DateParams = field(default_factory=_dates_params)
    """Of the interval of a change: the dates of a pixel are those that fit about as well as its best."""
    first_days: float = 400.0
    """The year in which covers are told apart: not much longer than the days before the first change."""
    kind_days: int = 400
    """Looks so long after the change tell the kind."""
    edge_sd_m: float = 2.5
    """How well the edge of a patch is known, sd, common to the patch."""
    closed_years: bool = True
    """Only looks before 1 January of the last look's year: a new look of a running year changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The change of one direction that is kept of each pixel; arrays are (y, x)."""

    there: Bools
    day: Ints
    low: Ints
    high: Ints
    before: Floats
    after: Floats


def measure_ground_changes(
    cube: xr.Dataset, site: Site, *, params: GroundChangeParams | None = None
) -> list[GroundChange]:
    """Patches that changed, in order of time.

    Args:
        cube: (time, y, x) with `red`, `nir`, `valid`, `snow`; `blue`, `green`, `swir16` where they are there.
        site: with its aoi and boundary versions.
        params: knobs.
    """
    params = params or GroundChangeParams()
    cube = _used(in_order(cube), params)
    if cube.sizes["time"] < 2 * params.segmentation.min_looks:
        return []
    breaks = _breaks(cube, params)
    weights = coverage(site.aoi, cube.odc.geobox) * pixel_area_ha(cube.odc.geobox)
    found = []
    for back in (False, True):
        largest = _largest(breaks, weights.shape, back=back)
        patches = linked_patches(
            largest.there & (weights > 0),
            largest.day,
            weights,
            link_days=params.link_days,
            min_ha=params.min_area_ha,
        )
        clear = [patch for patch in patches if _step(patch, largest) >= params.min_step]
        found += [_record(cube, site, patch, largest, weights, params, back=back) for patch in clear]
    return sorted(found, key=lambda change: (change.changed_on, change.change_id))


def ground_changes_key(cube: xr.Dataset, params: GroundChangeParams | None = None) -> str:
    """A digest of all that the changes of a cube follow from, boundaries apart: same key, same changes."""
    params = params or GroundChangeParams()
    keys = look_keys(_used(in_order(cube), params), ReadParams())
    return hashlib.sha256(f"{params!r}|{keys[-1:]}".encode()).hexdigest()


def _used(cube: xr.Dataset, params: GroundChangeParams) -> xr.Dataset:
    if not params.closed_years or cube.sizes["time"] == 0:
        return cube
    years = cube["time"].dt.year.to_numpy()
    return cube.isel(time=np.flatnonzero(years < years.max()))


def _breaks(cube: xr.Dataset, params: GroundChangeParams) -> Breaks:
    """Breaks of all pixels less what their covers did, by strips of the grid."""
    covers = cover_years(cube, first_days=params.first_days, params=params.season)
    parts = []
    for top in range(0, cube.sizes["y"], ROWS):
        rows = slice(top, top + ROWS)
        looks = [
            (look.day, np.asarray(look.values - covers.of(look.scene_id, rows), np.float32))
            for look in read_looks(cube.isel(y=rows))
        ]
        kept = [(day, values) for day, values in looks if np.isfinite(values).any()]
        if not kept:
            kept = looks
        days = np.array([day for day, _ in kept])
        parts.append(segment(np.stack([values for _, values in kept]), days, params=params.segmentation))
    names = ("day", "low", "high", "before", "after")
    return Breaks(**{name: np.concatenate([getattr(p, name) for p in parts], axis=1) for name in names})


def _largest(breaks: Breaks, shape: tuple[int, ...], *, back: bool) -> _Found:
    """Of each pixel the break with the largest step to bare ground, or back."""
    step = (breaks.before - breaks.after) if back else (breaks.after - breaks.before)
    step = np.where(np.isfinite(step) & (breaks.day >= 0), step, -np.inf)
    which = np.argmax(step, axis=0)[None]

    def of(values: NDArray[Any]) -> NDArray[Any]:
        chosen: NDArray[Any] = np.take_along_axis(values, which, axis=0)[0].reshape(shape)
        return chosen

    return _Found(
        there=np.asarray(of(step) > 0, np.bool_),
        day=np.asarray(of(breaks.day), np.int64),
        low=np.asarray(of(breaks.low), np.int64),
        high=np.asarray(of(breaks.high), np.int64),
        before=np.asarray(of(breaks.before), np.float64),
        after=np.asarray(of(breaks.after), np.float64),
    )


def _step(patch: Patch, found: _Found) -> float:
    """Change of the yearly mean in the middle of a patch."""
    return float(np.median(np.abs(found.after - found.before)[patch.window][patch.mask]))


def _record(
    cube: xr.Dataset,
    site: Site,
    patch: Patch,
    found: _Found,
    weights: Floats,
    params: GroundChangeParams,
    *,
    back: bool,
) -> GroundChange:
    def of(values: NDArray[Any]) -> Floats:
        return np.asarray(values[patch.window][patch.mask], np.float64)

    grid = cube.odc.geobox
    day, settled = (_date(np.median(of(v))) for v in (found.day, found.high))
    low, high = date_interval(of(found.low), of(found.high), params=params.dates)
    boundary = version_in_force(site, day)
    inside = None if boundary is None else coverage(boundary.geometry, grid)[patch.window]
    prefix = f"{site.id}|{crs_wkt(grid)[:60]}|{'back' if back else 'bared'}"
    name = patch_name(founding_corners(patch, found.day, grid), prefix=prefix)
    return GroundChange(
        change_id=name.replace("d-", "c-", 1),
        kind=RECOVERY if back else ground_kind(_spectrum(cube, patch, settled, params)),
        changed_on=day,
        changed_on_low=min(low, day),
        changed_on_high=max(high, day),
        boundary_id=None if boundary is None else boundary.boundary_id,
        relation=relation(patch.mask, inside),
        area_ha=_area(patch, weights, pixel_size_m(grid), params),
        bareness_before=float(np.median(of(found.before))),
        bareness_after=float(np.median(of(found.after))),
        scene_ids=_between(cube, low, high),
        geometry=patch_polygon(patch, grid),
    )


def _date(day: float | np.floating) -> dt.date:
    return EPOCH + dt.timedelta(days=int(day))


def _area(patch: Patch, weights: Floats, side_m: float, params: GroundChangeParams) -> Quantity:
    """Whole pixels, with an edge that may lie further in or out all around."""
    hectares = float(weights[patch.window][patch.mask].sum())
    rim_m = 4.0 * side_m * np.sqrt(patch.mask.sum())
    return Quantity.measured(hectares, sd_random=rim_m * params.edge_sd_m / 1e4, level=params.level)


def _spectrum(cube: xr.Dataset, patch: Patch, since: dt.date, params: GroundChangeParams) -> dict[str, float]:
    """Mean leaf-on reflectance of the inside of a patch in the looks after the change, by band."""
    days = cube["time"].to_numpy().astype("datetime64[D]").astype(np.int64)
    start = (since - EPOCH).days
    warm = np.array([leaf_on(float(day), params.season) for day in days], np.bool_)
    chosen = np.flatnonzero(warm & (days >= start) & (days <= start + params.kind_days))
    part = cube.isel(time=chosen, y=patch.window[0], x=patch.window[1])
    clear = part["valid"].to_numpy() & ~part["snow"].to_numpy() & inner_pixels(patch.mask)
    if not clear.any():
        return {}
    return {band: float(np.nanmean(part[band].to_numpy()[clear])) for band in BANDS if band in part}


def _between(cube: xr.Dataset, low: dt.date, high: dt.date) -> tuple[str, ...]:
    days = cube["time"].to_numpy().astype("datetime64[D]")
    wanted = (days >= np.datetime64(low)) & (days <= np.datetime64(high))
    return tuple(str(s) for s in cube["scene_id"].to_numpy()[wanted])


def remembered_ground_changes(
    cube: xr.Dataset,
    site: Site,
    *,
    site_digest: str,
    params: GroundChangeParams,
    memory: MutableMapping[str, bytes],
) -> list[GroundChange]:
    """The same as `measure_ground_changes`; read only where a closed year holds something new.

    Args:
        cube: with the coordinate `content`.
        site: whose ground.
        site_digest: of everything that the site's file says.
        params: knobs.
        memory: values by key; extended.
    """
    key = sha256_json(["ground_changes", METHOD, site_digest, ground_changes_key(cube, params)])
    held = remembered_records(GroundChange, memory)
    found = held.get(key)
    if found is None:
        found = held[key] = measure_ground_changes(cube, site, params=params)
    return found


def _measure(work: Work) -> list[Measured]:
    if work.memory is None:
        records = measure_ground_changes(work.cube, work.site, params=work.params)
    else:
        records = remembered_ground_changes(
            work.cube, work.site, site_digest=work.site_digest, params=work.params, memory=work.memory
        )
    return [Measured(layer=GROUND_CHANGES, records=records)]


MEASUREMENT = Measurement(
    layers=(GROUND_CHANGES,), stage="looking back", measure=_measure, params=GroundChangeParams
)
