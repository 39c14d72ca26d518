"""Which state of the ledger each derived file shows, so that one that is behind is rebuilt."""

from __future__ import annotations

import json
from pathlib import Path

from evidence.files import write_text


class DerivedFiles:
    """Stamps of derived files: what they were made from."""

    def __init__(self, path: Path) -> None:
        """Read the stamps kept in `path`; a missing or damaged file means that everything is behind."""
        self._path = path
        try:
            self._stamps: dict[str, str] = dict(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError):
            self._stamps = {}

    def is_current(self, file: Path, made_from: str) -> bool:
        """Whether `file` is there and shows the state `made_from`."""
        return file.exists() and self._stamps.get(file.name) == made_from

    def stamp(self, file: Path, made_from: str) -> None:
        """Remember that `file` shows the state `made_from`; call it after the file is complete."""
        self._stamps[file.name] = made_from
        write_text(self._path, json.dumps(self._stamps, sort_keys=True, indent=1))
