"""Measured areas against reference outlines of the same days: bias, scatter, interval coverage."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evidence.layers import ReferenceKind
from evidence.quantity import Quantity

ENOUGH = 30
"""References below which a site counts as not validated."""
NOT_VALIDATED = "interval from simulation; not validated at this site"
"""What every output says of an interval that no reference of the site stands behind."""
SITE_REFERENCE, SIMULATION = "site_reference", "simulation"
SIZES = (
    (0.0, 0.0, "none"),
    (0.0, 0.25, "under 0.25 ha"),
    (0.25, 1.0, "0.25 to 1 ha"),
    (1.0, math.inf, "1 ha or more"),
)
SEASONS = {12: "winter", 1: "winter", 2: "winter", 3: "spring", 4: "spring", 5: "spring", 6: "summer",
           7: "summer", 8: "summer", 9: "autumn", 10: "autumn", 11: "autumn"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencePair:
    """One measurement and what somebody saw in a sharper image."""

    date: dt.date
    measured: Quantity
    reference_ha: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSummary:
    """What the pairs of one group come to."""

    group: str
    n: int
    bias_ha: float
    rmse_ha: float
    covered: float
    """Share of references inside the measured interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCheck:
    """What the intervals of one layer were checked against at one site."""

    kind: ReferenceKind = ReferenceKind.NONE
    references: int = 0
    summary: ReferenceSummary | None = None
    """Of outlines: how the measured figures and their intervals did."""

    @property
    def enough(self) -> bool:
        """Whether the site counts as validated for this layer."""
        return self.references >= ENOUGH

    def validated_on(self, own: str | None) -> str:
        """The code that a row carries; `own` is what its method was checked on before it saw any site."""
        return SITE_REFERENCE if self.enough else own or SIMULATION

    @property
    def text(self) -> str:
        """The sentence that every output carries."""
        if not self.enough:
            counted = f" ({self.references} of {ENOUGH} references)" if self.references else ""
            return NOT_VALIDATED + counted
        if self.kind is ReferenceKind.LABELS:
            return f"checked against {self.references} labels of a random sample of this site"
        told = f"checked against {self.references} outlines and absences at this site"
        if self.summary is None:
            return told
        return (
            f"{told}: bias {self.summary.bias_ha:+.2f} ha, RMSE {self.summary.rmse_ha:.2f} ha, "
            f"{self.summary.covered:.0%} inside the interval"
        )


def compare_references(pairs: Sequence[ReferencePair]) -> list[ReferenceSummary]:
    """All pairs together, then by season and by size of the reference; groups without a pair are left out."""
    usable = [pair for pair in pairs if pair.measured.value is not None]
    groups: list[tuple[str, Callable[[ReferencePair], bool]]] = [("all", lambda _: True)]
    groups += [(name, lambda pair, name=name: SEASONS[pair.date.month] == name)  # type: ignore[misc]
               for name in dict.fromkeys(SEASONS.values())]  # fmt: skip
    groups += [(name, lambda pair, name=name: _size(pair.reference_ha) == name)  # type: ignore[misc]
               for *_, name in SIZES]  # fmt: skip
    summaries = [_summary(name, [pair for pair in usable if member(pair)]) for name, member in groups]
    return [summary for summary in summaries if summary is not None]


def _size(area_ha: float) -> str:
    if area_ha == 0:
        return "none"
    return next(name for low, high, name in SIZES[1:] if low <= area_ha < high)


def _summary(group: str, pairs: Sequence[ReferencePair]) -> ReferenceSummary | None:
    if not pairs:
        return None
    errors = [float(pair.measured.value or 0.0) - pair.reference_ha for pair in pairs]
    inside = [
        float(pair.measured.low or 0.0) <= pair.reference_ha <= float(pair.measured.high or 0.0)
        for pair in pairs
    ]
    return ReferenceSummary(
        group=group,
        n=len(pairs),
        bias_ha=sum(errors) / len(errors),
        rmse_ha=math.sqrt(sum(error**2 for error in errors) / len(errors)),
        covered=sum(inside) / len(inside),
    )
