"""What measurements return. Every record says where, when, how much, how sure, from what and by which method.

Records become ledger rows through `to_row`; a `Quantity` field ``area_ha`` becomes the columns
``area_ha, area_ha_low, area_ha_high``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from shapely.geometry.base import BaseGeometry

from evidence.quantity import Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class StockpileArea:
    """Plan area of probable coal in one zone on one date; not volume, tonnage, production or origin."""

    zone_id: str
    datetime: dt.datetime
    area_ha: Quantity
    valid_fraction: float
    """Share of the zone that could be seen."""
    below_floor: bool
    """Whether the upper end of the interval reaches less than the mapping floor."""
    bands: tuple[str, ...]
    scene_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stockpile:
    """One tracked pile on one date."""

    pile_id: str
    """Kept through time."""
    parents: tuple[str, ...]
    datetime: dt.datetime
    area_ha: Quantity
    first_seen: dt.date
    last_seen: dt.date
    geometry: BaseGeometry


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPoint:
    """A smoothed value on one date; null where nobody looked."""

    quantity: str
    subject_kind: str
    subject_id: str
    datetime: dt.datetime
    value: Quantity
    n_looks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Disturbed ground of one epoch, split by the boundary version in force."""

    epoch_start: dt.date
    epoch_end: dt.date
    """First day after the epoch."""
    boundary_id: str | None
    """None where no boundary was in force."""
    area_ha: Quantity
    inside_ha: Quantity
    outside_ha: Quantity
    valid_fraction: float
    """Share of the aoi with enough looks."""
    scene_ids: tuple[str, ...]
    geometry: BaseGeometry | None
    """Polygons of disturbed ground, EPSG:4326."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """A patch of newly disturbed ground whose id persists through time."""

    disturbance_id: str
    parents: tuple[str, ...]
    kind: str
    first_seen: dt.date
    first_seen_low: dt.date
    first_seen_high: dt.date
    persistent_since: dt.date | None
    machine_status: str
    """provisional | persistent | withdrawn."""
    cause: str | None
    """Why it was withdrawn."""
    boundary_id: str | None
    relation: str
    """inside | crossing | outside | no_boundary."""
    area_ha: Quantity
    outside_ha: Quantity
    advance_m: Quantity
    bearing_deg: float | None
    scene_ids: tuple[str, ...]
    geometry: BaseGeometry
