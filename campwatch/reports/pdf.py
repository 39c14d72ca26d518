# ruff: noqa: E501 - texts are read whole
"""The same report as PDF by typst, with embedded fonts and a glyph test: typst prints boxes without a warning."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from campwatch.exports.fonts import hangul_font, require_glyphs
from campwatch.extras import extra_module
from campwatch.reports.content import Break, Facts, Grid, Heading, Picture, Report, Text
from evidence.errors import ExportError
from evidence.files import atomic_path

PREAMBLE = """\
#set document(title: {title}, author: "campwatch", date: datetime(year: {y}, month: {m}, day: {d}))
#set page(paper: "a4", margin: (x: 17mm, top: 15mm, bottom: 17mm), footer: [#set text(7pt); {footer} #h(1fr) #context counter(page).display()])
#set text(font: ({fonts}), size: 8.6pt, lang: "{lang}")
#set par(spacing: 0.65em, leading: 0.5em)
#let navy = rgb("#1B2A49")
#let bold(body) = text(stroke: 0.28pt)[#body]
#show heading: it => block(above: 1.1em, below: 0.6em)[#text(fill: navy, stroke: 0.3pt + navy)[#it.body]]
#show figure.where(kind: table): set block(breakable: true)
#show figure.caption: set text(7.6pt)
#show figure.caption: set align(left)
#set table(stroke: 0.4pt + gray, inset: 3pt, fill: (_, y) => if y == 0 {{ rgb("#E7ECF3") }})
"""


def write_pdf(report: Report, path: Path) -> Path:
    """Write the file that is cited.

    Raises:
        WatchError: where typst is not installed, no font holds Hangul, or a character has no glyph.
    """
    typst = extra_module("typst", "report", "a PDF")
    font = hangul_font()
    if font is None:
        raise ExportError("no font with Hangul: install pylopdf-fonts-ko")
    require_glyphs(report.texts())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(font.path, folder / font.path.name)
        source = _source(report, folder, font.family)
        (folder / "report.typ").write_text(source, "utf-8")
        made = typst.compile(str(folder / "report.typ"), font_paths=[str(folder)], ignore_system_fonts=True)
    with atomic_path(path) as temporary:
        temporary.write_bytes(made)
    return path


def quoted(text: str) -> str:
    """A text as typst's string: nothing in it is markup."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def _source(report: Report, folder: Path, family: str) -> str:
    year, month, day = report.made[:10].split("-")
    parts = [
        PREAMBLE.format(
            title=quoted(report.title), y=int(year), m=int(month), d=int(day), footer=f"#{quoted(report.footer)}",
            fonts=f"{quoted(family)}, ", lang=report.language,
        )
    ]  # fmt: skip
    names = ("그림", "표") if report.language == "ko" else ("Figure", "Table")
    number = 0
    for block in report.blocks:
        if isinstance(block, Heading):
            size = {0: "15pt", 1: "12pt"}.get(block.level, "9.6pt")
            parts.append(f"#heading(level: {max(block.level, 1)})[#text({size})[#{quoted(block.text)}]]")
        elif isinstance(block, Text):
            parts.append(_text(block, report))
        elif isinstance(block, Facts):
            parts.append(_facts(block, report))
        elif isinstance(block, Picture):
            number += 1
            target = folder / f"figure-{number}.png"
            shutil.copy(block.path, target)
            parts.append(
                f"#figure(image({quoted(target.name)}, width: {block.width_mm}mm, alt: {quoted(block.alt)}), "
                f"supplement: [{names[0]}], caption: [#{quoted(report.caption(block))}])"
            )
        elif isinstance(block, Grid):
            parts.append(_grid(block, names[1], report))
        elif isinstance(block, Break):
            parts.append("#pagebreak(weak: true)")
    return "\n\n".join(parts) + "\n"


def _text(block: Text, report: Report) -> str:
    if block.style == "blank":
        return "#v(40mm)"
    lead = f"#bold[#{quoted(block.lead + ': ')}]" if block.lead else ""
    body = f"{lead}#{quoted(report.text(block))}"
    if block.style == "bullet":
        return f"#list([{body}])"
    if block.style == "small":
        return f"#text(7.4pt)[{body}]"
    if block.style == "mark":
        return f'#text(10pt, fill: rgb("#B00020"), stroke: 0.3pt + rgb("#B00020"))[{body}]'
    return f"#par[{body}]"


def _facts(block: Facts, report: Report) -> str:
    cells = ",\n".join(
        f"[#bold[#{quoted(item.lead)}]], [#{quoted(report.text(item))}]" for item in block.items
    )
    return (
        "#grid(columns: (19%, 1fr), column-gutter: 2mm, row-gutter: 1.6mm,\n"
        + cells
        + ("," if cells else "")
        + ")"
    )


def _grid(block: Grid, name: str, report: Report) -> str:
    widths = block.widths or tuple(1.0 for _ in block.head)
    columns = ", ".join(f"{share * 100:.0f}fr" for share in widths)
    head = ", ".join(f"bold[#{quoted(cell)}]" for cell in block.head)
    cells = ",\n".join(f"[#{quoted(cell)}]" for line in block.lines for cell in report.cells(line))
    comma = "," if cells else ""
    note = f"\n\n#text(7.4pt)[#{quoted(block.note)}]" if block.note else ""
    table = f"text(7.6pt, align(left, table(columns: ({columns}), table.header({head}){comma}\n{cells})))"
    if not block.caption:
        return f"#{table}{note}"
    caption = f"figure.caption(position: top, [#{quoted(report.caption(block))}])"
    return f"#figure(kind: table, supplement: [{name}], caption: {caption}, {table})" + note
