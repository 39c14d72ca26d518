"""Plan area of probable coal per stockyard zone and date, with intervals.

The figure is plan area of probable coal; not volume, tonnage, production or origin. The steps are in
`detection.coal`: the ground without coal (`background`), the coal in every pixel (`fraction`), the sum over
supports that other dates fix (`areas`), the piles through time (`tracking`), year by year (`years`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field

import xarray as xr

from aoi.records import Site
from detection.coal.area_records import area_records, blind_records
from detection.coal.calibration import spectrum_of
from detection.coal.coverage import pixel_area_ha
from detection.coal.pile_records import pile_records, with_last_seen
from detection.coal.records import (
    COAL_SEARCH,
    SERIES,
    STOCKPILE_AREAS,
    STOCKPILES,
    CoalSearch,
    SeriesPoint,
    Stockpile,
    StockpileArea,
)
from detection.coal.site_blocks import bands_of
from detection.coal.spectra import CoalSpectrum, prior_spectrum
from detection.coal.stockpile_records import Measured, StockpileParams, Subject
from detection.coal.subjects import as_subjects, found_masks, measure_subjects, not_called, stockyards
from detection.coal.tracking import Tracked
from detection.coal.years import Carried, YearOfCoal, spans, year_bytes, year_from, year_key
from detection.looks import in_order
from detection.radar.second_opinion import RadarOpinion, radar_opinions, radar_series
from detection.series import smoothed_series
from evidence.quantity import Quantity, total
from imagery.cube.observations import sensing_time
from imagery.measurement import Measured as MeasuredLayer
from imagery.measurement import Measurement, Remembered, Work

__all__ = ["METHOD", "StockpileParams", "StockpileResult", "measure_stockpiles"]

METHOD = STOCKPILE_AREAS.method


@dataclass(frozen=True, slots=True, kw_only=True)
class StockpileResult:
    """What one site's cube says about coal."""

    areas: tuple[StockpileArea, ...] = ()
    """Every stockyard zone on every date, null with a reason where it could not be measured."""
    piles: tuple[Stockpile, ...] = ()
    """Tracked piles, in zones and found outside of them."""
    series: tuple[SeriesPoint, ...] = ()
    """Smoothed area per zone."""
    searches: tuple[CoalSearch, ...] = ()
    """What was found outside the zones by the end of each year, and what may have been missed."""
    method: str = METHOD
    params: StockpileParams = field(default_factory=StockpileParams)
    calibration: CoalSpectrum
    """The spectrum that the measurement began with."""
    validated_on: str | None = "painted"
    missed_ha: Quantity | None = None
    """Coal outside zones on the newest look that was not called a pile: nought, up to all ground that its
    newest looks show like coal, whatever it is, and all that nobody saw; None where nobody looked."""
    radar: Mapping[str, RadarOpinion] = field(default_factory=dict)
    """What Sentinel-1 says of every zone's series; empty where there is none."""
    notes: tuple[str, ...] = ()
    """What a reader must know, in sentences."""


def measure_stockpiles(
    cube: xr.Dataset,
    site: Site,
    *,
    params: StockpileParams | None = None,
    calibration: CoalSpectrum | None = None,
    years: MutableMapping[str, YearOfCoal] | None = None,
    radar: xr.Dataset | None = None,
) -> StockpileResult:
    """Area of probable coal in every stockyard zone on every date, and the piles inside and outside.

    Args:
        cube: (time, y, x) as `load_cube` gives it, lazy or not; with `years` only the looks are
            read that the years which are not held follow from.
        site: with zones; without stockyard zones there is no headline figure, only found piles.
        params: knobs.
        calibration: the site's own coal spectrum; where None, the site file's, else the prior.
        years: what years gave, by key; read, and extended. The result is the same with and without.
        radar: Sentinel-1 on the same grid, as `radar_series` takes it: a second opinion; no area
            depends on it.
    """
    params = params or StockpileParams()
    coal = calibration or spectrum_of(site) or prior_spectrum()
    measured = _by_year(in_order(cube), site, coal, params, years)
    areas = sorted((area for year in measured for area in year.areas), key=lambda area: area.zone_id)
    zones = {zone.id: zone.share for zone in stockyards(cube, site)}
    missed = None
    if params.find_piles and measured:
        high = measured[-1].doubtful_ha + params.floor_ha
        missed = Quantity.interval(0.0, 0.0, high, level=params.level)
    return StockpileResult(
        areas=tuple(areas),
        piles=tuple(with_last_seen([pile for year in measured for pile in year.piles])),
        series=tuple(smoothed_series(areas, level=params.level)),
        params=params,
        calibration=coal,
        searches=tuple(_searches(cube, measured, set(zones), coal, params)),
        missed_ha=missed,
        radar={} if radar is None or not zones else radar_opinions(areas, radar_series(radar, zones)),
        notes=notes(bool(zones), coal, missed),
    )


