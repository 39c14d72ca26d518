"""A process that measures keeps what arrays free for the next ones."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
