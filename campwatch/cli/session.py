"""What a command is started with, options and secrets, and how progress and results are shown."""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from campwatch.language import told
from campwatch.run.progress import Progress as Tell
from campwatch.run.progress import Step, log_step
from evidence.errors import SettingsError

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


def _day(text: str) -> dt.date:
    """A day as people write it on the command line."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is no day; write it as in 2024-05-31") from None


def _code(said: str) -> str:
    """Whoever does it, by a code: what is no code may be a name, and names are not kept.

    Raises:
        BadParameter: where it is none.
    """
    from maps.review_format import CODE_PATTERN  # noqa: PLC0415 - start-up stays quick

    if not re.match(CODE_PATTERN, said):
        raise typer.BadParameter(
            f"{said!r} is no code: up to 32 letters of A to Z, digits, dots and hyphens, no spaces; "
            "names are not kept"
        )
    return said


def _codes(said: list[str] | None) -> list[str] | None:
    return None if said is None else [_code(one) for one in said]


ANALYSTS = typer.Option("--analyst", callback=_codes, help="A code, not a name.")
ACTOR = typer.Option("--actor", callback=_code, help="Who does it: a code, not a name.")
SINCE = typer.Option("--since", parser=_day, metavar="DATE", help="From this day on.")
UNTIL = typer.Option("--until", parser=_day, metavar="DATE", help="Up to this day.")


def in_order(since: dt.date | None, until: dt.date | None) -> None:
    """That the days of `SINCE` and `UNTIL` are not the wrong way round.

    Raises:
        BadParameter: where they are.
    """
    if since is not None and until is not None and until < since:
        raise typer.BadParameter(f"--until {until} is before --since {since}: nothing lies between them")


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


@contextmanager
def shown_progress(console: Console) -> Iterator[Tell]:
    """What to tell each step to; the line is gone when the work is done."""
    if console.quiet or not console.is_terminal:
        yield log_step
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(told("starting"), total=None)

        def tell(step: Step) -> None:
            bars.update(task, description=told(step.text), total=step.total, completed=step.done or 0)

        yield tell


PREFIXES = ("CAMPWATCH_", "SH_CLIENT_")
"""Variables that hold settings and credentials."""
END = "_FILE"
FOLDER = "CREDENTIALS_DIRECTORY"
"""Set by systemd for a service with LoadCredential= or LoadCredentialEncrypted=."""


def credentials_from_files(environment: MutableMapping[str, str]) -> None:
    """Put into the environment of this process what its variables name as files.

    `NAME_FILE=/path` gives NAME its content; so does a file NAME in the folder of systemd's credentials, in
    capitals or not. What the environment says itself stands.

    Raises:
        SettingsError: where a file that is named cannot be read.
    """
    for name, path in (*_named(environment), *_handed(environment)):
        try:
            environment.setdefault(name, path.read_text("utf-8").strip())
        except (OSError, UnicodeDecodeError) as err:
            raise SettingsError(f"{name} cannot be read from {path}: {err}") from err


def _named(environment: MutableMapping[str, str]) -> Iterator[tuple[str, Path]]:
    for name in [name for name in environment if name.startswith(PREFIXES) and name.endswith(END)]:
        yield name.removesuffix(END), Path(environment.pop(name))


def _handed(environment: MutableMapping[str, str]) -> Iterator[tuple[str, Path]]:
    folder = environment.get(FOLDER)
    if folder and Path(folder).is_dir():
        for path in sorted(Path(folder).iterdir()):
            if path.name.upper().startswith(PREFIXES):
                yield path.name.upper(), path
