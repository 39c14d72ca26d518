"""Excel: what the file is, a summary with a chart, every column's meaning, a sheet per table.

Dates are dates and times are times in UTC; figures with an interval are rounded to what it carries, two
digits of its half-width (the other exports have all digits); text stays text.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
from openpyxl.cell.cell import Cell, MergedCell
from openpyxl.chart import Reference, ScatterChart, Series
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from campwatch.exports.bundle import Bundle, Table, as_time
from campwatch.exports.dictionary import LONGEST_CELL, data_dictionary, provenance
from campwatch.exports.xml import NOT_IN_XML
from campwatch.language import spoken, told
from campwatch.questions.records import ANSWERS
from detection.coal.records import STOCKPILE_AREAS
from detection.ground.records import FOOTPRINTS
from evidence.files import atomic_path, fix_times
from evidence.layers import BLUE, GREEN, ORANGE, PURPLE, VERMILION, Kind

_HEAD = PatternFill("solid", fgColor="FFDCE6F1")
_UNIT = Font(italic=True, color="FF555555")
_TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z)?$")
_MOST_DECIMALS = 6
_WIDEST = 44
_SAMPLED_ROWS = 60


def write_excel(bundle: Bundle, path: Path) -> Path:
    """Write the workbook: `about`, `summary`, then a sheet per table with a row of units, `columns`."""
    book = openpyxl.Workbook()
    about = book.worksheets[0]
    about.title = "about"
    _fill(about, provenance(bundle))
    _wrap(about, 2, 110)
    write_summary(book.create_sheet("summary"), bundle)
    for table in bundle.tables:
        _fill(book.create_sheet(table.name), rounded(table), units=_units(table))
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
    frame = table.plain
    timed = {name for name in frame if any(_is_moment(value) for value in frame[name].dropna().head(5))}
    return [
        column.unit or ("UTC" if name in timed else said.get(column.kind, ""))
        for name, column in table.columns
    ]


def _is_moment(value: object) -> bool:
    """Whether a text is a time of day in UTC; a date alone is a day of the calendar that its column names."""
    found = _TIME.match(str(value))
    return found is not None and found[1] is not None


def rounded(table: Table) -> pd.DataFrame:
    """The table with every quantity rounded to two digits of the half-width of its interval."""
    frame = table.plain.copy()
    for name in [name for name, column in table.columns if column.kind is Kind.QUANTITY]:
        ends = (f"{name}_low", f"{name}_high")
        if name not in frame or not set(ends) <= set(frame):
            continue
        low, high = (frame[end].to_numpy(float, na_value=np.nan) for end in ends)
        half = np.where(high > low, (high - low) / 2.0, np.nan)
        decimals = np.clip(1 - np.floor(np.log10(half)), 0, _MOST_DECIMALS)
        for column in (name, *ends):
            values = frame[column].to_numpy(float, na_value=np.nan)
            rounds = [
                round(float(v), int(d)) if np.isfinite(v) and np.isfinite(d) else v
                for v, d in zip(values, decimals, strict=True)
            ]
            frame[column] = pd.Series(rounds, index=frame.index, dtype="Float64")
    return frame


def write_summary(sheet: Worksheet, bundle: Bundle) -> None:
    """The newest figure of every zone and boundary with its interval, the answers, a chart of stockpiles."""
    row = _write_lines(sheet, 1, _ZONES_HEAD, _newest(bundle, STOCKPILE_AREAS.name, "zone_id", "datetime"))
    row = _write_lines(
        sheet, row + 1, _GROUND_HEAD, _newest(bundle, FOOTPRINTS.name, "boundary_id", "account_date")
    )
    answers = bundle.table(ANSWERS.name)
    lines: list[tuple[Any, ...]] = []
    if answers is not None:
        shown = answers.plain[["site_id", "question_id", "verdict", f"sentence_{spoken()}"]]
        lines = [tuple(values) for values in shown.itertuples(index=False)]
    row = _write_lines(sheet, row + 1, _ANSWERS_HEAD, lines)
    for letter, width in zip("ABCDEFG", (24, 24, 20, 22, 12, 12, 18), strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.page_setup.orientation, sheet.page_setup.fitToHeight = "landscape", 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    _write_chart(sheet, bundle, row + 2)


_ZONES_HEAD = (
    "site", "zone", "newest look (UTC)", "probable coal, ha", "low", "high", "looks with figure"
)  # fmt: skip
_GROUND_HEAD = ("site", "boundary version", "account day", "disturbed ground, ha", "low", "high", "epochs")
_ANSWERS_HEAD = ("site", "question", "verdict", "sentence")
_COLOURS = tuple(colour.lstrip("#") for colour in (BLUE, VERMILION, GREEN, PURPLE, ORANGE))
_CHART_COLUMN = 10
"""Where the figures of the chart stand."""


def _newest(bundle: Bundle, layer: str, subject: str, moment: str) -> list[tuple[Any, ...]]:
    """(site, subject, moment, value, low, high, how many) of the newest figure of each subject."""
    table = bundle.table(layer)
    if table is None:
        return []
    frame = rounded(table)
    known = frame[frame["area_ha"].notna()].sort_values(moment)
    out = []
    for (site, name), own in known.groupby(["site_id", subject], dropna=False):
        last = own.iloc[-1]
        figures = (last["area_ha"], last["area_ha_low"], last["area_ha_high"])
        out.append((site, name, last[moment], *figures, len(own)))
    return out


def _write_lines(sheet: Worksheet, row: int, head: Sequence[str], lines: Sequence[Any]) -> int:
    """A small table; returns the row after it."""
    _write_row(sheet, row, [told(name) for name in head])
    for cell in sheet[row]:
        if cell.value is not None and cell.column < _CHART_COLUMN:
            cell.font, cell.fill = Font(bold=True), _HEAD
    for offset, values in enumerate(lines, start=1):
        _write_row(sheet, row + offset, values)
    return row + len(lines) + 1


def _write_chart(sheet: Worksheet, bundle: Bundle, row: int) -> None:
    """Plan area of probable coal of every zone over time, every look with the ends of its interval."""
    table = bundle.table(STOCKPILE_AREAS.name)
    known = None if table is None else rounded(table)
    if known is None or known["area_ha"].notna().sum() == 0:
        return
    known = known[known["area_ha"].notna()].sort_values(["site_id", "zone_id", "datetime"])
    chart = ScatterChart()
    chart.title, chart.style, chart.height, chart.width = told("Plan area of probable coal, ha"), 2, 9, 24
    chart.x_axis.number_format, chart.x_axis.delete, chart.y_axis.delete = "yyyy-mm", False, False
    chart.x_axis.title, chart.y_axis.title = told("date of the look (UTC)"), "ha"
    column = _CHART_COLUMN
    for number, ((site, zone), own) in enumerate(known.groupby(["site_id", "zone_id"])):
        _write_row(sheet, 1, [*[None] * (column - 1), f"{site}, {zone}", "value", "low", "high"])
        figures = own[["datetime", "area_ha", "area_ha_low", "area_ha_high"]]
        for k, look in enumerate(figures.itertuples(index=False)):
            _write_row(sheet, 2 + k, [*[None] * (column - 1), *look])
        dates = Reference(sheet, min_col=column, min_row=2, max_row=1 + len(own))
        for shift, name in enumerate(("value", "low", "high"), start=1):
            values = Reference(sheet, min_col=column + shift, min_row=2, max_row=1 + len(own))
            line = Series(values, dates, title=f"{zone}: {name}")
            line.graphicalProperties.line.noFill = True
            line.marker.symbol, line.marker.size = ("circle", 6) if name == "value" else ("dash", 6)
            colour = _COLOURS[number % len(_COLOURS)] if name == "value" else "7F7F7F"
            line.marker.graphicalProperties.solidFill = colour
            line.marker.graphicalProperties.line.solidFill = colour
            chart.series.append(line)
        sheet.column_dimensions[get_column_letter(column)].width = 22
        column += 5
    sheet.add_chart(chart, f"A{row}")


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
        if isinstance(value, str) and _TIME.match(value) and (moment := as_time(value)) is not None:
            _write_time(cell, value, moment)
        elif isinstance(value, str):
            _write_text(cell, value)
        else:
            cell.value = value.item() if hasattr(value, "item") else value


def _write_time(cell: Cell | MergedCell, text: str, moment: dt.datetime) -> None:
    """A date, or a moment in UTC: Excel knows no time zones."""
    dated = len(text) == len("2020-01-01")
    cell.value = moment.date() if dated else moment.replace(tzinfo=None)
    cell.number_format = "yyyy-mm-dd" if dated else "yyyy-mm-dd hh:mm:ss"


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
