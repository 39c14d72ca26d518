"""A disk that is full or read-only, for real: small file systems in memory, mounted where root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from campwatch.custody.verification import verify_workspace
from campwatch.run.pipeline import RunOptions, run_workspace
from campwatch.workspace import open_workspace
from evidence.errors import WatchError
from evidence.ledger import Ledger
from tests.servers import tiny

from .conftest import site_document, write_workspace

pytestmark = pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounting needs root")


def mount(*options):
    return subprocess.run(["mount", *options], capture_output=True, text=True, check=False)


@pytest.fixture
def disk(tmp_path):
    """A file system of three megabytes; a function that gives it other options."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = mount("-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder))
    if made.returncode != 0:
        pytest.skip(f"no mounting here: {made.stderr.strip()}")

    def again(options):
        assert mount("-o", f"remount,{options}", str(folder)).returncode == 0

    yield folder, again
    subprocess.run(["umount", "-l", str(folder)], check=False)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    return tiny.write_catalog(tmp_path_factory.mktemp("source"), dates=tiny.days(2, step=10))


def rows(folder):
    with Ledger(folder / "ledger.sqlite", read_only=True) as ledger:
        return {stored.row_id for stored in ledger.current() if stored.row.layer != "alerts"}


def test_a_full_disk_says_so_and_the_next_run_makes_it_whole(disk, tmp_path, catalog, cli):
    folder, again = disk
    workspace = write_workspace(folder / "w", catalog, site_document(size_m=600))
    (folder / "ballast").write_bytes(b"x" * 2_600_000)
    full = cli("-C", workspace, "run")
    assert full.returncode in {1, 3}, full.stderr
    assert "No space left" in full.stderr or "0.0 MB free" in full.stderr
    assert "Traceback" not in full.stderr
    again("size=64m")
    assert not run_workspace(open_workspace(workspace), RunOptions()).sites[0].error
    elsewhere = write_workspace(tmp_path / "w", catalog, site_document(size_m=600))
    run_workspace(open_workspace(elsewhere), RunOptions())
    assert rows(workspace) == rows(elsewhere)
    assert verify_workspace(open_workspace(workspace), deep=True).findings == ()


def test_a_read_only_disk_is_said_to_be_one_and_can_still_be_read(disk, catalog, cli):
    folder, again = disk
    again("size=64m")
    workspace = write_workspace(folder / "w", catalog, site_document(size_m=600))
    run_workspace(open_workspace(workspace), RunOptions())
    before = rows(workspace)
    again("ro")
    with pytest.raises(WatchError, match="cannot be written"):
        run_workspace(open_workspace(workspace), RunOptions())
    assert cli("-C", workspace, "status").returncode == 0
    assert verify_workspace(open_workspace(workspace)).findings == ()
    assert rows(workspace) == before


def test_the_disk_is_there_to_be_filled(disk):
    folder, _ = disk
    assert shutil.disk_usage(folder).total == 3 * 1024 * 1024
