"""Exports: the current rows in the files that people work with."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from evidence.files import atomic_path
from evidence.layers import COMMON_COLUMNS, LAYERS, Column, Kind, Layer
from evidence.ledger import Ledger
from evidence.tables import layer_columns, layer_geotable, layer_table

BOM_UTF8 = "utf-8-sig"
"""Excel takes UTF-8 for something else without the byte-order mark, and breaks Hangul."""


def export_csv(ledger: Ledger, folder: Path, *, as_of_run: str | None = None) -> list[Path]:
    """One CSV per layer that has rows, geometry as WKT, and `data_dictionary.csv`."""
    written = []
    for layer in LAYERS.values():
        rows = ledger.current(layer.name, as_of_run=as_of_run)
        if not rows:
            continue
        table = layer_table(layer, rows)
        if layer.has_geometry:
            table["geometry_wkt"] = layer_geotable(layer, rows).geometry.to_wkt(rounding_precision=7)
        written.append(_write_csv(table, folder / f"{layer.name}.csv"))
    written.append(_write_csv(data_dictionary(), folder / "data_dictionary.csv"))
    return written


def data_dictionary() -> pd.DataFrame:
    """Every column of every layer: type, unit, meaning."""
    lines = [
        _dictionary_line(layer, name, column)
        for layer in LAYERS.values()
        for name, column in layer_columns(layer)
    ]
    return pd.DataFrame(lines)


def _dictionary_line(layer: Layer, name: str, column: Column) -> dict[str, str]:
    part = name.removeprefix(column.name)
    bound = {"_low": "lower end of the interval: ", "_high": "upper end of the interval: "}
    common = column in COMMON_COLUMNS
    return {
        "layer": layer.name,
        "column": name,
        "type": "real" if column.kind is Kind.QUANTITY else column.kind.value,
        "unit": column.unit,
        "meaning": bound.get(part, "") + column.meaning,
        "scope": "every layer" if common else "this layer",
    }


def _write_csv(table: pd.DataFrame, path: Path) -> Path:
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, encoding=BOM_UTF8, lineterminator="\r\n")
    return path
