"""A small workspace on simulated products, and the command line as people call it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import box, mapping
from typer.testing import CliRunner

from campwatch.cli.app import app
from tests.servers import tiny

ROOT = Path(__file__).resolve().parents[2]
Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def cli() -> Cli:
    """`campwatch ARGUMENTS` in a process of its own, under the C locale."""

    def call(*arguments: str | Path, cwd: Path | None = None, **environment: str):
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
        return subprocess.run(
            [sys.executable, "-m", "campwatch", *(str(argument) for argument in arguments)],
            capture_output=True,
            encoding="utf-8",
            cwd=cwd,
            env=clean | {"LC_ALL": "C", "PYTHONPATH": str(ROOT), "COLUMNS": "200"} | environment,
            timeout=300,
            check=False,
        )

    return call


@pytest.fixture(scope="session")
def command() -> Cli:
    """`campwatch ARGUMENTS` within the test's own process, which has its libraries loaded.

    For what a command says and does; how it stands as a process of its own is what `cli` is for.
    """

    def call(*arguments: str | Path, **environment: str):
        told = [str(argument) for argument in arguments]
        result = CliRunner().invoke(app, told, env={"COLUMNS": "200"} | environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return subprocess.CompletedProcess(told, result.exit_code, result.stdout, result.stderr)

    return call


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": mapping(geometry)}


def site_document(site_id: str = "tiny", *more: dict[str, Any], size_m: float = 1200.0) -> dict[str, Any]:
    """A site in the middle of the tiny tile: aoi, a boundary over its western half, a yard."""
    west, south, east, north = tiny.site(site_id, size_m=size_m).aoi.bounds
    middle = (west + east) / 2
    step = (east - west) / 10
    features = [
        feature(box(west, south, east, north), role="aoi", id=site_id, name=f"Simulated {site_id}"),
        feature(
            box(west + step, south + step, middle, north - step),
            role="boundary",
            boundary_id="b-2020",
            valid_from="2020-01-01",
            source="simulated",
        ),
        feature(
            box(west + 2 * step, south + 2 * step, west + 4 * step, south + 4 * step),
            role="zone",
            id="yard",
            kind="stockyard",
        ),
        *more,
    ]
    return {"type": "FeatureCollection", "features": features}


def write_workspace(folder: Path, catalog: Path, *sites: dict[str, Any]) -> Path:
    (folder / "sites").mkdir(parents=True)
    url = json.dumps(catalog.as_posix(), ensure_ascii=False)
    (folder / "campwatch.toml").write_text(f'[[source]]\nkind = "stac"\nurl = {url}\n', encoding="utf-8")
    for document in sites:
        site_id = document["features"][0]["properties"]["id"]
        path = folder / "sites" / f"{site_id}.geojson"
        path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight simulated dates of one summer."""
    folder = tmp_path_factory.mktemp("자료 with spaces")
    return tiny.write_catalog(folder, dates=tiny.days(8, step=10))
