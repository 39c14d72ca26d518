"""From a site's cube to blocks of ground: which zones are measured together, with what around, which looks.

Looks that the masks let through although the ground was in shadow or under cloud show nothing: a missed
shadow makes coal and ground alike black, a missed cloud makes them alike bright, and either way the mixture
fits and says "no coal". What gives them away is their size. In cells of 50 m, a look is compared with the
cell's own looks at the same time of year; where nearly all cells of a neighbourhood are far darker in the
infrared, or far brighter in the visible, nothing was seen. A pile, even a large new one, leaves lit ground
in the neighbourhood.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, percentile_filter

from detection.coal.smoothing import YEAR_DAYS, nan_median

Floats = NDArray[np.float64]

Bools = NDArray[np.bool_]
WHOLE = 0.99
"""Coverage from which a pixel lies inside a zone; pixels on its edge are mixed with other ground. Assumed."""
MOST_DATES = 0.8
"""Share of the dates on which a band must have been seen to be used. Assumed."""
SPARSE = 7
"""Pixels from one to the next that say on which dates a band was seen. Assumed."""
LEAST_WEIGHT = 1e-6
"""Weight under which nothing was seen near. Assumed: rounding."""
VEIL_PERCENTILE = 20.0
"""Percentile: a neighbourhood under cloud is as bright as its darkest fifth. Assumed."""
LEAST_LIGHT = 0.005
"""Reflectance that a season's ground has at least. Assumed."""
CELL_SEEN = 1.0 / 3.0
"""Share of a cell that must have been seen. Assumed."""

CELL_PX, NEIGHBOURHOOD = 5, 5
"""Pixels along one side of a cell; cells along one side of a neighbourhood: 250 m. Assumed."""
LIT_PERCENTILE = 80.0
"""Percentile: a neighbourhood is as bright as its brightest fifth; coal on the rest does not darken it.
Assumed."""

DARKEST_LIGHT = 0.55
"""Infrared, relative to the season, below which a neighbourhood is in shadow: diffuse light leaves less.
Assumed."""

VEIL = 0.04
"""Visible reflectance by which the darkest fifth of a neighbourhood under cloud exceeds its season.
Assumed."""

SEASON_DAYS = 45.0
"""Days of the year by which looks at the same season are apart at most. Assumed."""

FEWEST_OF_SEASON = 4
"""Looks at the same time of year from which a cell has a season of its own; fewer take the block's.
Assumed."""


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
    there = [band for band in USED_BANDS if band in cube]
    some = cube[there].isel(y=slice(None, None, SPARSE), x=slice(None, None, SPARSE))
    dates = {band: int(np.isfinite(some[band].values).any(axis=(1, 2)).sum()) for band in there}
    return tuple(band for band in there if dates[band] > MOST_DATES * dates["red"])


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


def lit_looks(pixels: Floats, seen: Bools, days: Floats, *, visible: list[int], infrared: list[int]) -> Bools:
    """(time, y, x) neither in shadow nor under cloud, as far as their size tells; true where not seen.

    Args:
        pixels: (time, y, x, band) reflectance, NaN where missing.
        seen: (time, y, x).
        days: (time,) since any 1 January.
        visible: positions of the visible bands.
        infrared: positions of the infrared bands.
    """
    dark = _cells(pixels[..., infrared].mean(axis=-1), seen)
    bright = _cells(pixels[..., visible].mean(axis=-1), seen)
    season = _same_season(days)
    lightest = _ranked(dark / np.maximum(_usual(dark, season), LEAST_LIGHT), LIT_PERCENTILE)
    veil = _ranked(bright - _usual(bright, season), VEIL_PERCENTILE)
    good = ~(lightest < DARKEST_LIGHT) & ~(veil > VEIL)
    rows = np.minimum(np.arange(pixels.shape[1]) // CELL_PX, good.shape[1] - 1)
    columns = np.minimum(np.arange(pixels.shape[2]) // CELL_PX, good.shape[2] - 1)
    return np.asarray(good[:, rows][:, :, columns])


def _cells(values: Floats, seen: Bools) -> Floats:
    """(time, row, column) means of what was seen, NaN where less than a third of a cell was."""
    times, height, width = values.shape
    rows, columns = max(1, height // CELL_PX), max(1, width // CELL_PX)
    cut = (slice(None), slice(0, rows * CELL_PX), slice(0, columns * CELL_PX))
    shape = (times, rows, min(CELL_PX, height), columns, min(CELL_PX, width))
    shown = seen[cut].reshape(shape)
    total = np.where(shown, values[cut].reshape(shape), 0.0).sum(axis=(2, -1))
    count = shown.sum(axis=(2, -1))
    return np.where(count > shown[0, 0, :, 0].size * CELL_SEEN, total / np.maximum(count, 1), np.nan)


def _same_season(days: Floats) -> Bools:
    """(time, time) whether two looks lie at the same time of any year."""
    apart = np.abs(days[:, None] - days[None, :]) % YEAR_DAYS
    return np.asarray(np.minimum(apart, YEAR_DAYS - apart) <= SEASON_DAYS)


def _usual(cells: Floats, season: Bools) -> Floats:
    """(time, row, column) what a cell is at this time of year; the block's season where it has none."""
    typical = nan_median(cells)
    level = nan_median((cells / np.maximum(typical, LEAST_LIGHT)).reshape(len(cells), -1), axis=1)
    out = np.empty_like(cells)
    for t, alike in enumerate(season):
        own = nan_median(cells[alike])
        enough = np.isfinite(cells[alike]).sum(axis=0) >= FEWEST_OF_SEASON
        of_block = float(nan_median(level[alike]))
        out[t] = np.where(enough, own, typical * (of_block if np.isfinite(of_block) else 1.0))
    return out


def _ranked(cells: Floats, percentile: float) -> Floats:
    """(time, row, column) percentile of each neighbourhood, cells that were not seen filled from around."""
    known = np.isfinite(cells)
    sigma = (0.0, 2.0, 2.0)
    weight = gaussian_filter(known.astype(np.float64), sigma, mode="nearest")
    around = gaussian_filter(np.where(known, cells, 0.0), sigma, mode="nearest") / np.maximum(
        weight, LEAST_WEIGHT
    )
    filled = np.where(known, cells, np.where(weight > LEAST_WEIGHT, around, np.nan))
    ranked = percentile_filter(
        np.nan_to_num(filled, nan=1.0 if percentile == LIT_PERCENTILE else 0.0),
        percentile,
        size=(1, NEIGHBOURHOOD, NEIGHBOURHOOD),
        mode="nearest",
    )
    return np.asarray(ranked)
