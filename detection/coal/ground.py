"""Ground under and around coal: factors fitted to coal-free pixels, carried to those that may hold coal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, label

from detection.coal.background import RIDGE, Factors, fit_factors, information, predicted, project
from detection.coal.blocks import Block
from detection.coal.matched_filter import MINIMUM_RING
from detection.coal.mixture import Uncertain
from detection.coal.smoothing import BRIEF_TAU_DAYS, EIGHT, Lattice, nan_median, smooth_time

Floats = NDArray[np.float64]

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class FractionParams:
    """Knobs of the fraction, chosen on painted layouts that are not used for judging."""

    rank: int = 6
    """Loadings per pixel. Assumed."""
    rounds: int = 3
    """Turns of background, fraction and spectrum. Assumed."""
    own_spectrum: bool = True
    """Whether the cores of piles say what coal looks like here; in a search rivers may be among them."""
    onset_alone: bool = False
    """Whether coal that came is taken for all the coal there is, and what was there before for free of it: in
    found ground that lies alone, where wet ground of another year would else pass for more of it."""
    controls: int = 2500
    """Coal-free pixels that the background is fitted to."""
    temper: float = 0.3
    """Share of a look's information that counts: residuals of one pixel resemble each other. Assumed."""
    neighbours_px: float = 4.0
    """Distance over which loadings of neighbours tell about a pixel. Assumed."""
    haze_px: float = 6.0
    """Distance over which residuals of one date are smooth. Assumed."""
    free_below: float = 0.2
    """Smoothed fraction under which a look counts as coal-free. Assumed."""
    sure_above: float = 0.6
    """Smoothed fraction above which a look counts as coal at once. Assumed."""
    spell_days: float = 120.0
    """Over how long a lower fraction must last to count as coal: ground is wet for weeks. Assumed."""
    partly_below: float = 0.4
    """Smoothed fraction above which a look no longer speaks of the ground below: it would confirm itself.
    Assumed."""
    steadiness: float = 0.1
    """How far a fraction moves between neighbouring looks, one standard deviation. Assumed."""
    tau_days: float = 25.0
    """Over how long neighbouring looks count for that. Assumed."""
    texture: float = 0.03
    """How far one band of one pile's coal differs from the site's, relative. Assumed."""
    brightness: float = 0.1
    """How far the coal of one pile is brighter or darker as a whole, relative: wet, dusty, lit otherwise.
    Assumed."""
    widening: float = 1.5
    """Factor on the spread of loadings between neighbours: piles stand on unusual ground. Assumed."""


BARE_READS_AS = 0.1
"""Fraction, against the surroundings, from which the ground of a zone counts as a yard. Assumed."""

GROUND_QUANTILE = 0.6
"""Quantile of a zone's brightness at which the first guess of its ground lies: coal is darker than yards.
Assumed."""

COAL_FREE = 0.25
"""Mean fraction below which a pixel tells what the yard looks like. Assumed."""

NOISE = 0.006
"""Reflectance: what one band of one look is off by. Assumed."""

TEXTURE = 0.3
"""How far one part of a yard is brighter as a whole than another, relative. Assumed."""

LEAST_CONTRAST = 0.02
"""Mean difference of ground and coal, reflectance, below which nothing can be told. Assumed."""


def yard_fractions(pixels: Floats, seen: Bools, coal: Floats) -> tuple[Floats, Bools] | None:
    """Coal against the yard's own ground, date by date.

    Args:
        pixels: (time, n, band) reflectance of one zone.
        seen: (time, n).
        coal: (band,) spectrum.

    Returns:
        (time, n) fraction (NaN where not told), (n,) bare ground; None where ground and coal cannot be told
        apart.
    """
    if pixels.shape[1] < MINIMUM_RING:
        return None
    shown = np.where(seen[..., None], pixels, np.nan)
    dates = np.flatnonzero(seen.sum(axis=1) > 0.5 * seen.shape[1])
    if not len(dates):
        return None
    ground = np.nanquantile(shown[dates], GROUND_QUANTILE, axis=1)
    bare = np.ones(seen.shape[1], dtype=bool)
    fraction = np.full(seen.shape, np.nan)
    for _ in range(YARD_TURNS):
        fraction[dates] = _against(shown[dates], ground, coal)
        level = np.nan_to_num(nan_median(fraction[dates]), nan=1.0)
        bare = level < COAL_FREE
        if bare.sum() < MINIMUM_RING // 2:
            return None
        ground = np.where(np.isfinite(at := nan_median(shown[dates][:, bare], axis=1)), at, ground)
    if np.median(ground - coal, axis=0).mean() < LEAST_CONTRAST:
        return None
    return fraction, bare


