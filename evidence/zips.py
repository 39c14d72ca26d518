"""Zip archives whose bytes follow from what is in them, not from when they were made."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

FIXED_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can tell; every member bears it."""
PACKED = frozenset({".tif", ".png", ".webp"})
"""Compressed as they are."""


def write_zip(path: Path, members: Iterable[tuple[str, bytes]]) -> None:
    """Write an archive of members, (name, bytes), in the order given."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members:
            entry = zipfile.ZipInfo(name, date_time=FIXED_TIME)
            packed = PurePosixPath(name).suffix in PACKED
            entry.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)


def fix_times(path: Path) -> None:
    """Give every member of an archive that another library wrote the fixed time."""
    with zipfile.ZipFile(path) as archive:
        members = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
    write_zip(path, members)
