"""What a public map may hold: filtered before anything is drawn, so nothing restricted is in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Protocol, TypeVar

import numpy as np
import shapely
import xarray as xr
from shapely.geometry.base import BaseGeometry

from aoi.records import Sensitivity, Site
from detection.records import Disturbance, Footprint
from evidence.errors import ExportError
from evidence.quantity import Quantity
from maps.records import QueueItem, SiteMapData, SiteSummary

WITHHELD = "not shown in public maps"
PLACE = "place"


class _Marked(Protocol):
    @property
    def sensitivity(self) -> Sensitivity: ...


MarkedT = TypeVar("MarkedT", bound=_Marked)


def is_public(item: _Marked) -> bool:
    """Whether a feature is marked public."""
    return item.sensitivity is Sensitivity.PUBLIC


def _public(items: Iterable[MarkedT]) -> tuple[MarkedT, ...]:
    return tuple(item for item in items if is_public(item))


def public_site(site: Site) -> Site:
    """The site without its restricted features and without fields that were kept by name.

    Raises:
        ExportError: where the site as such is restricted.
    """
    if not is_public(site):
        raise ExportError(f"site {site.id} is restricted: its map is made only with the restricted profile")
    return replace(
        site,
        boundaries=tuple(replace(b, extra=MappingProxyType({})) for b in _public(site.boundaries)),
        zones=tuple(replace(z, extra=MappingProxyType({})) for z in _public(site.zones)),
        points=tuple(replace(p, extra=MappingProxyType({})) for p in _public(site.points)),
        extra=MappingProxyType({}),
    )


def _withhold_split(footprint: Footprint) -> Footprint:
    hidden = Quantity.not_assessable(WITHHELD)
    return replace(footprint, boundary_id=None, inside_ha=hidden, outside_ha=hidden)


def _withhold_relation(disturbance: Disturbance) -> Disturbance:
    hidden = Quantity.not_assessable(WITHHELD)
    return replace(
        disturbance,
        boundary_id=None,
        relation="no_boundary",
        outside_ha=hidden,
        advance_m=hidden,
        bearing_deg=None,
        sector_advances=None,
    )


def _until(cube: xr.Dataset | None, limit: dt.datetime) -> xr.Dataset | None:
    if cube is None:
        return None
    stamp = np.datetime64(limit.astimezone(dt.UTC).replace(tzinfo=None), "ns")
    return cube.isel(time=np.flatnonzero(cube["time"].values <= stamp))


def _delayed(data: SiteMapData) -> SiteMapData:
    if data.profile.delay_days <= 0:
        return data
    limit = data.run.as_of - dt.timedelta(days=data.profile.delay_days)
    return replace(
        data,
        cube=_until(data.cube, limit),
        looks=tuple(x for x in data.looks if x.datetime <= limit),
        footprints=tuple(f for f in data.footprints if f.epoch_end <= limit.date()),
        disturbances=tuple(d for d in data.disturbances if d.first_seen <= limit.date()),
        stockpile_areas=tuple(a for a in data.stockpile_areas if a.datetime <= limit),
        stockpiles=tuple(p for p in data.stockpiles if p.datetime <= limit),
        series=tuple(s for s in data.series if s.datetime <= limit),
    )


def _in_restricted_zone(geometry: BaseGeometry, site: Site) -> bool:
    return any(not is_public(zone) and zone.geometry.intersects(geometry) for zone in site.zones)


def disclose(data: SiteMapData) -> SiteMapData:
    """What this map may show: all of it with the restricted profile, else the public part, delayed.

    Raises:
        ExportError: where a public map is asked for of a restricted site.
    """
    if data.profile.restricted:
        return data
    site = public_site(data.site)
    boundaries = {b.boundary_id for b in site.boundaries}
    hidden_zones = {z.id for z in data.site.zones} - {z.id for z in site.zones}
    piles = tuple(p for p in data.stockpiles if not _in_restricted_zone(p.geometry, data.site))
    hidden_piles = {p.pile_id for p in data.stockpiles} - {p.pile_id for p in piles}
    hidden_boundaries = {b.boundary_id for b in data.site.boundaries} - boundaries
    hidden = hidden_zones | hidden_piles | hidden_boundaries
    # Places keep clear of every detection: one left out of their sequence would tell of what is not shown.
    everything = not hidden and data.profile.delay_days <= 0
    return _delayed(
        replace(
            data,
            site=site,
            verdicts=(),
            queue=_without_states(data.queue) if everything else (),
            places=data.places if everything else (),
            footprints=tuple(
                f if f.boundary_id in boundaries or f.boundary_id is None else _withhold_split(f)
                for f in data.footprints
            ),
            disturbances=tuple(
                d if d.boundary_id in boundaries or d.boundary_id is None else _withhold_relation(d)
                for d in data.disturbances
            ),
            stockpile_areas=tuple(a for a in data.stockpile_areas if a.zone_id not in hidden_zones),
            stockpiles=piles,
            series=tuple(s for s in data.series if s.subject_id not in hidden),
            boundary_changes=tuple(
                c
                for c in data.boundary_changes
                if c.from_boundary_id in boundaries and c.to_boundary_id in boundaries
            ),
        )
    )


def _without_states(queue: Sequence[QueueItem]) -> tuple[QueueItem, ...]:
    """What can be reviewed, random places spread among it; how far reviews are is not told."""
    findings = sorted((i for i in queue if i.kind != PLACE), key=lambda item: (item.kind, item.subject))
    places = [item for item in queue if item.kind == PLACE]
    step = max(1, -(-len(findings) // max(1, len(places))))
    mixed: list[QueueItem] = []
    for k, place in enumerate(places):
        mixed += [*findings[k * step : (k + 1) * step], place]
    mixed += findings[len(places) * step :]
    return tuple(QueueItem(kind=i.kind, subject=i.subject, status="awaiting_first") for i in mixed)


def rounded(geometry: BaseGeometry | None, decimals: int) -> BaseGeometry | None:
    """Vertices rounded to `decimals`; for people and for size."""
    if geometry is None or geometry.is_empty:
        return None
    return shapely.transform(geometry, lambda points: np.round(points, decimals))


def public_summaries(summaries: Iterable[SiteSummary], *, restricted: bool) -> tuple[SiteSummary, ...]:
    """The lines that a first page may show."""
    if restricted:
        return tuple(summaries)
    return tuple(replace(s, site=public_site(s.site)) for s in summaries if is_public(s.site))
