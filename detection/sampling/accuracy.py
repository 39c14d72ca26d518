"""Accuracy and area from a stratified random sample of reference labels, and how far its readers agree.

Strata need not be map classes: a buffer around mapped change is a stratum of its own although the map calls
it stable (Olofsson et al. 2020). The estimators are those of Stehman (2014) for that case; where strata and
map classes are the same they are the ones of Olofsson et al. (2014), eq. 4 to 11.

User's, producer's and overall accuracy are those of the counts, uncorrected, with the published symmetric
interval; where no error was seen, and it has no width, with the one that MOVER makes. The published interval
of an area collapses where a stratum shows no error among a few hundred labels; the interval that is claimed
combines Wilson's interval of each stratum (MOVER: Zou & Donner 2008) and both are given. Labels that two
blind readers and a third gave are themselves wrong now and then, which inflates a rare class: how often they
differ says how often, and the areas are corrected for it. The claimed interval is never narrower than the
published one: where the correction would make it so, it holds the published one too.

Labels whose readers agree too little say nothing of a map: below `MIN_AGREEMENT` a sample is not assessable.

Olofsson, Foody, Herold, Stehman, Woodcock, Wulder (2014), Remote Sensing of Environment 148, 42-57.
Stehman (2014), International Journal of Remote Sensing 35, 4923-4939.
Olofsson, Arévalo, Espejo, Green, Lindquist, McRoberts, Sanz (2020), Remote Sens. Environ. 236, 111492.
Zou, Donner (2008), Statistics in Medicine 27, 1693-1702. Donner, Zou (2012), Statistical Methods in Medical
Research 21, 347-359. Rogan, Gladen (1978), American Journal of
Epidemiology 107, 71-76. Krippendorff (2004), Content Analysis, 2nd ed., chapter 11.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evidence.arrays import Floats
from evidence.errors import MeasurementError
from evidence.quantity import DEFAULT_LEVEL, Quantity, coverage_factor

STABLE = "stable"
"""Name of the stratum that the map calls unchanged."""

MIN_UNITS = 2
"""Labels of a stratum below which it has no variance. Derived: one value has none."""
ROUNDING = 1e-6
"""By how much shares that add up to one may miss it, 1. Assumed."""
MIN_HALF_WIDTH = 1e-9
"""Below this a symmetric interval of a share has no width: no error was seen, which does not
mean none, 1. Assumed: rounding."""
MIN_AGREEMENT = 0.667
"""Krippendorff's alpha of two readers below which labels support no conclusion, not even a tentative one
(Krippendorff 2004, 11.4.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """A part of the map that was sampled at one rate."""

    name: str
    mapped: str
    """What the map says of all of it."""
    area_ha: float


def wilson_share(hits: int, n: int, *, level: float = DEFAULT_LEVEL) -> Quantity:
    """A share with Wilson's interval (1927).

    Args:
        hits: units that have it.
        n: units looked at; not assessable where there are none.
        level: of the interval.
    """
    if n == 0:
        return Quantity.not_assessable("nobody has judged anything of the kind", level=level)
    z, p = coverage_factor(level), hits / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return Quantity.interval(p, min(p, centre - half), max(p, centre + half), level=level)


def resolve_labels(
    first: Mapping[str, str], second: Mapping[str, str], third: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """One label per unit from two blind readers and a third where they differ.

    Args:
        first: label by unit of one reader.
        second: of the other.
        third: of whoever decides.

    Returns:
        The resolved labels, and the units that still wait for the third.
    """
    both = sorted(set(first) & set(second))
    resolved = {unit: first[unit] for unit in both if first[unit] == second[unit]}
    resolved |= {unit: third[unit] for unit in both if unit not in resolved and unit in third}
    return resolved, [unit for unit in both if unit not in resolved]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderAgreement:
    """How far two blind readers agree on the same units."""

    n: int
    disagreed: int
    alpha: Quantity
    """Krippendorff's alpha for nominal classes: 1 where they always agree, 0 as often as by chance."""

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]], *, level: float = DEFAULT_LEVEL) -> ReaderAgreement:
        """Agreement of pairs of labels, the two readers exchangeable (Krippendorff 2004, 11.3).

        The interval is Wilson's interval of the observed disagreement over the disagreement by chance; that
        the latter is estimated too is neglected (it enters in second order).
        """
        told = list(pairs)
        n, disagreed = len(told), sum(one != two for one, two in told)
        by_class = Counter(label for pair in told for label in pair)
        values = 2 * n
        same = sum(k * (k - 1) for k in by_class.values())
        by_chance = 1.0 - same / (values * (values - 1)) if n else 0.0
        if by_chance <= 0.0:
            reason = "no unit was labelled twice" if n == 0 else "all labels are one class"
            return cls(n=n, disagreed=disagreed, alpha=Quantity.not_assessable(reason, level=level))
        share = wilson_share(disagreed, n, level=level)
        value, low, high = (
            1.0 - float(end or 0.0) / by_chance for end in (share.value, share.high, share.low)
        )
        return cls(n=n, disagreed=disagreed, alpha=Quantity.interval(value, low, high, level=level))

    @property
    def enough(self) -> bool:
        """Whether the labels can support a conclusion."""
        return self.alpha.value is not None and self.alpha.value >= MIN_AGREEMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderError:
    """How often a resolved label is wrong, as far as the readers' disagreement tells."""

    rate: float = 0.0
    sd: float = 0.0

    @classmethod
    def from_disagreement(cls, disagreed: int, n: int) -> ReaderError:
        """From two blind readers and a third who decides, all equally good and independent.

        Two readers who each err with probability e differ in d = 2e(1−e) of the units (two classes), and the
        majority of three errs in 3e² − 2e³. What both readers take for the same wrong thing stays unseen.
        """
        if n <= 0 or not 0 <= disagreed <= n:
            raise MeasurementError(f"{disagreed} disagreements among {n} labels")
        d = min(disagreed / n, 0.5)
        e = (1 - math.sqrt(1 - 2 * d)) / 2
        smoothed = (disagreed + 1) / (n + 2)
        sd_e = math.sqrt(smoothed * (1 - smoothed) / n) / (2 * max(1 - 2 * e, 0.1))
        return cls(rate=3 * e**2 - 2 * e**3, sd=6 * e * (1 - e) * sd_e)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassAccuracy:
    """What the sample says of one class."""

    name: str
    mapped_ha: float | None
    """As the map counts it: biased by its errors; None where the map has no such class."""
    area_ha: Quantity
    """Estimated from the sample, corrected for wrong labels, with the interval that is claimed."""
    published_ha: Quantity
    """As Olofsson et al. (2014) estimate it: uncorrected, with the symmetric interval."""
    users: Quantity
    """Share of what is mapped so that is so."""
    producers: Quantity
    """Share of what is so that is mapped so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyReport:
    """Error matrix, accuracies and areas."""

    strata: tuple[Stratum, ...]
    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """(stratum, reference class)."""
    overall: Quantity
    """Share of the area that the map and the sample agree on, of the counts as they are."""
    by_class: tuple[ClassAccuracy, ...]
    level: float
    reader_error: ReaderError

    @property
    def n(self) -> int:
        """Labels in all."""
        return sum(sum(row) for row in self.counts)

    def of(self, name: str) -> ClassAccuracy:
        """The class of that name."""
        return next(found for found in self.by_class if found.name == name)


def estimate_accuracy(
    strata: Sequence[Stratum],
    counts: Sequence[Sequence[int]],
    classes: Sequence[str],
    *,
    level: float = DEFAULT_LEVEL,
    reader_error: ReaderError | None = None,
) -> AccuracyReport:
    """Accuracies and areas from how many units of each stratum have each reference class.

    Args:
        strata: with their areas, which add up to the area of interest.
        counts: (stratum, reference class).
        classes: names of the reference classes; map classes are among them.
        level: of the intervals.
        reader_error: of the labels; areas are corrected for it, accuracies are not.

    Raises:
        MeasurementError: where a stratum has fewer than two labels or no area, a map class no name, or labels
            are as good as guessed.
    """
    table = np.asarray(counts, dtype=np.float64)
    _require(strata, table, classes)
    error = reader_error or ReaderError()
    if error.rate >= 1.0 - 1.0 / max(len(classes), 2):
        raise MeasurementError(f"labels that are wrong with probability {error.rate:.2f} say nothing")
    design = _Design(areas=np.array([s.area_ha for s in strata]), counts=table, level=level, error=error)
    mapped = np.array([[stratum.mapped == name for name in classes] for stratum in strata], dtype=float)
    whole, (agreed, variance) = float(design.areas.sum()), design.plain_total(mapped)
    ends = design.mover((design.seen * mapped).sum(axis=1), agreed / whole, scale=design.areas / whole)
    overall = (agreed / whole, variance / whole**2, *ends)
    return AccuracyReport(
        strata=tuple(strata),
        classes=tuple(classes),
        counts=tuple(tuple(int(n) for n in row) for row in counts),
        overall=_accuracy(overall, level, "overall accuracy"),
        by_class=tuple(_class(design, mapped, j, name) for j, name in enumerate(classes)),
        level=level,
        reader_error=error,
    )


def tally(
    strata: Sequence[Stratum], labels: Sequence[tuple[str, str]], classes: Sequence[str]
) -> list[list[int]]:
    """Counts of labels by stratum and class.

    Args:
        strata: in the order of the rows.
        labels: (name of the stratum, reference class) of each unit.
        classes: in the order of the columns.

    Returns:
        (stratum, class).

    Raises:
        MeasurementError: where a label names another stratum or class.
    """
    rows = {stratum.name: i for i, stratum in enumerate(strata)}
    columns = {name: j for j, name in enumerate(classes)}
    counts = [[0] * len(classes) for _ in strata]
    for stratum, reference in labels:
        if stratum not in rows or reference not in columns:
            raise MeasurementError(f"label ({stratum}, {reference}) is of no stratum or class of the sample")
        counts[rows[stratum]][columns[reference]] += 1
    return counts


def _require(strata: Sequence[Stratum], table: Floats, classes: Sequence[str]) -> None:
    if table.shape != (len(strata), len(classes)):
        raise MeasurementError(f"counts {table.shape} for {len(strata)} strata and {len(classes)} classes")
    for stratum, n in zip(strata, table.sum(axis=1), strict=True):
        if n < MIN_UNITS or stratum.area_ha <= 0:
            raise MeasurementError(
                f"stratum {stratum.name} ({stratum.area_ha:g} ha) has {n:.0f} labels; {MIN_UNITS} are needed"
            )
        if stratum.mapped not in classes:
            raise MeasurementError(f"stratum {stratum.name} is mapped {stratum.mapped}, which is no class")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Design:
    areas: Floats
    """(stratum), ha."""
    counts: Floats
    """(stratum, reference class)."""
    level: float
    error: ReaderError

    @property
    def units(self) -> Floats:
        """(stratum) labels."""
        units: Floats = self.counts.sum(axis=1)
        return units

    @property
    def seen(self) -> Floats:
        """(stratum, reference class) share of the stratum's labels."""
        return self.counts / self.units[:, None]

    @property
    def floor(self) -> float:
        """Share of a class that wrong labels alone make, spread evenly over the other classes."""
        return float(self.error.rate / max(self.counts.shape[1] - 1, 1))

    @property
    def stretch(self) -> float:
        """What the correction multiplies shares by (Rogan and Gladen 1978)."""
        return float(1.0 / (1.0 - self.error.rate - self.floor))

    @property
    def share(self) -> Floats:
        """(stratum, reference class) corrected for wrong labels."""
        return (self.seen - self.floor) * self.stretch

    def plain_total(self, indicator: Floats) -> tuple[float, float]:
        """Area (ha) where `indicator` (stratum, reference class) is 1, and its variance, of the counts."""
        p = (self.seen * indicator).sum(axis=1)
        return float(self.areas @ p), float(self.areas**2 @ (p * (1 - p) / (self.units - 1)))

    def total(self, indicator: Floats) -> tuple[float, float]:
        """The same corrected for wrong labels."""
        value = float(self.areas @ (self.share * indicator).sum(axis=1))
        _, sampling = self.plain_total(indicator)
        return value, sampling * self.stretch**2 + self.error_variance(indicator)

    def error_variance(self, indicator: Floats) -> float:
        """What not knowing the readers' error exactly adds to the variance of a total."""
        others = max(self.counts.shape[1] - 1, 1)
        slope = (self.share * (1 + 1 / others) - 1 / others) * self.stretch
        return (float(self.areas @ (slope * indicator).sum(axis=1)) * self.error.sd) ** 2

    def wilson(self, j: int) -> tuple[float, float]:
        """Ends of the interval of the area of class `j`: Wilson's by stratum, put together by MOVER."""
        column = np.zeros_like(self.counts)
        column[:, j] = 1.0
        extra = coverage_factor(self.level) ** 2 * self.error_variance(column)
        value = float(self.areas @ self.share[:, j])
        return self.mover(self.seen[:, j], value, scale=self.areas * self.stretch, extra=extra)

    def mover(self, p: Floats, value: float, *, scale: Floats, extra: float = 0.0) -> tuple[float, float]:
        """Ends of the interval of a sum over strata, each with Wilson's own (Zou and Donner 2008).

        Args:
            p: (stratum,) shares.
            value: the sum, ``Σ scale · p``.
            scale: (stratum,) what each share is multiplied by.
            extra: variance that comes on top, as of readers.
        """
        z, n = coverage_factor(self.level), self.units
        centre, half = (p + z**2 / (2 * n)) / (1 + z**2 / n), np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        reach = z * half / (1 + z**2 / n)
        below = math.sqrt(float(scale**2 @ (p - (centre - reach)) ** 2) + extra)
        above = math.sqrt(float(scale**2 @ ((centre + reach) - p) ** 2) + extra)
        return value - below, value + above

    def ratio(self, top: Floats, bottom: Floats) -> tuple[float, float] | None:
        """Ratio of two indicators' areas and its variance, of the counts (Stehman 2014, eq. 27 and 28)."""
        whole, _ = self.plain_total(bottom)
        if whole <= 0:
            return None
        found = self.plain_total(top)[0] / whole
        residual = top - found * bottom
        mean = (self.seen * residual).sum(axis=1)
        spread = (self.seen * residual**2).sum(axis=1) - mean**2
        variance = float(self.areas**2 @ (np.maximum(spread, 0.0) / (self.units - 1)))
        return found, variance / whole**2


