"""Rows in words: interval first, then the best estimate; or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aoi.records import Site
from campwatch.exports.bundle import Table
from evidence.layers import Column, Kind, Layer

HECTARE_DECIMALS = 2
MINUS = "−"
VALIDATION_WORD = "what stands behind the interval"


def site_label(site: Site) -> str:
    """The site's name, with the Korean one where there is one."""
    return f"{site.name} ({site.name_ko})" if site.name_ko else site.name


def row_label(layer: Layer, told: Mapping[str, Any]) -> str:
    """A short name of one row."""
    shown = {name: "" if value is None else value for name, value in told.items()}
    return layer.label.format_map(shown)


def interval_text(
    low: float | None, high: float | None, value: float | None, unit: str = "", *, reason: str | None = None
) -> str:
    """As in "1.20 to 3.40 ha (best 2.30)"."""
    if value is None or low is None or high is None:
        return f"not assessable: {reason}" if reason else "not assessable"
    decimals = HECTARE_DECIMALS if unit in ("ha", "") else 0
    shown = [f"{number:z.{decimals}f}".replace("-", MINUS) for number in (low, high, value)]
    return f"{shown[0]} to {shown[1]}{f' {unit}' if unit else ''} (best {shown[2]})"


def quantity_text(column: Column, told: Mapping[str, Any]) -> str:
    """The three cells of a quantity in words."""
    name = column.name
    parts = (told.get(f"{name}_low"), told.get(f"{name}_high"), told.get(name))
    return interval_text(*parts, column.unit, reason=told.get("reason"))


def row_sentences(table: Table, told: Mapping[str, Any]) -> Iterator[str]:
    """What the row says, a line per fact."""
    for column in table.layer.table_columns:
        if column.kind is Kind.QUANTITY:
            yield f"{column.meaning}: {quantity_text(column, told)}"
        elif told.get(column.name) is not None and column.kind is not Kind.LIST:
            unit = f" {column.unit}" if column.unit and column.unit != "1" else ""
            yield f"{column.meaning}: {told[column.name]}{unit}"
    if told.get("validation"):
        yield f"{VALIDATION_WORD}: {told['validation']}"
