"""Who may ask the server, and who may not; a real socket on loopback, raw requests."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from campwatch.reviews.desk import open_desk
from campwatch.serve.app import listen, make_app, make_server
from campwatch.serve.guard import Sessions
from campwatch.serve.work import Work
from campwatch.workspace import open_workspace, readable_sites
from evidence.ledger import Ledger

pytestmark = pytest.mark.long


@dataclass
class Served:
    """A server at work, and a way to ask it anything."""

    port: int
    work: Work
    tokens: list[str]
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, *, body: object = None, **headers: str) -> tuple[int, str, dict]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"Host": f"127.0.0.1:{self.port}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        connection.request(method, path, body=None if body is None else json.dumps(body), headers=sent)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        connection.close()
        return answer.status, text, {k.lower(): v for k, v in answer.getheaders()}

    def enter(self) -> str:
        """A session's cookie, by the newest link."""
        status, _, headers = self.ask("GET", f"/enter?token={self.tokens[-1]}")
        assert status == 200
        return headers["set-cookie"].partition(";")[0]

    def key(self, cookie: str) -> str:
        """The key that the page of this session holds."""
        _, text, _ = self.ask("GET", "/", Cookie=cookie)
        start = text.index('id="cw-live">') + len('id="cw-live">')
        return json.loads(text[start : text.index("</script>", start)])["key"]

    def post(self, path: str, body: object, cookie: str, key: str, **headers: str) -> tuple[int, str, dict]:
        own = {
            "Cookie": cookie, "X-Campwatch-Key": key, "Content-Type": "application/json",
            "Origin": f"http://127.0.0.1:{self.port}",
        }  # fmt: skip
        return self.ask("POST", path, body=body, **{**own, **headers})


def serving(folder: Path, *, review: bool) -> Iterator[Served]:
    tokens: list[str] = []
    work = Work(open_workspace(folder), review=review, restricted=None)
    held = listen(0)
    port = held.getsockname()[1]
    server = make_server(make_app(work, Sessions(tokens.append), port=port))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [held]}, daemon=True)
    work.start()
    thread.start()
    yield Served(port=port, work=work, tokens=tokens)
    server.should_exit = True
    thread.join()
    work.close()
    held.close()


