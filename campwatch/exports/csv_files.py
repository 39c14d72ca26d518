"""Tidy CSV: one file per layer, the data dictionary and the provenance."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from campwatch.exports.bundle import Bundle, Table
from campwatch.exports.dictionary import GEOMETRY, LONGEST_CELL, data_dictionary, guarded_table, provenance
from campwatch.exports.formats import named
from evidence.files import atomic_path

BOM_UTF8 = "utf-8-sig"
"""Excel takes UTF-8 for something else without the byte-order mark, and breaks Hangul."""
WKT_DECIMALS = 7


def write_csv(bundle: Bundle, folder: Path) -> list[Path]:
    """One CSV per table, geometry as WKT, `data_dictionary.csv` and `provenance.csv`."""
    restricted = bundle.stamp.restricted
    written = [
        _write(csv_table(table), named(folder, table.name, ".csv", restricted=restricted))
        for table in bundle.tables
    ]
    for name, frame in (("data_dictionary", data_dictionary()), ("provenance", provenance(bundle))):
        written.append(_write(frame, named(folder, name, ".csv", restricted=restricted)))
    return written


def csv_table(table: Table) -> pd.DataFrame:
    """The table as the CSV holds it."""
    frame = table.plain.copy()
    if table.layer.has_geometry:
        wkt = table.frame.geometry.to_wkt(rounding_precision=WKT_DECIMALS)
        fits = table.frame.geometry.notna() & (wkt.str.len() <= LONGEST_CELL)
        frame[GEOMETRY.name] = wkt.where(fits, None)
    return frame


def _write(table: pd.DataFrame, path: Path) -> Path:
    with atomic_path(path) as temporary:
        guarded_table(table).to_csv(temporary, index=False, encoding=BOM_UTF8, lineterminator="\r\n")
    return path
