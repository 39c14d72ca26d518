"""What is new: sequential monitoring of departures from a stable history, look by look.

Every look is compared with the harmonic that the pixel's own history predicts; the standardised residual z
(positive = the direction of disturbance) feeds three charts at once, because sudden, moderate and slow
changes are found soonest by different ones:

- Shewhart limit and EWMA chart (Roberts 1959; for satellite series Brooks et al. 2014),
- MoSum, the moving sum of the last h residuals (Chu, Hornik and Kuan 1995; Verbesselt et al. 2012),
- CuSum, the one-sided cumulative sum (Page 1954).

A departure beyond the `outlier` limit is more than ground does (an unmasked cloud or shadow): it is held
until the next look agrees. Alerts are `provisional`, become `persistent` when later looks agree, and are
`withdrawn` when later looks return to what the history predicts. State is plain arrays: a checkpoint holds
all of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from detection.harmonics import MAD_TO_SD, design, fit_harmonics

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NONE, PROVISIONAL, PERSISTENT = 0, 1, 2
CAUSE_NONE, CAUSE_RETURNED = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorParams:
    """Knobs of the monitor, saved with its result."""

    order: int = 1
    """Harmonics of the season."""
    trend: bool = False
    min_history: int = 12
    """Clear looks of the history below which a pixel is not monitored."""
    floor: float = 0.005
    """Smallest scatter believed, in units of the index."""
    shewhart: float = 4.5
    """Limit of a single look, in standard deviations."""
    ewma_lambda: float = 0.3
    ewma_limit: float = 4.5
    """In standard deviations of the EWMA."""
    mosum_window: int = 6
    mosum_limit: float = 4.8
    """In standard deviations of the moving sum."""
    cusum_slack: float = 1.0
    """Departure per look that is not accumulated (half the change sought), in standard deviations."""
    cusum_limit: float = 9.0
    """In standard deviations of one look."""
    outlier: float = 9.0
    """Departure of a single look that is held until the next look agrees."""
    ceiling: float = math.inf
    """Index value beyond which no dry ground lies (for −NDVI: 0); such a look is held likewise."""
    winsor: float = 8.0
    """Largest departure that a single look contributes to the charts."""
    agree: float = 2.5
    """Departure with which a later look agrees with an alert."""
    scene_wise: bool = False
    """Take out of each look what the whole scene does (phenology of the year, haze): its median departure,
    and its spread where that is wider than the history's."""
    persist_looks: int = 3
    """Agreeing looks after which an alert is persistent."""
    persist_days: int = 0
    """Days that an alert must have lasted before it is persistent (a late spring passes)."""
    withdraw_looks: int = 3
    """Looks in a row back within `agree` after which a provisional alert is withdrawn."""


@dataclass(slots=True, kw_only=True)
class MonitorState:
    """All that the next look needs; every array is (pixel,) unless said otherwise. Days count from 1970."""

    beta: Floats
    """(coefficient, pixel)."""
    sigma: Floats
    looks: Ints
    """Looks monitored so far."""
    ewma: Floats
    variance: Floats
    """Variance of the EWMA in units of that of one look."""
    ring: Floats
    """(pixel, window): the last standardised residuals."""
    cusum: Floats
    held: NDArray[np.bool_]
    """Whether the last look lay beyond the outlier limit."""
    last_normal: Ints
    """Day of the last look that agreed with the history."""
    status: NDArray[np.int8]
    first_day: Ints
    """Day of the first departed look of the alert; -1 without one."""
    since_normal: Ints
    """Day of the last normal look before the alert: it began after that."""
    alert_day: Ints
    """Day on which the alert was raised."""
    persistent_day: Ints
    agreeing: Ints
    returning: Ints
    departed_from: Ints
    """First day of the present run of departed looks; -1 without one."""
    withdrawn: Ints
    """Alerts withdrawn so far."""
    withdrawn_day: Ints
    """Day of the last withdrawal."""
    seen_day: Ints
    """Day of the last look."""

    def copy(self) -> MonitorState:
        """An independent copy: a checkpoint."""
        return MonitorState(**{f.name: getattr(self, f.name).copy() for f in fields(self)})

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays by name, for a file."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> MonitorState:
        """The inverse of `to_arrays`."""
        return cls(**{f.name: np.array(arrays[f.name]) for f in fields(cls)})


def start_monitor(values: NDArray[np.float32], days: Floats, *, params: MonitorParams) -> MonitorState:
    """Fit the history.

    Args:
        values: (time, pixel) index in the direction of disturbance, NaN where not seen.
        days: (time,) days since 1970-01-01.
        params: knobs.
    """
    x = design(days, order=params.order, trend=params.trend)
    beta, sigma, _ = fit_harmonics(values, x, min_looks=params.min_history, floor=params.floor)
    return blank_state(beta, sigma, params)


def blank_state(beta: Floats, sigma: Floats, params: MonitorParams) -> MonitorState:
    """The state before the first monitored look."""
    n = sigma.size

    def never() -> Ints:
        return np.full(n, -1, np.int64)

    return MonitorState(
        beta=beta,
        sigma=sigma,
        looks=np.zeros(n, np.int64),
        ewma=np.zeros(n),
        variance=np.zeros(n),
        ring=np.zeros((n, params.mosum_window)),
        cusum=np.zeros(n),
        held=np.zeros(n, np.bool_),
        last_normal=never(),
        status=np.zeros(n, np.int8),
        first_day=never(),
        since_normal=never(),
        alert_day=never(),
        persistent_day=never(),
        agreeing=np.zeros(n, np.int64),
        returning=np.zeros(n, np.int64),
        departed_from=never(),
        withdrawn=np.zeros(n, np.int64),
        withdrawn_day=never(),
        seen_day=never(),
    )


