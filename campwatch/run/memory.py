"""What was computed before, under keys that hold everything it depends on; rebuildable, never needed.

A memory belongs to one version of the measuring code: with another it starts empty. A value that is not what
was written counts as missing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, MutableMapping
from pathlib import Path

from evidence.files import is_temporary, remove_leftovers, temporary_sibling

DIGEST_BYTES = 32
KEPT_BYTES = 300_000_000
"""Beside what the last run asked for, so much is kept of what was asked for longest ago."""


class Memory(MutableMapping[str, bytes]):
    """Bytes by key (a hexadecimal digest), a file each."""

    def __init__(self, folder: Path, *, code: str) -> None:
        """Nothing is read yet.

        Args:
            folder: of one site; parts of it that other code wrote are removed by `forget`.
            code: identifies the code and the packages that compute the values.
        """
        self._root, self._folder = folder, folder / code[:16]
        self._asked: set[str] = set()

    def __getitem__(self, key: str) -> bytes:
        """The value; one that is damaged is missing."""
        path = self._folder / key
        try:
            held = path.read_bytes()
        except OSError:
            raise KeyError(key) from None
        digest, value = held[:DIGEST_BYTES], held[DIGEST_BYTES:]
        if hashlib.sha256(value).digest() != digest:
            raise KeyError(key)
        self._asked.add(key)
        os.utime(path)
        return value

    def __setitem__(self, key: str, value: bytes) -> None:
        """Keep the value: complete or not at all; without a flush, since it can be computed again."""
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_sibling(path)
        temporary.write_bytes(hashlib.sha256(value).digest() + value)
        temporary.replace(path)
        self._asked.add(key)

    def __delitem__(self, key: str) -> None:
        """Forget one value."""
        try:
            (self._folder / key).unlink()
        except FileNotFoundError:
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[str]:
        """The keys held."""
        if self._folder.is_dir():
            yield from (path.name for path in self._folder.iterdir() if not is_temporary(path))

    def __len__(self) -> int:
        """How many are held."""
        return sum(1 for _ in self)

    def forget(self, *, kept_bytes: int = KEPT_BYTES) -> None:
        """Remove what other code wrote, and what was asked for longest ago beyond `kept_bytes`."""
        if not self._root.is_dir():
            return
        for other in self._root.iterdir():
            if other != self._folder:
                shutil.rmtree(other, ignore_errors=True)
        remove_leftovers(self._root)
        spare = [self._folder / key for key in self if key not in self._asked]
        for path in sorted(spare, key=lambda path: path.stat().st_mtime, reverse=True):
            kept_bytes -= path.stat().st_size
            if kept_bytes < 0:
                path.unlink(missing_ok=True)
