"""The first page: what is new, unseen, waiting; sorting and searching by any alias."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from shapely.affinity import translate

from aoi.records import Sensitivity
from evidence.quantity import Quantity
from maps.overview import write_overview
from maps.records import Profile, RunInfo, SiteMapData, SiteSummary

pytestmark = pytest.mark.browser
NOW = dt.datetime(2024, 5, 1, 2, 36, tzinfo=dt.UTC)


def q(value: float) -> Quantity:
    return Quantity.measured(value, sd_random=0.1)


@pytest.fixture(scope="module")
def first_page(make: Callable[..., SiteMapData], tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = make().site
    named = [
        ("alpha", "Alpha mine", "가", ("Tŭkchang", "득장")),
        ("beta", "Beta mine", "나", ("Pongch’ang-ri",)),
        ("gamma", "Gamma mine", None, ()),
    ]
    sites = [
        replace(site, id=i, name=n, name_ko=k, aliases=a, aoi=translate(site.aoi, 0.1 * j, 0.05 * j))
        for j, (i, n, k, a) in enumerate(named)
    ]
    summaries = [
        SiteSummary(
            site=sites[0], map_path="alpha.html", last_look=NOW, last_attempt=NOW, stockpile_ha=q(1.0),
            stockpile_date=NOW.date(), footprint_ha=q(10), outside_ha=q(0.5), new_findings=2, new_since=NOW,
            awaiting_second_review=1, open_alerts=1, trend="rising", trend_test="Mann–Kendall p = 0.004",
        ),
        SiteSummary(
            site=sites[1], map_path="beta.html", last_look=NOW - dt.timedelta(days=30), last_attempt=NOW,
            not_seen_reason="all cloud", stockpile_ha=q(3.0), trend="falling",
        ),
        SiteSummary(site=sites[2], stockpile_ha=Quantity.not_assessable("fewer than five looks")),
    ]  # fmt: skip
    run = RunInfo(run_id="run-1", as_of=NOW, version="0.1")
    folder = tmp_path_factory.mktemp("first")
    return write_overview(folder / "index.html", summaries, run=run, profile=Profile(restricted=True))


def names(page: Page) -> list[str]:
    return page.locator("#table tbody .site-name").all_inner_texts()


def test_cards_tell_new_unseen_and_waiting(first_page: Path, open_page: Callable[..., Page]) -> None:
    page = open_page(first_page)
    cards = page.locator(".over-card")
    expect(cards.nth(0)).to_contain_text("Alpha mine")
    expect(cards.nth(1)).to_contain_text("all cloud")
    expect(cards.nth(1)).to_contain_text("never seen")
    expect(cards.nth(2)).to_contain_text("1 awaiting")


def test_intervals_come_first_and_no_trend_without_its_test(
    first_page: Path, open_page: Callable[..., Page]
) -> None:
    page = open_page(first_page)
    expect(page.locator("tr[data-site=alpha]")).to_contain_text("0.80–1.20")
    expect(page.locator("tr[data-site=alpha]")).to_contain_text("Mann–Kendall p = 0.004")
    expect(page.locator("tr[data-site=beta]")).not_to_contain_text("falling")
    expect(page.locator("tr[data-site=gamma]")).to_contain_text("fewer than five looks")


def test_a_site_is_the_sum_of_its_zones_or_its_zones_by_name(
    make: Callable[..., SiteMapData], open_page: Callable[..., Page], tmp_path: Path
) -> None:
    site = make().site
    day = NOW.date()
    summaries = [
        SiteSummary(
            site=replace(site, id="whole"), last_look=NOW, stockpile_ha=q(4.0), stockpile_date=day,
            stockpile_zones=(("one", q(1.0), day), ("two", q(3.0), day)), stockpile_hidden=True,
        ),
        SiteSummary(
            site=replace(site, id="parts"), last_look=NOW,
            stockpile_zones=(("one", q(1.0), day), ("two", None, None)), new_findings=1, new_all=3,
            new_by={"anna": 2}, new_since=NOW,
        ),
    ]  # fmt: skip
    path = write_overview(tmp_path / "index.html", summaries, profile=Profile(restricted=True))
    page = open_page(path)
    whole, parts = page.locator("tr[data-site=whole]"), page.locator("tr[data-site=parts]")
    for text in ("3.80–4.20", "sum of 2 zones", "public zones only"):
        expect(whole).to_contain_text(text)
    for text in ("one", "0.80–1.20", "Not measured: two"):
        expect(parts).to_contain_text(text)
    expect(parts).not_to_contain_text("sum of")
    expect(page.locator(".over-card").nth(0).locator(".count")).to_have_text("1")
    page.select_option("#reader", "anna")
    expect(page.locator(".over-card").nth(0).locator(".count")).to_have_text("2")
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_a_public_first_page_tells_nothing_of_reviews_and_alerts(
    make: Callable[..., SiteMapData], open_page: Callable[..., Page], tmp_path: Path
) -> None:
    site = replace(make().site, sensitivity=Sensitivity.PUBLIC)
    path = write_overview(tmp_path / "index.html", [SiteSummary(site=site, last_look=NOW)], profile=Profile())
    page = open_page(path)
    assert page.locator("[data-sort=alerts], [data-sort=queue], [data-sort=new]").count() == 0
    expect(page.locator(".over-card")).to_have_count(1)


def test_the_age_of_the_last_look_follows_the_clock(first_page: Path, open_page: Callable[..., Page]) -> None:
    page = open_page(first_page)
    days = (dt.datetime.now(dt.UTC) - NOW).days
    expect(page.locator("tr[data-site=alpha]")).to_contain_text(f"{days} days ago")
    expect(page.locator(".over-card").nth(1)).to_contain_text("Alpha mine")  # long not seen, though seen then


def test_sorts_by_any_column(first_page: Path, open_page: Callable[..., Page]) -> None:
    page = open_page(first_page)
    assert names(page) == ["Alpha mine", "Beta mine", "Gamma mine"]
    page.click("[data-sort=stockpile]")
    assert names(page) == ["Beta mine", "Alpha mine", "Gamma mine"]
    page.click("[data-sort=stockpile]")
    assert names(page) == ["Gamma mine", "Alpha mine", "Beta mine"]
    expect(page.locator("th[aria-sort=ascending]")).to_have_count(1)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("tukchang", ["Alpha mine"]),
        ("득장", ["Alpha mine"]),
        ("pongchang", ["Beta mine"]),
        ("나", ["Beta mine"]),
        ("zzz", []),
    ],
)
def test_searches_by_any_alias(
    first_page: Path, open_page: Callable[..., Page], wanted: str, found: list[str]
) -> None:
    page = open_page(first_page)
    page.fill("#search", wanted)
    assert names(page) == found


def test_links_language_and_accessibility(first_page: Path, open_page: Callable[..., Page]) -> None:
    page = open_page(first_page)
    assert page.locator("tr[data-site=alpha] a").get_attribute("href") == "alpha.html"
    serious = [
        v["id"] for v in Axe().run(page).response["violations"] if v["impact"] in {"serious", "critical"}
    ]
    assert not serious, serious
    page.click("#lang button[data-lang=ko]")
    expect(page.locator("h1")).to_have_text("감시 대상지")
    phone = open_page(first_page, width=390, height=844)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


def test_figures_without_references_are_starred_and_the_star_is_explained(
    first_page: Path, open_page: Callable[..., Page]
) -> None:
    page = open_page(first_page)
    assert page.locator("tr[data-site=alpha] .star").count() == 3
    expect(page.locator("#validation")).to_have_text("* Interval from simulation; not validated at this site")
    page.click("#lang button[data-lang=ko]")
    expect(page.locator("#validation")).to_contain_text("이 장소에서 검증되지 않았습니다")
