"""Looks of a cube as the monitor takes them: the index, what may be cloud, and keys of what they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from detection.disturbance_state import BANDS, Bools
from detection.indices import bareness

Planes = NDArray[np.float32]
BLOCK = 16
"""Looks that are read at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadParams:
    """Which ground of a look is compared, saved with the result."""

    snow_at_most: float = 0.1
    """Share of clear ground under snow above which the whole look is left out."""
    hazy: float = 0.06
    """``blue − red / 2`` above which a look may be cloud: it counts when the next one agrees. Ground of most
    kinds lies below 0.03, metal roofs above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look in arrays of (pixel,)."""

    scene_id: str
    day: float
    values: Planes
    """The index, NaN where nothing is compared."""
    bright: Bools | None
    """Looks like cloud or haze by its blue; None without a blue band."""
    bands: dict[str, Planes]
    clear: bool
    """Whether anything was clear at all."""


def look_keys(cube: xr.Dataset, params: object) -> list[str]:
    """The key of the state after each look of the cube, in order of time.

    A hash chain over the parameters and every look so far: its time, its id and its content, which is the
    coordinate `content` where the cube has one (a digest of all that its pixels follow from) and a digest of
    the pixels themselves where it has not.
    """
    digest = hashlib.sha256(f"{params!r}|{cube.odc.geobox!r}|{_names(cube)}".encode())
    contents = cube["content"].to_numpy() if "content" in cube.coords else _pixel_digests(cube)
    times = cube["time"].to_numpy().astype("datetime64[s]").astype(str)
    keys = []
    for scene, when, content in zip(cube["scene_id"].to_numpy(), times, contents, strict=True):
        digest.update(f"|{scene}|{when}|{content}".encode())
        keys.append(digest.copy().hexdigest())
    return keys


def _names(cube: xr.Dataset) -> tuple[str, ...]:
    return tuple(band for band in BANDS if band in cube)


def read_looks(cube: xr.Dataset, params: ReadParams | None = None) -> Iterator[Look]:
    """All looks of the cube in blocks, snow and unclear ground taken out."""
    params = params or ReadParams()
    for start in range(0, cube.sizes["time"], BLOCK):
        part = cube.isel(time=slice(start, start + BLOCK))
        bands = {band: part[band].to_numpy() for band in _names(cube)}
        clear = part["valid"].to_numpy()
        snow = part["snow"].to_numpy() & clear
        days = part["time"].to_numpy().astype("datetime64[D]").astype(np.int64)
        for k, scene in enumerate(part["scene_id"].to_numpy()):
            planes = {band: np.asarray(values[k], np.float32).ravel() for band, values in bands.items()}
            used = _compared(clear[k], snow[k], params)
            values = np.full(used.size, np.nan, np.float32) if not used.any() else bareness(planes)[0]
            yield Look(
                scene_id=str(scene),
                day=float(days[k]),
                values=np.where(used, values, np.float32(np.nan)),
                bright=_hazy(planes, params),
                bands=planes,
                clear=bool(clear[k].any()),
            )


def _hazy(planes: dict[str, Planes], params: ReadParams) -> Bools | None:
    """Pixels bluer than ground of their red (haze-optimised transform, Zhang et al. 2002)."""
    if "blue" not in planes:
        return None
    return np.asarray(planes["blue"] - np.float32(0.5) * planes["red"] > params.hazy, np.bool_)


def _compared(clear: Bools, snow: Bools, params: ReadParams) -> Bools:
    """Pixels of a look that are compared with the history: (pixel,)."""
    if snow.sum() > params.snow_at_most * clear.sum():
        return np.zeros(clear.size, np.bool_)
    return (clear & ~snow).ravel()


def _pixel_digests(cube: xr.Dataset) -> list[str]:
    """A digest of the pixels of each look."""
    made = []
    names = (*_names(cube), "valid", "snow")
    for start in range(0, cube.sizes["time"], BLOCK):
        part = cube.isel(time=slice(start, start + BLOCK))
        planes = {name: np.ascontiguousarray(part[name].to_numpy()) for name in names}
        for k in range(part.sizes["time"]):
            digest = hashlib.sha256()
            for name in names:
                digest.update(planes[name][k].tobytes())
            made.append(digest.hexdigest())
    return made
