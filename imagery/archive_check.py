"""The archive against its own hashes."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import RasterioError

from evidence.errors import ArchiveError
from evidence.findings import Finding
from evidence.hashing import sha256_file
from imagery.archive_items import read_item


def check_product(folder: Path, *, deep: bool) -> Iterator[Finding]:
    """Findings in one product's folder."""
    path = folder / f"{folder.name}.json"
    if not path.exists():
        yield Finding(where=str(folder), what="left by an interrupted write; no item")
        return
    try:
        item = read_item(path)
    except ArchiveError as error:
        yield Finding(where=str(path), what=str(error))
        return
    if item.get("id") != folder.name:
        yield Finding(where=str(path), what=f"holds the item {item.get('id')!r}")
    for asset in item["assets"].values():
        yield from _check_asset(folder, asset, deep=deep)


def _check_asset(folder: Path, asset: Mapping[str, Any], *, deep: bool) -> Iterator[Finding]:
    path = folder / urllib.parse.unquote(str(asset["href"]))
    if not path.exists():
        yield Finding(where=str(path), what="missing")
        return
    size, digest = path.stat().st_size, sha256_file(path)
    if "file:size" in asset and size != asset["file:size"]:
        yield Finding(where=str(path), what=f"{size} bytes, was written with {asset['file:size']}")
    elif digest != asset["campwatch:sha256"]:
        yield Finding(where=str(path), what=f"SHA-256 {digest}, was written with {asset['campwatch:sha256']}")
    elif deep and "proj:shape" in asset:
        yield from _check_pixels(path, asset)


def _check_pixels(path: Path, asset: Mapping[str, Any]) -> Iterator[Finding]:
    try:
        with rasterio.open(path) as dataset:
            pixels = dataset.read(1)
            if list(pixels.shape) != asset["proj:shape"] or pixels.dtype.name != asset["data_type"]:
                yield Finding(where=str(path), what=f"{pixels.shape} {pixels.dtype}, the item says otherwise")
    except (RasterioError, OSError) as error:
        yield Finding(where=str(path), what=f"unreadable: {error}")
