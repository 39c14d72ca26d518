"""Difference in differences: did a place change more than places that the event did not concern?

Looks before and after an event are paired by season, one for one, so that both sides have equal looks of
equal seasons. The change of a place is the mean of its paired differences. The effect is the subject's
change less the mean change of the comparison places; its interval is the prediction interval of one more
place among them (Student's t with k−1 degrees of freedom), because k places are all that says how far
changes differ where nothing happened. Three tests say how far to trust it: the same is asked of dates when
nothing happened, of each comparison place in the subject's stead (Abadie, Diamond and Hainmueller 2010), and
of coal-free places, whose own change must be none.

Abadie, Diamond, Hainmueller (2010), Journal of the American Statistical Association 105, 493-505.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from evidence.quantity import DEFAULT_LEVEL, YEAR_DAYS, Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonParams:
    """Knobs of the comparison, saved with its result."""

    window_days: int = 365
    """Before and after the event. Assumed."""
    season_days: int = 20
    """How far apart in the year two paired looks may lie. Assumed."""
    min_pairs: int = 5
    """Pairs of looks under which a change is not assessable. Assumed."""
    min_comparisons: int = 3
    """Comparison places under which the interval would say nothing. Assumed."""
    level: float = DEFAULT_LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One look at one place."""

    date: dt.date
    area_ha: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one place did from before to after."""

    place: str
    change_ha: float | None
    """Mean of the paired differences."""
    sd_ha: float | None
    """Of that mean: scatter of the pairs, and errors that the measurements share."""
    pairs: int
    """Looks on either side, equal by construction."""

    def quantity(self, *, level: float = DEFAULT_LEVEL) -> Quantity:
        """The change with the interval of its own looks."""
        if self.change_ha is None or self.sd_ha is None:
            return Quantity.not_assessable(f"{self.pairs} pairs of looks of one season", level=level)
        half = float(student.ppf(0.5 + level / 2, self.pairs - 1)) * self.sd_ha
        low, high = self.change_ha - half, self.change_ha + half
        return Quantity.interval(self.change_ha, low, high, level=level, sd_random=self.sd_ha)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """Subject less comparisons, around one date."""

    event: dt.date
    subject: Change
    comparisons: tuple[Change, ...]
    effect_ha: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The effect, and what the same method says of dates when nothing happened."""

    effect: Effect
    placebos: tuple[Effect, ...]
    params: ComparisonParams
    instead: tuple[Effect, ...] = ()
    """The same with each comparison place in the subject's stead, against the others."""
    coal_free: tuple[Change, ...] = ()
    """What places without coal did: any change there is the method's own."""

    @property
    def rank_share(self) -> float | None:
        """Share of places, the subject among them, with an effect as large as the subject's; None without."""
        size = self.effect.effect_ha.value
        values = [one.effect_ha.value for one in self.instead]
        known = [value for value in values if value is not None]
        if size is None or not known:
            return None
        return (1 + sum(abs(value) >= abs(size) for value in known)) / (1 + len(known))

    @property
    def coal_free_alarms(self) -> int:
        """Coal-free places whose change leaves out zero."""
        return sum(_excludes_zero(change.quantity(level=self.params.level)) for change in self.coal_free)

    @property
    def false_alarms(self) -> int:
        """Placebo dates whose interval leaves out zero."""
        return sum(_excludes_zero(placebo.effect_ha) for placebo in self.placebos)

    @property
    def larger_placebos(self) -> int:
        """Placebo dates whose effect is at least as large as the effect itself."""
        size = abs(self.effect.effect_ha.value or 0.0)
        values = [placebo.effect_ha.value for placebo in self.placebos]
        return sum(value is not None and abs(value) >= size for value in values)


def compare(
    subject: Sequence[Observation],
    comparisons: Mapping[str, Sequence[Observation]],
    *,
    event: dt.date,
    placebos: Sequence[dt.date] = (),
    coal_free: Mapping[str, Sequence[Observation]] | None = None,
    params: ComparisonParams | None = None,
) -> Comparison:
    """The effect at `event` and at each placebo date.

    Args:
        subject: looks at the place in question.
        comparisons: looks at places that the event did not concern.
        event: looks on this day or later are after.
        placebos: dates when nothing happened; their windows must not reach over the event to mean anything,
            so looks beyond the event are left out of them.
        coal_free: looks at places without coal.
        params: knobs.
    """
    params = params or ComparisonParams()
    effect = _effect(subject, comparisons, event, params)
    return Comparison(
        effect=effect,
        placebos=tuple(
            _effect(
                _same_side(subject, date, event),
                {place: _same_side(looks, date, event) for place, looks in comparisons.items()},
                date,
                params,
            )
            for date in placebos
        ),
        params=params,
        instead=tuple(_instead(effect, place, params) for place in effect.comparisons),
        coal_free=tuple(_change(name, looks, event, params) for name, looks in (coal_free or {}).items()),
    )