def _against(shown: Floats, ground: Floats, coal: Floats) -> Floats:
    """(time, n) matched fraction, brightness of the ground allowed for."""
    out = np.empty(shown.shape[:2])
    for t, base in enumerate(ground):
        covariance = NOISE**2 * np.eye(len(coal)) + TEXTURE**2 * np.outer(base, base)
        weight = np.linalg.solve(covariance, coal - base)
        out[t] = (shown[t] - base) @ weight / (weight @ (coal - base))
    return out


Positions = NDArray[np.intp]
YARD_TURNS = 3
"""Turns of the first guess of a yard's ground. Assumed."""
FEWEST_OWN = 30
"""Coal-free pixels of a zone that tell how its ground varies. Assumed."""
OUTLIER_SD = 5.0
"""Standard deviations beyond which a coal-free pixel says nothing of haze. Assumed."""
SHRINKAGE_LOCAL = 4.0
"""Pixels at which what lies around weighs half. Assumed."""
NEAR_TAU_DAYS, OTHER_COAL, TWO_LOOKS = 25.0, 0.3, 0.82
"""Coal outside zones, that no background is learned from: days over which looks speak together, fraction,
and the standard error of about two looks. Assumed."""
RIDGE_LOADINGS = 1e-3
"""Variance added to the spread of loadings. Assumed: rounding."""

YARD_QUANTILE = 0.25
"""Share of a zone that is taken to be bare ground at least. Assumed."""

HIGHEST_YARD_LEVEL = 0.35
"""Fraction of coal that bare ground reads as at most: a zone may be full of coal. Assumed."""

COAL_AT_FIRST = 0.35
"""First fraction above which a pixel and its neighbours in a yard are not taken for ground. Assumed."""

FREE_LOOKS = 4
"""Coal-free looks from which the loadings of a pixel tell about its neighbours. Assumed."""

PIXELS_OF_PRIOR = 60.0
"""Bare pixels of one date at which their own scatter weighs as much as that of all dates. Assumed."""


@dataclass(slots=True, kw_only=True)
class Controls:
    """Coal-free pixels that the factors were fitted to."""

    at: Positions
    """(m,) flat positions."""
    pixels: Floats
    """(time, m, band)."""
    seen: Bools
    """(time, m)."""
    loadings: Floats
    """(m, rank)."""
    rest: Floats
    """(time, m, band) what the factors leave, zero where not seen."""


