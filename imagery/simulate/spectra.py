"""Materials, their reflectance by band, and how it goes through the year.

Sources of the numbers (band order: blue green red rededge1 rededge2 rededge3 nir nir08 swir16 swir22):

- M, measured for this project: dusty coal and water on Korba (Sentinel-2 L2A, 2023-01-10; medians of blue
  green red nir swir16); deciduous forest by month on the Romania cube of the nrt wheel (blue green red nir
  nir08 swir16; its greenness rises between April and June and declines slowly from July on).
- A, assumed: everything else, and every band that the sources above lack. Shapes follow common knowledge of
  spectral libraries (bright metal, asphalt, soil and vegetation curves), but no library was read for them.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from imagery.bands import OPTICAL_BANDS

N_BANDS = len(OPTICAL_BANDS)
Floats = NDArray[np.float32]


class Material(IntEnum):
    """What a fine cell is made of; the value is its row in abundance and spectra arrays."""

    DECIDUOUS = 0
    DECIDUOUS_LATE = 1
    CONIFER = 2
    CROP = 3
    PADDY = 4
    GRASS = 5
    SOIL = 6
    YARD = 7
    SPOIL = 8
    PIT = 9
    COAL = 10
    ASPHALT = 11
    BRIGHT_ROOF = 12
    DARK_ROOF = 13
    WATER = 14
    BURNT = 15
    WET_SOIL = 16


N_MATERIALS = len(Material)

_TABLE = {
    "forest_summer": (
        0.022,
        0.042,
        0.023,
        0.085,
        0.270,
        0.370,
        0.395,
        0.412,
        0.192,
        0.085,
    ),  # M (June–July); red edges, swir22 A
    "forest_winter": (
        0.024,
        0.040,
        0.052,
        0.085,
        0.125,
        0.150,
        0.180,
        0.200,
        0.200,
        0.120,
    ),  # A, between M of April and October
    "conifer": (0.020, 0.034, 0.024, 0.060, 0.160, 0.205, 0.225, 0.240, 0.110, 0.050),  # A
    "green_crop": (0.030, 0.065, 0.040, 0.110, 0.300, 0.400, 0.430, 0.440, 0.210, 0.110),  # A
    "stubble": (0.065, 0.090, 0.120, 0.150, 0.175, 0.195, 0.215, 0.230, 0.290, 0.220),  # A
    "flooded_paddy": (0.050, 0.060, 0.060, 0.065, 0.065, 0.065, 0.068, 0.065, 0.050, 0.035),  # A
    "dry_grass": (0.055, 0.080, 0.105, 0.140, 0.180, 0.200, 0.220, 0.235, 0.270, 0.190),  # A
    "soil": (0.075, 0.105, 0.140, 0.165, 0.185, 0.200, 0.215, 0.230, 0.300, 0.260),  # A
    "yard": (
        0.080,
        0.098,
        0.115,
        0.128,
        0.138,
        0.146,
        0.155,
        0.162,
        0.205,
        0.190,
    ),  # A, trampled ground with old dust
    "spoil": (0.085, 0.100, 0.115, 0.125, 0.132, 0.140, 0.148, 0.154, 0.190, 0.180),  # A, dark shale waste
    "pit": (0.062, 0.074, 0.086, 0.095, 0.102, 0.110, 0.118, 0.124, 0.165, 0.155),  # A, rock with coaly bands
    "coal_clean": (
        0.038,
        0.040,
        0.043,
        0.046,
        0.049,
        0.052,
        0.056,
        0.058,
        0.075,
        0.080,
    ),  # A, anthracite, first guess
    "coal_dusty": (
        0.042,
        0.046,
        0.052,
        0.057,
        0.061,
        0.065,
        0.069,
        0.074,
        0.130,
        0.140,
    ),  # M, Korba; red edges, nir08, swir22 A
    "asphalt": (0.080, 0.088, 0.095, 0.100, 0.105, 0.110, 0.115, 0.118, 0.135, 0.125),  # A
    "bright_roof": (0.360, 0.380, 0.390, 0.390, 0.390, 0.390, 0.395, 0.400, 0.380, 0.340),  # A, sheet metal
    "dark_roof": (0.065, 0.072, 0.090, 0.098, 0.102, 0.106, 0.110, 0.113, 0.140, 0.135),  # A, slate and tile
    "water": (
        0.026,
        0.028,
        0.024,
        0.024,
        0.024,
        0.024,
        0.024,
        0.023,
        0.022,
        0.018,
    ),  # M; red edges, nir08, swir22 A
    "burnt": (0.032, 0.038, 0.045, 0.052, 0.058, 0.064, 0.070, 0.076, 0.135, 0.150),  # A
    "snow": (0.850, 0.840, 0.820, 0.800, 0.780, 0.770, 0.760, 0.740, 0.110, 0.080),  # A, aged snow
    "cloud": (
        0.620,
        0.620,
        0.640,
        0.650,
        0.660,
        0.670,
        0.680,
        0.680,
        0.420,
        0.320,
    ),  # A, thick cloud after correction
}
SPECTRA: dict[str, Floats] = {name: np.array(row, np.float32) for name, row in _TABLE.items()}
"""Reflectance by name, each (band,)."""


def _seasonal(day_of_year: float, *, start: float, full: float, fall: float, bare: float) -> float:
    """Greenness 0..1 of a plant: leaves out from `start` to `full`, fading from `fall` to `bare` (days)."""
    rise = 1 / (1 + np.exp(-(day_of_year - (start + full) / 2) / ((full - start) / 6)))
    drop = 1 / (1 + np.exp((day_of_year - (fall + bare) / 2) / ((bare - fall) / 6)))
    return float(rise * drop)


def _mix(green: float, lush: str, bare: str) -> Floats:
    return (green * SPECTRA[lush] + (1 - green) * SPECTRA[bare]).astype(np.float32)


def forest_greenness(day_of_year: float, *, delay_days: float) -> float:
    """Leafed share of a deciduous canopy; slow decline from July on as in the Romania cube."""
    day = day_of_year - delay_days
    leafed = _seasonal(day, start=105, full=145, fall=270, bare=315)
    return leafed * (1 - 0.2 * float(np.clip((day - 195) / 70, 0, 1)))


def paddy_spectrum(day_of_year: float) -> Floats:
    """Stubble, flooded in late spring, green in summer, ripe and cut by October."""
    flooded = _seasonal(day_of_year, start=120, full=135, fall=150, bare=185)
    green = _seasonal(day_of_year, start=155, full=195, fall=245, bare=275)
    dry = _mix(green, "green_crop", "stubble")
    return ((1 - flooded) * dry + flooded * SPECTRA["flooded_paddy"]).astype(np.float32)


def wetted(spectrum: Floats, wetness: float, *, depth: float = 0.45) -> Floats:
    """Darken a ground as it gets wet; short-wave infrared loses most (water absorbs there)."""
    loss = depth * wetness * np.array([0.8] * 8 + [1.1, 1.25], np.float32)
    return (spectrum * (1 - loss)).astype(np.float32)


def material_spectra(
    day_of_year: float, *, wetness: float, phenology_shift_days: float, dustiness: float
) -> NDArray[np.float32]:
    """Reflectance of every material on one day: (material, band).

    Args:
        day_of_year: 1..366.
        wetness: 0 dry … 1 just rained.
        phenology_shift_days: how late this year is.
        dustiness: 0 clean anthracite … 1 dusty coal.
    """
    day = day_of_year - phenology_shift_days
    crop = _seasonal(day, start=125, full=185, fall=240, bare=275)
    grass = _seasonal(day, start=95, full=150, fall=260, bare=310)
    coal = (1 - dustiness) * SPECTRA["coal_clean"] + dustiness * SPECTRA["coal_dusty"]
    rows = {
        Material.DECIDUOUS: _mix(forest_greenness(day, delay_days=0), "forest_summer", "forest_winter"),
        Material.DECIDUOUS_LATE: _mix(forest_greenness(day, delay_days=12), "forest_summer", "forest_winter"),
        Material.CONIFER: SPECTRA["conifer"] * (0.85 + 0.15 * grass),
        Material.CROP: _mix(crop, "green_crop", "stubble"),
        Material.PADDY: paddy_spectrum(day),
        Material.GRASS: _mix(0.75 * grass, "green_crop", "dry_grass"),
        Material.SOIL: wetted(SPECTRA["soil"], wetness),
        Material.YARD: wetted(SPECTRA["yard"], wetness),
        Material.SPOIL: wetted(SPECTRA["spoil"], wetness),
        Material.PIT: wetted(SPECTRA["pit"], wetness),
        Material.COAL: wetted(coal.astype(np.float32), wetness, depth=0.2),
        Material.ASPHALT: wetted(SPECTRA["asphalt"], wetness, depth=0.3),
        Material.BRIGHT_ROOF: SPECTRA["bright_roof"],
        Material.DARK_ROOF: SPECTRA["dark_roof"],
        Material.WATER: SPECTRA["water"] * (1 + 0.8 * wetness),
        Material.BURNT: SPECTRA["burnt"],
        Material.WET_SOIL: wetted(SPECTRA["soil"], 0.5 + 0.5 * wetness, depth=0.65),
    }
    return np.stack([rows[material] for material in Material]).astype(np.float32)
