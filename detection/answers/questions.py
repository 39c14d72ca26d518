"""Questions put before the figures are looked at, and their answers with a verdict.

A question is a small TOML file whose hash goes into custody before anything is computed. Reading the file is
the caller's; here a mapping becomes a `Question`, and a question with its looks, yearly figures or boundary
changes becomes an `Answer`. Two statements are kept apart: the difference *between these looks*, whose
interval holds the errors of looks alone, and the change *beyond what this place does in ordinary years*
(`detection.answers.judgement`). Only the second may be claimed.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from detection.answers.activity import FEWEST_LOOKS, FLOOR_HA, Presence, judge_presence, together
from detection.answers.judgement import (
    Judgement,
    JudgementParams,
    Look,
    Step,
    Verdict,
    Window,
    find_steps,
    holm,
    judge_step,
    judge_trend,
    judge_years,
    window_of_looks,
)
from detection.answers.trends import seasonal_mann_kendall, seasonal_slope
from detection.coal.records import StockpileArea
from evidence.errors import MeasurementError
from evidence.quantity import DEFAULT_LEVEL, Quantity, combine, difference


class About(StrEnum):
    """What a question is about."""

    STOCKPILE = "stockpile"
    GROUND = "ground"
    BOUNDARY = "boundary"


class Test(StrEnum):
    """What is asked of it."""

    BEFORE_AFTER = "before_after"
    TREND = "trend"
    CHANGE_POINTS = "change_points"
    PRESENCE = "presence"


TESTS_OF = {
    About.STOCKPILE: (Test.BEFORE_AFTER, Test.TREND, Test.CHANGE_POINTS, Test.PRESENCE),
    About.GROUND: (Test.BEFORE_AFTER,),
    About.BOUNDARY: (Test.BEFORE_AFTER,),
}
KEYS = frozenset(
    (
        "id",
        "title",
        "about",
        "zones",
        "part",
        "comparison_zones",
        "from_boundary",
        "to_boundary",
        "before",
        "after",
        "months",
        "test",
        "margin_ha",
        "neighbouring_dates",
        "minimum_looks",
    )
)
PARTS = ("total", "inside", "outside")
NEIGHBOURING_DATES = (
    dt.date(2016, 3, 2),
    dt.date(2016, 11, 30),
    dt.date(2017, 2, 19),
    dt.date(2017, 8, 5),
    dt.date(2017, 8, 15),
    dt.date(2017, 9, 5),
)
"""UN resolutions 2270, 2321, 2371; China's suspension of coal imports, its ban, its customs cut-off."""
MONTHS = 12
"""Of a year. By definition."""
PERCENT = 100.0
"""Of the whole. By definition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, of which zones, when."""

    id: str
    title: str
    zones: tuple[str, ...]
    """Of a stockpile question; of a question about ground those that it is limited to, or none."""
    test: str
    """before_after | trend | change_points | presence."""
    before: Window
    """Half-open; for trend and change points the whole window begins here."""
    after: Window
    """Half-open; for trend and change points the whole window ends here; presence is asked of this one."""
    about: str = "stockpile"
    """stockpile | ground | boundary."""
    part: str = "total"
    """Of ground: total | inside | outside of the boundary version in force."""
    months: tuple[int, ...] = ()
    """Months of the year that count; none: all."""
    margin_ha: float | None = None
    """Change that would matter: declared before anybody looked. Without it *no change* cannot be answered."""
    from_boundary: str | None = None
    to_boundary: str | None = None
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
    verdict: Verdict
    reason: str | None = None
    """Why it cannot be told."""
    judgement: Judgement | None = None
    """Beyond what this place does in ordinary years: the change that may be claimed; None for presence."""
    percent: float | None = None
    """Of the level before."""
    difference_ha: Quantity
    """After minus before between these looks alone (comparison zones taken off); not assessable for other
    tests."""
    before_ha: Quantity
    after_ha: Quantity
    looks_before: int = 0
    """All looks of the window, before thinning."""
    looks_after: int = 0
    looks_used: int = 0
    """On either side, after thinning to same-season dates."""
    sensitivity: tuple[tuple[dt.date, Quantity], ...] = ()
    """Date at which the windows would meet instead, and the change of the level then."""
    slope_ha_per_year: Quantity | None = None
    """Theil-Sen within months: of these looks."""
    p_value: float | None = None
    """Of the seasonal Mann-Kendall test, which takes years for independent."""
    steps: tuple[Step, ...] = ()
    presence: Presence | None = None
    alike: tuple[str, ...] = ()
    """What would look alike, by key of `detection.answers.sentences`."""

    @property
    def change(self) -> Quantity:
        """The change that may be claimed, or why there is none."""
        if self.judgement is None:
            return Quantity.not_assessable(self.reason or "not a question of change")
        return self.judgement.change

    @property
    def changes(self) -> tuple[tuple[dt.date, dt.date], ...]:
        """Steps: last look before, first look after."""
        return tuple((step.last_before, step.first_after) for step in self.steps)


