"""From reflectance to colours: one stretch per band set for all dates, so coal never darkens by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

SAMPLE_DATES = 24
SAMPLE_SEEN = 0.2
"""Share of the site that a date of the sample shows."""
SAMPLE_PIXELS = 20_000
"""Per date; the percentiles of so many pixels move by less than a grey level."""
FEWEST_PIXELS = 200
PERCENTILES = (0.5, 99.5)
GAMMA = 1.7
CHANGE_LIMIT = 0.3
"""Index difference at either end of the change colours."""
SEASON_DAYS = 30
"""Looks this close to the same day a year earlier are the same season."""
SEASON_LOOKS = 3
"""Same-season looks that the change is taken against, per date."""
CLEAR_SHARE = 0.5
"""Looks that saw less come last in that choice."""

SEEN, CLOUD, SHADOW, SNOW, NODATA, OTHER, OUTSIDE = range(7)
"""Codes of the mask picture: what could be seen, or why not."""

CHANGE_COLOURS = np.array(
    [
        (33, 102, 172),
        (103, 169, 207),
        (209, 229, 240),
        (247, 247, 247),
        (253, 219, 199),
        (239, 138, 98),
        (178, 24, 43),
    ],
    dtype=np.float64,
)
"""Blue, white, red (ColorBrewer RdBu, colour-blind safe): greener, equal, barer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BandSet:
    """Three bands shown as red, green, blue."""

    id: str
    bands: tuple[str, str, str]
    joint: bool
    """One range for the three bands, which keeps the hue."""


