"""The hot loops of registration: robust least squares of blocks against their reference, in numba.

The image is ``g * reference(x - shift) + b`` on high-passed reflectance (Lucas and Kanade 1981, with the
gain and bias of Evangelidis and Psarakis 2008 and Cauchy weights against what changed).
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Float64s = NDArray[np.float64]
Float32s = NDArray[np.float32]

EDGE = 2
"""Taps of the cubic kernel on the far side, in pixels."""

NORMAL_SPREAD = 1.2533
"""Standard deviation over mean absolute deviation of a normal law."""
CAUCHY = 2.385
"""Standard deviations at which Cauchy weights keep 95 % efficiency on a normal law (Holland, Welsch 1977)."""
LEAST_GAIN = 0.05
"""Less contrast than a twentieth of the reference's is another picture."""
LONGEST_STEP, FARTHEST = 0.7, 2.5
"""Pixels: the linearisation holds for less than one; the first guess is good to one."""
CONVERGED, LOOSE = 2e-3, 0.05
"""Last step in pixels: good, and still acceptable when iterations run out."""


@numba.njit(cache=True)
def cubic_weights(t: float) -> Float64s:
    """Cubic convolution weights (Keys 1981, a = -0.5) for taps -1, 0, 1, 2 at fraction `t`."""
    return np.array(
        [
            ((-0.5 * t + 1.0) * t - 0.5) * t,
            (1.5 * t - 2.5) * t * t + 1.0,
            ((-1.5 * t + 2.0) * t + 0.5) * t,
            (0.5 * t - 0.5) * t * t,
        ]
    )


@numba.njit(cache=True)
def between_pixels(image: Float32s, usable: NDArray[np.bool_], dx: float, dy: float) -> Float32s:
    """The image at every pixel + (dx, dy) by cubic convolution; NaN where a tap is unusable or outside."""
    height, width = image.shape
    row0, col0 = int(np.floor(dy)), int(np.floor(dx))
    wy, wx = cubic_weights(dy - row0), cubic_weights(dx - col0)
    out = np.full((height, width), np.nan, np.float32)
    line = np.empty(width, np.float32)
    for y in range(max(0, 1 - row0), min(height, height - EDGE - row0)):
        for x in range(width):
            line[x] = 0.0
            for i in range(4):
                row = y + row0 + i - 1
                line[x] += np.float32(wy[i]) * image[row, x] if usable[row, x] else np.float32(np.nan)
        for x in range(max(0, 1 - col0), min(width, width - EDGE - col0)):
            k = x + col0 - 1
            out[y, x] = (
                np.float32(wx[0]) * line[k]
                + np.float32(wx[1]) * line[k + 1]
                + np.float32(wx[2]) * line[k + 2]
                + np.float32(wx[3]) * line[k + 3]
            )
    return out


@numba.njit(cache=True)
def _accumulate(
    reference: Float32s,
    reference_usable: NDArray[np.bool_],
    image: Float32s,
    image_usable: NDArray[np.bool_],
    dx: float,
    dy: float,
    fit: Float64s,
    scale: float,
) -> tuple[Float64s, Float64s, float, float]:
    """Normal equations of (x gradient, y gradient, gain, bias), weighted by the last fit's residuals."""
    height, width = reference.shape
    moved = between_pixels(image, image_usable, dx, dy)
    normal, right = np.zeros((4, 4)), np.zeros(4)
    deviation, count = 0.0, 0.0
    line = np.empty(4)
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            value = moved[y, x]
            if not reference_usable[y, x] or np.isnan(value):
                continue
            line[0] = 0.5 * (reference[y, x + 1] - reference[y, x - 1])
            line[1] = 0.5 * (reference[y + 1, x] - reference[y - 1, x])
            line[2] = reference[y, x]
            line[3] = 1.0
            residual = value - fit[0] * line[0] - fit[1] * line[1] - fit[2] * line[2] - fit[3]
            weight = 1.0 / (1.0 + (residual / scale) ** 2)
            deviation += abs(residual)
            count += 1.0
            for i in range(4):
                right[i] += weight * line[i] * value
                for j in range(i + 1):
                    normal[i, j] += weight * line[i] * line[j]
    for i in range(4):
        for j in range(i + 1, 4):
            normal[i, j] = normal[j, i]
    return normal, right, deviation, count


