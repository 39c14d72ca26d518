"""A finding is one row: named by its id, or by the newest row of a disturbance, pile, zone or boundary."""

from __future__ import annotations

from campwatch.exports.bundle import Bundle
from evidence.errors import ExportError
from evidence.layers import LAYERS, Layer
from evidence.rows import StoredRow

_LAYERS = (
    "disturbances", "stockpiles", "stockpile_areas", "footprints", "ground_changes", "boundary_changes",
)  # fmt: skip
_NAMES = ("disturbance_id", "pile_id", "zone_id", "change_id", "boundary_id", "to_boundary_id")


def find(bundle: Bundle, name: str) -> tuple[Layer, StoredRow]:
    """The finding, among what this export may show.

    Raises:
        ExportError: where there is none of that name.
    """
    for layer in _LAYERS:
        rows = bundle.rows[layer]
        hits = [stored for stored in rows if stored.row_id == name] or [
            stored for stored in rows if name in {stored.row.data.get(key) for key in _NAMES}
        ]
        if hits:
            return LAYERS[layer], hits[-1]
    raise ExportError(
        f"no finding {name} in what this export may show (row, disturbance, pile, zone, change or boundary)"
    )
