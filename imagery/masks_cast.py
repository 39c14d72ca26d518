"""Where the clouds of a scene cast their shadows: at the height that explains the dark ground best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagery.masks_cells import grow

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class CastParams:
    """Knobs of the geometric match."""

    heights_m: tuple[float, float] = (200.0, 12000.0)
    """Cloud heights to try (Zhu and Woodcock 2012 search the same range)."""
    least_agreement: float = 0.3
    """Share of the moved cloud that must fall on dark ground for a height to be believed."""
    tolerance: float = 0.15
    """Heights within this share of the best are taken too: clouds are not flat."""
    margin_m: float = 80.0
    """The satellite looks aslant and cloud edges are fuzzy."""
    block_m: float = 40.0
    """The match is made on blocks of this size."""


def moved(mask: Mask, rows: int, cols: int) -> Mask:
    """`mask` moved down by `rows` and right by `cols`; what enters is False."""
    result = np.zeros_like(mask)
    height, width = mask.shape
    if abs(rows) >= height or abs(cols) >= width:
        return result
    target = (slice(max(rows, 0), height + min(rows, 0)), slice(max(cols, 0), width + min(cols, 0)))
    source = (slice(max(-rows, 0), height - max(rows, 0)), slice(max(-cols, 0), width - max(cols, 0)))
    result[target] = mask[source]
    return result


def cast_by_clouds(
    cloud: Mask, dark: Mask, sun: tuple[float, float], pixel_m: float, params: CastParams | None = None
) -> Mask:
    """Where the clouds' shadow falls at the height that best explains the dark ground.

    Args:
        cloud: (y, x).
        dark: (y, x) ground that is darker than it should be.
        sun: elevation and azimuth in degrees.
        pixel_m: pixel size.
        params: knobs.
    """
    params = params or CastParams()
    elevation, azimuth = sun
    if not cloud.any() or not dark.any() or not elevation > 0:
        return np.zeros_like(cloud)
    step = max(1, round(params.block_m / pixel_m))
    thick, dim = _coarse(cloud, step), _coarse(dark & ~cloud, step)
    runs = _runs(elevation, pixel_m * step, max(thick.shape), params)
    steps = [(run * np.cos(np.radians(azimuth)), -run * np.sin(np.radians(azimuth))) for run in runs]
    agreement = [_agreement(thick, dim, round(r), round(c)) for r, c in steps]
    best = int(np.argmax(agreement)) if agreement else 0
    if not agreement or agreement[best] < params.least_agreement:
        return np.zeros_like(cloud)
    reach = np.zeros_like(thick)
    for run, (rows, cols) in zip(runs, steps, strict=True):
        if abs(run - runs[best]) <= params.tolerance * runs[best] + 1.0:
            reach |= moved(thick, round(rows), round(cols))
    fine = np.kron(reach, np.ones((step, step), bool))[: cloud.shape[0], : cloud.shape[1]]
    return grow(fine, params.margin_m / pixel_m)


def _runs(elevation: float, coarse_m: float, longest: int, params: CastParams) -> NDArray[np.float64]:
    """Lengths of shadow to try, in coarse pixels, as far as the frame goes."""
    per_metre = 1.0 / np.tan(np.radians(elevation)) / coarse_m
    low, high = (height * per_metre for height in params.heights_m)
    return np.arange(low, min(high, 1.5 * longest), 1.0)


def _coarse(mask: Mask, step: int) -> Mask:
    height, width = (-(-length // step) * step for length in mask.shape)
    padded = np.zeros((height, width), bool)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    share = padded.reshape(height // step, step, width // step, step).mean(axis=(1, 3))
    coarse: Mask = share > 0.5  # noqa: PLR2004 - the majority
    return coarse


def _agreement(cloud: Mask, dark: Mask, rows: int, cols: int) -> float:
    """Share of the moved cloud, outside the cloud itself, that falls on dark ground."""
    cast = moved(cloud, rows, cols) & ~cloud
    total = int(cast.sum())
    return float((cast & dark).sum() / total) if total >= 4 else 0.0  # noqa: PLR2004 - fewer is chance
