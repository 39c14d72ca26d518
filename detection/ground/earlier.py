"""Looks of an older, coarser instrument as earlier looks of a finer one: a prior of what was there.

Landsat saw the ground from 2013, Sentinel-2 from 2016 or 2017. A 10 m record that begins with its own first
looks takes what was opened before them for the ground's nature. Here the coarse looks before the first fine
one are brought to the fine lattice, as the fine instrument would have seen them, and go before its own; the
engine stays as it is. The course of each cover on every look takes instrument and haze out; what one pixel
differs by from the coarse pixel about it is learnt on the years that both saw.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from scipy.ndimage import map_coordinates

from detection.ground.days import month_of
from detection.ground.expectation import fit_seasons, harmonics
from detection.ground.params import ONE, GroundParams
from detection.ground.series import SCALE, UNSEEN, GroundSeries, read_series
from evidence.arrays import Room

Floats = NDArray[np.float32]

OVERLAP_DAYS = 700
"""Of the years that both saw, in which is learnt what a pixel differs by from the coarse pixel about it: two
summers. Assumed."""
LEAST_SHARE = 0.08
"""Error of the bare share of a coarse pixel over some looks, 1. Assumed."""
BESIDE = 2
"""Looks before and after one over which that share is taken. Assumed."""
WHOLE = 0.99
"""Weight of clear coarse pixels about a fine one from which it was seen. Assumed."""


def with_earlier(
    series: GroundSeries, grid: GeoBox, coarse: xr.Dataset, params: GroundParams
) -> GroundSeries:
    """The looks of a site with those of a coarser instrument before them.

    Unchanged where the coarse record does not begin a whole anchor earlier, or hardly overlaps.

    Args:
        series: of the fine instrument.
        grid: of `series`.
        coarse: (time, y, x) of the other, on a lattice in the same zone; bands as `read_series` takes them.
        params: numbers.
    """
    other = read_series(coarse, params.looks)
    begins, ends = int(series.day[0]), int(series.day[0] + OVERLAP_DAYS)
    before = np.flatnonzero(other.day < begins)
    both = np.flatnonzero((other.day >= begins) & (other.day < ends))
    if (
        len(other.index) != len(series.index)
        or len(before) < params.events.least_looks
        or len(both) < params.events.least_looks
        or begins - other.day[0] < params.expectation.anchor_days
    ):
        return series
    fine = series.first(int(np.searchsorted(series.day, ends)))
    used = np.concatenate([before, both])
    index, haze = _refined(other, used, coarse.odc.geobox, grid)
    was = replace(other, index=index, haze=haze, day=other.day[used], shape=series.shape, early=series.early)
    n = len(before)
    kept = _remaining(was, n, params)
    terms = harmonics(was.day[:n])
    out = np.empty((len(index), n, index.shape[2]), np.int16)
    for i in range(len(index)):
        apart = _season(fine, i, params) - _season(_last(was, n), i, params)
        differs = apart[0] + terms @ apart[1:]
        common = np.median(differs, axis=1, keepdims=True)
        told = index[i, :n] * SCALE + common + kept * (differs - common)
        told = np.clip(np.round(told / SCALE), -1 / SCALE, 1 / SCALE)
        out[i] = np.where(index[i, :n] == UNSEEN, UNSEEN, told)
    return replace(
        series,
        index=_joined(out, series.index, series.room),
        haze=_joined(haze[:n], series.haze, series.room),
        day=np.concatenate([was.day[:n], series.day]),
        scene_ids=(*(other.scene_ids[k] for k in before), *series.scene_ids),
        older=n,
    )


def _joined(before: NDArray[Any], after: NDArray[Any], room: Room) -> NDArray[Any]:
    """Looks (…, time, pixel) of one instrument, then of the other."""
    n = before.shape[-2]
    out = room((*before.shape[:-2], n + after.shape[-2], before.shape[-1]), after.dtype.type)
    out[..., :n, :], out[..., n:, :] = before, after
    return out


def _last(series: GroundSeries, n: int) -> GroundSeries:
    """The looks from the n-th on."""
    return replace(series, index=series.index[:, n:], haze=series.haze[n:], day=series.day[n:])


def _season(series: GroundSeries, i: int, params: GroundParams) -> Floats:
    """(coefficient, pixel) of one index over all looks."""
    alone = replace(series, index=series.index[i : i + 1])
    sure = np.full(series.haze.shape, ONE, np.uint8)
    return fit_seasons(alone, sure, params.expectation)[0]


def _refined(
    other: GroundSeries, used: NDArray[np.int64], of: GeoBox, grid: GeoBox
) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """Indices and haze of some looks on the fine lattice, bilinear between the middles of coarse pixels."""
    to = ~of.transform * grid.transform
    columns, rows = np.meshgrid(np.arange(grid.shape[1]) + 0.5, np.arange(grid.shape[0]) + 0.5)
    x, y = to * (columns, rows)
    at = np.stack([y.ravel() - 0.5, x.ravel() - 0.5])

    def on(plane: Floats, order: Literal[0, 1] = 1) -> Floats:
        return np.asarray(map_coordinates(plane.reshape(other.shape), at, order=order, mode="nearest"))

    index = np.empty((len(other.index), len(used), at.shape[1]), np.int16)
    haze = np.empty(index.shape[1:], np.uint8)
    for k, look in enumerate(used):
        seen = other.index[0, look] != UNSEEN
        weight = on(seen.astype(np.float32))
        haze[k] = on(other.haze[look].astype(np.float32), order=0)
        for i in range(len(index)):
            value = on(np.where(seen, other.index[i, look], 0).astype(np.float32)) / np.maximum(weight, WHOLE)
            index[i, k] = np.where(weight >= WHOLE, np.round(value), UNSEEN)
    return index, haze


def _remaining(was: GroundSeries, n: int, params: GroundParams) -> Floats:
    """(time, pixel) of the `n` earlier looks: how much of what a pixel differs by was there already.

    A coarse pixel is bare in part. As far as it was less bare than it is in the years that both saw, what is
    bare of it now was green then: its fine pixels were alike. Bare shares are running medians, which keep
    steps, over looks of the months in which plants grow; other looks go by the nearest of these.
    """
    s = params.start
    month = month_of(was.day)
    grows = (month >= s.growing_months[0]) & (month < s.growing_months[1])
    seen = was.index[0] != UNSEEN
    value: Floats = np.where(seen, was.index[0] * np.float32(SCALE), np.nan)
    share: Floats = np.full(seen.shape, np.nan, np.float32)
    for k in np.flatnonzero(grows & seen.any(axis=1)):
        green = np.nanquantile(value[k], s.greenest)
        share[k] = (green - value[k]) / max(green - params.bare.ndvi, s.least_green)
    after = np.maximum(_middle(share[n:]), 0.0) + LEAST_SHARE
    told = np.flatnonzero(np.isfinite(share).any(axis=1))
    out = np.ones((n, was.index.shape[2]), np.float32)
    if not told.size:
        return out
    ratio = np.stack(
        [
            (np.maximum(_middle(share[told[max(k - BESIDE, 0) : k + BESIDE + 1]]), 0.0) + LEAST_SHARE) / after
            for k in range(len(told))
        ]
    )
    nearest = np.abs(was.day[:n, None] - was.day[None, told]).argmin(axis=1)
    out = ratio[nearest]
    return np.where(np.isfinite(out), np.minimum(out, 1.0), 1.0).astype(np.float32)


def _middle(share: Floats) -> Floats:
    """(pixel,) median over looks; NaN where there is none."""
    some = np.isfinite(share).any(axis=0)
    out = np.full(share.shape[1], np.nan, np.float32)
    out[some] = np.nanmedian(share[:, some], axis=0)
    return out
