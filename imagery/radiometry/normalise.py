"""How a scene's level compares with its season's, on ground that does not change; and taking it out.

Pseudo-invariant ground is what departs least from its season's medians, scene by scene. A robust line
through it, scene against usual look, holds what atmosphere, platform and processing baseline leave. The
spread around the line is the residual. Whether to take the line out is a choice (`NormaliseHow`): the table
in docs/imagery-cube.md shows what it is worth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

import numpy as np

from evidence.arrays import Floats, Image, Mask
from imagery.masks.season import Usual
from imagery.robust import cauchy_weights, spread

STAND_INS = {
    "green": ("blue", "red"),
    "rededge1": ("red", "nir"),
    "rededge2": ("nir",),
    "rededge3": ("nir",),
    "nir08": ("nir",),
    "swir22": ("swir16",),
}
"""Bands without a usual look take the mean of their neighbours' lines."""
_UNKNOWN = 9.0
"""Unsteadiness of ground that is not known: more than any limit, 1. Assumed."""
_TINY = 1e-3
"""Reflectance that a divisor is held above, 1. Assumed."""


class NormaliseHow(StrEnum):
    """What of the line is taken out."""

    NONE = "none"
    OFFSET = "offset"
    GAIN = "gain"
    LINE = "line"


@dataclass(frozen=True, slots=True, kw_only=True)
class NormaliseParams:
    """Invariant ground, and what of a scene's line through it is taken out."""

    how: NormaliseHow = NormaliseHow.NONE
    invariant_share: float = 0.2
    """Share of the known ground that counts as invariant, 1: the steadiest. Assumed."""
    most_unsteady: float = 0.08
    """And none that departs by more than this share of itself on an ordinary date, 1. Assumed."""
    least_cells: int = 100
    """Invariant cells that a line needs. Assumed."""
    most_cells: int = 100_000
    """That are looked at for invariant ground. Assumed: more say the same."""
    largest_gain: float = 1.25
    """A line steeper than this, or flatter than its inverse, is not believed, 1. Assumed."""
    largest_offset: float = 0.03
    """And none with a larger offset, reflectance. Assumed."""
    rounds: int = 5
    """Of reweighted least squares (Holland and Welsch 1977). Assumed."""
    slope_prior: float = 0.005
    """Reflectance: ground that varies less than this around its median has the slope one. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A scene against its season on invariant ground: ``scene = gain * usual + offset``."""

    gain: Mapping[str, float]
    offset: Mapping[str, float]
    residual: float
    """Robust sd of the invariant ground around the lines, reflectance, median of the bands; NaN: unknown."""
    ratio: float
    """Median of scene over usual look, median of the bands; NaN: unknown."""
    cells: int


UNKNOWN = Level(gain={}, offset={}, residual=float("nan"), ratio=float("nan"), cells=0)


def invariant_ground(usual: Usual, params: NormaliseParams) -> Mask:
    """The steadiest ground of the day's season. (y, x) on cells."""
    if usual.unsteady is None:
        return np.zeros(next(iter(usual.basis.values())).shape[1:], bool)
    weighted = np.tensordot(usual.weights.astype(np.float32), np.nan_to_num(usual.unsteady, nan=_UNKNOWN), 1)
    known = weighted[weighted < params.most_unsteady]
    if not known.size:
        return np.zeros(weighted.shape, bool)
    wanted = max(params.invariant_share * weighted.size, float(params.least_cells))
    limit = float(np.quantile(known, min(1.0, wanted / known.size)))
    found: Mask = (weighted <= limit) & (weighted < params.most_unsteady)
    return found


def scene_level(
    cells: Mapping[str, Image], usual: Usual, clear: Mask, params: NormaliseParams | None = None
) -> Level:
    """Lines through invariant ground.

    Args:
        cells: reflectance (y, x) by band.
        usual: what is known for the day.
        clear: (y, x), neither cloud nor shadow nor snow nor missing.
        params: knobs.
    """
    params = params or NormaliseParams()
    cells, usual, clear = _thinned(cells, usual, clear, params.most_cells)
    chosen = invariant_ground(usual, params) & clear
    bands = [band for band in usual.basis if band in cells]
    pairs = {band: (usual.prior(band)[chosen], cells[band][chosen]) for band in bands}
    good = np.all([np.isfinite(a) & np.isfinite(b) for a, b in pairs.values()], axis=0) if pairs else []
    if int(np.sum(good)) < params.least_cells:
        return UNKNOWN
    lines, spreads, ratios = {}, [], []
    for band, (reference, seen) in pairs.items():
        x, y = reference[good].astype(float), seen[good].astype(float)
        lines[band] = _line(x, y, params)
        gain, offset = lines[band]
        spreads.append(spread(y - gain * x - offset))
        ratios.append(float(np.median(y / np.maximum(x, _TINY))))
    return Level(
        gain={band: line[0] for band, line in lines.items()},
        offset={band: line[1] for band, line in lines.items()},
        residual=float(np.median(spreads)),
        ratio=float(np.median(ratios)),
        cells=int(np.sum(good)),
    )


def _thinned(
    cells: Mapping[str, Image], usual: Usual, clear: Mask, most: int
) -> tuple[dict[str, Image], Usual, Mask]:
    """At most about `most` cells of a large site, evenly spread: more say the same."""
    step = max(1, round(sqrt(clear.size / most)))
    thin = (slice(None, None, step), slice(None, None, step))
    unsteady = None if usual.unsteady is None else usual.unsteady[:, *thin]
    basis = {band: stack[:, *thin] for band, stack in usual.basis.items()}
    sparse = Usual(basis=basis, weights=usual.weights, unsteady=unsteady)
    return {band: image[thin] for band, image in cells.items()}, sparse, clear[thin]


def _line(x: Floats, y: Floats, params: NormaliseParams) -> tuple[float, float]:
    """(gain, offset) by what is to be taken out; robust, through the medians."""
    middle_x, middle_y = float(np.median(x)), float(np.median(y))
    if params.how is NormaliseHow.GAIN:
        gain, offset = middle_y / max(middle_x, _TINY), 0.0
    elif params.how is NormaliseHow.LINE:
        gain = _slope(x - middle_x, y - middle_y, params)
        offset = middle_y - gain * middle_x
    else:
        gain, offset = 1.0, middle_y - middle_x
    believed = 1 / params.largest_gain <= gain <= params.largest_gain
    if not believed or abs(offset) > params.largest_offset:
        return 1.0, 0.0
    return gain, offset


def _slope(x: Floats, y: Floats, params: NormaliseParams) -> float:
    """Slope by reweighted least squares, drawn to one where the ground hardly varies."""
    slope, weight = 1.0, np.ones(x.size)
    for _ in range(params.rounds):
        weight = cauchy_weights(y - slope * x)
        prior = weight.sum() * params.slope_prior**2
        slope = float(((weight * x * y).sum() + prior) / ((weight * x * x).sum() + prior))
    return slope


def normalised(image: Image, band: str, level: Level) -> Image:
    """The band with the line taken out; as it is where the level is unknown."""
    sources = [b for b in (band, *STAND_INS.get(band, ())) if b in level.gain]
    if not sources:
        return image
    used = [band] if band in level.gain else sources
    gain = float(np.mean([level.gain[b] for b in used]))
    offset = float(np.mean([level.offset[b] for b in used]))
    result: Image = ((image - np.float32(offset)) / np.float32(gain)).astype(np.float32)
    return result
