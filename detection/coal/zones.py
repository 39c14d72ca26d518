"""What has an area: the stockyard zones, and ground outside them on which coal was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from aoi.pixels import coverage
from aoi.records import Site, ZoneKind
from detection.coal.areas import ZoneSeries, zone_series
from detection.coal.blocks import Block, Window, bands_of, block_of, grouped_zones
from detection.coal.dark_ground import (
    AROUND_PX,
    DarkSurvey,
    rim_width_px,
    survey_dark_ground,
)
from detection.coal.family import FamilyFit, prior_fit, updated
from detection.coal.fraction import block_fractions
from detection.coal.search import KeptTiles, Materials, found_supports
from detection.coal.smoothing import EIGHT
from detection.coal.spectra import CoalSpectrum
from detection.coal.stockpile_records import Measured, StockpileParams, Subject
from detection.coal.water import watery_looks

Bools = NDArray[np.bool_]

Floats = NDArray[np.float64]
PIXEL_M = 10.0
"""Side of a pixel of the grid of sites, m. By definition."""

ROOMY_PX = 500
"""Pixels from which on a zone holds bare ground beside its piles. Assumed."""

BARE_SHARE = 0.6

"""Share of bare ground that is never dark from which a smaller one does, too. Assumed."""

FULL_SHARE = 0.8
"""Share of persistently dark ground from which a zone shows no other. Measured: half-coal yards have .94,
judged yards up to .55 (fitting seeds 510 to 514)."""

MOST_OF_ZONE = 0.5

"""Share of a zone that may read as coal although it never was dark. Assumed; half-coal yards read more."""

APART_PX = 5
"""Pixels beyond which pieces of ground are learned one by one (`detection.coal.ground`). Assumed."""

FULL_OF_DARK = "nearly all of the zone is dark ground: draw it with bare ground beside the coal"


def stockyards(cube: xr.Dataset, site: Site) -> list[Subject]:
    """The stockyard zones that touch the grid."""
    grid = cube.odc.geobox
    found = [
        Subject(id=zone.id, share=coverage(zone.geometry, grid), found=False)
        for zone in site.zones_of(ZoneKind.STOCKYARD)
    ]
    return [subject for subject in found if subject.share.any()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What some looks are measured with."""

    zones: Sequence[Subject]
    """The stockyard zones."""
    prior: FamilyFit
    """Of coal in the bands that are used, before any ground was seen."""
    closed: Bools
    """(y, x) where no piles are looked for: zones, exclusions, outside the aoi."""


def sought(cube: xr.Dataset, site: Site, coal: CoalSpectrum | None, params: StockpileParams) -> Sought:
    """What the looks of a cube (time, y, x) are measured with.

    Args:
        cube: read as far as its bands are counted.
        site: with its aoi, zones and exclusions.
        coal: spectrum of marked coal; None without a calibration.
        params: of the measurement.
    """
    bands = bands_of(cube)
    if coal is not None:
        bands = tuple(band for band in bands if band in coal.bands)
    zones = stockyards(cube, site)
    closed = coverage(site.aoi, cube.odc.geobox) <= 0.0
    for zone in zones:
        closed |= zone.share > 0.0
    for exclusion in site.zones_of(ZoneKind.EXCLUSION):
        closed |= coverage(exclusion.geometry, cube.odc.geobox) > 0.0
    return Sought(zones=zones, prior=prior_fit(bands, params.family, coal, site_id=site.id), closed=closed)


def found_masks(
    cube: xr.Dataset,
    site: Sought,
    known: Mapping[str, Bools],
    *,
    params: StockpileParams,
    kept: KeptTiles | None = None,
) -> tuple[dict[str, Bools], Bools]:
    """Ground (y, x) outside the zones on which coal was found, by id, and all that may hold coal now.

    Args:
        cube: (time, y, x).
        site: where to look, and for what.
        known: ground found in earlier years: what touches it belongs to it, the rest stays.
        params: knobs.
        kept: tiles that were searched before.
    """
    if not params.find_piles:
        return {}, np.zeros_like(site.closed)
    masks, doubtful = found_supports(cube, site.closed, params.found, materials(site, params), kept)
    return joined(known, masks), doubtful


