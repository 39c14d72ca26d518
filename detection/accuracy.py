"""Accuracy and area from a stratified random sample of reference labels.

Strata need not be map classes: a buffer around mapped change is a stratum of its own although the map calls
it stable (Olofsson et al. 2020). The estimators are those of Stehman (2014) for that case; where strata and
map classes are the same they are the ones of Olofsson et al. (2014), eq. 4 to 11.

The published symmetric interval collapses where a stratum shows no error among a few hundred labels; the
interval that is claimed here combines Wilson's interval of each stratum (MOVER: Zou & Donner 2008) and both
are given. Labels that two blind readers and a third gave are themselves wrong now and then, which inflates a
rare class: how often the two differ says how often, and the shares are corrected for it.

Olofsson, Foody, Herold, Stehman, Woodcock, Wulder (2014), Remote Sensing of Environment 148, 42-57.
Stehman (2014), International Journal of Remote Sensing 35, 4923-4939.
Olofsson, Arévalo, Espejo, Green, Lindquist, McRoberts, Sanz (2020), Remote Sens. Environ. 236, 111492.
Zou, Donner (2008), Statistics in Medicine 27, 1693-1702. Rogan, Gladen (1978), American Journal of
Epidemiology 107, 71-76.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evidence.errors import MeasurementError
from evidence.quantity import DEFAULT_LEVEL, Quantity, coverage_factor

MIN_UNITS = 2
"""Labels of a stratum below which it has no variance."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """A part of the map that was sampled at one rate."""

    name: str
    mapped: str
    """What the map says of all of it."""
    area_ha: float


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
    """Estimated from the sample, with the interval that is claimed."""
    published_ha: Quantity
    """The same with the symmetric interval of Olofsson et al. (2014)."""
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
        reader_error: of the labels; the shares are corrected for it.

    Raises:
        MeasurementError: where a stratum has fewer than two labels or no area, or a map class no name.
    """
    table = np.asarray(counts, dtype=np.float64)
    _require(strata, table, classes)
    error = reader_error or ReaderError()
    design = _Design(areas=np.array([s.area_ha for s in strata]), counts=table, level=level, error=error)
    mapped = np.array([[stratum.mapped == name for name in classes] for stratum in strata], dtype=float)
    return AccuracyReport(
        strata=tuple(strata),
        classes=tuple(classes),
        counts=tuple(tuple(int(n) for n in row) for row in counts),
        overall=_share(design.total(mapped), design, "overall accuracy"),
        by_class=tuple(_class(design, mapped, j, name) for j, name in enumerate(classes)),
        level=level,
        reader_error=error,
    )


def tally(
    strata: Sequence[Stratum], labels: Sequence[tuple[str, str]], classes: Sequence[str]
) -> list[list[int]]:
    """Counts (stratum, class) of labels, each (name of the stratum, reference class)."""
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

    def total(self, indicator: Floats) -> tuple[float, float]:
        """Area (ha) of the units with `indicator` (stratum, reference class) 1, and its variance."""
        p = (self.seen * indicator).sum(axis=1)
        value = float(self.areas @ (self.share * indicator).sum(axis=1))
        sampling = float(self.areas**2 @ (p * (1 - p) / (self.units - 1))) * self.stretch**2
        return value, sampling + self.error_variance(indicator)

    def error_variance(self, indicator: Floats) -> float:
        """What not knowing the readers' error exactly adds to the variance of a total."""
        others = max(self.counts.shape[1] - 1, 1)
        slope = (self.share * (1 + 1 / others) - 1 / others) * self.stretch
        return (float(self.areas @ (slope * indicator).sum(axis=1)) * self.error.sd) ** 2

    def wilson(self, j: int) -> tuple[float, float]:
        """Ends of the interval of the area of class `j`: Wilson's by stratum, put together by MOVER."""
        z, n, p = coverage_factor(self.level), self.units, self.seen[:, j]
        centre, half = (p + z**2 / (2 * n)) / (1 + z**2 / n), np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        reach = z * half / (1 + z**2 / n)
        scale = self.areas * self.stretch
        column = np.zeros_like(self.counts)
        column[:, j] = 1.0
        extra = z**2 * self.error_variance(column)
        value = float(self.areas @ self.share[:, j])
        below = math.sqrt(float(scale**2 @ (p - (centre - reach)) ** 2) + extra)
        above = math.sqrt(float(scale**2 @ ((centre + reach) - p) ** 2) + extra)
        return value - below, value + above

    def ratio(self, top: Floats, bottom: Floats) -> tuple[float, float] | None:
        """Ratio of the areas of two indicators and its variance (Stehman 2014, eq. 27 and 28)."""
        whole, _ = self.total(bottom)
        if whole <= 0:
            return None
        found = self.total(top)[0] / whole
        residual = top - found * bottom
        mean = (self.seen * residual).sum(axis=1)
        spread = (self.seen * residual**2).sum(axis=1) - mean**2
        variance = float(self.areas**2 @ (np.maximum(spread, 0.0) / (self.units - 1))) * self.stretch**2
        return found, variance / whole**2


def _class(design: _Design, mapped: Floats, j: int, name: str) -> ClassAccuracy:
    is_class = np.zeros_like(mapped)
    is_class[:, j] = 1.0
    is_mapped = np.repeat(mapped[:, [j]], mapped.shape[1], axis=1)
    both = is_class * is_mapped
    on_map = bool(is_mapped.any())
    users = design.ratio(both, is_mapped) if on_map else None
    area, variance = design.total(is_class)
    half = coverage_factor(design.level) * math.sqrt(variance)
    return ClassAccuracy(
        name=name,
        mapped_ha=float(design.areas @ is_mapped[:, 0]) if on_map else None,
        area_ha=_area(area, design.wilson(j), variance, design),
        published_ha=_area(area, (area - half, area + half), variance, design),
        users=_ratio(users, design.level, "the map has no such class"),
        producers=_ratio(design.ratio(both, is_class), design.level, "no label has this class"),
    )


def _area(area: float, ends: tuple[float, float], variance: float, design: _Design) -> Quantity:
    whole = float(design.areas.sum())
    value, low, high = (min(max(end, 0.0), whole) for end in (area, *ends))
    return Quantity.interval(value, low, high, level=design.level, sd_random=math.sqrt(variance))


def _share(total: tuple[float, float], design: _Design, what: str) -> Quantity:
    whole = float(design.areas.sum())
    return _ratio((total[0] / whole, total[1] / whole**2), design.level, what)


def _ratio(found: tuple[float, float] | None, level: float, reason: str) -> Quantity:
    if found is None:
        return Quantity.not_assessable(reason, level=level)
    value, sd = min(max(found[0], 0.0), 1.0), math.sqrt(found[1])
    half = coverage_factor(level) * sd
    return Quantity.interval(value, max(0.0, value - half), min(1.0, value + half), level=level, sd_random=sd)


def sample_size(weights: Mapping[str, float], users: Mapping[str, float], *, standard_error: float) -> int:
    """Units needed for a standard error of overall accuracy (Olofsson 2014, eq. 13).

    Args:
        weights: share of the area by stratum; they add up to one.
        users: expected share of correct units by stratum.
        standard_error: of overall accuracy, wanted.
    """
    if standard_error <= 0 or not math.isclose(sum(weights.values()), 1.0, abs_tol=1e-6):
        raise MeasurementError(
            f"standard error {standard_error}, weights that add up to {sum(weights.values())}"
        )
    spread = sum(weight * math.sqrt(users[name] * (1 - users[name])) for name, weight in weights.items())
    return math.ceil((spread / standard_error) ** 2)
