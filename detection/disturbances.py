"""Newly disturbed patches: what the monitor finds, as objects with ids, dates, areas and advance."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field

import numpy as np
import shapely
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, label
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from aoi.records import Site
from aoi.versions import version_in_force
from detection.advance import advance, relation
from detection.coal.coverage import coverage, crs_wkt, pixel_area_ha, pixel_size_m, to_degrees, world
from detection.indices import bareness
from detection.kinds import patch_kind
from detection.monitor import PERSISTENT, PROVISIONAL, MonitorParams, MonitorState
from detection.records import Disturbance
from detection.replay import Checkpoints, Look, run_monitor
from evidence.quantity import Quantity

METHOD = "disturbances-monitor-1"

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EPOCH = dt.date(1970, 1, 1)
EDGE_SD = 0.29
"""Standard deviation of the share of an edge pixel that is uniformly anywhere between 0 and 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisturbanceParams:
    """Knobs of the measurement, saved with its result."""

    level: float = 0.95
    months: tuple[int, int] = (5, 10)
    """First and last month that is compared: leaf-on season, since winter ground differs from year to year
    by more than what is sought."""
    history_days: int = 365
    """Shortest stable history: one whole season."""
    history_looks: int = 12
    """Looks with at least half of the site clear that the history must hold."""
    min_area_ha: float = 0.1
    """Mapping floor at 10 m."""
    withdrawn_min_ha: float = 0.5
    """Smallest withdrawn patch that is reported: smaller ones come and go with every haze."""
    link_days: int = 365
    """Neighbouring pixels that departed further apart in time are two events, not one that grew."""
    edge_m: float = 2.5
    """How far, common to all patches, the mapped edge may lie from the true one, sd."""
    monitor: MonitorParams = field(
        default_factory=lambda: MonitorParams(
            floor=0.035,
            ceiling=0.15,
            persist_looks=4,
            min_history=6,
            scene_wise=True,
            winsor=6.0,
            persist_days=20,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What every patch is measured with."""

    cube: xr.Dataset
    site: Site
    state: MonitorState
    weights: Floats
    """(y, x) hectares of each pixel inside the aoi."""
    params: DisturbanceParams
    history_end: float
    """Day of the last look of the history."""

    def day(self, name: str) -> Ints:
        """One of the state's dates as (y, x)."""
        values: Ints = getattr(self.state, name).reshape(self.weights.shape)
        return values


def measure_disturbances(
    cube: xr.Dataset,
    site: Site,
    *,
    params: DisturbanceParams | None = None,
    checkpoints: Checkpoints | None = None,
) -> list[Disturbance]:
    """Patches that departed from their history, largest first; empty where the history is too short.

    Args:
        cube: (time, y, x) with `red`, `nir`, `valid`; `blue` and `swir16` are used where they are there.
        site: with its aoi and boundary versions.
        params: knobs.
        checkpoints: monitor states of earlier runs, read and extended.
    """
    params = params or DisturbanceParams()
    looks = _looks(cube, params)
    n_history = _history(looks, params)
    if n_history is None:
        return []
    state = run_monitor(looks, n_history=n_history, params=params.monitor, checkpoints=checkpoints)
    weights = coverage(site.aoi, cube.odc.geobox) * pixel_area_ha(cube.odc.geobox)
    ground = _Ground(
        cube=cube,
        site=site,
        state=state,
        weights=weights,
        params=params,
        history_end=looks[n_history - 1].day,
    )
    status = state.status.reshape(weights.shape)
    returned = (status == 0) & (ground.day("withdrawn") > 0)
    found = [
        *_patches(ground, status == PERSISTENT, "persistent"),
        *_patches(ground, status == PROVISIONAL, "provisional"),
        *_patches(ground, returned, "withdrawn"),
    ]
    return sorted(found, key=lambda d: (d.machine_status != "persistent", -(d.area_ha.value or 0.0)))


def _looks(cube: xr.Dataset, params: DisturbanceParams) -> list[Look]:
    """Usable scenes as looks, snow and water taken out."""
    names = [band for band in ("blue", "green", "red", "nir", "swir16") if band in cube]
    bands = {band: cube[band].to_numpy() for band in names}
    values, _ = bareness(bands)
    month = cube["time"].dt.month.to_numpy()
    in_season = (month >= params.months[0]) & (month <= params.months[1])
    clear = cube["valid"].to_numpy() & ~cube["snow"].to_numpy() & in_season[:, None, None]
    values = np.where(clear, values, np.nan).astype(np.float32)
    days = cube["time"].to_numpy().astype("datetime64[D]").astype(np.int64)
    ids = [str(s) for s in cube["scene_id"].to_numpy()]
    looks = [
        Look(scene_id=i, day=float(d), values=v.ravel()) for i, d, v in zip(ids, days, values, strict=True)
    ]
    return sorted(
        (one for one in looks if np.isfinite(one.values).any()), key=lambda one: (one.day, one.scene_id)
    )


def _history(looks: list[Look], params: DisturbanceParams) -> int | None:
    """How many looks make the history; None where there is no look left to monitor."""
    if not looks:
        return None
    good = np.cumsum([np.isfinite(look.values).mean() >= 0.5 for look in looks])  # noqa: PLR2004 - half
    days = np.array([look.day for look in looks])
    long_enough = (days - days[0] >= params.history_days) & (good >= params.history_looks)
    n = int(np.argmax(long_enough)) if long_enough.any() else 0
    return n if 0 < n < len(looks) else None


def _patches(ground: _Ground, mask: Bools, status: str) -> list[Disturbance]:
    """Connected patches of at least the mapping floor."""
    days = ground.day("withdrawn_day" if status == "withdrawn" else "first_day")
    labels = _linked(mask & (ground.weights > 0), days, ground.params.link_days)
    n = int(labels.max())
    sizes = np.bincount(labels.ravel(), weights=ground.weights.ravel(), minlength=n + 1)
    floor = ground.params.withdrawn_min_ha if status == "withdrawn" else ground.params.min_area_ha
    kept = [k for k in range(1, n + 1) if sizes[k] >= floor]
    return [_record(ground, labels == k, status) for k in kept]


def _linked(mask: Bools, days: Ints, link_days: int) -> Ints:
    """Labels of patches: neighbours by an edge whose days lie within `link_days` belong together."""
    index = np.arange(mask.size).reshape(mask.shape)
    pairs = []
    for one, two in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        both = mask[one] & mask[two] & (np.abs(days[one] - days[two]) <= link_days)
        pairs.append(np.stack([index[one][both], index[two][both]]))
    edges = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(edges.shape[1]), (edges[0], edges[1])), shape=(mask.size, mask.size))
    _, group = connected_components(graph, directed=False)
    labels = np.zeros(mask.size, np.int64)
    labels[mask.ravel()] = 1 + np.unique(group[mask.ravel()], return_inverse=True)[1]
    return labels.reshape(mask.shape)


