"""The history of a site's ground as rows: accounts, disturbances, their growth and their revisions.

Current figures are a function of the set of scenes alone. What was said of an event when it became persistent
(id, founding cells, first seen) is frozen: it is taken from the rows that earlier runs left, and what later
looks say otherwise stands beside it as a revision.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import rasterio.features
import shapely
import xarray as xr
from odc.geo.geobox import GeoBox
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from aoi.pixels import coverage, pixel_area_ha, pixel_size_m, to_degrees, world
from aoi.records import Boundary, Site
from aoi.versions import starts, version_in_force
from detection.ground.accounts import Cells, account, account_cells, waiting_cells
from detection.ground.advance import CIRCLE_DEG, advance, relation, sector_advances
from detection.ground.days import to_date, to_day
from detection.ground.earlier import with_earlier
from detection.ground.events import TINY, Event, find_events, overlap
from detection.ground.freezing import freeze, revision
from detection.ground.history import History, fit_history
from detection.ground.joined import join_error, joined_rates
from detection.ground.kinds import event_kind
from detection.ground.landsat_records import JOINED_RATES
from detection.ground.params import METHOD, EventParams, GroundParams, Kind
from detection.ground.quiet import quiet_count
from detection.ground.rates import IN_FORCE, SPLIT, Course, InForce, QuietCount, rate_row
from detection.ground.records import (
    BARE_AT_START,
    DISTURBANCE_GROWTH,
    DISTURBANCE_REVISIONS,
    DISTURBANCES,
    FOOTPRINTS,
    GROUND_RATES,
    BareAtStart,
    Disturbance,
    DisturbanceGrowth,
    DisturbanceRevision,
    Footprint,
    GroundRate,
)
from detection.ground.series import UNSEEN, read_series
from evidence.arrays import Bools, Floats, Ints, Room, in_memory
from evidence.quantity import Quantity
from imagery.measurement import Ahead, Measured, Measurement, Work

NO_BOUNDARY = "no_boundary"
EARLIER = "landsat"
"""The instrument whose looks go before those of 10 m."""
HA_PER_KM2 = 100.0
"""Defined."""
LIKELIHOOD_DIGITS = 4
"""That are kept of a probability. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundRows:
    """All that is said of a site's ground."""

    footprints: tuple[Footprint, ...] = ()
    disturbances: tuple[Disturbance, ...] = ()
    growth: tuple[DisturbanceGrowth, ...] = ()
    revisions: tuple[DisturbanceRevision, ...] = ()
    rates: tuple[GroundRate, ...] = ()
    at_start: tuple[BareAtStart, ...] = ()
    joined: tuple[GroundRate, ...] = ()
    """Rates over the looks of an older instrument too: the change of instrument lies within."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What every row is made from."""

    cube: xr.Dataset
    site: Site
    grid: GeoBox
    weights: Floats
    """(y, x) hectares of the aoi in each pixel."""
    history: History
    params: GroundParams
    inside: dict[str, Floats]
    """(y, x) by boundary version; filled as asked for."""

    def within(self, boundary: Boundary) -> Floats:
        if boundary.boundary_id not in self.inside:
            self.inside[boundary.boundary_id] = coverage(boundary.geometry, self.grid)
        return self.inside[boundary.boundary_id]