def parse_question(data: Mapping[str, Any]) -> Question:
    """A question from the mapping of its TOML file.

    Raises:
        MeasurementError: where a key is unknown or missing, or windows or test make no sense.
    """
    about = _choice(data, "about", tuple(About), About.STOCKPILE)
    required = {"id", "before", "after", "test"} | ({"zones"} if about == About.STOCKPILE else set())
    if about == About.BOUNDARY:
        required = {"id", "from_boundary", "to_boundary"}
    unknown, missing = sorted(set(data) - KEYS), sorted(required - set(data))
    if unknown or missing:
        raise MeasurementError(f"question: unknown keys {unknown}, missing keys {missing}")
    test = _choice(data, "test", TESTS_OF[About(about)], Test.BEFORE_AFTER)
    never = (dt.date.min, dt.date.max)
    before = _window(data["before"]) if "before" in data else never
    after = _window(data["after"]) if "after" in data else never
    if about != About.BOUNDARY and before[1] > after[0]:
        raise MeasurementError(f"question {data['id']}: before ends {before[1]}, after begins {after[0]}")
    looks = int(data.get("minimum_looks", FEWEST_LOOKS))
    if looks < FEWEST_LOOKS:
        raise MeasurementError(f"question {data['id']}: minimum_looks {looks} is under {FEWEST_LOOKS}")
    return Question(
        id=str(data["id"]),
        title=str(data.get("title", data["id"])),
        about=about,
        zones=tuple(str(zone) for zone in data.get("zones", ())),
        part=_choice(data, "part", PARTS, "total"),
        test=test,
        before=before,
        after=after,
        months=_months(data),
        margin_ha=_margin(data),
        from_boundary=_text(data, "from_boundary"),
        to_boundary=_text(data, "to_boundary"),
        comparison_zones=tuple(str(zone) for zone in data.get("comparison_zones", ())),
        neighbouring_dates=tuple(_date(d) for d in data.get("neighbouring_dates", NEIGHBOURING_DATES)),
        minimum_looks=looks,
    )


def _choice(data: Mapping[str, Any], key: str, known: Sequence[str], default: str) -> str:
    value = data.get(key, default)
    if value not in known:
        raise MeasurementError(f"question {data.get('id')}: {key} {value!r} is none of {', '.join(known)}")
    return str(value)


def _text(data: Mapping[str, Any], key: str) -> str | None:
    return None if data.get(key) is None else str(data[key])


def _months(data: Mapping[str, Any]) -> tuple[int, ...]:
    months = tuple(int(month) for month in data.get("months", ()))
    if any(not 1 <= month <= MONTHS for month in months):
        raise MeasurementError(f"question {data.get('id')}: months {months} are not 1 to {MONTHS}")
    return months


def _margin(data: Mapping[str, Any]) -> float | None:
    if data.get("margin_ha") is None:
        return None
    margin = float(data["margin_ha"])
    if not margin > 0.0:
        raise MeasurementError(f"question {data.get('id')}: margin_ha {margin} is not above 0")
    return margin


