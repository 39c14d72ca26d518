"""Clouds with the shadows that they throw, cirrus, and the error that atmospheric correction leaves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import shift as moved

from evidence.arrays import Floats32
from imagery.bands import OPTICAL_BANDS
from imagery.simulate.params import WeatherParams
from imagery.simulate.spectra import SPECTRA
from imagery.simulate.terrain import Sun, random_field, resized

MONTHLY_COVER = (0.30, 0.32, 0.37, 0.40, 0.42, 0.52, 0.66, 0.58, 0.40, 0.30, 0.37, 0.32)
"""Mean cloud cover of a site by month: dry winters, wet summers as in north-western Korea (assumed shape; the
level is tuned to the 20 of 24 months that had a date with at most 5 % cloud over Camp 14)."""
COVER_CONCENTRATION = 0.48
"""Of the beta law of one date's cover: below 1, most dates are clear or overcast, as on the Romania cube."""
FIELD_STEP_PX = 5
"""Cloud fields are drawn on 50 m cells and interpolated."""
REACH_M = 7000.0
"""Cloud is drawn this far beyond the site, so that shadows may come in from outside."""
DIFFUSE = np.array([0.32, 0.26, 0.21, 0.19, 0.18, 0.17, 0.16, 0.15, 0.10, 0.09], np.float32)
"""Share of the light that comes from the sky, by band: what a shadow leaves (assumed)."""
HAZE_COLOUR = np.array([1.0, 0.8, 0.66, 0.6, 0.55, 0.5, 0.42, 0.4, 0.15, 0.1], np.float32)
"""Additive path-radiance error by band, relative to blue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sky:
    """What is between ground and satellite on one date; fields are (y, x) on 10 m pixels."""

    cloud: Floats32
    """Opacity 0..1."""
    shadow: Floats32
    """Share of direct light that clouds take from the ground, 0..1."""
    cirrus: Floats32
    """Opacity 0..1 of thin high cloud."""
    haze: Floats32
    """Path-radiance error left in blue."""
    gain: Floats32
    """Multiplicative error left, by band."""
    cover: float
    """Mean of `cloud` > 0.1 that was asked for."""

    def cut(self, border: int) -> Sky:
        """Without `border` pixels on every side."""
        inner = slice(border, self.cloud.shape[0] - border)
        cut = {name: getattr(self, name)[inner, inner] for name in ("cloud", "shadow", "cirrus", "haze")}
        return replace(self, **cut)


HAZE_SPREAD = 0.007
"""Sd of the path-radiance error left in blue on most dates; three times that on the others (tuned)."""
GAIN_SPREAD = 0.04
"""Sd of the multiplicative error left, common to the bands (tuned)."""


def draw_cover(weather: WeatherParams, month: int, rng: np.random.Generator) -> float:
    """Cloud cover of one date."""
    mean = float(np.clip(weather.cloudiness * MONTHLY_COVER[month - 1], 0, 0.97))
    if mean == 0:
        return 0.0
    cover = rng.beta(COVER_CONCENTRATION * mean, COVER_CONCENTRATION * (1 - mean))
    return float(np.where(cover < 0.01, 0.0, np.where(cover > 0.985, 1.0, cover)))  # noqa: PLR2004


def draw_sky(
    weather: WeatherParams, month: int, sun: Sun, shape: tuple[int, int], rng: np.random.Generator
) -> Sky:
    """Draw one date's sky over `shape` 10 m pixels."""
    cover = draw_cover(weather, month, rng)
    cirrus_on = rng.random() < weather.cirrus and weather.cloudiness > 0
    cloud, shadow = _clouds(cover, sun, shape, rng)
    return Sky(
        cloud=cloud,
        shadow=shadow,
        cirrus=_cirrus(shape, rng) if cirrus_on else np.zeros(shape, np.float32),
        haze=_haze(weather.haze, shape, rng),
        gain=_gain(weather.haze, rng),
        cover=cover,
    )


