"""Names of map files."""

from __future__ import annotations

from pathlib import Path


def map_path(path: Path, *, restricted: bool) -> Path:
    """`path`, with the word in its name where the map is restricted."""
    if not restricted or "restricted" in path.stem:
        return path
    return path.with_name(f"{path.stem}.restricted{path.suffix}")
