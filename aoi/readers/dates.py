"""Dates as people write them in names of features, folders and files, as EDTF.

Korean ("2016. 2. 28.", "2016년 2월 28일"), ISO, American, British and German spellings, names of months,
ranges. A text with two meanings ("03/04/2016") has both: the caller asks, and never cuts it down to a year.
"""

from __future__ import annotations

import datetime as dt
import re

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()  # noqa: SIM905 - reads better
_YEAR = r"(?<!\d)((?:19|20)\d{2})"
_NAME = r"(" + "|".join(MONTHS) + r")[a-z]*\.?"
_FLAGS = re.ASCII | re.IGNORECASE
_YEAR_FIRST = (
    re.compile(_YEAR + r"\s*년\s*(\d{1,2})\s*월(?:\s*(\d{1,2})\s*일)?"),
    re.compile(_YEAR + r"\s?[-./_]\s?(\d{1,2})\s?[-./_]\s?(\d{1,2})(?!\d)", _FLAGS),
    re.compile(_YEAR + r"(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?!\d)", _FLAGS),
    re.compile(_YEAR + r"\s?[-./_]\s?(\d{1,2})(?!\s?[-./_]?\d)", _FLAGS),
)
_DAY_NAME_YEAR = re.compile(r"(?<!\d)(\d{1,2})(?:st|nd|rd|th)?[\s-]+" + _NAME + r",?[\s-]+" + _YEAR, _FLAGS)
_NAME_DAY_YEAR = re.compile(r"\b" + _NAME + r"\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+" + _YEAR, _FLAGS)
_NAME_YEAR = re.compile(r"\b" + _NAME + r",?\s+" + _YEAR, _FLAGS)
_YEAR_LAST = re.compile(r"(?<!\d)(\d{1,2})([./-])(\d{1,2})\2((?:19|20)\d{2})(?!\d)", _FLAGS)
_YEAR_ALONE = re.compile(_YEAR + r"(?:\s*년)?(?!\d)")


def dates_in(text: str) -> tuple[str, ...]:
    """Every EDTF date that a text may mean, in the order of the text; more than one is a range or a doubt."""
    found: list[tuple[int, str]] = []
    rest = text

    def take(pattern: re.Pattern[str], order: tuple[int, ...]) -> None:
        nonlocal rest
        for match in pattern.finditer(rest):
            parts = [match[k] or None for k in order]
            date = _edtf(*parts)
            if date is not None:
                found.append((match.start(), date))
        rest = pattern.sub(lambda match: " " * len(match[0]), rest)

    for pattern in _YEAR_FIRST:
        take(pattern, tuple(range(1, pattern.groups + 1)))
    take(_DAY_NAME_YEAR, (3, 2, 1))
    take(_NAME_DAY_YEAR, (3, 1, 2))
    take(_NAME_YEAR, (2, 1))
    for match in _YEAR_LAST.finditer(rest):
        found += [(match.start(), date) for date in _either(match)]
    rest = _YEAR_LAST.sub(lambda match: " " * len(match[0]), rest)
    take(_YEAR_ALONE, (1,))
    return tuple(dict.fromkeys(date for _, date in sorted(found, key=lambda one: one[0])))


def is_range(text: str, dates: tuple[str, ...]) -> bool:
    """Whether two dates of a text are its begin and end: in order, joined by a dash, "to" or a tilde."""
    between = re.search(r"\d\D{0,12}?(?:[-–—~〜]|\bto\b|\buntil\b|부터|에서)\D{0,12}?\d", text)
    return (
        len(dates) == 2  # noqa: PLR2004 - begin and end
        and dates[0] < dates[1]
        and between is not None
        and not _YEAR_LAST.fullmatch(text.strip())
    )


def _either(match: re.Match[str]) -> list[str]:
    """A date with the year last: day first (Europe), month first (America), or both where both fit."""
    one, mark, two, year = match.groups()
    orders = [(two, one)] if mark == "." else [(one, two), (two, one)]  # a dot is German, never American
    dates = [_edtf(year, month, day) for month, day in orders]
    return list(dict.fromkeys(date for date in dates if date is not None))


def _edtf(year: str | None, month: str | None = None, day: str | None = None) -> str | None:
    """An EDTF date; None where there is no such day."""
    if year is None:
        return None
    if month is not None and month[:3].lower() in MONTHS:
        month = str(MONTHS.index(month[:3].lower()) + 1)
    numbers = [int(part) for part in (month, day) if part]
    try:
        dt.date(int(year), *[*numbers, 1, 1][:2])
    except ValueError:
        return None
    return "-".join([year, *(f"{number:02d}" for number in numbers)])
