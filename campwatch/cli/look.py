"""Commands that look and change no figure: status, healthcheck, doctor, schedule, map."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from campwatch.cli.search import month_document, print_months
from campwatch.cli.session import EXIT_ERROR, EXIT_INCOMPLETE, said_table, say, stderr, sure
from campwatch.language import told
from campwatch.run.schedule import Job, Timer, unit_text

if TYPE_CHECKING:
    from campwatch.run.status import SiteStatus
    from campwatch.workspace import Workspace

DAY = len("2024-03-31")


def status(
    context: typer.Context,
    *,
    months: Annotated[
        bool, typer.Option("--months", help="Also passes by month: expected, fetched, usable, unexplained.")
    ] = False,
) -> None:
    """Per site: last look, gaps, latest figures, open alerts, review queue."""
    from campwatch.identity import system_clock  # noqa: PLC0415
    from campwatch.run.lacking import lines_of  # noqa: PLC0415
    from campwatch.run.sources import unit_budget  # noqa: PLC0415
    from campwatch.run.status import workspace_status  # noqa: PLC0415
    from campwatch.workspace import open_workspace, readable_sites  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    sites = workspace_status(workspace)
    today = system_clock().date()
    said_table(
        "Sites",
        ("site", "last used", "looks", "gaps", "ground, ha", "coal, ha", "review", "alerts"),
        [_row(site, today) for site in sites],
        widths={"last used": DAY},
    )
    for site in sites:
        say(f"{site.site_id}: last run {_ago(site.last_run, today)}, search {_ago(site.last_search, today)}")
    for line in lines_of(readable_sites(workspace)):
        say(line)
    for site in sites:
        _tell_of(site)
    by_site: dict[str, Any] = {}
    if months:
        from campwatch.run.search import held_months  # noqa: PLC0415

        by_site = {site.site_id: held_months(workspace, site.site_id) for site in sites}
        for site_id, counted in by_site.items():
            print_months(site_id, counted)
    say(f"{unit_budget(workspace).remaining():.0f} processing units left this month")
    context.obj.report(
        [
            {**asdict(site), "months": [month_document(month) for month in by_site.get(site.site_id, ())]}
            for site in sites
        ]
    )


def _row(site: SiteStatus, today: dt.date) -> tuple[str, ...]:
    from campwatch.run.status import days_since  # noqa: PLC0415

    days = days_since(site.last_used, today)
    return (
        site.site_id,
        "never" if site.last_used is None else f"{site.last_used[:10]}\n{days} days ago",
        f"{site.used} of {site.looks}",
        str(site.gaps),
        "not assessable" if site.footprint is None and site.looks else _figure(site.footprint),
        "\n".join(f"{zone}: {_figure(data)}" for zone, data in site.stockpiles.items()),
        f"{site.unreviewed} of {site.disturbances}",
        str(len(site.alerts)),
    )


def _tell_of(site: SiteStatus) -> None:
    """What the search outside the zones came to, what stands behind the intervals, open alerts."""
    from campwatch.cli.summaries import UNCALIBRATED, search_text  # noqa: PLC0415 - start-up stays quick

    if site.coal_search is not None:
        say(f"{site.site_id}: {search_text(site.coal_search)}")
        if not site.coal_search["calibrated"]:
            say(UNCALIBRATED)
    for line in site.validation:
        say(f"{site.site_id}: {line}")
    for alert in site.alerts:
        since = f"alert {alert.alert_id} since {alert.raised_at[:10]}"
        say(f"{since}: {site.site_id}, {alert.rule}: {alert.detail}")


def _figure(data: dict[str, Any] | None) -> str:
    """The interval and the day that it is of."""
    if data is None:
        return "none"
    quantity = data["area_ha"]
    if quantity["high"] is None:
        return "not assessable"
    day = str(data.get("datetime") or data.get("epoch_end") or "")[:DAY]
    return f"{quantity['low']:.2f} to {quantity['high']:.2f}" + (f" ({day})" if day else "")


def _ago(moment: str | None, today: dt.date) -> str:
    from campwatch.run.status import days_since  # noqa: PLC0415 - start-up stays quick

    return "never" if moment is None else f"{days_since(moment, today)} days ago"


def healthcheck(
    context: typer.Context,
    *,
    tell_also: Annotated[
        bool, typer.Option("--tell", help="Tell what is wrong by the mail and webhook of the settings.")
    ] = False,
) -> None:
    """For monitors: 0 all is well, 1 somebody must look, 3 something is behind or may pass by itself."""
    from campwatch.run.health import tell, workspace_health  # noqa: PLC0415 - start-up stays quick
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    health = workspace_health(workspace)
    for site in health.sites:
        days = [("last run", site.run_days), ("search", site.search_days), ("usable look", site.used_days)]
        ages = ", ".join(f"{what} {'never' if ago is None else f'{ago:g} days ago'}" for what, ago in days)
        say(f"{site.site_id}: {ages}")
    for trouble in health.troubles:
        say(f"{trouble.kind}: {trouble.detail}")
    if not health.troubles:
        say("all is well")
    document = asdict(health) | {"healthy": not health.troubles}
    undelivered = {}
    if tell_also:
        sent = tell(workspace, health)
        undelivered = dict(sent.undelivered)
        document["told"] = {"kinds": list(sent.kinds), "by": list(sent.by), "undelivered": undelivered}
        for channel, why in undelivered.items():
            say(f"not told by {channel}: {why}")
    context.obj.report(document)
    if undelivered or any(trouble.serious for trouble in health.troubles):
        raise typer.Exit(EXIT_ERROR)
    if health.troubles:
        raise typer.Exit(EXIT_INCOMPLETE)


def doctor(
    context: typer.Context,
    *,
    live: Annotated[
        str | None,
        typer.Option(
            "--live",
            help="Ask each provider once over this site: one search, one small read.",
            metavar="SITE",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --live: ask without a question first.")] = False,
) -> None:
    """Environment, credentials, disk, and who learns what when a run goes out."""
    from campwatch.run.doctor import Grade, examine  # noqa: PLC0415
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    if live is not None:
        _ask_providers(context, workspace, live, yes=yes)
        return
    checks = examine(workspace)
    for check in checks:
        say(f"{told(check.grade.value):8}{told(check.topic)}: {told(check.text)}")
    context.obj.report([asdict(check) for check in checks])
    if any(check.grade is Grade.WARNING for check in checks):
        raise typer.Exit(EXIT_ERROR)


def _ask_providers(context: typer.Context, workspace: Workspace, site_id: str, *, yes: bool) -> None:
    """Say what is about to go out, ask, and tell what came as a table to send back."""
    from campwatch import __version__  # noqa: PLC0415
    from campwatch.run.live import planned, probe  # noqa: PLC0415

    workspace.chosen_paths((site_id,))
    say("Before anything goes out:")
    for plan in planned(workspace):
        say(f"  {plan.provider}: {plan.cost}; learns {plan.learns}")
    if not yes and not sure("Ask them?"):
        raise typer.Exit(EXIT_ERROR)
    answers = probe(workspace, site_id, progress=lambda name: say(f"asking {name}"))
    say(f"To send back (no place, no name, no credential is in it); campwatch {__version__}:")
    say("provider | listed | search s | read | read s")
    for one in answers:
        listed = "failed" if one.listed is None else one.listed
        say(f"{one.provider} | {listed} | {one.search_s:.1f} | {one.read} | {one.read_s:.1f}")
    context.obj.report({"version": __version__, "answers": [asdict(one) for one in answers]})
    if not all(one.answered for one in answers):
        raise typer.Exit(EXIT_INCOMPLETE)


def schedule(
    context: typer.Context,
    *,
    systemd: Annotated[bool, typer.Option("--systemd", help="A systemd service and timer.")] = False,
    cron: Annotated[bool, typer.Option("--cron", help="A crontab line.")] = False,
    windows: Annotated[bool, typer.Option("--windows", help="A task for Windows Task Scheduler.")] = False,
    check: Annotated[bool, typer.Option("--check", help="With --windows: the task of the check.")] = False,
    health: Annotated[bool, typer.Option("--health", help="With --windows: that of the health.")] = False,
    account: Annotated[
        str | None, typer.Option(help="With --systemd: units of the machine, run under this account.")
    ] = None,
) -> None:
    """Print ready unit files; nothing is installed."""
    chosen = [
        timer
        for timer, wanted in ((Timer.SYSTEMD, systemd), (Timer.CRON, cron), (Timer.WINDOWS, windows))
        if wanted
    ]
    if len(chosen) != 1:
        raise typer.BadParameter("one of --systemd, --cron and --windows is needed")
    from campwatch.workspace import workspace_folder  # noqa: PLC0415 - start-up stays quick

    workspace_folder(context.obj.folder)
    job = Job.CHECK if check else Job.HEALTH if health else Job.RUN
    text = unit_text(chosen[0], context.obj.folder, job=job, account=account)
    if context.obj.json:
        context.obj.report({"timer": chosen[0].value, "text": text})
    else:
        typer.echo(text, nl=False)


def draw_maps(
    context: typer.Context,
    *,
    site: Annotated[list[str] | None, typer.Option(help="Only this site; may be repeated.")] = None,
    restricted: Annotated[
        bool | None,
        typer.Option(
            "--restricted/--public",
            help="Show what is restricted, or never. [default: only where nothing is public]",
        ),
    ] = None,
) -> None:
    """Draw the maps anew."""
    from campwatch.cli.session import shown_progress  # noqa: PLC0415
    from campwatch.pages.drawing import draw  # noqa: PLC0415
    from campwatch.workspace import open_workspace  # noqa: PLC0415

    workspace = open_workspace(context.obj.folder)
    with shown_progress(stderr) as progress:
        paths: list[Path] = draw(workspace, tuple(site or ()), restricted=restricted, progress=progress)
    for path in paths:
        say(str(path))
    context.obj.report({"maps": [str(path) for path in paths]})
