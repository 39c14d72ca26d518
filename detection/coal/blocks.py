"""From a site's cube to blocks of ground: which zones are measured together, and with what around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from detection.coal.shadow import lit_looks

Floats = NDArray[np.float64]

Bools = NDArray[np.bool_]
MOST_DATES = 0.8
"""Share of the dates on which a band must have been seen to be used. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of ground with everything that was seen of it."""

    pixels: Floats
    """(time, y, x, band) reflectance, NaN where missing."""
    seen: Bools
    """(time, y, x) clear and free of snow."""
    suspect: Bools
    """(y, x) where coal may lie."""
    days: Floats
    """(time,) days since any epoch."""
    bands: tuple[str, ...]
    """Names of the bands."""


USED_BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")

"""In the order of wavelength; those that a cube has are used."""

VISIBLE = ("blue", "green", "red")

WIDEST_BLOCK_PX = 160

"""Zones are measured together while their common block is no wider: a background is local."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Rows and columns of a block on the site's grid."""

    rows: slice
    columns: slice

    def joined(self, other: Window) -> Window:
        """The smallest window that holds both."""
        return Window(
            rows=slice(min(self.rows.start, other.rows.start), max(self.rows.stop, other.rows.stop)),
            columns=slice(
                min(self.columns.start, other.columns.start), max(self.columns.stop, other.columns.stop)
            ),
        )

    @property
    def widest(self) -> int:
        """Its longer side, pixels."""
        return int(max(self.rows.stop - self.rows.start, self.columns.stop - self.columns.start))


def window_around(share: Floats, margin_px: int) -> Window:
    """The window that holds a zone and ground around it."""
    rows, columns = np.nonzero(share)
    height, width = share.shape
    return Window(
        rows=slice(max(0, int(rows.min()) - margin_px), min(height, int(rows.max()) + margin_px + 1)),
        columns=slice(max(0, int(columns.min()) - margin_px), min(width, int(columns.max()) + margin_px + 1)),
    )


def grouped_zones(shares: Sequence[Floats], margin_px: int) -> list[tuple[Window, list[int]]]:
    """Zones whose surroundings are measured together: (window, positions in `shares`)."""
    groups: list[tuple[Window, list[int]]] = []
    for index, share in enumerate(shares):
        own = window_around(share, margin_px)
        for at, (window, members) in enumerate(groups):
            if window.joined(own).widest <= WIDEST_BLOCK_PX:
                groups[at] = (window.joined(own), [*members, index])
                break
        else:
            groups.append((own, [index]))
    return groups


def tiles(height: int, width: int, *, about_px: int, margin_px: int) -> Iterator[tuple[Window, Window]]:
    """Tiles of about `about_px`, without and with their margin."""
    m = margin_px
    for rows in _cuts(height, about_px):
        for columns in _cuts(width, about_px):
            wide = Window(
                rows=slice(max(0, rows.start - m), min(height, rows.stop + m)),
                columns=slice(max(0, columns.start - m), min(width, columns.stop + m)),
            )
            yield Window(rows=rows, columns=columns), wide


def _cuts(length: int, about: int) -> list[slice]:
    """An axis in equal parts."""
    edges = np.linspace(0, length, max(1, round(length / about)) + 1).round().astype(int).tolist()
    return [slice(first, after) for first, after in pairwise(edges)]


def within(own: Window, wide: Window) -> tuple[slice, slice]:
    """Rows and columns of a tile inside its margin."""
    down, across = own.rows.start - wide.rows.start, own.columns.start - wide.columns.start
    height, width = own.rows.stop - own.rows.start, own.columns.stop - own.columns.start
    return slice(down, down + height), slice(across, across + width)


def bands_of(cube: xr.Dataset) -> tuple[str, ...]:
    """The bands that the measurement uses: there, and seen on most dates."""
    used = []
    for band in USED_BANDS:
        if band in cube:
            some = np.isfinite(cube[band].values[:, ::7, ::7]).any(axis=(1, 2))
            any_date = np.isfinite(cube["red"].values[:, ::7, ::7]).any(axis=(1, 2)).sum()
            if some.sum() > MOST_DATES * any_date:
                used.append(band)
    return tuple(used)


def days_of(cube: xr.Dataset) -> Floats:
    """(time,) days since 1970."""
    return np.asarray(
        (cube["time"].values - np.datetime64(0, "D")) / np.timedelta64(1, "D"), dtype=np.float64
    )


def block_of(cube: xr.Dataset, window: Window, bands: Sequence[str], suspect: Bools) -> Block:
    """One block's arrays; pixels under snow, or dark or bright like all around, count as not seen.

    Args:
        cube: (time, y, x).
        window: where.
        bands: which.
        suspect: (y, x) of the whole grid.
    """
    part = cube.isel(y=window.rows, x=window.columns)
    pixels = np.stack([np.asarray(part[band].values, dtype=np.float64) for band in bands], axis=-1)
    seen = np.asarray(part["valid"].values, dtype=bool) & np.isfinite(pixels).all(axis=-1)
    if "snow" in part:
        seen &= ~np.asarray(part["snow"].values, dtype=bool)
    days = days_of(cube)
    visible = [i for i, band in enumerate(bands) if band in VISIBLE]
    infrared = [i for i in range(len(bands)) if i not in visible]
    seen &= lit_looks(pixels, seen, days, visible=visible, infrared=infrared)
    return Block(
        pixels=pixels,
        seen=seen,
        suspect=suspect[window.rows, window.columns],
        days=days,
        bands=tuple(bands),
    )


def in_order(cube: xr.Dataset) -> xr.Dataset:
    """The cube by time, then by scene id where it has one."""
    times = cube["time"].to_numpy()
    scenes = cube["scene_id"].to_numpy().astype(str) if "scene_id" in cube.coords else np.zeros(times.size)
    order = np.lexsort((scenes, times))
    return cube if (np.diff(order) == 1).all() else cube.isel(time=order)
