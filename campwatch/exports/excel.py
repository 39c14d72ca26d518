"""Excel: what the file is, every column's meaning, and a sheet per table; text stays text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from campwatch.exports.bundle import Bundle, Table
from campwatch.exports.dictionary import LONGEST_CELL, data_dictionary, provenance
from campwatch.exports.xml import NOT_IN_XML
from evidence.files import atomic_path, fix_times
from evidence.layers import Kind

_HEAD = PatternFill("solid", fgColor="FFDCE6F1")
_UNIT = Font(italic=True, color="FF555555")
_WIDEST = 44
_SAMPLED_ROWS = 60


def write_excel(bundle: Bundle, path: Path) -> Path:
    """Write the workbook: `about`, `columns`, then a sheet per table with a row of units under the names."""
    book = openpyxl.Workbook()
    about = book.worksheets[0]
    about.title = "about"
    _fill(about, provenance(bundle))
    _wrap(about, 2, 110)
    for table in bundle.tables:
        _fill(book.create_sheet(table.name), table.plain, units=_units(table))
    _fill(book.create_sheet("columns"), data_dictionary())
    _date(book, bundle.stamp.as_of)
    book.properties.title = "campwatch export"
    book.properties.creator = f"campwatch {bundle.stamp.version}"
    book.properties.description = bundle.stamp.footer()
    with atomic_path(path) as temporary:
        book.save(temporary)
        fix_times(temporary)
    return path


def _units(table: Table) -> list[str]:
    said = {Kind.BOOLEAN: "true or false", Kind.LIST: "list"}
    return [column.unit or said.get(column.kind, "") for _, column in table.columns]


def _fill(sheet: Worksheet, frame: pd.DataFrame, *, units: list[str] | None = None) -> None:
    _write_row(sheet, 1, frame.columns)
    for cell in sheet[1]:
        cell.font, cell.fill = Font(bold=True), _HEAD
    first = 2
    if units is not None:
        _write_row(sheet, 2, [f"[{unit}]" if unit else "" for unit in units])
        for cell in sheet[2]:
            cell.font = _UNIT
        first = 3
    for offset, values in enumerate(frame.itertuples(index=False)):
        _write_row(sheet, first + offset, values)
    sheet.freeze_panes = f"A{first}"
    sheet.auto_filter.ref = f"A{first - 1}:{get_column_letter(len(frame.columns))}{first - 1 + len(frame)}"
    _set_widths(sheet)


def _write_row(sheet: Worksheet, row: int, values: Iterable[Any]) -> None:
    for column, value in enumerate(values, start=1):
        if value is pd.NA or value is None or value == "":
            continue
        cell = sheet.cell(row=row, column=column)
        if isinstance(value, str):
            _write_text(cell, value)
        else:
            cell.value = value.item() if hasattr(value, "item") else value


def _write_text(cell: Cell | MergedCell, text: str) -> None:
    """Text, whatever it starts with: Excel neither computes it now nor when somebody edits the cell."""
    clean = NOT_IN_XML.sub("�", text)
    if len(clean) > LONGEST_CELL:
        note = f" … ({len(clean)} characters; complete in the CSV and GeoPackage exports)"
        clean = clean[: LONGEST_CELL - len(note)] + note
    cell.value = clean
    cell.data_type = "s"
    if clean.startswith(("=", "+", "-", "@")):
        cell.quotePrefix = True


def _set_widths(sheet: Worksheet) -> None:
    rows = sheet.iter_cols(min_row=1, max_row=min(sheet.max_row, _SAMPLED_ROWS), values_only=True)
    for number, values in enumerate(rows, start=1):
        longest = max(len(str(value)) for value in values if value is not None)
        letter = get_column_letter(number)
        sheet.column_dimensions[letter].width = min(_WIDEST, max(10, longest + 2))


def _wrap(sheet: Worksheet, column: int, width: int) -> None:
    letter = get_column_letter(column)
    sheet.column_dimensions[letter].width = width
    for cell in sheet[letter]:
        cell.alignment = Alignment(wrap_text=True, vertical="top")


def _date(book: openpyxl.Workbook, as_of: str) -> None:
    """The run's time, not today's: the same rows give the same file."""
    moment = dt.datetime.fromisoformat(as_of).replace(tzinfo=None)
    book.properties.created = book.properties.modified = moment
