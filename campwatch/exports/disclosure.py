"""What a public export may hold: filtered before anything is written, so nothing else is in the bytes.

The rules are those of the maps (`maps.disclosure`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from aoi.records import Site
from evidence.quantity import Quantity
from evidence.rows import StoredRow
from maps.disclosure import is_public

WITHHELD = "withheld in public exports"
RESTRICTED_LAYERS = frozenset({"reviews", "manual_observations", "alerts"})
"""The work of analysts, and what could warn: never public."""
_TIMES = {
    "observations": "datetime",
    "stockpile_areas": "datetime",
    "stockpiles": "datetime",
    "series": "datetime",
    "footprints": "epoch_end",
    "disturbances": "first_seen",
    "ground_changes": "changed_on",
}
"""The column that says how young a row is."""
_WITH_BOUNDARY = {
    "footprints": ("boundary_id", "inside_ha", "outside_ha"),
    "disturbances": ("boundary_id", "relation", "outside_ha", "advance_m", "bearing_deg", "sector_advances"),
    "ground_changes": ("boundary_id", "relation"),
}
"""What is said relative to a boundary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marks:
    """What of one site is public, and what is not."""

    public_boundaries: frozenset[str]
    public_zones: frozenset[str]
    hidden_piles: frozenset[str]


def public_rows(
    rows: Iterable[StoredRow], site: Site, *, newest: dt.datetime | None, decimals: int | None
) -> list[StoredRow]:
    """The public part of one site's rows, of all layers.

    Args:
        rows: as the ledger holds them.
        site: the whole site, restricted parts included.
        newest: nothing younger than this; None for no delay.
        decimals: round vertices to this many decimals of a degree; None to keep them.
    """
    held = list(rows)
    marks = _marks_of(held, site)
    shown = (row for row in held if _is_shown(row, marks) and _is_old_enough(row, newest))
    return [_rounded(_redacted(row, marks), decimals) for row in shown]


def _marks_of(rows: list[StoredRow], site: Site) -> _Marks:
    zones = [zone for zone in site.zones if not is_public(zone)]
    piles = {
        str(stored.row.data["pile_id"])
        for stored in rows
        if stored.row.layer == "stockpiles" and _touches(stored.row.geometry, [z.geometry for z in zones])
    }
    return _Marks(
        public_boundaries=frozenset(b.boundary_id for b in site.boundaries if is_public(b)),
        public_zones=frozenset(zone.id for zone in site.zones if is_public(zone)),
        hidden_piles=frozenset(piles),
    )


def _touches(wkb: bytes | None, geometries: list[Any]) -> bool:
    return wkb is not None and any(geometry.intersects(shapely.from_wkb(wkb)) for geometry in geometries)


def _is_shown(stored: StoredRow, marks: _Marks) -> bool:
    data, layer = stored.row.data, stored.row.layer
    if layer in RESTRICTED_LAYERS:
        return False
    if layer == "boundary_changes":
        return {data["from_boundary_id"], data["to_boundary_id"]} <= marks.public_boundaries
    if layer == "series":
        return _is_public_subject(str(data["subject_kind"]), str(data["subject_id"]), marks)
    if layer == "stockpile_areas":
        return data["zone_id"] in marks.public_zones
    return data.get("pile_id") not in marks.hidden_piles


def _is_public_subject(kind: str, subject: str, marks: _Marks) -> bool:
    if kind == "zone":
        return subject in marks.public_zones
    if kind == "boundary":
        return subject in marks.public_boundaries
    return subject not in marks.hidden_piles


def _is_old_enough(stored: StoredRow, newest: dt.datetime | None) -> bool:
    told = stored.row.data.get(_TIMES.get(stored.row.layer, ""))
    if newest is None or told is None:
        return True
    moment = dt.datetime.fromisoformat(str(told))
    return moment.date() <= newest.date() if len(str(told)) == len("2024-03-01") else moment <= newest


def _redacted(stored: StoredRow, marks: _Marks) -> StoredRow:
    data: dict[str, Any] = {**stored.row.data}
    if "review_status" in data:
        data["review_status"] = None
    boundary = data.get("boundary_id")
    if boundary is not None and boundary not in marks.public_boundaries:
        data |= {name: _withheld(data.get(name)) for name in _WITH_BOUNDARY.get(stored.row.layer, ())}
    return replace(stored, row=replace(stored.row, data=data))


def _withheld(value: Any) -> Any:
    is_quantity = isinstance(value, Mapping) and "value" in value
    return Quantity.not_assessable(WITHHELD).to_dict() if is_quantity else None


def _rounded(stored: StoredRow, decimals: int | None) -> StoredRow:
    if decimals is None or stored.row.geometry is None:
        return stored
    geometry = coarse(shapely.from_wkb(stored.row.geometry), decimals)
    return replace(stored, row=replace(stored.row, geometry=bytes(shapely.to_wkb(geometry, byte_order=1))))


def coarse(geometry: BaseGeometry, decimals: int) -> BaseGeometry:
    """A valid geometry on a lattice of this many decimals; a point where it is smaller than the lattice."""
    snapped = shapely.set_precision(geometry, 10.0**-decimals)
    if snapped.is_empty:
        snapped = geometry.representative_point()
    return shapely.transform(snapped, lambda points: np.round(points, decimals))
