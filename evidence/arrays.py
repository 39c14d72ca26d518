"""Array types, one home for all rooms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
"""Reflectance, height or another quantity by pixel, (y, x) unless said otherwise; NaN where missing."""
Mask = NDArray[np.bool_]
"""True where the name of the variable holds, (y, x) unless said otherwise."""
Floats = NDArray[np.float64]
"""Numbers in double precision, of a shape that the docstring says."""
Floats32 = NDArray[np.float32]
"""Numbers in single precision, of a shape that the docstring says."""
Bools = NDArray[np.bool_]
"""Flags, of a shape that the docstring says."""
Ints = NDArray[np.int64]
"""Whole numbers, of a shape that the docstring says."""
Room = Callable[[tuple[int, ...], type[np.generic]], NDArray[Any]]
"""Gives an array of a shape and type, whose values nobody has set: in memory, or on a disk."""


def in_memory(shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
    """An array in memory."""
    return np.empty(shape, dtype)
