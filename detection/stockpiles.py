"""Plan area of probable coal per stockyard zone and date, with intervals.

The figure is plan area of probable coal; not volume, tonnage, production or origin. The steps are in
`detection.coal`: the ground without coal (`background`), the coal in every pixel (`fraction`), the sum over
supports that other dates fix (`areas`), the piles through time (`tracking`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from aoi.records import Site, ZoneKind
from detection.coal.areas import AreaParams, ZoneSeries, zone_series
from detection.coal.calibration import spectrum_of
from detection.coal.coverage import coverage, pixel_area_ha
from detection.coal.found import FoundParams, found_supports
from detection.coal.fraction import FractionParams, Fractions, block_fractions
from detection.coal.pile_records import pile_records
from detection.coal.site_blocks import Window, bands_of, block_of, grouped
from detection.coal.spectra import CoalSpectrum, prior_spectrum
from detection.records import SeriesPoint, Stockpile, StockpileArea
from detection.series import smoothed_series
from evidence.quantity import Quantity, coverage_factor

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

METHOD = "coal-factors-3"


@dataclass(frozen=True, slots=True, kw_only=True)
class StockpileParams:
    """Knobs of the measurement, saved with its result."""

    level: float = 0.95
    """Probability of the intervals."""
    floor_ha: float = 0.1
    """Smallest area that 10 m bands can tell from nothing (simulation, DOMAIN notes)."""
    ring_m: float = 300.0
    """How far around a zone coal-free ground is taken."""
    minimum_valid: float = 0.5
    """Share of a zone that must have been seen."""
    find_piles: bool = True
    """Whether piles outside the zones are looked for."""
    fraction: FractionParams = field(default_factory=FractionParams)
    area: AreaParams = field(default_factory=AreaParams)
    found: FoundParams = field(default_factory=FoundParams)


@dataclass(frozen=True, slots=True, kw_only=True)
class StockpileResult:
    """What one site's cube says about coal."""

    areas: tuple[StockpileArea, ...] = ()
    """Every stockyard zone on every date, null with a reason where it could not be measured."""
    piles: tuple[Stockpile, ...] = ()
    """Tracked piles, in zones and found outside of them."""
    series: tuple[SeriesPoint, ...] = ()
    """Smoothed area per zone."""
    method: str = METHOD
    params: StockpileParams = field(default_factory=StockpileParams)
    calibration: CoalSpectrum
    """The spectrum that the measurement began with."""
    validated_on: str | None = "painted"
    missed_ha: Quantity | None = None
    """Coal outside zones that was not called a pile: nought, up to all ground that looks like coal and is
    steady or small; None where nobody looked for piles."""
    notes: tuple[str, ...] = ()
    """What a reader must know, in sentences."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A zone, or ground around found coal: something that has an area on every date."""

    id: str
    share: Floats
    """(y, x) of the whole grid."""
    found: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One subject, measured."""

    subject: Subject
    window: Window
    fractions: Fractions
    series: ZoneSeries
    bands: tuple[str, ...]


def measure_stockpiles(
    cube: xr.Dataset,
    site: Site,
    *,
    params: StockpileParams | None = None,
    calibration: CoalSpectrum | None = None,
) -> StockpileResult:
    """Area of probable coal in every stockyard zone on every date, and the piles inside and outside.

    Args:
        cube: (time, y, x) as `imagery.cube.load_cube` gives it.
        site: with zones; without stockyard zones there is no headline figure, only found piles.
        params: knobs.
        calibration: the site's own coal spectrum; where None, the site file's, else the prior.
    """
    params = params or StockpileParams()
    coal = calibration or spectrum_of(site) or prior_spectrum()
    bands = tuple(band for band in bands_of(cube) if band in coal.bands)
    zones = stockyards(cube, site)
    found, doubtful = found_subjects(cube, site, zones, coal=coal, bands=bands, params=params)
    missed = missed_area(cube, doubtful, params) if params.find_piles else None
    measured = measure_subjects(cube, [*zones, *found], coal=coal, bands=bands, params=params)
    whole = [m for m in measured if not m.subject.found]
    seen = {m.subject.id for m in whole}
    areas = [area for m in whole for area in area_records(cube, m, site.id, coal, params)]
    areas += [
        area for zone in zones if zone.id not in seen for area in blind_records(cube, zone.id, bands, params)
    ]
    piles = [pile for m in measured for pile in pile_records(cube, m, site.id, coal, params)]
    return StockpileResult(
        areas=tuple(areas),
        piles=tuple(piles),
        series=tuple(smoothed_series(areas, level=params.level)),
        params=params,
        calibration=coal,
        missed_ha=missed,
        notes=notes(zones, coal, missed),
    )


def missed_area(cube: xr.Dataset, doubtful: Bools, params: StockpileParams) -> Quantity:
    """What may have been missed outside the zones: all doubtful ground, and a pile too small to be told."""
    high = float(doubtful.sum()) * pixel_area_ha(cube.odc.geobox) + params.floor_ha
    return Quantity.interval(0.0, 0.0, high, level=params.level)


def notes(zones: list[Subject], coal: CoalSpectrum, missed: Quantity | None) -> tuple[str, ...]:
    """The sentences that go with the figures."""
    out = ["Plan area of probable coal; not volume, tonnage, production or origin."]
    if not coal.calibrated:
        out.append("Not calibrated on coal at this site.")
    if not zones:
        out.append("No stockyard zone: found piles only, no headline figure.")
    if missed is not None and missed.high is not None:
        out.append(
            f"Outside the zones up to {missed.high:.2f} ha more look like coal or are too small to be told."
        )
    return tuple(out)


def stockyards(cube: xr.Dataset, site: Site) -> list[Subject]:
    """The stockyard zones that touch the grid."""
    grid = cube.odc.geobox
    found = [
        Subject(id=zone.id, share=coverage(zone.geometry, grid), found=False)
        for zone in site.zones_of(ZoneKind.STOCKYARD)
    ]
    return [subject for subject in found if subject.share.any()]


def found_subjects(
    cube: xr.Dataset,
    site: Site,
    zones: list[Subject],
    *,
    coal: CoalSpectrum,
    bands: tuple[str, ...],
    params: StockpileParams,
) -> tuple[list[Subject], Bools]:
    """Ground outside the zones on which coal was found, and ground (y, x) that merely looks like it."""
    if not params.find_piles:
        return [], np.zeros(cube.odc.geobox.shape, dtype=bool)
    taken = np.zeros(cube.odc.geobox.shape, dtype=bool)
    for zone in zones:
        taken |= zone.share > 0.0
    for closed in site.zones_of(ZoneKind.EXCLUSION):
        taken |= coverage(closed.geometry, cube.odc.geobox) > 0.0
    inside = coverage(site.aoi, cube.odc.geobox) > 0.0
    masks, doubtful = found_supports(cube, bands, ~inside | taken, coal, params.found)
    subjects = [
        Subject(id=f"found-{i + 1:03d}", share=mask.astype(np.float64), found=True)
        for i, mask in enumerate(masks)
    ]
    return subjects, doubtful


def measure_subjects(
    cube: xr.Dataset,
    subjects: list[Subject],
    *,
    coal: CoalSpectrum,
    bands: tuple[str, ...],
    params: StockpileParams,
) -> list[Measured]:
    """Fractions and sums of all subjects, block by block."""
    if not subjects:
        return []
    mean, covariance = coal.select(bands)
    suspect = np.any([s.share > 0.0 for s in subjects], axis=0)
    margin = round(params.ring_m / 10.0)
    out = []
    for window, members in grouped([s.share for s in subjects], margin):
        block = block_of(cube, window, bands, suspect)
        fractions = block_fractions(block, mean, covariance, params.fraction)
        if fractions is None:
            continue
        area = area_params(params.area, bands, fractions.contrast)
        for index in members:
            share = subjects[index].share[window.rows, window.columns]
            series = zone_series(fractions, block.seen, share, block.days, area)
            out.append(
                Measured(
                    subject=subjects[index], window=window, fractions=fractions, series=series, bands=bands
                )
            )
    return out


def area_params(params: AreaParams, bands: tuple[str, ...], contrast: float) -> AreaParams:
    """The knobs of the sum for what can be told with these bands on this ground."""
    if {"swir16", "swir22"} & set(bands):
        return params
    bare = contrast < params.yard_contrast
    return replace(params, relative=params.relative_in_the_dark if bare else params.relative_without_swir)


def area_quantity(
    measured: Measured, t: int, *, hectares: float, site_id: str, coal: CoalSpectrum, params: StockpileParams
) -> Quantity:
    """One subject's area on one date, or the reason why there is none."""
    series = measured.series
    if series.seen_share[t] < params.minimum_valid:
        return Quantity.not_assessable(f"only {series.seen_share[t]:.0%} of the zone was seen")
    if not np.isfinite(series.area[t]):
        return Quantity.not_assessable("too little coal-free ground around the zone was seen")
    if not series.support[t].any():
        high = series.limit[t] * hectares
        return Quantity.interval(
            0.0, 0.0, high, level=params.level, sd_random=high / coverage_factor(params.level)
        )
    shared = {
        f"coal-spectrum:{site_id}:{coal.id}": float(series.sd_spectrum[t] * hectares),
        f"ground:{site_id}:{measured.subject.id}": float(series.sd_ground[t] * hectares),
    }
    return Quantity.measured(
        float(series.area[t] * hectares),
        sd_random=float(series.sd_random[t] * hectares),
        shared=shared,
        level=params.level,
    )


