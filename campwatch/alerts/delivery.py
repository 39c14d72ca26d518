"""Channels: a file and an Atom feed rebuilt from the ledger, and e-mail that is retried but never doubled.

A message says that something happened and under which reference to look it up; it names no site and no place,
because mail passes through other people's machines.
"""

from __future__ import annotations

import json
import logging
import smtplib
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from email.message import EmailMessage
from pathlib import Path
from xml.etree import ElementTree as ET

from campwatch.alerts.book import Alert
from campwatch.settings import EmailSettings
from evidence.files import write_bytes, write_text

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


def message(alert: Alert, settings: EmailSettings) -> EmailMessage:
    """The mail for one alert; its Message-ID is the alert's own, so that a copy can be told as one."""
    mail = EmailMessage()
    mail["Subject"] = f"campwatch {alert.alert_id}: {RULE_WORDS[alert.rule]}"
    mail["From"] = settings.sender
    mail["To"] = ", ".join(settings.recipients)
    mail["Message-ID"] = f"<{alert.alert_id.lower()}.{alert.raised_at.replace(':', '')}@campwatch.invalid>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(
        f"Reference {alert.alert_id}, raised {alert.raised_at}: {RULE_WORDS[alert.rule]}.\n"
        "Open the workspace and look the reference up: campwatch status\n"
    )
    return mail


def deliver(
    alert: Alert,
    settings: EmailSettings,
    *,
    remember: Callable[[Alert], None],
    send: Callable[[EmailMessage, EmailSettings], None],
) -> Alert:
    """Send one alert by mail unless it was sent, and remember each step before the next.

    A failure before the server took the message is tried again by the next run. Where it cannot be known
    whether the server took it, it is not sent again: the alert is marked uncertain and shown in `status`.
    """
    state = alert.deliveries.get(EMAIL)
    if state in {"sent", "uncertain"}:
        return alert
    if state == "sending":
        return _remembered(alert, "uncertain", remember)
    alert = _remembered(alert, "sending", remember)
    try:
        send(message(alert, settings), settings)
    except UndeliveredError as err:
        _log.warning("alert %s was not delivered: %s", alert.alert_id, err)
        return _remembered(alert, "failed", remember)
    except (OSError, smtplib.SMTPException) as err:
        _log.warning("alert %s may or may not have been delivered: %s", alert.alert_id, err)
        return _remembered(alert, "uncertain", remember)
    return _remembered(alert, "sent", remember)


def _remembered(alert: Alert, state: str, remember: Callable[[Alert], None]) -> Alert:
    changed = replace(alert, deliveries={**alert.deliveries, EMAIL: state})
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
