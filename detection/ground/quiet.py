"""How many events are to be expected where nothing is opened."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib.resources import files

from scipy.special import gammaincinv

from evidence.quantity import Quantity

TAIL = 0.025
"""Probability on either side of a 95 % interval. Defined."""
UNIT_KM2_YEARS = 1000.0
"""Square kilometres times years of a unit of 100 km² and decade. Defined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietCount:
    """Events that were told where nothing was opened."""

    events: int
    units: float
    """Ground and time that was looked at, in units of 100 km² and decade."""


def quiet_count() -> QuietCount:
    """That of simulated quiet sites at 10 m, written with the manual's table of them.

    Handed to the method, not part of it: it is measured with the method. Real ground may have habits that
    these sites do not.
    """
    told = json.loads(files(__package__).joinpath("quiet.json").read_text("utf-8"))
    return QuietCount(events=int(told["false_events"]), units=float(told["units"]))


def expected_false(count: QuietCount, km2: float, years: float) -> Quantity:
    """Events to be expected on so much ground in so many years: a Poisson count's interval (Garwood 1936)."""
    low = gammaincinv(count.events, TAIL) if count.events else 0.0
    high = gammaincinv(count.events + 1, 1.0 - TAIL)
    here = km2 * years / UNIT_KM2_YEARS / count.units
    found = Quantity.measured(count.events * here, sd_random=0.0)
    return replace(found, low=float(low * here), high=float(high * here))
