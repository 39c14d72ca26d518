"""Two readers at one served site, from the first page to the ledger; yards and boundaries to a figure."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from pytest_httpserver import HTTPServer

from campwatch.reviews.desk import open_desk
from campwatch.reviews.site_edits import ACTION
from campwatch.run.pipeline import RunOptions, run_workspace
from campwatch.study import open_workspace as open_study
from campwatch.workspace import Workspace, readable_sites
from evidence.ledger import Ledger
from tests.campwatch.conftest import site_document, write_workspace
from tests.conftest import HOSTILE
from tests.servers import tiny

from .test_guard import Served, serving

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture
def served(reviewed_folder: Path, tmp_path: Path) -> Iterator[Served]:
    shutil.copytree(reviewed_folder, tmp_path / "watch")
    yield from serving(tmp_path / "watch", review=True)


@pytest.fixture
def enter(browser: Browser, served: Served) -> Iterator[Callable[[], Page]]:
    """A browser for each reader, by the newest link; faults and requests elsewhere fail the test."""
    faults: list[str] = []
    contexts = []

    def entered() -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 720})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("pageerror", lambda e: faults.append(f"exception: {e}"))
        # A 409 is the server's word that a run is at work; the page tells it in words.
        page.on(
            "console", lambda m: faults.append(m.text) if m.type == "error" and "409" not in m.text else 0
        )
        home = f"http://127.0.0.1:{served.port}/"
        page.on(
            "request", lambda r: None if r.url.startswith((home, "data:", "blob:")) else faults.append(r.url)
        )
        page.goto(f"{home}enter?token={served.tokens[-1]}")
        page.wait_for_selector("html[data-ready=yes]", state="attached")
        return page

    yield entered
    for context in contexts:
        context.close()
    assert not faults, faults


def to_desk(page: Page, reader: str) -> None:
    page.click("#table a")
    page.wait_for_selector("html[data-ready=yes]", state="attached")
    page.click("#tab-review")
    page.fill("#reviewer", reader)
    page.press("#reviewer", "Enter")
    expect(page.locator(".desk")).to_be_visible()


def stored(page: Page, n: int) -> None:
    until = time.monotonic() + 60
    while page.evaluate("CW.stored || 0") < n:
        assert time.monotonic() < until, page.locator("#sheet-review").inner_text()
        page.wait_for_timeout(100)


def states(workspace: Workspace) -> dict[str, str]:
    (site,) = readable_sites(workspace)
    with open_desk(workspace, site) as desk:
        return {state.subject: state.review_status for state in desk.states()}


def test_two_readers_settle_the_queue_with_the_keyboard(
    served: Served, enter: Callable[[], Page], capsys: pytest.CaptureFixture[str]
) -> None:
    begun = time.monotonic()
    anna = enter()
    to_desk(anna, "anna")
    subjects = anna.evaluate("CW.reviewable().map((s) => s.key)")
    assert subjects[0] == "yard"
    keys = [".", "/", "1"]  # how likely, how sure, accepted: probable coal
    for key in keys:
        anna.keyboard.press(key)
    stored(anna, 1)
    seconds = time.monotonic() - begun
    anna.keyboard.press("5")  # likelihood and confidence stay in sight: one key
    stored(anna, 2)
    served.work.rebuild()

    bora = enter()
    assert anna.context is not bora.context
    to_desk(bora, "bora")
    expect(bora.locator("#desk-role")).to_contain_text("second reader")
    assert bora.evaluate("CW.reviewSubject.key") == "yard"
    assert "accepted" not in json.dumps(bora.evaluate("[CW.data.reviews, CW.live]"))
    bora.click("[data-pick='likelihood:likely']")
    bora.click("[data-pick='confidence:low']")
    bora.click("[data-quick='accepted:probable_coal']")
    stored(bora, 1)
    told = states(served.work.workspace)
    assert told["yard"] == "accepted"
    assert told[subjects[1]] == "awaiting_second"
    with Ledger(served.work.workspace.ledger_path, read_only=True) as ledger:
        actors = [entry.actor for entry in ledger.custody("tiny") if entry.action == "review"]
    assert actors == ["anna", "anna", "bora"]
    assert bora.evaluate("window.__hit") is None
    expect(bora.locator("#site-name")).to_contain_text("<img src=x")
    line = (
        f"first page to a stored verdict: {seconds:.1f} s; keys: {len(keys)} for the first, 1 for each after"
    )
    with capsys.disabled():
        sys.stdout.write(f"\n{line}\n")


def test_a_page_that_is_not_drawn_yet_is_linked_drawn_and_opened_where_its_link_points(
    served: Served, enter: Callable[[], Page]
) -> None:
    (served.work.workspace.maps_folder / "tiny.restricted.html").unlink()
    page = enter()
    address = page.evaluate("document.querySelector('#table a').href")
    assert address.endswith("/tiny.restricted.html")
    page.goto(f"{address}#lang=ko&tab=findings")
    page.wait_for_selector("html[data-ready=yes]", state="attached")
    assert page.evaluate("[CW.lang, CW.state.tab]") == ["ko", "findings"]


def test_a_draft_survives_a_reload(enter: Callable[[], Page]) -> None:
    page = enter()
    to_desk(page, "anna")
    with page.expect_response("**/api/draft"):
        page.fill("#r-note", HOSTILE)
    page.reload()
    page.wait_for_selector("html[data-ready=yes]", state="attached")
    page.click("#tab-review")
    page.select_option("#review-subject", "yard")
    expect(page.locator("#r-note")).to_have_value(HOSTILE)
    assert page.evaluate("window.__hit") is None


def test_a_verdict_that_cannot_be_written_comes_back(
    served: Served, enter: Callable[[], Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = enter()
    to_desk(page, "anna")
    page.fill("#r-note", "half a thought")
    page.click("[data-pick='confidence:low']")
    monkeypatch.setattr("campwatch.serve.work.WAIT_SECONDS", 0.2)
    with served.work.workspace.lock(wait=True):
        with page.expect_response("**/api/review") as answer:
            page.click("[data-quick='undecided:cannot_tell']")
        assert answer.value.status == 409
        expect(page.locator("#q-fault")).to_contain_text("another run is at work")
        expect(page.locator("#r-note")).to_have_value("half a thought")
    page.click("[data-quick='undecided:cannot_tell']")
    stored(page, 1)


def outline(page: Page, corners: list[tuple[int, int]]) -> None:
    box = page.locator("#mapbox").bounding_box()
    for x, y in corners:
        page.mouse.click(box["x"] + x, box["y"] + y)
        time.sleep(0.35)  # not a double click
    page.keyboard.press("Enter")


def test_from_no_boundary_and_no_yard_to_figures(tmp_path: Path, browser: Browser) -> None:
    catalog = tiny.write_catalog(tmp_path / "catalog", dates=tiny.days(6, step=10))
    document = site_document()
    document["features"] = document["features"][:1]
    workspace = open_study(write_workspace(tmp_path / "watch", catalog, document))
    run_workspace(workspace, RunOptions())
    assert workspace.table("stockpile_areas").empty
    for served in serving(workspace.folder, review=True):
        page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
        page.goto(f"http://127.0.0.1:{served.port}/enter?token={served.tokens[-1]}")
        page.wait_for_selector("html[data-ready=yes]", state="attached")
        to_desk(page, "anna")
        page.click("#tab-site")
        page.click("#draw-yard")
        outline(page, [(300, 200), (420, 200), (420, 300), (300, 300)])
        page.fill("#y-name", HOSTILE)
        page.click("#yard-form button[type=submit]")
        expect(page.locator("#edit-done")).to_contain_text("next campwatch run measures")
        page.click("#trace")
        outline(page, [(250, 150), (480, 150), (480, 380), (250, 380)])
        page.click("#boundary-form button[type=submit]")
        page.fill("#b-source", "Sentinel-2")
        page.click("#boundary-form button[type=submit]")
        expect(page.locator("#edit-fault")).to_contain_text("what the line is")
        page.select_option("#b-criterion", "road")
        page.click("#boundary-form button[type=submit]")
        expect(page.locator("#edit-fault")).to_contain_text("accuracy")
        page.fill("#b-accuracy", "12")
        page.click("#boundary-form button[type=submit]")
        expect(page.locator("#edit-done")).to_contain_text("measures against it")
        assert page.evaluate("[CW.data.zones.length, CW.data.boundaries.length]") == [1, 1]
        assert page.evaluate("window.__hit") is None
        page.context.close()
    (site,) = readable_sites(workspace)
    assert site.zones[0].name == HOSTILE
    assert site.boundaries[0].criterion == "road"
    assert site.boundaries[0].accuracy_m == 12
    assert site.boundaries[0].digitised_by == "anna"
    assert site.boundaries[0].image.date is not None
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        edits = [entry for entry in ledger.custody(site.id) if entry.action == ACTION]
    assert [entry.data["decision"] for entry in edits] == ["accepted", "traced"]
    assert all(entry.data["image"]["image_id"] and entry.actor == "anna" for entry in edits)
    run_workspace(workspace, RunOptions())
    assert set(workspace.table("stockpile_areas").zone_id) == {"yard-01"}
    assert set(workspace.table("footprints").boundary_id) == {site.boundaries[0].boundary_id}


def serious(page: Page) -> list[tuple[str, list[str]]]:
    found = Axe().run(page).response["violations"]
    return [
        (v["id"], [str(n["target"]) for n in v["nodes"]][:5])
        for v in found
        if v["impact"] in {"serious", "critical"}
    ]


@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing_serious_in_the_states_of_a_served_page(
    enter: Callable[[], Page], width: int
) -> None:
    page = enter()
    page.set_viewport_size({"width": width, "height": 844})
    assert not serious(page), "first page"
    to_desk(page, "anna")
    assert not serious(page), "desk"
    page.click("#all-fields > summary")
    assert not serious(page), "all fields"
    page.click("#tab-site")
    page.click("#draw-yard")
    assert not serious(page), "yards"
    page.keyboard.press("Escape")
    page.click("#trace")
    outline(page, [(150, 250), (250, 250), (250, 350), (150, 350)])
    expect(page.locator("#boundary-form")).to_be_visible()
    assert not serious(page), "boundary"
    for tab in ("figures", "findings", "layers"):
        page.click(f"#tab-{tab}")
        assert not serious(page), tab


EVIL = """<!DOCTYPE html><script>
const target = "http://127.0.0.1:%d";
const tell = [];
const body = JSON.stringify({ code: "eve", site: "tiny" });
(async () => {
  for (const path of ["/", "/api/state?site=tiny", "/tiny.restricted.html"]) {
    try { tell.push(["read", (await (await fetch(target + path, { credentials: "include" })).text()).length]); } catch (e) { tell.push(["read", 0]); }
  }
  for (const headers of [{ "content-type": "text/plain" }, { "content-type": "application/json" }]) {
    try { await fetch(target + "/api/reader", { method: "POST", mode: "no-cors", credentials: "include", headers, body }); } catch (e) { /* refused */ }
    try { await fetch(target + "/api/reader", { method: "POST", credentials: "include", headers, body }); tell.push(["post", 1]); } catch (e) { tell.push(["post", 0]); }
  }
  await new Promise((done) => { const s = document.createElement("script"); s.src = target + "/api/state?site=tiny"; s.onload = () => { tell.push(["script", 1]); done(); }; s.onerror = () => { tell.push(["script", 0]); done(); }; document.head.append(s); });
  await new Promise((done) => { const f = document.createElement("iframe"); f.src = target + "/"; f.onload = () => { let seen = 0; try { seen = f.contentDocument.body.textContent.length; } catch (e) { /* other origin */ } tell.push(["frame", seen]); done(); }; document.documentElement.append(f); });
  window.told = tell;
})();
</script>"""  # noqa: E501


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_page_of_another_origin_can_neither_read_nor_post(
    served: Served, enter: Callable[[], Page], httpserver: HTTPServer, name: str
) -> None:
    own = enter()  # the session's cookie is in this browser
    httpserver.expect_request("/").respond_with_data(EVIL % served.port, content_type="text/html")
    evil = own.context.new_page()
    evil.goto(f"http://{name}:{httpserver.port}/")
    until = time.monotonic() + 60
    while not (told := evil.evaluate("window.told || null")):
        assert time.monotonic() < until
        evil.wait_for_timeout(200)
    assert {what for what, _ in told} == {"read", "post", "script", "frame"}
    assert [got for _, got in told] == [0] * len(told)
    assert served.work.workspace.site_ids() == ["tiny"]
    cookie = own.context.cookies(f"http://127.0.0.1:{served.port}")[0]
    session = f"{cookie['name']}={cookie['value']}"
    body = {"code": "anna", "site": "tiny"}
    status, _, _ = served.post("/api/reader", body, session, served.key(session))
    assert status == 200  # nobody had named a reader before
