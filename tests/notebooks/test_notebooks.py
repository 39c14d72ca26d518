"""Every notebook runs from a clone and shows figures."""

from __future__ import annotations

from pathlib import Path

import jupytext
import nbclient
import pytest

from campwatch import simulated_workspace
from detection.sampling.references import NOT_VALIDATED

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))

pytestmark = pytest.mark.filterwarnings("ignore")  # of the notebook machinery, which is not ours


def test_the_six_are_there():
    assert len(NOTEBOOKS) == 6


@pytest.fixture(scope="module")
def watch(demo_folder, tmp_path_factory):
    """The workspace that the first notebook opens: the demo's, which holds the same mine."""
    return demo_folder or simulated_workspace(tmp_path_factory.mktemp("notebooks") / "watch").folder


@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_figures(path, watch, monkeypatch):
    monkeypatch.setenv("CAMPWATCH_WORKSPACE", str(watch))
    notebook = jupytext.read(path)
    client = nbclient.NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(ROOT)}})
    client.execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    pictures = [output for output in shown if "image/png" in output.get("data", {})]
    assert len(pictures) >= 2
    assert all(len(picture["data"]["image/png"]) > 4000 for picture in pictures)
    told = " ".join(output.get("text", "") for output in shown)
    assert NOT_VALIDATED in told
    assert "imulated" in "".join(cell.source for cell in notebook.cells[:2])
