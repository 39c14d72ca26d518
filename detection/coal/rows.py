"""Areas of zones and tracked piles as result rows: a quantity with its errors, or why there is none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import shapely
import xarray as xr
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from aoi.pixels import pixel_area_ha, to_degrees, world
from detection.coal.blocks import Window
from detection.coal.records import Stockpile, StockpileArea
from detection.coal.stockpile_records import Measured, StockpileParams
from detection.coal.tracking import PileLook, Tracked, track
from evidence.quantity import Quantity, coverage_factor

NO_GROUND = "too little coal-free ground around the zone was seen"

NO_MIXTURE = "the piles look like no mixture of coal and ground on this date (shadow, haze)"


def area_quantity(
    measured: Measured, t: int, *, hectares: float, site_id: str, params: StockpileParams
) -> Quantity:
    """One subject's area on one date, or the reason why there is none."""
    series = measured.series
    if series.seen_share[t] < params.minimum_valid:
        return Quantity.not_assessable(f"only {series.seen_share[t]:.0%} of the zone was seen")
    if measured.refused is not None:
        return Quantity.not_assessable(measured.refused)
    if not np.isfinite(series.area[t]):
        return Quantity.not_assessable(NO_GROUND)
    if series.doubt[t] >= 1.0:
        return Quantity.not_assessable(NO_MIXTURE)
    if not series.support[t].any():
        high = series.limit[t] * hectares
        return Quantity.interval(
            0.0, 0.0, high, level=params.level, sd_random=high / coverage_factor(params.level)
        )
    area = float(series.area[t] * hectares)
    return Quantity.measured(
        area,
        sd_random=float(series.sd_random[t] * hectares),
        shared=shared_errors(measured, t, hectares=hectares, site_id=site_id),
        level=params.level,
    )


def shared_errors(measured: Measured, t: int, *, hectares: float, site_id: str) -> dict[str, float]:
    """Systematic errors by group: spectrum by site; outline, ground and coal that differs by subject, ha."""
    return {
        f"coal-spectrum:{site_id}": float(measured.series.sd_spectrum[t] * hectares),
        f"outline:{site_id}:{measured.subject.id}": float(measured.series.sd_outline[t] * hectares),
        f"ground:{site_id}:{measured.subject.id}": float(measured.series.sd_ground[t] * hectares),
        f"coal:{site_id}:{measured.subject.id}": float(measured.series.sd_pile[t] * hectares),
        f"edge:{site_id}:{measured.subject.id}": float(measured.series.sd_edge[t] * hectares),
    }


def area_records(
    cube: xr.Dataset,
    measured: Measured,
    dates: Sequence[int],
    *,
    site_id: str,
    params: StockpileParams,
) -> list[StockpileArea]:
    """One zone's records, one per date."""
    hectares = pixel_area_ha(cube.odc.geobox)
    out = []
    for t in dates:
        area = area_quantity(measured, t, hectares=hectares, site_id=site_id, params=params)
        out.append(
            StockpileArea(
                zone_id=measured.subject.id,
                datetime=time_of(cube, t),
                area_ha=area,
                dark_ha=area,
                valid_fraction=float(measured.series.seen_share[t]),
                below_floor=area.high is not None and area.high < params.floor_ha,
                bands=measured.bands,
                scene_ids=(scene_of(cube, t),),
            )
        )
    return out


def blind_records(
    cube: xr.Dataset, zone_id: str, dates: Sequence[int], bands: tuple[str, ...], params: StockpileParams
) -> list[StockpileArea]:
    """Records of a zone that no date could measure."""
    reason = Quantity.not_assessable(NO_GROUND, level=params.level)
    return [
        StockpileArea(
            zone_id=zone_id,
            datetime=time_of(cube, t),
            area_ha=reason,
            dark_ha=reason,
            valid_fraction=0.0,
            below_floor=False,
            bands=bands,
            scene_ids=(scene_of(cube, t),),
        )
        for t in dates
    ]


def time_of(cube: xr.Dataset, t: int) -> dt.datetime:
    """The date's time, UTC."""
    when: dt.datetime = cube["time"].values[t].astype("datetime64[us]").item()
    return when.replace(tzinfo=dt.UTC)


def scene_of(cube: xr.Dataset, t: int) -> str:
    """The date's scene id; its time where the cube has none."""
    if "scene_id" in cube.coords:
        return str(cube["scene_id"].values[t])
    return time_of(cube, t).isoformat()


