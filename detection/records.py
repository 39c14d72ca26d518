"""What measurements return. Every record says where, when, how much, how sure, from what and by which method.

Records become ledger rows through `to_row`; a `Quantity` field ``area_ha`` becomes the columns
``area_ha, area_ha_low, area_ha_high``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
    dark_ha: Quantity | None = None
    """Area if the dark ground is coal: what widths, changes and series are made from."""
    verdict: str | None = None
    """coal_changing | coal_unchanged | dark_not_coal | not_assessable | no_dark_ground: what the zone's dark
    ground is, over its whole history (`detection.coal.verdicts`)."""
    family: str | None = None
    """Part of the coal family that the dark ground looks like."""
    family_fit: float | None = None
    """Mean square distance per band of the dark ground from the family; up to 1.2 is coal-like."""

    @property
    def claimed(self) -> bool:
        """Whether the lower end of the area is that of the dark ground."""
        dark, area = self.dark_ha, self.area_ha
        return dark is None or dark.low is None or area.low is None or area.low >= dark.low


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
    dark_ha: Quantity | None = None
    """Area if the dark ground is coal."""
    verdict: str | None = None
    """As of `StockpileArea`."""
    family: str | None = None
    family_fit: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoalSearch:
    """What the search for piles outside the stockyard zones found in one year, and may have missed."""

    year: int
    datetime: dt.datetime
    """The year's last look."""
    found_ha: Quantity
    """Coal-like ground that came, outside the zones, on that look."""
    missed_ha: Quantity
    """Ground that may hold coal and was not called a pile: nought up to all of it."""
    piles: int
    """Found piles on that look."""
    missed_reason: str
    """What the upper end of `missed_ha` is made of."""
    scene_ids: tuple[str, ...]


STOCKPILE_AREA = "stockpile_area_ha"
"""The quantity of the smoothed series of a stockyard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPoint:
    """A smoothed value on one date; null where nobody looked."""

    quantity: str
    """What is followed, such as `STOCKPILE_AREA`."""
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
    """Why it was withdrawn, or what a provisional one waits for."""
    boundary_id: str | None
    relation: str
    """inside | crossing | outside | no_boundary."""
    area_ha: Quantity
    outside_ha: Quantity
    advance_m: Quantity
    bearing_deg: float | None
    sector_advances: Mapping[str, Any] | None = None
    """Advance by bearing sector (N, NE, …): [metres, low, high]; sectors without one are absent."""
    scene_ids: tuple[str, ...]
    geometry: BaseGeometry


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundChange:
    """What happened to a patch of ground, judged from all dates before and after."""

    change_id: str
    kind: str
    """vegetation_loss | soil_spoil | built | coal | water | recovery."""
    changed_on: dt.date
    changed_on_low: dt.date
    changed_on_high: dt.date
    boundary_id: str | None
    relation: str
    """inside | crossing | outside | no_boundary."""
    area_ha: Quantity
    bareness_before: float
    """Mean of the index (half of BSI − NDVI) over the year before."""
    bareness_after: float
    scene_ids: tuple[str, ...]
    """Looks within the interval of the date."""
    geometry: BaseGeometry


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryChange:
    """What the difference of two dated perimeters amounts to, beyond what their errors explain.

    Quantities speak of the stretches where the difference is larger than error alone makes it anywhere on the
    perimeter; elsewhere the perimeter is taken to have stayed, and the upper ends hold what could hide there.
    """

    from_boundary_id: str
    to_boundary_id: str
    cause: str
    """undetermined | ground | reinterpretation | registration; undetermined until a reviewer says."""
    extent: str
    """complete | partial: whether the whole perimeter was compared or only where both versions exist."""
    gained_ha: Quantity
    lost_ha: Quantity
    net_ha: Quantity
    max_advance_m: Quantity
    """Largest advance of any bearing sector (gained area by sector length), with a simultaneous interval."""
    bearing_deg: float | None = None
    """Middle of that sector, from the earlier perimeter's centre; None where nothing was gained."""
    overlay_gained_ha: float | None
    """As drawn: the plain difference of the polygons, errors and all."""
    overlay_lost_ha: float | None
    shift_east_m: float | None = None
    """How the later trace lies against the earlier one where the perimeter stayed."""
    shift_north_m: float | None = None
    offset_m: float | None = None
    threshold_m: float | None = None
    """Depth that error alone reaches nowhere on the perimeter, with the level's probability."""
    compared_m: float = 0.0
    """Length of the earlier perimeter that was compared."""
    stable_fraction: float | None = None
    """Part of it where the versions agree within error."""
    geometry: BaseGeometry | None = None
    """Ground gained beyond error, EPSG:4326, in the frame of the earlier version."""
    lost_geojson: Mapping[str, Any] | None = None
    """Ground lost beyond error, a GeoJSON geometry in the same frame (a ledger row holds one WKB only)."""
