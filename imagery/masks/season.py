"""How the ground should look on a day: its seasons' clear medians, fitted to what the scene shows lit.

Phenology, haze and level differ between the scene and the medians in the same way for like ground. A
robust regression of the scene on the medians of all seasons takes that out; what is in shadow has no say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numba
import numpy as np

from evidence.arrays import Floats, Floats32, Image, Mask
from evidence.quantity import YEAR_DAYS
from imagery.robust import cauchy_weights, nan_median, spread

USUAL_BANDS = ("blue", "red", "nir", "swir16")
"""Bands that histories are kept of; those that a site has."""
DECEMBER_DAYS = 31
"""December belongs to the winter that follows, days. By definition of the seasons."""
_EVERY = 4
"""Cells between two that a member's level is taken from: one in sixteen says the same.
Assumed."""
_BRIGHTER = 75
"""Percentile of the members' levels that stands for a season in full light (upper quartile). Assumed."""
_TINY = 1e-3
"""Reflectance that a divisor is held above, 1. Assumed."""
_HAZE = 0.1
"""Scale of the regression's constant column, so that its prior is that of the others:
reflectance, 1. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LightParams:
    """Sky light, and how far clear ground departs from what is expected of it, by band."""

    diffuse: Mapping[str, float] = field(
        default_factory=lambda: {"blue": 0.32, "red": 0.21, "nir": 0.16, "swir16": 0.10}
    )
    """Share of sky light under a clear sky, 1. Assumed; Rayleigh scattering falls with wavelength."""
    relative_error: Mapping[str, float] = field(
        default_factory=lambda: {"blue": 0.12, "red": 0.12, "nir": 0.10, "swir16": 0.12}
    )
    """Standard deviation of clear ground around its expectation, share of it. Assumed: what the calendar
    leaves open beside the sensor."""
    absolute_error: Mapping[str, float] = field(
        default_factory=lambda: {"blue": 0.012, "red": 0.007, "nir": 0.007, "swir16": 0.007}
    )
    """The same that does not grow with brightness, reflectance; haze hits the blue. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeasonLook:
    """Clear ground in one season. Fields of `bands` are (y, x) on cells, NaN where never seen."""

    day: float
    """Day of the year of the middle scene."""
    bands: Mapping[str, Image]
    scenes: int
    """How many went into the medians."""
    unsteady: Image
    """(y, x): by how much of itself the ground departs from the medians on an ordinary date; NaN: unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """The ground's usual reflectance, as it is known for one day."""

    basis: Mapping[str, Floats32]
    """Band to (season, y, x) on cells; NaN where nothing is known."""
    weights: Floats
    """(season,): share of each in what the day should look like; they sum to one."""
    unsteady: Floats32 | None = None
    """(season, y, x), as in `SeasonLook`."""

    def prior(self, band: str) -> Image:
        """What the calendar alone expects. (y, x)."""
        return weighted(np.ascontiguousarray(self.basis[band]), self.weights)


@numba.njit(cache=True)
def weighted(stack: Floats32, weights: Floats) -> Image:
    """Sum over the first axis of `stack` (n, y, x) times `weights` (n,): (y, x)."""
    _, height, width = stack.shape
    out = np.zeros((height, width), np.float32)
    for y in range(height):
        line = out[y]
        for k in range(weights.shape[0]):
            weight = np.float32(weights[k])
            if weight != 0.0:
                pixels = stack[k, y]
                for x in range(width):
                    line[x] += weight * pixels[x]
    return out


def season_look(
    days: Sequence[int],
    members: Sequence[Mapping[str, Image]],
    clear: Sequence[Mask],
    *,
    dark_member: float,
) -> SeasonLook | None:
    """Medians over the members, those that lie in shadow as a whole left out; None where none is left.

    Args:
        days: of the year, one per member.
        members: reflectance (y, x) on cells by band.
        clear: (y, x), free of cloud and snow.
        dark_member: share of the season's level in red and infrared below which a scene lies in shadow.
    """
    levels = [_levels(_stacked(band, members, clear, every=_EVERY)) for band in ("red", "nir")]
    known = np.isfinite(levels).all(axis=0)
    keep = known & ~((levels[0] < dark_member) & (levels[1] < dark_member))
    if not keep.any():
        return None
    turned = (np.array(days)[keep] + DECEMBER_DAYS) % YEAR_DAYS - DECEMBER_DAYS
    lit = [member for member, kept in zip(members, keep, strict=True) if kept]
    lit_clear = [mask for mask, kept in zip(clear, keep, strict=True) if kept]
    bands: dict[str, Image] = {}
    departures: list[Floats32] = []
    for band in members[0]:  # one after the other: all of a large site at once are hundreds of megabytes
        stack = _stacked(band, lit, lit_clear)
        bands[band] = nan_median(stack)
        if band in {"red", "nir"}:
            departures.append(_departures(stack, bands[band]))
    both, other = departures
    both += other
    both /= 2.0
    return SeasonLook(
        day=float(np.median(turned)), bands=bands, scenes=int(keep.sum()), unsteady=nan_median(both)
    )


