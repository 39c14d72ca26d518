"""Materials, their reflectance by band, and how it goes through the year.

All numbers of reflectance stand in `spectra.csv`, each row with its source: measured by field and laboratory
spectrometers (earthlib, USGS splib07; resampled by `benchmarks.simulator.materials`), measured for this
project (dusty coal and water on Korba, Sentinel-2 L2A of 2023-01-10; deciduous forest by month on the
Romania cube of the nrt wheel), or *assumed*. No measured spectrum of coal by rank or of carbonaceous shale
was found.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from enum import IntEnum
from importlib.resources import files

import numpy as np

from evidence.arrays import Floats32
from imagery.bands import OPTICAL_BANDS
from imagery.simulate.params import CoalParams, CoalRank

N_BANDS = len(OPTICAL_BANDS)


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

FOREST = (Material.DECIDUOUS, Material.DECIDUOUS_LATE, Material.CONIFER)
GREEN = np.array(
    [material in (*FOREST, Material.CROP, Material.PADDY, Material.GRASS) for material in Material]
)
"""Rows of plants."""

MEASURED = ("earthlib-1.1.0", "usgs-splib07")
"""Libraries of measured spectra in `spectra.csv`."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """One row of the table."""

    source: str
    material: str
    name: str
    reflectance: Floats32
    """(band,)"""


def _read() -> tuple[Spectrum, ...]:
    text = (files("imagery.simulate") / "spectra.csv").read_text(encoding="utf-8")
    return tuple(
        Spectrum(
            row["source"],
            row["material"],
            row["name"],
            np.array([row[band] for band in OPTICAL_BANDS], np.float32),
        )
        for row in csv.DictReader(text.splitlines())
    )


TABLE = _read()
SPECTRA: dict[str, Floats32] = {row.material: row.reflectance for row in TABLE if row.source not in MEASURED}
"""Reflectance by name of what is one curve, each (band,)."""

_MEASURED: dict[str, list[Spectrum]] = defaultdict(list)
for _row in TABLE:
    if _row.source in MEASURED:
        _MEASURED[_row.material].append(_row)

FIELD_FACTOR = {"soil": 0.65}
"""Ground in the field over dried and sieved soil in the laboratory: roughness and its shade (assumed)."""
SHALE_SPREAD = 0.15
"""Sd of ln reflectance of black shale from place to place, all bands together (assumed)."""


def measured_materials() -> tuple[str, ...]:
    """Names of the materials that have measured spectra, and `black_shale`, which is assumed."""
    return (*_MEASURED, "black_shale")


def measured_spectra(material: str) -> tuple[Spectrum, ...]:
    """Every measured spectrum of a material, as it would be in the field.

    Raises:
        ValueError: no such material.
    """
    if material not in _MEASURED:
        raise ValueError(f"no measured spectrum of {material!r}; there are {sorted(_MEASURED)}")
    factor = np.float32(FIELD_FACTOR.get(material, 1.0))
    return tuple(
        Spectrum(row.source, row.material, row.name, row.reflectance * factor) for row in _MEASURED[material]
    )


def drawn_spectrum(material: str, rng: np.random.Generator) -> Floats32:
    """One spectrum of a material: any of the measured ones; of black shale the assumed one at any level."""
    if material == "black_shale":
        return np.asarray(SPECTRA[material] * np.exp(SHALE_SPREAD * rng.standard_normal()), np.float32)
    found = measured_spectra(material)
    return found[int(rng.integers(len(found)))].reflectance


CENTRES_NM = np.array([492.7, 559.8, 664.6, 704.1, 740.5, 782.8, 832.8, 864.7, 1613.7, 2202.4])
LEVEL_SPREAD, SHAPE_SPREAD, SHAPE_LENGTH = 0.28, 0.09, 0.25
"""Of coal's ln reflectance from place to place: sd of its level, sd of its shape, and over how much of ln
wavelength the shape is one (assumed; they span Korba's levels and the rank curves)."""
DUST_SHARE = 0.25
"""Share of mineral dust on coal of dustiness 1 (assumed)."""
RANKS = {
    CoalRank.FLAT: "coal_flat",
    CoalRank.BITUMINOUS: "coal_bituminous",
    CoalRank.SUBBITUMINOUS: "coal_subbituminous",
    CoalRank.LIGNITE: "coal_lignite",
}


def coal_spectrum(coal: CoalParams, rng: np.random.Generator) -> Floats32:
    """Dry coal of one site: (band,).

    Args:
        coal: an own `spectrum`, a `rank` with the variance of its family, or neither: the first guess between
            clean and Korba's dusty coal.
        rng: the site's own chance.
    """
    if coal.spectrum is not None:
        return np.array(coal.spectrum, np.float32)
    if coal.rank is None:
        mixed = (1 - coal.dustiness) * SPECTRA["coal_clean"] + coal.dustiness * SPECTRA["coal_dusty"]
        return mixed.astype(np.float32)
    log_nm = np.log(CENTRES_NM)
    shape = np.exp(-0.5 * ((log_nm[:, None] - log_nm[None, :]) / SHAPE_LENGTH) ** 2)
    deviation = LEVEL_SPREAD * rng.standard_normal() + SHAPE_SPREAD * rng.multivariate_normal(
        np.zeros(N_BANDS), shape, method="eigh"
    )
    own = SPECTRA[RANKS[coal.rank]] * np.exp(coal.vary * deviation)
    dust = DUST_SHARE * coal.dustiness
    return np.asarray((1 - dust) * own + dust * SPECTRA["yard"], np.float32)


WATER_INDEX = 1.33
WATER_PER_CM = np.array([0, 0, 0, 0, 0, 0, 0, 0, 6.7, 16.5], np.float32)
"""Absorption of liquid water at the bands (Hale and Querry 1973: k 8.55e-5 at 1.6 µm, 2.89e-4 at 2.2 µm)."""
FILM_CM = 0.02
"""Thickness of the film of water on soaked ground (assumed)."""


def soaked(spectrum: Floats32) -> Floats32:
    """Reflectance under a film of water: total reflection within the film and absorption by it.

    Ångström (1925): R / (n² (1 − R) + R); the light passes the film twice.
    """
    darker = spectrum / (WATER_INDEX**2 * (1 - spectrum) + spectrum)
    return np.asarray(darker * np.exp(-2 * FILM_CM * WATER_PER_CM), np.float32)


def moistened(spectrum: Floats32, wetness: float) -> Floats32:
    """Ground of which a share is soaked and the rest dry: (…, band)."""
    return np.asarray((1 - wetness) * spectrum + wetness * soaked(spectrum), np.float32)


def wetted(spectrum: Floats32, wetness: float, *, depth: float = 0.45) -> Floats32:
    """Darken a ground as it gets wet, as the assumed curves do; short-wave infrared loses most."""
    loss = depth * wetness * np.array([0.8] * 8 + [1.1, 1.25], np.float32)
    return (spectrum * (1 - loss)).astype(np.float32)


def _seasonal(day_of_year: float, *, start: float, full: float, fall: float, bare: float) -> float:
    """Greenness 0..1 of a plant: leaves out from `start` to `full`, fading from `fall` to `bare` (days)."""
    rise = 1 / (1 + np.exp(-(day_of_year - (start + full) / 2) / ((full - start) / 6)))
    drop = 1 / (1 + np.exp((day_of_year - (fall + bare) / 2) / ((bare - fall) / 6)))
    return float(rise * drop)


def _mix(green: float, lush: str, bare: str) -> Floats32:
    return (green * SPECTRA[lush] + (1 - green) * SPECTRA[bare]).astype(np.float32)


def forest_greenness(day_of_year: float, *, delay_days: float) -> float:
    """Leafed share of a deciduous canopy; slow decline from July on as in the Romania cube."""
    day = day_of_year - delay_days
    leafed = _seasonal(day, start=105, full=145, fall=270, bare=315)
    return leafed * (1 - 0.2 * float(np.clip((day - 195) / 70, 0, 1)))


def paddy_spectrum(day_of_year: float) -> Floats32:
    """Stubble, flooded in late spring, green in summer, ripe and cut by October."""
    flooded = _seasonal(day_of_year, start=120, full=135, fall=150, bare=185)
    green = _seasonal(day_of_year, start=155, full=195, fall=245, bare=275)
    dry = _mix(green, "green_crop", "stubble")
    return ((1 - flooded) * dry + flooded * SPECTRA["flooded_paddy"]).astype(np.float32)


def material_spectra(
    day_of_year: float, *, wetness: float, phenology_shift_days: float, dustiness: float
) -> Floats32:
    """Reflectance of every material on one day, by the assumed curves: (material, band).

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
