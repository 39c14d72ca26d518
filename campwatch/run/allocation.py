"""How a process that measures keeps its memory.

The C library returns every array of more than 32 MB to the system when it is freed and asks for the next one
anew, whose pages the system then fills with noughts: most of the system time of a run, and on long records a
large part of what coal takes (table of steps in docs/running.md). What was freed is kept for the next
array instead; the most that is held is what the largest step needs.

Of a site whose cube is too large to be held, the arrays that its history takes lie on the disk, mapped into
memory: the system keeps in memory what there is room for, and takes it back when others need it.
"""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from evidence.arrays import Room
from evidence.errors import WorkspaceError

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Numbers of glibc's options (mallopt(3))."""
LARGEST_KEPT, MOST_KEPT = 2**30, 2**31 - 1
"""Bytes of an array that is kept, and in all. Assumed: those of glibc's integers."""

NOUGHTS = 2**24
"""Bytes that are written at once to take room on a disk. Assumed."""


@cache
def keep_freed_memory() -> bool:
    """Keep what arrays free for the next ones, from now on; False where the C library is not glibc."""
    if sys.platform != "linux":
        return False
    option = getattr(ctypes.CDLL(None), "mallopt", None)
    if option is None:
        return False
    return all(option(*pair) == 1 for pair in ((MMAP_THRESHOLD, LARGEST_KEPT), (TRIM_THRESHOLD, MOST_KEPT)))


def on_disk(folder: Path) -> Room:
    """Arrays that lie in files without a name in a folder; gone with the array, or with the process."""
    return partial(_mapped, folder)


def _mapped(folder: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if not size:
        return np.empty(shape, dtype)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as stream:
            _take(stream, size)
            return np.asarray(np.memmap(stream, dtype, "r+", shape=shape))
    except OSError as err:
        raise WorkspaceError(
            f"no room for {size / 1e9:.2f} GB in {folder} to measure a large site: {err.strerror or err}"
        ) from err


def _take(stream: BinaryIO, size: int) -> None:
    """Take room for a file: what is only promised would end the process when the disk is full."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(stream.fileno(), 0, size)
        return
    noughts = bytes(NOUGHTS)
    stream.writelines(noughts[: size - at] for at in range(0, size, NOUGHTS))
    stream.flush()
