"""Custody heads anchored outside: time stamps that hold, those that do not, and what outputs say."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sqlite3

import pytest
from werkzeug import Response

from campwatch.custody.anchoring import (
    MOST_BYTES,
    AnchorError,
    Service,
    anchor_findings,
    anchor_heads,
    keep_notarised,
    service_of,
    statement,
    write_page,
)
from campwatch.workspace import create_workspace
from evidence.anchors import OWN_CLOCK, clock_words
from evidence.errors import SettingsError, SourceError
from evidence.hashing import sha256_bytes
from evidence.ledger import Ledger
from evidence.verify import verify_ledger
from tests.servers.tsa import OPENSSL, TimeStampingService

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="the loopback service is OpenSSL's")


def clock():
    return dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def tsa(tmp_path_factory):
    return TimeStampingService(tmp_path_factory.mktemp("tsa"))


@pytest.fixture
def workspace(tmp_path):
    made = create_workspace(tmp_path / "w")
    with Ledger(made.ledger_path, create=True) as ledger:
        say(ledger, "declare", question="ban", sha256="ab" * 32)
    return made


def say(ledger, action, **details):
    ledger.append([], chain="tiny", run_id="r", time="2026-01-01T00:00:00Z", actor="a1", action=action,
                  details=details)  # fmt: skip


def words(workspace):
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        return clock_words(entry for entry, _ in ledger.custody_links())


def findings(workspace):
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        return [*verify_ledger(ledger), *anchor_findings(ledger)]


def test_without_an_anchor_times_are_by_our_own_clock(workspace):
    assert words(workspace).startswith(f"times are {OWN_CLOCK}")


def test_heads_and_declarations_are_time_stamped_and_verify(workspace, tsa, httpserver):
    url = tsa.serve(httpserver)
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        text = statement(ledger)
    assert json.loads(text)["declared"][0]["question"] == "ban"
    made = anchor_heads(workspace, Service(url=url, certificate=tsa.root), clock=clock)
    assert made.head == json.loads(text)["head"]
    assert abs(dt.datetime.fromisoformat(made.time) - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
    assert sha256_bytes(text.encode()) in tsa.asked[-1].hex()
    assert text.encode() not in tsa.asked[-1]
    assert findings(workspace) == []
    assert words(workspace) == f"custody head {made.head[:16]} time-stamped (RFC 3161) {made.time} by {url}"
    with Ledger(workspace.ledger_path) as ledger:
        say(ledger, "measure")
    assert words(workspace).endswith(f"; what was written after it {OWN_CLOCK}")
    second = anchor_heads(workspace, Service(url=url, certificate=tsa.root), clock=clock)
    assert second.head != made.head
    assert findings(workspace) == []


def test_a_stamp_over_other_heads_or_by_another_root_is_found(workspace, tsa, httpserver, tmp_path_factory):
    anchor_heads(workspace, Service(url=tsa.serve(httpserver), certificate=tsa.root), clock=clock)
    other = TimeStampingService(tmp_path_factory.mktemp("other"))
    with pytest.raises(AnchorError, match="does not hold"):
        anchor_heads(workspace, Service(url=tsa.serve(httpserver), certificate=other.root), clock=clock)
    with Ledger(workspace.ledger_path) as ledger:
        (entry,) = [entry for entry in ledger.custody() if entry.action == "anchor"]
        told = dict(entry.data)
        forged = {name: told[name] for name in ("kind", "service", "answer", "certificates", "stamped")}
        text = told["statement"].replace('"ban"', '"war"')
        ledger.append([], chain="workspace", run_id="r", time="2026-01-01T00:00:00Z", actor="a1",
                      action="anchor", details=forged | {"statement": text})  # fmt: skip
    whats = [finding.what for finding in findings(workspace)]
    assert len(whats) == 2
    assert any("another head" in what for what in whats)
    assert any("does not hold" in what for what in whats)


ANSWERS = {
    "a refusal": Response("no", status=503),
    "a redirect": Response("", status=307, headers={"Location": "http://127.0.0.1:9/elsewhere"}),
    "no time stamp": Response(b"\x30\x03\x02\x01\x00"),
    "too much": Response(b"\0" * (MOST_BYTES + 1)),
    "an old answer": None,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_is_none_is_not_kept(workspace, tsa, httpserver, name):
    answer = ANSWERS[name]
    if answer is None:
        anchor_heads(
            workspace, Service(url=tsa.serve(httpserver, "/first"), certificate=tsa.root), clock=clock
        )
        answer = Response((tsa.folder / "answer.tsr").read_bytes())
    before = words(workspace)
    httpserver.expect_request("/bad").respond_with_response(answer)
    with pytest.raises((AnchorError, SourceError)):
        anchor_heads(workspace, Service(url=httpserver.url_for("/bad"), certificate=tsa.root), clock=clock)
    assert words(workspace) == before
    httpserver.clear_log()


def test_the_service_is_the_one_that_the_settings_name(workspace):
    with pytest.raises(SettingsError, match=r"\[anchor\] url"):
        service_of(workspace)


def test_a_printed_statement_can_be_notarised(workspace, tmp_path):
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        text = statement(ledger)
    page = write_page(tmp_path / "page.html", text).read_text("utf-8")
    assert sha256_bytes(text.encode()) in page
    keep_notarised(workspace, text, "A. Notary, Seoul, 2026-01-03", actor="a1", clock=clock)
    assert "notarised 2026-01-01T00:00:00Z by A. Notary, Seoul, 2026-01-03" in words(workspace)
    assert findings(workspace) == []
    with pytest.raises(AnchorError, match="never had"):
        keep_notarised(workspace, '{"head":"00"}', "nobody", actor="a1", clock=clock)


def test_a_time_stamp_changed_in_the_ledger_is_found(workspace, tsa, httpserver):
    anchor_heads(workspace, Service(url=tsa.serve(httpserver), certificate=tsa.root), clock=clock)
    copy = workspace.folder / "copy.sqlite"
    shutil.copy(workspace.ledger_path, copy)
    with sqlite3.connect(copy) as db:
        for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {trigger}")
        year = str(dt.datetime.now(dt.UTC).year)
        db.execute(
            'UPDATE custody SET data = replace(data, \'"stamped":"\' || ?, \'"stamped":"2001\')'
            " WHERE action = 'anchor'",
            (year,),
        )
    with Ledger(copy, read_only=True) as ledger:
        assert any("the time stamp says" in finding.what for finding in anchor_findings(ledger))
        assert verify_ledger(ledger) != []
