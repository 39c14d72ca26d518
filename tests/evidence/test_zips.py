from __future__ import annotations

import zipfile

from evidence.files import fix_times, write_zip


def test_the_same_members_give_the_same_bytes_and_keep_what_is_packed(tmp_path):
    members = [("b/글.txt", b"x" * 1000), ("a.png", b"y" * 1000)]
    one, two = tmp_path / "one.zip", tmp_path / "two.zip"
    write_zip(one, members)
    with zipfile.ZipFile(two, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    assert one.read_bytes() != two.read_bytes()
    fix_times(two)
    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(one) as archive:
        assert [(entry.filename, entry.compress_size < entry.file_size) for entry in archive.infolist()] == [
            ("b/글.txt", True),
            ("a.png", False),
        ]
        assert archive.read("b/글.txt") == b"x" * 1000