def _record(ground: _Ground, patch: Bools, status: str) -> Disturbance:
    first, low, high, persistent = _dates(ground, patch, status)
    boundary = version_in_force(ground.site, first)
    inside = coverage(boundary.geometry, ground.cube.odc.geobox) if boundary is not None else None
    name = _name(ground, patch)
    outside = Quantity.not_assessable("no_boundary") if inside is None else _area(ground, patch, 1.0 - inside)
    how_far, bearing = advance(patch, boundary, ground.cube.odc.geobox, edge_m=ground.params.edge_m)
    return Disturbance(
        disturbance_id=name,
        parents=_parents(ground, patch, status, name),
        kind=patch_kind(ground.cube, patch, since=high),
        first_seen=first,
        first_seen_low=low,
        first_seen_high=high,
        persistent_since=persistent,
        machine_status=status,
        cause="later looks returned to what the history predicts" if status == "withdrawn" else None,
        boundary_id=boundary.boundary_id if boundary is not None else None,
        relation=relation(patch, inside),
        area_ha=_area(ground, patch, np.ones_like(ground.weights)),
        outside_ha=outside,
        advance_m=how_far,
        bearing_deg=bearing,
        scene_ids=_evidence(ground, low, persistent or high),
        geometry=_polygon(ground, patch),
    )


def _date(day: float) -> dt.date:
    return EPOCH + dt.timedelta(days=int(day))


