"""Area of coal in one zone: unclipped fractions summed over a support that other dates have fixed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, label, uniform_filter

from detection.coal.blocks import WHOLE
from detection.coal.fraction import Fractions
from detection.coal.smoothing import EIGHT, smooth_time
from imagery import robust

Floats = NDArray[np.float64]

Bools = NDArray[np.bool_]
LEAST_VARIANCE = 0.01
"""Variance of a fraction that no look goes below when looks are weighed. Assumed."""
UNKNOWN_SPREAD = 0.05
"""Spread of the ground beside, fraction of coal, where too little of it was seen. Assumed."""
SHRINKAGE_BESIDE = 20.0
"""Pixels beside at which their median weighs half. Assumed."""
HIDDEN_SD = 0.3
"""Error of a hidden pixel of a support, in pixels, whose area is that of other dates. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaParams:
    """Knobs of the sum, chosen on painted layouts that are not used for judging."""

    core_fraction: float = 0.38
    """Mean fraction on other dates above which a pixel belongs to a pile. Assumed."""
    tau_days: float = 120.0
    """Over how long other dates speak for a date. Assumed."""
    brief_tau_days: float = 15.0
    """Over how long the nearest other dates speak for coal that did not stay. Assumed."""
    side_tau_days: float = 60.0
    """Over how long the looks of one side, earlier or later, speak for coal that came or went in a gap.
    Assumed."""
    brief_fraction: float = 0.6
    """Their mean fraction above which they vouch for what a date shows clearly. Assumed."""
    spread_px: int = 1
    """How far the instrument spreads a pile beyond its pixels. Assumed."""
    beside_px: int = 3
    """How far from a pile the ground beside it reaches. Assumed."""
    belt_px: int = 2
    """Width of the two belts around piles that tell how dust thins out. Assumed."""
    dust_growth: float = 3.0
    """How much dustier the edge is than the ground beside, in differences of the two belts. Assumed."""
    new_sd: float = 4.0
    """Coal that other dates do not know must exceed this many standard deviations. Assumed."""
    new_pixels: int = 3
    """And fill this many connected pixels. Assumed."""
    ring_sd_share: float = 0.8
    """How far the ground under a pile differs from the ground beside it, as a share of how much the ground
    beside it varies. Assumed."""
    edge_px: float = 0.03
    """Error per pixel of support outline, in pixels: registration, spread and shape. Assumed."""
    coarse_edge_px: float = 0.1
    """Error per pixel of support outline, in pixels, of a fraction that rests on bands of 20 m alone, whose
    blur is twice as wide. Chosen on fitting seeds 510 to 561, of 0 to .5: narrowest intervals."""
    noise_pixels: float = 6.0
    """Pixels whose errors are one and the same (blur, resampling, texture of the ground). Assumed."""
    missed_px: float = 2.5
    """What a support misses even so (between its pixels, thinner than half a pixel), in pixels. Assumed."""
    missed_thin: float = 0.5
    """Share of the thin coal outside of supports that may be piles. Assumed."""
    missed_when_unsure: float = 8.0
    """How much more it misses where ground and coal look alike, per relative error of a fraction. Assumed."""
    misfit_limit: float = 6.0
    """Mean square misfit above which a dark pixel is no mixture of coal and ground (shadow, water).
    Assumed."""
    lasting_share: float = 0.7
    """Part of the random error that all looks at a zone share: outline, edges, texture of the ground.
    Chosen by hand on painted seeds 100 to 102 and simulated seeds 510 to 519 of an earlier method."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneSeries:
    """Area of one zone on every date, in pixels; NaN where it was not seen."""

    area: Floats
    """(time,)."""
    sd_random: Floats
    """(time,) error that no other look shares."""
    sd_outline: Floats
    """(time,) error shared by the dates of the zone: outline, edges and texture of the same ground."""
    sd_ground: Floats
    """(time,) error shared by the dates of the zone: persistent misfit of the background."""
    sd_pile: Floats
    """(time,) error shared by the dates of the zone: its coal differs from the site's."""
    sd_edge: Floats
    """(time,) error shared by the dates of the zone: what the wider blur of 20 m bands does at edges."""
    sd_spectrum: Floats
    """(time,) error shared by the zones of the site: unknown coal spectrum."""
    limit: Floats
    """(time,) area that would have been noticed with high probability."""
    support: Bools
    """(time, y, x) where the sum was taken."""
    weighted: Floats
    """(time, y, x) what every pixel adds to the sum, in pixels."""
    seen_share: Floats
    """(time,) share of the zone that was seen."""
    doubt: Floats
    """(time,) 0..1: how far the piles are no mixture of coal and ground on that date."""
    outline: Floats
    """(time,) length of the outline of the support, pixels."""


