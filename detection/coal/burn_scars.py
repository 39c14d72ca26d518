"""Dark ground that may be burnt plants: a fresh burn scar has the reflectance of dusty coal.

What tells them apart is what was there and what comes after. Coal lies on open ground, or stays dark through
a second season of leaves; where plants burnt they stood before, or come up again. Before the leaves are out
neither can be said of ground that was not watched through a season of leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from detection.coal.smoothing import EIGHT, YEAR_DAYS

Floats = NDArray[np.float64]

Bools = NDArray[np.bool_]
ENOUGH_PLANTS, FULL_LEAF = 0.1, 0.9
"""Share of the plants that a look must show to tell the season; quantile of the looks that is full leaf.
Assumed."""

OUTLASTED_DAYS = 300.0
"""Days from looks of one season of leaves to looks of the next: further apart than any one of them is long.
Assumed."""

MOSTLY = 2.0 / 3.0

"""Share of the looks between that must be dark, too: paddies are dark for weeks of every year."""

IN_LEAF = 0.8
"""Share of the most that is ever green of a block's plants, from which they are in leaf. Assumed."""

FEWEST_PLANTS = 0.02
"""Share of a block under which there are no plants to burn, and none to wait for. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """What the looks at a block show, each (time, y, x) but for `days`."""

    coal: Bools
    """Coal that lasts."""
    bare: Bools
    """No coal."""
    green: Bools
    """Living plants."""
    seen: Bools
    days: Floats
    """(time,)."""


def leaf_season(green: Bools, seen: Bools, *, fewest: int) -> Bools:
    """(time,) looks on which the plants of a block are in leaf; all looks where there are no plants.

    Args:
        green: (time, y, x) living plants.
        seen: (time, y, x).
        fewest: green looks from which a pixel counts as plants.
    """
    plants = green.sum(axis=0) >= fewest
    if plants.mean() < FEWEST_PLANTS:
        return np.ones(len(green), dtype=bool)
    told = (seen & plants).sum(axis=(1, 2))
    share = np.where(
        told > ENOUGH_PLANTS * plants.sum(), (green & plants).sum(axis=(1, 2)) / np.maximum(told, 1), 0.0
    )
    return np.asarray(share > IN_LEAF * np.quantile(share[share > 0.0], FULL_LEAF))


def may_be_burnt(looks: Looks, in_leaf: Bools, *, fewest: int, doubt_unwatched: bool) -> Bools:
    """(y, x) dark ground that is not known to be anything else than burnt plants.

    Args:
        looks: of a block.
        in_leaf: (time,) `leaf_season`.
        fewest: looks that tell.
        doubt_unwatched: whether ground that no season of leaves has shown without coal may be burnt, too.
    """
    first = np.where(looks.coal.any(axis=0), looks.days[looks.coal.argmax(axis=0)], np.inf)
    since = looks.days[:, None, None] - first
    before = (looks.green & (since < 0.0) & (since > -YEAR_DAYS)).sum(axis=0)
    after = (looks.green & (since > 0.0)).sum(axis=0)
    may = (before >= fewest) | (after >= fewest)
    if doubt_unwatched:
        may |= (looks.bare & ~looks.green & in_leaf[:, None, None]).sum(axis=0) < fewest
    return np.asarray(may & ~outlasted(looks, in_leaf, fewest=fewest))


def outlasted(looks: Looks, in_leaf: Bools, *, fewest: int) -> Bools:
    """(y, x) whether ground was dark in two seasons of leaves, and on most looks between them."""
    at, leaf = looks.days[:, None, None], in_leaf[:, None, None]
    dark = looks.coal & leaf
    order = dark.cumsum(axis=0)
    start = np.where(dark & (order == fewest), at, -np.inf).max(axis=0)
    end = np.where(dark & (order == dark.sum(axis=0) - fewest + 1), at, -np.inf).max(axis=0)
    between = looks.seen & leaf & (at >= start) & (at <= end)
    mostly = (between & dark).sum(axis=0) > MOSTLY * between.sum(axis=0)
    return np.asarray(np.isfinite(start) & (end >= start + OUTLASTED_DAYS) & mostly)


def burn_scars(dark: Bools, burnt: Bools) -> Bools:
    """(y, x) pieces of dark ground of which most may be burnt: the rest of a piece burnt with it."""
    parts, count = label(dark, structure=EIGHT)
    sizes = np.bincount(parts[dark], minlength=count + 1)
    doubted = np.bincount(parts[dark & burnt], minlength=count + 1)
    return np.asarray(dark & (2 * doubted > sizes)[parts])
