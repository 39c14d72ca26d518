"""Area of coal in one zone: unclipped fractions summed over a support that other dates have fixed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, convolve, label

from detection.coal.fraction import Fractions
from detection.coal.timing import smooth_time

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
MISFIT_CAP = 20.0
"""One bad look must not condemn a pixel: misfits count up to this."""
NULL_RANGE = (-0.5, 0.6)
"""Beyond this the ground beside says nothing about the ground below."""
DOUBTFUL_MISFIT = (1.5, 4.0)
"""Median misfit over a support from which a date is doubted, and at which wholly (haze, shadow)."""
FEWEST_BESIDE = 15
"""Pixels beside the piles under which they say nothing."""
EIGHT = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaParams:
    """Knobs of the sum, chosen on painted layouts that are not used for judging."""

    core_fraction: float = 0.45
    """Mean fraction on other dates above which a pixel belongs to a pile."""
    tau_days: float = 120.0
    """Over how long other dates speak for a date."""
    brief_tau_days: float = 15.0
    """Over how long the nearest other dates speak for coal that did not stay."""
    brief_fraction: float = 0.6
    """Their mean fraction above which they vouch for what a date shows clearly."""
    spread_px: int = 1
    """How far the instrument spreads a pile beyond its pixels."""
    beside_px: int = 3
    """How far from a pile the ground beside it reaches."""
    new_sd: float = 4.0
    """Coal that other dates do not know must exceed this many standard deviations."""
    new_pixels: int = 3
    """And fill this many connected pixels."""
    ring_sd_share: float = 0.8
    """How far the ground under a pile differs from the ground beside it, as a share of how much the ground
    beside it varies."""
    edge_px: float = 0.03
    """Error per pixel of support outline, in pixels: registration, spread and shape."""
    noise_pixels: float = 6.0
    """Pixels whose errors are one and the same (blur, resampling, texture of the ground)."""
    missed_px: float = 1.0
    """What a support misses even so (between its pixels, thinner than half a pixel), in pixels."""
    missed_when_unsure: float = 8.0
    """How much more it misses where ground and coal look alike, per relative error of a fraction."""
    misfit_limit: float = 6.0
    """Mean square misfit above which a dark pixel is no mixture of coal and ground (shadow, water)."""
    widening: float = 1.125
    """Factor on the random part; fitted, like the relative errors, on simulated seeds 510 to 519 and painted
    seeds 100 to 102, so that intervals cover what they promise."""
    relative: float = 0.07
    """Error that all dates of a zone share, as a share of the area: dust around piles, coal that differs."""
    relative_without_swir: float = 0.15
    """The same where no band beyond the near infrared tells coal from wet ground."""
    relative_in_the_dark: float = 0.6
    """The same where besides the ground is a bare yard: wet ground and hill shade then pass for coal."""
    yard_contrast: float = 3.0
    """Infrared of the ground over that of coal below which it is a bare yard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneSeries:
    """Area of one zone on every date, in pixels; NaN where it was not seen."""

    area: Floats
    """(time,)."""
    sd_random: Floats
    """(time,)."""
    sd_ground: Floats
    """(time,) error shared by the dates of the zone: persistent misfit of the background."""
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
    inside = share > 0.0
    trusted = (fractions.variance + 0.01) * np.maximum(np.nan_to_num(fractions.misfit), 1.0)
    mean, error = smooth_time(fractions.value, trusted, days, tau_days=params.tau_days, leave_one_out=True)
    brief, _ = smooth_time(fractions.value, trusted, days, tau_days=params.brief_tau_days, leave_one_out=True)
    misfit, _ = smooth_time(
        np.clip(fractions.misfit, 0.0, MISFIT_CAP) / MISFIT_CAP,
        np.ones_like(days)[:, None, None],
        days,
        tau_days=params.tau_days,
    )
    plausible = misfit * MISFIT_CAP < params.misfit_limit
    count = len(days)
    last = _without_later_looks(fractions.usable)
    out = {name: np.full(count, np.nan) for name in ("area", "random", "ground", "spectrum", "limit")}
    support = np.zeros_like(seen)
    weighted = np.zeros(seen.shape)
    seen_share = (seen * share).sum(axis=(1, 2)) / share.sum()
    for t in np.flatnonzero(fractions.usable & (seen_share > 0.0)).tolist():
        core = (mean[t] > params.core_fraction) & np.isfinite(error[t]) & inside & plausible[t]
        if last[t]:
            core |= _new_coal(fractions.value[t], fractions.variance[t], core, inside & plausible[t], params)
        else:
            vouched = inside & plausible[t] & (brief[t] > params.brief_fraction)
            core |= _new_coal(fractions.value[t], fractions.variance[t], core, vouched, params)
        support[t] = binary_dilation(core, structure=EIGHT, iterations=params.spread_px) & plausible[t]
        ring = _beside(core, inside, seen[t], params)
        numbers, weighted[t] = _one_date(fractions, t, support[t], ring, share, mean[t], params)
        for name, value in numbers.items():
            out[name][t] = value
    return ZoneSeries(
        area=out["area"],
        sd_random=out["random"],
        sd_ground=out["ground"],
        sd_spectrum=out["spectrum"],
        limit=out["limit"],
        support=support,
        weighted=weighted,
        seen_share=seen_share,
    )


