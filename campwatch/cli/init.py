"""The command `init`: a workspace with commented settings, and the shipped sites to choose from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campwatch.cli.session import say
from campwatch.language import told

if TYPE_CHECKING:
    from aoi.records import Site
    from campwatch.workspace import Workspace


def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR")],
    *,
    site: Annotated[
        list[str] | None, typer.Option(help="A shipped site to begin with, by id or name; may be repeated.")
    ] = None,
) -> None:
    """Make a workspace with commented settings, with shipped sites where they are named."""
    from aoi.registry import shipped_sites  # noqa: PLC0415 - start-up stays quick
    from campwatch.cli.sites import one_site  # noqa: PLC0415
    from campwatch.run.lacking import site_lacks  # noqa: PLC0415
    from campwatch.workspace import create_workspace  # noqa: PLC0415

    shipped = shipped_sites()
    chosen = [one_site(name, shipped) for name in site or ()]
    workspace = create_workspace(folder)
    _write_sites(workspace, chosen)
    say(f"A workspace in {workspace.folder}")
    _tell(workspace, folder, chosen, list(shipped))
    context.obj.report(
        {
            "workspace": str(workspace.folder),
            "sites": [one.id for one in chosen],
            "lacking": [asdict(lack) for one in chosen for lack in site_lacks(one)],
            "shipped": [{"id": one.id, "name": one.name, "purpose": one.purpose.value} for one in shipped],
        }
    )


def _write_sites(workspace: Workspace, chosen: list[Site]) -> None:
    from aoi.site_file import write_site  # noqa: PLC0415

    for one in chosen:
        write_site(workspace.sites_folder / f"{one.id}.geojson", one)


def _tell(workspace: Workspace, folder: Path, chosen: list[Site], shipped: list[Site]) -> None:
    """What is there to choose, and what to do next."""
    for one in chosen:
        say(f"site {one.id}: {one.name}")
    if not chosen:
        say("Sites that come with campwatch (campwatch sites list --shipped says more):")
        for one in shipped:
            say(f"  {one.id:<24} {told(one.purpose.value):<10} {one.name}")
        say(f"Next: campwatch -C {folder} sites add ID, or sites add FILE for a place of your own")
        return
    from campwatch.identity import system_clock  # noqa: PLC0415
    from campwatch.run.lacking import fetching_cost, lines_of  # noqa: PLC0415

    for line in lines_of(chosen):
        say(line)
    since, today = workspace.settings.monitor.since, system_clock().date()
    for one in chosen:
        say(fetching_cost(one, since, today))
    say(f"Commands go after: campwatch -C {folder}. Next: search, then run")
