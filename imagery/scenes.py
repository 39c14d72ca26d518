"""Scenes: one platform and one datatake over one site, however many tiles, zones and processings carry it."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from imagery.records import Product, Scene

SAME_PASS = dt.timedelta(minutes=20)
"""A site is overflown in seconds and the next orbit is 98 minutes away, but providers stamp a product with
anything from the datatake's start to the tile's own time: up to a quarter of an hour apart."""


SAME_FRAME = dt.timedelta(seconds=5)
"""Products without a tile (radar frames) follow each other by some 25 seconds."""


BARE = re.compile(r"sentinel-\d")
"""A series without the satellite's letter, as some providers state it."""


class Acquired(Protocol):
    """Whatever was sensed: a listed product, or an archived one."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def platform(self) -> str: ...  # noqa: D102
    @property
    def datetime(self) -> dt.datetime: ...  # noqa: D102
    @property
    def datatake(self) -> str | None: ...  # noqa: D102
    @property
    def tile(self) -> str | None: ...  # noqa: D102


Item = TypeVar("Item", bound=Acquired)


def group_passes(products: Iterable[Item]) -> list[tuple[Item, ...]]:
    """The products of each pass of each platform, in the order of time.

    Time decides, not ids: providers spell datatakes differently, or not at all.
    """
    by_platform: dict[str, list[Item]] = defaultdict(list)
    bare: list[Item] = []
    for product in products:
        if BARE.fullmatch(product.platform):
            bare.append(product)
        else:
            by_platform[product.platform].append(product)
    for product in bare:
        by_platform[_unit_of(product, by_platform)].append(product)
    passes = [group for items in by_platform.values() for group in _split(items)]
    return sorted(passes, key=lambda group: (group[0].datetime, group[0].platform))


def _unit_of(product: Item, by_platform: dict[str, list[Item]]) -> str:
    """The satellite of the series that passed at that moment; the series itself where none is known."""
    for platform, items in sorted(by_platform.items()):
        if platform.startswith(product.platform) and any(
            abs(item.datetime - product.datetime) <= SAME_PASS for item in items
        ):
            return platform
    return product.platform


def platform_of(products: Iterable[Acquired]) -> str:
    """The satellite, as the first product that tells it by its letter."""
    names = [product.platform for product in sorted(products, key=lambda p: (p.datetime, p.id))]
    return next((name for name in names if not BARE.fullmatch(name)), names[0])


def _split(items: list[Item]) -> list[tuple[Item, ...]]:
    """One platform's products, cut wherever more than `SAME_PASS` lies between neighbours."""
    groups: list[list[Item]] = []
    for item in sorted(items, key=lambda item: (item.datetime, item.id)):
        if groups and item.datetime - groups[-1][-1].datetime <= SAME_PASS:
            groups[-1].append(item)
        else:
            groups.append([item])
    return [tuple(group) for group in groups]


def scene_id(products: Iterable[Acquired]) -> str:
    """Platform, day and absolute orbit; the hour stands in where no product knows the orbit."""
    ordered = sorted(products, key=lambda product: (product.datetime, product.id))
    first = ordered[0]
    orbits = sorted({product.datatake for product in ordered if product.datatake})
    tail = f"A{orbits[0]}" if orbits else f"{first.datetime:%H}h"
    return f"{platform_of(ordered)}_{first.datetime:%Y%m%d}_{tail}"


def group_scenes(products: Iterable[Product]) -> list[Scene]:
    """The scenes that `products` belong to, in the order of time."""
    return [
        Scene(id=scene_id(group), platform=platform_of(group), datetime=group[0].datetime, products=group)
        for group in group_passes(products)
    ]


_NUMBERED = re.compile(r"(\d{1,4})\.(\d{1,4})")
FIRST_PRIVATE = 90
"""Processing baselines from here on (99.xx, N9999) are Sen2Cor runs of somebody else than ESA."""