def _searches(
    cube: xr.Dataset,
    years: Sequence[YearOfCoal],
    zones: set[str],
    coal: CoalSpectrum,
    params: StockpileParams,
) -> Iterator[CoalSearch]:
    """One record for each year that was measured; the first two years with looks are measured together."""
    for year, span in zip(years, spans(cube["time"].values), strict=True):
        newest = sensing_time(cube["time"].values[span.use[span.own[-1]]])
        found = Quantity.not_assessable("piles outside the zones were not looked for", level=params.level)
        missed = found
        if params.find_piles:
            last = {pile.pile_id: pile for pile in sorted(year.piles, key=lambda pile: pile.datetime)}
            outside = [p.area_ha for p in last.values() if p.pile_id.split("/")[1] not in zones]
            outside = [area for area in outside if area.value is not None]
            found = (
                total(outside, level=params.level)
                if outside
                else Quantity.interval(0.0, 0.0, 0.0, level=params.level)
            )
            high = year.doubtful_ha + params.floor_ha
            missed = Quantity.interval(0.0, 0.0, high, level=params.level)
        yield CoalSearch(
            year=newest.year,
            datetime=newest,
            found_ha=found,
            missed_ha=missed,
            calibrated=coal.calibrated,
            spectrum=coal.id,
            notes=" ".join(notes(bool(zones), coal, missed)),
        )


def _by_year(
    cube: xr.Dataset,
    site: Site,
    coal: CoalSpectrum,
    params: StockpileParams,
    years: MutableMapping[str, YearOfCoal] | None,
) -> list[YearOfCoal]:
    """Every year, from what is held or measured."""
    carried, out = Carried(), []
    for span in spans(cube["time"].values):
        looks = cube.isel(time=span.use)
        key = "" if years is None else year_key(METHOD, looks, site, carried, coal, params)
        found = None if years is None else years.get(key)
        if found is None:
            found = measure_year(looks.load(), site, span.own.tolist(), carried, coal=coal, params=params)
            if years is not None:
                years[key] = found
        carried = found.carried
        out.append(found)
    return out


def measure_year(
    cube: xr.Dataset,
    site: Site,
    own: Sequence[int],
    carried: Carried,
    *,
    coal: CoalSpectrum,
    params: StockpileParams,
) -> YearOfCoal:
    """What one year gives.

    Args:
        cube: looks of the year and of the year before, by time.
        site: measured.
        own: positions of the looks that figures are wanted for.
        carried: from the years before.
        coal: spectrum to begin with.
        params: knobs.
    """
    bands = tuple(band for band in bands_of(cube) if band in coal.bands)
    zones = stockyards(cube, site)
    found, doubtful = found_masks(cube, site, zones, carried.found, coal=coal, bands=bands, params=params)
    subjects = [*zones, *as_subjects(found)]
    measured = measure_subjects(cube, subjects, coal=coal, bands=bands, params=params)
    piles, tracked = [], dict(carried.tracked)
    for one in measured:
        name = one.subject.id
        more, tracked[name] = pile_records(
            cube, one, own, carried.tracked.get(name, Tracked()), site_id=site.id, coal=coal, params=params
        )
        piles += more
    missed = not_called(doubtful, measured, own, least_px=params.found.minimum_px)
    return YearOfCoal(
        areas=tuple(_zone_areas(cube, zones, measured, own, bands, site.id, coal, params)),
        piles=tuple(piles),
        doubtful_ha=float(missed.sum()) * pixel_area_ha(cube.odc.geobox),
        carried=Carried(found=found, tracked=tracked),
    )


def _zone_areas(
    cube: xr.Dataset,
    zones: Sequence[Subject],
    measured: Sequence[Measured],
    own: Sequence[int],
    bands: tuple[str, ...],
    site_id: str,
    coal: CoalSpectrum,
    params: StockpileParams,
) -> list[StockpileArea]:
    """Records of every zone, null where it could not be measured."""
    by_zone = {one.subject.id: one for one in measured if not one.subject.found}
    out: list[StockpileArea] = []
    for zone in zones:
        one = by_zone.get(zone.id)
        if one is None:
            out += blind_records(cube, zone.id, own, bands, params)
        else:
            out += area_records(cube, one, own, site_id=site_id, coal=coal, params=params)
    return out


def notes(has_zones: bool, coal: CoalSpectrum, missed: Quantity | None) -> tuple[str, ...]:  # noqa: FBT001
    """The sentences that go with the figures."""
    out = ["Plan area of probable coal; not volume, tonnage, production or origin."]
    if not coal.calibrated:
        out.append("Not calibrated on coal at this site.")
    if not has_zones:
        out.append("No stockyard zone: found piles only, no headline figure.")
    if missed is not None and missed.high is not None:
        out.append(
            f"Outside the zones up to {missed.high:.2f} ha more look like coal or are too small to be told."
        )
    return tuple(out)


def _measure(work: Work) -> list[MeasuredLayer]:
    years = None if work.memory is None else Remembered(held=work.memory, encode=year_bytes, decode=year_from)
    found = measure_stockpiles(work.cube, work.site, params=work.params, years=years)
    layers = (
        (STOCKPILE_AREAS, found.areas),
        (STOCKPILES, found.piles),
        (SERIES, found.series),
        (COAL_SEARCH, found.searches),
    )
    return [
        MeasuredLayer(layer=layer, records=records, validated_on=found.validated_on)
        for layer, records in layers
    ]


MEASUREMENT = Measurement(
    layers=(STOCKPILE_AREAS, STOCKPILES, SERIES, COAL_SEARCH),
    stage="coal",
    measure=_measure,
    params=StockpileParams,
    settings="stockpile",
)
