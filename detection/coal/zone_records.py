"""What the sum over a zone takes and gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


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
    widening: float = 1.125
    """Factor on the random part; fitted, like the relative errors, on simulated seeds 510 to 519 and painted
    seeds 100 to 102, so that intervals cover what they promise."""
    lasting_share: float = 0.7
    """Part of the random error that all looks at a zone share: outline, edges, texture of the ground.
    Chosen by hand on painted seeds 100 to 102 and simulated seeds 510 to 519 of an earlier method."""
    calibration: tuple[tuple[float, float], ...] = ((0.25, 1.6), (0.7, 1.0), (1.8, 1.2))
    """(hectares, factor on all errors), linear in ln area between them. Chosen by hand from the quantiles of
    error over half-width by site, seeds 510 to 516 (flat, .045 to .055, undusted, judged coal): no site was
    held out, so that it is no conformal calibration yet."""
    relative: float = 0.07
    """Error that all dates of a zone share, as a share of the area: dust around piles, coal that differs.
    Assumed."""


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
