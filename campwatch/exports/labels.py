"""Rows in words: interval first, then the best estimate; or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aoi.records import Site
from campwatch.exports.bundle import Table
from campwatch.language import told
from evidence.layers import Column, Kind, Layer

HECTARE_DECIMALS = 2
MINUS = "−"
VALIDATION_WORD = "what stands behind the interval"


def site_label(site: Site) -> str:
    """The site's name, with the Korean one where there is one."""
    return f"{site.name} ({site.name_ko})" if site.name_ko else site.name


def row_label(layer: Layer, row: Mapping[str, Any]) -> str:
    """A short name of one row."""
    shown = {name: "" if value is None else shown_value(name, value) for name, value in row.items()}
    return told(layer.label).format_map(shown)


def interval_text(
    low: float | None, high: float | None, value: float | None, unit: str = "", *, reason: str | None = None
) -> str:
    """As in "1.20 to 3.40 ha (best 2.30)"."""
    if value is None or low is None or high is None:
        return f"not assessable: {reason}" if reason else "not assessable"
    decimals = HECTARE_DECIMALS if unit in ("ha", "") else 0
    shown = [f"{number:z.{decimals}f}".replace("-", MINUS) for number in (low, high, value)]
    return f"{shown[0]} to {shown[1]}{f' {unit}' if unit else ''} (best {shown[2]})"


def quantity_text(column: Column, row: Mapping[str, Any]) -> str:
    """The three cells of a quantity in words."""
    name = column.name
    parts = (row.get(f"{name}_low"), row.get(f"{name}_high"), row.get(name))
    return interval_text(*parts, column.unit, reason=row.get("reason"))


def row_sentences(table: Table, row: Mapping[str, Any]) -> Iterator[str]:
    """What the row says, a line per fact, in the language that is spoken."""
    for column in table.layer.table_columns:
        if column.kind is Kind.QUANTITY:
            yield f"{told(column.meaning)}: {told(quantity_text(column, row))}"
        elif row.get(column.name) is not None and column.kind is not Kind.LIST:
            unit = f" {column.unit}" if column.unit and column.unit != "1" else ""
            yield f"{told(column.meaning)}: {shown_value(column.name, row[column.name])}{unit}"
    if row.get("validation"):
        yield f"{told(VALIDATION_WORD)}: {told(str(row['validation']))}"


_NAMES = ("_id", "name", "name_ko", "aliases")
"""Ends of columns that hold names: the same in every language."""


def shown_value(column: str, value: Any) -> Any:
    """The value of a column in the language that is spoken; names stay as they are."""
    return told(value) if isinstance(value, str) and not column.endswith(_NAMES) else value
