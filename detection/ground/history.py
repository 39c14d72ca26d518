"""One history of the ground of a site: the states of every pixel on every look."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.ground.expectation import held_against
from detection.ground.learning import SIDE_M, Water, looks_to_learn, remembered
from detection.ground.params import HALF, GroundParams
from detection.ground.series import GroundSeries
from detection.ground.states import Model, filtered, ground_model, smooth
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
    """(pixel,) look since which it has shown loss, without a break until the last one, that is not taken for
    good: a field may lie fallow, a season may be odd; -1 where it does not."""
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
    now, field, least = filtered(model, series.shape)
    expected, disturbed = smooth(model, field, least)
    return History(series=series, model=model, params=params, field=field, filtered=now, smoothed=disturbed,
                   waiting=waiting_since(expected, disturbed), water=water,
                   bare_at_start=bare_at_start)  # fmt: skip


def waiting_since(expected: NDArray[np.uint8], disturbed: NDArray[np.uint8]) -> Ints:
    """(pixel,) first look of the stretch, until the last, on which it is likely neither; -1: none.

    Args:
        expected: (time, pixel) probability, 255 for one.
        disturbed: the same.
    """
    since = np.full(expected.shape[1], -1)
    still = np.ones(expected.shape[1], np.bool_)
    for t in range(len(expected) - 1, -1, -1):
        still &= expected[t].astype(np.int16) + disturbed[t] < HALF
        since[still] = t
    return since
