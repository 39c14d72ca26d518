"""Blocks of an image as registration compares them: high-passed, with what of them was seen.

Fine texture is compared, not brightness: haze and light change the one and leave the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import ndimage

from evidence.arrays import Floats, Floats32, Image, Mask
from imagery.masks.cells import gaussian
from imagery.registration.correlation import (
    RefineParams,
    Spectra,
    correlate,
    refine,
    spectra,
)
from imagery.resampling import axis_taps, separable
from imagery.robust import nan_median

FILTER_MARGIN_PX = 12
"""Context of a block for its high-pass filter, pixels: three of its widths. Assumed."""
FINE_PX, COARSE_PX = 0.8, 4.0
"""Widths of the Gaussians between which the texture lies that is matched, pixels. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chips:
    """High-passed blocks of one image."""

    features: Floats32
    """(block, band, y, x)."""
    usable: Mask
    """(block, y, x)."""
    _spectra: dict[tuple[int, int], Spectra] = field(default_factory=dict, compare=False, repr=False)
    """Of blocks, by block and reach: a reference is held against many images."""

    def spectra(self, block: int, reach: int) -> Spectra:
        """Fourier transforms of one block, as far as a search of this reach needs them."""
        if (block, reach) not in self._spectra:
            self._spectra[block, reach] = spectra(self.features[block], self.usable[block], reach)
        return self._spectra[block, reach]


