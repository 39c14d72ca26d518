"""How a process that measures keeps its memory.

The C library returns every array of more than 32 MB to the system when it is freed and asks for the next one
anew, whose pages the system then fills with noughts: most of the system time of a run, and on long records a
large part of what coal takes (table of steps in docs/running.md). What was freed is kept for the next
array instead; the most that is held is what the largest step needs.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Numbers of glibc's options (mallopt(3))."""
LARGEST_KEPT, MOST_KEPT = 2**30, 2**31 - 1
"""Bytes of an array that is kept, and in all. Assumed: those of glibc's integers."""


@cache
def keep_freed_memory() -> bool:
    """Keep what arrays free for the next ones, from now on; False where the C library is not glibc."""
    if sys.platform != "linux":
        return False
    option = getattr(ctypes.CDLL(None), "mallopt", None)
    if option is None:
        return False
    return all(option(*pair) == 1 for pair in ((MMAP_THRESHOLD, LARGEST_KEPT), (TRIM_THRESHOLD, MOST_KEPT)))