@pytest.fixture(scope="module")
def folder(reviewed_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(reviewed_folder, tmp_path_factory.mktemp("watch") / "w")


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    yield from serving(folder, review=True)


def test_without_the_link_nothing_is_told(served: Served):
    for path in ("/", "/index.html", "/tiny.html", "/api/state?site=tiny", "/nothing"):
        status, text, _ = served.ask("GET", path)
        assert status == 401
        assert "tiny" not in text


def test_a_link_opens_one_session(served: Served):
    token = served.tokens[-1]
    assert served.ask("GET", f"/enter?token={token}")[0] == 200
    assert served.ask("GET", f"/enter?token={token}")[0] == 401
    assert served.ask("GET", "/enter?token=")[0] == 401
    assert served.tokens[-1] != token


def test_the_session_cookie_is_for_this_server_alone(served: Served):
    _, _, headers = served.ask("GET", f"/enter?token={served.tokens[-1]}")
    cookie = headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost.evil.example:80", "[::1]:80", ""])
def test_another_host_name_is_refused(served: Served, host: str):
    status, text, _ = served.ask("GET", "/", Cookie=served.enter(), Host=host)
    assert status == 403
    assert "tiny" not in text


def test_a_page_of_another_origin_can_neither_read_nor_post(served: Served):
    cookie = served.enter()
    key = served.key(cookie)
    evil = [
        {"Origin": "http://evil.example"},
        {"Origin": f"http://127.0.0.1:{served.port + 1}"},  # another program of this machine
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ]
    for headers in evil:
        for path in ("/", "/api/state?site=tiny", "/tiny.restricted.html"):
            status, _, told = served.ask("GET", path, Cookie=cookie, **headers)
            assert status == 403
            assert "access-control-allow-origin" not in told
        assert served.post("/api/reader", {"code": "eve", "site": "tiny"}, cookie, key, **headers)[0] == 403
    status, _, told = served.ask("OPTIONS", "/api/reader", Cookie=cookie, Origin="http://evil.example")
    assert status == 403
    assert not [name for name in told if name.startswith("access-control")]


def test_a_post_needs_the_key_of_the_page_an_origin_and_json(served: Served):
    cookie = served.enter()
    key = served.key(cookie)
    body = {"code": "dora", "site": "tiny"}
    assert served.post("/api/reader", body, cookie, "")[0] == 403
    assert served.post("/api/reader", body, cookie, "x" * 32)[0] == 403
    assert served.post("/api/reader", body, cookie, key, **{"Content-Type": "text/plain"})[0] == 415
    own = {"Cookie": cookie, "X-Campwatch-Key": key, "Content-Type": "application/json"}
    assert served.ask("POST", "/api/reader", body=body, **own)[0] == 403  # no Origin
    assert served.post("/api/reader", body, cookie, key)[0] == 200


def test_every_answer_keeps_to_itself(served: Served):
    for path, cookie in (("/", served.enter()), ("/nothing", "")):
        _, _, headers = served.ask("GET", path, Cookie=cookie)
        assert headers["cache-control"] == "no-store"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
        assert "server" not in headers


def test_paths_do_not_leave_the_maps(served: Served):
    cookie = served.enter()
    for path in (
        "/..%2fcampwatch.toml",
        "/../campwatch.toml",
        "/%2e%2e/ledger.sqlite",
        "/x.files/..%2f..%2fledger.sqlite",
        "/tiny.files/%2e%2e%2findex.html",
        "/..files/a.js",
    ):
        assert served.ask("GET", path, Cookie=cookie)[0] in {404, 405}, path


def test_a_session_has_one_reader(served: Served):
    cookie = served.enter()
    key = served.key(cookie)
    assert served.post("/api/reader", {"code": "anna", "site": "tiny"}, cookie, key)[0] == 200
    status, text, _ = served.post("/api/reader", {"code": "bora", "site": "tiny"}, cookie, key)
    assert status == 422
    assert "anna" in text
    assert served.post("/api/reader", {"code": "no spaces", "site": "tiny"}, served.enter(), key)[0] == 403


def test_what_is_no_verdict_is_told_in_words_and_changes_nothing(served: Served):
    cookie = served.enter()
    key = served.key(cookie)
    served.post("/api/reader", {"code": "cora", "site": "tiny"}, cookie, key)
    with Ledger(served.work.workspace.ledger_path, read_only=True) as ledger:
        before = ledger.heads()
    for body in (
        {"site": "tiny"},
        {"site": "elsewhere", "verdicts": []},
        ["a"],
        {"site": "tiny", "verdicts": [{"subject": "x"}]},
        {"site": "tiny", "verdicts": "x"},
        {"site": "tiny", "run_id": "none", "verdicts": []},
    ):
        status, text, _ = served.post("/api/review", body, cookie, key)
        assert status in {409, 422}, body
        assert json.loads(text)["error"]
    assert served.post("/api/review", {"site": "x" * 2_000_000}, cookie, key)[0] == 422
    with Ledger(served.work.workspace.ledger_path, read_only=True) as ledger:
        assert ledger.heads() == before


def test_drafts_are_their_readers_own_and_outlive_the_session(served: Served):
    first, second = served.enter(), served.enter()
    keys = served.key(first), served.key(second)
    served.post("/api/reader", {"code": "dara", "site": "tiny"}, first, keys[0])
    body = {"site": "tiny", "subject": "yard", "draft": {"note": "<b>half a thought"}}
    assert served.post("/api/draft", body, first, keys[0])[0] == 200
    _, text, _ = served.post("/api/reader", {"code": "eric", "site": "tiny"}, second, keys[1])
    assert json.loads(text)["drafts"] == {}
    again = served.enter()
    _, text, _ = served.post("/api/reader", {"code": "dara", "site": "tiny"}, again, served.key(again))
    assert json.loads(text)["drafts"] == {"yard": {"note": "<b>half a thought"}}
    body["draft"] = {"note": "x" * 30_000}
    assert served.post("/api/draft", body, first, keys[0])[0] == 409


def test_read_only_takes_nothing(folder: Path):
    for served in serving(folder, review=False):
        cookie = served.enter()
        key = served.key(cookie)
        served.post("/api/reader", {"code": "anna", "site": "tiny"}, cookie, key)
        for path, body in (
            ("/api/review", {"site": "tiny", "verdicts": []}),
            ("/api/draft", {"site": "tiny", "subject": "yard", "draft": {"note": "x"}}),
            ("/api/zone", {"site": "tiny", "edit": ZONE}),
        ):
            status, text, _ = served.post(path, body, cookie, key)
            assert status == 409, path
            assert "read-only" in text


IMAGE = {"provider": "Maxar", "image_id": "104", "date": "2024-04-01", "resolution_m": 0.5}
ZONE = {"decision": "refused", "proposal": "pile:found-001", "image": IMAGE}


def test_a_run_at_work_is_waited_for_and_then_told(served: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("campwatch.serve.work.WAIT_SECONDS", 0.3)
    cookie = served.enter()
    key = served.key(cookie)
    served.post("/api/reader", {"code": "anna", "site": "tiny"}, cookie, key)
    with served.work.workspace.lock(wait=True):
        status, text, _ = served.post("/api/zone", {"site": "tiny", "edit": ZONE}, cookie, key)
    assert status == 409
    assert "another run is at work" in text


def test_the_ledger_holds_what_the_import_of_a_file_would(served: Served):
    cookie = served.enter()
    key = served.key(cookie)
    served.post("/api/reader", {"code": "fynn", "site": "tiny"}, cookie, key)
    with Ledger(served.work.workspace.ledger_path, read_only=True) as ledger:
        run = next(entry.run_id for entry in ledger.custody("tiny") if entry.action == "measure")
    said = {
        "subject": "yard", "subject_kind": "zone", "verdict": "rejected", "reason_code": "construction",
        "likelihood": "likely", "confidence": "low", "reviewed_at": "2026-01-01T00:00:00Z",
        "note": "<script>", "blind": False,  # decided by the server
    }  # fmt: skip
    status, text, _ = served.post(
        "/api/review", {"site": "tiny", "run_id": run, "verdicts": [said]}, cookie, key
    )
    assert status == 200, text
    assert "rejected" not in text  # the first verdict is not told
    assert json.loads(text)["reviews"]["yard"] == {"state": "one", "reviewers": ["fynn"], "verdicts": []}
    (site,) = readable_sites(served.work.workspace)
    with open_desk(served.work.workspace, site) as desk:
        state = next(state for state in desk.states() if state.subject == "yard")
        entry = desk.ledger.last_entry("tiny", "review")
    assert state.review_status == "awaiting_second"
    assert state.standing[0].blind
    assert entry.actor == "fynn"
    assert entry.data["reviewed_run"] == run
