"""Coal fraction of every pixel that may hold coal, on every date, against the ground that would be there.

The background comes from `detection.coal.background`; the fraction is the generalised least squares solution
``f = d' C⁻¹ (y − b) / (d' C⁻¹ d)`` with ``d = s − b``: coal minus the pixel's own background on that date.
It is not clipped. Background, coal spectrum and fractions are improved in turns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, label

from detection.coal.background import Factors, fit_factors, information, predicted, project
from detection.coal.endmember import core_pixels, learned_spectrum
from detection.coal.matched import matched_fraction
from detection.coal.timing import smooth_time
from detection.coal.yard import BARE_READS_AS, yard_fractions

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

YARD_QUANTILE = 0.25
"""At least this share of a zone is taken to be bare ground."""
HIGHEST_YARD_LEVEL = 0.35
"""Bare ground does not read as more coal than this: a zone may be full of coal."""
COAL_AT_FIRST = 0.35
"""First fraction above which a pixel and its neighbours in a yard are not taken for ground."""
FREE_LOOKS = 4
"""Coal-free looks from which the loadings of a pixel tell about its neighbours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FractionParams:
    """Knobs of the fraction, chosen on painted layouts that are not used for judging."""

    rank: int = 6
    """Loadings per pixel."""
    rounds: int = 3
    """Turns of background, fraction and spectrum."""
    controls: int = 2500
    """Coal-free pixels that the background is fitted to."""
    temper: float = 0.3
    """Share of a look's information that counts: residuals of one pixel resemble each other."""
    neighbours_px: float = 4.0
    """Distance over which loadings of neighbours tell about a pixel."""
    haze_px: float = 6.0
    """Distance over which residuals of one date are smooth."""
    free_below: float = 0.2
    """Smoothed fraction under which a look counts as coal-free."""
    partly_below: float = 0.4
    """Smoothed fraction above which a look no longer speaks of the ground below: it would confirm itself."""
    steadiness: float = 0.1
    """How far a fraction moves between neighbouring looks, one standard deviation."""
    tau_days: float = 25.0
    """Over how long neighbouring looks count for that."""
    texture: float = 0.03
    """How far one band of one pile's coal differs from the site's, relative."""
    brightness: float = 0.1
    """How far the coal of one pile is brighter or darker as a whole, relative: wet, dusty, lit otherwise."""
    widening: float = 1.5
    """Factor on the spread of loadings between neighbours: piles stand on unusual ground."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Fractions:
    """Coal fractions of one block."""

    value: Floats
    """(time, y, x) unclipped, NaN where not suspect or not seen."""
    variance: Floats
    """(time, y, x)."""
    misfit: Floats
    """(time, y, x) mean square of what the mixture leaves, in its own standard deviations."""
    usable: Bools
    """(time,) dates with enough coal-free ground."""
    control_sd: Floats
    """(time,) robust spread of the same estimate over coal-free pixels."""
    spectrum: Floats
    """(band,) the site's coal."""
    relative_sd: Floats
    """(time,) error of every fraction from what is unknown of the spectrum, relative."""
    core_looks: int
    """Looks at pixels full of coal that the spectrum was learned from."""


def above(mean: Floats, level: Floats) -> Floats:
    """Coal beyond what bare ground reads as, 0..1."""
    return np.asarray(np.clip((mean - level) / (1.0 - level), 0.0, 1.0))


def first_fraction(block: Block, coal: Floats) -> Floats:
    """(time, y, x) matched filter against all that is not suspect: where the turns begin."""
    out = np.full(block.seen.shape, np.nan)
    for t in range(len(out)):
        shown = np.where(block.seen[t][..., None], block.pixels[t], np.nan)
        found = matched_fraction(shown, block.seen[t] & ~block.suspect, coal)
        if found is not None:
            out[t] = found
    return out


