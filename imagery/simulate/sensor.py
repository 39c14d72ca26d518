"""The instrument: point-spread, sampling to 10 and 20 m at any sub-pixel shift, noise."""

from __future__ import annotations

import numba
import numpy as np
from scipy.special import ndtr

from evidence.arrays import Floats, Floats32
from imagery.bands import NATIVE_RESOLUTION_M, OPTICAL_BANDS
from imagery.simulate.frame import CELL_M

SENSOR_NOISE = dict(
    zip(
        OPTICAL_BANDS,
        (0.0009, 0.0008, 0.0009, 0.0010, 0.0012, 0.0014, 0.0018, 0.0015, 0.0012, 0.0010),
        strict=True,
    )
)
"""Sd of sensor noise in reflectance on ground of 0.1: signal-to-noise about 60–120 (assumed; tuned to the
Romania cube, see docs/simulator.md). It grows with the root of the signal."""


def psf_sigma_px(mtf_nyquist: float) -> float:
    """Sd of the Gaussian that, with a square detector of one pixel, has the given modulation at Nyquist."""
    detector = np.sin(np.pi / 2) / (np.pi / 2)
    return float(np.sqrt(-2 * np.log(min(mtf_nyquist / detector, 0.999))) / np.pi)


def psf_weights(
    pixel_m: float, shift_m: float, *, mtf_nyquist: float, offset_m: float = 0.0
) -> tuple[int, Floats32]:
    """Weights of the fine cells that one pixel sees along one axis.

    The point-spread (square detector ⊗ Gaussian) is integrated exactly over each cell: any shift is exact.

    Args:
        pixel_m: pixel side.
        shift_m: the image's displacement towards increasing cell index; a pixel sees ground at -shift.
        mtf_nyquist: modulation at the Nyquist frequency.
        offset_m: from the pixel grid's origin to the cell grid's.

    Returns:
        Index of the first cell relative to the pixel's own first cell, and weights that sum to 1.
    """
    sigma = psf_sigma_px(mtf_nyquist) * pixel_m
    reach = pixel_m / 2 + 4 * sigma
    centre = pixel_m / 2 - shift_m + offset_m
    first, last = int(np.floor((centre - reach) / CELL_M)), int(np.ceil((centre + reach) / CELL_M))
    edges = np.asarray(np.arange(first, last + 1) * CELL_M - centre, np.float64)
    weights = np.diff(_psf_integral(edges, pixel_m, sigma))
    return first, (weights / weights.sum()).astype(np.float32)


def _psf_integral(z: Floats, pixel_m: float, sigma: float) -> Floats:
    """Integral of box ⊗ Gaussian from minus infinity to `z`."""

    def ramp(u: Floats) -> Floats:
        return np.asarray(u * ndtr(u / sigma) + sigma * np.exp(-0.5 * (u / sigma) ** 2) / np.sqrt(2 * np.pi))

    return (ramp(z + pixel_m / 2) - ramp(z - pixel_m / 2)) / pixel_m


@numba.njit(cache=True)
def _sample(
    fine: Floats32, first_row: int, wy: Floats32, first_column: int, wx: Floats32, stride: int, out: Floats32
) -> None:
    """Separable weighted sums: (band, cell, cell) -> (band, pixel, pixel); edges are repeated outwards."""
    bands, rows, columns = fine.shape
    line = np.empty(columns, np.float32)
    for band in range(bands):
        for i in range(out.shape[1]):
            line[:] = 0.0
            for k in range(len(wy)):
                row = min(max(first_row + i * stride + k, 0), rows - 1)
                source = fine[band, row]
                weight = wy[k]
                for c in range(columns):
                    line[c] += weight * source[c]
            for j in range(out.shape[2]):
                start = first_column + j * stride
                total = np.float32(0.0)
                if start >= 0 and start + len(wx) <= columns:
                    for k in range(len(wx)):
                        total += wx[k] * line[start + k]
                else:
                    for k in range(len(wx)):
                        total += wx[k] * line[min(max(start + k, 0), columns - 1)]
                out[band, i, j] = total


def sampled(
    fine: Floats32,
    pixel_m: int,
    *,
    shift_m: tuple[float, float],
    origin_cells: tuple[int, int],
    shape: tuple[int, int],
    mtf_nyquist: float,
) -> Floats32:
    """What a sensor with `pixel_m` pixels sees of a fine scene.

    Args:
        fine: (band, y, x) on fine cells.
        pixel_m: 10 or 20.
        shift_m: displacement of the image (east, north).
        origin_cells: (row, column) of the fine cell in the first pixel's corner.
        shape: pixels (y, x).
        mtf_nyquist: modulation at the Nyquist frequency.

    Returns:
        (band, y, x).
    """
    row, wy = psf_weights(pixel_m, -shift_m[1], mtf_nyquist=mtf_nyquist)
    column, wx = psf_weights(pixel_m, shift_m[0], mtf_nyquist=mtf_nyquist)
    out = np.empty((fine.shape[0], *shape), np.float32)
    stride = round(pixel_m / CELL_M)
    _sample(fine, origin_cells[0] + row, wy, origin_cells[1] + column, wx, stride, out)
    return out


def with_noise(
    reflectance: Floats32, bands: tuple[str, ...], rng: np.random.Generator, *, factor: float
) -> Floats32:
    """Add sensor noise, in place, that grows with the root of the signal: (band, y, x)."""
    if factor == 0:
        return reflectance
    white = rng.standard_normal(reflectance.shape, dtype=np.float32)
    for k, band in enumerate(bands):
        spread = np.float32(factor * SENSOR_NOISE[band]) * np.sqrt(np.clip(reflectance[k], 0.01, None) / 0.1)
        reflectance[k] += white[k] * spread
    return reflectance


def bands_at(resolution_m: int, bands: tuple[str, ...]) -> tuple[str, ...]:
    """Those of `bands` that Sentinel-2 delivers at `resolution_m`."""
    return tuple(band for band in bands if NATIVE_RESOLUTION_M[band] == resolution_m)
