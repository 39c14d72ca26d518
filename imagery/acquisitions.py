"""What shows the same ground at the same moment, found without comparing everything with everything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Generic, TypeVar

from imagery.scenes import SAME_PASS, Acquired, same_acquisition

Item = TypeVar("Item")


class Acquisitions(Generic[Item]):
    """Items by tile and time: ten years of a site hold hundreds, and each has its like within minutes."""

    def __init__(self, pairs: Iterable[tuple[Acquired, Item]] = ()) -> None:
        """Hold each item under what was sensed."""
        self._held: dict[tuple[str | None, int], list[tuple[int, Acquired, Item]]] = defaultdict(list)
        self._count = 0
        for sensed, item in pairs:
            self.add(sensed, item)

    def add(self, sensed: Acquired, item: Item) -> None:
        """Hold one more."""
        self._held[sensed.tile, _slot(sensed)].append((self._count, sensed, item))
        self._count += 1

    def like(self, sensed: Acquired) -> list[Item]:
        """Items of the same acquisition (`same_acquisition`), in the order in which they were added."""
        slot = _slot(sensed)
        near = [held for k in (slot - 1, slot, slot + 1) for held in self._held.get((sensed.tile, k), ())]
        found = [(number, item) for number, other, item in near if same_acquisition(sensed, other)]
        return [item for _, item in sorted(found, key=lambda pair: pair[0])]


def _slot(sensed: Acquired) -> int:
    """Which stretch of `SAME_PASS` the moment lies in: what is as near as that is in a neighbouring one."""
    return int(sensed.datetime.timestamp() // SAME_PASS.total_seconds())
