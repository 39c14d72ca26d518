"""Looks: one record per scene, whether it could be used or not."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import xarray as xr

PYONGYANG = ZoneInfo("Asia/Pyongyang")
"""UTC+9, and UTC+8:30 from 2015-08-15 to 2018-05-04."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What became of one scene over one site."""

    scene_id: str
    datetime: dt.datetime
    """Sensing time, UTC."""
    local_date: dt.date
    """The date on the ground in Korea."""
    sensor: str
    relative_orbit: int | None
    status: str
    """used | unusable | missing | failed."""
    detail: str | None
    valid_fraction: float | None
    snow_fraction: float | None
    dx_m: float | None
    dy_m: float | None
    residual_px: float | None
    offset_applied: float | None
    baseline: str | None


def cube_observations(cube: xr.Dataset) -> list[Observation]:
    """One observation per time step of a cube, in the order of time."""
    return [_observation(cube.isel(time=i)) for i in range(cube.sizes["time"])]


def sensing_time(value: np.datetime64) -> dt.datetime:
    """A cube's time as an aware datetime, to the millisecond."""
    milliseconds = int(value.astype("datetime64[ms]").astype(np.int64))
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=milliseconds)


def _observation(step: xr.Dataset) -> Observation:
    moment = sensing_time(np.datetime64(step["time"].item(), "ns"))
    orbit = _number(step, "relative_orbit")
    return Observation(
        scene_id=str(step["scene_id"].item()),
        datetime=moment,
        local_date=moment.astimezone(PYONGYANG).date(),
        sensor=str(step["platform"].item()),
        relative_orbit=None if orbit is None or orbit <= 0 else int(orbit),
        status=str(step["status"].item()),
        detail=_text(step, "detail"),
        valid_fraction=_number(step, "valid_fraction"),
        snow_fraction=_number(step, "snow_fraction"),
        dx_m=_number(step, "dx_m"),
        dy_m=_number(step, "dy_m"),
        residual_px=_number(step, "residual_px"),
        offset_applied=_number(step, "offset_applied"),
        baseline=_text(step, "baseline"),
    )


def _number(step: xr.Dataset, name: str) -> float | None:
    if name not in step.coords:
        return None
    value = float(step[name].item())
    return value if np.isfinite(value) else None


def _text(step: xr.Dataset, name: str) -> str | None:
    if name not in step.coords:
        return None
    value = str(step[name].item())
    return value or None
