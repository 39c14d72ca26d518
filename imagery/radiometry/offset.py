"""The -1000 offset: decided per product from metadata, then verified from pixels.

Since processing baseline 04.00 Level-2A digital numbers carry +1000 (older scenes that were reprocessed too),
some providers take it off again, and their flags have been wrong. Reflectance is ``(DN + add_dn) / 10000``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evidence.arrays import Bools

RAW_ADD_DN = -1000
"""Digital numbers to add before scaling. Documented by ESA (processing baseline 04.00)."""
DN_PER_UNIT = 10_000
"""Digital numbers per unit of reflectance. Documented by ESA (QUANTIFICATION_VALUE)."""
WATER_CLASS = 6
"""Of Sen2Cor's scene classes. Documented."""
FIRST_OFFSET_BASELINE = 4.0
"""Processing baseline that began it. Documented by ESA."""

Basis = Literal["metadata", "pixels", "both", "repaired", "refused"]
PROVEN: frozenset[Basis] = frozenset({"pixels", "both", "repaired"})
"""Settled by the numbers themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetParams:
    """What digital numbers tell of the +1000 that products carry since baseline 04.00."""

    dark_dn: int = 800
    """A product that carries the offset has no valid numbers below 1000 but for noise and over-correction:
    800 is a reflectance of -0.02. Without the offset it is 0.08, and every clear scene has darker ground.
    Assumed."""
    harmonised_fraction: float = 0.005
    """Above this share of valid pixels under `dark_dn` in their darkest band, the offset cannot be there, 1.
    Assumed."""
    offset_fraction: float = 0.0005
    """Below this share it may be, 1. Assumed."""
    probe_ceiling_dn: int = 2000
    """Ground that must be dark (plants, water) shows between 1000 and this where the offset is there.
    Assumed."""
    least_probe_pixels: int = 50
    """Fewer pixels of plants, water or dark ground than this prove nothing. Assumed."""
    plants_step_dn: int = 1500
    """Near infrared minus red of plants, digital numbers; the difference does not feel the offset.
    Assumed."""
    snow_ceiling_dn: int = 2200
    """Snow in the short-wave infrared (reflectance 0.02 to 0.12) shows between 1000 and this where the offset
    is there. Derived from that range and the offset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundParams:
    """How clear ground may depart from what its seasons show, where a product's numbers prove nothing.

    The departure of each band is the sum of a level common to all ground (moisture, light), of haze, of snow
    that was not told from ground, and of noise; the offset adds 0.1 to all bands alike.
    """

    level_sd: float = 0.3
    """Relative level of a scene's ground against its calendar, 1. Measured on simulated years at 39.5 N (seed
    551): 0.05 in a season that is known, 0.35 in a winter that is not."""
    haze_sd: float = 0.015
    """Haze on ground that the classes call clear, in blue, reflectance. Measured on the same year: 0.01."""
    haze: Mapping[str, float] = field(
        default_factory=lambda: {"blue": 1.0, "green": 0.8, "red": 0.6, "nir": 0.4, "swir16": 0.15}
    )
    """By band, share of its effect in blue, 1. Assumed: aerosol of moderate size."""
    snow_sd: float = 0.1
    """Snow among cells that count as ground, in visible light, reflectance, times the scene's share of snow.
    Measured on the same year."""
    snow: Mapping[str, float] = field(
        default_factory=lambda: {"blue": 1.0, "green": 1.0, "red": 1.0, "nir": 0.9, "swir16": 0.0}
    )
    """By band, share of its effect in blue, 1. Derived: in the infrared at 1.6 µm it is dark."""
    noise_sd: float = 0.01
    """What is left in each band, reflectance. Measured on the same year: 0.008."""
    least_log_odds: float = 4.6
    """Natural logarithm of the odds that decide, 1: a hundred to one. Assumed."""
    largest_misfit: float = 4.0
    """Mean squared departure from the better of the two, in standard deviations, beyond which neither holds,
    1. Assumed."""
    least_cells: int = 20
    """Cells of clear ground that it takes, 1. Assumed."""
    steady_share: float = 0.3
    """Share of the cells, those that differ least between seasons, that count as invariant, 1. Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetDecision:
    """What to add to the digital numbers of a product, and why."""

    add_dn: int
    """-1000 or 0; 0 where refused."""
    basis: Basis
    usable: bool
    """False where metadata and pixels leave it open, or contradict each other past repair."""
    detail: str
    """Both values, in words."""
    from_metadata: int | None
    from_pixels: int | None
    evidence: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def offset(self) -> float:
        """In units of reflectance: -0.1 or 0."""
        return self.add_dn / DN_PER_UNIT

    @property
    def by_lifted_ground(self) -> bool:
        """Whether it rests on ground that must be dark and is not, which thin cloud lifts too."""
        return self.add_dn == RAW_ADD_DN == self.from_pixels


def decide_offset(
    properties: Mapping[str, Any],
    pixels: Mapping[str, NDArray[Any]],
    *,
    source: str = "",
    metadata_offset: float | None = None,
    params: OffsetParams | None = None,
) -> OffsetDecision:
    """Whether a product's digital numbers carry the +1000.

    Args:
        properties: STAC properties of the item, the provider's own among them.
        pixels: source digital numbers by band, (y, x); 0 is nodata. `scl` is used if its shape is that of the
            bands, or half of it.
        source: where it came from, for the message.
        metadata_offset: what the item says of the offset, in reflectance.
        params: knobs of the pixel test.
    """
    params = params or OffsetParams()
    stated, why = offset_from_metadata(properties, metadata_offset)
    seen, evidence = offset_from_pixels(pixels, params)
    level = f" at {evidence['probe_dn']:.0f}" if math.isfinite(evidence["probe_dn"]) else ""
    shown = (
        f"metadata: {_word(stated)} ({why}); pixels: {_word(seen)} ({evidence['dark_fraction']:.2%} below "
        f"{params.dark_dn}, {evidence['probe_pixels']:.0f} probe pixels{level})"
    )
    shown = f"{source}: {shown}" if source else shown
    add, basis = _settle(stated, seen, properties)
    return OffsetDecision(
        add_dn=add or 0,
        basis=basis,
        usable=add is not None,
        detail=shown,
        from_metadata=stated,
        from_pixels=seen,
        evidence=MappingProxyType(evidence),
    )


def _settle(stated: int | None, seen: int | None, properties: Mapping[str, Any]) -> tuple[int | None, Basis]:
    if stated is None and seen is None:
        return None, "refused"
    if seen is None:
        return stated, "metadata"
    if stated is None:
        return seen, "pixels"
    if stated == seen:
        return seen, "both"
    number = baseline_number(properties)
    if seen == RAW_ADD_DN and (number is None or number < FIRST_OFFSET_BASELINE):
        return (
            None,
            "refused",
        )  # no known processor makes this: the baseline or the ground is not what it seems
    return seen, "repaired"


def offset_from_metadata(
    properties: Mapping[str, Any], metadata_offset: float | None = None
) -> tuple[int | None, str]:
    """What the metadata say must be added, or None where they contradict themselves; and why."""
    number = baseline_number(properties)
    applied = properties.get("earthsearch:boa_offset_applied")
    if applied is True:
        return 0, "boa_offset_applied is true"
    if number is None:
        return _from_stated(metadata_offset)
    if number < FIRST_OFFSET_BASELINE:
        return 0, f"baseline {number:05.2f}"
    if applied is False:
        return None, f"boa_offset_applied is false at baseline {number:05.2f}, which has been wrong"
    if metadata_offset == 0:
        return None, f"offset 0 at baseline {number:05.2f}"
    return RAW_ADD_DN, f"baseline {number:05.2f}"


def _from_stated(metadata_offset: float | None) -> tuple[int | None, str]:
    if metadata_offset is None:
        return None, "no baseline, no offset"
    return round(metadata_offset * DN_PER_UNIT), f"offset {metadata_offset}, no baseline"


def baseline_number(properties: Mapping[str, Any]) -> float | None:
    """The processing baseline as a number: 5.1 for 05.10."""
    for key in ("campwatch:baseline", "s2:processing_baseline", "processing:version"):
        try:
            return float(str(properties[key]))
        except (KeyError, ValueError):
            continue
    return None


def offset_from_pixels(
    pixels: Mapping[str, NDArray[Any]], params: OffsetParams
) -> tuple[int | None, dict[str, float]]:
    """What the pixels say must be added, or None where they could come from either; and the figures.

    Dark numbers prove that the offset is absent. That it is there takes more than their absence (cloud has
    none either): ground that must be dark, yet stands just above 1000.
    """
    bands = [np.asarray(pixels[band]) for band in ("blue", "green", "red") if band in pixels]
    if not bands:
        return None, {"dark_fraction": 0.0, "valid_pixels": 0.0, "probe_pixels": 0.0, "probe_dn": math.nan}
    darkest = np.minimum.reduce(bands).astype(np.int64)
    valid = np.logical_and.reduce([band > 0 for band in bands])
    count = int(valid.sum())
    fraction = float((darkest[valid] < params.dark_dn).mean()) if count else 0.0
    probe = darkest[valid & _must_be_dark(pixels, darkest.shape, params)]
    level = float(np.median(probe)) if probe.size else math.nan
    evidence = {
        "dark_fraction": fraction,
        "valid_pixels": float(count),
        "probe_pixels": float(probe.size),
        "probe_dn": level,
    }
    if count >= params.least_probe_pixels and fraction >= params.harmonised_fraction:
        return 0, evidence
    if snowy := _snow_proof(pixels, params):
        return snowy, evidence
    enough = probe.size >= params.least_probe_pixels
    if enough and fraction <= params.offset_fraction and level < params.probe_ceiling_dn:
        return RAW_ADD_DN, evidence
    return None, evidence


def _snow_proof(pixels: Mapping[str, NDArray[Any]], params: OffsetParams) -> int | None:
    """-1000 where snow, which must be dark in the short-wave infrared, has no dark numbers there."""
    bands = [np.asarray(pixels[band]) for band in ("swir16", "swir22") if band in pixels]
    classes = pixels.get("scl")
    if not bands or classes is None or any(band.shape != classes.shape for band in bands):
        return None
    darkest = np.minimum.reduce(bands).astype(np.int64)
    snow = darkest[(classes == 11) & (darkest > 0)]  # noqa: PLR2004 - snow
    if snow.size < params.least_probe_pixels or (snow < params.dark_dn).mean() > params.offset_fraction:
        return None
    return RAW_ADD_DN if np.median(snow) < params.snow_ceiling_dn else None


def offset_from_ground(
    seen: Mapping[str, NDArray[Any]],
    expected: Mapping[str, NDArray[Any]],
    *,
    snow_share: float,
    params: GroundParams | None = None,
) -> tuple[int | None, str]:
    """What must be added, by clear ground against what its seasons show, or None; and the figures in words.

    Two normal distributions of the bands' median departures are compared, with the offset and without.

    Args:
        seen: by band, (n,) reflectance of clear ground with nothing added.
        expected: by band, (n,) what its seasons make of it on the day.
        snow_share: of the scene, 0 to 1.
        params: of the comparison.
    """
    params = params or GroundParams()
    bands = [band for band in params.haze if band in seen and band in expected]
    count = len(next(iter(seen.values()), ()))
    if len(bands) < 2 or count < params.least_cells:  # noqa: PLR2004 - one band tells haze from nothing
        return None, f"ground: {count} clear cells"
    apart = np.array([np.median(seen[band] - expected[band]) for band in bands])
    usual = np.array([np.median(expected[band]) for band in bands])
    covariance = params.noise_sd**2 * np.eye(len(bands))
    for sd, shape in (
        (params.level_sd, usual),
        (params.haze_sd, np.array([params.haze[band] for band in bands])),
        (params.snow_sd * snow_share, np.array([params.snow[band] for band in bands])),
    ):
        covariance += sd**2 * np.outer(shape, shape)
    precision = np.linalg.inv(covariance)
    misfit = {}
    for add in (0, RAW_ADD_DN):
        left = apart + add / DN_PER_UNIT
        misfit[add] = float(left @ precision @ left)
    odds = (misfit[0] - misfit[RAW_ADD_DN]) / 2
    better = RAW_ADD_DN if odds > 0 else 0
    told = f"ground: {', '.join(f'{b} {d:+.3f}' for b, d in zip(bands, apart, strict=True))}"
    told = f"{told}, log odds {odds:+.1f} for an offset on {count} cells"
    settled = abs(odds) >= params.least_log_odds and misfit[better] <= params.largest_misfit * len(bands)
    return (better if settled else None), told


def _must_be_dark(pixels: Mapping[str, NDArray[Any]], shape: tuple[int, ...], params: OffsetParams) -> Bools:
    """Plants by their red edge (a difference, blind to the offset), and water by the scene classes."""
    dark = np.zeros(shape, dtype=bool)
    if "nir" in pixels and "red" in pixels and pixels["nir"].shape == shape:
        step = pixels["nir"].astype(np.int64) - pixels["red"].astype(np.int64)
        dark |= step > params.plants_step_dn
    classes = pixels.get("scl")
    if classes is not None:
        if classes.shape != shape and tuple(2 * size for size in classes.shape) == shape:
            classes = classes.repeat(2, axis=0).repeat(2, axis=1)
        if classes.shape == shape:
            dark |= classes == WATER_CLASS
    return dark


def _word(value: int | None) -> str:
    return {None: "open", 0: "no offset", RAW_ADD_DN: "offset of 1000"}.get(value, str(value))
