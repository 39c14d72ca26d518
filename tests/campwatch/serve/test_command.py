"""`campwatch serve` as a command: what it needs, and what it refuses before it listens."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from campwatch.cli.app import app
from tests.campwatch.conftest import site_document, write_workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_workspace(tmp_path / "watch", tmp_path / "catalog.json", site_document())


def test_without_its_extra_it_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "campwatch.serve.app", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    done = CliRunner().invoke(app, ["-C", str(folder), "serve", "--no-browser"])
    assert done.exit_code == 1


def test_a_reviewer_is_not_served_public_pages(folder: Path):
    done = CliRunner().invoke(app, ["-C", str(folder), "serve", "--review", "--public", "--no-browser"])
    assert done.exit_code == 2


def test_a_port_that_is_taken_is_told(folder: Path):
    from campwatch.serve.app import listen

    held = listen(0)
    port = str(held.getsockname()[1])
    done = CliRunner().invoke(app, ["-C", str(folder), "serve", "--port", port, "--no-browser"])
    held.close()
    assert done.exit_code == 1