def _date(value: object) -> dt.date:
    try:
        return value if isinstance(value, dt.date) else dt.date.fromisoformat(str(value))
    except ValueError as error:
        raise MeasurementError(f"question: {value!r} is not a date") from error


def _window(value: Sequence[object]) -> Window:
    if len(value) != 2:  # noqa: PLR2004 - first day and day after the last
        raise MeasurementError(f"question: a window is [first day, day after the last], not {value!r}")
    start, end = _date(value[0]), _date(value[1])
    if start >= end:
        raise MeasurementError(f"question: window {start} to {end} is empty")
    return start, end


def answer(
    question: Question,
    areas: Sequence[StockpileArea],
    *,
    level: float = DEFAULT_LEVEL,
    floor_ha: float = FLOOR_HA,
    params: JudgementParams | None = None,
) -> Answer:
    """Answer one question about stockpiles from the areas of a site.

    Args:
        question: about stockpiles.
        areas: of the whole record: years outside the windows tell what is ordinary.
        level: of intervals.
        floor_ha: smallest area that counts as seen.
        params: when something may be said.
    """
    params = params or JudgementParams()
    own = _in_months(summed(areas, question.zones, level), question.months)
    if question.test == Test.PRESENCE:
        return _presence_answer(question, areas, floor_ha, params)
    other = _in_months(summed(areas, question.comparison_zones, level), question.months)
    net = _net_looks(own, other, level) if question.comparison_zones else own
    before, after, sizes = compared(own, question.before, question.after, question.minimum_looks, level)
    common = Answer(
        question_id=question.id,
        test=question.test,
        verdict=Verdict.CANNOT_BE_TOLD,
        difference_ha=_net(question, own, other, question.before, question.after, level),
        before_ha=before,
        after_ha=after,
        looks_before=sizes[0],
        looks_after=sizes[1],
        looks_used=sizes[2],
        alike=("fewer_shipments", "rearranged", "dark_material"),
    )
    if question.test == Test.BEFORE_AFTER:
        return _before_after(question, net, common, level, params)
    return _over_time(question, net, common, level, params)


def _before_after(
    question: Question, net: Sequence[Look], common: Answer, level: float, params: JudgementParams
) -> Answer:
    judged = judge_step(
        net, question.before, question.after, margin=question.margin_ha, level=level, params=params
    )
    if common.difference_ha.value is None and judged.change.value is not None:
        reason = common.difference_ha.reason or "too few looks of the same season"
        judged = replace(
            judged,
            verdict=Verdict.CANNOT_BE_TOLD,
            change=Quantity.not_assessable(reason, level=level),
        )
    first, last = question.before[0], question.after[1]
    dates = [date for date in question.neighbouring_dates if first < date < last]
    sensitivity = tuple(
        (date, judge_step(net, (first, date), (date, last), level=level, params=params).change)
        for date in dates
    )
    return _with_judgement(replace(common, sensitivity=sensitivity), judged)


def _with_judgement(answered: Answer, judged: Judgement) -> Answer:
    return replace(
        answered,
        verdict=judged.verdict,
        reason=judged.change.reason or why_not(judged),
        judgement=judged,
        percent=_percent(judged.change.value, answered.before_ha.value),
    )


def _percent(change: float | None, level: float | None) -> float | None:
    """A change in per cent of a level; None under the floor, where any change would be large."""
    if change is None or level is None or level <= FLOOR_HA:
        return None
    return PERCENT * change / level


def why_not(judged: Judgement) -> str | None:
    """Why a change with an interval cannot be claimed; None where it can be told."""
    if (
        judged.verdict is not Verdict.CANNOT_BE_TOLD
        or judged.change.low is None
        or judged.change.high is None
    ):
        return None
    if judged.change.low <= 0.0 <= judged.change.high:
        return (
            "the interval of the change holds zero, and is not within a margin that was declared beforehand"
        )
    return f"{judged.larger_placebos or 1} ordinary years lie as far from the others as the asked window does"


