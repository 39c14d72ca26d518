"""What the measurement of a site's stockpiles is set by, and what its steps hand to one another."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detection.coal.areas import AreaParams, ZoneSeries
from detection.coal.blocks import Window
from detection.coal.family import FamilyFit, FamilyParams
from detection.coal.fraction import Fractions
from detection.coal.ground import FractionParams
from detection.coal.intervals import IntervalParams
from detection.coal.search import FoundParams
from detection.coal.verdicts import VerdictParams
from detection.coal.water import WaterParams

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class StockpileParams:
    """Knobs of the measurement, saved with its result."""

    level: float = 0.95
    """Probability of the intervals. Assumed."""
    floor_ha: float = 0.1
    """Smallest area that 10 m bands can tell from nothing (simulation, DOMAIN notes). Assumed."""
    ring_m: float = 300.0
    """How far around a zone coal-free ground is taken. Assumed."""
    minimum_valid: float = 0.5
    """Share of a zone that must have been seen. Assumed."""
    find_piles: bool = True
    """Whether piles outside the zones are looked for."""
    fraction: FractionParams = field(default_factory=FractionParams)
    area: AreaParams = field(default_factory=AreaParams)
    found: FoundParams = field(default_factory=FoundParams)
    family: FamilyParams = field(default_factory=FamilyParams)
    water: WaterParams = field(default_factory=WaterParams)
    verdict: VerdictParams = field(default_factory=VerdictParams)
    interval: IntervalParams = field(default_factory=IntervalParams)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A zone, or ground around found coal: something that has an area on every date."""

    id: str
    share: Floats
    """(y, x) of the whole grid."""
    found: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One subject, measured."""

    subject: Subject
    window: Window
    fractions: Fractions
    series: ZoneSeries
    bands: tuple[str, ...]
    refused: str | None
    """Why no figure is given although there are fractions."""
    fit: FamilyFit
    """What its dark ground says about its coal."""
    dark_px: float
    """Pixels of lasting dark ground at one time at most, water left out."""
    may_px: float
    """Pixels of ground that is no brighter than coal of the brightest rank may be."""
    rim_px: float
    """Width of the rim of its dark ground, of mixed pixels that are not dark, pixels."""
