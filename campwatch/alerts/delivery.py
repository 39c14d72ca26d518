"""Channels: a file and an Atom feed rebuilt from the ledger, a webhook, e-mail that is never doubled.

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
from dataclasses import asdict, dataclass, replace
from email.message import EmailMessage
from http import HTTPStatus
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from campwatch.alerts.book import Alert
from campwatch.language import told
from campwatch.settings import EmailSettings
from evidence.files import write_bytes, write_text
from evidence.hashing import sha256_json

_log = logging.getLogger(__name__)

EMAIL, WEBHOOK = "email", "webhook"
WEB_TIMEOUT_S = 20.0
"""For a webhook or heartbeat to answer."""
ATOM = "http://www.w3.org/2005/Atom"

RULE_WORDS = {
    "persistent-disturbance": "a persistent disturbance above the size set",
    "outside-boundary": "a persistent disturbance outside a boundary version",
    "stockpile-change": "a change of a smoothed stockpile beyond its interval",
    "opened-lately": "much that was disturbed lately, in sum",
    "opened-outside-lately": "much that was disturbed lately outside a boundary version, in sum",
    "disturbance-growth": "growth of a disturbance",
    "disturbance-revision": "a disturbance that later looks see otherwise",
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
    by_alert = validation or {}
    lines = (
        json.dumps(_plain(alert, by_alert.get(alert.alert_id)), ensure_ascii=False, sort_keys=True) + "\n"
        for alert in alerts
    )
    write_text(path, "".join(lines))


def _plain(alert: Alert, validation: str | None) -> dict[str, object]:
    plain = {**asdict(replace(alert, deliveries={})), "deliveries": dict(alert.deliveries)}
    return plain | ({"validation": validation} if validation else {})


def write_atom(alerts: Sequence[Alert], path: Path) -> None:
    """The alerts as an Atom feed (RFC 4287) without names or places."""
    ET.register_namespace("", ATOM)
    feed = ET.Element(f"{{{ATOM}}}feed")
    updated = max((alert.closed_at or alert.raised_at for alert in alerts), default="1970-01-01T00:00:00Z")
    for name, text in (
        ("id", "urn:campwatch:alerts"),
        ("title", told("campwatch alerts")),
        ("updated", updated),
    ):
        ET.SubElement(feed, f"{{{ATOM}}}{name}").text = text
    author = ET.SubElement(feed, f"{{{ATOM}}}author")
    ET.SubElement(author, f"{{{ATOM}}}name").text = "campwatch"
    for alert in reversed(alerts):
        _entry(feed, alert)
    write_bytes(path, ET.tostring(feed, encoding="utf-8", xml_declaration=True))


def _entry(feed: ET.Element, alert: Alert) -> None:
    entry = ET.SubElement(feed, f"{{{ATOM}}}entry")
    members = {
        "id": f"urn:campwatch:alert:{alert.alert_id}",
        "title": f"{alert.alert_id}: {told(RULE_WORDS[alert.rule])} ({told(alert.state)})",
        "updated": alert.closed_at or alert.raised_at,
        "published": alert.raised_at,
        "summary": told("Look the reference up in the workspace: campwatch status"),
    }
    for name, text in members.items():
        ET.SubElement(entry, f"{{{ATOM}}}{name}").text = text


def message(alerts: Sequence[Alert], settings: EmailSettings) -> EmailMessage:
    """One mail for some alerts; its Message-ID follows from them, so that a copy can be told as one."""
    mail = EmailMessage()
    first = alerts[0]
    one = len(alerts) == 1
    subject = f"campwatch {first.alert_id}: {told(RULE_WORDS[first.rule])}"
    mail["Subject"] = subject if one else _count(alerts)
    mail["From"] = settings.sender
    mail["To"] = ", ".join(settings.recipients)
    names = [f"{alert.alert_id.lower()}.{alert.raised_at.replace(':', '')}" for alert in alerts]
    mail["Message-ID"] = f"<{names[0] if one else sha256_json(names)[:32]}@campwatch.invalid>"
    mail["Auto-Submitted"] = "auto-generated"
    lines = [f"Reference {a.alert_id}, raised {a.raised_at}: {RULE_WORDS[a.rule]}." for a in alerts]
    named = "the reference" if one else "the references"
    lines.append(f"Open the workspace and look {named} up: campwatch status")
    mail.set_content("\n".join([*(told(line) for line in lines), ""]))
    return mail


def _count(alerts: Sequence[Alert]) -> str:
    kinds = sorted(Counter(alert.rule for alert in alerts).items())
    counted = ", ".join(f"{count} {rule}" for rule, count in kinds)
    return told(f"campwatch: {len(alerts)} alerts ({counted})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A way to tell somebody of alerts."""

    name: str
    """Under which the book remembers what became of it."""
    send: Callable[[Sequence[Alert]], None]
    """Raises UndeliveredError where it was certainly not taken, another error where that cannot be known."""
    once: bool
    """Whether telling twice does harm, so that what may have been taken is not sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of the alerts that a channel was to tell."""

    left: tuple[Alert, ...] = ()
    """Those that are still not delivered, or may not be."""
    trouble: str | None = None
    """Why this attempt failed; None where it did not."""


