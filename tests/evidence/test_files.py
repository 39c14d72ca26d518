from __future__ import annotations

import pytest

from evidence.files import atomic_path, is_temporary, remove_leftovers, write_bytes


def write_half_and_fail(path):
    path.write_bytes(b"half")
    raise OSError("no space left")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "한글 folder" / "file.txt"
    write_bytes(target, b"old")
    with pytest.raises(OSError, match="no space"), atomic_path(target) as temporary:
        write_half_and_fail(temporary)
    assert target.read_bytes() == b"old"
    assert list(target.parent.iterdir()) == [target]


def test_leftovers_of_a_killed_write_are_recognised_and_removed(tmp_path):
    target = tmp_path / "file.txt"
    with atomic_path(target) as temporary:
        temporary.write_bytes(b"new")
        assert is_temporary(temporary)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / ".tmp-0011-file.txt").write_bytes(b"half")
    assert remove_leftovers(tmp_path) == 1
    assert target.read_bytes() == b"new"
