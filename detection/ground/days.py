"""Days of looks are counted from 1970-01-01."""

from __future__ import annotations

import datetime as dt

EPOCH = dt.date(1970, 1, 1)


def to_date(day: float) -> dt.date:
    """The date of a day."""
    return EPOCH + dt.timedelta(days=int(day))


def to_day(date: dt.date) -> int:
    """The day of a date."""
    return (date - EPOCH).days
