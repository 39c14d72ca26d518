"""`campwatch.site_map`: a folium map that notebooks can add to, whole without a network."""

from __future__ import annotations

import re
from pathlib import Path

import folium
import pytest

import campwatch
from evidence.errors import WorkspaceError
from tests.campwatch.conftest import site_document, write_workspace
from tests.servers import tiny

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> campwatch.Study:
    catalog = tiny.write_catalog(tmp_path_factory.mktemp("catalog"), dates=tiny.days(4, step=10))
    document = site_document()
    document["features"][2]["properties"]["id"] = "{{7*7}}<script>alert(1)</script>"
    folder: Path = write_workspace(tmp_path_factory.mktemp("watch") / "w", catalog, document)
    watch = campwatch.open_workspace(folder)
    campwatch.run_workspace(watch, campwatch.RunOptions())
    return watch


def test_it_is_a_folium_map_that_asks_nobody(watch: campwatch.Study):
    page = campwatch.site_map(watch, "tiny")
    assert isinstance(page, folium.Map)
    folium.CircleMarker(page.location, tooltip="mine").add_to(page)
    text = page.get_root().render()
    assert not re.search(r"<(script|link)[^>]+(src|href)=[\"']https?:", text)
    assert "image/webp;base64" in text
    assert "alert(1)</script>" not in text
    assert "49" not in re.findall(r'"about": "([^"]*)"', text)


def test_a_layer_without_geometry_is_refused(watch: campwatch.Study):
    with pytest.raises(WorkspaceError, match="series"):
        campwatch.site_map(watch, "tiny", layers=("series",))
