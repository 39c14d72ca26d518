"""Reads the two sides of pair mode: a folder or a STAC item of single-band files, on one grid."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT

from evidence.arrays import Floats, Floats32
from evidence.errors import SourceError
from evidence.files import atomic_path

BY_S2_NAME = {
    "B02": "blue", "B03": "green", "B04": "red", "B05": "rededge1", "B06": "rededge2", "B07": "rededge3",
    "B08": "nir", "B8A": "nir08", "B11": "swir16", "B12": "swir22",
}  # fmt: skip
"""Band by meaning for each Sentinel-2 name."""
WANTED = ("blue", "green", "red", "nir", "swir16")
"""What pair mode looks at; further bands are left unread."""
_S2_NAME = re.compile(r"(?<![A-Za-z0-9])(B(?:0[2-8]|8A|1[12]))(?![A-Za-z0-9])", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSide:
    """The files of one date by band, with what turns their numbers into reflectance."""

    files: Mapping[str, Path]
    scale: Mapping[str, float]
    offset: Mapping[str, float]


def open_side(path: Path) -> PairSide:
    """Find the band files of one date.

    Raises:
        SourceError: where none is found.
    """
    side = _from_item(path) if path.suffix.lower() in {".json", ".geojson"} else _from_folder(path)
    if not side.files:
        raise SourceError(f"{path}: no single-band files named by band (B02 or blue, B03 or green, …)")
    return side


def read_pair(before: Path, after: Path) -> tuple[dict[str, Any], dict[str, Any], GeoBox]:
    """Both dates as reflectance by band on the finest grid of the earlier one.

    Returns:
        Bands (y, x) before, the same after, and their grid.

    Raises:
        SourceError: where the two share no band.
    """
    sides = open_side(before), open_side(after)
    shared = [band for band in WANTED if band in sides[0].files and band in sides[1].files]
    if not shared:
        raise SourceError(f"{before} and {after} share none of {', '.join(WANTED)}")
    grid = _finest([sides[0].files[band] for band in shared])
    one, two = ({band: _read(side, band, grid) for band in shared} for side in sides)
    return one, two, grid


def write_score(out: Path, score: Floats32, grid: GeoBox, tags: Mapping[str, str]) -> None:
    """A single-band float32 GeoTIFF, NaN where not seen."""
    with atomic_path(out) as temporary, rasterio.open(
        temporary, "w", driver="GTiff", width=score.shape[1], height=score.shape[0], count=1,
        dtype="float32", nodata=np.nan, crs=str(grid.crs), transform=grid.affine, compress="deflate",
    ) as target:  # fmt: skip
        target.write(score, 1)
        target.set_band_description(1, "change score")
        target.update_tags(**tags)


def _band_of(name: str) -> str | None:
    """Band by meaning from a file name or asset key."""
    found = _S2_NAME.findall(name.replace("_", " "))
    if found:
        return BY_S2_NAME.get(found[-1].upper())
    words = re.split(r"[^a-z0-9]+", name.lower())
    return next((band for band in WANTED if band in words), None)


def _from_folder(folder: Path) -> PairSide:
    if not folder.is_dir():
        raise SourceError(f"{folder} is neither a folder nor a STAC item")
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        band = _band_of(path.stem) if path.suffix.lower() in {".tif", ".tiff", ".jp2"} else None
        if band is not None:
            files.setdefault(band, path)
    return PairSide(files=files, scale={}, offset={})


def _from_item(path: Path) -> PairSide:
    try:
        item = json.loads(path.read_text(encoding="utf-8"))
        assets = dict(item["assets"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{path} is not a STAC item: {error}") from error
    files: dict[str, Path] = {}
    scale: dict[str, float] = {}
    offset: dict[str, float] = {}
    for key, asset in assets.items():
        described = (asset.get("eo:bands") or asset.get("bands") or [{}])[0]
        common = described.get("eo:common_name") or described.get("common_name") or described.get("name")
        band = (common if common in WANTED else None) or _band_of(str(common or "")) or _band_of(key)
        if band is None or band in files:
            continue
        files[band] = (path.parent / asset["href"]).resolve()
        raster = (asset.get("raster:bands") or asset.get("bands") or [{}])[0]
        numbers = [
            raster.get(k, raster.get(f"raster:{k}", asset.get(f"raster:{k}"))) for k in ("scale", "offset")
        ]
        if numbers[0] is not None:
            scale[band], offset[band] = float(numbers[0]), float(numbers[1] or 0.0)
    return PairSide(files=files, scale=scale, offset=offset)


def _finest(paths: list[Path]) -> GeoBox:
    """The grid with most pixels."""
    grids = []
    for path in paths:
        with rasterio.open(path) as source:
            grids.append(GeoBox.from_rio(source))
    return max(grids, key=lambda grid: grid.shape[0] * grid.shape[1])


def _read(side: PairSide, band: str, grid: GeoBox) -> Floats:
    """One band as reflectance on the grid; NaN where not seen."""
    path = side.files[band]
    try:
        with rasterio.open(path) as source:
            nodata = source.nodata if source.nodata is not None else 0
            numbers = source.dtypes[0]
            options = {"crs": str(grid.crs), "transform": grid.affine, "height": grid.shape[0]}
            with WarpedVRT(
                source, **options, width=grid.shape[1], resampling=Resampling.bilinear, src_nodata=nodata
            ) as warped:
                pixels = warped.read(1, masked=True)
    except rasterio.RasterioIOError as error:
        raise SourceError(f"{path}: {error}") from error
    default = 1e-4 if np.issubdtype(np.dtype(numbers), np.integer) else 1.0
    values = np.ma.filled(pixels.astype(np.float64), np.nan)
    return np.asarray(values * side.scale.get(band, default) + side.offset.get(band, 0.0))