def _beside(core: Bools, inside: Bools, seen: Bools, params: AreaParams) -> Bools:
    """Ground of the zone without piles: right beside them, with their dust, where enough of it was seen."""
    reach = params.spread_px + 1
    free = binary_dilation(inside, iterations=1) & seen
    free &= ~binary_dilation(core, structure=EIGHT, iterations=reach)
    near = free & binary_dilation(core, structure=EIGHT, iterations=reach + params.beside_px)
    return near if near.sum() >= FEWEST_BESIDE else free


def _one_date(
    fractions: Fractions,
    t: int,
    support: Bools,
    ring: Bools,
    share: Floats,
    mean: Floats,
    params: AreaParams,
) -> tuple[dict[str, float], Floats]:
    """Area and error parts of one zone on one date, and the area by pixel, in pixels."""
    weight = _edge_weight(support, share)
    value = fractions.value[t]
    shown = np.isfinite(value)
    null, ring_sd = _local_null(value, ring)
    weighted = weight * np.where(shown, (value - null) / (1.0 - null), mean)
    total = float(weighted.sum())
    size = float(weight.sum())
    hidden = float((weight * ~shown).sum())
    noise = float(
        np.sqrt((weight**2 * np.where(shown, fractions.variance[t], 0.0)).sum() * params.noise_pixels)
    )
    doubt = _doubt(fractions.misfit[t], weight)
    against = abs(float((weight * np.clip(mean, 0.0, 1.0)).sum()) - total)
    missed = params.missed_px * (1.0 + params.missed_when_unsure * float(fractions.relative_sd[t]))
    outline = float((support & ~_eroded(support)).sum())
    one_pixel = float(np.nanmedian(np.sqrt(fractions.variance[t])[share > 0.0])) if shown.any() else np.nan
    numbers = {
        "area": total,
        "random": params.widening
        * float(np.linalg.norm([noise, params.edge_px * outline, 0.3 * hidden, missed, doubt * against])),
        "ground": float(
            np.hypot(
                params.widening * params.ring_sd_share * ring_sd * (size * params.noise_pixels) ** 0.5,
                params.relative * total,
            )
        ),
        "spectrum": float(fractions.relative_sd[t]) * max(total, 0.0),
        "limit": 2.0 * (one_pixel + ring_sd) * (9.0 * params.noise_pixels) ** 0.5 + 1.0,
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
    return binary_dilation(share > 0.99, structure=EIGHT).astype(np.float64)  # noqa: PLR2004 - whole pixels


def _local_null(value: Floats, ring: Bools) -> tuple[float, float]:
    """What the estimate says of the ground beside the piles: its median, shrunk, and its robust spread.

    A background that reads as `null` where there is no coal makes a fraction f read as ``f + (1 − f) null``.
    """
    around = value[ring & np.isfinite(value)]
    if len(around) < FEWEST_BESIDE:
        return 0.0, 0.05
    middle = float(np.median(around))
    spread = 1.4826 * float(np.median(np.abs(around - middle)))
    shrunk = middle * len(around) / (len(around) + 20.0)
    return float(np.clip(shrunk, *NULL_RANGE)), spread


def _new_coal(value: Floats, variance: Floats, core: Bools, inside: Bools, params: AreaParams) -> Bools:
    """Coal that a newest date shows clearly and earlier ones do not: a new pile, or one that has grown."""
    shown = np.nan_to_num(value)
    around = convolve(shown, np.full((3, 3), 1.0 / 9.0), mode="nearest")
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


def _eroded(mask: Bools) -> Bools:
    return ~binary_dilation(~mask, structure=EIGHT)
