"""Commands that check and freeze: verify, reproduce, release."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from campwatch.cli.session import EXIT_ERROR, EXIT_INCOMPLETE, say
from evidence.files import write_text

if TYPE_CHECKING:
    from campwatch.workspace import Workspace


def _head(told: str | None) -> str | None:
    """The head in small letters, without the dots that exports put where they cut it."""
    if told is None:
        return None
    digits = told.strip().rstrip(".…").lower()
    if not re.fullmatch("[0-9a-f]{16,64}", digits):
        raise typer.BadParameter("a custody head is 64 hexadecimal digits; at least 16 of them are needed")
    return digits


def verify(
    context: typer.Context,
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Read every pixel too.")] = False,
    head: Annotated[
        str | None,
        typer.Option(
            help="A custody head kept elsewhere, or its first 16 digits.", metavar="HASH", callback=_head
        ),
    ] = None,
    provider: Annotated[
        bool, typer.Option("--provider", help="Fetch cited scenes again: do providers give the same today?")
    ] = False,
    scenes: Annotated[int, typer.Option(help="With --provider: at most so many of a site.", min=1)] = 12,
) -> None:
    """Check archive, ledger and custody against their hashes."""
    from campwatch.custody.verification import verify_workspace  # noqa: PLC0415 - start-up stays quick
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    if provider:
        _ask_providers(context, workspace, scenes)
        return
    report = verify_workspace(workspace, deep=deep, expected_head=head)
    for finding in report.findings:
        say(f"{finding.where}: {finding.what}")
    if not report.findings:
        say("everything is as it was written")
    for text in report.redacted:
        say(text)
    if report.behind:
        say(f"behind the ledger (campwatch run rebuilds them): {', '.join(report.behind)}")
    say(f"custody head {report.head}")
    context.obj.report(asdict(report))
    if report.findings:
        raise typer.Exit(EXIT_ERROR)
    if report.behind:
        raise typer.Exit(EXIT_INCOMPLETE)


def _ask_providers(context: typer.Context, workspace: Workspace, scenes: int) -> None:
    from campwatch.custody.providers import Given, answer_lines, ask_providers  # noqa: PLC0415 - as above

    answers = list(ask_providers(workspace, scenes=scenes))
    for line in answer_lines(answers):
        say(line)
    context.obj.report([asdict(one) for one in answers])
    if any(one.given is not Given.SAME for one in answers):
        raise typer.Exit(EXIT_INCOMPLETE)


def migrate(context: typer.Context) -> None:
    """Bring an older ledger to the version that is written; a copy of the old one is kept."""
    from campwatch.identity import system_clock  # noqa: PLC0415 - start-up stays quick
    from campwatch.workspace import open_workspace  # noqa: PLC0415
    from evidence.ledger import migrate_ledger  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    with workspace.lock(wait=True):
        copy = migrate_ledger(workspace.ledger_path, f"{system_clock():%Y%m%dT%H%M%SZ}")
    say("nothing to migrate" if copy is None else f"migrated; the ledger as it was: {copy}")
    context.obj.report({"copy": None if copy is None else str(copy)})


def anchor(
    context: typer.Context,
    *,
    page: Annotated[
        Path | None, typer.Option("--print", help="Write the statement as a page to print.", metavar="FILE")
    ] = None,
    notarised: Annotated[
        str | None,
        typer.Option(help="The printed page was notarised: by whom, where, when.", metavar="WORDS"),
    ] = None,
    statement: Annotated[
        Path | None, typer.Option(help="With --notarised: the text that was printed.", metavar="FILE")
    ] = None,
    actor: Annotated[str, typer.Option(help="Who does it: a code, not a name.")] = "campwatch",
) -> None:
    """Have the heads of custody time-stamped by the service in the settings, or print for a notary."""
    from campwatch.custody import anchoring  # noqa: PLC0415 - start-up stays quick
    from campwatch.workspace import open_workspace  # noqa: PLC0415
    from evidence.ledger import Ledger  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    if (notarised is None) != (statement is None):
        raise typer.BadParameter("--notarised and --statement go together")
    if page is not None:
        with Ledger(workspace.ledger_path, read_only=True) as ledger:
            text = anchoring.statement(ledger)
        write_text(page.with_suffix(".txt"), text)
        say(f"{anchoring.write_page(page, text)}; its text: {page.with_suffix('.txt')}")
        context.obj.report({"page": str(page), "statement": text})
        return
    with workspace.lock(wait=True):
        if notarised is not None and statement is not None:
            text = statement.read_text("utf-8")
            made = anchoring.keep_notarised(workspace, text, notarised, actor=actor)
        else:
            made = anchoring.anchor_heads(workspace, anchoring.service_of(workspace), actor=actor)
    say(f"custody head {made.head}: {made.time}, {made.words}")
    context.obj.report(asdict(made))


def redact(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="What must not stay: a name, a phrase.")],
    *,
    reason: Annotated[
        str | None, typer.Option(help="Why; it stays for ever. Without it the places are only named.")
    ] = None,
    actor: Annotated[str | None, typer.Option(help="Who does it: a code, not a name.")] = None,
    look_in: Annotated[
        list[Path] | None, typer.Option("--look-in", help="Backups and folders that may hold copies.")
    ] = None,
) -> None:
    """Remove every text of the ledger that holds this; digests and the reason are kept, copies are named."""
    from campwatch.custody import redaction  # noqa: PLC0415 - start-up stays quick
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    if (reason is None) != (actor is None):
        raise typer.BadParameter("--reason and --actor go together")
    if reason is None or actor is None:
        places = redaction.find_places(workspace, text)
        for place in places:
            say(f"{place.kind} {place.subject}")
        say(f"{len(places)} places hold it; --reason and --actor remove it")
        context.obj.report([asdict(place) for place in places])
        return
    with workspace.lock(wait=True):
        done = redaction.redact(workspace, text, reason=reason, actor=actor, look_in=look_in or ())
    say(f"removed at {len(done.removed)} places; digests and reason are in custody")
    for what, names in (
        ("deleted, drawn anew by the next run", done.drawn_anew),
        ("STILL HOLDS IT", done.still_in),
        ("could not be looked into", done.not_looked_into),
        ("made while it stood", done.copies_made),
    ):
        for name in names:
            say(f"{what}: {name}")
    context.obj.report(asdict(done))
    if done.still_in or done.not_looked_into:
        raise typer.Exit(EXIT_INCOMPLETE)


def reproduce(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN")],
    *,
    tolerance: Annotated[
        float | None, typer.Option(help="Compare with other code, by so much relative difference.", min=0)
    ] = None,
) -> None:
    """Compute a run again from what it pinned, and compare row by row."""
    from campwatch.custody.reproduction import reproduce_run  # noqa: PLC0415
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    sites = reproduce_run(open_workspace(context.obj.folder), run, tolerance=tolerance)
    for site in sites:
        how = "equal to the bit" if site.same_code else f"equal within {tolerance:g} with other code"
        outcome = f"{len(site.differing)} differ" if site.differing else how
        say(f"{site.site_id}: {site.rows} rows, {outcome}")
        for text in site.differing:
            say(f"  {text}")
    context.obj.report([asdict(site) for site in sites])
    if any(site.differing for site in sites):
        raise typer.Exit(EXIT_ERROR)


def release(
    context: typer.Context,
    release_id: Annotated[str, typer.Argument(metavar="ID", help="Or: compare A B.")],
    compared: Annotated[list[str] | None, typer.Argument(metavar="A B", help="After compare.")] = None,
    *,
    restricted: Annotated[
        bool | None,
        typer.Option("--restricted/--public", help="Freeze what is not marked public too, or never."),
    ] = None,
) -> None:
    """Freeze data, method and text under a citable id; or name what no longer holds (compare A B)."""
    if compared:
        from campwatch.cli.report import compare  # noqa: PLC0415

        if release_id != "compare" or len(compared) != 2:  # noqa: PLR2004 - two releases
            raise typer.BadParameter("campwatch release ID, or campwatch release compare A B")
        compare(context, *compared)
        return
    from aoi.site_file import read_site  # noqa: PLC0415
    from campwatch.custody.release import make_release  # noqa: PLC0415
    from campwatch.settings import shows_restricted  # noqa: PLC0415
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    sites = [read_site(path) for path in workspace.chosen_paths()]
    shown = shows_restricted(restricted, workspace.settings.map, sites)
    made = make_release(workspace, release_id, restricted=shown)
    say(f"release {made.release_id} in {made.folder}; manifest {made.manifest_sha256}")
    context.obj.report({**asdict(made), "folder": str(made.folder)})
