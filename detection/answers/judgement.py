"""Whether a change goes beyond what a place does in ordinary years.

Three statements of the same looks. *The process*: the change of the level with the covariance of
`detection.answers.process`, fitted to the whole record with the change in the model. *Placebo years*: how far
each ordinary year lies from the other ordinary years, by the same contrast of equal months. *Annual means*:
Student's t of the yearly means, which needs no model of the memory (Ibragimov and Müller 2010). A change is
claimed where the process's interval leaves out zero and no placebo year lies as far; the annual means are
printed beside it. Fewer than three complete years outside the asked window, or a series that cannot be told
from a random walk, say nothing.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
from scipy.stats import t as student

from detection.answers.process import (
    SMALLEST,
    Posterior,
    ProcessParams,
    Series,
    coefficient,
    coefficients,
)
from evidence.arrays import Bools, Floats, Ints
from evidence.quantity import DEFAULT_LEVEL, YEAR_DAYS, Quantity

SHORTEST_DAYS = 1.0
"""Shortest course of a change, days. Assumed: looks are dated to the day."""
YEAR_SLACK = 0.05
"""Share of a year by which a window may exceed whole years and be counted as them. Assumed: 18 days."""
EVIDENCE_DROP = 1.92
"""Fall of the log evidence that bounds the 95 % region of one date. Derived: half the 95 % quantile of
chi-square with one degree of freedom."""
Window = tuple[dt.date, dt.date]
Look = tuple[dt.date, Quantity]


class Verdict(StrEnum):
    """What may be said."""

    INCREASED = "increased"
    DECREASED = "decreased"
    NO_CHANGE = "no_change"
    """Of the margin that was declared beforehand, or more."""
    SEEN = "seen"
    NOT_SEEN = "not_seen"
    """Above the floor, on the looks that there were."""
    CANNOT_BE_TOLD = "cannot_be_told"
    """Evidence neither of change nor of its absence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgementParams:
    """When something may be said."""

    process: ProcessParams = field(default_factory=ProcessParams)
    drift: ProcessParams = field(
        default_factory=lambda: ProcessParams(memory_tilt=0.9, walk_probability=0.27)
    )
    """The same for trends and steps at no named date, which a random walk imitates more easily. Chosen."""
    reference_years: int = 3
    """Complete years outside the asked window. Assumed: two cannot show how years differ."""
    looks_per_year: int = 5
    """Looks of a complete year. Assumed, as for a window."""
    month_share: float = 0.5
    """Share of the asked months that a complete year was seen in. Assumed."""
    course_days: tuple[tuple[float, float], ...] = ((0, 0), (0, 120), (-90, 90))
    """First and last day of the change after the asked date, of the courses that are equally likely: at
    once, within a season, about the date. Assumed."""
    margin_level: float = 0.90
    """Level of the interval that must lie within the margin: two one-sided tests at 5 % (Schuirmann 1987)."""
    year_memories: tuple[float, ...] = (0.0, 0.5, 0.9)
    """Shares of a year's deviation that the next one keeps, where there is one figure a year: none, half,
    nearly a random walk. Chosen on seeds 60000 to 60499 of `benchmarks.answers.null`: 0 alone gave up to
    12.6 % false claims."""
    step_days: float = 60.0
    """Distance of the dates that are tried for a step, days. Assumed."""
    step_tests_per_year: float = 3.0
    """Independent tests that the tried dates of a year amount to. Assumed: a
    first guess, not judged."""
    most_steps: int = 3
    """Steps sought. Assumed."""
    false_look: float = 0.025
    """Probability that a look's interval leaves out nought though there is nothing. Derived: 95 %."""


