"""The commands `export` and `figure`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campwatch.cli.session import say, shown_progress, stderr
from campwatch.exports.formats import ExportFormat
from campwatch.extras import extra_module

if TYPE_CHECKING:
    from campwatch.workspace import Workspace


_AS_OF = typer.Option("--as-of", help="As things stood after this run.", metavar="RUN")
RESTRICTED = typer.Option(
    "--restricted/--public",
    help="Show what is not marked public, and say so. [default: only where no site is public]",
)
_SITE = typer.Option("--site", help="Only this site; may be repeated.", metavar="ID")
_OUT = typer.Option("--out", help="Folder to write to.", metavar="DIR")


def export(
    context: typer.Context,
    *,
    kind: Annotated[ExportFormat, typer.Option("--format", help="File format.")],
    as_of: Annotated[str | None, _AS_OF] = None,
    restricted: Annotated[bool | None, RESTRICTED] = None,
    site: Annotated[list[str] | None, _SITE] = None,
    finding: Annotated[
        str | None, typer.Option(help="Row, disturbance, pile or change, for chips and bag.", metavar="ID")
    ] = None,
    out: Annotated[Path | None, _OUT] = None,
) -> None:
    """Write the current rows in the files that people work with."""
    from campwatch.exports.write import ExportOptions  # noqa: PLC0415 - start-up stays quick
    from campwatch.exports.write import export as write  # noqa: PLC0415
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    options = ExportOptions(
        restricted=profile(workspace, restricted, site),
        as_of_run=as_of,
        sites=tuple(site or ()),
        finding=finding,
        out=out,
    )
    with shown_progress(stderr) as progress:
        paths = write(workspace, kind, options, progress=progress)
    _tell(context, paths)


class FigureOption(StrEnum):
    """What `figure` can draw."""

    PAIR = "pair"
    SERIES = "series"
    FOOTPRINT = "footprint"
    BOUNDARY = "boundary"
    ANSWER = "answer"


def figure(  # noqa: PLR0913 - options of a command
    context: typer.Context,
    *,
    kind: Annotated[
        list[FigureOption] | None, typer.Option("--kind", help="Which; all where none is named.")
    ] = None,
    site: Annotated[list[str] | None, _SITE] = None,
    before: Annotated[str | None, typer.Option(help="Date of the first picture.", metavar="DATE")] = None,
    after: Annotated[str | None, typer.Option(help="Date of the second picture.", metavar="DATE")] = None,
    finding: Annotated[
        str | None,
        typer.Option(help="The looks on either side of it; an id of `review list`.", metavar="ID"),
    ] = None,
    as_of: Annotated[str | None, _AS_OF] = None,
    restricted: Annotated[bool | None, RESTRICTED] = None,
    out: Annotated[Path | None, _OUT] = None,
) -> None:
    """Draw figures for print: PNG at 300 dpi and SVG."""
    extra_module("matplotlib", "report", "figure")
    from campwatch.exports.figures import FigureOptions, write_figures  # noqa: PLC0415
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    options = FigureOptions(
        kinds=tuple(k.value for k in kind or list(FigureOption)),
        sites=tuple(site or ()),
        before=before,
        after=after,
        finding=finding,
        as_of_run=as_of,
        restricted=profile(workspace, restricted, site),
        language=context.obj.language,
        out=out,
    )
    with shown_progress(stderr) as progress:
        paths = write_figures(workspace, options, progress=progress)
    _tell(context, paths)


def profile(workspace: Workspace, asked: bool | None, only: list[str] | None) -> bool:
    """Whether what is not marked public is shown: as asked, else where no site is public."""
    from aoi.site_file import read_site  # noqa: PLC0415
    from campwatch.settings import shows_restricted  # noqa: PLC0415

    sites = [read_site(path) for path in workspace.chosen_paths(tuple(only or ()))]
    return shows_restricted(asked, workspace.settings.map, sites)


def _tell(context: typer.Context, paths: list[Path]) -> None:
    for path in paths:
        say(str(path))
    context.obj.report({"files": [str(path) for path in paths]})
