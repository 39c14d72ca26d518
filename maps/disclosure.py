"""What a public map may hold: filtered before anything is drawn, so nothing restricted is in it."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

import numpy as np
import shapely
import xarray as xr
from shapely.geometry.base import BaseGeometry

from aoi.records import Sensitivity, Site
from detection.records import Disturbance, Footprint
from evidence.errors import ExportError
from evidence.layers import COMMON_NAMES, Column, Kind, LayerSpec, Rows, Shown
from evidence.quantity import Quantity
from evidence.rows import StoredRow
from maps.records import QueueItem, SiteMapData, SiteSummary

WITHHELD = "withheld: not marked public"
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
            alerts=(),
            last_reviews={},
            new_since=None,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marks:
    """What of one site is public, and what is not."""

    boundaries: frozenset[str]
    """Public ones."""
    zones: frozenset[str]
    """Public ones."""
    hidden: Mapping[str, frozenset[str]]
    """By kind, subjects that touch a restricted zone."""
    whole: bool
    """Whether no zone is restricted."""

    def is_public(self, kind: str, name: str) -> bool:
        """Whether something may be named."""
        if kind == "boundary":
            return name in self.boundaries
        if kind == "zone":
            return name in self.zones
        return name not in self.hidden.get(kind, ())


def public_rows(
    rows: Mapping[str, Sequence[StoredRow]],
    layers: Mapping[str, LayerSpec],
    site: Site,
    *,
    newest: dt.datetime | None,
    decimals: int | None,
) -> dict[str, list[StoredRow]]:
    """The public part of one site's rows, by layer: what no rule makes public is left out.

    Args:
        rows: by layer, as the ledger holds them.
        layers: their specs.
        site: the whole site, restricted parts included.
        newest: nothing younger than this; None for no delay.
        decimals: round vertices to this many decimals of a degree; None to keep them.
    """
    marks = _marks_of(rows, layers, site)
    return {
        name: [
            _public_part(stored, layers[name], marks, decimals)
            for stored in held
            if _may_be_shown(stored, layers[name], marks) and _is_old_enough(stored, layers[name], newest)
        ]
        for name, held in rows.items()
    }


def _marks_of(rows: Mapping[str, Sequence[StoredRow]], layers: Mapping[str, LayerSpec], site: Site) -> _Marks:
    restricted = [zone.geometry for zone in site.zones if not is_public(zone)]
    hidden: dict[str, frozenset[str]] = {}
    for name, held in rows.items():
        spec = layers[name]
        if spec.rows is Rows.OUTSIDE_RESTRICTED_ZONES and spec.finding:
            named = spec.column(spec.finding)
            kind = (named.names if named else None) or name
            touching = [stored for stored in held if _touches(stored.row.geometry, restricted)]
            hidden[kind] = frozenset(str(stored.row.data[spec.finding]) for stored in touching)
    return _Marks(
        boundaries=frozenset(b.boundary_id for b in site.boundaries if is_public(b)),
        zones=frozenset(zone.id for zone in site.zones if is_public(zone)),
        hidden=hidden,
        whole=not restricted,
    )


def _touches(wkb: bytes | None, geometries: Sequence[BaseGeometry]) -> bool:
    return wkb is not None and any(geometry.intersects(shapely.from_wkb(wkb)) for geometry in geometries)


def _may_be_shown(stored: StoredRow, spec: LayerSpec, marks: _Marks) -> bool:
    if spec.rows is Rows.RESTRICTED:
        return False
    data = stored.row.data
    for column in spec.columns:
        value = data.get(column.name)
        kind = column.names or (str(data.get(column.names_by)) if column.names_by else None)
        named = kind is not None and value is not None and column.kind is not Kind.LIST
        if named and column.shown is not Shown.BOUNDARY and not marks.is_public(str(kind), str(value)):
            return False
    return True


def _is_old_enough(stored: StoredRow, spec: LayerSpec, newest: dt.datetime | None) -> bool:
    told = stored.row.data.get(spec.age) if spec.age else None
    if newest is None or told is None:
        return True
    moment = dt.datetime.fromisoformat(str(told))
    return moment.date() <= newest.date() if len(str(told)) == len("2024-03-01") else moment <= newest


def _public_part(stored: StoredRow, spec: LayerSpec, marks: _Marks, decimals: int | None) -> StoredRow:
    row = stored.row
    relative = all(
        marks.is_public("boundary", str(value))
        for column in spec.columns
        if column.names == "boundary" and (value := row.data.get(column.name)) is not None
    )
    data = {name: row.data[name] for name in COMMON_NAMES if name in row.data}
    for column in spec.columns:
        if column.name in row.data:
            may = _may_be_told(column, relative=relative, whole=marks.whole)
            value = row.data[column.name]
            data[column.name] = _told(column, value, marks, decimals) if may else _withheld(value)
    geometry = row.geometry
    if decimals is not None and geometry is not None:
        geometry = bytes(shapely.to_wkb(coarse(shapely.from_wkb(geometry), decimals), byte_order=1))
    return replace(stored, row=replace(row, data=data, geometry=geometry))


def _may_be_told(column: Column, *, relative: bool, whole: bool) -> bool:
    return {Shown.PUBLIC: True, Shown.BOUNDARY: relative, Shown.WHOLE: whole, None: False}[column.shown]


def _told(column: Column, value: Any, marks: _Marks, decimals: int | None) -> Any:
    """A cell as a public file has it: hidden names left out of lists, numbers and vertices rounded."""
    if column.kind is Kind.LIST and column.names and value is not None:
        return [name for name in value if marks.is_public(column.names, str(name))]
    if column.kind is Kind.OUTLINE and value and decimals is not None:
        return json.loads(shapely.to_geojson(coarse(shapely.from_geojson(json.dumps(value)), decimals)))
    if column.public_decimals is None or value is None:
        return value
    if column.kind is Kind.QUANTITY:
        return _rounded_quantity(value, column.public_decimals)
    return round(value, column.public_decimals)


def _rounded_quantity(quantity: Mapping[str, Any], decimals: int) -> dict[str, Any]:
    """A quantity with fewer decimals, its interval rounded outwards so that it promises no more."""
    told = dict(quantity)
    if told["value"] is None:
        return told
    scale = 10.0**decimals
    # A figure that is on the lattice already stays there whatever its last binary digit says.
    told["low"] = math.floor(round(told["low"] * scale, 6)) / scale
    told["high"] = math.ceil(round(told["high"] * scale, 6)) / scale
    told["value"] = min(max(round(told["value"], decimals), told["low"]), told["high"])
    return told


def _withheld(value: Any) -> Any:
    is_quantity = isinstance(value, Mapping) and "value" in value
    return Quantity.not_assessable(WITHHELD).to_dict() if is_quantity else None


def coarse(geometry: BaseGeometry, decimals: int) -> BaseGeometry:
    """A valid geometry on a lattice of this many decimals; a point where it is smaller than the lattice."""
    snapped = shapely.set_precision(geometry, 10.0**-decimals)
    if snapped.is_empty:
        snapped = geometry.representative_point()
    return shapely.transform(snapped, lambda points: np.round(points, decimals))
