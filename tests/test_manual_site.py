"""The built manual asks no other host for anything, and its search works from disk."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("manual")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=600)
    return folder


def test_no_page_loads_anything_from_another_host(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    loads = re.compile(r"<(?:script|img|iframe|link)\b[^>]*(?:src|href)=\"?(?:https?:)?//[^>]*>")
    found = [(page.name, tag) for page in pages for tag in loads.findall(page.read_text("utf-8"))]
    assert found == []
    styles = "".join(path.read_text("utf-8") for path in site.rglob("*.css"))
    assert not re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", styles)


def test_tables_stand_in_the_laboratory_and_the_page_links_to_them(site):
    assert "laboratory/expansion.html#table-pair" in (site / "expansion.html").read_text("utf-8")
    assert 'id="table-pair"' in (site / "laboratory" / "expansion.html").read_text("utf-8")


def test_reference_is_the_code_s_own(site):
    assert "stockpile_areas" in (site / "reference" / "layers.html").read_text("utf-8")
    assert "sites accept" in (site / "reference" / "command-line.html").read_text("utf-8")


@pytest.mark.browser
@pytest.mark.enable_socket
@pytest.mark.parametrize("word", ["stockyard", "저탄장"])
def test_the_search_works_from_disk_without_a_network(site, word, browser):
    with browser.new_context(offline=True) as context:
        page = context.new_page()
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((site / "tutorial.html").as_uri())
        page.keyboard.press("/")
        page.keyboard.type(word)
        page.wait_for_selector(".md-search-result__item", state="attached", timeout=60_000)
        assert page.locator(".md-search-result__item").count() > 2
    assert [url for url in asked if url.startswith("http")] == []
