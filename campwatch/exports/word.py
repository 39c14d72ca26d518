"""Word: tables with captions as submissions print them, intervals first, every figure equal to the CSV."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import docx
import pandas as pd
from docx.enum.section import WD_ORIENT
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from campwatch.exports.bundle import Bundle, Table
from campwatch.exports.labels import quantity_text, shown_value, site_label
from campwatch.exports.stamp import site_notice
from campwatch.exports.vector import plain_records
from campwatch.exports.xml import clean_text
from campwatch.language import spoken, told
from evidence.files import atomic_path, fix_times
from evidence.layers import Column, Kind, Printed

HANGUL_FONT = "Malgun Gothic"
"""On every Windows and in every Office; other systems put theirs in its place."""
LATIN_FONT = "Calibri"
_SMALL = Pt(8)


def write_word(bundle: Bundle, path: Path) -> Path:
    """Write a document with one captioned table per layer and site that has rows."""
    document = docx.Document()
    _set_up(document, bundle)
    number = 0
    for site in bundle.sites:
        document.add_heading(clean_text(site_label(site)), level=1)
        for table in printed_tables(bundle):
            records = word_records(table, site.id)
            if records:
                number += 1
                source = site_notice(table.attribution, site.id, bundle.stamp)
                _add_table(document, table, records, number=number, source=source)
    _add_provenance(document, bundle)
    with atomic_path(path) as temporary:
        document.save(str(temporary))
        fix_times(temporary)
    return path


def printed_tables(bundle: Bundle) -> list[Table]:
    """The tables that documents print, where they have rows."""
    return [table for table in bundle.tables if table.layer.printed is not None]


def word_records(table: Table, site_id: str) -> list[dict[str, Any]]:
    """The rows of one site that are printed."""
    printed, frame = table.layer.printed, table.plain[table.plain["site_id"] == site_id]
    if printed is None:
        return []
    moment = table.layer.age
    if printed.newest_by is not None and moment is not None:
        quantity = table.layer.quantities[0].name
        order = frame.assign(assessable=frame[quantity].notna()).sort_values(["assessable", moment])
        seen = order.drop(columns="assessable")
        years = seen[moment].str.slice(0, 4)
        frame = pd.DataFrame(seen.groupby([seen[printed.newest_by], years]).tail(1))
    if printed.sorted_by:
        frame = frame.sort_values(list(printed.sorted_by))
    return plain_records(frame)


def cell_text(column: Column, row: Mapping[str, Any]) -> str:
    """What a cell of the Word table says."""
    value = row.get(column.name)
    if column.kind is Kind.QUANTITY:
        return told(quantity_text(column, {**row, "reason": None}).replace(f" {column.unit} ", " "))
    if column.kind is Kind.LIST:
        return str(len(str(value).split())) if value else "" if row.get("reason") else "0"
    if column.kind is Kind.BOOLEAN:
        return "" if value is None else told("yes" if value else "no")
    if column.name == "datetime":
        return str(value)[:16].replace("T", " ")
    if column.name == "valid_fraction" and value is not None:
        return f"{value:.0%}"
    return "" if value is None else str(shown_value(column.name, str(value)))


def _set_up(document: Any, bundle: Bundle) -> None:
    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Mm(297), Mm(210)
    for side in ("left_margin", "right_margin", "top_margin", "bottom_margin"):
        setattr(section, side, Mm(20))
    for name in ("Normal", "Title", "Heading 1", "Caption"):
        use_word_fonts(document.styles[name])
    document.styles["Normal"].font.size = Pt(10)
    stamp = bundle.stamp
    document.add_heading(told("Satellite measurements"), level=0)
    if stamp.restricted:
        run = document.add_paragraph().add_run(told("RESTRICTED: holds what is not marked public"))
        run.bold, run.font.color.rgb = True, RGBColor(0xB0, 0x00, 0x20)
    section.footer.paragraphs[0].text = stamp.footer()
    section.footer.paragraphs[0].runs[0].font.size = _SMALL
    author = f"campwatch {stamp.version}"
    describe_document(document, told("Satellite measurements"), author, stamp.footer(), stamp.as_of)


def describe_document(document: Any, title: str, author: str, comments: str, made: str) -> None:
    """Fill in the properties that Word shows of a file; `made` is an ISO time, UTC."""
    core = document.core_properties
    core.title, core.author, core.comments = title, author, comments
    core.created = core.modified = dt.datetime.fromisoformat(made).replace(tzinfo=None)
    core.last_modified_by = core.author


def use_word_fonts(style: Any) -> None:
    """Give a style the declared fonts, Latin and Hangul, in place of those of the theme."""
    style.font.name = LATIN_FONT
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for name in list(fonts.attrib):
        if name.endswith("Theme"):
            del fonts.attrib[name]
    for name, font in (("ascii", LATIN_FONT), ("hAnsi", LATIN_FONT), ("eastAsia", HANGUL_FONT)):
        fonts.set(qn(f"w:{name}"), font)


def _add_table(
    document: Any,
    table: Table,
    records: Sequence[dict[str, Any]],
    *,
    number: int,
    source: str,
) -> None:
    printed = table.layer.printed
    if printed is None:
        return
    add_caption(document, told("Table"), "Table", number, told(printed.caption))
    columns = {column.name: column for column in table.layer.columns}
    shown = [(_in_language(name), head) for name, head, _ in printed.columns]
    grid = document.add_table(rows=1, cols=len(printed.columns), style="Light Grid Accent 1")
    grid.alignment = WD_TABLE_ALIGNMENT.CENTER
    _fill_row(grid.rows[0], [told(head) for _, head in shown], bold=True)
    repeat_head(grid.rows[0])
    for row in records:
        cells = [clean_text(cell_text(columns[name], row)) for name, *_ in shown]
        _fill_row(grid.add_row(), cells)
    levels = sorted({f"{row['level']:.0%}" for row in records if row.get("level") is not None})
    methods = sorted({str(row["method"]) for row in records if row.get("method")})
    note = document.add_paragraph()
    text = f"Intervals at {' and '.join(levels)}, then the best estimate. Method: {', '.join(methods)}. "
    checked = dict.fromkeys(str(row["validation"]) for row in records if row.get("validation"))
    stands = f"What stands behind the intervals: {'; '.join(checked)}." if checked else ""
    parts = (text, stands, _reasons(printed, columns, records), printed.note, f"Source: {source}.")
    run = note.add_run(clean_text(" ".join(told(part.strip()) for part in parts if part)))
    run.italic, run.font.size = True, _SMALL


def _in_language(name: str) -> str:
    """The column of a pair of languages that is spoken."""
    return f"{name.removesuffix('_en')}_{spoken()}" if name.endswith("_en") else name


def _reasons(printed: Printed, columns: Mapping[str, Column], records: Sequence[dict[str, Any]]) -> str:
    """Why figures of the table are missing: each reason once, with the rows that it is about."""
    figures = [name for name, *_ in printed.columns if columns[name].kind is Kind.QUANTITY]
    rows: dict[str, list[str]] = {}
    for row in records:
        if row.get("reason") and any(row.get(name) is None for name in figures):
            rows.setdefault(str(row["reason"]), []).append(str(row[printed.columns[0][0]]))
    parts = [f"{', '.join(dict.fromkeys(names))}: {reason}" for reason, names in rows.items()]
    return f"Not assessable: {'; '.join(parts)}." if parts else ""


def add_caption(document: Any, name: str, sequence: str, number: int, text: str) -> None:
    """A caption that Word numbers itself and lists in a table of figures or tables.

    Args:
        document: to add to.
        name: printed before the number, as "Table" or "표".
        sequence: Word's own name of the numbering, `Table` or `Figure`.
        number: shown until Word counts anew.
        text: after the number.
    """
    paragraph = document.add_paragraph(f"{name} ", style="Caption")
    paragraph.paragraph_format.keep_with_next = sequence == "Table"
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), f"SEQ {sequence} \\* ARABIC")
    run, shown = OxmlElement("w:r"), OxmlElement("w:t")
    shown.text = str(number)
    run.append(shown)
    field.append(run)
    paragraph._p.append(field)  # noqa: SLF001 - python-docx has no fields
    paragraph.add_run(f". {clean_text(text)}")


def _fill_row(row: Any, texts: Sequence[str], *, bold: bool = False) -> None:
    for cell, text in zip(row.cells, texts, strict=True):
        run = cell.paragraphs[0].add_run(text)
        run.font.size, run.bold = _SMALL, bold
    keep_whole(row)


def keep_whole(row: Any) -> None:
    """Keep a row on one page."""
    row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))  # noqa: SLF001 - the same


def repeat_head(row: Any) -> None:
    """Print this row again at the head of each page."""
    row._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))  # noqa: SLF001 - the same


def _add_provenance(document: Any, bundle: Bundle) -> None:
    document.add_heading(told("Provenance"), level=1)
    for what, value in bundle.stamp.items():
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.space_after = Pt(0)
        for text, bold in ((f"{told(what)}: ", True), (clean_text(told(value)), False)):
            run = paragraph.add_run(text)
            run.bold, run.font.size = bold, _SMALL
