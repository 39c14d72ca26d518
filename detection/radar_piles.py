"""A second opinion from radar: does the backscatter of a zone move when its coal does?

Piles are rough and lie on flat ground: radar that changes with optical area speaks for a change on the
ground, radar that moves the other way against it. Radar alone measures no area here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

Floats = NDArray[np.float64]

AGREE = "agree"
DISAGREE = "disagree"
SILENT = "silent"
FEWEST_PAIRS = 10
"""Fewer looks of both sensors say nothing."""
SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class RadarOpinion:
    """What radar says of one zone's series."""

    verdict: str
    """agree | disagree | silent."""
    correlation: float | None
    """Spearman's, of optical area and radar contrast; None where there are too few pairs."""
    p_value: float | None
    pairs: int
    """Optical looks with a radar look near by."""


def radar_contrast_db(gamma0: Floats, inside: Floats, around: Floats) -> Floats:
    """Backscatter of a zone over that of the ground around it, decibel.

    Args:
        gamma0: (time, y, x) linear, NaN where not seen; one orbit direction.
        inside: (y, x) weight of the zone.
        around: (y, x) weight of coal-free ground.

    Returns:
        (time,), NaN where either was not seen.
    """
    seen = np.isfinite(gamma0) & (gamma0 > 0.0)
    value = np.where(seen, gamma0, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        zone = (value * inside).sum(axis=(1, 2)) / (seen * inside).sum(axis=(1, 2))
        ground = (value * around).sum(axis=(1, 2)) / (seen * around).sum(axis=(1, 2))
        return np.asarray(10.0 * np.log10(zone / ground))


def radar_opinion(
    optical_days: Floats,
    area_ha: Floats,
    radar_days: Floats,
    contrast_db: Floats,
    *,
    within_days: float = 6.0,
) -> RadarOpinion:
    """Compare optical area with the radar look nearest in time.

    Args:
        optical_days: (look,).
        area_ha: (look,) NaN where not assessable.
        radar_days: (pass,).
        contrast_db: (pass,) NaN where not seen.
        within_days: how far apart two looks may be.
    """
    known = np.isfinite(contrast_db)
    days, contrast = radar_days[known], contrast_db[known]
    pairs = [
        (float(area), float(contrast[np.argmin(np.abs(days - day))]))
        for day, area in zip(optical_days, area_ha, strict=True)
        if np.isfinite(area) and len(days) and np.abs(days - day).min() <= within_days
    ]
    table = np.array(pairs).reshape(-1, 2)
    if len(table) < FEWEST_PAIRS or np.ptp(table, axis=0).min() == 0.0:
        return RadarOpinion(verdict=SILENT, correlation=None, p_value=None, pairs=len(table))
    found = spearmanr(table[:, 0], table[:, 1])
    rho, p_value = float(found.statistic), float(found.pvalue)
    verdict = SILENT if p_value > SIGNIFICANT else AGREE if rho > 0.0 else DISAGREE
    return RadarOpinion(verdict=verdict, correlation=rho, p_value=p_value, pairs=len(table))