def _over_time(
    question: Question, net: Sequence[Look], common: Answer, level: float, params: JudgementParams
) -> Answer:
    """Trend or steps over both windows."""
    looks = window_of_looks(net, (question.before[0], question.after[1]))
    nothing = Quantity.not_assessable("not a question of before and after", level=level)
    common = replace(common, difference_ha=nothing)
    if question.test == Test.TREND:
        judged = judge_trend(looks, margin=question.margin_ha, level=level, params=params)
        seen = [(day, q.value) for day, q in looks if q.value is not None]
        if len(seen) >= 2 * question.minimum_looks:
            days, values = [day for day, _ in seen], np.array([value for _, value in seen])
            common = replace(
                common,
                slope_ha_per_year=seasonal_slope(days, values, level=level),
                p_value=seasonal_mann_kendall(days, values),
            )
        return _with_judgement(common, judged)
    judged, steps = find_steps(looks, level=level, params=params)
    return replace(_with_judgement(common, judged), steps=steps)


def _presence_answer(
    question: Question, areas: Sequence[StockpileArea], floor_ha: float, params: JudgementParams
) -> Answer:
    """Whether coal was seen in the asked window, any of the zones by itself."""
    looks = [
        (area.datetime.date(), area.area_ha)
        for area in areas
        if area.zone_id in question.zones and question.after[0] <= area.datetime.date() < question.after[1]
    ]
    found = judge_presence(_in_months(looks, question.months), floor=floor_ha, params=params)
    nothing = Quantity.not_assessable("a question of presence")
    return Answer(
        question_id=question.id,
        test=question.test,
        verdict=found.verdict,
        reason=found.reason,
        presence=found,
        difference_ha=nothing,
        before_ha=nothing,
        after_ha=nothing,
        looks_after=found.assessable,
        looks_used=found.seen,
        alike=("dark_material", "wet_ground"),
    )


def answer_ground(
    question: Question,
    states: Sequence[Look],
    opened: Sequence[tuple[int, Quantity]],
    *,
    level: float = DEFAULT_LEVEL,
    params: JudgementParams | None = None,
) -> Answer:
    """Answer one question about disturbed ground.

    Between these looks: disturbed ground at the last epoch of either window. Beyond ordinary years: ground
    newly disturbed a year in the window after, against every other complete year.

    Args:
        question: about ground.
        states: (last day of the epoch, disturbed hectares).
        opened: (calendar year, hectares newly disturbed in it).
        level: of intervals.
        params: when something may be said.
    """
    params = params or JudgementParams()
    early, late = (_last_known(states, window) for window in (question.before, question.after))
    known = [(year, q.value) for year, q in opened if q.value is not None]
    asked = [figure for figure in known if question.after[0] <= dt.date(figure[0], 1, 1) < question.after[1]]
    between = [figure for figure in known if figure not in asked]
    judged = judge_years(asked, between, margin=question.margin_ha, level=level, params=params)
    ordinary = sum(v for _, v in between) / len(between) if between else None
    answered = Answer(
        question_id=question.id,
        test=question.test,
        verdict=judged.verdict,
        difference_ha=difference(late, early, level=level),
        before_ha=early,
        after_ha=late,
        looks_before=len(between),
        looks_after=len(asked),
        looks_used=len(asked),
        alike=("clearing", "farming", "river"),
    )
    return replace(_with_judgement(answered, judged), percent=_percent(judged.change.value, ordinary))


def _last_known(states: Sequence[Look], window: Window) -> Quantity:
    """The last state of a window that was measured."""
    inside = [q for day, q in sorted(states, key=lambda s: s[0]) if window[0] <= day < window[1]]
    known = [q for q in inside if q.value is not None]
    if known:
        return known[-1]
    reason = inside[-1].reason if inside else None
    return Quantity.not_assessable(reason or f"no epoch ends within {window[0]} to {window[1]}")


