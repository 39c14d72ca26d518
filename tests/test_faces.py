"""The face of each package: its names load lazily, and the page that shows them runs."""

from __future__ import annotations

import ast
import datetime as dt
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campwatch.conftest import site_document, write_workspace
from tests.servers import tiny

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "python.md").read_text("utf-8")
PACKAGES = ("evidence", "aoi", "imagery", "detection", "maps", "campwatch")
ROOMS = ("detection.sampling", "campwatch.questions")
"""Rooms with a face of their own."""


@pytest.mark.parametrize("name", [*PACKAGES, *ROOMS])
def test_every_public_name_is_there_and_on_the_page(name):
    package = importlib.import_module(name)
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
    for public in package.__all__:
        assert getattr(package, public) is not None
        assert public in dir(package)
        assert f"`{public}`" in row
    with pytest.raises(AttributeError, match="attribute nothing"):
        package.nothing  # noqa: B018


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.py")), ids=lambda path: path.stem)
def test_notebooks_use_the_faces_alone(path):
    imported = {
        node.module
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in PACKAGES
    }
    assert imported <= {*PACKAGES, *ROOMS}


def test_importing_a_package_loads_nothing_heavy():
    code = f"import sys, {', '.join(PACKAGES)}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert not {"numpy", "xarray", "pandas", "shapely", "folium"} & set(done.stdout.split())


def test_the_page_s_examples_run(tmp_path, monkeypatch):
    import campwatch

    catalog = tiny.write_catalog(tmp_path / "source", dates=tiny.days(2, step=10))
    write_workspace(tmp_path / "w", catalog, site_document())
    monkeypatch.chdir(tmp_path)
    campwatch.run_workspace(campwatch.open_workspace("w"), campwatch.RunOptions(since=dt.date(2024, 1, 1)))
    told: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(compile(block, "docs/python.md", "exec"), told)  # noqa: S102 - our own page
    assert len(told["areas"]) == 2
    assert told["cube"].sizes["time"] == 2
    assert told["page"].is_file()
    assert told["changes"] == []
    assert told["found"].method
    with pytest.raises(campwatch.workspace.WorkspaceError, match="no layer ponds; there are: observations"):
        told["watch"].table("ponds")
    assert json.dumps(str(told["page"]))
