"""Formats of `export`, and file names: what is restricted says so in its name.

Light: nothing has to be loaded for it.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path


class ExportFormat(StrEnum):
    """What `export` can write."""

    CSV = "csv"
    XLSX = "xlsx"
    GPKG = "gpkg"
    PARQUET = "parquet"
    GEOJSON = "geojson"
    KMZ = "kmz"
    QGIS = "qgis"
    WORD = "word"
    CITATIONS = "citations"
    CHIPS = "chips"
    BAG = "bag"


LONGEST = 80
"""Characters of a name within a file name."""


def named(folder: Path, stem: str, suffix: str, *, restricted: bool) -> Path:
    """`folder/stem.suffix`, or `folder/stem.restricted.suffix`."""
    return folder / f"{stem}{'.restricted' if restricted else ''}{suffix}"


def file_name(text: str) -> str:
    """A finding's id as a part of a file name: letters, digits, dashes."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", text).strip("-")[:LONGEST] or "finding"


def export_folder(exports: Path, kind: str, *, restricted: bool, as_of_run: str | None) -> Path:
    """Where an export of this kind goes."""
    parts = [kind, *([f"as-of-{as_of_run}"] if as_of_run else []), *(["restricted"] if restricted else [])]
    return exports / ".".join(parts)
