"""The ground beside piles: what the estimate reads where there is none, and how dust thins out from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from detection.coal.nearby import EIGHT
from detection.coal.zone_records import AreaParams
from imagery import robust

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
NULL_RANGE = (-0.5, 0.6)
"""Beyond this the ground beside says nothing about the ground below."""
FEWEST_BESIDE = 15
"""Pixels beside the piles under which they say nothing."""
FEWEST_DATES_OF_DUST = 5
MOST_DUST = 0.2
"""Fraction of coal that is taken for dust at the edge of a pile at most."""


def ground_beside(core: Bools, inside: Bools, seen: Bools, params: AreaParams) -> Bools:
    """Ground of the zone without piles: right beside them, with their dust, where enough of it was seen."""
    reach = params.spread_px + 1
    free = binary_dilation(inside, iterations=1) & seen
    free &= ~binary_dilation(core, structure=EIGHT, iterations=reach)
    near = free & binary_dilation(core, structure=EIGHT, iterations=reach + params.beside_px)
    return near if near.sum() >= FEWEST_BESIDE else free


def local_null(value: Floats, ring: Bools) -> tuple[float, float]:
    """What the estimate says of the ground beside the piles: its median, shrunk, and its robust spread.

    A background that reads as `null` where there is no coal makes a fraction f read as ``f + (1 − f) null``.
    """
    around = value[ring & np.isfinite(value)]
    if len(around) < FEWEST_BESIDE:
        return 0.0, 0.05
    middle = float(np.median(around))
    spread = robust.spread(around - middle)
    shrunk = middle * len(around) / (len(around) + 20.0)
    return float(np.clip(shrunk, *NULL_RANGE)), spread


def dust_at_edges(value: Floats, cores: Bools, inside: Bools, seen: Bools, params: AreaParams) -> float:
    """How much dustier the edges of piles are than what `ground_beside` takes, as a fraction of coal.

    Dust thins out with distance, so that the ground beside has less of it than the edge. Medians of two
    belts over all dates say how fast; the same is assumed between the edge and the nearer belt.
    """
    near: list[float] = []
    far: list[float] = []
    reach = binary_dilation(inside, iterations=1)
    for t in np.flatnonzero(cores.any(axis=(1, 2))):
        first = binary_dilation(cores[t], structure=EIGHT, iterations=params.spread_px + 1)
        second = binary_dilation(first, structure=EIGHT, iterations=params.belt_px)
        third = binary_dilation(second, structure=EIGHT, iterations=params.belt_px)
        for belt, into in ((second & ~first, near), (third & ~second, far)):
            told = value[t][belt & reach & seen[t] & np.isfinite(value[t])]
            into.append(float(np.median(told)) if len(told) >= FEWEST_BESIDE else np.nan)
    pairs = np.array([near, far]).reshape(2, -1)
    pairs = pairs[:, np.isfinite(pairs).all(axis=0)]
    if pairs.shape[1] < FEWEST_DATES_OF_DUST:
        return 0.0
    return float(np.clip(params.dust_growth * np.median(pairs[0] - pairs[1]), 0.0, MOST_DUST))