DEFAULT_PARAMS = JudgementParams()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A change, judged."""

    verdict: Verdict
    change: Quantity
    """Of the level, with the interval of the process; not assessable with the reason why."""
    p_value: float | None = None
    """Two-sided, of no change, by the process; for the correction of several questions."""
    margin_inside: bool = False
    """Whether the interval at `JudgementParams.margin_level` lies within the declared margin."""
    reference_years: tuple[str, ...] = ()
    """Complete years outside the asked window."""
    placebos: tuple[tuple[str, float], ...] = ()
    """How far each ordinary year lies from the other ordinary years."""
    contrast: float | None = None
    """The same of the asked window."""
    annual: Quantity | None = None
    """The change of annual means with Student's t."""
    memory_days: float | None = None
    walk_probability: float | None = None

    @property
    def larger_placebos(self) -> int:
        """Ordinary years that lie as far from the others as the asked window does."""
        return sum(abs(value) >= abs(self.contrast or 0.0) for _, value in self.placebos)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of the level."""

    last_before: dt.date
    first_after: dt.date
    """Between these two looks, at best; the step may lie anywhere within `earliest` to `latest`."""
    earliest: dt.date
    latest: dt.date
    size: Quantity
    """At the level corrected for the dates that were tried."""


def series_of(looks: Sequence[Look]) -> tuple[Series, list[dt.date]]:
    """Looks with a value, in order, as arrays; several on one day stay several."""
    seen = sorted(((day, q) for day, q in looks if q.value is not None), key=lambda look: look[0])
    groups = sorted({group for _, q in seen for group, _ in q.shared})
    shared = np.array([[dict(q.shared).get(group, 0.0) for group in groups] for _, q in seen], np.float64)
    series = Series(
        days=np.array([day.toordinal() for day, _ in seen], np.float64),
        values=np.array([q.value for _, q in seen], np.float64),
        sds=np.array([q.sd_random for _, q in seen], np.float64),
        shared=shared.reshape(len(seen), len(groups)),
    )
    return series, [day for day, _ in seen]


def judge_step(
    looks: Sequence[Look],
    before: Window,
    after: Window,
    *,
    margin: float | None = None,
    level: float = DEFAULT_LEVEL,
    params: JudgementParams = DEFAULT_PARAMS,
) -> Judgement:
    """The level of the window `after` less that of the record before it.

    Looks between the windows and beyond `after` have levels of their own: they tell how the place varies, not
    where its level lay.

    Args:
        looks: the whole record.
        before: declared window, half-open; whatever lies earlier counts as ordinary too.
        after: the asked window, half-open.
        margin: change that would matter, declared beforehand.
        level: of the interval.
        params: when something may be said.
    """
    series, days = series_of(looks)
    start, end = float(after[0].toordinal()), float(after[1].toordinal())
    inside = (series.days >= start) & (series.days < end)
    years = _years_outside(series.days, start, end)
    months = np.array([day.month for day in days], np.int64)
    complete = complete_years(years, months, inside, params)
    names = tuple(_year_name(after, int(year)) for year in complete)
    lack = _lack(names, int(inside.sum()), params)
    if lack is not None:
        return _cannot(lack, level, names)
    between = (series.days >= before[1].toordinal()) & (series.days < start)
    beyond = series.days >= end
    others = [flag.astype(np.float64) for flag in (between, beyond) if flag.sum() >= params.process.harmonics]
    fitted = coefficient(
        series,
        _courses(series.days, inside, start, params.course_days),
        np.column_stack(others) if others else np.empty((len(days), 0)),
        years,
        params=params.process,
    )
    contrast, placebos, annual = _ordinary_years(series.values, months, years, inside, complete, level)
    ordinary = tuple((_year_name(after, year), value) for year, value in placebos.items())
    judged = _judged(fitted, contrast, ordinary, annual, margin=margin, level=level, params=params)
    return replace(judged, reference_years=names)


def _courses(days: Floats, inside: Bools, start: float, courses: Sequence[tuple[float, float]]) -> Floats:
    """(look, course) 0 outside the asked window, and within it the share of the change that is reached."""
    out = np.empty((len(days), len(courses)))
    for k, (first, last) in enumerate(courses):
        share = (days - start - first) / max(last - first, SHORTEST_DAYS)
        reached = np.clip(share, 0.0, 1.0) if last > first else inside.astype(np.float64)
        ahead = (days < start) & (share > 0.0)
        out[:, k] = np.where(inside | ahead, reached, 0.0)
    return out


def _lack(names: Sequence[str], asked: int, params: JudgementParams) -> str | None:
    if asked < params.looks_per_year:
        return f"{asked} looks in the asked window, {params.looks_per_year} required"
    if len(names) < params.reference_years:
        there = f" ({', '.join(names)})" if names else ""
        count = params.reference_years
        return f"{len(names)} complete years of looks outside the asked window{there}, {count} required"
    return None


def _cannot(reason: str, level: float, names: tuple[str, ...] = ()) -> Judgement:
    nothing = Quantity.not_assessable(reason, level=level)
    return Judgement(verdict=Verdict.CANNOT_BE_TOLD, change=nothing, reference_years=names)


def _judged(
    fitted: Posterior,
    contrast: float | None,
    placebos: tuple[tuple[str, float], ...],
    annual: Quantity | None,
    *,
    margin: float | None,
    level: float,
    params: JudgementParams,
) -> Judgement:
    """The verdict from the posterior and the ordinary years."""
    value, low, high = fitted.interval(level)
    names = tuple(name for name, _ in placebos)
    if fitted.walk_probability > params.process.walk_probability:
        reason = (
            f"the series cannot be told from a random walk (probability {fitted.walk_probability:.0%} of a "
            f"memory over {params.process.walk_days:.0f} days)"
        )
        return replace(
            _cannot(reason, level, names),
            placebos=placebos,
            contrast=contrast,
            annual=annual,
            memory_days=fitted.memory_days,
            walk_probability=fitted.walk_probability,
        )
    _, inner_low, inner_high = fitted.interval(params.margin_level)
    inside = margin is not None and -margin <= inner_low and inner_high <= margin
    sign = 1 if low > 0.0 else -1 if high < 0.0 else 0
    stands_out = contrast is None or (
        contrast * sign > 0.0 and all(abs(other) < abs(contrast) for _, other in placebos)
    )
    verdict = Verdict.CANNOT_BE_TOLD
    if inside:
        verdict = Verdict.NO_CHANGE
    elif sign and stands_out:
        verdict = Verdict.INCREASED if sign > 0 else Verdict.DECREASED
    return Judgement(
        verdict=verdict,
        change=Quantity.interval(value, min(low, value), max(high, value), level=level),
        p_value=2.0 * min(fitted.below(0.0), 1.0 - fitted.below(0.0)),
        margin_inside=inside,
        reference_years=names,
        placebos=placebos,
        contrast=contrast,
        annual=annual,
        memory_days=fitted.memory_days,
        walk_probability=fitted.walk_probability,
    )


def _years_outside(days: Floats, start: float, end: float) -> Ints:
    """(look,) years counted from the asked window: −1 the one before it, 0 … within and beyond."""
    within = np.floor((days - start) / YEAR_DAYS)
    length = max(1, math.ceil((end - start) / YEAR_DAYS - YEAR_SLACK))
    beyond = length + np.floor((days - end) / YEAR_DAYS)
    years = np.where(days >= end, beyond, np.where(days >= start, np.minimum(within, length - 1), within))
    return np.asarray(years, np.int64)


def complete_years(years: Ints, months: Ints, asked: Bools, params: JudgementParams) -> Ints:
    """Years outside the asked window with enough looks in enough of the asked months.

    Args:
        years: (look,) number of the year, counted from the asked window.
        months: (look,) calendar month, 1 to 12.
        asked: (look,) whether a look lies in the asked window.
        params: how many looks of how many months are enough.

    Returns:
        (year,) numbers, ascending.
    """
    wanted = set(months[asked].tolist()) or set(months.tolist())
    out = []
    for year in np.unique(years[~asked]).tolist():
        own = (years == year) & ~asked
        seen = wanted & set(months[own].tolist())
        enough = len(seen) >= params.month_share * len(wanted)
        if enough and int(np.isin(months[own], list(wanted)).sum()) >= params.looks_per_year:
            out.append(year)
    return np.array(out, np.int64)


def _year_name(after: Window, year: int) -> str:
    """`2018`, or `2018-08-15 to 2019-08-14` where the window begins within a year."""
    length = max(1, math.ceil((after[1] - after[0]).days / YEAR_DAYS - YEAR_SLACK))
    anchor, count = (after[0], year) if year < 0 else (after[1], year - length)
    first = _shifted(anchor, count)
    if (first.month, first.day) == (1, 1):
        return str(first.year)
    return f"{first.isoformat()} to {(_shifted(anchor, count + 1) - dt.timedelta(days=1)).isoformat()}"


def _shifted(day: dt.date, years: int) -> dt.date:
    """The same day of another year; 29 February becomes 1 March."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return dt.date(day.year + years, day.month + 1, 1)