def email_channel(settings: EmailSettings, send: Callable[[EmailMessage, EmailSettings], None]) -> Channel:
    """One mail for all that is new."""
    return Channel(name=EMAIL, send=lambda alerts: send(message(alerts, settings), settings), once=True)


def webhook_channel(url: str, post: Callable[[str, dict[str, Any]], None]) -> Channel:
    """One post for all that is new."""
    return Channel(name=WEBHOOK, send=lambda alerts: post(url, webhook_document(alerts)), once=False)


def webhook_document(alerts: Sequence[Alert]) -> dict[str, Any]:
    """What a webhook is told: references and rules; no site, no place, no figure.

    `text` is what chat programs show; `id` follows from the alerts, so that a copy can be told as one.
    """
    lines = [f"{alert.alert_id}: {told(RULE_WORDS[alert.rule])}" for alert in alerts]
    names = [f"{alert.alert_id} {alert.raised_at}" for alert in alerts]
    return {
        "id": sha256_json(names)[:32],
        "text": "\n".join([_count(alerts), *lines]),
        "alerts": [{"reference": alert.alert_id, "rule": alert.rule} for alert in alerts],
    }


def deliver(
    alerts: Sequence[Alert], channel: Channel, *, remember: Callable[[Sequence[Alert]], None]
) -> Delivery:
    """Send at once what of `alerts` the channel has not told, and remember each step before the next.

    A failure before the server took the message is tried again by the next run. Where it cannot be known
    whether the server took it, a channel that tells `once` does not send it again: the alerts are marked
    uncertain and shown in `status`.
    """
    again = {None, "failed"} if channel.once else {None, "failed", "sending", "uncertain"}
    left = [alert for alert in alerts if alert.deliveries.get(channel.name) == "sending" and channel.once]
    left = _remembered(left, "uncertain", channel, remember)
    known = [alert for alert in alerts if alert.deliveries.get(channel.name) == "uncertain" and channel.once]
    waiting = [alert for alert in alerts if alert.deliveries.get(channel.name) in again]
    trouble = f"a run ended while {len(left)} alerts were being sent" if left else None
    if waiting:
        sent = _remembered(waiting, "sending", channel, remember)
        state, why = _sent(sent, channel)
        sent = _remembered(sent, state, channel, remember)
        left += sent if why else []
        trouble = why or trouble
    return Delivery(left=(*known, *left), trouble=trouble)


def _sent(alerts: Sequence[Alert], channel: Channel) -> tuple[str, str | None]:
    """What became of the message, and why where it is not well."""
    named = ", ".join(alert.alert_id for alert in alerts)
    try:
        channel.send(alerts)
    except UndeliveredError as err:
        _log.error("%s not delivered, alerts %s: %s", channel.name, named, err)
        return "failed", str(err)
    except (OSError, smtplib.SMTPException) as err:
        _log.error("%s may or may not have been delivered, alerts %s: %s", channel.name, named, err)
        return "uncertain", f"may or may not have been delivered: {err}"
    return "sent", None


def _remembered(
    alerts: Sequence[Alert], state: str, channel: Channel, remember: Callable[[Sequence[Alert]], None]
) -> list[Alert]:
    changed = [replace(alert, deliveries={**alert.deliveries, channel.name: state}) for alert in alerts]
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


def post_json(url: str, document: dict[str, Any]) -> None:
    """Post a document to a webhook.

    Raises:
        UndeliveredError: where it was not taken, or may not have been; its address is a secret and not told.
    """
    answer_of("POST", url, document)


def answer_of(method: str, url: str, document: dict[str, Any] | None = None) -> None:
    """Ask an address, and be content with any answer that is no refusal.

    Raises:
        UndeliveredError: where there is none.
    """
    import requests  # noqa: PLC0415 - most workspaces have no such address

    try:
        answer = requests.request(method, url, json=document, timeout=WEB_TIMEOUT_S, allow_redirects=False)
    except requests.RequestException as err:
        raise UndeliveredError(f"no answer ({type(err).__name__})") from None
    if answer.status_code >= HTTPStatus.MULTIPLE_CHOICES:
        raise UndeliveredError(f"the server answered {answer.status_code}")


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
