"""How much of each pixel is bare ground in the middle of one season.

Each look counts the more the nearer it lies to the season's middle, so that fields that stand flooded before
it or ripe after it are green, and ground that is cleared in the course of the season counts from its middle
on. The share of bare ground is a logistic function of what these looks say of NDVI, red, green and near
infrared. Its coefficients were fitted by quasi-likelihood (Papke and Wooldridge 1996) to the true shares of
simulated sites, so that shares of mixed pixels add up to an area. Short-wave infrared does not enter: at 20 m
it blurs the edges that decide the area, and it made the fit no better.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numba import njit
from numpy.typing import NDArray
from scipy.special import expit

from detection.indices import ndvi, normalised_difference

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SHARE = {"constant": -1.996, "ndvi": -2.634, "ndvi2": -10.357, "red": 7.23, "nir": -1.979, "green": -8.727}
"""Coefficients on NDVI, its square, and the logarithms of reflectances, as printed by
`benchmarks/expansion/footprint_fit.py`: simulated seeds 910 to 919 and 950 to 969,
root mean square error 0.067 of a pixel."""
SHARE_WITHOUT_GREEN = {"constant": -1.755, "ndvi": 7.084, "ndvi2": -31.027, "red": -3.08}
"""The same where there is no green band, error 0.072."""
DARKEST = 0.01
"""Reflectances are raised to this before the logarithm."""
GREENEST = 0.65
"""Quantile of NDVI over the looks, and one less it of red: cloud, haze and shadow only take greenness."""
WATER_NDWI, WATER_NIR = -0.05, 0.08
"""Water: NDWI (McFeeters 1996) above and near infrared below; coal lies near −0.17, dark pits near −0.25."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which looks of a year speak for it, and how much."""

    months: tuple[int, int]
    """First and last month."""
    middle: tuple[int, int]
    """Month and day for which the measurement stands."""
    width_days: float
    """Standard deviation of the Gaussian weight of a look about the middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """Clear looks of one year's season; NaN where not seen clearly."""

    year: int
    scene_ids: tuple[str, ...]
    bands: dict[str, NDArray[np.float32]]
    """(time, y, x) of `ndvi`, `red`, `nir` and, where it is there, `green`."""
    weight: Floats
    """(time,) how much each look counts."""
    red: Floats
    """(y, x) reflectance."""
    nir: Floats
    """(y, x) reflectance."""
    water: Bools
    """(y, x) water in most looks."""
    looks: NDArray[np.int64]
    """(y, x) clear looks."""

    def bare(self) -> Floats:
        """(y, x) share of bare ground; zero on water and where nothing was seen."""
        share = bare_share(self.bands, self.weight)
        return np.where(self.water | (self.looks == 0), 0.0, np.nan_to_num(share))

    def drawn(self, times: NDArray[np.int64], rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Floats:
        """(draw, pixel) shares where each look comes `times` (draw, time); NaN without looks."""
        bands = {name: stack[:, rows, columns] for name, stack in self.bands.items()}
        share = bare_share(bands, self.weight * times)
        return np.where(self.water[rows, columns], 0.0, share)


def bare_share(bands: dict[str, NDArray[np.float32]], weight: Floats) -> Floats:
    """Expected share of bare ground given looks (time, …) and their weights (time,) or (draw, time)."""
    terms = share_terms(bands, weight)
    slopes = SHARE if "green" in terms else SHARE_WITHOUT_GREEN
    score = np.full_like(terms["ndvi"], slopes["constant"])
    for name, term in terms.items():
        score += slopes.get(name, 0.0) * term
    share: Floats = expit(score)
    return share


def share_terms(bands: dict[str, NDArray[np.float32]], weight: Floats) -> dict[str, Floats]:
    """What the share is made from: NDVI, its square, logarithms of reflectances."""
    green = weighted_quantile(bands["ndvi"], weight, GREENEST)
    logs = {
        name: np.log(np.maximum(weighted_quantile(bands[name], weight, 0.5), DARKEST))
        for name in ("red", "nir", "green")
        if name in bands
    }
    return {"ndvi": green, "ndvi2": green**2} | logs


def read_season(cube: xr.Dataset, year: int, window: Window) -> Season:
    """The clear looks of one year's season."""
    time = cube["time"].dt
    wanted = (time.year == year) & (time.month >= window.months[0]) & (time.month <= window.months[1])
    part = cube.isel(time=np.flatnonzero(wanted.to_numpy()))
    clear = part["valid"].to_numpy() & ~part["snow"].to_numpy()
    bands = {
        name: np.where(clear, part[name].to_numpy(), np.float32(np.nan))
        for name in ("green", "red", "nir")
        if name in part
    }
    bands["ndvi"] = ndvi(bands)
    weight = _weights(part, dt.date(year, *window.middle), window.width_days)
    return Season(
        year=year,
        scene_ids=tuple(str(s) for s in part["scene_id"].to_numpy()[clear.any(axis=(1, 2))]),
        bands=bands,
        weight=weight,
        red=weighted_quantile(bands["red"], weight, 1.0 - GREENEST),
        nir=weighted_quantile(bands["nir"], weight, 0.5),
        water=_water(part, bands, clear, weight),
        looks=np.isfinite(bands["ndvi"]).sum(axis=0),
    )


def _weights(part: xr.Dataset, middle: dt.date, width_days: float) -> Floats:
    days = (part["time"].to_numpy() - np.datetime64(middle)) / np.timedelta64(1, "D")
    return np.asarray(np.exp(-0.5 * (days / width_days) ** 2) + 1e-6, np.float64)


def _water(part: xr.Dataset, bands: dict[str, NDArray[np.float32]], clear: Bools, weight: Floats) -> Bools:
    count = np.maximum(clear.sum(axis=0), 1)
    flagged = np.zeros(clear.shape[1:], bool)
    if "water" in part:
        flagged = (part["water"].to_numpy() & clear).sum(axis=0) > count / 2
    if "green" not in bands:
        return flagged
    ndwi = weighted_quantile(normalised_difference(bands["green"], bands["nir"]), weight, 0.5)
    dark = weighted_quantile(bands["nir"], weight, 0.5) < WATER_NIR
    wet: Bools = flagged & dark | (ndwi > WATER_NDWI) & dark
    return wet


def weighted_quantile(stack: NDArray[np.floating], weight: Floats, q: float) -> Floats:
    """Quantile along the first axis by weight, NaN left out; NaN where nothing is left.

    Linear between the middles of the weights of neighbouring values; with equal weights and ``q`` one half
    this is the median.

    Args:
        stack: (time, …).
        weight: (time,) or (draw, time), positive or zero.
        q: 0 to 1.

    Returns:
        (…) or (draw, …).
    """
    draws = np.ascontiguousarray(np.atleast_2d(weight), np.float64)
    pixels = int(np.prod(stack.shape[1:]))
    flat = np.ascontiguousarray(stack.reshape(len(stack), pixels).T, np.float32)
    found = _quantiles(flat, draws, q).reshape(len(draws), *stack.shape[1:])
    return np.asarray(found[0] if weight.ndim == 1 else found)


@njit(cache=True)
def _sorted_looks(series: NDArray[np.float32], order: NDArray[np.int64]) -> int:
    """Indices of finite values into `order`, by insertion from small to large; how many there are."""
    count = 0
    for t in range(series.size):
        if not np.isfinite(series[t]):
            continue
        k = count
        while k > 0 and series[order[k - 1]] > series[t]:
            order[k] = order[k - 1]
            k -= 1
        order[k] = t
        count += 1
    return count


@njit(cache=True)
def _quantiles(values: NDArray[np.float32], draws: Floats, q: float) -> Floats:
    """(draw, pixel) quantiles of (pixel, time) `values`."""
    found = np.full((draws.shape[0], values.shape[0]), np.nan)
    order = np.empty(values.shape[1], np.int64)
    for i in range(values.shape[0]):
        count = _sorted_looks(values[i], order)
        for d in range(draws.shape[0]):
            total = 0.0
            for k in range(count):
                total += draws[d, order[k]]
            passed, middle, value = 0.0, -1.0, np.nan
            for k in range(count):
                weight = draws[d, order[k]]
                if weight == 0.0:
                    continue
                here, now = passed + weight / 2.0, float(values[i, order[k]])
                if here >= q * total:
                    share = (q * total - middle) / (here - middle) if middle >= 0.0 else 1.0
                    value = now if middle < 0.0 else value + (now - value) * share
                    break
                passed, middle, value = passed + weight, here, now
            found[d, i] = value
    return found
