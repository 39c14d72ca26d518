"""Names, notes and ids from files that try to be markup, script or template show as text."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from detection.coal.records import STOCKPILES
from detection.ground.records import DISTURBANCES
from maps.overview import write_overview
from maps.records import Look, SiteMapData, SiteSummary
from maps.site_map import write_site_map

from .conftest import records_of, rows_of

pytestmark = pytest.mark.browser
MARK = "window.__hit=1"
HOSTILE = (
    f"<script>{MARK}</script></script><img src=x onerror={MARK}>\"'`&amp;<!--]]>"
    f"{{{{ 7*7 }}}}{{% raw %}}${{7*7}}[[part:leaflet]]\u202eevil\u202c\u2028\u2029\\u003c/script>"
)
LONG = "가나다" + "x" * 10_000


def hostile(data: SiteMapData) -> SiteMapData:
    site = replace(
        data.site,
        name=HOSTILE,
        name_ko=HOSTILE,
        aliases=(HOSTILE, LONG),
        kind=HOSTILE,
        status=LONG,
        note=HOSTILE,
        source=HOSTILE,
        boundaries=tuple(
            replace(b, boundary_id=f"{b.boundary_id}{HOSTILE}", note=LONG) for b in data.site.boundaries
        ),
        zones=tuple(replace(z, name=HOSTILE) for z in data.site.zones),
        points=tuple(replace(p, name=HOSTILE, source=HOSTILE) for p in data.site.points),
    )
    patches = [
        replace(d, disturbance_id=HOSTILE + d.disturbance_id, kind=HOSTILE, scene_ids=(HOSTILE, LONG))
        for d in records_of(data, DISTURBANCES)
    ]
    piles = [replace(pile, pile_id=HOSTILE) for pile in records_of(data, STOCKPILES)]
    return replace(
        data,
        site=site,
        rows={**data.rows, **rows_of(DISTURBANCES, patches), **rows_of(STOCKPILES, piles)},
        looks=(Look(datetime=data.looks[0].datetime, status=HOSTILE, detail=HOSTILE, scene_id=HOSTILE),),
        attribution=HOSTILE,
        run=replace(data.run, run_id=HOSTILE),
    )


@pytest.mark.parametrize("width", [1440, 390])
def test_hostile_site_shows_as_text(
    make: Callable[..., SiteMapData], tmp_path: Path, open_page: Callable[..., Page], width: int
) -> None:
    path = write_site_map(tmp_path / "hostile.html", hostile(make()))
    page = open_page(path, width=width)
    expect(page.locator("#site-name")).to_contain_text("<script>window.__hit=1</script>")
    expect(page.locator("#site-name")).to_contain_text("{{ 7*7 }}")
    assert page.title().startswith("<script>")
    for tab in ("findings", "layers", "review", "figures"):
        page.click(f"#tab-{tab}")
    page.fill("#reviewer", "B2") if page.locator("#reviewer").is_visible() else None
    page.click("#tab-findings")
    page.click(".finding >> nth=0")
    expect(page.locator("#card")).to_contain_text("<script>")
    for kind in ("disturbance", "pile", "zone"):
        page.evaluate(f"CW.open(CW.reviewable().find((s) => s.type === '{kind}'))")
    page.evaluate("CW.data.boundaries.forEach((b) => CW.open({ type: 'boundary', key: b.id, record: b }))")
    page.evaluate("CW.setLanguage('ko')")
    time.sleep(0.2)
    assert page.evaluate("window.__hit") is None
    assert page.evaluate("document.querySelectorAll('img[src=x]').length") == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_hostile_first_page_shows_as_text(
    make: Callable[..., SiteMapData], tmp_path: Path, open_page: Callable[..., Page]
) -> None:
    site = hostile(make()).site
    summary = SiteSummary(
        site=site, map_path="a.html", not_seen_reason=HOSTILE, trend="rising", trend_test=HOSTILE
    )
    page = open_page(write_overview(tmp_path / "index.html", [summary]))
    expect(page.locator("#table")).to_contain_text("<script>window.__hit=1</script>")
    assert page.evaluate("window.__hit") is None
