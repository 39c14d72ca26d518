"""The desk of a page from disk: one key a verdict, drafts that stay, a file that is loaded back in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from maps.records import SiteMapData
from maps.review_format import read_review
from maps.site_map import write_site_map

pytestmark = pytest.mark.browser
Open = Callable[..., Page]


@pytest.fixture
def desk(make: Callable[..., SiteMapData], tmp_path: Path, open_page: Open) -> Page:
    page = open_page(write_site_map(tmp_path / "m.html", replace(make(), verdicts=())))
    page.click("#tab-review")
    page.fill("#reviewer", "anna")
    page.press("#reviewer", "Enter")
    expect(page.locator(".desk")).to_be_visible()
    return page


def kept(page: Page) -> list[dict[str, str]]:
    return page.evaluate("CW.own()")


def test_the_first_verdict_takes_three_keys_and_each_further_one_takes_one(desk: Page) -> None:
    first = desk.evaluate("CW.reviewSubject.key")
    expect(desk.locator(".desk canvas")).to_have_count(2)
    expect(desk.locator("#desk-role")).to_contain_text("first reader")
    for key in (".", "/", "1"):
        desk.keyboard.press(key)
    assert [(v["subject"], v["verdict"], v["reason_code"]) for v in kept(desk)] == [
        (first, "accepted", "ground_works")
    ]
    assert len(kept(desk)[0]["evidence_viewed"]) == 2  # both chips in sight
    assert desk.evaluate("CW.reviewSubject.key") != first
    desk.keyboard.press("5")
    assert [v["verdict"] for v in kept(desk)] == ["accepted", "rejected"]


def test_a_decision_without_likelihood_is_not_taken(desk: Page) -> None:
    desk.keyboard.press("1")
    expect(desk.locator("#q-fault")).to_contain_text("ikelihood")
    assert kept(desk) == []
    desk.keyboard.press("0")  # undecided needs neither
    assert [v["verdict"] for v in kept(desk)] == ["undecided"]


def test_what_was_begun_survives_another_language_and_another_finding(desk: Page) -> None:
    desk.fill("#r-note", "두 번째 도로")
    desk.click("[data-pick='likelihood:likely']")
    desk.click("[data-lang=ko]")
    expect(desk.locator("#r-note")).to_have_value("두 번째 도로")
    expect(desk.locator("[data-pick='likelihood:likely']")).to_have_attribute("aria-pressed", "true")
    desk.click("#go-next")
    expect(desk.locator("#r-note")).to_have_value("")
    desk.click("#go-previous")
    expect(desk.locator("#r-note")).to_have_value("두 번째 도로")


def test_the_last_verdict_can_be_taken_back(desk: Page) -> None:
    first = desk.evaluate("CW.reviewSubject.key")
    for key in (".", "/", "4"):
        desk.keyboard.press(key)
    desk.click("#take-back")
    assert kept(desk) == []
    assert desk.evaluate("CW.reviewSubject.key") == first


def test_a_review_file_is_loaded_back_in(desk: Page, open_page: Open, tmp_path: Path) -> None:
    for key in (".", "/", "4", "1"):
        desk.keyboard.press(key)
    with desk.expect_download() as download:
        desk.click("#download")
    target = tmp_path / "anna.json"
    download.value.save_as(target)
    assert len(read_review(target).verdicts) == 2
    page = open_page(tmp_path / "m.restricted.html")
    page.click("#tab-review")
    page.fill("#reviewer", "bora")
    page.press("#reviewer", "Enter")
    page.set_input_files("#load", target)
    expect(page.locator("#hint")).to_contain_text("another reviewer")
    page.fill("#reviewer", "anna")
    page.press("#reviewer", "Enter")
    page.set_input_files("#load", target)
    expect(page.locator("#kept-line, .kept")).to_contain_text(["", "rejected"])
    assert len(kept(page)) == 2
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps({"format": "x"}))
    page.set_input_files("#load", broken)
    expect(page.locator("#hint")).to_contain_text("not a review file")