def month_contrast(values: Floats, months: Ints, one: Bools, other: Bools) -> float | None:
    """Mean of some looks less that of others over the months that both were seen in, each by its looks.

    Args:
        values: (look,) hectares.
        months: (look,) calendar month.
        one: (look,) whether a look is of the first kind.
        other: (look,) whether it is of the second.

    Returns:
        Hectares; None where no month was seen by both.
    """
    total = weight = 0.0
    for month in np.unique(months[one]).tolist():
        left, right = values[one & (months == month)], values[other & (months == month)]
        if len(right):
            share = len(left) * len(right) / (len(left) + len(right))
            total += share * float(left.mean() - right.mean())
            weight += share
    return total / weight if weight else None


def _ordinary_years(
    values: Floats, months: Ints, years: Ints, asked: Bools, complete: Ints, level: float
) -> tuple[float | None, dict[int, float], Quantity | None]:
    """The asked window against the complete years before it, each of them against the others; Student's t.

    Years beyond the asked window are compared with each other alone: a change that lasts has its level there.
    """
    beyond = int(years[asked].max())
    earlier, later = complete[complete < 0], complete[complete > beyond]
    placebos: dict[int, float] = {}
    for group in (earlier, later):
        own = np.isin(years, group) & ~asked
        for year in group.tolist() if len(group) > 1 else ():
            found = month_contrast(values, months, own & (years == year), own & (years != year))
            placebos[year] = found or 0.0
    ordinary = np.isin(years, earlier if len(earlier) > 1 else complete) & ~asked
    contrast = month_contrast(values, months, asked, ordinary)
    spreads = [placebos[year] for year in earlier.tolist() if year in placebos]
    count = len(spreads)
    if contrast is None or count < 2:  # noqa: PLR2004 - one year has no spread
        return contrast, placebos, None
    own_years = len(np.unique(years[asked]))
    spread = float(np.std(np.array(spreads) * (count - 1) / count, ddof=1))
    half = (
        float(student.ppf(0.5 + level / 2.0, count - 1)) * spread * math.sqrt(1.0 / count + 1.0 / own_years)
    )
    return contrast, placebos, Quantity.interval(contrast, contrast - half, contrast + half, level=level)


