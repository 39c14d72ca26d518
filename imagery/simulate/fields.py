"""Farming: parcels sown and cut on dates of their own, fallow, ploughed or given up; slopes burnt in April.

Without calendars all fields of a site go through the year on the same days, which no farmland does.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence.arrays import Bools, Ints
from imagery.simulate.params import FieldParams
from imagery.simulate.spectra import Material

Labels = NDArray[np.uint8]

STEP_DAYS = 5
STEPS = 10
"""Calendars differ by whole steps, up to so many of them either way."""
CUT_DAY = 275
"""Day of the year by which crops and paddies are cut in the mean year."""
LEFT_DAYS = 20
"""From the cut to the plough."""
SOWN_DAY = 110
"""Until then ground is as it was left in autumn."""
CROPS = (Material.CROP, Material.PADDY)
RESTED_YEARS = 3
PARCEL_CELLS = (8, 12)
"""Rows and columns of fine cells: 40 m by 60 m."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """What becomes of each parcel in each year; arrays are (year, parcel)."""

    first_year: int
    parcel: Ints
    """(y, x) of fine cells."""
    late: Ints
    """Steps by which a parcel is later than the mean of its crop."""
    fallow: Bools
    """Not sown: bare from spring to spring."""
    ploughed: Bools
    """Soil instead of stubble after the cut."""
    rested: Bools
    """Grass from spring to spring."""

    def shown(self, labels: Labels, day: dt.date) -> tuple[Labels, Ints]:
        """What cells of fields show on a day, and by how many steps each is late: (y, x) each.

        Args:
            labels: `Material` of each cell, all fields as if sown.
            day: the day.
        """
        here = np.isin(labels, CROPS)
        late = np.where(here, self._of(self.late, day.year), 0)
        out = labels.copy()
        out[here & self._bare(day, late)] = Material.SOIL
        if self.rested.any():
            out[here & self._of(self.rested, _farming_year(day))] = Material.GRASS
        return out, late

    def _bare(self, day: dt.date, late: Ints) -> Bools:
        of_year, year = day.timetuple().tm_yday, _farming_year(day)
        cut = of_year > CUT_DAY + LEFT_DAYS + STEP_DAYS * late
        turned = self._of(self.ploughed, year) & (cut | (of_year < SOWN_DAY))
        return np.asarray(turned | self._of(self.fallow, year))

    def _of(self, table: NDArray[Any], year: int) -> NDArray[Any]:
        row: NDArray[Any] = table[max(year - self.first_year, 0)]
        return np.asarray(row[self.parcel])


def _farming_year(day: dt.date) -> int:
    """The year whose spring ground still lies as it was left."""
    return day.year if day.timetuple().tm_yday >= SOWN_DAY else day.year - 1


def build_fields(
    params: FieldParams, shape: tuple[int, int], years: tuple[int, int], rng: np.random.Generator
) -> Fields | None:
    """Draw the calendars of all parcels; None where all are alike.

    Args:
        params: how they differ.
        shape: rows and columns of fine cells.
        years: first and last.
        rng: chance.
    """
    if params == FieldParams():
        return None
    parcel, count = _parcels(shape)
    table = (years[1] - years[0] + 1, count)
    days = rng.normal(0, params.own_days, table[1]) + rng.normal(0, params.year_days, table)
    days += np.where(
        rng.random(table) < params.odd, rng.choice([-params.odd_days, params.odd_days], table), 0.0
    )
    late = np.clip(np.round(days / STEP_DAYS), -STEPS, STEPS).astype(np.int64)
    fallow, ploughed, given_up = (
        rng.random(table) < share for share in (params.fallow, params.ploughed, params.rested)
    )
    rested = given_up.copy()
    for years_ago in range(1, RESTED_YEARS):
        rested[years_ago:] |= given_up[:-years_ago]
    return Fields(
        first_year=years[0], parcel=parcel, late=late, fallow=fallow, ploughed=ploughed, rested=rested
    )


def _parcels(shape: tuple[int, int]) -> tuple[Ints, int]:
    """Number of the parcel of each fine cell, and how many there are."""
    rows, columns = (-(-size // side) for size, side in zip(shape, PARCEL_CELLS, strict=True))
    parcel = np.kron(np.arange(rows * columns).reshape(rows, columns), np.ones(PARCEL_CELLS, np.int64))
    return parcel[: shape[0], : shape[1]], rows * columns


@dataclass(frozen=True, slots=True, kw_only=True)
class SlopeFires:
    """Hillside parcels and grassy slopes burnt before sowing, each year others."""

    first_year: int
    parcel: Ints
    """(y, x) of fine cells."""
    slopes: Bools
    """(y, x): what may burn."""
    begins: Ints
    """(year, parcel): day of the year; 0: not burnt."""
    lasts: Ints
    """(year, parcel): days until the black is sown or grown over."""

    def black(self, day: dt.date) -> Bools:
        """Cells that are black on a day: (y, x)."""
        year = min(max(day.year - self.first_year, 0), len(self.begins) - 1)
        since = day.timetuple().tm_yday - self.begins[year]
        now = (self.begins[year] > 0) & (since >= 0) & (since < self.lasts[year])
        return np.asarray(now[self.parcel] & self.slopes)


FIRE_DAYS, FIRE_LASTS = (91, 120), (15, 45)
"""Days of the year on which slopes are burnt (April), and for how many days they stay black (assumed)."""


def build_slope_fires(
    share: float, slopes: Bools, years: tuple[int, int], rng: np.random.Generator
) -> SlopeFires | None:
    """Draw which parcels burn in each year; None where none does."""
    if share == 0:
        return None
    parcel, count = _parcels((slopes.shape[0], slopes.shape[1]))
    table = (years[1] - years[0] + 1, count)
    begins = np.where(rng.random(table) < share, rng.integers(*FIRE_DAYS, table), 0)
    return SlopeFires(
        first_year=years[0],
        parcel=parcel,
        slopes=slopes,
        begins=begins,
        lasts=rng.integers(*FIRE_LASTS, table),
    )
