"""Coal that came: ground that looks more like coal than before, against the ground around it on each look.

A matched filter of one look reads wet soil, thin shadow and haze as coal, but so it does around a pixel. What
a pixel reads beyond its surroundings is compared with what it read there before. Rain and light pass over
both; ground without coal that stands out by a good part of a pile's contrast from some look on has changed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from detection.coal.blocks import CELL_PX, NEIGHBOURHOOD
from detection.coal.smoothing import nan_median

Floats = NDArray[np.float64]

Bools = NDArray[np.bool_]

Ints = NDArray[np.int64]

AFTER_DAYS = 90.0
"""Days over which looks say together that coal has come. Assumed."""

BEFORE_DAYS = 430.0
"""Days over which they say what was there: a year and the same season before it. Assumed."""

LEAST_RISE, SURE_SD, FEWEST_LOOKS = 0.3, 5.0, 3
"""Of what a pixel reads beyond its surroundings: fraction of coal, standard errors, looks on each side.
Assumed."""

CLEAN = 0.5
"""Share of the least rise that clean ground reads beyond its surroundings at most. Assumed."""

LEAST_FALL = 0.2
"""Natural logarithm by which ground must be darker than before: ripening crops are not. Assumed."""

DARKEST = 0.005
"""Reflectance under which a look is taken for this before its logarithm is. Assumed."""

PRIOR_LOOKS, PRIOR_SD = 4.0, 0.05
"""Looks at which a pixel's own scatter weighs as much as the usual one, and that, in fractions of coal.
Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Onset:
    """Where coal came, and when."""

    mask: Bools
    """(y, x)."""
    coal: Bools
    """(time, y, x) looks from then on that still stand out."""
    bare: Bools
    """(time, y, x) looks before."""


