"""Ground that may hold coal now, whatever the search for piles says: all that can have been missed.

The search asks for coal that lasts, on ground that was without it. It can miss coal of the newest looks,
coal that was always there, and coal on ground that was hardly seen. Each pixel that its newest looks show
like coal counts here, and each that no look of a year shows at all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from detection.coal.came import standing_out
from detection.coal.nearby import EIGHT

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
NEWEST = 3
"""Looks at a pixel that say what is there now."""
MOST = 2
"""Of these, looks like coal that count; the very newest alone is enough: a pile may be one look old."""
STANDS_OUT = 0.25
"""Fraction beyond the ground around from which a look may show half a pixel of coal: full ones read 0.5 and
more, not 1, because their ground is darker than most of the ground around."""
READS = 0.4
"""The same by itself, where piles fill the ground around."""
WATCHED_DAYS = 365.0
"""Looks older than this before the last one say nothing of today."""


def may_hold_coal(first: Floats, like: Bools, days: Floats) -> Bools:
    """(y, x) ground that its newest looks show like coal, or that was not seen for a year.

    Args:
        first: (time, y, x) matched fraction of each look by itself, NaN where not seen.
        like: (time, y, x) looks whose reflectance can be coal's.
        days: (time,).
    """
    seen = np.isfinite(first) & (days > days[-1] - WATCHED_DAYS)[:, None, None]
    age = np.where(seen, seen[::-1].cumsum(axis=0)[::-1], NEWEST + 1)
    with np.errstate(invalid="ignore"):
        dark = like & ((standing_out(first) > STANDS_OUT) | (first > READS))
    now = ((age == 1) & dark).any(axis=0)
    return np.asarray(now | (((age <= NEWEST) & dark).sum(axis=0) >= MOST) | ~seen.any(axis=0))


def patches(mask: Bools, least_px: int) -> Bools:
    """(y, x) without the pieces that are smaller than `least_px`."""
    parts, _ = label(mask, structure=EIGHT)
    sizes = np.bincount(parts.ravel())
    return np.asarray(mask & (sizes >= least_px)[parts])
