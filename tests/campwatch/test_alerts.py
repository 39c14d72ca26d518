from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from shapely import box

from campwatch.alerts import rules
from campwatch.alerts.book import read_alerts, turned, write_alerts
from campwatch.alerts.delivery import (
    EMAIL,
    RULE_WORDS,
    deliver,
    email_channel,
    send_smtp,
    webhook_channel,
    write_alert_file,
    write_atom,
)
from campwatch.alerts.rules import Condition, SiteState, conditions
from campwatch.alerts.watch import deliver_open
from campwatch.settings import AlertSettings, EmailSettings
from detection.coal.records import STOCKPILE_AREA, SeriesPoint, StockpileArea
from detection.coal.series import smoothed_series
from detection.ground.records import Disturbance
from evidence.ledger import Ledger
from evidence.quantity import Quantity
from evidence.verify import verify_ledger
from maps.page import asset
from tests.servers.smtp import SmtpServer

NOW = "2026-01-02T03:04:05Z"
TODAY = dt.date(2026, 1, 2)
SETTINGS = AlertSettings()
PLACE = Condition(
    rule="outside-boundary", site_id="secret-camp", subject="d-77", detail="1.2 to 3.4 ha at 39.55, 126.08"
)


def clock():
    return dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def point(day: str, area: float, sd: float) -> SeriesPoint:
    return SeriesPoint(
        quantity=STOCKPILE_AREA,
        subject_kind="zone",
        subject_id="yard",
        datetime=dt.datetime.fromisoformat(f"{day}T02:30:00+00:00"),
        value=Quantity.measured(area, sd_random=sd),
        n_looks=5,
    )


def found(**state) -> set[str]:
    return {condition.rule for condition in conditions(SiteState(site_id="s", **state), SETTINGS, TODAY)}


def test_a_change_of_the_smoothed_series_beyond_its_interval_is_told():
    assert found(series=[point("2025-09-01", 1.0, 0.1), point("2026-01-01", 2.0, 0.1)]) == {
        "stockpile-change"
    }


@pytest.mark.parametrize(
    "series",
    [
        [point("2025-09-01", 1.0, 0.3), point("2026-01-01", 2.0, 0.3)],
        [point("2025-09-01", 1.0, 0.001), point("2026-01-01", 1.2, 0.001)],
        [point("2025-12-20", 1.0, 0.1), point("2026-01-01", 9.0, 0.1)],
    ],
    ids=["within its error", "below the size that matters", "nothing old enough to compare with"],
)
def test_a_change_that_is_not_sure_is_not_told(series):
    assert found(series=series) == set()


def disturbed(kind: str, area: float) -> Disturbance:
    day = dt.date(2025, 6, 1)
    return Disturbance(
        disturbance_id="d-1",
        parents=(),
        kind=kind,
        first_seen=day,
        first_seen_low=day,
        first_seen_high=day,
        persistent_since=dt.date(2025, 8, 1),
        machine_status="persistent",
        cause=None,
        boundary_id=None,
        relation="no_boundary",
        area_ha=Quantity.measured(area, sd_random=0.1),
        outside_ha=Quantity.not_assessable("no boundary"),
        advance_m=Quantity.not_assessable("no boundary"),
        bearing_deg=None,
        scene_ids=(),
        geometry=box(0, 0, 1, 1),
    )


def test_a_persistent_disturbance_is_told_and_regrowth_and_fire_are_not():
    assert found(disturbances=[disturbed("soil_spoil", 2.0)]) == {"persistent-disturbance"}
    assert found(disturbances=[disturbed("soil_spoil", 0.4)]) == set()
    assert found(disturbances=[disturbed("grown_over", 2.0)]) == set()
    assert found(disturbances=[disturbed("burnt", 2.0)]) == set()


def test_what_hovers_about_a_limit_or_merges_is_one_alert():
    def keys(item, *held):
        state = SiteState(site_id="s", disturbances=[item], open_keys=frozenset(held))
        return [condition.key for condition in conditions(state, SETTINGS, TODAY)]

    opened = "persistent-disturbance/s/d-1"
    assert keys(disturbed("soil_spoil", 2.0)) == [opened]
    assert keys(disturbed("soil_spoil", 0.6)) == []
    assert keys(disturbed("soil_spoil", 0.6), opened) == [opened]
    assert keys(disturbed("soil_spoil", 0.4), opened) == []
    merged = replace(disturbed("soil_spoil", 2.0), disturbance_id="d-2", parents=("d-0", "d-1"))
    assert keys(merged, opened) == [opened]
    assert keys(merged) == ["persistent-disturbance/s/d-2"]


def measured_area(days: int, area: float) -> StockpileArea:
    return StockpileArea(
        zone_id="yard",
        datetime=dt.datetime(2025, 1, 1, 2, tzinfo=dt.UTC) + dt.timedelta(days=days),
        area_ha=Quantity.measured(area, sd_random=0.1),
        valid_fraction=1.0,
        below_floor=False,
        bands=("red",),
        scene_ids=(),
    )