if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

Bools = NDArray[np.bool_]


def outline(mask: Bools, grid: GeoBox, row: int, column: int) -> BaseGeometry:
    """The pixels of a mask as one polygon or several, in degrees.

    Args:
        mask: (y, x).
        grid: of the site.
        row: of the mask's first row on the grid.
        column: of the mask's first column on the grid.
    """
    change = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, first = np.nonzero(change == 1)
    _, after = np.nonzero(change == -1)
    left, top = world(grid, 0, 0)
    step = abs(grid.affine.a)
    west, east = left + (first + column) * step, left + (after + column) * step
    north = top - (rows + row) * step
    return to_degrees(shapely.union_all(shapely.box(west, north - step, east, north)), grid)


def pile_records(
    cube: xr.Dataset,
    measured: Measured,
    dates: Sequence[int],
    before: Tracked,
    *,
    site_id: str,
    params: StockpileParams,
) -> tuple[list[Stockpile], Tracked]:
    """All piles of one subject on the dates asked for, and where tracking stands after them.

    Args:
        cube: (time, y, x).
        measured: the subject.
        dates: positions in the cube.
        before: where tracking stood before, on the whole grid.
        site_id: for the piles' names.
        params: knobs.
    """
    series, window, grid = measured.series, measured.window, cube.odc.geobox
    at = np.asarray(dates, dtype=np.intp)
    looked = np.isfinite(series.area[at]) & (series.seen_share[at] >= params.minimum_valid)
    looked &= (series.doubt[at] < 1.0) & (measured.refused is None)
    days = [time_of(cube, t).date() for t in dates]
    dated, after = track(series.support[at], looked, days, _cut(before, window))
    out = [
        Stockpile(
            pile_id=_name(site_id, measured, look.number),
            parents=tuple(_name(site_id, measured, number) for number in look.parents),
            datetime=time_of(cube, t),
            area_ha=(area := _area(cube, measured, t, look, site_id, params)),
            dark_ha=area,
            first_seen=look.first,
            last_seen=day,
            geometry=outline(look.mask, grid, window.rows.start, window.columns.start),
        )
        for t, day, looks in zip(dates, days, dated, strict=True)
        for look in looks
    ]
    return out, _spread(after, window, grid.shape)


def with_last_seen(piles: Sequence[Stockpile]) -> list[Stockpile]:
    """The same piles of one year, each with the last of its dates: a later year restates none."""
    last = {pile.pile_id: pile.datetime.date() for pile in sorted(piles, key=lambda pile: pile.datetime)}
    return [replace(pile, last_seen=last[pile.pile_id]) for pile in piles]


def _cut(tracked: Tracked, window: Window) -> Tracked:
    """From the whole grid to a window."""
    looks = [replace(look, mask=look.mask[window.rows, window.columns]) for look in tracked.looks]
    return replace(tracked, looks=tuple(looks))


def _spread(tracked: Tracked, window: Window, shape: tuple[int, int]) -> Tracked:
    """From a window to the whole grid."""
    looks = []
    for look in tracked.looks:
        mask = np.zeros(shape, dtype=bool)
        mask[window.rows, window.columns] = look.mask
        looks.append(replace(look, mask=mask))
    return replace(tracked, looks=tuple(looks))


def _name(site_id: str, measured: Measured, number: int) -> str:
    return f"{site_id}/{measured.subject.id}/{number:02d}"


def _area(
    cube: xr.Dataset,
    measured: Measured,
    t: int,
    look: PileLook,
    site_id: str,
    params: StockpileParams,
) -> Quantity:
    """A pile's part of its subject's area; errors go by its part of the support, random ones by its root."""
    series = measured.series
    whole = series.weighted[t]
    own = np.where(look.mask, whole, 0.0)
    part = float((look.mask & series.support[t]).sum() / max(int(series.support[t].sum()), 1))
    area = float(own.sum() * pixel_area_ha(cube.odc.geobox))
    scale = pixel_area_ha(cube.odc.geobox)
    shared = shared_errors(measured, t, hectares=part * scale, site_id=site_id)
    return Quantity.measured(
        area,
        sd_random=float(series.sd_random[t] * np.sqrt(part) * scale),
        shared=shared,
        level=params.level,
    )
