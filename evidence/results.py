"""Files rebuilt from the ledger: `results.gpkg` for GIS, `custody.jsonl` for whoever checks."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio

from evidence.custody import custody_lines
from evidence.errors import ExportError
from evidence.files import atomic_path
from evidence.layers import Layer, LayerSpec
from evidence.ledger import Ledger
from evidence.rows import StoredRow
from evidence.runs import layer_rows
from evidence.tables import layer_frames

Annotate = Callable[[list[StoredRow]], list[StoredRow]]
"""Adds to rows what follows from other rows, such as `validation`."""


def write_results(
    ledger: Ledger,
    path: Path,
    layers: Iterable[LayerSpec],
    *,
    as_of_run: str | None = None,
    annotate: Annotate | None = None,
) -> Path:
    """Write the current rows of every layer as a GeoPackage, atomically.

    Raises:
        ExportError: where the file cannot be written, as on a full disk.
    """
    with atomic_path(path) as temporary:
        for spec in layers:
            rows = layer_rows(ledger, spec, as_of_run=as_of_run)
            try:
                for layer, frame in layer_frames(spec, annotate(rows) if annotate else rows):
                    write_frame(layer, frame, temporary)
            except RuntimeError as err:  # what GDAL reports
                free = shutil.disk_usage(path.parent).free / 1e6
                raise ExportError(
                    f"{path} cannot be written ({free:.1f} MB free on its disk): {err}"
                ) from err
    return path


def write_frame(layer: Layer, frame: pd.DataFrame | gpd.GeoDataFrame, path: Path, **options: Any) -> None:
    """Add one table to a GeoPackage."""
    told = {"geometry_type": "Unknown"} if layer.has_geometry else {}
    write_layer(frame, path, layer.name, **told, **options)


def write_layer(frame: pd.DataFrame | gpd.GeoDataFrame, path: Path, name: str, **options: Any) -> None:
    """Add one table to a GeoPackage that has no name of its own yet: it is flushed once, when it gets one."""
    pyogrio.set_gdal_config_options({"OGR_SQLITE_SYNCHRONOUS": "OFF"})
    pyogrio.write_dataframe(frame, path, layer=name, driver="GPKG", **options)


def write_custody(ledger: Ledger, path: Path) -> Path:
    """Write every custody entry with its hash as JSON lines, atomically."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(custody_lines(ledger.custody_stream(), ledger.text))
    return path
