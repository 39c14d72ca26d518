"""The command line. Human text on stderr, results on stdout; one line for a known error."""

from __future__ import annotations

import datetime as dt
import importlib
import logging
import os
import re
import sys
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from campwatch import __version__
from campwatch.cli.backup import backup, merge, restore
from campwatch.cli.evidence import anchor, migrate, redact, release, reproduce, verify
from campwatch.cli.examples import epilog
from campwatch.cli.export import export, figure
from campwatch.cli.init import init
from campwatch.cli.logs import LogFormat, set_up
from campwatch.cli.look import doctor, draw_maps, healthcheck, schedule, status
from campwatch.cli.measure import calibrate, question
from campwatch.cli.pair import pair
from campwatch.cli.report import claims, report
from campwatch.cli.search import look, search
from campwatch.cli.serve import serve
from campwatch.cli.session import (
    EXIT_ERROR,
    EXIT_INCOMPLETE,
    EXIT_INTERRUPTED,
    SINCE,
    UNTIL,
    Session,
    credentials_from_files,
    in_order,
    say,
    stderr,
)
from campwatch.language import ENGLISH, LANGUAGES, speak, spoken, system_language, told
from evidence.errors import WatchError

_GROUPS = ("sites", "review")
_UsageError: Any = typer.BadParameter.__mro__[1]
"""What errors of usage have in common; where it is kept differs between versions of the library."""


class _Commands(TyperGroup):
    """Turns what a command raises into an exit code and one line; anything unknown shows its traceback."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command; groups are imported when they are asked for, so that the others start at once."""
        if cmd_name in _GROUPS:
            group: Any = typer.main.get_command(importlib.import_module(f"campwatch.cli.{cmd_name}").app)
            for name, command in group.commands.items():
                command.epilog = epilog(f"{cmd_name} {name}")
                _helped(command, ctx)
            return _helped(group, ctx)
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            command.epilog = epilog(cmd_name)
            _helped(command, ctx)
        return command

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """The arguments; `--json` and `--lang` count wherever they stand."""
        end = args.index("--") if "--" in args else len(args)
        rest, language = _without_language(args[:end])
        speak(language)
        _helped(self, ctx)
        _titled()
        plain = [arg for arg in rest if arg != "--json"]
        first = ["--json"] if len(plain) < len(rest) else []
        return super().parse_args(ctx, [*first, "--lang", language, *plain, *args[end:]])

    def list_commands(self, ctx: Any) -> list[str]:
        """Every command, groups among them."""
        return [*super().list_commands(ctx), *_GROUPS]

    def invoke(self, context: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            sys.stderr.write(f"{told('interrupted')}\n")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        except WatchError as err:
            sys.stderr.write(f"campwatch: {told(' '.join(str(err).split()))}\n")
            raise typer.Exit(EXIT_ERROR) from err
        except _UsageError as err:
            text = told(_plainly(err.format_message()))
            err.format_message = lambda: text
            raise


_FAULT = re.compile(r"(?<=: )Value error[^']*(?=')")
_NEAR = 0.4
"""Likeness of words from which one is named beside the other."""
_CHOICE = re.compile(r"'([^']*)' is not one of (.+)\.$")


def _plainly(message: str) -> str:
    """What the library says of a wrong value, without its own words, and the nearest known value."""
    message = _FAULT.sub("", message)
    found = _CHOICE.search(message)
    near = get_close_matches(found[1], re.findall(r"'([^']+)'", found[2]), n=1, cutoff=_NEAR) if found else []
    return f"{message.removesuffix('.')}; the nearest is {near[0]}" if near else message


def _without_language(args: list[str]) -> tuple[list[str], str]:
    """What is left of the arguments without `--lang`, and the language: the system's where none is named."""
    rest, named = [], None
    waiting = False
    for arg in args:
        if waiting or arg.startswith("--lang="):
            named, waiting = arg.removeprefix("--lang="), False
        elif arg == "--lang":
            waiting = True
        else:
            rest.append(arg)
    language = named if named is not None else system_language(os.environ)
    if language not in LANGUAGES:
        raise typer.BadParameter(f"--lang {language} is none of {', '.join(LANGUAGES)}")
    return rest, language


def _helped(command: Any, context: Any) -> Any:
    """The command with its help in the language that is spoken."""
    if spoken() == ENGLISH:
        return command
    command.help = told(" ".join((command.help or "").split()))
    usage = command.get_usage
    command.get_usage = lambda ctx: usage(ctx).replace("Usage:", told("Usage:"), 1)
    for option in (*command.params, command.get_help_option(context)):
        if getattr(option, "help", None):
            option.help = told(option.help)
    return command


_TITLES = (
    "ARGUMENTS_PANEL_TITLE", "OPTIONS_PANEL_TITLE", "COMMANDS_PANEL_TITLE", "ERRORS_PANEL_TITLE",
    "DEFAULT_STRING", "REQUIRED_LONG_STRING", "ABORTED_TEXT", "RICH_HELP",
)  # fmt: skip
"""Names of what the library says around our help."""
_HELP = "typer.rich_utils"
"""Where it keeps them; slow to load, and needed for help, errors and languages alone."""


@cache
def _english() -> dict[str, str]:
    """What the library says, before it was first said otherwise."""
    module = importlib.import_module(_HELP)
    return {name: getattr(module, name) for name in _TITLES}


def _titled() -> None:
    if spoken() == ENGLISH and _HELP not in sys.modules:
        return
    for name, title in _english().items():
        setattr(sys.modules[_HELP], name, told(title))


app = typer.Typer(
    name="campwatch",
    cls=_Commands,
    help="Measure boundary expansion and coal stockpile area from Sentinel imagery.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(  # noqa: PLR0913 - options
    context: typer.Context,
    *,
    workspace: Annotated[Path, typer.Option("-C", help="The workspace.", metavar="DIR")] = Path(),
    as_json: Annotated[
        bool, typer.Option("--json", help="Make stdout one JSON document; may stand after the command too.")
    ] = False,
    verbose: Annotated[bool, typer.Option("-v", help="Say more.")] = False,
    quiet: Annotated[bool, typer.Option("-q", help="Say only what went wrong.")] = False,
    log_format: Annotated[LogFormat, typer.Option(help="How log lines look.")] = LogFormat.TEXT,
    log_file: Annotated[
        Path | None,
        typer.Option(help="Also keep what is told in this file, put aside when full.", metavar="FILE"),
    ] = None,
    language: Annotated[
        str,
        typer.Option(
            "--lang",
            help="en or ko; may stand after the command too. [default: the system's]",
            show_default=False,
            metavar="LANG",
        ),
    ] = "en",
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Tell the version.")
    ] = False,
) -> None:
    """Options that every command takes."""
    del version
    machine = log_format is LogFormat.JSON
    level = logging.INFO if machine else logging.WARNING
    loudness = logging.DEBUG if verbose else logging.ERROR if quiet else level
    console = Console(stderr=True) if quiet else stderr  # what went wrong is told all the same
    set_up(console, log_format=log_format, level=loudness, file=log_file)
    stderr.quiet = quiet and not verbose
    context.obj = Session(
        folder=workspace, json=as_json, logs_only=machine, keeps_log=log_file is not None, language=language
    )
    if language != ENGLISH and not (quiet or machine or as_json):
        from campwatch.custody.korean import standing  # noqa: PLC0415 - start-up stays quick

        say(standing(workspace))


