"""What is said of a patch: whether it is strong enough, what the ground became, what it waits for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from detection.change_dates import EPOCH
from detection.coal.coverage import pixel_size_m
from detection.disturbance_ground import Ground
from detection.disturbance_patches import Patch, linked_patches
from detection.disturbance_spectra import seen_after, seen_before
from detection.kinds import BURNT, ground_kind, patch_kind, went_black

Bools = NDArray[np.bool_]

CORE = 0.8
"""Quantile of a patch's pixels that stands for its core: its edge is mixed."""
RETURNED = "later looks returned to what the history predicts"
WAITS = "as fields are, bare for part of every season: may be fallow or harvest until a second season"


def patches_of(ground: Ground, mask: Bools, days: str) -> list[Patch]:
    """Patches of (y, x) pixels above the floor, linked by one of the monitor's dates."""
    p = ground.params
    floor = p.withdrawn_min_ha if days == "withdrawn_day" else p.min_area_ha
    inside = mask & (ground.weights > 0)
    return linked_patches(inside, ground.day(days), ground.weights, link_days=p.link_days, min_ha=floor)


def joined(ground: Ground, sure: Bools) -> Bools:
    """Persistent pixels, and those that wait for a second season and are the lesser part of a patch: (y, x).

    A clearing that reaches into a field is one clearing; a fallow field beside one is not.
    """
    whole, weights = sure.copy(), ground.weights
    for patch in patches_of(ground, sure | ground.waiting, "first_day"):
        known = patch.mask & sure[patch.window]
        if 2.0 * weights[patch.window][known].sum() >= weights[patch.window][patch.mask].sum():
            whole[patch.window] |= patch.mask
    return whole


def is_strong(ground: Ground, patch: Patch) -> bool:
    """Whether the departure of a patch is more than weather makes."""
    share = float(np.quantile(ground.departure[patch.window][patch.mask], CORE))
    return share >= ground.params.min_share and not _may_be_haze(ground, patch)


def _may_be_haze(ground: Ground, patch: Patch) -> bool:
    """Whether few looks show it green still, and no darker in near infrared: plants under haze, twice."""
    state = ground.state
    looks = np.median(state.reflectance_looks.reshape(ground.weights.shape)[patch.window][patch.mask])
    after, before = seen_after(state, patch), seen_before(state, patch)
    if looks >= ground.params.haze_looks or not {"nir"} <= (set(after) & set(before)):
        return False
    return ground_kind(after) == "vegetation_loss" and after["nir"] >= before["nir"]


def kind_of(ground: Ground, patch: Patch, after: Mapping[str, float], first: dt.date) -> str:
    """What became of it; burnt as long as it may be: until a second spring leaves it bare."""
    if went_black(seen_before(ground.state, patch), after) and ground_kind(after) not in {"coal", "water"}:
        days = int(ground.state.scene_days.max()) - (first - EPOCH).days
        grown = patch.mask & ground.returned[patch.window]
        if days <= ground.params.burnt_days or 2 * grown.sum() > patch.mask.sum():
            return BURNT
    return patch_kind(after, patch.mask, side_m=pixel_size_m(ground.grid))


def cause_of(ground: Ground, patch: Patch, status: str) -> str | None:
    """Why a patch was withdrawn, or what a provisional one waits for."""
    if status == "withdrawn":
        return RETURNED
    waits = patch.mask & ground.waiting[patch.window]
    return WAITS if status == "provisional" and 2 * waits.sum() > patch.mask.sum() else None
