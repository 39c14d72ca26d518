# ruff: noqa: E501 - texts are read whole
"""The same report as PDF by typst, with embedded fonts and a glyph test: typst prints boxes without a warning."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from campwatch.exports.fonts import hangul_font, require_glyphs
from campwatch.reports.content import Break, Grid, Heading, Picture, Report, Text
from evidence.errors import ExportError
from evidence.files import atomic_path

PREAMBLE = """\
#set document(title: {title}, author: "campwatch", date: datetime(year: {y}, month: {m}, day: {d}))
#set page(paper: "a4", margin: 20mm, footer: [#set text(7pt); {footer} #h(1fr) #context counter(page).display()])
#set text(font: ({fonts}), size: 9.5pt, lang: "{lang}")
#set par(spacing: 0.75em, leading: 0.55em)
#show figure.where(kind: table): set block(breakable: true)
#show figure.caption: set text(8.5pt)
#set table(stroke: 0.4pt + gray, inset: 3.5pt)
"""


def write_pdf(report: Report, path: Path) -> Path:
    """Write the file that is cited.

    Raises:
        ExportError: where typst is not installed, no font holds Hangul, or a character has no glyph.
    """
    try:
        import typst  # noqa: PLC0415 - an extra: the wheel carries a compiler of 80 MB
    except ImportError as err:
        raise ExportError('a PDF needs typst: pip install "campwatch[pdf]", or --format docx') from err
    font = hangul_font()
    if font is None:
        raise ExportError("no font with Hangul: install pylopdf-fonts-ko")
    require_glyphs(_texts(report))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(font.path, folder / font.path.name)
        source = _source(report, folder, font.family)
        (folder / "report.typ").write_text(source, "utf-8")
        made = typst.compile(str(folder / "report.typ"), font_paths=[str(folder)], ignore_system_fonts=True)
    with atomic_path(path) as temporary:
        temporary.write_bytes(made)
    return path


def _texts(report: Report) -> list[str]:
    out = [report.title, report.footer]
    for block in report.blocks:
        if isinstance(block, Heading):
            out.append(block.text)
        elif isinstance(block, Text):
            out += [block.lead, block.printed]
        elif isinstance(block, Picture):
            out += [block.caption, block.alt]
        elif isinstance(block, Grid):
            out += [
                block.caption,
                block.note,
                *block.head,
                *(cell for cells in block.cells for cell in cells),
            ]
    return out


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
            size = "15pt" if block.level == 0 else "12pt"
            parts.append(f"#heading(level: {max(block.level, 1)})[#text({size})[#{quoted(block.text)}]]")
        elif isinstance(block, Text):
            parts.append(_text(block))
        elif isinstance(block, Picture):
            number += 1
            target = folder / f"figure-{number}.png"
            shutil.copy(block.path, target)
            parts.append(
                f"#figure(image({quoted(target.name)}, width: {block.width_mm}mm, alt: {quoted(block.alt)}), "
                f"supplement: [{names[0]}], caption: [#{quoted(block.caption)}])"
            )
        elif isinstance(block, Grid):
            parts.append(_grid(block, names[1]))
        elif isinstance(block, Break):
            parts.append("#pagebreak(weak: true)")
    return "\n\n".join(parts) + "\n"


def _text(block: Text) -> str:
    if block.style == "blank":
        return "#v(40mm)"
    lead = f"#strong[#{quoted(block.lead)}]" if block.lead else ""
    body = f"{lead}#{quoted(block.printed)}"
    if block.style == "bullet":
        return f"#list([{body}])"
    if block.style == "small":
        return f"#text(8pt)[{body}]"
    if block.style == "mark":
        return f'#text(10pt, fill: rgb("#B00020"), weight: "bold")[{body}]'
    return f"#par[{body}]"


def _grid(block: Grid, name: str) -> str:
    widths = block.widths or tuple(1.0 for _ in block.head)
    columns = ", ".join(f"{share * 100:.0f}fr" for share in widths)
    head = ", ".join(f"strong[#{quoted(cell)}]" for cell in block.head)
    cells = ",\n".join(f"[#{quoted(cell)}]" for row in block.cells for cell in row)
    comma = "," if cells else ""
    note = f"\n\n#text(8pt)[#{quoted(block.note)}]" if block.note else ""
    return (
        f"#figure(kind: table, supplement: [{name}], caption: figure.caption(position: top, [#{quoted(block.caption)}]), "
        f"text(7.5pt, align(left, table(columns: ({columns}), table.header({head}){comma}\n{cells}))))" + note
    )