def _dates(ground: _Ground, patch: Bools, status: str) -> tuple[dt.date, dt.date, dt.date, dt.date | None]:
    """First seen with its interval, and since when persistent: of the first pixels that make the floor."""
    if status == "withdrawn":
        day = _date(float(np.median(ground.day("withdrawn_day")[patch])))
        return day, day, day, None
    first = ground.day("first_day")[patch]
    pixel_ha = float(np.median(ground.weights[patch]))
    k = min(first.size, max(1, round(ground.params.min_area_ha / pixel_ha)))
    earliest = np.argsort(first, kind="stable")[:k]
    seen = _date(float(first[earliest[-1]]))
    normal = ground.day("since_normal")[patch][earliest]
    low = _date(float(np.median(np.where(normal >= 0, normal, ground.history_end))))
    high = _date(float(np.median(ground.day("alert_day")[patch][earliest])))
    persistent = ground.day("persistent_day")[patch]
    since = _date(float(np.sort(persistent)[k - 1])) if status == "persistent" else None
    return seen, min(low, seen), max(high, seen), since


def _area(ground: _Ground, patch: Bools, share: Floats) -> Quantity:
    """Area with the random error of edge pixels and the shared error of where the edge is drawn."""
    hectares = ground.weights * share * patch
    edge = patch & ~np.asarray(binary_erosion(patch), np.bool_) & (share > 0)
    side_m = pixel_size_m(ground.cube.odc.geobox)
    random = EDGE_SD * float(np.sqrt((hectares[edge] ** 2).sum()))
    shared = float(hectares[edge].sum()) * ground.params.edge_m / side_m
    return Quantity.measured(
        float(hectares.sum()),
        sd_random=random,
        shared={f"disturbance-edge:{ground.site.id}": shared},
        level=ground.params.level,
    )


def _name(ground: _Ground, patch: Bools) -> str:
    """An id from the cell in which the patch began: growth does not move it."""
    first = np.where(patch, ground.day("first_day"), np.iinfo(np.int64).max)
    return _cell_name(ground, *np.unravel_index(int(np.argmin(first)), patch.shape))


def _cell_name(ground: _Ground, row: np.intp, column: np.intp) -> str:
    x, y = world(ground.cube.odc.geobox, int(column), int(row))
    text = f"{ground.site.id}|{crs_wkt(ground.cube.odc.geobox)[:60]}|{x:.0f}|{y:.0f}"
    return "d-" + hashlib.sha256(text.encode()).hexdigest()[:12]


def _parents(ground: _Ground, patch: Bools, status: str, name: str) -> tuple[str, ...]:
    """Ids of patches that were apart at the end of an earlier year and have grown into this one."""
    if status != "persistent":
        return ()
    since = ground.day("persistent_day")
    years = range(_date(float(since[patch].min())).year, _date(float(since[patch].max())).year)
    names: set[str] = set()
    for year in years:
        end = (dt.date(year + 1, 1, 1) - EPOCH).days
        labels, n = label(patch & (since < end), structure=np.ones((3, 3)))
        sizes = np.bincount(labels.ravel(), weights=ground.weights.ravel(), minlength=n + 1)
        names |= {
            _name(ground, labels == k) for k in range(1, n + 1) if sizes[k] >= ground.params.min_area_ha
        }
    return tuple(sorted(names - {name}))


def _evidence(ground: _Ground, low: dt.date, high: dt.date) -> tuple[str, ...]:
    """Usable scenes from the last normal look to the one that settled it."""
    days = ground.cube["time"].to_numpy().astype("datetime64[D]")
    wanted = (days >= np.datetime64(low)) & (days <= np.datetime64(high))
    seen = ground.cube["valid"].any(("y", "x")).to_numpy()
    return tuple(str(s) for s in ground.cube["scene_id"].to_numpy()[wanted & seen])


def _polygon(ground: _Ground, patch: Bools) -> shapely.geometry.base.BaseGeometry:
    """The outline along pixels, EPSG:4326."""
    grid = ground.cube.odc.geobox
    rows, columns = np.nonzero(patch)
    corners = [world(grid, int(c), int(r)) for r, c in zip(rows, columns, strict=True)]
    ends = [world(grid, int(c) + 1, int(r) + 1) for r, c in zip(rows, columns, strict=True)]
    cells = [shapely.box(x0, y1, x1, y0) for (x0, y0), (x1, y1) in zip(corners, ends, strict=True)]
    return to_degrees(shapely.union_all(cells), grid)