MISFIT_CAP = 20.0
"""Mean square misfit, up to which a look counts: one bad look must not condemn a pixel. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supports:
    """One zone's supports, date by date."""

    mean: Floats
    """(time, y, x) fraction that other dates suggest."""
    cores: Bools
    """(time, y, x) pixels that hold coal."""
    support: Bools
    """(time, y, x) the same, grown by what the instrument spreads."""


def zone_supports(
    fractions: Fractions, inside: Bools, days: Floats, dates: list[int], params: AreaParams
) -> Supports:
    """Supports of one zone.

    Args:
        fractions: of the block.
        inside: (y, x) of the zone.
        days: (time,).
        dates: positions of those that are wanted.
        params: knobs.
    """
    trusted = (fractions.variance + LEAST_VARIANCE) * np.maximum(np.nan_to_num(fractions.misfit), 1.0)
    mean, error = smooth_time(fractions.value, trusted, days, tau_days=params.tau_days, leave_one_out=True)
    brief, _ = smooth_time(fractions.value, trusted, days, tau_days=params.brief_tau_days, leave_one_out=True)
    for side in (-1, 1):
        lasting, _ = smooth_time(fractions.value, trusted, days, tau_days=params.side_tau_days, side=side)
        brief = np.maximum(brief, lasting)
    plausible = plausible_mixture(fractions.misfit, days, tau_days=params.tau_days, limit=params.misfit_limit)
    last = _without_later_looks(fractions.usable)
    cores, support = np.zeros(mean.shape, dtype=bool), np.zeros(mean.shape, dtype=bool)
    for t in dates:
        core = (mean[t] > params.core_fraction) & np.isfinite(error[t]) & inside & plausible[t]
        vouched = inside & plausible[t] & (last[t] | (brief[t] > params.brief_fraction))
        core |= _new_coal(fractions.value[t], fractions.variance[t], core, vouched, params)
        cores[t] = core
        support[t] = binary_dilation(core, structure=EIGHT, iterations=params.spread_px) & plausible[t]
    return Supports(mean=mean, cores=cores, support=support)


def plausible_mixture(misfit: Floats, days: Floats, *, tau_days: float, limit: float) -> Bools:
    """(time, y, x) whether looks around a date show a mixture of coal and ground, and no shadow or water.

    Args:
        misfit: (time, y, x) mean square, NaN where not seen.
        days: (time,).
        tau_days: over how long looks speak together.
        limit: mean of the capped misfits beyond which they do not.
    """
    capped = np.clip(misfit, 0.0, MISFIT_CAP) / MISFIT_CAP
    mean, _ = smooth_time(capped, np.ones_like(days)[:, None, None], days, tau_days=tau_days)
    return np.asarray(mean * MISFIT_CAP < limit)


def _new_coal(value: Floats, variance: Floats, core: Bools, inside: Bools, params: AreaParams) -> Bools:
    """Coal that a newest date shows clearly and earlier ones do not: a new pile, or one that has grown."""
    shown = np.nan_to_num(value)
    around = uniform_filter(shown, size=EIGHT.shape, mode="nearest")
    strong = inside & ~core & (shown > 0.5) & (around > 0.5)  # noqa: PLR2004 - half coal
    strong &= shown > params.new_sd * np.sqrt(np.nan_to_num(variance, nan=np.inf))
    parts, count = label(strong, structure=EIGHT)
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    keep = np.flatnonzero(sizes >= params.new_pixels)
    return np.isin(parts, keep[keep > 0])


def _without_later_looks(usable: Bools) -> Bools:
    """(time,) dates that fewer than two later looks can vouch for."""
    later = usable[::-1].cumsum()[::-1] - usable
    return np.asarray(usable & (later < 2))  # noqa: PLR2004 - two looks


