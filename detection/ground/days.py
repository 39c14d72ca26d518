"""Days of looks are counted from 1970-01-01."""

from __future__ import annotations

import datetime as dt

import numpy as np

from evidence.arrays import Ints

EPOCH = dt.date(1970, 1, 1)
MONTHS = 12
"""Of a year. Defined."""


def to_date(day: float) -> dt.date:
    """The date of a day."""
    return EPOCH + dt.timedelta(days=int(day))


def to_day(date: dt.date) -> int:
    """The day of a date."""
    return (date - EPOCH).days


def month_of(day: Ints) -> Ints:
    """(day,) month of the year of each day, 1 to 12."""
    date = np.asarray(day, np.int64).astype("datetime64[D]")
    return np.asarray(date.astype("datetime64[M]").astype(np.int64) % MONTHS + 1)
