"""The hot loops of registration: correlation by Fourier transforms, and robust least squares in numba.

The image is ``g * reference(x - shift) + b`` on high-passed reflectance (Lucas and Kanade 1981, with the
gain and bias of Evangelidis and Psarakis 2008 and Cauchy weights against what changed).
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import fft

from evidence.arrays import Bools, Floats, Floats32
from imagery.robust import CAUCHY

_Spectrum = NDArray[np.complex64]

EDGE = 2
"""Taps of the cubic kernel on the far side, in pixels. Derived."""

NORMAL_SPREAD = 1.2533
"""Standard deviation over mean absolute deviation of a normal law, 1. Derived: sqrt(pi / 2)."""
FLAT = 1e-5
"""Share of the sum of squares that varies, below which single precision sees no texture, 1. Assumed."""
_JITTER = 1e-12
"""Added to the normal matrix per pixel, so that flat blocks fail by their gain and not by a singular
matrix, 1. Assumed."""
UNKNOWNS = 4
"""East, north, gain and bias. By definition."""


class RefineParams(NamedTuple):
    """The least squares fit of one block's sub-pixel shift."""

    least_gain: float = 0.05
    """Contrast over the reference's below which it is another picture, 1. Assumed: a twentieth."""
    longest_step_px: float = 0.7
    """Longest step taken at once, pixels. Derived: the linearisation holds for less than one."""
    farthest_px: float = 2.5
    """Distance from the first guess beyond which the fit has failed, pixels. Derived: the guess is good to
    one."""
    converged_px: float = 2e-3
    """Last step at which it stands still, pixels. Assumed: far below the error asked for."""
    loose_px: float = 0.05
    """Last step that is still acceptable when iterations run out, pixels. Assumed."""
    iterations: int = 20
    """At most. Assumed."""


