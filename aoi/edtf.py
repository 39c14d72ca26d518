"""EDTF dates (ISO 8601-2, level 0, with level 1's marks ``?~%`` and unspecified digits ``X``)."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass

from evidence.errors import AoiError

_DATE = re.compile(
    r"(?P<year>\d{4}|\d{3}X|\d{2}XX)(?:-(?P<month>\d{2}|XX)(?:-(?P<day>\d{2}|XX))?)?(?P<mark>[?~%])?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DateRange:
    """The days that a date of limited precision may mean."""

    earliest: dt.date
    latest: dt.date
    """Inclusive."""
    uncertain: bool
    """Whether the source is in doubt beyond the precision (``?``, ``~``, ``%``)."""


def _year_range(text: str) -> tuple[int, int]:
    return int(text.replace("X", "0")), int(text.replace("X", "9"))


def parse_date(text: str, *, where: str = "date") -> DateRange:
    """The range of days of an EDTF date.

    Raises:
        AoiError: where it is not one.
    """
    match = _DATE.fullmatch(text)
    if match is None:
        raise AoiError(f"{where}: {text[:40]!r} is not an EDTF date, as in 2016-02, 2016-02-07 or 2006~")
    low_year, high_year = _year_range(match["year"])
    month, day = match["month"], match["day"]
    if "X" in match["year"] and month is not None:
        raise AoiError(f"{where}: {text!r} has a month in a year that is not known")
    try:
        return _range(low_year, high_year, month, day, uncertain=match["mark"] is not None)
    except ValueError as error:
        raise AoiError(f"{where}: {text!r} is not a day of the calendar") from error


def _range(
    low_year: int, high_year: int, month: str | None, day: str | None, *, uncertain: bool
) -> DateRange:
    if month is None or month == "XX":
        if day not in {None, "XX"}:
            raise ValueError(day)
        return DateRange(
            earliest=dt.date(low_year, 1, 1), latest=dt.date(high_year, 12, 31), uncertain=uncertain
        )
    if day is None or day == "XX":
        last = calendar.monthrange(low_year, int(month))[1] if 1 <= int(month) <= 12 else 0  # noqa: PLR2004
        first_day, last_day = 1, last
    else:
        first_day = last_day = int(day)
    return DateRange(
        earliest=dt.date(low_year, int(month), first_day),
        latest=dt.date(low_year, int(month), last_day),
        uncertain=uncertain,
    )


def first_day(text: str, *, where: str = "date") -> dt.date:
    """The first day that an EDTF date may mean."""
    return parse_date(text, where=where).earliest
