"""Identity of the code that decides a figure: a digest over the definitions reached from its entries.

From each entry function the static references are followed through our own packages, definition by
definition, imports inside functions included. Of each definition the syntax tree counts, without docstrings,
comments, the annotations of functions and the words about columns. Names of modules do not count: a
definition that moves into another module leaves the digest as it is.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evidence.errors import WatchError
from evidence.hashing import sha256_bytes, sha256_file, sha256_json

ROUNDS = 3
"""How often a definition's digest takes in those of what it refers to: enough to tell apart definitions of
one name in several modules; what lies farther away counts by itself."""
WORDED = {
    "column": ("default", "kind"),
    "kept": ("default", "default_factory"),
    "Column": (),
    "LayerSpec": ("name", "record", "method", "subject", "absent", "time", "scenes"),
}
"""Calls that say what a column or layer is and how it is shown, with the arguments that decide rows."""
_NEVER_RUN = ("__main__", "TYPE_CHECKING")
"""Conditions of blocks that measure nothing."""
LOOSE = ""
"""Name of a module's statements that define nothing: they come with any of its definitions."""

Node = tuple[str, str]
"""(module, name of a top-level definition)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """What is reached from some entries."""

    digest: str
    definitions: frozenset[Node]
    packages: frozenset[str]
    """Top-level names of what is imported from elsewhere, the standard library left out."""

    @property
    def modules(self) -> frozenset[str]:
        """Our own modules that hold the definitions."""
        return frozenset(module for module, _ in self.definitions)


@dataclass(slots=True)
class _Module:
    """One parsed file: what it defines, and what its names stand for."""

    name: str
    path: Path
    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, Node] = field(default_factory=dict)
    """Local name → (module, name in it; empty for the module itself)."""
    reads_files: bool = False
    """Whether it opens files that stand beside it."""


class SourceTree:
    """The packages below a folder, parsed as far as they are needed."""

    def __init__(self, root: Path, packages: Iterable[str]) -> None:
        """Nothing is read yet.

        Args:
            root: the folder that holds the packages.
            packages: their names.
        """
        self._root, self._packages = root, tuple(sorted(packages))
        self._modules: dict[str, _Module | None] = {}

    def closure(self, entries: Iterable[str]) -> Closure:
        """All that the entries refer to.

        Args:
            entries: ``module:function``, or the function's name alone where it is defined once.

        Raises:
            WatchError: an entry is not defined, or in several places.
        """
        waiting = [self._entry(entry) for entry in entries]
        texts: dict[Node, str] = {}
        edges: dict[Node, list[tuple[str, Node]]] = {}
        foreign: set[str] = set()
        while waiting:
            node = waiting.pop()
            if node not in texts:
                texts[node], references = self._read(node)
                edges[node] = [(local, ours) for local, to in references if (ours := self._resolve(to))]
                foreign |= {to[0].split(".")[0] for _, to in references if not self._is_ours(to[0])}
                waiting += [to for _, to in edges[node]]
        colours = sorted(_coloured(texts, edges).values())
        return Closure(
            digest=sha256_json([colours, self._data_files({module for module, _ in texts})]),
            definitions=frozenset(texts),
            packages=frozenset(foreign - sys.stdlib_module_names),
        )

    def defined_in(self, name: str) -> list[str]:
        """The modules that define a function or class of this name at their top."""
        found = []
        for path in (path for package in self._packages for path in (self._root / package).rglob("*.py")):
            if f" {name}" in path.read_text("utf-8"):
                parts = path.relative_to(self._root).with_suffix("").parts
                module = ".".join(part for part in parts if part != "__init__")
                held = self._module(module)
                made = held.definitions.get(name, []) if held else []
                if any(isinstance(one, ast.FunctionDef | ast.ClassDef) for one in made):
                    found.append(module)
        return sorted(found)

    def _entry(self, entry: str) -> Node:
        module, _, name = entry.rpartition(":")
        places = [module] if module else self.defined_in(name)
        if len(places) != 1:
            raise WatchError(f"{name} is defined in {len(places)} modules: {', '.join(places) or 'none'}")
        node = self._resolve((places[0], name))
        if node is None or node[1] == LOOSE:
            raise WatchError(f"{entry} is not defined")
        return node

    def _is_ours(self, module: str) -> bool:
        return module.split(".", maxsplit=1)[0] in self._packages

    def _module(self, name: str) -> _Module | None:
        if name not in self._modules:
            base = self._root.joinpath(*name.split("."))
            paths = (base.with_suffix(".py"), base / "__init__.py")
            path = next((path for path in paths if path.is_file()), None)
            self._modules[name] = _parsed(name, path) if path and self._is_ours(name) else None
        return self._modules[name]

    def _resolve(self, target: Node) -> Node | None:
        """The definition that a reference means; None for what is not ours."""
        module, name = target
        held = self._module(module) if self._is_ours(module) else None
        if held is None:
            return None
        if name in held.definitions:
            return target
        if name == LOOSE:
            return None
        if name in held.imports:
            return self._resolve(held.imports[name])
        if self._module(f"{module}.{name}") is not None:
            return self._resolve((f"{module}.{name}", LOOSE))
        return self._from_face(held, name)

    def _from_face(self, face: _Module, name: str) -> Node | None:
        """What a package offers lazily (PEP 562): told by a table of names and modules."""
        tables = (item for made in face.definitions.values() for one in made for item in ast.walk(one))
        for table in tables:
            if not isinstance(table, ast.Dict):
                continue
            for key, value in zip(table.keys, table.values, strict=True):
                home, _, other = _constant(value).partition(":")
                for place in (home, f"{face.name}.{home.lstrip('.')}"):
                    if home and _constant(key) == name and self._module(place) is not None:
                        return self._resolve((place, other or name))
        return self._resolve((face.name, LOOSE))

    def _read(self, node: Node) -> tuple[str, list[tuple[str, Node]]]:
        """A definition's own text, and what its names refer to: (name, target)."""
        module, name = node
        held = self._module(module)
        if held is None:
            return "", []
        statements = held.definitions.get(name, [])
        items = [item for statement in statements for item in _deciding(statement)]
        imports = dict(held.imports)
        for item in items:
            imports.update(_imported(item, held))
        references = {("", (module, LOOSE))} if name != LOOSE else set()
        for item in items:
            if isinstance(item, ast.Attribute) and isinstance(item.value, ast.Name):
                home = ".".join(filter(None, imports.get(item.value.id, ())))
                if home and self._is_ours(home) and self._module(home) is not None:
                    references.add((f"{item.value.id}.{item.attr}", (home, item.attr)))
            elif isinstance(item, ast.Name) and item.id in imports:
                references.add((item.id, imports[item.id]))
            elif isinstance(item, ast.Name) and item.id in held.definitions and item.id != name:
                references.add((item.id, (module, item.id)))
        others = {f"{local}={'.'.join(to)}" for local, to in references if not self._is_ours(to[0])}
        return "\n".join([*map(_spelt, statements), *sorted(others)]), sorted(references)

    def _data_files(self, modules: Iterable[str]) -> list[str]:
        """Files that modules read from beside them: names with SHA-256."""
        readers = [held for name in modules if (held := self._module(name)) and held.reads_files]
        files = {path for held in readers for path in held.path.parent.rglob("*") if path.is_file()}
        kept = (path for path in files if path.suffix != ".py" and "__pycache__" not in path.parts)
        return sorted(f"{path.name} {sha256_file(path)}" for path in kept)


