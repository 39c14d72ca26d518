"""Same-season composites: what the ground usually looks like about a day of the year, with counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from evidence.errors import MeasurementError

YEAR_DAYS = 365.25


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositeParams:
    """Knobs of a composite."""

    window_days: int = 15
    """Either side of the day of the year."""
    method: str = "median"
    """median (band by band) | geometric (one spectrum, Roberts et al. 2017)."""
    least_count: int = 1
    """Looks that a pixel needs."""
    leave_out_snow: bool = True


def season_distance_days(times: NDArray[np.datetime64], day: np.datetime64) -> NDArray[np.float64]:
    """Days between dates and a date, years aside."""
    days = (times.astype("datetime64[D]") - np.datetime64(day, "D")).astype(float)
    return np.abs((days + YEAR_DAYS / 2) % YEAR_DAYS - YEAR_DAYS / 2)


def same_season(
    cube: xr.Dataset,
    day: np.datetime64,
    *,
    years: Sequence[int] | None = None,
    params: CompositeParams | None = None,
) -> xr.Dataset:
    """Composite of the usable scenes within a window about a day of the year.

    Args:
        cube: (time, y, x) as `load_cube` gives it.
        day: its day of the year is the middle of the window.
        years: calendar years to take from; all by default.
        params: knobs.

    Returns:
        (y, x): the bands, `count` of looks, and the scenes used in ``attrs["scene_ids"]``.

    Raises:
        MeasurementError: where no scene falls into the window, or the method is unknown.
    """
    params = params or CompositeParams()
    if params.method not in {"median", "geometric"}:
        raise MeasurementError(f"composite method {params.method!r} is neither median nor geometric")
    take = season_distance_days(cube["time"].values, day) <= params.window_days
    take &= cube["status"].values == "used"
    if years is not None:
        take &= np.isin(cube["time"].dt.year.values, list(years))
    if not take.any():
        raise MeasurementError(f"no usable scene within {params.window_days} days of {day} in any year")
    return _composite(cube.isel(time=np.flatnonzero(take)), params)


def _composite(chosen: xr.Dataset, params: CompositeParams) -> xr.Dataset:
    bands = [str(name) for name in chosen.data_vars if "native_resolution_m" in chosen[name].attrs]
    valid = chosen["valid"].values
    if params.leave_out_snow:
        valid = valid & ~chosen["snow"].values
    stack = np.stack([np.where(valid, chosen[band].values, np.nan) for band in bands])
    whole = ~np.isnan(stack).any(axis=0)
    count = whole.sum(axis=0).astype(np.int16)
    stack[:, ~whole] = np.nan
    merged = geometric_median(stack) if params.method == "geometric" else median_of(stack)
    merged[:, count < params.least_count] = np.nan
    coords = {name: c for name, c in chosen.coords.items() if "time" not in c.dims}
    variables = {band: (("y", "x"), merged[k]) for k, band in enumerate(bands)}
    result = xr.Dataset({**variables, "count": (("y", "x"), count)}, coords=coords)
    result.attrs["scene_ids"] = [str(name) for name in chosen["scene_id"].values]
    for band in bands:
        result[band].attrs = dict(chosen[band].attrs)
    return result


@numba.njit(cache=True)
def median_of(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """Median over time of (band, time, y, x) without NaN; NaN where there is nothing."""
    bands, times, height, width = stack.shape
    result = np.full((bands, height, width), np.nan, np.float32)
    series = np.empty(times, np.float32)
    for b in range(bands):
        for y in range(height):
            for x in range(width):
                n = 0
                for t in range(times):
                    value = stack[b, t, y, x]
                    if not np.isnan(value):
                        series[n] = value
                        n += 1
                if n:
                    result[b, y, x] = np.median(series[:n])
    return result


@numba.njit(cache=True)
def geometric_median(
    stack: NDArray[np.float32], iterations: int = 100, tolerance: float = 1e-5
) -> NDArray[np.float32]:
    """Geometric median spectrum over time of (band, time, y, x), by Weiszfeld's iteration.

    A pixel counts at a time where all its bands are finite.
    """
    bands, times, height, width = stack.shape
    result = np.full((bands, height, width), np.nan, np.float32)
    series, centre, moved = np.empty((times, bands)), np.empty(bands), np.empty(bands)
    for y in range(height):
        for x in range(width):
            n = 0
            for t in range(times):
                whole = True
                for b in range(bands):
                    series[n, b] = stack[b, t, y, x]
                    whole = whole and not np.isnan(stack[b, t, y, x])
                n += 1 if whole else 0
                if n == times:
                    break
            if n == 0:
                continue
            for b in range(bands):
                centre[b] = np.median(series[:n, b].copy())
            for _ in range(iterations):
                total = 0.0
                moved[:] = 0.0
                for t in range(n):
                    distance = 1e-9
                    for b in range(bands):
                        distance += (series[t, b] - centre[b]) ** 2
                    weight = 1.0 / np.sqrt(distance)
                    total += weight
                    for b in range(bands):
                        moved[b] += weight * series[t, b]
                step = 0.0
                for b in range(bands):
                    value = moved[b] / total
                    step = max(step, abs(value - centre[b]))
                    centre[b] = value
                if step < tolerance:
                    break
            for b in range(bands):
                result[b, y, x] = centre[b]
    return result