def answer_boundary(
    question: Question, net_ha: Quantity, *, blind: bool, level: float = DEFAULT_LEVEL
) -> Answer:
    """Answer whether a traced perimeter changed between two versions.

    Args:
        question: about a boundary.
        net_ha: gained less lost, with its interval.
        blind: whether both versions were traced blind by two people under one criterion: without it an
            overlay of two traces shows the hands as well as the ground, and nothing may be claimed.
        level: of intervals.
    """
    verdict, reason = Verdict.CANNOT_BE_TOLD, net_ha.reason
    margin = question.margin_ha
    if net_ha.low is not None and net_ha.high is not None:
        if not blind:
            reason = "both versions were not traced blind by two people under one criterion"
        elif net_ha.low > 0.0 or net_ha.high < 0.0:
            verdict = Verdict.INCREASED if net_ha.low > 0.0 else Verdict.DECREASED
        elif margin is not None and -margin <= net_ha.low and net_ha.high <= margin:
            verdict = Verdict.NO_CHANGE
        else:
            reason = "the interval holds zero and is not within a margin declared beforehand"
    nothing = Quantity.not_assessable("a boundary version has no looks", level=level)
    shown = net_ha if verdict is not Verdict.CANNOT_BE_TOLD else Quantity.not_assessable(reason or "not told")
    return Answer(
        question_id=question.id,
        test=question.test,
        verdict=verdict,
        reason=None if verdict is not Verdict.CANNOT_BE_TOLD else reason,
        judgement=Judgement(verdict=verdict, change=shown),
        difference_ha=net_ha,
        before_ha=nothing,
        after_ha=nothing,
        alike=("reinterpretation", "registration"),
    )


def correct_together(answers: Sequence[Answer]) -> list[Answer]:
    """Answers to several questions of one set of rows, without claims that Holm's correction does not keep.

    Each answer's p-value is that of its process; presence and boundaries are not tested together with
    changes.
    """
    judged = {k: one.judgement for k, one in enumerate(answers) if one.judgement is not None}
    tested = {k: one for k, one in judged.items() if one.p_value is not None}
    kept = dict(zip(tested, holm([one.p_value for one in tested.values()]), strict=True))
    out = list(answers)
    for k, one in tested.items():
        if answers[k].verdict in {Verdict.INCREASED, Verdict.DECREASED} and not kept[k]:
            reason = f"of {len(tested)} questions asked of these rows; does not stand after Holm's correction"
            taken = replace(one, verdict=Verdict.CANNOT_BE_TOLD)
            out[k] = replace(answers[k], verdict=Verdict.CANNOT_BE_TOLD, reason=reason, judgement=taken)
    return out


def summed(
    areas: Sequence[StockpileArea], zones: Sequence[str], level: float
) -> list[tuple[dt.date, Quantity]]:
    """Coal of several zones together, on every date on which all of them were measured.

    Args:
        areas: of the site.
        zones: ids.
        level: of the intervals.
    """
    return [(when.date(), quantity) for when, quantity in together(areas, zones, level)]


def _in_months(looks: Sequence[Look], months: Sequence[int]) -> list[Look]:
    return [look for look in looks if not months or look[0].month in months]


def _net_looks(own: Sequence[Look], other: Sequence[Look], level: float) -> list[Look]:
    """Own looks less those of the comparison zones on the same day."""
    by_day = dict(other)
    return [(day, difference(q, by_day[day], level=level)) for day, q in own if day in by_day]


def compared(
    looks: Sequence[tuple[dt.date, Quantity]],
    before: tuple[dt.date, dt.date],
    after: tuple[dt.date, dt.date],
    minimum: int,
    level: float,
) -> tuple[Quantity, Quantity, tuple[int, int, int]]:
    """Means of two windows over the same months with equally many looks in each.

    Args:
        looks: (day, hectares) with a figure.
        before: window, half-open.
        after: window, half-open.
        minimum: looks on either side under which nothing is compared.
        level: of the intervals.

    Returns:
        Mean before, mean after, and the numbers of looks: before, after, used on either side. The means are
        not assessable where there are too few looks.
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
    """After minus before between these looks, less the same of the comparison zones."""
    first, second, _ = compared(own, before, after, question.minimum_looks, level)
    change = difference(second, first, level=level)
    if not question.comparison_zones:
        return change
    first, second, _ = compared(other, before, after, question.minimum_looks, level)
    return difference(change, difference(second, first, level=level), level=level)
