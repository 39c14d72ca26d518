"""Plan area of probable coal per stockyard zone and date, with intervals.

The figure is plan area of probable coal; not volume, tonnage, production or origin. The steps are in
`detection.coal`: the ground without coal (`background`), the coal in every pixel (`fraction`), the sum over
supports that other dates fix (`areas`), the piles through time (`tracking`), year by year (`years`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np
import xarray as xr

from aoi.pixels import pixel_area_ha
from aoi.records import Site
from detection.coal.blocks import in_order
from detection.coal.calibration import identity_documented, spectrum_of
from detection.coal.family import SWIR
from detection.coal.intervals import calibrated
from detection.coal.records import (
    COAL_SEARCH,
    STOCKPILE_AREAS,
    STOCKPILES,
    CoalSearch,
    SeriesPoint,
    Stockpile,
    StockpileArea,
)
from detection.coal.rows import area_records, blind_records, pile_records, time_of, with_last_seen
from detection.coal.search import KeptTiles, Searched, open_tiles, patches, searched
from detection.coal.series import nought_or_more, smoothed_series
from detection.coal.spectra import CoalSpectrum
from detection.coal.stockpile_records import Measured, StockpileParams
from detection.coal.tracking import Tracked
from detection.coal.verdicts import (
    Identity,
    SubjectYear,
    coal_family,
    identity,
    is_changing,
    judged_area,
    judged_pile,
    sentence,
)
from detection.coal.water import KEPT
from detection.coal.years import Carried, YearOfCoal, spans, year_bytes, year_from, year_key
from detection.coal.zones import (
    Known,
    as_subjects,
    found_masks,
    materials,
    measured_blocks,
    sought,
    stockyards,
)
from detection.radar.second_opinion import RadarOpinion, radar_opinions, radar_series
from evidence.quantity import Quantity, total
from imagery.measurement import Ahead, Measurement, Remembered, Work
from imagery.measurement import Measured as MeasuredLayer

__all__ = ["METHOD", "StockpileParams", "StockpileResult", "measure_stockpiles"]

METHOD = STOCKPILE_AREAS.method
HELD_BYTES = 1_000_000_000
"""Of the looks of two years that are read at once; those of a larger site are read block by block: a bound of
memory. Assumed."""


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
    calibration: CoalSpectrum | None = None
    """Spectrum of marked coal that the measurement began with; None where the family alone did."""
    identities: Mapping[str, Identity] = field(default_factory=dict)
    """What is known of the identity of every zone's and found ground's dark ground."""
    validated_on: str | None = "painted"
    missed_ha: Quantity | None = None
    """Coal outside zones on the newest look that was not called a pile: nought, up to all ground that its
    newest looks show like coal and that is near the family or beside what is, and all that nobody saw; None
    where nobody looked."""
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
    tiles: MutableMapping[str, Searched] | None = None,
    radar: xr.Dataset | None = None,
) -> StockpileResult:
    """Area of probable coal in every stockyard zone on every date, and the piles inside and outside.

    Args:
        cube: (time, y, x) as `load_cube` gives it, lazy or not; with `years` only the looks are
            read that the years which are not held follow from.
        site: with zones; without stockyard zones there is no headline figure, only found piles.
        params: of the measurement.
        calibration: spectrum of marked coal; where None, the site file's, else the coal family.
        years: what years gave, by key; read, and extended. The result is the same with and without.
        tiles: the same of the search outside zones, see `search_ahead`.
        radar: Sentinel-1 on the same grid, as `radar_series` takes it: a second opinion; no area
            depends on it.
    """
    params = params or StockpileParams()
    coal = calibration or spectrum_of(site)
    cube = in_order(cube)
    measured = measured_years(cube, site, coal, params, years, tiles)
    zones = {zone.id: zone.share for zone in stockyards(cube, site)}
    result = result_of_years(measured, site, tuple(zones), coal=coal, params=params)
    if radar is None or not zones:
        return result
    return replace(result, radar=radar_opinions(result.areas, radar_series(radar, zones)))


def result_of_years(
    measured: Sequence[YearOfCoal],
    site: Site,
    zones: Collection[str],
    *,
    coal: CoalSpectrum | None,
    params: StockpileParams,
) -> StockpileResult:
    """What all years say together: intervals, verdicts, what may be claimed, series, what was missed.

    Args:
        measured: years, in order.
        site: measured.
        zones: ids of the stockyard zones on the grid.
        coal: spectrum of marked coal; None without a calibration.
        params: of the measurement.
    """
    history = histories(measured)
    areas = sorted((area for year in measured for area in year.areas), key=lambda area: area.zone_id)
    ends = [with_interval(area.area_ha, history.get(area.zone_id, ()), params) for area in areas]
    areas = [replace(area, area_ha=end, dark_ha=end) for area, end in zip(areas, ends, strict=True)]
    piles = [pile for year in measured for pile in with_last_seen(year.piles)]
    ends = [with_interval(pile.area_ha, history[subject_of(pile)], params) for pile in piles]
    piles = [replace(pile, area_ha=end, dark_ha=end) for pile, end in zip(piles, ends, strict=True)]
    who = identities(history, areas, site, coal, params)
    fits = fits_by_year(measured)
    areas = [
        judged_area(
            area,
            who[area.zone_id],
            fit=fits.get((area.zone_id, area.datetime.year)),
            floor_ha=params.floor_ha,
        )
        for area in areas
    ]
    piles = [
        judged_pile(
            pile,
            who[subject_of(pile)],
            fit=fits.get((subject_of(pile), pile.datetime.year)),
            floor_ha=params.floor_ha,
        )
        for pile in piles
    ]
    searches = coal_searches(measured, piles, zones, coal, params)
    missed = searches[-1].missed_ha if searches and params.find_piles else None
    return StockpileResult(
        areas=tuple(areas),
        piles=tuple(piles),
        series=tuple(smoothed_series(areas, level=params.level)),
        params=params,
        calibration=coal,
        identities=who,
        searches=searches,
        missed_ha=missed,
        notes=notes(who, zones, coal, missed),
    )


def subject_of(pile: Stockpile) -> str:
    """The zone or found ground that a pile belongs to."""
    return pile.pile_id.rsplit("/", 1)[0].split("/", 1)[1]


def fits_by_year(years: Sequence[YearOfCoal]) -> dict[tuple[str, int], float | None]:
    """Distance of a subject's dark ground from the family, as each year found it."""
    return {
        (name, year.last_look.year): subject.distance
        for year in years
        for name, subject in year.subjects.items()
    }


