"""Index series of a site in a compact form: what every later step reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import percentile_filter

from aoi.pixels import pixel_size_m
from detection.ground.params import HALF, ONE, ExpectationParams, LookParams

Planes = NDArray[np.float32]

SCALE = 1e-4
"""Step of the stored indices; products have no finer one. Assumed."""
UNSEEN = np.int16(-32768)
EARLY = ("red", "nir", "swir16")
AROUND_STEP_M = 30.0
"""Distance of the pixels that say whether what lies around is hazy, m. Assumed."""
CLEAREST = 25
"""Per cent of them that must be clear, and it is not haze. Assumed."""
BLOCK = 16
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

    @property
    def bands(self) -> tuple[str, ...]:
        """Bands that the indices were made from."""
        return ("red", "nir", "swir16")[: 1 + len(self.index)]

    def first(self, n: int) -> GroundSeries:
        """So many of the earliest looks."""
        return GroundSeries(
            index=self.index[:, :n],
            haze=self.haze[:n],
            day=self.day[:n],
            scene_ids=self.scene_ids[:n],
            shape=self.shape,
            early=self.early,
            older=min(n, self.older),
        )


def read_series(
    cube: xr.Dataset, params: LookParams | None = None, *, anchor_days: float | None = None
) -> GroundSeries:
    """Indices of all looks that can be compared.

    Args:
        cube: (time, y, x) with `red`, `nir`, `valid`, `snow`, and `blue`, `swir16` where they are there; it
        may
            be lazy.
        params: which looks speak.
        anchor_days: of the earliest looks, whose mean reflectance is kept.
    """
    params = params or LookParams()
    anchored = ExpectationParams().anchor_most_days if anchor_days is None else anchor_days
    sums = np.zeros((len(EARLY), cube.sizes["y"] * cube.sizes["x"]))
    counts = np.zeros(sums.shape[1])
    before = np.zeros(sums.shape[1], np.float32)  # haze of a pixel's look before: what stays blue is a roof
    indices, hazes, days, scenes = [], [], [], []
    names = [b for b in ("blue", "red", "nir", "swir16") if b in cube]
    step = max(1, round(AROUND_STEP_M / pixel_size_m(cube.odc.geobox)))
    for start in range(0, cube.sizes["time"], BLOCK):
        part = cube.isel(time=slice(start, start + BLOCK))
        bands = {band: part[band].to_numpy().astype(np.float32) for band in names}
        valid, snow = part["valid"].to_numpy(), part["snow"].to_numpy()
        days_here = part["time"].to_numpy().astype("datetime64[D]").astype(np.int64)
        for k, scene in enumerate(part["scene_id"].to_numpy()):
            clear = valid[k] & ~snow[k]
            if not clear.any() or (snow[k] & valid[k]).sum() > params.snow_at_most * valid[k].sum():
                continue
            planes = {band: values[k] for band, values in bands.items()}
            indices.append(_indices(planes, clear))
            haze = _haze(planes, clear, params, step)
            hazes.append((haze * (1.0 - before / ONE)).astype(np.uint8))
            before[clear.ravel()] = haze[clear.ravel()]
            days.append(days_here[k])
            if days[-1] - days[0] < anchored:
                used = (indices[-1][0] != UNSEEN) & (hazes[-1] < HALF)
                counts += used
                for i, band in enumerate(EARLY):
                    sums[i] += np.where(used, planes[band].ravel(), 0.0) if band in planes else np.nan
            scenes.append(str(scene))
    shape = (cube.sizes["y"], cube.sizes["x"])
    size, n = shape[0] * shape[1], 2 if "swir16" in names else 1
    index = np.stack(indices, axis=1) if indices else np.zeros((n, 0, size), np.int16)
    return GroundSeries(
        index=index,
        haze=np.stack(hazes) if hazes else np.zeros((0, size), np.uint8),
        day=np.array(days, np.int64),
        scene_ids=tuple(scenes),
        shape=shape,
        early=(sums / np.maximum(counts, 1)).astype(np.float32),
    )


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