def _same_side(looks: Sequence[Observation], date: dt.date, event: dt.date) -> list[Observation]:
    return [look for look in looks if (look.date < event) == (date < event)]


def _instead(effect: Effect, place: Change, params: ComparisonParams) -> Effect:
    """The effect with a comparison place in the subject's stead, against the other comparison places."""
    rest = tuple(other for other in effect.comparisons if other.place != place.place)
    quantity = _effect_quantity(place, rest, params)
    return Effect(event=effect.event, subject=place, comparisons=rest, effect_ha=quantity)


def _effect(
    subject: Sequence[Observation],
    comparisons: Mapping[str, Sequence[Observation]],
    event: dt.date,
    params: ComparisonParams,
) -> Effect:
    own = _change("subject", subject, event, params)
    others = tuple(_change(place, looks, event, params) for place, looks in sorted(comparisons.items()))
    return Effect(
        event=event, subject=own, comparisons=others, effect_ha=_effect_quantity(own, others, params)
    )


def _effect_quantity(own: Change, others: Sequence[Change], params: ComparisonParams) -> Quantity:
    changes = [other.change_ha for other in others if other.change_ha is not None]
    if own.change_ha is None:
        reason = f"{own.pairs} pairs of looks of one season, {params.min_pairs} needed"
        return Quantity.not_assessable(reason, level=params.level)
    k = len(changes)
    if k < params.min_comparisons:
        reason = f"{k} comparison places with enough looks, {params.min_comparisons} needed"
        return Quantity.not_assessable(reason, level=params.level)
    spread = float(np.std(changes, ddof=1))
    noise = max(0.0, (own.sd_ha or 0.0) ** 2 - _mean_variance(others))
    sd = math.sqrt(spread**2 * (1 + 1 / k) + noise)
    half = float(student.ppf(0.5 + params.level / 2, k - 1)) * sd
    value = own.change_ha - float(np.mean(changes))
    return Quantity.interval(value, value - half, value + half, level=params.level, sd_random=sd)


def _mean_variance(others: Sequence[Change]) -> float:
    """Measurement variance that the spread of the comparisons holds already."""
    return float(np.mean([other.sd_ha**2 for other in others if other.sd_ha is not None]))


def _change(place: str, looks: Sequence[Observation], event: dt.date, params: ComparisonParams) -> Change:
    pairs = pair_by_season(looks, event, params)
    if len(pairs) < params.min_pairs:
        return Change(place=place, change_ha=None, sd_ha=None, pairs=len(pairs))
    differences = [_value(after) - _value(before) for before, after in pairs]
    scatter = float(np.std(differences, ddof=1)) / math.sqrt(len(pairs))
    return Change(
        place=place,
        change_ha=float(np.mean(differences)),
        sd_ha=math.hypot(scatter, _shared_sd(pairs)),
        pairs=len(pairs),
    )


def _shared_sd(pairs: Sequence[tuple[Observation, Observation]]) -> float:
    """What errors that looks share leave in the mean difference; what both sides share cancels."""
    groups: dict[str, float] = {}
    for before, after in pairs:
        for sign, look in ((-1.0, before), (1.0, after)):
            for group, sd in look.area_ha.shared:
                groups[group] = groups.get(group, 0.0) + sign * sd / len(pairs)
    return math.hypot(*groups.values()) if groups else 0.0


def _value(look: Observation) -> float:
    if look.area_ha.value is None:
        raise ValueError("a look without a figure was paired")
    return look.area_ha.value


def pair_by_season(
    looks: Sequence[Observation], event: dt.date, params: ComparisonParams
) -> list[tuple[Observation, Observation]]:
    """Pairs of looks of one time of year, one before and one after the event, nearest first.

    Args:
        looks: at one place; those without a figure are left out.
        event: looks on this day or later are after.
        params: how far from the event, and how far apart in the year.

    Returns:
        (before, after); each look is in one pair at most.
    """
    window = dt.timedelta(days=params.window_days)
    seen = [look for look in looks if look.area_ha.value is not None]
    before = [look for look in seen if event - window <= look.date < event]
    after = [look for look in seen if event <= look.date < event + window]
    apart = sorted(
        (_season_apart(b.date, a.date), i, j) for i, b in enumerate(before) for j, a in enumerate(after)
    )
    taken_before: set[int] = set()
    taken_after: set[int] = set()
    pairs = []
    for days, i, j in apart:
        if days <= params.season_days and i not in taken_before and j not in taken_after:
            taken_before.add(i)
            taken_after.add(j)
            pairs.append((before[i], after[j]))
    return pairs


def _season_apart(one: dt.date, two: dt.date) -> float:
    days = abs((two - one).days) % YEAR_DAYS
    return min(days, YEAR_DAYS - days)


def _excludes_zero(quantity: Quantity) -> bool:
    if quantity.low is None or quantity.high is None:
        return False
    return quantity.low > 0 or quantity.high < 0
