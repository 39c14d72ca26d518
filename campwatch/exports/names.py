"""File names: what is restricted says so in its name."""

from __future__ import annotations

from pathlib import Path


def named(folder: Path, stem: str, suffix: str, *, restricted: bool) -> Path:
    """`folder/stem.suffix`, or `folder/stem.restricted.suffix`."""
    return folder / f"{stem}{'.restricted' if restricted else ''}{suffix}"


def export_folder(exports: Path, kind: str, *, restricted: bool, as_of_run: str | None) -> Path:
    """Where an export of this kind goes."""
    parts = [kind, *([f"as-of-{as_of_run}"] if as_of_run else []), *(["restricted"] if restricted else [])]
    return exports / ".".join(parts)
