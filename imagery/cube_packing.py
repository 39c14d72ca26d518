"""Reflectance as small integers, in the source's own step; masks as the bits of one byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

SCALE = 1e-4
"""Reflectance per stored number."""
FILL = -32768
LOWEST, HIGHEST = -1.0, 3.2


@numba.njit(cache=True)
def _packed(values: NDArray[np.float32], out: NDArray[np.int16]) -> None:
    low, high, scale = np.float32(LOWEST), np.float32(HIGHEST), np.float32(1.0 / SCALE)
    for k in range(values.size):
        value = values[k]
        if np.isnan(value):
            out[k] = FILL
        else:
            out[k] = np.int16(np.rint(min(max(value, low), high) * scale))


@numba.njit(cache=True)
def _unpacked(stored: NDArray[np.int16], out: NDArray[np.float32]) -> None:
    scale, missing = np.float32(SCALE), np.float32(np.nan)
    for k in range(stored.size):
        out[k] = missing if stored[k] == FILL else np.float32(stored[k]) * scale


def packed(values: NDArray[np.float32]) -> NDArray[np.int16]:
    """Reflectance as int16, `FILL` where missing."""
    out: NDArray[np.int16] = np.empty(values.shape, np.int16)
    _packed(np.ascontiguousarray(values, np.float32).reshape(-1), out.reshape(-1))
    return out


def unpacked(stored: NDArray[Any]) -> NDArray[np.float32]:
    """Stored numbers as reflectance, NaN where missing."""
    out: NDArray[np.float32] = np.empty(np.shape(stored), np.float32)
    _unpacked(np.ascontiguousarray(stored, np.int16).reshape(-1), out.reshape(-1))
    return out


def as_bits(masks: Mapping[str, NDArray[np.bool_]], names: Sequence[str]) -> NDArray[np.uint8]:
    """Masks of one shape as one byte per pixel, the first name in the lowest bit."""
    bits = np.zeros(masks[names[0]].shape, np.uint8)
    for k, name in enumerate(names):
        bits |= masks[name].view(np.uint8) << k
    return bits


def of_bits(bits: NDArray[Any], name: str, names: Sequence[str]) -> NDArray[np.bool_]:
    """One mask of the bytes."""
    mask: NDArray[np.bool_] = (np.asarray(bits) & np.uint8(1 << list(names).index(name))) != 0
    return mask