def measure_ground(  # noqa: PLR0913 - one measurement, each option with a default
    cube: xr.Dataset,
    site: Site,
    *,
    params: GroundParams | None = None,
    earlier: Sequence[Disturbance] = (),
    sensor: str = "sentinel-2",
    memory: MutableMapping[str, bytes] | None = None,
    quiet: QuietCount | None = None,
    coarse: xr.Dataset | None = None,
    room: Room = in_memory,
) -> GroundRows:
    """The ground of a site through time.

    Args:
        cube: (time, y, x) with `red`, `nir`, `valid`, `snow`; `blue`, `green`, `swir16` are used where they
            are there. It may be lazy.
        site: with its aoi and boundary versions.
        params: numbers.
        earlier: disturbances as earlier runs left them: what they froze stays.
        sensor: the instrument, as rows of rates name it.
        memory: what was learnt before; rows are the same with and without.
        quiet: events that were counted where nothing is opened, for rates; None: not for this instrument.
        coarse: (time, y, x) of an older instrument with larger pixels, whose looks before the first of `cube`
            say what was there: no time of `cube` is then needed to learn it.
        room: where arrays of (time, pixel) are put; ten of them take some 11 bytes a pixel and look.
    """
    params = params or GroundParams()
    series = read_series(cube, params.looks, room=room)
    if len(series.day) < params.events.least_looks:
        years = sorted({int(year) for year in cube["time"].dt.year.to_numpy()})
        why = f"{len(series.day)} looks that can be compared, {params.events.least_looks} needed"
        return GroundRows(footprints=tuple(_unassessed(site, year, why, params) for year in years))
    if coarse is not None:
        series = with_earlier(series, cube.odc.geobox, coarse, params)
    history = fit_history(series, params, side_m=pixel_size_m(cube.odc.geobox), memory=memory)
    return ground_rows(history, cube, site, earlier=earlier, sensor=sensor, quiet=quiet)


def ground_rows(
    history: History,
    cube: xr.Dataset,
    site: Site,
    *,
    earlier: Sequence[Disturbance] = (),
    sensor: str = "sentinel-2",
    quiet: QuietCount | None = None,
) -> GroundRows:
    """What a history says of a site; arguments as those of `measure_ground`."""
    series, params, grid = history.series, history.params, cube.odc.geobox
    years = sorted({int(year) for year in cube["time"].dt.year.to_numpy()})
    weights = coverage(site.aoi, grid) * pixel_area_ha(grid)
    g = _Ground(cube=cube, site=site, grid=grid, weights=weights, history=history, params=params, inside={})
    anchored, own = int(series.day[0]) + round(params.expectation.anchor_days), int(series.day[series.older])
    events = [
        one for one in find_events(history, grid, site.id, weights, cube) if _lasted(one, series.day, own)
    ]
    current = [_disturbance(g, event) for event in events]
    sure = [
        event
        for event, row in zip(events, current, strict=True)
        if event.is_persistent and row.kind != Kind.RIVER
    ]
    dates = account_dates(series.day, params)
    told = np.flatnonzero(dates >= own)
    known = {to_date(dates[k]).year for k in told}
    cells = account_cells(history, sure, weights, dates)
    frozen, revisions = freeze(current, earlier, day=int(series.day[-1]), params=params)
    named = {one.disturbance_id: two.disturbance_id for one, two in zip(current, frozen, strict=False)}
    for a, b in reopenings(g, events, current):
        old, new = frozen[a], frozen[b]
        frozen[b] = replace(new, parents=(*new.parents, old.disturbance_id))
        detail = f"disturbed again: {new.disturbance_id}"
        revisions.append(revision(old, "reopened", new.first_seen, detail))
    growth = tuple(_growth(g, sure, cells, dates, named))
    return GroundRows(
        footprints=(
            *(
                _unassessed(site, y, _too_early(y, series.day, own, params), params)
                for y in years
                if y not in known
            ),
            *_footprints(g, cells, told),
        ),
        disturbances=tuple(frozen),
        growth=growth,
        revisions=tuple(revisions),
        at_start=(_bare_at_start(g),),
        rates=_rates(
            g, frozen, sure, cells, named, max(anchored, own), sensor, None if series.older else quiet
        ),
        joined=()
        if not series.older
        else _rates(g, frozen, sure, cells, named, anchored, f"{EARLIER}, {sensor}", None),
    )


def _rates(
    g: _Ground,
    rows: Sequence[Disturbance],
    events: Sequence[Event],
    cells: Cells,
    named: Mapping[str, str],
    since: int,
    sensor: str,
    quiet: QuietCount | None,
) -> tuple[GroundRate, ...]:
    """Rates from a day on, outside the fixed version and the one in force."""
    return tuple(
        rate_row(
            rows,
            _courses(g, events, cells, named, version, since),
            since=to_date(since),
            last_look=to_date(g.history.series.day[-1]),
            boundary=version,
            sensor=sensor,
            resolution_m=pixel_size_m(g.grid),
            floor_ha=g.params.events.min_ha,
            km2=float(g.weights.sum()) / HA_PER_KM2,
            quiet=quiet,
        )
        for version in ((fixed_version(g.site), IN_FORCE) if g.site.boundaries else (None,))
    )


