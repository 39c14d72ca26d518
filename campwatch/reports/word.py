"""A report as Word: styles, captions that number themselves, alternative texts, repeated table heads."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import docx
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from campwatch.exports.xml import clean_text
from campwatch.reports.content import Break, Grid, Heading, Picture, Report, Text
from evidence.files import atomic_path, fix_times

HANGUL_FONT = "Malgun Gothic"
"""On every Windows and in every Office; other systems put theirs in its place."""
LATIN_FONT = "Calibri"
RED = RGBColor(0xB0, 0x00, 0x20)
BODY_PT, SMALL_PT, MARGIN_MM, PAGE_MM = 9.5, 8.0, 20.0, (210.0, 297.0)


def write_word(report: Report, path: Path) -> Path:
    """Write the document that editors work on."""
    document = docx.Document()
    _set_up(document, report)
    counts = {"Figure": 0, "Table": 0}
    names = (
        {"Figure": "그림", "Table": "표"}
        if report.language == "ko"
        else {"Figure": "Figure", "Table": "Table"}
    )
    for block in report.blocks:
        if isinstance(block, Heading):
            document.add_heading(clean_text(block.text), level=block.level)
        elif isinstance(block, Text):
            _add_text(document, block)
        elif isinstance(block, Picture):
            _add_picture(document, block)
            _add_caption(document, names["Figure"], "Figure", counts, block.caption)
        elif isinstance(block, Grid):
            _add_caption(document, names["Table"], "Table", counts, block.caption)
            _add_grid(document, block)
        elif isinstance(block, Break):
            document.add_page_break()  # type: ignore[no-untyped-call]
    with atomic_path(path) as temporary:
        document.save(str(temporary))
        fix_times(temporary)
    return path


def _set_up(document: Any, report: Report) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Mm(PAGE_MM[0]), Mm(PAGE_MM[1])
    for side in ("left_margin", "right_margin", "top_margin", "bottom_margin"):
        setattr(section, side, Mm(MARGIN_MM))
    for name in ("Normal", "Title", "Heading 1", "Heading 2", "Caption", "List Bullet"):
        _set_font(document.styles[name])
    document.styles["Normal"].font.size = Pt(BODY_PT)
    document.styles["Normal"].paragraph_format.space_after = Pt(3)
    document.styles["Title"].font.size = Pt(16)
    document.styles["Title"].paragraph_format.space_after = Pt(4)
    section.footer.paragraphs[0].text = clean_text(report.footer)
    section.footer.paragraphs[0].runs[0].font.size = Pt(7)
    moment = dt.datetime.fromisoformat(report.made).replace(tzinfo=None)
    core = document.core_properties
    core.title, core.author, core.comments = clean_text(report.title), "campwatch", clean_text(report.footer)
    core.created = core.modified = moment
    core.last_modified_by = core.author
    core.language = "ko-KR" if report.language == "ko" else "en-GB"


def _set_font(style: Any) -> None:
    style.font.name = LATIN_FONT
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for name in list(fonts.attrib):
        if name.endswith("Theme"):
            del fonts.attrib[name]
    for name, font in (("ascii", LATIN_FONT), ("hAnsi", LATIN_FONT), ("eastAsia", HANGUL_FONT)):
        fonts.set(qn(f"w:{name}"), font)


def _add_text(document: Any, block: Text) -> None:
    paragraph = document.add_paragraph(style="List Bullet" if block.style == "bullet" else "Normal")
    if block.style == "blank":
        for _ in range(8):
            document.add_paragraph()
        return
    if block.lead:
        paragraph.add_run(clean_text(block.lead)).bold = True
    run = paragraph.add_run(clean_text(block.printed))
    if block.style == "small":
        run.font.size = Pt(SMALL_PT)
    if block.style == "mark":
        run.bold, run.font.color.rgb = True, RED


def _add_picture(document: Any, block: Picture) -> None:
    paragraph = document.add_paragraph()
    paragraph.paragraph_format.keep_with_next = True
    shape = paragraph.add_run().add_picture(str(block.path), width=Mm(block.width_mm))
    properties = shape._inline.docPr  # noqa: SLF001 - python-docx has no alternative texts
    properties.set("descr", clean_text(block.alt))
    properties.set("title", clean_text(block.caption[:120]))


def _add_caption(document: Any, name: str, sequence: str, counts: dict[str, int], text: str) -> None:
    """A caption that Word numbers itself and lists in a table of figures or tables."""
    counts[sequence] += 1
    paragraph = document.add_paragraph(f"{name} ", style="Caption")
    paragraph.paragraph_format.keep_with_next = sequence == "Table"
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), f"SEQ {sequence} \\* ARABIC")
    run, shown = OxmlElement("w:r"), OxmlElement("w:t")
    shown.text = str(counts[sequence])
    run.append(shown)
    field.append(run)
    paragraph._p.append(field)  # noqa: SLF001 - python-docx has no fields
    paragraph.add_run(f". {clean_text(text)}")


def _add_grid(document: Any, block: Grid) -> None:
    grid = document.add_table(rows=1, cols=len(block.head), style="Light Grid Accent 1")
    grid.alignment = WD_TABLE_ALIGNMENT.CENTER
    _fill(grid.rows[0], block.head, bold=True)
    grid.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))  # noqa: SLF001 - the same
    for cells in block.cells:
        _fill(grid.add_row(), cells, bold=False)
    if block.widths:
        whole = PAGE_MM[0] - 2 * MARGIN_MM
        for row in grid.rows:
            for cell, share in zip(row.cells, block.widths, strict=True):
                cell.width = Mm(whole * share)
    if block.note:
        document.add_paragraph().add_run(clean_text(block.note)).font.size = Pt(SMALL_PT)


def _fill(row: Any, texts: tuple[str, ...], *, bold: bool) -> None:
    for cell, text in zip(row.cells, texts, strict=True):
        run = cell.paragraphs[0].add_run(clean_text(text))
        run.font.size, run.bold = Pt(SMALL_PT - 0.5), bold
