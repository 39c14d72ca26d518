"""Ground that goes through the year alike, and what all of it did on one date.

A late spring, a wet summer, a late harvest or a flooded plain moves all ground of one cover at once, and most
of it stays where it is. Such a departure belongs to the cover, not to the pixel: it is taken out before any
pixel is judged. Covers are not classified; they are groups of pixels whose histories predict the same
year (k-means of the fitted season, Lloyd 1982), drawn the same way each time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detection.harmonics import DAYS_PER_YEAR, design
from imagery.robust import MAD_TO_SD

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Numbers = NDArray[np.int16]

SAMPLE = 20_000
"""Pixels that the groups are drawn from: every n-th of those with a season."""
ROUNDS = 15
"""Steps of Lloyd's algorithm; groups change little after ten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverParams:
    """Knobs of the groups, saved with the result."""

    groups: int = 16
    """Most groups on a site."""
    pixels_each: int = 1000
    """Pixels for each of them: a smaller site has fewer."""
    least_seen: int = 150
    """Undisturbed pixels of a group that a look must show; with fewer, the whole scene stands for it."""


def cover_groups(
    beta: Floats, whole_year: Bools, leaf_on: tuple[int, int], *, order: int, params: CoverParams
) -> Numbers:
    """The group of each pixel by the season that its history predicts; -1 without one.

    Args:
        beta: (coefficient, pixel) of a harmonic season without trend.
        whole_year: (pixel,) where the season is known in all months; elsewhere in leaf-on ones.
        leaf_on: first and last of these.
        order: harmonics.
        params: knobs.
    """
    months = np.arange(1, 13)
    season = (design((months - 0.5) * DAYS_PER_YEAR / 12, order=order) @ beta).T
    warm = (months >= leaf_on[0]) & (months <= leaf_on[1])
    finite = np.isfinite(season).all(axis=1)
    out = np.full(len(season), -1, np.int16)
    whole = np.flatnonzero(finite & whole_year)
    used = np.ones(12, np.bool_) if whole.size else warm
    learnt = whole if whole.size else np.flatnonzero(finite)
    if learnt.size == 0:
        return out
    count = min(params.groups, max(1, learnt.size // params.pixels_each))
    centres = _centres(season[learnt[:: max(1, learnt.size // SAMPLE)]][:, used], count)
    out[learnt] = _nearest(season[learnt][:, used], centres)
    rest = np.flatnonzero(finite & (out < 0))
    if rest.size:
        out[rest] = _nearest(season[rest][:, warm], centres[:, warm])
    return out


def _centres(season: Floats, count: int) -> Floats:
    """Middles of the groups: Lloyd's algorithm from even parts of the longest axis."""
    away = season - season.mean(axis=0)
    axis = np.linalg.eigh(away.T @ away)[1][:, -1]
    parts = np.array_split(np.argsort(away @ axis, kind="stable"), count)
    centres = np.stack([season[part].mean(axis=0) for part in parts if part.size])
    for _ in range(ROUNDS):
        group = _nearest(season, centres)
        sizes = np.bincount(group, minlength=len(centres))
        sums = np.stack([np.bincount(group, column, len(centres)) for column in season.T], axis=1)
        centres = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
    return centres


def _nearest(season: Floats, centres: Floats) -> NDArray[np.int64]:
    distance = (centres**2).sum(axis=1) - 2.0 * season @ centres.T
    return np.asarray(np.argmin(distance, axis=1), np.int64)


def common_departure(
    departure: Floats | NDArray[np.float32], scale: Floats, cover: Numbers, told: Bools, params: CoverParams
) -> tuple[Floats, Floats, Bools]:
    """What each cover did on one date: the middle and the spread of its departures.

    Args:
        departure: (pixel,) from what the history predicts, NaN where not seen.
        scale: (pixel,) expected scatter of it.
        cover: (pixel,) from `cover_groups`.
        told: (pixel,) pixels that tell what their cover does: those without an alert.
        params: knobs.

    Returns:
        Middle (group + 1,) in units of the departure; spread (group + 1,) in units of what is expected, at
        least one; the last element of both is that of the whole scene, and -1 indexes it. Covers of which too
        little was seen, for which the scene stands: (group,).
    """
    used = np.flatnonzero(np.isfinite(departure) & np.isfinite(scale) & told)
    count = int(cover.max(initial=-1)) + 1
    middle, spread, hidden = np.zeros(count + 1), np.ones(count + 1), np.ones(count, np.bool_)
    if used.size == 0:
        return middle, spread, hidden
    values, scales, numbers = departure[used], scale[used], cover[used]
    middle[:], spread[:] = _middle(values, scales)
    for number in range(count):
        here = numbers == number
        if here.sum() >= params.least_seen:
            middle[number], spread[number] = _middle(values[here], scales[here])
            hidden[number] = False
    return middle, spread, hidden


def _middle(values: NDArray[np.floating], scale: Floats) -> tuple[float, float]:
    centre = float(np.median(values))
    return centre, max(1.0, MAD_TO_SD * float(np.median(np.abs(values - centre) / scale)))