def chips(
    bands: Sequence[Image],
    usable: Mask,
    windows: Sequence[tuple[slice, slice]],
    *,
    margin_px: int = FILTER_MARGIN_PX,
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
        details = high_pass([band[outer] for band in bands], seen)
        features.append([detail[inner] for detail in details])
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
    usable = np.nan_to_num(np.array(weights)) > _WHOLLY
    return Chips(features=np.nan_to_num(np.array(features, np.float32)), usable=usable)


def outer_window(window: slice, length: int, margin: int) -> slice:
    """`window` with a margin, within the image."""
    return slice(max(0, window.start - margin), min(length, window.stop + margin))


_WHOLLY = 0.99
"""Resampled weight of usable ground from which on a pixel is usable, 1. Assumed."""
_TINY = np.float32(1e-6)


def high_pass(images: Sequence[Image], usable: Mask) -> list[Image]:
    """Detail between two Gaussians, blind to what is masked (normalised convolution).

    Args:
        images: (y, x) each.
        usable: (y, x), of all of them.
    """
    weight = None if usable.all() else np.maximum(gaussian(usable.astype(np.float32), COARSE_PX), _TINY)
    details = []
    for image in images:
        mean = gaussian(np.where(usable, image, np.float32(0.0)), COARSE_PX)
        if weight is not None:
            mean /= weight
        details.append(gaussian(np.where(usable, image - mean, np.float32(0.0)), FINE_PX))
    return details


ONE_SD_PERCENT = 68
"""Of a normal law that lies within one standard deviation, %. By definition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationParams:
    """How far a scene lies from its season, by blocks."""

    bands: tuple[str, ...] = ("green", "red", "nir")
    """10 m bands with contrast; blue is the haziest and adds nothing (see docs/imagery-cube.md)."""
    block_px: int = 128
    """Side of a block, pixels. Assumed."""
    smallest_block_px: int = 48
    """Side of the smallest block, pixels. Assumed."""
    smallest_pair_px: int = 72
    """Side of a site from which on two blocks, which overlap by half at most, can contradict each other,
    pixels. Derived: one and a half smallest blocks."""
    most_blocks: int = 9
    """Spread over the site. Assumed: more add time, not accuracy."""
    summed_blocks: int = 4
    """Of them, whose correlation is summed for the first guess. Assumed."""
    reach_px: int = 6
    """Search distance, pixels. Documented: geolocation before the 2021 reference was within 1.2 pixels."""
    inner_px: int = 32
    """Side of the ground that stays in view whatever the shift, at the least, pixels. Assumed."""
    largest_shift_px: float = 5.0
    """Beyond it an estimate is not believed, pixels. Derived: the reach less the skirt of a peak."""
    least_pixels: int = 600
    """Clear pixels that a scene needs. Assumed."""
    least_lag_pixels: int = 64
    """Pixels that both images must show at a lag (assumed), and"""
    least_lag_share: float = 0.25
    """the same as a share of `least_pixels`, 1; the larger counts. Assumed."""
    least_block_pixels: int = 300
    """Clear pixels that a block needs to have a say in the residual. Assumed."""
    least_correlation: float = 0.2
    """Of the summed surface at its peak, 1. Assumed."""
    least_margin: float = 0.05
    """By which the peak must stand above the best lag more than two pixels away, 1. Assumed."""
    far_penalty: float = 0.005
    """Correlation that a square pixel of shift must earn. Assumed: geolocation errors beyond 12 m are
    rare."""
    largest_error_px: float = 0.15
    """Formal error of the combined shift that is still accepted, pixels. Assumed: half the aim of .3."""
    largest_partial_residual_px: float = 0.5
    """Spread of the blocks that is still accepted where part of the scene is hidden, pixels: there
    disagreement is more likely cloud than relief. Assumed."""
    largest_residual_px: float = 1.0
    """Spread of the blocks that is still accepted elsewhere, pixels. Relief seen from another orbit, or over
    another elevation model, moves blocks by most of a pixel against each other and is real; more is a false
    match. Assumed."""
    mostly_clear: float = 0.8
    """Usable share of the blocks above which a scene counts as clear, 1; eroded edges count as hidden.
    Assumed."""
    gross_px: float = 1.5
    """Distance from the median of the blocks at which one is a false match, pixels (assumed), or"""
    gross_distances: float = 3.0
    """times the median distance, whichever is more. Assumed."""
    model_error_px: float = 0.05
    """What a block's formal error leaves out (relief, real change), pixels; added in quadrature. Assumed."""
    refine: RefineParams = field(default_factory=RefineParams)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How far an image lies from its reference."""

    dx_px: float
    """Columns to the right; NaN where refused."""
    dy_px: float
    """Rows down; NaN where refused."""
    residual_px: float
    """Robust spread of the blocks around the shift, per axis: what stays after it is applied."""
    error_px: float
    """Formal error of the shift."""
    correlation: float
    n_blocks: int
    reason: str = ""
    """Why it was refused; empty where it was not."""

    @property
    def accepted(self) -> bool:
        """Whether the shift may be applied."""
        return not self.reason


def block_windows(shape: tuple[int, int], params: RegistrationParams) -> list[tuple[slice, slice]]:
    """Blocks spread evenly over an image: at least two by two from 72 pixels on, below that the whole."""
    least = min(shape)
    side = (
        min(params.block_px, max(params.smallest_block_px, least // 2))
        if least >= params.smallest_pair_px
        else least
    )
    rows, cols = (_starts(length, side, params.most_blocks) for length in shape)
    return [(slice(r, r + side), slice(c, c + side)) for r in rows for c in cols]


def _starts(length: int, side: int, most: int) -> list[int]:
    if length <= side:
        return [0]
    count = int(min(round(length / side), max(1, np.sqrt(most))))
    if count == 1:
        return [(length - side) // 2]
    return [round(start) for start in np.linspace(0, length - side, count)]


def inner_support(
    shape: tuple[int, int], windows: Sequence[tuple[slice, slice]], params: RegistrationParams
) -> Mask:
    """(block, y, x): ground that stays in view whatever the shift: every estimate is of the same ground."""
    inner = np.zeros(shape, bool)
    margin = min(params.reach_px + 2, max(0, (min(shape) - params.inner_px) // 2))
    inner[margin : shape[0] - margin, margin : shape[1] - margin] = True
    return np.stack([inner[window] for window in windows])


def estimate_shift(image: Chips, reference: Chips, params: RegistrationParams | None = None) -> Shift:
    """Shift of an image against a reference, with its error.

    Args:
        image: detail of the blocks, by band.
        reference: the same blocks and bands.
        params: of the registration.
    """
    params = params or RegistrationParams()
    surface, pixels = _summed_surface(image, reference, params)
    refused = Shift(
        dx_px=np.nan, dy_px=np.nan, residual_px=np.nan, error_px=np.nan, correlation=np.nan, n_blocks=0
    )
    if pixels < params.least_pixels:
        return replace(refused, reason=f"only {pixels:.0f} clear pixels to register on")
    peak, margin, lag = _peak(surface, params.far_penalty)
    refused = replace(refused, correlation=peak)
    if peak < params.least_correlation or margin < params.least_margin:
        return replace(
            refused, reason=f"no distinct match: correlation {peak:.2f}, {margin:.2f} above others"
        )
    fits = [_fitted(image, reference, lag, block, params) for block in range(image.features.shape[0])]
    found = [fit for fit in fits if fit is not None]
    if not found:
        return replace(refused, reason="no block converges")
    clear = float(image.usable.mean()) >= params.mostly_clear
    return _accept(_combined(np.array(found), peak, params), params, clear=clear)


def _summed_surface(image: Chips, reference: Chips, params: RegistrationParams) -> tuple[Floats, float]:
    """Correlation over some blocks and all bands, weighted by pixels; and the pixels at no lag."""
    reach = params.reach_px
    side = 2 * reach + 1
    total, weight = np.zeros((side, side)), np.zeros((side, side))
    least = max(params.least_lag_pixels, int(params.least_lag_share * params.least_pixels))
    for block in range(0, image.features.shape[0], max(1, image.features.shape[0] // params.summed_blocks)):
        correlation, pixels = correlate(
            reference.spectra(block, reach), image.spectra(block, reach), reach, least
        )
        total += correlation.mean(axis=0, dtype=float) * pixels
        weight += pixels
    return total / np.maximum(weight, 1.0), float(weight[reach, reach])


def _peak(surface: Floats, far_penalty: float) -> tuple[float, float, tuple[int, int]]:
    """Height of the peak, how far it stands above lags more than two pixels off, and its lag (dx, dy)."""
    rows, cols = np.indices(surface.shape)
    middle = surface.shape[0] // 2
    held = surface - far_penalty * ((rows - middle) ** 2 + (cols - middle) ** 2)
    row, col = np.unravel_index(np.argmax(held), surface.shape)
    height = float(surface[row, col])
    far = np.maximum(abs(rows - row), abs(cols - col)) > 2  # noqa: PLR2004 - the peak's own skirt
    margin = float(held[row, col] - held[far].max())
    return height, margin, (int(col) - middle, int(row) - middle)


def _fitted(
    image: Chips, reference: Chips, lag: tuple[int, int], block: int, params: RegistrationParams
) -> tuple[float, float, float] | None:
    """(dx, dy, variance) of one block, bands combined by information; None where no band converges."""
    fits = [
        refine(
            reference.features[block, band],
            reference.usable[block],
            image.features[block, band],
            image.usable[block],
            float(lag[0]),
            float(lag[1]),
            params.least_block_pixels,
            params.refine,
        )
        for band in range(image.features.shape[1])
    ]
    found = np.array([fit for fit in fits if np.isfinite(fit[:4]).all()])
    if not len(found):
        return None
    variance = found[:, 2:4] + params.model_error_px**2
    weight = 1.0 / variance
    dx, dy = (weight * found[:, :2]).sum(axis=0) / weight.sum(axis=0)
    return (
        float(dx),
        float(dy),
        float(variance.min(axis=0).max()),
    )  # bands share what changed: the best counts


def _combined(blocks: Floats, correlation: float, params: RegistrationParams) -> Shift:
    """Mean of the blocks (dx, dy, variance) by information, and their robust spread around it.

    Blocks are averaged, not voted down, unless far from all others: relief is no outlier.
    """
    distance = np.hypot(*(blocks[:, :2] - np.median(blocks[:, :2], axis=0)).T)
    near = distance <= max(params.gross_px, params.gross_distances * float(np.median(distance)))
    weight = near / blocks[:, 2]
    centre = weight @ blocks[:, :2] / weight.sum()
    error = float(np.sqrt(1.0 / weight.sum()))
    spread = (
        np.percentile(np.abs(blocks[:, :2] - centre), ONE_SD_PERCENT, axis=0)
        if len(blocks) > 1
        else np.zeros(2)
    )
    return Shift(
        dx_px=float(centre[0]),
        dy_px=float(centre[1]),
        residual_px=float(np.sqrt((spread**2).mean() + error**2)),
        error_px=error,
        correlation=correlation,
        n_blocks=len(blocks),
    )


def _accept(shift: Shift, params: RegistrationParams, *, clear: bool) -> Shift:
    most = params.largest_residual_px if clear else params.largest_partial_residual_px
    size = float(np.hypot(shift.dx_px, shift.dy_px))
    reason = ""
    if shift.error_px > params.largest_error_px:
        reason = f"too little texture: error {shift.error_px:.2f} px"
    elif shift.residual_px > most:
        reason = f"blocks disagree by {shift.residual_px:.2f} px"
    elif size > params.largest_shift_px:
        reason = f"implausible shift of {size:.1f} px"
    return replace(shift, dx_px=np.nan, dy_px=np.nan, reason=reason) if reason else shift
