"""What a report says, before it is Word or PDF."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NUMBER = re.compile(r"(?<![\w#])[−+-]?\d+(?:[.,]\d+)*(?!\w)")
TAG = re.compile(r"\[row ([0-9a-f]{16})\]")


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

    @property
    def printed(self) -> str:
        """The text with the rows that it is from."""
        return " ".join([self.text, *(f"[row {row_id}]" for row_id in self.rows)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A figure with its caption and what it shows for those who cannot see it."""

    path: Path
    caption: str
    alt: str
    width_mm: float = 165.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table with a caption."""

    caption: str
    head: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    note: str = ""
    widths: tuple[float, ...] = ()
    """Shares of the width; equal where empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A new page."""


Block = Heading | Text | Picture | Grid | Break


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

    def statements(self) -> Iterator[dict[str, Any]]:
        """Every paragraph and table row that holds figures of the release."""
        for block in self.blocks:
            if isinstance(block, Text) and block.rows:
                yield {"text": block.printed, "rows": list(block.rows)}
            elif isinstance(block, Grid):
                for cells in block.cells:
                    text = " | ".join(cells)
                    if TAG.search(text):
                        yield {"text": text, "rows": TAG.findall(text)}


def numbers(text: str) -> list[str]:
    """The figures of a text, without ids of rows."""
    return NUMBER.findall(TAG.sub("", text))