def histories(years: Sequence[YearOfCoal]) -> dict[str, tuple[SubjectYear, ...]]:
    """What every year says of each zone and of found ground, in order."""
    names = dict.fromkeys(name for year in years for name in year.subjects)
    return {name: tuple(year.subjects[name] for year in years if name in year.subjects) for name in names}


def with_interval(area: Quantity, history: Sequence[SubjectYear], params: StockpileParams) -> Quantity:
    """An area with its calibrated interval."""
    return calibrated(
        area,
        family=coal_family(history, params.family),
        has_swir=any(one.has_swir for one in history),
        params=params.interval,
    )


def identities(
    history: Mapping[str, Sequence[SubjectYear]],
    areas: Sequence[StockpileArea],
    site: Site,
    coal: CoalSpectrum | None,
    params: StockpileParams,
) -> dict[str, Identity]:
    """The verdict on every zone and on found ground, from all its years."""
    zones = dict.fromkeys(area.zone_id for area in areas)
    out = {}
    for name in (*zones, *(name for name in history if name not in zones)):
        own = history.get(name, ())
        looks = [area for area in areas if area.zone_id == name]
        told = [area.dark_ha.value for area in looks if area.dark_ha is not None]
        values = [value for value in told if value is not None]
        out[name] = identity(
            own,
            changing=is_changing(looks, params.verdict)
            if name in zones
            else params.found.changed_share > 0.0,
            has_swir=any(one.has_swir for one in own),
            calibrated=coal is not None,
            documented=coal is not None and identity_documented(coal, site, name),
            params=params.family,
            reads_ha=values,
            limits=params.verdict,
        )
    return out


def coal_searches(
    years: Sequence[YearOfCoal],
    piles: Sequence[Stockpile],
    zones: Collection[str],
    coal: CoalSpectrum | None,
    params: StockpileParams,
) -> tuple[CoalSearch, ...]:
    """What was found outside the zones by the end of every year, and what may have been missed.

    Every pile counts with its newest look of the year; what has no figure counts as missed, whole.

    Args:
        years: measured.
        piles: with their verdicts.
        zones: ids of the stockyard zones.
        coal: spectrum of marked coal; None without a calibration.
        params: of the measurement.
    """
    out = []
    for year in years:
        days = {area.datetime for area in year.piles}
        newest = {
            pile.pile_id: pile
            for pile in sorted(piles, key=lambda pile: pile.datetime)
            if pile.datetime in days and subject_of(pile) not in zones
        }
        found = Quantity.not_assessable("piles outside the zones were not looked for", level=params.level)
        missed, notes = found, ""
        if params.find_piles:
            told = [pile.area_ha for pile in newest.values() if pile.area_ha.value is not None]
            nought = Quantity.interval(0.0, 0.0, 0.0, level=params.level)
            found = nought_or_more(total(told, level=params.level)) if told else nought
            unsure = sum(_most(pile) for pile in newest.values() if pile.area_ha.value is None)
            high = year.doubtful_ha + unsure + params.floor_ha
            missed = Quantity.interval(0.0, 0.0, high, level=params.level)
            notes = (
                f"Of what may have been missed, {year.doubtful_ha:.2f} ha look like coal on the newest looks "
                f"or were not seen for a year, {unsure:.2f} ha were found and have no figure, and "
                f"{params.floor_ha:g} ha are too small to be told."
            )
        out.append(
            CoalSearch(
                year=year.last_look.year,
                datetime=year.last_look,
                found_ha=found,
                missed_ha=missed,
                calibrated=coal is not None,
                spectrum=FAMILY_ID if coal is None else coal.id,
                notes=notes,
            )
        )
    return tuple(out)


