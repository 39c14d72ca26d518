"""Ledger rows: what is stored of a record, and what identifies it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from evidence.errors import LedgerError
from evidence.hashing import sha256_bytes, sha256_json
from evidence.quantity import Quantity

ROW_ID_LENGTH = 16
DECIMALS = {"_ha": 6, "_m": 3, "_m2": 2, "_deg": 7, "_px": 4, "_fraction": 6, "_share": 6, "_geojson": 7}
"""Decimals that a figure carries, by the unit that ends its name: a hundredth of a square metre, a
millimetre, a centimetre on the ground. Far below any error of measurement, far above what another build of
the same arithmetic changes."""
SIGNIFICANT = 7
"""Digits that a figure of another unit carries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured fact, before or after it is in the ledger.

    ``(layer, site_id, subject, time)`` says what is measured; ``(method, params_hash, inputs_hash)`` says
    how and from what. A later row with the same first four supersedes an earlier one.
    """

    layer: str
    site_id: str
    subject: str
    time: str
    """ISO 8601 instant or interval; empty where the subject alone identifies the row."""
    method: str
    params_hash: str
    inputs_hash: str
    data: Mapping[str, Any]
    """Plain JSON values; quantities as `Quantity.to_dict`."""
    geometry: bytes | None = None
    """WKB, EPSG:4326."""
    retired: bool = False
    """Whether the row takes back what the one before it said."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What is measured."""
        return self.layer, self.site_id, self.subject, self.time

    @property
    def row_id(self) -> str:
        """Digest of everything the row says: the same finding has the same id wherever it is computed."""
        content = {
            "key": self.key,
            "how": [self.method, self.params_hash, self.inputs_hash],
            "data": self.data,
            "geometry": sha256_bytes(self.geometry) if self.geometry is not None else None,
            "retired": self.retired,
        }
        return sha256_json(content)[:ROW_ID_LENGTH]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRow:
    """A row in the ledger, with the run that appended it."""

    seq: int
    row_id: str
    run_id: str
    as_of: str
    row: Row


def plain(value: Any) -> Any:
    """A JSON value of `value`; NaN and infinities become null.

    Raises:
        LedgerError: for what has no plain form.
    """
    if hasattr(value, "item") and not isinstance(value, str | bytes):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return str(value)
    return _plain_compound(value)


def _plain_compound(value: Any) -> Any:
    if isinstance(value, Quantity):
        return value.to_dict()
    if isinstance(value, dt.date):
        return iso_utc(value) if isinstance(value, dt.datetime) else value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise LedgerError(f"a {type(value).__name__} cannot be kept in the ledger")


def iso_utc(moment: dt.datetime) -> str:
    """ISO 8601 in UTC with whole seconds or milliseconds, as in 2024-03-01T02:36:11Z.

    Raises:
        LedgerError: where the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise LedgerError(f"{moment.isoformat()} has no time zone")
    utc = moment.astimezone(dt.UTC)
    spec = "milliseconds" if utc.microsecond else "seconds"
    return utc.isoformat(timespec=spec).replace("+00:00", "Z")


def record_data(record: Any) -> dict[str, Any]:
    """The plain fields of a frozen record, geometry left out.

    Raises:
        LedgerError: where it is no record.
    """
    if not dataclasses.is_dataclass(record) or isinstance(record, type):
        raise LedgerError(f"{record!r} is not a record")
    names = (field.name for field in dataclasses.fields(record))
    return {name: plain(getattr(record, name)) for name in names if name != "geometry"}


def record_geometry(record: Any) -> bytes | None:
    """The record's geometry as little-endian two-dimensional WKB."""
    geometry: BaseGeometry | None = getattr(record, "geometry", None)
    if geometry is None or geometry.is_empty:
        return None
    return bytes(shapely.to_wkb(geometry, output_dimension=2, byte_order=1))


def carried(data: Mapping[str, Any]) -> dict[str, Any]:
    """Plain fields with their figures rounded to what they carry (`DECIMALS`)."""
    return {name: _carried(value, _decimals(name)) for name, value in data.items()}


def carried_geometry(outline: bytes | None) -> bytes | None:
    """WKB whose coordinates stand on a grid of 1e-7 degrees."""
    if outline is None:
        return None
    rounded = shapely.transform(shapely.from_wkb(outline), lambda xy: np.round(xy, DECIMALS["_deg"]))
    return bytes(shapely.to_wkb(rounded, output_dimension=2, byte_order=1))


def carried_row(row: Row) -> Row:
    """A measured row with its figures and coordinates rounded to what they carry."""
    return dataclasses.replace(row, data=carried(row.data), geometry=carried_geometry(row.geometry))


def _decimals(name: str) -> int | None:
    return next((decimals for unit, decimals in DECIMALS.items() if name.endswith(unit)), None)


def _carried(value: Any, decimals: int | None) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT}g}" if decimals is None else f"{value:.{decimals}f}") + 0.0
    if isinstance(value, Mapping):  # a quantity: its ends and deviations are in the unit of its name
        return {
            name: _carried(part, _decimals(name) if decimals is None else decimals)
            for name, part in value.items()
        }
    return [_carried(part, decimals) for part in value] if isinstance(value, list) else value
