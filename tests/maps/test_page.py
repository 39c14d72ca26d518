"""The page as a file: whole in itself, in two languages, safe as text."""

from __future__ import annotations

import json
import re

import folium
import pytest
from folium import plugins
from shapely import Polygon

from detection.ground.params import Kind
from evidence.errors import ExportError
from maps import overview, site_map
from maps.page import TILE_HOSTS, OfflineMap, asset, leaflet_script, leaflet_style
from maps.payload import script_json
from maps.review_format import Confidence, Judgement, Likelihood, Reason

STRINGS: dict[str, list[str]] = json.loads(asset("strings.json"))


def test_names_no_address_that_a_browser_would_fetch() -> None:
    page = OfflineMap(title="t", location=(39.5, 126.0)).to_html()
    fetched = re.findall(
        r"""(?:src|href)\s*=\s*["']([^"']+)""", re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    )
    assert all(address.startswith("data:") for address in fetched), fetched
    assert not re.findall(r"""url\((?!["']?(?:data:|#))""", leaflet_style())
    assert "sourceMappingURL" not in leaflet_script()


def test_policy_lets_only_the_known_tile_hosts_be_asked() -> None:
    page = OfflineMap(title="t", location=(39.5, 126.0)).to_html()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert set(re.findall(r"https://[^\s;]+", policy.group(1))) == set(TILE_HOSTS)
    assert "connect-src 'none'" in policy.group(1)


def test_plain_folium_layers_work_on_it() -> None:
    page = OfflineMap(title="t", location=(39.5, 126.0))
    folium.GeoJson(Polygon([(126, 39), (126.1, 39), (126.1, 39.1)]).__geo_interface__).add_to(page)
    assert "L.geoJson(" in page.to_html()


def test_a_plugin_that_would_ask_a_network_for_its_program_is_refused_by_name() -> None:
    page = OfflineMap(title="t", location=(39.5, 126.0))
    plugins.ScrollZoomToggler().add_to(page)  # needs nothing but Leaflet
    assert "toggleScroll" in page.to_html()
    plugins.Fullscreen().add_to(page)
    with pytest.raises(ExportError, match="FullScreen"):
        page.to_html()


def test_title_and_parts_are_not_run_as_templates() -> None:
    page = OfflineMap(
        title="{{ 7*7 }}<b>", location=(0.0, 0.0), after="<p>{{ 7*7 }}[[part:title]]</p>"
    ).to_html()
    assert "{{ 7*7 }}&lt;b&gt;" in page
    assert "<p>{{ 7*7 }}[[part:title]]</p>" in page


@pytest.mark.parametrize("text", ["</script>", "<!--", "\u2028", "&amp;", "]]>"])
def test_embedded_json_cannot_leave_its_element(text: str) -> None:
    written = script_json({"x": text})
    assert not set("<>&\u2028") & set(written)
    assert json.loads(written) == {"x": text}


def used_keys() -> set[str]:
    names = [*dict.fromkeys([*site_map.SCRIPTS, *overview.SCRIPTS]), "site.html", "overview.html"]
    source = "".join(asset(name) for name in names)
    return set(re.findall(r'CW\.t\("([a-z_0-9]+)"', source)) | set(
        re.findall(r'data-t(?:-label)?="([a-z_0-9]+)"', source)
    )


def test_every_text_exists_in_both_languages() -> None:
    assert used_keys() <= set(STRINGS)
    for key, (english, korean) in STRINGS.items():
        assert english, key
        assert korean, key
        assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", korean)), key


def test_korean_texts_hold_hangul() -> None:
    spared = {"zone", "stretch_line", "interval_dash", "interval_to"} | {
        k for k, (e, k2) in STRINGS.items() if re.fullmatch(r"[^A-Za-z]*", re.sub(r"\{\w+\}", "", e))
    }
    without = [
        k for k, (_, korean) in STRINGS.items() if k not in spared and not re.search("[가-힣]", korean)
    ]
    assert not without


@pytest.mark.parametrize(
    ("group", "words"),
    [("verdict", Judgement), ("reason", Reason), ("likelihood", Likelihood), ("confidence", Confidence)],
)
def test_page_and_format_know_the_same_codes(
    group: str, words: type[Judgement | Reason | Likelihood | Confidence]
) -> None:
    block = re.search(rf"  {group}: \[([^\]]+)\]", asset("review.js"))
    assert block is not None
    offered = re.findall(r'"([a-z_]+)"', block.group(1))
    assert offered == [word.value for word in words]
    assert all(f"{group}_{word}" in STRINGS for word in offered)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_ground_has_a_word_and_a_colour(kind: Kind) -> None:
    assert f"kind_{kind.value}" in STRINGS
    assert f"{kind.value}: " in asset("vectors.js")
