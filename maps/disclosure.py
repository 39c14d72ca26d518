"""What a public map may hold: filtered before anything is drawn, so nothing restricted is in it."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

import numpy as np
import shapely
import xarray as xr
from shapely.geometry.base import BaseGeometry

from aoi.records import Sensitivity, Site
from evidence.errors import ExportError
from evidence.layers import COMMON_NAMES, Column, Kind, LayerSpec, Rows, Shown
from evidence.quantity import Quantity
from evidence.rows import Row
from maps.records import QueueItem, SiteMapData, SiteSummary

WITHHELD = "withheld: not marked public"
PLACE, BOUNDARY, ZONE = "place", "boundary", "zone"


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


def _until(cube: xr.Dataset | None, limit: dt.datetime) -> xr.Dataset | None:
    if cube is None:
        return None
    stamp = np.datetime64(limit.astimezone(dt.UTC).replace(tzinfo=None), "ns")
    return cube.isel(time=np.flatnonzero(cube["time"].values <= stamp))


def disclose(data: SiteMapData) -> SiteMapData:
    """What this map may show: all of it with the restricted profile, else the public part, delayed.

    Raises:
        ExportError: where a public map is asked for of a restricted site.
    """
    if data.profile.restricted:
        return data
    site, profile = public_site(data.site), data.profile
    newest = data.run.as_of - dt.timedelta(days=profile.delay_days) if profile.delay_days > 0 else None
    disclosure = Disclosure(
        data.site, data.layers, data.rows, newest=newest, decimals=profile.coordinate_decimals
    )
    # Places keep clear of every detection: one left out of their sequence would tell of what is not shown.
    everything = not disclosure.hides_something
    return replace(
        data,
        site=site,
        cube=data.cube if newest is None else _until(data.cube, newest),
        looks=tuple(look for look in data.looks if newest is None or look.datetime <= newest),
        rows={name: tuple(disclosure.public_rows(held)) for name, held in data.rows.items()},
        verdicts=(),
        alerts=(),
        last_reviews={},
        new_since=None,
        queue=_without_states(data.queue) if everything else (),
        places=data.places if everything else (),
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


class Disclosure:
    """What of one site's rows a public file may hold: what no rule makes public is left out."""

    def __init__(
        self,
        site: Site,
        layers: Mapping[str, LayerSpec],
        rows: Mapping[str, Sequence[Row]],
        *,
        newest: dt.datetime | None,
        decimals: int | None,
    ) -> None:
        """Find out what must stay hidden.

        Args:
            site: the whole site, restricted parts included.
            layers: specs by name.
            rows: all rows of the site by layer, as the ledger holds them.
            newest: nothing younger than this; None for no delay.
            decimals: round vertices to this many decimals of a degree; None to keep them.
        """
        self._layers, self._newest, self._decimals = layers, newest, decimals
        restricted = [zone.geometry for zone in site.zones if not is_public(zone)]
        self._boundaries = frozenset(b.boundary_id for b in site.boundaries if is_public(b))
        self._zones = frozenset(zone.id for zone in site.zones if is_public(zone))
        self._whole = not restricted
        self.hides_something = (
            bool(restricted) or len(self._boundaries) < len(site.boundaries) or newest is not None
        )
        self._hidden: dict[str, frozenset[str]] = {}
        for name, held in rows.items():
            spec = layers[name]
            named = spec.column(spec.finding) if spec.finding else None
            if spec.rows is Rows.OUTSIDE_RESTRICTED_ZONES and named is not None:
                touching = (row for row in held if _touches(row.geometry, restricted))
                self._hidden[named.names or name] = frozenset(str(row.data[named.name]) for row in touching)

    def public_rows(self, rows: Iterable[Row]) -> list[Row]:
        """The public part of rows, in their order."""
        return [shown for row in rows if (shown := self.public_row(row)) is not None]

    def public_row(self, row: Row) -> Row | None:
        """The public part of a row; None where it has none."""
        spec = self._layers[row.layer]
        if not (self._may_be_shown(row, spec) and _is_old_enough(row, spec, self._newest)):
            return None
        relative = all(
            self._is_public(BOUNDARY, str(value))
            for column in spec.columns
            if column.names == BOUNDARY and (value := row.data.get(column.name)) is not None
        )
        rules = {Shown.PUBLIC: True, Shown.BOUNDARY: relative, Shown.WHOLE: self._whole, None: False}
        data = {name: row.data[name] for name in COMMON_NAMES if name in row.data}
        subject = row.subject
        for column in spec.columns:
            value = row.data.get(column.name)
            if not rules[column.shown] and f"{{{column.name}}}" in spec.subject:
                subject = WITHHELD
            if column.name in row.data:
                data[column.name] = self._told(column, value) if rules[column.shown] else _withheld(value)
                if not rules[column.shown] and column.kind is Kind.QUANTITY:
                    data["reason"] = WITHHELD
        geometry = row.geometry
        if self._decimals is not None and geometry is not None:
            shape = coarse(shapely.from_wkb(geometry), self._decimals)
            geometry = bytes(shapely.to_wkb(shape, byte_order=1))
        return replace(row, subject=subject, data=data, geometry=geometry)

    def _is_public(self, kind: str, name: str) -> bool:
        """Whether something may be named."""
        if kind == BOUNDARY:
            return name in self._boundaries
        return name in self._zones if kind == ZONE else name not in self._hidden.get(kind, ())

    def _may_be_shown(self, row: Row, spec: LayerSpec) -> bool:
        if spec.rows is Rows.RESTRICTED:
            return False
        for column in spec.columns:
            value = row.data.get(column.name)
            kind = column.names or (str(row.data.get(column.names_by)) if column.names_by else None)
            named = kind is not None and value is not None and column.kind is not Kind.LIST
            if named and column.shown is not Shown.BOUNDARY and not self._is_public(str(kind), str(value)):
                return False
        return True

    def _told(self, column: Column, value: Any) -> Any:
        """A cell as a public file has it: hidden names left out of lists, numbers and vertices rounded."""
        if column.kind is Kind.LIST and column.names and value is not None:
            return [name for name in value if self._is_public(column.names, str(name))]
        if column.kind is Kind.OUTLINE and value and self._decimals is not None:
            shape = coarse(shapely.from_geojson(json.dumps(value)), self._decimals)
            return json.loads(shapely.to_geojson(shape))
        if column.public_decimals is None or value is None:
            return value
        if column.kind is Kind.QUANTITY:
            return _rounded_quantity(value, column.public_decimals)
        return round(value, column.public_decimals)


def _touches(wkb: bytes | None, geometries: Sequence[BaseGeometry]) -> bool:
    return wkb is not None and any(geometry.intersects(shapely.from_wkb(wkb)) for geometry in geometries)


def _is_old_enough(row: Row, spec: LayerSpec, newest: dt.datetime | None) -> bool:
    told = row.data.get(spec.age) if spec.age else None
    if newest is None or told is None:
        return True
    moment = dt.datetime.fromisoformat(str(told))
    return moment.date() <= newest.date() if len(str(told)) == len("2024-03-01") else moment <= newest


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
