"""Ledger rows as tables: one column for each plain field, three for each quantity."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from evidence.layers import COMMON_COLUMNS, Column, Kind, Layer, LayerSpec
from evidence.quantity import DEFAULT_LEVEL
from evidence.rows import StoredRow

_DTYPES: Mapping[Kind, Any] = {
    Kind.TEXT: "string",
    Kind.LIST: "string",
    Kind.SECTORS: "string",
    Kind.INTEGER: "Int64",
    Kind.REAL: "Float64",
    Kind.QUANTITY: "Float64",
    Kind.BOOLEAN: "boolean",
}


def column_names(column: Column) -> tuple[str, ...]:
    """The table columns of one layer column."""
    if column.kind is Kind.QUANTITY:
        return column.name, f"{column.name}_low", f"{column.name}_high"
    return (column.name,)


def layer_columns(layer: Layer) -> list[tuple[str, Column]]:
    """(name in the table, column it belongs to) in the order of the table."""
    columns = (*COMMON_COLUMNS[:2], *layer.table_columns, *COMMON_COLUMNS[2:])
    return [(name, column) for column in columns for name in column_names(column)]


def layer_table(layer: Layer, rows: Iterable[StoredRow]) -> pd.DataFrame:
    """The rows of one layer with the dtypes of its columns; geometry is left out."""
    records = [_cells(layer, stored) for stored in rows]
    return pd.DataFrame(
        {
            name: pd.array([cells.get(name) for cells in records], dtype=_DTYPES[column.kind])
            for name, column in layer_columns(layer)
        }
    )


def layer_geotable(layer: Layer, rows: Iterable[StoredRow]) -> gpd.GeoDataFrame:
    """The same with geometry in EPSG:4326."""
    held = list(rows)
    geometry = [None if item.row.geometry is None else shapely.from_wkb(item.row.geometry) for item in held]
    return gpd.GeoDataFrame(layer_table(layer, held), geometry=geometry, crs="EPSG:4326")


def layer_frames(spec: LayerSpec, rows: Iterable[StoredRow]) -> list[tuple[Layer, pd.DataFrame]]:
    """(layer, table) of a spec, then of each of its second geometries, those with the rows that have one."""
    held = list(rows)
    frame = layer_geotable(spec, held) if spec.has_geometry else layer_table(spec, held)
    frames: list[tuple[Layer, pd.DataFrame]] = [(spec, frame)]
    outlines = (column for column in spec.columns if column.kind is Kind.OUTLINE)
    for column, layer in zip(outlines, spec.outlines, strict=True):
        with_one = [item for item in held if item.row.data.get(column.name)]
        shapes = [shapely.from_geojson(json.dumps(item.row.data[column.name])) for item in with_one]
        table = layer_table(layer, with_one)
        frames.append((layer, gpd.GeoDataFrame(table, geometry=shapes, crs="EPSG:4326")))
    return frames


def _cells(layer: Layer, stored: StoredRow) -> dict[str, Any]:
    data = stored.row.data
    cells: dict[str, Any] = {
        "row_id": stored.row_id,
        "site_id": stored.row.site_id,
        "method": stored.row.method,
        "params_hash": stored.row.params_hash,
        "inputs_hash": stored.row.inputs_hash,
        "run_id": stored.run_id,
        "as_of": stored.as_of,
        "level": DEFAULT_LEVEL,
        "validated_on": data.get("validated_on"),
        "validation": data.get("validation"),
        "reason": data.get("reason"),
    }
    for column in layer.table_columns:
        cells.update(_column_cells(column, data.get(column.name)))
    quantities = [data[c.name] for c in layer.quantities if data.get(c.name)]
    if quantities:
        cells["level"] = quantities[0]["level"]
        reasons = [quantity["reason"] for quantity in quantities if quantity["reason"]]
        cells["reason"] = cells["reason"] or (reasons[0] if reasons else None)
    return cells


def _column_cells(column: Column, value: Any) -> dict[str, Any]:
    if column.kind is Kind.QUANTITY:
        quantity: Mapping[str, Any] = value or {}
        parts = (quantity.get("value"), quantity.get("low"), quantity.get("high"))
        return dict(zip(column_names(column), parts, strict=True))
    if column.kind is Kind.LIST:
        return {column.name: None if value is None else " ".join(value)}
    if column.kind is Kind.SECTORS:
        return {column.name: _sectors(value) if value else None}
    return {column.name: value}


def _sectors(reaches: Mapping[str, Sequence[float]]) -> str:
    return "; ".join(
        f"{sector} {best:.0f} ({low:.0f} to {high:.0f})" for sector, (best, low, high) in reaches.items()
    )
