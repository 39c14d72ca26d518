"""Questions put before the figures are looked at: windows, dates, test; and their answers.

A question is a small TOML file whose hash goes into custody before anything is computed. Reading the file is
the caller's; here a mapping becomes a `Question` and a question with areas becomes an `Answer`.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.activity import together
from detection.coal.records import StockpileArea
from detection.trends import change_points, seasonal_mann_kendall, seasonal_slope
from evidence.errors import MeasurementError
from evidence.quantity import DEFAULT_LEVEL, Quantity, combine, difference

Floats = NDArray[np.float64]

TESTS = ("before_after", "trend", "change_points")
KEYS = frozenset(
    (
        "id",
        "title",
        "zones",
        "comparison_zones",
        "before",
        "after",
        "test",
        "neighbouring_dates",
        "minimum_looks",
    )
)
NEIGHBOURING_DATES = (
    dt.date(2016, 3, 2),
    dt.date(2016, 11, 30),
    dt.date(2017, 2, 19),
    dt.date(2017, 8, 5),
    dt.date(2017, 8, 15),
    dt.date(2017, 9, 5),
)
"""UN resolutions 2270, 2321, 2371; China's suspension of coal imports, its ban, its customs cut-off."""
FEWEST_LOOKS = 5
"""Under this many looks on either side nothing is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, of which zones, when."""

    id: str
    title: str
    zones: tuple[str, ...]
    test: str
    """before_after | trend | change_points."""
    before: tuple[dt.date, dt.date]
    """Half-open; for trend and change points the whole window begins here."""
    after: tuple[dt.date, dt.date]
    """Half-open; for trend and change points the whole window ends here."""
    comparison_zones: tuple[str, ...] = ()
    """Zones whose change is taken off: what happened to all is not what is asked."""
    neighbouring_dates: tuple[dt.date, ...] = NEIGHBOURING_DATES
    """Other dates at which windows could meet; the answer is given for each of them too."""
    minimum_looks: int = FEWEST_LOOKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the looks say."""

    question_id: str
    test: str
    difference_ha: Quantity
    """After minus before (comparison zones taken off); not assessable for other tests."""
    before_ha: Quantity
    after_ha: Quantity
    looks_before: int
    """All looks of the window, before thinning."""
    looks_after: int
    looks_used: int
    """On either side, after thinning to same-season dates."""
    sensitivity: tuple[tuple[dt.date, Quantity], ...] = ()
    """Date at which the windows would meet instead, and the difference then."""
    slope_ha_per_year: Quantity | None = None
    p_value: float | None = None
    """Of the seasonal Mann–Kendall test."""
    changes: tuple[tuple[dt.date, dt.date], ...] = ()
    """Change points: last look before, first look after."""


def parse_question(data: Mapping[str, Any]) -> Question:
    """A question from the mapping of its TOML file.

    Raises:
        MeasurementError: where a key is unknown or missing, or windows or test make no sense.
    """
    unknown = sorted(set(data) - KEYS)
    missing = sorted({"id", "zones", "before", "after", "test"} - set(data))
    if unknown or missing:
        raise MeasurementError(f"question: unknown keys {unknown}, missing keys {missing}")
    if data["test"] not in TESTS:
        raise MeasurementError(f"question {data['id']}: test {data['test']!r} is none of {', '.join(TESTS)}")
    before, after = _window(data["before"]), _window(data["after"])
    if before[1] > after[0]:
        raise MeasurementError(f"question {data['id']}: before ends {before[1]}, after begins {after[0]}")
    looks = int(data.get("minimum_looks", FEWEST_LOOKS))
    if looks < FEWEST_LOOKS:
        raise MeasurementError(f"question {data['id']}: minimum_looks {looks} is under {FEWEST_LOOKS}")
    return Question(
        id=str(data["id"]),
        title=str(data.get("title", data["id"])),
        zones=tuple(str(zone) for zone in data["zones"]),
        test=str(data["test"]),
        before=before,
        after=after,
        comparison_zones=tuple(str(zone) for zone in data.get("comparison_zones", ())),
        neighbouring_dates=tuple(_date(d) for d in data.get("neighbouring_dates", NEIGHBOURING_DATES)),
        minimum_looks=looks,
    )


def _date(value: object) -> dt.date:
    try:
        return value if isinstance(value, dt.date) else dt.date.fromisoformat(str(value))
    except ValueError as error:
        raise MeasurementError(f"question: {value!r} is not a date") from error


def _window(value: Sequence[object]) -> tuple[dt.date, dt.date]:
    if len(value) != 2:  # noqa: PLR2004 - first day and day after the last
        raise MeasurementError(f"question: a window is [first day, day after the last], not {value!r}")
    start, end = _date(value[0]), _date(value[1])
    if start >= end:
        raise MeasurementError(f"question: window {start} to {end} is empty")
    return start, end


def answer(question: Question, areas: Sequence[StockpileArea], *, level: float = DEFAULT_LEVEL) -> Answer:
    """Answer one question from the areas of a site."""
    own = summed(areas, question.zones, level)
    other = summed(areas, question.comparison_zones, level)
    before, after, sizes = compared(own, question.before, question.after, question.minimum_looks, level)
    change = _net(question, own, other, question.before, question.after, level)
    sensitivity = tuple(
        (
            date,
            _net(question, own, other, (question.before[0], date), (date, question.after[1]), level),
        )
        for date in question.neighbouring_dates
        if question.before[0] < date < question.after[1]
    )
    slope, p_value, changes = _over_time(question, own, level)
    return Answer(
        question_id=question.id,
        test=question.test,
        difference_ha=change,
        before_ha=before,
        after_ha=after,
        looks_before=sizes[0],
        looks_after=sizes[1],
        looks_used=sizes[2],
        sensitivity=sensitivity,
        slope_ha_per_year=slope,
        p_value=p_value,
        changes=changes,
    )


def summed(
    areas: Sequence[StockpileArea], zones: Sequence[str], level: float
) -> list[tuple[dt.date, Quantity]]:
    """The zones together on every date on which all of them were measured."""
    return [(when.date(), quantity) for when, quantity in together(areas, zones, level)]


def compared(
    looks: Sequence[tuple[dt.date, Quantity]],
    before: tuple[dt.date, dt.date],
    after: tuple[dt.date, dt.date],
    minimum: int,
    level: float,
) -> tuple[Quantity, Quantity, tuple[int, int, int]]:
    """Means of two windows over the same months with equally many looks in each.

    Returns:
        before, after, and the numbers of looks: before, after, used on either side.
    """
    early, late = _by_month(looks, before), _by_month(looks, after)
    left: list[Quantity] = []
    right: list[Quantity] = []
    for month in sorted(set(early) & set(late)):
        count = min(len(early[month]), len(late[month]))
        left += _thinned(early[month], count)
        right += _thinned(late[month], count)
    sizes = (sum(map(len, early.values())), sum(map(len, late.values())), len(left))
    if len(left) < minimum:
        reason = f"{sizes[0]} looks before, {sizes[1]} after, {len(left)} of the same season: under {minimum}"
        nothing = Quantity.not_assessable(reason, level=level)
        return nothing, nothing, sizes
    share = 1.0 / len(left)
    return (
        combine(((share, q) for q in left), level=level),
        combine(((share, q) for q in right), level=level),
        sizes,
    )


def _by_month(
    looks: Sequence[tuple[dt.date, Quantity]], window: tuple[dt.date, dt.date]
) -> dict[int, list[Quantity]]:
    out: dict[int, list[Quantity]] = defaultdict(list)
    for day, quantity in looks:
        if window[0] <= day < window[1]:
            out[day.month].append(quantity)
    return out


def _thinned(quantities: list[Quantity], count: int) -> list[Quantity]:
    """`count` looks, evenly spread; which ones does not depend on their values."""
    at = np.linspace(0, len(quantities) - 1, count).round().astype(int)
    return [quantities[i] for i in at.tolist()]


def _net(
    question: Question,
    own: Sequence[tuple[dt.date, Quantity]],
    other: Sequence[tuple[dt.date, Quantity]],
    before: tuple[dt.date, dt.date],
    after: tuple[dt.date, dt.date],
    level: float,
) -> Quantity:
    """After minus before, less the same of the comparison zones."""
    first, second, _ = compared(own, before, after, question.minimum_looks, level)
    change = difference(second, first, level=level)
    if not question.comparison_zones:
        return change
    first, second, _ = compared(other, before, after, question.minimum_looks, level)
    return difference(change, difference(second, first, level=level), level=level)


def _over_time(
    question: Question, own: Sequence[tuple[dt.date, Quantity]], level: float
) -> tuple[Quantity | None, float | None, tuple[tuple[dt.date, dt.date], ...]]:
    """Slope, test and change points over both windows, where they were asked for."""
    start, end = question.before[0], question.after[1]
    looks = [(day, q.value) for day, q in own if start <= day < end and q.value is not None]
    if question.test == "before_after":
        return None, None, ()
    if len(looks) < 2 * question.minimum_looks:
        reason = f"{len(looks)} looks: under {2 * question.minimum_looks}"
        return Quantity.not_assessable(reason, level=level), None, ()
    days = [day for day, _ in looks]
    values = np.array([value for _, value in looks])
    if question.test == "trend":
        return seasonal_slope(days, values, level=level), seasonal_mann_kendall(days, values), ()
    return None, None, change_points(days, values)
