"""Blocks of an image as registration compares them: high-passed, with what of them was seen.

Fine texture is compared, not brightness: haze and light change the one and leave the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imagery.medians import nan_median
from imagery.resample_kernels import axis_taps, separable
from imagery.smoothing import gaussian

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chips:
    """High-passed blocks of one image."""

    features: NDArray[np.float32]
    """(block, band, y, x)."""
    usable: Mask
    """(block, y, x)."""


def chips(
    bands: Sequence[Image], usable: Mask, windows: Sequence[tuple[slice, slice]], *, margin_px: int = 12
) -> Chips:
    """High-passed blocks of an image.

    Args:
        bands: (y, x) each.
        usable: (y, x), clear of cloud and nodata.
        windows: of the blocks.
        margin_px: context around a block for the filter.
    """
    features, masks = [], []
    for rows, cols in windows:
        outer = outer_window(rows, usable.shape[0], margin_px), outer_window(cols, usable.shape[1], margin_px)
        inner = tuple(
            slice(w.start - o.start, w.stop - o.start) for w, o in zip((rows, cols), outer, strict=True)
        )
        seen = usable[outer]
        features.append([high_pass(band[outer], seen)[inner] for band in bands])
        masks.append(ndimage.binary_erosion(seen, iterations=2, border_value=0)[inner])
    return Chips(features=np.array(features, np.float32), usable=np.array(masks, bool))


def composite(members: Sequence[Chips], *, support: Mask | None = None) -> Chips:
    """Median of the members' blocks, each over the members that see the pixel.

    Args:
        members: blocks of the scenes, aligned.
        support: (block, y, x) where the reference may be used, from `inner_support`.
    """
    usable = np.stack([member.usable for member in members])
    features = np.stack([member.features for member in members])
    seen: Mask = np.asarray(usable.any(axis=0))
    if not usable.all():
        features[~np.broadcast_to(usable[:, :, None], features.shape)] = np.nan
    median = np.nan_to_num(nan_median(features))
    return Chips(features=median, usable=seen if support is None else seen & support)


def aligned(chip: Chips, shift: tuple[float, float]) -> Chips:
    """Blocks moved back by (dx, dy) in pixels."""
    dx, dy = shift
    if not dx and not dy:
        return chip
    height, width = chip.usable.shape[1:]
    rows, row_weights = axis_taps(height, height, dy, 1.0)
    cols, col_weights = axis_taps(width, width, dx, 1.0)
    taps = rows, row_weights, cols, col_weights
    features = [[separable(image, *taps, 1.0, 0.0) for image in block] for block in chip.features]
    weights = [separable(mask.astype(np.float32), *taps, 1.0, 0.0) for mask in chip.usable]
    usable = np.nan_to_num(np.array(weights)) > 0.99  # noqa: PLR2004 - all taps
    return Chips(features=np.nan_to_num(np.array(features, np.float32)), usable=usable)


def outer_window(window: slice, length: int, margin: int) -> slice:
    """`window` with a margin, within the image."""
    return slice(max(0, window.start - margin), min(length, window.stop + margin))


def high_pass(image: Image, usable: Mask, *, fine_px: float = 0.8, coarse_px: float = 4.0) -> Image:
    """Detail between two Gaussians, blind to what is masked (normalised convolution)."""
    filled = np.where(usable, image, np.float32(0.0))
    mean = gaussian(filled, coarse_px)
    if not usable.all():
        mean /= np.maximum(gaussian(usable.astype(np.float32), coarse_px), np.float32(1e-6))
    return gaussian(np.where(usable, image - mean, np.float32(0.0)), fine_px)
