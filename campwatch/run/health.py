"""Whether a watch that runs unattended is well: how long ago its last run, search and usable look were.

`campwatch healthcheck` is asked by a timer or monitor of its own: it finds out also what no run can tell,
that none ran. What is told leaves this machine as kinds of trouble only: no site, no place, no figure.
"""

from __future__ import annotations

import datetime as dt
import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import StrEnum
from typing import Any

from campwatch.alerts.delivery import UndeliveredError, answer_of, post_json, send_smtp
from campwatch.alerts.watch import Post, Send
from campwatch.identity import Clock, system_clock, timestamp
from campwatch.language import told
from campwatch.run.journal import Ending, Journal, Outcome, RunRecord, last_run, last_search
from campwatch.settings import HealthSettings
from campwatch.workspace import Workspace
from evidence.ledger import Ledger, holds_ledger
from imagery.cube.observations import OBSERVATIONS

_log = logging.getLogger(__name__)

LOW_DISK_GB = 5.0
"""Free space below which a disk is said to be low."""
DAY_S = 86400.0


class Kind(StrEnum):
    """What can be wrong."""

    NO_RUN = "no-good-run"
    """A site has had no good run for too long."""
    WEDGED = "wedged-run"
    """A run is at work for too long."""
    NO_SEARCH = "no-search"
    """Not every source of a site could be searched for too long."""
    UNDELIVERED = "undelivered"
    """Alerts could not be delivered when they were last tried."""
    KILLED = "killed-run"
    """The last run left no end, and none is at work."""
    FAILED = "failed-run"
    """The last run could do nothing, or was interrupted."""
    INCOMPLETE = "incomplete-run"
    """The last run left something undone."""
    NO_LOOK = "no-usable-look"
    """A site has had no usable look for too long."""
    LOW_DISK = "low-disk"
    """The disk is nearly full."""


