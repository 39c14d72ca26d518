"""What the options before a command say, and how results reach programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from campwatch.language import told

EXIT_ERROR = 1
EXIT_INCOMPLETE = 3
EXIT_INTERRUPTED = 130

stderr = Console(stderr=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Where the workspace is, and whether stdout is for a program."""

    folder: Path
    json: bool
    logs_only: bool = False
    """Whether stderr is for log lines alone."""
    keeps_log: bool = False
    """Whether log lines go to a file too."""
    language: str = "en"
    """What people are spoken to in; documents for programs are English."""

    def report(self, document: Any) -> None:
        """Print a result: one JSON document, or nothing where people read stderr."""
        if self.json:
            sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def say(text: str) -> None:
    """A line for people, in their language: no markup, no wrapping, no emoji."""
    stderr.print(told(text), markup=False, highlight=False, emoji=False, soft_wrap=True)


def put(text: str, *, err: bool = False) -> None:
    """A line for people on stdout, where it is the result itself."""
    typer.echo(told(text), err=err)


def sure(question: str) -> bool:
    """Whether somebody says yes."""
    return typer.confirm(told(question), err=True)


def said_table(
    title: str,
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    left: frozenset[str] = frozenset(),
    widths: Mapping[str, int] = MappingProxyType({}),
    console: Console | None = None,
) -> None:
    """A table for people, in their language.

    Args:
        title: above it.
        head: names of its columns.
        rows: their cells.
        left: columns of words; the others are numbers.
        widths: least width of a column that folds.
        console: where to; stderr where left out.
    """
    table = Table(title=told(title), title_justify="left")
    for name in head:
        table.add_column(
            told(name), justify="left" if not left or name in left else "right", overflow="fold",
            min_width=widths.get(name),
        )  # fmt: skip
    for row in rows:
        table.add_row(*(told(cell) for cell in row))
    (console or stderr).print(table)
