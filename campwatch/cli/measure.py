"""The commands `calibrate` and `question`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from campwatch.cli.session import ACTOR, say

if TYPE_CHECKING:
    from campwatch.workspace import Workspace


def calibrate(
    context: typer.Context,
    site: Annotated[str, typer.Argument(help="Site with zones of kind coal_reference.")],
    *,
    use_at: Annotated[
        list[str] | None, typer.Option("--use-at", help="Site that uses it too; may be repeated.")
    ] = None,
    actor: Annotated[str, ACTOR] = "campwatch",
) -> None:
    """Measure what coal looks like where a user has marked some; the next run measures with it."""
    from campwatch.run.calibration import calibrate_site  # noqa: PLC0415 - start-up stays quick
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
    name: Annotated[
        str | None, typer.Argument(help="questions/ID.toml, or new; without: those asked.", metavar="ID")
    ] = None,
    about: Annotated[
        str | None, typer.Argument(help="After new: stockpile, ground or boundary.", metavar="KIND")
    ] = None,
    *,
    site: Annotated[str | None, typer.Option("--site", help="After new: the site asked about.")] = None,
    as_id: Annotated[str | None, typer.Option("--id", help="After new: name of the question.")] = None,
    actor: Annotated[str, ACTOR] = "campwatch",
) -> None:
    """Declare a question in custody, then answer it from what the ledger holds."""
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    if name is None:
        _list_questions(context, workspace)
    elif name == "new":
        _new_question(context, workspace, about, site, as_id)
    else:
        _ask_question(context, workspace, name, actor)


def _list_questions(context: typer.Context, workspace: Workspace) -> None:
    from campwatch.questions.asking import asked_questions  # noqa: PLC0415

    listed = asked_questions(workspace)
    for one in listed:
        when = f"declared {one.declared_at}" if one.declared_at else "not declared yet"
        say(f"{one.question_id} ({one.site_id or 'see file'}): {when}; {one.verdict or 'no answer yet'}")
        if one.sentence_en:
            say(f"  {one.sentence_en}")
    if not listed:
        say("no question yet: campwatch question new stockpile|ground|boundary")
    context.obj.report({"questions": [asdict(one) for one in listed]})


def _new_question(
    context: typer.Context, workspace: Workspace, about: str | None, site: str | None, as_id: str | None
) -> None:
    from campwatch.questions.templates import new_question  # noqa: PLC0415

    known = [path.stem for path in workspace.chosen_paths(())]
    path = new_question(
        workspace.folder / "questions",
        about or "",
        question_id=as_id or f"{about}-1",
        site_id=site or (known[0] if known else "SITE"),
    )
    say(f"{path}: fill it in, then campwatch question {path.stem}")
    context.obj.report({"file": str(path)})


def _ask_question(context: typer.Context, workspace: Workspace, name: str, actor: str) -> None:
    from campwatch.questions.asking import answer_lines, ask, ask_comparison, question_path  # noqa: PLC0415
    from campwatch.questions.comparison import is_comparison  # noqa: PLC0415

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
