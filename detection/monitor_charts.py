"""The charts of the monitor, pixel by pixel: one pass over plain arrays for each look."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(cache=True)
def standardise(
    values: Any, x: Any, beta: Any, sigma: Any, outlier: float, ceiling: float, z: Any, doubtful: Any
) -> None:
    """Departures from the season and which of them are more than ground does, into `z` and `doubtful`."""
    for i in range(values.size):
        fit = 0.0
        for k in range(x.size):
            fit += x[k] * beta[k, i]
        z[i] = (values[i] - fit) / sigma[i]
        doubtful[i] = z[i] > outlier or values[i] > ceiling


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
def judge_pixels(  # noqa: C901, PLR0912, PLR0913, PLR0915, PLR0917 - one pass over plain arrays is its point
    departures: Any, doubtful: Any, telling: Any, green: Any, day: int, charts: Any, rules: Any,
    ewma: Any, variance: Any, ring: Any, cusum: Any, held: Any, looks: Any, last_normal: Any,
    departed_from: Any, status: Any, first_day: Any, since_normal: Any, alert_day: Any,
    persistent_day: Any, agreeing: Any, evidence: Any, returning: Any, withdrawn: Any, withdrawn_day: Any,
    seen_day: Any, twice: Any, again_day: Any,
) -> None:  # fmt: skip
    """Take one look of every pixel into account, in place: charts, alerts, their persistence, withdrawal.

    `departures` are in units of their expected scatter, NaN where not seen; `doubtful` looks count only when
    the next one agrees; where an alert must hold for a second season, that is made of `telling` looks, and
    `green` ones return whatever was predicted; `charts` holds the limits of `MonitorParams` from `shewhart`
    to `cusum_limit`, the window left out; `rules` winsor, agree, persist_looks, persist_evidence,
    withdraw_looks, persist_days, again_after_days and again_days. All that follow are fields of
    `MonitorState`.
    """
    winsor, agree, persist, enough, withdraw, lasting, later, season = rules
    for i in range(departures.size):
        z = departures[i]
        if not np.isfinite(z):
            continue
        seen_day[i] = day
        if doubtful[i] and not held[i] and status[i] == 0:
            held[i] = True
            if departed_from[i] < 0:
                departed_from[i] = day
            continue
        departs = z > agree
        held[i] = doubtful[i]
        moderate = min(max(z, -winsor), winsor)
        _advance(i, moderate, charts, ewma, variance, ring, cusum, looks)
        if not departs and status[i] == 0:
            last_normal[i] = day
            departed_from[i] = -1
            agreeing[i] = 0
            evidence[i] = 0.0
            continue
        if departs:
            agreeing[i] += 1
            evidence[i] += moderate * moderate / 2.0
            if departed_from[i] < 0:
                departed_from[i] = day
        if status[i] == 0:
            if _over(i, moderate, charts, ewma, variance, ring, cusum, looks):
                status[i] = 1
                first_day[i] = departed_from[i]
                since_normal[i] = last_normal[i]
                alert_day[i] = day
                returning[i] = 0
        elif status[i] == 1:
            if departs and not (twice[i] and green[i]):
                returning[i] = 0
                if again_day[i] < 0 and telling[i] and day - first_day[i] >= later:
                    again_day[i] = day
            elif telling[i] or green[i] or not twice[i]:
                returning[i] += 2 if green[i] and twice[i] else 1
                evidence[i] *= 0.5
                if returning[i] > 1:
                    again_day[i] = -1
        if status[i] == 1:
            holds = agreeing[i] >= persist and evidence[i] >= enough and day - first_day[i] >= lasting
            if twice[i]:
                holds = (
                    holds and departs and telling[i] and again_day[i] >= 0 and day - again_day[i] >= season
                )
            if holds:
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
                agreeing[i] = 0
                again_day[i] = -1
                last_normal[i] = day
                ewma[i] = 0.0
                cusum[i] = 0.0
                evidence[i] = 0.0
                for k in range(ring.shape[1]):
                    ring[i, k] = 0.0
