"""A finding is one row: named by its id, or as `review list` names it (then its newest row with a figure)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from campwatch.exports.bundle import Bundle
from campwatch.reviews.findings import PLACE
from detection.look_pairs import Finding
from detection.records import (
    BoundaryChange,
    Disturbance,
    Footprint,
    GroundChange,
    Stockpile,
    StockpileArea,
)
from evidence.errors import ExportError
from evidence.layers import LAYERS, Layer
from evidence.record_reading import read_record
from evidence.rows import StoredRow

_RECORDS: Mapping[str, type[Finding]] = MappingProxyType(
    {
        "disturbances": Disturbance,
        "stockpiles": Stockpile,
        "stockpile_areas": StockpileArea,
        "footprints": Footprint,
        "ground_changes": GroundChange,
        "boundary_changes": BoundaryChange,
    }
)
"""Layers whose rows are findings, with their records."""


def find(bundle: Bundle, name: str) -> tuple[Layer, StoredRow]:
    """The finding, among what this export may show.

    Raises:
        ExportError: where there is none of that name.
    """
    found = [(layer, stored) for layer in _RECORDS for stored in bundle.rows[layer]]
    hits = [(layer, stored) for layer, stored in found if stored.row_id == name] or [
        (layer, stored)
        for layer, stored in found
        if name in {stored.row.subject, stored.row.data.get("to_boundary_id")}
    ]
    if hits:
        layer, stored = max(hits, key=lambda hit: (_has_figure(hit[1]), hit[1].row.time, hit[1].seq))
        return LAYERS[layer], stored
    if name.startswith(f"{PLACE}-"):
        raise ExportError(f"{name} is a random place of the review queue: nothing was measured there")
    raise ExportError(
        f"no finding {name} in what this export may show (row, disturbance, pile, zone, change or boundary)"
    )


def _has_figure(stored: StoredRow) -> bool:
    """Whether the row's area could be assessed."""
    area = stored.row.data.get("area_ha")
    return not isinstance(area, Mapping) or area.get("value") is not None


def finding_record(layer: Layer, stored: StoredRow) -> Finding:
    """The record that a finding's row was made from."""
    return read_record(_RECORDS[layer.name], stored.row)
