"""Piles through time: parts of the support that keep their id while they overlap from look to look."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from detection.coal.smoothing import EIGHT

Bools = NDArray[np.bool_]
Labels = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class PileLook:
    """One pile on one date."""

    number: int
    """Kept through time, from 1 on."""
    parents: tuple[int, ...]
    """Piles that it came from on this date, by split or merger; empty where nothing changed."""
    mask: Bools
    """(y, x)."""
    first: dt.date
    """When it was first seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """Where tracking stands after a look."""

    looks: tuple[PileLook, ...] = ()
    """The piles of the last date that was looked at."""
    numbers: int = 0
    """Numbers that were given so far."""


def track(
    supports: Bools, looked: Bools, dates: Sequence[dt.date], before: Tracked | None = None
) -> tuple[list[tuple[PileLook, ...]], Tracked]:
    """Follow parts through the dates that were looked at.

    The part that overlaps a pile most keeps its number; a further part of the same pile is a split (new
    number, the pile as parent); a part over several piles is a merger (the number of the largest overlap, the
    others as parents). A pile that no part overlaps has vanished; coal on its place after that is a new pile.

    Args:
        supports: (time, y, x).
        looked: (time,).
        dates: (time,).
        before: where tracking stood before the first date.

    Returns:
        the piles of every date, empty where nobody looked; where tracking stands after the last.
    """
    out: list[tuple[PileLook, ...]] = [() for _ in looked]
    state = before or Tracked()
    for t in np.flatnonzero(looked).tolist():
        parts, count = label(supports[t], structure=EIGHT)
        state = _matched([parts == index for index in range(1, count + 1)], state, dates[t])
        out[t] = state.looks
    return out, state


def _matched(masks: list[Bools], state: Tracked, date: dt.date) -> Tracked:
    """Give every part of one date its number."""
    before, numbers = state.looks, state.numbers
    overlap = np.array([[int((mask & old.mask).sum()) for old in before] for mask in masks])
    looks, taken = [], set()
    order = sorted(range(len(masks)), key=lambda i: -int(overlap[i].max()) if before else 0)
    for i in order:
        touched = [j for j in range(len(before)) if overlap[i, j]] if before else []
        touched.sort(key=lambda j: (-int(overlap[i, j]), before[j].number))
        heir = next((j for j in touched if before[j].number not in taken), None)
        if heir is None:
            numbers += 1
            parents = tuple(sorted(before[j].number for j in touched))
            looks.append(PileLook(number=numbers, parents=parents, mask=masks[i], first=date))
            continue
        taken.add(before[heir].number)
        merged = tuple(sorted(before[j].number for j in touched if j != heir))
        taken.update(merged)
        looks.append(
            PileLook(number=before[heir].number, parents=merged, mask=masks[i], first=before[heir].first)
        )
    return Tracked(looks=tuple(sorted(looks, key=lambda look: look.number)), numbers=numbers)
