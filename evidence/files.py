"""Files that are either as they were or complete, at places that nobody outside can choose.

Written under a temporary name, flushed, renamed. A name that comes from outside (a provider's item, a site
file, an option) becomes a path component by `path_component` alone, and what is written below a folder is
checked by `below` against where it would really land.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from evidence.errors import FileInUseError, UnsafePathError

TEMPORARY_PREFIX = ".tmp-"
LONGEST_COMPONENT = 120
"""Characters: file systems take 255 bytes with suffix and temporary prefix, Windows 260 for a whole path."""
WINDOWS_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))}
)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def path_component(text: object, *, default: str = "item") -> str:
    """One component of a path, made from text that comes from outside.

    ASCII letters, digits, dot, hyphen and underscore stay; it never begins or ends with a dot, names no
    device of Windows and is at most `LONGEST_COMPONENT` long. What had to be changed beyond its edges carries
    eight digits of its SHA-256, so that two names never become one.

    Args:
        text: a platform, an id, a key, a code; anything else is spelled out first.
        default: where nothing of the text can stay.
    """
    given = str(text)
    kept = _UNSAFE.sub("_", given).strip("._")
    changed = kept != given.strip("._") or len(kept) > LONGEST_COMPONENT
    if kept.partition(".")[0].lower() in WINDOWS_DEVICES:
        kept, changed = f"{default}_{kept}", True
    if not changed and kept:
        return kept
    digest = hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{kept[: LONGEST_COMPONENT - 9].rstrip('._') or default}-{digest}"


def below(root: Path, *parts: str) -> Path:
    """A path of some parts below `root`, checked where it would really land.

    Args:
        root: the folder that nothing may leave; may itself be a link, and need not exist yet.
        parts: what follows it.

    Raises:
        UnsafePathError: where the target lies elsewhere, or is the root itself.
    """
    return landing_below(root, root.joinpath(*parts))


def landing_below(root: Path, path: Path) -> Path:
    """`path`, if it lands below `root`: links and ``..`` are followed first.

    Args:
        root: the folder that nothing may leave.
        path: as it would be opened: absolute, or from the current folder as the root is.

    Raises:
        UnsafePathError: where the target lies elsewhere, or is the root itself.
    """
    try:
        home, target = root.resolve(), path.resolve()
    except (OSError, ValueError, RuntimeError) as error:  # a null character, a ring of links
        raise UnsafePathError(f"{str(path)[:200]!r} is no path below {root}") from error
    if home not in target.parents:
        raise UnsafePathError(f"{str(path)[:200]} would be written outside {root}")
    return path


def temporary_sibling(path: Path) -> Path:
    """A fresh name in the folder of `path` that `is_temporary` recognises, with the same suffix."""
    return path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}-{path.name}")


def is_temporary(path: Path) -> bool:
    """Whether `path` is what an interrupted write left behind."""
    return path.name.startswith(TEMPORARY_PREFIX)


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable; Windows has no such call and needs none."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Flush a file that somebody else wrote and closed."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace(temporary: Path, path: Path) -> None:
    """Rename, in words where another program holds the target."""
    try:
        temporary.replace(path)
    except PermissionError as error:
        if path.is_file() and os.access(path.parent, os.W_OK):
            raise FileInUseError(
                f"{path.name} is open in another program: close it, or write elsewhere"
            ) from error
        raise


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; on success it is flushed and renamed to `path`, else removed.

    Raises:
        FileInUseError: where another program holds `path` open.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_sibling(path)
    try:
        yield temporary
        sync_file(temporary)
        _replace(temporary, path)
        sync_folder(path.parent)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 `text` to `path` atomically, with the newlines it has."""
    write_bytes(path, text.encode())


def remove_leftovers(folder: Path) -> int:
    """Delete what interrupted writes left below `folder`; returns how many."""
    leftovers = [path for path in folder.rglob(f"{TEMPORARY_PREFIX}*") if path.is_file()]
    for path in leftovers:
        path.unlink(missing_ok=True)
    return len(leftovers)


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