def _lasted(event: Event, day: Ints, own: int) -> bool:
    """Whether an event was still there at the first look of the site's own instrument."""
    return bool((event.end < 0).any() or day[event.end].max() >= own)


def account_dates(day: Ints, params: GroundParams) -> Ints:
    """Days of the accounts: one each year, from the first after the looks that expectation is anchored in."""
    days = [_account_day(year, params) for year in range(to_date(day[0]).year, to_date(day[-1]).year + 1)]
    first = day[0] + params.expectation.anchor_days
    return np.array([d for d in days if first <= d <= day[-1]], np.int64)


def _account_day(year: int, params: GroundParams) -> int:
    return to_day(dt.date(year, *params.events.account_day))


def _too_early(year: int, day: Ints, own: int, params: GroundParams) -> str:
    """Why a year has no account."""
    if _account_day(year, params) > day[-1]:
        return f"the account day lies after the last look, {to_date(day[-1])}"
    if own > day[0]:
        return f"the account day lies before the first look, {to_date(own)}"
    anchor = params.expectation.anchor_days
    return f"what ground is expected to look like is learnt from the first {anchor:.0f} days of looks"


def _unassessed(site: Site, year: int, why: str, params: GroundParams) -> Footprint:
    """The account of a year of which nothing can be said."""
    day = dt.date(year, *params.events.account_day)
    boundary = version_in_force(site, day)
    names = [f.name for f in fields(Footprint) if f.name.endswith("_ha")]
    return Footprint(
        epoch_start=dt.date(year, 1, 1),
        epoch_end=dt.date(year + 1, 1, 1),
        account_date=day,
        boundary_id=None if boundary is None else boundary.boundary_id,
        boundary_role="in_force",
        valid_fraction=0.0,
        scene_ids=(),
        geometry=None,
        **dict.fromkeys(names, Quantity.not_assessable(why)),
    )


def _positive(value: float, sd: float, shared: Mapping[str, float], level: float) -> Quantity:
    """A quantity whose interval holds no negative hectares."""
    q = Quantity.measured(max(value, 0.0), sd_random=sd, shared=shared, level=level)
    low, high = q.low or 0.0, q.high or 0.0
    return replace(q, low=max(low, 0.0), high=max(high, q.value or 0.0))


def _area(g: _Ground, value: float, sd: float, rim_ha: float = 0.0) -> Quantity:
    """Hectares with what drawn paths leave open, what edges add and what all edges of a site share."""
    p = g.params.events
    random = float(np.hypot(np.hypot(sd, p.area_sd * value), p.share_sd * np.sqrt(rim_ha * g.weights.max())))
    shared = {f"ground-edge:{g.site.id}": rim_ha * p.edge_m / pixel_size_m(g.grid)}
    return _positive(value, random, shared, p.level)


def _footprints(g: _Ground, cells: Cells, told: Ints) -> list[Footprint]:
    """Accounts of some dates, for the version in force and for one fixed version where that is another."""
    fixed = fixed_version(g.site)
    out = []
    for k in told:
        force = version_in_force(g.site, to_date(cells.dates[k]))
        first = bool(k == told[0])
        out.append(_footprint(g, cells, k, force, "in_force", first=first))
        if fixed is not None and (force is None or fixed.boundary_id != force.boundary_id):
            out.append(_footprint(g, cells, k, fixed, "fixed", first=first))
    return out


def fixed_version(site: Site) -> Boundary | None:
    """The version that all years are compared with: in force on `SPLIT`, or the first there is."""
    return version_in_force(site, SPLIT) or min(site.boundaries, key=starts, default=None)


