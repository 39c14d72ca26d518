"""Every command of the tutorial and of the how-to pages runs, and says what the page says under it."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from campwatch.cli.app import app
from tests.servers import tiny

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
HOW_TO = sorted(path.stem for path in (DOCS / "howto").glob("*.md"))
FENCE = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


def placemark(name, west, south, east, north):
    ring = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    corners = " ".join(f"{x},{y},0" for x, y in ring)
    return (
        f"<Placemark><name>{name}</name><Polygon><outerBoundaryIs><LinearRing><coordinates>{corners}"
        "</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>"
    )


def write_kml(path, *placemarks):
    head = '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
    path.write_text(
        f"{head}<Folder><name>My place</name>{''.join(placemarks)}</Folder></Document></kml>", "utf-8"
    )


def draw(folder):
    """What the pages ask the reader to draw, in the middle of the tiny tile."""
    west, south, east, north = tiny.site().aoi.bounds
    x, y = (east - west) / 10, (north - south) / 10

    def part(a, b, c, d):
        return west + a * x, south + b * y, west + c * x, south + d * y

    write_kml(
        folder / "my-place.kml",
        placemark("area", west, south, east, north),
        placemark("fence 2020-05-01", *part(1, 1, 5, 9)),
        placemark("coal yard", *part(2, 2, 4, 4)),
    )
    write_kml(folder / "yard.kml", placemark("coal yard 2", *part(6, 6, 8, 8)))
    write_kml(folder / "fence-2024.kml", placemark("fence 2024-05-01", *part(1, 1, 6, 9)))
    write_kml(folder / "reference.kml", placemark("coal reference", *part(2.2, 2.2, 3.8, 3.8)))


def run_page(page, catalog):
    """Write the page's files, run its commands, hold their words against the page; returns what ran."""
    ran = []
    for language, title, body in FENCE.findall(page.read_text("utf-8")):
        if title:
            Path(title).parent.mkdir(parents=True, exist_ok=True)
            Path(title).write_text(body, "utf-8")
        if language != "console":
            continue
        for command, *expected in commands(body):
            result = CliRunner().invoke(app, shlex.split(command)[1:], env={"COLUMNS": "400"})
            said = " ".join(result.output.split())
            codes = [int(line.split()[-1]) for line in expected if line.startswith("exit code ")]
            assert result.exit_code == (codes or [0])[0], f"{command}: {said} {result.exception!r}"
            for line in expected[: len(expected) - len(codes)]:
                pattern = ".*".join(re.escape(" ".join(part.split())) for part in line.split("…"))
                assert re.search(pattern, said), f"{command}: {line!r} is not in {said}"
            if command.startswith("campwatch init"):
                settings = Path(command.split()[2]) / "campwatch.toml"
                settings.write_text(f'[[source]]\nkind = "stac"\nurl = "{catalog.as_posix()}"\n', "utf-8")
            ran.append(command)
    return ran


def commands(block):
    """Of a console block: each command with the lines under it."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append([line[2:]])
        elif line.strip():
            found[-1].append(line)
    return found


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory, catalog):
    """The folder that the tutorial leaves."""
    folder = tmp_path_factory.mktemp("first hour")
    draw(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        ran = run_page(DOCS / "tutorial.md", catalog)
    assert len(ran) > 10
    return folder


def test_the_tutorial_runs_as_written(tutorial):
    reports = {path.suffix for path in (tutorial / "my-watch" / "releases" / "2026-11" / "reports").iterdir()}
    assert {".docx", ".pdf"} <= reports


@pytest.mark.parametrize("name", HOW_TO)
def test_how_to_pages_run_as_written(name, tutorial, tmp_path, catalog, monkeypatch):
    shutil.copytree(tutorial, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    assert run_page(DOCS / "howto" / f"{name}.md", catalog)


def test_every_page_that_the_navigation_names_is_there():
    listed = re.findall(r"^\s+- ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    made = {name for name in listed if name.startswith(("reference/", "laboratory/"))}
    assert [name for name in sorted(set(listed) - made) if not (DOCS / name).is_file()] == []
    assert {f"howto/{name}.md" for name in HOW_TO} <= set(listed)
