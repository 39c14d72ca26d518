"""The command `init`: a workspace with commented settings, and the shipped sites to choose from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campwatch.cli.session import say

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
    from campwatch.workspace import create_workspace  # noqa: PLC0415

    shipped = shipped_sites()
    chosen = [one_site(name, shipped) for name in site or ()]
    workspace = create_workspace(folder)
    _write_sites(workspace, chosen)
    say(f"A workspace in {workspace.folder}")
    _tell(folder, chosen, list(shipped))
    context.obj.report(
        {
            "workspace": str(workspace.folder),
            "sites": [one.id for one in chosen],
            "shipped": [{"id": one.id, "name": one.name, "purpose": one.purpose.value} for one in shipped],
        }
    )


def _write_sites(workspace: Workspace, chosen: list[Site]) -> None:
    from aoi.site_file import write_site  # noqa: PLC0415

    for one in chosen:
        write_site(workspace.sites_folder / f"{one.id}.geojson", one)


def _tell(folder: Path, chosen: list[Site], shipped: list[Site]) -> None:
    """What is there to choose, and what to do next."""
    for one in chosen:
        say(f"site {one.id}: {one.name}" + ("" if one.accepted else "; its ordering box is derived"))
    if not chosen:
        say("Sites that come with campwatch (campwatch sites list --shipped says more):")
        for one in shipped:
            say(f"  {one.id:<24} {one.purpose.value:<10} {one.name}")
        say(f"Next: campwatch -C {folder} sites add ID, or sites add FILE for a place of your own")
        return
    unaccepted = [one.id for one in chosen if not one.accepted]
    for site_id in unaccepted:
        say(f"Look at its box, then: campwatch -C {folder} sites accept {site_id}")
    say(f"Next: campwatch -C {folder} search, then run")
