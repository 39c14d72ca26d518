"""The book of alerts: each is raised once, closed once, delivered once per channel; all in the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType

from campwatch.alerts.rules import Condition
from evidence.hashing import sha256_json
from evidence.ledger import Ledger
from evidence.rows import Row, plain

LAYER = "alerts"
METHOD = "alerts/1"
REFERENCE_LENGTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert and its life."""

    alert_id: str
    """An opaque reference: says neither site nor place."""
    rule: str
    site_id: str
    subject: str
    occurrence: int
    """From 1; a condition that ended and came back is a new occurrence."""
    state: str
    """open | closed."""
    raised_at: str
    closed_at: str | None
    detail: str
    deliveries: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """State by channel: sending | sent | failed | uncertain."""

    @property
    def key(self) -> str:
        """The condition that it stands for."""
        return f"{self.rule}/{self.site_id}/{self.subject}"


def read_alerts(ledger: Ledger, *, site_id: str | None = None) -> list[Alert]:
    """Every alert ever raised, in the order of its raising."""
    rows = ledger.current(LAYER, site_id=site_id)
    fields = (
        "alert_id",
        "rule",
        "subject",
        "occurrence",
        "state",
        "raised_at",
        "closed_at",
        "detail",
        "deliveries",
    )
    alerts = [
        Alert(site_id=item.row.site_id, **{name: item.row.data[name] for name in fields}) for item in rows
    ]
    return sorted(alerts, key=lambda alert: (alert.raised_at, alert.alert_id))


def turned(alerts: Sequence[Alert], holding: Iterable[Condition], *, site_id: str, now: str) -> list[Alert]:
    """Alerts of a site that are new or have changed, given the conditions that hold now.

    Args:
        alerts: those of the site so far.
        holding: what the rules find now.
        site_id: the site.
        now: ISO 8601 UTC.
    """
    wanted = {condition.key: condition for condition in holding}
    still_open = {alert.key: alert for alert in alerts if alert.state == "open"}
    closed = [
        replace(alert, state="closed", closed_at=now)
        for key, alert in still_open.items()
        if key not in wanted
    ]
    raised = [
        _raised(condition, alerts, site_id=site_id, now=now)
        for key, condition in wanted.items()
        if key not in still_open
    ]
    return [*closed, *raised]


def _raised(condition: Condition, alerts: Sequence[Alert], *, site_id: str, now: str) -> Alert:
    occurrence = 1 + sum(alert.key == condition.key for alert in alerts)
    reference = sha256_json([condition.key, occurrence])[:REFERENCE_LENGTH].upper()
    return Alert(
        alert_id=reference,
        rule=condition.rule,
        site_id=site_id,
        subject=condition.subject,
        occurrence=occurrence,
        state="open",
        raised_at=now,
        closed_at=None,
        detail=condition.detail,
    )


def alert_row(alert: Alert) -> Row:
    """The alert as a ledger row; a later state supersedes an earlier one."""
    data = {**asdict(replace(alert, deliveries={})), "deliveries": dict(sorted(alert.deliveries.items()))}
    del data["site_id"]
    return Row(
        layer=LAYER,
        site_id=alert.site_id,
        subject=alert.alert_id,
        time="",
        method=METHOD,
        params_hash="",
        inputs_hash="",
        data=plain(data),
    )


def write_alerts(
    ledger: Ledger, alerts: Sequence[Alert], *, site_id: str, run_id: str, now: str, action: str
) -> None:
    """Append the changed alerts of one site, with their custody."""
    if alerts:
        ledger.append(
            [alert_row(alert) for alert in alerts],
            chain=site_id,
            run_id=run_id,
            time=now,
            actor="campwatch",
            action=action,
        )
