"""What the comparison of a declared question says, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from campwatch.questions.comparison import Question
from campwatch.reviews.validation import Checks
from detection.answers.comparison import Change, Comparison, Effect
from detection.coal.records import STOCKPILE_AREAS
from detection.sampling.references import SiteCheck
from evidence.quantity import Quantity

NO_CAUSE = "An effect names no cause: a ban on exports makes piles grow as well as production does."


def comparison_lines(
    found: Comparison, *, question: Question | None = None, checks: Mapping[str, Checks] | None = None
) -> list[str]:
    """The effect with its interval, the places it rests on, and the three tests of it."""
    effect = found.effect
    lines = [question.question] if question else []
    lines += [
        f"effect on {effect.event}: {_words(effect.effect_ha)}",
        f"subject: {_words(effect.subject.quantity())}, {effect.subject.pairs} looks on either side",
    ]
    lines += [f"comparison {_place(change)}" for change in effect.comparisons]
    lines += _placebo_lines(found)
    if found.rank_share is not None:
        n = 1 + sum(one.effect_ha.value is not None for one in found.instead)
        lines.append(f"places in the subject's stead: an effect as large in {found.rank_share:.0%} of {n}")
    lines += [f"coal-free {_place(change)}" for change in found.coal_free]
    if found.coal_free:
        lines.append(f"coal-free places with a change: {found.coal_free_alarms} of {len(found.coal_free)}")
    return [*lines, *_standing(question, checks or {}), NO_CAUSE]


def _placebo_lines(found: Comparison) -> list[str]:
    lines = [f"placebo {_dated(placebo)}" for placebo in found.placebos]
    if lines:
        n = len(found.placebos)
        lines.append(f"placebo dates with an alarm: {found.false_alarms} of {n}")
        lines.append(f"placebo dates with an effect as large: {found.larger_placebos} of {n}")
    return lines


def _standing(question: Question | None, checks: Mapping[str, Checks]) -> list[str]:
    """What references stand behind the subject's figures."""
    own = checks.get(question.subject.site, {}) if question else {}
    return [own.get(STOCKPILE_AREAS.name, SiteCheck()).text]


def _place(change: Change) -> str:
    return f"{change.place}: {_words(change.quantity())}, {change.pairs} looks on either side"


def _dated(effect: Effect) -> str:
    return f"{effect.event}: {_words(effect.effect_ha)}"


def _words(quantity: Quantity) -> str:
    if quantity.value is None:
        return f"not assessable: {quantity.reason}"
    return f"{quantity.low:+.2f} to {quantity.high:+.2f} ha (best {quantity.value:+.2f})"


def comparison_document(
    found: Comparison, *, question: Question | None = None, checks: Mapping[str, Checks] | None = None
) -> dict[str, Any]:
    """The same for programs."""
    return {
        "question": question.question if question else None,
        "effect": _effect(found.effect),
        "placebos": [_effect(placebo) for placebo in found.placebos],
        "false_alarms": found.false_alarms,
        "larger_placebos": found.larger_placebos,
        "instead": [_effect(one) for one in found.instead],
        "rank_share": found.rank_share,
        "coal_free": [_change(change) for change in found.coal_free],
        "coal_free_alarms": found.coal_free_alarms,
        "params": asdict(found.params),
        "validation": _standing(question, checks or {})[0],
        "caveat": NO_CAUSE,
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "event": effect.event.isoformat(),
        "effect_ha": effect.effect_ha.to_dict(),
        "subject": _change(effect.subject),
        "comparisons": [_change(change) for change in effect.comparisons],
    }


def _change(change: Change) -> dict[str, Any]:
    return {"place": change.place, "pairs": change.pairs, "change_ha": change.quantity().to_dict()}
