"""The README's own example is one that works: a place with meaning, and no warning about our own rules."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
import xarray as xr
from typer.testing import CliRunner

from campwatch.cli.app import app

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_example_site_is_added_without_a_warning(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("my-place.geojson").write_text(blocks("json")[0], "utf-8")
    init, add = blocks("sh")[2].splitlines()[:2]
    assert CliRunner().invoke(app, shlex.split(init)[1:]).exit_code == 0
    added = CliRunner().invoke(app, shlex.split(add)[1:])
    assert added.exit_code == 0, added.output
    before, _, _ = added.stderr.partition("would be written")
    notices = [line for line in before.splitlines() if not line.startswith(("the file holds", "  "))]
    assert notices == []
    assert "my-place: no boundary" not in added.stderr


@pytest.mark.parametrize("line", [line for block in blocks("sh") for line in block.splitlines()])
def test_commands_of_the_readme_exist(line):
    words = shlex.split(line)
    if not words[0].endswith("campwatch"):
        return
    root = typer.main.get_command(app)
    name = next(word for word in words[1:] if word not in {"-C", "my-watch"})
    assert root.get_command(typer.Context(root), name) is not None


@pytest.mark.nrt
def test_the_dates_of_the_real_forest_are_counted(romania_folder):
    cube = next(iter(sorted(romania_folder.glob("*.nc"))))
    years = sorted(int(str(day)[:4]) for day in xr.open_dataset(cube, engine="h5netcdf")["time"].to_numpy())
    assert f"{len(years)} Sentinel-2 dates of Romania, {years[0]}–{years[-1]}" in " ".join(README.split())


def test_files_that_the_readme_names_exist():
    named = re.findall(r"\]\(((?:docs|benchmarks)/[\w/.-]+)\)", README)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
