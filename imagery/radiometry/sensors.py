"""Reflectance of several sensors made comparable: band adjustment, nadir view, residual of pairs.

Band adjustment and nadir view are those of Harmonized Landsat Sentinel-2 v2 (Claverie et al. 2018): linear
maps from MSI to OLI, and the c-factor of Roy et al. (2016) with RossThick and LiSparse-Reciprocal kernels
(Lucht et al. 2000). Both are small; whether they help at a site is measured on its own pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from evidence.arrays import Bools, Floats
from imagery import robust

TO_OLI: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "sentinel-2a": {
        "blue": (0.9778, -0.0040),
        "green": (1.0053, -0.0009),
        "red": (0.9765, 0.0009),
        "nir08": (0.9983, -0.0001),
        "swir16": (0.9987, -0.0011),
        "swir22": (1.0030, -0.0012),
    },
    "sentinel-2b": {
        "blue": (0.9778, -0.0040),
        "green": (1.0075, -0.0008),
        "red": (0.9761, 0.0010),
        "nir08": (0.9966, 0.0000),
        "swir16": (1.0000, -0.0003),
        "swir22": (0.9867, 0.0004),
    },
}
"""Slope and offset from MSI to OLI by satellite and band (HLS v2; Claverie et al. 2018)."""
UNADJUSTED = "sentinel-2c"
"""No published adjustment was found; taken as Sentinel-2A, whose instrument it replaces (assumed)."""


def to_oli(reflectance: ArrayLike, band: str, platform: str) -> Floats:
    """Reflectance of a Sentinel-2 band as Landsat's OLI would have it; unchanged for bands without an equal.

    Args:
        reflectance: of `band`.
        band: by meaning.
        platform: as in `sentinel-2b`; a platform that needs no adjustment gives its values back.
    """
    name = "sentinel-2a" if platform == UNADJUSTED else platform
    slope, offset = TO_OLI.get(name, {}).get(band, (1.0, 0.0))
    return np.asarray(slope * np.asarray(reflectance, float) + offset)


BRDF: Mapping[str, tuple[float, float, float]] = {
    "blue": (0.0774, 0.0372, 0.0079),
    "green": (0.1306, 0.0580, 0.0178),
    "red": (0.1690, 0.0574, 0.0227),
    "nir": (0.3093, 0.1535, 0.0330),
    "nir08": (0.3093, 0.1535, 0.0330),
    "swir16": (0.3430, 0.1154, 0.0453),
    "swir22": (0.2658, 0.0639, 0.0387),
}
"""Isotropic, volumetric and geometric weights by band (Roy et al. 2016, table 5: global means of MODIS)."""
CROWN_HEIGHT, CROWN_SHAPE = 2.0, 1.0
"""h/b and b/r of the LiSparse crowns (Lucht et al. 2000)."""


def ross_thick(sun: ArrayLike, view: ArrayLike, azimuth: ArrayLike) -> Floats:
    """Volumetric kernel of a dense canopy (Lucht et al. 2000, equation 38); 0 for sun and view at nadir.

    Args:
        sun: zenith angle, radians.
        view: zenith angle, radians.
        azimuth: of the view relative to the sun's, radians; 0 where the sun stands behind the sensor.
    """
    s, v = np.asarray(sun, float), np.asarray(view, float)
    phase = _phase(s, v, np.asarray(azimuth, float))
    return np.asarray(
        ((np.pi / 2 - phase) * np.cos(phase) + np.sin(phase)) / (np.cos(s) + np.cos(v)) - np.pi / 4
    )


def li_sparse(sun: ArrayLike, view: ArrayLike, azimuth: ArrayLike) -> Floats:
    """Geometric kernel of sparse crowns, reciprocal (Lucht et al. 2000, equations 39 to 44)."""
    s, v, phi = np.asarray(sun, float), np.asarray(view, float), np.asarray(azimuth, float)
    s, v = (np.arctan(CROWN_SHAPE * np.tan(one)) for one in (s, v))
    phase = _phase(s, v, phi)
    distance = np.sqrt(
        np.maximum(np.tan(s) ** 2 + np.tan(v) ** 2 - 2 * np.tan(s) * np.tan(v) * np.cos(phi), 0)
    )
    secants = 1 / np.cos(s) + 1 / np.cos(v)
    cos_t = CROWN_HEIGHT * np.sqrt(distance**2 + (np.tan(s) * np.tan(v) * np.sin(phi)) ** 2) / secants
    t = np.arccos(np.clip(cos_t, -1, 1))
    overlap = (t - np.sin(t) * np.cos(t)) * secants / np.pi
    return np.asarray(overlap - secants + 0.5 * (1 + np.cos(phase)) / (np.cos(s) * np.cos(v)))


def _phase(sun: Floats, view: Floats, azimuth: Floats) -> Floats:
    cosine = np.cos(sun) * np.cos(view) + np.sin(sun) * np.sin(view) * np.cos(azimuth)
    return np.asarray(np.arccos(np.clip(cosine, -1, 1)))


def c_factor(
    band: str,
    *,
    sun_zenith_deg: float,
    view_zenith_deg: float,
    relative_azimuth_deg: float,
    to_sun_deg: float,
) -> float:
    """What reflectance is multiplied by to be seen from nadir under a sun at `to_sun_deg` (Roy et al. 2016).

    Args:
        band: by meaning.
        sun_zenith_deg: of the look.
        view_zenith_deg: of the look.
        relative_azimuth_deg: between view and sun.
        to_sun_deg: the sun's zenith angle that all looks are brought to.

    Raises:
        KeyError: the band has no published weights (the red edges).
    """
    isotropic, volume, geometry = BRDF[band]

    def modelled(sun: float, view: float, azimuth: float) -> float:
        angles = np.radians([sun, view, azimuth])
        return isotropic + volume * float(ross_thick(*angles)) + geometry * float(li_sparse(*angles))

    seen = modelled(sun_zenith_deg, view_zenith_deg, relative_azimuth_deg)
    return modelled(to_sun_deg, 0.0, 0.0) / seen


@dataclass(frozen=True, slots=True, kw_only=True)
class PairParams:
    """Which looks of two sensors are compared."""

    days: float = 3.0
    """Most days between the two looks of a pair, days. Stated by the question: sensors within three days.
    Assumed."""
    least_pixels: int = 100
    """Clear pixels that both must show. Assumed."""
    least_pairs: int = 6
    """Pairs from which a correction may be judged. Assumed."""
    surely: float = 2.0
    """Standard errors by which the mean distance of the pairs must shrink before a correction is used, 1: the
    95 % level. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorResidual:
    """What is left between two sensors in one band over one site."""

    band: str
    pairs: int
    median: float
    """Of the pairs' median differences, second less first, reflectance."""
    spread: float
    """Robust sd of the pairs' medians, reflectance: what a change of instrument adds to any difference."""
    corrected: bool
    """Whether the published adjustment was applied: only where it surely brought the pairs closer."""


