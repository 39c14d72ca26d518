# ruff: noqa: E501 - sentences are read whole
"""One sentence to paste for every answer, in English and in Korean.

Each holds dates, looks, hectares, per cent, the interval, what was compared with, and what would look alike.
Korean is a draft until a named code has signed this version of the words.
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Callable, Sequence

from detection.answers.judgement import Verdict, Window
from detection.answers.questions import About, Answer, Question, Test
from evidence.quantity import Quantity

KOREAN_VERSION = "2026-11-30"
"""Of the Korean words, which a reviewer signs."""
DECIMALS = 2
"""Digits of hectares behind the point in sentences. Assumed: a pixel is 0.01 ha."""
NEITHER = (
    "This is evidence neither of change nor of its absence.",
    "이는 변화의 증거도, 변화가 없다는 증거도 아니다.",
)
ALIKE = {
    "fewer_shipments": ("more production, fewer shipments", "생산 증가, 출하 감소"),
    "rearranged": ("piles laid out anew", "더미 재배치"),
    "dark_material": ("dark material that is not coal", "석탄이 아닌 어두운 물질"),
    "wet_ground": ("wet or shaded ground", "젖거나 그늘진 땅"),
    "clearing": ("clearing of forest for other ends", "다른 목적의 벌목"),
    "farming": ("farming", "경작"),
    "river": ("a river that moved", "하천의 이동"),
    "reinterpretation": ("another hand's reading of the same ground", "같은 지형에 대한 다른 판독"),
    "registration": ("a shift between the images", "영상 사이의 위치 어긋남"),
}
"""What would look alike, by key: English, Korean."""
CANNOT_SEE = ("who worked cannot be seen", "누가 일했는지는 볼 수 없다")
VERDICTS = {
    Verdict.INCREASED: ("increased", "증가"),
    Verdict.DECREASED: ("decreased", "감소"),
    Verdict.NO_CHANGE: ("no change of the declared size", "미리 정한 크기의 변화 없음"),
    Verdict.SEEN: ("seen", "보임"),
    Verdict.NOT_SEEN: ("not seen above the floor", "하한 이상으로 보이지 않음"),
    Verdict.CANNOT_BE_TOLD: ("cannot be told", "판단할 수 없음"),
}


def window_text(window: Window) -> str:
    """`2018–2020` for whole years, else first and last day."""
    first, after = window
    last = after - dt.timedelta(days=1)
    if (first.month, first.day) == (1, 1) == (after.month, after.day):
        return str(first.year) if first.year == last.year else f"{first.year}–{last.year}"
    return f"{first.isoformat()} to {last.isoformat()}"


def _window_ko(window: Window) -> str:
    text = window_text(window)
    return f"{text}년" if " to " not in text else text.replace(" to ", "~")


def months_text(months: Sequence[int]) -> str:
    """`May–October`, or the months one by one."""
    if not months:
        return ""
    ordered = sorted(months)
    names = [calendar.month_name[month] for month in ordered]
    if ordered == list(range(ordered[0], ordered[-1] + 1)) and len(ordered) > 1:
        return f"{names[0]}–{names[-1]}"
    return ", ".join(names)


def _months_ko(months: Sequence[int]) -> str:
    ordered = sorted(months)
    if not ordered:
        return ""
    if ordered == list(range(ordered[0], ordered[-1] + 1)) and len(ordered) > 1:
        return f"{ordered[0]}–{ordered[-1]}월 "
    return ", ".join(f"{month}월" for month in ordered) + " "


def number(value: float) -> str:
    """Hectares as sentences print them."""
    text = f"{value:.{DECIMALS}f}".replace("-", "−")
    return text[1:] if text.strip("−0.") == "" and text.startswith("−") else text


def interval_text(quantity: Quantity, korean: bool = False) -> str:  # noqa: FBT001, FBT002 - a language
    """`95 % interval 0.31 to 0.93`."""
    if quantity.low is None or quantity.high is None:
        return ""
    ends = (number(quantity.low), number(quantity.high))
    if korean:
        return f"{quantity.level:.0%} 구간 {ends[0]}~{ends[1]}"
    return f"{quantity.level:.0%} interval {ends[0]} to {ends[1]}"


def years_text(names: Sequence[str]) -> str:
    """Names of reference years, joined where they follow each other."""
    if names and all(name.isdigit() for name in names):
        years = sorted(map(int, names))
        if len(years) > 1 and years == list(range(years[0], years[-1] + 1)):
            return f"{years[0]}–{years[-1]}"
    return ", ".join(names)


def subject_text(question: Question) -> tuple[str, str]:
    """What is measured, in English and Korean."""
    zones = ", ".join(question.zones)
    if question.about == About.BOUNDARY:
        versions = (question.from_boundary, question.to_boundary)
        return (
            f"the area within the traced perimeter, version {versions[1]} against {versions[0]}",
            f"추적된 경계 안의 면적({versions[0]} 대비 {versions[1]})",
        )
    if question.about == About.GROUND:
        where = {
            "inside": " inside the boundary version in force",
            "outside": " outside the boundary version in force",
        }
        where_ko = {"inside": "유효한 경계 판본 안의 ", "outside": "유효한 경계 판본 밖의 "}
        zone, zone_ko = (f" in zone {zones}", f"구역 {zones}의 ") if zones else ("", "")
        part = where.get(question.part, "")
        return (
            f"ground newly disturbed a year{part}{zone}",
            f"{where_ko.get(question.part, '')}{zone_ko}연간 새로 교란된 땅",
        )
    return f"the plan area of probable coal in zone {zones}", f"구역 {zones}의 석탄 추정 평면 면적"


def sentences(question: Question, answer: Answer, *, korean: Callable[[str], str]) -> tuple[str, str]:
    """The sentence in English and in Korean.

    Args:
        question: what was asked.
        answer: to it.
        korean: reads a reason in Korean, off the catalogue that every output reads.
    """
    if answer.presence is not None:
        return _presence(question, answer, korean)
    if question.test == Test.CHANGE_POINTS and answer.steps:
        return _steps(question, answer)
    if answer.verdict in {Verdict.INCREASED, Verdict.DECREASED}:
        return _changed(question, answer)
    if answer.verdict is Verdict.NO_CHANGE:
        return _unchanged(question, answer)
    return _untold(question, answer, korean)


def _alike(answer: Answer, which: int) -> str:
    told = [ALIKE[key][which] for key in answer.alike]
    if which:
        return f"{', '.join(told)}도 같은 모습으로 보일 수 있고, {CANNOT_SEE[1]}."
    said = f"{', '.join(told[:-1])} or {told[-1]}" if len(told) > 1 else told[0]
    return f"{said[0].upper()}{said[1:]} would look alike; {CANNOT_SEE[0]}."


def _sides(question: Question, answer: Answer) -> tuple[str, str]:
    """Windows with looks."""
    months, months_ko = months_text(question.months), _months_ko(question.months)
    before, after = window_text(question.before), window_text(question.after)
    lead = f"{months} " if months else ""
    if question.about == About.GROUND:
        counts = f"{answer.looks_after} against {answer.looks_before} complete years"
        counts_ko = f"완전한 해 {answer.looks_before}개와 {answer.looks_after}개"
    else:
        counts = f"{answer.looks_before} and {answer.looks_after} usable looks"
        counts_ko = f"사용 가능한 관측 {answer.looks_before}회와 {answer.looks_after}회"
    return (
        f"Between {lead}{before} and {lead}{after} ({counts})",
        f"{months_ko}{_window_ko(question.before)}과 {months_ko}{_window_ko(question.after)} 사이({counts_ko})",
    )


def _unit(question: Question) -> tuple[str, str]:
    return (
        (" ha a year", " ha/년")
        if question.test == Test.TREND or question.about == About.GROUND
        else (" ha", " ha")
    )


def _changed(question: Question, answer: Answer) -> tuple[str, str]:
    change = answer.change
    value = change.value or 0.0
    rose = answer.verdict is Verdict.INCREASED
    subject, unit = subject_text(question), _unit(question)
    percent = "" if answer.percent is None else f"; {answer.percent:+.0f} %".replace("-", "−")
    if question.about == About.BOUNDARY:
        grew = ("grew", "늘었다") if rose else ("shrank", "줄었다")
        return (
            (
                f"{subject[0][0].upper()}{subject[0][1:]} {grew[0]} by {number(abs(value))} ha ({interval_text(change)}), "
                f"traced blind by two people under one criterion. {_alike(answer, 0)}"
            ),
            (
                f"{subject[1]}: {number(abs(value))} ha {grew[1]}({interval_text(change, korean=True)}). "
                f"두 사람이 같은 기준으로 서로 모른 채 추적하였다. {_alike(answer, 1)}"
            ),
        )
    years = years_text(answer.judgement.reference_years if answer.judgement else ())
    sides = _sides(question, answer)
    moved = ("rose", "늘었다") if rose else ("fell", "줄었다")
    size = Quantity.interval(
        abs(value),
        min(abs(change.low or 0.0), abs(change.high or 0.0)),
        max(abs(change.low or 0.0), abs(change.high or 0.0)),
        level=change.level,
    )
    return (
        (
            f"{sides[0]} {subject[0]} {moved[0]} by {number(abs(value))}{unit[0]} ({interval_text(size)}{percent}), beyond "
            f"the variation estimated from {years}. {_alike(answer, 0)}"
        ),
        (
            f"{sides[1]} {subject[1]}: {number(abs(value))}{unit[1]} {moved[1]}({interval_text(size, korean=True)}{percent}). "
            f"{years}년에서 추정한 평년 변동을 넘는다. {_alike(answer, 1)}"
        ),
    )


def _steps(question: Question, answer: Answer) -> tuple[str, str]:
    subject = subject_text(question)
    told, told_ko = [], []
    for step in answer.steps:
        value = step.size.value or 0.0
        when = f"{step.earliest.isoformat()} to {step.latest.isoformat()}"
        told.append(f"by {number(value)} ha ({interval_text(step.size)}) within {when}")
        told_ko.append(
            f"{when.replace(' to ', '~')} 사이 {number(value)} ha({interval_text(step.size, korean=True)})"
        )
    return (
        (
            f"{subject[0][0].upper()}{subject[0][1:]} stepped {'; '.join(told)}; intervals hold for all dates that were "
            f"tried together. {_alike(answer, 0)}"
        ),
        f"{subject[1]}의 계단 변화: {'; '.join(told_ko)}. 구간은 시험한 모든 날짜에 대해 함께 성립한다. {_alike(answer, 1)}",
    )


def _unchanged(question: Question, answer: Answer) -> tuple[str, str]:
    change, margin = answer.change, number(question.margin_ha or 0.0)
    sides, subject, unit = _sides(question, answer), subject_text(question), _unit(question)
    return (
        (
            f"{sides[0]} the difference of {subject[0]}, {number(change.value or 0.0)}{unit[0]} ({interval_text(change)}), "
            f"lies within the ±{margin}{unit[0]} set beforehand: no change of that size was found; smaller ones cannot be "
            "excluded."
        ),
        (
            f"{sides[1]} {subject[1]}의 차이 {number(change.value or 0.0)}{unit[1]}({interval_text(change, korean=True)})는 "
            f"미리 정한 ±{margin}{unit[1]} 안에 있다. 그 크기의 변화는 발견되지 않았으며, 더 작은 변화는 배제할 수 없다."
        ),
    )


def _untold(question: Question, answer: Answer, korean: Callable[[str], str]) -> tuple[str, str]:
    subject = subject_text(question)
    size = size_ko = ""
    if answer.change.value is not None:
        unit = _unit(question)
        size = f" (best estimate {number(answer.change.value)}{unit[0]}, {interval_text(answer.change)})"
        size_ko = f"(최적 추정값 {number(answer.change.value)}{unit[1]}, {interval_text(answer.change, korean=True)})"
    reason = answer.reason or "too little was seen"
    windows = ""
    if question.about != About.BOUNDARY:
        windows = f" between {window_text(question.before)} and {window_text(question.after)}"
    return (
        f"Whether {subject[0]} changed{windows} cannot be told{size}: {reason}. {NEITHER[0]}",
        f"{subject[1]}의 변화 여부는 판단할 수 없다{size_ko}: {korean(reason)}. {NEITHER[1]}",
    )


def _presence(question: Question, answer: Answer, korean: Callable[[str], str]) -> tuple[str, str]:
    found, zones = answer.presence, ", ".join(question.zones)
    if found is None:  # the caller has asked
        return "", ""
    window, window_ko = window_text(question.after), _window_ko(question.after)
    blind = f"; {found.not_assessable} more could not be assessed" if found.not_assessable else ""
    blind_ko = f"; 평가할 수 없는 관측 {found.not_assessable}회 별도" if found.not_assessable else ""
    if found.verdict is Verdict.SEEN:
        dates = f"first on {found.first_seen}, last on {found.last_seen}"
        return (
            (
                f"Probable coal was seen in zone {zones} on {found.seen} of {found.assessable} assessable looks in {window} "
                f"({dates}{blind}). {_alike(answer, 0)}"
            ),
            (
                f"구역 {zones}: {window_ko} 평가 가능한 관측 {found.assessable}회 중 {found.seen}회에서 석탄으로 추정되는 것이 "
                f"보였다(처음 {found.first_seen}, 마지막 {found.last_seen}{blind_ko}). {_alike(answer, 1)}"
            ),
        )
    if found.verdict is Verdict.NOT_SEEN:
        return (
            (
                f"No probable coal above the floor was seen in zone {zones} on {found.assessable} assessable looks in {window}"
                f"{blind}; smaller or covered piles cannot be excluded."
            ),
            (
                f"구역 {zones}: {window_ko} 평가 가능한 관측 {found.assessable}회에서 하한 이상의 석탄 추정 면적은 보이지 "
                f"않았다{blind_ko}. 더 작거나 덮인 더미는 배제할 수 없다."
            ),
        )
    reason = found.reason or ""
    return (
        (
            f"Whether coal lay in zone {zones} in {window} cannot be told: {reason}{blind}. "
            "This is evidence neither of coal nor of its absence."
        ),
        (
            f"구역 {zones}: {window_ko} 석탄이 있었는지 판단할 수 없다: {korean(reason)}{blind_ko}. "
            "이는 석탄이 있다는 증거도, 없다는 증거도 아니다."
        ),
    )