@dataclass(slots=True, kw_only=True)
class Ground:
    """Pixels that may hold coal, and all that says what lies below it. Improved in turns."""

    params: FractionParams
    lattice: Lattice
    dates: Positions
    """Positions of the dates with enough coal-free ground among those of the block."""
    days: Floats
    where: Positions
    """(n,) flat positions of the pixels that may hold coal."""
    target: Floats
    """(time, n, band)."""
    seen: Bools
    """(time, n)."""
    first: Floats
    """(time, n) fraction to begin with."""
    base: Floats
    """(time, n, band) median plus local residual."""
    prior_mean: Floats
    """(n, rank) loadings that neighbours suggest."""
    prior_precision: Floats
    """(rank, rank) how much that is worth."""
    loads: Floats
    """(time, band, rank)."""
    control_noise: Floats
    """(time, band, band) what the factors leave of coal-free pixels."""
    noise: Floats
    """(time, band, band) the same of the bare ground inside the zones, once it is known."""
    middle: Floats
    """(time, band)."""
    controls: Controls
    inner: Bools
    """(n,) inside a zone, not at its edge."""
    zones: Positions
    """(n,) which connected piece of suspect ground a pixel belongs to."""

    def begun(self, first: Floats, coal: Floats) -> tuple[Floats, Bools]:
        """Fractions (time, n) to begin with, and looks surely free of coal."""
        smooth, free = first.copy(), np.zeros_like(self.seen)
        for zone in np.unique(self.zones):
            inner = (self.zones == zone) & self.inner
            found = yard_fractions(self.target[:, inner], self.seen[:, inner], coal)
            if found is None or np.median(first[:, inner][:, found[1]]) < BARE_READS_AS:
                continue
            mean, _ = smooth_time(found[0], np.ones(1), self.days, tau_days=BRIEF_TAU_DAYS)
            smooth[:, inner] = np.clip(mean, 0.0, 1.0)
            free[:, inner] = mean < self.params.free_below
            free[:, inner] &= ~self.beside(_placed(mean > COAL_AT_FIRST, inner))[:, inner]
        return smooth, free & self.seen

    def yard_level(self, mean: Floats) -> Floats:
        """(time, n) what the bare ground of a pixel's zone reads as, from the lower part of the zone."""
        level = np.zeros_like(mean)
        shown = np.where(self.seen, mean, np.nan)
        for zone in np.unique(self.zones):
            member = self.zones == zone
            inner = member & self.inner
            some = np.isfinite(shown[:, inner]).sum(axis=1) >= FEWEST_OWN
            if some.any():
                low = np.nanquantile(shown[np.ix_(some, inner)], YARD_QUANTILE, axis=1)
                level[np.ix_(some, member)] = np.clip(low, 0.0, HIGHEST_YARD_LEVEL)[:, None]
        return level

    def learn(self, free: Bools, loadings: Floats) -> None:
        """Let coal-free ground inside the zones say what lies under the coal beside it, date by date."""
        looks = free.sum(axis=0)
        bare = (looks >= FREE_LOOKS) & (looks > 0.5 * self.seen.sum(axis=0))
        if bare.sum() < FEWEST_OWN:
            return
        params, controls = self.params, self.controls
        sources = np.concatenate([controls.at, self.where[bare]])
        z = np.concatenate([controls.loadings, loadings[bare]])
        self.prior_mean = suggested(self.lattice, z, sources, self.where, params)
        self.prior_precision = _precision(loadings[bare] - self.prior_mean[bare], params)
        rest = self.target[:, bare] - self.middle[:, None] - predicted(self.loads, loadings[bare])
        seen = np.concatenate([controls.seen, free[:, bare]], axis=1)
        every = np.concatenate([controls.rest, rest], axis=1) * seen[..., None]
        local = local_residual(
            self.lattice, every, seen, self.control_noise, sources, self.where, params.haze_px
        )
        self.base = self.middle[:, None] + local
        self.noise = own_noise(
            (rest - local[:, bare]) * free[:, bare, None], free[:, bare], self.control_noise
        )

    def below(self, smooth: Floats, free: Bools, spectrum: Floats) -> tuple[Floats, Floats, Floats]:
        """(time, n, band) ground without coal, (n, rank, rank) covariance of its loadings, the loadings."""
        params = self.params
        contrast = spectrum - self.middle
        wide = self.noise + params.steadiness**2 * contrast[:, :, None] * contrast[:, None, :]
        share = np.clip(smooth, 0.0, 0.8)[..., None]
        bare = (self.target - share * spectrum[:, None]) / (1.0 - share) - self.base
        partly = self.seen * ~free * (1.0 - smooth) ** 2 * (smooth < params.partly_below)
        looks: list[tuple[Floats, Floats | Bools, Floats, Floats]] = [
            (
                self.target - self.base,
                np.asarray(self.seen * free * params.temper, dtype=np.float64),
                *information(self.loads, self.noise),
            ),
            (bare, partly * params.temper, *information(self.loads, wide)),
        ]
        z, spread = project(
            looks, self.loads, prior_mean=self.prior_mean, prior_precision=self.prior_precision
        )
        return self.base + predicted(self.loads, z), spread, z

    def unknown(self, spread: Floats) -> Uncertain:
        """What stays open when the loadings are known up to `spread` (n, rank, rank)."""
        return Uncertain(
            loads=self.loads,
            spread=spread,
            noise=self.noise,
            texture=self.params.texture,
            brightness=self.params.brightness,
        )

    def expected_controls(self) -> Floats:
        """(time, m, band) what the factors expect of the coal-free pixels."""
        return self.middle[:, None] + predicted(self.loads, self.controls.loadings)

    def beside(self, coal: Bools) -> Bools:
        """(time, n) coal and its neighbours."""
        shape = (len(self.days), self.lattice.rows, self.lattice.columns)
        full = np.zeros((len(self.days), shape[1] * shape[2]), dtype=bool)
        full[:, self.where] = coal
        wide = binary_dilation(full.reshape(shape), structure=EIGHT[None])
        return np.asarray(wide.reshape(len(self.days), -1)[:, self.where])

    def placed(self, values: Floats, dates: int) -> Floats:
        """(dates, y, x) of values (time, n), NaN elsewhere."""
        out = np.full((dates, self.lattice.rows * self.lattice.columns), np.nan)
        out[np.ix_(self.dates, self.where)] = values
        return out.reshape(dates, self.lattice.rows, self.lattice.columns)


