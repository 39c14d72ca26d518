"""How each cover's year differed from its first, look by look: what looking back takes out before it judges.

Fields that are harvested late, a dry summer, a flooded plain move the yearly mean of all ground of one cover
at once. Covers are groups of pixels that went through the first year alike (see `disturbance_cover.py`): no
change that looking back can find lies in that year, so that ground which changes later is spread over the
covers that it was part of, and does not make one of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain, islice

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from detection.disturbance_cover import common_departure, cover_groups
from detection.disturbance_reading import read_looks
from detection.disturbance_season import COEFFICIENTS, ORDER, SeasonParams
from detection.harmonics import design, fit_harmonics

Floats = NDArray[np.float64]

FIRST_LOOKS = 18
"""Looks of the first year with at least half of the site clear that telling covers apart takes; with fewer,
groups would be those of chance, and the whole scene is one cover."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverYears:
    """What each cover did on each look."""

    cover: NDArray[np.int16]
    """(y, x); -1 without one, for which the whole scene stands."""
    departure: dict[str, Floats]
    """By scene id: (group + 1,) in units of the index, that of the whole scene last."""

    def of(self, scene_id: str, rows: slice) -> Floats:
        """What the covers of some rows of the grid did on one look: (pixel,)."""
        return self.departure[scene_id][self.cover[rows].ravel()]


def cover_years(cube: xr.Dataset, *, first_days: float, params: SeasonParams) -> CoverYears:
    """What each cover did on each look of the cube, which is read once.

    Args:
        cube: (time, y, x) in order of time.
        first_days: length of the first year, in days.
        params: how the season is fitted and covers are grouped.
    """
    days = cube["time"].to_numpy().astype("datetime64[D]").astype(np.int64)
    looks = read_looks(cube)
    year = [replace(look, bands={}) for look in islice(looks, int((days - days[0] <= first_days).sum()))]
    values = np.stack([look.values for look in year])
    good = int((np.isfinite(values).mean(axis=1) >= 0.5).sum())  # noqa: PLR2004 - half of the site
    x = design(days[: len(values)].astype(np.float64), order=ORDER if good >= params.year_looks else 1)
    beta, sigma = _first_year(values, x, params)
    finite = np.isfinite(sigma)
    grouping = params.cover if good >= FIRST_LOOKS else replace(params.cover, groups=1)
    cover = cover_groups(beta, finite, params.leaf_on, order=ORDER, params=grouping)
    departure = {}
    for look in chain(year, looks):
        season = design(np.array([look.day]), order=ORDER)[0] @ beta
        departure[look.scene_id], _, _ = common_departure(
            look.values - season, sigma, cover, finite, params.cover
        )
    return CoverYears(cover=cover.reshape(cube.odc.geobox.shape), departure=departure)


def _first_year(values: NDArray[np.float32], x: Floats, params: SeasonParams) -> tuple[Floats, Floats]:
    """Season of every pixel in the first year: (coefficient, pixel), and the scatter about it (pixel,)."""
    count = x.shape[1]
    few, sigma, _ = fit_harmonics(values, x, min_looks=params.min_looks + count, floor=params.floor)
    beta = np.zeros((COEFFICIENTS, sigma.size))
    beta[:count] = few
    return beta, sigma