@numba.njit(cache=True)
def refine(
    reference: Float32s,
    reference_usable: NDArray[np.bool_],
    image: Float32s,
    image_usable: NDArray[np.bool_],
    dx: float,
    dy: float,
    iterations: int,
    least_pixels: int,
) -> Float64s:
    """Shift of a block of `image` against that of `reference` in pixels, from a first guess.

    Returns:
        (dx, dy, var dx, var dy, gain, pixels): NaN shifts where it does not converge; variances in square
        pixels from the residuals, as if those were independent.
    """
    failed = np.array([np.nan, np.nan, np.nan, np.nan, np.nan, 0.0])
    fit, scale, spread = np.array([0.0, 0.0, 1.0, 0.0]), np.inf, np.inf
    start_x, start_y, size, count = dx, dy, np.inf, 0.0
    normal = np.eye(4)
    for iteration in range(iterations):
        normal, right, deviation, count = _accumulate(
            reference, reference_usable, image, image_usable, dx, dy, fit, scale
        )
        if count < least_pixels:
            return failed
        for i in range(4):
            normal[i, i] += 1e-12 * count
        fit = np.linalg.solve(normal, right)
        if abs(fit[2]) < LEAST_GAIN:
            return failed
        if iteration == 0:
            continue  # the first pass only finds gain and bias, for residuals that mean something
        spread = NORMAL_SPREAD * deviation / count
        scale = CAUCHY * spread
        step_x, step_y = -fit[0] / fit[2], -fit[1] / fit[2]
        size = np.hypot(step_x, step_y)
        shorten = min(1.0, LONGEST_STEP / max(size, 1e-12))
        dx, dy = dx + shorten * step_x, dy + shorten * step_y
        fit[0], fit[1] = 0.0, 0.0
        if abs(dx - start_x) > FARTHEST or abs(dy - start_y) > FARTHEST:
            return failed
        if size < CONVERGED:
            break
    if size > LOOSE:
        return failed
    inverse, gain2 = np.linalg.inv(normal), fit[2] * fit[2]
    variance = spread * spread / gain2
    return np.array([dx, dy, variance * inverse[0, 0], variance * inverse[1, 1], fit[2], count])


@numba.njit(cache=True, fastmath=True)
def _sums(
    reference: Float32s, seen_r: Float32s, image: Float32s, seen_i: Float32s, lag_y: int, lag_x: int
) -> tuple[float, float, float, float, float, float]:
    """Sums over the pixels that both see: count, r, v, r r, v v, r v. What is not seen holds zero."""
    height, width = reference.shape
    n = sr = sv = srr = svv = srv = 0.0
    first, last = max(0, -lag_x), min(width, width - lag_x)
    for y in range(max(0, -lag_y), min(height, height - lag_y)):
        zero = np.float32(0.0)
        a, b, c, d, e, f = zero, zero, zero, zero, zero, zero
        for x in range(first, last):
            r, v = reference[y, x], image[y + lag_y, x + lag_x]
            mr, mv = seen_r[y, x], seen_i[y + lag_y, x + lag_x]
            a += mr * mv
            b += r * mv
            c += v * mr
            d += r * r * mv
            e += v * v * mr
            f += r * v
        n, sr, sv = n + float(a), sr + float(b), sv + float(c)
        srr, svv, srv = srr + float(d), svv + float(e), srv + float(f)
    return n, sr, sv, srr, svv, srv


@numba.njit(cache=True)
def correlate(
    reference: Float32s,
    reference_usable: NDArray[np.bool_],
    image: Float32s,
    image_usable: NDArray[np.bool_],
    reach: int,
    least_pixels: int,
) -> tuple[Float64s, Float64s]:
    """Masked normalised cross-correlation (Padfield 2012) at whole-pixel lags up to `reach`.

    Returns:
        correlation and pixel count, each (2 reach + 1, 2 reach + 1), rows dy, columns dx.
    """
    side = 2 * reach + 1
    correlation, pixels = np.zeros((side, side)), np.zeros((side, side))
    seen_r, seen_i = reference_usable.astype(np.float32), image_usable.astype(np.float32)
    held_r = np.where(reference_usable, reference, np.float32(0.0))
    held_i = np.where(image_usable, image, np.float32(0.0))
    for lag_y in range(-reach, reach + 1):
        for lag_x in range(-reach, reach + 1):
            n, sr, sv, srr, svv, srv = _sums(held_r, seen_r, held_i, seen_i, lag_y, lag_x)
            pixels[lag_y + reach, lag_x + reach] = n
            if n >= least_pixels:
                energy = (srr - sr * sr / n) * (svv - sv * sv / n)
                if energy > 0.0:
                    correlation[lag_y + reach, lag_x + reach] = (srv - sr * sv / n) / np.sqrt(energy)
    return correlation, pixels
