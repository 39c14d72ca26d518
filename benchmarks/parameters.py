"""Every number that decides a figure: value, unit, meaning and source, read off the source code.

    python -m benchmarks.parameters            # counts by room; names those without a source
    python -m benchmarks.parameters --write    # docs/parameters.md anew

A number belongs into a record whose name ends in `Params`; its docstring says unit, meaning and source: a
paper with its year, a data set, a derivation, or the word *assumed*. `tests/test_parameters.py` holds both.
"""

from __future__ import annotations

import argparse
import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "parameters.md"
ROOMS = ("aoi", "imagery", "detection")
NAMED = (
    "imagery/masks",
    "imagery/registration",
    "imagery/radiometry",
    "detection/answers",
    "detection/boundary",
    "detection/coal",
    "detection/ground",
    "detection/pairs",
    "detection/radar",
    "detection/sampling",
)
"""Rooms whose every number has a name, and whose every named number says where it is from."""
PLUMBING = ("imagery/cube", "imagery/sources", "imagery/archive")
"""Rooms whose named numbers say where they are from; those of arithmetic and bytes need no name."""
SOURCE = re.compile(
    r"\b(assum|measur|deriv|document|defin|fitted|chosen|a choice of)\w*|\b(18|19|20)\d\d\b",
    re.IGNORECASE,
)
"""What tells where a number is from: a year of a paper, or one of these words. *Fitted* and *chosen* are
explained in the record's own docstring."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One number, or one tuple or mapping of numbers."""

    module: str
    record: str
    about: str
    """First paragraph of the record's docstring."""
    name: str
    value: str
    meaning: str

    @property
    def has_source(self) -> bool:
        """Whether the docstring says where the number is from."""
        return bool(SOURCE.search(self.meaning))


def parameters(*rooms: str) -> Iterator[Parameter]:
    """Every number with a default in a `Params` record of some packages."""
    for path in sorted(p for room in rooms for p in (ROOT / room).rglob("*.py")):
        module = path.relative_to(ROOT).as_posix()[:-3].replace("/", ".")
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name.endswith("Params"):
                yield from _of_record(node, module)


def constants(*rooms: str) -> Iterator[Parameter]:
    """Every named number at the top of a module of some rooms: definitions, bounds of arithmetic, layouts.

    What a user may tune is in a record; these are what the methods are written in.
    """
    for path in sorted(p for room in rooms for p in (ROOT / room).rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
            named = _named_number(node)
            if named is None:
                continue
            yield Parameter(
                module=path.relative_to(ROOT).as_posix()[:-3].replace("/", "."),
                record="",
                about="",
                name=named,
                value=ast.unparse(node.value),  # type: ignore[attr-defined] # an assignment
                meaning=_docstring(after),
            )


def _named_number(node: ast.stmt) -> str | None:
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    names = [
        ast.unparse(one)
        for one in (target.elts if isinstance(target, ast.Tuple) else [target] if target else [])
    ]
    value = getattr(node, "value", None)
    if not names or value is None or not all(name.isupper() for name in names) or not _is_number(value):
        return None
    return ", ".join(names)


def _docstring(after: ast.stmt | None) -> str:
    held = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
    return " ".join(str(held).split())


def _of_record(node: ast.ClassDef, module: str) -> Iterator[Parameter]:
    about = (ast.get_docstring(node) or "").split("\n\n")[0]
    for field, after in zip(node.body, [*node.body[1:], None], strict=True):
        if not isinstance(field, ast.AnnAssign) or field.value is None or not _is_number(field.value):
            continue
        default = field.value
        if isinstance(default, ast.Call):  # field(default_factory=lambda: {...})
            default = next(k.value.body for k in default.keywords if isinstance(k.value, ast.Lambda))
        yield Parameter(
            module=module,
            record=node.name,
            about=" ".join(about.split()),
            name=ast.unparse(field.target),
            value=ast.unparse(default),
            meaning=_docstring(after),
        )


def _is_number(value: ast.expr) -> bool:
    """Whether a default is made of numbers."""
    if isinstance(value, ast.Call):
        return any(isinstance(k.value, ast.Lambda) and _is_number(k.value.body) for k in value.keywords)
    if isinstance(value, ast.UnaryOp):
        return _is_number(value.operand)
    if isinstance(value, ast.Tuple | ast.List):
        return bool(value.elts) and all(_is_number(part) for part in value.elts)
    if isinstance(value, ast.Dict):
        return bool(value.values) and all(_is_number(part) for part in value.values)
    return (
        isinstance(value, ast.Constant)
        and isinstance(value.value, int | float)
        and not isinstance(value.value, bool)
    )


def page() -> str:
    """The manual's page of parameters."""
    lines = [
        "# Numbers that decide a figure",
        "",
        "Generated by `python -m benchmarks.parameters --write` from the docstrings in the code; a test",
        "compares. Each number has its unit, its meaning and its source: a paper, a data set, a derivation,",
        "or the word *assumed*. A digest of them is in `params_hash` of every row.",
    ]
    heading = None
    for one in parameters(*ROOMS):
        if (one.module, one.record) != heading:
            heading = (one.module, one.record)
            lines += ["", f"## `{one.record}`", "", f"{one.about} (`{one.module}`)", ""]
            lines += ["| number | value | unit, meaning and source |", "|---|---|---|"]
        lines.append(f"| `{one.name}` | {one.value} | {one.meaning.replace('|', '/')} |")
    lines += [
        "",
        "## Named constants",
        "",
        "Definitions, bounds of arithmetic and layouts that the methods are written in; nobody tunes them.",
        "",
        "| module | number | value | unit, meaning and source |",
        "|---|---|---|---|",
    ]
    for one in constants(*NAMED, *PLUMBING):
        lines.append(f"| `{one.module}` | `{one.name}` | {one.value} | {one.meaning.replace('|', '/')} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the counts, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    if parser.parse_args().write:
        PAGE.write_text(page(), encoding="utf-8")
        return
    held = list(parameters(*ROOMS))
    rooms = Counter(".".join(one.module.split(".")[:2]) for one in held)
    bare = Counter(".".join(one.module.split(".")[:2]) for one in held if not one.has_source)
    print("| room | numbers | without a source |\n|---|---|---|")
    for room, count in sorted(rooms.items()):
        print(f"| {room} | {count} | {bare[room]} |")
    for one in held:
        if not one.has_source:
            print(f"{one.module}.{one.record}.{one.name} = {one.value}: {one.meaning}")


if __name__ == "__main__":
    main()
