"""Who is told, and how soon, when nobody looks: with the clock injected."""

from __future__ import annotations

import datetime as dt
import json
import shutil

import pytest
from werkzeug import Response

from campwatch.alerts.book import read_alerts
from campwatch.cli.session import credentials_from_files
from campwatch.run.health import Kind, tell, workspace_health
from campwatch.run.journal import Journal, Outcome
from campwatch.run.pipeline import RunOptions, run_workspace
from campwatch.settings import HealthSettings
from campwatch.workspace import open_workspace
from evidence.errors import SettingsError, SourceError, WatchError, WorkspaceHeldError
from evidence.ledger import Ledger
from tests.servers import tiny
from tests.servers.smtp import SmtpServer

from .conftest import site_document, write_workspace

DAY = dt.timedelta(days=1)
BEGAN = dt.datetime(2024, 6, 1, 6, 30, tzinfo=dt.UTC)
SERIOUS_FROM = HealthSettings().run_days


def at(moment):
    return lambda: moment


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A small workspace whose catalogue can be taken away, after one good run."""
    base = tmp_path_factory.mktemp("health")
    catalog = tiny.write_catalog(base / "catalog", dates=tiny.days(3, step=10))
    folder = write_workspace(base / "w", catalog, site_document(size_m=300))
    assert run_workspace(open_workspace(folder), RunOptions(), clock=at(BEGAN)).complete
    return folder, catalog


@pytest.fixture
def copy(ran, tmp_path):
    shutil.copytree(ran[0], tmp_path / "w")
    return tmp_path / "w"


def add_settings(folder, text):
    with (folder / "campwatch.toml").open("a", encoding="utf-8") as stream:
        stream.write(text)
    return open_workspace(folder)


@pytest.fixture
def dead_source(monkeypatch):
    def search(*_):
        raise SourceError("the server answered 503")

    monkeypatch.setattr("imagery.sources.static.StaticCatalog.search", search)
    return monkeypatch


@pytest.fixture
def full_mailbox():
    server = SmtpServer(answer=b"552 5.2.2 mailbox full")
    yield server
    server.close()


def watched_daily(workspace, days, posts, *, first=BEGAN):
    """Days after `first` on which a daily `healthcheck --tell` at noon told something, with the kinds."""
    told = {}
    for day in range(days):
        clock = at(first + day * DAY + dt.timedelta(hours=6))
        health = workspace_health(workspace, clock=clock)
        made = tell(workspace, health, clock=clock, post=lambda _, document: posts.append(document))
        if made.kinds:
            told[day] = {kind.value for kind in made.kinds}
    return told


def test_a_month_without_runs_is_told_on_the_day_after_the_limit_and_every_week(copy):
    workspace = add_settings(copy, '\n[alerts]\nwebhook = "http://127.0.0.1:9/secret"\nno_look_days = 9999\n')
    posts = []
    told = watched_daily(workspace, 32, posts)
    first = int(SERIOUS_FROM)
    assert min(told) == first
    assert [day for day, kinds in told.items() if "no-good-run" in kinds] == [first, 9, 16, 23, 30]
    assert {"no-good-run", "no-search"} == set().union(*told.values())
    assert "tiny" not in json.dumps(posts)
    health = workspace_health(workspace, clock=at(BEGAN + 31 * DAY))
    assert [site.run_days for site in health.sites] == [31.0]
    assert {trouble.kind for trouble in health.troubles if trouble.serious} == {Kind.NO_RUN, Kind.NO_SEARCH}


def test_a_good_run_ends_the_trouble_and_the_next_one_is_told_anew(copy):
    workspace = add_settings(copy, '\n[alerts]\nwebhook = "http://127.0.0.1:9/"\nno_look_days = 9999\n')
    assert 2 in watched_daily(workspace, 3, [])
    assert run_workspace(workspace, RunOptions(), clock=at(BEGAN + 3 * DAY)).complete
    assert watched_daily(workspace, 6, [], first=BEGAN + 3 * DAY)[2] == {"no-good-run"}


def test_a_dead_source_raises_its_alert_on_the_first_run_although_the_archive_is_measured(
    copy, httpserver, dead_source
):
    httpserver.expect_request("/hook").respond_with_data("ok")
    httpserver.expect_request("/failed").respond_with_data("ok")
    hook, failed = httpserver.url_for("/hook"), httpserver.url_for("/failed")
    add_settings(copy, f'\n[alerts]\nwebhook = "{hook}"\n[health]\nheartbeat_failed = "{failed}"\n')
    for day in (1, 2):
        summary = run_workspace(open_workspace(copy), RunOptions(), clock=at(BEGAN + day * DAY))
        assert summary.sites[0].unsearched
        assert not summary.complete
    with Ledger(copy / "ledger.sqlite", read_only=True) as ledger:
        (alert,) = [one for one in read_alerts(ledger) if one.rule == "source-failing"]
    assert (alert.raised_at[:10], alert.state, alert.occurrence) == ("2024-06-02", "open", 1)
    posted = [json.loads(request.data) for request, _ in httpserver.log if request.path == "/hook"]
    assert [one["rule"] for document in posted for one in document["alerts"]].count("source-failing") == 1
    assert "tiny" not in json.dumps(posted)
    assert sum(request.path == "/failed" for request, _ in httpserver.log) == 2
    late = workspace_health(open_workspace(copy), clock=at(BEGAN + 4 * DAY))
    assert {Kind.NO_SEARCH, Kind.INCOMPLETE} <= set(late.kinds)
    assert Kind.NO_RUN not in late.kinds, "measured from the archive all the same"
    dead_source.undo()
    assert run_workspace(open_workspace(copy), RunOptions(), clock=at(BEGAN + 5 * DAY)).complete
    with Ledger(copy / "ledger.sqlite", read_only=True) as ledger:
        (alert,) = [one for one in read_alerts(ledger) if one.rule == "source-failing"]
    assert alert.state == "closed"


def test_a_full_mailbox_is_an_error_that_is_seen_and_the_webhook_tells_of_it(copy, full_mailbox):
    mail = f'host = "127.0.0.1"\nport = {full_mailbox.port}\nsecurity = "none"\nsender = "a@b.org"'
    text = f'\n[alerts]\nwebhook = "http://127.0.0.1:9/"\n[alerts.email]\n{mail}\nrecipients = ["c@d.org"]\n'
    workspace = add_settings(copy, text)
    summary = run_workspace(open_workspace(copy), RunOptions(), clock=at(BEGAN + DAY))
    assert "mailbox full" in summary.undelivered["email"]
    assert not summary.complete
    clock, posts = at(BEGAN + DAY + dt.timedelta(hours=12)), []
    health = workspace_health(workspace, clock=clock)
    (trouble,) = [one for one in health.troubles if "mailbox full" in one.detail]
    assert (trouble.kind, trouble.serious) == (Kind.UNDELIVERED, True)
    made = tell(workspace, health, clock=clock, post=lambda _, document: posts.append(document))
    assert made.by == ("webhook",)
    assert "mailbox full" in made.undelivered["email"]
    assert "undelivered" in posts[0]["health"]


def test_a_wedged_run_is_told_and_one_that_was_killed_is_seen(copy):
    workspace = open_workspace(copy)
    journal = Journal(workspace.logs_folder)
    began = BEGAN + DAY
    journal.append("began", run_id="r-wedged", time=began.isoformat(), sites=["tiny"])
    with workspace.lock(wait=False):
        assert workspace.is_held()
        soon = workspace_health(workspace, clock=at(began + dt.timedelta(hours=11)))
        assert soon.at_work_since == began.isoformat()
        assert Kind.WEDGED not in soon.kinds
        late = workspace_health(workspace, clock=at(began + dt.timedelta(hours=13)))
        assert Kind.WEDGED in late.kinds
        with pytest.raises(WorkspaceHeldError):
            run_workspace(workspace, RunOptions(), clock=at(began + DAY))
    assert journal.runs()[-1].outcome is Outcome.REFUSED
    killed = workspace_health(workspace, clock=at(began + dt.timedelta(hours=13)))
    assert Kind.KILLED in killed.kinds
    assert killed.at_work_since is None


def test_every_end_is_written_and_the_good_ones_are_heard(copy, httpserver, monkeypatch):
    httpserver.expect_request("/good").respond_with_data("ok")
    httpserver.expect_request("/bad").respond_with_data("ok")
    good, bad = httpserver.url_for("/good"), httpserver.url_for("/bad")
    workspace = add_settings(copy, f'\n[health]\nheartbeat = "{good}"\nheartbeat_failed = "{bad}"\n')
    run_workspace(workspace, RunOptions(), clock=at(BEGAN + DAY))
    with pytest.raises(WatchError, match="nowhere"):
        run_workspace(workspace, RunOptions(sites=("nowhere",)), clock=at(BEGAN + 2 * DAY))

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("campwatch.run.pipeline._search_all", stop)
    with pytest.raises(KeyboardInterrupt):
        run_workspace(workspace, RunOptions(), clock=at(BEGAN + 3 * DAY))
    ends = [run.outcome for run in Journal(workspace.logs_folder).runs()]
    assert ends == [Outcome.COMPLETE, Outcome.COMPLETE, Outcome.FAILED, Outcome.INTERRUPTED]
    assert [request.path for request, _ in httpserver.log] == ["/good", "/bad", "/bad"]
    assert all(not request.data and not request.args for request, _ in httpserver.log)


def test_a_heartbeat_that_is_refused_changes_no_run(copy, httpserver):
    httpserver.expect_request("/good").respond_with_response(Response(status=503))
    workspace = add_settings(copy, f'\n[health]\nheartbeat = "{httpserver.url_for("/good")}"\n')
    assert run_workspace(workspace, RunOptions(), clock=at(BEGAN + DAY)).complete


def test_a_line_that_was_cut_short_costs_no_other(tmp_path):
    journal = Journal(tmp_path)
    journal.append("began", run_id="a", time="2024-01-01T00:00:00Z", sites=[])
    with journal.path.open("ab") as stream:
        stream.write(b'{"kind": "ended", "run_id": "a"')
    journal.append("began", run_id="b", time="2024-01-02T00:00:00Z", sites=[])
    assert [(run.run_id, run.outcome) for run in journal.runs()] == [
        ("a", Outcome.UNKNOWN),
        ("b", Outcome.UNKNOWN),
    ]


def test_healthcheck_speaks_to_monitors(copy, cli, command):
    old = cli("--json", "-C", copy, "healthcheck")
    assert old.returncode == 1
    document = json.loads(old.stdout)
    assert not document["healthy"]
    assert document["sites"][0]["run_days"] > 100
    log = copy / "logs" / "kept.log"
    run = cli("-q", "--log-file", log, "-C", copy, "run")
    assert run.returncode == 0, run.stderr
    told = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert told[-1]["complete"] is True
    late = cli("--json", "-C", copy, "healthcheck")
    assert late.returncode == 3, "no usable look since 2024"
    assert [one["kind"] for one in json.loads(late.stdout)["troubles"]] == ["no-usable-look"]
    (site,) = json.loads(command("--json", "-C", copy, "status").stdout)
    assert site["last_run"][:10] == site["last_search"][:10] == json.loads(late.stdout)["as_of"][:10]


def test_secrets_come_from_files(tmp_path, copy, cli):
    (tmp_path / "creds").mkdir()
    (tmp_path / "creds" / "campwatch_alerts__email__password").write_text("handed\n", encoding="utf-8")
    (tmp_path / "hook").write_text("http://127.0.0.1:9/\n", encoding="utf-8")
    environment = {
        "CREDENTIALS_DIRECTORY": str(tmp_path / "creds"),
        "CAMPWATCH_ALERTS__WEBHOOK_FILE": str(tmp_path / "hook"),
        "SH_CLIENT_ID": "said",
    }
    credentials_from_files(environment)
    assert environment["CAMPWATCH_ALERTS__EMAIL__PASSWORD"] == "handed"  # noqa: S105 - a test
    assert environment["CAMPWATCH_ALERTS__WEBHOOK"] == "http://127.0.0.1:9/"
    assert "CAMPWATCH_ALERTS__WEBHOOK_FILE" not in environment
    with pytest.raises(SettingsError, match="cannot be read"):
        credentials_from_files({"SH_CLIENT_SECRET_FILE": str(tmp_path / "none")})
    told = cli("-C", copy, "healthcheck", "--tell", CAMPWATCH_ALERTS__WEBHOOK_FILE=str(tmp_path / "hook"))
    assert "not told by webhook: no answer" in told.stderr
    assert "127.0.0.1" not in told.stderr
