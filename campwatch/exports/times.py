"""Times of exported tables as times: for the temporal controller of QGIS, and for spreadsheets."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pandas as pd

from evidence.layers import Layer

_ISO = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?Z?)?[?~%]?$")
SUFFIX = "_time"


def as_time(value: Any) -> dt.datetime | None:
    """A moment in UTC of an ISO or EDTF text; its qualifier is left out; None for anything else."""
    found = _ISO.match(str(value)) if value is not None else None
    if found is None:
        return None
    *whole, fraction = found.groups()
    year, month, day, hour, minute, second = (int(part) if part else None for part in whole)
    try:
        return dt.datetime(
            year or 1, month or 1, day or 1, hour or 0, minute or 0, second or 0,
            round(1e6 * float(fraction or 0.0)), tzinfo=dt.UTC,
        )  # fmt: skip
    except ValueError:
        return None


def time_names(layer: Layer) -> tuple[str | None, str | None]:
    """The columns that begin and end what a row speaks of; the second is None for a moment."""
    if layer.moment:
        return layer.moment, None
    return layer.span or (None, None)


def with_times(layer: Layer, frame: pd.DataFrame) -> pd.DataFrame:
    """The table with a column of times beside each text column that its rows begin or end by."""
    added = frame.copy()
    for name in time_names(layer):
        if name is not None and name in frame:
            moments = [as_time(value) if pd.notna(value) else None for value in frame[name]]
            added[name + SUFFIX] = pd.Series(moments, index=frame.index, dtype="datetime64[ns, UTC]")
    return added