def ground_of(block: Block, first: Floats, params: FractionParams) -> Ground | None:
    """Factors of a block's coal-free pixels, carried to the suspect ones; None where there are too few."""
    mean, error = smooth_time(first, np.ones(1), block.days, tau_days=NEAR_TAU_DAYS)
    other = ((mean > OTHER_COAL) & (error < TWO_LOOKS)).any(axis=0)
    where = np.flatnonzero(binary_dilation(block.suspect, iterations=2).ravel())
    there = np.flatnonzero(~binary_dilation(block.suspect | other, iterations=2).ravel())
    there = there[:: max(1, len(there) // params.controls)]
    flat = np.nan_to_num(block.pixels.reshape(len(first), -1, block.pixels.shape[-1]))
    seen = block.seen.reshape(len(first), -1)
    if len(there) < MINIMUM_RING or not len(where):
        return None
    factors, _ = fit_factors(flat[:, there], seen[:, there], rank=params.rank, minimum=MINIMUM_RING)
    if not factors.usable.any():
        return None
    return _carried(block, first.reshape(len(first), -1), factors, flat, seen, there, where, params)


def _carried(
    block: Block,
    first: Floats,
    factors: Factors,
    flat: Floats,
    seen: Bools,
    there: Positions,
    where: Positions,
    params: FractionParams,
) -> Ground:
    dates = np.flatnonzero(factors.usable)
    lattice = Lattice(rows=block.suspect.shape[0], columns=block.suspect.shape[1])
    middle, loads, noise = factors.middle[dates], factors.loads[dates], factors.noise[dates]
    controls = _controls(flat[dates][:, there], seen[dates][:, there], there, middle, loads, noise)
    z = controls.loadings
    local = local_residual(lattice, controls.rest, controls.seen, noise, there, where, params.haze_px)
    return Ground(
        params=params,
        lattice=lattice,
        dates=dates,
        days=block.days[dates],
        where=where,
        target=flat[dates][:, where],
        seen=seen[dates][:, where],
        first=np.where(seen[dates][:, where], first[dates][:, where], np.nan),
        base=middle[:, None] + local,
        prior_mean=suggested(lattice, z, there, where, params),
        prior_precision=_precision(z - suggested(lattice, z, there, there, params), params),
        loads=loads,
        control_noise=noise,
        noise=noise,
        middle=middle,
        controls=controls,
        inner=binary_erosion(block.suspect, iterations=1).ravel()[where],
        zones=label(binary_dilation(block.suspect, iterations=2))[0].ravel()[where].astype(np.intp),
    )


def _controls(
    pixels: Floats, seen: Bools, at: Positions, middle: Floats, loads: Floats, noise: Floats
) -> Controls:
    away = np.where(seen[..., None], pixels - middle[:, None], 0.0)
    z, _ = project([(away, seen, *information(loads, noise))], loads)
    rest = np.where(seen[..., None], away - predicted(loads, z), 0.0)
    return Controls(at=at, pixels=pixels, seen=seen, loadings=z, rest=rest)


def suggested(lattice: Lattice, z: Floats, of: Positions, at: Positions, params: FractionParams) -> Floats:
    """(m, rank) loadings that neighbours suggest, the pixel itself left out."""
    total = lattice.others(np.vstack([z.T, np.ones(len(z))]), of, at, params.neighbours_px)
    return np.asarray((total[:-1] / (total[-1] + 0.5)).T)


def _precision(away: Floats, params: FractionParams) -> Floats:
    """(rank, rank) of what neighbours suggest, from how far off they are where it is known."""
    spread = away.T @ away / len(away) + RIDGE_LOADINGS * np.eye(away.shape[1])
    return np.asarray(np.linalg.inv(spread * params.widening), dtype=np.float64)


def own_noise(rest: Floats, seen: Bools, of_controls: Floats) -> Floats:
    """(time, band, band) covariance of what is left of bare ground, each date's own as far as it was seen.

    Args:
        rest: (time, n, band) zero where not seen.
        seen: (time, n).
        of_controls: (time, band, band) what stands in where little was seen.
    """
    squares = rest.transpose(0, 2, 1) @ rest
    count = seen.sum(axis=1)[:, None, None].astype(np.float64)
    pooled = (squares.sum(axis=0) + PIXELS_OF_PRIOR * of_controls.mean(axis=0)) / (
        count.sum() + PIXELS_OF_PRIOR
    )
    ridge = RIDGE * np.eye(rest.shape[2])
    return np.asarray((squares + PIXELS_OF_PRIOR * pooled) / (count + PIXELS_OF_PRIOR) + ridge)


def local_residual(
    lattice: Lattice, rest: Floats, seen: Bools, noise: Floats, of: Positions, at: Positions, haze_px: float
) -> Floats:
    """(time, m, band) what haze and light do to one part of one date, from the coal-free pixels around."""
    limit = OUTLIER_SD * np.sqrt(np.trace(noise, axis1=1, axis2=2))[:, None]
    kept = seen & (np.abs(rest).max(axis=2) < limit)
    weight = lattice.sums(kept.astype(np.float64), of, at, haze_px)
    out = np.empty((len(rest), len(at), rest.shape[2]))
    for band in range(rest.shape[2]):
        out[..., band] = lattice.sums(rest[..., band] * kept, of, at, haze_px) / (weight + SHRINKAGE_LOCAL)
    return out


def _placed(part: Bools, inner: Bools) -> Bools:
    """(time, n) of some pixels among all."""
    out = np.zeros((len(part), len(inner)), dtype=bool)
    out[:, inner] = part
    return out
