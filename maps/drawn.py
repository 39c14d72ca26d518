"""Pictures of looks that were drawn before: a map drawn anew encodes only what is new in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import asdict
from typing import Any

import xarray as xr

from evidence.hashing import sha256_json
from maps.composites import Stretch
from maps.images import Picture, PicturePlan, draw_look

CONTENT = "content"
"""Coordinate on time: what the pixels of a look hang on, as `imagery.cube.loading` gives it."""
LAYOUT = 1
"""Raised when pictures are kept in another way; drawing itself is told by the digest of its code."""


def look_pictures(
    cube: xr.Dataset,
    time: int,
    plan: PicturePlan,
    *,
    stretches: Mapping[str, Stretch],
    before: Sequence[int],
    drawn: MutableMapping[str, bytes] | None,
) -> list[Picture]:
    """Every picture of one look: from `drawn` where the same was drawn before, else drawn and kept there."""
    if drawn is None or CONTENT not in cube.coords:
        return list(draw_look(cube, time, plan, dict(stretches), list(before)))
    key = _key(cube, time, plan, stretches, before)
    held = drawn.get(key)
    if held is not None:
        return _decoded(held, time)
    pictures = list(draw_look(cube, time, plan, dict(stretches), list(before)))
    drawn[key] = _encoded(pictures)
    return pictures


def _key(
    cube: xr.Dataset,
    time: int,
    plan: PicturePlan,
    stretches: Mapping[str, Stretch],
    before: Sequence[int],
) -> str:
    """Everything that the pictures of a look depend on."""
    content = [str(value) for value in cube[CONTENT].to_numpy()[[time, *before]]]
    colours = {name: asdict(stretch) for name, stretch in stretches.items()}
    native = time in plan.native_times
    how = [repr(plan.grid), [] if native else list(plan.windows), native, asdict(plan.rule)]
    return sha256_json(["pictures", LAYOUT, content, colours, *how])


def _encoded(pictures: Sequence[Picture]) -> bytes:
    """A line of JSON that says what follows, then the pictures' bytes."""
    told = [
        {
            "view": picture.view,
            "role": picture.role,
            "bounds": picture.bounds,
            "shape": picture.shape,
            "mime": picture.mime,
            "size": len(picture.data),
        }
        for picture in pictures
    ]
    return json.dumps(told).encode() + b"\n" + b"".join(picture.data for picture in pictures)


def _decoded(held: bytes, time: int) -> list[Picture]:
    head, _, data = held.partition(b"\n")
    pictures, start = [], 0
    for told in json.loads(head):
        end = start + told.pop("size")
        pictures.append(_picture(told, time, data[start:end]))
        start = end
    return pictures


def _picture(told: Mapping[str, Any], time: int, data: bytes) -> Picture:
    west, south, east, north = told["bounds"]
    rows, columns = told["shape"]
    return Picture(
        time=time,
        view=told["view"],
        role=told["role"],
        bounds=(west, south, east, north),
        shape=(rows, columns),
        mime=told["mime"],
        data=data,
    )
