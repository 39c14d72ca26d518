"""Where pictures go: newest looks inside the page up to its budget, the rest in script files beside it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import xarray as xr

from evidence.files import temporary_sibling
from evidence.hashing import sha256_json
from maps.composites import Stretch
from maps.images import Picture, PicturePlan, draw_look

BASE64_GROWTH = 4 / 3
NATIVE_SHARE = 0.6
"""Of the budget; the rest is kept for display copies and masks: the slider then has every look at hand."""

NATIVE_BESIDE, CHANGE_BESIDE = 0.5, 0.8
"""Of the files beside the page: native windows up to the first share of the budget, change pictures while all
files together are below the second (assumed; the colours of every look have to find room)."""


def data_uri(mime: str, data: bytes) -> str:
    """The bytes as an address that needs no request."""
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


@dataclass(slots=True)
class PictureStore:
    """Collects pictures, keeps them on disk or in the page, and says where each one is.

    Pictures of the page are kept in memory; the budget bounds them. A picture that does not fit is written
    at once, so that memory stays bounded however long the series is.
    """

    folder: Path
    """Beside the page; made only when something has to go there."""
    budget_bytes: float
    beside_bytes: float = float("inf")
    """Of files beside the page; beyond the share of native windows these are left out."""
    inline: dict[str, str] = field(default_factory=dict)
    """Data URI by key."""
    files: set[str] = field(default_factory=set)
    used_bytes: float = 0.0
    native_bytes: float = 0.0
    file_bytes: int = 0
    native_file_bytes: int = 0
    left_out: int = 0
    """Native windows and change pictures that found no room."""

    def add(self, picture: Picture, *, spare: bool = False) -> dict[str, Any] | None:
        """Store one picture.

        Args:
            picture: what is stored.
            spare: whether another picture shows the same ground, so that this one may be left out.

        Returns:
            what the page needs to show it; None where it was left out.
        """
        key = hashlib.sha256(picture.data).hexdigest()[:20]
        entry: dict[str, Any] = {
            "key": key,
            "role": picture.role,
            "bounds": [round(v, 9) for v in picture.bounds],
            "size": [picture.shape[1], picture.shape[0]],
        }
        if spare and not self._has_room(key, picture):
            self.left_out += 1
            return None
        if key not in self.inline and not self._keep(key, picture):
            entry["file"] = f"{self.folder.name}/{key}.js"
        return entry

    def _has_room(self, key: str, picture: Picture) -> bool:
        size = len(picture.data) * BASE64_GROWTH
        if key in self.inline or f"{key}.js" in self.files or self._fits(picture, size):
            return True
        if picture.role == "native" and self.native_file_bytes + size > NATIVE_BESIDE * self.beside_bytes:
            return False
        return picture.view != "change" or self.file_bytes + size <= CHANGE_BESIDE * self.beside_bytes

    def _keep(self, key: str, picture: Picture) -> bool:
        """Whether the picture went into the page."""
        size = len(picture.data) * BASE64_GROWTH
        if f"{key}.js" not in self.files and self._fits(picture, size):
            self.inline[key] = data_uri(picture.mime, picture.data)
            self.used_bytes += size
            self.native_bytes += size if picture.role == "native" else 0.0
            return True
        if f"{key}.js" not in self.files:
            script = (
                f"campwatchPicture({json.dumps(key)},{json.dumps(data_uri(picture.mime, picture.data))});\n"
            )
            self._write(key, script)
            self.files.add(f"{key}.js")
            self.file_bytes += len(script)
            self.native_file_bytes += len(script) if picture.role == "native" else 0
        return False

    def _fits(self, picture: Picture, size: float) -> bool:
        if picture.role == "native" and self.native_bytes + size > NATIVE_SHARE * self.budget_bytes:
            return False
        return self.used_bytes + size <= self.budget_bytes

    def _write(self, key: str, script: str) -> None:
        """Named by its content and rebuildable: complete or absent, without the cost of a flush each."""
        path = self.folder / f"{key}.js"
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_sibling(path)
        temporary.write_text(script, encoding="utf-8")
        temporary.replace(path)

    def remove_strangers(self) -> None:
        """Delete pictures of earlier runs that this page no longer names."""
        if not self.folder.is_dir():
            return
        for path in self.folder.glob("*.js"):
            if path.name not in self.files:
                path.unlink(missing_ok=True)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()


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