def _class(design: _Design, mapped: Floats, j: int, name: str) -> ClassAccuracy:
    is_class = np.zeros_like(mapped)
    is_class[:, j] = 1.0
    is_mapped = np.repeat(mapped[:, [j]], mapped.shape[1], axis=1)
    both = is_class * is_mapped
    on_map = bool(is_mapped.any())
    inside, outside = is_mapped[:, 0], 1.0 - is_mapped[:, 0]
    users = producers = None
    if on_map and (ratio := design.ratio(both, is_mapped)) is not None:
        share = (design.seen * both).sum(axis=1)
        whole = float(design.areas @ inside)
        users = (*ratio, *design.mover(share, ratio[0], scale=design.areas * inside / whole))
    if (ratio := design.ratio(both, is_class)) is not None:
        producers = (*ratio, *_part_of_whole(design, design.seen[:, j], inside, outside))
    return ClassAccuracy(
        name=name,
        mapped_ha=float(design.areas @ inside) if on_map else None,
        area_ha=_claimed_area(design, is_class, j),
        published_ha=_published_area(design, is_class),
        users=_accuracy(users, design.level, "the map has no such class"),
        producers=_accuracy(producers, design.level, "no label has this class"),
    )


def _part_of_whole(design: _Design, p: Floats, inside: Floats, outside: Floats) -> tuple[float, float]:
    """Ends of the interval of X / (X + Y), areas of a class in two sets of strata (Donner and Zou 2012)."""
    x, y = (float(design.areas * part @ p) for part in (inside, outside))
    x_low, x_high = design.mover(p, x, scale=design.areas * inside)
    y_low, y_high = design.mover(p, y, scale=design.areas * outside)
    high = _ratio_end(y, x, max(y_low, 0.0), x_high, -1.0)
    low = _ratio_end(y, x, y_high, max(x_low, 0.0), 1.0)
    return 1.0 / (1.0 + low), 1.0 / (1.0 + high)


