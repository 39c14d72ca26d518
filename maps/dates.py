"""The looks of a cube as the page lists them: date, status, quality, pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, MutableMapping
from typing import Any

import numpy as np
import xarray as xr

from imagery.cube.observations import sensing_time, told_of_looks
from maps import composites
from maps.drawn import look_pictures
from maps.images import PicturePlan
from maps.payload import Payload
from maps.picture_store import PictureStore
from maps.records import ImageRule

NUMBERS = {
    "valid_fraction": "valid",
    "snow_fraction": "snow",
    "dx_m": "dx_m",
    "dy_m": "dy_m",
    "residual_px": "residual_px",
    "relative_orbit": "orbit",
    "sun_elevation_deg": "sun_elevation",
}
TEXTS = {
    "scene_id": "scene",
    "platform": "platform",
    "baseline": "baseline",
    "status": "status",
    "detail": "detail",
    "offset_applied": "offset",
}


def _facts(told: Mapping[str, np.ndarray[Any, Any]], time: int) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for source, target in NUMBERS.items():
        if source in told:
            value = float(told[source][time])
            facts[target] = round(value, 4) if math.isfinite(value) else None
    facts |= {target: str(told[source][time]) for source, target in TEXTS.items() if source in told}
    return facts


def _seen(cube: xr.Dataset) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.asarray(cube["valid"].mean(dim=("y", "x")).values, dtype=np.float64)


def list_dates(
    cube: xr.Dataset,
    plan: PicturePlan,
    payload: Payload,
    store: PictureStore,
    rule: ImageRule,
    *,
    drawn: MutableMapping[str, bytes] | None = None,
) -> tuple[list[dict[str, Any]], dict[str, composites.Stretch]]:
    """Draw every look, newest first so that the page's budget goes to it; returned oldest first.

    Args:
        cube: the looks.
        plan: which are native and which are thinned.
        payload: how moments are told.
        store: where pictures go.
        rule: of the images.
        drawn: pictures of earlier maps; extended.
    """
    stretches = {b.id: composites.common_stretch(cube, b) for b in composites.available(cube)}
    seen, told = _seen(cube), told_of_looks(cube)
    times = cube["time"].values
    entries = []
    for time in sorted(plan.picture_times, reverse=True):
        before = composites.season_looks(times, seen, time) if seen[time] >= rule.min_valid_fraction else []
        entry = {
            **payload.moment(sensing_time(times[time])),
            "valid": round(float(seen[time]), 4),
            "status": "used" if seen[time] > 0 else "unusable",
            **_facts(told, time),
            "compared": before,
            "pictures": {"true": [], "false": [], "change": [], "mask": []},
        }
        for picture in look_pictures(cube, time, plan, stretches=stretches, before=before, drawn=drawn):
            entry["pictures"][picture.view].append(store.add(picture))
        entries.append(entry)
    return entries[::-1], stretches