def _stacked(
    band: str, members: Sequence[Mapping[str, Image]], clear: Sequence[Mask], *, every: int = 1
) -> Floats32:
    """(member, y, x): one band of all members at each `every`-th cell, NaN where not clear."""
    step = slice(None, None, every)
    images = [
        np.where(c[step, step], m[band][step, step], np.float32(np.nan))
        for m, c in zip(members, clear, strict=True)
    ]
    return np.stack(images)


def _departures(stack: Floats32, median: Image) -> Floats32:
    """By how much of itself each scene departs from the median, its level taken out; written over `stack`."""
    stack /= np.maximum(median, _TINY)
    for k in range(len(stack)):
        finite = stack[k][np.isfinite(stack[k])]
        stack[k] /= np.float32(np.median(finite, overwrite_input=True) if finite.size else 1.0)
    stack -= 1.0
    return np.abs(stack, out=stack)


def _levels(sample: Floats32) -> Floats:
    """Each member's brightness against the median of all, relative to the brighter ones.

    Args:
        sample: (member, y, x).
    """
    ratios = sample / nan_median(sample)
    level = np.array([np.median(r[np.isfinite(r)]) if np.isfinite(r).any() else np.nan for r in ratios])
    top = np.percentile(level[np.isfinite(level)], _BRIGHTER) if np.isfinite(level).any() else np.nan
    return np.asarray(level / top)


def basis_of(looks: Mapping[int, SeasonLook]) -> dict[str, Floats32]:
    """Band to (season, y, x); where a season never saw the ground, the median of the others stands in."""
    seasons = sorted(looks)
    bands = [band for band in USUAL_BANDS if all(band in looks[s].bands for s in seasons)]
    basis = {}
    for band in bands if seasons else []:
        stack = np.stack([looks[s].bands[band] for s in seasons])
        basis[band] = np.where(np.isnan(stack), nan_median(stack), stack)
    return basis


