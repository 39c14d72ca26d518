"""The book of alerts: each is raised once, closed once, delivered once per channel; all in the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from types import MappingProxyType

from campwatch.alerts.rules import Condition
from evidence.hashing import sha256_json
from evidence.layers import NO_SCENES, LayerSpec, column, kept, record
from evidence.ledger import Ledger
from evidence.rows import Row, plain

REFERENCE_LENGTH = 8


@record
class Alert:
    """One alert and its life; restricted as a whole: it is what could warn."""

    alert_id: str = column(
        "an opaque reference: says neither site nor place", "대상지나 장소를 드러내지 않는 참조 번호"
    )
    rule: str = column("the rule that raised it", "경보를 낸 규칙")
    site_id: str = kept("the site")
    subject: str = column("what it is about, within the site", "대상지 안에서 무엇에 관한 것인지")
    occurrence: int = column(
        "from 1; a condition that ended and came back counts on", "1부터; 끝났다가 다시 나타나면 이어서 센다"
    )
    state: str = column("open or closed", "open(열림) 또는 closed(닫힘)")
    raised_at: str = column("when, UTC", "발생 시각(UTC)")
    closed_at: str | None = column("when, UTC; empty while open", "닫힌 시각(UTC); 열려 있으면 비어 있음")
    detail: str = column("in words, with the figures", "수치를 포함한 설명")
    deliveries: Mapping[str, str] = kept(
        "state by channel: sending, sent, failed or uncertain", default_factory=lambda: MappingProxyType({})
    )

    @property
    def key(self) -> str:
        """The condition that it stands for."""
        return f"{self.rule}/{self.site_id}/{self.subject}"


ALERTS = LayerSpec(
    name="alerts",
    title="Alerts and their life",
    title_ko="경보와 그 경과",
    record=Alert,
    method="alerts/1",
    subject="{alert_id}",
    on_map=False,
    scenes=NO_SCENES,
    from_imagery=False,
)


def read_alerts(ledger: Ledger, *, site_id: str | None = None) -> list[Alert]:
    """Every alert ever raised, in the order of its raising."""
    rows = ledger.current(ALERTS.name, site_id=site_id)
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
        layer=ALERTS.name,
        site_id=alert.site_id,
        subject=alert.alert_id,
        time="",
        method=ALERTS.method,
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
