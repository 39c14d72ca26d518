"""Loss that may be a burn: slopes black before sowing, grass and litter that burnt, green when plants grow.

The indices say how bare ground is, red says of what: bared soil is brighter than what grew on it, dry grass
too, and char is darker. A patch of which the share `x` is bare, whose red was `r` in the same months of other
years, shows

    (1 − x) r + x m,

of which `m` is soil's or char's. What shows neither surely waits until plants have grown.
"""

from __future__ import annotations

from itertools import compress

import numpy as np
import xarray as xr

from detection.ground.days import MONTHS, month_of
from detection.ground.params import BurnParams
from detection.ground.series import GroundSeries
from evidence.arrays import Bools, Floats, Ints

TINY = 1e-9
"""Bound of arithmetic: what is divided by is no less. Assumed."""
SURE = 50.0
"""Log-likelihood ratio beyond which nothing is doubtful: a bound of arithmetic. Assumed."""


def patch_red(cube: xr.Dataset, series: GroundSeries, pixels: Ints) -> Floats:
    """(look,) mean red of the clear pixels of a patch; NaN where there are none.

    Args:
        cube: (time, y, x) with `red`, `valid` and `snow`; it may be lazy.
        series: looks, of which some may be of another instrument: NaN.
        pixels: of the patch.
    """
    rows, columns = np.unravel_index(pixels, series.shape)
    part = cube.isel(y=slice(rows.min(), rows.max() + 1), x=slice(columns.min(), columns.max() + 1))
    at = {str(scene): k for k, scene in enumerate(part["scene_id"].to_numpy())}
    here = np.array([scene in at for scene in series.scene_ids])
    part = part.isel(time=[at[scene] for scene in compress(series.scene_ids, here)])
    inside = (slice(None), rows - rows.min(), columns - columns.min())
    clear = (part["valid"].to_numpy() & ~part["snow"].to_numpy())[inside]
    total = np.where(clear, part["red"].to_numpy()[inside], 0.0).sum(axis=1)
    out = np.full(len(here), np.nan)
    out[here] = np.where(clear.any(axis=1), total / np.maximum(clear.sum(axis=1), 1), np.nan)
    return out


def burn_rate(
    red: Floats, share: Floats, day: Ints, after: Bools, grown: Floats, params: BurnParams
) -> Floats:
    """(look,) rate per year, in the dry months, of burns that show what a patch shows and last so long.

    Args:
        red: (look,) of the patch; NaN where not seen.
        share: (look,) of it that is bare.
        day: (look,).
        after: (look,) since the change.
        grown: (look,) growing seasons that have passed since.
        params: numbers.
    """
    rate = params.rate * MONTHS / len(params.months)
    return np.asarray(rate * np.exp(burn_evidence(red, share, day, after, params) - params.over * grown))


def burn_evidence(red: Floats, share: Floats, day: Ints, after: Bools, params: BurnParams) -> Floats:
    """(look,) log-likelihood ratio of char against soil, from all looks since the change; arguments as above.

    The red of what was laid bare is a regression through the origin on the bare share. Nought before the
    change, and where the same months of other years were not seen.
    """
    month, before = month_of(day), ~after & np.isfinite(red)
    usual = np.full(len(day), np.nan)
    for one in np.unique(month[before]):
        usual[month == one] = np.median(red[before & (month == one)])
    told = after & np.isfinite(red) & np.isfinite(usual)
    x = np.where(told, np.clip(share, 0.0, 1.0), 0.0)
    square = np.maximum(np.cumsum(x * x), TINY)
    material = np.cumsum(np.where(told, x * (red - (1.0 - x) * usual), 0.0)) / square

    def log_density(mean: float, sd: float) -> Floats:
        variance = sd**2 + params.look_sd**2 / square
        return np.asarray(-((material - mean) ** 2 / variance + np.log(variance)) / 2.0)

    return np.clip(log_density(*params.char) - log_density(*params.soil), -SURE, SURE)
