"""Areas of zones as records: a quantity with its errors on every date, or the reason why there is none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import xarray as xr

from aoi.pixels import pixel_area_ha
from detection.coal.records import StockpileArea
from detection.coal.stockpile_records import Measured, StockpileParams
from detection.coal.zone_records import AreaParams
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
    scale = hectares * widening(area, params.area)
    return Quantity.measured(
        area,
        sd_random=float(series.sd_random[t] * scale),
        shared=shared_errors(measured, t, hectares=scale, site_id=site_id),
        level=params.level,
    )


def widening(area_ha: float, params: AreaParams) -> float:
    """The calibration's factor on all errors of an area."""
    sizes, factors = zip(*params.calibration, strict=True)
    return float(np.interp(np.log(max(area_ha, 1e-3)), np.log(sizes), factors))


def shared_errors(measured: Measured, t: int, *, hectares: float, site_id: str) -> dict[str, float]:
    """Systematic errors by group: the spectrum by site, the ground by subject, in hectares."""
    return {
        f"coal-spectrum:{site_id}": float(measured.series.sd_spectrum[t] * hectares),
        f"outline:{site_id}:{measured.subject.id}": float(measured.series.sd_outline[t] * hectares),
        f"ground:{site_id}:{measured.subject.id}": float(measured.series.sd_ground[t] * hectares),
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
