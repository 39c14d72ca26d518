"""A finding is one row: named by its id, or by the newest row of a disturbance, pile, zone or boundary."""

from __future__ import annotations

from campwatch.exports.bundle import Bundle
from campwatch.layers import LAYERS
from evidence.errors import ExportError
from evidence.layers import LayerSpec
from evidence.rows import StoredRow


def find(bundle: Bundle, name: str) -> tuple[LayerSpec, StoredRow]:
    """The finding, among what this export may show.

    Raises:
        ExportError: where there is none of that name.
    """
    named = [spec for spec in LAYERS.values() if spec.finding]
    for spec in named:
        for stored in bundle.rows[spec.name]:
            if stored.row_id == name:
                return spec, stored
    for spec in named:
        hits = [stored for stored in bundle.rows[spec.name] if stored.row.data.get(str(spec.finding)) == name]
        if hits:
            return spec, hits[-1]
    raise ExportError(
        f"no finding {name} in what this export may show (row, disturbance, pile, zone, change or boundary)"
    )