def _footprint(
    g: _Ground, cells: Cells, k: int, boundary: Boundary | None, role: str, *, first: bool
) -> Footprint:
    day, p = cells.dates[k], g.params.events
    seen = _seen_about(g, int(day))
    whole = np.ones(len(cells.pixel))
    inside = None if boundary is None else g.within(boundary).ravel()[cells.pixel]
    before = None
    if not first and role == "in_force":
        older = version_in_force(g.site, to_date(cells.dates[k - 1]))
        before = None if older is None else g.within(older).ravel()[cells.pixel]
    outside = None if inside is None else 1.0 - inside
    parts = {"": whole} if inside is None or outside is None else {"": whole, "in": inside, "out": outside}
    terms = {name: account(cells, k, part) for name, part in parts.items()}
    rim = _rim_ha(cells, k, p.whole_share)
    why = (
        None
        if seen >= p.min_seen
        else f"{seen:.0%} of the aoi was seen clearly about the day, {p.min_seen:.0%} needed"
    )

    def quantity(name: str, where: str = "") -> Quantity:
        if where not in terms:
            return Quantity.not_assessable(NO_BOUNDARY)
        if why is not None or (first and "after" not in name):
            return Quantity.not_assessable(why or "no account before this one")
        value, sd = terms[where][name]
        value = max(value, 0.0)
        if name == "after":
            # Nothing found is not nought: one smallest patch may be missed.
            sd = float(np.hypot(sd, p.min_ha))
        share = float(parts[where].mean()) if len(whole) else 0.0
        return _area(g, value, sd, rim * share * value / max(terms[""]["after"][0], value, TINY))

    start = _at_start(g)
    within = None if boundary is None else g.within(boundary).ravel()

    def bare(part: Floats | float | None) -> Quantity:
        if part is None:
            return Quantity.not_assessable(NO_BOUNDARY)
        value = float((start * part).sum())
        return _positive(value, p.bare_sd * value, {}, p.level)

    waits = _waiting(g, cells, k, within, why)
    moved = 0.0
    if before is not None and inside is not None:
        moved = float((cells.hectares * cells.stands(k - 1) * (inside - before)).sum())
    return Footprint(
        epoch_start=dt.date(to_date(day).year, 1, 1),
        epoch_end=dt.date(to_date(day).year + 1, 1, 1),
        account_date=to_date(day),
        boundary_id=None if boundary is None else boundary.boundary_id,
        boundary_role=role,
        area_ha=quantity("after"),
        inside_ha=quantity("after", "in"),
        outside_ha=quantity("after", "out"),
        before_ha=quantity("before"),
        opened_ha=quantity("opened"),
        closed_ha=quantity("closed"),
        revised_ha=_positive(abs(moved), 0.0, {}, p.level) if why is None else Quantity.not_assessable(why),
        open_ha=quantity("open_after"),
        open_inside_ha=quantity("open_after", "in"),
        open_outside_ha=quantity("open_after", "out"),
        open_before_ha=quantity("open_before"),
        open_opened_ha=quantity("open_opened"),
        deepened_ha=quantity("deepened"),
        regrown_ha=quantity("regrown"),
        open_closed_ha=quantity("open_closed"),
        waiting_ha=waits[0],
        waiting_outside_ha=waits[1],
        bare_at_start_ha=bare(1.0),
        bare_at_start_inside_ha=bare(within),
        bare_at_start_outside_ha=bare(None if within is None else 1.0 - within),
        valid_fraction=seen,
        scene_ids=_scenes_about(g, int(day)),
        geometry=None if why is not None else _outline(g, cells.pixel[_mostly(cells, k)]),
    )


def _waiting(
    g: _Ground, cells: Cells, k: int, within: Floats | None, why: str | None
) -> tuple[Quantity, Quantity]:
    """What waits on the k-th date, and outside a boundary; `why` says why nothing can be said."""
    if why is not None:
        return Quantity.not_assessable(why), Quantity.not_assessable(why)
    hectares, edge = waiting_cells(g.history, cells, k, g.weights)
    whole = _area(g, float(hectares.sum()), 0.0, edge)
    if within is None:
        return whole, Quantity.not_assessable(NO_BOUNDARY)
    outside = float((hectares * (1.0 - within)).sum())
    return whole, _area(g, outside, 0.0, edge * outside / max(float(hectares.sum()), TINY))


