"""One history of the ground of a site: the states of every pixel on every look."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.ground.expectation import GREENEST, held_against
from detection.ground.learning import SIDE_M, Water, looks_to_learn, remembered
from detection.ground.params import HALF, GroundParams
from detection.ground.series import SCALE, UNSEEN, GroundSeries
from detection.ground.states import RIVER_CLASS, Model, filtered, ground_model, smooth
from evidence.arrays import Ints

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is known of every pixel on every look."""

    series: GroundSeries
    model: Model
    params: GroundParams
    field: NDArray[np.uint8]
    filtered: NDArray[np.uint8]
    """(time, pixel) probability of disturbed as it was known on the look, 255 for one."""
    smoothed: NDArray[np.uint8]
    """(time, pixel) the same given all looks."""
    waiting: Ints
    """(pixel,) look since which it has likely not been as expected, or is less green than when it was first
    seen, without a break until the last one; -1 where it is: an event, a field that may lie fallow, an odd
    season, or what was opened in the first year."""
    water: Water
    bare_at_start: Floats
    """(pixel,) share that was bare at the greenest of the expected year when it was first seen."""

    def first(self, n: int) -> History:
        """As it was known on the earliest `n` looks, of which at least all are that it was learnt from.

        Raises:
            ValueError: if another expectation was known then.
        """
        learnt = self.params.expectation
        if looks_to_learn(self.series.day[:n], learnt) != looks_to_learn(self.series.day, learnt):
            raise ValueError("another expectation was known then")
        model = self.model
        cut = {name: getattr(model, name)[:n] for name in ("haze", "terms", "part", "code", "moves")}
        cut |= {name: getattr(model, name)[:, :n] for name in ("index", "course", "look")}
        return _history(
            self.series.first(n), model._replace(**cut), self.params, self.water, self.bare_at_start
        )


def fit_history(
    series: GroundSeries,
    params: GroundParams,
    *,
    side_m: float = SIDE_M,
    memory: MutableMapping[str, bytes] | None = None,
) -> History:
    """The history of a site.

    Args:
        series: looks; at least one.
        params: numbers.
        side_m: side of a pixel.
        memory: what was learnt before; the history is the same with and without.
    """
    earliest = series.first(looks_to_learn(series.day, params.expectation))
    known = remembered(earliest, params, side_m, memory)
    expectation = held_against(known.expectation, series, known.trusted, params.expectation)
    model = ground_model(series, expectation, params, bare=known.bare, bare_sd=known.bare_sd,
                         group=known.group, start=known.start)  # fmt: skip
    return _history(series, model, params, known.water, known.bare_at_start)


def _history(
    series: GroundSeries, model: Model, params: GroundParams, water: Water, bare_at_start: Floats
) -> History:
    now, field, least = filtered(model, series.shape, series.room)
    expected, disturbed = smooth(model, field, least, series.room)
    return History(series=series, model=model, params=params, field=field, filtered=now, smoothed=disturbed,
                   waiting=waiting_since(expected, series, model, params), water=water,
                   bare_at_start=bare_at_start)  # fmt: skip


def waiting_since(
    expected: NDArray[np.uint8], series: GroundSeries, model: Model, params: GroundParams
) -> Ints:
    """(pixel,) first look of the stretch, until the last, on which it is likely not as expected; -1: none.

    What was opened in the year from which expectation is learnt may be taken for normal. Ground that was far
    less green in the last year than in the first waits as well, from the first look of the last year.

    Args:
        expected: (time, pixel) probability that it is, 255 for one.
        series: looks.
        model: of the site.
        params: numbers.
    """
    since = np.full(expected.shape[1], -1)
    still = np.ones(expected.shape[1], np.bool_)
    for t in range(len(expected) - 1, -1, -1):
        still &= expected[t] < HALF
        since[still] = t
    day, year = series.day, params.expectation.anchor_days
    last = int(np.searchsorted(day, day[-1] - year))
    first = greenest(series, slice(0, int(np.searchsorted(day, day[0] + year))))
    gap = np.maximum(first - model.bare[0], params.start.least_green)
    fallen = (first - greenest(series, slice(last, None))) / gap > params.events.likely
    fallen &= (model.group != RIVER_CLASS) & (since < 0) & bool(day[-1] - day[0] >= 2 * year)
    since[fallen] = last
    return since


def greenest(series: GroundSeries, looks: slice) -> Floats:
    """(pixel,) NDVI on the third greenest of some looks; NaN where seen less often."""
    ndvi = series.index[0, looks]
    if len(ndvi) < GREENEST:
        return np.full(ndvi.shape[1], np.nan, np.float32)
    third = np.partition(ndvi, len(ndvi) - GREENEST, axis=0)[len(ndvi) - GREENEST]
    return np.where(third == UNSEEN, np.nan, third * SCALE).astype(np.float32)
