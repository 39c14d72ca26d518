"""Newly disturbed patches: what the monitor finds, as objects with ids, dates, areas and advance."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy.ndimage import label

from aoi.records import Boundary, Site
from aoi.versions import version_in_force
from detection.advance import advance, relation, sector_advances
from detection.change_dates import EPOCH, date_interval
from detection.coal.coverage import coverage, crs_wkt, pixel_size_m
from detection.coal.nearby import EIGHT
from detection.disturbance_ground import DisturbanceParams, Ground, ground_of
from detection.disturbance_looks import Checkpoints, run_looks
from detection.disturbance_patches import (
    Patch,
    founding_corners,
    patch_name,
    patch_polygon,
    remaining_parts,
    shares,
)  # fmt: skip
from detection.disturbance_spectra import lighter, seen_after
from detection.disturbance_state import DisturbanceState, state_bytes, state_from
from detection.disturbance_verdicts import cause_of, is_strong, joined, kind_of, patches_of
from detection.kinds import RECOVERY
from detection.monitor import PERSISTENT, PROVISIONAL
from detection.records import DISTURBANCES, Disturbance
from evidence.quantity import Quantity
from imagery.measurement import Measured, Measurement, Remembered, Work

__all__ = ["METHOD", "DisturbanceParams", "disturbances", "measure_disturbances"]

METHOD = DISTURBANCES.method

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def measure_disturbances(
    cube: xr.Dataset,
    site: Site,
    *,
    params: DisturbanceParams | None = None,
    checkpoints: Checkpoints | None = None,
) -> list[Disturbance]:
    """Patches that departed from their history, largest first; empty where the history is too short.

    Args:
        cube: (time, y, x) with `red`, `nir`, `valid`, `snow`; `blue` and `swir16` are used where they are
            there. It may be lazy: with a checkpoint, only looks after it are read.
        site: with its aoi and boundary versions.
        params: knobs.
        checkpoints: states of earlier runs by key, read and extended.
    """
    params = params or DisturbanceParams()
    state = run_looks(cube, params=params.looks, checkpoints=checkpoints)
    return [] if state is None else disturbances(state, site, cube.odc.geobox, params=params)


def disturbances(
    state: DisturbanceState, site: Site, grid: GeoBox, *, params: DisturbanceParams | None = None
) -> list[Disturbance]:
    """The patches of a state, largest first, without reading a single pixel."""
    ground = ground_of(state, site, grid, params or DisturbanceParams())
    status = state.monitor.status.reshape(grid.shape)
    back = (status == 0) & (ground.day("withdrawn") > 0)
    sure = joined(ground, status == PERSISTENT)
    found = [
        *_persistent(ground, sure),
        *(
            _record(ground, p, "provisional")
            for p in patches_of(ground, (status == PROVISIONAL) & ~sure, "first_day")
        ),
        *(_record(ground, p, "withdrawn") for p in patches_of(ground, back, "withdrawn_day")),
    ]
    return sorted(found, key=lambda d: (d.machine_status != "persistent", -(d.area_ha.value or 0.0)))


def _persistent(ground: Ground, mask: Bools) -> list[Disturbance]:
    """Persistent patches, in parts where ground between them has grown over, and what has grown over."""
    found = []
    returned, floor = ground.returned, ground.params.min_area_ha
    for whole in patches_of(ground, mask, "first_day"):
        if not is_strong(ground, whole):
            found.append(_record(ground, whole, "provisional"))
            continue
        name = _name(ground, whole)
        parts = remaining_parts(whole, returned, ground.weights, min_ha=floor)
        found += [_record(ground, part, "persistent", split_from=name) for part in parts]
        green = whole.mask & returned[whole.window]
        if float(ground.weights[whole.window][green].sum()) >= floor:
            found.append(_recovery(ground, replace(whole, mask=green), name))
    return found


def _record(ground: Ground, patch: Patch, status: str, *, split_from: str | None = None) -> Disturbance:
    first, low, high, persistent = _dates(ground, patch, status)
    boundary = version_in_force(ground.site, first)
    inside = None if boundary is None else _inside(ground, boundary)[patch.window]
    name = _name(ground, patch, "withdrawn_day" if status == "withdrawn" else "first_day")
    parents = _parents(ground, patch, name) if status == "persistent" else set()
    after = seen_after(ground.state, patch)
    share = _shares(ground, patch, status, after)
    reach, bearing = advance(share, patch.window, boundary, ground.grid, params=_reach(ground))
    return Disturbance(
        disturbance_id=name,
        parents=tuple(sorted((parents | {split_from or name}) - {name})),
        kind=kind_of(ground, patch, after, first),
        first_seen=first,
        first_seen_low=low,
        first_seen_high=high,
        persistent_since=persistent,
        machine_status=status,
        cause=cause_of(ground, patch, status),
        boundary_id=None if boundary is None else boundary.boundary_id,
        relation=relation(patch.mask, inside),
        area_ha=_area(ground, patch, share),
        outside_ha=Quantity.not_assessable("no_boundary")
        if inside is None
        else _area(ground, patch, share * (1.0 - inside)),
        advance_m=reach,
        bearing_deg=bearing,
        sector_advances=sector_advances(share, patch.window, boundary, ground.grid, params=_reach(ground)),
        scene_ids=_evidence(ground, low, max(persistent or high, high)),
        geometry=patch_polygon(patch, ground.grid),
    )


def _shares(ground: Ground, patch: Patch, status: str, after: Mapping[str, float]) -> Floats:
    if status == "withdrawn":
        return patch.mask.astype(np.float64)
    return shares(patch, ground.departure, ground.taken, lighter(ground.state, patch, after))


def _recovery(ground: Ground, patch: Patch, whole: str) -> Disturbance:
    """Ground of a persistent patch that has grown over again."""
    day = ground.state.returned_day.reshape(ground.weights.shape)[patch.window][patch.mask]
    start = ground.state.back_from.reshape(ground.weights.shape)[patch.window][patch.mask]
    low, high = _date(float(np.median(start))), _date(float(np.median(day)))
    made = _record(ground, patch, "persistent")
    return replace(
        made,
        disturbance_id=f"{made.disturbance_id}-recovery",
        parents=(whole,),
        kind=RECOVERY,
        first_seen=low,
        first_seen_low=min(made.first_seen_high, low),
        first_seen_high=high,
        persistent_since=high,
        advance_m=Quantity.not_assessable("ground that has grown over again does not advance"),
        bearing_deg=None,
        sector_advances=None,
        scene_ids=_evidence(ground, low, high),
    )


def _reach(ground: Ground) -> tuple[float, float, float]:
    p = ground.params
    return p.reach_m, p.residual_m, p.level


def _inside(ground: Ground, boundary: Boundary) -> Floats:
    if boundary.boundary_id not in ground.inside:
        ground.inside[boundary.boundary_id] = coverage(boundary.geometry, ground.grid)
    return ground.inside[boundary.boundary_id]


def _date(day: float) -> dt.date:
    return EPOCH + dt.timedelta(days=int(day))


def _dates(ground: Ground, patch: Patch, status: str) -> tuple[dt.date, dt.date, dt.date, dt.date | None]:
    """First seen with its interval, and since when persistent: of the first pixels that make the floor."""

    def of(name: str) -> Ints:
        values: Ints = ground.day(name)[patch.window][patch.mask]
        return values

    if status == "withdrawn":
        day = _date(float(np.median(of("withdrawn_day"))))
        return day, day, day, None
    first = of("first_day")
    pixel_ha = float(np.median(ground.weights[patch.window][patch.mask]))
    k = min(first.size, max(1, round(ground.params.min_area_ha / pixel_ha)))
    earliest = np.argsort(first, kind="stable")[:k]
    seen = _date(float(first[earliest[-1]]))
    normal = ground.state.plain_before.reshape(ground.weights.shape)[patch.window][patch.mask][earliest]
    normal = np.where(normal >= 0, normal, ground.state.first_day)
    alerts = np.sort(of("alert_day"))[:k]
    low, high = date_interval(np.minimum(normal, first[earliest]), alerts, params=ground.params.dates)
    last = _date(float(ground.state.scene_days.max()))
    settled = np.sort(of("persistent_day")[of("persistent_day") >= 0])
    since = _date(float(settled[min(k, settled.size) - 1])) if status == "persistent" else None
    return seen, min(low, seen), max(min(high, last), seen), since


def _area(ground: Ground, patch: Patch, share: Floats) -> Quantity:
    """Area with the random error of edge pixels and the shared error of where the edge is drawn."""
    weights = ground.weights[patch.window]
    hectares = weights * share
    edge = (share != 0) & (share < 1)
    edges = ground.params.share_sd * float(np.sqrt((weights[edge] ** 2).sum()))
    random = float(np.hypot(edges, ground.params.missed_share * hectares.sum()))
    rim = float(np.minimum(weights, weights.max())[edge].sum()) / 2.0
    return Quantity.measured(
        max(float(hectares.sum()), 0.0),
        sd_random=random,
        shared={f"disturbance-edge:{ground.site.id}": rim * ground.params.edge_m / pixel_size_m(ground.grid)},
        level=ground.params.level,
    )


def _name(ground: Ground, patch: Patch, days: str = "first_day") -> str:
    corners = founding_corners(patch, ground.day(days), ground.grid)
    return patch_name(corners, prefix=f"{ground.site.id}|{crs_wkt(ground.grid)[:60]}")


def _parents(ground: Ground, patch: Patch, name: str) -> set[str]:
    """Ids of patches that were apart at the end of an earlier year and have grown into this one."""
    since = ground.day("persistent_day")[patch.window]
    since = np.where(since >= 0, since, since[patch.mask].max())
    weights = ground.weights[patch.window]
    names: set[str] = set()
    for year in range(_date(float(since[patch.mask].min())).year, _date(float(since[patch.mask].max())).year):
        end = (dt.date(year + 1, 1, 1) - EPOCH).days
        labels, n = label(patch.mask & (since < end), structure=EIGHT)
        sizes = np.bincount(labels.ravel(), weights=weights.ravel(), minlength=n + 1)
        names |= {
            _name(ground, replace(patch, mask=labels == k))
            for k in range(1, n + 1)
            if sizes[k] >= ground.params.min_area_ha
        }
    return names - {name}


def _evidence(ground: Ground, low: dt.date, high: dt.date) -> tuple[str, ...]:
    """Usable scenes from the last normal look to the one that settled it."""
    days = ground.state.scene_days
    wanted = (days >= (low - EPOCH).days) & (days <= (high - EPOCH).days)
    return tuple(str(s) for s in ground.state.scene_ids[wanted])


def _measure(work: Work) -> list[Measured]:
    states = (
        None if work.memory is None else Remembered(held=work.memory, encode=state_bytes, decode=state_from)
    )
    records = measure_disturbances(work.cube, work.site, params=work.params, checkpoints=states)
    return [Measured(layer=DISTURBANCES, records=records)]


MEASUREMENT = Measurement(layers=(DISTURBANCES,), stage="monitor", measure=_measure, params=DisturbanceParams)
