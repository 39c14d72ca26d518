"""Modules, lines and numbers of `detection/coal` at an earlier commit and now.

python -m benchmarks.stockpiles.size_table [--before 8d2333e] [--write]
"""

from __future__ import annotations

import argparse
import ast
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.house import ROOT, bare_constants, tunables
from benchmarks.manual import write_table

ROOM = "detection/coal"
PLAIN = {0, 1, 2, -1, 0.5}


def sources(commit: str | None) -> dict[Path, str]:
    """Source by path, of a commit or of the working tree."""
    if commit is None:
        return {path: path.read_text("utf-8") for path in sorted((ROOT / ROOM).glob("*.py"))}
    names = _git("ls-tree", "--name-only", commit, f"{ROOM}/").split()
    return {ROOT / name: _git("show", f"{commit}:{name}") for name in names if name.endswith(".py")}


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(ROOT), *arguments],
        capture_output=True,
        check=True,
        encoding="utf-8",
    ).stdout


def numbers_in_functions(tree: ast.Module) -> Iterator[float]:
    """Numbers within functions but 0, 1, 2 and halves; what stands in brackets of an index is none."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        indices = {
            id(n) for one in ast.walk(function) if isinstance(one, ast.Subscript) for n in ast.walk(one.slice)
        }
        for node in ast.walk(function):
            if (
                isinstance(node, ast.Constant)
                and type(node.value) in {int, float}
                and id(node) not in indices
            ):
                value = float(node.value)  # type: ignore[arg-type] # a number
                if value not in PLAIN:
                    yield value


def counted(told: Mapping[Path, str]) -> dict[str, int]:
    """What is counted of one version."""
    trees = {path: ast.parse(text) for path, text in told.items()}
    sourced, bare = tunables(trees)
    return {
        "modules": len(told),
        "lines": sum(text.count("\n") for text in told.values()),
        "numbers of `Params` records with a source": sourced,
        "numbers of `Params` records without": bare,
        "named constants outside of them": bare_constants(trees),
        "numbers without a name in functions": sum(
            1 for t in trees.values() for _ in numbers_in_functions(t)
        ),
    }


def main() -> None:
    """Print the table, and write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--before", default="8d2333e")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    before, now = counted(sources(options.before)), counted(sources(None))
    lines = [f"| `{ROOM}` | {options.before} | now |", "|---|---|---|"]
    lines += [f"| {what} | {before[what]} | {now[what]} |" for what in now]
    print("\n".join(lines))
    if options.write:
        write_table("stockpiles.md", "size", lines, method=["measure_stockpiles"], seeds="no seeds")


if __name__ == "__main__":
    main()