def block_fractions(
    block: Block, coal: Floats, covariance: Floats, params: FractionParams
) -> Fractions | None:
    """Fractions of all suspect pixels.

    Args:
        block: pixels, masks and times.
        coal: (band,) prior spectrum.
        covariance: (band, band) of the prior.
        params: knobs.

    Returns:
        None where no date shows enough coal-free ground.
    """
    first = first_fraction(block, coal)
    state = _State.begin(block, first, params)
    if state is None:
        return None
    first_mean, _ = smooth_time(state.first, np.ones(1), state.days, tau_days=15.0)
    smooth, free, begun = state.begun(np.clip(first_mean, 0.0, 1.0), coal, covariance)
    spectrum = np.repeat(begun[None], len(state.days), axis=0)
    site, unknown = begun, covariance
    if free.any():
        state.learn_ground(free, state.background(smooth, free, spectrum)[2])
    core = np.zeros_like(state.seen)
    for turn in range(params.rounds):
        ground, spread, loadings = state.background(smooth, free, spectrum)
        value, variance, misfit = state.solve(ground, spread, spectrum)
        if turn:
            core = core_pixels(value, state.days, state.where, block.suspect.shape)
            if core.any():
                spectrum, site, unknown = learned_spectrum(state.target, core, coal, covariance)
            value, variance, misfit = state.solve(ground, spread, spectrum)
        trusted = (variance + 0.005) * np.maximum(np.nan_to_num(misfit), 1.0)
        mean, error = smooth_time(value, trusted, state.days, tau_days=params.tau_days)
        level = state.yard_level(mean)
        smooth = above(mean, level)
        free = state.seen & ~state.beside((smooth > params.free_below) | (mean - level > 3.0 * error))
        if turn + 1 < params.rounds:
            state.learn_ground(free, loadings)
    null, control_sd = state.control_fractions(spectrum, spread)
    relative = state.spectrum_error(ground, spread, site, unknown)
    return state.result(
        block,
        value - null[:, None],
        variance,
        misfit,
        control_sd,
        site,
        relative,
        int((core.sum(axis=1) > 0).sum()),
    )


