"""From scenes to products as providers list them: baselines, offsets, flags, tiles, reprocessing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from imagery.simulate.chance import Stream, stream
from imagery.simulate.passes import Pass
from imagery.simulate.tiles import Tile

OFFSET_FROM = dt.date(2022, 1, 25)
"""Processing date from which products carry +1000 (baseline 04.00)."""
OFFSET_DN = 1000
BASELINES = (
    (dt.date(2015, 1, 1), "02.01"),
    (dt.date(2016, 6, 15), "02.04"),
    (dt.date(2017, 10, 23), "02.06"),
    (dt.date(2018, 11, 6), "02.10"),
    (dt.date(2019, 7, 8), "02.13"),
    (dt.date(2020, 2, 4), "02.14"),
    (dt.date(2021, 3, 30), "03.00"),
    (dt.date(2021, 6, 30), "03.01"),
    (dt.date(2022, 1, 25), "04.00"),
    (dt.date(2022, 12, 6), "05.09"),
    (dt.date(2023, 12, 13), "05.10"),
    (dt.date(2024, 7, 23), "05.11"),
    (dt.date(2026, 2, 1), "05.12"),
)
"""First day and baseline of real-time processing; days before 2022 are from memory."""


class Habit(StrEnum):
    """How a provider treats the offset and what its metadata say about it."""

    RAW = "raw"
    """Source numbers; scale and offset right in the metadata."""
    HARMONISED = "harmonised"
    """Offset taken out of the numbers; the flag says so, the metadata still say -0.1 (as at Earth Search)."""
    WRONG_FLAG = "wrong_flag"
    """Offset taken out of the numbers, and the flag denies it."""
    SILENT = "silent"
    """Source numbers; nothing said about scale, offset or flag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogHabits:
    """How messy a written catalogue is. Shares are of scenes."""

    harmonised: float = 0.15
    wrong_flag: float = 0.08
    silent: float = 0.08
    reprocessed: float = 0.3
    """Old scenes that exist a second time, as baseline 05.00."""
    only_reprocessed: float = 0.3
    """Of these: the old product is gone."""
    late_days: tuple[float, int] = (0.05, 40)
    """Share of scenes that are published late, and by how many days."""
    split_tiles: bool = False
    """Two tiles of one zone, each with part of the site, overlapping."""
    second_zone: bool = False
    """The same acquisitions again on the neighbouring zone's tile."""
    radar: bool = True
    landsat: bool = False
    """Landsat 8 and 9 too, as Planetary Computer lists them."""


CLEAN_HABITS = CatalogHabits(
    harmonised=0, wrong_flag=0, silent=0, reprocessed=0, late_days=(0, 0), radar=False
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedProduct:
    """One product to be written."""

    one: Pass
    tile: Tile
    baseline: str
    habit: Habit
    published: dt.datetime
    columns: tuple[float, float] = (0.0, 1.0)
    """Part of the site, west to east, that the product covers."""
    supersedes: bool = False

    @property
    def offset_dn(self) -> int:
        """What is really added to the numbers in its files."""
        raw = self.habit in {Habit.RAW, Habit.SILENT}
        return OFFSET_DN if raw and self.baseline >= "04.00" else 0

    @property
    def collection(self) -> str:
        """Collection that lists it."""
        return "sentinel-2-c1-l2a" if self.habit is Habit.RAW else "sentinel-2-l2a"

    @property
    def item_id(self) -> str:
        """Unique, and plainly simulated."""
        letter, stem = self.one.platform[-1].upper(), f"{self.one.datetime:%Y%m%dT%H%M%S}"
        return f"S2{letter}_T{self.tile.name}_{stem}_N{self.baseline.replace('.', '')}_L2A_SIMULATED"


def real_time_baseline(day: dt.date) -> str:
    """The baseline that products of a day were first processed with."""
    return [name for first, name in BASELINES if first <= day][-1]


def planned_products(
    one: Pass, tiles: tuple[Tile, ...], habits: CatalogHabits, seed: int
) -> tuple[PlannedProduct, ...]:
    """All products of one pass."""
    if one.missing:
        return ()
    rng = stream(seed, Stream.CATALOG, one.index)
    late, days = habits.late_days
    wait = dt.timedelta(hours=6) + (dt.timedelta(days=days) if rng.random() < late else dt.timedelta())
    first = PlannedProduct(
        one=one,
        tile=tiles[0],
        baseline=real_time_baseline(one.day),
        habit=Habit.RAW,
        published=one.datetime + wait,
    )
    versions = _versions(first, habits, rng)
    placed = [replace(version, tile=tile) for version in versions for tile in tiles]
    return tuple(_parted(placed, habits, tiles))


def _versions(first: PlannedProduct, habits: CatalogHabits, rng: np.random.Generator) -> list[PlannedProduct]:
    """The product as first processed, reprocessed, or both; with the provider's habit."""
    again, gone = rng.random() < habits.reprocessed, rng.random() < habits.only_reprocessed
    habit = _habit(habits, rng)
    if first.one.day >= OFFSET_FROM or not again:
        return [replace(first, habit=habit if first.baseline >= "04.00" else Habit.RAW)]
    published = (
        dt.datetime(2023, 6, 1, tzinfo=dt.UTC)
        + (first.one.datetime - dt.datetime(2015, 7, 1, tzinfo=dt.UTC)) / 10
    )
    second = replace(first, baseline="05.00", habit=habit, published=published, supersedes=not gone)
    return [second] if gone else [first, second]


def _habit(habits: CatalogHabits, rng: np.random.Generator) -> Habit:
    shares = [habits.harmonised, habits.wrong_flag, habits.silent]
    names = [Habit.HARMONISED, Habit.WRONG_FLAG, Habit.SILENT, Habit.RAW]
    return names[int(rng.choice(4, p=[*shares, 1 - sum(shares)]))]


def _parted(
    products: list[PlannedProduct], habits: CatalogHabits, tiles: tuple[Tile, ...]
) -> list[PlannedProduct]:
    """With `split_tiles`, the first two tiles carry the western and eastern part, with an overlap."""
    if not habits.split_tiles:
        return products
    parts = {tiles[0].name: (0.0, 0.7), tiles[1].name: (0.4, 1.0)}
    return [replace(one, columns=parts.get(one.tile.name, (0.0, 1.0))) for one in products]