def standing_out(first: Floats) -> Floats:
    """(time, y, x) what a pixel reads less the median of the cells around, NaN where not seen.

    Args:
        first: (time, y, x) of each look by itself, NaN where not seen.
    """
    rows = np.minimum(np.arange(first.shape[1]) // CELL_PX, max(1, first.shape[1] // CELL_PX) - 1)
    columns = np.minimum(np.arange(first.shape[2]) // CELL_PX, max(1, first.shape[2] // CELL_PX) - 1)
    cells = _cell_medians(first)
    typical = nan_median(cells.reshape(len(cells), -1), axis=1)[:, None, None]
    around = median_filter(
        np.where(np.isfinite(cells), cells, np.nan_to_num(typical)),
        size=(1, NEIGHBOURHOOD, NEIGHBOURHOOD),
        mode="nearest",
    )
    return np.asarray(first - around[:, rows][:, :, columns])


def _cell_medians(first: Floats) -> Floats:
    """(time, row, column)."""
    height, width = first.shape[1:]
    rows, columns = max(1, height // CELL_PX), max(1, width // CELL_PX)
    cut = first[:, : rows * CELL_PX, : columns * CELL_PX]
    split = cut.reshape(len(first), rows, cut.shape[1] // rows, columns, cut.shape[2] // columns)
    return nan_median(np.moveaxis(split, -2, 2).reshape(len(first), rows, columns, -1), axis=-1)


def coal_onset(
    first: Floats,
    brightness: Floats,
    days: Floats,
    *,
    step: float = LEAST_RISE,
    sure_sd: float = SURE_SD,
    fewest: int = FEWEST_LOOKS,
) -> Onset:
    """Ground on which coal came, at the look that tells it best.

    Args:
        first: (time, y, x) matched fraction of each look by itself, NaN where not seen.
        brightness: (time, y, x) mean reflectance of the bands, NaN where not seen.
        days: (time,).
        step: least rise, in fractions of coal.
        sure_sd: standard errors that it must have.
        fewest: looks before, and from then on.
    """
    out, shade = standing_out(first), standing_out(np.log(np.maximum(brightness, DARKEST)))
    since = np.searchsorted(days, days - BEFORE_DAYS)
    until = np.searchsorted(days, days + AFTER_DAYS)
    told = _best(_by_pixel(out), _by_pixel(shade), since, until, fewest, PRIOR_LOOKS, PRIOR_SD)
    best, rise, level, fall = (part.reshape(out.shape[1:]) for part in told[:4])
    onset = np.where(told[4] >= 0, days[told[4]], np.inf).reshape(out.shape[1:])
    mask = (best > sure_sd) & (rise > step) & (level < CLEAN * step) & (fall > LEAST_FALL)
    seen, age = np.isfinite(out), days[:, None, None] - onset
    with np.errstate(invalid="ignore"):
        dark = out > level + 0.5 * rise
    coal = seen & dark & (age >= 0.0)
    mask &= coal.sum(axis=0) >= fewest
    return Onset(mask=mask, coal=mask & coal, bare=mask & seen & (age < 0.0))


def _by_pixel(values: Floats) -> Floats:
    """(n, time) of (time, y, x)."""
    return np.ascontiguousarray(values.reshape(len(values), -1).T)


@njit(cache=True)
def _best(
    out: Floats, shade: Floats, since: Ints, until: Ints, fewest: int, prior_looks: float, prior_sd: float
) -> tuple[Floats, Floats, Floats, Floats, Ints]:
    """The look from which on each pixel differs most surely from what it was.

    The looks before and from it on are compared by their means, with one scatter for both.

    Args:
        out: (n, time) what a pixel reads beyond its surroundings, NaN where not seen.
        shade: (n, time) the same of the logarithm of its brightness.
        since: (time,) first look that says what was there before a look.
        until: (time,) end of the looks that say what is there from it on.
        fewest: looks on each side.
        prior_looks: at which a pixel's own scatter weighs as much as the usual one,
        prior_sd: and that.

    Returns:
        each (n,): standard errors of the rise (-inf where no look has enough on both sides), the rise, the
        mean before, by how much it got darker, and the look; -1 where there is none.
    """
    pixels, looks = out.shape
    best, onset = np.full(pixels, -np.inf), np.full(pixels, -1)
    rise, level, fall = best.copy(), best.copy(), best.copy()
    # Running sums over the looks of a pixel: how many, their values and squares; how many shades, and theirs.
    count, total, squared = np.zeros(looks + 1), np.zeros(looks + 1), np.zeros(looks + 1)
    shaded, dark = np.zeros(looks + 1), np.zeros(looks + 1)
    for p in range(pixels):
        for t in range(looks):
            count[t + 1], total[t + 1], squared[t + 1] = count[t], total[t], squared[t]
            shaded[t + 1], dark[t + 1] = shaded[t], dark[t]
            if np.isfinite(out[p, t]):
                count[t + 1] += 1.0
                total[t + 1] += out[p, t]
                squared[t + 1] += out[p, t] ** 2
            if np.isfinite(shade[p, t]):
                shaded[t + 1] += 1.0
                dark[t + 1] += shade[p, t]
        for t in range(looks):
            first, end = since[t], until[t]
            low, high = count[t] - count[first], count[end] - count[t]
            if min(low, high) < fewest:
                continue
            total_low, total_high = total[t] - total[first], total[end] - total[t]
            mean_low, mean_high = total_low / low, total_high / high
            squares = max(squared[t] - squared[first] - total_low * mean_low, 0.0)
            squares += max(squared[end] - squared[t] - total_high * mean_high, 0.0)
            freedom = max(low + high - 2.0, 0.0) + prior_looks
            variance = (squares + prior_looks * prior_sd**2) / freedom
            sure = (mean_high - mean_low) / np.sqrt(variance * (1.0 / low + 1.0 / high))
            if sure > best[p]:
                best[p], onset[p], level[p] = sure, t, mean_low
                rise[p] = mean_high - mean_low
                before = (dark[t] - dark[first]) / max(shaded[t] - shaded[first], 1.0)
                after = (dark[end] - dark[t]) / max(shaded[end] - shaded[t], 1.0)
                fall[p] = before - after
    return best, rise, level, fall, onset
