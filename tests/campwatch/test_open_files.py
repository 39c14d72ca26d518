"""Files that Excel or QGIS hold open, as on Windows: one line, nothing lost, made whole by the next run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from campwatch.exports.excel import NOT_IN_XML
from campwatch.run.derived import behind
from campwatch.run.pipeline import RunOptions, run_workspace
from campwatch.workspace import open_workspace
from evidence.errors import FileInUseError
from evidence.files import write_text
from evidence.ledger import Ledger

from .conftest import site_document, write_workspace


@pytest.fixture
def hold(monkeypatch):
    """A function that makes files of a name impossible to replace, until it is called with none."""
    held: set[str] = set()
    original = Path.replace

    def replace(self, target):
        if Path(target).name in held and Path(target).exists():
            raise PermissionError(13, "in use by another process", str(target))
        return original(self, target)

    monkeypatch.setattr(Path, "replace", replace)

    def names(*more):
        held.clear()
        held.update(more)

    return names


def test_a_file_that_is_open_elsewhere_is_named_and_stays_as_it_was(tmp_path, hold):
    path = tmp_path / "a.xlsx"
    write_text(path, "before")
    hold("a.xlsx")
    with pytest.raises(FileInUseError, match=r"a\.xlsx is open in another program"):
        write_text(path, "after")
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.xlsx"]


def test_a_run_beside_an_open_table_ends_well_and_the_next_one_makes_it_whole(tmp_path, catalog, hold):
    workspace = open_workspace(write_workspace(tmp_path / "w", catalog, site_document()))
    assert run_workspace(workspace, RunOptions()).complete
    before = workspace.results_path.read_bytes()
    document = site_document()
    document["features"][0]["properties"]["name"] = "renamed"
    (workspace.folder / "sites" / "tiny.geojson").write_text(json.dumps(document), "utf-8")
    hold("results.gpkg")
    summary = run_workspace(workspace, RunOptions())
    assert not summary.complete
    assert summary.behind is not None
    assert "results.gpkg is open in another program" in summary.behind
    assert "as of the run before" in summary.behind
    assert workspace.results_path.read_bytes() == before
    hold()
    again = run_workspace(workspace, RunOptions())
    assert again.complete
    with Ledger(workspace.ledger_path, read_only=True) as ledger:
        assert behind(workspace, ledger) == []


def test_what_xml_cannot_hold_is_replaced():
    assert NOT_IN_XML.sub("�", "Mine\ufffe x\x0b \ud800 봉창리\t") == "Mine� x� � 봉창리\t"
