"""Area of coal in one zone: unclipped fractions summed over a support that other dates have fixed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from detection.coal.beside import NULL_RANGE, dust_at_edges, ground_beside, local_null
from detection.coal.fraction_records import Fractions
from detection.coal.nearby import EIGHT
from detection.coal.supports import zone_supports
from detection.coal.zone_records import AreaParams, ZoneSeries

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
DOUBTFUL_MISFIT = (1.5, 4.0)
"""Median misfit over a support from which a date is doubted, and at which wholly (haze, shadow)."""
THIN = 0.15
"""Mean fraction over the ground beside from which ground outside of supports may hold thin coal."""
STANDING_OUT_DAYS = 60.0
"""Looks no further apart say that what lies between them stands out."""


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
    names = ("area", "random", "ground", "spectrum", "limit", "doubt")
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
        sd_random=np.hypot(
            np.sqrt(1.0 - params.lasting_share**2) * out["random"],
            stands_out(out["area"], out["random"], days),
        ),
        sd_outline=params.lasting_share * out["random"],
        sd_ground=out["ground"],
        sd_spectrum=out["spectrum"],
        limit=out["limit"],
        support=on.support,
        weighted=weighted,
        seen_share=seen_share,
        doubt=np.nan_to_num(out["doubt"]),
    )


def stands_out(area: Floats, sd: Floats, days: Floats) -> Floats:
    """(time,) how far a look lies beyond both looks around it, less two of its own errors; NaN where none is.

    Coal that goes and comes back within weeks is possible, but light, haze and missed cloud are likelier.
    """
    out = np.full_like(area, np.nan)
    looks = np.flatnonzero(np.isfinite(area))
    out[looks] = 0.0
    for before, t, after in zip(looks, looks[1:], looks[2:], strict=False):
        if days[after] - days[before] <= STANDING_OUT_DAYS:
            low, high = sorted((area[before], area[after]))
            out[t] = max(0.0, low - area[t] - 2.0 * sd[t], area[t] - high - 2.0 * sd[t])
    return out


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


def _eroded(mask: Bools) -> Bools:
    return ~binary_dilation(~mask, structure=EIGHT)
