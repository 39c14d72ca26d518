"""Index series of a site in a compact form: what every later step reads."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import percentile_filter

from aoi.pixels import pixel_size_m
from detection.ground.params import HALF, ONE, ExpectationParams, LookParams
from evidence.arrays import Room, in_memory

Planes = NDArray[np.float32]

SCALE = 1e-4
"""Step of the stored indices; products have no finer one. Assumed."""
UNSEEN = np.int16(-32768)
EARLY = ("red", "nir", "swir16")
AROUND_STEP_M = 30.0
"""Distance of the pixels that say whether what lies around is hazy, m. Assumed."""
CLEAREST = 25
"""Per cent of them that must be clear, and it is not haze. Assumed."""
BLOCK = 8
"""Looks that are read at once: a bound of memory. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundSeries:
    """Looks on which something was clear, in order of time."""

    index: NDArray[np.int16]
    """(index, time, pixel) NDVI and, where there is short-wave infrared, NBR, in steps of `SCALE`; `UNSEEN`
    where not clear."""
    haze: NDArray[np.uint8]
    """(time, pixel) probability of haze, 255 for one: blue with what lies around, not on the look before."""
    day: NDArray[np.int64]
    """(time,) days since 1970-01-01."""
    scene_ids: tuple[str, ...]
    shape: tuple[int, int]
    """(rows, columns)."""
    early: Planes
    """(band of `EARLY`, pixel) mean reflectance over the clear looks of the anchor; NaN for bands without."""
    older: int = 0
    """How many of the earliest looks are of another instrument, which looked less often."""
    room: Room = in_memory
    """Where arrays of (time, pixel) that follow from these are put."""

    @property
    def bands(self) -> tuple[str, ...]:
        """Bands that the indices were made from."""
        return ("red", "nir", "swir16")[: 1 + len(self.index)]

    def first(self, n: int) -> GroundSeries:
        """So many of the earliest looks."""
        return replace(
            self,
            index=self.index[:, :n],
            haze=self.haze[:n],
            day=self.day[:n],
            scene_ids=self.scene_ids[:n],
            older=min(n, self.older),
        )


def read_series(
    cube: xr.Dataset,
    params: LookParams | None = None,
    *,
    anchor_days: float | None = None,
    room: Room = in_memory,
) -> GroundSeries:
    """Indices of all looks that can be compared.

    Args:
        cube: (time, y, x) with `red`, `nir`, `valid`, `snow`, and `blue`, `swir16` where they are there; it
        may
            be lazy.
        params: which looks speak.
        anchor_days: of the earliest looks, whose mean reflectance is kept.
        room: where the series, and arrays as large that follow from it, are put.
    """
    params = params or LookParams()
    anchored = ExpectationParams().anchor_most_days if anchor_days is None else anchor_days
    shape = (cube.sizes["y"], cube.sizes["x"])
    size = shape[0] * shape[1]
    names = [b for b in ("blue", "red", "nir", "swir16") if b in cube]
    looks = comparable(cube, params)
    day = cube["time"].to_numpy()[looks].astype("datetime64[D]").astype(np.int64)
    index = room((2 if "swir16" in names else 1, len(looks), size), np.int16)
    haze = room((len(looks), size), np.uint8)
    sums, counts = np.zeros((len(EARLY), size)), np.zeros(size)
    before = np.zeros(size, np.float32)  # haze of a pixel's look before: what stays blue is a roof
    step = max(1, round(AROUND_STEP_M / pixel_size_m(cube.odc.geobox)))
    for start in range(0, len(looks), BLOCK):
        part = cube[[*names, "valid", "snow"]].isel(time=looks[start : start + BLOCK]).load()
        for k in range(part.sizes["time"]):
            planes = {band: part[band].to_numpy()[k].astype(np.float32, copy=False) for band in names}
            clear = part["valid"].to_numpy()[k] & ~part["snow"].to_numpy()[k]
            t = start + k
            index[:, t] = _indices(planes, clear)
            hazy = _haze(planes, clear, params, step)
            haze[t] = (hazy * (1.0 - before / ONE)).astype(np.uint8)
            before[clear.ravel()] = hazy[clear.ravel()]
            if day[t] - day[0] < anchored:
                used = (index[0, t] != UNSEEN) & (haze[t] < HALF)
                counts += used
                for i, band in enumerate(EARLY):
                    sums[i] += np.where(used, planes[band].ravel(), 0.0) if band in planes else np.nan
    return GroundSeries(
        index=index,
        haze=haze,
        day=day,
        scene_ids=tuple(cube["scene_id"].to_numpy()[looks].astype(str).tolist()),
        shape=shape,
        early=(sums / np.maximum(counts, 1)).astype(np.float32),
        room=room,
    )


def comparable(cube: xr.Dataset, params: LookParams) -> NDArray[np.intp]:
    """Positions of the looks on which something was clear, and hardly anything of that was snow."""
    out = []
    for t in range(cube.sizes["time"]):
        valid, snow = (cube[name][t].to_numpy() for name in ("valid", "snow"))
        if (valid & ~snow).any() and (snow & valid).sum() <= params.snow_at_most * valid.sum():
            out.append(t)
    return np.array(out, np.intp)


def _indices(planes: dict[str, Planes], clear: NDArray[np.bool_]) -> NDArray[np.int16]:
    """(index, pixel); unseen where any of them is."""
    pairs = [("nir", "red"), ("nir", "swir16")] if "swir16" in planes else [("nir", "red")]
    out = []
    seen = clear.ravel().copy()
    with np.errstate(invalid="ignore", divide="ignore"):
        for one, two in pairs:
            total = planes[one] + planes[two]
            value = ((planes[one] - planes[two]) / np.where(total > 0, total, np.nan)).ravel()
            seen &= np.isfinite(value)
            out.append(np.clip(np.nan_to_num(value), -1.0, 1.0))
    return np.stack([np.where(seen, np.round(v / SCALE), UNSEEN).astype(np.int16) for v in out])


def _haze(
    planes: dict[str, Planes], clear: NDArray[np.bool_], params: LookParams, step: int
) -> NDArray[np.uint8]:
    """(pixel,) probability of haze, 255 for one: blue, where most of what lies around is or is hidden.

    `step` pixels lie between those around that are asked.
    """
    if "blue" not in planes:
        return np.zeros(planes["red"].size, np.uint8)
    excess = (planes["blue"] - np.float32(0.5) * planes["red"] - params.haze) / params.haze_width
    with np.errstate(over="ignore"):
        own = np.round(ONE / (1.0 + np.exp(-np.nan_to_num(excess)))).astype(np.uint8)
    some = np.where(clear, own, np.uint8(ONE))[::step, ::step]
    side = max(1, round(params.haze_around_m / AROUND_STEP_M))
    around = percentile_filter(some, CLEAREST, size=side, mode="nearest")
    rows, columns = (np.arange(n) // step for n in own.shape)
    return np.minimum(own, around[np.ix_(rows, columns)]).ravel()
