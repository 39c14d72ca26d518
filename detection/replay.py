"""Runs the monitor over a set of looks from the latest checkpoint that is still true.

A checkpoint is keyed by a hash chain over the parameters and every look before it, in order of time, with
its pixels. A late, replaced or withdrawn look changes the chain from its date on, so that only checkpoints
before it are found again; the rest is run anew. What comes out is the same, whatever the order of arrival.
"""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.monitor import MonitorParams, MonitorState, start_monitor, update_monitor

Checkpoints = MutableMapping[str, MonitorState]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One scene as the monitor sees it."""

    scene_id: str
    day: float
    """Days since 1970-01-01."""
    values: NDArray[np.float32]
    """(pixel,), NaN where not seen."""


def chain(looks: Sequence[Look], *, params: MonitorParams, n_history: int) -> list[str]:
    """The key after each look."""
    digest = hashlib.sha256(f"{params!r}|{n_history}".encode())
    keys = []
    for look in looks:
        digest.update(f"|{look.scene_id}|{look.day!r}|".encode())
        digest.update(np.ascontiguousarray(look.values, np.float32).tobytes())
        keys.append(digest.copy().hexdigest())
    return keys


def run_monitor(
    looks: Sequence[Look], *, n_history: int, params: MonitorParams, checkpoints: Checkpoints | None = None
) -> MonitorState:
    """The state after all looks.

    Args:
        looks: in any order; they are run in order of time, then of scene id.
        n_history: the first so many looks are the stable history.
        params: knobs.
        checkpoints: yearly states by key; read, and extended.
    """
    ordered = sorted(looks, key=lambda look: (look.day, look.scene_id))
    store: Checkpoints = {} if checkpoints is None else checkpoints
    keys = chain(ordered, params=params, n_history=n_history)
    done, state = _resume(ordered, keys, n_history, params, store)
    for k in range(done, len(ordered)):
        look = ordered[k]
        update_monitor(state, look.values, look.day, params=params)
        if k + 1 == len(ordered) or _year(ordered[k + 1]) != _year(look):
            store[keys[k]] = state.copy()
    return state


def _resume(
    looks: Sequence[Look], keys: Sequence[str], n_history: int, params: MonitorParams, store: Checkpoints
) -> tuple[int, MonitorState]:
    for k in range(len(looks) - 1, n_history - 2, -1):
        if keys[k] in store:
            return k + 1, store[keys[k]].copy()
    history = np.stack([look.values for look in looks[:n_history]])
    days = np.array([look.day for look in looks[:n_history]], np.float64)
    return n_history, start_monitor(history, days, params=params)


def _year(look: Look) -> int:
    return int(np.datetime64(int(look.day), "D").astype("datetime64[Y]").astype(int))
