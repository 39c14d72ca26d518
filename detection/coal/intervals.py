"""Intervals of areas: derived errors times one table of factors, from a conformal calibration on whole sites.

What is derived (noise, outline, ground, spectrum) says how errors differ from look to look and what looks
share; how large they are as a whole is measured on simulated sites of fitting seeds. The unit is a site,
whose looks are alike: the quantile of pooled scores, every site with the same weight and one more site at
infinity (Dunn, Wasserman and Ramdas 2023, "Distribution-free prediction sets for two-layer hierarchical
models").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from detection.coal.family import FAMILY
from evidence.quantity import Quantity, coverage_factor

Floats = NDArray[np.float64]
VERSION = "bf22cea3b595; 90 seeds from 510 to 599"
"""Of the table: digest of the modules that measure a year, and the seeds that it was fitted on."""
FACTORS: tuple[tuple[str, float, float], ...] = (
    ("nothing", 1.000, 1.000),
    ("flat", 1.822, 2.005),
    ("coal", 1.722, 0.653),
    ("other", 1.560, 1.043),
    ("without_swir", 1.560, 1.043),
)
"""(stratum, factor on the random error, factor on the errors that all looks share)."""
ROUNDING = 1e-12
"""Of sums of weights. Assumed: rounding."""


class Stratum(StrEnum):
    """Kinds of figures that are calibrated by themselves."""

    NOTHING = "nothing"
    """No support: an upper end alone."""
    FLAT = "flat"
    """Ground that is likest flat black coal: its errors are larger, on yards whose own curve is not flat."""
    COAL = "coal"
    """Ground that is likest another part of the family, or marked coal."""
    OTHER = "other"
    """Ground that is not known to be like coal."""
    NO_SWIR = "without_swir"


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalParams:
    """How derived errors become intervals."""

    version: str = VERSION
    """Of the table of factors."""
    factors: tuple[tuple[str, float, float], ...] = FACTORS
    """(stratum, factor on the random error, factor on shared errors). Measured on simulated sites of fitting
    seeds by `benchmarks.stockpiles.intervals`; 1 where a stratum is missing."""


def stratum_of(area: Quantity, *, family: str | None, has_swir: bool) -> Stratum:
    """The stratum of an area that has a value.

    Args:
        area: with derived errors.
        family: part of the coal family that the ground is likest; None where it is like none.
        has_swir: whether a SWIR band was used.
    """
    if is_nothing(area):
        return Stratum.NOTHING
    if not has_swir:
        return Stratum.NO_SWIR
    if family is None:
        return Stratum.OTHER
    return Stratum.FLAT if family == FAMILY[0].name else Stratum.COAL


def is_nothing(area: Quantity) -> bool:
    """Whether there was no support: exactly nought, with an upper end."""
    return area.value == 0.0 and area.low == 0.0 and not area.shared


def calibrated(area: Quantity, *, family: str | None, has_swir: bool, params: IntervalParams) -> Quantity:
    """An area with its interval, from one with derived errors.

    Args:
        area: with derived errors.
        family: part of the coal family that the ground is likest; None where it is like none.
        has_swir: whether a SWIR band was used.
        params: with the table.
    """
    if area.value is None or area.high is None:
        return area
    kind = stratum_of(area, family=family, has_swir=has_swir)
    random, shared = next(((r, s) for name, r, s in params.factors if name == kind), (1.0, 1.0))
    if kind is Stratum.NOTHING:
        high = random * area.high
        return Quantity.interval(
            0.0, 0.0, high, level=area.level, sd_random=high / coverage_factor(area.level)
        )
    return Quantity.measured(
        area.value,
        sd_random=random * area.sd_random,
        shared={group: shared * sd for group, sd in area.shared},
        level=area.level,
    )


def pooled_quantile(scores: Floats, sites: Sequence[int], probability: float) -> float:
    """Quantile of scores pooled over sites of the same weight, one more site at infinity.

    Args:
        scores: (n,).
        sites: (n,) which site each is of.
        probability: 0..1; infinite where there are too few sites for it.
    """
    _, which, counts = np.unique(np.asarray(sites), return_inverse=True, return_counts=True)
    weight = 1.0 / counts[which] / (len(counts) + 1)
    order = np.argsort(scores)
    reached = np.cumsum(weight[order]) >= probability - ROUNDING
    return float(scores[order][np.argmax(reached)]) if reached.any() else float("inf")