SERIOUS = frozenset({Kind.NO_RUN, Kind.WEDGED, Kind.NO_SEARCH, Kind.UNDELIVERED})
"""What does not pass by itself: somebody must look."""
KIND_WORDS = {
    Kind.NO_RUN: "no good run for too long",
    Kind.WEDGED: "a run that does not end",
    Kind.NO_SEARCH: "a source of imagery that could not be searched for too long",
    Kind.UNDELIVERED: "alerts that could not be delivered",
    Kind.KILLED: "a run that was killed",
    Kind.FAILED: "a run that failed",
    Kind.INCOMPLETE: "a run that left something undone",
    Kind.NO_LOOK: "no usable look for longer than set",
    Kind.LOW_DISK: "a disk that is nearly full",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that is wrong."""

    kind: Kind
    detail: str
    """In words, with sites and figures; stays in the workspace."""

    @property
    def serious(self) -> bool:
        """Whether it does not pass by itself."""
        return self.kind in SERIOUS


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteHealth:
    """How long ago one site was last looked after; None means never."""

    site_id: str
    last_run: str | None
    """End of the newest run that brought it up to date, UTC."""
    last_search: str | None
    """End of the newest run that searched every source for it, UTC."""
    last_used: str | None
    """Newest look that could be used, UTC."""
    run_days: float | None
    search_days: float | None
    used_days: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a workspace fares."""

    as_of: str
    last_good_run: str | None
    """End of the newest run that did everything, UTC."""
    at_work_since: str | None
    """Beginning of the run that is at work, UTC."""
    sites: tuple[SiteHealth, ...]
    troubles: tuple[Trouble, ...] = field(default=())

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What is wrong, each kind once."""
        return tuple(dict.fromkeys(trouble.kind for trouble in self.troubles))


def workspace_health(workspace: Workspace, *, clock: Clock = system_clock) -> Health:
    """How the workspace fares now, by its journal, its ledger and its disk."""
    now, runs = clock(), Journal(workspace.logs_folder).runs()
    at_work = _at_work(workspace, runs)
    sites = tuple(
        _site_health(site_id, runs, used, now) for site_id, used in _newest_looks(workspace).items()
    )
    good = [run.ended for run in runs if run.good and run.ended]
    troubles = [
        *_run_troubles(runs, at_work, workspace.settings.health, now),
        *_site_troubles(sites, workspace.settings.health, workspace.settings.alerts.no_look_days),
        *_disk_troubles(shutil.disk_usage(workspace.folder).free / 1e9),
    ]
    return Health(
        as_of=timestamp(clock),
        last_good_run=max(good, default=None),
        at_work_since=at_work.began if at_work else None,
        sites=sites,
        troubles=tuple(troubles),
    )


def _at_work(workspace: Workspace, runs: Sequence[RunRecord]) -> RunRecord | None:
    """The run that is at work: the newest without an end, while the workspace is held."""
    endless = [run for run in runs if run.ended is None]
    return endless[-1] if endless and workspace.is_held() else None


def _newest_looks(workspace: Workspace) -> dict[str, str | None]:
    """By site, its newest usable look."""
    ids = workspace.site_ids()
    if not holds_ledger(workspace.ledger_path):
        return dict.fromkeys(ids)
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        looks = {
            site_id: [look.row.data for look in ledger.current(OBSERVATIONS.name, site_id=site_id)]
            for site_id in ids
        }
    return {
        site_id: max((str(look["datetime"]) for look in seen if look["status"] == "used"), default=None)
        for site_id, seen in looks.items()
    }


def _site_health(site_id: str, runs: Sequence[RunRecord], used: str | None, now: dt.datetime) -> SiteHealth:
    run, search = last_run(runs, site_id), last_search(runs, site_id)
    return SiteHealth(
        site_id=site_id,
        last_run=run,
        last_search=search,
        last_used=used,
        run_days=days_between(run, now),
        search_days=days_between(search, now),
        used_days=days_between(used, now),
    )


def days_between(moment: str | None, now: dt.datetime) -> float | None:
    """Days from an ISO 8601 moment until now, to a tenth; None where there was none."""
    if moment is None:
        return None
    return round((now - dt.datetime.fromisoformat(moment)).total_seconds() / DAY_S, 1)


def _run_troubles(
    runs: Sequence[RunRecord], at_work: RunRecord | None, settings: HealthSettings, now: dt.datetime
) -> Iterator[Trouble]:
    if at_work is not None:
        hours = (now - dt.datetime.fromisoformat(at_work.began)).total_seconds() / 3600
        if hours > settings.run_hours:
            text = f"run {at_work.run_id} is at work for {hours:.0f} hours, since {at_work.began}"
            yield Trouble(kind=Kind.WEDGED, detail=text)
    last = next((run for run in reversed(runs) if run.outcome is not Outcome.REFUSED), None)
    if last is None or last == at_work:
        return
    if last.ended is None:
        text = f"run {last.run_id}, begun {last.began}, was killed before its end"
        yield Trouble(kind=Kind.KILLED, detail=text)
    elif last.outcome is not Outcome.INCOMPLETE and not last.good:
        yield Trouble(kind=Kind.FAILED, detail=f"run {last.run_id} {last.outcome}: {last.detail}")
    for channel, why in last.undelivered.items():
        yield Trouble(kind=Kind.UNDELIVERED, detail=f"{channel}: {why}")
    if last.outcome is Outcome.INCOMPLETE:
        named = {**last.unsearched, **last.failed}
        left = "; ".join([*(f"{site}: {why}" for site, why in named.items()), *filter(None, [last.behind])])
        text = f"run {last.run_id} left something undone" + (f": {left}" if left else "")
        yield Trouble(kind=Kind.INCOMPLETE, detail=text)


def _site_troubles(
    sites: Sequence[SiteHealth], settings: HealthSettings, look_days: float
) -> Iterator[Trouble]:
    for site in sites:
        for kind, what, days, most in (
            (Kind.NO_RUN, "good run", site.run_days, settings.run_days),
            (Kind.NO_SEARCH, "search of every source", site.search_days, settings.search_days),
            (Kind.NO_LOOK, "usable look", site.used_days, look_days),
        ):
            if days is None:
                yield Trouble(kind=kind, detail=f"{site.site_id}: never a {what}")
            elif days > most:
                yield Trouble(kind=kind, detail=f"{site.site_id}: the last {what} was {days:g} days ago")


def _disk_troubles(free_gb: float) -> Iterator[Trouble]:
    if free_gb < LOW_DISK_GB:
        yield Trouble(kind=Kind.LOW_DISK, detail=f"{free_gb:.1f} GB free")


# ---------------------------------------------------------------- telling


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What became of telling somebody."""

    kinds: tuple[Kind, ...] = ()
    """Told now; empty where there was nothing, or it had been told lately."""
    by: tuple[str, ...] = ()
    """Channels that took it."""
    undelivered: Mapping[str, str] = field(default_factory=dict)
    """By channel, why it did not."""


def tell(
    workspace: Workspace,
    health: Health,
    *,
    clock: Clock = system_clock,
    send: Send = send_smtp,
    post: Post = post_json,
) -> Told:
    """Tell what is wrong by mail and webhook, each kind once in the days set while it lasts."""
    journal, settings = Journal(workspace.logs_folder), workspace.settings
    fresh = tuple(kind for kind in health.kinds if kind not in _lately(journal, settings.health, clock()))
    if not fresh:
        if not health.kinds:
            _note(journal, clock, (), ())
        return Told()
    told: list[str] = []
    undelivered: dict[str, str] = {}
    email, webhook = settings.alerts.email, settings.alerts.webhook
    attempts: dict[str, Any] = {}
    if email:
        attempts["email"] = lambda: send(_mail(fresh, email.sender, email.recipients, clock), email)
    if webhook:
        attempts["webhook"] = lambda: post(webhook.get_secret_value(), _document(fresh))
    for channel, attempt in attempts.items():
        try:
            attempt()
            told.append(channel)
        except (UndeliveredError, OSError) as err:  # an SMTPException is an OSError
            undelivered[channel] = str(err)
    if told:
        _note(journal, clock, fresh, told)
    return Told(kinds=fresh, by=tuple(told), undelivered=undelivered)


def _lately(journal: Journal, settings: HealthSettings, now: dt.datetime) -> set[str]:
    """Kinds that were told lately and have lasted since."""
    lately: set[str] = set()
    for line in journal.lines():
        if line["kind"] != "told":
            continue
        recent = now - dt.datetime.fromisoformat(line["time"]) < dt.timedelta(days=settings.tell_again_days)
        if not line["what"]:
            lately.clear()
        elif recent:
            lately.update(line["what"])
    return lately


def _note(journal: Journal, clock: Clock, kinds: Sequence[Kind], by: Sequence[str]) -> None:
    """Remember what was told; that all is well is noted once."""
    newest = next((line for line in reversed(list(journal.lines())) if line["kind"] == "told"), None)
    if kinds or (newest and newest["what"]):
        journal.append("told", time=timestamp(clock), what=[kind.value for kind in kinds], by=list(by))


def _subject(kinds: Sequence[Kind]) -> str:
    return told(f"campwatch needs somebody: {', '.join(kinds)}")


def _mail(kinds: Sequence[Kind], sender: str, recipients: Sequence[str], clock: Clock) -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = _subject(kinds), sender, ", ".join(recipients)
    mail["Auto-Submitted"] = "auto-generated"
    lines = [f"{timestamp(clock)}: {told(KIND_WORDS[kind])}." for kind in kinds]
    lines.append(told("Open the workspace and ask: campwatch healthcheck"))
    mail.set_content("\n".join([*lines, ""]))
    return mail


def _document(kinds: Sequence[Kind]) -> dict[str, Any]:
    lines = [told(KIND_WORDS[kind]) for kind in kinds]
    return {"text": "\n".join([_subject(kinds), *lines]), "health": [kind.value for kind in kinds]}


# ---------------------------------------------------------------- heartbeat


class Pulse:
    """Knows, once a run has ended, how."""

    def __init__(self) -> None:
        """The run has not begun."""
        self.ending = Ending()


@contextmanager
def heartbeat(settings: HealthSettings) -> Iterator[Pulse]:
    """Ask the address set for runs that ended so, after the end; one that does not answer is logged."""
    pulse = Pulse()
    try:
        yield pulse
    finally:
        well = pulse.ending.outcome is Outcome.COMPLETE
        address = settings.heartbeat if well else settings.heartbeat_failed
        if address is not None and pulse.ending.outcome is not Outcome.REFUSED:
            try:
                answer_of("POST", address.get_secret_value())
            except UndeliveredError as err:
                _log.error("the heartbeat was not taken: %s", err)