def materials(site: Sought, params: StockpileParams) -> Materials:
    """What coal and water look like there."""
    return Materials(family=params.family, water=params.water, prior=site.prior)


def joined(known: Mapping[str, Bools], masks: Sequence[Bools]) -> dict[str, Bools]:
    """Known ground with the new masks: one that overlaps known ground widens it, the others get new ids."""
    out = dict(known)
    for mask in masks:
        touched = next((name for name, old in out.items() if (old & mask).any()), f"found-{len(out) + 1:03d}")
        taken = np.any([mask & False, *(old for name, old in out.items() if name != touched)], axis=0)
        out[touched] = out.get(touched, False) | (mask & ~taken)
    return out


def as_subjects(masks: Mapping[str, Bools]) -> list[Subject]:
    """Found ground as subjects."""
    return [
        Subject(id=name, share=mask.astype(np.float64), found=True)
        for name, mask in masks.items()
        if mask.any()
    ]


def is_tight(subject: Subject, bare_share: float) -> bool:
    """Whether ground around it says what its own is like: a small zone full of coal, or a found pile."""
    return subject.found or (int((subject.share > 0.0).sum()) < ROOMY_PX and bare_share < BARE_SHARE)


def is_full(series: ZoneSeries, share: Floats, dark_px: float) -> bool:
    """Whether a large zone is nearly all dark ground, or reads as coal where it never was dark.

    Args:
        series: of the zone.
        share: (y, x) of it.
        dark_px: pixels of persistently dark ground.
    """
    size = int((share > 0.0).sum())
    if size < ROOMY_PX:
        return False
    told = series.area[np.isfinite(series.area)]
    area = float(np.median(told)) if len(told) else 0.0
    return dark_px > FULL_SHARE * size or area > max(dark_px, MOST_OF_ZONE * size)


def suspect_ground(subjects: Sequence[Subject], tight_ones: Sequence[bool]) -> Bools:
    """(y, x) ground that may hold coal, and whose own looks say what lies below it.

    A yard holds bare ground beside its piles. A zone drawn tightly around a pile, or found ground, holds
    little else than coal, which would then pass for ground: what lies around is taken too, but none that
    would join it with a yard.

    Args:
        subjects: zones and found ground.
        tight_ones: whether each is tight.
    """
    yards, tight = np.zeros((2, *subjects[0].share.shape), dtype=bool)
    for subject, is_one in zip(subjects, tight_ones, strict=True):
        into = tight if is_one else yards
        into |= subject.share > 0.0
    near = binary_dilation(yards, structure=EIGHT, iterations=APART_PX)
    around = binary_dilation(tight, structure=EIGHT, iterations=AROUND_PX)
    return np.asarray(yards | tight | (around & ~near))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a site's coal and water before a span of looks."""

    prior: FamilyFit
    """Of every subject."""
    fits: Mapping[str, FamilyFit]
    """By subject, after the years before."""
    water: Floats
    """(3, y, x) looks that showed water, lit looks, ln likelihood ratio of ponds that fall dry."""


def measured_blocks(
    cube: xr.Dataset,
    subjects: Sequence[Subject],
    own: Bools,
    known: Known,
    *,
    latitude: float,
    params: StockpileParams,
) -> Iterator[tuple[list[Measured], Window, Floats]]:
    """Fractions and sums of all subjects, one block after the other: what one takes is not held for the next.

    Args:
        cube: (time, y, x).
        subjects: zones and found ground.
        own: (time,) looks that are not yet in `known`.
        known: from the years before.
        latitude: degrees.
        params: of the measurement.

    Yields:
        the measured subjects of a block; where it lies; what is known of water there after these looks,
        (3, y, x) as in `known`.
    """
    margin = round(params.ring_m / PIXEL_M)
    for window, members in grouped_zones([s.share for s in subjects], margin):
        block = block_of(cube, window, known.prior.bands, np.zeros(subjects[0].share.shape, dtype=bool))
        yield _measured_block(block, window, members, subjects, own, known, latitude=latitude, params=params)


