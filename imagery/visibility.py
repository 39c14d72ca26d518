"""Where the masks let nobody look: places that are hidden far more often than their site."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from imagery.cube import iter_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Visibility:
    """How often each pixel was seen in usable scenes."""

    rate: NDArray[np.float32]
    """(y, x) valid looks over usable scenes; NaN where there are none."""
    hidden: NDArray[np.bool_]
    """(y, x) seen less than a share of the site's median rate: the mask may be at fault there."""
    median_rate: float
    n_scenes: int


def visibility(cube: xr.Dataset, *, hidden_below: float = 0.5, memory_gb: float = 0.25) -> Visibility:
    """Per-pixel rate of valid looks, and the places that the mask always or mostly hides.

    Args:
        cube: (time, y, x) as `load_cube` gives it.
        hidden_below: share of the site's median rate.
        memory_gb: of mask held at once.
    """
    usable = np.flatnonzero(cube["status"].values == "used")
    shape = (cube.sizes["y"], cube.sizes["x"])
    rate = np.full(shape, np.nan, np.float32)
    if usable.size:
        for rows, strip in iter_rows(cube[["valid"]].isel(time=usable), memory_gb=memory_gb):
            rate[rows] = strip["valid"].values.mean(axis=0)
    median = float(np.nanmedian(rate)) if usable.size else float("nan")
    hidden: NDArray[np.bool_] = rate < hidden_below * median
    return Visibility(rate=rate, hidden=hidden, median_rate=median, n_scenes=int(usable.size))