def _most(pile: Stockpile) -> float:
    """Largest area that a pile without a figure may have, hectares."""
    ends = [one.high for one in (pile.area_ha, pile.dark_ha) if one is not None and one.high is not None]
    return max(ends, default=0.0)


def measured_years(
    cube: xr.Dataset,
    site: Site,
    coal: CoalSpectrum | None,
    params: StockpileParams,
    years: MutableMapping[str, YearOfCoal] | None,
    tiles: MutableMapping[str, Searched] | None = None,
) -> list[YearOfCoal]:
    """Every year, from what is held or measured."""
    carried, out = Carried(), []
    for span in spans(cube["time"].values):
        looks = cube.isel(time=span.use)
        key = "" if years is None else year_key(METHOD, looks, site, carried, coal, params)
        found = None if years is None else years.get(key)
        if found is None:
            kept = None if tiles is None else _kept_tiles(looks, site, coal, params, tiles)
            own = span.own.tolist()
            looks = looks.load() if looks.nbytes <= HELD_BYTES else looks
            found = measure_year(looks, site, own, carried, coal=coal, params=params, kept=kept)
            if years is not None:
                years[key] = found
        carried = found.carried
        out.append(found)
    return out


def _kept_tiles(
    looks: xr.Dataset,
    site: Site,
    coal: CoalSpectrum | None,
    params: StockpileParams,
    tiles: MutableMapping[str, Searched],
) -> KeptTiles:
    """The tiles of some looks; a search of them follows from nothing that earlier years gave."""
    return KeptTiles(key=year_key(METHOD, looks, site, Carried(), coal, params), held=tiles)


def search_ahead(
    cube: xr.Dataset,
    site: Site,
    tiles: MutableMapping[str, Searched],
    *,
    params: StockpileParams,
    part: int,
    parts: int,
) -> None:
    """Search some of the tiles outside zones: every so manieth of each span of looks.

    Args:
        cube: (time, y, x) as `measure_stockpiles` takes it; of a lazy one no more than a tile is held.
        site: to be measured.
        tiles: what was searched; extended.
        params: of the measurement.
        part: from 0.
        parts: into how many the tiles are dealt.
    """
    coal, cube, number = spectrum_of(site), in_order(cube), 0
    for span in spans(cube["time"].values) if params.find_piles else ():
        looks = cube.isel(time=span.use)
        kept = _kept_tiles(looks, site, coal, params, tiles)
        there = sought(looks, site, coal, params)
        found = list(open_tiles(there.closed, params.found))
        for tile in found[(part - number) % parts :: parts]:
            searched(looks, tile, there.closed, params.found, materials(there, params), kept)
        number += len(found)