def is_private(baseline: str | None) -> bool:
    """Whether a processing baseline is none of ESA's own."""
    match = _NUMBERED.fullmatch(baseline or "")
    return match is not None and int(match[1]) >= FIRST_PRIVATE


def version_rank(baseline: str | None) -> tuple[int, tuple[int, ...], str]:
    """Sorts processing baselines: private ones, none stated, other spellings, official ones by number."""
    if not baseline:
        return 1, (), ""
    match = _NUMBERED.fullmatch(baseline)
    if match is None:
        return 2, (), baseline
    return (0 if is_private(baseline) else 3), (int(match[1]), int(match[2])), ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Processing:
    """One processing of one acquisition, as far as it is told from another."""

    id: str
    source: str
    baseline: str | None
    bands: int
    """How many of the bands of a whole product it has."""
    made: str = ""
    """When, by its own stamp: ISO 8601, UTC."""

    @property
    def rank(self) -> tuple[object, ...]:
        """Sorts the preferred one last: official, newest baseline, most bands, made last, id."""
        return version_rank(self.baseline), self.bands, self.made, self.id

    def why_after(self, other: Processing) -> str:
        """Why `other` is preferred to this one, by the first step of the rule that tells them apart."""
        mine, its = self.baseline or "none", other.baseline or "none"
        if is_private(self.baseline) and not is_private(other.baseline):
            return f"a private processing, {mine}; an official one is {its}"
        if version_rank(self.baseline) != version_rank(other.baseline):
            return f"baseline {mine}, not {its}"
        if self.bands != other.bands:
            return f"baseline {mine} too, {self.bands} bands, not {other.bands}"
        if self.made != other.made:
            return f"baseline {mine} too, made {self.made or 'at no stated time'}, not {other.made or 'none'}"
        return f"baseline {mine} too, of the same make; the id decides"


def same_platform(one: str, other: str) -> bool:
    """Whether two names may mean one satellite: they are equal, or one is the bare series of the other."""
    if one == other:
        return True
    return any(
        BARE.fullmatch(series) is not None and name.startswith(series)
        for series, name in ((one, other), (other, one))
    )


def same_acquisition(one: Acquired, other: Acquired) -> bool:
    """Whether two products show the same ground at the same moment (perhaps processed differently).

    Satellites of a series pass days apart: a bare series at the same moment is the same satellite.
    """
    tolerance = SAME_FRAME if one.tile is None else SAME_PASS
    return (
        same_platform(one.platform, other.platform)
        and one.tile == other.tile
        and abs(one.datetime - other.datetime) <= tolerance
    )


Held = TypeVar("Held")


class Acquisitions(Generic[Held]):
    """Items by tile and time: ten years of a site hold hundreds, and each has its like within minutes."""

    def __init__(self, pairs: Iterable[tuple[Acquired, Held]] = ()) -> None:
        """Hold each item under what was sensed."""
        self._held: dict[tuple[str | None, int], list[tuple[int, Acquired, Held]]] = defaultdict(list)
        self._count = 0
        for sensed, item in pairs:
            self.add(sensed, item)

    def add(self, sensed: Acquired, item: Held) -> None:
        """Hold one more."""
        self._held[sensed.tile, _slot(sensed)].append((self._count, sensed, item))
        self._count += 1

    def like(self, sensed: Acquired) -> list[Held]:
        """Items of the same acquisition (`same_acquisition`), in the order in which they were added."""
        slot = _slot(sensed)
        near = [held for k in (slot - 1, slot, slot + 1) for held in self._held.get((sensed.tile, k), ())]
        found = [(number, item) for number, other, item in near if same_acquisition(sensed, other)]
        return [item for _, item in sorted(found, key=lambda pair: pair[0])]


def _slot(sensed: Acquired) -> int:
    """Which stretch of `SAME_PASS` the moment lies in: what is as near as that is in a neighbouring one."""
    return int(sensed.datetime.timestamp() // SAME_PASS.total_seconds())
