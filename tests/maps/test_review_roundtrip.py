"""From a run to the map, from its review file into the ledger, and back onto the map; on a phone too."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from campwatch.identity import system_clock
from campwatch.pages.drawing import draw
from campwatch.reviews.desk import open_desk
from campwatch.workspace import Workspace, open_workspace, readable_sites
from evidence.ledger import Ledger
from maps.review_format import read_review

pytestmark = [pytest.mark.browser, pytest.mark.long]
Open = Callable[..., Page]


@pytest.fixture
def workspace(reviewed_folder: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(reviewed_folder, tmp_path / "watch")
    return open_workspace(tmp_path / "watch")


def judge(page: Page, subject: str, verdict: str) -> None:
    page.select_option("#review-subject", subject)
    if not page.locator("#r-verdict").is_visible():
        page.click("#all-fields > summary")
    page.select_option("#r-verdict", verdict)
    page.select_option("#r-reason", "probable_coal")
    page.select_option("#r-likelihood", "likely")
    page.select_option("#r-confidence", "moderate")
    if verdict == "accepted":
        for field, value in (("provider", "Maxar"), ("id", "104"), ("date", "2024-04-01"), ("res", "0.5")):
            page.fill(f"#e-{field}", value)
        page.click("#e-add")
    page.click("#verdict-form button[type=submit]")


def reviewed(page: Page, reviewer: str, verdicts: dict[str, str], target: Path) -> Path:
    page.click("#tab-review")
    page.fill("#reviewer", reviewer)
    page.press("#reviewer", "Tab")
    for subject, verdict in verdicts.items():
        judge(page, subject, verdict)
    with page.expect_download() as download:
        page.click("#download")
    download.value.save_as(target)
    return target


def states(workspace: Workspace) -> dict[str, str]:
    (site,) = readable_sites(workspace)
    with open_desk(workspace, site) as desk:
        return {state.subject: state.review_status for state in desk.states()}


def take(workspace: Workspace, path: Path) -> None:
    (site,) = readable_sites(workspace)
    with open_desk(workspace, site) as desk:
        desk.take(read_review(path), system_clock)


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)], ids=["desktop", "phone"])
def test_two_reviewers_settle_a_zone_and_a_random_place(
    workspace: Workspace, open_page: Open, tmp_path: Path, width: int, height: int
) -> None:
    path, *_ = draw(workspace, (), restricted=True, progress=str)
    page = open_page(path, width=width, height=height)
    queue = page.evaluate("CW.data.queue.map((item) => [item.kind, item.subject])")
    places = [subject for kind, subject in queue if kind == "place"]
    assert len(places) == 10
    assert queue[0] == ["zone", "yard"]
    verdicts = {"yard": "accepted", places[0]: "rejected", places[1]: "accepted"}
    take(workspace, reviewed(page, "anna", verdicts, tmp_path / "anna.json"))
    assert {states(workspace)[subject] for subject in verdicts} == {"awaiting_second"}

    path, *_ = draw(workspace, (), restricted=True, progress=str)
    text = path.read_text("utf-8")
    assert '"verdict":"accepted"' not in text  # the first verdict is not in the page
    page = open_page(path, width=width, height=height)
    verdicts[places[1]] = "rejected"
    take(workspace, reviewed(page, "bora", verdicts, tmp_path / "bora.json"))
    told = states(workspace)
    assert [told[subject] for subject in verdicts] == ["accepted", "rejected", "disputed"]
    path, *_ = draw(workspace, (), restricted=True, progress=str)
    page = open_page(path, width=width, height=height)
    page.click("#tab-review")
    page.fill("#reviewer", "chan")
    page.press("#reviewer", "Tab")
    expect(page.locator("#review-subject optgroup").last).to_have_attribute("label", "Settled (2)")
    assert page.evaluate(f"CW.queued({json.dumps(places[1])}).status") == "disputed"


def test_a_place_is_shown_on_the_map_while_it_is_judged(workspace: Workspace, open_page: Open) -> None:
    path, *_ = draw(workspace, (), restricted=True, progress=str)
    page = open_page(path)
    page.click("#tab-review")
    page.fill("#reviewer", "anna")
    page.press("#reviewer", "Tab")
    place = page.evaluate("CW.data.places[0].id")
    assert page.locator(f"path[data-subject={place}]").count() == 0
    page.select_option("#review-subject", place)
    expect(page.locator(f"path[data-subject={place}]")).to_have_count(1)
    expect(page.locator(".desk")).to_contain_text("the machine detected nothing here")
    expect(page.locator("#r-verdict")).to_contain_text("something was missed here")


def test_a_verdict_on_changed_evidence_can_be_given_again_by_the_same_person(
    workspace: Workspace, open_page: Open, tmp_path: Path
) -> None:
    path, *_ = draw(workspace, (), restricted=True, progress=str)
    take(workspace, reviewed(open_page(path), "anna", {"yard": "rejected"}, tmp_path / "a.json"))
    with Ledger(workspace.ledger_path) as ledger:
        stored = ledger.current("stockpile_areas", site_id="tiny")[0]
        area = {**stored.row.data["area_ha"], "value": 9.0, "low": 8.0, "high": 10.0}
        changed = replace(stored.row, data={**stored.row.data, "area_ha": area}, inputs_hash="changed")
        (measured, *_) = [entry for entry in ledger.custody("tiny") if entry.action == "measure"]
        ledger.append(
            [changed], chain="tiny", run_id="again", time="2026-01-01T00:00:00Z", actor="test",
            action="measure", details={"inputs": measured.data["inputs"]},
        )  # fmt: skip
    assert states(workspace)["yard"] == "reopened"
    path, *_ = draw(workspace, (), restricted=True, progress=str)
    page = open_page(path)
    page.click("#tab-review")
    page.fill("#reviewer", "anna")
    page.press("#reviewer", "Tab")
    page.select_option("#review-subject", "yard")
    expect(page.locator(".desk")).to_contain_text("area_ha left its interval")
    target = reviewed(page, "anna", {"yard": "rejected"}, tmp_path / "b.json")
    take(workspace, target)
    assert states(workspace)["yard"] == "awaiting_second"
