"""Newly disturbed ground a year before and after a date, by a random sample instead of a count of map pixels.

What lies outside a boundary version is a domain of its own: every stratum is cut by the version after the
draw (poststratification; Cochran 1977, 5A.9), so that the area outside is exact and the shares are those of
the labels outside. The change is the difference of two areas of one sample; its interval is put together from
theirs (MOVER: Zou and Donner 2008), without their covariance, which is of second order where both are rare.

Cochran (1977), Sampling Techniques, 3rd ed. Zou, Donner (2008), Statistics in Medicine 27, 1693-1702.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from detection.sampling.accuracy import STABLE, ReaderError, Stratum, estimate_accuracy, tally
from detection.sampling.design import year_of
from evidence.errors import MeasurementError
from evidence.quantity import YEAR_DAYS, Quantity

BEFORE, AFTER = "before", "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The time on either side of a date."""

    since: dt.date
    """First day that counts."""
    split: dt.date
    """The date. Labels tell years: its own year lies before it."""
    until: dt.date
    """Day after the last."""

    def side(self, label: str) -> str:
        """On which side of the date a class lies."""
        if label == STABLE:
            return STABLE
        return BEFORE if year_of(label) <= self.split.year else AFTER

    @property
    def years(self) -> tuple[float, float]:
        """How long either side is."""
        days = (self.split - self.since).days, (self.until - self.split).days
        return days[0] / YEAR_DAYS, days[1] / YEAR_DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledRates:
    """Hectares a year by the sample."""

    before: Quantity
    after: Quantity
    change: Quantity
    """After less before."""


def sampled_rates(
    strata: Sequence[Stratum], labels: Sequence[tuple[str, str]], sides: Sides, *, error: ReaderError
) -> SampledRates:
    """Rates on either side of a date from labels of a stratified random sample.

    Args:
        strata: of the ground that counts, with their areas there; those without any are left out.
        labels: (name of the stratum, reference class) of each unit on that ground.
        sides: of the date.
        error: of the labels.

    Returns:
        the rates; not assessable where a stratum has too few labels.
    """
    held = [replace(s, mapped=sides.side(s.mapped)) for s in strata if s.area_ha > 0]
    told = [(stratum, sides.side(label)) for stratum, label in labels]
    classes = (BEFORE, AFTER, STABLE)
    try:
        found = estimate_accuracy(held, tally(held, told, classes), classes, reader_error=error)
    except MeasurementError as err:
        none = Quantity.not_assessable(str(err))
        return SampledRates(before=none, after=none, change=none)
    before, after = (
        _times(found.of(name).area_ha, 1.0 / years)
        for name, years in zip((BEFORE, AFTER), sides.years, strict=True)
    )
    return SampledRates(before=before, after=after, change=_less(after, before))


def _times(q: Quantity, by: float) -> Quantity:
    value, low, high = (by * float(end or 0.0) for end in (q.value, q.low, q.high))
    return Quantity.interval(value, low, high, level=q.level, sd_random=by * q.sd_random)


def _less(one: Quantity, other: Quantity) -> Quantity:
    """`one` less `other`, each with an interval of its own shape (Zou and Donner 2008)."""
    a, a_low, a_high = (float(end or 0.0) for end in (one.value, one.low, one.high))
    b, b_low, b_high = (float(end or 0.0) for end in (other.value, other.low, other.high))
    low = a - b - math.hypot(a - a_low, b_high - b)
    high = a - b + math.hypot(a_high - a, b - b_low)
    sd = math.hypot(one.sd_random, other.sd_random)
    return Quantity.interval(a - b, low, high, level=one.level, sd_random=sd)