def _coloured(texts: Mapping[Node, str], edges: Mapping[Node, list[tuple[str, Node]]]) -> dict[Node, str]:
    """A digest of each definition that takes in those that it refers to, `ROUNDS` deep."""
    colours = {node: sha256_bytes(text.encode()) for node, text in texts.items()}
    for _ in range(ROUNDS):
        colours = {
            node: sha256_bytes(
                "\n".join([own, *sorted(f"{n} {colours[to]}" for n, to in edges[node])]).encode()
            )
            for node, own in colours.items()
        }
    return colours


def _parsed(name: str, path: Path) -> _Module:
    """A file's definitions and imports.

    Raises:
        WatchError: where it is no Python.
    """
    try:
        text = path.read_text("utf-8")
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError) as err:
        raise WatchError(f"{path} cannot be read: {err}") from err
    held = _Module(name=name, path=path, reads_files="__file__" in text or "importlib.resources" in text)
    _sort(tree.body, held)
    return held


def _sort(body: Iterable[ast.stmt], held: _Module) -> None:
    """Statements of a module under the names that they bind."""
    for one in body:
        if isinstance(one, ast.Import | ast.ImportFrom):
            held.imports.update(_imported(one, held))
        elif isinstance(one, ast.If | ast.Try):
            if isinstance(one, ast.If) and any(name in ast.dump(one.test) for name in _NEVER_RUN):
                continue
            handled = [inner for each in getattr(one, "handlers", ()) for inner in each.body]
            _sort([*one.body, *handled, *one.orelse], held)
        else:
            for name in _bound(one):
                held.definitions.setdefault(name, []).append(one)


