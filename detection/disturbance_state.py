"""What the monitor of a site has learnt so far: everything that its rows are made of, and nothing else.

A state follows from the looks before it and from the parameters alone, so that it can be kept, thrown away
and made again. It holds the monitor, and beside it what a patch is later described with: how far pixels near
an alert departed, what they reflect since, and which have returned. No row needs an older pixel.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detection.monitor import MonitorParams, MonitorState, blank_state

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

BANDS = ("blue", "green", "red", "nir", "swir16")
"""Bands whose reflectance before and after the change is kept; NaN for bands that a cube lacks."""
LAYOUT = 6
"""Part of the keys of states: goes up whenever a state of the same looks holds something else than it did."""


@dataclass(slots=True, kw_only=True)
class DisturbanceState:
    """Plain arrays; (pixel,) unless said otherwise. Days count from 1970-01-01."""

    monitor: MonitorState
    shape: NDArray[np.int64]
    """(rows, columns) of the grid."""
    first_day: float
    """Day of the first look of the history."""
    spread: NDArray[np.float32]
    """(coefficient, coefficient, pixel): covariance of the coefficients over the variance of a look."""
    misfit: NDArray[np.float32]
    """(month, pixel): how far looks of the history lay from the fit about the middle of each month."""
    cover: NDArray[np.int16]
    """Group of pixels that go through the year alike; -1 without a season."""
    cover_spread: Floats
    """(group,): how far a group departs from the scene, sd: what is not known of it when it is hidden."""
    follows: NDArray[np.float32]
    """How much of what its group does a pixel does too, about one."""
    follows_sd: NDArray[np.float32]
    """How well that is known, sd."""
    followed: NDArray[np.float32]
    """Largest departure of its group on dates of the history on which a pixel was seen."""
    whole_year: Bools
    """Whether the season is known well enough to compare looks of the leaf-off months too."""
    bare_part: Bools
    """Ground that the history shows bare in some leaf-on month."""
    green_looks: Ints
    """Looks so far that showed it green."""
    field: Bools
    """Ground that is known for a field by them, and its edges."""
    height_below: Floats
    """Prediction at or below which a look lies at the height of the season."""
    before: NDArray[np.float32]
    """(band, pixel): mean reflectance in the leaf-on looks of the history, bands as in `BANDS`."""
    held: NDArray[np.float32]
    """(look, pixel): looks kept until the whole year can be fitted; none after that."""
    held_days: Floats
    pull: Floats
    """Over looks after an alert here or next door: decaying sum of departure times what bare ground would
    have departed."""
    power: Floats
    """The same of the square of what bare ground would have departed; ``pull / power`` is the share bared."""
    pull_looks: Ints
    last_plain: Ints
    """Day of the last look that was normal and would have shown bare ground; -1 without one."""
    plain_before: Ints
    """The same, before the alert."""
    reflectance: Floats
    """(band, pixel): sum over the first leaf-on looks after an alert here, bands as in `BANDS`."""
    reflectance_looks: Ints
    back: Ints
    """Looks in a row on which a persistent pixel was as its history predicts."""
    back_from: Ints
    """Day of the first of them; -1 without one."""
    returned_day: Ints
    """Day on which it counted as grown over again; -1 where it does not."""
    scene_ids: NDArray[np.str_]
    """Every look after the start of the history on which something was clear, in order of time."""
    scene_days: Ints

    def copy(self) -> DisturbanceState:
        """An independent copy: a checkpoint."""
        return from_arrays(to_arrays(self))


def blank(size: tuple[int, int], shape: tuple[int, int], params: MonitorParams) -> DisturbanceState:
    """The state before anything was fitted; `size` is (coefficient, pixel), `shape` that of the grid."""
    p, n = size
    return DisturbanceState(
        monitor=blank_state(np.full(size, np.nan), np.full(n, np.nan), params),
        shape=np.array(shape, np.int64),
        first_day=0.0,
        spread=np.zeros((p, p, n), np.float32),
        misfit=np.zeros((12, n), np.float32),
        cover=np.full(n, -1, np.int16),
        cover_spread=np.zeros(0),
        follows=np.ones(n, np.float32),
        follows_sd=np.zeros(n, np.float32),
        followed=np.zeros(n, np.float32),
        whole_year=np.zeros(n, np.bool_),
        bare_part=np.zeros(n, np.bool_),
        green_looks=np.zeros(n, np.int64),
        field=np.zeros(n, np.bool_),
        height_below=np.full(n, np.nan),
        before=np.full((len(BANDS), n), np.nan, np.float32),
        held=np.zeros((0, n), np.float32),
        held_days=np.zeros(0),
        pull=np.zeros(n),
        power=np.zeros(n),
        pull_looks=np.zeros(n, np.int64),
        last_plain=np.full(n, -1, np.int64),
        plain_before=np.full(n, -1, np.int64),
        reflectance=np.zeros((len(BANDS), n)),
        reflectance_looks=np.zeros(n, np.int64),
        back=np.zeros(n, np.int64),
        back_from=np.full(n, -1, np.int64),
        returned_day=np.full(n, -1, np.int64),
        scene_ids=np.zeros(0, "U1"),
        scene_days=np.zeros(0, np.int64),
    )


def to_arrays(state: DisturbanceState) -> dict[str, NDArray[Any]]:
    """Every field as an array of its own, by name; those of the monitor under ``monitor.``."""
    own = {f.name: np.array(getattr(state, f.name)) for f in fields(state) if f.name != "monitor"}
    return own | {f"monitor.{name}": np.array(a) for name, a in state.monitor.to_arrays().items()}


def from_arrays(arrays: dict[str, NDArray[Any]]) -> DisturbanceState:
    """The inverse of `to_arrays`."""
    inner = {n.removeprefix("monitor."): a for n, a in arrays.items() if n.startswith("monitor.")}
    own = {name: array for name, array in arrays.items() if not name.startswith("monitor.")}
    own["first_day"] = own["first_day"].item()
    return DisturbanceState(monitor=MonitorState.from_arrays(inner), **own)  # type: ignore[arg-type] # by name


def state_bytes(state: DisturbanceState) -> bytes:
    """The state as the bytes of an npz file, for keeping."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **to_arrays(state))  # type: ignore[arg-type] # arrays by name
    return buffer.getvalue()


def state_from(data: bytes) -> DisturbanceState:
    """The inverse of `state_bytes`; never unpickles.

    Raises:
        ValueError: where the bytes are not such a file.
    """
    with np.load(io.BytesIO(data), allow_pickle=False) as held:
        return from_arrays({name: held[name] for name in held.files})