def _ratio_end(top: float, bottom: float, top_end: float, bottom_end: float, side: float) -> float:
    """The lower (`side` −1) or upper (+1) end of top / bottom (Donner and Zou 2012, eq. 9 and 10)."""
    denominator = bottom_end * (2 * bottom - bottom_end)
    if denominator <= 0.0:
        return math.inf if side > 0 else 0.0
    product = top * bottom
    under_root = product**2 - top_end * bottom_end * (2 * top - top_end) * (2 * bottom - bottom_end)
    return max((product + side * math.sqrt(max(under_root, 0.0))) / denominator, 0.0)


def _published_area(design: _Design, is_class: Floats) -> Quantity:
    """Olofsson et al. (2014), eq. 10 and 11."""
    area, variance = design.plain_total(is_class)
    half = coverage_factor(design.level) * math.sqrt(variance)
    return _area(design, area, area - half, area + half, variance)


def _claimed_area(design: _Design, is_class: Floats, j: int) -> Quantity:
    """Corrected for wrong labels; an interval narrower than the published one is made to hold that too."""
    area, variance = design.total(is_class)
    claimed, published = _area(design, area, *design.wilson(j), variance), _published_area(design, is_class)
    low, high = float(claimed.low or 0.0), float(claimed.high or 0.0)
    least, most = float(published.low or 0.0), float(published.high or 0.0)
    if high - low >= most - least:
        return claimed
    sd = max(claimed.sd_random, published.sd_random)
    return _area(design, area, min(low, least), max(high, most), sd**2)


