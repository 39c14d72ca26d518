"""Plan area of probable coal per stockyard zone and date, with intervals.

The figure is plan area of probable coal; not volume, tonnage, production or origin.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from scipy.signal import fftconvolve

from aoi.records import Site, Zone, ZoneKind
from detection.coal.coverage import coverage, pixel_area_ha
from detection.coal.matched import MINIMUM_RING, background, matched_fraction, weights
from detection.coal.spectra import CoalSpectrum, prior_spectrum
from detection.records import SeriesPoint, Stockpile, StockpileArea
from evidence.quantity import Quantity

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

METHOD = "coal-matched-1"
USED_BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")


@dataclass(frozen=True, slots=True, kw_only=True)
class StockpileParams:
    """Knobs of the measurement, saved with its result."""

    level: float = 0.95
    """Probability of the intervals."""
    floor_ha: float = 0.1
    """Smallest area that 10 m bands can tell from nothing (simulation, DOMAIN notes)."""
    ring_m: float = 300.0
    """How far around a zone coal-free ground is taken."""
    guard_m: float = 30.0
    """Ground next to the zone that is left out of the ring."""
    minimum_valid: float = 0.5
    """Share of a zone that must have been seen."""
    maximum_snow: float = 0.02
    """Share of a zone under snow above which coal can hide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StockpileResult:
    """What one site's cube says about coal."""

    areas: tuple[StockpileArea, ...] = ()
    piles: tuple[Stockpile, ...] = ()
    series: tuple[SeriesPoint, ...] = ()
    method: str = METHOD
    params: StockpileParams = field(default_factory=StockpileParams)
    calibration: CoalSpectrum
    validated_on: str | None = None
    notes: tuple[str, ...] = ()


def measure_stockpiles(
    cube: xr.Dataset,
    site: Site,
    *,
    params: StockpileParams | None = None,
    calibration: CoalSpectrum | None = None,
) -> StockpileResult:
    """Area of probable coal in every stockyard zone on every date.

    Args:
        cube: (time, y, x) as `imagery.cube.load_cube` gives it.
        site: with zones; without stockyard zones there is no headline figure.
        params: knobs.
        calibration: the site's own coal spectrum; the prior where None.
    """
    params = params or StockpileParams()
    coal = calibration or prior_spectrum()
    zones = site.zones_of(ZoneKind.STOCKYARD)
    taken = coverage_of(cube, zones)
    areas = [
        area
        for zone in zones
        for area in zone_areas(cube, zone, taken=taken, coal=coal, params=params, site_id=site.id)
    ]
    notes = () if zones else ("no stockyard zone: no headline figure",)
    return StockpileResult(areas=tuple(areas), params=params, calibration=coal, notes=notes)


def coverage_of(cube: xr.Dataset, zones: tuple[Zone, ...]) -> Bools:
    """(y, x) where any of the zones touches the grid."""
    out = np.zeros(cube.odc.geobox.shape, dtype=bool)
    for zone in zones:
        out |= coverage(zone.geometry, cube.odc.geobox) > 0.0
    return out


def zone_areas(
    cube: xr.Dataset, zone: Zone, *, taken: Bools, coal: CoalSpectrum, params: StockpileParams, site_id: str
) -> list[StockpileArea]:
    """One zone on every date of the cube."""
    grid = cube.odc.geobox
    share = coverage(zone.geometry, grid)
    if not share.any():
        return []
    rows, columns = window(share, params)
    part = cube.isel(y=rows, x=columns)
    share, near = share[rows, columns], taken[rows, columns]
    bands = tuple(band for band in USED_BANDS if band in cube)
    mean, covariance = coal.select(bands)
    step = max(1, round(params.guard_m / 10.0))
    free = ~binary_dilation(near, iterations=step)
    pixels = np.stack([np.asarray(part[band].values, dtype=np.float64) for band in bands], axis=-1)
    seen = np.asarray(part["valid"].values, dtype=bool) & np.isfinite(pixels).all(axis=-1)
    snow = np.asarray(part["snow"].values, dtype=bool) if "snow" in part else np.zeros_like(seen)
    out = []
    for index in range(part.sizes["time"]):
        fraction = float((share * seen[index]).sum() / share.sum())
        quantity = _area(
            np.where(seen[index][..., None], pixels[index], np.nan),
            share=share,
            ring=free & seen[index],
            coal=mean,
            relative_sd=_contrast_error(pixels[index][free & seen[index]], mean, covariance),
            hectares=pixel_area_ha(grid),
            params=params,
            valid_fraction=fraction,
            snow_fraction=float((share * snow[index]).sum() / share.sum()),
            group=f"coal-spectrum:{site_id}:{coal.id}",
        )
        when = part["time"].values[index].astype("datetime64[us]").item().replace(tzinfo=dt.UTC)
        scene = str(part["scene_id"].values[index]) if "scene_id" in part.coords else when.isoformat()
        below = quantity.high is not None and quantity.high < params.floor_ha
        out.append(
            StockpileArea(
                zone_id=zone.id,
                datetime=when,
                area_ha=quantity,
                valid_fraction=fraction,
                below_floor=below,
                bands=bands,
                scene_ids=(scene,),
            )
        )
    return out