app.command()(init)


@app.command()
def run(  # noqa: PLR0913 - every option of a run
    context: typer.Context,
    *,
    site: Annotated[list[str] | None, typer.Option(help="Only this site; may be repeated.")] = None,
    since: Annotated[dt.date | None, SINCE] = None,
    until: Annotated[dt.date | None, UNTIL] = None,
    workers: Annotated[int, typer.Option(help="Processes that measure.", min=1)] = 1,
    dask: Annotated[
        str | None, typer.Option(help="Dask scheduler whose workers measure, or local:N.", metavar="ADDRESS")
    ] = None,
    share: Annotated[
        str | None,
        typer.Option(help="Object store by which Dask workers get files: s3://BUCKET/FOLDER.", metavar="URL"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Search and count the cost, no more.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for another run instead of leaving.")] = False,
    include_cloudy: Annotated[
        bool, typer.Option("--include-cloudy", help="Fetch also what was left out for cloud.")
    ] = False,
) -> None:
    """Search, fetch, measure, append, map: only what is new. This is what a timer calls."""
    in_order(since, until)
    if dry_run:
        look(context.obj, site, since, until)
        return
    if share is not None and dask is None:
        raise typer.BadParameter("is for the workers of --dask", param_hint="--share")
    from campwatch.cli.summaries import run_and_report  # noqa: PLC0415
    from campwatch.run.pipeline import RunOptions  # noqa: PLC0415 - start-up stays quick
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    options = RunOptions(
        sites=tuple(site or ()),
        since=since,
        until=until,
        wait=wait,
        workers=workers,
        dask=dask,
        share=share,
        include_cloudy=include_cloudy,
    )
    summary = run_and_report(open_workspace(context.obj.folder), options, session=context.obj, console=stderr)
    if not summary.complete:
        raise typer.Exit(EXIT_INCOMPLETE)


app.command()(search)
app.command()(export)
app.command()(figure)
app.command()(pair)
app.command()(calibrate)
app.command()(question)
app.command()(claims)
app.command()(report)
app.command()(verify)
app.command()(anchor)
app.command()(migrate)
app.command()(backup)
app.command()(restore)
app.command()(merge)
app.command()(redact)
app.command()(reproduce)
app.command()(release)
app.command()(status)
app.command()(healthcheck)
app.command()(doctor)
app.command()(schedule)
app.command("map")(draw_maps)
app.command()(serve)


@app.command()
def demo(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR")] = Path("campwatch-demo"),
) -> None:
    """The main job on embedded data: a real forest and a simulated mine with its truth."""
    from campwatch.cli.summaries import run_and_report  # noqa: PLC0415
    from campwatch.demonstration import prepare_demo, show_truth  # noqa: PLC0415
    from campwatch.run.pipeline import RunOptions  # noqa: PLC0415

    workspace = prepare_demo(folder, progress=say)
    summary = run_and_report(workspace, RunOptions(), session=context.obj, console=stderr)
    show_truth(workspace, progress=say)
    if not summary.complete:
        raise typer.Exit(EXIT_INCOMPLETE)


_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""On several threads linear algebra adds up in an order that depends on the machine, and on matrices as small
as ours it is slower."""


def main() -> None:
    """Entry point; output is UTF-8 whatever the locale, sums are the same whatever the number of cores."""
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    credentials_from_files(os.environ)
    app()