TRUE_COLOUR = BandSet(id="true", bands=("red", "green", "blue"), joint=True)
FALSE_COLOUR = BandSet(id="false", bands=("swir16", "nir", "red"), joint=False)
BAND_SETS = (TRUE_COLOUR, FALSE_COLOUR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Reflectance shown as black and as white, per band, the same for every date."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    gamma: float = GAMMA


def available(cube: xr.Dataset) -> tuple[BandSet, ...]:
    """The band sets that the cube has all bands of."""
    return tuple(band_set for band_set in BAND_SETS if all(band in cube for band in band_set.bands))


def _sample_times(cube: xr.Dataset) -> NDArray[np.intp]:
    """The earliest looks that saw enough: new looks do not move the colours of a site that has that many."""
    seen = np.asarray(cube["valid"].mean(dim=("y", "x")).values)
    enough = np.flatnonzero(seen > SAMPLE_SEEN)
    if enough.size == 0:
        enough = np.flatnonzero(seen > SAMPLE_SEEN * max(float(seen.max(initial=0.0)), 1e-9))
    return enough[:SAMPLE_DATES]


def _limits(layer: xr.Dataset, bands: tuple[str, ...]) -> NDArray[np.float64] | None:
    """Percentiles ``(2, band)`` of the clear snow-free ground of one date; None where there is too little."""
    good = np.array(layer["valid"].values, dtype=bool)  # a copy: the cube's own mask stays as it is
    if "snow" in layer:
        good &= ~np.asarray(layer["snow"].values, dtype=bool)
    values = np.stack([np.asarray(layer[band].values, dtype=np.float32)[good] for band in bands])
    values = values[:, np.isfinite(values).all(axis=0)]
    if values.shape[1] < FEWEST_PIXELS:
        return None
    step = max(1, values.shape[1] // SAMPLE_PIXELS)
    return np.asarray(np.percentile(values[:, ::step], PERCENTILES, axis=1), dtype=np.float64)


def common_stretch(cube: xr.Dataset, band_set: BandSet) -> Stretch:
    """Percentiles of clear snow-free ground, median over dates: one missed cloud moves nothing."""
    found = [_limits(cube.isel(time=int(t)), band_set.bands) for t in _sample_times(cube)]
    known = [limits for limits in found if limits is not None]
    if not known:
        return Stretch(low=(0.0,) * 3, high=(0.3,) * 3)
    lows, highs = np.median(np.stack(known), axis=0)
    if band_set.joint:
        lows, highs = np.full(3, lows.min()), np.full(3, highs.max())
    lows = np.maximum(lows, 0.0)
    highs = np.maximum(highs, lows + 0.02)
    low0, low1, low2 = (round(float(v), 4) for v in lows)
    high0, high1, high2 = (round(float(v), 4) for v in highs)
    return Stretch(low=(low0, low1, low2), high=(high0, high1, high2))


def paint(reflectance: NDArray[np.float32], stretch: Stretch) -> NDArray[np.uint8]:
    """``(3, y, x)`` reflectance to ``(y, x, 4)`` colours; missing pixels are transparent."""
    low = np.array(stretch.low, dtype=np.float32)[:, None, None]
    high = np.array(stretch.high, dtype=np.float32)[:, None, None]
    missing = ~np.isfinite(reflectance).all(axis=0)
    scaled = np.clip((np.nan_to_num(reflectance) - low) / (high - low), 0.0, 1.0) ** (1.0 / stretch.gamma)
    colours = np.moveaxis(np.rint(scaled * 255.0), 0, -1).astype(np.uint8)
    colours[missing] = 0
    return np.dstack([colours, np.where(missing, 0, 255).astype(np.uint8)])


def paint_change(change: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Index difference ``(y, x)`` to ``(y, x, 4)`` colours; not comparable pixels are transparent."""
    missing = ~np.isfinite(change)
    known = np.where(missing, np.float32(0.0), change)
    position = np.clip(known / CHANGE_LIMIT, -1.0, 1.0) * 3.0 + 3.0
    stops = np.arange(7.0)
    channels = [np.interp(position, stops, CHANGE_COLOURS[:, c]) for c in range(3)]
    colours = np.stack(channels, axis=-1).round().astype(np.uint8)
    colours[missing] = 0
    return np.dstack([colours, np.where(missing, 0, 255).astype(np.uint8)])


def bareness(layer: xr.Dataset) -> NDArray[np.float32]:
    """Bare-soil index ((swir16+red)−(nir+blue))/(sum) where seen; −NDVI where there is no short-wave band."""
    red, nir = (np.asarray(layer[band].values, dtype=np.float32) for band in ("red", "nir"))
    if "swir16" in layer:
        blue, swir = (np.asarray(layer[band].values, dtype=np.float32) for band in ("blue", "swir16"))
        bare, green = swir + red, nir + blue
    else:
        bare, green = red, nir
    with np.errstate(divide="ignore", invalid="ignore"):
        index = (bare - green) / (bare + green)
    return np.where(np.asarray(layer["valid"].values, dtype=bool), index, np.float32(np.nan)).astype(
        np.float32
    )


def season_looks(times: NDArray[np.datetime64], seen: NDArray[np.float64], now: int) -> list[int]:
    """Indices of same-season looks of the year before, at most `SEASON_LOOKS`: clear first, then near."""
    year = np.timedelta64(365, "D")
    distance = np.abs((times - (times[now] - year)) / np.timedelta64(1, "D"))
    near = np.flatnonzero((distance <= SEASON_DAYS) & (seen > 0.0))
    order = np.lexsort((distance[near], seen[near] < CLEAR_SHARE))
    return [int(i) for i in near[order][:SEASON_LOOKS]]


def bareness_change(cube: xr.Dataset, now: int, before: list[int]) -> NDArray[np.float32]:
    """Bareness of look `now` less the mean of the looks `before`, where both saw the ground."""
    total = np.zeros((cube.sizes["y"], cube.sizes["x"]), dtype=np.float32)
    count = np.zeros_like(total)
    for time in before:
        index = bareness(cube.isel(time=time))
        good = np.isfinite(index)
        total[good] += index[good]
        count += good
    mean = np.where(count > 0, total / np.maximum(count, 1), np.float32(np.nan))
    return (bareness(cube.isel(time=now)) - mean).astype(np.float32)


def visibility(layer: xr.Dataset) -> NDArray[np.uint8]:
    """Per pixel ``(y, x)``: seen, or the first reason why not."""
    codes = np.full(layer["valid"].shape, OTHER, dtype=np.uint8)
    for name, code in (("snow", SNOW), ("shadow", SHADOW), ("cloud", CLOUD)):
        if name in layer:
            codes[np.asarray(layer[name].values, dtype=bool)] = code
    codes[~np.isfinite(np.asarray(layer["red"].values, dtype=np.float32))] = NODATA
    codes[np.asarray(layer["valid"].values, dtype=bool)] = SEEN
    return codes
