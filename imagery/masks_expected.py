"""The scene as it would look without clouds and their shadows: a robust fit of its lit ground."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imagery.masks_usual import ABSOLUTE_ERROR, DIFFUSE, RELATIVE_ERROR, Usual, weighted
from imagery.robust import cauchy_weights, spread

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedParams:
    """Knobs of the fit."""

    most_cells: int = 8000
    """Cells that are fitted; more say the same."""
    least_cells: int = 60
    least_share: float = 0.03
    """Lit cells, of all, that it takes to trust the scene more than the calendar."""
    first_tolerance: float = 0.35
    tolerance: float = 0.2
    """Loss or gain of light within which ground counts as lit, in the first round and afterwards."""
    rounds: int = 4
    coefficient_sd: float = 0.15
    """By how much the weights of the seasons may depart from the calendar's."""
    independent_cells: float = 200.0
    """What the cells are worth: neighbours err together."""
    floor: float = 0.3
    """Of the calendar's value, which the fit cannot undercut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the scene should show."""

    bands: Mapping[str, Image]
    """(y, x) on cells; NaN where nothing is known."""
    prior: Mapping[str, Image]
    """What the calendar alone expects, like `bands`."""
    residual: Mapping[str, float]
    """Robust spread of the lit ground around it, by band; NaN where the calendar had to do."""
    level: Mapping[str, float]
    """Lit ground's median, scene over calendar, by band; NaN where the calendar had to do."""


def expected_look(
    cells: Mapping[str, Image], usual: Usual, clear: Mask, params: ExpectedParams | None = None
) -> Expected:
    """Fit the scene's lit ground on the seasons' medians.

    Args:
        cells: reflectance (y, x) by band.
        usual: what is known for the day.
        clear: (y, x), as far as the classes tell: no cloud, no snow.
        params: knobs.
    """
    params = params or ExpectedParams()
    bands = [band for band in usual.basis if band in cells]
    prior = {band: usual.prior(band) for band in bands}
    good = clear & np.all([np.isfinite(prior[b]) & np.isfinite(cells[b]) for b in bands], axis=0)
    places = np.flatnonzero(good)
    places = places[:: max(1, len(places) // params.most_cells)]
    seen = np.stack([cells[b].ravel()[places] for b in bands]).astype(float)
    first = np.stack([prior[b].ravel()[places] for b in bands]).astype(float)
    columns = [_columns(usual.basis[b].reshape(len(usual.weights), -1)[:, places]) for b in bands]
    least = max(params.least_cells, params.least_share * places.size)
    change, lit = _rounds(bands, seen, first, columns, least, params)
    if lit is None:
        nothing = dict.fromkeys(bands, float("nan"))
        return Expected(bands=prior, prior=prior, residual=nothing, level=nothing)
    fitted = {
        band: _applied(prior[band], usual.basis[band], change[k], params) for k, band in enumerate(bands)
    }
    left = [seen[k] - first[k] - change[k] @ columns[k] for k in range(len(bands))]
    return Expected(
        bands=fitted,
        prior=prior,
        residual={b: spread(left[k][lit]) for k, b in enumerate(bands)},
        level={
            b: float(np.median(seen[k][lit] / np.maximum(first[k][lit], 1e-3))) for k, b in enumerate(bands)
        },
    )


def light_lost(seen: Floats, expected: Floats, bands: list[str]) -> Floats:
    """Share of the direct light that is missing, all bands taken together by what they are worth: (n,)."""
    direct = np.array([1.0 - DIFFUSE[b] for b in bands])[:, None] * expected
    relative, absolute = (np.array([t[b] for b in bands])[:, None] for t in (RELATIVE_ERROR, ABSOLUTE_ERROR))
    weight = direct / ((relative * expected) ** 2 + absolute**2)
    lost: Floats = (weight * (expected - seen)).sum(axis=0) / (weight * direct).sum(axis=0)
    return lost


def _columns(basis: NDArray[np.float32]) -> Floats:
    """(season + 1, n): the medians and a constant for haze."""
    return np.vstack([basis, np.full((1, basis.shape[1]), 0.1)]).astype(float)


def _rounds(
    bands: list[str],
    seen: Floats,
    first: Floats,
    columns: list[Floats],
    least: float,
    params: ExpectedParams,
) -> tuple[list[Floats], Mask | None]:
    """Changes of the coefficients by band, and the cells that are lit; None where there are too few."""
    change = [np.zeros(len(column)) for column in columns]
    lit: Mask | None = None
    for k in range(params.rounds):
        now = np.stack([first[b] + change[b] @ columns[b] for b in range(len(bands))])
        now = np.maximum(now, params.floor * np.maximum(first, 1e-3))
        within = params.tolerance if k else params.first_tolerance
        chosen = np.abs(light_lost(seen, now, bands)) < within
        if chosen.sum() < least:
            break
        lit = chosen
        change = [_ridge(columns[b][:, lit], seen[b][lit] - first[b][lit], params) for b in range(len(bands))]
    return change, lit


def _ridge(columns: Floats, departure: Floats, params: ExpectedParams) -> Floats:
    """Coefficients by reweighted least squares, held near nothing."""
    weight = np.ones(departure.size)
    left = departure
    coefficients = np.zeros(len(columns))
    for _ in range(3):
        noise = max(spread(left), 0.01)
        worth = params.independent_cells / noise**2 / weight.sum()
        normal = (columns * weight) @ columns.T * worth + np.eye(len(columns)) / params.coefficient_sd**2
        coefficients = np.linalg.solve(normal, (columns * weight) @ departure * worth)
        left = departure - coefficients @ columns
        weight = cauchy_weights(left)
    return coefficients


def _applied(prior: Image, basis: NDArray[np.float32], change: Floats, params: ExpectedParams) -> Image:
    moved = weighted(basis, change[:-1])
    moved += prior
    moved += np.float32(0.1 * change[-1])
    np.maximum(moved, np.float32(params.floor) * prior, out=moved)
    return moved
