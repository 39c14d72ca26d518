"""A finding is one row: named by its id, or as `review list` names it (then its newest row with a figure)."""

from __future__ import annotations

from collections.abc import Mapping

from campwatch.exports.bundle import Bundle
from campwatch.layers import LAYERS
from campwatch.reviews.findings import PLACE
from detection.pairs.looks import Finding
from evidence.errors import ExportError
from evidence.layers import Layer, LayerSpec
from evidence.record_reading import read_record
from evidence.rows import StoredRow


def find(bundle: Bundle, name: str) -> tuple[LayerSpec, StoredRow]:
    """The finding, among what this export may show.

    Raises:
        ExportError: where there is none of that name.
    """
    named = [spec for spec in LAYERS.values() if spec.finding]
    found = [(spec, stored) for spec in named for stored in bundle.rows[spec.name]]
    hits = [(spec, stored) for spec, stored in found if stored.row_id == name] or [
        (spec, stored)
        for spec, stored in found
        if name in {stored.row.subject, stored.row.data.get(str(spec.finding))}
    ]
    if hits:
        return max(hits, key=lambda hit: (_has_figure(hit[1]), hit[1].row.time, hit[1].seq))
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
    found: Finding = read_record(LAYERS[layer.name].record, stored.row)
    return found
