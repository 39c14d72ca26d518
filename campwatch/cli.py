"""The command line. Human text on stderr, results on stdout; one line for a known error."""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.logging import RichHandler
from typer.core import TyperGroup

from campwatch import __version__
from evidence.errors import WatchError

EXIT_ERROR = 1
EXIT_INCOMPLETE = 3
EXIT_INTERRUPTED = 130


class _Commands(TyperGroup):
    """Turns what a command raises into an exit code and one line; anything unknown shows its traceback."""

    def invoke(self, context: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            sys.stderr.write("interrupted\n")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except WatchError as err:
            sys.stderr.write(f"campwatch: {' '.join(str(err).split())}\n")
            raise typer.Exit(EXIT_ERROR) from err


app = typer.Typer(
    name="campwatch",
    cls=_Commands,
    help="Measure boundary expansion and coal stockpile area from Sentinel imagery.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
stderr = Console(stderr=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What the options before the command say."""

    folder: Path
    json: bool

    def report(self, document: Any) -> None:
        """Print a result: one JSON document, or nothing where people read stderr."""
        if self.json:
            sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


class ExportFormat(StrEnum):
    """What `export` can write."""

    CSV = "csv"


def _version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    *,
    workspace: Annotated[Path, typer.Option("-C", help="The workspace.", metavar="DIR")] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Make stdout one JSON document.")] = False,
    verbose: Annotated[bool, typer.Option("-v", help="Say more.")] = False,
    quiet: Annotated[bool, typer.Option("-q", help="Say only what went wrong.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    """Options that every command takes."""
    del version
    level = logging.DEBUG if verbose else logging.ERROR if quiet else logging.WARNING
    handler = RichHandler(console=stderr, show_path=False, show_time=verbose)
    logging.basicConfig(level=level, format="%(message)s", handlers=[handler], force=True)
    stderr.quiet = quiet
    context.obj = Session(folder=workspace, json=as_json)


@app.command()
def init(context: typer.Context, folder: Annotated[Path, typer.Argument(metavar="DIR")]) -> None:
    """Make a workspace with commented settings."""
    from campwatch.workspace import create_workspace  # noqa: PLC0415 - start-up stays quick

    workspace = create_workspace(folder)
    stderr.print(f"A workspace in [bold]{workspace.folder}[/]. Next: campwatch -C {folder} sites add FILE")
    context.obj.report({"workspace": str(workspace.folder)})


@app.command()
def run(
    context: typer.Context,
    *,
    site: Annotated[list[str] | None, typer.Option(help="Only this site; may be repeated.")] = None,
    since: Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"])] = None,
    until: Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"])] = None,
    wait: Annotated[bool, typer.Option(help="Wait for another run instead of leaving.")] = False,
) -> None:
    """Search, fetch, measure, append, map: only what is new. This is what a timer calls."""
    from campwatch.pipeline import RunOptions  # noqa: PLC0415
    from campwatch.reporting import run_and_report  # noqa: PLC0415
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    options = RunOptions(
        sites=tuple(site or ()),
        since=since.date() if since else None,
        until=until.date() if until else None,
        wait=wait,
    )
    summary = run_and_report(open_workspace(context.obj.folder), options, session=context.obj, console=stderr)
    if not summary.complete:
        raise typer.Exit(EXIT_INCOMPLETE)


@app.command()
def export(
    context: typer.Context,
    *,
    kind: Annotated[ExportFormat, typer.Option("--format", help="File format.")],
    as_of: Annotated[str | None, typer.Option(help="As things stood after this run.", metavar="RUN")] = None,
) -> None:
    """Write the current rows in the files that people work with."""
    from campwatch.export import export_csv  # noqa: PLC0415
    from campwatch.workspace import open_workspace  # noqa: PLC0415
    from evidence.ledger import Ledger  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    with Ledger(workspace.ledger_path) as ledger:
        paths = export_csv(ledger, workspace.exports_folder / kind.value, as_of_run=as_of)
    for path in paths:
        stderr.print(str(path), soft_wrap=True)
    context.obj.report({"files": [str(path) for path in paths]})


@app.command()
def verify(
    context: typer.Context, *, deep: Annotated[bool, typer.Option(help="Hash every file.")] = False
) -> None:
    """Check archive, ledger and custody against their hashes."""
    from campwatch.reporting import verify_and_report  # noqa: PLC0415
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    if verify_and_report(open_workspace(context.obj.folder), deep=deep, session=context.obj, console=stderr):
        raise typer.Exit(EXIT_ERROR)


@app.command()
def demo(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR")] = Path("campwatch-demo"),
) -> None:
    """The main job on embedded real imagery, without credentials or downloads."""
    from campwatch.demo import prepare_demo  # noqa: PLC0415
    from campwatch.pipeline import RunOptions  # noqa: PLC0415
    from campwatch.reporting import run_and_report  # noqa: PLC0415

    workspace = prepare_demo(folder, progress=stderr.print)
    summary = run_and_report(workspace, RunOptions(), session=context.obj, console=stderr)
    if not summary.complete:
        raise typer.Exit(EXIT_INCOMPLETE)


def main() -> None:
    """Entry point; output is UTF-8 whatever the locale."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    app()