def _clouds(
    cover: float, sun: Sun, shape: tuple[int, int], rng: np.random.Generator
) -> tuple[Floats32, Floats32]:
    """Opacity, and the same opacity thrown along the sun's direction by the height of the cloud."""
    if cover == 0:
        return np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    cell_m = FIELD_STEP_PX * 10.0
    pad = int(REACH_M / cell_m)
    inner = (shape[0] // FIELD_STEP_PX + 2, shape[1] // FIELD_STEP_PX + 2)
    field = random_field(rng, (inner[0] + 2 * pad, inner[1] + 2 * pad), slope=float(rng.uniform(1.1, 1.9)))
    window = (slice(pad, pad + inner[0]), slice(pad, pad + inner[1]))
    limit = float(np.quantile(field[window], 1 - cover)) if cover < 1 else float(field.min()) - 1.5
    edge = float(rng.uniform(0.12, 0.4))
    depth = rng.uniform(2.0, 6.0) * np.clip((field - limit) / edge, 0, 3)
    opacity = (1 - np.exp(-depth)).astype(np.float32)
    height_m = float(rng.uniform(500, 3500))
    length = min(height_m / np.tan(np.radians(max(sun.elevation_deg, 8.0))), REACH_M - 100) / cell_m
    azimuth = np.radians(sun.azimuth_deg)
    thrown = moved(opacity, (length * np.cos(azimuth), -length * np.sin(azimuth)), order=1, mode="nearest")
    return (
        resized(opacity[window], shape, step=FIELD_STEP_PX),
        np.clip(resized(thrown[window], shape, step=FIELD_STEP_PX), 0, 1),
    )


def _cirrus(shape: tuple[int, int], rng: np.random.Generator) -> Floats32:
    step = 10
    field = random_field(rng, (shape[0] // step + 3, shape[1] // step + 3), slope=2.2)
    depth = rng.uniform(0.02, 0.22) * np.clip(1 + 0.7 * field, 0, 2.5)
    return resized(depth.astype(np.float32), shape, step=step)


def _haze(factor: float, shape: tuple[int, int], rng: np.random.Generator) -> Floats32:
    """Error of the aerosol estimate: an offset and a slow field, mostly small, sometimes large."""
    step = 10
    spread = HAZE_SPREAD * float(rng.choice([1.0, 3.0], p=[0.85, 0.15]))
    field = random_field(rng, (shape[0] // step + 3, shape[1] // step + 3), slope=2.0)
    offset = spread * rng.standard_normal()
    return resized((factor * (offset + 0.15 * spread * field)).astype(np.float32), shape, step=step)


def _gain(factor: float, rng: np.random.Generator) -> Floats32:
    common = rng.normal(0, GAIN_SPREAD)
    own = rng.normal(0, 0.008, len(OPTICAL_BANDS))
    return (1 + factor * (common + own)).astype(np.float32)


def seen_through(reflectance: Floats32, sky: Sky, bands: tuple[str, ...], *, step: int) -> Floats32:
    """Ground as it looks through a sky, in place: (band, y, x), one for `step` × `step` of 10 m."""
    cloud, shadow, cirrus, haze = (
        block_mean(field, step) for field in (sky.cloud, sky.shadow, sky.cirrus, sky.haze)
    )
    for row, band in enumerate(bands):
        plane = reflectance[row]
        k = OPTICAL_BANDS.index(band)
        white = SPECTRA["cloud"][k]
        plane[:] = plane * sky.gain[k] * (1 - shadow * (1 - DIFFUSE[k])) + haze * HAZE_COLOUR[k]
        if sky.cover > 0:
            plane[:] += cloud * (white * (0.75 + 0.35 * cloud) - plane)
        plane[:] += cirrus * (0.55 * white - plane)
    return reflectance


def block_mean(field: Floats32, step: int) -> Floats32:
    """Mean of `step` × `step` blocks."""
    if step == 1:
        return field
    rows, columns = field.shape
    blocks = field.reshape(rows // step, step, columns // step, step)
    mean: Floats32 = blocks.mean(axis=(1, 3), dtype=np.float32)
    return mean
