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
from numpy.typing import NDArray

from detection.harmonics import design, fit_harmonics
from detection.monitor_charts import judge_pixels, standardise

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
    persist_looks: int = 3
    """Agreeing looks that make an alert persistent, the one that raised it included."""
    persist_evidence: float = 0.0
    """And the least sum of half their squared departures (log-likelihood that the ground changed, Wald 1945):
    few looks of a strong change, many of a weak one."""
    persist_days: int = 0
    """Days that an alert must have lasted before it is persistent (a late spring passes)."""
    withdraw_looks: int = 3
    """Looks in a row back within `agree` after which a provisional alert is withdrawn."""
    again_after_days: int = 300
    """Where an alert must hold for a second season: days from its first departed look to that season."""
    again_days: int = 45
    """And days over which looks of that season must depart."""


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
    evidence: Floats
    """Sum of half the squared departures of the looks that departed since the last normal one."""
    returning: Ints
    departed_from: Ints
    """First day of the present run of departed looks; -1 without one."""
    withdrawn: Ints
    """Alerts withdrawn so far."""
    withdrawn_day: Ints
    """Day of the last withdrawal."""
    seen_day: Ints
    """Day of the last look."""
    twice: NDArray[np.bool_]
    """Whether an alert must hold for a second season before it is persistent."""
    again_day: Ints
    """Day of the first departed look of that season; -1 without one."""

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
        evidence=np.zeros(n),
        returning=np.zeros(n, np.int64),
        departed_from=never(),
        withdrawn=np.zeros(n, np.int64),
        withdrawn_day=never(),
        seen_day=never(),
        twice=np.zeros(n, np.bool_),
        again_day=never(),
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
    z = np.empty(values.size)
    doubtful = np.empty(values.size, np.bool_)
    standardise(values, x, state.beta, state.sigma, params.outlier, params.ceiling, z, doubtful)
    judge_look(state, z, doubtful, day, params=params)


def judge_look(
    state: MonitorState,
    z: Floats,
    doubtful: NDArray[np.bool_],
    day: float,
    *,
    params: MonitorParams,
    telling: NDArray[np.bool_] | None = None,
    green: NDArray[np.bool_] | None = None,
) -> None:
    """Take one look whose departures are known into account, in place.

    Args:
        state: what is known so far.
        z: (pixel,) departures in units of their expected scatter, NaN where not seen.
        doubtful: (pixel,) looks that count only when the next one agrees (an unmasked cloud).
        day: days since 1970-01-01.
        params: knobs.
        telling: (pixel,) looks of which a second season is made where one is asked for; None for all.
        green: (pixel,) looks that end an alert there, whatever was predicted; None for none.
    """
    p, s = params, state
    telling = np.ones(z.size, np.bool_) if telling is None else telling
    green = np.zeros(z.size, np.bool_) if green is None else green
    charts = np.array([p.shewhart, p.ewma_lambda, p.ewma_limit, p.mosum_limit, p.cusum_slack, p.cusum_limit])
    rules = np.array([p.winsor, p.agree, p.persist_looks, p.persist_evidence, p.withdraw_looks,
                      p.persist_days, p.again_after_days, p.again_days])  # fmt: skip
    judge_pixels(z, doubtful, telling, green, int(day), charts, rules, s.ewma, s.variance, s.ring, s.cusum,
                 s.held, s.looks, s.last_normal, s.departed_from, s.status, s.first_day, s.since_normal,
                 s.alert_day,
                 s.persistent_day, s.agreeing, s.evidence, s.returning, s.withdrawn, s.withdrawn_day,
                 s.seen_day, s.twice, s.again_day)  # fmt: skip