def sensor_residuals(
    first: xr.Dataset,
    second: xr.Dataset,
    bands: Sequence[str],
    *,
    params: PairParams | None = None,
) -> tuple[SensorResidual, ...]:
    """What is left between two cubes on one grid, by pairs of looks within some days.

    The published adjustment of the first to OLI is used where it brings the pairs closer by more than their
    own scatter explains; with fewer pairs than `least_pairs` it is not.

    Args:
        first: of Sentinel-2, (time, y, x), on the second's grid.
        second: of Landsat.
        bands: that both hold.
        params: knobs.
    """
    params = params or PairParams()
    found = list(_pairs(first, second, params))
    return tuple(_residual(band, found, first, second, params) for band in bands)


def _pairs(first: xr.Dataset, second: xr.Dataset, params: PairParams) -> Sequence[tuple[int, int]]:
    """Indices of looks within the days, each used once, the nearest first."""
    gap = (second.time.values[None, :] - first.time.values[:, None]) / np.timedelta64(1, "D")
    taken: list[tuple[int, int]] = []
    for flat in np.argsort(np.abs(gap), axis=None):
        i, j = (int(one) for one in np.unravel_index(flat, gap.shape))
        if abs(gap[i, j]) > params.days:
            break
        both = _clear(first, i) & _clear(second, j)
        if both.sum() >= params.least_pixels and all(i != a and j != b for a, b in taken):
            taken.append((i, j))
    return taken


def _clear(cube: xr.Dataset, k: int) -> Bools:
    return np.asarray(cube["valid"].values[k] & ~cube["snow"].values[k])


def _residual(
    band: str, pairs: Sequence[tuple[int, int]], first: xr.Dataset, second: xr.Dataset, params: PairParams
) -> SensorResidual:
    if not pairs:
        return SensorResidual(band=band, pairs=0, median=np.nan, spread=np.nan, corrected=False)
    plain, adjusted = [], []
    for i, j in pairs:
        both = _clear(first, i) & _clear(second, j)
        one, two = first[band].values[i][both], second[band].values[j][both]
        plain.append(float(np.nanmedian(two - one)))
        adjusted.append(float(np.nanmedian(two - to_oli(one, band, str(_platform(first, i))))))
    gain = np.abs(plain) - np.abs(adjusted)
    surely = params.surely * gain.std(ddof=1) / np.sqrt(len(pairs)) if len(pairs) > 1 else np.inf
    helps = bool(len(pairs) >= params.least_pairs and gain.mean() > surely)
    chosen = np.array(adjusted if helps else plain)
    spread = robust.spread(chosen - np.median(chosen)) if len(chosen) > 1 else np.nan
    return SensorResidual(
        band=band, pairs=len(pairs), median=float(np.median(chosen)), spread=float(spread), corrected=helps
    )


def _platform(cube: xr.Dataset, k: int) -> Any:
    return cube["platform"].values[k]
