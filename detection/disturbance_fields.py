"""Fields: ground that is bare for part of every season of leaves, sown or not, cut early or late.

A field that is fallow, sown late or cut early looks like a clearing for as long as its crop should have
stood, and one season of history cannot know how its dates vary from year to year and from parcel to parcel.
What tells them apart is the next season: the field is green again, the clearing is not. On fields an
alert stays provisional until a second season has shown that ground bare.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, convolve

from detection.coal.nearby import EIGHT
from detection.harmonics import DAYS_PER_YEAR, design

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLimits:
    """What an index says of a field; larger is barer."""

    bare_from: float
    """In some leaf-on month, of ground that is bare then: between stubble and grass in May or October."""
    green_below: float
    """Of a look that shows it green: yards, roads and rock never are."""
    in_use: float
    """Of a look that shows a field in use, whatever the date: half bared it stays above."""
    bare: float
    """Of bare ground."""


BOTH = FieldLimits(bare_from=-0.15, green_below=-0.3, in_use=-0.4, bare=0.0)
"""Of the mean of -NDVI and the bare soil index: stubble -0.05, grass in October -0.25, crops -0.6."""
NDVI = FieldLimits(bare_from=-0.41, green_below=-0.56, in_use=-0.66, bare=-0.25)
"""Of -NDVI, where there is no short-wave infrared: -0.28, -0.54, -0.83."""
GREEN_LOOKS = 2
"""Looks that must show a field green; haze makes no ground greener."""
HEIGHT = 0.5
"""Part of the most that bare ground ever stands out from which a look lies at the height of the season."""
AGAIN = 0.7
"""Part of the way from bare ground to the greenest predicted from which a look is green again."""
TOGETHER = 4
"""Pixels of nine, with the one in the middle, that must be alike: single ones are shade or gaps."""
AROUND = np.ones((5, 5), np.bool_)
"""Pixels at the edge of a field hold part of it."""


def bare_for_a_part(beta: Floats, leaf_on: tuple[int, int], *, order: int, limits: FieldLimits) -> Bools:
    """(pixel,) ground whose history is bare in some leaf-on month.

    The fit is asked, not the looks, since cloud looks bare.

    Args:
        beta: (coefficient, pixel) of the season without trend; NaN where there is none.
        leaf_on: first and last of the leaf-on months.
        order: harmonics.
        limits: those of the index.
    """
    months = np.arange(leaf_on[0], leaf_on[1] + 1)
    season = design((months - 0.5) * DAYS_PER_YEAR / 12, order=order) @ beta
    return np.asarray(season.max(axis=0) >= limits.bare_from, np.bool_)


def fields(bare_part: Bools, green_looks: NDArray[np.int64], shape: tuple[int, int]) -> Bools:
    """(pixel,) ground that is bare for a part of the season and green for another, and its edges.

    Looks are asked what is green: a crop that stands for a few weeks is left out of a robust fit.

    Args:
        bare_part: (pixel,) from `bare_for_a_part`.
        green_looks: (pixel,) looks so far that showed it green.
        shape: (rows, columns) of the grid.
    """
    tilled = (bare_part & (green_looks >= GREEN_LOOKS)).reshape(shape)
    together = convolve(tilled.astype(np.int8), EIGHT, mode="constant") >= TOGETHER
    return np.asarray(binary_dilation(tilled & together, AROUND)).ravel()


def height_below(beta: Floats, *, order: int, limits: FieldLimits) -> Floats:
    """(pixel,) prediction at or below which a look lies at the height of the season.

    Bare ground would stand out at least half as far as it ever does; where a crop comes up or is cut,
    the history is least followed.

    Args:
        beta: (coefficient, pixel) of the season.
        order: harmonics.
        limits: those of the index.
    """
    months = (np.arange(12) + 0.5) * DAYS_PER_YEAR / 12
    most = limits.bare - (design(months, order=order) @ beta).min(axis=0)
    return np.asarray(limits.bare - HEIGHT * most, np.float64)


def green_again(height: Floats, limits: FieldLimits) -> Floats:
    """(pixel,) index at or below which a look that agrees with the history shows a field in leaf.

    Green, or most of the way to the greenest that the history predicts: where a short crop was left out of
    the fit, bare ground agrees with it.

    Args:
        height: (pixel,) from `height_below`.
        limits: those of the index.
    """
    greenest = limits.bare + (height - limits.bare) / HEIGHT
    return np.maximum(limits.green_below, limits.bare + AGAIN * (greenest - limits.bare))
