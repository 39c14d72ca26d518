"""After a run: apply the rules to each site, write the book, deliver what is open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from email.message import EmailMessage
from itertools import groupby
from pathlib import Path
from typing import Any

from campwatch.alerts.book import Alert, read_alerts, turned, write_alerts
from campwatch.alerts.delivery import (
    Channel,
    Delivery,
    deliver,
    email_channel,
    post_json,
    send_smtp,
    webhook_channel,
    write_alert_file,
    write_atom,
)
from campwatch.alerts.rules import SiteState, conditions
from campwatch.identity import Clock, timestamp
from campwatch.reviews.validation import Checks, alert_validation
from campwatch.run.series import series_rows
from campwatch.settings import AlertSettings, EmailSettings
from detection.coal.records import SeriesPoint
from detection.ground.records import (
    DISTURBANCE_GROWTH,
    DISTURBANCE_REVISIONS,
    DISTURBANCES,
    Disturbance,
    DisturbanceGrowth,
    DisturbanceRevision,
)
from evidence.layers import LayerSpec
from evidence.ledger import Ledger
from evidence.record_reading import read_record
from evidence.rows import StoredRow
from imagery.cube.observations import OBSERVATIONS

Send = Callable[[EmailMessage, EmailSettings], None]
Post = Callable[[str, dict[str, Any]], None]


def watch_sites(
    ledger: Ledger,
    failures: Mapping[str, str | None],
    settings: AlertSettings,
    *,
    run_id: str,
    clock: Clock,
) -> int:
    """Raise and close alerts of the sites of a run; returns how many changed.

    Args:
        ledger: open for writing.
        failures: by site id, why a source could not be searched, or it could not be measured; or None.
        settings: the rules.
        run_id: this run.
        clock: now.
    """
    now, today = timestamp(clock), clock().date()
    changed = 0
    for site_id, failure in failures.items():
        known = read_alerts(ledger, site_id=site_id)
        holding = conditions(_state(ledger, site_id, failure, known), settings, today)
        alerts = turned(known, holding, site_id=site_id, now=now)
        write_alerts(ledger, alerts, site_id=site_id, run_id=run_id, now=now, action="alert")
        changed += len(alerts)
    return changed


def _state(ledger: Ledger, site_id: str, failure: str | None, known: Sequence[Alert]) -> SiteState:
    def current(spec: LayerSpec) -> list[StoredRow]:
        return ledger.current(spec.name, site_id=site_id)

    return SiteState(
        site_id=site_id,
        disturbances=[
            read_record(Disturbance, stored.row)
            for stored in ledger.current(DISTURBANCES.name, site_id=site_id)
        ],
        growth=[read_record(DisturbanceGrowth, stored.row) for stored in current(DISTURBANCE_GROWTH)],
        revisions=[read_record(DisturbanceRevision, stored.row) for stored in current(DISTURBANCE_REVISIONS)],
        series=[read_record(SeriesPoint, stored.row) for stored in series_rows(ledger, site_id=site_id)],
        looks=[dict(stored.row.data) for stored in current(OBSERVATIONS)],
        failure=failure,
        open_keys=frozenset(alert.key for alert in known if alert.state == "open"),
    )


def channels(settings: AlertSettings, *, send: Send = send_smtp, post: Post = post_json) -> list[Channel]:
    """The ways out that the settings name."""
    found = [email_channel(settings.email, send)] if settings.email else []
    if settings.webhook:
        found.append(webhook_channel(settings.webhook.get_secret_value(), post))
    return found


def deliver_open(ledger: Ledger, channel: Channel, *, run_id: str, clock: Clock) -> Delivery:
    """Tell through one channel of the open alerts that it has not told."""

    def remember(changed: Sequence[Alert]) -> None:
        now = timestamp(clock)
        for site_id, group in groupby(sorted(changed, key=_site_of), key=_site_of):
            write_alerts(ledger, list(group), site_id=site_id, run_id=run_id, now=now, action="deliver alert")

    alerts = [alert for alert in read_alerts(ledger) if alert.state == "open"]
    return deliver(alerts, channel, remember=remember)


def _site_of(alert: Alert) -> str:
    return alert.site_id


def write_channels(
    alerts: Sequence[Alert], settings: AlertSettings, folder: Path, *, checks: Mapping[str, Checks]
) -> None:
    """The files derived from the book; `checks` by site say what stands behind the figures."""
    if settings.file:
        told = {a.alert_id: alert_validation(checks.get(a.site_id, {}), a.rule) for a in alerts}
        write_alert_file(alerts, folder / "alerts.jsonl", validation=told)
    if settings.atom:
        write_atom(alerts, folder / "alerts.atom")