def _near(g: _Ground, day: int) -> Bools:
    return np.asarray(np.abs(g.history.series.day - day) <= 2 * g.params.events.share_days)


def _seen_about(g: _Ground, day: int) -> float:
    """Share of the aoi with a clear look near a day."""
    seen = (g.history.series.index[0][_near(g, day)] != UNSEEN).any(axis=0)
    return float(g.weights.ravel()[seen].sum() / g.weights.sum())


def _scenes_about(g: _Ground, day: int) -> tuple[str, ...]:
    return tuple(np.array(g.history.series.scene_ids)[_near(g, day)].tolist())


def _mostly(cells: Cells, k: int) -> Bools:
    """(cell,) disturbed by more than half on the k-th date."""
    return np.asarray(cells.disturbed(k) & (cells.hectares > 0.5 * cells.hectares.max(initial=1.0)))


def _rim_ha(cells: Cells, k: int, whole: float) -> float:
    """Hectares of pixels of which not all changed."""
    part = cells.hectares[cells.disturbed(k)]
    full = part.max(initial=0.0)
    return float(np.abs(part[part < whole * full]).sum())


def _at_start(g: _Ground) -> Floats:
    """(pixel,) hectares that were bare when first seen."""
    q = g.params.start
    return np.asarray((g.history.bare_at_start > (q.bare_from + q.bare_surely) / 2) * g.weights.ravel())


def _bare_at_start(g: _Ground) -> BareAtStart:
    hectares, day = _at_start(g), g.history.series.day
    area = float(hectares.sum())
    return BareAtStart(
        first_look=to_date(day[0]),
        last_look=to_date(day[-1]),
        area_ha=_positive(area, g.params.events.bare_sd * area, {}, g.params.events.level),
        geometry=_outline(g, np.flatnonzero(hectares)),
    )


def _outline(g: _Ground, pixels: Ints) -> BaseGeometry | None:
    """Polygons of some pixels, EPSG:4326."""
    mask = np.zeros(g.grid.shape, np.uint8)
    mask.ravel()[pixels] = 1
    found = [shape(one) for one, _ in rasterio.features.shapes(mask, mask=mask > 0, transform=g.grid.affine)]
    return to_degrees(shapely.union_all(found), g.grid) if found else None


def _disturbance(g: _Ground, event: Event) -> Disturbance:
    """The current row of an event."""
    p, series = g.params.events, g.history.series
    rows, columns = np.unravel_index(np.concatenate([event.pixels, event.rim]), g.grid.shape)
    top, left = max(int(rows.min()), 0), max(int(columns.min()), 0)
    window = (slice(top, int(rows.max()) + 1), slice(left, int(columns.max()) + 1))
    share = np.zeros((window[0].stop - top, window[1].stop - left))
    share[rows - top, columns - left] = np.concatenate([event.weight, event.rim_weight])
    mask = np.zeros(share.shape, np.bool_)
    n = len(event.pixels)
    mask[rows[:n] - top, columns[:n] - left] = True
    first = to_date(event.first_seen)
    boundary = version_in_force(g.site, first)
    inside = None if boundary is None else g.within(boundary)[window]
    reach = (p.reach_sd_m, p.residual_m, p.level)
    far, bearing = advance(share, window, boundary, g.grid, params=reach)
    weights = g.weights[window]
    closed = _closed_on(g, event) if weights[mask].sum() > 0 else None
    status = "provisional" if not event.is_persistent else "persistent" if closed is None else "closed"
    rim = float((weights * np.abs(share))[(share != 1.0) & (share != 0.0)].sum())
    low, high = to_date(event.first_seen_low), min(to_date(event.first_seen_high), to_date(series.day[-1]))
    cells = [
        world(g.grid, int(c), int(r))
        for r, c in zip(*np.unravel_index(np.sort(event.pixels[event.founding]), g.grid.shape), strict=True)
    ]
    level = _last_share(event, p)
    area = float((weights * share).sum())
    return Disturbance(
        disturbance_id=event.event_id,
        method_epoch=METHOD,
        frozen_on=None,
        founding_cells=tuple(f"{x:.0f} {y:.0f}" for x, y in cells),
        parents=(),
        kind=event_kind(g.history, g.cube, event, window, mask, level),
        first_seen=first,
        first_seen_low=low,
        first_seen_high=max(high, first),
        persistent_since=to_date(event.persistent_day) if event.is_persistent else None,
        closed_on=closed if event.is_persistent else None,
        machine_status=status,
        cause="as expected again" if closed is not None else None,
        boundary_id=None if boundary is None else boundary.boundary_id,
        relation=relation(mask, inside),
        area_ha=_area(g, area, 0.0, rim),
        open_ha=_area(g, area * level if closed is None else 0.0, p.open_sd * area),
        likelihood=round(event.probability, LIKELIHOOD_DIGITS),
        outside_ha=Quantity.not_assessable(NO_BOUNDARY)
        if inside is None
        else _area(
            g, float((weights * share * (1.0 - inside)).sum()), 0.0, rim * float((1.0 - inside).mean())
        ),
        advance_m=far,
        bearing_deg=bearing,
        sector_advances=sector_advances(share, window, boundary, g.grid, params=reach),
        scene_ids=_evidence(g, event),
        geometry=_polygon(mask, window, g.grid),
    )


