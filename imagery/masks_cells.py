"""Masks are made on cells of about 20 m, the classes' own size: four times fewer than pixels."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


@numba.njit(cache=True)
def cell_means(image: Image, step: int) -> Image:
    """Mean of the finite pixels of each `step` x `step` cell, NaN where there are none. (y, x)."""
    height, width = image.shape
    rows, cols = (height + step - 1) // step, (width + step - 1) // step
    out = np.empty((rows, cols), np.float32)
    for r in range(rows):
        for c in range(cols):
            total, count = np.float32(0.0), 0
            for y in range(r * step, min((r + 1) * step, height)):
                for x in range(c * step, min((c + 1) * step, width)):
                    value = image[y, x]
                    if not np.isnan(value):
                        total += value
                        count += 1
            out[r, c] = total / np.float32(count) if count else np.float32(np.nan)
    return out


@numba.njit(cache=True)
def to_pixels(cells: Mask, step: int, height: int, width: int) -> Mask:
    """Each cell as the pixels that it stands for. (y, x)."""
    out = np.empty((height, width), np.bool_)
    for y in range(height):
        for x in range(width):
            out[y, x] = cells[y // step, x // step]
    return out


@numba.njit(cache=True)
def _painted(mask: Mask, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> Mask:
    """A disc around each edge pixel; the inside is there already."""
    height, width = mask.shape
    out = mask.copy()
    for y in range(height):
        for x in range(width):
            if not mask[y, x]:
                continue
            inside = 0 < y < height - 1 and 0 < x < width - 1
            if inside and mask[y - 1, x] and mask[y + 1, x] and mask[y, x - 1] and mask[y, x + 1]:
                continue
            for k in range(rows.shape[0]):
                r, c = y + rows[k], x + cols[k]
                if 0 <= r < height and 0 <= c < width:
                    out[r, c] = True
    return out


def grow(mask: Mask, radius_px: float) -> Mask:
    """`mask` widened by a disc."""
    if radius_px < 1 or not mask.any() or mask.all():
        return mask
    size = int(radius_px)
    rows, cols = np.mgrid[-size : size + 1, -size : size + 1]
    disc = rows**2 + cols**2 <= radius_px**2
    return np.asarray(_painted(np.ascontiguousarray(mask), rows[disc], cols[disc]))
