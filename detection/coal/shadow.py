"""Looks that the masks let through although the ground was in shadow or under cloud.

A missed shadow makes coal and ground alike black, a missed cloud makes them alike bright: either way the
mixture fits and says "no coal". What gives them away is their size. In cells of 50 m, a look is compared with
the cell's own looks at the same time of year; where nearly all cells of a neighbourhood are far darker in the
infrared, or far brighter in the visible, nothing was seen. A pile, even a large new one, leaves lit ground in
the neighbourhood.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, percentile_filter

from detection.coal.smoothing import nan_median

Floats = NDArray[np.float64]

Bools = NDArray[np.bool_]
TINY = 1e-6
"""Weight under which nothing was seen near."""
YEAR_DAYS = 365.25
VEIL_PERCENTILE = 20.0
"""A neighbourhood under cloud is as bright as its darkest fifth."""
LEAST_LIGHT = 0.005
"""Reflectance that a season's ground has at least."""
CELL_SEEN = 1.0 / 3.0
"""Share of a cell that must have been seen. Assumed."""

CELL_PX = 5

NEIGHBOURHOOD = 5

"""Cells along one side of a neighbourhood: 250 m."""

LIT_PERCENTILE = 80.0

"""A neighbourhood is as bright as its brightest fifth: coal on the rest does not darken it."""

DARKEST = 0.55

"""Infrared, relative to the season, below which a neighbourhood is in shadow: diffuse light leaves less."""

VEIL = 0.04

"""Visible reflectance by which the darkest fifth of a neighbourhood under cloud exceeds its season."""

SEASON_DAYS = 45.0

FEWEST_OF_SEASON = 4

"""Looks at the same time of year from which a cell has a season of its own; fewer take the block's."""


def lit_looks(pixels: Floats, seen: Bools, days: Floats, *, visible: list[int], infrared: list[int]) -> Bools:
    """(time, y, x) neither in shadow nor under cloud, as far as their size tells; true where not seen.

    Args:
        pixels: (time, y, x, band) reflectance, NaN where missing.
        seen: (time, y, x).
        days: (time,) since any 1 January.
        visible: positions of the visible bands.
        infrared: positions of the infrared bands.
    """
    dark = _cells(pixels[..., infrared].mean(axis=-1), seen)
    bright = _cells(pixels[..., visible].mean(axis=-1), seen)
    season = _same_season(days)
    lightest = _ranked(dark / np.maximum(_usual(dark, season), LEAST_LIGHT), LIT_PERCENTILE)
    veil = _ranked(bright - _usual(bright, season), VEIL_PERCENTILE)
    good = ~(lightest < DARKEST) & ~(veil > VEIL)
    rows = np.minimum(np.arange(pixels.shape[1]) // CELL_PX, good.shape[1] - 1)
    columns = np.minimum(np.arange(pixels.shape[2]) // CELL_PX, good.shape[2] - 1)
    return np.asarray(good[:, rows][:, :, columns])


def _cells(values: Floats, seen: Bools) -> Floats:
    """(time, row, column) means of what was seen, NaN where less than a third of a cell was."""
    times, height, width = values.shape
    rows, columns = max(1, height // CELL_PX), max(1, width // CELL_PX)
    cut = (slice(None), slice(0, rows * CELL_PX), slice(0, columns * CELL_PX))
    shape = (times, rows, min(CELL_PX, height), columns, min(CELL_PX, width))
    shown = seen[cut].reshape(shape)
    total = np.where(shown, values[cut].reshape(shape), 0.0).sum(axis=(2, -1))
    count = shown.sum(axis=(2, -1))
    return np.where(count > shown[0, 0, :, 0].size * CELL_SEEN, total / np.maximum(count, 1), np.nan)


def _same_season(days: Floats) -> Bools:
    """(time, time) whether two looks lie at the same time of any year."""
    apart = np.abs(days[:, None] - days[None, :]) % YEAR_DAYS
    return np.asarray(np.minimum(apart, YEAR_DAYS - apart) <= SEASON_DAYS)


def _usual(cells: Floats, season: Bools) -> Floats:
    """(time, row, column) what a cell is at this time of year; the block's season where it has none."""
    typical = nan_median(cells)
    level = nan_median((cells / np.maximum(typical, LEAST_LIGHT)).reshape(len(cells), -1), axis=1)
    out = np.empty_like(cells)
    for t, alike in enumerate(season):
        own = nan_median(cells[alike])
        enough = np.isfinite(cells[alike]).sum(axis=0) >= FEWEST_OF_SEASON
        of_block = float(nan_median(level[alike]))
        out[t] = np.where(enough, own, typical * (of_block if np.isfinite(of_block) else 1.0))
    return out


def _ranked(cells: Floats, percentile: float) -> Floats:
    """(time, row, column) percentile of each neighbourhood, cells that were not seen filled from around."""
    known = np.isfinite(cells)
    sigma = (0.0, 2.0, 2.0)
    weight = gaussian_filter(known.astype(np.float64), sigma, mode="nearest")
    around = gaussian_filter(np.where(known, cells, 0.0), sigma, mode="nearest") / np.maximum(weight, TINY)
    filled = np.where(known, cells, np.where(weight > TINY, around, np.nan))
    ranked = percentile_filter(
        np.nan_to_num(filled, nan=1.0 if percentile == LIT_PERCENTILE else 0.0),
        percentile,
        size=(1, NEIGHBOURHOOD, NEIGHBOURHOOD),
        mode="nearest",
    )
    return np.asarray(ranked)