def measure_year(
    cube: xr.Dataset,
    site: Site,
    own: Sequence[int],
    carried: Carried,
    *,
    coal: CoalSpectrum | None,
    params: StockpileParams,
    kept: KeptTiles | None = None,
) -> YearOfCoal:
    """What one year gives.

    Args:
        cube: looks of the year and of the year before, by time.
        site: measured.
        own: positions of the looks that figures are wanted for.
        carried: from the years before.
        coal: spectrum of marked coal; None without a calibration.
        params: of the measurement.
        kept: tiles outside the zones that were searched before.
    """
    there = sought(cube, site, coal, params)
    found, doubtful = found_masks(cube, there, carried.found, params=params, kept=kept)
    subjects = [*there.zones, *as_subjects(found)]
    shape = cube.odc.geobox.shape
    water = np.zeros((KEPT, *shape)) if carried.water is None else carried.water.astype(np.float64)
    at = np.zeros(cube.sizes["time"], dtype=bool)
    at[list(own)] = True
    known = Known(prior=there.prior, fits=carried.fits, water=water.copy())
    hectares, latitude = pixel_area_ha(cube.odc.geobox), site.aoi.centroid.y
    zones, piles, tracked = {}, [], dict(carried.tracked)
    told, fits = {}, dict(carried.fits)
    for measured, window, wet in measured_blocks(cube, subjects, at, known, latitude=latitude, params=params):
        water[:, window.rows, window.columns] = wet
        for one in measured:
            name = one.subject.id
            more, tracked[name] = pile_records(
                cube, one, own, carried.tracked.get(name, Tracked()), site_id=site.id, params=params
            )
            piles += more
            if not one.subject.found:
                zones[name] = area_records(cube, one, own, site_id=site.id, params=params)
            elif one.refused is None:
                called = one.series.support[np.asarray(own, dtype=np.intp)].any(axis=0)
                doubtful[window.rows, window.columns] &= ~called
            told[name], fits[name] = _subject_year(one, own, hectares), one.fit
    missed = patches(doubtful, params.found.minimum_px)
    areas = [
        zones[zone.id] if zone.id in zones else blind_records(cube, zone.id, own, there.prior.bands, params)
        for zone in there.zones
    ]
    return YearOfCoal(
        areas=tuple(chain.from_iterable(areas)),
        piles=tuple(piles),
        doubtful_ha=float(missed.sum()) * hectares,
        last_look=time_of(cube, own[-1]),
        subjects=told,
        carried=Carried(found=found, tracked=tracked, fits=fits, water=water.astype(np.float32)),
    )


FAMILY_ID = "coal-family-1"
"""Name and version of the family that a measurement without calibration begins with."""


def _subject_year(one: Measured, own: Sequence[int], hectares: float) -> SubjectYear:
    fit = one.fit
    outlines = one.series.outline[np.asarray(own, dtype=np.intp)]
    outlines = outlines[np.isfinite(outlines)]
    outline = float(np.median(outlines)) if len(outlines) else 0.0
    return SubjectYear(
        distance=None if fit.years == 0 else fit.distance,
        ratio=None if fit.years == 0 else fit.ratio,
        family=fit.name,
        refused=one.refused,
        dark_ha=one.dark_px * hectares,
        rim_ha=outline * one.rim_px * hectares,
        may_ha=one.may_px * hectares,
        has_swir=bool(SWIR & set(one.bands)),
    )


def notes(
    who: Mapping[str, Identity],
    zones: Collection[str],
    coal: CoalSpectrum | None,
    missed: Quantity | None,
) -> tuple[str, ...]:
    """The sentences that go with the figures."""
    out = ["Plan area of probable coal; not volume, tonnage, production or origin."]
    if coal is None:
        out.append(
            "Not calibrated on coal at this site: `campwatch calibrate` on a marked pile narrows most."
        )
    if not zones:
        out.append("No stockyard zone: found piles only, no headline figure.")
    out += [
        f"{name}: {sentence(who[name].verdict, calibrated=who[name].documented)}"
        for name in zones
        if name in who
    ]
    if missed is not None and missed.high is not None:
        out.append(
            f"Outside the zones up to {missed.high:.2f} ha more look like coal or are too small to be told."
        )
    return tuple(out)


def _remembered_tiles(memory: MutableMapping[str, bytes]) -> Remembered[Searched]:
    return Remembered(held=memory, encode=Searched.encoded, decode=Searched.decoded)


def _ahead(work: Work, part: int, parts: int) -> None:
    if work.memory is not None:
        tiles = _remembered_tiles(work.memory)
        search_ahead(work.cube, work.site, tiles, params=work.params, part=part, parts=parts)


def _measure(work: Work) -> list[MeasuredLayer]:
    years = None if work.memory is None else Remembered(held=work.memory, encode=year_bytes, decode=year_from)
    tiles = None if work.memory is None else _remembered_tiles(work.memory)
    found = measure_stockpiles(work.cube, work.site, params=work.params, years=years, tiles=tiles)
    layers = (
        (STOCKPILE_AREAS, found.areas),
        (STOCKPILES, found.piles),
        (COAL_SEARCH, found.searches),
    )
    return [
        MeasuredLayer(layer=layer, records=records, validated_on=found.validated_on)
        for layer, records in layers
    ]


MEASUREMENT = Measurement(
    layers=(STOCKPILE_AREAS, STOCKPILES, COAL_SEARCH),
    stage="coal",
    measure=_measure,
    ahead=Ahead(compute=_ahead, divisible=True),
    params=StockpileParams,
    settings="stockpile",
)
