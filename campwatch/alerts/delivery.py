"""Channels: a file and an Atom feed rebuilt from the ledger, and e-mail that is retried but never doubled.

A message says that something happened and under which reference to look it up; it names no site and no place,
because mail passes through other people's machines.
"""

from __future__ import annotations

import json
import logging
import smtplib
import ssl
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from email.message import EmailMessage
from pathlib import Path
from xml.etree import ElementTree as ET

from campwatch.alerts.book import Alert
from campwatch.settings import EmailSettings
from evidence.files import write_bytes, write_text
from evidence.hashing import sha256_json

_log = logging.getLogger(__name__)

EMAIL = "email"
ATOM = "http://www.w3.org/2005/Atom"

RULE_WORDS = {
    "persistent-disturbance": "a persistent disturbance above the size set",
    "outside-boundary": "a persistent disturbance outside a boundary version",
    "stockpile-change": "a change of a smoothed stockpile beyond its interval",
    "no-usable-look": "no usable look for longer than set",
    "source-failing": "a source of imagery that fails",
}


def write_alert_file(
    alerts: Sequence[Alert], path: Path, *, validation: Mapping[str, str | None] | None = None
) -> None:
    """Every alert as one JSON object a line; for this workspace, with its details.

    Args:
        alerts: to be written.
        path: of the file.
        validation: by alert id, what stands behind the interval that the alert repeats.
    """
    told = validation or {}
    lines = (
        json.dumps(_plain(alert, told.get(alert.alert_id)), ensure_ascii=False, sort_keys=True) + "\n"
        for alert in alerts
    )
    write_text(path, "".join(lines))


def _plain(alert: Alert, validation: str | None) -> dict[str, object]:
    told = {**asdict(replace(alert, deliveries={})), "deliveries": dict(alert.deliveries)}
    return told | ({"validation": validation} if validation else {})


def write_atom(alerts: Sequence[Alert], path: Path) -> None:
    """The alerts as an Atom feed (RFC 4287) without names or places."""
    ET.register_namespace("", ATOM)
    feed = ET.Element(f"{{{ATOM}}}feed")
    updated = max((alert.closed_at or alert.raised_at for alert in alerts), default="1970-01-01T00:00:00Z")
    for name, text in (("id", "urn:campwatch:alerts"), ("title", "campwatch alerts"), ("updated", updated)):
        ET.SubElement(feed, f"{{{ATOM}}}{name}").text = text
    author = ET.SubElement(feed, f"{{{ATOM}}}author")
    ET.SubElement(author, f"{{{ATOM}}}name").text = "campwatch"
    for alert in reversed(alerts):
        _entry(feed, alert)
    write_bytes(path, ET.tostring(feed, encoding="utf-8", xml_declaration=True))


def _entry(feed: ET.Element, alert: Alert) -> None:
    entry = ET.SubElement(feed, f"{{{ATOM}}}entry")
    told = {
        "id": f"urn:campwatch:alert:{alert.alert_id}",
        "title": f"{alert.alert_id}: {RULE_WORDS[alert.rule]} ({alert.state})",
        "updated": alert.closed_at or alert.raised_at,
        "published": alert.raised_at,
        "summary": "Look the reference up in the workspace: campwatch status",
    }
    for name, text in told.items():
        ET.SubElement(entry, f"{{{ATOM}}}{name}").text = text


def message(alerts: Sequence[Alert], settings: EmailSettings) -> EmailMessage:
    """One mail for some alerts; its Message-ID follows from them, so that a copy can be told as one."""
    mail = EmailMessage()
    first = alerts[0]
    one = len(alerts) == 1
    mail["Subject"] = f"campwatch {first.alert_id}: {RULE_WORDS[first.rule]}" if one else _count(alerts)
    mail["From"] = settings.sender
    mail["To"] = ", ".join(settings.recipients)
    names = [f"{alert.alert_id.lower()}.{alert.raised_at.replace(':', '')}" for alert in alerts]
    mail["Message-ID"] = f"<{names[0] if one else sha256_json(names)[:32]}@campwatch.invalid>"
    mail["Auto-Submitted"] = "auto-generated"
    lines = [f"Reference {a.alert_id}, raised {a.raised_at}: {RULE_WORDS[a.rule]}." for a in alerts]
    told = "the reference" if one else "the references"
    mail.set_content("\n".join([*lines, f"Open the workspace and look {told} up: campwatch status\n"]))
    return mail


def _count(alerts: Sequence[Alert]) -> str:
    kinds = sorted(Counter(alert.rule for alert in alerts).items())
    told = ", ".join(f"{count} {rule}" for rule, count in kinds)
    return f"campwatch: {len(alerts)} alerts ({told})"


def deliver(
    alerts: Sequence[Alert],
    settings: EmailSettings,
    *,
    remember: Callable[[Sequence[Alert]], None],
    send: Callable[[EmailMessage, EmailSettings], None],
) -> list[Alert]:
    """Send in one mail what of `alerts` was not sent, and remember each step before the next.

    A failure before the server took the message is tried again by the next run. Where it cannot be known
    whether the server took it, it is not sent again: the alerts are marked uncertain and shown in `status`.
    """
    left = _remembered([a for a in alerts if a.deliveries.get(EMAIL) == "sending"], "uncertain", remember)
    known = [alert for alert in alerts if alert.deliveries.get(EMAIL) in {"sent", "uncertain"}]
    waiting = [alert for alert in alerts if alert.deliveries.get(EMAIL) in {None, "failed"}]
    if not waiting:
        return [*known, *left]
    told = _remembered(waiting, "sending", remember)
    return [*known, *left, *_remembered(told, _sent(told, settings, send), remember)]


def _sent(
    alerts: Sequence[Alert], settings: EmailSettings, send: Callable[[EmailMessage, EmailSettings], None]
) -> str:
    """What became of the mail."""
    named = ", ".join(alert.alert_id for alert in alerts)
    try:
        send(message(alerts, settings), settings)
    except UndeliveredError as err:
        _log.warning("not delivered, alerts %s: %s", named, err)
        return "failed"
    except (OSError, smtplib.SMTPException) as err:
        _log.warning("may or may not have been delivered, alerts %s: %s", named, err)
        return "uncertain"
    return "sent"


def _remembered(
    alerts: Sequence[Alert], state: str, remember: Callable[[Sequence[Alert]], None]
) -> list[Alert]:
    changed = [replace(alert, deliveries={**alert.deliveries, EMAIL: state}) for alert in alerts]
    if changed:
        remember(changed)
    return changed


class UndeliveredError(Exception):
    """The server certainly did not take the message."""


def send_smtp(mail: EmailMessage, settings: EmailSettings) -> None:
    """Hand a message to the SMTP server of the settings.

    Raises:
        UndeliveredError: where the server certainly did not take it.
        OSError, SMTPException: where that cannot be known.
    """
    try:
        server = _connect(settings)
    except (OSError, smtplib.SMTPException) as err:
        raise UndeliveredError(f"{settings.host}:{settings.port}: {err}") from err
    with server:
        try:
            server.send_message(mail)
        except smtplib.SMTPResponseException as err:
            raise UndeliveredError(f"{err.smtp_code} {err.smtp_error!r}") from err
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPNotSupportedError) as err:
            raise UndeliveredError(str(err)) from err


def _connect(settings: EmailSettings) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if settings.security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.host, settings.port, timeout=settings.timeout_s, context=context
        )
    else:
        server = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_s)
    if settings.security == "starttls":
        server.starttls(context=context)
    if settings.username and settings.password:
        server.login(settings.username, settings.password.get_secret_value())
    return server
