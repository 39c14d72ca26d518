"""How much of each pixel is bare ground, from the clear looks of one season.

The share is a logistic function of the seasonal medians of NDVI and, where short-wave infrared is there, of
the bare soil index. Its coefficients were fitted by quasi-likelihood (Papke and Wooldridge 1996) to the true
shares of ten simulated sites, so that shares of mixed pixels add up to an area.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import expit

from detection.indices import bare_soil_index, ndvi, normalised_difference

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

WITH_SWIR = (6.03, -10.263, 13.491)
"""Intercept, NDVI, BSI. Fitted on simulated seeds 910 to 919 (132 × 132 pixels, three summers),
root mean square error 0.105 of a pixel."""
WITHOUT_SWIR = (9.35, -18.289, 0.0)
"""The same from NDVI alone, error 0.106."""
WATER_NDWI, WATER_NIR = -0.05, 0.08
"""Water: NDWI (McFeeters 1996) above and near infrared below; coal lies near −0.17, dark pits near −0.25."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """Clear looks of one year's season; NaN where not seen clearly."""

    year: int
    scene_ids: tuple[str, ...]
    green: Floats
    """(time, y, x) NDVI."""
    soil: Floats
    """(time, y, x) bare soil index; zero where there is no short-wave infrared."""
    with_swir: bool
    red: Floats
    """(y, x) median reflectance."""
    nir: Floats
    """(y, x) median reflectance."""
    water: Bools
    """(y, x) water in most looks."""
    looks: NDArray[np.int64]
    """(y, x) clear looks."""

    def bare(self) -> Floats:
        """(y, x) share of bare ground; zero on water and where nothing was seen."""
        share = bare_share(median(self.green), median(self.soil), with_swir=self.with_swir)
        return np.where(self.water | (self.looks == 0), 0.0, np.nan_to_num(share))

    def drawn(self, pick: NDArray[np.intp], rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Floats:
        """(pixel,) shares of some pixels from looks drawn anew; NaN where none of them was clear."""
        green, soil = self.green[pick][:, rows, columns], self.soil[pick][:, rows, columns]
        share = bare_share(median(green), median(soil), with_swir=self.with_swir)
        return np.where(self.water[rows, columns], 0.0, share)


def bare_share(green: Floats, soil: Floats, *, with_swir: bool) -> Floats:
    """Expected share of bare ground given NDVI and BSI."""
    constant, by_green, by_soil = WITH_SWIR if with_swir else WITHOUT_SWIR
    share: Floats = expit(constant + by_green * green + by_soil * soil)
    return share


def read_season(cube: xr.Dataset, year: int, months: tuple[int, int]) -> Season:
    """The clear looks of one year's season."""
    time = cube["time"].dt
    wanted = (time.year == year) & (time.month >= months[0]) & (time.month <= months[1])
    part = cube.isel(time=np.flatnonzero(wanted.to_numpy()))
    clear = part["valid"].to_numpy() & ~part["snow"].to_numpy()
    bands = {
        name: np.where(clear, part[name].to_numpy(), np.float32(np.nan))
        for name in ("blue", "green", "red", "nir", "swir16")
        if name in part
    }
    green = ndvi(bands).astype(np.float64)
    with_swir = {"blue", "swir16"} <= bands.keys()
    soil = bare_soil_index(bands).astype(np.float64) if with_swir else np.zeros_like(green)
    return Season(
        year=year,
        scene_ids=tuple(str(s) for s in part["scene_id"].to_numpy()[clear.any(axis=(1, 2))]),
        green=green,
        soil=soil,
        with_swir=with_swir,
        red=median(bands["red"].astype(np.float64)),
        nir=median(bands["nir"].astype(np.float64)),
        water=_water(part, bands, clear),
        looks=np.isfinite(green).sum(axis=0),
    )


def _water(part: xr.Dataset, bands: dict[str, NDArray[np.float32]], clear: Bools) -> Bools:
    count = np.maximum(clear.sum(axis=0), 1)
    flagged = np.zeros(clear.shape[1:], bool)
    if "water" in part:
        flagged = (part["water"].to_numpy() & clear).sum(axis=0) > count / 2
    if "green" not in bands:
        return flagged
    ndwi = median(normalised_difference(bands["green"], bands["nir"]).astype(np.float64))
    dark = median(bands["nir"].astype(np.float64)) < WATER_NIR
    wet: Bools = flagged & dark | (ndwi > WATER_NDWI) & dark
    return wet


def median(stack: Floats) -> Floats:
    """Median along the first axis, NaN left out; NaN where nothing is left."""
    if stack.shape[0] == 0:
        return np.full(stack.shape[1:], np.nan)
    ordered = np.sort(stack, axis=0)
    count = np.isfinite(stack).sum(axis=0)
    low, high = np.maximum((count - 1) // 2, 0), np.minimum(count // 2, stack.shape[0] - 1)
    pick = [np.take_along_axis(ordered, index[None], axis=0)[0] for index in (low, high)]
    return np.where(count > 0, (pick[0] + pick[1]) / 2, np.nan)
