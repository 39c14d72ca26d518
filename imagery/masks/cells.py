"""Cells of about 20 m on which masks are made, and Gaussian means of images.

Cells are the scene classification's own size: four times fewer than pixels. `gaussian` and `mean_of_nine`
give the numbers of `scipy.ndimage.gaussian_filter` and `uniform_filter` (edges mirrored) to seven digits, in
a tenth of the time: those go over the image once for each axis, in double precision.
"""

from __future__ import annotations

import numba
import numpy as np

from evidence.arrays import Image, Ints, Mask

TRUNCATE = 4.0
"""Standard deviations at which a Gaussian is cut, as scipy.ndimage does. Documented there."""
BOX = 3
"""Side of the box of nine, cells. By definition."""


@numba.njit(cache=True)
def mirrored(index: int, length: int) -> int:
    """The place that stands in for one beyond the edge: d c b a | a b c d | d c b a."""
    while index < 0 or index >= length:
        index = -1 - index if index < 0 else 2 * length - 1 - index
    return index


@numba.njit(cache=True, fastmath=True)
def _convolved(image: Image, taps: Image) -> Image:
    """`image` (y, x) with the odd, symmetric `taps` along both axes."""
    height, width = image.shape
    reach = taps.shape[0] // 2
    out = np.empty((height, width), np.float32)
    line = np.empty(width + 2 * reach, np.float32)
    for y in range(height):
        middle = line[reach : reach + width]
        middle[:] = taps[reach] * image[y]
        for k in range(reach):
            above = image[mirrored(y - reach + k, height)]
            below = image[mirrored(y + reach - k, height)]
            weight = taps[k]
            for x in range(width):
                middle[x] += weight * (above[x] + below[x])
        for k in range(reach):
            line[k] = middle[mirrored(k - reach, width)]
            line[reach + width + k] = middle[mirrored(width + k, width)]
        row = out[y]
        row[:] = taps[reach] * middle
        for k in range(reach):
            left, right = line[k : k + width], line[2 * reach - k : 2 * reach - k + width]
            weight = taps[k]
            for x in range(width):
                row[x] += weight * (left[x] + right[x])
    return out


def gaussian(image: Image, sigma_px: float, *, truncate: float = TRUNCATE) -> Image:
    """`image` (y, x), all finite, averaged with a Gaussian cut at `truncate` standard deviations."""
    reach = int(truncate * sigma_px + 0.5)
    places = np.arange(-reach, reach + 1)
    taps = np.exp(-0.5 * (places / sigma_px) ** 2)
    result: Image = _convolved(
        np.ascontiguousarray(image, np.float32), (taps / taps.sum()).astype(np.float32)
    )
    return result


def mean_of_nine(image: Image) -> Image:
    """`image` (y, x), all finite, averaged over 3 x 3 pixels."""
    taps = np.full(BOX, 1.0 / BOX, np.float32)
    result: Image = _convolved(np.ascontiguousarray(image, np.float32), taps)
    return result


@numba.njit(cache=True)
def _mean_of(image: Image, top: int, left: int, step: int) -> float:
    """Mean of the finite pixels of one cell."""
    total, count = 0.0, 0
    for y in range(top, min(top + step, image.shape[0])):
        for x in range(left, min(left + step, image.shape[1])):
            if not np.isnan(image[y, x]):
                total += image[y, x]
                count += 1
    return total / count if count else np.nan


@numba.njit(cache=True)
def cell_means(image: Image, step: int) -> Image:
    """Mean of the finite pixels of each `step` x `step` cell, NaN where there are none. (y, x)."""
    height, width = image.shape
    rows, cols = (height + step - 1) // step, (width + step - 1) // step
    whole_rows, whole_cols = height // step, width // step
    out = np.empty((rows, cols), np.float32)
    share = np.float32(1.0 / (step * step))
    for r in range(whole_rows):
        line = out[r, :whole_cols]
        line[:] = 0.0
        for y in range(r * step, (r + 1) * step):
            pixels = image[y]
            if step == 2:  # noqa: PLR2004 - 10 m pixels, a loop of known stride
                for c in range(whole_cols):
                    line[c] += share * (pixels[2 * c] + pixels[2 * c + 1])
            else:
                for c in range(whole_cols):
                    for k in range(step):
                        line[c] += share * pixels[c * step + k]
    for r in range(rows):
        for c in range(cols):
            if r == whole_rows or c == whole_cols or np.isnan(out[r, c]):
                out[r, c] = _mean_of(image, r * step, c * step, step)
    return out


@numba.njit(cache=True)
def departure(seen: Image, expected: Image) -> Image:
    """What is seen above what is expected, 0 where either is missing. (y, x)."""
    out = np.empty(seen.shape, np.float32)
    for y in range(seen.shape[0]):
        for x in range(seen.shape[1]):
            left = seen[y, x] - expected[y, x]
            out[y, x] = np.float32(0.0) if np.isnan(left) else left
    return out


@numba.njit(cache=True)
def to_pixels(cells: Mask, step: int, height: int, width: int) -> Mask:
    """Each cell as the pixels that it stands for. (y, x)."""
    out = np.empty((height, width), np.bool_)
    for r in range((height + step - 1) // step):
        first = out[r * step]
        for x in range(width):
            first[x] = cells[r, x // step]
        for y in range(r * step + 1, min((r + 1) * step, height)):
            out[y] = first
    return out


@numba.njit(cache=True)
def _painted(mask: Mask, rows: Ints, cols: Ints) -> Mask:
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