def _closed_on(g: _Ground, event: Event) -> dt.date | None:
    """Look from which nearly all of its cells were as expected again; None while they are open."""
    needed = int(np.floor(g.params.events.closed_share * len(event.end))) + 1
    ended = np.sort(g.history.series.day[event.end[event.end >= 0]])
    return to_date(ended[needed - 1]) if len(ended) >= needed else None


def _last_share(event: Event, p: EventParams) -> float:
    """Mean bare share of the founding cells on the last three looks that tell."""
    told = event.sd < p.informative_sd
    last = event.share[told][-3:]
    return float(np.clip(last.mean(), 0.0, 1.0)) if last.size else 0.5


def _evidence(g: _Ground, event: Event) -> tuple[str, ...]:
    """Scenes from the last look as expected to the one that settled it."""
    day = g.history.series.day
    last = max(event.persistent_day, event.provisional_day, event.first_seen_high)
    wanted = (day >= event.first_seen_low) & (day <= last)
    return tuple(np.array(g.history.series.scene_ids)[wanted].tolist())


def _polygon(mask: Bools, window: tuple[slice, slice], grid: GeoBox) -> BaseGeometry:
    rows, columns = np.nonzero(mask)
    rows, columns = rows + window[0].start, columns + window[1].start
    x0, y0 = world(grid, columns, rows)
    x1, y1 = world(grid, columns + 1, rows + 1)
    cells = shapely.box(np.minimum(x0, x1), np.minimum(y0, y1), np.maximum(x0, x1), np.maximum(y0, y1))
    return to_degrees(shapely.union_all(cells), grid)


def reopenings(g: _Ground, events: Sequence[Event], rows: Sequence[Disturbance]) -> list[tuple[int, int]]:
    """Pairs of positions: a closed event, and a later one on the same ground."""
    p, day = g.params.events, g.history.series.day
    over = [k for k, row in enumerate(rows) if row.machine_status == "closed"]
    return [
        (a, b)
        for a in over
        for b, event in enumerate(events)
        if event.is_persistent
        and event.first_seen >= day[events[a].end].max()
        and overlap(events[a].pixels, event.pixels) >= p.same_event
    ]


def _growth(
    g: _Ground, events: Sequence[Event], cells: Cells, dates: Ints, named: Mapping[str, str]
) -> list[DisturbanceGrowth]:
    """What each event gained and lost in each year."""
    out = []
    for number, event in enumerate(events):
        mine = cells.of(number)
        whole = np.ones(len(mine.pixel))
        for k, day in enumerate(dates):
            terms = account(mine, k, whole)
            added, closed = terms["opened"], terms["closed"]
            if max(added[0], closed[0]) < 0.5 * g.params.events.min_ha:
                continue
            out.append(
                DisturbanceGrowth(
                    disturbance_id=named.get(event.event_id, event.event_id),
                    epoch_start=to_date(dates[k - 1]) if k else to_date(g.history.series.day[0]),
                    epoch_end=to_date(day),
                    added_ha=_area(g, *added, g.params.events.growth_rim * max(added[0], 0.0)),
                    closed_ha=_area(g, *closed, g.params.events.growth_rim * max(closed[0], 0.0)),
                    bearing_deg=_bearing(g, mine, k),
                )
            )
    return out