def usual_on(
    basis: Mapping[str, Floats32],
    season_days: Sequence[float],
    day_of_year: int,
    *,
    unsteady: Floats32 | None = None,
) -> Usual:
    """What is known for one day: its neighbours in the calendar by their distance."""
    days = np.array(season_days)
    order = np.argsort(days)
    ring = np.concatenate([days[order[-1:]] - YEAR_DAYS, days[order], days[order[:1]] + YEAR_DAYS])
    member = np.concatenate([order[-1:], order, order[:1]])
    after = int(np.clip(np.searchsorted(ring, day_of_year), 1, len(ring) - 1))
    span = max(float(ring[after] - ring[after - 1]), 1.0)
    share = float(np.clip((day_of_year - ring[after - 1]) / span, 0.0, 1.0))
    weights = np.zeros(len(days))
    weights[member[after - 1]] += 1.0 - share
    weights[member[after]] += share
    return Usual(basis=basis, weights=weights, unsteady=unsteady)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedParams:
    """The robust regression of a scene on its seasons' medians."""

    most_cells: int = 8000
    """Cells that are fitted. Assumed: more say the same."""
    least_cells: int = 60
    """Lit cells that it takes to trust the scene more than the calendar. Assumed."""
    least_share: float = 0.03
    """The same as a share of all cells, 1. Assumed."""
    first_tolerance: float = 0.35
    """Loss or gain of direct light within which ground counts as lit in the first round, 1. Assumed."""
    tolerance: float = 0.2
    """The same afterwards, 1. Assumed: twice the relative error of clear ground."""
    rounds: int = 4
    """Of fit and choice in turn. Assumed."""
    reweighted: int = 3
    """Steps of reweighted least squares within a round (Holland and Welsch 1977). Assumed."""
    least_noise: float = 0.01
    """Reflectance that the scatter around the fit is held above. Assumed: texture of clear 20 m cells."""
    coefficient_sd: float = 0.15
    """By how much the weights of the seasons may depart from the calendar's, 1. Assumed."""
    independent_cells: float = 200.0
    """Independent witnesses that all cells together are worth: neighbours err together. Assumed."""
    floor: float = 0.3
    """Share of the calendar's value that the fit cannot undercut, 1. Assumed."""


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
    cells: Mapping[str, Image],
    usual: Usual,
    clear: Mask,
    params: ExpectedParams | None = None,
    light: LightParams | None = None,
) -> Expected:
    """Fit the scene's lit ground on the seasons' medians.

    Args:
        cells: reflectance (y, x) by band.
        usual: what is known for the day.
        clear: (y, x), as far as the classes tell: no cloud, no snow.
        params: of the regression.
        light: of sky light and clear ground.
    """
    params, light = params or ExpectedParams(), light or LightParams()
    bands = [band for band in usual.basis if band in cells]
    prior = {band: usual.prior(band) for band in bands}
    good = clear & np.all([np.isfinite(prior[b]) & np.isfinite(cells[b]) for b in bands], axis=0)
    places = np.flatnonzero(good)
    places = places[:: max(1, len(places) // params.most_cells)]
    seen = np.stack([cells[b].ravel()[places] for b in bands]).astype(float)
    first = np.stack([prior[b].ravel()[places] for b in bands]).astype(float)
    columns = [_columns(usual.basis[b].reshape(len(usual.weights), -1)[:, places]) for b in bands]
    least = max(params.least_cells, params.least_share * places.size)
    change, lit = _rounds(bands, seen, first, columns, least, params, light)
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
            b: float(np.median(seen[k][lit] / np.maximum(first[k][lit], _TINY))) for k, b in enumerate(bands)
        },
    )


def light_lost(seen: Floats, expected: Floats, bands: list[str], light: LightParams) -> Floats:
    """Share of the direct light that is missing, all bands taken together by what they are worth.

    Args:
        seen: (band, n) reflectance.
        expected: (band, n) reflectance in full light.
        bands: names, in the order of the rows.
        light: diffuse share and errors by band.

    Returns:
        (n,) 0 where nothing is missing, 1 where no direct light falls.
    """
    direct = np.array([1.0 - light.diffuse[b] for b in bands])[:, None] * expected
    errors = (light.relative_error, light.absolute_error)
    relative, absolute = (np.array([t[b] for b in bands])[:, None] for t in errors)
    weight = direct / ((relative * expected) ** 2 + absolute**2)
    lost: Floats = (weight * (expected - seen)).sum(axis=0) / (weight * direct).sum(axis=0)
    return lost


def _columns(basis: Floats32) -> Floats:
    """(season + 1, n): the medians and a constant for haze."""
    return np.vstack([basis, np.full((1, basis.shape[1]), _HAZE)]).astype(float)


def _rounds(
    bands: list[str],
    seen: Floats,
    first: Floats,
    columns: list[Floats],
    least: float,
    params: ExpectedParams,
    light: LightParams,
) -> tuple[list[Floats], Mask | None]:
    """Changes of the coefficients by band, and the cells that are lit; None where there are too few."""
    change = [np.zeros(len(column)) for column in columns]
    lit: Mask | None = None
    for k in range(params.rounds):
        now = np.stack([first[b] + change[b] @ columns[b] for b in range(len(bands))])
        now = np.maximum(now, params.floor * np.maximum(first, _TINY))
        within = params.tolerance if k else params.first_tolerance
        chosen = np.abs(light_lost(seen, now, bands, light)) < within
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
    for _ in range(params.reweighted):
        noise = max(spread(left), params.least_noise)
        worth = params.independent_cells / noise**2 / weight.sum()
        normal = (columns * weight) @ columns.T * worth + np.eye(len(columns)) / params.coefficient_sd**2
        coefficients = np.linalg.solve(normal, (columns * weight) @ departure * worth)
        left = departure - coefficients @ columns
        weight = cauchy_weights(left)
    return coefficients


def _applied(prior: Image, basis: Floats32, change: Floats, params: ExpectedParams) -> Image:
    moved = weighted(basis, change[:-1])
    moved += prior
    moved += np.float32(_HAZE * change[-1])
    np.maximum(moved, np.float32(params.floor) * prior, out=moved)
    return moved