NULL_RANGE = (-0.5, 0.6)
"""Fraction of coal beyond which the ground beside says nothing about the ground below. Assumed."""

FEWEST_BESIDE = 15
"""Pixels beside the piles under which they say nothing. Assumed."""

FEWEST_DATES_OF_DUST = 5
"""Dates with both belts under which dust at edges is taken for that beside. Assumed."""

MOST_DUST = 0.2
"""Fraction of coal that is taken for dust at the edge of a pile at most. Assumed."""


def ground_beside(core: Bools, inside: Bools, seen: Bools, params: AreaParams) -> Bools:
    """Ground of the zone without piles: right beside them, with their dust, where enough of it was seen."""
    reach = params.spread_px + 1
    free = binary_dilation(inside, iterations=1) & seen
    free &= ~binary_dilation(core, structure=EIGHT, iterations=reach)
    near = free & binary_dilation(core, structure=EIGHT, iterations=reach + params.beside_px)
    return near if near.sum() >= FEWEST_BESIDE else free


def local_null(value: Floats, ring: Bools) -> tuple[float, float]:
    """What the estimate says of the ground beside the piles: its median, shrunk, and its robust spread.

    A background that reads as `null` where there is no coal makes a fraction f read as ``f + (1 − f) null``.
    """
    around = value[ring & np.isfinite(value)]
    if len(around) < FEWEST_BESIDE:
        return 0.0, UNKNOWN_SPREAD
    middle = float(np.median(around))
    spread = robust.spread(around - middle)
    shrunk = middle * len(around) / (len(around) + SHRINKAGE_BESIDE)
    return float(np.clip(shrunk, *NULL_RANGE)), spread


def dust_at_edges(value: Floats, cores: Bools, inside: Bools, seen: Bools, params: AreaParams) -> float:
    """How much dustier the edges of piles are than what `ground_beside` takes, as a fraction of coal.

    Dust thins out with distance, so that the ground beside has less of it than the edge. Medians of two
    belts over all dates say how fast; the same is assumed between the edge and the nearer belt.
    """
    near: list[float] = []
    far: list[float] = []
    reach = binary_dilation(inside, iterations=1)
    for t in np.flatnonzero(cores.any(axis=(1, 2))):
        first = binary_dilation(cores[t], structure=EIGHT, iterations=params.spread_px + 1)
        second = binary_dilation(first, structure=EIGHT, iterations=params.belt_px)
        third = binary_dilation(second, structure=EIGHT, iterations=params.belt_px)
        for belt, into in ((second & ~first, near), (third & ~second, far)):
            told = value[t][belt & reach & seen[t] & np.isfinite(value[t])]
            into.append(float(np.median(told)) if len(told) >= FEWEST_BESIDE else np.nan)
    pairs = np.array([near, far]).reshape(2, -1)
    pairs = pairs[:, np.isfinite(pairs).all(axis=0)]
    if pairs.shape[1] < FEWEST_DATES_OF_DUST:
        return 0.0
    return float(np.clip(params.dust_growth * np.median(pairs[0] - pairs[1]), 0.0, MOST_DUST))


DOUBTFUL_MISFIT = (1.5, 4.0)
"""Median misfit over a support from which a date is doubted, and at which wholly (haze, shadow). Assumed."""

THIN = 0.15
"""Mean fraction over the ground beside from which ground outside of supports may hold thin coal. Assumed."""


def zone_series(
    fractions: Fractions, seen: Bools, share: Floats, days: Floats, params: AreaParams
) -> ZoneSeries:
    """Sum one zone on every date.

    Args:
        fractions: of the block.
        seen: (time, y, x).
        share: (y, x) how much of each pixel the zone covers.
        days: (time,).
        params: knobs.
    """
    names = ("area", "random", "ground", "pile", "edge", "spectrum", "limit", "doubt", "outline")
    out = {name: np.full(len(days), np.nan) for name in names}
    weighted = np.zeros(seen.shape)
    seen_share = (seen * share).sum(axis=(1, 2)) / share.sum()
    looked = np.flatnonzero(fractions.usable & (seen_share > 0.0)).tolist()
    inside = share > 0.0
    on = zone_supports(fractions, inside, days, looked, params)
    dust = dust_at_edges(fractions.value, on.cores, inside, seen, params)
    for t in looked:
        ring = ground_beside(on.cores[t], inside, seen[t], params)
        numbers, weighted[t] = _one_date(fractions, t, on.support[t], ring, share, on.mean[t], dust, params)
        for name, value in numbers.items():
            out[name][t] = value
    return ZoneSeries(
        area=out["area"],
        sd_random=np.sqrt(1.0 - params.lasting_share**2) * out["random"],
        sd_outline=params.lasting_share * out["random"],
        sd_ground=out["ground"],
        sd_pile=out["pile"],
        sd_edge=out["edge"],
        sd_spectrum=out["spectrum"],
        limit=out["limit"],
        support=on.support,
        weighted=weighted,
        seen_share=seen_share,
        doubt=np.nan_to_num(out["doubt"]),
        outline=out["outline"],
    )


