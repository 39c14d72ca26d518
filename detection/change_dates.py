"""Between which dates a patch of ground changed, from the dates of its pixels.

A patch is bared over weeks, and its pixels are seen on days that clouds choose. The dates of single pixels
tell when each of them departed, not when the patch was bared: the interval of the patch takes the early ones
of its early dates and the late ones of its late dates, and a stated number of days on either side.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

EPOCH = dt.date(1970, 1, 1)

Days = NDArray[np.int64] | NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class DateParams:
    """How far the dates of pixels are widened, saved with the result; fitted on simulated patches."""

    low_quantile: float
    """Of the earliest possible dates of the pixels that count: earlier ones are of single odd pixels."""
    high_quantile: float
    """Of their latest possible dates."""
    before_days: int = 0
    """A pixel of which little was bared still looks as it did."""
    after_days: int = 0
    """A pixel departs before all of it is bared."""


def date_interval(earliest: Days, latest: Days, *, params: DateParams) -> tuple[dt.date, dt.date]:
    """Not before and not after which day a patch changed.

    Args:
        earliest: day since 1970 on which each pixel was last seen unchanged.
        latest: day on which each was first seen changed, or latest day that fits it.
        params: knobs.
    """
    low = EPOCH + dt.timedelta(days=int(np.quantile(earliest, params.low_quantile)))
    high = EPOCH + dt.timedelta(days=int(np.quantile(latest, params.high_quantile)))
    return low - dt.timedelta(days=params.before_days), high + dt.timedelta(days=params.after_days)
