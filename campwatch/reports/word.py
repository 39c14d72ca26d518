"""A report as Word: styles, captions that number themselves, alternative texts, repeated table heads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import docx
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from campwatch.exports.word import add_caption, describe_document, keep_whole, repeat_head, use_word_fonts
from campwatch.exports.xml import clean_text
from campwatch.reports.content import Break, Facts, Grid, Heading, Picture, Report, Text
from evidence.files import atomic_path, fix_times

RED, NAVY = RGBColor(0xB0, 0x00, 0x20), RGBColor(0x1B, 0x2A, 0x49)
BODY_PT, SMALL_PT, MARGIN_MM, PAGE_MM = 9.0, 7.5, 17.0, (210.0, 297.0)
LEAD_SHARE = 0.19
"""Of the width, for the leads of facts."""


def write_word(report: Report, path: Path) -> Path:
    """Write the document that editors work on."""
    document = docx.Document()
    _set_up(document, report)
    counts = {"Figure": 0, "Table": 0}
    korean = report.language == "ko"
    names = {"Figure": "그림", "Table": "표"} if korean else {"Figure": "Figure", "Table": "Table"}

    def number(sequence: str, caption: str) -> None:
        counts[sequence] += 1
        add_caption(document, names[sequence], sequence, counts[sequence], caption)

    for block in report.blocks:
        if isinstance(block, Heading):
            document.add_heading(clean_text(block.text), level=block.level)
        elif isinstance(block, Text):
            _add_text(document, block, report)
        elif isinstance(block, Facts):
            _add_facts(document, block, report)
        elif isinstance(block, Picture):
            _add_picture(document, block)
            number("Figure", report.caption(block))
        elif isinstance(block, Grid):
            if block.caption:
                number("Table", report.caption(block))
            _add_grid(document, block, report)
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
    section.footer_distance = section.header_distance = Mm(8)
    for name in ("Normal", "Title", "Heading 1", "Heading 2", "Caption", "List Bullet"):
        use_word_fonts(document.styles[name])
    for name, size, before, after in (
        ("Normal", BODY_PT, 0, 2.5), ("List Bullet", BODY_PT, 0, 1.5), ("Caption", SMALL_PT + 0.5, 1, 4),
        ("Title", 15, 0, 3), ("Heading 1", 12, 8, 3), ("Heading 2", 10, 6, 2),
    ):  # fmt: skip
        style = document.styles[name]
        style.font.size = Pt(size)
        style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(before), Pt(after)
        style.paragraph_format.line_spacing = 1.0
        if name.startswith(("Title", "Heading")):
            style.font.color.rgb = NAVY
    document.styles["Caption"].font.bold = False
    document.styles["Caption"].font.color.rgb = RGBColor(0x33, 0x33, 0x33)
    section.footer.paragraphs[0].text = clean_text(report.footer)
    section.footer.paragraphs[0].runs[0].font.size = Pt(7)
    title, footer = clean_text(report.title), clean_text(report.footer)
    describe_document(document, title, "campwatch", footer, report.made)
    document.core_properties.language = "ko-KR" if report.language == "ko" else "en-GB"


def _add_text(document: Any, block: Text, report: Report) -> None:
    paragraph = document.add_paragraph(style="List Bullet" if block.style == "bullet" else "Normal")
    if block.style == "blank":
        for _ in range(8):
            document.add_paragraph()
        return
    if block.lead:
        paragraph.add_run(clean_text(f"{block.lead}: ")).bold = True
    run = paragraph.add_run(clean_text(report.text(block)))
    if block.style == "small":
        run.font.size = Pt(SMALL_PT)
    if block.style == "mark":
        run.bold, run.font.color.rgb = True, RED


def _add_facts(document: Any, block: Facts, report: Report) -> None:
    """A table without lines: the leads stand under each other."""
    table = document.add_table(rows=0, cols=2)
    for item in block.items:
        cells = table.add_row().cells
        cells[0].paragraphs[0].add_run(clean_text(item.lead)).bold = True
        cells[1].paragraphs[0].add_run(clean_text(report.text(item)))
        for cell in cells:
            cell.paragraphs[0].paragraph_format.space_after = Pt(1.5)
    _set_widths(table, (LEAD_SHARE, 1.0 - LEAD_SHARE))
    _spaced(document)


def _set_widths(table: Any, shares: Sequence[float]) -> None:
    """Widths of columns as shares of the page; of the grid, of each cell, and not to be fitted again."""
    whole = PAGE_MM[0] - 2 * MARGIN_MM
    table.autofit = False
    for column, share in zip(table.columns, shares, strict=True):
        column.width = Mm(whole * share)
        for cell in column.cells:
            cell.width = Mm(whole * share)


def _spaced(document: Any) -> None:
    """An empty line of two points: Word joins tables that follow each other."""
    paragraph = document.add_paragraph()
    paragraph.paragraph_format.space_after = Pt(0)
    paragraph.paragraph_format.line_spacing = Pt(3)


def _add_picture(document: Any, block: Picture) -> None:
    paragraph = document.add_paragraph()
    paragraph.paragraph_format.keep_with_next = True
    paragraph.paragraph_format.space_after = Pt(0)
    shape = paragraph.add_run().add_picture(str(block.path), width=Mm(block.width_mm))
    properties = shape._inline.docPr  # noqa: SLF001 - python-docx has no alternative texts
    properties.set("descr", clean_text(block.alt))
    properties.set("title", clean_text(block.caption[:120]))


def _add_grid(document: Any, block: Grid, report: Report) -> None:
    grid = document.add_table(rows=1, cols=len(block.head), style="Table Grid")
    grid.alignment = WD_TABLE_ALIGNMENT.CENTER
    _fill(grid.rows[0], block.head, head=True)
    repeat_head(grid.rows[0])
    for line in block.lines:
        row = grid.add_row()
        keep_whole(row)
        _fill(row, report.cells(line), head=False)
    _set_widths(grid, block.widths or [1.0 / len(block.head)] * len(block.head))
    if block.note:
        document.add_paragraph().add_run(clean_text(block.note)).font.size = Pt(SMALL_PT)
    else:
        _spaced(document)


def _fill(row: Any, texts: tuple[str, ...], *, head: bool) -> None:
    for cell, text in zip(row.cells, texts, strict=True):
        paragraph = cell.paragraphs[0]
        paragraph.paragraph_format.space_after = Pt(0)
        run = paragraph.add_run(clean_text(text))
        run.font.size, run.bold = Pt(SMALL_PT + 0.5), head
        if head:
            shade = OxmlElement("w:shd")
            shade.set(qn("w:val"), "clear")
            shade.set(qn("w:fill"), "E7ECF3")
            cell._tc.get_or_add_tcPr().append(shade)  # noqa: SLF001 - the same
