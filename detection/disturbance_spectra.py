"""What a disturbed patch reflected before the change and reflects after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detection.disturbance_patches import Patch, inner_pixels
from detection.disturbance_state import BANDS, DisturbanceState

Floats = NDArray[np.float64]

WEIGHING = ("blue", "red", "nir", "swir16")
"""Bands of the index, by whose brightness the parts of a mixed pixel weigh in it."""


def seen_before(state: DisturbanceState, patch: Patch) -> dict[str, float]:
    """Mean leaf-on reflectance of the inside of a patch in its history, by band."""
    before = state.before[:, _inside(state, patch)]
    kept = [(band, row[np.isfinite(row)]) for band, row in zip(BANDS, before, strict=True)]
    return {band: float(row.mean()) for band, row in kept if row.size}


def _inside(state: DisturbanceState, patch: Patch) -> NDArray[np.int64]:
    shown = replace(patch, mask=inner_pixels(patch.mask))
    return np.flatnonzero(shown.full(tuple(state.shape)).ravel())


def seen_after(state: DisturbanceState, patch: Patch) -> dict[str, float]:
    """Mean reflectance of the inside of a patch in its first looks after the change, by band."""
    columns = _inside(state, patch)
    looks = state.reflectance_looks[columns].sum()
    sums = state.reflectance[:, columns].sum(axis=1)
    return {band: float(sums[k] / looks) for k, band in enumerate(BANDS) if looks and np.isfinite(sums[k])}


def lighter(state: DisturbanceState, patch: Patch, after: Mapping[str, float]) -> Floats:
    """How many times as bright as before each pixel would be as the patch is now: (row, column).

    Args:
        state: with what was seen before.
        patch: whose window is looked at.
        after: what the patch reflects now, from `seen_after`.

    Returns:
        NaN where the ground was not seen before or after.
    """
    wanted = WEIGHING if "swir16" in after else ("red", "nir")
    used = [k for k, band in enumerate(BANDS) if band in wanted and band in after]
    window = (slice(None), *patch.window)
    before = state.before.reshape(len(BANDS), *state.shape)[window][used].sum(axis=0)
    now = sum(after[BANDS[k]] for k in used)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(before > 0, now / before.astype(np.float64), np.nan)
