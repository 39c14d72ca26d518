"""Rates over two instruments: the change of instrument is an error that both sides of the date share.

The looks of Landsat go before those of Sentinel-2 (`earlier.py`), and the join falls on the date of the
claim. What one instrument tells of a year and the other does not is seen on the years that both saw: the
mean of the yearly differences of their accounts, with its standard error, widens what the older one told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from detection.ground.rates import not_negative
from detection.ground.records import Footprint, GroundRate
from evidence.quantity import Quantity, combine

LEAST_YEARS = 3
"""Years that both saw, from which on their differences say how large the error is. Assumed."""
TOO_FEW = "fewer than three years that both instruments saw: the error of their join is not known"


def join_error(fine: Sequence[Footprint], coarse: Sequence[Footprint]) -> Quantity:
    """Error of a rate that was told by the older instrument, hectares a year.

    Args:
        fine: accounts of the finer instrument, all ground.
        coarse: of the older one, on years of which some are the same.

    Returns:
        The root of the squared mean difference and its squared standard error; not assessable where too few
        years are common.
    """
    stocks = [
        {one.account_date: one.area_ha.value for one in rows if one.area_ha.value is not None}
        for rows in (fine, coarse)
    ]
    days = sorted(day for day in stocks[0].keys() & stocks[1].keys() if day is not None)
    yearly = [np.diff([one[day] for day in days]) for one in stocks]
    apart = np.asarray(yearly[1] - yearly[0], np.float64)
    if len(apart) < LEAST_YEARS:
        return Quantity.not_assessable(TOO_FEW)
    error = np.hypot(apart.mean(), apart.std(ddof=1) / np.sqrt(len(apart)))
    return Quantity.measured(float(error), sd_random=0.0)


def joined_rates(rates: Sequence[GroundRate], error: Quantity, site_id: str) -> tuple[GroundRate, ...]:
    """Rates with the error of the join: in what came before, and with opposite sign in the change.

    Args:
        rates: over the looks of both instruments.
        error: of `join_error`.
        site_id: whose join it is.
    """
    out = []
    for one in rates:
        if error.value is None:
            why = Quantity.not_assessable(error.reason or TOO_FEW)
            out.append(replace(one, before_ha_a_year=why, after_ha_a_year=why, change_ha_a_year=why))
            continue
        moved = Quantity.measured(0.0, sd_random=0.0, shared={f"join:{site_id}": error.value})
        before = combine([(1.0, one.before_ha_a_year), (1.0, moved)])
        change = combine([(1.0, one.change_ha_a_year), (-1.0, moved)])
        out.append(replace(one, before_ha_a_year=not_negative(before), change_ha_a_year=change))
    return tuple(out)
