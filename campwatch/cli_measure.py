"""The commands `calibrate` and `question`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

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
    from campwatch.area_questions import answer_lines, ask, question_path  # noqa: PLC0415
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    path = question_path(workspace, name)
    with workspace.lock(wait=True):
        if _compares(path):
            lines, document = _comparison(workspace, path, actor)
        else:
            asked = ask(workspace, name, actor=actor)
            lines, document = [*answer_lines(asked), *(str(file) for file in asked.files)], asked.document
    for line in lines:
        say(line)
    context.obj.report(document)


def _compares(path: Path) -> bool:
    """Whether the question is one of comparison sites: it names no test."""
    return any(line.split("=")[0].strip() == "event" for line in path.read_text("utf-8-sig").splitlines())


def _comparison(workspace: Any, path: Path, actor: str) -> tuple[list[str], dict[str, Any]]:
    from campwatch.identity import system_clock  # noqa: PLC0415
    from campwatch.reviews.questions import answer, declare  # noqa: PLC0415
    from evidence.ledger import Ledger  # noqa: PLC0415

    with Ledger(workspace.ledger_path, create=True) as ledger:
        digest = declare(ledger, path, actor=actor, clock=system_clock)
        found = answer(ledger, path)
    effect = found.effect.effect_ha
    told = (
        effect.reason or f"{effect.value:.2f} ha [{effect.low:.2f} to {effect.high:.2f}, {effect.level:.0%}]"
    )
    lines = [f"{path.stem}: effect {told}", f"file SHA-256 {digest}"]
    lines.append(f"{found.false_alarms} of {len(found.placebos)} placebo dates leave out zero")
    return lines, {
        "question_sha256": digest,
        "effect_ha": effect.to_dict(),
        "false_alarms": found.false_alarms,
    }
