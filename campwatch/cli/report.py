# ruff: noqa: E501 - texts are read whole
"""The commands `claims` and `report`, and `release compare`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from campwatch.cli.export import RESTRICTED, profile
from campwatch.cli.session import ACTOR, ANALYSTS, EXIT_ERROR, say
from campwatch.extras import extra_module
from campwatch.language import KOREAN

CHECK, SIGN = "check", "sign-korean"


def claims(
    context: typer.Context,
    sites: Annotated[list[str], typer.Argument(metavar="SITE…", help="Shared ground counts at the first.")],
    *,
    restricted: Annotated[bool | None, RESTRICTED] = None,
) -> None:
    """What the figures support of A production, B expansion, C stockpiles."""
    from campwatch.exports.bundle import collect  # noqa: PLC0415 - start-up stays quick
    from campwatch.reports.claims import RUBRIC, claim_sheets  # noqa: PLC0415
    from campwatch.workspace import open_workspace  # noqa: PLC0415
    from evidence.ledger import Ledger  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        bundle = collect(workspace, ledger, restricted=profile(workspace, restricted, sites), only=sites)
    ordered = tuple(bundle.site(site_id) for site_id in sites)
    sheets = claim_sheets(ordered, bundle.rows)
    language = context.obj.language
    k = int(language == KOREAN)
    for line in RUBRIC:
        say(line[k])
    for sheet in sheets:
        say(f"{sheet.site_id}:")
        for one in sheet.lines:
            say(f"  {one.line(language)}")
            for name, told in (("+", one.supports), ("-", one.against), ("?", one.not_assessable)):
                for pair in told:
                    say(f"    {name} {pair[k]}")
        say(
            f"  questions of change: {sheet.questions}; false claims to be expected: {sheet.expected_false:.2f}"
        )
        if sheet.shared_ha:
            say(f"  {sheet.shared_ha:.1f} ha are shared with a site named before, and counted there")
    context.obj.report(
        {"rubric": [line[0] for line in RUBRIC], "sheets": [asdict(sheet) for sheet in sheets]}
    )


def report(
    context: typer.Context,
    sites: Annotated[
        list[str], typer.Argument(metavar="SITE…", help="Or: check FILE.docx; or: sign-korean.")
    ],
    *,
    question: Annotated[list[str] | None, typer.Option("--question", help="Only these answers.")] = None,
    formats: Annotated[str, typer.Option("--format", help="docx, pdf, or docx,pdf.")] = "docx,pdf",
    release_id: Annotated[str | None, typer.Option("--release", help="The newest where left out.")] = None,
    organisation: Annotated[str | None, typer.Option("--organisation")] = None,
    analyst: Annotated[list[str] | None, ANALYSTS] = None,
    actor: Annotated[str, ACTOR] = "campwatch",
) -> None:
    """A report from a release, in the form that readers of such reports know."""
    extra_module("matplotlib", "report", "report")
    from campwatch.reports.making import make_report  # noqa: PLC0415
    from campwatch.reports.site_pages import Options  # noqa: PLC0415 - start-up stays quick
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    if sites[0] == CHECK:
        _check(context, sites[1:])
        return
    if sites[0] == SIGN:
        from campwatch.custody.korean import sign_korean  # noqa: PLC0415

        digest = sign_korean(workspace, actor=actor)
        say(f"the Korean words with SHA-256 {digest} are signed by {actor}")
        context.obj.report({"catalogue": digest, "actor": actor})
        return
    options = Options(
        language=context.obj.language,
        questions=tuple(question or ()),
        organisation=organisation,
        analysts=tuple(analyst or ()),
    )
    kinds = [kind.strip() for kind in formats.split(",") if kind.strip()]
    with workspace.lock(wait=True):
        made = make_report(workspace, sites, options, formats=kinds, release_id=release_id, actor=actor)
    for path in made.files:
        say(str(path))
    if made.draft:
        say("Korean is marked DRAFT: campwatch report sign-korean --actor CODE after it was read")
    context.obj.report(
        {"release": made.release_id, "draft": made.draft, "files": [str(path) for path in made.files]}
    )


def _check(context: typer.Context, files: list[str]) -> None:
    from campwatch.reports.making import check_report  # noqa: PLC0415
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    found = {name: check_report(workspace, Path(name)) for name in files}
    for name, differences in found.items():
        for text in differences:
            say(f"{name}: {text}")
        if not differences:
            say(f"{name}: every statement is as it was released")
    context.obj.report(found)
    if any(found.values()) or not found:
        raise typer.Exit(EXIT_ERROR)


def compare(context: typer.Context, one: str, other: str) -> None:
    """Published sentences of a release that no longer hold in another."""
    extra_module("matplotlib", "report", "comparing reports")
    from campwatch.reports.making import compare_releases  # noqa: PLC0415
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    found = compare_releases(open_workspace(context.obj.folder), one, other)
    for text in found:
        say(text)
    if not found:
        say(f"every published sentence of {one} stands in {other}")
    context.obj.report({"errata": found})
