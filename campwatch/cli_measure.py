"""The commands `calibrate` and `question`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from campwatch.session import say

_ACTOR = typer.Option("--actor", help="Who does it: a code, not a name.")


def calibrate(
    context: typer.Context,
    site: Annotated[str, typer.Argument(help="Site with zones of kind coal_reference.")],
    *,
    use_at: Annotated[
        list[str] | None, typer.Option("--use-at", help="Site that uses it too; may be repeated.")
    ] = None,
    actor: Annotated[str, _ACTOR] = "campwatch",
) -> None:
    """Measure what coal looks like where a user has marked some; the next run measures with it."""
    from campwatch.calibrating import calibrate_site  # noqa: PLC0415 - start-up stays quick
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    with workspace.lock(wait=True):
        found = calibrate_site(workspace, site, use_at=tuple(use_at or ()), actor=actor)
    coal = found.spectrum
    say(f"{coal.id}, used at {', '.join(found.used_at)} from the next run on")
    for band, mean, sd in zip(coal.bands, coal.mean, coal.sd, strict=True):
        say(f"  {band:7} {mean:.3f} ± {sd:.3f}")
    context.obj.report({"spectrum": asdict(coal), "used_at": list(found.used_at)})


def question(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="questions/ID.toml", metavar="ID")],
    *,
    actor: Annotated[str, _ACTOR] = "campwatch",
) -> None:
    """Declare a question in custody, then answer it from what the ledger holds."""
    from campwatch.questions.areas import answer_lines, ask, question_path  # noqa: PLC0415
    from campwatch.questions.asking import ask_comparison  # noqa: PLC0415
    from campwatch.questions.comparison import is_comparison  # noqa: PLC0415
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    path = question_path(workspace, name)
    with workspace.lock(wait=True):
        if is_comparison(path):
            compared = ask_comparison(workspace, path, actor=actor)
            lines, document, files = compared.lines, compared.document, compared.files
        else:
            asked = ask(workspace, name, actor=actor)
            lines, document, files = tuple(answer_lines(asked)), asked.document, asked.files
    for line in (*lines, *map(str, files)):
        say(line)
    context.obj.report(document)
