"""Files rebuilt from the ledger: `results.gpkg` for GIS, `custody.jsonl` for whoever checks."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyogrio

from evidence.custody import custody_lines
from evidence.errors import ExportError
from evidence.files import atomic_path
from evidence.layers import LAYERS, Layer
from evidence.ledger import Ledger
from evidence.rows import StoredRow
from evidence.runs import layer_rows
from evidence.tables import layer_geotable, layer_table

Annotate = Callable[[list[StoredRow]], list[StoredRow]]
"""Adds to rows what follows from other rows, such as `validation`."""


def write_results(
    ledger: Ledger, path: Path, *, as_of_run: str | None = None, annotate: Annotate | None = None
) -> Path:
    """Write the current rows of every layer as a GeoPackage, atomically.

    Raises:
        ExportError: where the file cannot be written, as on a full disk.
    """
    with atomic_path(path) as temporary:
        for layer in LAYERS.values():
            rows = layer_rows(ledger, layer.name, as_of_run=as_of_run)
            try:
                _write_layer(layer, annotate(rows) if annotate else rows, temporary)
            except RuntimeError as err:  # what GDAL reports
                free = shutil.disk_usage(path.parent).free / 1e6
                raise ExportError(
                    f"{path} cannot be written ({free:.1f} MB free on its disk): {err}"
                ) from err
    return path


def _write_layer(layer: Layer, rows: list[StoredRow], path: Path) -> None:
    if layer.has_geometry:
        geotable = layer_geotable(layer, rows)
        pyogrio.write_dataframe(geotable, path, layer=layer.name, driver="GPKG", geometry_type="Unknown")
    else:
        pyogrio.write_dataframe(layer_table(layer, rows), path, layer=layer.name, driver="GPKG")


def write_custody(ledger: Ledger, path: Path) -> Path:
    """Write every custody entry with its hash as JSON lines, atomically."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(custody_lines(ledger.custody_stream(), ledger.text))
    return path
