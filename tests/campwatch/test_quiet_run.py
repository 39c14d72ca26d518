"""A run that finds nothing new reads no pixel and loads none of the libraries that pixels need."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from campwatch.run.pipeline import RunOptions, run_workspace
from campwatch.workspace import open_workspace
from tests.servers import tiny

from .conftest import ROOT, site_document, write_workspace

HEAVY = (
    "xarray",
    "pandas",
    "geopandas",
    "scipy",
    "numba",
    "numcodecs",
    "odc",
    "folium",
    "pystac_client",
    "jsonschema",
    "matplotlib",
    "pyogrio",
)
PROGRAM = """
import sys, rasterio
from pathlib import Path

def opened(*arguments, **options):
    raise AssertionError(f"pixels are read: {arguments}")

rasterio.open = opened
from campwatch.cli.app import main
sys.argv = ["campwatch", "-C", sys.argv[1], "run"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(*sorted({name.split(".")[0] for name in sys.modules}))
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quiet")
    catalog = tiny.write_catalog(folder / "source", dates=tiny.days(2, step=10))
    workspace = write_workspace(folder / "w", catalog, site_document())
    run_workspace(open_workspace(workspace), RunOptions())
    return workspace


def quiet(folder):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
        timeout=120,
    )


def test_nothing_new_reads_no_pixel_and_loads_no_library_for_pixels(measured):
    result = quiet(measured)
    assert result.returncode == 0, result.stderr
    assert "nothing new" in result.stderr
    assert not set(HEAVY) & set(result.stdout.split())


def test_the_trap_notices_pixels_that_are_read(measured):
    (measured / "sites" / "tiny.geojson").write_text(
        (measured / "sites" / "tiny.geojson").read_text("utf-8").replace("b-2020", "b-2021"), encoding="utf-8"
    )
    for note in (measured / "cache").rglob("*"):
        if note.is_file():
            note.unlink()
    result = quiet(measured)
    assert "pixels are read" in result.stdout + result.stderr


ONE_THREAD = """
import os, sys
from campwatch.cli import app as cli

assert "numpy" not in sys.modules, "its threads are counted when it is loaded"
cli.app = lambda: print(os.environ["OPENBLAS_NUM_THREADS"], os.environ["OMP_NUM_THREADS"])
cli.main()
"""


def test_linear_algebra_has_one_thread_unless_somebody_says_otherwise():
    environment = {"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", ONE_THREAD], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["1", "2"], done.stderr