def judge_trend(
    looks: Sequence[Look],
    *,
    margin: float | None = None,
    level: float = DEFAULT_LEVEL,
    params: JudgementParams = DEFAULT_PARAMS,
) -> Judgement:
    """Slope of the level over the whole of some looks, judged: hectares a year.

    Args:
        looks: the record; those without a figure are left out.
        margin: slope that would matter, declared beforehand, hectares a year.
        level: of the interval.
        params: when something may be said; the memory is that of `JudgementParams.drift`.
    """
    series, days = series_of(looks)
    checked = _over_years(series, days, level, params)
    if isinstance(checked, Judgement):
        return checked
    years, names = checked
    time = (series.days - series.days.mean()) / YEAR_DAYS
    fitted = coefficient(series, time[:, None], np.empty((len(days), 0)), years, params=params.drift)
    judged = _judged(fitted, None, (), None, margin=margin, level=level, params=params)
    return replace(judged, reference_years=names)


def _over_years(
    series: Series, days: Sequence[dt.date], level: float, params: JudgementParams
) -> tuple[Ints, tuple[str, ...]] | Judgement:
    """Years counted back from the last look, where there are enough complete ones."""
    if not days:
        return _cannot("nobody looked", level)
    end = days[-1] + dt.timedelta(days=1)
    years = np.asarray(np.floor((series.days - end.toordinal()) / YEAR_DAYS), np.int64)
    months = np.array([day.month for day in days], np.int64)
    complete = complete_years(years, months, np.zeros(len(days), bool), params).tolist()
    names = tuple(_year_name((end, end), year) for year in complete)
    required = params.reference_years + 1
    if len(complete) < required:
        return _cannot(f"{len(complete)} complete years of looks, {required} required", level, names)
    return years, names


