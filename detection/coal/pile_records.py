"""Tracked piles as records: id, parents, area with its interval, outline."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import shapely
import xarray as xr
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from detection.coal.coverage import pixel_area_ha, to_degrees, world
from detection.coal.spectra import CoalSpectrum
from detection.coal.tracking import PileLook, track
from detection.records import Stockpile
from evidence.quantity import Quantity

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

    from detection.stockpiles import Measured, StockpileParams

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
    cube: xr.Dataset, measured: Measured, site_id: str, coal: CoalSpectrum, params: StockpileParams
) -> list[Stockpile]:
    """All piles of one subject on all its dates."""
    series = measured.series
    looked = np.isfinite(series.area) & (series.seen_share >= params.minimum_valid)
    days = [t.astype("datetime64[us]").item() for t in cube["time"].values]
    dated = track(series.support, looked)
    last = {look.number: t for t, looks in enumerate(dated) for look in looks}
    return [
        Stockpile(
            pile_id=_name(site_id, measured, look.number),
            parents=tuple(_name(site_id, measured, number) for number in look.parents),
            datetime=days[t].replace(tzinfo=dt.UTC),
            area_ha=_area(cube, measured, t, look, site_id, coal, params),
            first_seen=days[look.first].date(),
            last_seen=days[last[look.number]].date(),
            geometry=outline(
                look.mask, cube.odc.geobox, measured.window.rows.start, measured.window.columns.start
            ),
        )
        for t, looks in enumerate(dated)
        for look in looks
    ]


def _name(site_id: str, measured: Measured, number: int) -> str:
    return f"{site_id}/{measured.subject.id}/{number:02d}"


def _area(
    cube: xr.Dataset,
    measured: Measured,
    t: int,
    look: PileLook,
    site_id: str,
    coal: CoalSpectrum,
    params: StockpileParams,
) -> Quantity:
    """A pile's part of its subject's area; errors go by its part of the support, random ones by its root."""
    series = measured.series
    whole = series.weighted[t]
    own = np.where(look.mask, whole, 0.0)
    part = float((look.mask & series.support[t]).sum() / max(int(series.support[t].sum()), 1))
    hectares = pixel_area_ha(cube.odc.geobox)
    return Quantity.measured(
        float(own.sum() * hectares),
        sd_random=float(series.sd_random[t] * np.sqrt(part) * hectares),
        shared={
            f"coal-spectrum:{site_id}:{coal.id}": float(series.sd_spectrum[t] * part * hectares),
            f"ground:{site_id}:{measured.subject.id}": float(series.sd_ground[t] * part * hectares),
        },
        level=params.level,
    )