def test_the_rule_reads_the_series_that_the_measurement_writes():
    steady = [measured_area(10 * k, 1.0) for k in range(30)]
    grown = [*steady[:-6], *(measured_area(10 * (24 + k), 3.0) for k in range(6))]
    assert found(series=smoothed_series(steady)) == set()
    assert found(series=smoothed_series(grown)) == {"stockpile-change"}


def test_no_usable_look_is_told_after_the_days_set():
    look = {"status": "used", "datetime": "2025-10-01T02:30:00Z"}
    clouded = {"status": "unusable", "datetime": "2026-01-01T02:30:00Z"}
    assert found(looks=[look, clouded]) == {"no-usable-look"}
    assert found(looks=[look | {"datetime": "2025-12-30T02:30:00Z"}]) == set()


def test_an_alert_is_raised_once_and_closed_once(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite", create=True) as ledger:

        def step(holding, now):
            alerts = turned(read_alerts(ledger), holding, site_id="secret-camp", now=now)
            write_alerts(ledger, alerts, site_id="secret-camp", run_id=now, now=now, action="alert")
            return [(alert.state, alert.occurrence) for alert in alerts]

        assert step([PLACE], "2026-01-01T00:00:00Z") == [("open", 1)]
        assert step([PLACE], "2026-01-02T00:00:00Z") == []
        assert step([], "2026-01-03T00:00:00Z") == [("closed", 1)]
        assert step([], "2026-01-04T00:00:00Z") == []
        assert step([PLACE], "2026-01-05T00:00:00Z") == [("open", 2)]
        lives = [
            (alert.raised_at[:10], alert.closed_at and alert.closed_at[:10]) for alert in read_alerts(ledger)
        ]
        assert lives == [("2026-01-01", "2026-01-03"), ("2026-01-05", None)]
        assert verify_ledger(ledger) == []


@pytest.fixture
def server():
    made = []

    def make(**options):
        made.append(SmtpServer(**options))
        return made[-1]

    yield make
    for item in made:
        item.close()


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite", create=True) as ledger:
        alerts = turned([], [PLACE], site_id="secret-camp", now=NOW)
        write_alerts(ledger, alerts, site_id="secret-camp", run_id="r1", now=NOW, action="alert")
        yield ledger


def mailed(ledger, settings, *, run_id, clock, send=send_smtp):
    """The alerts that are still not delivered."""
    return list(deliver_open(ledger, email_channel(settings, send), run_id=run_id, clock=clock).left)


def test_mail_is_sent_once_and_names_no_place(ledger, server):
    smtp = server()
    for _ in range(3):
        assert mailed(ledger, smtp.settings(), run_id="r1", clock=clock) == []
    (message,) = smtp.messages
    assert read_alerts(ledger)[0].alert_id in message
    for word in ("secret", "camp-", "39.55", "126.08", "d-77", "ha"):
        assert word not in message.replace("campwatch", "").replace("charset", "").replace("that", "")
    assert verify_ledger(ledger) == []


def test_what_a_run_finds_is_one_mail_and_the_next_run_tells_only_what_is_new(ledger, server):
    def raise_at(site_id, *conditions):
        known = read_alerts(ledger, site_id=site_id)
        alerts = turned(known, list(conditions), site_id=site_id, now=NOW)
        write_alerts(ledger, alerts, site_id=site_id, run_id="r1", now=NOW, action="alert")

    raise_at("other-camp", PLACE, replace(PLACE, subject="d-78"))
    smtp = server()
    assert mailed(ledger, smtp.settings(), run_id="r1", clock=clock) == []
    raise_at("third-camp", replace(PLACE, subject="d-79"))
    assert mailed(ledger, smtp.settings(), run_id="r2", clock=clock) == []
    first, second = smtp.messages
    known = {alert.alert_id: alert.site_id for alert in read_alerts(ledger)}
    assert {name for name in known if name in first} == {
        n for n, site in known.items() if site != "third-camp"
    }
    assert {name for name in known if name in second} == {
        n for n, site in known.items() if site == "third-camp"
    }
    assert "Subject: campwatch: 3 alerts" in first
    assert verify_ledger(ledger) == []


def test_a_server_that_is_away_is_tried_again(ledger, server):
    smtp = server()
    smtp.close()
    (alert,) = mailed(ledger, smtp.settings(), run_id="r1", clock=clock)
    assert alert.deliveries[EMAIL] == "failed"
    back = server()
    assert mailed(ledger, back.settings(), run_id="r2", clock=clock) == []
    assert len(back.messages) == 1


def test_a_refused_message_is_tried_again(ledger, server):
    busy = server(answer=b"451 try later")
    assert mailed(ledger, busy.settings(), run_id="r1", clock=clock)[0].deliveries[EMAIL] == "failed"
    ready = server()
    assert mailed(ledger, ready.settings(), run_id="r2", clock=clock) == []
    assert len(ready.messages) == 1


def test_a_connection_lost_after_the_message_is_not_sent_again(ledger, server):
    lost = server(hang_up_in_data=True)
    assert mailed(ledger, lost.settings(), run_id="r1", clock=clock)[0].deliveries[EMAIL] == "uncertain"
    ready = server()
    mailed(ledger, ready.settings(), run_id="r2", clock=clock)
    assert ready.messages == []
    assert len(lost.messages) == 1


def test_a_run_killed_while_sending_does_not_send_again(ledger, server):
    def killed(_mail, _settings):
        raise KeyboardInterrupt

    smtp = server()
    with pytest.raises(KeyboardInterrupt):
        mailed(ledger, smtp.settings(), run_id="r1", clock=clock, send=killed)
    assert read_alerts(ledger)[0].deliveries[EMAIL] == "sending"
    mailed(ledger, smtp.settings(), run_id="r2", clock=clock)
    assert read_alerts(ledger)[0].deliveries[EMAIL] == "uncertain"
    assert smtp.messages == []


def test_the_feed_is_valid_atom_without_places_and_the_file_has_the_details(ledger, tmp_path):
    alerts = read_alerts(ledger)
    write_atom(alerts, tmp_path / "alerts.atom")
    write_alert_file(alerts, tmp_path / "alerts.jsonl")
    atom = "{http://www.w3.org/2005/Atom}"
    feed = ET.fromstring((tmp_path / "alerts.atom").read_bytes())
    (entry,) = feed.findall(f"{atom}entry")
    for name in ("id", "title", "updated"):
        assert feed.findtext(f"{atom}{name}")
        assert entry.findtext(f"{atom}{name}")
    assert "secret" not in (tmp_path / "alerts.atom").read_text("utf-8")
    (line,) = (tmp_path / "alerts.jsonl").read_text("utf-8").splitlines()
    assert json.loads(line)["detail"] == PLACE.detail


def test_an_unknown_host_is_undelivered_not_uncertain():
    settings = EmailSettings(
        host="127.0.0.1", port=1, security="none", sender="a@example.org", recipients=("b@example.org",)
    )
    (alert,) = turned([], [PLACE], site_id="secret-camp", now=NOW)
    states = []
    deliver(
        [alert],
        email_channel(settings, send_smtp),
        remember=lambda changed: states.extend(one.deliveries[EMAIL] for one in changed),
    )
    assert states == ["sending", "failed"]


def test_a_webhook_learns_references_and_rules_alone_and_is_told_again_where_it_may_not_know(ledger):
    posted = []

    def refuse(url, document):
        posted.append((url, document))
        raise OSError("the line went dead")

    hook = webhook_channel("https://hook.example.org/secret", refuse)
    left = deliver_open(ledger, hook, run_id="r1", clock=clock)
    assert (len(left.left), left.trouble) == (1, "may or may not have been delivered: the line went dead")
    hook = webhook_channel("https://hook.example.org/secret", lambda url, told: posted.append((url, told)))
    for run_id in ("r2", "r3"):
        assert deliver_open(ledger, hook, run_id=run_id, clock=clock).trouble is None
    (_, first), (_, second) = posted
    assert first == second
    reference = read_alerts(ledger)[0].alert_id
    assert second["alerts"] == [{"reference": reference, "rule": "outside-boundary"}]
    for word in ("secret", "camp-", "39.55", "126.08", "d-77", "1.2"):
        assert word not in json.dumps(second).replace("campwatch", "")


def test_every_rule_has_words_for_those_who_know_nothing():
    names = (
        rules.PERSISTENT, rules.OUTSIDE, rules.STOCKPILE, rules.OPENED, rules.OPENED_OUTSIDE, rules.GROWTH,
        rules.REVISION, rules.NO_LOOK, rules.FAILING,
    )  # fmt: skip
    assert set(names) == set(RULE_WORDS)


def test_a_site_that_was_never_usable_is_told_too():
    clouded = {"status": "unusable", "datetime": "2025-10-01T02:30:00Z"}
    assert found(looks=[clouded]) == {"no-usable-look"}
    assert found(looks=[clouded | {"datetime": "2025-12-30T02:30:00Z"}]) == set()


def test_the_page_has_words_for_every_rule_and_reads_what_raised_an_alert():
    strings = json.loads(asset("strings.json"))
    assert {f"alert_{rule}" for rule in RULE_WORDS} <= set(strings)
    pattern = re.search(r"CW\.ALERT_DETAIL = /(.+)/;", asset("panel.js"))
    assert pattern is not None
    outside = replace(
        disturbed("soil_spoil", 5.0), relation="outside", outside_ha=Quantity.measured(2.0, sd_random=0.1)
    )
    raised = conditions(SiteState(site_id="s", disturbances=[outside]), SETTINGS, TODAY)
    told = {c.rule: re.fullmatch(pattern[1].strip("^$"), c.detail) for c in raised if c.subject}
    assert set(told) == {"persistent-disturbance", "outside-boundary"}
    assert told["persistent-disturbance"][1] == "soil_spoil"
    assert told["outside-boundary"][6] == "1.80"
