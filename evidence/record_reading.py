"""Records back from ledger rows, by the types of their fields."""

from __future__ import annotations

import dataclasses
import datetime as dt
import types
import typing
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

import shapely

from evidence.errors import LedgerError
from evidence.quantity import Quantity
from evidence.rows import Row, record_data, record_geometry

Record = TypeVar("Record")


def read_record(kind: type[Record], row: Row) -> Record:
    """The record of type `kind` that a row was made from.

    Raises:
        LedgerError: where the row lacks a field that the record needs.
    """
    return read_data(kind, row.data, geometry=row.geometry)


def read_data(kind: type[Record], data: Mapping[str, Any], *, geometry: bytes | None = None) -> Record:
    """The record of type `kind` whose plain fields are `data`.

    Raises:
        LedgerError: where a field is missing that the record needs.
    """
    values: dict[str, Any] = {}
    for name, hint in _fields(typing.cast("Any", kind)):
        if name == "geometry":
            values["geometry"] = None if geometry is None else shapely.from_wkb(geometry)
        elif name in data:
            values[name] = _read(hint, data[name])
    try:
        return kind(**values)
    except TypeError as err:
        raise LedgerError(f"these fields are not a {kind.__name__}: {err}") from err


@cache
def _fields(kind: type[Any]) -> tuple[tuple[str, Any], ...]:
    """Names and types of a record's fields: to find them out takes longer than to read a row."""
    hints = typing.get_type_hints(kind)
    return tuple((field.name, hints[field.name]) for field in dataclasses.fields(kind))


def record_document(record: Any) -> dict[str, Any]:
    """A record as a plain document, its outline in hexadecimal WKB: `record_from` gives it back."""
    outline = record_geometry(record)
    return record_data(record) | {"geometry": None if outline is None else outline.hex()}


def record_from(kind: type[Record], document: Mapping[str, Any]) -> Record:
    """The record of type `kind` that a document was made from.

    Raises:
        LedgerError: where a field is missing that the record needs.
    """
    outline = document.get("geometry")
    return read_data(kind, document, geometry=None if outline is None else bytes.fromhex(outline))


_READERS: dict[Any, Callable[[Any], Any]] = {
    Quantity: Quantity.from_dict,
    dt.datetime: dt.datetime.fromisoformat,
    dt.date: dt.date.fromisoformat,
}


def _read(hint: Any, value: Any) -> Any:
    if value is None:
        return None
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _read(next(arg for arg in typing.get_args(hint) if arg is not type(None)), value)
    if origin is tuple:
        return tuple(_read(typing.get_args(hint)[0], item) for item in value)
    reader = _READERS.get(hint)
    return value if reader is None else reader(value)