def find_steps(
    looks: Sequence[Look], *, level: float = DEFAULT_LEVEL, params: JudgementParams = DEFAULT_PARAMS
) -> tuple[Judgement, tuple[Step, ...]]:
    """Steps of the level at dates that nobody named, at an error rate for all tried dates together.

    The likeliest date is tested at a level that is divided by the independent tests that the tried dates
    amount to, and by the means of whole years before and after it with Student's t, which hold where a stock
    is not what the process says of it (piles that fill and are shipped). Where it stands in both, it enters
    the model and the next one is sought.

    Args:
        looks: the record; those without a figure are left out.
        level: that all steps together hold at.
        params: when something may be said, and which dates are tried.

    Returns:
        What was judged of the likeliest date, and the steps in the order in which they were found.
    """
    series, days = series_of(looks)
    checked = _over_years(series, days, level, params)
    if isinstance(checked, Judgement):
        return checked, ()
    years, names = checked
    dates = _candidates(series.days, params)
    if not len(dates):
        return _cannot("no date has a year of looks on either side", level, names), ()
    tests = max(1.0, params.step_tests_per_year * float(dates[-1] - dates[0]) / YEAR_DAYS)
    strict = 1.0 - (1.0 - level) / tests
    taken: list[float] = []
    steps: list[Step] = []
    judged = None
    while len(steps) < params.most_steps:
        free = np.array([d for d in dates if all(abs(d - t) >= YEAR_DAYS / 2 for t in taken)])
        if not len(free):
            break
        others = np.column_stack([series.days >= t for t in taken]) if taken else np.empty((len(days), 0))
        columns = np.asarray(series.days[:, None] >= free, np.float64)
        found = coefficients(series, columns, others.astype(np.float64), years, params=params.drift)
        best = max(range(len(free)), key=lambda k: _standing(found[k]))
        one = _judged(found[best], None, (), None, margin=None, level=strict, params=params)
        if not _years_differ(series, float(free[best]), level, params):
            one = replace(one, verdict=Verdict.CANNOT_BE_TOLD)
        judged = judged or replace(one, reference_years=names)
        if one.verdict is Verdict.CANNOT_BE_TOLD:
            break
        taken.append(float(free[best]))
        steps.append(_step(days, free, found, best, one.change))
    return judged or _cannot("no date could be tried", level, names), tuple(steps)


def _years_differ(series: Series, at: float, level: float, params: JudgementParams) -> bool:
    """Whether the means of whole years before and after a day differ (Ibragimov and Müller 2010)."""
    year = np.floor((series.days - at) / YEAR_DAYS)
    first, after = (round(float(end - at) / YEAR_DAYS) for end in (series.days[0], series.days[-1]))
    means = {
        k: float(series.values[year == k].mean())
        for k in range(first, after)
        if (year == k).sum() >= params.looks_per_year
    }
    one, two = (np.array([m for k, m in means.items() if (k < 0) is early]) for early in (True, False))
    degrees = len(one) + len(two) - 2
    if min(len(one), len(two)) == 0 or degrees < 1:
        return False
    square = (((one - one.mean()) ** 2).sum() + ((two - two.mean()) ** 2).sum()) / degrees
    error = math.sqrt(max(square * (1.0 / len(one) + 1.0 / len(two)), SMALLEST))
    return bool(abs(two.mean() - one.mean()) > float(student.ppf(0.5 + level / 2.0, degrees)) * error)


def _candidates(days: Floats, params: JudgementParams) -> Floats:
    """First days of tried steps: a year and enough looks on either side, a distance apart."""
    usable = days[(days >= days[0] + YEAR_DAYS) & (days <= days[-1] - YEAR_DAYS + 1.0)]
    usable = np.array(
        [d for d in usable if min((days < d).sum(), (days >= d).sum()) >= params.looks_per_year], np.float64
    )
    out: list[float] = []
    for day in usable.tolist():
        if not out or day - out[-1] >= params.step_days:
            out.append(day)
    return np.array(out)


def _standing(fitted: Posterior) -> float:
    """How far the middle lies from zero, in half-widths of the interval."""
    value, low, high = fitted.interval(DEFAULT_LEVEL)
    return abs(value) / max(0.5 * (high - low), SMALLEST)


def _step(
    days: Sequence[dt.date], free: Floats, found: Sequence[Posterior], best: int, size: Quantity
) -> Step:
    """The step with the dates whose evidence is within the 95 % region of the best one's."""
    evidence = np.array([one.log_evidence for one in found])
    near = evidence >= evidence[best] - EVIDENCE_DROP
    low = high = best
    while low > 0 and near[low - 1]:
        low -= 1
    while high + 1 < len(free) and near[high + 1]:
        high += 1
    ordinals = [day.toordinal() for day in days]
    at = ordinals.index(int(free[best]))
    earliest = ordinals[max(ordinals.index(int(free[max(low - 1, 0)])) - (low == 0), 0)]
    latest = int(free[high + 1]) if high + 1 < len(free) else ordinals[-1]
    return Step(
        last_before=days[at - 1],
        first_after=days[at],
        earliest=dt.date.fromordinal(earliest),
        latest=dt.date.fromordinal(latest),
        size=size,
    )


