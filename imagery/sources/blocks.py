"""The blocks of a tiled TIFF that a window touches: which bytes these are, and the pixels in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.windows import Window

from imagery.sources.tiff import BrokenTiffError, Layout, small_tiff
from imagery.sources.windows import Lattice, cause

GAP_BYTES = 1 << 10
"""Blocks that lie closer to each other than this are asked for in one range: the bytes between them cost
less than a request."""
MOST_BYTES = 1 << 23
"""Of one range: a longer one is split, so that its parts come side by side and a lost one costs little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """A rectangle of blocks."""

    rows: range
    columns: range
    places: dict[tuple[int, int], tuple[int, int]]
    """(row, column) to (first byte, length) of the blocks that hold something."""

    def ranges(self) -> dict[int, int]:
        """First byte to length of the ranges that hold all of them."""
        found: list[tuple[int, int]] = []
        for first, length in sorted(self.places.values()):
            if (
                found
                and 0 <= first - found[-1][1] <= GAP_BYTES
                and first + length - found[-1][0] <= MOST_BYTES
            ):
                found[-1] = (found[-1][0], first + length)
            else:
                found.append((first, first + length))
        return {first: end - first for first, end in found}


def lattice_of(layout: Layout) -> Lattice:
    """Where the image lies, as GDAL reads its tags.

    Raises:
        BrokenTiffError: where GDAL cannot make sense of them.
    """
    rows, columns = layout.block_rows, layout.block_columns
    return _lattice(small_tiff(layout, {}, range(rows), range(columns), whole=True))


@lru_cache(maxsize=128)
def _lattice(directory: bytes) -> Lattice:
    """A tile's files of one resolution share their directory but for the places of the blocks."""
    try:
        with MemoryFile(directory) as memory, memory.open() as dataset:
            return Lattice.of(dataset)
    except (RasterioError, OSError) as error:
        raise BrokenTiffError(cause(error)) from error


def touched_blocks(layout: Layout, window: Window) -> Blocks:
    """The blocks that `window` touches."""
    rows = _touched(window.row_off, window.height, layout.block_height)
    columns = _touched(window.col_off, window.width, layout.block_width)
    places = {(row, column): layout.block(row, column) for row in rows for column in columns}
    return Blocks(
        rows=rows, columns=columns, places={key: place for key, place in places.items() if all(place)}
    )


def _touched(first: int, count: int, block: int) -> range:
    return range(int(first) // block, (int(first + count) - 1) // block + 1)


def decode_window(
    layout: Layout, window: Window, blocks: Blocks, read: Callable[[int, int], bytes]
) -> NDArray[np.generic]:
    """The pixels of `window`, (y, x).

    Args:
        layout: of the file.
        window: within the file.
        blocks: from `touched_blocks`.
        read: gives the bytes of the blocks.

    Raises:
        BrokenTiffError: where they do not decode.
    """
    data = {key: read(first, length) for key, (first, length) in blocks.places.items()}
    if any(len(data[key]) != length for key, (_, length) in blocks.places.items()):
        raise BrokenTiffError("a TIFF that ends before its blocks do")
    inside = Window(
        window.col_off - blocks.columns.start * layout.block_width,
        window.row_off - blocks.rows.start * layout.block_height,
        window.width,
        window.height,
    )
    try:
        with (
            MemoryFile(small_tiff(layout, data, blocks.rows, blocks.columns)) as memory,
            memory.open() as dataset,
        ):
            pixels: NDArray[np.generic] = dataset.read(1, window=inside)
    except (RasterioError, OSError) as error:
        raise BrokenTiffError(cause(error)) from error
    return pixels
