"""The site map as an analyst uses it, with the network unplugged."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from detection.ground.records import DISTURBANCE_GROWTH, DISTURBANCES, DisturbanceGrowth
from detection.sampling.references import ReferenceSummary, SiteCheck
from evidence.layers import ReferenceKind, by_name
from maps.records import RaisedAlert, SiteMapData
from maps.review_format import read_review
from maps.site_map import write_site_map

from .conftest import q, records_of, with_records

pytestmark = pytest.mark.browser
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def site_page(make: Callable[..., SiteMapData], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_site_map(tmp_path_factory.mktemp("maps") / "test-mine.html", make())


def state(page: Page, key: str) -> object:
    return page.evaluate(f"CW.state.{key}")


def until(page: Page, condition: str) -> None:
    """Wait for it; the page's own policy forbids the usual way, which evaluates text inside the page."""
    deadline = time.monotonic() + 10
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(30)


def drawn(page: Page) -> None:
    until(page, "CW.after.shown.length > 0")


def test_slider_steps_plays_and_jumps_over_what_was_not_seen(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    drawn(page)
    assert state(page, "date") == 17
    page.click("#btn-prev")
    assert state(page, "date") == 16
    page.focus("#slider")
    page.keyboard.press("ArrowLeft")
    assert state(page, "date") == 15
    page.evaluate("CW.change({ date: 6 })")
    page.keyboard.press("ArrowLeft")
    assert state(page, "date") == 4, "the clouded look is stepped over"
    page.uncheck("#only-usable")
    page.click("#btn-next")
    assert state(page, "date") == 5
    expect(page.locator("#now")).to_contain_text("all cloud")
    page.check("#only-usable")
    page.evaluate("CW.change({ date: 15 })")
    page.click("#btn-play")
    until(page, "CW.state.date === 17 && !CW.state.playing")


def test_slider_shows_the_picture_of_its_date(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    drawn(page)
    first = page.evaluate("CW.after.shown[0]._url.length + ':' + CW.after.shown[0]._url.slice(-64)")
    page.keyboard.press("ArrowLeft")
    until(page, "CW.after.date === 16 && CW.after.shown.length > 0")
    page.wait_for_function(
        "(x) => CW.after.shown[0]._url.length + ':' + CW.after.shown[0]._url.slice(-64) !== x", arg=first
    )


def test_views_by_button_and_key(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    drawn(page)
    page.click("#views button[data-view=false]")
    until(page, "CW.after.view === 'false' && CW.after.shown.length > 0")
    page.locator("body").press("3")
    until(page, "CW.after.view === 'change'")
    assert page.locator("#views button[data-view=change]").get_attribute("aria-pressed") == "true"


def test_swipe_clips_each_side_and_moves_by_mouse_and_key(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    drawn(page)
    page.click("#btn-compare")
    until(page, "CW.before.shown.length > 0")
    box = page.locator("#swipe").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 22, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] + 222, box["y"] + 300)
    page.mouse.up()
    split = state(page, "split")
    assert isinstance(split, float)
    assert split > 0.6
    page.focus("#swipe")
    page.keyboard.press("ArrowLeft")
    assert state(page, "split") == pytest.approx(split - 0.02)
    clips = page.evaluate("['before', 'after'].map((n) => CW.map.getPane(n + '-imagery').style.clip)")
    assert all(clip.startswith("rect(") for clip in clips)
    assert clips[0] != clips[1]


def test_two_dates_of_the_swipe_are_free_and_swap(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    drawn(page)
    page.click("#btn-compare")
    page.select_option("#before", "3")
    assert (state(page, "before"), state(page, "date")) == (3, 17)
    page.locator("body").press("s")
    assert (state(page, "before"), state(page, "date")) == (17, 3)


def test_same_season_last_year_by_key(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    drawn(page)
    page.locator("body").press("y")
    assert state(page, "compare") is True
    days = page.evaluate(
        "(Date.parse(CW.dates[CW.state.date].utc) - Date.parse(CW.dates[CW.state.before].utc)) / 86400e3"
    )
    assert abs(days - 365) <= 45


def test_layers_switch_and_hide_all(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    drawn(page)
    assert page.locator("path[data-subject=yard]").count() == 1
    page.click("#tab-layers")
    page.uncheck("input[data-layer=zones]")
    assert page.locator("path[data-subject=yard]").count() == 0
    page.locator("body").press("h")
    assert page.locator("path[data-subject]").count() == 0
    page.locator("body").press("h")
    assert page.locator("path[data-subject=D-1]").count() == 1


def test_popup_tells_area_first_as_interval_with_chips_scenes_and_dates(
    site_page: Path, open_page: Open
) -> None:
    page = open_page(site_page)
    drawn(page)
    page.locator("path[data-subject='D-1']").click()
    card = page.locator("#card")
    expect(card).to_contain_text("1.00–1.40 ha")
    expect(card).to_contain_text("2023-05-02 – 2023-06-01")
    expect(card).to_contain_text("crossing boundary")
    expect(card).to_contain_text("Simulated imagery")
    assert card.locator("canvas").count() == 2
    until(
        page,
        "[...document.querySelectorAll('#card canvas')].every("
        "(c) => new Set(c.getContext('2d').getImageData(0, 0, 300, 300).data).size > 20)",
    )
    card.locator("summary").first.click()
    expect(card).to_contain_text("SIM_010")
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()


def test_pile_card_has_utc_and_local_dates_and_its_series(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    drawn(page)
    page.focus("path[data-subject='yard/p1']")
    page.keyboard.press("Enter")
    card = page.locator("#card")
    expect(card).to_contain_text("UTC")
    expect(card).to_contain_text("local")
    expect(card).to_contain_text("not volume, tonnage, production or origin")
    assert card.locator("svg.chart circle").count() == 17


def test_pile_outline_follows_the_date(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    drawn(page)
    late = page.locator("path[data-subject='yard/p1']").get_attribute("d")
    page.evaluate("CW.change({ date: 0 })")
    assert page.locator("path[data-subject='yard/p1']").get_attribute("d") != late


def test_clicking_the_chart_moves_the_slider_and_the_slider_moves_the_cursor(
    site_page: Path, open_page: Open
) -> None:
    page = open_page(site_page)
    drawn(page)
    chart = page.locator("#stock-chart svg")
    box = chart.bounding_box()
    assert box is not None
    before = chart.locator(".cursor").get_attribute("x1")
    chart.click(position={"x": box["width"] * 0.3, "y": box["height"] * 0.5})
    assert isinstance(state(page, "date"), int)
    assert state(page, "date") < 9
    assert page.locator("#stock-chart svg .cursor").get_attribute("x1") != before


def test_series_leaves_a_gap_where_nobody_looked(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    drawn(page)
    expect(page.locator("#stock-chart .middle")).to_have_count(2)
    expect(page.locator("#footprint-chart .bar-inside")).to_have_count(3)
    assert page.locator("#footprint-chart .bar-outside").count() == 3


def test_look_calendar_tells_four_fates_apart(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    drawn(page)
    counts = {
        k: page.locator(f"svg.calendar .look-mark .look-{k}").count()
        for k in ("usable", "clouded", "missing", "unexplained")
    }
    assert counts == {"usable": 17, "clouded": 1, "missing": 1, "unexplained": 1}


def test_hatching_tells_its_reason_on_demand(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    page.evaluate("CW.change({ date: 15 })")
    until(page, "CW.after.mask && CW.after.date === 15 && CW.after.hatches.length > 0")
    at = page.evaluate(
        "(() => { const b = CW.data.grid.bounds;"
        "const p = CW.map.latLngToContainerPoint([b[3] - (b[3] - b[1]) * .14, b[0] + (b[2] - b[0]) * .12]);"
        "const r = CW.map.getContainer().getBoundingClientRect(); return [r.x + p.x, r.y + p.y]; })()"
    )
    page.mouse.move(*at)
    expect(page.locator("#readout")).to_contain_text("Not seen: cloud")
    page.mouse.click(*at)
    expect(page.locator(".reason-popup")).to_contain_text("Nothing is measured under it")


def test_korean_switch(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    drawn(page)
    page.click("#lang button[data-lang=ko]")
    expect(page.locator("#site-name")).to_have_text("시험 광산")
    expect(page.locator("#tab-figures")).to_have_text("수치")
    assert page.evaluate("document.documentElement.lang") == "ko"
    page.click("#lang button[data-lang=en]")
    expect(page.locator("#tab-figures")).to_have_text("Figures")


def test_permalink_restores_date_layers_and_view(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    drawn(page)
    page.evaluate(
        "CW.change({ date: 7, before: 2, compare: true, view: 'false', split: 0.3 });"
        "CW.toggleLayer('zones', false); CW.map.setZoom(16, { animate: false })"
    )
    address = page.evaluate("location.hash")
    again = open_page(site_page, fragment=address)
    drawn(again)
    for key, value in {"date": 7, "before": 2, "compare": True, "view": "false", "split": 0.3}.items():
        assert state(again, key) == value
    assert "zones" not in str(state(again, "layers"))
    assert again.evaluate("CW.map.getZoom()") == 16


def test_measure_by_keyboard_and_mouse(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    drawn(page)
    page.locator("body").press("m")
    page.keyboard.press("v")
    page.evaluate("CW.map.panBy([200, 0], { animate: false })")
    page.keyboard.press("v")
    true_m = page.evaluate("(() => { const p = CW.tool.points; return CW.map.distance(p[0], p[1]); })()")
    expect(page.locator("#measure-value")).to_have_text(f"{true_m:.0f} m")
    page.keyboard.press("Escape")
    expect(page.locator("#hint")).to_be_hidden()


def test_a_click_on_a_shape_is_a_point_while_measuring(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    drawn(page)
    box = page.locator("path[data-subject='D-1']").first.bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.locator("body").press("m")
    page.mouse.click(*middle)
    page.mouse.click(middle[0] + 8, middle[1] + 8)
    assert page.evaluate("CW.tool.points.length") == 2
    assert page.evaluate("CW.selectedSubject") is None
    page.keyboard.press("Escape")
    page.mouse.click(*middle)
    assert page.evaluate("CW.selectedSubject.key") == "D-1"


def test_ground_that_is_as_expected_again_is_dotted_and_a_part_of_another_is_not_drawn(
    make: Callable[..., SiteMapData], tmp_path: Path, open_page: Open
) -> None:
    data = make()
    one, two = records_of(data, DISTURBANCES)
    data = with_records(
        data, DISTURBANCES, [replace(one, machine_status="closed"), replace(two, machine_status="merged")]
    )
    years = [DisturbanceGrowth(
        disturbance_id=one.disturbance_id, epoch_start=dt.date(2023, 9, 1), epoch_end=dt.date(2024, 2, 1),
        added_ha=q(0), closed_ha=q(1.2), bearing_deg=None,
    )]  # fmt: skip
    data = replace(data, layers={**data.layers, **by_name((DISTURBANCE_GROWTH,))})
    page = open_page(write_site_map(tmp_path / "m.html", with_records(data, DISTURBANCE_GROWTH, years)))
    drawn(page)
    dashes = []
    for day in ("2023-08-01", "2023-12-15", "2024-03-01"):
        page.evaluate(f"CW.change({{ date: CW.nearest('{day}', CW.usableDates) }})")
        shown = page.locator("path[data-subject='D-1']")
        dashes.append(shown.get_attribute("stroke-dasharray"))
        assert page.locator("path[data-subject='D-2']").count() == 0
    assert dashes == [None, "4 3", "1 4"]
    page.click("#tab-findings")
    expect(page.locator(".finding[data-subject='D-1']")).to_contain_text("as expected again")


def test_nothing_of_the_future_is_drawn_on_an_earlier_date(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    drawn(page)
    shown = "[...document.querySelectorAll('path[data-subject]')].map((p) => p.dataset.subject)"
    assert {"D-1", "D-2", "V1", "V2"} <= set(page.evaluate(shown))
    page.evaluate("CW.change({ date: 0 })")
    assert not {"D-1", "D-2", "V2"} & set(page.evaluate(shown))
    assert "V1" in page.evaluate(shown)
    page.evaluate("CW.change({ compare: true, before: 0, date: CW.usableDates.at(-1) })")
    paths = "[...document.querySelectorAll('path[data-subject=D-1]')]"
    panes = f"{paths}.map((p) => p.closest('.leaflet-pane').className)"
    assert all("after-findings" in name for name in page.evaluate(panes))


def test_pictures_of_a_finding_straddle_it_and_say_their_own_dates(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    drawn(page)
    told = page.evaluate(
        "CW.data.disturbances.map((d) => [d.first_low, d.first_high, CW.data.pairs[`disturbance:${d.id}`]])"
    )
    days = page.evaluate("CW.dates.map((d) => d.utc.slice(0, 10))")
    for low, high, pair in told:
        if "refused" in pair:
            assert pair["why"]
            continue
        assert days[pair["before"]] < low <= high < days[pair["after"]]
        assert page.evaluate(f"CW.seasonGap({pair['before']}, {pair['after']})") <= 20
    page.evaluate("CW.visit(CW.findSubject('D-1'))")
    pair = told[0][2]
    captions = page.locator(".chip-figure figcaption").all_inner_texts()
    if "refused" in pair:
        expect(page.locator("#no-pair")).to_be_visible()
    else:
        assert days[pair["before"]] in captions[0]
        assert days[pair["after"]] in captions[1]
        page.keyboard.press("c")
        expect(page.locator("#side-before")).to_contain_text(f"Before {days[pair['before']]}")
        page.keyboard.press("s")
        expect(page.locator("#side-before")).to_contain_text(f"After {days[pair['after']]}")


def test_alerts_are_listed_with_what_raised_them(
    make: Callable[..., SiteMapData], open_page: Open, tmp_path: Path
) -> None:
    alert = RaisedAlert(
        alert_id="A-1", rule="persistent-disturbance", subject="D-1", state="open",
        raised_at=dt.datetime(2023, 9, 2, tzinfo=dt.UTC),
        detail="2.0 to 3.0 ha <b>bare</b>",
    )  # fmt: skip
    page = open_page(write_site_map(tmp_path / "m.html", replace(make(), alerts=(alert,))))
    page.click("#tab-findings")
    expect(page.locator("#alerts")).to_contain_text("2.0 to 3.0 ha <b>bare</b>")
    page.click("#alerts button")
    assert page.evaluate("CW.selectedSubject.key") == "D-1"
    public = write_site_map(tmp_path / "p.html", replace(make(restricted=False), alerts=(alert,)))
    assert "2.0 to 3.0 ha" not in public.read_text("utf-8")


def test_background_maps_stay_off_until_allowed(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    drawn(page)
    page.click("#tab-layers")
    expect(page.locator("#sheet-layers")).to_contain_text("learns where you look")
    page.check("input[name=background][value=osm]")
    expect(page.locator("#ask-dialog")).to_be_visible()
    page.click("#ask-dialog button[value=no]")
    assert page.evaluate("CW.tiles === undefined || CW.tiles === null")
    assert page.locator("input[name=background][value=none]").is_checked()


def test_stretch_and_thinning_rule_are_printed(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    page.click("#tab-layers")
    expect(page.locator("#sheet-layers")).to_contain_text("the same for every date")
    expect(page.locator("#rule")).to_contain_text("newest 90 days")


def fill_verdict(page: Page, subject: str, *, verdict: str, evidence: bool) -> None:
    page.select_option("#review-subject", subject)
    if not page.locator("#r-verdict").is_visible():
        page.click("#all-fields > summary")
    for _ in range(0 if evidence else page.locator("#evidence li").count()):
        page.click("#evidence button >> nth=0")
    page.select_option("#r-verdict", verdict)
    page.select_option("#r-reason", "ground_works")
    page.select_option("#r-likelihood", "likely")
    page.select_option("#r-confidence", "moderate")
    if evidence:
        page.click("#e-shown")
    page.fill("#r-note", 'Says "so" </script> 한글')
    page.click("#verdict-form button[type=submit]")


def test_review_is_downloaded_as_a_file_that_imports(
    site_page: Path, open_page: Open, tmp_path: Path
) -> None:
    page = open_page(site_page)
    drawn(page)
    page.click("#tab-review")
    page.fill("#reviewer", "B2")
    page.press("#reviewer", "Tab")
    fill_verdict(page, "D-2", verdict="accepted", evidence=False)
    expect(page.locator("#r-fault")).to_contain_text("at least one image")
    page.click("#e-shown")
    page.click("#verdict-form button[type=submit]")
    page.click("#observation-block summary")
    page.fill("#o-label", "houses")
    page.select_option("#o-kind", "outline")
    page.click("#o-draw")
    for dx, dy in ((0, 0), (60, 0), (60, 60)):
        page.mouse.click(400 + dx, 400 + dy)
    page.keyboard.press("Enter")
    page.click("#observation-form button[type=submit]")
    with page.expect_download() as download:
        page.click("#download")
    target = tmp_path / download.value.suggested_filename
    download.value.save_as(target)
    review = read_review(target)
    assert (review.site_id, review.reviewer, review.run_id) == ("test-mine", "B2", "run-1")
    assert review.verdicts[0].subject == "D-2"
    assert review.verdicts[0].likelihood == "likely"
    assert review.verdicts[0].confidence == "moderate"
    assert review.verdicts[0].evidence_viewed[0].image_id == "SIM_017"
    assert review.verdicts[0].note == 'Says "so" </script> 한글'
    assert review.observations[0].kind == "outline"
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_second_review_is_blind(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    drawn(page)
    assert "first-verdict-note" not in site_page.read_text(encoding="utf-8")
    assert '"rejected"' not in json.dumps(page.evaluate("CW.data.reviews"))
    page.click("#tab-review")
    page.fill("#reviewer", "A1")
    page.press("#reviewer", "Tab")
    page.select_option("#review-subject", "D-1")
    expect(page.locator("#sheet-review")).to_contain_text("must be another reviewer")
    page.fill("#reviewer", "A3")
    page.press("#reviewer", "Tab")
    fill_verdict(page, "D-2", verdict="rejected", evidence=True)
    expect(page.locator("#sheet-review .kept")).to_contain_text("rejected")
    page.fill("#reviewer", "B2")
    page.press("#reviewer", "Tab")
    assert page.locator("#sheet-review .kept").count() == 0
    page.select_option("#review-subject", "D-2")
    assert page.locator("#r-verdict").input_value() == ""
    assert "A3" not in page.locator("#sheet-review").inner_text()
    page.select_option("#review-subject", "D-1")
    expect(page.locator("#sheet-review")).to_contain_text("The first verdict is not shown")


def test_print_view_keeps_map_figures_flag_and_attribution(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page)
    drawn(page)
    page.click("#tab-layers")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    for shown in ("#mapbox", "#sheet-figures", "#flag-restricted", "#attribution", "#now"):
        expect(page.locator(shown)).to_be_visible()
    for hidden in ("#tools", "#btn-play", "#tabs", "#slider"):
        expect(page.locator(hidden)).to_be_hidden()
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF")


def test_paper_shows_the_whole_view_legend_and_what_was_found_and_then_the_page_is_as_before(
    site_page: Path, open_page: Open
) -> None:
    page = open_page(site_page)
    drawn(page)
    page.click("#tab-findings")
    view = "[CW.map.getCenter().lat, CW.map.getCenter().lng, CW.map.getZoom(), CW.state.tab]"
    before = page.evaluate(view)
    seen = page.evaluate("CW.map.getBounds().toBBoxString()")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    box = page.locator("#mapbox").bounding_box()
    assert box is not None
    assert box["width"] < 190 / 25.4 * 96  # a sheet of A4 or Letter between its margins
    assert page.evaluate("""(text) => { const [w, s, e, n] = text.split(',').map(Number);
        return CW.map.getBounds().contains([[s, w], [n, e]]); }""", seen)  # fmt: skip
    expect(page.locator("#legend li").first).to_be_visible()
    expect(page.locator("#print-table tbody tr")).to_have_count(
        page.evaluate("CW.data.disturbances.length + new Set(CW.data.piles.map((p) => p.id)).size")
    )
    assert page.locator("#footprint-chart svg").count() == 1
    assert "Restricted" in page.locator("#sheet-marks").evaluate("(e) => e.textContent")
    page.emulate_media(media="screen")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(view) == before
    assert page.locator("#print-table").count() == 0


def serious_faults(page: Page) -> list[tuple[str, list[str]]]:
    found = Axe().run(page).response["violations"]
    return [
        (v["id"], [str(n["target"]) for n in v["nodes"]][:5])
        for v in found
        if v["impact"] in {"serious", "critical"}
    ]


@pytest.mark.parametrize(("width", "tabs"), [(1440, ("figures", "findings", "layers")), (390, ("figures",))])
def test_axe_finds_no_serious_fault(
    site_page: Path, open_page: Open, tabs: tuple[str, ...], width: int
) -> None:
    page = open_page(site_page, width=width)
    drawn(page)
    page.click("#btn-compare")
    for tab in tabs:
        page.click(f"#tab-{tab}")
        assert not serious_faults(page), tab
    page.click("#tab-findings")
    page.click(".finding >> nth=0")
    assert not serious_faults(page), "card"
    page.click("#card .solid")
    page.fill("#reviewer", "B2")
    page.press("#reviewer", "Tab")
    expect(page.locator(".desk")).to_be_visible()
    page.click("#all-fields > summary")
    assert not serious_faults(page), "review"


def test_phone_keeps_everything_within_its_width(site_page: Path, open_page: Open) -> None:
    page = open_page(site_page, width=390, height=844)
    drawn(page)
    for tab in ("figures", "findings", "review", "layers"):
        page.click(f"#tab-{tab}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator("#mapbox").bounding_box()
    assert box is not None
    assert box["height"] > 400


def test_pictures_beside_the_page_load_on_demand_and_say_what_they_are(
    make: Callable[..., SiteMapData], tmp_path: Path, open_page: Open
) -> None:
    data = make()
    rule = replace(data.rule, page_budget_mb=0.0, window_margin_m=5.0)
    path = write_site_map(tmp_path / "광산 1.html", replace(data, rule=rule))
    page = open_page(path)
    drawn(page)
    expect(page.locator("#quality")).to_have_text("Native 10 m, lossless")
    asked = page.evaluate("CW.pictureCache.size")
    corner = "[CW.data.grid.bounds[3] - 0.0004, CW.data.grid.bounds[0] + 0.0006]"
    page.evaluate(f"CW.map.setView({corner}, 17, {{ animate: false }})")
    page.evaluate("CW.change({ date: 2 })")
    until(page, "CW.after.date === 2 && CW.after.shown.length > 0")
    expect(page.locator("#quality")).to_have_text("Display copy")
    assert page.evaluate("CW.pictureCache.size") > asked
    assert page.evaluate("document.querySelectorAll('[id^=cw-pic-]').length") == 0


NO_REFERENCES = "Interval from simulation; not validated at this site"


def test_figures_findings_and_cards_say_what_stands_behind_their_intervals(
    site_page: Path, open_page: Open
) -> None:
    page = open_page(site_page)
    drawn(page)
    assert page.locator("#sheet-figures .validation").all_inner_texts() == [NO_REFERENCES] * 3
    page.click("#tab-findings")
    assert set(page.locator("#sheet-findings .validation").all_inner_texts()) == {NO_REFERENCES}
    for key in ("D-1", "yard/p1", "yard"):
        page.evaluate(f"CW.open(CW.findSubject('{key}'))")
        expect(page.locator("#card .validation")).to_have_text(NO_REFERENCES)
    page.evaluate("CW.setLanguage('ko')")
    expect(page.locator("#card .validation")).to_contain_text("이 장소에서 검증되지 않았습니다")
    assert "이 장소에서 검증되지 않았습니다" in page.locator("#sheet-figures .validation").first.inner_text()


def test_a_site_with_references_says_which(
    make: Callable[..., SiteMapData], open_page: Open, tmp_path: Path
) -> None:
    summary = ReferenceSummary(group="all", n=31, bias_ha=-0.05, rmse_ha=0.12, covered=0.94)
    piles = SiteCheck(kind=ReferenceKind.OUTLINES, references=31, summary=summary)
    few = SiteCheck(kind=ReferenceKind.LABELS, references=12)
    checks = {"stockpile_areas": piles, "stockpiles": piles, "footprints": few}
    page = open_page(write_site_map(tmp_path / "site.html", replace(make(), checks=checks)))
    told = page.locator("#sheet-figures .validation").all_inner_texts()
    assert (
        "Checked against 31 outlines and absences at this site: "
        "bias −0.05 ha, RMSE 0.12 ha, 94 % inside the interval"
    ) in told
    assert f"{NO_REFERENCES} (12 of 30 references)" in told
    page.evaluate("CW.setLanguage('ko')")
    assert any(
        "31건과 대조함" in text for text in page.locator("#sheet-figures .validation").all_inner_texts()
    )
