"""What a report says, before it is Word or PDF: blocks, and the rows that every figure in them is from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NUMBER = re.compile(r"(?<![\w#])[−+-]?\d+(?:[.,]\d+)*(?!\w)")
TAG = re.compile(r"\[(R\d+(?:, R\d+)*)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A figure or text as it is printed, and the cell of the release that it is from."""

    row_id: str
    column: str
    printed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A number of rows as it is printed, and which rows are counted."""

    layer: str
    where: Mapping[str, Sequence[str]]
    """Column to the cells that count; an empty cell is `""`."""
    printed: str


Source = Value | Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading."""

    text: str
    level: int = 1
    """0 is the title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A paragraph; one that holds figures names the rows that they are from."""

    text: str
    lead: str = ""
    """Printed bold before it."""
    style: str = "normal"
    """normal | mark | small | bullet | blank."""
    rows: tuple[str, ...] = ()
    """Ids of the rows of the release."""
    values: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Paragraphs as a table without lines: lead at the left, text at the right."""

    items: tuple[Text, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A figure with its caption and what it shows for those who cannot see it."""

    path: Path
    caption: str
    alt: str
    width_mm: float = 170.0
    rows: tuple[str, ...] = ()
    values: tuple[Source, ...] = ()
    """Of the figures in its caption and on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a table."""

    cells: tuple[str, ...]
    rows: tuple[str, ...] = ()
    values: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table with a caption."""

    head: tuple[str, ...]
    lines: tuple[Line, ...]
    caption: str = ""
    """None is numbered where empty."""
    note: str = ""
    widths: tuple[float, ...] = ()
    """Shares of the width; equal where empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A new page."""


Block = Heading | Text | Facts | Picture | Grid | Break


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report on one or several sites."""

    title: str
    language: str
    """en | ko."""
    release_id: str
    made: str
    """When, UTC."""
    footer: str
    draft: bool
    """Whether the language is not signed: printed on every page."""
    blocks: list[Block] = field(default_factory=list)
    numbers: dict[str, str] = field(default_factory=dict)
    """Row id to its number in this report, `R1` the first that is named."""

    def tag(self, rows: Sequence[str]) -> str:
        """`[R1, R2]`, the numbers of some rows; empty for none."""
        for row_id in rows:
            self.numbers.setdefault(row_id, f"R{len(self.numbers) + 1}")
        told = sorted({self.numbers[row_id] for row_id in rows}, key=lambda name: int(name[1:]))
        return f"[{', '.join(told)}]" if told else ""

    def text(self, block: Text) -> str:
        """The text of a paragraph with the rows that it is from."""
        return " ".join(filter(None, [block.text, self.tag(block.rows)]))

    def caption(self, block: Picture | Grid) -> str:
        """The caption with the rows that it is from."""
        rows = block.rows if isinstance(block, Picture) else ()
        return " ".join(filter(None, [block.caption, self.tag(rows)]))

    def cells(self, line: Line) -> tuple[str, ...]:
        """The cells of a table's line; the last one names its rows."""
        tag = self.tag(line.rows)
        return (*line.cells[:-1], f"{line.cells[-1]} {tag}") if tag else line.cells

    def statements(self) -> Iterator[dict[str, Any]]:
        """Everything printed that holds a figure, with its rows and the cells that it must equal."""
        for text, rows, values in self._printed():
            if rows or NUMBER.search(text):
                yield {"text": text, "rows": list(rows), "values": [_document(value) for value in values]}

    def _printed(self) -> Iterator[tuple[str, tuple[str, ...], tuple[Source, ...]]]:
        for block in self.blocks:
            if isinstance(block, Text):
                yield self.text(block), block.rows, block.values
            elif isinstance(block, Facts):
                for item in block.items:
                    yield self.text(item), item.rows, item.values
            elif isinstance(block, Picture):
                yield self.caption(block), block.rows, block.values
            elif isinstance(block, Grid):
                yield self.caption(block), (), ()
                for line in block.lines:
                    yield " | ".join(self.cells(line)), line.rows, line.values
                yield block.note, (), ()

    def texts(self) -> Iterator[str]:
        """Every text that a font must be able to draw."""
        yield from (self.title, self.footer)
        for block in self.blocks:
            if isinstance(block, Heading):
                yield block.text
            elif isinstance(block, Picture):
                yield block.alt
            elif isinstance(block, Text | Facts):
                yield from (item.lead for item in (block.items if isinstance(block, Facts) else (block,)))
            elif isinstance(block, Grid):
                yield from block.head
        yield from (text for text, _, _ in self._printed())


def _document(value: Source) -> dict[str, Any]:
    if isinstance(value, Value):
        return {"row": value.row_id, "column": value.column, "printed": value.printed}
    where = {column: list(cells) for column, cells in value.where.items()}
    return {"layer": value.layer, "where": where, "printed": value.printed}


def numbers(text: str) -> list[str]:
    """The figures of a text, without the numbers of rows."""
    return NUMBER.findall(TAG.sub("", text))
