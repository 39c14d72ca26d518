"""Pages that were asked for once are kept up to date by later runs, whatever their profile."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from campwatch.pages.drawing import draw
from campwatch.run.derived import behind
from campwatch.run.pipeline import RunOptions, run_workspace
from campwatch.workspace import open_workspace
from evidence.ledger import Ledger
from tests.campwatch.conftest import site_document, write_workspace
from tests.servers import tiny

pytestmark = pytest.mark.long


def test_a_restricted_page_beside_the_public_one_is_drawn_anew_by_a_run(tmp_path: Path):
    catalog = tiny.write_catalog(tmp_path / "catalog", dates=tiny.days(4, step=10))
    document = site_document()
    for feature in document["features"]:
        feature["properties"]["sensitivity"] = "public"
    folder = write_workspace(tmp_path / "watch", catalog, document)
    workspace = open_workspace(folder)
    run_workspace(workspace, RunOptions())
    draw(workspace, (), restricted=True, progress=lambda _: None)
    pages = {path.name: path for path in workspace.maps_folder.glob("*.html")}
    assert set(pages) == {"index.html", "index.restricted.html", "tiny.html", "tiny.restricted.html"}

    document["features"][2]["properties"]["name"] = "Yard with another name"
    (folder / "sites" / "tiny.geojson").write_text(json.dumps(document), encoding="utf-8")
    run_workspace(workspace, RunOptions())
    for name in ("tiny.html", "tiny.restricted.html", "index.html", "index.restricted.html"):
        assert "Yard with another name" in pages[name].read_text("utf-8"), name
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        assert behind(workspace, ledger) == []