def _area(design: _Design, area: float, low: float, high: float, variance: float) -> Quantity:
    whole = float(design.areas.sum())
    value, least, most = (min(max(end, 0.0), whole) for end in (area, low, high))
    return Quantity.interval(value, least, most, level=design.level, sd_random=math.sqrt(variance))


def _accuracy(found: tuple[float, float, float, float] | None, level: float, reason: str) -> Quantity:
    """The published symmetric interval of (value, variance); where it has no width, the ends given beside."""
    if found is None:
        return Quantity.not_assessable(reason, level=level)
    value, variance, low, high = found
    value, sd = min(max(value, 0.0), 1.0), math.sqrt(variance)
    half = coverage_factor(level) * sd
    if half > MIN_HALF_WIDTH:
        low, high = value - half, value + half
    low, high = min(max(low, 0.0), value), max(min(high, 1.0), value)
    return Quantity.interval(value, low, high, level=level, sd_random=sd)


def sample_size(weights: Mapping[str, float], users: Mapping[str, float], *, standard_error: float) -> int:
    """Units needed for a standard error of overall accuracy (Olofsson 2014, eq. 13).

    Args:
        weights: share of the area by stratum; they add up to one.
        users: expected share of correct units by stratum.
        standard_error: of overall accuracy, wanted.
    """
    if standard_error <= 0 or not math.isclose(sum(weights.values()), 1.0, abs_tol=ROUNDING):
        raise MeasurementError(
            f"standard error {standard_error}, weights that add up to {sum(weights.values())}"
        )
    spread = sum(weight * math.sqrt(users[name] * (1 - users[name])) for name, weight in weights.items())
    return math.ceil((spread / standard_error) ** 2)
