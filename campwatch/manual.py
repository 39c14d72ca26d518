"""The pages of the manual as they belong to this version of the code; a release freezes them."""

from __future__ import annotations

from pathlib import Path

from evidence.errors import ExportError

_PACKAGED = Path(__file__).resolve().parent / "manual"
_IN_REPOSITORY = Path(__file__).resolve().parent.parent / "docs"
SUFFIXES = (".md", ".png", ".svg")


def manual_files() -> dict[str, Path]:
    """Every page and picture of the manual, by its path inside the manual.

    Raises:
        ExportError: where campwatch was installed without its manual.
    """
    folder = _PACKAGED if _PACKAGED.is_dir() else _IN_REPOSITORY
    found = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in SUFFIXES
    }
    if not any(name.endswith(".md") for name in found):
        raise ExportError(f"campwatch's manual is not at {folder}; install campwatch anew")
    return found
