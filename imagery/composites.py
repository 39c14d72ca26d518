"""Same-season composites: what the ground usually looks like about a day of the year, with counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from evidence.errors import MeasurementError
from imagery.medians import nan_median

YEAR_DAYS = 365.25
CONVERGED = 1e-5
"""Reflectance: a tenth of the source's own step."""


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
    days = (times.astype("datetime64[D]") - day.astype("datetime64[D]")).astype(float)
    return np.asarray(np.abs((days + YEAR_DAYS / 2) % YEAR_DAYS - YEAR_DAYS / 2))


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
    merged = geometric_median(stack) if params.method == "geometric" else _medians(stack)
    merged[:, count < params.least_count] = np.nan
    coords = {name: c for name, c in chosen.coords.items() if "time" not in c.dims}
    variables = {band: (("y", "x"), merged[k]) for k, band in enumerate(bands)}
    result = xr.Dataset({**variables, "count": (("y", "x"), count)}, coords=coords)
    result.attrs["scene_ids"] = [str(name) for name in chosen["scene_id"].values]
    for band in bands:
        result[band].attrs = dict(chosen[band].attrs)
    return result


def _medians(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """Median over time of (band, time, y, x)."""
    return np.stack([nan_median(band) for band in stack])


@numba.njit(cache=True)
def geometric_median(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """Geometric median spectrum over time of (band, time, y, x).

    A pixel counts at a time where all its bands are finite.
    """
    bands, times, height, width = stack.shape
    result = np.full((bands, height, width), np.nan, np.float32)
    series = np.empty((times, bands))
    for y in range(height):
        for x in range(width):
            n = 0
            for t in range(times):
                if not np.isnan(stack[:, t, y, x]).any():
                    series[n] = stack[:, t, y, x]
                    n += 1
            if n:
                result[:, y, x] = _weiszfeld(series[:n])
    return result


@numba.njit(cache=True)
def _weiszfeld(series: NDArray[np.float64]) -> NDArray[np.float64]:
    """Geometric median of (time, band) by Weiszfeld's iteration from the band-wise median."""
    n, bands = series.shape
    centre = np.empty(bands)
    for b in range(bands):
        centre[b] = np.median(series[:, b].copy())
    for _ in range(100):
        moved, total = np.zeros(bands), 0.0
        for t in range(n):
            weight = 1.0 / np.sqrt(np.sum((series[t] - centre) ** 2) + 1e-12)
            total += weight
            moved += weight * series[t]
        moved /= total
        step = np.abs(moved - centre).max()
        centre = moved
        if step < CONVERGED:
            break
    return centre
