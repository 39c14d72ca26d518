"""Where it is, what changed, how sure, what next; the ground's sums; tools that carry the state along."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from detection.ground.records import FOOTPRINTS
from maps.records import Profile, SiteMapData
from maps.site_map import write_site_map

from .conftest import q, records_of, with_records

pytestmark = pytest.mark.browser
Open = Callable[..., Page]


def with_accounts(data: SiteMapData) -> SiteMapData:
    """Each year with the terms that its figures are summed from."""
    terms = {
        "before_ha": q(4), "opened_ha": q(2), "closed_ha": q(1), "open_ha": q(1.5), "open_before_ha": q(1),
        "open_opened_ha": q(1), "deepened_ha": q(0.2), "regrown_ha": q(0.3), "open_closed_ha": q(0.4),
        "bare_at_start_ha": q(7),
    }  # fmt: skip
    return with_records(data, FOOTPRINTS, [replace(f, **terms) for f in records_of(data, FOOTPRINTS)])


@pytest.fixture
def path(make: Callable[..., SiteMapData], tmp_path: Path) -> Path:
    return write_site_map(tmp_path / "m.html", with_accounts(make()))


def test_the_place_is_told_in_three_ways_and_copied_by_one_click(path: Path, open_page: Open) -> None:
    page = open_page(path)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    where = page.evaluate("CW.data.site.where")
    expect(page.locator("#site-sub")).to_contain_text(f"{where['lat']}")
    expect(page.locator("#brief .locator")).to_be_visible()
    expect(page.locator("[data-copy=coord_mgrs]")).to_contain_text(where["mgrs"])
    page.click("[data-copy=coord_decimal]")
    expect(page.locator("#hint")).to_contain_text(f"{where['lat']}, {where['lon']}")


def test_the_nearest_town_and_the_names_around_it_are_told_in_the_language_of_the_page(
    path: Path, open_page: Open
) -> None:
    page = open_page(path)
    where = page.evaluate("[CW.data.site.where.lat, CW.data.site.where.lon]")
    assert where == pytest.approx([39.566, 126.07], abs=0.01)  # Sunchon: 39.43, 125.93
    expect(page.locator("#site-sub")).to_contain_text("19 km north-east of Sunchon")
    page.evaluate("CW.map.setMinZoom(6); CW.map.setZoom(8)")
    names = page.locator("[aria-hidden=true] .town span")
    assert {"Kaechon", "Pyongyang"} <= set(names.all_inner_texts())
    page.click("[data-lang=ko]")
    expect(page.locator("#site-sub")).to_contain_text("순천에서 북동쪽 19 km")
    assert {"개천", "평양"} <= set(names.all_inner_texts())
    assert page.evaluate("CW.nearTown(10, 10)") is None


def test_public_pages_round_the_place_and_keep_the_grid_to_themselves(
    make: Callable[..., SiteMapData], tmp_path: Path, open_page: Open
) -> None:
    data = replace(make(restricted=False), profile=Profile(coordinate_decimals=2))
    page = open_page(write_site_map(tmp_path / "public.html", data))
    where = page.evaluate("CW.data.site.where")
    assert "mgrs" not in where
    assert where["lat"] == round(where["lat"], 2)
    expect(page.locator("#brief")).to_contain_text("rounded for public use")


def test_what_is_next_is_one_click_away(path: Path, open_page: Open) -> None:
    page = open_page(path)
    expect(page.locator("#brief")).to_contain_text("Newly disturbed in the year")
    page.click("#next-step")
    expect(page.locator("#sheet-review, #card")).to_have_count(2)


def test_the_ground_s_sentence_adds_up(path: Path, open_page: Open) -> None:
    page = open_page(path)
    expect(page.locator("#ground-sentence")).to_contain_text("6.00 ha disturbed = 4.00")
    rows = page.locator("#ground-table tbody tr")
    expect(rows).to_have_count(6)
    expect(rows.last).to_contain_text("=")
    expect(page.locator("#sheet-figures")).to_contain_text("Bare when first seen")


def test_a_link_opens_the_finding_of_its_sender(path: Path, open_page: Open) -> None:
    page = open_page(path)
    page.click("#tab-findings")
    page.click("#sheet-findings .finding >> nth=0")
    title = page.locator("#card h3").inner_text()
    assert "D-" not in title  # words, not ids
    other = open_page(path, fragment=page.evaluate("location.hash"))
    expect(other.locator("#card h3")).to_have_text(title)
    assert other.evaluate("CW.state.date") == page.evaluate("CW.state.date")


@pytest.mark.parametrize(
    ("text", "lat", "lon"),
    [
        ("39.5612, 126.0934", 39.5612, 126.0934),
        ("39.5612 N 126.0934 E", 39.5612, 126.0934),
        ("39°33'40\"N 126°05'36\"E", 39.5611, 126.0933),
        ("-12.5; -70", -12.5, -70.0),
    ],
)
def test_places_are_read_as_people_write_them(
    path: Path, open_page: Open, text: str, lat: float, lon: float
) -> None:
    page = open_page(path)
    assert page.evaluate("(t) => CW.parsePlace(t)", text) == pytest.approx([lat, lon], abs=2e-4)
    for wrong in ("", "Pyongyang", "91, 0", "39.5", "39°33'N 40°N"):
        assert page.evaluate("(t) => CW.parsePlace(t)", wrong) is None


def test_pointing_at_the_chart_moves_the_date_and_leaving_brings_it_back(path: Path, open_page: Open) -> None:
    page = open_page(path)
    chart = page.locator("#stock-chart svg")
    chart.scroll_into_view_if_needed()
    kept = page.evaluate("CW.state.date")
    chart.hover(position={"x": 80, "y": 50})
    assert page.evaluate("CW.state.date") != kept
    page.mouse.move(5, 5)
    assert page.evaluate("CW.state.date") == kept
    chart.click(position={"x": 80, "y": 50})
    page.mouse.move(5, 5)
    assert page.evaluate("CW.state.date") != kept


def test_the_saved_picture_says_what_it_is(path: Path, open_page: Open) -> None:
    page = open_page(path)
    page.wait_for_timeout(600)
    with page.expect_download() as download:
        page.click("#btn-save")
    assert "restricted" in download.value.suggested_filename
    picture = Image.open(io.BytesIO(Path(download.value.path()).read_bytes())).convert("RGB")
    width, height = picture.size
    assert height > 1000
    foot = picture.crop((0, height - 140, width, height))
    red = sum(1 for r, g, b in foot.get_flattened_data() if r > 140 and g < 60 and b < 80)
    assert red > 200  # the mark of restriction
    assert len(set(picture.crop((0, 0, width, height - 160)).resize((40, 40)).get_flattened_data())) > 50


def test_the_map_is_moved_by_the_keyboard(path: Path, open_page: Open) -> None:
    page = open_page(path)
    before = page.evaluate("[CW.map.getCenter().lng, CW.state.date]")
    page.keyboard.press("Shift+ArrowRight")
    after = page.evaluate("[CW.map.getCenter().lng, CW.state.date]")
    assert after[0] > before[0]
    assert after[1] == before[1]


def test_nothing_that_was_typed_is_lost_with_the_language(path: Path, open_page: Open) -> None:
    page = open_page(path)
    page.click("#tab-review")
    page.fill("#reviewer", "anna")
    page.press("#reviewer", "Enter")
    page.click("#observation-block summary")
    page.fill("#o-label", "초소")
    page.click("[data-lang=ko]")
    expect(page.locator("#o-label")).to_have_value("초소")


def test_the_legend_is_on_the_map_and_follows_the_layers(path: Path, open_page: Open) -> None:
    page = open_page(path)
    expect(page.locator("#legend li").first).to_be_visible()
    before = page.locator("#legend li").count()
    page.click("#tab-layers")
    page.uncheck("[data-layer=zones]")
    assert page.locator("#legend li").count() == before - 1


def test_a_saved_picture_is_hatched_where_nothing_was_seen(path: Path, open_page: Open) -> None:
    page = open_page(path)
    page.evaluate("CW.change({ date: 12 })")  # every third look has a cloud in its north-western corner
    page.wait_for_selector(".hatch-clouded", state="attached")
    differing = """async () => {
        const map = CW.map.getContainer().getBoundingClientRect();
        const at = CW.placed(document.querySelector(".hatch-clouded"), map);
        const corner = async () => (await CW.pictureCanvas(1)).getContext("2d").getImageData(at.x + 30, at.y + 60, 60, 40).data;
        const hatched = await corner();
        CW.toggleLayer("hatching", false);
        const plain = await corner();
        return hatched.filter((value, k) => Math.abs(value - plain[k]) > 40).length / hatched.length;
    }"""  # noqa: E501
    assert 0.1 < page.evaluate(differing) < 0.6
