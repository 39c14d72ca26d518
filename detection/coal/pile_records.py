"""Tracked piles as records: id, parents, area with its interval, outline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import shapely
import xarray as xr
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from aoi.pixels import pixel_area_ha, to_degrees, world
from detection.coal.area_records import shared_errors, time_of, widening
from detection.coal.records import Stockpile
from detection.coal.site_blocks import Window
from detection.coal.stockpile_records import Measured, StockpileParams
from detection.coal.tracking import PileLook, Tracked, track
from evidence.quantity import Quantity

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
    """The same piles, each with the last of its dates."""
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
    scale = pixel_area_ha(cube.odc.geobox) * widening(area, params.area)
    shared = shared_errors(measured, t, hectares=part * scale, site_id=site_id)
    return Quantity.measured(
        area,
        sd_random=float(series.sd_random[t] * np.sqrt(part) * scale),
        shared=shared,
        level=params.level,
    )
