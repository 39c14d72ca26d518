"""Where pictures go: newest looks inside the page up to its budget, the rest in script files beside it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evidence.files import write_bytes
from maps.images import Picture

BASE64_GROWTH = 4 / 3


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
        if f"{key}.js" not in self.files and self.used_bytes + size <= self.budget_bytes:
            self.inline[key] = data_uri(picture.mime, picture.data)
            self.used_bytes += size
            return True
        if f"{key}.js" not in self.files:
            script = (
                f"campwatchPicture({json.dumps(key)},{json.dumps(data_uri(picture.mime, picture.data))});\n"
            )
            write_bytes(self.folder / f"{key}.js", script.encode())
            self.files.add(f"{key}.js")
            self.file_bytes += len(script)
        return False

    def remove_strangers(self) -> None:
        """Delete pictures of earlier runs that this page no longer names."""
        if not self.folder.is_dir():
            return
        for path in self.folder.glob("*.js"):
            if path.name not in self.files:
                path.unlink(missing_ok=True)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()


def total_bytes(pictures: Iterable[Picture]) -> int:
    """Encoded size of some pictures."""
    return sum(len(picture.data) for picture in pictures)
