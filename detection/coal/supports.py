"""Where a date's coal is summed: pixels that other dates say hold coal, whatever the date itself shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, convolve, label

from detection.coal.fraction_records import Fractions
from detection.coal.nearby import EIGHT
from detection.coal.timing import smooth_time
from detection.coal.zone_records import AreaParams

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
MISFIT_CAP = 20.0
"""One bad look must not condemn a pixel: misfits count up to this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supports:
    """One zone's supports, date by date."""

    mean: Floats
    """(time, y, x) fraction that other dates suggest."""
    cores: Bools
    """(time, y, x) pixels that hold coal."""
    support: Bools
    """(time, y, x) the same, grown by what the instrument spreads."""


def zone_supports(
    fractions: Fractions, inside: Bools, days: Floats, dates: list[int], params: AreaParams
) -> Supports:
    """Supports of one zone.

    Args:
        fractions: of the block.
        inside: (y, x) of the zone.
        days: (time,).
        dates: positions of those that are wanted.
        params: knobs.
    """
    trusted = (fractions.variance + 0.01) * np.maximum(np.nan_to_num(fractions.misfit), 1.0)
    mean, error = smooth_time(fractions.value, trusted, days, tau_days=params.tau_days, leave_one_out=True)
    brief, _ = smooth_time(fractions.value, trusted, days, tau_days=params.brief_tau_days, leave_one_out=True)
    for side in (-1, 1):
        lasting, _ = smooth_time(fractions.value, trusted, days, tau_days=params.side_tau_days, side=side)
        brief = np.maximum(brief, lasting)
    plausible = plausible_mixture(fractions.misfit, days, tau_days=params.tau_days, limit=params.misfit_limit)
    last = _without_later_looks(fractions.usable)
    cores, support = np.zeros(mean.shape, dtype=bool), np.zeros(mean.shape, dtype=bool)
    for t in dates:
        core = (mean[t] > params.core_fraction) & np.isfinite(error[t]) & inside & plausible[t]
        vouched = inside & plausible[t] & (last[t] | (brief[t] > params.brief_fraction))
        core |= _new_coal(fractions.value[t], fractions.variance[t], core, vouched, params)
        cores[t] = core
        support[t] = binary_dilation(core, structure=EIGHT, iterations=params.spread_px) & plausible[t]
    return Supports(mean=mean, cores=cores, support=support)


def plausible_mixture(misfit: Floats, days: Floats, *, tau_days: float, limit: float) -> Bools:
    """(time, y, x) whether looks around a date show a mixture of coal and ground, and no shadow or water.

    Args:
        misfit: (time, y, x) mean square, NaN where not seen.
        days: (time,).
        tau_days: over how long looks speak together.
        limit: mean of the capped misfits beyond which they do not.
    """
    capped = np.clip(misfit, 0.0, MISFIT_CAP) / MISFIT_CAP
    mean, _ = smooth_time(capped, np.ones_like(days)[:, None, None], days, tau_days=tau_days)
    return np.asarray(mean * MISFIT_CAP < limit)


def _new_coal(value: Floats, variance: Floats, core: Bools, inside: Bools, params: AreaParams) -> Bools:
    """Coal that a newest date shows clearly and earlier ones do not: a new pile, or one that has grown."""
    shown = np.nan_to_num(value)
    around = convolve(shown, np.full((3, 3), 1.0 / 9.0), mode="nearest")
    strong = inside & ~core & (shown > 0.5) & (around > 0.5)  # noqa: PLR2004 - half coal
    strong &= shown > params.new_sd * np.sqrt(np.nan_to_num(variance, nan=np.inf))
    parts, count = label(strong, structure=EIGHT)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    keep = np.flatnonzero(sizes >= params.new_pixels)
    return np.isin(parts, keep[keep > 0])


def _without_later_looks(usable: Bools) -> Bools:
    """(time,) dates that fewer than two later looks can vouch for."""
    later = usable[::-1].cumsum()[::-1] - usable
    return np.asarray(usable & (later < 2))  # noqa: PLR2004 - two looks