def judge_years(
    asked: Sequence[tuple[int, float]],
    ordinary: Sequence[tuple[int, float]],
    *,
    margin: float | None = None,
    level: float = DEFAULT_LEVEL,
    params: JudgementParams = DEFAULT_PARAMS,
) -> Judgement:
    """Yearly figures of a window against those of ordinary years.

    For quantities that have one figure a year, such as ground that was newly disturbed. How long such a
    place remembers cannot be fitted to so few figures: the contrast and its Student interval are made by
    generalised least squares under each of `JudgementParams.year_memories`, and the interval holds all of
    them. The one without memory is that of annual means (Ibragimov and Müller 2010).

    Args:
        asked: (calendar year, figure) of the asked window.
        ordinary: the same of the complete years outside.
        margin: change that would matter, declared beforehand.
        level: of the interval.
        params: when something may be said.
    """
    names = tuple(str(year) for year, _ in ordinary)
    if not asked:
        return _cannot("no year of the asked window is complete", level, names)
    if len(ordinary) < params.reference_years:
        return _cannot(
            f"{len(ordinary)} complete years outside the asked window, {params.reference_years} required",
            level,
            names,
        )
    years = np.array([year for year, _ in (*ordinary, *asked)], np.float64)
    values = np.array([value for _, value in (*ordinary, *asked)])
    after = np.repeat([0.0, 1.0], [len(ordinary), len(asked)])
    degrees = len(values) - 2
    fits = np.array([_yearly_contrast(years, values, after, kept) for kept in params.year_memories])

    def ends(at: float) -> tuple[float, float]:
        half = float(student.ppf(0.5 + at / 2.0, degrees)) * fits[:, 1]
        return float((fits[:, 0] - half).min()), float((fits[:, 0] + half).max())

    change, error = float(fits[0, 0]), float(fits[0, 1])
    before = values[: len(ordinary)]
    placebos = tuple(
        (name, float(value - np.delete(before, k).mean()))
        for k, (name, value) in enumerate(zip(names, before, strict=True))
    )
    low, high = ends(level)
    inner_low, inner_high = ends(params.margin_level)
    inside = margin is not None and -margin <= inner_low and inner_high <= margin
    outside = (low > 0.0 or high < 0.0) and all(abs(other) < abs(change) for _, other in placebos)
    verdict = Verdict.CANNOT_BE_TOLD
    if inside:
        verdict = Verdict.NO_CHANGE
    elif outside:
        verdict = Verdict.INCREASED if change > 0 else Verdict.DECREASED
    half = float(student.ppf(0.5 + level / 2.0, degrees)) * error
    standing = np.abs(fits[:, 0]) / np.maximum(fits[:, 1], SMALLEST)
    return Judgement(
        verdict=verdict,
        change=Quantity.interval(change, low, high, level=level),
        p_value=2.0 * float(student.sf(float(standing.min()), degrees)),
        margin_inside=inside,
        reference_years=names,
        placebos=placebos,
        contrast=change,
        annual=Quantity.interval(change, change - half, change + half, level=level),
    )


def _yearly_contrast(years: Floats, values: Floats, after: Floats, kept: float) -> tuple[float, float]:
    """Change and standard error where a year keeps a share of the last one's deviation."""
    same = np.abs(years[:, None] - years)
    inverse = np.linalg.inv(np.where(same == 0.0, 1.0, kept ** np.maximum(same, 1.0)))
    mean = np.column_stack([np.ones(len(years)), after])
    normal = np.linalg.inv(mean.T @ inverse @ mean)
    fitted = normal @ mean.T @ inverse @ values
    rest = values - mean @ fitted
    spread = float(rest @ inverse @ rest) / (len(years) - 2)
    return float(fitted[1]), math.sqrt(max(spread * float(normal[1, 1]), 0.0))


def holm(p_values: Sequence[float | None], *, alpha: float = 1.0 - DEFAULT_LEVEL) -> tuple[bool, ...]:
    """Which of several tests stand together at `alpha` (Holm 1979); those without a p-value do not."""
    order = sorted((p, k) for k, p in enumerate(p_values) if p is not None)
    stands = [False] * len(p_values)
    for rank, (p, k) in enumerate(order):
        if p > alpha / (len(order) - rank):
            break
        stands[k] = True
    return tuple(stands)


def window_of_looks(looks: Sequence[Look], window: Window) -> list[Look]:
    """The looks of a half-open window."""
    return [look for look in looks if window[0] <= look[0] < window[1]]