def area_records(
    cube: xr.Dataset, measured: Measured, site_id: str, coal: CoalSpectrum, params: StockpileParams
) -> list[StockpileArea]:
    """One zone's records, one per date."""
    hectares = pixel_area_ha(cube.odc.geobox)
    out = []
    for t in range(cube.sizes["time"]):
        area = area_quantity(measured, t, hectares=hectares, site_id=site_id, coal=coal, params=params)
        out.append(
            StockpileArea(
                zone_id=measured.subject.id,
                datetime=time_of(cube, t),
                area_ha=area,
                valid_fraction=float(measured.series.seen_share[t]),
                below_floor=area.high is not None and area.high < params.floor_ha,
                bands=measured.bands,
                scene_ids=(scene_of(cube, t),),
            )
        )
    return out


def blind_records(
    cube: xr.Dataset, zone_id: str, bands: tuple[str, ...], params: StockpileParams
) -> list[StockpileArea]:
    """Records of a zone that no date could measure."""
    reason = Quantity.not_assessable(
        "too little coal-free ground around the zone was seen", level=params.level
    )
    return [
        StockpileArea(
            zone_id=zone_id,
            datetime=time_of(cube, t),
            area_ha=reason,
            valid_fraction=0.0,
            below_floor=False,
            bands=bands,
            scene_ids=(scene_of(cube, t),),
        )
        for t in range(cube.sizes["time"])
    ]


def time_of(cube: xr.Dataset, t: int) -> dt.datetime:
    """The date's time, UTC."""
    when: dt.datetime = cube["time"].values[t].astype("datetime64[us]").item()
    return when.replace(tzinfo=dt.UTC)


def scene_of(cube: xr.Dataset, t: int) -> str:
    """The date's scene id; its time where the cube has none."""
    if "scene_id" in cube.coords:
        return str(cube["scene_id"].values[t])
    return time_of(cube, t).isoformat()