def _measured_block(
    block: Block,
    window: Window,
    members: Sequence[int],
    subjects: Sequence[Subject],
    own: Bools,
    known: Known,
    *,
    latitude: float,
    params: StockpileParams,
) -> tuple[list[Measured], Window, Floats]:
    """The subjects at the positions `members` of all, which lie in one block; else as `measured_blocks`."""
    out: list[Measured] = []
    at = slice(None), window.rows, window.columns
    wetness = known.water[at].copy()
    wetness[:2] += watery_looks(block, own, params.water)
    surveys = {
        index: survey_dark_ground(
            block,
            subjects[index].share[at[1:]],
            own,
            wetness,
            latitude=latitude,
            params=params.family,
            water=params.water,
        )
        for index in members
    }
    water = wetness.copy()
    for survey in surveys.values():
        water[2] = np.where(survey.pond_ratio == 0.0, water[2], wetness[2] + survey.pond_ratio)
    tight = [
        is_tight(subject, surveys[index].bare_share if index in surveys else 0.0)
        for index, subject in enumerate(subjects)
    ]
    suspect = suspect_ground(subjects, tight)[at[1:]]
    wet = np.any([survey.water for survey in surveys.values()], axis=0)
    block = replace(block, seen=block.seen & ~wet, suspect=suspect & ~wet)
    fits = {
        index: updated(
            known.fits.get(subjects[index].id, known.prior),
            known.prior,
            surveys[index].clusters,
            params.family,
        )
        for index in members
    }
    for name, alike in _by_coal(fits, params).items():
        own_subjects = {index: subjects[index] for index in alike}
        mean, covariance = _spectrum(name, [fits[index] for index in alike], known.prior, params)
        alone = len(members) == 1 and subjects[members[0]].found
        fractions = block_fractions(block, mean, covariance, replace(params.fraction, onset_alone=alone))
        if fractions is None:
            continue
        for index, subject in own_subjects.items():
            share = np.where(wet, 0.0, subject.share[at[1:]])
            if not share.any():
                continue
            series = zone_series(fractions, block.seen, share, block.days, params.area)
            full = is_full(series, share, float(surveys[index].dark.sum()))
            out.append(
                Measured(
                    subject=subject,
                    window=window,
                    fractions=fractions,
                    series=series,
                    bands=known.prior.bands,
                    refused=FULL_OF_DARK if full else None,
                    fit=fits[index],
                    dark_px=surveys[index].most_px,
                    may_px=surveys[index].may_px,
                    rim_px=rim_width(mean, surveys[index], known.prior.bands, params),
                )
            )
    return out, window, water


def rim_width(coal: Floats, survey: DarkSurvey, bands: tuple[str, ...], params: StockpileParams) -> float:
    """Width of the rim of a subject's dark ground, pixels; 0 where no ground was seen often enough."""
    if not survey.clusters:
        return 0.0
    return rim_width_px(coal, survey.ground, survey.level, bands, params.family)


UNKNOWN_COAL = "unknown"


def _by_coal(fits: Mapping[int, FamilyFit], params: StockpileParams) -> dict[str, list[int]]:
    """Subjects of one block that are measured with one spectrum: those of the same part of the family."""
    out: dict[str, list[int]] = {}
    for index, fit in fits.items():
        believed = fit.is_dark(params.family) and fit.is_like_coal(params.family)
        out.setdefault(fit.name if believed else UNKNOWN_COAL, []).append(index)
    return out


def _spectrum(
    name: str, fits: Sequence[FamilyFit], prior: FamilyFit, params: StockpileParams
) -> tuple[Floats, Floats]:
    """Mean (band,) and covariance (band, band) of the coal that several subjects are measured with."""
    if name == UNKNOWN_COAL:
        return prior.spectrum(name, params.family).select(prior.bands)
    each = [fit.spectrum(name, params.family).select(fit.bands) for fit in fits]
    means = np.array([mean for mean, _ in each])
    within = np.mean([covariance for _, covariance in each], axis=0)
    away = means - means.mean(axis=0)
    return means.mean(axis=0), within + away.T @ away / len(means)