def window(share: Floats, params: StockpileParams) -> tuple[slice, slice]:
    """Rows and columns around a zone that hold its ring."""
    margin = round((params.ring_m + params.guard_m) / 10.0)
    rows, columns = np.nonzero(share)
    return (
        slice(max(0, int(rows.min()) - margin), int(rows.max()) + margin + 1),
        slice(max(0, int(columns.min()) - margin), int(columns.max()) + margin + 1),
    )


def _contrast_error(ring: Floats, mean: Floats, covariance: Floats) -> float:
    """Relative error of a fraction from an unknown coal spectrum, one standard deviation."""
    if len(ring) < MINIMUM_RING:
        return float("nan")
    filter_ = weights(*background(ring), mean)
    return float(np.sqrt(filter_ @ covariance @ filter_))


def _area(  # noqa: PLR0913 - one call site; what it needs is what the estimate is made of
    pixels: Floats,
    *,
    share: Floats,
    ring: Bools,
    coal: Floats,
    relative_sd: float,
    hectares: float,
    params: StockpileParams,
    valid_fraction: float,
    snow_fraction: float,
    group: str,
) -> Quantity:
    """Sum of unclipped fractions over one zone, or the reason why there is none."""
    if valid_fraction < params.minimum_valid:
        return Quantity.not_assessable(f"only {valid_fraction:.0%} of the zone was seen")
    if snow_fraction > params.maximum_snow:
        return Quantity.not_assessable(f"snow on {snow_fraction:.0%} of the zone")
    fraction = matched_fraction(pixels, ring, coal)
    if fraction is None:
        return Quantity.not_assessable("too little coal-free ground around the zone was seen")
    area = np.nansum(fraction * share) / valid_fraction * hectares
    noise = _placement_error(fraction, ring, share) * hectares / valid_fraction
    return Quantity.measured(
        float(area),
        sd_random=float(noise),
        shared={group: float(relative_sd * max(area, 0.0))},
        level=params.level,
    )


def _placement_error(fraction: Floats, ring: Bools, share: Floats) -> float:
    """Spread of the same sum over the same shape placed on coal-free ground of the same scene, in pixels."""
    kernel_rows, kernel_columns = np.nonzero(share)
    kernel = share[
        kernel_rows.min() : kernel_rows.max() + 1, kernel_columns.min() : kernel_columns.max() + 1
    ][::-1, ::-1]
    value = np.where(ring, np.nan_to_num(fraction), 0.0)
    if kernel.shape[0] > value.shape[0] or kernel.shape[1] > value.shape[1]:
        return float(np.std(fraction[ring]) * share.sum() ** 0.5 * 3.0)
    sums = fftconvolve(value, kernel, mode="valid")
    weight = fftconvolve(ring.astype(float), kernel, mode="valid") / kernel.sum()
    usable = weight > 0.5  # noqa: PLR2004 - at least half of the shape on coal-free ground
    if usable.sum() < 10:  # noqa: PLR2004 - too few placements: independent triples of pixels instead
        return float(np.std(fraction[ring]) * share.sum() ** 0.5 * 3.0)
    return float(np.sqrt(np.mean((sums[usable] / weight[usable]) ** 2)))
