"""The archive against its own hashes."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import RasterioError

from evidence.errors import ArchiveError
from evidence.hashing import sha256_file
from imagery.archive_items import read_item


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something in the archive that is not as it was written."""

    path: Path
    problem: str
    """In words, with the values that differ."""


def check_product(folder: Path, *, deep: bool) -> Iterator[Finding]:
    """Findings in one product's folder."""
    path = folder / f"{folder.name}.json"
    if not path.exists():
        yield Finding(path=folder, problem="left by an interrupted write; no item")
        return
    try:
        item = read_item(path)
    except ArchiveError as error:
        yield Finding(path=path, problem=str(error))
        return
    if item.get("id") != folder.name:
        yield Finding(path=path, problem=f"holds the item {item.get('id')!r}")
    for asset in item["assets"].values():
        yield from _check_asset(folder, asset, deep=deep)


def _check_asset(folder: Path, asset: Mapping[str, Any], *, deep: bool) -> Iterator[Finding]:
    path = folder / urllib.parse.unquote(str(asset["href"]))
    if not path.exists():
        yield Finding(path=path, problem="missing")
        return
    size, digest = path.stat().st_size, sha256_file(path)
    if "file:size" in asset and size != asset["file:size"]:
        yield Finding(path=path, problem=f"{size} bytes, was written with {asset['file:size']}")
    elif digest != asset["campwatch:sha256"]:
        yield Finding(path=path, problem=f"SHA-256 {digest}, was written with {asset['campwatch:sha256']}")
    elif deep and "proj:shape" in asset:
        yield from _check_pixels(path, asset)


def _check_pixels(path: Path, asset: Mapping[str, Any]) -> Iterator[Finding]:
    try:
        with rasterio.open(path) as dataset:
            pixels = dataset.read(1)
            if list(pixels.shape) != asset["proj:shape"] or pixels.dtype.name != asset["data_type"]:
                yield Finding(path=path, problem=f"{pixels.shape} {pixels.dtype}, the item says otherwise")
    except (RasterioError, OSError) as error:
        yield Finding(path=path, problem=f"unreadable: {error}")