def _bound(one: ast.stmt) -> Iterator[str]:
    """The names that a statement binds or changes; `LOOSE` where it does neither."""
    if isinstance(one, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        yield one.name
        if any(
            isinstance(mark, ast.Call | ast.Attribute) and "register" in ast.dump(mark)
            for mark in one.decorator_list
        ):
            yield LOOSE
    elif isinstance(one, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = one.targets if isinstance(one, ast.Assign) else [one.target]
        names = {item.id for target in targets for item in ast.walk(target) if isinstance(item, ast.Name)}
        yield from sorted(names - {"__all__"})
    elif _spelt(one):
        yield LOOSE


def _imported(item: ast.AST, held: _Module) -> dict[str, Node]:
    """What an import statement binds: local name → (module, name in it)."""
    if isinstance(item, ast.Import):
        return {
            alias.asname or alias.name.split(".")[0]: (
                alias.name if alias.asname else alias.name.split(".")[0],
                "",
            )
            for alias in item.names
        }
    if not isinstance(item, ast.ImportFrom):
        return {}
    module = item.module or ""
    if item.level:
        package = held.name.split(".") if held.path.name == "__init__.py" else held.name.split(".")[:-1]
        module = ".".join([*package[: len(package) - item.level + 1], *filter(None, [module])])
    return {alias.asname or alias.name: (module, alias.name) for alias in item.names}


def _spelt(node: Any) -> str:
    """A syntax tree as text, without what decides nothing; empty where nothing is left."""
    if isinstance(node, list):
        return ",".join(filter(None, map(_spelt, node)))
    if isinstance(node, ast.Constant):
        return repr(node.value)
    if not isinstance(node, ast.AST):
        return "" if node is None else repr(node)
    if isinstance(node, ast.Pass | ast.Import | ast.ImportFrom) or _is_text(node):
        return ""
    parts = [
        f"{name}={spelt}"
        for name, value in _fields(node)
        if name not in {"annotation", "returns", "type_comment", "ctx"} or isinstance(node, ast.AnnAssign)
        if (spelt := _spelt(value))
    ]
    return f"{type(node).__name__}({' '.join(parts)})"


def _deciding(node: ast.AST) -> Iterator[ast.AST]:
    """A syntax tree's nodes, without the words about columns and layers."""
    yield node
    for _, value in _fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _deciding(child)


def _fields(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """The parts of a node; of a call that says something in words only the arguments that decide."""
    if not isinstance(node, ast.Call):
        yield from ast.iter_fields(node)
        return
    name = _called(node)
    yield "func", node.func
    yield "args", [] if name in WORDED else node.args
    kept = WORDED.get(name)
    yield (
        "keywords",
        [
            word
            for word in node.keywords
            if (word.arg in kept if kept is not None else name != "field" or word.arg != "metadata")
        ],
    )


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def _constant(node: ast.AST | None) -> str:
    """A literal text; empty where the node is none."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
