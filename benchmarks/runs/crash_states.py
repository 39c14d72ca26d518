"""What the disk holds at every call of a run that changes it, which is what a crash there leaves behind."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CALLS = ("fsync", "replace", "rename", "mkdir", "unlink", "rmdir")
STATEMENTS = ("BEGIN", "INSERT", "COMMIT", "PRAGMA journal_mode", "ROLLBACK")


class Trap:
    """Calls `at_point` before and after every call that changes the disk."""

    def __init__(self, at_point: Callable[[str], None]) -> None:
        self._told, self._lock, self._busy = at_point, threading.RLock(), False

    def _at_point(self, what: str) -> None:
        """One point after the other, whichever thread; what is done at a point passes none."""
        with self._lock:
            if self._busy:
                return
            self._busy = True
            try:
                self._told(what)
            finally:
                self._busy = False

    def wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            self._at_point(f"before {name}")
            result = function(*arguments, **options)
            self._at_point(f"after {name}")
            return result

        return wrapped

    def install(self) -> None:
        """For the rest of this process."""
        for name in CALLS:
            setattr(os, name, self.wrap(name, getattr(os, name)))
        Path.write_bytes = self.wrap("write", Path.write_bytes)  # type: ignore[method-assign]
        trap, connect = self, sqlite3.connect

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
                return self._at(sql, super().execute, *arguments)

            def executemany(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
                return self._at(sql, super().executemany, *arguments)

            def executescript(self, sql: str) -> sqlite3.Cursor:
                return self._at(sql, super().executescript)

            def _at(self, sql: str, function: Callable[..., Any], *arguments: Any) -> Any:
                word = next((word for word in STATEMENTS if sql.startswith(word)), None)
                return (trap.wrap(word, function) if word else function)(sql, *arguments)

        sqlite3.connect = lambda *a, **k: connect(*a, **k, factory=Connection)  # type: ignore[assignment]


@dataclass(slots=True)
class States:
    """Every different state of a folder, and the points that left it."""

    folder: Path
    kept: Path
    points: list[tuple[str, str]]
    """(what was called, digest of the state) of each point."""

    def look(self, what: str) -> None:
        """Note the state of the folder now; a new one is copied."""
        digest = folder_digest(self.folder)
        self.points.append((what, digest))
        target = self.kept / digest
        if not target.exists():
            shutil.copytree(self.folder, target, symlinks=True, copy_function=copied)


def copied(source: str, target: str) -> str:
    """A copy; what another thread has just renamed is left out, as a crash would find it or not."""
    with suppress(FileNotFoundError):
        shutil.copy2(source, target)
    return target


def folder_digest(folder: Path) -> str:
    """Of names and bytes; a temporary name counts without its random part."""
    told = hashlib.sha256()
    for path in sorted(folder.rglob("*"), key=lambda path: (plain_name(path), path)):
        told.update(f"{plain_name(path.relative_to(folder))}\0{path.is_dir()}\0".encode())
        with suppress(FileNotFoundError, IsADirectoryError):
            told.update(path.read_bytes())
    return told.hexdigest()[:20]


def plain_name(path: Path) -> str:
    """The path with `.tmp-RANDOM-name` as `.tmp-name`."""
    parts = [
        f".tmp-{part.split('-', 2)[2]}" if part.startswith(".tmp-") and part.count("-") > 1 else part
        for part in path.parts
    ]
    return "/".join(parts)
