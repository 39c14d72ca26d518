"""The season that looks are compared with: fitted on leaf-on months first, on the whole year once it can be.

One year of few looks does not bear two harmonics. It bears one over the leaf-on months, which is what the
monitor starts with; looks are held until there are enough of them for the whole year, and pixels on which
nothing has departed by then are fitted anew. How far the prediction itself can be off (the leverage of a day
that few looks of the history are near to) widens what is expected of a look.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.disturbance_state import Bools, DisturbanceState, Floats
from detection.harmonics import DAYS_PER_YEAR, MAD_TO_SD, design, fit_harmonics

Planes = NDArray[np.float32]
ORDER = 2
"""Harmonics of the whole year."""
COEFFICIENTS = 1 + 2 * ORDER
NEAR_DAYS = 30.0
"""Looks within so many days of the middle of a month tell how well the season is followed then."""
LEAF_ON_COEFFICIENTS = 3
"""One harmonic, over the leaf-on months."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeasonParams:
    """Knobs of the season, saved with the result."""

    leaf_on: tuple[int, int] = (5, 10)
    """First and last leaf-on month; in the others ground differs more from year to year."""
    year_looks: int = 24
    """Looks with at least half of the site clear that the whole year takes."""
    shift_days: float = 4.0
    """How early or late a year is, sd: the steeper the season, the less a departure means."""
    dependence: float = 2.0
    """Looks that tell as much as one independent look: departures last for weeks."""
    leaf_off_spread: float = 1.0
    """Factor on the scatter expected in leaf-off months."""
    misfit_from: float = 2.0
    """Scatter of the history about the fit in a month, in units of that of the year, from which it counts."""
    min_looks: int = 6
    """Looks of a pixel below which it is not monitored."""
    floor: float = 0.03
    """Smallest scatter believed, in units of the index."""


def month(day: float) -> int:
    """Calendar month of a day since 1970-01-01."""
    return int(np.datetime64(int(day), "D").astype("datetime64[M]").astype(int) % 12) + 1


def leaf_on(day: float, params: SeasonParams) -> bool:
    """Whether a day lies in the leaf-on months."""
    return params.leaf_on[0] <= month(day) <= params.leaf_on[1]


def fit_leaf_on(values: Planes, days: Floats, params: SeasonParams) -> tuple[Floats, Floats, Planes]:
    """One harmonic over leaf-on looks.

    Args:
        values: (look, pixel), NaN where not seen.
        days: (look,) since 1970-01-01.
        params: knobs.

    Returns:
        Coefficients (coefficient, pixel), those of the second harmonic zero; scatter (pixel,); covariance of
        the coefficients over the variance of a look (coefficient, coefficient, pixel).
    """
    chosen = np.array([leaf_on(day, params) for day in days], np.bool_)
    x = design(days[chosen], order=1)
    few, sigma, _ = fit_harmonics(values[chosen], x, min_looks=params.min_looks, floor=params.floor)
    beta = np.zeros((COEFFICIENTS, sigma.size))
    beta[:LEAF_ON_COEFFICIENTS] = few
    spread = np.zeros((COEFFICIENTS, COEFFICIENTS, sigma.size), np.float32)
    spread[:LEAF_ON_COEFFICIENTS, :LEAF_ON_COEFFICIENTS] = _spread(np.isfinite(values[chosen]), x)
    return beta, sigma, spread


def _spread(seen: Bools, x: Floats) -> Planes:
    """Inverse normal matrices of the looks that saw each pixel: (coefficient, coefficient, pixel)."""
    p = x.shape[1]
    products = (x[:, :, None] * x[:, None, :]).reshape(len(x), p * p)
    normal = (seen.T.astype(np.float64) @ products).reshape(-1, p, p) + 1e-2 * np.eye(p)
    return np.asarray(np.moveaxis(np.linalg.inv(normal), 0, -1), np.float32)


def hold_look(state: DisturbanceState, values: Planes, day: float, params: SeasonParams) -> None:
    """Keep a look for the whole year's fit, and make the fit when there are enough of them."""
    if state.held_days.size == 0 or np.isfinite(values).mean() < 0.1:  # noqa: PLR2004 - too little to keep
        return
    state.held = np.concatenate([state.held, values[None]])
    state.held_days = np.append(state.held_days, day)
    fit_whole_year(state, params)


def fit_whole_year(state: DisturbanceState, params: SeasonParams) -> None:
    """Two harmonics over all looks held, where there are enough and nothing has departed; in place."""
    good = (np.isfinite(state.held).mean(axis=1) >= 0.5).sum()  # noqa: PLR2004 - half of the site
    if good < params.year_looks:
        return
    x = design(state.held_days, order=ORDER)
    need = params.min_looks + COEFFICIENTS
    beta, sigma, count = fit_harmonics(state.held, x, min_looks=need, floor=params.floor)
    still = (state.monitor.status == 0) & (state.monitor.departed_from < 0)
    fresh = still & np.isfinite(sigma) & (count >= need)
    state.monitor.beta[:, fresh], state.monitor.sigma[fresh] = beta[:, fresh], sigma[fresh]
    state.spread[:, :, fresh] = _spread(np.isfinite(state.held[:, fresh]), x)
    state.misfit[:, fresh] = _misfit(state.held[:, fresh] - x @ beta[:, fresh], state.held_days)
    state.whole_year = fresh
    state.held, state.held_days = state.held[:0], state.held_days[:0]


def _misfit(residual: Floats, days: Floats) -> Planes:
    """Scatter of residuals about the middle of each month: (month, pixel); 0 where nothing was seen then.

    Two harmonics do not follow a flooded field; where the history itself departs, later looks may.
    """
    out = np.zeros((12, residual.shape[1]), np.float32)
    of_year = days % DAYS_PER_YEAR
    for m in range(12):
        away = np.abs(
            (of_year - (m + 0.5) * DAYS_PER_YEAR / 12 + DAYS_PER_YEAR / 2) % DAYS_PER_YEAR - DAYS_PER_YEAR / 2
        )
        near = np.abs(residual[away <= NEAR_DAYS])
        seen = np.isfinite(near).any(axis=0) if len(near) else np.zeros(residual.shape[1], np.bool_)
        out[m, seen] = MAD_TO_SD * np.nanmedian(near[:, seen], axis=0)
    return out


def prediction(state: DisturbanceState, day: float, params: SeasonParams) -> tuple[Floats, Floats]:
    """What the history predicts for a day, and how far a look may scatter about it: (pixel,) each.

    A year that is `shift_days` early or late departs by that times the slope of the season. The scatter is
    infinite where a leaf-off day cannot be predicted.
    """
    x = design(np.array([day - 1.0, day, day + 1.0]), order=ORDER)
    slope = (x[2] - x[0]) @ state.monitor.beta / 2.0
    leverage = np.einsum("i,j,ijn->n", x[1], x[1], state.spread, optimize=True)
    misfit = state.misfit[month(day) - 1]
    unfollowed = misfit > params.misfit_from * state.monitor.sigma
    sigma = np.where(unfollowed, misfit, state.monitor.sigma)
    looks = sigma * np.sqrt(1.0 + params.dependence * np.maximum(leverage, 0.0))
    if not leaf_on(day, params):
        looks = np.where(state.whole_year, looks * params.leaf_off_spread, np.inf)
    return x[1] @ state.monitor.beta, np.hypot(looks, params.shift_days * slope)