def _one_date(
    fractions: Fractions,
    t: int,
    support: Bools,
    ring: Bools,
    share: Floats,
    mean: Floats,
    dust: float,
    params: AreaParams,
) -> tuple[dict[str, float], Floats]:
    """Area and error parts of one zone on one date, and the area by pixel, in pixels."""
    weight = _edge_weight(support, share)
    value = fractions.value[t]
    shown = np.isfinite(value)
    null, ring_sd = local_null(value, ring)
    level = np.where(_eroded(_eroded(support)), null, np.clip(null + dust, *NULL_RANGE))
    weighted = weight * np.where(shown, (value - level) / (1.0 - level), mean)
    total = float(weighted.sum())
    size = float(weight.sum())
    hidden = float((weight * ~shown).sum())
    noise = float(
        np.sqrt((weight**2 * np.where(shown, fractions.variance[t], 0.0)).sum() * params.noise_pixels)
    )
    doubt = _doubt(fractions.misfit[t], weight)
    against = abs(float((weight * np.clip(mean, 0.0, 1.0)).sum()) - total)
    unsure = 1.0 + params.missed_when_unsure * float(fractions.relative_sd[t])
    thin = np.where(~support & (share > 0.0) & (mean - null > THIN), share * (mean - null), 0.0)
    missed = float(np.hypot(params.missed_px * unsure, params.missed_thin * thin.sum()))
    outline = float((support & ~_eroded(support)).sum())
    one_pixel = float(np.nanmedian(np.sqrt(fractions.variance[t])[share > 0.0])) if shown.any() else np.nan
    numbers = {
        "area": total,
        "doubt": doubt,
        "outline": outline,
        "random": float(
            np.linalg.norm([noise, params.edge_px * outline, HIDDEN_SD * hidden, missed, doubt * against])
        ),
        "ground": params.ring_sd_share * ring_sd * (size * params.noise_pixels) ** 0.5,
        "pile": float(fractions.pile_sd[t]) * max(total, 0.0),
        "edge": params.coarse_edge_px * abs(float(fractions.coarse_weight[t])) * outline,
        "spectrum": float(fractions.relative_sd[t]) * max(total, 0.0),
        "limit": 2.0 * (one_pixel + ring_sd) * (EIGHT.size * params.noise_pixels) ** 0.5 + 1.0,
    }
    return numbers, weighted


def _doubt(misfit: Floats, weight: Floats) -> float:
    """0..1: how far a date's support is no mixture of coal and ground; then other dates' word counts too."""
    shown = misfit[(weight > 0.0) & np.isfinite(misfit)]
    if not len(shown):
        return 0.0
    low, high = DOUBTFUL_MISFIT
    return float(np.clip((np.median(shown) - low) / (high - low), 0.0, 1.0))


def _edge_weight(support: Bools, share: Floats) -> Floats:
    """How much of each support pixel counts: what leaks over the zone's edge belongs to the zone's piles."""
    reach = binary_dilation(share > 0.0, iterations=1)
    return np.where(support & reach, np.where(share > 0.0, np.maximum(share, _leak(share)), 1.0), 0.0)


def _leak(share: Floats) -> Floats:
    """One where the zone's interior is next to the pixel."""
    return binary_dilation(share > WHOLE, structure=EIGHT).astype(np.float64)


def _eroded(mask: Bools) -> Bools:
    return ~binary_dilation(~mask, structure=EIGHT)
