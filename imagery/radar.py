"""Sentinel-1 through time: statistics of linear gamma0 that know speckle, per relative orbit and pass.

Looks from different orbits see different slopes and are never mixed. Speckle is multiplicative: intensity is
gamma-distributed with the equivalent number of looks L, so means are taken in linear power, spread is told
as the coefficient of variation, and change as a ratio held against what L looks can explain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from evidence.errors import MeasurementError


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One viewing geometry."""

    relative_orbit: int
    orbit_state: str


def tracks(cube: xr.Dataset) -> dict[Track, NDArray[np.int64]]:
    """Positions in time of each relative orbit and pass."""
    orbits, states = cube["relative_orbit"].values, cube["orbit_state"].values
    found = sorted({(int(orbit), str(state)) for orbit, state in zip(orbits, states, strict=True)})
    return {
        Track(relative_orbit=orbit, orbit_state=state): np.flatnonzero((orbits == orbit) & (states == state))
        for orbit, state in found
    }


def equivalent_looks(stack: NDArray[np.float32]) -> float:
    """Equivalent number of looks from the temporal spread of stable ground.

    The mode of mean² / variance over pixels is what speckle alone leaves; change only lowers it. With few
    dates the ratio's own scatter biases a mode, so the median over the steadier half is used.

    Args:
        stack: (time, y, x) linear power, NaN where missing.
    """
    mean, deviation, count = _moments(stack)
    usable = (count >= 5) & (mean > 0)  # noqa: PLR2004 - a variance of fewer says little
    if not usable.any():
        raise MeasurementError(f"{stack.shape[0]} radar dates are too few to tell speckle from change")
    variation = deviation[usable] / mean[usable]
    steady = variation[variation <= np.median(variation)]
    n = float(np.median(count[usable]))
    lower_quartile = np.sqrt(stats.chi2.ppf(0.25, n - 1) / (n - 1))
    return float((lower_quartile / np.median(steady)) ** 2)


def _moments(
    stack: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Mean, standard deviation (n - 1) and count over time, of finite values."""
    finite = np.isfinite(stack)
    count = finite.sum(axis=0)
    values = np.where(finite, stack, 0.0).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = values.sum(axis=0) / count
        squares = (np.where(finite, values - mean, 0.0) ** 2).sum(axis=0)
        deviation = np.sqrt(squares / (count - 1))
    return np.where(count > 0, mean, np.nan), np.where(count > 1, deviation, np.nan), count


def track_statistics(cube: xr.Dataset, track: Track, *, band: str = "vh") -> xr.Dataset:
    """Statistics over the dates of one track.

    Args:
        cube: radar cube (time, y, x) with linear gamma0.
        track: one of `tracks(cube)`.
        band: vv | vh.

    Returns:
        (y, x): `mean` (linear), `mean_db`, `variation` (coefficient of), `excess` (variation over what
        speckle explains; 1 is still ground), `count`; ``attrs["equivalent_looks"]``.
    """
    stack = track_stack(cube, track, band)
    mean, deviation, count = _moments(stack)
    looks = equivalent_looks(stack)
    with np.errstate(divide="ignore", invalid="ignore"):
        layers = {
            "mean": mean,
            "mean_db": 10.0 * np.log10(mean),
            "variation": deviation / mean,
            "excess": deviation / mean * np.sqrt(looks),
        }
    coords = {name: c for name, c in cube.coords.items() if "time" not in c.dims}
    variables = {name: (("y", "x"), layer.astype(np.float32)) for name, layer in layers.items()}
    result = xr.Dataset({**variables, "count": (("y", "x"), count)}, coords=coords)
    result.attrs |= {"equivalent_looks": looks, "band": band, "relative_orbit": track.relative_orbit}
    result.attrs["orbit_state"] = track.orbit_state
    return result


def track_stack(cube: xr.Dataset, track: Track, band: str) -> NDArray[np.float32]:
    """(time, y, x) linear power of one track, NaN where not valid."""
    chosen = cube.isel(time=tracks(cube)[track])
    return np.where(chosen["valid"].values, chosen[band].values, np.float32(np.nan))


def ratio_significance(
    before: NDArray[np.float32], after: NDArray[np.float32], looks: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Change of mean power in dB, and how likely speckle alone makes as much (two-sided).

    The ratio of two means of n and m gamma variates with L looks each follows an F law with 2nL and 2mL
    degrees of freedom.

    Args:
        before: (time, y, x) linear power.
        after: (time, y, x) linear power, same track.
        looks: equivalent number of looks.
    """
    mean_before, _, n = _moments(before)
    mean_after, _, m = _moments(after)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = mean_after / mean_before
        low = stats.f.cdf(ratio, 2.0 * looks * m, 2.0 * looks * n)
        change_db = 10.0 * np.log10(ratio)
    return change_db, 2.0 * np.minimum(low, 1.0 - low)