def update_monitor(
    state: MonitorState, values: NDArray[np.float32], day: float, *, params: MonitorParams
) -> None:
    """Take one look into account, in place.

    Args:
        state: what is known so far.
        values: (pixel,), NaN where not seen.
        day: days since 1970-01-01.
        params: knobs.
    """
    x = design(np.array([day], np.float64), order=params.order, trend=params.trend)[0]
    if params.scene_wise:
        values = _without_scene(values, x @ state.beta, state.sigma)
    p = params
    charts = np.array([p.shewhart, p.ewma_lambda, p.ewma_limit, p.mosum_limit, p.cusum_slack, p.cusum_limit])
    rules = np.array(
        [p.outlier, p.winsor, p.agree, p.persist_looks, p.withdraw_looks, p.ceiling, p.persist_days]
    )
    _charts(values, x, int(day), charts, rules, state.beta, state.sigma, state.ewma, state.variance,
            state.ring, state.cusum, state.held, state.looks, state.last_normal, state.departed_from,
            state.status, state.first_day, state.since_normal, state.alert_day, state.persistent_day,
            state.agreeing, state.returning, state.withdrawn, state.withdrawn_day, state.seen_day,
    )  # fmt: skip


def _without_scene(values: NDArray[np.float32], fit: Floats, sigma: Floats) -> NDArray[np.float32]:
    """Values whose standardised departures have the scene's median and excess spread taken out."""
    z = (values - fit) / sigma
    seen = np.isfinite(z)
    if not seen.any():
        return values
    centre = float(np.median(z[seen]))
    spread = max(1.0, MAD_TO_SD * float(np.median(np.abs(z[seen] - centre))))
    return np.asarray(fit + sigma * (z - centre) / spread, np.float32)


@njit(cache=True, inline="always")
def _advance(i: int, z: float, charts: Floats, ewma: Floats, variance: Floats, ring: Floats, cusum: Floats,
             looks: Ints) -> None:  # fmt: skip
    """Advance the three charts of one pixel by one (winsorised) residual."""
    lam = charts[1]
    ewma[i] = (1.0 - lam) * ewma[i] + lam * z
    variance[i] = (1.0 - lam) ** 2 * variance[i] + lam * lam
    cusum[i] = max(0.0, cusum[i] + z - charts[4])
    ring[i, np.uint32(looks[i]) % np.uint32(ring.shape[1])] = z
    looks[i] += 1


@njit(cache=True, inline="always")
def _over(i: int, z: float, charts: Floats, ewma: Floats, variance: Floats, ring: Floats, cusum: Floats,
          looks: Ints) -> bool:  # fmt: skip
    """Whether any chart of one pixel is over its limit."""
    h = ring.shape[1]
    total = 0.0
    for k in range(h):
        total += ring[i, k]
    return bool(
        z > charts[0]
        or ewma[i] > charts[2] * math.sqrt(variance[i])
        or total > charts[3] * math.sqrt(min(looks[i], h))
        or cusum[i] > charts[5]
    )


@njit(cache=True)
def _charts(  # noqa: C901, PLR0912, PLR0913, PLR0915, PLR0917 - one pass over plain arrays is its point
    values: Any, x: Any, day: int, charts: Any, rules: Any, beta: Any, sigma: Any, ewma: Any,
            variance: Any, ring: Any, cusum: Any, held: Any, looks: Any, last_normal: Any, departed_from: Any,
            status: Any, first_day: Any, since_normal: Any, alert_day: Any, persistent_day: Any,
            agreeing: Any, returning: Any, withdrawn: Any, withdrawn_day: Any, seen_day: Any,
) -> None:  # fmt: skip
    outlier, winsor, agree, persist, withdraw, ceiling, lasting = rules
    for i in range(values.size):
        if not (np.isfinite(values[i]) and np.isfinite(sigma[i])):
            continue
        fit = 0.0
        for k in range(x.size):
            fit += x[k] * beta[k, i]
        z = (values[i] - fit) / sigma[i]
        seen_day[i] = day
        doubtful = z > outlier or values[i] > ceiling
        if doubtful and not held[i] and status[i] == 0:
            held[i] = True
            if departed_from[i] < 0:
                departed_from[i] = day
            continue
        departs = z > agree
        held[i] = doubtful
        moderate = min(max(z, -winsor), winsor)
        _advance(i, moderate, charts, ewma, variance, ring, cusum, looks)
        if not departs and status[i] == 0:
            last_normal[i] = day
            departed_from[i] = -1
            continue
        if departs and departed_from[i] < 0:
            departed_from[i] = day
        if status[i] == 0:
            if _over(i, moderate, charts, ewma, variance, ring, cusum, looks):
                status[i] = 1
                first_day[i] = departed_from[i]
                since_normal[i] = last_normal[i]
                alert_day[i] = day
                agreeing[i] = 1
                returning[i] = 0
        elif status[i] == 1:
            if departs:
                agreeing[i] += 1
                returning[i] = 0
            else:
                returning[i] += 1
            if agreeing[i] >= persist and day - first_day[i] >= lasting:
                status[i] = 2
                persistent_day[i] = day
            elif returning[i] >= withdraw:
                status[i] = 0
                withdrawn[i] += 1
                withdrawn_day[i] = day
                first_day[i] = -1
                alert_day[i] = -1
                since_normal[i] = -1
                departed_from[i] = -1
                last_normal[i] = day
                ewma[i] = 0.0
                cusum[i] = 0.0
                for k in range(ring.shape[1]):
                    ring[i, k] = 0.0