@dataclass(slots=True, kw_only=True)
class _State:
    """What the turns share."""

    params: FractionParams
    shape: tuple[int, int]
    dates: NDArray[np.intp]
    days: Floats
    where: NDArray[np.intp]
    target: Floats
    seen: Bools
    first: Floats
    base: Floats
    """(time, n, band) median plus local residual."""
    prior_mean: Floats
    prior_precision: Floats
    loads: Floats
    noise: Floats
    middle: Floats
    control: Floats
    control_seen: Bools
    control_z: Floats
    control_rest: Floats
    """(time, m, band) what the factors leave of the controls."""
    there: NDArray[np.intp]
    inner: Bools
    """(n,) inside a zone, not at its edge."""
    zones: NDArray[np.intp]
    """(n,) which connected piece of suspect ground a pixel belongs to."""

    @classmethod
    def begin(cls, block: Block, first: Floats, params: FractionParams) -> _State | None:
        """Fit the factors to coal-free pixels and interpolate them to the suspects."""
        shape = (block.suspect.shape[0], block.suspect.shape[1])
        mean, error = smooth_time(first, np.ones(1), block.days, tau_days=25.0)
        other = ((mean > 0.3) & (error < 0.82)).any(axis=0)  # noqa: PLR2004 - coal outside zones, two looks
        where = np.flatnonzero(binary_dilation(block.suspect, iterations=2).ravel())
        there = np.flatnonzero(~binary_dilation(block.suspect | other, iterations=2).ravel())
        there = there[:: max(1, len(there) // params.controls)]
        flat = np.nan_to_num(block.pixels.reshape(len(first), -1, block.pixels.shape[-1]))
        seen = block.seen.reshape(len(first), -1)
        if len(there) < 60 or not len(where):  # noqa: PLR2004 - as in fit_factors
            return None
        factors, _ = fit_factors(flat[:, there], seen[:, there], rank=params.rank)
        dates = np.flatnonzero(factors.usable)
        if not len(dates):
            return None
        return cls._interpolated(
            params,
            shape,
            block.days,
            block.suspect,
            where,
            there,
            flat,
            seen,
            factors,
            dates,
            first.reshape(len(first), -1),
        )

    @classmethod
    def _interpolated(  # noqa: PLR0913, PLR0917 - one call site
        cls,
        params: FractionParams,
        shape: tuple[int, int],
        days: Floats,
        suspect: Bools,
        where: NDArray[np.intp],
        there: NDArray[np.intp],
        flat: Floats,
        seen: Bools,
        factors: Factors,
        dates: NDArray[np.intp],
        first: Floats,
    ) -> _State:
        middle, loads, noise = factors.middle[dates], factors.loads[dates], factors.noise[dates]
        control, control_seen = flat[dates][:, there], seen[dates][:, there]
        away = np.where(control_seen[..., None], control - middle[:, None], 0.0)
        z, _ = project([(away, control_seen, *information(loads, noise))], loads)
        mean, precision = _neighbour_prior(z, there, where, shape[1], params)
        rest = np.where(control_seen[..., None], away - predicted(loads, z), 0.0)
        local = _local_residual(rest, control_seen, noise, _kernel(where, there, shape[1], params.haze_px))
        return cls(
            params=params,
            shape=shape,
            dates=dates,
            days=days[dates],
            where=where,
            target=flat[dates][:, where],
            seen=seen[dates][:, where],
            first=np.where(seen[dates][:, where], first[dates][:, where], np.nan),
            base=middle[:, None] + local,
            prior_mean=mean,
            prior_precision=precision,
            loads=loads,
            noise=noise,
            middle=middle,
            control=control,
            control_seen=control_seen,
            control_z=z,
            control_rest=rest,
            there=there,
            inner=binary_erosion(suspect, iterations=1).ravel()[where],
            zones=label(binary_dilation(suspect, iterations=2))[0].ravel()[where].astype(np.intp),
        )

    def begun(self, first: Floats, coal: Floats, covariance: Floats) -> tuple[Floats, Bools, Floats]:
        """Fractions (time, n), looks surely free of coal, and coal to begin with: in yards their own."""
        smooth, free, dark = first.copy(), np.zeros_like(self.seen), []
        for zone in np.unique(self.zones):
            inner = (self.zones == zone) & self.inner
            found = yard_fractions(self.target[:, inner], self.seen[:, inner], coal, covariance)
            if found is None or np.median(first[:, inner][:, found[1]]) < BARE_READS_AS:
                continue
            mean, _ = smooth_time(found[0], np.ones(1), self.days, tau_days=15.0)
            smooth[:, inner] = np.clip(mean, 0.0, 1.0)
            free[:, inner] = mean < self.params.free_below
            free[:, inner] &= ~self.beside(_placed(mean > COAL_AT_FIRST, inner))[:, inner]
            dark.append(found[2])
        return smooth, free & self.seen, np.mean(dark, axis=0) if dark else coal

    def yard_level(self, mean: Floats) -> Floats:
        """(time, n) what the bare ground of a pixel's zone reads as, from the lower part of the zone."""
        level = np.zeros_like(mean)
        shown = np.where(self.seen, mean, np.nan)
        for zone in np.unique(self.zones):
            member = self.zones == zone
            inner = member & self.inner
            some = np.isfinite(shown[:, inner]).sum(axis=1) >= 30  # noqa: PLR2004 - enough for a quantile
            if some.any():
                low = np.nanquantile(shown[np.ix_(some, inner)], YARD_QUANTILE, axis=1)
                level[np.ix_(some, member)] = np.clip(low, 0.0, HIGHEST_YARD_LEVEL)[:, None]
        return level

    def learn_ground(self, free: Bools, loadings: Floats) -> None:
        """Let coal-free ground inside the zones say what lies under the coal beside it, date by date."""
        looks = free.sum(axis=0)
        bare = (looks >= FREE_LOOKS) & (looks > 0.5 * self.seen.sum(axis=0))
        if bare.sum() < 30:  # noqa: PLR2004 - too few to know how they vary
            return
        params, width = self.params, self.shape[1]
        sources = np.concatenate([self.there, self.where[bare]])
        z = np.concatenate([self.control_z, loadings[bare]])
        near = _kernel(self.where, sources, width, params.neighbours_px)
        near[self.where[:, None] == sources] = 0.0
        self.prior_mean = near @ z / (near.sum(axis=1)[:, None] + 0.5)
        away = loadings[bare] - self.prior_mean[bare]
        spread = away.T @ away / len(away) + 1e-3 * np.eye(z.shape[1])
        self.prior_precision = np.linalg.inv(spread * params.widening)
        rest = self.target[:, bare] - self.middle[:, None] - predicted(self.loads, loadings[bare])
        seen = np.concatenate([self.control_seen, free[:, bare]], axis=1)
        every = np.concatenate([self.control_rest, rest], axis=1) * seen[..., None]
        self.base = self.middle[:, None] + _local_residual(
            every, seen, self.noise, _kernel(self.where, sources, width, params.haze_px)
        )

    def background(self, smooth: Floats, free: Bools, spectrum: Floats) -> tuple[Floats, Floats, Floats]:
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

    def solve(self, ground: Floats, spread: Floats, spectrum: Floats) -> tuple[Floats, Floats, Floats]:
        """Fractions (time, n), NaN where not seen, their variance and the misfit of the mixture."""
        value, variance = np.empty(self.seen.shape), np.empty(self.seen.shape)
        misfit = np.empty(self.seen.shape)
        for t in range(len(self.days)):
            covariance = self.loads[t] @ spread @ self.loads[t].T + self.noise[t]
            contrast = spectrum[t] - ground[t]
            inverse = np.linalg.inv(covariance)
            weight = (inverse @ contrast[..., None])[..., 0]
            strength = (weight * contrast).sum(axis=1)
            away = self.target[t] - ground[t]
            value[t] = (weight * away).sum(axis=1) / strength
            variance[t] = 1.0 / strength
            rest = away - value[t][:, None] * contrast
            misfit[t] = self.misfit(rest, covariance, np.clip(value[t], 0.0, 1.0), spectrum[t])
        return np.where(self.seen, value, np.nan), variance, np.where(self.seen, misfit, np.nan)

    def misfit(self, rest: Floats, covariance: Floats, share: Floats, coal: Floats) -> Floats:
        """Mean square (n,) of what a mixture leaves, allowing for coal that differs from pile to pile."""
        texture = self.params.texture**2 * np.diag(coal**2) + self.params.brightness**2 * np.outer(coal, coal)
        total = covariance + (share**2)[:, None, None] * texture
        solved = np.linalg.solve(total, rest[..., None])[..., 0]
        return np.asarray((solved * rest).sum(axis=1) / (rest.shape[1] - 1))

    def beside(self, coal: Bools) -> Bools:
        """(time, n) coal and its neighbours."""
        full = np.zeros((len(self.days), self.shape[0] * self.shape[1]), dtype=bool)
        full[:, self.where] = coal
        wide = binary_dilation(full.reshape(-1, *self.shape), structure=np.ones((1, 3, 3), dtype=bool))
        return np.asarray(wide.reshape(len(self.days), -1)[:, self.where])

    def control_fractions(self, spectrum: Floats, spread: Floats) -> tuple[Floats, Floats]:
        """Median and robust spread (time,) of the same estimate over coal-free pixels."""
        typical = spread.mean(axis=0)
        null, sd = np.zeros(len(self.days)), np.full(len(self.days), np.inf)
        for t in range(len(self.days)):
            ground = self.middle[t] + self.control_z @ self.loads[t].T
            covariance = self.loads[t] @ typical @ self.loads[t].T + self.noise[t]
            contrast = spectrum[t] - ground
            weight = np.linalg.solve(covariance, contrast.T).T
            value = (weight * (self.control[t] - ground)).sum(axis=1) / (weight * contrast).sum(axis=1)
            value = value[self.control_seen[t]]
            null[t] = np.median(value)
            sd[t] = 1.4826 * np.median(np.abs(value - null[t]))
        return null, sd

    def spectrum_error(self, ground: Floats, spread: Floats, site: Floats, unknown: Floats) -> Floats:
        """(time,) error of a fraction from what is unknown of the spectrum, against the zones' own ground."""
        typical, out = spread.mean(axis=0), np.zeros(len(self.days))
        for t in range(len(out)):
            contrast = site - np.median(ground[t], axis=0)
            weight = np.linalg.solve(self.loads[t] @ typical @ self.loads[t].T + self.noise[t], contrast)
            weight /= weight @ contrast
            out[t] = np.sqrt(weight @ unknown @ weight)
        return out

    def result(
        self,
        block: Block,
        value: Floats,
        variance: Floats,
        misfit: Floats,
        control_sd: Floats,
        site: Floats,
        relative_sd: Floats,
        core_looks: int,
    ) -> Fractions:
        """Back on the block's lattice."""
        dates = len(block.days)
        out = np.full((3, dates, self.shape[0] * self.shape[1]), np.nan)
        out[0][np.ix_(self.dates, self.where)] = value
        out[1][np.ix_(self.dates, self.where)] = variance
        out[2][np.ix_(self.dates, self.where)] = misfit
        spread, relative = np.full(dates, np.nan), np.full(dates, np.nan)
        spread[self.dates] = control_sd
        relative[self.dates] = relative_sd
        usable = np.zeros(dates, dtype=bool)
        usable[self.dates] = True
        lattice = out.reshape(3, dates, *self.shape)
        return Fractions(
            value=lattice[0],
            variance=lattice[1],
            misfit=lattice[2],
            usable=usable,
            control_sd=spread,
            spectrum=site,
            relative_sd=relative,
            core_looks=core_looks,
        )


def _placed(part: Bools, inner: Bools) -> Bools:
    """(time, n) of some pixels among all."""
    out = np.zeros((len(part), len(inner)), dtype=bool)
    out[:, inner] = part
    return out


def _kernel(of: NDArray[np.intp], to: NDArray[np.intp], width: int, sigma_px: float) -> Floats:
    """(of, to) Gaussian weights by distance."""
    rows = of[:, None] // width - to[None, :] // width
    columns = of[:, None] % width - to[None, :] % width
    return np.exp(-(rows**2 + columns**2) / (2.0 * sigma_px**2))


def _neighbour_prior(
    z: Floats, there: NDArray[np.intp], where: NDArray[np.intp], width: int, params: FractionParams
) -> tuple[Floats, Floats]:
    """Loadings that neighbours suggest, and the precision of that, from controls kept out in turn."""
    near = _kernel(where, there, width, params.neighbours_px)
    mean = near @ z / (near.sum(axis=1)[:, None] + 0.5)
    some = np.arange(0, len(there), 3)
    others = _kernel(there[some], there, width, params.neighbours_px)
    others[np.arange(len(some)), some] = 0.0
    away = z[some] - others @ z / (others.sum(axis=1)[:, None] + 0.5)
    spread = away.T @ away / len(away) + 1e-3 * np.eye(z.shape[1])
    return mean, np.linalg.inv(spread * params.widening)


def _local_residual(rest: Floats, seen: Bools, noise: Floats, near: Floats) -> Floats:
    """(time, n, band) what haze and light do to one part of one date, from the controls around."""
    limit = 5.0 * np.sqrt(np.trace(noise, axis1=1, axis2=2))[:, None]
    kept = seen & (np.abs(rest).max(axis=2) < limit)
    weight = kept.astype(np.float64) @ near.T
    dates, count, bands = rest.shape
    flat = (rest * kept[..., None]).transpose(1, 0, 2).reshape(count, dates * bands)
    total = (near @ flat).reshape(-1, dates, bands).transpose(1, 0, 2)
    return np.asarray(total / (weight[..., None] + 4.0))
