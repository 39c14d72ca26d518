"""Coal that came: ground that looks more like coal than before, against the ground around it on each look.

A matched filter of one look reads wet soil, thin shadow and haze as coal, but so it does around a pixel. What
a pixel reads beyond its surroundings is compared with what it read there before. Rain and light pass over
both; ground without coal that stands out by a good part of a pile's contrast from some look on has changed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from detection.coal.blocks import CELL_PX, NEIGHBOURHOOD
from detection.coal.smoothing import nan_median

Floats = NDArray[np.float64]

Bools = NDArray[np.bool_]

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
    told, darker = _Sums.of(out), _Sums.of(shade)
    best, rise, level, fall = (np.full(out.shape[1:], -np.inf) for _ in "brlf")
    onset = np.full(out.shape[1:], np.inf)
    for t, day in enumerate(days):
        since, until = np.searchsorted(days, (day - BEFORE_DAYS, day + AFTER_DAYS), side="left").tolist()
        low, high = told.between(since, t), told.between(t, until)
        enough = np.minimum(low.count, high.count) >= fewest
        sure = np.where(enough, (high.mean - low.mean) / _error(low, high), -np.inf)
        better = sure > best
        best, onset = np.where(better, sure, best), np.where(better, day, onset)
        rise, level = np.where(better, high.mean - low.mean, rise), np.where(better, low.mean, level)
        fall = np.where(better, darker.between(since, t).mean - darker.between(t, until).mean, fall)
    mask = (best > sure_sd) & (rise > step) & (level < CLEAN * step) & (fall > LEAST_FALL)
    seen, age = np.isfinite(out), days[:, None, None] - onset
    with np.errstate(invalid="ignore"):
        dark = out > level + 0.5 * rise
    coal = seen & dark & (age >= 0.0)
    mask &= coal.sum(axis=0) >= fewest
    return Onset(mask=mask, coal=mask & coal, bare=mask & seen & (age < 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Some looks at every pixel, each (y, x)."""

    count: Floats
    mean: Floats
    squares: Floats
    """Sum of squares about the mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sums:
    """Running sums over the looks, (3, time + 1, y, x): how many, their values, their squares."""

    running: Floats

    @classmethod
    def of(cls, values: Floats) -> _Sums:
        """Of values (time, y, x), NaN where not seen."""
        seen = np.isfinite(values)
        shown = np.where(seen, values, 0.0)
        parts = np.stack([seen.astype(np.float64), shown, shown**2])
        return cls(running=np.concatenate([np.zeros_like(parts[:, :1]), parts.cumsum(axis=1)], axis=1))

    def between(self, first: int, after: int) -> _Group:
        """The looks from `first` to before `after`."""
        count, total, squares = self.running[:, after] - self.running[:, first]
        mean = total / np.maximum(count, 1.0)
        return _Group(count=count, mean=mean, squares=np.maximum(squares - total * mean, 0.0))


def _error(low: _Group, high: _Group) -> Floats:
    """(y, x) standard error of the difference of two means, with one scatter for both."""
    told = np.maximum(low.count + high.count - 2.0, 0.0) + PRIOR_LOOKS
    variance = (low.squares + high.squares + PRIOR_LOOKS * PRIOR_SD**2) / told
    return np.asarray(
        np.sqrt(variance * (1.0 / np.maximum(low.count, 1.0) + 1.0 / np.maximum(high.count, 1.0)))
    )
