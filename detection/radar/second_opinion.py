"""A second opinion from radar: does the backscatter of a zone move when its coal does?

Which way coal moves backscatter depends on what it lies on: rough piles on a smooth yard brighten it, dry
coal on wet soil darkens it. So the direction is not laid down; what counts is that it is the same in every
orbit. Radar alone measures no area here. Successive looks resemble each other, and the number of independent
pairs is reduced accordingly (Bretherton and others 1999).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from scipy.ndimage import binary_dilation
from scipy.special import chdtrc, ndtr, ndtri

from evidence.arrays import Floats
from evidence.quantity import DAY_S

if TYPE_CHECKING:
    from detection.coal.records import StockpileArea  # coal asks radar, not the other way round

AGREE = "agree"
DISAGREE = "disagree"
SILENT = "silent"
BANDS = ("vv", "vh")
DECIBEL = 10.0
"""Decibels per power of ten. By definition."""
ALMOST_ONE = 0.999
"""Correlation at which Fisher's z is cut, 1. Assumed: it goes to infinity at one."""
FISHER_PAIRS = 3.0
"""Pairs that Fisher's z loses: its variance is 1 / (n - 3) (Fisher 1921)."""
TINY_HA = 1e-3
"""Interval of an area below which it has none, ha. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RadarParams:
    """When backscatter and coal are said to move together."""

    least_pairs: int = 10
    """Looks of both sensors below which nothing is said. Assumed."""
    significance: float = 0.01
    """Two-sided, 1. Assumed."""
    unrelated: float = 0.4
    """Where both moved clearly and even the upper end of the correlation lies below this, radar disagrees, 1.
    Assumed."""
    ring_px: int = 30
    """How far around a zone the ground reaches that it is compared with, pixels of the cube. Assumed."""
    gap_px: int = 2
    """Ground so near a zone is left out of it, pixels. Assumed: the multilooked footprint of a pixel."""
    within_days: float = 6.0
    """How far apart an optical and a radar look may be, days. Documented: half of one satellite's repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RadarSeries:
    """One zone as one orbit sees it."""

    days: Floats
    """(pass,) days since 1970."""
    contrast_db: Floats
    """(pass,) over the ground around, NaN where not seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RadarOpinion:
    """What radar says of one zone's series."""

    verdict: str
    """agree: backscatter moves with the coal, in the same direction in all orbits; disagree: orbits
    contradict each other, or both moved clearly and not together; silent: neither can be said."""
    correlation: float | None
    """Spearman's, of optical area and radar contrast over all orbits; None where there are too few pairs."""
    p_value: float | None
    """Two-sided, successive looks allowed for."""
    pairs: int
    """Optical looks with a radar look near by, summed over the orbits."""
    orbits: int = 0
    """With enough pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Voice:
    """One orbit's correlation."""

    rho: float
    effective: float
    """Independent pairs."""
    pairs: int
    moved: bool
    """Whether backscatter itself changed beyond its noise."""

    @property
    def score(self) -> float:
        """Fisher's z in standard deviations."""
        return float(_fisher(self.rho) * np.sqrt(self.weight))

    @property
    def weight(self) -> float:
        """Inverse variance of Fisher's z."""
        return max(self.effective - FISHER_PAIRS, 0.0)


