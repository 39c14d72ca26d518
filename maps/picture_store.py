"""Where pictures go: newest looks inside the page up to its budget, the rest in script files beside it."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evidence.files import temporary_sibling
from maps.images import Picture

BASE64_GROWTH = 4 / 3
NATIVE_SHARE = 0.6
"""Of the budget; the rest is kept for display copies and masks: the slider then has every look at hand."""


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
    inline: dict[str, str] = field(default_factory=dict)
    """Data URI by key."""
    files: set[str] = field(default_factory=set)
    used_bytes: float = 0.0
    native_bytes: float = 0.0
    file_bytes: int = 0

    def add(self, picture: Picture) -> dict[str, Any]:
        """Store one picture; the answer is what the page needs to show it."""
        key = hashlib.sha256(picture.data).hexdigest()[:20]
        entry: dict[str, Any] = {
            "key": key,
            "role": picture.role,
            "bounds": [round(v, 9) for v in picture.bounds],
            "size": [picture.shape[1], picture.shape[0]],
        }
        if key not in self.inline and not self._keep(key, picture):
            entry["file"] = f"{self.folder.name}/{key}.js"
        return entry

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