def _courses(
    g: _Ground,
    events: Sequence[Event],
    cells: Cells,
    named: Mapping[str, str],
    boundary: Boundary | InForce | None,
    since: int,
) -> dict[str, Course]:
    """When the ground of each event came from a day on, about the date of the claim, outside a version."""
    day = g.history.series.day
    days = since, to_day(SPLIT), int(day[-1])
    out = {}
    for number, event in enumerate(events):
        mine = cells.event == number
        first = to_date(event.first_seen)
        version = version_in_force(g.site, first) if boundary == IN_FORCE else boundary
        hectares = cells.hectares[mine]
        if isinstance(version, Boundary):
            hectares = hectares * (1.0 - g.within(version).ravel()[cells.pixel[mine]])
        elif boundary == IN_FORCE:
            hectares = np.zeros_like(hectares)
        course = cells.came[:, mine] @ hectares
        begun, half, ended = np.interp(days, cells.dates, course) if len(course) else (0.0, 0.0, 0.0)
        before, after = float(half - begun), float(ended - half)
        name = named.get(event.event_id, event.event_id)
        out[name] = Course(hectares=float(cells.hectares[mine].sum()), before=before, after=after)
    return out


def _bearing(g: _Ground, cells: Cells, k: int) -> float | None:
    """Direction from what was disturbed before to what came; None where there was nothing before."""
    now = cells.disturbed(k)
    then = cells.disturbed(k - 1) if k else np.zeros_like(now)
    new = now & ~then
    if not (then.any() and new.any()):
        return None
    rows, columns = np.unravel_index(cells.pixel, g.grid.shape)
    east = columns[new].mean() - columns[then].mean()
    north = rows[then].mean() - rows[new].mean()
    return round(float(np.degrees(np.arctan2(east, north)) % CIRCLE_DEG), 1)


def _ahead(work: Work, _part: int, _parts: int) -> None:
    """Learn what the ground is expected to look like, which is most of the work: only that is kept."""
    _measure(work)


def _measure(work: Work) -> list[Measured]:
    params, memory, coarse = work.params, work.memory, work.cube_of(EARLIER)
    rows = measure_ground(
        work.cube,
        work.site,
        params=params,
        earlier=work.earlier.get(DISTURBANCES.name, ()),
        memory=memory,
        quiet=quiet_count(),
        coarse=coarse,
        room=work.room,
    )
    joined: tuple[GroundRate, ...] = ()
    if coarse is not None and rows.joined:
        other = measure_ground(coarse, work.site, params=params, sensor=EARLIER, memory=memory).footprints
        joined = joined_rates(rows.joined, join_error(rows.footprints, other), work.site.id)
    return [
        Measured(layer=FOOTPRINTS, records=rows.footprints),
        Measured(layer=DISTURBANCES, records=rows.disturbances),
        Measured(layer=DISTURBANCE_GROWTH, records=rows.growth),
        Measured(layer=DISTURBANCE_REVISIONS, records=rows.revisions),
        Measured(layer=GROUND_RATES, records=rows.rates),
        Measured(layer=BARE_AT_START, records=rows.at_start),
        Measured(layer=JOINED_RATES, records=joined),
    ]


MEASUREMENT = Measurement(
    layers=(
        FOOTPRINTS,
        DISTURBANCES,
        DISTURBANCE_GROWTH,
        DISTURBANCE_REVISIONS,
        GROUND_RATES,
        BARE_AT_START,
        JOINED_RATES,
    ),
    stage="ground",
    measure=_measure,
    ahead=Ahead(compute=_ahead),
    params=GroundParams,
    settings="ground",
)
