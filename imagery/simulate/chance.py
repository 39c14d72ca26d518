"""Streams of chance: one per purpose and scene, so that a scene made alone is still the same scene."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What the numbers are for; adding one changes no other."""

    LAND = 1
    MINE = 2
    WEATHER = 3
    PASSES = 4
    ATMOSPHERE = 5
    SENSOR = 6
    SCL = 7
    REGISTRATION = 8
    RADAR = 9
    CATALOG = 10
    SITE = 11
    FIELDS = 12
    MATERIALS = 13
    SLOPES = 14
    PATCHES = 15
    WATER = 16
    BUILT = 17
    COAL = 18
    LANDSAT = 19


def stream(seed: int, purpose: Stream, index: int = 0) -> np.random.Generator:
    """The generator for one purpose (and one scene)."""
    return np.random.default_rng([seed, int(purpose), index])
