"""Measured quantities: a value, its interval, and what two of them have in common.

An error has a random part (independent of every other measurement) and shared parts (a spectrum, a
reference image, a traced boundary): the same unknown deviation enters every quantity of its group. The
shared parts are kept by group, with their sign, so that differences, sums and trends propagate covariance:
for ``y = Σ wᵢ qᵢ``, ``var y = Σ wᵢ² rᵢ² + Σ_g (Σ wᵢ s_ig)²`` (JCGM 100:2008, GUM, eq. 13, with correlation
one inside a group and zero between groups).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from evidence.errors import MeasurementError

DAY_S = 86_400.0
"""Length of a day, s. By definition."""
YEAR_DAYS = 365.25
"""Length of the Julian year, days. By definition."""
DEFAULT_LEVEL = 0.95
"""Probability of intervals where nobody asks for another. Assumed, as is usual."""


def coverage_factor(level: float) -> float:
    """Half-width of the two-sided normal interval of probability `level`, in standard deviations.

    Raises:
        MeasurementError: where the level is not between 0 and 1.
    """
    if not 0.0 < level < 1.0:
        raise MeasurementError(f"level {level} is not between 0 and 1")
    return NormalDist().inv_cdf(0.5 + level / 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A number that can be defended, or the reason why there is none."""

    value: float | None
    """Best estimate; None where not assessable."""
    low: float | None = None
    """Lower end of the interval at `level`."""
    high: float | None = None
    """Upper end of the interval at `level`."""
    level: float = DEFAULT_LEVEL
    """Probability that the interval is meant to cover the truth."""
    sd_random: float = 0.0
    """Standard deviation of the part that no other quantity shares."""
    shared: tuple[tuple[str, float], ...] = ()
    """(group, signed standard deviation) of each shared error, sorted by group."""
    reason: str | None = None
    """Why there is no value; None where there is one."""

    def __post_init__(self) -> None:
        """Refuse a quantity that says less than it must."""
        if (self.value is None) == (self.reason is None):
            raise MeasurementError("a quantity has either a value or a reason why it has none")
        if self.value is None:
            return
        numbers = (self.value, self.low, self.high, self.sd_random, *(sd for _, sd in self.shared))
        if any(n is None or not math.isfinite(n) for n in numbers):
            raise MeasurementError(f"quantity {self.value} [{self.low}, {self.high}] is not finite")
        if self.low is None or self.high is None or self.low > self.high:
            raise MeasurementError(f"interval [{self.low}, {self.high}] is not an interval")

    @classmethod
    def measured(
        cls,
        value: float,
        *,
        sd_random: float,
        shared: Mapping[str, float] | None = None,
        level: float = DEFAULT_LEVEL,
    ) -> Quantity:
        """A value with the symmetric normal interval of its total standard deviation.

        Args:
            value: in the unit of the column.
            sd_random: error that no other measurement shares.
            shared: by group the error, with its sign, that all of the group share.
            level: of the interval.
        """
        groups = tuple(sorted((g, float(sd)) for g, sd in (shared or {}).items() if sd != 0.0))
        half = coverage_factor(level) * math.hypot(sd_random, *(sd for _, sd in groups))
        return cls(
            value=float(value),
            low=float(value) - half,
            high=float(value) + half,
            level=level,
            sd_random=float(sd_random),
            shared=groups,
        )

    @classmethod
    def interval(
        cls,
        value: float,
        low: float,
        high: float,
        *,
        level: float = DEFAULT_LEVEL,
        sd_random: float | None = None,
        shared: Mapping[str, float] | None = None,
    ) -> Quantity:
        """A value with an interval of its own shape.

        Args:
            value: in the unit of the column.
            low: lower end.
            high: upper end.
            level: of the interval.
            sd_random: error that no other measurement shares; by default from half the interval's width.
            shared: by group the error, with its sign, that all of the group share.

        Raises:
            MeasurementError: where a number is not finite, or the ends are no interval.
        """
        groups = tuple(sorted((g, float(sd)) for g, sd in (shared or {}).items() if sd != 0.0))
        if sd_random is None:
            total = (high - low) / 2.0 / coverage_factor(level)
            sd_random = math.sqrt(max(0.0, total**2 - sum(sd**2 for _, sd in groups)))
        return cls(
            value=float(value),
            low=float(low),
            high=float(high),
            level=level,
            sd_random=float(sd_random),
            shared=groups,
        )

    @classmethod
    def not_assessable(cls, reason: str, *, level: float = DEFAULT_LEVEL) -> Quantity:
        """No value, and why."""
        return cls(value=None, level=level, reason=reason)

    @classmethod
    def bounded(cls, low: float, high: float, reason: str, *, level: float = DEFAULT_LEVEL) -> Quantity:
        """No central value, and why, but ends that it lies between.

        Args:
            low: lower end.
            high: upper end.
            reason: why there is no value.
            level: of the interval.

        Raises:
            MeasurementError: where the ends are no interval.
        """
        if not (math.isfinite(low) and math.isfinite(high) and low <= high):
            raise MeasurementError(f"interval [{low}, {high}] is not an interval")
        return cls(value=None, low=float(low), high=float(high), level=level, reason=reason)

    @property
    def sd_systematic(self) -> float:
        """Standard deviation of the shared parts together."""
        return math.hypot(*(sd for _, sd in self.shared)) if self.shared else 0.0

    @property
    def sd(self) -> float:
        """Total standard deviation."""
        return math.hypot(self.sd_random, self.sd_systematic)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the ledger."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "level": self.level,
            "sd_random": self.sd_random,
            "shared": [list(pair) for pair in self.shared],
            "reason": self.reason,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Quantity:
        """The inverse of `to_dict`."""
        shared = tuple((str(group), float(sd)) for group, sd in data["shared"])
        return cls(**{**data, "shared": shared})


def combine(terms: Iterable[tuple[float, Quantity]], *, level: float = DEFAULT_LEVEL) -> Quantity:
    """The weighted sum ``Σ wᵢ qᵢ`` with the covariance of shared errors.

    Terms must be distinct measurements: their random parts count as independent. Where one of them is not
    assessable the sum is not assessable either, for the same reason.
    """
    value = 0.0
    variance = 0.0
    shared: dict[str, float] = {}
    for weight, quantity in terms:
        if quantity.value is None:
            return Quantity.not_assessable(quantity.reason or "a term is not assessable", level=level)
        value += weight * quantity.value
        variance += (weight * quantity.sd_random) ** 2
        for group, sd in quantity.shared:
            shared[group] = shared.get(group, 0.0) + weight * sd
    return Quantity.measured(value, sd_random=math.sqrt(variance), shared=shared, level=level)


def difference(after: Quantity, before: Quantity, *, level: float = DEFAULT_LEVEL) -> Quantity:
    """``after − before``; what both share cancels.

    Args:
        after: the later quantity.
        before: the earlier one.
        level: of the interval.
    """
    return combine(((1.0, after), (-1.0, before)), level=level)


def total(quantities: Iterable[Quantity], *, level: float = DEFAULT_LEVEL) -> Quantity:
    """The sum; what the terms share adds up linearly."""
    return combine(((1.0, quantity) for quantity in quantities), level=level)
