"""The season that looks are compared with: fitted on leaf-on months first, on the whole year once it can be.

One year of few looks does not bear two harmonics. It bears one over the leaf-on months, which is what the
monitor starts with; looks are held until there are enough of them for the whole year, and pixels on which
nothing has departed by then are fitted anew. How far the prediction itself can be off (the leverage of a day
that few looks of the history are near to) widens what is expected of a look.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detection.disturbance_cover import CoverParams, common_departure, cover_groups
from detection.disturbance_fields import (
    BOTH,
    GREEN_LOOKS,
    NDVI,
    FieldLimits,
    bare_for_a_part,
    fields,
    height_below,
)
from detection.disturbance_state import BANDS, Bools, DisturbanceState, Floats
from detection.harmonics import DAYS_PER_YEAR, design, fit_harmonics
from imagery.robust import MAD_TO_SD

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
    floor: float = 0.02
    """Smallest scatter believed, in units of the index."""
    follow_sd: float = 0.5
    """How far pixels differ in how much they follow their cover, sd about one."""
    follow_at_most: float = 1.25
    """Most that a pixel follows its cover."""
    cover: CoverParams = field(default_factory=CoverParams)


def month(day: float) -> int:
    """Calendar month of a day since 1970-01-01."""
    return int(np.datetime64(int(day), "D").astype("datetime64[M]").astype(int) % 12) + 1


def leaf_on(day: float, params: SeasonParams) -> bool:
    """Whether a day lies in the leaf-on months."""
    return params.leaf_on[0] <= month(day) <= params.leaf_on[1]


def start_season(values: Planes, days: Floats, params: SeasonParams) -> tuple[Floats, Floats, Planes]:
    """One harmonic over leaf-on looks.

    Args:
        values: (look, pixel), NaN where not seen.
        days: (look,) since 1970-01-01.
        params: knobs.

    Returns:
        Coefficients (coefficient, pixel), those of the second harmonic zero; scatter (pixel,); covariance of
        the coefficients over the variance of a look (coefficient, coefficient, pixel).
    """
    x = design(days, order=1)
    few, sigma, _ = fit_harmonics(values, x, min_looks=params.min_looks, floor=params.floor)
    beta = np.zeros((COEFFICIENTS, sigma.size))
    beta[:LEAF_ON_COEFFICIENTS] = few
    spread = np.zeros((COEFFICIENTS, COEFFICIENTS, sigma.size), np.float32)
    spread[:LEAF_ON_COEFFICIENTS, :LEAF_ON_COEFFICIENTS] = _spread(np.isfinite(values), x)
    return beta, sigma, spread


def fit_leaf_on(state: DisturbanceState, params: SeasonParams) -> None:
    """Take the leaf-on looks that are held for the season; in place."""
    chosen = np.array([leaf_on(day, params) for day in state.held_days], np.bool_)
    values, days = state.held[chosen], state.held_days[chosen]
    beta, sigma, spread = start_season(values, days, params)
    state.monitor.beta, state.monitor.sigma, state.spread = beta, sigma, spread
    for look in values:
        note_green(state, look)
    _note_season(state, np.isfinite(sigma), params)
    _without_covers(state, values, days, np.ones(sigma.size, np.bool_), params)


def _note_season(state: DisturbanceState, fresh: Bools, params: SeasonParams) -> None:
    """What the second season of fields is made of, for the pixels that were just fitted."""
    beta, limits = state.monitor.beta[:, fresh], field_limits(state)
    state.bare_part[fresh] = bare_for_a_part(beta, params.leaf_on, order=ORDER, limits=limits)
    state.height_below[fresh] = height_below(beta, order=ORDER, limits=limits)
    state.monitor.twice[fresh] = False
    _find_fields(state)


def note_green(state: DisturbanceState, values: Planes) -> None:
    """Count a look where it shows green; what is known for a field by then must stay bare for two seasons."""
    green = values <= field_limits(state).green_below
    state.green_looks += green
    if (green & state.bare_part & (state.green_looks == GREEN_LOOKS)).any():
        _find_fields(state)
    state.monitor.twice |= state.field & (state.monitor.status == 0)


def _find_fields(state: DisturbanceState) -> None:
    rows, columns = (int(size) for size in state.shape)
    state.field = fields(state.bare_part, state.green_looks, (rows, columns))
    state.monitor.twice |= state.field & (state.monitor.status == 0)


def field_limits(state: DisturbanceState) -> FieldLimits:
    """Those of the index that the looks of a state were made into."""
    return BOTH if np.isfinite(state.before[BANDS.index("swir16")]).any() else NDVI


def _without_covers(
    state: DisturbanceState, values: Planes, days: Floats, fresh: Bools, params: SeasonParams
) -> None:
    """Group pixels into covers and let the scatter of `fresh` ones be what their cover does not explain.

    What all ground of a cover does at once is taken out of later looks, and so of the history: a field whose
    year two harmonics do not follow scatters little about its neighbours of the same crop.
    """
    monitor = state.monitor
    whole = state.whole_year if state.whole_year.any() else np.zeros(fresh.size, np.bool_)
    state.cover = cover_groups(monitor.beta, whole, params.leaf_on, order=ORDER, params=params.cover)
    residual = np.asarray(values - design(days, order=ORDER) @ monitor.beta, np.float32)
    common = np.empty((len(days), int(state.cover.max(initial=-1)) + 2))
    every = np.ones(fresh.size, np.bool_)
    for k, row in enumerate(residual):
        common[k], _, hidden = common_departure(row, monitor.sigma, state.cover, every, params.cover)
        common[k, :-1][hidden] = np.nan
    told = np.isfinite(common[:, :-1])
    common = np.where(np.isfinite(common), common, common[:, -1:])
    squares = ((common[:, :-1] - common[:, -1:]) ** 2).sum(axis=0)
    state.cover_spread = np.sqrt(squares / np.maximum(told.sum(axis=0), 1))
    _follow(state, residual, common, params)
    n = np.maximum(np.isfinite(residual).sum(axis=0), 1)
    free = np.sqrt(n / np.maximum(n - np.where(whole, COEFFICIENTS, LEAF_ON_COEFFICIENTS), 1))
    known = fresh & np.isfinite(monitor.sigma)
    scatter = MAD_TO_SD * np.nanmedian(np.abs(residual[:, known]), axis=0) * free[known]
    monitor.sigma[known] = np.maximum(scatter, params.floor)
    state.misfit[:, known] = _misfit(residual[:, known], days)


def _follow(state: DisturbanceState, residual: Planes, common: Floats, params: SeasonParams) -> None:
    """How far each pixel follows its cover, and how well that is known; takes it out of `residual`, in place.

    A share of one is expected of every pixel, with an sd of `follow_sd`; what its own looks showed on the
    dates on which the cover departed settles it (regression with a prior, one look as good as its scatter).
    How far the cover went on the dates on which the pixel was seen is kept: beyond that, nothing is known.
    """
    product, square, seen = (np.zeros(state.cover.size) for _ in range(3))
    for row, cover in zip(residual, common, strict=True):
        moved = np.where(np.isfinite(row), cover[state.cover], 0.0)
        product += moved * np.nan_to_num(row)
        square += moved**2
        seen = np.maximum(seen, np.abs(moved))
    noise = params.floor**2
    prior = noise / params.follow_sd**2
    share = np.clip((product + prior) / (square + prior), 0.0, params.follow_at_most)
    state.follows = np.asarray(share, np.float32)
    state.follows_sd = np.asarray(np.sqrt(noise / (square + prior)), np.float32)
    state.followed = np.asarray(seen, np.float32)
    for k, cover in enumerate(common):
        residual[k] -= state.follows * cover[state.cover]


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
    state.whole_year = fresh
    _note_season(state, fresh, params)
    _without_covers(state, state.held, state.held_days, fresh, params)
    state.held, state.held_days = state.held[:0], state.held_days[:0]


def _misfit(residual: Planes, days: Floats) -> Planes:
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