@numba.njit(cache=True)
def cubic_weights(t: float) -> tuple[float, float, float, float]:
    """Cubic convolution weights (Keys 1981, a = -0.5) for taps -1, 0, 1, 2 at fraction `t`."""
    return (
        ((-0.5 * t + 1.0) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1.0,
        ((-1.5 * t + 2.0) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    )


@numba.njit(cache=True)
def between_pixels(image: Floats32, usable: Bools, dx: float, dy: float) -> Floats32:
    """The image at every pixel + (dx, dy) by cubic convolution; NaN where a tap is unusable or outside."""
    height, width = image.shape
    row0, col0 = int(np.floor(dy)), int(np.floor(dx))
    wy, wx = cubic_weights(dy - row0), cubic_weights(dx - col0)
    north, above, below, south = np.float32(wy[0]), np.float32(wy[1]), np.float32(wy[2]), np.float32(wy[3])
    west, left, right, east = np.float32(wx[0]), np.float32(wx[1]), np.float32(wx[2]), np.float32(wx[3])
    zero, missing = np.float32(0.0), np.float32(np.nan)
    out = np.full((height, width), np.nan, np.float32)
    line = np.empty(width, np.float32)
    first, end = max(0, 1 - col0), min(width, width - EDGE - col0)
    count, start = max(0, end - first), first + col0 - 1
    a, b = line[start : start + count], line[start + 1 : start + 1 + count]
    c, d = line[start + 2 : start + 2 + count], line[start + 3 : start + 3 + count]
    for y in range(max(0, 1 - row0), min(height, height - EDGE - row0)):
        top = y + row0 - 1
        one, two, three, four = image[top], image[top + 1], image[top + 2], image[top + 3]
        seen, seen2, seen3, seen4 = usable[top], usable[top + 1], usable[top + 2], usable[top + 3]
        for x in range(width):  # no negative index and no branch: several pixels at once
            value = zero + north * one[x] + above * two[x] + below * three[x] + south * four[x]
            line[x] = value if seen[x] & seen2[x] & seen3[x] & seen4[x] else missing
        row = out[y, first : first + count]
        for x in range(count):
            row[x] = west * a[x] + left * b[x] + right * c[x] + east * d[x]
    return out


@numba.njit(cache=True, error_model="numpy")
def _accumulate(
    reference: Floats32,
    reference_usable: Bools,
    image: Floats32,
    image_usable: Bools,
    dx: float,
    dy: float,
    fit: Floats,
    scale: float,
) -> tuple[Floats, Floats, float, float]:
    """Normal equations of (x gradient, y gradient, gain, bias), weighted by the last fit's residuals.

    Row by row: what both see, its weights, then the sums, each in a variable of its own, pixel after pixel.
    """
    height, width = reference.shape
    moved = between_pixels(image, image_usable, dx, dy)
    along, down, level, value = np.empty(width), np.empty(width), np.empty(width), np.empty(width)
    residual, weight = np.empty(width), np.empty(width)
    xx = xy = yy = xl = yl = ll = xb = yb = lb = bb = 0.0
    xv = yv = lv = bv = 0.0
    deviation, count = 0.0, 0.0
    for y in range(1, height - 1):
        row, above, below = reference[y], reference[y - 1], reference[y + 1]
        seen, other = reference_usable[y], moved[y]
        n = 0
        for x in range(1, width - 1):
            along[n] = 0.5 * (row[x + 1] - row[x - 1])
            down[n] = 0.5 * (below[x] - above[x])
            level[n] = row[x]
            value[n] = other[x]
            n += seen[x] and not np.isnan(other[x])
        for k in range(n):
            left = value[k] - fit[0] * along[k] - fit[1] * down[k] - fit[2] * level[k] - fit[3]
            residual[k] = abs(left)
            weight[k] = 1.0 / (1.0 + (left / scale) ** 2)
        for k in range(n):
            deviation += residual[k]
            w, v = weight[k], value[k]
            wx, wy, wl = w * along[k], w * down[k], w * level[k]
            xx += wx * along[k]
            xy += wy * along[k]
            yy += wy * down[k]
            xl += wl * along[k]
            yl += wl * down[k]
            ll += wl * level[k]
            xb += wx
            yb += wy
            lb += wl
            bb += w
            xv += wx * v
            yv += wy * v
            lv += wl * v
            bv += w * v
        count += n
    normal = np.array([[xx, xy, xl, xb], [xy, yy, yl, yb], [xl, yl, ll, lb], [xb, yb, lb, bb]])
    return normal, np.array([xv, yv, lv, bv]), deviation, count


@numba.njit(cache=True)
def refine(
    reference: Floats32,
    reference_usable: Bools,
    image: Floats32,
    image_usable: Bools,
    dx: float,
    dy: float,
    least_pixels: int,
    params: RefineParams,
) -> Floats:
    """Shift of a block of an image against that of a reference in pixels, from a first guess.

    Args:
        reference: (y, x) detail.
        reference_usable: (y, x).
        image: (y, x) detail.
        image_usable: (y, x).
        dx: first guess, pixels to the right.
        dy: first guess, pixels down.
        least_pixels: under which nothing is said.
        params: of the refinement.

    Returns:
        (dx, dy, var dx, var dy, gain, pixels): NaN shifts where it does not converge; variances in square
        pixels from the residuals, as if those were independent.
    """
    failed = np.array([np.nan, np.nan, np.nan, np.nan, np.nan, 0.0])
    fit, scale, spread = np.array([0.0, 0.0, 1.0, 0.0]), np.inf, np.inf
    start_x, start_y, size, count = dx, dy, np.inf, 0.0
    normal = np.eye(UNKNOWNS)
    for iteration in range(params.iterations):
        normal, right, deviation, count = _accumulate(
            reference, reference_usable, image, image_usable, dx, dy, fit, scale
        )
        if count < least_pixels:
            return failed
        for i in range(UNKNOWNS):
            normal[i, i] += _JITTER * count
        fit = np.linalg.solve(normal, right)
        if abs(fit[2]) < params.least_gain:
            return failed
        if iteration == 0:
            continue  # the first pass only finds gain and bias, for residuals that mean something
        spread = NORMAL_SPREAD * deviation / count
        scale = CAUCHY * spread
        step_x, step_y = -fit[0] / fit[2], -fit[1] / fit[2]
        size = np.hypot(step_x, step_y)
        shorten = min(1.0, params.longest_step_px / max(size, _JITTER))
        dx, dy = dx + shorten * step_x, dy + shorten * step_y
        fit[0], fit[1] = 0.0, 0.0
        if max(abs(dx - start_x), abs(dy - start_y)) > params.farthest_px:
            return failed
        if size < params.converged_px:
            break
    if size > params.loose_px:
        return failed
    inverse, gain2 = np.linalg.inv(normal), fit[2] * fit[2]
    variance = spread * spread / gain2
    return np.array([dx, dy, variance * inverse[0, 0], variance * inverse[1, 1], fit[2], count])


class Spectra(NamedTuple):
    """Fourier transforms of an image, padded."""

    seen: _Spectrum
    """(y, x) of what is usable."""
    held: _Spectrum
    """(..., y, x) of the values there."""
    squared: _Spectrum
    """(..., y, x) of their squares."""
    padded: tuple[int, int]
    """Rows and columns that no lag wraps round, of a length that transforms fast."""


def correlate(reference: Spectra, image: Spectra, reach: int, least_pixels: int) -> tuple[Floats32, Floats32]:
    """Masked normalised cross-correlation (Padfield 2012) at whole-pixel lags up to `reach`.

    Args:
        reference: from `spectra`; the same for every image that is held against it.
        image: from `spectra`.
        reach: largest lag.
        least_pixels: that both must see; 0 where they do not.

    Returns:
        correlation (..., 2 reach + 1, 2 reach + 1) and pixel count without the leading axes, rows dy,
        columns dx.
    """
    lags = np.arange(-reach, reach + 1)

    def lagged(one: _Spectrum, other: _Spectrum) -> Floats32:
        """Sums of the products of two images, by lag."""
        return np.asarray(fft.irfft2(one.conj() * other, s=image.padded)[..., lags[:, None], lags])

    n = np.rint(lagged(reference.seen, image.seen))
    count = np.maximum(n, 1.0)
    sum_r, sum_v = lagged(reference.held, image.seen), lagged(reference.seen, image.held)
    sum_rr, sum_vv = lagged(reference.squared, image.seen), lagged(reference.seen, image.squared)
    energy_r, energy_v = sum_rr - sum_r**2 / count, sum_vv - sum_v**2 / count
    varied = (energy_r > FLAT * sum_rr) & (energy_v > FLAT * sum_vv) & (n >= least_pixels)
    energy = np.sqrt(np.where(varied, energy_r * energy_v, 1.0))
    products = lagged(reference.held, image.held)
    return np.where(varied, (products - sum_r * sum_v / count) / energy, 0.0), n


def spectra(values: Floats32, usable: Bools, reach: int) -> Spectra:
    """Fourier transforms of an image.

    Args:
        values: (..., y, x).
        usable: (y, x).
        reach: largest lag that they serve.
    """
    height, width = (fft.next_fast_len(length + reach, real=True) for length in usable.shape)
    seen = usable.astype(np.float32)
    held = values * seen
    seen_f, held_f, squared_f = (fft.rfft2(part, s=(height, width)) for part in (seen, held, held**2))
    return Spectra(seen=seen_f, held=held_f, squared=squared_f, padded=(height, width))