def radar_contrast_db(gamma0: Floats, inside: Floats, around: Floats) -> Floats:
    """Backscatter of a zone over that of the ground around it, decibel.

    Args:
        gamma0: (time, y, x) linear, NaN where not seen; one orbit.
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
        return np.asarray(DECIBEL * np.log10(zone / ground))


def radar_series(
    radar: xr.Dataset, shares: Mapping[str, Floats], params: RadarParams | None = None
) -> dict[str, list[RadarSeries]]:
    """Every zone as every orbit sees it: the mean of the polarisations' contrasts.

    Args:
        radar: linear gamma0 `vv`, `vh` and `valid` (time, y, x) with the coordinate `relative_orbit`, on the
            grid of the zones.
        shares: (y, x) how much of each pixel a zone covers, by zone.
        params: of the comparison.
    """
    params = params or RadarParams()
    taken = np.any([share > 0.0 for share in shares.values()], axis=0)
    bands = [band for band in BANDS if band in radar]
    out: dict[str, list[RadarSeries]] = {name: [] for name in shares}
    for orbit in np.unique(radar["relative_orbit"].values):
        looks = radar.isel(time=np.flatnonzero(radar["relative_orbit"].values == orbit))
        days = np.asarray((looks["time"].values - np.datetime64(0, "D")) / np.timedelta64(1, "D"), np.float64)
        planes = [
            np.asarray(np.where(looks["valid"].values, looks[band].values, np.nan), dtype=np.float64)
            for band in bands
        ]
        for name, share in shares.items():
            around = binary_dilation(share > 0.0, iterations=params.ring_px)
            around &= ~binary_dilation(taken, iterations=params.gap_px)
            told = [radar_contrast_db(plane, share, around.astype(np.float64)) for plane in planes]
            out[name].append(RadarSeries(days=days, contrast_db=np.mean(told, axis=0)))
    return out


def radar_opinion(
    optical_days: Floats,
    area_ha: Floats,
    sd_ha: Floats,
    orbits: Sequence[RadarSeries],
    params: RadarParams | None = None,
) -> RadarOpinion:
    """Compare optical area with the radar look of each orbit that is nearest in time.

    Args:
        optical_days: (look,) days since 1970, increasing.
        area_ha: (look,) NaN where not assessable.
        sd_ha: (look,) random error of each.
        orbits: what radar saw, orbit by orbit.
        params: of the comparison.
    """
    params = params or RadarParams()
    voices = [_voice(optical_days, area_ha, orbit, params) for orbit in orbits]
    heard = [voice for voice in voices if voice is not None and voice.weight > 0.0]
    pairs = sum(voice.pairs for voice in voices if voice is not None)
    if not heard:
        return RadarOpinion(verdict=SILENT, correlation=None, p_value=None, pairs=pairs)
    weight = sum(voice.weight for voice in heard)
    mean = sum(_fisher(voice.rho) * voice.weight for voice in heard) / weight
    p_value = float(2.0 * ndtr(-abs(mean) * np.sqrt(weight)))
    return RadarOpinion(
        verdict=_verdict(heard, float(mean), weight, params, changed=_changed(area_ha, sd_ha, params)),
        correlation=float(np.tanh(mean)),
        p_value=p_value,
        pairs=pairs,
        orbits=len(heard),
    )


def radar_opinions(
    areas: Sequence[StockpileArea], series: Mapping[str, Sequence[RadarSeries]]
) -> dict[str, RadarOpinion]:
    """What radar says of every zone that it saw.

    Args:
        areas: of all zones and dates.
        series: as `radar_series` gives them.
    """
    out = {}
    for zone, orbits in series.items():
        own = sorted((area for area in areas if area.zone_id == zone), key=lambda area: area.datetime)
        seen = [area for area in own if area.area_ha.value is not None]
        days = np.array([area.datetime.timestamp() / DAY_S for area in seen])
        value = np.array([area.area_ha.value for area in seen], dtype=np.float64)
        sd = np.array([area.area_ha.sd_random for area in seen], dtype=np.float64)
        out[zone] = radar_opinion(days, value, sd, orbits)
    return out


def _voice(optical_days: Floats, area_ha: Floats, orbit: RadarSeries, params: RadarParams) -> _Voice | None:
    """One orbit's correlation; None where there are too few pairs or nothing varies."""
    known = np.isfinite(orbit.contrast_db)
    days, contrast = orbit.days[known], orbit.contrast_db[known]
    looked = np.isfinite(area_ha)
    if not len(days) or not looked.any():
        return None
    apart = np.abs(optical_days[looked][:, None] - days[None])
    near = apart.min(axis=1) <= params.within_days
    area, told = area_ha[looked][near], contrast[apart.argmin(axis=1)][near]
    if len(area) < params.least_pairs or np.ptp(area) == 0.0 or np.ptp(told) == 0.0:
        return None
    ranks = _ranks(area), _ranks(told)
    persistence = max(0.0, _lag_one(ranks[0]) * _lag_one(ranks[1]))
    return _Voice(
        rho=float(np.corrcoef(*ranks)[0, 1]),
        effective=len(area) * (1.0 - persistence) / (1.0 + persistence),
        pairs=len(area),
        moved=_lag_one(_ranks(contrast)) > _limit(params) / np.sqrt(len(contrast)),
    )


def _ranks(values: Floats) -> Floats:
    """From 1, those of equal values averaged."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((count.cumsum() - (count - 1) / 2.0)[place])


def _lag_one(values: Floats) -> float:
    """Autocorrelation of successive values."""
    away = values - values.mean()
    total = float(away @ away)
    return float(away[1:] @ away[:-1]) / total if total > 0.0 else 0.0


def _limit(params: RadarParams) -> float:
    """Standard deviations of a normal law at the two-sided significance."""
    return float(-ndtri(params.significance / 2.0))


def _fisher(rho: float) -> float:
    return float(np.arctanh(np.clip(rho, -ALMOST_ONE, ALMOST_ONE)))


def _changed(area_ha: Floats, sd_ha: Floats, params: RadarParams) -> bool:
    """Whether the optical areas differ by more than their random errors."""
    known = np.isfinite(area_ha)
    weight = 1.0 / np.maximum(sd_ha[known], TINY_HA) ** 2
    away = area_ha[known] - (weight @ area_ha[known]) / weight.sum()
    return bool(chdtrc(known.sum() - 1, weight @ away**2) < params.significance)


def _verdict(
    heard: Sequence[_Voice], mean: float, weight: float, params: RadarParams, *, changed: bool
) -> str:
    limit = _limit(params)
    signs = {np.sign(voice.rho) for voice in heard if abs(voice.score) > limit}
    if len(signs) > 1:
        return DISAGREE
    if abs(mean) * np.sqrt(weight) > limit:
        return AGREE
    highest = np.tanh(abs(mean) + limit / np.sqrt(weight))
    if changed and all(voice.moved for voice in heard) and highest < params.unrelated:
        return DISAGREE
    return SILENT
