"""What references of a site say of its figures: outlines of piles, labels of a random sample."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from detection.sampling.accuracy import MIN_AGREEMENT, ReaderAgreement, wilson_share
from evidence.layers import ReferenceKind
from evidence.quantity import DEFAULT_LEVEL, Quantity

ENOUGH = 30
"""References below which a site counts as not validated. Assumed: thirty that all hold still leave a
failure rate of a tenth open (rule of three, Hanley and Lippman-Hand 1983)."""
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
    level: float = DEFAULT_LEVEL
    """Of the measured intervals."""

    @property
    def contradicts(self) -> bool:
        """Whether the intervals hold the references less often than they say, beyond chance."""
        share = wilson_share(round(self.covered * self.n), self.n)
        return share.high is not None and share.high < self.level

    @property
    def text(self) -> str:
        """Bias, scatter and coverage in words."""
        return (
            f"bias {self.bias_ha:+.2f} ha, RMSE {self.rmse_ha:.2f} ha, {self.covered:.0%} inside the interval"
        )


class CheckOutcome(StrEnum):
    """What a check of a layer came to."""

    NOT_VALIDATED = "not_validated"
    """Too few references, or none."""
    NOT_ASSESSABLE = "not_assessable"
    """References that cannot be used; the fault says why."""
    CHECKED = "checked"
    CONTRADICTED = "contradicted"
    """The references say otherwise than the figures."""


class SampleFault(StrEnum):
    """Why a sample says nothing of the map."""

    UNFINISHED = "unfinished"
    DISAGREEMENT = "disagreement"
    TOO_FEW = "too_few"


COIN = 0.5
"""An accuracy that lies below this with its whole interval: more is wrong than right, 1. By
definition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSummary:
    """What the labels of one stratified random sample say of mapped change, all years together."""

    units: int
    resolved: int
    """Units with one label, from two readers or a third; those where nobody could tell among them."""
    unclear: int
    """Of these, units where nobody could tell."""
    agreement: ReaderAgreement
    map_date: str
    """Day of the map that the strata are of."""
    draws: int
    """Samples drawn at the site so far: the newest counts."""
    fault: SampleFault | None = None
    users: Quantity | None = None
    """Share of what is mapped as disturbed that is disturbed; None where there is a fault."""
    producers: Quantity | None = None
    """Share of what is disturbed that is mapped as disturbed."""
    mapped_ha: float | None = None
    area_ha: Quantity | None = None
    """Disturbed ground as the sample estimates it."""

    @property
    def n(self) -> int:
        """Labels that say something."""
        return self.resolved - self.unclear

    @property
    def contradicts(self) -> bool:
        """Whether the mapped area is outside the sample's interval, or more is wrong than right."""
        accuracies = [q.high for q in (self.users, self.producers) if q is not None and q.high is not None]
        return self.outside or any(high < COIN for high in accuracies)

    @property
    def outside(self) -> bool:
        """Whether the mapped area lies outside the sample's interval."""
        area = self.area_ha
        if area is None or area.low is None or area.high is None or self.mapped_ha is None:
            return False
        return not area.low <= self.mapped_ha <= area.high

    @property
    def text(self) -> str:
        """Result or fault in words."""
        readers = (
            f"the readers differed on {self.agreement.disagreed} of {self.agreement.n} "
            f"({_percent(self.agreement.disagreed / max(self.agreement.n, 1))}), "
            f"Krippendorff's alpha {_interval(self.agreement.alpha, '.2f')}"
        )
        drawn = f"; sample {self.draws} of {self.draws} drawn at this site" if self.draws > 1 else ""
        if self.fault is SampleFault.UNFINISHED:
            return f"labelling of a random sample is not finished: {self.resolved} of {self.units} units"
        if self.fault is SampleFault.DISAGREEMENT:
            return f"{readers}; labels of a random sample count from {MIN_AGREEMENT} on{drawn}"
        if self.fault is SampleFault.TOO_FEW:
            return "a part of the map has no two labels of the random sample that tell"
        unclear = f"; nobody could tell at {self.unclear} more" if self.unclear else ""
        area = (
            f"mapped {self.mapped_ha:.1f} ha, by the sample {_interval(self.area_ha, '.1f')} ha"
            if self.area_ha is not None
            else ""
        )
        return (
            f"disturbed ground {area}; user's accuracy {_interval(self.users, '.0%')}, "
            f"producer's {_interval(self.producers, '.0%')}; {readers}{unclear}; "
            f"map of {self.map_date}{drawn}"
        )


def _percent(share: float) -> str:
    return f"{share:.0%}"


def _interval(quantity: Quantity | None, form: str) -> str:
    if quantity is None or quantity.value is None or quantity.low is None or quantity.high is None:
        return "not assessable"
    return f"{quantity.value:{form}} [{quantity.low:{form}} to {quantity.high:{form}}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCheck:
    """What the intervals of one layer were checked against at one site, and what came of it."""

    kind: ReferenceKind = ReferenceKind.NONE
    references: int = 0
    summary: ReferenceSummary | None = None
    """Of outlines: how the measured figures and their intervals did."""
    sample: SampleSummary | None = None
    """Of labels: what they say of the map."""

    @property
    def outcome(self) -> CheckOutcome:
        """Whether the references stand behind the figures, against them, or say nothing."""
        if self.sample is not None and self.sample.fault is not None:
            return CheckOutcome.NOT_ASSESSABLE
        if self.references < ENOUGH:
            return CheckOutcome.NOT_VALIDATED
        against = (
            self.sample.contradicts
            if self.sample is not None
            else bool(self.summary is not None and self.summary.contradicts)
        )
        return CheckOutcome.CONTRADICTED if against else CheckOutcome.CHECKED

    @property
    def enough(self) -> bool:
        """Whether the site counts as validated for this layer."""
        return self.outcome is CheckOutcome.CHECKED

    def validated_on(self, own: str | None) -> str:
        """The code that a row carries; `own` is what its method was checked on before it saw any site."""
        return SITE_REFERENCE if self.enough else own or SIMULATION

    @property
    def text(self) -> str:
        """The sentence that every output carries: what the references are and what they say."""
        if self.outcome is CheckOutcome.NOT_ASSESSABLE and self.sample is not None:
            return f"{NOT_VALIDATED} ({self.sample.text})"
        if self.outcome is CheckOutcome.NOT_VALIDATED:
            counted = f" ({self.references} of {ENOUGH} references)" if self.references else ""
            return NOT_VALIDATED + counted
        verb = "checked against" if self.enough else "contradicted by"
        if self.sample is not None:
            return f"{verb} {self.references} labels of a random sample of this site: {self.sample.text}"
        told = f"{verb} {self.references} outlines and absences at this site"
        return told if self.summary is None else f"{told}: {self.summary.text}"


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
        level=max(pair.measured.level for pair in pairs),
    )
