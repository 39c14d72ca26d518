"""The size of the house, counted: modules, tunable numbers, spellings of layers, dependencies, test time.

    python -m benchmarks.house [--json] [--at FOLDER] [--tests JUNIT.XML]
    python -m benchmarks.house --before FOLDER [--tests JUNIT.XML] [--write]  # both; into docs/house.md
    python -m benchmarks.house --slowest JUNIT.XML           # files of tests by their seconds

`--at` counts another checkout, such as an older version, and `--before` stands it beside this one. A layer's
name counts as spelt where a Python module of the packages has it as a whole string. `--tests` adds the time
of a test run of this checkout, as `make test` leaves it in build/tests.xml: seconds of all processes.
"""

from __future__ import annotations

import argparse
import ast
import importlib.metadata
import json
import re
import statistics
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "house.md"
BEGIN, END = "<!-- counts -->", "<!-- end of counts -->"
PACKAGES = ("evidence", "aoi", "imagery", "detection", "maps", "campwatch")
LAYERS = (
    "observations", "footprints", "disturbances", "ground_changes", "boundary_changes", "stockpile_areas",
    "stockpiles", "coal_search", "manual_observations",
)  # fmt: skip
"""Layers whose names are no everyday words of settings and folders."""
SOURCE = re.compile(
    r"\b(assum|measur|deriv|document|defin|fitted|chosen|a choice of)\w*|\b(18|19|20)\d\d\b", re.IGNORECASE
)
"""What in a docstring tells where a number is from, as `benchmarks.parameters` reads it."""


def modules(root: Path) -> dict[Path, str]:
    """Source of every module of the packages."""
    paths = sorted(path for package in PACKAGES for path in (root / package).rglob("*.py"))
    return {path: path.read_text("utf-8") for path in paths}


def tunables(trees: dict[Path, ast.Module]) -> tuple[int, int]:
    """Numbers with a default in `Params` records of aoi, imagery and detection: (with a source, without)."""
    sourced = bare = 0
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name.endswith("Params"):
                for said in _numbers(node):
                    sourced, bare = (sourced + 1, bare) if SOURCE.search(said) else (sourced, bare + 1)
    return sourced, bare


def _numbers(node: ast.ClassDef) -> Iterator[str]:
    """What is said under each field whose default holds a number."""
    for field, after in zip(node.body, [*node.body[1:], None], strict=True):
        if not isinstance(field, ast.AnnAssign) or field.value is None:
            continue
        parts = [n.value for n in ast.walk(field.value) if isinstance(n, ast.Constant)]
        if any(isinstance(value, int | float) and not isinstance(value, bool) for value in parts):
            told = after.value if isinstance(after, ast.Expr) else None
            yield str(told.value) if isinstance(told, ast.Constant) else ""


def bare_constants(trees: dict[Path, ast.Module]) -> int:
    """Numbers that stand as constants of modules of imagery and detection, outside `Params` records."""
    return sum(
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, int | float)
        and not isinstance(node.value.value, bool)
        for path, tree in trees.items()
        if path.parts[-2] not in {"campwatch", "maps"}
        for node in tree.body
    )


def spellings(trees: dict[Path, ast.Module]) -> dict[str, int]:
    """How many modules have a layer's name as a whole string."""
    words = {
        path: {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        for path, tree in trees.items()
    }
    return {layer: sum(layer in held for held in words.values()) for layer in LAYERS}


def dependencies(root: Path) -> list[str]:
    """What the package asks for itself."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return [re.split(r"[<>=!~\[; ]", line)[0] for line in project["dependencies"]]


def installed_mb(root: Path) -> float:
    """Size of everything that the lock file of users names, as it is installed here."""
    text = (root / "requirements.lock").read_text("utf-8")
    total = 0
    for name in sorted(set(re.findall(r"^([A-Za-z0-9][\w.\-]*)==", text, re.MULTILINE))):
        try:
            files = importlib.metadata.distribution(name).files or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for file in files:
            path = Path(str(file.locate()))
            total += path.stat().st_size if path.is_file() else 0
    return total / 1e6


def slowest(report: Path) -> list[tuple[str, int, float]]:
    """(file of tests, how many, their seconds), the longest first."""
    found: dict[str, list[float]] = {}
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - pytest's own file
        found.setdefault(str(case.get("classname")), []).append(float(case.get("time", 0)))
    rows = [(name, len(times), sum(times)) for name, times in found.items()]
    return sorted(rows, key=lambda row: -row[2])


def test_seconds(report: Path) -> float:
    """Time of the tests of a run, one after another, from pytest's `--junitxml`."""
    return sum(seconds for _, _, seconds in slowest(report))


def count(root: Path, report: Path | None = None) -> dict[str, Any]:
    """Everything that is counted."""
    sources = modules(root)
    trees = {path: ast.parse(text) for path, text in sources.items()}
    measuring = {p: t for p, t in trees.items() if p.relative_to(root).parts[0] in PACKAGES[1:4]}
    lines = [text.count("\n") for text in sources.values()]
    largest = max(sources, key=lambda path: sources[path].count("\n"))
    sourced, bare = tunables(measuring)
    return {
        "modules": len(sources),
        "lines": sum(lines),
        "median lines of a module": int(statistics.median(lines)),
        "modules under 50 lines": sum(n < 50 for n in lines),
        "largest module": f"{largest.relative_to(root).as_posix()} ({max(lines)} lines)",
        "tunable numbers with a source": sourced,
        "tunable numbers without": bare,
        "number constants outside Params records": bare_constants(measuring),
        "files that spell a layer's name": spellings(trees),
        "direct dependencies": len(dependencies(root)),
        "installed MB (requirements.lock)": round(installed_mb(root)),
        "test seconds": None if report is None else round(test_seconds(report)),
    }


def shown(value: Any) -> str:
    """One count in words."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    return "not measured" if value is None else str(value)


def table(before: Path, now: Path, report: Path | None = None) -> list[str]:
    """Markdown: the counts of two checkouts beside each other, those that neither has left out."""
    old, new = count(before), count(now, report)
    version = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=before, capture_output=True, text=True, check=True
    ).stdout.strip()
    return [
        f"| counted | {version} | now |",
        "|---|---|---|",
        *(f"| {what} | {shown(old[what])} | {shown(new[what])} |" for what in new if new[what] is not None),
        "",
        "*By `python -m benchmarks.house --before CHECKOUT --write`.*",
    ]


def write_counts(made: list[str]) -> None:
    """Put the table between its marks in docs/house.md."""
    text = PAGE.read_text("utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    lines = "\n".join(made)
    PAGE.write_text(f"{before}{BEGIN}\n\n{lines}\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--at", type=Path, default=ROOT)
    parser.add_argument("--tests", type=Path)
    parser.add_argument("--slowest", type=Path)
    parser.add_argument("--before", type=Path, help="a checkout of an earlier version")
    parser.add_argument("--write", action="store_true", help="the table of --before into docs/house.md")
    chosen = parser.parse_args()
    if chosen.slowest is not None:
        for name, tests, seconds in slowest(chosen.slowest):
            print(f"{seconds:8.1f} s {tests:5} tests  {name}")
        return
    if chosen.before is not None:
        made = table(chosen.before.resolve(), ROOT, chosen.tests)
        print("\n".join(made))
        if chosen.write:
            write_counts(made)
        return
    told = count(chosen.at.resolve(), chosen.tests)
    if chosen.json:
        print(json.dumps(told))
        return
    for what, value in told.items():
        print(f"{what:42} {shown(value)}")


if __name__ == "__main__":
    main()
