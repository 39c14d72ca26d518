"""A process that measures keeps what arrays free for the next ones, and large ones on the disk."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from campwatch.run import allocation
from campwatch.run.allocation import on_disk
from evidence.errors import WorkspaceError

PROGRAM = """
import resource
import numpy as np
from campwatch.run.allocation import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        np.ones(64_000_000, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

as_it_was = faults()
assert keep_freed_memory()
faults()
print(as_it_was, faults())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="an option of glibc")
def test_arrays_that_follow_each_other_take_no_new_pages() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    as_it_was, kept = map(int, done.stdout.split())
    assert as_it_was > 5 * 20
    assert kept < 20


def test_an_array_on_the_disk_holds_what_is_written_and_leaves_nothing(tmp_path: Path) -> None:
    room = on_disk(tmp_path / "cache")
    array = room((3, 5000), np.int16)
    array[1] = np.arange(5000)
    assert type(array) is np.ndarray
    assert (array[1] == np.arange(5000)).all()
    assert room((0, 7), np.uint8).shape == (0, 7)
    del array
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="takes room another way")
def test_a_disk_without_room_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(WorkspaceError, match=r"no room for 0\.10 GB in .*: No space left"):
        on_disk(tmp_path)((1000, 100_000), np.uint8)


def test_room_is_taken_where_the_system_has_no_call_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    monkeypatch.setattr(allocation, "NOUGHTS", 7)
    array = on_disk(tmp_path)((10, 10), np.uint8)
    assert not array.any()
